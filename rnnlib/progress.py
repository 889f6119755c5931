"""A progress bar for training, which appears only where there is something to wait for."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

__all__ = ["Bar"]

_DELAY = 1.0  # seconds: what ends sooner shows no bar


class Bar:
    """One line on stderr: steps done and to come, the loss, and how many losses a second.

    tqdm draws it, and is imported only when the bar appears. Without tqdm there is no bar.

    Arguments
        total   steps, when all is done
        done    steps that were made before this run
        wanted  False: never appear

    Chapter: *training-loop*.
    """

    def __init__(self, total: int, done: int, wanted: bool = True) -> None:
        self._total, self._done, self._wanted = total, done, wanted
        self._start = time.monotonic()
        self._tokens = 0
        self._bar: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, loss: float, tokens: int) -> None:
        """Count one step.

        Arguments
            loss    to be shown, per token
            tokens  that this step has learned from
        """
        self._done += 1
        self._tokens += tokens
        if not self._wanted:
            return
        seconds = time.monotonic() - self._start
        if self._bar is None:
            if seconds > _DELAY:
                self._appear()
            return
        note = f"loss {loss:.4g}, {self._tokens / seconds:,.0f} tokens/s"
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update()

    def _appear(self) -> None:
        try:
            from tqdm import tqdm
        except ImportError:
            self._wanted = False
            return
        self._bar = tqdm(
            total=self._total, initial=self._done, desc="training", unit="step"
        )
