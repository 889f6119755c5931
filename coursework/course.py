"""Where the files of a term are, and how nbgrader is told.

terms/2027-spring/
    source/       the instructor's notebooks, with solutions and hidden tests
    release/      what the students get
    submitted/    what they handed in:  submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb
    autograded/   the same, run and marked
    feedback/     one page for each student
    marks/        tables for the examination office, archives for Moodle
    gradebook.db  the marks, cell by cell (nbgrader's)
"""

import logging
import os
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from coursework.sources import ESSAY_STUB
from coursework.terms import ASSIGNMENTS, HERE, Trouble, check_term

TERMS = Path(os.environ.get("COURSEWORK_TERMS", HERE / "terms"))


@dataclass(frozen=True)
class Course:
    """A term's folder."""

    term: str
    root: Path

    @classmethod
    def of(cls, term: str, terms: Path | None = None) -> "Course":
        """Return the course of a term; its folder need not exist yet."""
        return cls(check_term(term), (terms or TERMS).resolve() / term)

    @property
    def db_url(self) -> str:
        """Address of the gradebook, as nbgrader writes it."""
        return f"sqlite:///{self.root / 'gradebook.db'}"

    def source(self, assignment: str) -> Path:
        """The instructor's notebook."""
        return self.root / "source" / assignment / f"{assignment}.ipynb"

    def release(self, assignment: str) -> Path:
        """The students' notebook."""
        return self.root / "release" / assignment / f"{assignment}.ipynb"

    def submission(self, student: str, assignment: str) -> Path:
        """The folder that a student handed in."""
        return self.root / "submitted" / student / assignment

    def graded(self, student: str, assignment: str) -> Path:
        """The folder of a graded submission."""
        return self.root / "autograded" / student / assignment

    def feedback(self, student: str, assignment: str) -> Path:
        """The page that a student gets back."""
        return self.root / "feedback" / student / assignment / f"{assignment}.html"

    def released(self) -> list[str]:
        """Return the assignments that were released, in the course's order."""
        return [name for name in ASSIGNMENTS if self.source(name).is_file()]

    def students(self, assignment: str) -> list[str]:
        """Return who handed something in, in the order of their names."""
        folder = self.root / "submitted"
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if (path / assignment).exists())

    def must_be_released(self, assignment: str) -> None:
        """Raise an error that says what to do if an assignment was not released."""
        if not (self.source(assignment).is_file() and self.release(assignment).is_file()):
            raise Trouble(
                f"{assignment} was not released for the term {self.term}. "
                f"First: make release TERM={self.term} ASSIGNMENT={assignment}"
            )


def cores() -> int:
    """Return how many processes can run at once: a cluster's job may have few of the cores."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def settings(course: Course) -> object:
    """Return nbgrader's settings for a term (a traitlets Config)."""
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.course_id = "rnn"
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.db_url = course.db_url
    config.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError"}
    config.ClearSolutions.text_stub = ESSAY_STUB
    return config


def converter(kind: type, course: Course, assignment: str, **options: object) -> object:
    """Return one of nbgrader's converters for an assignment, quiet but for its errors."""
    from nbgrader.coursedir import CourseDirectory

    config = settings(course)
    folder = CourseDirectory(config=config)
    folder.assignment_id = assignment
    made = kind(coursedir=folder, config=config, **options)
    made.log = logging.Logger("nbgrader")  # one of its own, so that `said` finds its words alone
    made.log.addHandler(_Memory())
    return made


class _Memory(logging.Handler):
    """Keeps what nbgrader says; it is shown if something goes wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def said(made: object) -> str:
    """Return the errors that one of nbgrader's converters logged."""
    lines = "\n".join(made.log.handlers[0].lines).strip().splitlines()
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]
    return " / ".join(errors or lines[-1:])


def prepare() -> None:
    """Let nbgrader find the program alembic, which it starts by name, and keep it quiet."""
    here = str(Path(sys.executable).parent)
    if here not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    for name in ("traitlets", "alembic", "nbgrader"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # nbgrader's tables were written for an older SQLAlchemy, which says so at each new student.
    warnings.filterwarnings("ignore", message=".*not in session", module="nbgrader")
