"""What a stored chapter is: its code's hash, its cleaned outputs, its normal form.

Shared by run_notebooks (which writes chapters), build_book (which trusts them) and the tests
(which run them again): the three must agree on what counts as the same.
"""

import hashlib
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
ASSIGNMENTS = "coursework"  # the folder of the book with the assignments as students get them
WIDGET = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Without Python's version: the file must not change with the machine that ran it.
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
PROGRESS_BAR = re.compile(r"\d+%\|.*\||\d+(it|\w*) \[\d\d:\d\d|\d+(\.\d+)?(it/s|s/it)\b|\?it/s")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)

Notebook = Any  # nbformat's NotebookNode: a dict whose keys are also attributes


def chapters(book: Path = BOOK) -> list[Path]:
    """Return the book's chapters, in the order of their paths.

    An assignment is no chapter: its answers are missing, so nobody runs it.
    """
    found = book.rglob("*.ipynb")
    left_out = {".ipynb_checkpoints", ASSIGNMENTS}
    return sorted(path for path in found if not left_out & set(path.relative_to(book).parts))


def assignments(book: Path = BOOK) -> list[Path]:
    """Return the assignments that the book shows."""
    return sorted((book / ASSIGNMENTS).glob("*.ipynb"))


def code_cells(notebook: Notebook) -> list[Notebook]:
    """Return the code cells in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: Notebook) -> list[str]:
    """Return the cell's tags."""
    return list(cell.metadata.get("tags", []))


def code_hash(notebook: Notebook) -> str:
    """Return the hash of the code cells, which tells whether outputs belong to the code."""
    code = "\0".join(cell.source.rstrip() for cell in code_cells(notebook))
    return hashlib.sha256(code.encode()).hexdigest()


def stored_hash(notebook: Notebook) -> str | None:
    """Return the hash of the code that made the stored outputs; None if nobody noted it."""
    return notebook.metadata.get("course", {}).get("code_sha256")


def kernel_variables() -> dict[str, str]:
    """Return the environment variables under which every chapter runs, here and in the tests.

    One BLAS thread and one hash seed make sums and sets repeat themselves. The variables that
    point to configuration keep a person's own IPython start-up files and matplotlibrc out.
    """
    threads = ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    empty = ROOT / "_build" / "ipython"
    empty.mkdir(parents=True, exist_ok=True)
    chosen = {f"{name}_NUM_THREADS": "1" for name in threads}
    chosen |= {
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": str(empty),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    spec = find_spec("matplotlib")
    if spec and spec.origin:
        chosen["MATPLOTLIBRC"] = str(Path(spec.origin).parent / "mpl-data" / "matplotlibrc")
    return chosen


def set_kernel_variables() -> None:
    """Give this process, and the kernels it starts, the chapters' variables."""
    os.environ.update(kernel_variables())
    os.environ.pop("MPLBACKEND", None)  # the kernel then draws inline, its own default


# --- Outputs -------------------------------------------------------------------------------------


def clean_outputs(outputs: list[Notebook]) -> list[Notebook]:
    """Return the outputs as they are stored: streams joined, progress bars and widget ids gone."""
    joined = _join_streams([dict(output) for output in outputs])
    cleaned = [_clean(output) for output in joined]
    return [output for output in cleaned if output is not None]


def _join_streams(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join the pieces of one stream: where they are cut depends on the moment, not on the code."""
    result: list[dict[str, Any]] = []
    first: dict[str, dict[str, Any]] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            result.append(output)
        elif output["name"] in first:
            first[output["name"]]["text"] += output["text"]
        else:
            first[output["name"]] = output
            result.append(output)
    return result


def _clean(output: dict[str, Any]) -> dict[str, Any] | None:
    kind = output["output_type"]
    if kind == "stream":
        text = overwritten(output["text"])
        if output["name"] == "stderr":
            text = without_progress(output["text"])
        return {**output, "text": text} if text.strip() or output["name"] == "stdout" else None
    if kind == "error":  # a reader wants the message; the frames above it name this machine's paths
        return {**output, "traceback": [f"{output['ename']}: {output['evalue']}"]}
    data = dict(output["data"])
    if WIDGET in data and ("text/html" in data or PROGRESS_BAR.search(data.get("text/plain", ""))):
        del data[WIDGET]
        if "text/html" not in data:
            return None
    return {**output, "data": data}


def overwritten(text: str) -> str:
    """Apply carriage returns: keep of each line what a terminal would show last."""
    return re.sub(r"^.*\r(?=[^\n])", "", text.replace("\r\n", "\n"), flags=re.MULTILINE)


def without_progress(text: str) -> str:
    """Return what stands on stderr apart from progress bars: warnings, if anything."""
    pieces = re.split(r"[\r\n]", text.replace("\x1b[A", ""))
    return "\n".join(piece for piece in pieces if piece.strip() and not PROGRESS_BAR.search(piece))


# --- The form in which a chapter is stored -----------------------------------------------------


def normalise(notebook: Notebook) -> None:
    """Bring a notebook that has just run into its stored form, in place."""
    import nbformat

    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata["kernelspec"] = nbformat.from_dict(KERNELSPEC)
    notebook.metadata["language_info"] = nbformat.from_dict(LANGUAGE)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["course"] = nbformat.from_dict({"code_sha256": code_hash(notebook)})
    seen: set[str] = set()
    for cell in notebook.cells:
        cell["id"] = _stable_id(cell, seen)
        for passing in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell.metadata.pop(passing, None)
        if cell.cell_type == "code":
            cell.outputs = [nbformat.from_dict(output) for output in clean_outputs(cell.outputs)]


def _stable_id(cell: Notebook, seen: set[str]) -> str:
    """Keep a cell's id; give one made from its text where it has none or shares it."""
    name = cell.get("id", "")
    count = 0
    while not re.fullmatch(r"[\w-]{1,64}", name) or name in seen:
        text = f"{cell.cell_type}\0{cell.source}\0{count}"
        name = hashlib.sha256(text.encode()).hexdigest()[:8]
        count += 1
    seen.add(name)
    return name


# --- Telling people which cell ------------------------------------------------------------------


def describe_cell(notebook: Notebook, index: int) -> str:
    """Name a cell as a person finds it: its number, its first line, its heading and its tags."""
    cell = notebook.cells[index]
    lines = [line for line in cell.source.splitlines() if line.strip()]
    text = f"cell {index + 1} of {len(notebook.cells)}"
    heading = heading_above(notebook, index)
    if heading:
        text += f", under the heading “{heading}”"
    if tags(cell):
        text += f", tagged {', '.join(tags(cell))}"
    return f"{text}, which begins: {_cut(lines[0])}" if lines else f"{text}, which is empty"


def _cut(line: str, length: int = 70) -> str:
    line = line.strip()
    return line if len(line) <= length else line[:length].rsplit(" ", 1)[0] + " …"


def heading_above(notebook: Notebook, index: int) -> str:
    """Return the last heading before (or in) the cell; empty if there is none."""
    for cell in reversed(notebook.cells[: index + 1]):
        headings = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if headings:
            return headings[-1]
    return ""


def relative(path: Path, root: Path = ROOT) -> str:
    """Return a path as seen from the repository, with forward slashes."""
    path = Path(path).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def fail(message: str) -> int:
    """Print a message for the person at the keyboard; return the exit status of failure."""
    sys.stdout.flush()
    print(f"\n{message}", file=sys.stderr)
    return 1
