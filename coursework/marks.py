"""make marks: tables of marks, and what Moodle reads.

For each assignment, in the folder `marks` of the term:

    counting.csv                  everyone who handed in: marks by question, the sum, and a state
    counting-moodle.csv           Moodle's grading worksheet
    counting-moodle-feedback.zip  Moodle's "feedback files in a zip"

The sum is left empty while it is not final, and the state says why: what was handed in last is not
graded yet; cells wait to be marked by hand; or a submission whose tests were tampered with waits
for an instructor (`make marks ... ACCEPT=STUDENT` says that it was looked at).
"""

import csv
import io
import math
import zipfile
from dataclasses import dataclass, replace

import nbformat

from coursework.course import Course, prepare
from coursework.grade import fingerprint, frame_of
from coursework.record import NOTHING, Record, all_scores, names_of
from coursework.sources import points
from coursework.terms import Trouble
from rnnlib.files import write_whole

NOT_YET = "not graded yet"
CHANGED = "handed in or released again since it was graded"


@dataclass(frozen=True)
class Mark:
    """A student's mark."""

    student: str
    scores: dict[str, float]  # by question; empty if there are none for what was handed in last
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
    if all(mark.state == NOT_YET for mark in found):
        raise Trouble(NOTHING.format(assignment=assignment, term=course.term))
    questions = points(nbformat.read(course.source(assignment), 4))
    most = sum(questions.values())
    names = {mark.student: names_of(course, mark.student) for mark in found}
    folder = course.root / "marks"
    folder.mkdir(exist_ok=True)
    rows = [["student", "last name", "first name", *questions, "sum", "out of", "state"]]
    for mark in found:
        who = [names[mark.student].get(key, "") for key in ("last_name", "first_name")]
        scores = [_number(mark.scores.get(question)) for question in questions]
        rows.append([mark.student, *who, *scores, _number(mark.total), f"{most:g}", mark.state])
    _write_csv(folder / f"{assignment}.csv", rows)
    _write_csv(folder / f"{assignment}-moodle.csv", _worksheet(found, names, most))
    archive, left_out = _feedback_archive(course, assignment, found, names)
    write_whole(folder / f"{assignment}-moodle-feedback.zip", lambda file: file.write(archive))
    waiting = sum(bool(mark.state) for mark in found)
    print(f"{len(found)} marks of {assignment}, {waiting} of them not final: {folder}")
    ungraded = sum(mark.state in (NOT_YET, CHANGED) for mark in found)
    where = f"TERM={course.term} ASSIGNMENT={assignment}"
    if ungraded:
        print(f"Still to be graded: {ungraded}. First: make grade {where}")
    if left_out:
        print(f"Pages missing, or older than the grading: {left_out}. First: make feedback {where}")


def accept(course: Course, assignment: str, student: str) -> None:
    """Give a mark free that was withheld because a test that must fail had not failed."""
    folder = course.graded(student, assignment)
    kept = Record.read(folder)
    if kept is None:
        raise Trouble(f"Nothing of {assignment} by {student} is graded.")
    if not kept.suspect:
        print(f"The mark of {student} for {assignment} was not withheld.")
        return
    replace(kept, suspect=False).write(folder)


def list_marks(course: Course, assignment: str) -> list[Mark]:
    """Return the marks of everyone who handed something in, and of each why it is not final."""
    found = []
    scores = all_scores(course, assignment)
    frame = frame_of(course, assignment)
    for student in course.students(assignment):
        kept = Record.read(course.graded(student, assignment))
        by_question, waiting = scores.get(student, ({}, 0))
        state = f"still to be marked by hand: {waiting}" if waiting else ""
        if not all(map(math.isfinite, by_question.values())):
            state = "a score is not a number: look at it in the formgrader"
        if kept is None or not (kept.recorded and by_question):
            by_question, state = {}, NOT_YET
        elif kept.made_from != fingerprint(course.submission(student, assignment), frame):
            by_question, state = {}, CHANGED
        elif kept.suspect:
            state = "withheld: the tests were tampered with"
        found.append(Mark(student, by_question, state))
    return found


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:g}"


def _worksheet(found: list[Mark], names: dict[str, dict[str, str]], most: float) -> list[list[str]]:
    """Return the rows of Moodle's grading worksheet."""
    rows = [["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"]]
    rows[0] += ["Grade can be changed", "Last modified (grade)", "Feedback comments"]
    for mark in found:
        who = names[mark.student]
        full = f"{who.get('first_name', '')} {who.get('last_name', '')}".strip()
        row = [f"Participant {mark.student}", full, "", "", _number(mark.total)]
        # No comment: students see it, and why a mark is missing is not for them.
        rows.append([*row, f"{most:.2f}", "Yes", "-", ""])
    return rows


def _feedback_archive(
    course: Course, assignment: str, found: list[Mark], names: dict[str, dict[str, str]]
) -> tuple[bytes, int]:
    """Return the archive, and how many pages of what was graded are not in it."""
    data = io.BytesIO()
    left_out = 0
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for mark in found:
            if not mark.scores:
                continue
            page = course.feedback(mark.student, assignment)
            graded = course.graded(mark.student, assignment) / f"{assignment}.ipynb"
            if not page.is_file() or page.stat().st_mtime < graded.stat().st_mtime:
                left_out += 1
                continue
            plain = f"{mark.student}_{mark.student}_assignsubmission_file_"
            folder = names[mark.student].get("moodle", plain)
            archive.write(page, f"{folder}/{assignment}.html")
    return data.getvalue(), left_out


def _write_csv(path: object, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_safe(row) for row in rows])
    write_whole(path, lambda file: file.write(("\ufeff" + text.getvalue()).encode("utf-8")))


def _safe(row: list[str]) -> list[str]:
    """Keep a spreadsheet from taking what a student typed for a formula."""
    return [f"'{cell}" if cell[:1] in ("=", "+", "@", "\t") else cell for cell in row]
