"""Faults planted in a page of many like parts are found, though not every part is looked at."""

import pytest
from accessibility import violations
from site_pages import WIDE_LIGHT, watched

WORDS = '<p>Words and <b>words</b>, <a href="#top" style="color: #00f">a link</a>.</p>'
CODE = '<pre tabindex="0"><span class="k">for</span> <span class="n">word</span> in words</pre>'
EQUATION = (
    '<p><mjx-container style="display: block; overflow-x: auto">'
    '<mjx-math aria-hidden="true" style="display: inline-block">'
    '<mjx-mi style="display: inline-block; width: 9px; height: 9px"></mjx-mi></mjx-math>'
    '<mjx-assistive-mml style="position: absolute; clip: rect(1px, 1px, 1px, 1px)">'
    "<math><mi>x</mi></math></mjx-assistive-mml></mjx-container></p>"
)
BUTTON = "<button>Copy</button>"
PARTS = 30
PAGE = f"""<!doctype html><html lang="en"><head><title>A page</title><style>
  .k {{ color: #060; }} .n {{ color: #306; }}
</style></head><body><main id="top"><h1>A page</h1><article>
{(WORDS + CODE + EQUATION + BUTTON) * PARTS}
</article></main></body></html>"""


def style(selector, declarations):
    """A rule of style that reaches all parts of a kind, or one."""
    return f"""() => {{
      const sheet = document.createElement("style");
      sheet.textContent = `{selector} {{ {declarations} }}`;
      document.head.append(sheet);
    }}"""


def in_part(selector, change, number=19):
    """A change to one of the many parts that a selector finds."""
    return f"() => {{ const part = document.querySelectorAll('{selector}')[{number}]; {change} }}"


FAULTS = {
    "one pale word": (in_part("b", "part.style.color = '#bbb'"), "color-contrast"),
    "all pale words": (style("article b", "color: #bbb"), "color-contrast"),
    "one pale last paragraph": (
        in_part("article > p", "part.style.color = '#bbb'", 2 * PARTS - 2),
        "color-contrast",
    ),
    "one dark ground": (in_part("pre", "part.style.background = '#333'"), "color-contrast"),
    "one faint part": (in_part("article > p", "part.style.opacity = 0.3", 20), "color-contrast"),
    "a pale kind of word in code": (style(".n", "color: #ccc"), "color-contrast"),
    "a pale word of its own kind in code": (
        in_part("pre", 'part.innerHTML += \'<span class="s" style="color: #ccc">text</span>\''),
        "color-contrast",
    ),
    "plain code that is pale": (style("pre", "color: #ccc"), "color-contrast"),
    "one pale button": (in_part("button", "part.style.color = '#ccc'"), "color-contrast"),
    "pale words in an equation": (
        in_part("mjx-math", "part.innerHTML += '<i style=\"color: #ccc\">if</i>'"),
        "color-contrast",
    ),
    "a link in a drawing that is hidden": (
        in_part("mjx-math", "part.innerHTML += '<a href=\"#top\"></a>'"),
        "aria-hidden-focus",
    ),
    "a wide equation that the keyboard does not reach": (
        in_part("mjx-mi", "part.style.width = '9000px'"),
        "scrollable-region-focusable",
    ),
    "a picture without a text": (
        in_part("article > p", "part.append(new Image(9, 9))"),
        "image-alt",
    ),
    "a link without a name": (in_part("a", "part.textContent = ''"), "link-name"),
    "a role that does not exist": (in_part("pre", "part.role = 'nonsense'"), "aria-roles"),
}


@pytest.fixture
def page(browser):
    with watched(browser, "about:", WIDE_LIGHT) as watch:
        watch.page.set_content(PAGE)
        yield watch.page


def test_without_a_fault_nothing_is_found(page, axe):
    assert violations(page, axe) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(page, axe, name):
    change, rule = FAULTS[name]
    page.evaluate(change)
    assert any(found.startswith(f"{rule}: ") for found in violations(page, axe))
