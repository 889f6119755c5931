"""Students that are made up: what they write, and how they hand it in."""

from copy import deepcopy

import nbformat

from coursework.answers import find, with_right, with_wrong
from coursework.sources import SOLUTION, graded, instructor_notebook, role

WRITTEN = "I measured it; the figure shows it."


def filled(release, source):
    """Return a released notebook whose answers are those of an instructor's notebook."""
    notebook = deepcopy(release)
    for cell in notebook.cells:
        if role(cell) in ("answer", "essay") and cell.cell_type == "code":
            lines = find(source, cell.id).source.splitlines()
            cell.source = "\n".join(line for line in lines if line.strip() not in SOLUTION)
        elif role(cell) == "essay":
            cell.source = WRITTEN
    return notebook


def solved(course, assignment):
    """Return what a student hands in whose answers are all right."""
    return filled(read(course.release(assignment)), read(course.source(assignment)))


def with_answer(course, assignment, answer):
    """Return what a student hands in who gave a right or a wrong answer of the list, or None."""
    source = instructor_notebook(assignment, course.term)
    if hasattr(answer, "old"):
        if not with_wrong(source, answer):
            return None
    else:
        with_right(source, answer, course.term)
    return filled(read(course.release(assignment)), source)


def read(path):
    return nbformat.read(path, 4)


def put(course, assignment, student, notebook, name=None):
    """Write a submission straight into the course's folder; return the folder."""
    folder = course.submission(student, assignment)
    folder.mkdir(parents=True)
    (folder / (name or f"{assignment}.ipynb")).write_text(nbformat.writes(notebook), "utf-8")
    return folder


def automatic(source):
    """Return the points that the tests of a notebook give."""
    return sum(c.metadata.nbgrader.points for c in graded(source) if role(c) != "essay")
