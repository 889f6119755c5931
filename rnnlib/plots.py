"""Drawing: one style for the whole book, safe for colour-blind eyes and for narrow screens.

Every function draws on the axes that it is given and returns nothing; the data come from the
caller, so that a figure shows what was computed and cannot invent anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import LogLocator

from rnnlib.checks import finite_array

__all__ = [
    "COLORS",
    "draw_gradient_over_time",
    "draw_path",
    "draw_surface",
    "draw_unrolled",
    "draw_uses",
    "use_style",
]

# Okabe and Ito's palette: told apart with every common kind of colour blindness.
COLORS = {
    "blue": "#0072b2",
    "orange": "#e69f00",
    "green": "#009e73",
    "red": "#d55e00",
    "purple": "#cc79a7",
    "sky": "#56b4e9",
    "black": "#222222",
    "grey": "#8a8a8a",
}
_CYCLE = ["blue", "orange", "green", "red", "purple", "sky", "black"]
_LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), "-"]
_FORWARD, _BACKWARD, _FAINT = COLORS["blue"], COLORS["red"], "#a6a6a6"


def use_style() -> None:
    """Set matplotlib to the style of the book; call it once, at the top of a chapter.

    Figures are 6 inches wide with letters of 12 points: large enough to be read when a phone
    shows them 350 pixels wide. Lines differ by dashes as well as by colour.
    """
    plt.rcdefaults()
    plt.rcParams.update(
        {
            "figure.figsize": (6.0, 3.8),
            "figure.dpi": 150,
            "savefig.dpi": 150,
            "figure.constrained_layout.use": True,
            "font.size": 12,
            "axes.titlesize": 12,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e4e4e4",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#555555",
            "legend.frameon": False,
            "legend.fontsize": 11,
            "lines.linewidth": 2.0,
            "axes.prop_cycle": plt.cycler(
                color=[COLORS[name] for name in _CYCLE], linestyle=_LINES
            ),
        }
    )


def draw_surface(
    ax: Axes,
    w_x: np.ndarray,
    w_rec: np.ndarray,
    loss: np.ndarray,
    low: float = 1e-2,
    high: float = 1e8,
    colorbar: bool = True,
) -> None:
    """Draw the loss over the two weights, with a logarithmic colour scale.

    Arguments
        ax     where to draw
        w_x    values to the right, shape (M)
        w_rec  values upwards, shape (R)
        loss   (R, M), as `rnnlib.loss_surface` returns it
        low, high  the ends of the colour scale; losses beyond them take its end colours
        colorbar   add the scale

    Chapter: *loss-surface*.
    """
    w_x, w_rec = (
        finite_array("w_x", w_x, ndim=1),
        finite_array("w_rec", w_rec, ndim=1),
    )
    loss = finite_array("loss", loss, ndim=2)
    if loss.shape != (len(w_rec), len(w_x)):
        raise ValueError(
            f"loss: expected shape {(len(w_rec), len(w_x))}, got {loss.shape}"
        )
    # A loss of exactly 0 has no logarithm and would be a hole: it takes the lowest colour.
    loss = np.maximum(loss, np.finfo(float).tiny)
    # Bands instead of a continuous scale: their edges are the lines of equal loss.
    filled = ax.pcolormesh(
        w_x,
        w_rec,
        loss,
        norm=LogNorm(low, high),
        cmap=plt.get_cmap("cividis", 32),
        shading="nearest",
    )
    ax.grid(False)
    ax.set(xlabel="$w_x$", ylabel="$w_{rec}$")
    if colorbar:
        bar = ax.figure.colorbar(
            filled, ax=ax, ticks=LogLocator(numticks=6), extend="both"
        )
        bar.set_label("loss ξ (counts²)")


def draw_path(
    ax: Axes,
    w_x: np.ndarray,
    w_rec: np.ndarray,
    goal: tuple[float, float] | None = (1.0, 1.0),
) -> None:
    """Draw where a training run has been: a line with its start, its latest point, and the goal.

    Arguments
        ax     axes that show w_x to the right and w_rec upwards
        w_x, w_rec  the points, in order, both of shape (steps + 1)
        goal   the pair of weights to mark with a cross; None for none

    Chapter: *rprop*.
    """
    w_x, w_rec = (
        finite_array("w_x", w_x, ndim=1),
        finite_array("w_rec", w_rec, ndim=1),
    )
    if len(w_x) != len(w_rec):
        raise ValueError(
            f"w_rec: expected {len(w_x)} values, one for each of w_x, got {len(w_rec)}"
        )
    ax.plot(w_x, w_rec, "-", color="white", linewidth=3.5)
    ax.plot(w_x, w_rec, "-", color=COLORS["red"], linewidth=1.6)
    ax.plot(
        w_x[0],
        w_rec[0],
        "s",
        color="white",
        markeredgecolor="black",
        markersize=8,
    )
    ax.plot(
        w_x[-1],
        w_rec[-1],
        "o",
        color=COLORS["red"],
        markeredgecolor="white",
        markersize=9,
    )
    if goal is not None:
        ax.plot(*goal, "x", color="white", markersize=11, markeredgewidth=4)
        ax.plot(*goal, "x", color="black", markersize=10, markeredgewidth=2)


def draw_gradient_over_time(
    ax: Axes, curves: Mapping[str, np.ndarray], linthresh: float = 1e-2
) -> None:
    """Draw what the loss owes to the state at each step, on a symmetric logarithmic axis.

    Arguments
        ax         where to draw
        curves     by label, ∂ξ/∂s_k for k = 0 … T, each of shape (T + 1)
        linthresh  values nearer to zero than this are drawn on a linear scale

    Chapter: *loss-surface*.
    """
    for label, curve in curves.items():
        ax.plot(
            np.arange(len(curve)), curve, marker="o", markersize=4, label=label
        )
    ax.set_yscale("symlog", linthresh=linthresh)
    ax.axhline(0, color=COLORS["grey"], linewidth=1, linestyle="-")
    ax.set(xlabel="step $k$", ylabel=r"$\partial\xi/\partial s_k$ (counts)")


def draw_unrolled(
    ax: Axes,
    inputs: Sequence[float],
    states: Sequence[float] | None = None,
    deltas: Sequence[float] | None = None,
    step: int | None = None,
    form: str = "g",
) -> None:
    """Draw the unrolled network: states in a row, joined by w_rec, each fed through w_x.

    Arguments
        ax      where to draw; its axes are hidden
        inputs  x_1 … x_T, one sequence
        states  s_0 … s_T: printed in the circles instead of their names
        deltas  δ_0 … δ_T: the backward pass, printed under arrows that point back
        step    forward (no deltas): circles up to s_step are reached, the rest is faint.
                backward (with deltas): δ_T … δ_step are reached. None: all are reached
        form    how numbers are printed, as in `format`

    Chapters: *recurrence* (forward), *linear-rnn* (backward).
    """
    T = len(inputs)
    for name, row in (("states", states), ("deltas", deltas)):
        if row is not None and len(row) != T + 1:
            raise ValueError(
                f"{name}: expected {T + 1} numbers for {T} inputs, got {len(row)}"
            )
    if step is not None and not 0 <= step <= T:
        raise ValueError(f"step: expected a step from 0 to {T}, got {step}")
    backward = deltas is not None
    reached = T if step is None or backward else step
    for k in range(T + 1):
        color = _FORWARD if k <= reached else _FAINT
        text = (
            f"$s_{{{k}}}$"
            if states is None or k > reached
            else format(states[k], form)
        )
        _circle(ax, k, 1, text, color)
        if states is not None:
            ax.text(
                k, 1.46, f"$s_{{{k}}}$", ha="center", va="center", color=color
            )
        if k == 0:
            continue
        _arrow(ax, (k - 1, 1), (k, 1), color)
        ax.text(
            k - 0.5, 1.2, "$w_{rec}$", ha="center", va="center", color=color
        )
        _arrow(ax, (k, 0), (k, 1), color)
        ax.text(k + 0.08, 0.48, "$w_x$", ha="left", va="center", color=color)
        ax.text(
            k,
            -0.02,
            format(inputs[k - 1], "g"),
            ha="center",
            va="center",
            color=color,
        )
        ax.text(
            k - 0.16,
            -0.02,
            f"$x_{{{k}}}=$",
            ha="right",
            va="center",
            color=color,
        )
    if backward:
        _draw_deltas(ax, deltas, 0 if step is None else step, form)
    ax.set(
        xlim=(-0.45, T + 0.45),
        ylim=(-0.25, 2.62 if backward else 1.7),
        aspect="equal",
    )
    ax.axis("off")


def _draw_deltas(
    ax: Axes, deltas: Sequence[float], step: int, form: str
) -> None:
    T = len(deltas) - 1
    for k in range(T, -1, -1):
        color = _BACKWARD if k >= step else _FAINT
        text = format(deltas[k], form) if k >= step else "?"
        ax.text(
            k,
            2.1,
            text,
            ha="center",
            va="center",
            color=color,
            fontweight="bold",
            fontsize=13,
        )
        ax.text(
            k,
            2.48,
            rf"$\delta_{{{k}}}$",
            ha="center",
            va="center",
            color=color,
        )
        if k < T:
            _arrow(ax, (k + 1, 2.1), (k, 2.1), color)
            ax.text(
                k + 0.5,
                2.3,
                r"$w_{rec}$",
                ha="center",
                va="center",
                color=color,
            )


def draw_uses(
    ax: Axes, inputs: Sequence[float], w_x: float, w_rec: float
) -> None:
    """Draw one row for each use of w_rec, with the way that its effect takes to the last state.

        d s_T/d w_rec = Σ_k s_{k-1} · w_rec^{T-k}     (use k meets s_{k-1}, then T − k factors)

    Arguments
        ax      where to draw; its axes are hidden
        inputs  x_1 … x_T, one sequence
        w_x, w_rec  the two weights

    Chapter: *linear-rnn*.
    """
    T = len(inputs)
    s = [0.0]
    for x_k in inputs:
        s.append(w_rec * s[-1] + w_x * x_k)
    for row in range(1, T + 1):
        y = T - row
        for k in range(T + 1):
            _circle(
                ax,
                k,
                y,
                format(s[k], "g"),
                _FORWARD if k in (row - 1, T) else _FAINT,
                0.2,
            )
        for k in range(1, T + 1):
            color = (
                _FAINT
                if k < row
                else (_BACKWARD if k == row else COLORS["black"])
            )
            _arrow(ax, (k - 1, y), (k, y), color, radius=0.2)
            if k == row:
                ax.text(
                    k - 0.5,
                    y + 0.19,
                    "nudge",
                    ha="center",
                    va="center",
                    color=color,
                )
            elif k > row:
                ax.text(
                    k - 0.5,
                    y + 0.19,
                    f"× {w_rec:g}",
                    ha="center",
                    va="center",
                    color=color,
                )
        factors = " × ".join([f"{s[row - 1]:g}"] + [f"{w_rec:g}"] * (T - row))
        value = s[row - 1] * w_rec ** (T - row)
        text = factors if T == row else f"{factors} = {value:g}"
        ax.text(
            T + 0.4, y, text, ha="left", va="center", color=COLORS["black"]
        )
    ax.text(
        T + 0.4,
        T - 0.45,
        "adds",
        ha="left",
        va="center",
        color=COLORS["black"],
    )
    for k in range(T + 1):
        ax.text(
            k,
            T - 0.45,
            f"$s_{k}$",
            ha="center",
            va="center",
            color=COLORS["black"],
        )
    ax.set(xlim=(-0.3, T + 2.0), ylim=(-0.4, T - 0.25), aspect="equal")
    ax.axis("off")


def _circle(
    ax: Axes, x: float, y: float, text: str, color: str, radius: float = 0.28
) -> None:
    ax.add_patch(
        plt.Circle(
            (x, y), radius, facecolor="white", edgecolor=color, linewidth=1.8
        )
    )
    # Longer numbers are set smaller, so that they stay inside their circle.
    size = (
        12
        if len(text) <= 3 or text.startswith("$")
        else 10
        if len(text) <= 4
        else 8.5
    )
    ink = COLORS["black"] if color != _FAINT else COLORS["grey"]
    ax.text(x, y, text, ha="center", va="center", color=ink, fontsize=size)


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    radius: float = 0.28,
) -> None:
    """An arrow between two circles, or from a number below up to a circle."""
    (x0, y0), (x1, y1) = start, end
    length = np.hypot(x1 - x0, y1 - y0)
    dx, dy = (
        (x1 - x0) / length * (radius + 0.03),
        (y1 - y0) / length * (radius + 0.03),
    )
    gap = (
        0.16 if y0 != y1 else radius + 0.03
    )  # the number below is smaller than a circle
    ax.add_patch(
        FancyArrowPatch(
            (x0 + dx / (radius + 0.03) * gap, y0 + dy / (radius + 0.03) * gap),
            (x1 - dx, y1 - dy),
            arrowstyle="-|>",
            mutation_scale=11,
            color=color,
            linewidth=1.5,
            shrinkA=0,
            shrinkB=0,
        )
    )
