"""Every page, on a wide light screen and on a dark phone."""

import json
import re

import pytest
from site_pages import ALL_PAGES, CHAPTERS, SCREENS, violations, watched

# Sum of all layout shifts while a page loads and its equations are set. Measured: at most 0.014,
# on a slow phone, too; 0.1 is what is commonly called good.
MOST_SHIFT = 0.05

# Runs before the page's own scripts.
OBSERVE_SHIFT = """
window.__shift = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.__shift += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""

IMAGES = """() => Array.from(document.querySelectorAll("article img"), image => ({
  src: image.src.slice(-60),
  alt: (image.getAttribute("alt") || "").trim(),
  sized: Number(image.getAttribute("width")) > 0 && Number(image.getAttribute("height")) > 0,
  loaded: image.complete && image.naturalWidth > 0,
  squeezed: Math.abs(
    image.naturalWidth / image.naturalHeight
    - Number(image.getAttribute("width")) / Number(image.getAttribute("height"))
  ) > 0.05,
}))"""

EQUATIONS = """() => {
  const faults = [];
  for (const box of document.querySelectorAll("article .math")) {
    const set = box.querySelector("mjx-container");
    if (!set) faults.push("not set: " + box.textContent);
    else if (set.querySelector("mjx-merror")) faults.push("refused: " + set.innerText);
    else if (set.scrollWidth > set.clientWidth + 1 && set.clientWidth && set.tabIndex !== 0)
      if (getComputedStyle(set).overflowX === "auto") faults.push("unreachable: " + set.innerText);
  }
  return faults;
}"""

WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"

# Opens every drop-down, and waits until the page has noticed.
OPEN_ALL = """async () => {
  document.querySelectorAll("article details").forEach(box => { box.open = true; });
  await new Promise(done => setTimeout(done, 400));
}"""


def bad_images(images):
    """The pictures that lack an alternative text, a size, or that did not arrive."""
    bad = []
    for image in images:
        named_by_file = image["alt"].endswith((".png", ".svg", ".jpg"))
        if not image["alt"] or named_by_file or not image["sized"]:
            bad.append(image)
        elif not image["loaded"] or image["squeezed"]:
            bad.append(image)
    return bad


def faults_of_equations(page):
    """Equations that are not set, that MathJax refuses, or that the keyboard cannot scroll."""
    return page.evaluate(EQUATIONS)


@pytest.fixture(scope="module", params=SCREENS)
def screen(request):
    return request.param


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page(browser, server, axe, name, screen):
    with watched(browser, server, SCREENS[screen]) as watch:
        watch.page.add_init_script(OBSERVE_SHIFT)
        page = watch.open(f"{server}/{name}.html")
        assert watch.troubles == []
        assert page.evaluate("document.documentElement.dataset.theme") == screen.split("-")[1]
        shift = page.evaluate("window.__shift")
        assert shift < MOST_SHIFT, f"the page jumps: layout shift {shift:.3f}"
        assert faults_of_equations(page) == []
        assert bad_images(page.evaluate(IMAGES)) == []
        widths = page.evaluate(WIDTHS)
        assert widths[0] <= widths[1], f"the page scrolls sideways: {widths}"
        # What is closed at first is read as well.
        page.evaluate(OPEN_ALL)
        widths = page.evaluate(WIDTHS)
        assert widths[0] <= widths[1], f"an open drop-down scrolls sideways: {widths}"
        assert violations(page, axe) == []


def links_of_class(site, name, css_class):
    """Addresses of the links of a class in a page, read from the file."""
    text = (site / f"{name}.html").read_text("utf-8")
    tags = re.findall(rf'<a\b[^>]*class="[^"]*\b{css_class}\b[^"]*"[^>]*>', text)
    return [re.search(r'href="([^"]+)"', tag)[1] for tag in tags]


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_can_be_downloaded(built_site, name):
    (address,) = links_of_class(built_site, name, "btn-download-source-button")
    notebook = (built_site / name).parent / address
    assert notebook.resolve() == built_site / "_sources" / f"{name}.ipynb"
    assert json.loads(notebook.read_text("utf-8"))["nbformat"] == 4


@pytest.mark.parametrize("name", ALL_PAGES)
def test_page_has_description_and_icon(built_site, name):
    text = (built_site / f"{name}.html").read_text("utf-8")
    icon = re.search(r'<link[^>]*rel="icon"[^>]*href="([^"]+)"', text) or re.search(
        r'<link[^>]*href="([^"]+)"[^>]*rel="icon"', text
    )
    assert ((built_site / f"{name}.html").parent / icon[1].split("?")[0]).resolve().is_file()
    if name not in ("search", "genindex"):
        descriptions = re.findall(r'<meta[^>]*name="description"[^>]*>', text)
        assert len(descriptions) == 1
        assert len(re.search(r'content="([^"]*)"', descriptions[0])[1]) > 20
