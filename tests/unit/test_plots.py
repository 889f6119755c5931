"""The drawings: what is on the axes is what was handed in."""

import copy
import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb

import rnnlib
from rnnlib import diagrams, plots

X, T = rnnlib.published_counting_task()


def texts(ax):
    return [text.get_text() for text in ax.texts]


def surface_data():
    w_x, w_rec = np.linspace(-3, 3, 7), np.linspace(-2, 2, 5)
    return w_x, w_rec, rnnlib.loss_surface(X, T, w_x, w_rec)


# What is drawn


def test_the_surface_is_the_loss_with_each_value_in_its_place(ax):
    w_x, w_rec, loss = surface_data()
    plots.draw_surface(ax, w_x, w_rec, loss, low=0.1, high=1e4)
    mesh = ax.collections[0]
    # A loss of exactly 0 has no logarithm: the smallest number may stand for it.
    drawn = np.ma.getdata(mesh.get_array()).reshape(loss.shape)
    assert np.allclose(drawn, loss, rtol=0, atol=1e-300)
    # Each point lies in the middle of its cell: w_x to the right, w_rec upwards.
    corners = mesh.get_coordinates()
    middles = (corners[:-1, :-1] + corners[1:, 1:]) / 2
    assert np.allclose(middles[..., 0], w_x[None, :], rtol=1e-14, atol=1e-14)
    assert np.allclose(middles[..., 1], w_rec[:, None], rtol=1e-14, atol=1e-14)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (0.1, 1e4)
    assert mesh.norm(1e4) / mesh.norm(np.sqrt(1e3)) == pytest.approx(2)  # logarithmic
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$w_x$", "$w_{rec}$")


def test_the_scale_of_the_surface_can_be_left_out_and_names_its_unit(ax):
    plots.draw_surface(ax, *surface_data(), colorbar=False)
    assert ax.figure.axes == [ax]
    plots.draw_surface(ax, *surface_data())
    _, scale = ax.figure.axes
    assert scale.get_ylabel() == "loss ξ (counts²)"


def test_losses_beyond_the_scale_take_its_end_colours(ax):
    loss = np.array([[1e-9, 1e-2], [1e8, 1e12]])
    plots.draw_surface(ax, np.array([0.0, 1]), np.array([0.0, 1]), loss)
    mesh = ax.collections[0]
    below, low, high, above = mesh.to_rgba(loss).reshape(4, 4).tolist()
    assert below == low
    assert above == high
    assert low != high


def test_a_loss_of_zero_is_no_hole_but_the_lowest_colour(ax):
    loss = np.array([[0.0, 1e-2]])
    plots.draw_surface(ax, np.array([0.0, 1]), np.array([0.0]), loss)
    ax.figure.canvas.draw()
    zero, low = ax.collections[0].get_facecolors().tolist()
    assert zero == low


@pytest.mark.parametrize(
    ("name", "bad", "error"),
    [
        ("w_x", [[1.0]], ValueError),
        ("w_rec", [np.nan], ValueError),
        ("loss", np.ones((2, 3)), ValueError),
        ("loss", [["low"]], TypeError),
    ],
)
def test_a_surface_that_cannot_be_drawn_is_named(ax, name, bad, error):
    data = {"w_x": [0.0, 1], "w_rec": [0.0, 1, 2], "loss": np.ones((3, 2))} | {name: bad}
    with pytest.raises(error, match=rf"^{name}: expected "):
        plots.draw_surface(ax, **data)


@pytest.mark.parametrize(
    ("name", "bad"), [("states", [0.0, 1]), ("deltas", [1.0] * 5), ("step", 4), ("step", -1)]
)
def test_an_unrolled_network_that_does_not_fit_is_named(ax, name, bad):
    with pytest.raises(ValueError, match=rf"^{name}: expected .*, got "):
        diagrams.draw_unrolled(ax, [1, 0, 1], **{name: bad})


@settings(max_examples=20)
@given(
    points=st.integers(1, 8).flatmap(
        lambda n: arrays(np.float64, (2, n), elements=st.floats(-3, 3))
    )
)
def test_the_path_goes_through_every_point_from_its_start_to_its_latest(points):
    figure, ax = plt.subplots()
    plots.draw_path(ax, *points, goal=(1.0, 0.5))
    halo, line, start, latest, *goal = [drawn.get_xydata() for drawn in ax.lines]
    plt.close(figure)
    assert np.array_equal(halo, points.T)
    assert np.array_equal(line, points.T)
    assert np.array_equal(start, points.T[:1])
    assert np.array_equal(latest, points.T[-1:])
    assert all(np.array_equal(cross, [[1.0, 0.5]]) for cross in goal)
    assert len(goal) == 2


def test_the_goal_of_a_path_is_one_one_unless_said_and_can_be_left_out(ax):
    plots.draw_path(ax, [0.0, 1], [2.0, 1], goal=None)
    assert len(ax.lines) == 4
    plots.draw_path(ax, [0.0, 1], [2.0, 1])
    assert ax.lines[-1].get_xydata().tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(
    ("name", "bad", "error"),
    [
        ("w_x", [[1.0]], ValueError),
        ("w_x", [np.nan], ValueError),
        ("w_rec", "up", TypeError),
        ("w_rec", [1.0, 2.0], ValueError),
    ],
)
def test_a_path_that_cannot_be_drawn_is_named(ax, name, bad, error):
    points = {"w_x": [1.0], "w_rec": [1.0]} | {name: bad}
    with pytest.raises(error, match=rf"^{name}: expected "):
        plots.draw_path(ax, **points)
    assert not ax.lines


def test_gradient_over_time_draws_each_curve_against_its_step(ax):
    curves = {
        f"w_rec = {w}": rnnlib.LinearRNN(1, w).gradient_over_time(X, T).sum(axis=1)
        for w in (2.0, 0.5, -2.0)
    }
    plots.draw_gradient_over_time(ax, curves, linthresh=0.5)
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    for label, curve in curves.items():
        assert np.array_equal(drawn.pop(label), np.column_stack([np.arange(11), curve]))
    (zero,) = drawn.values()
    assert zero[:, 1].tolist() == [0, 0]
    assert ax.get_yscale() == "symlog"
    assert ax.yaxis.get_transform().linthresh == 0.5
    assert ax.get_xlabel() == "step $k$"
    assert "s_k" in ax.get_ylabel()
    assert "(counts)" in ax.get_ylabel()


INPUTS, STATES, DELTAS = [1, 0, 5], [0.0, 1.1, 0.99, 1.991], [-2.1, -2.3, -2.6, -2.9]


def at(ax, y, digits=2):
    """The texts of one row, from left to right."""
    row = [text for text in ax.texts if abs(text.get_position()[1] - y) < 10**-digits]
    return [text.get_text() for text in sorted(row, key=lambda text: text.get_position()[0])]


def test_the_unrolled_network_names_its_states_inputs_and_weights(ax):
    diagrams.draw_unrolled(ax, INPUTS)
    assert at(ax, 1) == ["$s_{0}$", "$s_{1}$", "$s_{2}$", "$s_{3}$"]
    assert at(ax, -0.02) == ["$x_{1}=$", "1", "$x_{2}=$", "0", "$x_{3}=$", "5"]
    assert texts(ax).count("$w_{rec}$") == texts(ax).count("$w_x$") == 3
    assert not ax.axison


@pytest.mark.parametrize("step", [None, 0, 1, 2, 3])
def test_the_forward_pass_prints_the_states_that_it_has_reached(ax, step):
    diagrams.draw_unrolled(ax, INPUTS, STATES, step=step, form=".2f")
    reached = 4 if step is None else step + 1
    printed = [f"{s:.2f}" for s in STATES]
    names = ["$s_{0}$", "$s_{1}$", "$s_{2}$", "$s_{3}$"]
    assert at(ax, 1) == printed[:reached] + names[reached:]
    assert at(ax, 1.46) == names  # the names stand above
    faint = [circle.get_edgecolor() for circle in ax.patches if hasattr(circle, "radius")]
    assert len(set(faint[:reached])) == 1
    assert faint[0] not in faint[reached:]


@pytest.mark.parametrize("step", [None, 0, 2, 3])
def test_the_backward_pass_prints_the_deltas_that_it_has_reached(ax, step):
    diagrams.draw_unrolled(ax, INPUTS, STATES, DELTAS, step=step, form=".1f")
    first = 0 if step is None else step
    assert at(ax, 2.1) == ["?"] * first + [f"{d:.1f}" for d in DELTAS[first:]]
    assert at(ax, 2.48) == [rf"$\delta_{{{k}}}$" for k in range(4)]
    assert at(ax, 1) == [f"{s:.1f}" for s in STATES]  # the forward pass is over


def test_each_use_of_w_rec_is_a_row_and_the_rows_add_up_to_the_derivative(ax):
    x, w_x, w_rec = [1.0, 0, 1, 1], 0.5, 2.0
    diagrams.draw_uses(ax, x, w_x, w_rec)
    net = rnnlib.LinearRNN(w_x, w_rec)
    s = net.states(np.array(x)[:, None])[:, 0]
    rows = [text.get_text() for text in ax.texts if text.get_position()[0] > len(x)]
    assert rows.pop() == "adds"
    values = [float(re.split("= ", row)[-1]) for row in rows]
    assert values == [s[k - 1] * w_rec ** (4 - k) for k in (1, 2, 3, 4)]
    factors = [re.split(" = ", row)[0].split(" × ") for row in rows]
    assert factors == [[f"{s[k - 1]:g}"] + ["2"] * (4 - k) for k in (1, 2, 3, 4)]
    # With ξ = ½ (s − t)² and t = s − 1, the sum is the derivative that the network finds, halved.
    grads = net.loss_and_grads(np.array(x)[:, None], s[-1:] - 1)[1]
    assert sum(values) == pytest.approx(float(grads["w_rec"]) / 2, rel=1e-15)
    for k in (1, 2, 3, 4):
        assert at(ax, 4 - k)[:5] == [f"{state:g}" for state in s]
    assert texts(ax).count("nudge") == 4
    assert texts(ax).count("× 2") == 3 + 2 + 1


# What drawing leaves alone

DRAWINGS = {
    "surface": lambda ax, data: plots.draw_surface(ax, *data),
    "path": lambda ax, data: plots.draw_path(ax, data[0], data[0]),
    "gradient": lambda ax, data: plots.draw_gradient_over_time(ax, {"a": data[0], "b": data[1]}),
    "unrolled": lambda ax, data: diagrams.draw_unrolled(ax, data[1], data[0][:6], data[0][1:]),
    "uses": lambda ax, data: diagrams.draw_uses(ax, data[1], 1.0, 2.0),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_makes_no_figure_returns_nothing_and_leaves_its_data_alone(ax, name):
    data = surface_data()
    before = copy.deepcopy(data)
    for array in data:
        array.flags.writeable = False
    figures = plt.get_fignums()
    assert DRAWINGS[name](ax, data) is None
    ax.figure.canvas.draw()
    assert plt.get_fignums() == figures
    assert all(map(np.array_equal, data, before))


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_does_not_change_the_style(ax, name):
    before = dict(plt.rcParams)
    DRAWINGS[name](ax, surface_data())
    assert dict(plt.rcParams) == before


# The style


def test_the_style_is_the_same_however_often_and_after_whatever_it_is_set():
    with plt.rc_context():
        plots.use_style()
        once = dict(plt.rcParams)
        plots.use_style()
        assert dict(plt.rcParams) == once
        plt.rcParams["font.size"] = 3
        plt.rcParams["axes.labelsize"] = 3
        plots.use_style()
        assert dict(plt.rcParams) == once


def test_letters_can_be_read_when_a_telephone_shows_the_figure_350_pixels_wide():
    with plt.rc_context():
        plots.use_style()
        width, _ = plt.rcParams["figure.figsize"]
        # A point is 1/72 inch: 12 points of a figure of 6 inches are 9.7 pixels of 350.
        for name in ("font.size", "legend.fontsize", "axes.titlesize"):
            assert plt.rcParams[name] / 72 * 350 / width >= 8.9


# What a dichromat sees of linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.
SEEN_WITH = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no colour blindness": np.eye(3),
}
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def seen(color, eyes):
    """CIE L*a*b*: in it, equal distances look equally different, and 2.3 is just noticeable."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = XYZ @ np.clip(np.array(SEEN_WITH[eyes]) @ linear, 0, 1) / np.sum(XYZ, axis=1)
    f = [np.cbrt(c) if c > 0.008856 else 7.787 * c + 16 / 116 for c in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_simulation_knows_black_white_and_what_red_and_green_have_in_common():
    for eyes in SEEN_WITH:
        # The sums of published coefficients are rounded in the fourth digit.
        assert seen("white", eyes) == pytest.approx([100, 0, 0], abs=0.05)
        assert seen("black", eyes) == pytest.approx([0, 0, 0], abs=0.05)
    red_green = [np.abs(seen("#c00000", e) - seen("#006400", e))[1:].max() for e in SEEN_WITH]
    assert red_green[0] < red_green[2] / 2
    assert red_green[1] < red_green[2] / 2


@pytest.mark.parametrize("eyes", SEEN_WITH)
def test_any_two_lines_of_a_figure_differ_in_dash_or_in_colour_to_every_eye(eyes):
    with plt.rc_context():
        plots.use_style()
        lines = list(plt.rcParams["axes.prop_cycle"])
    assert len(lines) >= 6
    for one, two in itertools.combinations(lines, 2):
        apart = np.linalg.norm(seen(one["color"], eyes) - seen(two["color"], eyes))
        # Ten times what is just noticeable, or six times and another dash.
        assert apart > (15 if one["linestyle"] != two["linestyle"] else 23), (one, two, apart)


@pytest.mark.parametrize("eyes", SEEN_WITH)
def test_forward_backward_and_not_yet_reached_differ_to_every_eye(eyes, ax):
    diagrams.draw_unrolled(ax, INPUTS, STATES, DELTAS, step=2)
    colors = {text.get_color() for text in ax.texts if text.get_position()[1] in (2.1, 1.46)}
    assert len(colors) == 3
    for one, two in itertools.combinations(colors, 2):
        assert np.linalg.norm(seen(one, eyes) - seen(two, eyes)) > 23
