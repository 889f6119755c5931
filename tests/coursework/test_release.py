"""Releasing again, in a term that has marks: what does not fit breaks nothing."""

import logging
import shutil

import pytest
from small_term import (
    ANOTHER,
    TERM,
    TEXT,
    A,
    graded,
    hand_in,
    mark_by_hand,
    release_again,
    released,
)

from coursework.__main__ import main
from coursework.course import Course, settings
from coursework.marks import list_marks
from coursework.release import same_as_before
from coursework.terms import Trouble

pytestmark = pytest.mark.filterwarnings("ignore:.*not in session")  # as `prepare` does


@pytest.fixture
def course(tmp_path):
    """Return a course without submissions."""
    return released(tmp_path)


@pytest.fixture
def marked(course):
    """Return a course in which ak's work is graded and marked."""
    hand_in(course, "ak")
    graded(course, "ak")
    mark_by_hand(course, "ak", 8.0)
    return course


def files(course):
    """Return what is in a term's folder, but for nbgrader's settings."""
    paths = [path for path in course.root.rglob("*") if path.is_file() and path.suffix != ".py"]
    return {path: path.read_bytes() for path in paths}


def total(course):
    return list_marks(course, A)[0].total


# --- A changed assignment -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT + ANOTHER, "add-more came"),
        (TEXT[: TEXT.index("+++")], "why is gone"),
        (TEXT.replace(":role: hidden", ":role: setup"), "add-hidden changed its role"),
    ],
)
def test_cells_that_come_or_go_are_refused_where_marks_are(marked, monkeypatch, text, words):
    before = files(marked)
    with pytest.raises(Trouble) as refused:
        release_again(marked, monkeypatch, text)
    for word in (words, "1 submissions", "into a cell that is there", "gradebook.db"):
        assert word in str(refused.value)
    assert files(marked) == before
    assert total(marked) == 98.0


def test_where_no_marks_are_cells_may_come_and_go(course, monkeypatch):
    release_again(course, monkeypatch, TEXT + ANOTHER)
    hand_in(course, "ak")
    graded(course, "ak")
    assert list_marks(course, A)[0].scores["Adding"] == 95.0


def test_what_a_cell_says_and_is_worth_may_change(marked, monkeypatch):
    release_again(marked, monkeypatch, TEXT.replace(":points: 60", ":points: 50"))
    graded(marked, "ak")
    assert total(marked) == 88.0


@pytest.mark.parametrize("what", ["secrets", "save_cells"])
def test_a_release_that_fails_leaves_everything(course, monkeypatch, what):
    def shown(notebook):
        return {"assert add(1, 1) == 2"}

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"coursework.release.{what}", shown if what == "secrets" else stopped)
    before = files(course)
    with pytest.raises((Trouble, KeyboardInterrupt)):
        release_again(course, monkeypatch, TEXT + ANOTHER)
    assert files(course) == before


def test_what_nbgrader_refuses_is_said(course, monkeypatch):
    before = files(course)
    with pytest.raises(Trouble, match=r"could not release counting: .*add-hidden"):
        release_again(course, monkeypatch, TEXT.replace("add-visible", "add-hidden"))
    assert files(course) == before


def test_a_folder_that_can_be_no_term_is_passed_over(course):
    for name in ("copy of 2030", "2030-autumn"):
        (course.root.parent / name / "source").mkdir(parents=True)
    same_as_before(course, [A])


# --- nbgrader's own buttons -----------------------------------------------------------------------


def loaded(course):
    """Return the settings as nbgrader's own commands and the formgrader load them."""
    from traitlets.config.loader import PyFileConfigLoader

    return PyFileConfigLoader("nbgrader_config.py", str(course.root)).load_config()


def test_nbgrader_finds_the_same_settings(course):
    found = loaded(course)
    for section, values in settings(course).items():
        assert {name: found[section][name] for name in values} == values


@pytest.mark.parametrize(
    ("name", "instead"),
    [("Autograde", "grade"), ("GenerateFeedback", "feedback"), ("GenerateAssignment", "release")],
)
def test_nbgraders_own_buttons_refuse_and_touch_nothing(marked, name, instead, monkeypatch):
    from nbgrader import converters
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    page = marked.feedback("ak", A)
    page.parent.mkdir(parents=True)
    page.write_text("a page")
    before = files(marked)
    monkeypatch.chdir(marked.root)
    config = loaded(marked)
    folder = CourseDirectory(config=config)
    folder.assignment_id = A
    if name != "GenerateAssignment":
        folder.student_id = "ak"
    made = getattr(converters, name)(coursedir=folder, config=config, force=True)
    made.log = logging.Logger("nbgrader")  # `prepare` makes the usual one quiet
    done = capture_log(made)  # as the formgrader starts it, and shows what it said
    assert not done["success"]
    for said in (done["log"], done["error"]):
        assert f"make {instead} TERM={TERM}" in said
    assert files(marked) == before


def test_the_settings_need_nothing_of_the_repository(course):
    text = (course.root / "nbgrader_config.py").read_text("utf-8")
    assert "coursework import" not in text and "import coursework" not in text
    assert Course.of(TERM, course.root.parent).db_url in text


def test_the_formgrader_is_told_where_the_folder_is_now(course, tmp_path, monkeypatch):
    moved = Course.of(TERM, tmp_path / "elsewhere")
    shutil.move(course.root, moved.root)
    monkeypatch.setattr("coursework.course.TERMS", tmp_path / "elsewhere")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: None)
    assert main(["formgrader", TERM]) == 0
    assert loaded(moved).CourseDirectory.root == str(moved.root)
