"""The table on the terminal, 80 columns wide, and what is said about the machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "book" / "benchmarks.json"
COLUMNS = {
    "torch": "torch",
    "torch loop": "torch loop",
    "jax": "jax",
    "min-char-rnn": "min-char",
    "gy910210": "gy910210",
}


def text(found: dict[str, Any]) -> str:
    """Return everything that was found as text."""
    parts = [_machine(found), _speed(found["speed"]), _ways(found["speed"])]
    parts += [_memory(found["memory"])] if found.get("memory") else []
    parts += [_growth(found["linearity"])] if found.get("linearity") else []
    parts += [_bars(found["bars"])] if found["bars"] else []
    return "\n\n".join(parts)


def _machine(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    machine = found["machine"]
    used = "all processes on one core" if found["one_core"] else "processes not tied to a core"
    return f"{machine['cpu']}, {machine['cores']} cores\nOne thread each, {used}\n{versions}"


def _speed(lines: list[dict[str, Any]]) -> str:
    rows = [
        "A training step: theirs ÷ ours (above 1, ours is faster).",
        "Median of paired turns; below it the 10th and the 90th percentile",
        "",
        f"{'':13}{'ours, ms':>9}" + "".join(f"{title:>11}" for title in COLUMNS.values()),
    ]
    for line in lines:
        ratios = [line["others"].get(who, {}).get("ratio") for who in COLUMNS]
        middle = [number(ratio["median"]) if ratio else "" for ratio in ratios]
        spread = [
            f"{number(ratio['low'])}-{number(ratio['high'])}" if ratio else "" for ratio in ratios
        ]
        rows.append(f"{line['name']:13}{number(line['ours_ms']):>9}" + _cells(middle))
        rows.append((f"{'':22}" + _cells(spread)).rstrip())
    return "\n".join(row.rstrip() for row in rows)


def _cells(words: list[str]) -> str:
    return "".join(f"{word:>11}" for word in words)


def number(value: float) -> str:
    """Return three digits, without an exponent."""
    return f"{value:.{0 if value >= 99.5 else 1 if value >= 9.95 else 2}f}"


def _ways(lines: list[dict[str, Any]]) -> str:
    rows = ["The way of writing it that was fastest, and so was timed (ms when tried)"]
    for line in lines:
        for who, other in line["others"].items():
            if len(other["tried_ms"]) > 1:
                rows.append(f"  {line['name']}, {who}")
                for way, ms in other["tried_ms"].items():
                    mark = "*" if way == other["variant"] else " "
                    rows.append(f"    {mark} {way:32}{number(ms):>8}")
    return "\n".join(rows) if len(rows) > 1 else "No contender had a choice of ways."


def _memory(found: dict[str, Any]) -> str:
    shape = ", ".join(f"{key} = {found[key]}" for key in "BTVH")
    rows = [
        f"Memory of a training step, bytes per token ({shape})",
        f"{'':8}{'own account':>12}{'÷ ours':>8}{'system':>9}{'÷ ours':>8}  own account is",
    ]
    first = found["bytes_per_token"][0]
    for line in found["bytes_per_token"]:
        row = f"{line['name']:8}{line['own']:12.0f}{line['own'] / first['own']:8.2f}"
        if line["system"] is None or not first["system"]:
            row += f"{'-':>9}{'-':>8}"
        else:
            row += f"{line['system']:9.0f}{line['system'] / first['system']:8.2f}"
        rows.append(f"{row}  {line['measure']}")
    return "\n".join([*rows, f"(3H + 2V)·4 = {found['formula']}"])


def _growth(found: dict[str, Any]) -> str:
    rows = [f"Our time in ms as the work grows (V = {found['V']}, H = {found['H']})"]
    for series in found["series"]:
        sizes = [f"{T}×{B}" for T, B in zip(series["T"], series["B"], strict=True)]
        rows.append(
            f"against {series['against']}: exponent {series['slope']:.2f}; "
            f"in the upper half {series['slope_of_upper_half']:.2f}"
        )
        rows.append("  T×B" + "".join(f"{size:>9}" for size in sizes))
        rows.append("  ms " + "".join(f"{number(ms):>9}" for ms in series["ms"]))
    return "\n".join(rows)


def _bars(bars: list[dict[str, Any]]) -> str:
    rows = []
    for hoped, title in ((False, "Bars (theirs ÷ ours)"), (True, "Beyond the bars")):
        some = [bar for bar in bars if bar["hoped"] == hoped]
        reached = sum(bar["reached"] for bar in some)
        if some:
            rows.append(f"{title}: {reached} of {len(some)} reached")
        for bar in some:
            word = "reached" if bar["reached"] else "NOT REACHED"
            rows.append(
                f"  {bar['line']:16}{bar['against']:14}at least {bar['at_least']:5.1f}"
                f"   found {number(bar['ratio']):>6}   {word}"
            )
    return "\n".join(rows)


# --- The machine ---------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Return what matters about this machine, and nothing that names it."""
    return {"cpu": _cpu(), "cores": os.cpu_count(), "system": platform.system()}


def _cpu() -> str:
    try:
        listed = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return re.search(r"^model name\s*:\s*(.+)$", listed, flags=re.MULTILINE)[1].strip()
    except (OSError, TypeError):
        pass
    try:
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return platform.processor() or platform.machine()


def today() -> str:
    return date.today().isoformat()
