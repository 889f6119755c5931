"""Clipping: three ways to shorten a gradient, and what each leaves of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rnnlib.checks import between

__all__ = [
    "Clipped",
    "clip_each_norm",
    "clip_global_norm",
    "clip_values",
    "global_norm",
]


class Clipped(NamedTuple):
    """A gradient after clipping, and what was done to it.

    Attributes
        grads        arrays by name; those that did not change are the ones that were given
        norm_before  ‖g‖ over all parameters together, before
        norm_after   ‖g‖ after
        cosine       of the angle between the two: 1 if the direction is kept; nan if one of
                     them is 0
        changed      the share of the numbers that were changed, from 0 to 1
    """

    grads: dict[str, np.ndarray]
    norm_before: float
    norm_after: float
    cosine: float
    changed: float


def global_norm(grads: Mapping[str, np.ndarray]) -> float:
    """The length of a gradient, all parameters taken as one vector.

        ‖g‖ = √(Σ g²), over every number of every array

    Arguments
        grads  arrays by name

    Returns
        norm  a number; inf or nan if a derivative is

    Errors
        TypeError  an array that does not hold real numbers

    Chapter: *clipping*.
    """
    return math.hypot(*(_norm(name, g) for name, g in grads.items()))


def clip_values(grads: Mapping[str, np.ndarray], limit: float) -> Clipped:
    """Cut every derivative off at ±limit.

        g ← min(max(g, −limit), limit)

    Short derivatives stay and long ones shrink: the direction turns.

    Arguments
        grads  arrays by name; read only
        limit  above 0

    Returns
        clipped  the new gradient, in `grads`, and what was done to it

    Errors
        TypeError, ValueError  not real numbers, not finite, a limit that is not above 0

    Sources: Olar; Nabi; Karpathy 2015. Chapter: *clipping*.
    """
    limit, _ = _checked(grads, limit)
    new, changed = dict(grads), 0
    for name, g in grads.items():
        over = np.count_nonzero(np.abs(g) > limit)
        if over:
            new[name] = np.asarray(np.clip(g, -limit, limit))
            changed += over
    return _report(grads, new, changed)


def clip_each_norm(grads: Mapping[str, np.ndarray], limit: float) -> Clipped:
    """Shorten each array on its own to the length `limit`, if it is longer.

        g_i ← g_i · min(1, limit / ‖g_i‖)    for each parameter i

    Within an array the direction stays; between arrays it turns, and five arrays together can
    be √5 times as long as the limit.

    Arguments, Returns, Errors as for `clip_values`.

    Source: Benzina 2023. Chapter: *clipping*.
    """
    limit, norms = _checked(grads, limit)
    new, changed = dict(grads), 0
    for name, g in grads.items():
        if norms[name] > limit:
            new[name] = np.asarray(g * (limit / norms[name]))
            changed += g.size
    return _report(grads, new, changed)


def clip_global_norm(grads: Mapping[str, np.ndarray], limit: float) -> Clipped:
    """Shorten the whole gradient to the length `limit`, if it is longer.

        g ← g · min(1, limit / ‖g‖),    ‖g‖ over all parameters together

    The direction stays.

    Arguments, Returns, Errors as for `clip_values`.

    Source: Pascanu, Mikolov and Bengio 2013. Chapter: *clipping*.
    """
    limit, norms = _checked(grads, limit)
    norm = math.hypot(*norms.values())
    if norm <= limit:
        return _report(grads, dict(grads), changed=0)
    new = {name: np.asarray(g * (limit / norm)) for name, g in grads.items()}
    return _report(grads, new, changed=sum(g.size for g in new.values()))


def _report(
    before: Mapping[str, np.ndarray],
    after: dict[str, np.ndarray],
    changed: int,
) -> Clipped:
    """What was done: both lengths, the cosine between them, the share of numbers changed."""
    long = global_norm(before)
    short = global_norm(after) if changed else long
    cosine = 1.0 if long else math.nan
    if changed:
        # Unit vectors first: the product of two long ones could overflow.
        dots = (
            np.vdot(g / long, after[name] / short)
            for name, g in before.items()
        )
        cosine = min(float(sum(dots)), 1.0)
    size = sum(np.size(g) for g in before.values())
    return Clipped(after, long, short, cosine, changed / size)


def _checked(
    grads: Mapping[str, np.ndarray], limit: float
) -> tuple[float, dict[str, float]]:
    """The limit, and the norm of each array, if all of them can be used."""
    limit = between("limit", limit, 0, np.inf, open_low=True)
    if not grads:
        raise ValueError("grads: expected at least one array, got none")
    norms = {name: _norm(name, g) for name, g in grads.items()}
    for name, norm in norms.items():
        if not math.isfinite(norm):
            raise ValueError(
                f"grads[{name!r}]: expected finite numbers, got a norm of {norm}"
            )
    return limit, norms


def _norm(name: str, grad: np.ndarray) -> float:
    """‖g‖ of one array."""
    # What NumPy computes from an array of shape () is a number of its own kind.
    known = isinstance(grad, np.ndarray | np.floating)
    if not known or grad.dtype.kind != "f":
        raise TypeError(
            f"grads[{name!r}]: expected an array of floats, got {grad!r:.60}"
        )
    flat = grad.ravel("K")
    square = float(np.vdot(flat, flat))
    if 1e-30 < square < 1e30:
        return math.sqrt(square)
    # The squares overflow or vanish in float32 long before the numbers do.
    largest = float(np.max(np.abs(flat), initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(float(np.vdot(flat / largest, flat / largest)))
