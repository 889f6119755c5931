"""Measure: python -m bench [--only S1 ...] [--quick] [--write]

Without arguments everything is measured, in about five minutes, and `book/benchmarks.json` is
written, with the tables and the figure that the book makes of it. A part, or another way to
measure, is printed and not written (another way is, with --write).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from tqdm import tqdm

from . import bars, page, report
from .cases import CASES, SIZES, Case
from .checking import Refused
from .worker import Trouble, Worker, can_tie

MODULES = ("ours", "in_torch", "in_jax", "loops")
PACKAGES = {"numpy": "ours", "torch": "in_torch", "jax": "in_jax"}
SECONDS, QUICK = 11.0, 1.5  # per line of the table
GROWTH, GROWTH_QUICK = 15.0, 1.0  # for all series together


def missing(packages: tuple[str, ...] = ("torch", "jax")) -> str:
    """Say what to do if a framework is not installed; empty if all are."""
    absent = [name for name in packages if find_spec(name) is None]
    if not absent:
        return ""
    are = "is" if len(absent) == 1 else "are"
    return (
        f"The benchmark compares with other frameworks, and {' and '.join(absent)} {are} not "
        "installed here.\n`make bench` installs what is missing and then measures "
        "(see requirements-bench.txt: on Linux\nthe plain torch is several GB; its build for the "
        "CPU is enough)."
    )


def cannot_draw() -> str:
    """Say so, before minutes are spent, if the figure could not be drawn afterwards."""
    if find_spec("matplotlib"):
        return ""
    return (
        "The figure for the book needs matplotlib, which is not installed here.\n`make bench` "
        "installs it; with --quick or --only nothing is drawn."
    )


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="WORD",
        help="lines of the table to measure, by size or by size and cell: S1, S1-lstm",
    )
    parser.add_argument("--quick", action="store_true", help="few turns: a look, not a measurement")
    parser.add_argument("--free", action="store_true", help="do not tie the processes to one core")
    parser.add_argument("--write", action="store_true", help="write the files even so")
    options = parser.parse_args(words)
    if options.only and options.write:
        parser.error("--write: the book shows the whole table, and --only measures a part of it")
    return options


def chosen(words: list[str]) -> list[Case]:
    """Return the cases that the words of --only name; all without words."""
    known = {f"{case.size}-{case.cell}" for case in CASES} | set(SIZES)
    strange = [word for word in words if word not in known]
    if strange:
        raise Trouble(f"--only: {strange[0]!r} is none of {', '.join(sorted(known))}")
    return [
        case
        for case in CASES
        if not words or case.size in words or f"{case.size}-{case.cell}" in words
    ]


def is_written(options: argparse.Namespace) -> bool:
    """Tell whether the files are written: only a whole run may replace what is there unasked."""
    return options.write or not (options.only or options.quick or options.free)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return everything that the options ask for, as it is stored."""
    from . import linearity, memory, turns

    cases, whole = chosen(options.only), not options.only
    growth = GROWTH_QUICK if options.quick else GROWTH
    seconds = QUICK if options.quick else SECONDS
    parts = len(cases) + 2 * whole
    start = partial(Worker, tied=not options.free)
    workers: dict[str, Worker] = {}
    with tqdm(
        total=100 * parts,
        bar_format="{percentage:3.0f}% |{bar:20}| {elapsed} {desc}",
        mininterval=0.2 if sys.stderr.isatty() else 20,
    ) as bar:
        try:
            for module in MODULES:
                workers[module] = start(module)
            found = {
                "date": report.today(),
                "machine": report.machine(),
                "versions": _versions(workers),
                "one_core": can_tie() and not options.free,
                "speed": [
                    turns.measure(case, workers, seconds, _shown(bar, i))
                    for i, case in enumerate(cases)
                ],
            }
        finally:
            for worker in workers.values():
                worker.close()
        if whole:
            found["memory"] = memory.compare(start, _shown(bar, parts - 2))
            found["linearity"] = linearity.compare(start, _shown(bar, parts - 1), growth)
        _shown(bar, parts)(0, "done")
    found["bars"] = bars.judge(found["speed"])
    return found


def _shown(bar: tqdm, part: int) -> Callable[[float, str], None]:
    """Return a function that moves the bar within one part of the work."""

    def show(share: float, note: str) -> None:
        bar.set_description_str(note, refresh=False)
        bar.update(max(0, round(100 * (part + share)) - bar.n))

    return show


def _versions(workers: dict[str, Worker]) -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    return found | {name: workers[at].ask("version", name) for name, at in PACKAGES.items()}


def main(words: list[str]) -> int:
    options = arguments(words)
    trouble = missing() or (cannot_draw() if is_written(options) else "")
    if trouble:
        print(trouble, file=sys.stderr)
        return 2
    try:
        found = measure(options)
    except (Trouble, Refused) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing was written.", file=sys.stderr)
        return 130
    print(report.text(found))
    if is_written(options):
        page.write(found)
        print(f"\nWritten to book/: {report.FILE.name}, {page.TEXT}, {page.FIGURE}.")
    else:
        hint = "" if options.only else " (--write does)"
        print(f"\nNot a whole run: nothing was written{hint}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
