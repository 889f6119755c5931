"""Drawing: one style for the whole book, safe for colour-blind eyes and for narrow screens.

Every function draws on the axes that it is given and returns nothing; the data come from the
caller, so that a figure shows what was computed and cannot invent anything.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.ticker import LogLocator, MaxNLocator

from rnnlib.checks import finite_array
from rnnlib.history import FitHistory

__all__ = [
    "COLORS",
    "draw_gradient_over_time",
    "draw_history",
    "draw_path",
    "draw_surface",
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


def draw_history(
    ax: Axes, history: FitHistory, unit: str = "nats per token"
) -> None:
    """Draw the loss over the epochs, and mark the epoch with the lowest validation loss.

    The training loss is the mean over an epoch, while the weights moved; the validation loss is
    measured at its end. A point of the first stands in the middle of its epoch therefore.

    Arguments
        ax       where to draw
        history  what `fit` returned
        unit     of the losses

    Errors
        ValueError  a history without a complete epoch

    Chapter: *training-loop*.
    """
    epochs = np.arange(1, 1 + len(history.train_loss))
    if not len(epochs):
        raise ValueError("history: expected at least one epoch, got none")
    marker = "o" if len(epochs) <= 30 else ""
    ax.plot(
        epochs - 0.5,
        history.train_loss,
        marker=marker,
        markersize=4,
        label="training",
    )
    if history.validation_loss:
        best = history.best_epoch
        ax.plot(
            epochs,
            history.validation_loss,
            marker=marker,
            markersize=4,
            label="validation",
        )
        ax.plot(
            best,
            history.validation_loss[best - 1],
            linestyle="",
            marker="o",
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=COLORS["red"],
            markeredgewidth=2,
            label=f"best: epoch {best}",
        )
    ax.set(xlabel="epoch", ylabel=f"loss ({unit})")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
