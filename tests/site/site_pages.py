"""Helpers of the browser tests: which pages there are, and a page that writes down its troubles."""

import json
from contextlib import contextmanager
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]

# What "ready" means: everything is loaded, and the equations are set.
READY = """async () => {
  if (window.MathJax && window.MathJax.startup) await window.MathJax.startup.promise;
  await document.fonts.ready;
  await new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)));
}"""

WIDE_LIGHT = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
PHONE_DARK = {
    "viewport": {"width": 390, "height": 844},
    "color_scheme": "dark",
    "has_touch": True,
    "is_mobile": True,
}
SCREENS = {"1280-light": WIDE_LIGHT, "390-dark": PHONE_DARK}


def toc_pages():
    """All pages of the table of contents, the root first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    pages = [toc["root"]]
    for part in toc["parts"]:
        pages += [chapter["file"] for chapter in part["chapters"]]
    return pages


def chapters():
    """The pages of the numbered parts."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    parts = [part for part in toc["parts"] if part.get("numbered")]
    return [chapter["file"] for part in parts for chapter in part["chapters"]]


# Every page a reader can reach: the chapters, the search and the index of names.
ALL_PAGES = [*toc_pages(), "search", "genindex"]
CHAPTERS = chapters()


class Watched:
    """A browser page and the list of what went wrong in it."""

    def __init__(self, page, home):
        self.page = page
        self.home = home
        self.troubles = []
        page.on("console", self.on_console)
        page.on("pageerror", lambda error: self.troubles.append(f"script error: {error}"))
        page.on("requestfailed", self.on_failed)
        page.on("response", self.on_response)
        page.on("request", self.on_request)

    def on_console(self, message):
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text}")

    def on_failed(self, request):
        # Cancelled when the page is left, or a script that is preloaded where scripts are off.
        if request.failure not in ("net::ERR_ABORTED", "csp"):
            self.troubles.append(f"failed request: {request.url} ({request.failure})")

    def on_response(self, response):
        if response.status >= 400:
            self.troubles.append(f"status {response.status}: {response.url}")

    def on_request(self, request):
        if not request.url.startswith((self.home, "data:", "blob:")):
            self.troubles.append(f"request to another host: {request.url}")

    def open(self, address):
        self.page.goto(address, wait_until="load")
        self.page.evaluate(READY)
        return self.page


_contexts = {}


def shared_context(browser, options):
    """The browser context with these options. Kept: the next page finds scripts in its cache."""
    key = json.dumps(options, sort_keys=True)
    if key not in _contexts:
        _contexts[key] = browser.new_context(**options)
    return _contexts[key]


@contextmanager
def watched(browser, home="file://", screen=WIDE_LIGHT, **options):
    """A page, closed afterwards. Requests that don't go to `home` are noted (and come to nothing:
    the browser is started so that it finds no other host)."""
    page = shared_context(browser, {**screen, **options}).new_page()
    try:
        yield Watched(page, home)
    finally:
        page.close()
