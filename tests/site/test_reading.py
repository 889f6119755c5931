"""Ways of reading: without JavaScript, with the keyboard, by searching."""

from html.parser import HTMLParser

import pytest
from site_pages import ALL_PAGES, CHAPTERS, SCREENS, WIDE_LIGHT, watched


@pytest.mark.parametrize("name", CHAPTERS)
def test_without_javascript(browser, server, name):
    with watched(browser, server, SCREENS["390-dark"], java_script_enabled=False) as watch:
        page = watch.page
        page.goto(f"{server}/{name}.html")
        assert page.locator("article h1").is_visible()
        assert page.locator("article .math").first.is_visible()
        for box in page.locator("article details").all():
            assert box.locator("summary").first.bounding_box()["height"] > 0
        root = page.locator("html")
        # (Playwright's own calls work where the page's scripts are off.)
        assert root.evaluate("e => e.scrollWidth <= e.clientWidth")
        for player in page.locator("figure.rnn-player").all():
            assert player.locator("img").is_visible()
            assert player.locator("img").get_attribute("alt").strip()
            assert not player.locator("input").is_visible()
        assert watch.troubles == []


def first_word(page):
    """A word that a reader could look for: one of the title of the first chapter."""
    words = page.locator("article h1").inner_text().replace("#", "").split()
    return max((word for word in words if word.isalpha()), key=len)


def search_for(page, word):
    page.keyboard.press("Control+k")
    field = page.locator("#pst-search-dialog input[type=search]")
    field.wait_for(state="visible")
    field.fill(word)
    field.press("Enter")
    page.wait_for_selector("#search-results li a", timeout=10_000)


def test_search(browser, server):
    with watched(browser, server) as watch:
        page = watch.open(f"{server}/{CHAPTERS[0]}.html")
        word = first_word(page)
        search_for(page, word)
        result = page.locator(f"#search-results li a[href*='{CHAPTERS[0]}.html']").first
        result.wait_for()
        result.click()
        page.wait_for_url(f"**/{CHAPTERS[0]}.html*")
        assert word.lower() in page.locator("article").inner_text().lower()
        assert watch.troubles == []


def test_search_as_files(browser, built_site):
    with watched(browser) as watch:
        page = watch.open((built_site / f"{CHAPTERS[0]}.html").as_uri())
        search_for(page, first_word(page))
        assert page.locator("#search-results li a").count() > 0
        assert watch.troubles == []


def test_keyboard_finds_the_way_past_the_menus(browser, server):
    with watched(browser, server) as watch:
        page = watch.open(f"{server}/{CHAPTERS[0]}.html")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#main-content"
        assert page.locator("#pst-skip-link a").is_visible()


def target_in_a_solution(page):
    """Id of something inside a closed solution, or None."""
    inside = page.locator("article details.solution [id]")
    return inside.first.get_attribute("id") if inside.count() else None


def test_drop_down_opens_for_a_link_into_it(browser, server):
    with watched(browser, server) as watch:
        for name in CHAPTERS:
            page = watch.open(f"{server}/{name}.html")
            if target := target_in_a_solution(page):
                page.goto(f"{server}/{name}.html#{target}")
                page.wait_for_selector("article details.solution[open]")
                break


def test_colours_can_be_switched(browser, server):
    # A language of its own keeps the choice out of the pages of the other tests.
    with watched(browser, server, WIDE_LIGHT, locale="en-GB") as watch:
        page = watch.open(f"{server}/{CHAPTERS[0]}.html")
        seen = {page.evaluate("document.documentElement.dataset.theme")}
        for _ in range(3):
            page.locator(".theme-switch-button:visible").first.click()
            seen.add(page.evaluate("document.documentElement.dataset.theme"))
        assert seen == {"light", "dark"}


class Links(HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a" and (href := dict(attributes).get("href")):
            self.found.append(href)


@pytest.mark.parametrize("name", ALL_PAGES)
def test_links_inside_the_book_lead_somewhere(built_site, name):
    page = built_site / f"{name}.html"
    links = Links()
    links.feed(page.read_text("utf-8"))
    inside = [href for href in links.found if "://" not in href and not href.startswith("mailto:")]
    assert inside
    for href in inside:
        path, _, anchor = href.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{name}: dead link {href}"
        if anchor and target.suffix == ".html":
            assert f'id="{anchor}"' in target.read_text("utf-8"), f"{name}: no target for {href}"
