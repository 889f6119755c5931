"""Interrupts that wait: Ctrl-C ends the work between two pieces, not in the middle of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

__all__ = ["Interrupts"]


class Interrupts:
    """For as long as a `with` block lasts, take note of Ctrl-C instead of obeying it at once.

    The work inside looks at `asked` wherever it can stop. Whoever presses a second time does
    not want to wait: that raises KeyboardInterrupt. At the end of the block everything is as
    it was. Python handles signals in its main thread only; in others nothing changes, nor where
    the program has been told to ignore Ctrl-C.

    Attributes
        asked  whether an interrupt has come

    Chapter: *training-loop*.
    """

    def __init__(self) -> None:
        self.asked = False
        self._former: object = None

    def __enter__(self) -> Interrupts:
        former = signal.getsignal(signal.SIGINT)
        in_main = threading.current_thread() is threading.main_thread()
        # None: a handler that Python did not install and could not put back.
        if in_main and former not in (None, signal.SIG_IGN):
            signal.signal(signal.SIGINT, self._note)
            self._former = former
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
