"""What `fit` costs on top of the bare loop: python -m bench.fit [--quick]

The bare loop is what everybody writes first: loss_and_grads and optimizer.step, over the very
batches that `fit` takes. Both have their turn within a fraction of a second, and so a busy machine
slows both; the ratio is the median over the turns. Nothing is written.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from rnnlib.batching import Sequences
from rnnlib.clipping import Clipped, clip_global_norm
from rnnlib.model import RNN
from rnnlib.optim import SGD
from rnnlib.train import fit

from .cases import Arrays, Case, weights
from .ours import new_model
from .turns import Ratio, paired_ratio
from .worker import ONE_THREAD, RATE, can_tie

BAR = {"S2": 1.03, "S2 clipped": 1.03}  # fit ÷ bare loop, at most; others are told, not judged
TURN, TURNS, QUICK = 0.2, 100, 10  # seconds that a turn takes, about, and how many
JUDGED = 300  # turns where there is a bar: a hundred tell the median to a percent or two only


LIMIT = 1.0  # for the norm of the gradient


def clip(grads: Arrays) -> Clipped:
    return clip_global_norm(grads, LIMIT)


def bare_loop(case: Case, data: Sequences) -> tuple[Callable[[], object], RNN]:
    """Return a function that goes through the data once, and the network that it trains."""
    model, optimizer = new_model(case, weights(case)), SGD(RATE)
    batches = list(data.epoch(None))

    def run() -> None:
        for batch in batches:
            loss, grads, _ = model.loss_and_grads(batch.inputs, batch.targets)
            optimizer.step(model.params, grads, loss)

    return run, model


def with_fit(case: Case, data: Sequences, **options: Any) -> tuple[Callable[[], object], RNN]:
    """Return a function that does the same by `fit`, and its network."""
    model, optimizer = new_model(case, weights(case)), SGD(RATE)
    return partial(fit, model, optimizer, data, epochs=1, **options), model


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(size: str, clipped: bool, turns: int) -> Ratio:
    """Let both take turns in this process; return fit ÷ bare loop."""
    if can_tie():
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    case = Case(size)
    B, T, V, _ = case.shape
    ids = np.random.default_rng(3).integers(V, size=(T + 1, 2 * B))
    trial, _ = bare_loop(case, Sequences(ids[:-1], ids[1:], batch_size=B))
    once = min(seconds(trial) for _ in range(3))
    ids = np.tile(ids, (1, max(1, round(TURN / once))))
    data = Sequences(ids[:-1], ids[1:], batch_size=B)
    options = {"clip": clip} if clipped else {}
    works = [with_fit(case, data, **options)[0], bare_loop(case, data)[0]]
    times: list[list[float]] = [[], []]
    for turn in range(turns + 1):
        for i in (0, 1) if turn % 2 else (1, 0):
            times[i].append(seconds(works[i]))
    return paired_ratio(*(found[1:] for found in times))  # without the first, which warms up


def line(name: str, ratio: Ratio) -> str:
    """Return one line of the table."""
    bar = BAR.get(name)
    told = "" if bar is None else f"  at most {bar}: {'yes' if ratio.median < bar else 'NO'}"
    return f"{name:11} {ratio.median:.3f}  ({ratio.low:.3f} to {ratio.high:.3f}){told}"


def main(words: list[str]) -> int:
    os.environ.update(ONE_THREAD)  # the child reads them before it imports NumPy
    print("fit / bare loop: median (10th to 90th percentile of the turns)")
    for size, clipped in (("S2", False), ("S2", True), ("S1", False), ("W1", False)):
        name = size + " clipped" * clipped
        turns = QUICK if "--quick" in words else JUDGED if name in BAR else TURNS
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            ratio = process.submit(measure, size, clipped, turns).result()
        print(line(name, ratio), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
