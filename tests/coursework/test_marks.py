"""Marks: final only for what was handed in last, and marks by hand that stay while they may."""

import csv
import io
import os
import shutil
import zipfile

import nbformat
import pytest
from small_term import TEXT, A, graded, hand_in, mark_by_hand, release_again, released, run

from coursework.__main__ import main
from coursework.grade import Order, grade
from coursework.marks import CHANGED, NOT_YET, accept, list_marks, marks
from coursework.record import Record, all_scores, record
from coursework.sources import write
from coursework.terms import Trouble

pytestmark = pytest.mark.filterwarnings("ignore:.*not in session")  # as `prepare` does


@pytest.fixture
def course(tmp_path):
    """Return a course in which ak's work is graded, and marked by hand with 8 points."""
    made = released(tmp_path)
    hand_in(made, "ak")
    graded(made, "ak")
    mark_by_hand(made, "ak", 8.0)
    return made


def mark_of(course, student="ak"):
    (mark,) = [mark for mark in list_marks(course, A) if mark.student == student]
    return mark


def table(course, name=f"{A}.csv"):
    marks(course, A)
    text = (course.root / "marks" / name).read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def archived(course):
    marks(course, A)
    return zipfile.ZipFile(course.root / "marks" / f"{A}-moodle-feedback.zip").namelist()


# --- Which marks are final ------------------------------------------------------------------------


def test_a_mark_is_the_sum_of_tests_and_hand(course):
    mark = mark_of(course)
    assert (mark.state, mark.total) == ("", 98.0)
    assert mark.scores == {"Adding": 90.0, "Why": 8.0}


def test_a_new_submission_takes_the_old_mark_away_until_it_is_graded(course, capsys):
    hand_in(course, "ak", essay="")
    (row,) = table(course)
    assert (row["sum"], row["Adding"], row["state"]) == ("", "", CHANGED)
    assert table(course, f"{A}-moodle.csv")[0]["Grade"] == ""
    assert "make grade" in capsys.readouterr().out
    run(course, "ak")  # as with SHARD=1/1, or killed before the gradebook is written
    assert mark_of(course).state == NOT_YET
    assert mark_of(course).total is None
    record(course, A, ["ak"])
    assert "by hand" in mark_of(course).state


def test_killed_while_it_is_recorded_there_is_no_mark(course, monkeypatch):
    hand_in(course, "ak", essay="I changed my mind.")
    run(course, "ak", wrong=["add-hidden"])
    monkeypatch.setattr("coursework.record.replace", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        record(course, A, ["ak"])
    assert mark_of(course).state == NOT_YET


def test_everyone_who_handed_in_is_listed(course):
    hand_in(course, "bo")
    rows = {row["student"]: row for row in table(course)}
    assert set(rows) == {"ak", "bo"}
    assert (rows["bo"]["sum"], rows["bo"]["state"]) == ("", NOT_YET)
    assert rows["ak"]["sum"] == "98"
    assert [row["Grade"] for row in table(course, f"{A}-moodle.csv")] == ["98", ""]


def test_an_assignment_released_anew_is_to_be_graded_anew(course, monkeypatch):
    release_again(course, monkeypatch, TEXT.replace("add(11, 22) == 33", "add(12, 22) == 34"))
    assert mark_of(course).state == CHANGED
    graded(course, "ak")
    assert mark_of(course).total == 98.0


def test_nothing_graded_is_said(tmp_path):
    course = released(tmp_path)
    hand_in(course, "ak")
    with pytest.raises(Trouble, match="make grade"):
        marks(course, A)


def test_a_withheld_mark_is_freed_by_looking(course, capsys):
    graded(course, "ak", suspect=True)
    assert mark_of(course).total is None
    assert "withheld" in mark_of(course).state
    accept(course, A, "ak")
    assert mark_of(course).total == 98.0
    accept(course, A, "ak")
    assert "was not withheld" in capsys.readouterr().out
    with pytest.raises(Trouble, match="by bo is graded"):
        accept(course, A, "bo")


def test_a_score_that_is_no_number_is_no_mark(course):
    mark_by_hand(course, "ak", float("inf"))
    (row,) = table(course)
    assert row["sum"] == row["Why"] == ""
    assert "not a number" in row["state"]


def test_the_archive_has_no_page_of_something_else(course, capsys):
    page = course.feedback("ak", A)
    page.parent.mkdir(parents=True)
    page.write_text("98 points")
    assert len(archived(course)) == 1
    os.utime(page, (0, 0))  # graded again since
    assert archived(course) == []
    assert "make feedback" in capsys.readouterr().out
    os.utime(page)
    hand_in(course, "ak", essay="")
    assert archived(course) == []


# --- What was marked by hand ----------------------------------------------------------------------


def test_a_mark_by_hand_stays_while_its_cell_does(course):
    graded(course, "ak", wrong=["add-hidden"])  # as with AGAIN=1
    mark = mark_of(course)
    assert (mark.state, mark.total) == ("", 38.0)


@pytest.mark.parametrize("change", [{"essay": "On second thoughts."}, {"photo": "aGk="}])
def test_a_changed_cell_waits_for_the_marker_again(course, change):
    hand_in(course, "ak", **change)
    graded(course, "ak")
    assert "by hand: 1" in mark_of(course).state
    graded(course, "ak")  # it waits on, also when it is graded once more
    assert "by hand: 1" in mark_of(course).state
    mark_by_hand(course, "ak", 3.0)
    graded(course, "ak")
    assert mark_of(course).total == 93.0


def test_killed_between_gradebook_and_note_a_changed_cell_waits(course, monkeypatch):
    hand_in(course, "ak", essay="On second thoughts.")
    run(course, "ak")
    with monkeypatch.context() as patch:
        patch.setattr("coursework.record._see", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            record(course, A, ["ak"])
    record(course, A, ["ak"])
    assert "by hand: 1" in mark_of(course).state


def test_a_cell_worth_something_else_waits(course, monkeypatch):
    release_again(course, monkeypatch, TEXT.replace('"points": 10', '"points": 20'))
    graded(course, "ak")
    assert "by hand: 1" in mark_of(course).state


def test_a_test_overruled_by_hand_waits_when_it_comes_out_otherwise(course):
    mark_by_hand(course, "ak", 20.0, cell="add-hidden")
    graded(course, "ak")
    assert mark_of(course).total == 58.0
    graded(course, "ak", wrong=["add-hidden"])
    assert "by hand: 1" in mark_of(course).state


def test_an_answer_left_as_it_was_needs_no_hand_and_says_so(tmp_path):
    from nbgrader.api import Gradebook

    course = released(tmp_path)
    hand_in(course, "ak")
    hand_in(course, "bo", essay=nbformat.read(course.release(A), 4).cells[-1].source)
    graded(course, "ak")
    graded(course, "bo")
    assert mark_of(course, "bo").total == 90.0
    with Gradebook(course.db_url, "rnn") as book:
        comments = {
            (student, cell): book.find_comment(cell, A, A, student).comment
            for student in ("ak", "bo")
            for cell in ("add", "why")
        }
    assert comments[("bo", "why")] == comments[("bo", "add")] == "No response."
    assert comments[("ak", "why")] is None


# --- The gradebook --------------------------------------------------------------------------------


def test_scores_are_written_all_or_none(course, monkeypatch):
    from nbgrader import utils

    def fails_late(cell):
        if cell.id == "why":
            raise MemoryError
        return utils.__dict__["original"](cell)

    monkeypatch.setitem(utils.__dict__, "original", utils.determine_grade)
    monkeypatch.setattr(utils, "determine_grade", fails_late)
    run(course, "ak", wrong=["add-visible", "add-hidden"])
    with pytest.raises(MemoryError):
        record(course, A, ["ak"])
    assert all_scores(course, A)["ak"][0] == {"Adding": 90.0, "Why": 8.0}


def test_a_cell_that_is_gone_costs_no_table(course):
    source = nbformat.read(course.source(A), 4)
    source.cells = [cell for cell in source.cells if cell.id != "add-visible"]
    write(source, course.source(A))
    assert all_scores(course, A)["ak"][0] == {"Adding": 60.0, "Why": 8.0}


def test_a_gradebook_without_the_assignment_says_what_helps(course):
    from nbgrader.api import Gradebook

    with Gradebook(course.db_url, "rnn") as book:
        book.remove_assignment(A)
    for ask in (marks, lambda *asked: record(*asked, ["ak"])):
        with pytest.raises(Trouble, match="make release TERM=2031-small"):
            ask(course, A)


def test_a_gradebook_made_anew_is_filled_again(course, tmp_path):
    fresh = released(tmp_path / "fresh")
    shutil.copy(fresh.root / "gradebook.db", course.root / "gradebook.db")
    assert mark_of(course).state == NOT_YET
    record(course, A, ["ak"])
    assert mark_of(course).scores["Adding"] == 90.0


# --- Stopped, or not graded -----------------------------------------------------------------------


def test_what_is_done_when_grading_is_stopped_is_recorded(course, monkeypatch):
    hand_in(course, "bo")
    hand_in(course, "cy")

    def stopped(course, *_):
        run(course, "bo")
        raise KeyboardInterrupt

    monkeypatch.setattr("coursework.grade._run", stopped)
    with pytest.raises(KeyboardInterrupt):
        grade(course, A, Order(walled=False))
    assert mark_of(course, "bo").scores["Adding"] == 90.0
    assert mark_of(course, "cy").state == NOT_YET


def test_the_table_names_who_is_not_graded(course, monkeypatch, capsys):
    hand_in(course, "bo")
    monkeypatch.setattr("coursework.grade._run", lambda *_: None)  # each run died
    grade(course, A, Order(walled=False))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("NOT GRADED")] == ["bo"]
    assert "the same command again" in lines[-2]
    assert mark_of(course).total == 98.0


# --- The command ----------------------------------------------------------------------------------


@pytest.fixture
def said(course, monkeypatch, capsys):
    """Return a function that runs a command and returns its exit code and what it said."""
    monkeypatch.setattr("coursework.course.TERMS", course.root.parent)

    def command(*arguments):
        code = main([arguments[0], course.term, *arguments[1:]])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return command


def test_who_is_accepted_is_said_with_the_assignment(course, said):
    graded(course, "ak", suspect=True)
    code, text = said("marks", "--accept", "ak")
    assert code == 1
    assert "ASSIGNMENT=... ACCEPT=ak" in text
    assert Record.read(course.graded("ak", A)).suspect
    assert said("marks", "--accept", "ak", "--assignment", A)[0] == 0
    assert mark_of(course).total == 98.0


def another_assignment(course):
    """Let bo hand in something for a second assignment."""
    for path in (course.source("bptt"), course.release("bptt")):
        path.parent.mkdir()
        path.touch()
    course.submission("bo", "bptt").mkdir(parents=True)


def test_one_student_is_graded_where_there_is_something_to_grade(course, said, monkeypatch):
    another_assignment(course)
    asked = []
    monkeypatch.setattr("coursework.grade.grade", lambda course, name, order: asked.append(name))
    assert said("grade", "--student", "bo")[0] == 0
    assert asked == ["bptt"]
    code, text = said("grade", "--student", "cy")
    assert (code, asked) == (1, ["bptt"])
    assert "cy handed in nothing" in text


@pytest.mark.parametrize("command", ["marks", "feedback"])
def test_trouble_with_one_assignment_keeps_no_other_back(course, said, monkeypatch, command):
    another_assignment(course)
    asked = []

    def one(course, assignment):
        asked.append(assignment)
        if assignment == A:
            raise Trouble("No page for ak")

    monkeypatch.setattr(f"coursework.{command}.{command}", one)
    code, text = said(command)
    assert code == 1
    assert asked == [A, "bptt"]
    assert "No page for ak" in text
