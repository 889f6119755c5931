"""Wrong and right answers to an assignment, and what each of them earns.

A grader is a program, so it can be wrong: it can pass a wrong answer or fail a right one. Each
assignment keeps a list of both in its `answers.py`; the tests grade them all. This runs the cells
in this process, which takes a second; that nbgrader gives the same marks is a test of its own.
"""

import contextlib
import io
import warnings
from dataclasses import dataclass, field

from nbformat import NotebookNode

from coursework.apart import names_apart
from coursework.sources import SOLUTION, TESTS, instructor_notebook, render, role
from coursework.terms import draw, load


@dataclass(frozen=True)
class Wrong:
    """A wrong answer: the right one with a text replaced, as a student might have written it."""

    name: str
    question: str  # where it must lose points
    cell: str  # id of the answer cell
    old: str  # stands once in the solution
    new: str
    also: tuple[str, ...] = ()  # questions whose answers stand on this one, and may lose, too


@dataclass(frozen=True)
class Right:
    """A right answer, written otherwise: whole texts of answer cells, filled in for the term."""

    name: str
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What a notebook earned: for each test that failed its message, and cells that broke."""

    failed: dict[str, str]
    lost: dict[str, float]  # points lost, by question
    broken: dict[str, str]  # cells that are no tests and raised


def wrong(assignment: str) -> list[Wrong]:
    """Return the wrong answers that an assignment keeps."""
    return list(load(assignment, "answers").WRONG)


def right(assignment: str) -> list[Right]:
    """Return the right answers that are written otherwise."""
    return list(load(assignment, "answers").RIGHT)


def with_wrong(notebook: NotebookNode, answer: Wrong) -> bool:
    """Put a wrong answer into the notebook; tell whether it has a place in this term's version."""
    cell = find(notebook, answer.cell)
    if answer.old not in cell.source:
        return False
    if cell.source.count(answer.old) != 1:
        raise ValueError(f"{answer.name}: {answer.old!r} stands more than once in {answer.cell}.")
    cell.source = cell.source.replace(answer.old, answer.new)
    return True


def with_right(notebook: NotebookNode, answer: Right, term: str) -> None:
    """Put a right answer that is written otherwise into the notebook."""
    drawn = draw(notebook.metadata.coursework.assignment, term)
    for name, text in answer.cells.items():
        find(notebook, name).source = render(text, drawn)


def find(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell with an id."""
    for cell in notebook.cells:
        if cell.id == name:
            return cell
    raise KeyError(f"there is no cell {name!r}")


def run(notebook: NotebookNode) -> Result:
    """Run all cells in order, in one fresh namespace, hidden tests apart, and grade."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    namespace: dict[str, object] = {"__name__": "__main__"}
    failed, lost, broken = {}, {}, {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            try:
                names = names_apart(namespace) if role(cell) == "hidden" else namespace
                exec(compile(cell.source, f"<{cell.id}>", "exec"), names)
            except Exception as error:
                message = f"{type(error).__name__}: {error}"
                if role(cell) in TESTS:
                    failed[cell.id] = message
                    question = cell.metadata.course.question
                    points = cell.metadata.nbgrader.points
                    lost[question] = lost.get(question, 0.0) + points
                else:
                    broken[cell.id] = message
        plt.close("all")
    return Result(failed, lost, broken)


def solution_text(source: str) -> str:
    """Return what stands between the SOLUTION marks of a cell."""
    start, end = SOLUTION
    return "\n".join(part.split(end)[0].strip("\n") for part in source.split(start)[1:])


# --- By hand: python -m coursework.answers counting [term ...] -----------------------------------


def report(assignment: str, terms: list[str]) -> int:
    """Grade all answers for some terms; print what does not come out as it should; count it."""
    faults = 0
    placed: set[str] = set()
    for term in terms:
        result = run(instructor_notebook(assignment, term))
        faults += _say(f"{term}: the solution", result, set(), set())
        for answer in right(assignment):
            notebook = instructor_notebook(assignment, term)
            with_right(notebook, answer, term)
            faults += _say(f"{term}: right: {answer.name}", run(notebook), set(), set())
        for answer in wrong(assignment):
            notebook = instructor_notebook(assignment, term)
            if with_wrong(notebook, answer):
                placed.add(answer.name)
                may = {answer.question, *answer.also}
                faults += _say(
                    f"{term}: wrong: {answer.name}", run(notebook), {answer.question}, may
                )
    for answer in wrong(assignment):
        if answer.name not in placed:
            print(f"never placed: {answer.name}")
            faults += 1
    print(f"{assignment}: {faults} faults over {len(terms)} terms")
    return faults


def _say(what: str, result: Result, must: set[str], may: set[str]) -> int:
    lost = set(result.lost)
    good = must <= lost <= may and not result.broken
    if not good:
        print(f"{what}: lost in {sorted(lost)}, expected {sorted(must)}; {result}")
    return not good


if __name__ == "__main__":
    import sys

    sys.exit(bool(report(sys.argv[1], sys.argv[2:] or ["sample", "2027", "2028", "2029"])))
