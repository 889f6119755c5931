"""Bytes per token of a long batch (T = 1000), by each framework's own account and the system's.

By its own account:

    ours   the peak of `tracemalloc` during the first call: every array, gradients included
    torch  the peak of its profiler's record: every allocation and release of one step
    jax    the temporary buffers of the compiled step (XLA's memory analysis)

By the system's: how far the process grew at its highest, above where it stood after a step with
two tokens' time (Linux alone). It sees everything, also what an allocator keeps in reserve.
"""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Case, Size, weights

STEPS = 1000
MEASURES = {
    "ours": "peak of tracemalloc",
    "torch": "peak of torch's profiler",
    "jax": "XLA's temporary buffers",
}


def formula(size: Size) -> int:
    """Return the bytes per token that our step is designed for: (3H + 2V)·4."""
    return (3 * size.H + 2 * size.V) * 4


def measure(module: str, case: Case) -> dict[str, float | None]:
    """Return bytes per token by both accounts. Call it in a process that has done nothing else."""
    who = module.removeprefix("in_")
    new, account = {"ours": _ours, "torch": _torch, "jax": _jax}[who](case)
    short, long = _ids(case, 2), _ids(case, STEPS)
    tokens = STEPS * case.shape.B
    grown = _growth(new, short, long)
    return {"own": account(long) / tokens, "system": None if grown is None else grown / tokens}


def _ids(case: Case, T: int) -> tuple[np.ndarray, np.ndarray]:
    B, _, V, _ = case.shape
    ids = np.random.default_rng(3).integers(V, size=(T + 1, B))
    return ids[:-1].copy(), ids[1:].copy()


# --- The system's account ------------------------------------------------------------------------


def _growth(new: Any, short: Any, long: Any) -> float | None:
    """Return by how many bytes the process grew, at its highest, during one long step."""
    contender = new()
    batch, longer = contender.batch(*short), contender.batch(*long)
    contender.step(*batch)
    if hasattr(contender, "compile"):
        contender.compile(*longer)  # compiling is no part of the step
    contender.finish()
    if not _forget_highest():
        return None
    before = _status("VmRSS")
    contender.step(*longer)
    contender.finish()
    return _status("VmHWM") - before


def _forget_highest() -> bool:
    """Make the highest memory use so far the present one; False where the system can't."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * float(line.split()[1]) for line in lines if line.startswith(key + ":"))


# --- Their own accounts --------------------------------------------------------------------------


def _ours(case: Case) -> Any:
    from .ours import Ours

    def new() -> Ours:
        return Ours(case, "", weights(case), 1e-3)

    def account(batch: Any) -> float:
        contender = new()
        tracemalloc.start()
        contender.step(*batch)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    return new, account


def _torch(case: Case) -> Any:
    from torch.profiler import ProfilerActivity, profile

    from .in_torch import Layers

    def new() -> Layers:
        return Layers(case, Layers.variants(case)[0], weights(case), 1e-3)

    def account(batch: Any) -> float:
        contender = new()
        arguments = contender.batch(*batch)
        with _silence(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
            contender.step(*arguments)
        events = found.profiler.kineto_results.events()
        changes = [event for event in events if event.name() == "[memory]"]
        changes.sort(key=lambda event: event.start_ns())
        return max(np.cumsum([event.nbytes() for event in changes]))

    return new, account


@contextmanager
def _silence() -> Iterator[None]:
    """Send what C++ writes to stderr nowhere: the profiler announces itself there."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _jax(case: Case) -> Any:
    from . import in_jax

    class Compiled(in_jax.Jax):
        def compile(self, x: Any, y: Any) -> None:
            self.compiled = self.train.lower(self.p, x, y, self.rate).compile()
            self.train = self.compiled

    def new() -> Compiled:
        return Compiled(case, in_jax.Jax.variants(case)[0], weights(case), 1e-3)

    def account(batch: Any) -> float:
        contender = new()
        contender.compile(*contender.batch(*batch))
        return contender.compiled.memory_analysis().temp_size_in_bytes

    return new, account


# --- The parent's side ---------------------------------------------------------------------------


def compare(start: Any, show: Any) -> dict[str, Any]:
    """Measure all, each in a fresh process made by `start(module)`; return what the file holds."""
    case = Case("S2")
    found = []
    for i, (who, how) in enumerate(MEASURES.items()):
        show(i / len(MEASURES), f"memory: {who}")
        worker = start(who if who == "ours" else f"in_{who}")
        try:
            found.append({"name": who, "measure": how, **worker.ask("memory", case)})
        finally:
            worker.close()
    shape = case.shape._replace(T=STEPS)
    return {**shape._asdict(), "formula": formula(shape), "bytes_per_token": found}
