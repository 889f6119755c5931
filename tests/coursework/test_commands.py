"""What an instructor's commands say, take over and refuse."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from notebooks import ROOT

from coursework import sandbox
from coursework.__main__ import main
from coursework.collect import collect
from coursework.course import Course
from coursework.terms import Trouble


@pytest.fixture
def course(tmp_path):
    """Return a course in which counting seems to be released."""
    made = Course.of("2027", tmp_path / "terms")
    made.source("counting").parent.mkdir(parents=True)
    made.source("counting").touch()
    return made


def submitted(course):
    folder = course.root / "submitted"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.ipynb")}


def packed(tmp_path, files):
    path = tmp_path / "handed-in.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


MOODLE = {
    "Anna Kovács_4711_assignsubmission_file_/counting.ipynb": "a",
    "Bo_4712_assignsubmission_file/Counting (2).ipynb": "b",  # Moodle 4.1 and newer
    "Cy Dee_4713_assignsubmission_file_counting.ipynb": "c",  # without folders
}


def test_moodles_archive_is_taken_over(course, tmp_path, capsys):
    collect(course, "counting", packed(tmp_path, MOODLE))
    assert submitted(course) == {
        "4711/counting/counting.ipynb": b"a",
        "4712/counting/Counting (2).ipynb": b"b",
        "4713/counting/counting.ipynb": b"c",
    }
    assert "3 new" in capsys.readouterr().out
    names = json.loads((course.root / "submitted" / "4711" / "name.json").read_text("utf-8"))
    assert (names["first_name"], names["last_name"]) == ("Anna", "Kovács")


def test_a_second_time_what_is_unchanged_stays(course, tmp_path, capsys):
    collect(course, "counting", packed(tmp_path, MOODLE))
    collect(course, "counting", packed(tmp_path, {**MOODLE, next(iter(MOODLE)): "new"}))
    assert "1 changed, 2 as before" in capsys.readouterr().out
    assert submitted(course)["4711/counting/counting.ipynb"] == b"new"


def test_folders_and_single_files(course, tmp_path):
    origin = tmp_path / "in"
    for name in ("ak/counting.ipynb", "bo/counting/my.ipynb", "bo/counting/data.txt", "cy.ipynb"):
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text(name)
    (origin / ".ipynb_checkpoints").mkdir()
    (origin / ".ipynb_checkpoints" / "cy.ipynb").touch()
    collect(course, "counting", origin)
    assert set(submitted(course)) == {
        "ak/counting/counting.ipynb",
        "bo/counting/my.ipynb",
        "cy/counting/counting.ipynb",
    }
    assert (course.submission("bo", "counting") / "data.txt").is_file()


def test_links_and_ways_out_are_refused(course, tmp_path, capsys):
    origin = tmp_path / "in"
    (origin / "ak").mkdir(parents=True)
    (origin / "ak" / "counting.ipynb").symlink_to("/etc/passwd")
    (origin / "bo.ipynb").touch()
    collect(course, "counting", origin)
    assert "Left out: ak/counting.ipynb (a link)" in capsys.readouterr().out
    out = {"../../x.ipynb": "!", "/y/z.ipynb": "!", "ok.ipynb": "!"}
    collect(course, "counting", packed(tmp_path, out))
    inside = course.root / "submitted"
    assert all(path.is_relative_to(inside) for path in course.root.parent.rglob("x.ipynb"))
    assert not (tmp_path / "x.ipynb").exists()


def test_nothing_found_says_what_is_known(course, tmp_path):
    with pytest.raises(Trouble, match="assignsubmission_file"):
        collect(course, "counting", packed(tmp_path, {"readme.txt": "?"}))
    with pytest.raises(Trouble, match="neither a folder nor a zip"):
        collect(course, "counting", tmp_path / "missing")


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
