"""What an instructor's commands say and refuse."""

import os
import shutil
import subprocess
import sys

import pytest
from notebooks import ROOT

from coursework import sandbox
from coursework.__main__ import main
from coursework.course import Course
from coursework.terms import Trouble


@pytest.fixture
def course(tmp_path):
    """Return a course in which counting seems to be released."""
    made = Course.of("2027", tmp_path / "terms")
    for path in (made.source("counting"), made.release("counting")):
        path.parent.mkdir(parents=True)
        path.touch()
    return made


# --- What is said ---------------------------------------------------------------------------------


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command and returns its exit code and what it said."""
    monkeypatch.setattr("coursework.course.TERMS", tmp_path)

    def run(*arguments):
        code = main(list(arguments))
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("grade", "2027"), "Nobody handed in anything yet"),
        (("grade", "2027", "--assignment", "counting"), "make release TERM=2027"),
        (("grade", "2027", "--assignment", "count"), "There are: counting"),
        (("release", "../x"), "A term is named with letters"),
        (("feedback", "2027", "--assignment", "counting"), "make release"),
        (("marks", "2027", "--assignment", "counting"), "make release"),
        (("formgrader", "2027"), "make release"),
    ],
)
def test_a_command_too_early_says_what_comes_first(said, arguments, words):
    code, text = said(*arguments)
    assert code == 1
    assert words in text
    assert "Traceback" not in text


@pytest.mark.parametrize("shard", ["0/2", "3/2", "x", "1", "1/x"])
def test_a_shard_is_written_so(said, course, shard, monkeypatch):
    monkeypatch.setattr("coursework.course.TERMS", course.root.parent)
    (course.submission("ak", "counting")).mkdir(parents=True)
    code, text = said("grade", "2027", "--shard", shard)
    assert code == 1
    assert "i/n" in text


def test_without_a_sandbox_grading_is_refused_in_plain_words(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    sandbox.fault.cache_clear()
    try:
        with pytest.raises(Trouble) as refused:
            sandbox.must_have("TERM=2027")
    finally:
        sandbox.fault.cache_clear()
    for words in ("is not installed", "read and change whatever you can", "SANDBOX=none"):
        assert words in str(refused.value)


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("target", ["release", "grade", "feedback", "marks", "formgrader"])
def test_make_wants_a_term_and_does_not_take_the_terminal_for_one(target):
    environment = {**os.environ, "TERM": "xterm-256color"}
    done = subprocess.run(
        ["make", "-n", target], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode
    assert f"make {target} TERM=2027-spring" in done.stderr
    command = ["make", "-n", target, "TERM=2027"]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert f'TERM=xterm .venv/bin/python -m coursework {target} "2027"' in shown.stdout


def test_the_commands_explain_themselves():
    done = subprocess.run(
        [sys.executable, "-m", "coursework", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    for name in ("release", "collect", "grade", "feedback", "marks", "formgrader"):
        assert name in done.stdout
