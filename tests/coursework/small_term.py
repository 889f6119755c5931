"""A term with one small assignment, graded without running anything: for what comes after that."""

import functools
import shutil
import tempfile
from pathlib import Path

import nbformat
import pytest

from coursework.course import Course
from coursework.grade import fingerprint, frame_of
from coursework.record import Record, record
from coursework.release import release, write_settings
from coursework.runner import error_output
from coursework.sources import KERNEL, _to_cell, parts, write

A = "counting"  # its name; the text is another
TERM = "2031-small"
TEXT = """\
---
file_format: mystnb
kernelspec: {name: python3}
---

# A small assignment

```{code-cell}
:id: add
:role: answer
:question: Adding
def add(a, b):
    ### BEGIN SOLUTION
    return a + b  # which is what the whole question asks
    ### END SOLUTION
```

```{code-cell}
:id: add-visible
:role: visible
:question: Adding
:points: 30
assert add(1, 1) == 2
```

```{code-cell}
:id: add-hidden
:role: hidden
:question: Adding
:points: 60
assert add(11, 22) == 33, "a larger sum is wrong"
```

+++ {"id": "why", "role": "essay", "question": "Why", "points": 10}

Because the sum of two numbers is written with a plus sign.
"""
ANOTHER = """\

```{code-cell}
:id: add-more
:role: hidden
:question: Adding
:points: 5
assert add(0, 0) == 0
```
"""


def small(text=TEXT):
    """Return what stands in for `instructor_notebook` in `coursework.release`."""

    def instructor_notebook(assignment, term):
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
        notebook.cells = [_to_cell(*part, number) for number, part in enumerate(parts(text))]
        return notebook

    return instructor_notebook


@functools.cache
def _template():
    """Release it once for all tests: that takes longer than any of them."""
    folder = tempfile.TemporaryDirectory(prefix="small-term-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coursework.release.instructor_notebook", small())
        release(Course.of(TERM, Path(folder.name)), [A], pages=None)
    return folder


def released(terms):
    """Return the course of a term whose one assignment is the small one."""
    course = Course.of(TERM, terms)
    shutil.copytree(Path(_template().name, TERM), course.root)
    write_settings(course)
    return course


def release_again(course, monkeypatch, text):
    """Release it with another text."""
    monkeypatch.setattr("coursework.release.instructor_notebook", small(text))
    release(course, [A], pages=None)


def hand_in(course, student, essay="I thought about it.", photo=""):
    """Let a student hand in; the answer of the first question is what it is released as."""
    notebook = nbformat.read(course.release(A), 4)
    cell = next(cell for cell in notebook.cells if cell.id == "why")
    cell.source = essay
    if photo:
        cell.attachments = {"photo.png": {"image/png": photo}}
    write(notebook, course.submission(student, A) / f"{A}.ipynb")


def run(course, student, wrong=(), suspect=False):
    """Leave behind what running a submission does, with the tests that are to fail."""
    submission, frame = course.submission(student, A), frame_of(course, A)
    (path,) = submission.glob("*.ipynb")
    written = {cell.id: cell for cell in nbformat.read(path, 4).cells}
    notebook = nbformat.reads(nbformat.writes(frame), 4)
    for cell in notebook.cells:
        if cell.id == "why" and cell.id in written:
            cell.source = written[cell.id].source
            cell.attachments = written[cell.id].get("attachments", {})
        if cell.id in wrong:
            cell.outputs = [error_output("AssertionError", "the sum is wrong")]
    folder = course.graded(student, A)
    write(notebook, folder / f"{A}.ipynb")
    Record(fingerprint(submission, frame), [], suspect, 1.0).write(folder)


def graded(course, student, **options):
    """Run and record a submission."""
    run(course, student, **options)
    record(course, A, [student])


def mark_by_hand(course, student, score, cell="why"):
    """Give a mark as the formgrader does."""
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url, "rnn") as book:
        grade = book.find_grade(cell, A, A, student)
        grade.manual_score = score
        grade.needs_manual_grade = False
        book.db.commit()
