"""The drawings of the network: the numbers on the axes are those that were handed in."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from rnnlib import netdraw, plots, softmax
from rnnlib.tiny import SYMBOLS, tiny_network, tiny_text

FAINT, READ, NEXT = "#a6a6a6", SYMBOLS[:-1], SYMBOLS[1:]


@pytest.fixture
def ax():
    """Axes in the style of the book; afterwards the style is put back and the figure closed."""
    with plt.rc_context():
        plots.use_style()
        figure, axes = plt.subplots(figsize=(6, 4))
        yield axes
        plt.close(figure)


@pytest.fixture(scope="module")
def run():
    """The example of Part II: (h, p, losses, do, dh, da), without the axis of the batch."""
    inputs, targets = tiny_text()
    over = tiny_network().gradient_over_time(inputs, targets)
    p = softmax(over.o)[np.arange(3), 0, targets[:, 0]]
    return {
        "h": over.h[:, 0],
        "p": p,
        "losses": -np.log(p),
        "do": over.do[:, 0],
        "dh": over.dh[:, 0],
        "da": over.da[:, 0],
    }


def forward(run):
    return {"x": READ, "h": run["h"], "p": run["p"], "losses": run["losses"], "targets": NEXT}


def backward(run):
    return {"x": READ, **{name: run[name] for name in ("h", "do", "dh", "da")}}


def drawn(ax):
    """What can be read on the axes: (column, row, text, colour), from the left and below."""
    shown = [  # arrows have no text, and what measures out a box has no colour
        text
        for text in ax.texts
        if text.get_text() and to_hex(text.get_color(), True) != "#00000000"
    ]
    places = [getattr(text, "xy", text.get_position()) for text in shown]
    return sorted(
        (float(x), float(y), text.get_text(), to_hex(text.get_color()))
        for (x, y), text in zip(places, shown, strict=True)
    )


def boxes(ax, column):
    """The numbers in the boxes of a column, from below; question marks are None."""
    found = []
    for x, _, text, _ in drawn(ax):
        lines = text.replace("−", "-").split("\n")
        if x == column and len(lines) > 1:
            found.append(None if "?" in lines else [float(line) for line in lines])
    return found


def rounded(row):
    return [round(float(value), 2) for value in row]


# What is drawn


def test_each_state_stands_in_its_column_and_each_symbol_below_and_above_it(ax, run):
    netdraw.draw_network(ax, **forward(run))
    for t in range(4):
        assert boxes(ax, t) == [rounded(run["h"][t])]
    for t in range(1, 4):
        column = [text for x, _, text, _ in drawn(ax) if x == t]
        assert column[0] == READ[t - 1]
        assert column[-1] == NEXT[t - 1]
        assert f"{run['p'][t - 1]:.2f}" in column
        assert f"{run['losses'][t - 1]:.2f}" in column


def test_probabilities_losses_and_targets_may_be_left_out(ax, run):
    netdraw.draw_network(ax, READ, run["h"])
    texts = [text for _, _, text, _ in drawn(ax)]
    assert r"$\hat y_3$" in texts
    assert not any("ell" in text or "target" in text for text in texts)


@pytest.mark.parametrize("step", range(4))
def test_forward_what_lies_after_the_step_is_faint_and_tells_nothing(ax, run, step):
    netdraw.draw_network(ax, **forward(run), step=step)
    for t in range(4):
        assert boxes(ax, t) == [rounded(run["h"][t]) if t <= step else None]
    for x, _, text, color in drawn(ax):
        if x == int(x) and x > 0:
            assert (color == FAINT) == (x > step), text
            assert x <= step or "." not in text


@pytest.mark.parametrize("step", range(4))
def test_backward_what_lies_before_the_step_is_faint_and_tells_nothing(ax, run, step):
    netdraw.draw_backward(ax, **backward(run), step=step)
    for t in range(4):
        h, dh = rounded(run["h"][t]), rounded(run["dh"][t]) if t >= step else None
        if t == 0:
            assert boxes(ax, 0) == [h, dh]
            continue
        da, do = rounded(run["da"][t - 1]), rounded(run["do"][t - 1])
        assert boxes(ax, t) == ([da, h, dh, do] if t >= step else [None, h, None, None])


@pytest.mark.parametrize("step", range(4))
def test_the_arrow_back_from_a_step_is_red_once_the_step_before_is_reached(ax, run, step):
    netdraw.draw_backward(ax, **backward(run), step=step)
    colors = {x: color for x, _, text, color in drawn(ax) if "W_{hh}" in text}
    red = plots.COLORS["red"]
    assert colors == {t - 0.5: red if t > step else FAINT for t in (1, 2, 3)}


@pytest.mark.parametrize("T", [1, 5])
def test_one_to_five_steps_can_be_drawn_and_no_text_leaves_the_picture(run, T):
    rng = np.random.default_rng(0)
    h, da, do = rng.normal(size=(T + 1, 2)), rng.normal(size=(T, 2)), rng.normal(size=(T, 4))
    x = ["<BOS>", *"aaba"][:T]
    plots.use_style()
    figure, both = plt.subplots(2, figsize=(7, 8))
    netdraw.draw_network(both[0], x, h, np.full(T, 0.25), np.full(T, 1.39), None, x)
    netdraw.draw_backward(both[1], x, h, do, h, da, 0)
    figure.canvas.draw()
    for ax in both:
        for text in ax.texts:
            extent = text.get_window_extent()
            assert extent.x0 > 0
            assert extent.x1 < figure.bbox.width
    plt.close(figure)
    plt.rcdefaults()


def test_a_small_negative_number_is_printed_without_its_sign(ax):
    netdraw.draw_network(ax, ["a"], [[-0.001, 0.0], [-1.0, 1.0]])
    assert any(text == "0.00\n0.00" for _, _, text, _ in drawn(ax))


def test_nothing_is_written_into_what_was_handed_in(ax, run):
    before = {name: array.copy() for name, array in run.items()}
    netdraw.draw_network(ax, **forward(run), step=2)
    netdraw.draw_backward(ax, **backward(run), step=2)
    assert all(np.array_equal(run[name], before[name]) for name in run)


# What cannot be drawn


@pytest.mark.parametrize(
    ("name", "bad", "error"),
    [
        ("x", [], ValueError),
        ("x", ["a"] * 6, ValueError),
        ("x", [1, 2, 3], TypeError),
        ("x", 3, TypeError),
        ("h", np.ones((3, 2)), ValueError),
        ("h", np.ones(4), ValueError),
        ("h", np.full((4, 2), np.nan), ValueError),
        ("h", "high", TypeError),
        ("p", [0.5, 0.5], ValueError),
        ("p", [0.5, 0.5, 1.5], ValueError),
        ("losses", [[1.0, 1, 1]], ValueError),
        ("targets", ["a"], ValueError),
        ("targets", [1, 2, 3], TypeError),
        ("step", 4, ValueError),
        ("step", -1, ValueError),
        ("step", 1.5, TypeError),
    ],
)
def test_a_network_that_does_not_fit_is_named(ax, run, name, bad, error):
    with pytest.raises(error, match=rf"^{name}: expected .*, got "):
        netdraw.draw_network(ax, **forward(run) | {name: bad})
    assert not ax.texts


@pytest.mark.parametrize(
    ("name", "bad", "error"),
    [
        ("x", READ[:2], ValueError),
        ("h", np.ones((4, 3)), ValueError),
        ("do", np.ones((4, 4)), ValueError),
        ("dh", np.ones((3, 2)), ValueError),
        ("da", np.ones((3, 3)), ValueError),
        ("da", np.full((3, 2), np.inf), ValueError),
        ("step", 4, ValueError),
        ("step", None, TypeError),
    ],
)
def test_a_way_back_that_does_not_fit_is_named(ax, run, name, bad, error):
    # With fewer symbols it is h that does not fit; with wider states, what belongs to them.
    wrong = {"x": "h", "h": "dh"}.get(name, name)
    with pytest.raises(error, match=rf"^{wrong}: expected .*, got "):
        netdraw.draw_backward(ax, **backward(run) | {"step": 2} | {name: bad})
    assert not ax.texts
