"""How our time grows with the length, with the batch, and with the number of tokens."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .cases import Case, weights
from .ours import Ours
from .worker import RATE

CASE = Case("S2")  # its V and H; T and B vary
SERIES = {
    "T": [(T, 32) for T in (16, 32, 64, 128, 256, 512, 1024)],
    "B": [(64, B) for B in (1, 4, 16, 32, 64, 128, 256, 512)],
    "tokens": [(2 * B, B) for B in (8, 16, 32, 64, 128)],
}


def slope(x: list[float], y: list[float]) -> float:
    """Return the exponent k of y ∝ x^k, fitted by least squares to the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def measure(shapes: list[tuple[int, int]], seconds: float) -> list[float]:
    """Return the median seconds per step for every (T, B), measured in rounds over all of them."""
    _, _, V, _ = CASE.shape
    rng, todo = np.random.default_rng(4), []
    for T, B in shapes:
        ids = rng.integers(V, size=(T + 1, B))
        contender = Ours(CASE, "", weights(CASE), RATE)
        contender.step(ids[:-1], ids[1:])
        todo.append((contender, ids))
    times, start = [], time.monotonic()
    while len(times) < 3 or time.monotonic() - start < seconds:
        times.append([_once(contender, ids) for contender, ids in todo])
    return np.median(times, axis=0).tolist()


def _once(contender: Ours, ids: np.ndarray) -> float:
    repeats = max(1, 4096 // ids.size)
    start = time.perf_counter()
    for _ in range(repeats):
        contender.step(ids[:-1], ids[1:])
    return (time.perf_counter() - start) / repeats


def compare(start: Any, show: Any, seconds: float) -> dict[str, Any]:
    """Measure all series in a fresh process; return what the file holds."""
    worker, found = start("ours"), []
    try:
        for i, (against, shapes) in enumerate(SERIES.items()):
            show(i / len(SERIES), f"growth with {against}")
            times = worker.ask("series", shapes, seconds / len(SERIES))
            tokens = [T * B for T, B in shapes]
            x = {"T": [T for T, _ in shapes], "B": [B for _, B in shapes], "tokens": tokens}[
                against
            ]
            found.append(
                {
                    "against": against,
                    "T": [T for T, _ in shapes],
                    "B": [B for _, B in shapes],
                    "ms": [1e3 * t for t in times],
                    "slope": slope(x, times),
                    "slope_of_upper_half": slope(x[len(x) // 2 :], times[len(x) // 2 :]),
                }
            )
    finally:
        worker.close()
    return {"V": CASE.shape.V, "H": CASE.shape.H, "series": found}
