"""Time as ratios: all take turns within a second, so that a busy machine slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .cases import Case
from .checking import compare, expected
from .worker import CONTENDERS, Worker

TURN = 0.04  # seconds that a contender works, at least, before the next one has its turn
FEWEST, MOST = 7, 400  # turns


class Ratio(NamedTuple):
    """Theirs ÷ ours: the median over paired turns, and its 10th and 90th percentile."""

    median: float
    low: float
    high: float


def paired_ratio(theirs: list[float], ours: list[float]) -> Ratio:
    """Divide turn by turn, then take the median and the spread."""
    if len(theirs) != len(ours) or not ours:
        raise ValueError(f"theirs, ours: expected pairs, got {len(theirs)} and {len(ours)} turns")
    low, median, high = np.percentile(np.divide(theirs, ours), [10, 50, 90])
    return Ratio(float(median), float(low), float(high))


def contenders(case: Case) -> list[str]:
    """Return who is compared with us at a case."""
    if case.dtype == "float64":
        return ["ours", "gy910210"]
    found = ["ours", "torch", "jax"]
    found += ["torch loop"] if case.cell == "tanh" else []
    return found + (["min-char-rnn"] if case.cell == "tanh" and case.shape.B == 1 else [])


def measure(
    case: Case,
    workers: dict[str, Worker],
    seconds: float,
    show: Callable[[float, str], None],
) -> dict[str, Any]:
    """Check everyone's gradient, then let all take turns; return one line of the table.

    `show(share, note)` is called as the work goes on.
    """
    names, tried, errors = contenders(case), {}, {}
    right = expected(case)
    for i, who in enumerate(names):
        show(0.3 * i / len(names), f"{case.name}: checking {who}")
        worker = workers[CONTENDERS[who][0]]
        tried[who] = worker.ask("choose", who, case)
        found = worker.ask("gradient", who, case, _fastest(tried[who]))
        errors[who] = compare(who, case, found, right)
    times = _take_turns(names, workers, tried, seconds, lambda s: show(0.3 + 0.7 * s, case.name))
    for worker in workers.values():
        worker.ask("forget")
    return _line(case, names, tried, errors, times)


def _fastest(tried: dict[str, float]) -> str:
    return min(tried, key=tried.__getitem__)


def _take_turns(
    names: list[str],
    workers: dict[str, Worker],
    tried: dict[str, dict[str, float]],
    seconds: float,
    show: Callable[[float], None],
) -> dict[str, list[float]]:
    """Return the seconds per step of every contender in every turn."""
    steps = {who: max(1, round(TURN / (1e-3 * min(tried[who].values())))) for who in names}
    times: dict[str, list[float]] = {who: [] for who in names}
    start = time.monotonic()
    for turn in range(MOST):
        share = max((time.monotonic() - start) / seconds, 0)
        if share >= 1 and turn >= FEWEST:
            break
        show(min(share, 1.0))
        first = turn % len(names)  # nobody always runs behind the same neighbour
        for who in names[first:] + names[:first]:
            times[who].append(workers[CONTENDERS[who][0]].ask("run", who, steps[who]))
    return times


def _line(
    case: Case,
    names: list[str],
    tried: dict[str, dict[str, float]],
    errors: dict[str, float],
    times: dict[str, list[float]],
) -> dict[str, Any]:
    ours = times["ours"]
    return {
        "name": case.name,
        "size": case.size,
        "cell": case.cell,
        "dtype": case.dtype,
        "truncation": case.truncation,
        **case.shape._asdict(),
        "turns": len(ours),
        "ours_ms": 1e3 * float(np.median(ours)),
        "ours_error": errors["ours"],
        "others": {
            who: {
                "variant": _fastest(tried[who]),
                "tried_ms": tried[who],
                "ms": 1e3 * float(np.median(times[who])),
                "ratio": paired_ratio(times[who], ours)._asdict(),
                "gradient_error": errors[who],
            }
            for who in names[1:]
        },
    }
