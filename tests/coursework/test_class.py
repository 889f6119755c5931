"""A class of thirty, and fifty submissions that break careless graders, from release to marks.

One term is used throughout, by the commands that an instructor uses: thirty students hand in
right and wrong answers; then come the bad submissions, and must not change anyone else's marks;
then grading is killed in the middle and started again.
"""

import csv
import html
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile

import nbformat
import psutil
import pytest
from bad_submissions import ALL, BAD, FIRST, WHATEVER
from hand_in import WRITTEN, automatic, read, solved, with_answer
from notebooks import ROOT

from coursework.answers import right, run, wrong
from coursework.course import Course
from coursework.feedback import write_pages
from coursework.sources import points, role

A = "counting"
TERM = "2031-spring"
STUDENTS = 30
CELL_SECONDS = 6
PAGES = ["invalid-json", "a-script-for-the-marker", "warnings-on-stderr"]  # looked at, of the bad


def command(terms, *arguments, **options):
    """Run a command of the coursework as make does."""
    environment = {**os.environ, "COURSEWORK_TERMS": str(terms), "TERM": "xterm"}
    started = [sys.executable, "-m", "coursework", *map(str, arguments)]
    return subprocess.run(
        started, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, **options
    )


def done(*arguments):
    finished = command(*arguments)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


class Class:
    """A term with its students: what each wrote, and the marks that the tests must give."""

    def __init__(self, terms):
        self.terms = terms
        self.course = Course.of(TERM, terms)
        self.expected = {}
        self.outputs = {}

    def go(self, name, *arguments):
        start = time.monotonic()
        self.outputs[name] = done(self.terms, *arguments)
        self.outputs[f"{name} seconds"] = time.monotonic() - start

    def archive(self):
        """Write what the students hand in, as Moodle packs it."""
        course = self.course
        most = automatic(read(course.source(A)))
        mistakes = wrong(A)
        answers = [*right(A), *mistakes[:: len(mistakes) // 15]]  # of each question some
        notebooks = [(solved(course, A), most), (read(course.release(A)), 0.0)]
        for answer in answers:
            notebook = with_answer(course, A, answer)
            if notebook is not None and len(notebooks) < STUDENTS:
                notebooks.append((notebook, most - self.lost(notebook)))
        while len(notebooks) < STUDENTS:
            notebooks.append((solved(course, A), most))
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for number, (notebook, mark) in enumerate(notebooks):
                student = str(4700 + number)
                folder = f"Zoë Nagy {number}_{student}_assignsubmission_file_"
                archive.writestr(f"{folder}/my {A}.ipynb", nbformat.writes(notebook))
                self.expected[student] = mark
        path = self.terms / "submissions.zip"
        path.write_bytes(data.getvalue())
        return path

    def lost(self, handed_in):
        """Return the points that an answer loses when its cells run in this process."""
        source = read(self.course.source(A))
        code = {cell.id: cell.source for cell in handed_in.cells}
        for cell in source.cells:
            if role(cell) in ("answer", "essay") and cell.cell_type == "code":
                cell.source = code[cell.id]
        return sum(run(source).lost.values())

    def marks(self):
        """Return the sum of what the tests gave, from the gradebook's file."""
        book = sqlite3.connect(self.course.root / "gradebook.db")
        rows = book.execute(
            "select submitted_assignment.student_id, sum(grade.auto_score) from grade"
            " join submitted_notebook on grade.notebook_id = submitted_notebook.id"
            " join submitted_assignment"
            "   on submitted_notebook.assignment_id = submitted_assignment.id"
            " group by submitted_assignment.student_id"
        )
        found = {student: score or 0.0 for student, score in rows}
        book.close()
        return found

    def files(self, students):
        """Return the contents of some students' graded files."""
        folders = [self.course.graded(student, A) for student in students]
        return {path: path.read_bytes() for f in folders for path in sorted(f.iterdir())}


@pytest.fixture(scope="module")
def klass(walls, tmp_path_factory):
    """Return the class after release, collect, grade, feedback and marks."""
    made = Class(tmp_path_factory.mktemp("terms"))
    made.go("release", "release", TERM, "--assignment", A, "--no-pages")
    shutil.copytree(made.course.root, made.terms / "released")
    archive = made.archive()
    made.go("collect", "collect", TERM, "--assignment", A, archive)
    made.go("grade", "grade", TERM)
    made.go("feedback", "feedback", TERM)
    return made


@pytest.fixture(scope="module")
def after(klass):
    """Return the class after the bad submissions came, too, and what was there before."""
    before = (klass.marks(), klass.files(klass.expected))
    for name, (change, *_) in BAD.items():
        notebook = solved(klass.course, A)
        folder = klass.course.submission(name, A)
        folder.mkdir(parents=True)
        if change(notebook, folder, klass.course) is not False:
            (folder / f"{A}.ipynb").write_text(nbformat.writes(notebook), "utf-8")
    klass.go("again", "grade", TERM, "--cell-seconds", CELL_SECONDS)
    write_pages(klass.course, A, PAGES)
    return klass, before


# --- An honest class ------------------------------------------------------------------------------


def test_every_student_gets_the_marks_that_the_answers_are_worth(klass):
    assert klass.marks() == klass.expected
    assert len(klass.expected) == STUDENTS
    assert len(set(klass.expected.values())) > 5


def test_the_table_says_who_has_what(klass):
    text = klass.outputs["grade"]
    assert f"{STUDENTS} submissions of {A}; {STUDENTS} were run now" in text
    assert all(student in text for student in klass.expected)
    assert "make formgrader" in text
    assert "30 new" in klass.outputs["collect"]


def test_a_second_time_nothing_is_run(klass):
    before = klass.files(klass.expected)
    text = done(klass.terms, "grade", TERM)
    assert "; 0 were run now" in text
    assert klass.files(klass.expected) == before
    assert "30 as before" in done(
        klass.terms, "collect", TERM, "--assignment", A, klass.terms / "submissions.zip"
    )


def test_marks_wait_for_the_hand_and_then_are_complete(klass):
    done(klass.terms, "marks", TERM)
    rows = read_csv(klass.course.root / "marks" / f"{A}.csv")
    written = [row for row in rows if klass.expected[row["student"]] > 0]
    assert all(row["sum"] == "" and "by hand" in row["state"] for row in written)
    by_hand = give_by_hand(klass.course, 2.0)
    done(klass.terms, "marks", TERM)
    rows = read_csv(klass.course.root / "marks" / f"{A}.csv")
    most = sum(points(read(klass.course.source(A))).values())
    for row in rows:
        assert float(row["sum"]) == klass.expected[row["student"]] + by_hand[row["student"]]
        assert float(row["out of"]) == most == 100
        assert row["first name"] == "Zoë Nagy"
    sheet = read_csv(klass.course.root / "marks" / f"{A}-moodle.csv")
    assert {row["Identifier"] for row in sheet} == {f"Participant {s}" for s in klass.expected}
    assert [row["Grade"] for row in sheet] == [row["sum"] for row in rows]


def give_by_hand(course, score):
    """Mark every cell that waits, as the formgrader does; return what each student got."""
    from nbgrader.api import Gradebook

    given = {}
    with Gradebook(course.db_url, "rnn") as book:
        for submission in book.assignment_submissions(A):
            student = submission.student.id
            given[student] = 0.0
            for grade in submission.notebooks[0].grades:
                if grade.needs_manual_grade:
                    grade.manual_score = score
                    grade.needs_manual_grade = False
                    given[student] += score
        book.db.commit()
    return given


def read_csv(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


# --- Bad submissions ------------------------------------------------------------------------------


def test_there_are_enough_kinds():
    assert len(BAD) >= 25


@pytest.mark.parametrize("name", BAD)
def test_a_bad_submission_costs_what_it_should(after, name):
    klass, _ = after
    _, loses, suspect, remark = BAD[name]
    source = read(klass.course.source(A))
    most = automatic(source)
    tests = [c for c in source.cells if role(c) in ("visible", "hidden")]
    first = tests[0].metadata.course.question
    of_first = sum(c.metadata.nbgrader.points for c in tests if c.metadata.course.question == first)
    lost = {ALL: most, FIRST: of_first}.get(loses, 0.0)
    record = json.loads((klass.course.graded(name, A) / "grading.json").read_text("utf-8"))
    if loses != WHATEVER:
        assert klass.marks()[name] == most - lost, record
    assert record["suspect"] == suspect
    assert remark in " ".join(record["notes"])


def test_nobody_elses_marks_and_files_were_touched(after):
    klass, (marks, files) = after
    now = klass.marks()
    assert {student: now[student] for student in marks} == marks
    assert klass.files(klass.expected) == files
    assert set(now) == set(marks) | set(BAD)
    text = klass.outputs["again"]
    assert f"{STUDENTS + len(BAD)} submissions of {A}; {len(BAD)} were run now" in text


def test_nothing_got_out(after):
    klass, _ = after
    assert not (klass.course.root / "written-by-a-student").exists()
    assert not [p for p in psutil.process_iter(["cmdline"]) if "987" in (p.info["cmdline"] or [])]
    for name in BAD:
        cells = read(klass.course.graded(name, A) / f"{A}.ipynb").cells
        printed = "".join(o.get("text", "") for c in cells for o in c.get("outputs", []))
        assert "FOUND" not in printed.replace("FOUND []", ""), name


def test_what_was_graded_is_small_and_harmless(after):
    klass, _ = after
    for name in BAD:
        path = klass.course.graded(name, A) / f"{A}.ipynb"
        assert path.stat().st_size < 4_000_000
        cells = read(path).cells
        texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        texts += [str(cell.outputs) for cell in cells if cell.cell_type == "code"]
        assert not re.search(r"<(script|img|iframe)", "".join(texts)), name


def test_a_tampered_submission_is_said_and_its_mark_withheld(after):
    klass, _ = after
    assert re.search(r"^expect-replaced .*TESTS TAMPERED WITH", klass.outputs["again"], re.M)
    done(klass.terms, "marks", TERM)
    rows = {row["student"]: row for row in read_csv(klass.course.root / "marks" / f"{A}.csv")}
    assert rows["expect-replaced"]["sum"] == ""
    assert "withheld" in rows["expect-replaced"]["state"]
    done(klass.terms, "marks", TERM, "--assignment", A, "--accept", "expect-replaced")
    rows = {row["student"]: row for row in read_csv(klass.course.root / "marks" / f"{A}.csv")}
    assert "withheld" not in rows["expect-replaced"]["state"]


# --- Feedback -------------------------------------------------------------------------------------


def test_each_student_gets_a_page_without_hidden_tests(after):
    klass, _ = after
    source = read(klass.course.source(A))
    others = [cell for cell in source.cells if role(cell) != "hidden"]
    shown = "".join("".join(cell.source for cell in others).split())
    hidden = {
        "".join(line.split())
        for cell in source.cells
        if role(cell) == "hidden"
        for line in cell.source.splitlines()[2:]
        if len(line.strip()) > 30
    }
    hidden = {line for line in hidden if line not in shown}
    assert len(hidden) > 10
    given = [c.source.splitlines()[0] for c in others if role(c) == "visible"]
    for student in [*klass.expected, *PAGES]:
        page = klass.course.feedback(student, A).read_text("utf-8")
        text = bare(page)
        assert all("".join(line.split()) in text for line in given)  # so code is found, if there
        assert [line for line in hidden if line in text] == []
        assert "<script>alert" not in page
    page = klass.course.feedback("invalid-json", A).read_text("utf-8")
    assert "The file is not a notebook" in page
    student = next(s for s, mark in klass.expected.items() if mark > 0)
    assert WRITTEN in klass.course.feedback(student, A).read_text("utf-8")


def bare(page):
    """Return a page's text without tags and white space, in which a line of code is found again."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())


def test_the_archive_for_moodle_has_the_names_that_moodle_gave(after):
    klass, _ = after
    done(klass.terms, "marks", TERM)
    archive = zipfile.ZipFile(klass.course.root / "marks" / f"{A}-moodle-feedback.zip")
    assert f"Zoë Nagy 0_4700_assignsubmission_file_/{A}.html" in archive.namelist()
    assert len(archive.namelist()) == STUDENTS + len(PAGES)


# --- Killed in the middle -------------------------------------------------------------------------


def with_some(klass, students, terms):
    """Return the same term, released, into which only some students have handed in."""
    course = Course.of(TERM, terms)
    shutil.copytree(klass.terms / "released", course.root)
    for student in students:
        shutil.copytree(klass.course.submission(student, A), course.submission(student, A))
    return course


def test_killed_and_started_again_the_marks_are_the_same(klass, tmp_path):
    few = list(klass.expected)[:7]
    course = with_some(klass, few, tmp_path)
    environment = {**os.environ, "COURSEWORK_TERMS": str(tmp_path)}
    started = [sys.executable, "-m", "coursework", "grade", TERM]
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    running = subprocess.Popen(started, cwd=ROOT, env=environment, **quiet)
    end = time.monotonic() + 120
    while time.monotonic() < end and running.poll() is None:
        if len(list(course.root.glob("autograded/*/*/grading.json"))) >= 2:
            break
        time.sleep(0.05)
    assert running.poll() is None, "it was too fast to be killed"
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    finished = len(list(course.root.glob("autograded/*/*/grading.json")))
    assert 2 <= finished < len(few)
    text = done(tmp_path, "grade", TERM)
    assert f"{len(few) - finished} were run now" in text
    again = Class(tmp_path)
    again.course = course
    assert again.marks() == {student: klass.expected[student] for student in few}


def test_in_shards_the_marks_are_the_same(klass, tmp_path):
    few = list(klass.expected)[2:6]
    course = with_some(klass, few, tmp_path)
    assert "Shard 1 of 2: 2 submissions" in done(tmp_path, "grade", TERM, "--shard", "1/2")
    assert "Shard 2 of 2: 2 submissions" in done(tmp_path, "grade", TERM, "--shard", "2/2")
    assert "; 0 were run now" in done(tmp_path, "grade", TERM)
    again = Class(tmp_path)
    again.course = course
    assert again.marks() == {student: klass.expected[student] for student in few}
