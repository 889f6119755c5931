"""From graded notebooks to the gradebook, and from the gradebook to marks."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import nbformat

from coursework.course import Course
from coursework.sources import graded, points
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


def record(course: Course, assignment: str, students: list[str]) -> None:
    """Write into the gradebook what was run and is not there yet."""
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades

    with Gradebook(course.db_url, "rnn") as book:
        known = {one.student.id for one in book.assignment_submissions(assignment)}
        for student in students:
            folder = course.graded(student, assignment)
            kept = Record.read(folder)
            if kept is None or (kept.recorded and student in known):
                continue
            notebook = nbformat.read(folder / f"{assignment}.ipynb", 4)
            book.update_or_create_student(student, **_for_gradebook(names_of(course, student)))
            book.update_or_create_submission(assignment, student)
            names = dict(student=student, assignment=assignment, notebook=assignment)
            resources = {"nbgrader": {**names, "db_url": course.db_url}}
            for step in (SaveAutoGrades, AssignLatePenalties):
                step().preprocess(notebook, resources)
            replace(kept, recorded=True).write(folder)


def names_of(course: Course, student: str) -> dict[str, str]:
    """Return what `collect` found of a student: names, and the folder's name in Moodle."""
    try:
        return json.loads((course.root / "submitted" / student / "name.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _for_gradebook(names: dict[str, str]) -> dict[str, str]:
    return {key: names[key] for key in ("first_name", "last_name", "email") if key in names}


def all_scores(course: Course, assignment: str) -> dict[str, tuple[dict[str, float], int]]:
    """Return each student's marks by question, and how many cells wait to be marked by hand."""
    from nbgrader.api import BaseCell, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
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
    with Gradebook(course.db_url, "rnn") as book:
        released = book.find_assignment(assignment).id
        for student, name, score, by_hand in book.db.execute(
            asked.where(SubmittedAssignment.assignment_id == released)
        ):
            scores, waiting = found.get(student, (dict.fromkeys(points(source), 0.0), 0))
            scores[of_cell[name]] += score
            found[student] = (scores, waiting + by_hand)
    return found
