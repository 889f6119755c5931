"""make marks: tables of marks, and what Moodle reads.

For each assignment, in the folder `marks` of the term:

    counting.csv                  every student: marks by question, the sum, and whether it is final
    counting-moodle.csv           Moodle's grading worksheet
    counting-moodle-feedback.zip  Moodle's "feedback files in a zip"

A mark is left empty while cells wait to be marked by hand, and while a submission whose tests were
tampered with waits for an instructor (`make marks ... ACCEPT=STUDENT` says that it was looked at).
"""

import csv
import io
import zipfile
from dataclasses import dataclass, replace

import nbformat

from coursework.course import Course, prepare
from coursework.record import NOTHING, Record, all_scores, names_of
from coursework.sources import points
from coursework.terms import Trouble
from rnnlib.files import write_whole


@dataclass(frozen=True)
class Mark:
    """A student's mark."""

    student: str
    scores: dict[str, float]
    state: str  # empty: final

    @property
    def total(self) -> float | None:
        """The sum; None while it is not final."""
        return None if self.state else sum(self.scores.values())


def marks(course: Course, assignment: str) -> None:
    """Write the tables of an assignment."""
    prepare()
    course.must_be_released(assignment)
    found = list_marks(course, assignment)
    if not found:
        raise Trouble(NOTHING.format(assignment=assignment, term=course.term))
    questions = points(nbformat.read(course.source(assignment), 4))
    most = sum(questions.values())
    names = {mark.student: names_of(course, mark.student) for mark in found}
    folder = course.root / "marks"
    folder.mkdir(exist_ok=True)
    rows = [["student", "last name", "first name", "email", *questions, "sum", "out of", "state"]]
    for mark in found:
        who = [names[mark.student].get(key, "") for key in ("last_name", "first_name", "email")]
        scores = [f"{mark.scores[question]:g}" for question in questions]
        rows.append([mark.student, *who, *scores, _number(mark.total), f"{most:g}", mark.state])
    _write_csv(folder / f"{assignment}.csv", rows)
    _write_csv(folder / f"{assignment}-moodle.csv", _worksheet(found, names, most))
    archive = _feedback_archive(course, assignment, found, names)
    write_whole(folder / f"{assignment}-moodle-feedback.zip", lambda file: file.write(archive))
    waiting = sum(bool(mark.state) for mark in found)
    print(f"{len(found)} marks of {assignment}, {waiting} of them not final: {folder}")


def accept(course: Course, assignment: str, student: str) -> None:
    """Give a mark free that was withheld because a test that must fail had not failed."""
    folder = course.graded(student, assignment)
    kept = Record.read(folder)
    if kept is None:
        raise Trouble(f"Nothing of {assignment} by {student} is graded.")
    replace(kept, suspect=False).write(folder)


def list_marks(course: Course, assignment: str) -> list[Mark]:
    """Return the marks of everyone whose work was graded."""
    found = []
    scores = all_scores(course, assignment)
    for student in course.students(assignment):
        kept = Record.read(course.graded(student, assignment))
        if kept is None or student not in scores:
            continue
        by_question, waiting = scores[student]
        state = f"{waiting} cells wait to be marked by hand" if waiting else ""
        if kept.suspect:
            state = "withheld: the tests were tampered with"
        found.append(Mark(student, by_question, state))
    return found


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _worksheet(found: list[Mark], names: dict[str, dict[str, str]], most: float) -> list[list[str]]:
    """Return the rows of Moodle's grading worksheet."""
    rows = [["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"]]
    rows[0] += ["Grade can be changed", "Last modified (grade)", "Feedback comments"]
    for mark in found:
        who = names[mark.student]
        full = f"{who.get('first_name', '')} {who.get('last_name', '')}".strip()
        row = [f"Participant {mark.student}", full, who.get("email", ""), "", _number(mark.total)]
        rows.append([*row, f"{most:.2f}", "Yes", "-", mark.state])
    return rows


def _feedback_archive(
    course: Course, assignment: str, found: list[Mark], names: dict[str, dict[str, str]]
) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for mark in found:
            page = course.feedback(mark.student, assignment)
            if page.is_file():
                plain = f"{mark.student}_{mark.student}_assignsubmission_file_"
                folder = names[mark.student].get("moodle", plain)
                archive.write(page, f"{folder}/{assignment}.html")
    return data.getvalue()


def _write_csv(path: object, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_safe(row) for row in rows])
    write_whole(path, lambda file: file.write(("\ufeff" + text.getvalue()).encode("utf-8")))


def _safe(row: list[str]) -> list[str]:
    """Keep a spreadsheet from taking what a student typed for a formula."""
    return [f"'{cell}" if cell[:1] in ("=", "+", "@", "\t") else cell for cell in row]
