"""Hidden tests run with names of their own; canaries fail unless somebody bent the tests."""

import contextlib
import io
import json
import re

import nbformat
import numpy
import pytest
from hand_in import read

from coursework import apart
from coursework.course import Course
from coursework.execute import Outcome
from coursework.grade import _in_a_process, _keep
from coursework.record import Record
from coursework.sandbox import Limits


def run(code, names):
    """Run the code of a cell; return its error and what it printed."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, names)
    except Exception as error:
        return error, printed.getvalue()
    return None, printed.getvalue()


@pytest.fixture
def names():
    """Return what a notebook has defined: the given checks, and an answer."""
    made = {"__name__": "__main__"}
    exec(apart.CHECKS, made)
    exec("def f(x):\n    return helper(x)\ndef helper(x):\n    return 2 * x", made)
    return made


TEST = "x = 3\ndef helper(x):\n    return 0\nexpect('f', f(x), 6, 'See.')"


def test_a_hidden_test_sees_the_answers_and_leaves_no_name_behind(names):
    before = dict(names)
    error, _ = run(apart.hidden_test(TEST), names)
    assert error is None
    assert {k: v for k, v in names.items() if k != "__builtins__"} == {
        k: v for k, v in before.items() if k != "__builtins__"
    }


def test_in_this_process_it_is_the_same(names):
    before = set(names)
    exec(TEST, apart.names_apart(names))
    assert set(names) == before


@pytest.mark.parametrize("name", ["map", "str", "exec", "globals", "vars", "abs", "int", "print"])
def test_a_variable_with_a_name_of_pythons_own_is_no_hindrance(names, name):
    names[name] = 3
    error, _ = run(apart.hidden_test(TEST), names)
    assert error is None
    error, _ = run(apart.hidden_test(TEST.replace("6", "7")), names)
    assert "f is 6, not 7" in str(error)


def test_a_wrong_answer_fails_with_its_message_even_if_expect_was_replaced(names):
    names["expect"] = lambda *given: None
    error, _ = run(apart.hidden_test(TEST.replace("6", "7")), names)
    assert isinstance(error, AssertionError)
    assert str(error) == "f is 6, not 7. See."


# --- Canaries -------------------------------------------------------------------------------------

NONCE = "0123456789abcdef"


def sings(names):
    """Tell whether a canary passes, or says that a comparison was bent."""
    error, printed = run(apart.canary(NONCE, 7), names)
    return str(error) != NONCE or NONCE in printed


def test_a_canary_fails_among_honest_names(names):
    assert not sings(names)


@pytest.mark.parametrize("name", ["map", "str", "int", "print", "abs", "tuple"])
def test_nobody_is_accused_for_the_name_of_a_variable(names, name):
    names[name] = 3
    assert not sings(names)


BENT = {
    "expect": lambda *given, **more: None,
    "expect for one quantity": lambda what, *given, **more: None,
}


@pytest.mark.parametrize("how", BENT)
def test_it_sings_if_expect_is_bent(names, how):
    names["expect"] = BENT[how]
    assert sings(names)


@pytest.mark.parametrize("same", ["allclose", "isclose", "array_equal"])
def test_it_sings_if_equality_is_bent(names, monkeypatch, same):
    monkeypatch.setattr(numpy, same, lambda *given, **more: True)
    assert sings(names)


@pytest.mark.parametrize("same", ["assert_allclose", "assert_equal"])
def test_it_sings_if_an_assertion_is_bent(names, monkeypatch, same):
    monkeypatch.setattr(numpy.testing, same, lambda *given, **more: None)
    assert sings(names)


def test_a_canary_looks_like_a_hidden_test():
    """Up to what is packed, which is different each time."""
    codes = [apart.canary(NONCE, 7), apart.hidden_test(TEST)]
    assert len({re.sub(r"b85decode\(.*\)\)", "", code) for code in codes}) == 1
    assert NONCE not in apart.canary(NONCE, 7)


# --- What could not be graded ---------------------------------------------------------------------


@pytest.fixture
def course(tmp_path):
    return Course.of("2027", tmp_path)


def test_a_process_that_dies_says_so(course, tmp_path):
    from multiprocessing import get_context

    folder = course.submission("anna", "counting")
    arguments = (folder, "counting", "this is no notebook", Limits(), True, tmp_path / "answer")
    outcome = _in_a_process(get_context("spawn"), arguments, 60, set())
    assert outcome.student == "anna"
    assert outcome.fault


def test_what_could_not_be_graded_leaves_no_record_and_is_run_again(course):
    frame = nbformat.v4.new_notebook()
    _keep(course, Outcome("anna", "counting"), "anna", "hash", frame)
    folder = course.graded("anna", "counting")
    assert Record.read(folder).made_from == "hash"
    _keep(course, Outcome("anna", "counting", fault="it died"), "anna", "hash", frame)
    assert Record.read(folder) is None


def test_what_the_grader_says_does_not_act_in_a_browser(course):
    note = "<img src=x onerror=alert(1)>.txt was left out."
    _keep(course, Outcome("a", "counting", notes=[note]), "a", "h", nbformat.v4.new_notebook())
    folder = course.graded("a", "counting")
    assert "<img" not in read(folder / "counting.ipynb").cells[0].source
    assert json.loads((folder / "grading.json").read_text("utf-8"))["notes"] == [note]
