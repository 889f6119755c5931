"""make grade: run what was handed in, and write the marks into the gradebook.

Two steps, each safe to repeat and safe to kill. *Running* leaves for each submission a notebook and
a note of what it was made from (`grading.json`), written last and whole: without it, or if the
submission has changed since, it is run again. *Recording* reads these and writes the gradebook.
Shards of a large class only run; who comes last records.
"""

import contextlib
import hashlib
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursework import sandbox
from coursework.course import Course, cores, prepare
from coursework.execute import Outcome, work
from coursework.rebuild import harmless, skeleton
from coursework.record import Record, all_scores, record
from coursework.runner import error_output
from coursework.sandbox import Limits
from coursework.sources import TESTS, points, role, write
from coursework.terms import Trouble

GRACE = 60  # seconds beyond a notebook's time before its process is stopped
NOTES = "grader-notes"  # id of the cell that tells a student what the grader noticed


@dataclass(frozen=True)
class Order:
    """How to grade."""

    again: bool = False  # also what is graded already
    jobs: int = 0  # submissions at the same time; 0: as many as there are cores
    shard: tuple[int, int] | None = None  # the i-th of n parts of the class, counted from 1
    walled: bool = True
    limits: Limits = field(default_factory=Limits)
    student: str | None = None


def grade(course: Course, assignment: str, order: Order) -> None:
    """Run and record the submissions of an assignment; print what came out."""
    course.must_be_released(assignment)
    if order.walled:
        sandbox.must_have(f"TERM={course.term} ASSIGNMENT={assignment}")
    prepare()
    students = course.students(assignment)
    if order.student:
        students = [name for name in students if name == order.student]
    if not students:
        raise Trouble(
            f"Nobody handed in {assignment}"
            + (f" as {order.student}." if order.student else ".")
            + f" Submissions are looked for in {course.root}/submitted/STUDENT/{assignment}/ ; "
            f"make collect TERM={course.term} ASSIGNMENT={assignment} FROM=... puts them there."
        )
    mine = students
    if order.shard:
        part, parts = order.shard
        mine = students[part - 1 :: parts]
    frame = frame_of(course, assignment)
    waiting = [
        name for name in mine if order.again or not _is_done(course, assignment, name, frame)
    ]
    try:
        if waiting:
            _run(course, assignment, waiting, frame, order)
    finally:  # if it is stopped by hand, too, what is done counts for feedback and marks
        if not order.shard:
            record(course, assignment, students)
    if order.shard:
        print(f"Shard {part} of {parts}: {len(mine)} submissions are run ({len(waiting)} now).")
        print("When all shards are through, record them: the same command without SHARD.")
        return
    print(table(course, assignment, students, ran=len(waiting)))


def frame_of(course: Course, assignment: str) -> NotebookNode:
    """Return the skeleton into which answers are put."""
    source = nbformat.read(course.source(assignment), 4)
    return skeleton(source, nbformat.read(course.release(assignment), 4))


# --- Running -------------------------------------------------------------------------------------


def fingerprint(folder: Path, frame: NotebookNode) -> str:
    """Return a hash of what was handed in and of the assignment it is graded by."""
    digest = hashlib.sha256(nbformat.writes(frame).encode())
    paths = [folder] if folder.is_symlink() or not folder.is_dir() else sorted(folder.iterdir())
    for path in paths:
        digest.update(f"\0{path.name}\0{path.is_symlink()}\0".encode("utf-8", "surrogateescape"))
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _is_done(course: Course, assignment: str, student: str, frame: NotebookNode) -> bool:
    folder = course.graded(student, assignment)
    kept = Record.read(folder)
    made_from = fingerprint(course.submission(student, assignment), frame)
    return kept is not None and kept.made_from == made_from


def _run(
    course: Course, assignment: str, students: list[str], frame: NotebookNode, order: Order
) -> None:
    from tqdm import tqdm

    context = get_context("forkserver")
    context.set_forkserver_preload(["coursework.execute"])
    text = nbformat.writes(frame)
    running: set[BaseProcess] = set()
    with (
        tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as answers,
        _pool(order.jobs or cores(), running) as pool,
    ):
        runs = {}
        for number, student in enumerate(students):
            folder = course.submission(student, assignment)
            answer = Path(answers, f"{number}.json")
            arguments = (folder, assignment, text, order.limits, order.walled, answer)
            # The hash is of what is there before: a change while it runs means that it runs again.
            made_from = fingerprint(folder, frame)
            seconds = order.limits.seconds + GRACE
            run = pool.submit(_in_a_process, context, arguments, seconds, running)
            runs[run] = (student, made_from)
        bar = tqdm(as_completed(runs), total=len(runs), desc=f"grading {assignment}", unit="")
        for run in bar:
            student, made_from = runs[run]
            outcome = run.result()
            if outcome.fault:
                bar.write(f"{student} is not graded: {outcome.fault}.")
            _keep(course, outcome, student, made_from, frame)


@contextlib.contextmanager
def _pool(jobs: int, running: set[BaseProcess]) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(jobs)
    try:
        yield pool
    except BaseException:  # Ctrl-C: what has not begun does not begin, and what runs is stopped
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(running):
            _stop(process)
        raise
    pool.shutdown()


def _in_a_process(
    context: BaseContext, arguments: tuple, seconds: float, running: set[BaseProcess]
) -> Outcome:
    """Run a submission in a process of its own; say so if it does not come to an end."""
    folder, assignment, answer = arguments[0], arguments[1], arguments[-1]
    process = context.Process(target=work, args=arguments, daemon=True)
    process.start()
    running.add(process)
    process.join(seconds)
    if process.is_alive():
        _stop(process)
        process.join()
    running.discard(process)
    try:
        fields = json.loads(answer.read_text("utf-8"))
    except (OSError, ValueError):
        return Outcome(folder.parent.name, assignment, fault="its process ended before it was done")
    if fields["notebook"]:
        fields["notebook"] = nbformat.from_dict(fields["notebook"])
    return Outcome(**fields)


def _stop(process: BaseProcess) -> None:
    """Stop a process and everything that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _keep(
    course: Course, outcome: Outcome, student: str, made_from: str, frame: NotebookNode
) -> None:
    """Write a graded notebook, and then the record that it is finished.

    What could not be graded, through no doing of the submission, leaves no record: the next time it
    is run again.
    """
    folder = course.graded(student, outcome.assignment)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "grading.json").unlink(missing_ok=True)
    if outcome.fault:
        return
    notebook = outcome.notebook or _not_run(frame)
    if outcome.notes:
        lines = [f"- {harmless(note)}" for note in outcome.notes]
        text = "\n".join(["**What the grader noticed**", "", *lines])
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text, id=NOTES))
    write(notebook, folder / f"{outcome.assignment}.ipynb")
    kept = Record(made_from, outcome.notes, outcome.suspect, round(outcome.seconds, 2))
    kept.write(folder)


def _not_run(frame: NotebookNode) -> NotebookNode:
    """Return the notebook of someone who handed in nothing that can be read: every test fails."""
    notebook = nbformat.reads(nbformat.writes(frame), 4)
    for cell in notebook.cells:
        if role(cell) in TESTS:
            cell.outputs = [error_output("NotRun", "there was no notebook to run")]
    return notebook


# --- What is said --------------------------------------------------------------------------------


def table(course: Course, assignment: str, students: list[str], ran: int) -> str:
    """Return the marks, question by question, and what an instructor should look at."""
    questions = points(nbformat.read(course.source(assignment), 4))
    short = [question.split(".")[0] for question in questions]
    width = max(7, *map(len, students))
    head = [
        f"{'student':{width}}",
        *(f"{name:>5}" for name in short),
        "  sum",
        "by hand",
        "remarks",
    ]
    lines = [" ".join(head)]
    looks = ungraded = 0
    found = all_scores(course, assignment)
    for student in students:
        kept = Record.read(course.graded(student, assignment))
        if kept is None:
            ungraded += 1
            lines.append(f"{student:{width}}  NOT GRADED")
            continue
        scores, waiting = found[student]
        remark = "TESTS TAMPERED WITH: look at it. " if kept.suspect else ""
        remark += " ".join(kept.notes)
        looks += bool(remark)
        row = [f"{student:{width}}", *(f"{scores[name]:5g}" for name in questions)]
        row += [f"{sum(scores.values()):5g}", f"{waiting or '':>7}", remark]
        lines.append(" ".join(row).rstrip())
    out_of = [f"{'out of':{width}}", *(f"{most:5g}" for most in questions.values())]
    lines.insert(1, " ".join([*out_of, f"{sum(questions.values()):5g}"]))
    lines.append(
        f"{len(students)} submissions of {assignment}; {ran} were run now; {looks} remarks."
    )
    if ungraded:
        lines.append(f"{ungraded} NOT GRADED, by no fault of the student: the same command again.")
    lines.append(f"By hand: make formgrader TERM={course.term}. Then make feedback, make marks.")
    return "\n".join(lines)
