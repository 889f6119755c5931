"""One process per framework, with one thread, which runs steps when asked.

The processes are tied to one core, unless told otherwise. It matters at the smallest sizes: jax
hands each call to a thread of its own, and waking that one up on another core takes longer.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from typing import Any

from .cases import Arrays, Case, batches, weights
from .checking import RATE as CHECKING_RATE
from .checking import Refused, gradient_used

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "3",  # no chatter from XLA
}
# Who takes part: the module and class that make the step. One process per module.
CONTENDERS = {
    "ours": ("ours", "Ours"),
    "torch": ("in_torch", "Layers"),
    "torch loop": ("in_torch", "Loop"),
    "jax": ("in_jax", "Jax"),
    "min-char-rnn": ("loops", "MinCharRNN"),
    "gy910210": ("loops", "Gates"),
}
RATE = 1e-3  # while time is measured: small, so that thousands of steps change little
TRIAL = 0.12  # seconds that each way to write it gets, three times over


class Trouble(Exception):
    """A process failed; the text says which and why."""


class Worker:
    """A process that holds one framework; its methods are the parent's side."""

    def __init__(self, module: str, tied: bool = True) -> None:
        os.environ.update(ONE_THREAD)  # the child reads them before it imports anything
        context = multiprocessing.get_context("spawn")
        self.module = module
        self.pipe, end = context.Pipe()
        self.process = context.Process(target=serve, args=(end, module, tied), daemon=True)
        self.process.start()
        end.close()

    def ask(self, method: str, *arguments: Any) -> Any:
        """Let the process call one of `Bench`'s methods, and return its answer."""
        try:
            self.pipe.send((method, arguments))
            good, answer = self.pipe.recv()
        except (EOFError, OSError):
            raise Trouble(f"the process for {self.module} ended (out of memory?)") from None
        if not good:
            raise Trouble(f"{self.module}, {method}: {answer}")
        return answer

    def close(self) -> None:
        self.process.terminate()
        self.process.join()


def can_tie() -> bool:
    """Tell whether this system can tie a process to a core (Linux can)."""
    return hasattr(os, "sched_setaffinity")


def serve(pipe: Connection, module: str, tied: bool) -> None:
    """Answer the parent until it is gone."""
    if tied and can_tie():
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    bench = Bench(module)
    while True:
        try:
            method, arguments = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            answer = True, getattr(bench, method)(*arguments)
        except KeyboardInterrupt:
            return
        except Exception as error:
            answer = False, f"{type(error).__name__}: {error}"
        pipe.send(answer)


class Bench:
    """What happens inside the process."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.ready: dict[str, Any] = {}

    def choose(self, who: str, case: Case) -> dict[str, float]:
        """Try all ways to write the step and make the fastest ready; return ms for each."""
        variants = self._kind(who).variants(case)
        tried = {variant: self._new(who, case, variant, RATE) for variant in variants}
        times: dict[str, list[float]] = {variant: [] for variant in variants}
        for _ in range(3 if len(variants) > 1 else 1):
            for variant, contender in tried.items():
                times[variant].append(contender.seconds_per_step(TRIAL))
        best = {variant: 1e3 * min(seconds) for variant, seconds in times.items()}
        self.ready[who] = tried[min(best, key=best.__getitem__)]
        return best

    def gradient(self, who: str, case: Case, variant: str) -> Arrays:
        """Return the gradient by which the contender steps."""
        try:
            return gradient_used(self._new(who, case, variant, CHECKING_RATE).contender, case)
        except Refused as refused:
            raise Refused(f"{who} {refused}") from None

    def run(self, who: str, steps: int) -> float:
        """Return the seconds that a step took, over so many steps."""
        return self.ready[who].seconds(steps) / steps

    def forget(self) -> None:
        self.ready.clear()

    def memory(self, case: Case) -> dict[str, Any]:
        """Return what `memory.measure` finds; see there."""
        from . import memory

        return memory.measure(self.module, case)

    def series(self, cases: list[tuple[int, int]], seconds: float) -> list[float]:
        """Return what `linearity.measure` finds; see there."""
        from . import linearity

        return linearity.measure(cases, seconds)

    def version(self, package: str) -> str:
        return importlib.import_module(package).__version__

    def _kind(self, who: str) -> Any:
        module, name = CONTENDERS[who]
        return getattr(importlib.import_module(f".{module}", __package__), name)

    def _new(self, who: str, case: Case, variant: str, rate: float) -> Timed:
        return Timed(self._kind(who)(case, variant, weights(case), rate), case)


class Timed:
    """A contender and its batches, taken in turn."""

    def __init__(self, contender: Any, case: Case) -> None:
        self.contender = contender
        self.batches = [contender.batch(x, y) for x, y in batches(case)]
        self.count = 0

    def seconds(self, steps: int) -> float:
        """Return the wall-clock time of so many training steps."""
        start = time.perf_counter()
        for _ in range(steps):
            self.count += 1
            self.contender.step(*self.batches[self.count % len(self.batches)])
        self.contender.finish()
        return time.perf_counter() - start

    def seconds_per_step(self, about: float) -> float:
        """Warm up, then return the time of a step, measured for about so many seconds."""
        for _ in self.batches[:2]:
            once = self.seconds(1)
        steps = max(1, int(about / once))
        return self.seconds(steps) / steps
