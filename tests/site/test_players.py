"""Figures that move, by keyboard and by button, on the screen where fingers need room."""

import pytest
from site_pages import CHAPTERS, SCREENS, watched

STATE = """figure => ({
  src: figure.querySelector("img").src,
  alt: figure.querySelector("img").alt,
  value: figure.querySelector("input[type=range]").value,
})"""


def players(page):
    return page.locator("figure.rnn-player").all()


def test_some_chapter_has_a_player(built_site):
    pages = [(built_site / f"{name}.html").read_text("utf-8") for name in CHAPTERS]
    assert any('class="rnn-player"' in text for text in pages)


@pytest.mark.parametrize("name", CHAPTERS)
def test_players_move(browser, server, name):
    with watched(browser, server, SCREENS["390-dark"]) as watch:
        page = watch.open(f"{server}/{name}.html")
        for player in players(page):
            moves_by_keyboard(page, player)
            plays_and_pauses(page, player)
            assert player.locator("button").bounding_box()["height"] >= 44
            assert player.locator("input[type=range]").bounding_box()["height"] >= 44
        assert watch.troubles == []


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


def plays_and_pauses(page, player):
    button = player.locator("button").first
    resting = player.evaluate(STATE)["value"]
    name = button.inner_text()
    button.focus()
    page.keyboard.press("Enter")
    assert button.inner_text() != name
    playing = "([figure, value]) => figure.querySelector('input[type=range]').value !== value"
    page.wait_for_function(playing, arg=[player.element_handle(), resting], timeout=5000)
    page.keyboard.press("Enter")
    assert button.inner_text() == name
    stopped = player.evaluate(STATE)["value"]
    page.wait_for_timeout(400)
    assert player.evaluate(STATE)["value"] == stopped
