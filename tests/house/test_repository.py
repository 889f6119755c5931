"""The repository's own promises: the order of the book, the commands, the style."""

import re
import shutil
import subprocess
import sys

import pytest
from build_book import BuildFailed, toc_files
from notebooks import BOOK, ROOT, assignments, chapters


def pages_of(book):
    return {*chapters(book), *assignments(book), *book.rglob("*.md")}


def test_every_page_is_in_the_table_of_contents():
    listed = toc_files()
    assert len(listed) == len(set(listed)), "a page is listed twice"
    assert set(listed) == pages_of(BOOK)


def test_a_page_left_out_and_a_page_that_is_not_there_are_seen(tmp_path):
    (tmp_path / "book").mkdir()
    for name in ("index.md", "one.ipynb", "left-out.md"):
        (tmp_path / "book" / name).write_text("")
    toc = "root: book/index\nparts:\n  - chapters:\n      - file: book/one\n"
    (tmp_path / "_toc.yml").write_text(toc)
    assert {path.name for path in toc_files(tmp_path)} == {"index.md", "one.ipynb"}
    assert set(toc_files(tmp_path)) != pages_of(tmp_path / "book")
    (tmp_path / "_toc.yml").write_text(toc + "      - file: book/two\n")
    with pytest.raises(BuildFailed, match=r"book/two"):
        toc_files(tmp_path)


# --- Commands ----------------------------------------------------------------------------------


def targets(makefile):
    """Return the names that can be made, apart from those that only serve others."""
    names = set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, flags=re.MULTILINE))
    return {name for name in names if not name.startswith("environment")}


def commands(text):
    """Return the targets of the make commands in a text."""
    return set(re.findall(r"\bmake\s+([a-z][a-z-]*)(?=[`\s:.,;)]|$)", _code(text)))


def _code(text):
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_help_lists_every_target():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    listed = set(re.findall(r"^  make ([a-z-]+) +\S", shown, flags=re.MULTILINE))
    assert listed == targets((ROOT / "Makefile").read_text(encoding="utf-8"))
    assert {"book", "test", "serve", "lab", "notebooks", "help", "clean"} <= listed


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_of_a_page_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    found = commands(text)
    assert found, "the page names no command"
    assert found <= targets((ROOT / "Makefile").read_text(encoding="utf-8"))


def test_a_command_that_does_not_exist_is_seen():
    assert commands("Run `make cake`, or\n```\nmake book\nmake tea\n```\nto make sure.") == {
        "cake",
        "book",
        "tea",
    }
    assert targets("book: x\nVAR := 1\nenvironment:\n\tmake b\n") == {"book"}


# --- Requirements ------------------------------------------------------------------------------


def loose(text):
    """Return the lines of a requirements file that neither pin a version nor include a file."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    fine = re.compile(r"(-[cre] \S+|[\w.-]+==[\w.]+)")
    return [line for line in lines if line and not fine.fullmatch(line)]


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("*requirements*.txt")), ROOT / "constraints.txt"]
)
def test_every_version_is_pinned_and_no_index_is_named(path):
    text = path.read_text(encoding="utf-8")
    assert loose(text) == []
    assert "://" not in text


def test_requirements_are_complete_by_themselves():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("\n")
    assert "-c constraints.txt" in lines
    assert [line for line in lines if line][-1] == "-e ."


def test_a_loose_version_is_seen():
    text = "numpy>=2\n# fine\na==1.0  # why\n-e .\n--extra-index-url x\n"
    assert loose(text) == ["numpy>=2", "--extra-index-url x"]


# --- Style -------------------------------------------------------------------------------------


def ruff(folder, *arguments):
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=" ".join)
def test_style(arguments):
    run = ruff(ROOT, *arguments)
    assert run.returncode == 0, f"{run.stdout}{run.stderr}\nTo mend most of it: make format"


def test_style_sees_notebooks(tmp_path, notebook):
    import nbformat

    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    nbformat.write(notebook(("import os\nx=1", ())), tmp_path / "a.ipynb")
    assert "F401" in ruff(tmp_path, "check").stdout
    assert ruff(tmp_path, "format", "--check").returncode == 1
