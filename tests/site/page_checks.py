"""What holds for every page on every screen: as it is loaded, and with all of it open."""

from contextlib import contextmanager

from accessibility import violations
from site_pages import SCREENS, watched

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

# Opens every drop-down, and waits until the page has noticed and nothing moves any more.
OPEN_ALL = """async () => {
  const closed = Array.from(document.querySelectorAll("article details:not([open])"));
  const noticed = closed.map(box =>
    new Promise(done => box.addEventListener("toggle", done, {once: true})));
  closed.forEach(box => { box.open = true; });
  await Promise.all(noticed);
  await new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)));
  const passing = document.getAnimations().filter(
    motion => Number.isFinite(motion.effect.getComputedTiming().endTime));
  await Promise.allSettled(passing.map(motion => motion.finished));
}"""


@contextmanager
def visit(browser, home, name, screen):
    """A page of the book on a screen, loaded once for all tests that look at it in turn."""
    with watched(browser, home, SCREENS[screen]) as watch:
        watch.page.add_init_script(OBSERVE_SHIFT)
        watch.open(f"{home}/{name}.html")
        yield watch


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


def is_whole(watch, theme):
    """Assert that a page that was just loaded lacks nothing, jumps nowhere and fits its screen."""
    page = watch.page
    assert watch.troubles == []
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    shift = page.evaluate("window.__shift")
    assert shift < MOST_SHIFT, f"the page jumps: layout shift {shift:.3f}"
    assert faults_of_equations(page) == []
    assert bad_images(page.evaluate(IMAGES)) == []
    widths = page.evaluate(WIDTHS)
    assert widths[0] <= widths[1], f"the page scrolls sideways: {widths}"


def is_accessible_when_open(watch, axe):
    """Assert that what is closed at first fits as well, and that axe finds nothing in it all."""
    page = watch.page
    page.evaluate(OPEN_ALL)
    widths = page.evaluate(WIDTHS)
    assert widths[0] <= widths[1], f"an open drop-down scrolls sideways: {widths}"
    assert violations(page, axe) == []
    assert watch.troubles == []
