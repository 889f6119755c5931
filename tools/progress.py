"""A progress bar for the tools: one line that moves in a terminal, a few lines in a log."""

import sys
import time
from types import TracebackType

WIDTH = 24
LOG_EVERY = 15.0  # seconds between two lines where nobody watches (a log, a pipe)


class Progress:
    """Show how far a piece of work has come, and what it is busy with."""

    def __init__(self, title: str, total: int) -> None:
        self.title = title
        self.total = max(total, 1)
        self.live = sys.stdout.isatty()
        self.start = time.monotonic()
        self.last_line = 0.0
        self.length = 0

    def __enter__(self) -> "Progress":
        if not self.live:
            print(f"{self.title} ...", flush=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()
        if error is None:
            print(f"{self.title}: done in {self.seconds():.0f} s", flush=True)

    def seconds(self) -> float:
        """Return the time since the work began."""
        return time.monotonic() - self.start

    def show(self, done: float, note: str = "") -> None:
        """Draw the bar with `done` of `total` and a few words on what happens now."""
        share = min(max(done / self.total, 0.0), 1.0)
        if self.live:
            bar = "█" * round(share * WIDTH)
            line = f"{self.title}  {bar:·<{WIDTH}} {share:4.0%} {self.seconds():4.0f} s  {note}"
            self._redraw(line)
        elif time.monotonic() - self.last_line > LOG_EVERY:
            self.last_line = time.monotonic()
            print(f"  {share:4.0%}  {note}", flush=True)

    def say(self, text: str) -> None:
        """Print a line that stays, above the bar."""
        self.clear()
        print(text, flush=True)

    def clear(self) -> None:
        """Wipe the bar off its line."""
        if self.live and self.length:
            print("\r" + " " * self.length + "\r", end="", flush=True)
            self.length = 0

    def _redraw(self, line: str) -> None:
        width = _terminal_width() - 1
        line = line[:width]
        print("\r" + line + " " * max(self.length - len(line), 0), end="", flush=True)
        self.length = len(line)


def _terminal_width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size((100, 20)).columns


def speak_unicode() -> None:
    """Let a terminal with a narrow encoding show '?' for a sign it lacks instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
