"""What we want to reach: theirs ÷ ours, at least. Change a bar here and nowhere else."""

from __future__ import annotations

from typing import Any, NamedTuple


class Bar(NamedTuple):
    """One promise: at this line of the table, this contender takes so many times our time."""

    line: str  # the name of a case
    against: str
    at_least: float
    hoped: bool = False  # beyond what is asked: good to reach, no fault if not


BARS = [
    Bar("S1", "torch", 6),
    Bar("S2", "torch", 1.6),
    Bar("S3", "torch", 1.2),
    Bar("S4", "torch", 1.2),
    Bar("W1", "torch", 1.3),
    Bar("W32", "torch", 1.3),
    Bar("S1", "jax", 0.9),
    Bar("W1", "jax", 0.9),
    Bar("S2", "jax", 1.0),
    Bar("S3", "jax", 1.3),
    Bar("S4", "jax", 1.3),
    Bar("W32", "jax", 1.8),
    Bar("S1", "min-char-rnn", 4.5),
    Bar("W1 f64 back 4", "gy910210", 100),
    Bar("S1", "jax", 1.0, hoped=True),
    Bar("W1", "jax", 1.0, hoped=True),
    *(Bar(f"{size} lstm", "torch", 1.0, hoped=True) for size in ("S1", "S2", "S3")),
]


def judge(lines: list[dict[str, Any]], bars: list[Bar] = BARS) -> list[dict[str, Any]]:
    """Return each bar whose line was measured, with its ratio and whether it is reached."""
    measured = {line["name"]: line["others"] for line in lines}
    found = []
    for bar in bars:
        other = measured.get(bar.line, {}).get(bar.against)
        if other is not None:
            ratio = other["ratio"]["median"]
            found.append({**bar._asdict(), "ratio": ratio, "reached": ratio >= bar.at_least})
    return found
