"""tools/environment.py: its messages, and when it trusts an environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import environment
import pytest
from notebooks import ROOT


@pytest.fixture
def env(tmp_path):
    """Return an environment that was finished, without the minutes that a real one takes."""
    for name in ("", "-test", "-lab", "-coursework"):
        shutil.copy(ROOT / f"requirements{name}.txt", tmp_path)
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    made = environment.Environment(tmp_path)
    made.python.parent.mkdir(parents=True)
    made.python.touch()
    made.unfinished.write_text("")
    made.finish("test")
    return made


def test_an_old_python_is_named_with_what_to_do():
    said = environment.version_message((3, 8, 18))
    assert "needs Python 3.11 or newer" in said
    assert "is 3.8.18" in said
    assert "make PYTHON=" in said
    assert "make PYTHON=python3.12" in environment.version_message((3, 8, 18), ["python3.12"])


def test_a_new_python_needs_no_message():
    assert environment.version_message((3, 11, 0)) == ""
    assert environment.version_message((3, 14, 1)) == ""


def test_missing_venv_names_the_package():
    said = environment.missing_modules(["no_such_module"])
    assert f"python3.{sys.version_info.minor}-venv" in said
    assert environment.missing_modules() == ""


def test_the_script_still_parses_on_old_pythons():
    """Python 3.6 has to read the file to be told that it is too old."""
    import ast

    source = (ROOT / "tools" / "environment.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    with pytest.raises(SyntaxError):
        ast.parse("(x := 1)", feature_version=(3, 6))


def test_a_finished_environment_is_current(env):
    assert env.is_current("test")
    assert env.is_current("book"), "the tests' list contains the book's"
    assert env.is_current("coursework"), "and that of the coursework"
    assert not env.is_current("lab")


@pytest.mark.parametrize(
    "name", ["requirements.txt", "constraints.txt", "requirements-test.txt", "pyproject.toml"]
)
def test_changed_requirements_are_noticed(env, name):
    path = env.root / name
    extra = "\n# new" if name.endswith(".txt") else ""
    text = path.read_text(encoding="utf-8").replace('dependencies = ["', 'dependencies = ["x", "')
    path.write_text(text + extra, encoding="utf-8")
    assert not env.is_current("test")
    assert env.is_current("book") == (name == "requirements-test.txt")


def test_settings_of_other_tools_need_no_new_environment(env):
    path = env.root / "pyproject.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("line-length = 100", "line-length = 99")
    )
    assert env.is_current("test")


def test_an_unfinished_environment_is_not_trusted(env):
    env.unfinished.write_text(str(os.getpid()))
    assert not env.is_current("test")


def test_a_moved_environment_is_not_trusted(env, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in list(tmp_path.iterdir()):
        if path != moved:
            shutil.move(path, moved)
    assert not environment.Environment(moved).is_current("test")


def test_a_dead_environment_is_made_anew(env, monkeypatch):
    made = []
    monkeypatch.setattr(environment, "_create", lambda e: made.append(e) or e.folder.mkdir())
    left_over = env.folder / "left-over"
    left_over.touch()
    environment.prepare(env)  # its python is an empty file
    assert made and not left_over.exists() and env.unfinished.exists()


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX processes")
def test_a_run_next_to_another_waits(env):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        env.unfinished.write_text(str(other.pid))
        with pytest.raises(environment.Trouble, match=f"process {other.pid}"):
            environment.prepare(env)
        other.communicate(b"\n")
    assert env.folder.exists()


def test_when_pip_fails_its_words_are_shown_and_nothing_is_trusted(env, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    env.python = Path(sys.executable)
    pins = "no-such-package-of-this-course==1.0\n"
    (env.root / "requirements.txt").write_text(pins, encoding="utf-8")
    env.unfinished.write_text("")
    with pytest.raises(environment.Trouble, match="no-such-package-of-this-course") as caught:
        environment.install(env, "book")
    assert "What to try" in str(caught.value)
    assert not env.is_current("book")


def test_the_number_of_packages_is_known_beforehand():
    book, test = (environment.expected_packages(ROOT, name) for name in ("book", "test"))
    assert 80 < book < test < 180


def test_pip_is_followed_by_its_own_lines(env):
    count = environment.Count()
    for line in ("Collecting numpy==2.4.6 (from -r)", "  Downloading x", "Collecting tqdm"):
        count.read(line)
    count.read("Requirement already satisfied: numpy in x")
    assert count.done(env, total=10) == 2
    count.read("Installing collected packages: numpy, tqdm")
    assert count.done(env, total=10) == 10
