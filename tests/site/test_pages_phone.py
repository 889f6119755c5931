"""Every page on a dark phone, opened as a file. (On the wide screen a server hands it out.)

Each is loaded once, and the tests go on from one another: as it is loaded, the figures that move,
all of it open."""

import pytest
from page_checks import is_accessible_when_open, is_whole, visit
from site_pages import ALL_PAGES, CHAPTERS

STATE = """figure => ({
  src: figure.querySelector("img").src,
  alt: figure.querySelector("img").alt,
  value: figure.querySelector("input[type=range]").value,
})"""


@pytest.fixture(scope="module", params=ALL_PAGES)
def watch(request, browser, built_site):
    with visit(browser, built_site.as_uri(), request.param, "390-dark") as watch:
        yield watch


def test_page_is_whole(watch):
    is_whole(watch, "dark")


def test_players_move(watch):
    """By keyboard and by button, on the screen where fingers need room."""
    players = watch.page.locator("figure.rnn-player").all()
    for player in players:
        moves_by_keyboard(watch.page, player)
        assert player.locator("button").bounding_box()["height"] >= 44
        assert player.locator("input[type=range]").bounding_box()["height"] >= 44
    play_and_pause(watch.page, players)
    assert watch.troubles == []


def test_open_page_is_accessible(watch, axe):
    is_accessible_when_open(watch, axe)


def test_some_chapter_has_a_player(built_site):
    pages = [(built_site / f"{name}.html").read_text("utf-8") for name in CHAPTERS]
    assert any('class="rnn-player"' in text for text in pages)


def moves_by_keyboard(page, player):
    slider = player.locator("input[type=range]")
    slider.focus()
    page.keyboard.press("Home")
    before = player.evaluate(STATE)
    assert before["alt"].strip()
    page.keyboard.press("ArrowRight")
    after = player.evaluate(STATE)
    assert after["value"] != before["value"]
    assert after["src"] != before["src"]
    assert after["alt"] != before["alt"] and after["alt"].strip()


def play_and_pause(page, players):
    """Each player starts, moves and stops; that all of them rest is seen at the end, at once."""
    for player in players:
        resting = player.evaluate(STATE)["value"]
        name = player.locator("button").first.inner_text()
        assert press(page, player) != name
        playing = "([figure, value]) => figure.querySelector('input[type=range]').value !== value"
        page.wait_for_function(playing, arg=[player.element_handle(), resting], timeout=5000)
        assert press(page, player) == name
    stopped = [player.evaluate(STATE)["value"] for player in players]
    if players:
        page.wait_for_timeout(600)  # longer than a frame is shown
    assert [player.evaluate(STATE)["value"] for player in players] == stopped


def press(page, player):
    """Press a player's button by keyboard; return what it then says."""
    button = player.locator("button").first
    button.focus()
    page.keyboard.press("Enter")
    return button.inner_text()
