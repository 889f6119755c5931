"""make release: the students' notebooks of a term, without solutions and hidden tests."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursework.course import Course, converter, prepare, said
from coursework.sources import instructor_notebook, role, secrets, write
from coursework.terms import HERE, Trouble, draw

PAGES = HERE.parent / "book" / "coursework"


def release(course: Course, assignments: list[str], pages: Path | None = PAGES) -> None:
    """Write the instructor's and the students' notebooks of a term, and the pages of the book."""
    prepare()
    for line in same_as_before(course, assignments):
        print(line)
    write_settings(course)
    for name in assignments:
        notebook = instructor_notebook(name, course.term)
        write(notebook, course.source(name))
        released = students_notebook(course, name)
        leaks = [line for line in secrets(notebook) if line in nbformat.writes(released)]
        if leaks:
            raise Trouble(f"{name}: the release would show what must stay hidden: {leaks[0]!r}")
        if pages is not None:
            write(released, pages / f"{name}.ipynb")
    print(f"Released for {course.term}: {', '.join(assignments)}.")
    print(f"For your students: {course.root / 'release'}")
    if pages is not None:
        print("The pages of the book show this term now: make book")


SETTINGS = """\
# nbgrader's settings for this term, for the formgrader and for nbgrader's own commands.
# Written by `make release`.
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "rnn"
c.CourseDirectory.root = {root!r}
"""


def write_settings(course: Course) -> None:
    """Let nbgrader's own commands and pages find the term."""
    course.root.mkdir(parents=True, exist_ok=True)
    text = SETTINGS.format(root=str(course.root))
    (course.root / "nbgrader_config.py").write_text(text, encoding="utf-8")


def students_notebook(course: Course, assignment: str) -> NotebookNode:
    """Let nbgrader make the students' version and write down what each cell is worth."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException

    made = converter(GenerateAssignment, course, assignment, force=True)
    try:
        made.start()
    except (NbGraderException, SystemExit) as error:
        raise Trouble(f"nbgrader could not release {assignment}: {said(made)}") from error
    path = course.release(assignment)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if role(cell) == "hidden" and "HIDDEN" in cell.source:
            raise Trouble(f"{assignment}: hidden tests are left in {cell.id}.")
    write(notebook, path)
    return notebook


def same_as_before(course: Course, assignments: list[str]) -> list[str]:
    """Say which assignments ask for the same as in another term kept here: answers would pass."""
    lines = []
    others = [path.name for path in course.root.parent.glob("*") if path.name != course.term]
    for name in assignments:
        kind = draw(name, course.term).kind
        same = [other for other in sorted(others) if kind and draw(name, other).kind == kind]
        if same:
            lines.append(
                f"Take care: {name} asks for the same equations as in {', '.join(same)}; only its "
                "numbers differ. Another name of the term draws others."
            )
    return lines
