"""tools/build_book.py on a small book: what it builds, what it refuses, what it leaves alone."""

import json
import shutil
import subprocess
import sys

import build_book
import nbformat
import pytest
from notebooks import ROOT, stored_hash
from run_notebooks import read, run_all, write

CONFIG = """title: A small book
author: us
only_build_toc_files: true
exclude_patterns: [_build, tools]
execute: {execute_notebooks: "off"}
"""
TOC = "format: jb-book\nroot: book/index\nchapters:\n  - file: book/one\n  - file: book/two\n"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A small book that has been built once."""
    root = tmp_path_factory.mktemp("small")
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "book").mkdir()
    (root / "_config.yml").write_text(CONFIG)
    (root / "_toc.yml").write_text(TOC)
    (root / "book" / "index.md").write_text("# A small book\n")
    for name in ("one", "two"):
        cells = [
            nbformat.v4.new_markdown_cell(f"# Chapter {name}\n\n## A section\n\nText."),
            nbformat.v4.new_code_cell("x = 20"),
            nbformat.v4.new_code_cell("print(x + 1)"),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "book" / f"{name}.ipynb")
    run_all([root / "book" / "one.ipynb", root / "book" / "two.ipynb"])
    run = build(root)
    assert run.returncode == 0, run.stdout + run.stderr
    return root


@pytest.fixture
def small(good, tmp_path):
    """A copy of it, times of files included, to break."""
    root = tmp_path / "small"
    shutil.copytree(good, root)
    return root


def build(root):
    command = [sys.executable, "tools/build_book.py"]
    return subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8")


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def change(path, index, source):
    notebook = read(path)
    notebook.cells[index].source = source
    write(path, notebook)


def assert_refused(root, *words):
    """Build; check that it fails with these words and that the old site is there byte for byte."""
    site = snapshot(root / "_build" / "html")
    run = build(root)
    assert run.returncode == 1
    for word in (*words, "The last good book is still at _build/html/index.html"):
        assert word in run.stderr, run.stderr
    assert snapshot(root / "_build" / "html") == site


def test_a_second_run_has_nothing_to_do(small):
    run = build(small)
    assert run.returncode == 0
    assert "Nothing changed" in run.stdout
    assert "_build/html/index.html" in run.stdout
    assert "make serve" in run.stdout
    assert len(run.stdout.splitlines()) < 10


def test_a_changed_cell_is_run_first(small):
    path = small / "book" / "one.ipynb"
    before = stored_hash(read(path))
    other = (small / "book" / "two.ipynb").read_bytes()
    change(path, 1, "x = 41")
    run = build(small)
    assert run.returncode == 0, run.stderr
    assert "book/one.ipynb: code changed since its outputs were stored: running it" in run.stdout
    assert "two.ipynb" not in run.stdout
    assert read(path).cells[2].outputs[0].text == "42\n"
    assert stored_hash(read(path)) != before
    assert (small / "book" / "two.ipynb").read_bytes() == other
    assert "42" in (small / "_build" / "html" / "book" / "one.html").read_text(encoding="utf-8")
    assert not (small / "_build" / "staging").exists()


def test_a_cell_that_fails_is_named(small):
    path = small / "book" / "two.ipynb"
    change(path, 2, "\nprint(y)")
    before = path.read_bytes()
    words = ("book/two.ipynb", "cell 3 of 3", "“A section”", "print(y)", "NameError")
    assert_refused(small, *words)
    assert path.read_bytes() == before


def test_a_file_that_is_no_json_is_named(small):
    path = small / "book" / "one.ipynb"
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert_refused(small, "book/one.ipynb is not a readable notebook")


def test_a_stored_error_is_named(small):
    path = small / "book" / "one.ipynb"
    notebook = read(path)
    error = nbformat.v4.new_output("error", ename="E", evalue="stored", traceback=[])
    notebook.cells[2].outputs = [error]
    write(path, notebook)
    assert_refused(small, "book/one.ipynb", "cell 3 of 3", "holds an error: E: stored", "ONLY=book")


def test_a_cell_without_execution_is_named(small):
    path = small / "book" / "one.ipynb"
    notebook = read(path)
    notebook.cells[1].execution_count = None
    write(path, notebook)
    assert_refused(small, "cell 2 of 3", "was not executed")


def test_a_warning_is_named_with_its_cell_and_stays_red(small):
    change(small / "book" / "two.ipynb", 0, "# Two\n\nSee {ref}`nowhere`.")
    words = ("One warning", "book/two.ipynb", "cell 1 of 3", "“Two”", "nowhere")
    assert_refused(small, *words)
    assert_refused(small, *words)  # Sphinx alone would have forgotten the warning by now


def test_a_page_of_the_toc_that_is_not_there_is_named(small):
    (small / "_toc.yml").write_text(TOC + "  - file: book/three\n")
    assert_refused(small, "_toc.yml names book/three")


def test_a_site_built_by_hand_is_not_taken_for_ours(small):
    index = small / "_build" / "html" / "objects.inv"
    index.write_bytes(index.read_bytes() + b" ")
    run = build(small)
    assert run.returncode == 0
    assert "Nothing changed" not in run.stdout


def test_a_swap_cut_short_is_undone(small):
    site = small / "_build" / "html"
    before = snapshot(site)
    site.rename(small / "_build" / "html-before")
    assert build(small).returncode == 0
    assert snapshot(site) == before


# --- The parts -----------------------------------------------------------------------------------

LOG = """reading sources... [ 50%] book/one
{root}/book/one.ipynb:30002: WARNING: undefined label: 'nowhere' [ref.ref]
{root}/book/one.ipynb:30002: WARNING: undefined label: 'nowhere' [ref.ref]
{root}/book/index.md:7: ERROR: Unknown directive type: "cake". [myst.directive]
WARNING: something in general
  with a second line
build finished with problems, 4 warnings (with warnings treated as errors).
"""


def test_warnings_are_translated(good):
    found = build_book.warnings_in(LOG.format(root=good), good)
    assert len(found) == 3
    assert found[0].startswith("book/one.ipynb: cell 3 of 3, under the heading “A section”")
    assert "(line 2 of the cell)" in found[0]
    assert "undefined label: 'nowhere'" in found[0]
    assert found[1].startswith("book/index.md, line 7: Unknown directive")
    assert found[2].endswith("something in general\n      with a second line")


def test_the_log_is_kept(good):
    assert "build succeeded" in (good / "_build" / "build.log").read_text(encoding="utf-8")
    assert json.loads((good / "_build" / "book.json").read_text())["inputs"]
