"""make release: the students' notebooks of a term, without solutions and hidden tests.

An assignment is made and looked at in memory. Then come the gradebook, which may refuse, and the
files, each written whole: whatever goes wrong, what was released before stays as it was.
"""

from copy import deepcopy
from pathlib import Path

from nbformat import NotebookNode

from coursework.course import Course, converter, prepare, said, settings
from coursework.sources import instructor_notebook, role, secrets, write
from coursework.terms import HERE, Trouble, check_term, draw
from rnnlib.files import write_whole

PAGES = HERE.parent / "book" / "coursework"


def release(course: Course, assignments: list[str], pages: Path | None = PAGES) -> None:
    """Write the instructor's and the students' notebooks of a term, and the pages of the book."""
    prepare()
    for line in same_as_before(course, assignments):
        print(line)
    write_settings(course)
    for name in assignments:
        notebook = instructor_notebook(name, course.term)
        released, saved = students_notebook(course, name, notebook)
        shown = "\n".join(cell.source for cell in released.cells)  # JSON would escape quotes
        leaks = [line for line in secrets(notebook) if line in shown]
        if leaks:
            raise Trouble(f"{name}: the release would show what must stay hidden: {leaks[0]!r}")
        save_cells(course, name, saved)
        write(notebook, course.source(name))
        write(released, course.release(name))
        if pages is not None:
            write(released, pages / f"{name}.ipynb")
    print(f"Released for {course.term}: {', '.join(assignments)}.")
    print(f"For your students: {course.root / 'release'}")
    if pages is not None:
        print("The pages of the book show this term now: make book")


SETTINGS = """\
# nbgrader's settings for this term, for the formgrader and for nbgrader's own commands.
# Written by `make release`.
from nbconvert.exporters import Exporter
from nbgrader.converters.base import NbGraderException

c = get_config()  # noqa: F821
{settings}

# What nbgrader would do with a button or a command of its own, `make` does otherwise: submissions
# run behind walls and are put back on a fresh copy, and pages keep hidden tests hidden. So these
# refuse. An exporter is made before anything is removed; hooks come after that.
INSTEAD = {{
    "GenerateAssignment": "To release, use: make release TERM={term}",
    "Autograde": "To grade, use: make grade TERM={term}",
    "GenerateFeedback": "For feedback, use: make feedback TERM={term}",
}}


class UseMake(Exporter):
    def __init__(self, parent=None, **options):
        sentence = INSTEAD[type(parent).__name__]
        parent.log.error(sentence)
        raise NbGraderException(sentence)


c.GenerateAssignment.exporter_class = UseMake
c.Autograde.exporter_class = UseMake
c.GenerateFeedback.exporter_class = UseMake
c.FormgradeExtension.debug = False  # it would print these settings, and stumble over a class
"""


def write_settings(course: Course) -> None:
    """Let nbgrader's own commands and pages find the term."""
    course.root.mkdir(parents=True, exist_ok=True)
    lines = [
        f"c.{section}.{name} = {value!r}"
        for section, values in settings(course).items()
        for name, value in values.items()
    ]
    data = SETTINGS.format(settings="\n".join(lines), term=course.term).encode("utf-8")
    write_whole(course.root / "nbgrader_config.py", lambda file: file.write(data))


def students_notebook(
    course: Course, assignment: str, notebook: NotebookNode
) -> tuple[NotebookNode, NotebookNode]:
    """Let nbgrader make the students' version.

    Returns it, and the notebook as the gradebook wants it: without solutions, with hidden tests.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import SaveCells

    released = deepcopy(notebook)
    resources: dict = {}
    made = converter(GenerateAssignment, course, assignment)
    try:
        for step in made.preprocessors:
            if step is SaveCells:
                saved = deepcopy(released)
            else:
                released, resources = step(parent=made)(released, resources)
    except Exception as error:  # nbgrader's steps raise whatever they like
        raise Trouble(f"nbgrader could not release {assignment}: {said(made) or error}") from error
    for cell in released.cells:
        if role(cell) == "hidden" and "HIDDEN" in cell.source:
            raise Trouble(f"{assignment}: hidden tests are left in {cell.id}.")
    return released, saved


def save_cells(course: Course, assignment: str, notebook: NotebookNode) -> None:
    """Write into the gradebook what each cell is worth, unless that would cost marks."""
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import SaveCells

    with Gradebook(course.db_url, "rnn") as book:
        found = book.update_or_create_assignment(assignment)
        count = len(found.submissions)
        for known in found.notebooks if count else []:
            _must_have_the_same_cells(course, assignment, known, notebook, count)
    names = {"assignment": assignment, "notebook": assignment, "db_url": course.db_url}
    SaveCells()(deepcopy(notebook), {"nbgrader": names})


def _must_have_the_same_cells(
    course: Course, assignment: str, known: object, notebook: NotebookNode, count: int
) -> None:
    """Refuse to add or remove cells where marks are: nbgrader can't. Say which, and what to do."""
    before = {
        cell.name: (
            cell.name in _names(known.grade_cells),
            cell.name in _names(known.solution_cells),
        )
        for cell in known.source_cells
    }
    now = {
        cell.id: (cell.metadata.nbgrader.grade, cell.metadata.nbgrader.solution)
        for cell in notebook.cells
        if role(cell)
    }
    changes = [f"{name} came" for name in now if name not in before]
    changes += [f"{name} is gone" for name in sorted(before) if name not in now]
    changes += [
        f"{name} changed its role" for name in now if before.get(name, now[name]) != now[name]
    ]
    if changes:
        raise Trouble(
            f"{assignment} has other cells than when it was released ({', '.join(changes)}), and "
            f"the gradebook has marks for {count} submissions: it takes no cells in or out.\n"
            "Nothing of this assignment was changed. What a cell says and what it is worth may "
            "change: put a new test into a cell that is there.\n"
            "Where nothing was marked by hand yet, there is another way: move "
            f"{course.root / 'gradebook.db'} away. Then make release and make grade, for all "
            "assignments, write a new one."
        )


def _names(cells: list) -> set[str]:
    return {cell.name for cell in cells}


def same_as_before(course: Course, assignments: list[str]) -> list[str]:
    """Say which assignments ask for the same as in another term kept here: answers would pass."""
    lines = []
    others = [path.parent.name for path in course.root.parent.glob("*/source")]
    others = [name for name in others if name != course.term and _is_term(name)]
    for name in assignments:
        kind = draw(name, course.term).kind
        same = [other for other in sorted(others) if kind and draw(name, other).kind == kind]
        if same:
            lines.append(
                f"Take care: {name} asks for the same equations as in {', '.join(same)}; only its "
                "numbers differ. Another name of the term draws others."
            )
    return lines


def _is_term(name: str) -> bool:
    """Say whether a folder beside the term's can be a term; people keep copies there, too."""
    try:
        return check_term(name) == name
    except Trouble:
        return False
