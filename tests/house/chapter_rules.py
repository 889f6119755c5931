"""The rules of a chapter. Each takes a notebook and returns a list of faults: empty is good."""

import re
from collections import Counter
from typing import Any

from notebooks import code_cells, describe_cell

Notebook = Any

FORBIDDEN = (
    "simply",
    "clearly",
    "obviously",
    "trivially",
    "it is easy to see",
    "it can be shown",
)
LONGEST_CELL = 25  # lines; what a reader can hold in view beside the text
WIDEST_LINE = 79  # characters; a page shows no more beside its margins
EXERCISES = 5
MACHINE = re.compile(r"/home/|/tmp/|/root/|/Users/|[A-Z]:\\\\?Users|site-packages|\b0x[0-9a-f]{6,}")
DIRECTIVE = r"^[ \t]*(?:`{3,}|:{3,})\{%s\}[ \t]*(.*)\n((?:[ \t]*:[\w-]+:.*\n)*)"


def prose(notebook: Notebook) -> str:
    """Return all text cells, one below the other."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def directives(text: str, names: str) -> list[tuple[str, str]]:
    """Return argument and option lines of each directive whose name matches."""
    pattern = re.compile(DIRECTIVE % f"(?:{names})", re.MULTILINE)
    return [(match[1].strip(), match[2]) for match in pattern.finditer(text + "\n")]


def exercise_labels(text: str) -> list[str]:
    """Return the label of each exercise; empty for one without."""
    found = directives(text, "exercise|exercise-start")
    labels = [re.search(r":label:\s*(\S+)", options) for _, options in found]
    return [label[1] if label else "" for label in labels]


def enough_exercises(notebook: Notebook) -> list[str]:
    """A chapter has at least five exercises."""
    count = len(exercise_labels(prose(notebook)))
    return [] if count >= EXERCISES else [f"{count} exercises, at least {EXERCISES} are needed"]


def one_solution_each(notebook: Notebook) -> list[str]:
    """Each exercise has a label and exactly one solution, folded away until it is asked for."""
    text = prose(notebook)
    labels = exercise_labels(text)
    solutions = directives(text, "solution|solution-start")
    counts = Counter(argument for argument, _ in solutions)
    faults = ["an exercise without a :label:" for label in labels if not label]
    faults += [f"{label} has {counts[label]} solutions" for label in labels if counts[label] != 1]
    faults += [f"a solution for {name}, which is no exercise" for name in counts.keys() - labels]
    faults += [
        f"the solution of {argument} is not folded (:class: dropdown)"
        for argument, options in solutions
        if not re.search(r":class:.*\bdropdown\b", options)
    ]
    starts = len(directives(text, "solution-start"))
    ends = len(directives(text, "solution-end"))
    return faults + ([f"{starts} solution-start, {ends} solution-end"] if starts != ends else [])


def short_cells(notebook: Notebook) -> list[str]:
    """A code cell has one purpose and fits beside the text."""
    lengths = [(i, len(c.source.splitlines())) for i, c in _code(notebook)]
    long = [(index, length) for index, length in lengths if length > LONGEST_CELL]
    return [f"{describe_cell(notebook, i)}: {n} lines (at most {LONGEST_CELL})" for i, n in long]


def narrow_lines(notebook: Notebook) -> list[str]:
    """What a page shows of code and of printed text fits beside its margins."""
    faults = []
    for index, cell in _code(notebook):
        folded = "hide-input" in cell.metadata.get("tags", [])
        texts = [] if folded else [cell.source]
        texts += [out.text for out in cell.get("outputs", []) if out.output_type == "stream"]
        wide = [line for text in texts for line in text.split("\n") if len(line) > WIDEST_LINE]
        faults += [f"{describe_cell(notebook, index)}: {len(line)} characters" for line in wide]
    return faults


def executed(notebook: Notebook) -> list[str]:
    """Code cells ran, one after the other, from the first to the last."""
    cells = [cell for cell in code_cells(notebook) if cell.source.strip()]
    counts = [cell.execution_count for cell in cells]
    if counts == list(range(1, len(cells) + 1)):
        return []
    return [f"the execution counts are {counts}: run it with `make notebooks`"]


def current_outputs(notebook: Notebook) -> list[str]:
    """The stored outputs belong to the code as it stands."""
    from run_notebooks import is_current

    return [] if is_current(notebook) else ["the code changed after it ran: `make notebooks`"]


def described_figures(notebook: Notebook) -> list[str]:
    """A figure has a text for those who cannot see it, and a caption that says what to see."""
    faults = []
    for index, cell in _code(notebook):
        if not any("image/png" in output.get("data", {}) for output in cell.outputs):
            continue
        setup = cell.metadata.get("mystnb", {})
        for part, key in (("image", "alt"), ("figure", "caption")):
            if not str(setup.get(part, {}).get(key, "")).strip():
                faults.append(f"{describe_cell(notebook, index)}: no mystnb {part}.{key}")
    return faults


def clean_stored_outputs(notebook: Notebook) -> list[str]:
    """No warning, no path or address of the machine that ran the chapter, no widget state."""
    faults = ["it stores the state of widgets"] if "widgets" in notebook.metadata else []
    for index, cell in _code(notebook):
        for output in cell.outputs:
            where = describe_cell(notebook, index)
            if output.get("name") == "stderr":
                faults.append(f"{where}: stores a warning")
            found = MACHINE.search(_text(output))
            if found:
                faults.append(f"{where}: its output contains {found[0]!r}")
    return faults


def plain_words(text: str) -> list[str]:
    """The voice explains; it does not tell the reader what should be easy."""
    words = re.compile(r"\b(" + "|".join(FORBIDDEN).replace(" ", r"\s+") + r")\b", re.IGNORECASE)
    return [f"“{match[0]}”: {_around(text, match)}" for match in words.finditer(text)]


def opening(notebook: Notebook) -> list[str]:
    """The first cell says what you will learn, what you need and how long it takes."""
    first = notebook.cells[0].source if notebook.cells else ""
    faults = [] if first.startswith("# ") else ["it does not begin with a title"]
    box = re.search(r"\{admonition\}\s*What you will learn\s*\n(.*?)(?:`{3}|:{3})", first, re.S)
    if not box:
        return [*faults, "the first cell has no admonition “What you will learn”"]
    needs = {"what you need": r"you need|prerequisite", "the time": r"\btime\b"}
    return faults + [
        f"“What you will learn” does not say {what}"
        for what, pattern in needs.items()
        if not re.search(pattern, box[1], re.IGNORECASE)
    ]


def ending(notebook: Notebook) -> list[str]:
    """The last section is “The result to remember”, and says where the idea came from."""
    sections = re.split(r"^## +", prose(notebook), flags=re.MULTILINE)
    title, _, body = sections[-1].partition("\n")
    if title.strip() != "The result to remember":
        return [f"its last section is “{title.strip()}”, not “The result to remember”"]
    return [] if citations(body) else ["“The result to remember” cites no source"]


def citations(text: str) -> set[str]:
    """Return the bibliography keys that a text cites."""
    groups = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return {key.strip() for group in groups for key in group.split(",")}


def bibliography_keys(text: str) -> set[str]:
    """Return the keys of a .bib file."""
    return {key for key in re.findall(r"^\s*@\w+\s*\{\s*([^,\s]+)\s*,", text, re.MULTILINE)}


def _code(notebook: Notebook) -> list[tuple[int, Any]]:
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def _text(output: Any) -> str:
    """Return the text of an output, without what is coded in pictures."""
    parts = [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
    data = output.get("data", {})
    parts += [str(value) for kind, value in data.items() if not kind.startswith("image/")]
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", "\n".join(parts))


def _around(text: str, match: re.Match[str]) -> str:
    return "…" + " ".join(text[max(match.start() - 30, 0) : match.end() + 30].split()) + "…"


CHAPTER_RULES = (
    opening,
    ending,
    enough_exercises,
    one_solution_each,
)
NOTEBOOK_RULES = (
    short_cells,
    narrow_lines,
    executed,
    current_outputs,
    described_figures,
    clean_stored_outputs,
)
