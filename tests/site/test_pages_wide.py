"""Every page on a wide light screen. Each is loaded once, and the tests go on from one another:
as it is loaded, its drop-downs one by one, all of it open."""

import pytest
from page_checks import is_accessible_when_open, is_whole, visit
from site_pages import ALL_PAGES


@pytest.fixture(scope="module", params=ALL_PAGES)
def watch(request, browser, server):
    with visit(browser, server, request.param, "1280-light") as watch:
        yield watch


def test_page_is_whole(watch):
    is_whole(watch, "light")


def test_drop_downs_open_with_enter(watch):
    page = watch.page
    for box in page.locator("article details").all():
        summary = box.locator("summary").first
        # One inside another is reached once the outer one is open.
        assert box.evaluate("box => box.open") is False
        summary.focus()
        page.keyboard.press("Enter")
        assert box.evaluate("box => box.open") is True


def test_open_page_is_accessible(watch, axe):
    is_accessible_when_open(watch, axe)
