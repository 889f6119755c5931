"""Whoever computes something else is refused: a fast wrong gradient is no benchmark.

Everyone starts at the same weights and makes the very step that is timed, once, with a large rate.
How far each weight has moved, divided by the rate, is the gradient that was used. It is compared
with the library's gradient in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import Arrays, Case, batches, weights
from .ours import new_model, truncation

RATE = 16.0  # a power of 2, so that dividing by it rounds nothing; large, so that the step counts
TOLERANCE = {"float32": 1e-3, "float64": 1e-9}


class Refused(Exception):
    """A contender's gradient is not the gradient; the text says whose, and by how much."""


def expected(case: Case) -> Arrays:
    """Return the library's gradient at the start, in float64."""
    model = new_model(case, weights(case), "float64")
    _, grads, _ = model.loss_and_grads(*batches(case)[0], **truncation(case))
    return grads


def gradient_used(contender: Any, case: Case) -> Arrays:
    """Let a contender, made with the rate `RATE`, make one step; return what it stepped by."""
    start = weights(case)
    contender.step(*contender.batch(*batches(case)[0]))
    contender.finish()
    after = contender.params()
    if after.keys() != start.keys():
        raise Refused(f"has the parameters {sorted(after)}, not {sorted(start)}")
    return {name: (start[name] - after[name]) / RATE for name in start}


def compare(who: str, case: Case, found: Arrays, right: Arrays) -> float:
    """Return the largest relative error ‖g − r‖/‖r‖ of a parameter, or refuse the contender."""
    names = [name for name in right if case.biases or not name.startswith("b_")]
    worst = max((_error(found[name], right[name]), name) for name in names)
    if not worst[0] <= TOLERANCE[case.dtype]:
        raise Refused(
            f"{who} at {case.name}: its gradient of {worst[1]} is not the library's "
            f"(relative error {worst[0]:.1e}, allowed {TOLERANCE[case.dtype]:.0e}).\n"
            "It computes something else; its time would mean nothing."
        )
    return worst[0]


def _error(found: np.ndarray, right: np.ndarray) -> float:
    if found.shape != right.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.linalg.norm(found - right) / np.linalg.norm(right))
