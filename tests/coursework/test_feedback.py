"""Pages of feedback: one that cannot be written, and what lies beside them."""

import html
import re
from concurrent.futures import Future

import pytest
from small_term import A, graded, hand_in, released

from coursework.__main__ import main
from coursework.feedback import write_pages
from coursework.sources import role
from coursework.terms import Trouble

pytestmark = pytest.mark.filterwarnings("ignore:.*not in session")  # as `prepare` does
MISSING = "My sketch: ![sketch](attachment:image.png)"  # as an editor leaves it that drops pictures


@pytest.fixture
def course(tmp_path):
    """Return a course with three graded submissions, of which bo's has a missing picture."""
    made = released(tmp_path)
    for student, text in {"ak": "I thought.", "bo": MISSING, "cy": "I looked it up."}.items():
        hand_in(made, student, essay=text)
        graded(made, student, wrong=["add-hidden"])
    return made


class Here:
    """Runs at once, and in this process, what would be run in others."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def said(course, monkeypatch, capsys):
    """Return a function that writes the pages and returns the exit code and what was said."""
    monkeypatch.setattr("coursework.course.TERMS", course.root.parent)
    monkeypatch.setattr("coursework.feedback.ProcessPoolExecutor", Here)

    def command():
        code = main(["feedback", course.term])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return command


def test_a_page_that_fails_costs_no_other(course, said):
    code, text = said()
    assert code == 1
    assert "2 pages" in text
    assert "No page of counting could be written for:\n  bo: InvalidNotebook" in text
    assert "Traceback" not in text
    for student in ("ak", "cy"):
        page = course.feedback(student, A).read_text("utf-8")
        assert "the sum is wrong" in page
        text = "".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())
        assert "add(1,1)==2" in text and "add(11,22)" not in text
    assert not course.feedback("bo", A).exists()


def test_a_process_that_dies_names_its_students(course, said, monkeypatch):
    from concurrent.futures.process import BrokenProcessPool

    def dies(course, assignment, students):
        if "bo" in students:
            raise BrokenProcessPool
        return write_pages(course, assignment, students)

    monkeypatch.setattr("coursework.feedback.write_pages", dies)
    code, text = said()
    assert code == 1
    assert "bo: the process died" in text
    assert course.feedback("cy", A).is_file()


def test_beside_a_page_lies_nothing(course):
    beside = course.graded("ak", A) / "data.txt"
    beside.write_text("handed in")
    old = course.feedback("ak", A).parent / "grading.json"
    old.parent.mkdir(parents=True)
    old.write_text('{"suspect": true}')
    assert write_pages(course, A, ["ak"]) == {}
    assert [path.name for path in old.parent.iterdir()] == [f"{A}.html"]


def test_a_page_is_written_whole_or_not_at_all(course, monkeypatch):
    def half(path, write):
        raise OSError("no space left")

    monkeypatch.setattr("coursework.feedback.write_whole", half)
    assert write_pages(course, A, ["ak"]) == {"ak": "OSError: no space left"}
    assert list(course.root.rglob("*.html")) == []


def test_hidden_tests_keep_title_and_message(course):
    import nbformat

    from coursework.feedback import hide_hidden_tests

    notebook = nbformat.read(course.graded("ak", A) / f"{A}.ipynb", 4)
    hide_hidden_tests(notebook, {})
    (cell,) = [cell for cell in notebook.cells if role(cell) == "hidden"]
    assert cell.source.startswith("# The hidden tests of") and "\n" not in cell.source
    assert cell.outputs[0].traceback == ["AssertionError: the sum is wrong"]


def test_nothing_graded_is_said(tmp_path):
    from coursework.feedback import feedback

    course = released(tmp_path / "other")
    hand_in(course, "ak")
    with pytest.raises(Trouble, match="make grade"):
        feedback(course, A)
