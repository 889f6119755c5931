"""From the text of an assignment to the instructor's notebook.

An assignment is written as one Markdown file with code cells (the format of MyST notebooks), in
which `<< name >>` stands for a value that the term draws and `<% if ... %>` for a choice. A code
cell says by its options what it is for:

    ```{code-cell}
    :id: forward-hidden
    :role: hidden
    :question: Forward pass
    :points: 8
    ...
    ```

Roles: `setup` (given, locked), `answer` (the student writes between the two SOLUTION marks),
`visible` and `hidden` (tests, locked), `essay` (graded by hand; in Markdown: a line
`+++ {"id": ..., "role": "essay", "question": ..., "points": ...}` before the text).
"""

import re
from pathlib import Path

import jinja2
import nbformat
from nbformat import NotebookNode

from coursework.terms import HERE, Draw, Trouble, draw

ROLES = ("setup", "answer", "visible", "hidden", "essay")
TESTS = ("visible", "hidden")
SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
ESSAY_STUB = "*Write your answer here (double-click this text).*"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def instructor_notebook(assignment: str, term: str) -> NotebookNode:
    """Return the notebook with solutions and all tests, as nbgrader reads it."""
    drawn = draw(assignment, term)
    text = render((HERE / "assignments" / assignment / "assignment.md").read_text("utf-8"), drawn)
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": KERNEL, "coursework": {"assignment": assignment, "term": term}}
    )
    notebook.cells = [_to_cell(*part, number) for number, part in enumerate(parts(text))]
    _check_ids(notebook)
    nbformat.validate(notebook)
    return notebook


def render(text: str, drawn: Draw) -> str:
    """Fill the values of a term in."""
    environment = jinja2.Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(HERE / "assignments" / "shared"),
    )
    return environment.from_string(text).render(term=drawn.term, **drawn.values)


def parts(text: str) -> list[tuple[str, dict, str]]:
    """Split a text notebook into cells: type, options, source. MyST-NB reads it for us."""
    from myst_nb.core.read import read_myst_markdown_notebook

    notebook = read_myst_markdown_notebook(text)
    return [(cell.cell_type, dict(cell.metadata), cell.source) for cell in notebook.cells]


def _to_cell(kind: str, options: dict, source: str, number: int) -> NotebookNode:
    role = options.get("role")
    if kind == "markdown" and role is None:
        return nbformat.v4.new_markdown_cell(source, id=f"text-{number}")
    name = options.get("id", f"try-{number}")
    if role is not None and (role not in ROLES or "id" not in options):
        raise Trouble(f"cell {name!r}: a role is one of {', '.join(ROLES)}, and needs an id.")
    if role == "hidden":
        points = options["points"]
        title = f"# The hidden tests of “{options['question']}” run here when your work is graded"
        source = f"{title} ({points} points).\n{HIDDEN[0]}\n{source}\n{HIDDEN[1]}"
    if role == "answer" and not (source.count(SOLUTION[0]) == source.count(SOLUTION[1]) > 0):
        raise Trouble(f"cell {name!r}: an answer has its solution between {SOLUTION}.")
    make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
    cell = make(source, id=name)
    if role:
        course = NotebookNode(role=role)
        cell.metadata = NotebookNode(nbgrader=_grading(name, role, options), course=course)
        if "question" in options:
            cell.metadata.course["question"] = options["question"]
    if role == "setup":
        cell.metadata["tags"] = ["hide-input"]  # folded on the page of the book
    return cell


def _grading(name: str, role: str, options: dict) -> NotebookNode:
    """Return what nbgrader must know of a cell."""
    graded = role in (*TESTS, "essay")
    metadata = NotebookNode(
        grade=graded,
        grade_id=name,
        locked=role in (*TESTS, "setup"),
        schema_version=3,
        solution=role in ("answer", "essay"),
        task=False,
    )
    if graded:
        if "question" not in options:
            raise Trouble(f"cell {name!r}: what is graded names its question.")
        metadata["points"] = float(options["points"])
    return metadata


def _check_ids(notebook: NotebookNode) -> None:
    names = [cell.id for cell in notebook.cells]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Trouble(f"these cell ids stand twice: {', '.join(sorted(twice))}")


# --- Asking a notebook ---------------------------------------------------------------------------


def role(cell: NotebookNode) -> str | None:
    """Return what a cell is for; None for plain text and cells to try things in."""
    return cell.metadata.get("course", {}).get("role")


def graded(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells that carry points."""
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]


def points(notebook: NotebookNode) -> dict[str, float]:
    """Return the points of each question, in the order of the notebook."""
    total: dict[str, float] = {}
    for cell in graded(notebook):
        question = cell.metadata.course.question
        total[question] = total.get(question, 0.0) + cell.metadata.nbgrader.points
    return total


def secrets(notebook: NotebookNode) -> set[str]:
    """Return the lines of solutions and hidden tests that stand nowhere else in the notebook.

    What must not be in a release or on the site. Short lines, which could stand anywhere by
    chance, are left out.
    """
    hidden: set[str] = set()
    shown: set[str] = set()
    for cell in notebook.cells:
        inside = role(cell) == "essay"
        for line in cell.source.splitlines():
            line = line.strip()
            if line in (SOLUTION[0], HIDDEN[0]):
                inside = True
            elif line in (SOLUTION[1], HIDDEN[1]):
                inside = False
            elif inside:
                hidden.add(line)
            else:
                shown.add(line)
    return {line for line in hidden - shown if len(re.sub(r"\s", "", line)) >= 24}


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole: who reads it never sees half of it."""
    from rnnlib.files import write_whole

    path.parent.mkdir(parents=True, exist_ok=True)
    data = (nbformat.writes(notebook) + "\n").encode("utf-8")
    write_whole(path, lambda file: file.write(data))
