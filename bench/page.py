"""What the book shows of the benchmark: tables and a figure, made from the stored result alone.

    python -m bench.page        makes both anew from book/benchmarks.json; measures nothing

The tables are a text in MyST in several parts, each between two marks; `book/speed.md` includes
them one by one. Text and figure carry the hash of the result that they were made from, so that
what no longer belongs together is noticed (`stale`). The name of the text ends in .txt, because
every .md of the book is a page of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import report
from .report import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT, FIGURE = "benchmarks.txt", "benchmarks.svg"  # beside report.FILE
DASH = "\u2060–\u2060"  # no line ends here
WHO = {"ours": "rnnlib"}
CELLS = {"tanh": "tanh", "lstm": "LSTM", "gru": "GRU"}
GROWS = {
    "T": ("T, the steps in time", "steps in time $T$"),
    "B": ("B, the sequences side by side", "sequences side by side $B$"),
    "tokens": ("T and B together", "tokens in a step, $T\\cdot B$"),
}
Rows = list[list[str]]


# --- The text ------------------------------------------------------------------------------------


def text(found: dict[str, Any]) -> str:
    """Return all tables, each between its marks."""
    parts = {
        "machine": _machine(found),
        "sizes": _sizes(found["speed"]),
        **{cell: _against_frameworks(found["speed"], cell) for cell in CELLS},
        "loops": _against_loops(found["speed"]),
        "gates": _against_gates(found["speed"]),
        "ways": _ways(found["speed"]),
        "bars": _bars([bar for bar in found["bars"] if not bar["hoped"]], "bars"),
        "beyond": _bars([bar for bar in found["bars"] if bar["hoped"]], "further goals"),
        "growth": _growth(found["linearity"]),
        "memory": _memory(found["memory"]),
    }
    first = f"% Made by `make bench` from {report.FILE.name}; do not edit.\n% {_hash(found)}\n"
    return first + "".join(
        f"\n% begin {name}\n\n{content}\n\n% end {name}\n" for name, content in parts.items()
    )


def _table(head: list[str], rows: Rows) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _listed(words: list[str]) -> str:
    return "\n".join(f"- {word}" for word in words)


def _machine(found: dict[str, Any]) -> str:
    machine, lines = found["machine"], found["speed"]
    turns = [line["turns"] for line in lines]
    names = {"python": "Python", "numpy": "NumPy", "torch": "torch", "jax": "jax"}
    versions = [f"{names.get(name, name)} {told}" for name, told in found["versions"].items()]
    where = "all processes on one core" if found["one_core"] else "processes not tied to a core"
    return _listed(
        [
            f"Date: {found['date']}",
            f"Processor: {machine['cpu']}, {machine['cores']} cores, {machine['system']}",
            f"Used: one thread in each process, {where}",
            f"Versions: {', '.join(versions)}",
            f"Turns behind each ratio: {min(turns)} to {max(turns)}",
            f"Largest relative difference between gradients: {_differences(lines)}",
        ]
    )


def _differences(lines: list[dict[str, Any]]) -> str:
    """Return how far a gradient was from the library's in float64, at most, for each type."""
    found: dict[str, float] = {}
    for line in lines:
        errors = [other["gradient_error"] for other in line["others"].values()]
        found[line["dtype"]] = max(found.get(line["dtype"], 0.0), line["ours_error"], *errors)
    return ", ".join(f"{_power(error)} in {dtype}" for dtype, error in found.items())


def _power(value: float) -> str:
    """Return one digit and a power of ten, as an equation."""
    digit, exponent = f"{value:.0e}".split("e")
    return f"${digit}\\cdot 10^{{{int(exponent)}}}$"


def _sizes(lines: list[dict[str, Any]]) -> str:
    sizes = {line["size"]: [str(line[key]) for key in "BTVH"] for line in lines}
    return _table(["size", "B", "T", "V", "H"], [[name, *shape] for name, shape in sizes.items()])


def _ratio(line: dict[str, Any], who: str) -> str:
    """Return the median with its spread; the space is where a narrow cell breaks."""
    ratio = line["others"].get(who, {}).get("ratio")
    if not ratio:
        return "–"
    low, high = number(ratio["low"]), number(ratio["high"])
    return f"**{number(ratio['median'])}** ({low}{DASH}{high})"


def _against_frameworks(lines: list[dict[str, Any]], cell: str) -> str:
    rows = [
        [line["size"], number(line["ours_ms"]), _ratio(line, "torch"), _ratio(line, "jax")]
        for line in lines
        if line["cell"] == cell and line["dtype"] == "float32"
    ]
    return _table(["size", "rnnlib, ms", "torch ÷ rnnlib", "jax ÷ rnnlib"], rows)


def _against_loops(lines: list[dict[str, Any]]) -> str:
    loops = ("torch loop", "min-char-rnn")
    rows = [
        [line["size"], *(_ratio(line, who) for who in loops)]
        for line in lines
        if line["others"].keys() & set(loops)
    ]
    return _table(["size", "torch loop ÷ rnnlib", "min-char-rnn ÷ rnnlib"], rows)


def _against_gates(lines: list[dict[str, Any]]) -> str:
    rows = [
        [_way_back(line["truncation"]), number(line["ours_ms"]), _ratio(line, "gy910210")]
        for line in lines
        if "gy910210" in line["others"]
    ]
    return _table(["way back", "rnnlib, ms", "gy910210 ÷ rnnlib"], rows)


def _way_back(steps: int | None) -> str:
    return "to the first step" if steps is None else f"{steps} steps"


def _ways(lines: list[dict[str, Any]]) -> str:
    rows = []
    for line in lines:
        for who, other in line["others"].items():
            if len(other["tried_ms"]) > 1:
                told = {way: f"{way}: {number(ms)}" for way, ms in other["tried_ms"].items()}
                taken = told.pop(other["variant"])
                rows.append([f"{_line(line['name'])}, {who}", taken, ", ".join(told.values())])
    return _table(["step", "taken, ms", "also tried, ms"], rows)


def _line(name: str) -> str:
    """Return the name of a line in words: S1 LSTM; W1, float64, 4 steps back."""
    size, *words = name.split()
    if words and words[0] in CELLS:
        return f"{size} {CELLS[words[0]]}"
    if words[:1] == ["f64"]:
        size += ", float64"
    return f"{size}, {words[-1]} steps back" if "back" in words else size


def _bars(bars: list[dict[str, Any]], called: str) -> str:
    rows = [
        [
            f"{_line(bar['line'])}, {bar['against']}",
            f"{bar['at_least']:g}",
            _below(bar["ratio"], bar["at_least"]),
            "yes" if bar["reached"] else "**no**",
        ]
        for bar in bars
    ]
    reached = sum(bar["reached"] for bar in bars)
    table = _table(["step, compared with", "at least", "found", "reached"], rows)
    return f"Reached: {reached} of {len(bars)} {called}.\n\n{table}"


def _below(ratio: float, bar: float) -> str:
    """Return the ratio with as many digits as it takes to see on which side of the bar it is."""
    shown, digits = number(ratio), 2
    while ratio < bar <= float(shown) and digits < 9:
        digits += 1
        shown = f"{ratio:.{digits}f}"
    return shown


def _memory(found: dict[str, Any]) -> str:
    shape = ", ".join(f"{key} = {found[key]}" for key in "BTVH")
    lines = found["bytes_per_token"]
    own = _table(
        ["who", "bytes per token", "÷ rnnlib", "what is counted"],
        [[*_bytes(line, lines[0], "own"), line["measure"]] for line in lines],
    )
    parts = [
        f"By each one's own account ({shape}):",
        own,
        f"The arrays that our step is designed to hold: (3H + 2V)·4 = {found['formula']} bytes.",
    ]
    if all(line["system"] for line in lines):
        rows = [_bytes(line, lines[0], "system") for line in lines]
        parts += [
            "By the system's account:",
            _table(["who", "bytes per token", "÷ rnnlib"], rows),
        ]
    else:
        parts += ["The system gave no account of its own on this machine."]
    return "\n\n".join(parts)


def _bytes(line: dict[str, Any], first: dict[str, Any], account: str) -> list[str]:
    share = line[account] / first[account]
    return [WHO.get(line["name"], line["name"]), f"{line[account]:.0f}", f"{share:.2f}"]


def _growth(found: dict[str, Any]) -> str:
    rows = [
        [
            GROWS[series["against"]][0],
            f"{series['slope']:.2f}",
            f"{series['slope_of_upper_half']:.2f}",
        ]
        for series in found["series"]
    ]
    return _table(["what grows", "exponent", "in the upper half"], rows)


# --- The figure ----------------------------------------------------------------------------------


def figure(found: dict[str, Any]) -> str:
    """Return the growth of our time as SVG: one panel for each way to grow."""
    import matplotlib as mpl

    from rnnlib.plots import use_style

    with mpl.rc_context():
        use_style()
        # Nothing random and no date: the same result gives the same file.
        mpl.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "path"})
        drawing = _draw(found["linearity"])
        file = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        drawing.savefig(file, format="svg", metadata=nothing)
    start, opening, rest = file.getvalue().partition("<svg")
    marked = f"{start}<!-- {_hash(found)} -->\n{opening}{rest}"
    return "\n".join(line.rstrip() for line in marked.split("\n"))


def _draw(found: dict[str, Any]) -> Figure:
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    from rnnlib.plots import COLORS

    drawing = Figure(figsize=(6.0, 7.6), facecolor="white")
    FigureCanvasAgg(drawing)
    panels = drawing.subplots(len(found["series"]), 1, sharey=True, squeeze=False)[:, 0]
    for ax, series, color in zip(panels, found["series"], ("blue", "red", "green"), strict=True):
        T, B = np.array(series["T"]), np.array(series["B"])
        x, ms = {"T": T, "B": B, "tokens": T * B}[series["against"]], np.array(series["ms"])
        half = len(x) // 2
        for first, k, words, look in (
            (0, series["slope"], "exponent", "--"),
            (half, series["slope_of_upper_half"], "upper half", ":"),
        ):
            factor = np.exp(np.mean(np.log(ms[first:]) - k * np.log(x[first:])))
            power = factor * x.astype(float) ** k
            ax.loglog(x, power, look, color=COLORS["black"], lw=1.4, label=f"{words} {k:.2f}")
        ax.loglog(x, ms, "o", color=COLORS[color], markersize=7)
        ax.set(xlabel=GROWS[series["against"]][1], ylabel="ms per step", xticks=x)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
        ax.legend(title=_held(series), alignment="left", loc="upper left", handlelength=1.8)
    panels[0].set_ylim(top=3 * max(max(series["ms"]) for series in found["series"]))
    return drawing


def _held(series: dict[str, Any]) -> str:
    """Return what stays the same while something grows."""
    if series["against"] == "tokens":
        return f"$T = {series['T'][0] // series['B'][0]}B$"
    other = "B" if series["against"] == "T" else "T"
    return f"${other} = {series[other][0]}$"


# --- The files -----------------------------------------------------------------------------------


def _hash(found: dict[str, Any]) -> str:
    """Return the mark of a result: it changes with every number."""
    return f"sha256 {hashlib.sha256(content(found).encode()).hexdigest()}"


def content(found: dict[str, Any]) -> str:
    """Return the result as it is stored."""
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write(found: dict[str, Any]) -> None:
    """Store the result, its tables and its figure: all three, or none if one can't be made."""
    made = {report.FILE.name: content(found), TEXT: text(found), FIGURE: figure(found)}
    drafts: dict[str, Path] = {}
    try:
        for name, told in made.items():
            handle, draft = tempfile.mkstemp(dir=report.FILE.parent, prefix=".", suffix=".draft")
            drafts[name] = Path(draft)
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(told)
            os.chmod(draft, 0o644)
        for name, draft in drafts.items():
            os.replace(draft, report.FILE.with_name(name))
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def stale(file: Path | None = None) -> list[str]:
    """Return the names of the files that do not belong to the stored result."""
    file = file or report.FILE
    found = json.loads(file.read_text(encoding="utf-8"))
    tables, drawn = file.with_name(TEXT), file.with_name(FIGURE)
    wrong = []
    if not tables.is_file() or tables.read_text(encoding="utf-8") != text(found):
        wrong.append(TEXT)
    # How a figure is drawn differs between versions of matplotlib; what it was drawn from doesn't.
    if not drawn.is_file() or _hash(found) not in drawn.read_text(encoding="utf-8"):
        wrong.append(FIGURE)
    return wrong


def main() -> int:
    if not report.FILE.is_file():
        print(f"There is no book/{report.FILE.name} yet: `make bench` makes it.", file=sys.stderr)
        return 1
    write(json.loads(report.FILE.read_text(encoding="utf-8")))
    print(f"Made book/{TEXT} and book/{FIGURE} from book/{report.FILE.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
