"""Build the book: python tools/build_book.py

Checks the chapters first, builds into a staging folder, and puts the new site in the old one's
place only if there was no warning. Until then the last good book stays where it is.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from notebooks import ROOT, Notebook, assignments, code_cells, describe_cell, fail, relative, tags
from progress import Progress, speak_unicode
from run_notebooks import ChapterFailed, is_current, read, run_all

BUILD = ROOT / "_build"
SITE = BUILD / "html"
STAGING = BUILD / "staging"
BEFORE = BUILD / "html-before"  # the old site, while the new one takes its place
STAMP = BUILD / "book.json"
LOG = BUILD / "build.log"
SOURCES = ("_config.yml", "_toc.yml", "constraints.txt", "requirements.txt", "tools")
SOURCE_FOLDERS = ("book", "theme", "rnnlib")
CELL = 10_000  # myst-nb numbers the lines of cell i (from 0) from (i + 1) * 10000


class BuildFailed(Exception):
    """The book cannot be built; the text says where to look."""


# --- What the book is made of -----------------------------------------------------------------


def toc_files(root: Path = ROOT) -> list[Path]:
    """Return the files that _toc.yml names, in its order."""
    import yaml

    def names(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("root", "file") and isinstance(value, str):
                    yield value
                else:
                    yield from names(value)
        elif isinstance(node, list):
            for item in node:
                yield from names(item)

    try:
        toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BuildFailed("There is no _toc.yml, which orders the chapters.") from None
    except yaml.YAMLError as error:
        raise BuildFailed(f"_toc.yml is not readable: {error}") from None
    return [_with_suffix(root, name) for name in names(toc)]


def _with_suffix(root: Path, name: str) -> Path:
    for suffix in ("", ".ipynb", ".md"):
        path = root / f"{name}{suffix}"
        if path.is_file():
            return path
    raise BuildFailed(f"_toc.yml names {name}, but there is no {name}.ipynb and no {name}.md.")


def fingerprint(root: Path = ROOT) -> str:
    """Return a hash of every file that the site is made of."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(_inputs(root)):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _inputs(root: Path) -> Iterator[Path]:
    for name in (*SOURCES, *SOURCE_FOLDERS):
        path = root / name
        inside = path.rglob("*") if path.is_dir() else [path]
        for file in inside:
            parts = file.relative_to(root).parts
            passing = any(part.startswith((".", "__pycache__")) for part in parts)
            if file.is_file() and not passing:
                yield file


# --- The chapters ------------------------------------------------------------------------------


def check_chapters(paths: list[Path]) -> None:
    """Make sure that each notebook's outputs are whole and belong to its code.

    A chapter whose code changed is run first, so that a learner's edit shows in the book.
    """
    unsolved = set(assignments())
    notebooks = {
        path: read(path) for path in paths if path.suffix == ".ipynb" and path not in unsolved
    }
    changed = [path for path, notebook in notebooks.items() if not is_current(notebook)]
    for path in changed:
        print(f"{relative(path)}: code changed since its outputs were stored: running it.")
    if changed:
        run_all(changed, title="Running changed chapters")
    for path in notebooks:
        _check_outputs(path, read(path))


def _check_outputs(path: Path, notebook: Notebook) -> None:
    for index, cell in enumerate(notebook.cells):
        fault = _fault(cell) if cell in code_cells(notebook) else ""
        if fault:
            raise ChapterFailed(
                f"{relative(path)}: {describe_cell(notebook, index)}\n… {fault}\n"
                f"Run the chapter again: make notebooks ONLY={relative(path)}"
            )


def _fault(cell: Notebook) -> str:
    if cell.source.strip() and cell.execution_count is None:
        return "was not executed."
    for output in cell.outputs:
        if output.output_type == "error" and "raises-exception" not in tags(cell):
            return f"holds an error: {output.ename}: {output.evalue}"
    return ""


# --- The build ---------------------------------------------------------------------------------


def build(root: Path = ROOT) -> None:
    """Run Jupyter Book into the staging folder; raise with its warnings if there are any."""
    shutil.rmtree(STAGING, ignore_errors=True)  # Sphinx repeats no warning of a file it has read
    STAGING.mkdir(parents=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    command += [str(root), "-W", "--keep-going", "--path-output", str(STAGING)]
    variables = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "100"}
    text = ""
    with Progress("Building the book", 100) as bar:
        process = subprocess.Popen(
            command,
            cwd=root,
            env={**variables, "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            for line in _pieces(process):
                text += line + "\n"
                show(bar, line)
        except BaseException:
            process.kill()
            raise
        status = process.wait()
        LOG.write_text(text, encoding="utf-8")
        found = warnings_in(text, root)
        if status or found or not (STAGING / "_build" / "html" / "index.html").is_file():
            bar.clear()
            raise BuildFailed(_explain(found, text))


def _pieces(process: "subprocess.Popen[bytes]") -> Iterator[str]:
    """Yield what Sphinx prints, cut where it ends a line or overwrites one."""
    buffer = b""
    assert process.stdout
    while chunk := process.stdout.read1(65536):  # type: ignore[attr-defined]
        *whole, buffer = re.split(rb"[\r\n]", buffer + chunk)
        yield from (re.sub(r"\x1b\[[0-9;]*m", "", p.decode("utf-8", "replace")) for p in whole)
    yield buffer.decode("utf-8", "replace")


def show(bar: Progress, line: str) -> None:
    """Move the bar: reading fills its first half, writing its second."""
    match = re.match(r"(reading sources|writing output)\.\.\. \[ *(\d+)%\] *(\S*)", line)
    if match:
        half = 0 if match[1].startswith("reading") else 50
        verb = "reading" if half == 0 else "writing"
        bar.show(half + int(match[2]) / 2, f"{verb} {match[3]}")


def warnings_in(text: str, root: Path = ROOT) -> list[str]:
    """Return each warning of the build once, with notebook and cell in place of line numbers."""
    found: list[str] = []
    for line in text.splitlines():
        match = re.match(r"(?:(.*?)(?::(\d+))?: )?(WARNING|ERROR|CRITICAL|SEVERE): (.*)", line)
        if match and "build finished with problems" not in line:
            found.append(f"{_place(match[1], match[2], root)}{match[4]}")
        elif found and line.startswith(("  ", "\t")):
            found[-1] += "\n      " + line.strip()
    return list(dict.fromkeys(found))


def _place(file: str | None, line: str | None, root: Path) -> str:
    if not file:
        return ""
    path = Path(file if Path(file).suffix else file + ".ipynb")
    name = relative(path, root.resolve())
    if not line:
        return f"{name}: "
    number = int(line)
    if path.suffix != ".ipynb" or number < CELL:
        return f"{name}, line {number}: "
    index, inner = number // CELL - 1, number % CELL
    try:
        cell = describe_cell(read(path), index)
    except (ChapterFailed, IndexError):
        cell = f"cell {index + 1}"
    return f"{name}: {cell} (line {max(inner, 1)} of the cell)\n      "


def _explain(found: list[str], text: str) -> str:
    if found:
        shown = "\n".join(f"  - {warning}" for warning in found[:30])
        more = f"\n  … and {len(found) - 30} more" if len(found) > 30 else ""
        count = "One warning" if len(found) == 1 else f"{len(found)} warnings"
        return f"{count}, and the book allows none:\n{shown}{more}\nThe whole log: {relative(LOG)}"
    tail = "\n".join("    " + line for line in text.strip().splitlines()[-15:])
    return f"Jupyter Book stopped. Its last lines:\n\n{tail}\n\nThe whole log: {relative(LOG)}"


def swap() -> None:
    """Put the staged site in the place of the old one, which is removed last."""
    if SITE.exists():
        SITE.rename(BEFORE)
    try:
        (STAGING / "_build" / "html").rename(SITE)
    finally:
        restore()
    shutil.rmtree(STAGING, ignore_errors=True)


def restore() -> None:
    """Bring the old site back if a swap was cut short; remove it if the swap succeeded."""
    if BEFORE.exists() and not SITE.exists():
        BEFORE.rename(SITE)
    shutil.rmtree(BEFORE, ignore_errors=True)


# --- Is there anything to do? ----------------------------------------------------------------


def site_marks() -> list[int]:
    """Return the times of files that every build writes anew, one run by hand included."""
    files = [SITE / name for name in ("index.html", "searchindex.js", "objects.inv")]
    return [file.stat().st_mtime_ns if file.is_file() else 0 for file in files]


def is_built(mark: str) -> bool:
    """Tell whether the site is the one that this tool last built, from the same files."""
    try:
        return json.loads(STAMP.read_text("utf-8")) == {"inputs": mark, "site": site_marks()}
    except (OSError, ValueError):
        return False


def where() -> str:
    """Say where the book is and how to open it."""
    index = relative(SITE / "index.html")
    return f"The book is at {index}\nOpen that file in a browser, or run: make serve"


def last_good() -> str:
    """Say where the last good book is, if there is one."""
    index = SITE / "index.html"
    return f"The last good book is still at {relative(index)}" if index.is_file() else ""


def make() -> str:
    """Build the book if anything changed; return what to tell."""
    if is_built(fingerprint()):
        return f"Nothing changed since the book was built.\n{where()}"
    check_chapters(toc_files())
    mark = fingerprint()  # after the chapters that had to run were stored
    build()
    swap()
    STAMP.write_text(json.dumps({"inputs": mark, "site": site_marks()}), encoding="utf-8")
    return where()


def main() -> int:
    """Build, and say what came of it."""
    speak_unicode()
    BUILD.mkdir(exist_ok=True)
    restore()
    try:
        print(make())
    except (BuildFailed, ChapterFailed) as trouble:
        return fail(f"{trouble}\n\nThe book was not built. {last_good()}".rstrip())
    except KeyboardInterrupt:
        fail(f"Stopped. {last_good()}".rstrip())
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
