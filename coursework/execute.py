"""Runs one submission, cell by cell, and survives whatever it does.

Each submission has a process of its own, which holds a kernel in a sandbox. What the process finds
it writes into one file, whole; if it dies or takes too long, whoever started it says so instead.
"""

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursework import sandbox
from coursework.rebuild import Unreadable, find_notebook, read_submission, rebuild
from coursework.runner import Runner, errors_of
from coursework.sandbox import Limits
from coursework.sources import TESTS, role

FILES = 20  # that travel with a notebook
FILE_SIZE = 20_000_000

CANARY = """\
# {nonce}
expect = globals().get("expect")
if expect is not None:
    try:
        expect("canary", [1.0, {number}], [1.0, -{number}], "{nonce}")
    except AssertionError:
        pass
    else:
        print("{nonce} sang")
import numpy
try:
    numpy.testing.assert_allclose({number}, -{number})
except AssertionError:
    pass
else:
    print("{nonce} sang")
for same in (numpy.allclose, numpy.isclose, numpy.array_equal):
    if same({number}, -{number}):
        print("{nonce} sang")
assert {number} < 0, "{nonce}"
"""


@dataclass
class Outcome:
    """What became of a submission."""

    student: str
    assignment: str
    notebook: NotebookNode | None = None  # rebuilt and run; None: it could not be read
    notes: list[str] = field(default_factory=list)  # for the student
    suspect: bool = False  # a test that must fail did not: the tests were tampered with
    seconds: float = 0.0


def run_submission(
    folder: Path, assignment: str, frame: NotebookNode, limits: Limits, walled: bool
) -> Outcome:
    """Read, rebuild and run what a student handed in."""
    outcome = Outcome(folder.parent.name, assignment)
    start = time.monotonic()
    try:
        path = find_notebook(folder, assignment)
        rebuilt = rebuild(read_submission(path), frame)
    except Unreadable as error:
        outcome.notes.append(str(error))
        return outcome
    outcome.notes += rebuilt.notes
    files, notes = files_beside(path)
    outcome.notes += notes
    canaries = _put_canaries(rebuilt.notebook)
    with sandbox.private_folder() as run, _quiet_log():
        runner = Runner(rebuilt.notebook, Path(run), files, limits, walled)
        asyncio.run(runner.run_all())
    outcome.notes += runner.notes(unnamed=canaries)
    outcome.suspect = _take_canaries(rebuilt.notebook, canaries)
    outcome.notebook = rebuilt.notebook
    outcome.seconds = time.monotonic() - start
    return outcome


def files_beside(path: Path) -> tuple[list[Path], list[str]]:
    """Return the other files of a submission that its notebook may read, and what was left out."""
    files, notes = [], []
    for other in sorted(path.parent.iterdir()):
        if other == path or other.suffix == ".ipynb" or other.name.startswith("."):
            continue
        if other.is_symlink() or not other.is_file():
            notes.append(f"{other.name} is a link or a folder: left out.")
        elif other.stat().st_size > FILE_SIZE or len(files) >= FILES:
            notes.append(f"{other.name} is too large, or one file too many: left out.")
        else:
            files.append(other)
    return files, notes


# --- Canaries ------------------------------------------------------------------------------------


def _put_canaries(notebook: NotebookNode) -> list[str]:
    """Put tests among the others that must fail; where one passes, someone bent the tests."""
    tests = [index for index, cell in enumerate(notebook.cells) if role(cell) in TESTS]
    names = []
    places = {*tests[:1], *tests[-1:], len(notebook.cells) - 1}  # after these
    for index in sorted(places, reverse=True):
        nonce = secrets.token_hex(8)
        source = CANARY.format(nonce=nonce, number=1 + secrets.randbelow(999))
        notebook.cells.insert(index + 1, nbformat.v4.new_code_cell(source, id=nonce))
        names.append(nonce)
    return names


def _take_canaries(notebook: NotebookNode, names: list[str]) -> bool:
    """Remove them again; tell whether one of them passed."""
    suspect = False
    for cell in [cell for cell in notebook.cells if cell.id in names]:
        errors = errors_of(cell)
        printed = "".join(output.get("text", "") for output in cell.outputs)
        died = any(output.get("ename") == "NotRun" for output in errors)
        failed = any(output.get("evalue") == cell.id for output in errors)
        suspect |= not died and (not failed or f"{cell.id} sang" in printed)
        notebook.cells.remove(cell)
    return suspect


@contextlib.contextmanager
def _quiet_log() -> Iterator[None]:
    import logging

    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


# --- A process of its own ------------------------------------------------------------------------


def work(
    folder: Path, assignment: str, frame: str, limits: Limits, walled: bool, answer: Path
) -> None:
    """Run a submission and write its outcome down whole (in a process of its own)."""
    os.setsid()  # so that it can be stopped with everything that it started
    outcome = run_submission(folder, assignment, nbformat.reads(frame, 4), limits, walled)
    unfinished = answer.with_suffix(".part")
    unfinished.write_text(json.dumps(asdict(outcome)), encoding="utf-8")
    unfinished.rename(answer)
