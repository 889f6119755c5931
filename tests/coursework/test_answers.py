"""The grader grades: every wrong answer loses points where it is wrong, every right one none.

Each assignment keeps its lists in `coursework/assignments/NAME/answers.py`. Here the cells run in
this process; that the real grader gives the same marks is shown in test_class.py.
"""

import tempfile
from contextlib import chdir
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest

from coursework.answers import right, run, with_right, with_wrong, wrong
from coursework.sources import instructor_notebook
from coursework.terms import ASSIGNMENTS

TERMS = ("sample", "2027", "2028", "2029", "2030", "2031", "2032", "2033", "2034", "2035")
WRONG = [(name, answer) for name in ASSIGNMENTS for answer in wrong(name)]
RIGHT = [(name, answer) for name in ASSIGNMENTS for answer in right(name)]


@cache
def stored(assignment, term):
    return instructor_notebook(assignment, term)


def fresh(assignment, term):
    return deepcopy(stored(assignment, term))


# Cells that decide on what lies beside the notebook when it is handed in: a text and a network.
MADE_BY = {"my-text", "train"}


@cache
def handed_in_with(assignment, term):
    """Return the files that the right answers leave beside the notebook."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("my_text.txt").write_text("Without a text of one's own nothing is stored.", "utf-8")
        run(fresh(assignment, term))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def run_as_handed_in(assignment, term, notebook, changed):
    """Run a notebook beside the files of the right answers, unless its own cells would make them.

    So a network is trained once for each term and not for each answer.
    """
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        if not MADE_BY & set(changed):
            for name, data in handed_in_with(assignment, term).items():
                Path(name).write_bytes(data)
        return run(notebook)


def names(pairs):
    return [f"{assignment}-{answer.name}" for assignment, answer in pairs]


def test_there_are_enough_of_both():
    assert len(WRONG) >= 60
    assert len(RIGHT) >= 15
    assert len(set(names(WRONG))) == len(WRONG)
    assert len(set(names(RIGHT))) == len(RIGHT)


@pytest.mark.parametrize("term", TERMS[:3])
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_instructors_answers_lose_nothing(assignment, term):
    result = run_as_handed_in(assignment, term, fresh(assignment, term), MADE_BY)
    assert result.failed == result.broken == {}


@pytest.mark.parametrize(("assignment", "answer"), RIGHT, ids=names(RIGHT))
def test_a_right_answer_loses_nothing(assignment, answer):
    for term in TERMS[1:3]:
        notebook = fresh(assignment, term)
        with_right(notebook, answer, term)
        result = run_as_handed_in(assignment, term, notebook, answer.cells)
        assert result.failed == result.broken == {}


@pytest.mark.parametrize(("assignment", "answer"), WRONG, ids=names(WRONG))
def test_a_wrong_answer_loses_points_in_its_question(assignment, answer):
    for term in TERMS:
        notebook = fresh(assignment, term)
        if with_wrong(notebook, answer):
            break
    else:
        pytest.fail(f"in none of the terms {TERMS} there is a place for this mistake")
    result = run_as_handed_in(assignment, term, notebook, [answer.cell])
    assert answer.question in result.lost
    assert set(result.lost) <= {answer.question, *answer.also}
    assert result.broken == {}
