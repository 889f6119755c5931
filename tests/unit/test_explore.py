"""The figure that moves: a player that needs no kernel, and a widget that recomputes."""

import base64
import io
import json
import re
import sys
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from rnnlib.explore import explore

TRICKY = """a "quoted" 'word' </script><script>alert(1)</script> & <b> {0} é ξ"""


def draw(value):
    """A figure small enough to be drawn in no time; its slope is the value."""
    figure, ax = plt.subplots(figsize=(1.0, 0.8))
    ax.plot([0, 1], [0, value])
    ax.set_ylim(-5, 5)
    return figure


def make(values=(1, 2, 4), **options):
    defaults = {
        "label": "slope",
        "describe": lambda value: f"a line of slope {value}",
        "caption": "Steeper.",
    }
    return explore(draw, values, **(defaults | options))


class Reader(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.inside = [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("img", "input"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if self.inside:
            self.text[self.inside[-1]] = self.text.get(self.inside[-1], "") + data

    def only(self, tag):
        (attributes,) = [a for t, a in self.tags if t == tag]
        return attributes


def variables(script):
    """The arrays in the script of a player, which stand there as JSON."""
    found = {}
    for name in ("frames", "alts", "values"):
        start = re.search(rf"\b{name} = ", script).end()
        found[name] = json.JSONDecoder().raw_decode(script[start:])[0]
    return found


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


# The player


def test_the_player_is_one_figure_with_an_image_a_slider_a_button_and_a_caption():
    page = Reader(make(start=1).to_html())
    image, slider = page.only("img"), page.only("input")
    assert image["alt"] == "a line of slope 2"
    png = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    assert (int(image["width"]), int(image["height"])) == Image.open(io.BytesIO(png)).size
    assert slider["type"] == "range"
    assert [slider[name] for name in ("min", "max", "step", "value")] == ["0", "2", "1", "1"]
    assert slider["aria-valuetext"] == page.text["output"] == "2"
    assert page.text["span"] == "slope"
    assert page.text["figcaption"] == "Steeper."
    assert page.text["button"] == "Play"
    assert page.only("button")["type"] == "button"  # no form is sent
    assert not page.inside  # every tag is closed


def test_the_script_holds_every_frame_with_its_words_and_its_value():
    explorer = make([0.5, 1.25, -2.0], form=".2f")
    page = Reader(explorer.to_html())
    held = variables(page.text["script"])
    assert [base64.b64decode(frame) for frame in held["frames"]] == explorer.frames()
    assert held["alts"] == [f"a line of slope {value}" for value in (0.5, 1.25, -2.0)]
    assert held["values"] == ["0.50", "1.25", "-2.00"]
    assert json.dumps(page.only("figure")["id"]) in page.text["script"]


def test_the_frames_are_the_figures_in_order_and_the_chosen_one_is_first_seen():
    explorer = make()
    frames = explorer.frames()
    assert len({frame for frame in frames}) == 3
    assert frames == [make([value]).frames()[0] for value in (1, 2, 4)]
    for start in range(3):
        image = Reader(make(start=start).to_html()).only("img")
        assert image["src"].endswith("," + base64.b64encode(frames[start]).decode())


def test_every_frame_keeps_to_128_colours_and_looks_like_the_figure():
    def colourful(value):
        figure, ax = plt.subplots(figsize=(1, 1))
        ax.imshow(np.linspace(0, value, 900).reshape(30, 30), cmap="viridis", vmin=0, vmax=2)
        return figure

    explorer = explore(colourful, [1, 2], label="l", describe=str, caption="c")
    for value, frame in zip((1, 2), explorer.frames(), strict=True):
        assert Image.open(io.BytesIO(frame)).convert("RGB").getcolors(128) is not None
        figure = colourful(value)
        figure.set_dpi(Image.open(io.BytesIO(frame)).size[0])  # the figure is one inch wide
        figure.canvas.draw()
        whole = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
        plt.close(figure)
        assert len(np.unique(whole.reshape(-1, 3), axis=0)) > 200
        # 128 colours for some 900: on average they are a few of 255 levels off.
        assert np.mean(np.abs(whole - pixels(frame))) < 4


def test_two_calls_give_the_same_page_byte_for_byte():
    assert make().to_html() == make().to_html()


def test_figures_that_say_different_things_have_different_names():
    names = {
        Reader(explorer.to_html()).only("figure")["id"]
        for explorer in (make(), make(label="other"), make(caption="other"), make([1, 2, 5]))
    }
    assert len(names) == 4


def test_no_text_can_leave_its_place_in_the_page():
    explorer = make(label=TRICKY, describe=lambda value: f"{TRICKY} {value}", caption=TRICKY)
    text = explorer.to_html()
    page, plain = Reader(text), Reader(make().to_html())
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert page.only("img")["alt"] == f"{TRICKY} 1"
    assert page.text["span"] == page.text["figcaption"] == TRICKY
    assert variables(page.text["script"])["alts"] == [f"{TRICKY} {value}" for value in (1, 2, 4)]
    assert text.count("</script>") == 1


def test_letters_with_an_index_are_set_with_it_and_nothing_else_is():
    text = make(label="w_rec", caption="s_0 < s_10 & max_step").to_html()
    assert "<label><span><i>w</i><sub>rec</sub></span> <input" in text
    caption = "<i>s</i><sub>0</sub> &lt; <i>s</i><sub>10</sub> &amp; max_step"
    assert f"<figcaption>{caption}</figcaption>" in text


def test_values_that_are_text_are_printed_as_text_and_cannot_leave_their_place():
    explorer = explore(
        lambda value: draw(len(value)),
        [TRICKY, "b"],
        label="l",
        describe=str.upper,
        caption="c",
        form="s",
    )
    page = Reader(explorer.to_html())
    assert page.text["output"] == page.only("input")["aria-valuetext"] == TRICKY
    assert variables(page.text["script"])["values"] == [TRICKY, "b"]


def test_the_player_asks_nothing_of_the_network():
    text = re.sub(r"[A-Za-z0-9+/=]{60,}", "", make().to_html())  # without the frames
    assert "http" not in text
    assert "//" not in text
    assert "import" not in text


def test_figures_of_different_sizes_are_an_error_that_names_draw():
    def grows(value):
        return plt.figure(figsize=(value, 1))

    explorer = explore(grows, [1, 2], label="l", describe=str, caption="c")
    with pytest.raises(ValueError, match=r"^draw: expected figures of one size, got \[\(.*\)\]"):
        explorer.to_html()


def test_no_figure_stays_open():
    before = plt.get_fignums()
    explorer = make()
    explorer.to_html()
    explorer.to_widget()
    assert plt.get_fignums() == before


# The widget


def test_moving_the_slider_recomputes_the_image_and_the_words():
    slider, image, words, caption = make(caption="w_x & more").to_widget().children
    assert caption.value == "<i>w</i><sub>x</sub> &amp; more"
    before = image.value
    slider.value = 3  # between the frames: the widget is not bound to them
    assert image.value == make([3]).frames()[0] != before
    assert words.value == "a line of slope 3"
    slider.value = 1
    assert image.value == before


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1, 2, 4], "IntSlider"), ([0.5, 2], "FloatSlider"), (["1", "2"], "SelectionSlider")],
)
def test_the_slider_fits_its_values_and_begins_where_the_player_does(values, kind):
    slider, image, *_ = (
        explore(
            lambda value: draw(float(value)),
            values,
            label="slope",
            describe=str,
            caption="c",
            start=1,
            form="",
        )
        .to_widget()
        .children
    )
    assert type(slider).__name__ == kind
    assert slider.description == "slope"
    assert slider.value == values[1]
    assert image.value == make([float(values[1])]).frames()[0]
    if kind != "SelectionSlider":
        assert (slider.min, slider.max) == (min(values), max(values))
    if kind == "FloatSlider":
        assert slider.step < 1  # finer than the frames


def test_words_beside_the_widget_are_text_not_markup():
    slider, _, words, _ = make(describe=lambda value: f"<i>{value}</i>").to_widget().children
    assert words.value == "&lt;i&gt;1&lt;/i&gt;"
    slider.value = 2
    assert words.value == "&lt;i&gt;2&lt;/i&gt;"


def test_one_cell_output_carries_both_the_player_and_the_widget():
    explorer = make(start=2)
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/html"] == explorer.to_html()
    assert bundle["text/plain"] == "a line of slope 4"
    assert "model_id" in bundle["application/vnd.jupyter.widget-view+json"]


def test_without_ipywidgets_the_player_alone_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert make()._repr_mimebundle_().keys() == {"text/plain", "text/html"}


# Bad arguments


@pytest.mark.parametrize(("start", "bound"), [(-1, "0"), (3, "from 0 to 2"), (99, "from 0 to 2")])
def test_a_start_outside_the_values_is_named_with_its_bounds(start, bound):
    with pytest.raises(ValueError, match=rf"^start: expected .* {bound}.*, got {start}$"):
        make(start=start)


@pytest.mark.parametrize("values", [[], (), np.zeros(0)])
def test_no_values_are_too_few(values):
    with pytest.raises(ValueError, match=r"^values: expected at least one value, got none$"):
        make(values)


@pytest.mark.parametrize("start", [0.5, "first", None])
def test_a_start_that_is_not_a_whole_number_is_named(start):
    with pytest.raises(TypeError, match=r"^start: expected a whole number, got "):
        make(start=start)


def test_a_drawing_that_returns_no_figure_is_named():
    explorer = explore(lambda value: None, [1], label="l", describe=str, caption="c")
    for show in (explorer.to_html, explorer.to_widget):
        with pytest.raises(TypeError, match=r"^draw: expected it to return a figure, got None$"):
            show()


def test_a_figure_made_without_pyplot_can_be_drawn():
    explorer = explore(
        lambda value: Figure(figsize=(1, 1)), [1], label="l", describe=str, caption="c"
    )
    assert len(explorer.frames()) == 1


def test_values_may_come_from_a_generator():
    explorer = make(value for value in (1, 2))
    assert explorer.values == [1, 2]


def test_what_cannot_be_called_is_named():
    with pytest.raises(TypeError, match=r"^describe: expected a function .*, got 'a line'$"):
        make(describe="a line")
    with pytest.raises(TypeError, match=r"^draw: expected a function of one value, got None$"):
        explore(None, [1], label="l", describe=str, caption="c")
