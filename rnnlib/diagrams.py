"""Diagrams: the unrolled network and the ways of an effect through it, with numbers.

Every function draws on the axes that it is given and returns nothing, as in `plots`.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from rnnlib.plots import COLORS

__all__ = ["draw_unrolled", "draw_uses"]

# What is computed forwards, what is passed back, and what is not reached yet.
_FORWARD, _BACKWARD, _FAINT = COLORS["blue"], COLORS["red"], "#a6a6a6"


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
