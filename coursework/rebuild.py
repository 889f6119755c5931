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
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode

from coursework.sources import role

LARGEST = 64_000_000  # bytes of a notebook; one with many pictures has a few million
PICTURES = ("image/png", "image/jpeg", "image/gif")  # that may be pasted into a text
MISSING = "This cell was not in the notebook that was handed in."


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
    """Return type, name, source and pasted pictures of a cell, each of the right kind."""
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
        source=_writable(source if isinstance(source, str) else str(source)),
        pictures={},
    )
    if plain.type == "markdown":
        plain.source, plain.pictures = harmless(plain.source), _pictures(cell.get("attachments"))
        plain.source = _with_pictures(plain)
    return plain


def _writable(text: str) -> str:
    """Replace halves of characters, which cannot be written into a file."""
    return text.encode("utf-8", "replace").decode("utf-8")


def harmless(text: str) -> str:
    """Take the life out of HTML in a student's text: a marker's browser will show it.

    A space behind `<` ends a tag before it begins, and changes neither mathematics nor code.
    """
    text = re.sub(r"<(?=[A-Za-z/!?])", "< ", text)
    return re.sub(r"(javascript|vbscript)\s*:", r"\1 :", text, flags=re.IGNORECASE)


def _pictures(attachments: object) -> dict[str, dict[str, str]]:
    """Return the pictures that were pasted into a text, by name."""
    found: dict[str, dict[str, str]] = {}
    for name, kinds in attachments.items() if isinstance(attachments, dict) else ():
        if isinstance(name, str) and isinstance(kinds, dict):
            kept = {k: v for k, v in kinds.items() if k in PICTURES and isinstance(v, str)}
            kept = {k: v for k, v in kept.items() if re.fullmatch(r"[A-Za-z0-9+/=\s]*", v)}
            if kept:
                found[name] = kept
    return found


def _with_pictures(cell: NotebookNode) -> str:
    """Give the pictures of a text plain names; return the text with links to those that are there.

    A page with a link to a picture that an editor has dropped could not be written at all.
    """
    names = {name: f"picture-{number}" for number, name in enumerate(cell.pictures, 1)}
    cell.pictures = {names[name]: kinds for name, kinds in cell.pictures.items()}

    def link(match: re.Match) -> str:
        found = names.get(match[1]) or names.get(unquote(match[1]))
        return f"attachment:{found}" if found else f"missing:{match[1]}"

    return re.sub(r"attachment:([^\s)\"'>]+)", link, cell.source)


def rebuild(submitted: NotebookNode, frame: NotebookNode) -> Rebuilt:
    """Put the answers of a submission into a copy of the skeleton."""
    made = Rebuilt(deepcopy(frame))
    known = {cell.id: cell for cell in frame.cells}
    named = {cell.name for cell in submitted.cells}
    # Where an editor dropped the names of cells, functions and unchanged texts tell which is which.
    functions = {f: name for f, name in _functions(frame).items() if name not in named}
    texts = {_text(cell): cell.id for cell in frame.cells}
    answers: dict[str, list[NotebookNode]] = {}
    added: dict[str, list[NotebookNode]] = {}
    place = ""
    for cell in submitted.cells:
        text = cell.source.strip()
        name = cell.name if cell.name in known else _by_function(cell, functions)
        name = name or texts.get(text, "")
        if name and role(known[name]) in ("answer", "essay"):
            answers.setdefault(name, []).append(cell)
            place = name
        elif name and (role(known[name]) or text == _text(known[name])):
            place = name  # given, or a test: the skeleton has it
        elif text:
            if name:
                place = name  # a text or a cell to try things in that the student changed
            added.setdefault(place, []).append(cell)
    if answers:
        _find_essays(made, answers, added)
    else:
        made.notes.append("None of the answer cells was found in the notebook.")
    _fill(made, answers, added)
    return made


def _find_essays(made: Rebuilt, answers: dict[str, list], added: dict[str, list]) -> None:
    """Take texts beside the cell of an essay for the essay, where nothing stands in the cell."""
    before = ""
    for cell in made.notebook.cells:
        if role(cell) == "essay":
            handed = answers.get(cell.id, [])
            if all(one.source.strip() in ("", _text(cell)) for one in handed):
                beside = [*added.get(before, []), *added.get(cell.id, [])]
                beside = [one for one in beside if one.type == "markdown" and _is_text(cell)]
                if beside:
                    answers[cell.id] = [_joined(beside)]
                    for place in (before, cell.id):
                        added[place] = [one for one in added.get(place, []) if one not in beside]
                    made.notes.append(f"Text beside the cell “{cell.id}” was taken for its answer.")
                elif not handed:
                    # Something other than the empty form, so that it waits for the marker.
                    cell.source = MISSING if _is_text(cell) else f"{cell.source}\n# {MISSING}"
                    made.notes.append(f"The cell “{cell.id}” was not found.")
        before = cell.id


def _joined(cells: list[NotebookNode]) -> NotebookNode:
    """Return one text made of several."""
    pictures: dict[str, dict[str, str]] = {}
    texts = []
    for cell in cells:
        text = cell.source
        for name, kinds in cell.pictures.items():
            fresh = f"picture-{len(pictures) + 1}"
            pictures[fresh] = kinds
            text = re.sub(rf"attachment:{name}\b", f"attachment:new-{fresh}", text)
        texts.append(text.replace("attachment:new-", "attachment:"))
    return NotebookNode(type="markdown", name="", source="\n\n".join(texts), pictures=pictures)


def _fill(made: Rebuilt, answers: dict[str, list], added: dict[str, list]) -> None:
    cells = [_new(cell) for cell in added.get("", [])]
    for cell in made.notebook.cells:
        written = [one for one in answers.get(cell.id, []) if one.source.strip() != _text(cell)]
        if len(written) > 1:
            made.notes.append(f"The cell “{cell.id}” stood there {len(written)} times.")
            cells += [_new(one) for one in written[:-1]]
        if written:
            cell.source = written[-1].source
            if _is_text(cell) and written[-1].pictures:
                cell.attachments = written[-1].pictures
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


def _text(cell: NotebookNode) -> str:
    """Return the source of a given cell as it comes back if nobody changes it."""
    return (harmless(cell.source) if _is_text(cell) else cell.source).strip()


def _new(cell: NotebookNode) -> NotebookNode:
    if cell.type == "code":
        return nbformat.v4.new_code_cell(cell.source)
    made = nbformat.v4.new_markdown_cell(cell.source)
    if cell.pictures:
        made.attachments = cell.pictures
    return made
