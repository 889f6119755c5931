"""The grader grades: every wrong answer loses points where it is wrong, every right one none.

Each assignment keeps its lists in `coursework/assignments/NAME/answers.py`. Here the cells run in
this process; that the real grader gives the same marks is shown in test_class.py.
"""

from copy import deepcopy
from functools import cache

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
    result = run(fresh(assignment, term))
    assert result.failed == result.broken == {}


@pytest.mark.parametrize(("assignment", "answer"), RIGHT, ids=names(RIGHT))
def test_a_right_answer_loses_nothing(assignment, answer):
    for term in TERMS[1:3]:
        notebook = fresh(assignment, term)
        with_right(notebook, answer, term)
        result = run(notebook)
        assert result.failed == result.broken == {}


@pytest.mark.parametrize(("assignment", "answer"), WRONG, ids=names(WRONG))
def test_a_wrong_answer_loses_points_in_its_question(assignment, answer):
    for term in TERMS:
        notebook = fresh(assignment, term)
        if with_wrong(notebook, answer):
            break
    else:
        pytest.fail(f"in none of the terms {TERMS} there is a place for this mistake")
    result = run(notebook)
    assert answer.question in result.lost
    assert set(result.lost) <= {answer.question, *answer.also}
    assert result.broken == {}
