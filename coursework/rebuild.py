"""A submission put back on its skeleton: the tests as released, the answers as handed in.

What students hand in has been through editors that drop metadata, through copies of cells, and
sometimes through hands that changed a test. So nothing of a submission is believed but its
answers: they are looked up by the cell's id, or by the function they define, and put into a fresh
copy of the assignment. Cells that a student added stay where they were added.
"""

import json
import re
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursework.sources import role

LARGEST = 64_000_000  # bytes of a notebook; one with many pictures has a few million


class Unreadable(Exception):
    """What was handed in cannot be graded; the text is for the student."""


@dataclass
class Rebuilt:
    """A notebook ready to be run, and what was found on the way, in words for the student."""

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)


def skeleton(source: NotebookNode, release: NotebookNode) -> NotebookNode:
    """Return the released notebook with its hidden tests, and without any solution."""
    hidden = {cell.id: cell.source for cell in source.cells if role(cell) == "hidden"}
    notebook = deepcopy(release)
    for cell in notebook.cells:
        cell.source = hidden.get(cell.id, cell.source)
    return notebook


def find_notebook(folder: Path, assignment: str) -> Path:
    """Return the notebook in a folder that was handed in, whatever the student called it."""
    if folder.is_symlink() or not folder.is_dir():
        raise Unreadable("What was handed in is no folder with a notebook in it.")
    files = [path for path in sorted(folder.iterdir()) if path.suffix == ".ipynb"]
    named = [path for path in files if path.stem == assignment]
    if len(named or files) != 1:
        found = ", ".join(path.name for path in files) or "none"
        raise Unreadable(f"Expected one notebook, {assignment}.ipynb; found: {found}.")
    (path,) = named or files
    if path.is_symlink() or not path.is_file():
        raise Unreadable(f"{path.name} is a link or a folder, not a file.")
    return path


def read_submission(path: Path) -> NotebookNode:
    """Read a notebook that anyone may have written."""
    size = path.stat().st_size
    if size > LARGEST:
        raise Unreadable(f"The notebook has {size:,} bytes; at most {LARGEST:,} are read.")
    if size == 0:
        raise Unreadable("The notebook is an empty file.")
    try:
        data = json.loads(path.read_bytes())
        notebook = nbformat.convert(nbformat.from_dict(data), 4)
        cells = list(notebook.cells)
    except Exception as error:
        raise Unreadable(f"The file is not a notebook ({type(error).__name__}).") from error
    notebook.cells = [_plain(cell) for cell in cells if isinstance(cell, dict)]
    return notebook


def _plain(cell: NotebookNode) -> NotebookNode:
    """Return type, id, source, metadata and pasted pictures of a cell, each of the right kind."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(str(line) for line in source)
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    name = name if isinstance(name, str) else cell.get("id")
    plain = NotebookNode(
        type="code" if cell.get("cell_type") == "code" else "markdown",
        name=name if isinstance(name, str) else "",
        source=source if isinstance(source, str) else str(source),
    )
    if isinstance(cell.get("attachments"), dict):
        plain.attachments = cell.attachments
    return plain


def rebuild(submitted: NotebookNode, frame: NotebookNode) -> Rebuilt:
    """Put the answers of a submission into a copy of the skeleton."""
    made = Rebuilt(deepcopy(frame))
    known = {cell.id: cell for cell in frame.cells}
    functions = _functions(frame)
    answers: dict[str, list[NotebookNode]] = {}
    added: dict[str, list[NotebookNode]] = {}
    texts = {cell.source.strip() for cell in frame.cells}
    place = ""
    for cell in submitted.cells:
        name = cell.name if cell.name in known else _by_function(cell, functions)
        if name and role(known[name]) in ("answer", "essay"):
            answers.setdefault(name, []).append(cell)
            place = name
        elif name and (role(known[name]) or cell.source.strip() == known[name].source.strip()):
            place = name  # given, or a test: the skeleton has it
        elif cell.source.strip() and cell.source.strip() not in texts:
            if name:
                place = name  # a text or a cell to try things in that the student changed
            added.setdefault(place, []).append(cell)
    _fill(made, answers, added)
    if not answers:
        made.notes.append("None of the answer cells was found in the notebook.")
    return made


def _fill(made: Rebuilt, answers: dict[str, list], added: dict[str, list]) -> None:
    cells = [_new(cell) for cell in added.get("", [])]
    for cell in made.notebook.cells:
        stub = cell.source.strip()
        written = [one for one in answers.get(cell.id, []) if one.source.strip() != stub]
        if len(written) > 1:
            made.notes.append(f"The cell “{cell.id}” stood there {len(written)} times.")
            cells += [_new(one) for one in written[:-1]]
        if written:
            cell.source = _clean(written[-1].source) if _is_text(cell) else written[-1].source
            if _is_text(cell) and "attachments" in written[-1]:
                cell.attachments = written[-1].attachments
        cells.append(cell)
        cells += [_new(one) for one in added.get(cell.id, [])]
    taken = {cell.id for cell in made.notebook.cells}
    for number, cell in enumerate(cells):
        if cell.id not in taken:
            cell.id = f"added-{number}"
    made.notebook.cells = cells


def _functions(frame: NotebookNode) -> dict[str, str]:
    """Return which answer cell defines which function."""
    found: dict[str, str] = {}
    for cell in frame.cells:
        if role(cell) in ("answer", "essay") and cell.cell_type == "code":
            for name in re.findall(r"^def (\w+)", cell.source, re.M):
                found[name] = cell.id
    return found


def _by_function(cell: NotebookNode, functions: dict[str, str]) -> str:
    """Return the answer cell that a cell without a known name must be: an editor dropped it."""
    if cell.type == "code":
        for name in re.findall(r"^def (\w+)", cell.source, re.M):
            if name in functions:
                return functions[name]
    return ""


def _is_text(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown"


def _new(cell: NotebookNode) -> NotebookNode:
    if cell.type == "code":
        return nbformat.v4.new_code_cell(cell.source)
    made = nbformat.v4.new_markdown_cell(_clean(cell.source))
    if "attachments" in cell:
        made.attachments = cell.attachments
    return made


def _clean(text: str) -> str:
    """Take scripts out of a student's text: a marker's browser will show it."""
    from nbconvert.preprocessors.sanitize import SanitizeHTML

    return SanitizeHTML().sanitize_html_tags(text)
