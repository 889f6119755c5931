"""From graded notebooks to the gradebook, and from the gradebook to marks."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursework.course import Course
from coursework.sources import graded, points
from coursework.terms import Trouble
from rnnlib.files import write_whole

NOTHING = "Nothing of {assignment} is graded yet. First: make grade TERM={term}"


@dataclass(frozen=True)
class Record:
    """What is kept of a graded submission (grading.json)."""

    made_from: str  # hash of what was handed in and of the assignment
    notes: list[str]
    suspect: bool
    seconds: float
    recorded: bool = False  # the gradebook has it

    @classmethod
    def read(cls, folder: Path) -> "Record | None":
        """Return the record in the folder of a graded submission, if there is one."""
        try:
            return cls(**json.loads((folder / "grading.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Write the record whole: it says that everything before it was finished."""
        data = json.dumps(asdict(self), indent=1).encode("utf-8")
        write_whole(folder / "grading.json", lambda file: file.write(data))


@contextmanager
def opened(course: Course, assignment: str) -> Iterator[object]:
    """Open the gradebook; if it does not know something of the assignment, say what helps."""
    from nbgrader.api import Gradebook, MissingEntry

    try:
        with Gradebook(course.db_url, "rnn") as book:
            yield book
    except MissingEntry as error:
        raise Trouble(
            f"The gradebook and the released {assignment} do not fit each other ({error}). "
            f"Next: make release TERM={course.term} ASSIGNMENT={assignment}"
        ) from error


def record(course: Course, assignment: str, students: list[str]) -> None:
    """Write into the gradebook what was run and is not there yet."""
    from nbgrader.preprocessors import AssignLatePenalties

    with opened(course, assignment) as book:
        known = {one.student.id for one in book.assignment_submissions(assignment)}
        for student in students:
            folder = course.graded(student, assignment)
            kept = Record.read(folder)
            if kept is None or (kept.recorded and student in known):
                continue
            notebook = nbformat.read(folder / f"{assignment}.ipynb", 4)
            book.update_or_create_student(student, **_for_gradebook(names_of(course, student)))
            book.update_or_create_submission(assignment, student)
            _save(book, assignment, student, notebook, _seen(folder))
            names = dict(student=student, assignment=assignment, notebook=assignment)
            resources = {"nbgrader": {**names, "db_url": course.db_url}}
            AssignLatePenalties().preprocess(notebook, resources)
            # Last: killed before, a cell that changed still waits for the marker.
            _see(folder, notebook)
            replace(kept, recorded=True).write(folder)


def _save(
    book: object, assignment: str, student: str, notebook: NotebookNode, seen: dict[str, str]
) -> None:
    """Write the scores of a submission into the gradebook, all or none.

    nbgrader's own step (SaveAutoGrades) writes cell by cell, and asks again for each mark that was
    given by hand. Here such a mark stays final if its cell says, and scores, what it did before.
    """
    from nbgrader.utils import compute_checksum, determine_grade

    for cell in notebook.cells:
        known = cell.metadata.get("nbgrader", {})
        where = (known.get("grade_id"), assignment, assignment, student)
        if known.get("grade"):
            grade = book.find_grade(*where)
            score, _ = determine_grade(cell)
            if grade.manual_score is None:
                grade.needs_manual_grade = score is None
            elif seen.get(cell.id) != _digest(cell) or grade.auto_score != score:
                grade.needs_manual_grade = True
            grade.auto_score = score
        if known.get("solution"):
            empty = known.get("checksum") == compute_checksum(cell)
            book.find_comment(*where).auto_comment = "No response." if empty else None
    book.db.commit()


def _digest(cell: NotebookNode) -> str:
    """Return a hash of what a marker sees of a cell, and of what it is worth."""
    seen = [cell.source, cell.get("attachments", {}), cell.metadata.nbgrader.points]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _seen(folder: Path) -> dict[str, str]:
    """Return the hashes of the cells as the gradebook had them last."""
    try:
        return json.loads((folder / "cells.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _see(folder: Path, notebook: NotebookNode) -> None:
    data = json.dumps({cell.id: _digest(cell) for cell in graded(notebook)}, indent=1).encode()
    write_whole(folder / "cells.json", lambda file: file.write(data))


def names_of(course: Course, student: str) -> dict[str, str]:
    """Return what `collect` found of a student: names, and the folder's name in Moodle."""
    try:
        return json.loads((course.root / "submitted" / student / "name.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _for_gradebook(names: dict[str, str]) -> dict[str, str]:
    return {key: names[key] for key in ("first_name", "last_name") if key in names}


def all_scores(course: Course, assignment: str) -> dict[str, tuple[dict[str, float], int]]:
    """Return each student's marks by question, and how many cells wait to be marked by hand."""
    from nbgrader.api import BaseCell, Grade, SubmittedAssignment, SubmittedNotebook
    from sqlalchemy import select

    source = nbformat.read(course.source(assignment), 4)
    of_cell = {cell.id: cell.metadata.course.question for cell in graded(source)}
    asked = (
        select(SubmittedAssignment.student_id, BaseCell.name, Grade.score, Grade.needs_manual_grade)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(BaseCell, Grade.cell_id == BaseCell.id)
    )
    found: dict[str, tuple[dict[str, float], int]] = {}
    with opened(course, assignment) as book:
        released = book.find_assignment(assignment).id
        for student, name, score, by_hand in book.db.execute(
            asked.where(SubmittedAssignment.assignment_id == released)
        ):
            if name not in of_cell:  # a cell that an older release had
                continue
            scores, waiting = found.get(student, (dict.fromkeys(points(source), 0.0), 0))
            scores[of_cell[name]] += score
            found[student] = (scores, waiting + by_hand)
    return found
