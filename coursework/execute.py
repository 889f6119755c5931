"""Runs one submission, cell by cell, and survives whatever it does.

Each submission has a process of its own, which holds a kernel in a sandbox. What the process finds
it writes into one file, whole; if it dies or takes too long, whoever started it says so instead.
"""

import asyncio
import contextlib
import json
import os
import resource
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursework import apart, sandbox
from coursework.rebuild import Unreadable, find_notebook, read_submission, rebuild
from coursework.runner import NOT_RUN, Runner, errors_of
from coursework.sandbox import Limits
from coursework.sources import TESTS, role

FILES = 20  # that travel with a notebook
FILE_SIZE = 20_000_000
MEMORY = 6_000_000_000  # bytes of the process that listens to the kernel


@dataclass
class Outcome:
    """What became of a submission."""

    student: str
    assignment: str
    notebook: NotebookNode | None = None  # rebuilt and run; None: it could not be read
    notes: list[str] = field(default_factory=list)  # for the student
    suspect: bool = False  # a test that must fail did not: the tests were tampered with
    seconds: float = 0.0
    fault: str = ""  # why it could not be graded, if that is not the submission's doing


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
    hidden = _set_apart(rebuilt.notebook)
    canaries = _put_canaries(rebuilt.notebook)
    with sandbox.private_folder() as run, _quiet_log():
        runner = Runner(rebuilt.notebook, Path(run), files, limits, walled)
        asyncio.run(runner.run_all())
    outcome.notes += runner.notes(unnamed=canaries)
    outcome.suspect = _take_canaries(rebuilt.notebook, canaries)
    for cell in rebuilt.notebook.cells:
        cell.source = hidden.get(cell.id, cell.source)
    if not runner.started:
        outcome.fault = "Python did not start"
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


# --- Hidden tests and canaries --------------------------------------------------------------------


def _set_apart(notebook: NotebookNode) -> dict[str, str]:
    """Let the hidden tests run with names of their own; return their texts, to be put back."""
    texts = {}
    for cell in notebook.cells:
        if role(cell) == "hidden":
            texts[cell.id] = cell.source
            cell.source = apart.hidden_test(cell.source)
    return texts


def _put_canaries(notebook: NotebookNode) -> list[str]:
    """Put a test that must fail behind each test; where one passes, someone bent the tests."""
    tests = [index for index, cell in enumerate(notebook.cells) if role(cell) in TESTS]
    names = []
    for index in sorted({*tests, len(notebook.cells) - 1}, reverse=True):
        nonce = secrets.token_hex(8)
        code = apart.canary(nonce, 1 + secrets.randbelow(999))
        cell = nbformat.v4.new_code_cell(code, id=nonce)
        cell.metadata.course = NotebookNode(role="hidden")  # that it fails is nobody's fault
        notebook.cells.insert(index + 1, cell)
        names.append(nonce)
    return names


def _take_canaries(notebook: NotebookNode, names: list[str]) -> bool:
    """Remove them again; tell whether one of them passed."""
    suspect = False
    for cell in [cell for cell in notebook.cells if cell.id in names]:
        errors = errors_of(cell)
        printed = "".join(output.get("text", "") for output in cell.outputs)
        # Neither a Python that has ended nor one that takes too long says anything about the tests.
        silent = any(output.get("ename") in NOT_RUN for output in errors)
        failed = any(output.get("evalue") == cell.id for output in errors)
        suspect |= not silent and (not failed or cell.id in printed)
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
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    outcome = run_submission(folder, assignment, nbformat.reads(frame, 4), limits, walled)
    unfinished = answer.with_suffix(".part")
    unfinished.write_text(json.dumps(asdict(outcome)), encoding="utf-8")
    unfinished.rename(answer)
