"""The assignments as texts: points, sections that help, what is shown and what is not."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import cache

import nbformat
import pytest
from hand_in import read
from notebooks import BOOK, ROOT

from coursework.answers import run
from coursework.course import Course
from coursework.release import PAGES, students_notebook
from coursework.sources import TESTS, instructor_notebook, points, role, secrets, write
from coursework.terms import ASSIGNMENTS, Draw, draw

MANY = [f"term-{number}" for number in range(16)]
SEE = re.compile(r'See ([\w/-]+): \\?"([^"\\]+)\\?"')
VARIED = ("counting", "bptt", "training")


@cache
def notebook(assignment, term):
    return instructor_notebook(assignment, term)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_hundred_points_in_each_term_for_each_question_something(assignment):
    for term in MANY[:6]:
        given = points(notebook(assignment, term))
        assert sum(given.values()) == 100
        assert min(given.values()) >= 5


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_what_is_marked_by_hand_has_a_rubric(assignment):
    essays = [cell for cell in notebook(assignment, "sample").cells if role(cell) == "essay"]
    assert essays
    for cell in essays:
        assert "Rubric" in cell.source


# --- Sections that help ---------------------------------------------------------------------------


@cache
def headings(page):
    """Return the headings of a page of the book, without mathematics."""
    path = BOOK / f"{page}.ipynb"
    text = "\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    return set(re.findall(r"^#{1,4} +(.+?)\s*$", text, flags=re.M))


def sections_named(source):
    """Return the pairs of page and section that the tests of a notebook point at."""
    found = [SEE.findall(cell.source) for cell in source.cells if cell.cell_type == "code"]
    return {pair for pairs in found for pair in pairs}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_sections_that_a_message_names_exist(assignment):
    for term in MANY[:6]:
        named = sections_named(notebook(assignment, term))
        assert len(named) >= 3
        for page, section in named:
            assert section in headings(page), f"{page} has no section “{section}”"


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_visible_check_names_a_section(assignment):
    for cell in notebook(assignment, "sample").cells:
        if role(cell) == "visible":
            assert SEE.search(cell.source), f"{cell.id} says not where to look"


# --- Terms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", VARIED)
def test_terms_differ(assignment):
    drawn = [draw(assignment, term) for term in MANY]
    assert len({one.kind for one in drawn}) >= 12
    assert draw(assignment, "2027").values.keys() == draw(assignment, "2028").values.keys()
    assert nbformat.writes(instructor_notebook(assignment, "2027")) == nbformat.writes(
        instructor_notebook(assignment, "2027")
    )


@pytest.mark.parametrize("assignment", VARIED)
def test_last_years_answers_fail(assignment):
    """Answers of one term, handed in for another, lose points wherever the kinds differ."""
    this = notebook(assignment, "2028")
    kind = draw(assignment, "2028").kind
    others = [term for term in MANY if draw(assignment, term).kind != kind][:4]
    for term in others:
        old = {cell.id: cell.source for cell in notebook(assignment, term).cells}
        mixed = nbformat.reads(nbformat.writes(this), 4)
        for cell in mixed.cells:
            if role(cell) == "answer":
                cell.source = old[cell.id]
        assert run(mixed).lost, f"the answers of {term} pass in 2028"


def test_a_term_that_repeats_another_is_said(released, monkeypatch):
    from coursework import release as module

    same = Draw("counting", "x", {"leak": 1}, ("leak",))
    monkeypatch.setattr(module, "draw", lambda name, term: same)
    (released.root.parent / "2020" / "source").mkdir(parents=True, exist_ok=True)
    (line,) = module.same_as_before(released, ["counting"])
    assert "same equations as in 2020" in line


# --- The students' version ------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_release_holds_nothing_that_must_stay_hidden(released, assignment):
    source = read(released.source(assignment))
    text = nbformat.writes(read(released.release(assignment)))
    hidden = secrets(source)
    assert len(hidden) > 30
    inside = {line: json.dumps(line, ensure_ascii=False)[1:-1] for line in hidden}
    assert [line for line, stored in inside.items() if stored in text] == []
    assert "HIDDEN TESTS" not in text
    assert "SOLUTION" not in text
    assert "Rubric" not in text


@pytest.fixture(scope="module")
def results(released, tmp_path_factory):
    """Run all notebooks of a term with nbval; return which code cells failed and which passed."""
    report = tmp_path_factory.mktemp("nbval") / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax"]
    command += ["--nbval-current-env", f"--rootdir={released.root}", "-c", "/dev/null"]
    command += ["-o", "junit_family=xunit1", f"--junitxml={report}"]
    paths = [make(name) for make in (released.source, released.release) for name in ASSIGNMENTS]
    done = subprocess.run([*command, *paths], cwd=ROOT, capture_output=True, text=True)
    found = {path: (set(), set()) for path in paths}
    for case in ElementTree.parse(report).iter("testcase"):
        failed, passed = found[released.root / case.get("file")]
        cells = passed if case.find("failure") is None else failed
        cells.add(int(case.get("name").split()[-1]))
    assert all(any(cells) for cells in found.values()), done.stdout + done.stderr
    return found


def code_cells(notebook, *roles):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {number for number, cell in enumerate(code) if not roles or role(cell) in roles}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_instructors_version_passes_nbval(released, assignment, results):
    path = released.source(assignment)
    failed, passed = results[path]
    assert failed == set()
    assert passed == code_cells(read(path))


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_in_the_release_exactly_the_visible_tests_fail(released, assignment, results):
    path = released.release(assignment)
    failed, passed = results[path]
    assert failed == code_cells(read(path), "visible")
    assert passed == code_cells(read(path)) - failed


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_in_other_terms_too(assignment, released):
    """The same without a kernel: solutions and hidden tests taken out as nbgrader does."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

    from coursework.course import settings

    for term in ("2027", "2028"):
        unsolved = nbformat.reads(nbformat.writes(notebook(assignment, term)), 4)
        for step in (ClearSolutions, ClearHiddenTests):
            unsolved, _ = step(config=settings(released)).preprocess(unsolved, {})
        result = run(unsolved)
        visible = {cell.id for cell in unsolved.cells if role(cell) == "visible"}
        assert set(result.failed) == visible
        assert result.broken == {}


# --- The book's pages -----------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_page_of_the_book_is_the_release_of_its_term(assignment, tmp_path):
    page = read(PAGES / f"{assignment}.ipynb")
    course = Course.of(page.metadata.coursework.term, tmp_path)
    again, _ = students_notebook(course, assignment, instructor_notebook(assignment, course.term))
    assert nbformat.writes(page) == nbformat.writes(again), "make release writes the pages again"


def test_the_code_of_the_assignments_has_no_faults_that_ruff_knows(tmp_path):
    """Its form is not compared: a term's data are as long as they are drawn."""
    for assignment in ASSIGNMENTS:
        for term in ("2027", "2028"):
            source = nbformat.reads(nbformat.writes(notebook(assignment, term)), 4)
            write(source, tmp_path / f"{assignment}-{term}.ipynb")
    (tmp_path / "ruff.toml").write_text(f'extend = "{ROOT / "pyproject.toml"}"\n', "utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "."]
    # Tests bring what they need, each its own, and data may make a line long.
    command += ["--ignore", "E402,E501,F811,RUF059"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_cell_of_a_test_is_locked():
    for assignment in ASSIGNMENTS:
        for cell in notebook(assignment, "sample").cells:
            if role(cell) in (*TESTS, "setup"):
                assert cell.metadata.nbgrader.locked
