"""Run chapters again and store what they print: python tools/run_notebooks.py [paths]

Twice the same code gives twice the same file, byte for byte (cells tagged nbval-ignore-output
apart: they print times). A chapter is written only when it ran to its end.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from notebooks import (
    Notebook,
    chapters,
    code_hash,
    describe_cell,
    fail,
    normalise,
    relative,
    set_kernel_variables,
    stored_hash,
)
from progress import Progress, speak_unicode

CELL_TIMEOUT = 600  # seconds; a chapter whose cell takes longer would not be read to its end
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class ChapterFailed(Exception):
    """A chapter did not run to its end, or must not be stored; the text names the cell."""


def read(path: Path) -> Notebook:
    """Read a notebook; say what is wrong with the file if it isn't one."""
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except FileNotFoundError:
        raise ChapterFailed(f"{relative(path)}: there is no such file.") from None
    except Exception as error:
        reason = str(error).splitlines()[0][:300]
        raise ChapterFailed(
            f"{relative(path)} is not a readable notebook: {reason}\n"
            "Was it saved half-way, or does it hold marks of a merge (<<<<<<<)? "
            "Restore it, for instance with: git checkout -- " + relative(path)
        ) from None
    return notebook


def run(path: Path, notebook: Notebook, bar: Progress, done: int = 0) -> None:
    """Execute a notebook in its own folder; `notebook` then holds the stored form."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = _client(path, notebook, bar, done)
    try:
        # What the kernel's own process says on stderr is for those who mend kernels.
        client.execute(cwd=str(path.parent), env=dict(os.environ), stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise ChapterFailed(
            _report(path, notebook, client.at, f"failed:\n{_indent(error)}")
        ) from None
    except CellTimeoutError:
        reason = f"took more than {CELL_TIMEOUT} s."
        raise ChapterFailed(_report(path, notebook, client.at, reason)) from None
    except DeadKernelError:
        reason = "ended the kernel (out of memory?)."
        raise ChapterFailed(_report(path, notebook, client.at, reason)) from None
    normalise(notebook)
    _refuse_warnings(path, notebook)


def _client(path: Path, notebook: Notebook, bar: Progress, done: int) -> Any:
    """Return an nbclient whose kernel is this very Python, and which moves the bar."""
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class ThisPython(KernelSpecManager):
        """Whatever kernels a person has installed under the name python3, use this one."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    class Manager(AsyncKernelManager):
        """Made by nbclient itself, which then also ends the kernel."""

        def _kernel_spec_manager_default(self) -> KernelSpecManager:
            return ThisPython()

    class Client(NotebookClient):
        """Remembers at which cell it is."""

        at = 0

    def begin(cell: Notebook, cell_index: int) -> None:
        client.at = cell_index
        note = f"{path.stem}, cell {cell_index + 1} of {len(notebook.cells)}"
        bar.show(done + cell_index, note)

    client = Client(
        notebook,
        kernel_name="python3",
        kernel_manager_class=Manager,
        timeout=CELL_TIMEOUT,
        store_widget_state=False,
        record_timing=False,
        on_cell_start=begin,
    )
    return client


def _refuse_warnings(path: Path, notebook: Notebook) -> None:
    """A reader must not meet a warning: what is left on stderr stops the chapter."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                reason = f"warned:\n{_indent(output.text)}\nMend the cause, then run it again."
                raise ChapterFailed(_report(path, notebook, index, reason))


def _report(path: Path, notebook: Notebook, index: int, reason: str) -> str:
    return f"{relative(path)}: {describe_cell(notebook, index)}\n… {reason}"


def _indent(error: object, last: int = 12) -> str:
    lines = ANSI.sub("", str(error)).rstrip().splitlines()
    return "\n".join("    " + line for line in lines[-last:])


def write(path: Path, notebook: Notebook) -> bool:
    """Store a notebook in one step; tell whether the file changed."""
    import nbformat

    text = nbformat.writes(notebook) + "\n"
    if path.read_text(encoding="utf-8") == text:
        return False
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, path.stat().st_mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def run_all(paths: list[Path], title: str = "Running chapters") -> list[Path]:
    """Run and store the chapters in turn; return those whose files changed."""
    set_kernel_variables()
    notebooks = {path: read(path) for path in paths}
    total = sum(len(notebook.cells) for notebook in notebooks.values())
    changed, done = [], 0
    with Progress(title, total) as bar:
        for path, notebook in notebooks.items():
            run(path, notebook, bar, done)
            done += len(notebook.cells)
            if write(path, notebook):
                changed.append(path)
            bar.say(f"  {relative(path)}: {'stored' if path in changed else 'as stored'}")
    return changed


def main(arguments: list[str]) -> int:
    """Run the named chapters, or all."""
    parser = argparse.ArgumentParser(description="Run chapters again and store what they print.")
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks (default: all of book/)")
    parser.add_argument("--changed", action="store_true", help="only those whose code changed")
    options = parser.parse_args(arguments)
    speak_unicode()
    try:
        paths = [path.resolve() for path in options.paths] or chapters()
        if options.changed:
            paths = [path for path in paths if not is_current(read(path))]
        changed = run_all(paths) if paths else []
    except ChapterFailed as trouble:
        return fail(f"{trouble}\n\nThe notebook file was left as it was.")
    except KeyboardInterrupt:
        fail("Stopped. Chapters that had run to their end are stored, the others untouched.")
        return 130
    print(f"{len(paths)} chapters ran to their end, {len(changed)} of the files changed.")
    return 0


def is_current(notebook: Notebook) -> bool:
    """Tell whether the stored outputs belong to the code as it stands."""
    return stored_hash(notebook) == code_hash(notebook)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
