"""The tanh/softmax network, unrolled, with its numbers: on its way forward and on its way back.

Every function draws on the axes that it is given and returns nothing, as in `plots`. Boxes fit
their numbers, whatever the size of the figure; (6, 4) inches suit three steps, (7, 4) five.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from rnnlib.checks import finite_array, whole_number
from rnnlib.plots import COLORS

__all__ = ["draw_backward", "draw_network"]

_MOST = (
    5  # steps: more columns would leave no room for the arrows between them
)
_FAINT, _SIZE, _WIDEST = "#a6a6a6", 13, "−0.00"
# The places of the rows, from the input at 0 to the target at the top.
_FORWARD_ROWS = {"x": 0.0, "h": 1.15, "p": 2.55, "loss": 2.95, "y": 3.4}
_BACKWARD_ROWS = {
    "x": 0.0,
    "da": 0.65,
    "h": 1.43,
    "dh": 2.21,
    "W_hy": 2.85,
    "do": 3.55,
}


def draw_network(
    ax: Axes,
    x: Sequence[str],
    h: ArrayLike,
    p: ArrayLike | None = None,
    losses: ArrayLike | None = None,
    step: int | None = None,
    targets: Sequence[str] | None = None,
) -> None:
    """Draw the unrolled network: each symbol feeds a state, each state makes a prediction.

        h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h),    ŷ_t = softmax(W_hy h_t + b_y)

    Arguments
        ax       where to draw; its axes are hidden
        x        the symbols that are read, T of them, from 1 to 5
        h        h_0 … h_T, shape (T + 1, H), printed in boxes; H of 2 or 3 can be read
        p        the probability of each target, ŷ_t[y_t], shape (T)
        losses   ℓ_1 … ℓ_T in nats, shape (T)
        step     columns up to this one are reached, the rest is faint; 0: h_0 alone.
                 None: all are reached
        targets  the symbols that come next, T of them

    Errors
        TypeError, ValueError  an argument of another kind or length, or not finite

    Chapter: *forward*.
    """
    x = _symbols("x", x)
    T = len(x)
    h = _table("h", h, T + 1)
    above = {
        "p": None if p is None else _probabilities("p", p, T),
        "loss": None if losses is None else _row("losses", losses, T),
    }
    y = None if targets is None else _symbols("targets", targets, T)
    reached = T if step is None else _step(step, T)
    for t in range(T + 1):
        seen = t <= reached
        color = COLORS["blue"] if seen else _FAINT
        _state(ax, t, _FORWARD_ROWS["h"], h[t], color, seen)
        if t == 0:
            continue
        _recurrent_arrow(ax, t, _FORWARD_ROWS["h"], color)
        _input(ax, t, x[t - 1], h.shape[1], color)
        _output(ax, t, above, y, h.shape[1], seen)
    _say(ax, 0, _FORWARD_ROWS["x"], "input $x_t$", COLORS["blue"])
    _output_names(ax, above, y)
    _frame(ax, T, -0.25, 3.65)


def draw_backward(
    ax: Axes,
    x: Sequence[str],
    h: ArrayLike,
    do: ArrayLike,
    dh: ArrayLike,
    da: ArrayLike,
    step: int,
) -> None:
    """Draw the network on its way back: what the loss owes to each state, from T to `step`.

        δ_t = W_hyᵀ ∂L/∂o_t + W_hhᵀ ∂L/∂a_{t+1},    ∂L/∂a_t = (1 − h_t²) ⊙ δ_t

    Arguments
        ax    where to draw; its axes are hidden
        x     the symbols that were read, T of them, from 1 to 5
        h     h_0 … h_T, shape (T + 1, H)
        do    ∂L/∂o_1 … ∂L/∂o_T, shape (T, V); V of up to 4 can be read
        dh    δ_0 … δ_T, shape (T + 1, H)
        da    ∂L/∂a_1 … ∂L/∂a_T, shape (T, H)
        step  columns from T down to this one are reached, the rest is faint; 0: all

    Errors
        TypeError, ValueError  an argument of another kind or length, or not finite

    Chapter: *derivation*.
    """
    x = _symbols("x", x)
    T = len(x)
    h = _table("h", h, T + 1)
    do = _table("do", do, T)
    dh = _table("dh", dh, T + 1, h.shape[1])
    da = _table("da", da, T, h.shape[1])
    step, H, rows = _step(step, T), h.shape[1], _BACKWARD_ROWS
    for t in range(T + 1):
        seen = t >= step
        color = COLORS["red"] if seen else _FAINT
        if t > 0:
            _arrow(ax, (t, rows["dh"]), (t, rows["da"]), color, H, H)
            _back_arrow(ax, t, rows, COLORS["red"] if t > step else _FAINT)
            _arrow(ax, (t, rows["do"]), (t, rows["dh"]), color, do.shape[1], H)
            _say(ax, t, rows["W_hy"], r"$W_{hy}^\top$", color, right=5)
            _numbers(ax, t, rows["do"], do[t - 1], color, seen)
            _numbers(ax, t, rows["da"], da[t - 1], color, seen)
            _say(ax, t, rows["x"], x[t - 1], COLORS["blue"])
        _numbers(ax, t, rows["dh"], dh[t], color, seen)
        _name(ax, t, rows["dh"], rf"$\delta_{t}$", color)
        _numbers(ax, t, rows["h"], h[t], COLORS["blue"], True)
    _name(ax, 0, rows["h"], "$h_t$", COLORS["blue"])
    _say(ax, 0, rows["do"], r"$\partial L/\partial o_t$", COLORS["red"])
    _say(ax, 0, rows["da"], r"$\partial L/\partial a_t$", COLORS["red"])
    _say(ax, 0, rows["x"], "input $x_t$", COLORS["blue"])
    _frame(ax, T, -0.25, 4.2)


# --- Parts of a drawing ----------------------------------------------------


def _state(
    ax: Axes, t: int, y: float, h_t: np.ndarray, color: str, seen: bool
) -> None:
    _numbers(ax, t, y, h_t, color, seen)
    _name(ax, t, y, f"$h_{t}$", color)


def _numbers(
    ax: Axes, t: int, y: float, row: np.ndarray, color: str, seen: bool
) -> None:
    """A box with one number a line, or question marks; all boxes are of one width."""
    style = {"ha": "center", "va": "center", "fontsize": _SIZE}
    ax.text(
        t,
        y,
        "\n".join([_WIDEST] * len(row)),
        color="none",  # it only measures out the box
        linespacing=1.05,
        bbox={
            "boxstyle": "round,pad=0.22",
            "facecolor": "white",
            "edgecolor": color,
            "linewidth": 1.6,
        },
        **style,
    )
    lines = [_two_decimals(value) if seen else "?" for value in row]
    ax.annotate(
        "\n".join(lines),
        (t, y),
        xytext=(1.5 * _SIZE if seen else 0, 0),
        textcoords="offset points",
        color=COLORS["black"] if seen else _FAINT,
        linespacing=1.05,
        multialignment="right",
        **style | {"ha": "right" if seen else "center"},
    )


def _two_decimals(value: float) -> str:
    """Two decimals, with a minus sign of print, and no minus before 0.00."""
    return f"{value:z.2f}".replace("-", "−")


def _name(ax: Axes, t: int, y: float, text: str, color: str) -> None:
    """The name of a box, at its upper left."""
    ax.annotate(
        text,
        (t, y),
        xytext=(-26, 12),
        textcoords="offset points",
        ha="right",
        va="center",
        color=color,
        fontsize=_SIZE,
    )


def _say(
    ax: Axes, t: float, y: float, text: str, color: str, right: int = 0
) -> None:
    """A text in the middle of its place, or to the right of it by so many points."""
    ax.annotate(
        text,
        (t, y),
        xytext=(right, 0),
        textcoords="offset points",
        ha="left" if right else "center",
        va="center",
        color=color,
        fontsize=_SIZE,
    )


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    lines_at_start: int,
    lines_at_end: int,
) -> None:
    """An arrow from box to box that ends where the boxes do; 0 lines: at their sides."""
    ax.annotate(
        "",
        end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "mutation_scale": 13,
            "color": color,
            "linewidth": 1.6,
            "shrinkA": _margin(lines_at_start),
            "shrinkB": _margin(lines_at_end),
        },
    )


def _margin(lines: int) -> float:
    """Points from the middle of a box to its edge."""
    return 0.62 * _SIZE * lines + 5 if lines else 2.0 * _SIZE


def _recurrent_arrow(ax: Axes, t: int, y: float, color: str) -> None:
    _arrow(ax, (t - 1, y), (t, y), color, 0, 0)
    ax.annotate(
        "$W_{hh}$",
        (t - 0.5, y),
        xytext=(0, -5),
        textcoords="offset points",
        ha="center",
        va="top",
        color=color,
        fontsize=_SIZE,
    )


def _back_arrow(ax: Axes, t: int, rows: dict[str, float], color: str) -> None:
    """From ∂L/∂a_t up to δ of the step before."""
    _arrow(ax, (t, rows["da"]), (t - 1, rows["dh"]), color, 0, 0)
    ax.text(
        t - 0.5,
        (rows["da"] + rows["dh"]) / 2,
        r"$W_{hh}^\top$",
        ha="center",
        va="center",
        color=color,
        fontsize=_SIZE,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _input(ax: Axes, t: int, symbol: str, H: int, color: str) -> None:
    rows = _FORWARD_ROWS
    _say(ax, t, rows["x"], symbol, color)
    _arrow(ax, (t, rows["x"]), (t, rows["h"]), color, 1, H)
    _say(ax, t, (rows["x"] + rows["h"]) / 2 - 0.1, "$W_{xh}$", color, right=5)


def _output(
    ax: Axes,
    t: int,
    above: dict[str, np.ndarray | None],
    y: list[str] | None,
    H: int,
    seen: bool,
) -> None:
    rows = _FORWARD_ROWS
    color = COLORS["blue"] if seen else _FAINT
    ink = COLORS["black"] if seen else _FAINT
    _arrow(ax, (t, rows["h"]), (t, rows["p"]), color, H, 1)
    _say(ax, t, (rows["h"] + rows["p"]) / 2 + 0.1, "$W_{hy}$", color, right=5)
    if above["p"] is None:
        _say(ax, t, rows["p"], rf"$\hat y_{t}$", ink)
    else:
        _say(
            ax,
            t,
            rows["p"],
            _two_decimals(above["p"][t - 1]) if seen else "?",
            ink,
        )
    if above["loss"] is not None:
        text = _two_decimals(above["loss"][t - 1]) if seen else "?"
        _say(ax, t, rows["loss"], text, COLORS["red"] if seen else _FAINT)
    if y is not None:
        _say(ax, t, rows["y"], y[t - 1], COLORS["green"] if seen else _FAINT)


def _output_names(
    ax: Axes, above: dict[str, np.ndarray | None], y: list[str] | None
) -> None:
    """Names of the rows of outputs, in the free places above h_0."""
    rows = _FORWARD_ROWS
    if above["p"] is not None:
        _say(ax, 0, rows["p"], r"$\hat y_t[y_t]$", COLORS["black"])
    if above["loss"] is not None:
        _say(ax, 0, rows["loss"], r"loss $\ell_t$", COLORS["red"])
    if y is not None:
        _say(ax, 0, rows["y"], "target $y_t$", COLORS["green"])


def _frame(ax: Axes, T: int, low: float, high: float) -> None:
    ax.set(xlim=(-0.5, T + 0.4), ylim=(low, high))
    ax.axis("off")


# --- Checks ------------------------------------------------------------------


def _symbols(
    name: str, value: Sequence[str], length: int | None = None
) -> list[str]:
    if not isinstance(value, Sequence) or not all(
        isinstance(symbol, str) for symbol in value
    ):
        raise TypeError(f"{name}: expected texts in a row, got {value!r:.60}")
    if length is None and not 1 <= len(value) <= _MOST:
        raise ValueError(
            f"{name}: expected 1 to {_MOST} symbols, got {len(value)}"
        )
    if length is not None and len(value) != length:
        raise ValueError(
            f"{name}: expected {length} symbols, got {len(value)}"
        )
    return list(value)


def _row(name: str, value: ArrayLike, length: int) -> np.ndarray:
    row = finite_array(name, value, ndim=1)
    if len(row) != length:
        raise ValueError(f"{name}: expected {length} numbers, got {len(row)}")
    return row


def _probabilities(name: str, value: ArrayLike, length: int) -> np.ndarray:
    row = _row(name, value, length)
    if row.min() < 0 or row.max() > 1:
        raise ValueError(
            f"{name}: expected probabilities from 0 to 1, "
            f"got {row.min():g} to {row.max():g}"
        )
    return row


def _table(
    name: str, value: ArrayLike, rows: int, columns: int | None = None
) -> np.ndarray:
    table = finite_array(name, value, ndim=2)
    wanted = (rows, table.shape[1] if columns is None else columns)
    if table.shape != wanted:
        raise ValueError(f"{name}: expected shape {wanted}, got {table.shape}")
    return table


def _step(step: int, T: int) -> int:
    step = whole_number("step", step, least=0)
    if step > T:
        raise ValueError(f"step: expected a step from 0 to {T}, got {step}")
    return step
