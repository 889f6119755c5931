"""The commands of the coursework; `make` calls them. python -m coursework --help"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from coursework.course import Course, prepare
from coursework.terms import ASSIGNMENTS, Trouble, check_assignment


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m coursework", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "release": "write the students' notebooks of a term",
        "collect": "take over what was handed in",
        "grade": "run and mark what was handed in",
        "feedback": "write a page for each student",
        "marks": "write tables of marks, for Moodle too",
        "formgrader": "mark by hand, in the browser",
    }.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("term", help="name of the term, for instance 2027-spring")
        command.add_argument("--assignment", default="", help=f"one of {', '.join(ASSIGNMENTS)}")
        if name == "release":
            command.add_argument("--no-pages", action="store_true", help="leave the book as it is")
        if name == "collect":
            command.add_argument("origin", type=Path, help="a zip archive or a folder")
        if name == "grade":
            command.add_argument("--student", default="", help="this one alone")
            command.add_argument("--again", action="store_true", help="also what is graded already")
            command.add_argument("--jobs", type=int, default=0, help="at the same time")
            command.add_argument("--shard", default="", help="i/n: the i-th of n parts")
            command.add_argument("--sandbox", choices=["bwrap", "none"], default="bwrap")
            command.add_argument("--cell-seconds", type=int, default=0, help="for each cell")
        if name == "marks":
            command.add_argument("--accept", default="", help="a student whose work was looked at")
    options = parser.parse_args(arguments)
    try:
        run(options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def run(options: argparse.Namespace) -> None:
    """Do what was asked."""
    course = Course.of(options.term)
    names = [check_assignment(options.assignment)] if options.assignment else None
    if options.command == "release":
        from coursework.release import PAGES, release

        release(course, names or list(ASSIGNMENTS), None if options.no_pages else PAGES)
        return
    if options.command == "formgrader":
        formgrader(course)
        return
    if options.command == "collect":
        from coursework.collect import collect

        if names is None:
            raise Trouble("Which assignment? make collect TERM=... ASSIGNMENT=... FROM=...")
        collect(course, names[0], options.origin)
        return
    if options.command == "marks" and options.accept and names is None:
        raise Trouble(
            "ACCEPT says that you looked at one submission. Which assignment? "
            f"make marks TERM={course.term} ASSIGNMENT=... ACCEPT={options.accept}"
        )
    names = names or [name for name in course.released() if course.students(name)]
    if not names:
        raise Trouble(f"Nobody handed in anything yet for the term {course.term}.")
    student = getattr(options, "student", "")
    if student and not options.assignment:
        names = [name for name in names if student in course.students(name)]
        if not names:
            raise Trouble(
                f"{student} handed in nothing for the term {course.term}: the folder "
                f"{course.root / 'submitted'} has no submission of that name."
            )
    each(options, course, names)


def each(options: argparse.Namespace, course: Course, names: list[str]) -> None:
    """Do what was asked with each assignment; one without pages or marks keeps no other back."""
    troubles = []
    for name in names:
        try:
            one(options, course, name)
        except Trouble as trouble:
            if options.command == "grade":  # what stops one, such as no sandbox, stops all
                raise
            troubles.append(str(trouble))
    if troubles:
        raise Trouble("\n".join(troubles))


def one(options: argparse.Namespace, course: Course, assignment: str) -> None:
    """Do what was asked with one assignment."""
    if options.command == "grade":
        from coursework.grade import grade

        grade(course, assignment, order(options))
    elif options.command == "feedback":
        from coursework.feedback import feedback

        feedback(course, assignment)
    elif options.command == "marks":
        from coursework.marks import accept, marks

        if options.accept:
            accept(course, assignment, options.accept)
        marks(course, assignment)


def order(options: argparse.Namespace) -> object:
    """Return how to grade."""
    from coursework.grade import Order
    from coursework.sandbox import Limits

    shard = None
    if options.shard:
        part, _, parts = options.shard.partition("/")
        if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
            raise Trouble(f"A shard is written i/n, such as 2/8. This came: {options.shard}")
        shard = (int(part), int(parts))
    limits = Limits(cell_seconds=options.cell_seconds) if options.cell_seconds else Limits()
    walled = options.sandbox == "bwrap"
    if not walled:
        print("Without a sandbox: submissions can read and change whatever you can.")
    return Order(options.again, options.jobs, shard, walled, limits, options.student or None)


def formgrader(course: Course) -> None:
    """Open nbgrader's page for marking by hand."""
    from coursework.release import write_settings

    if not course.released():
        raise Trouble(f"Nothing was released for {course.term}: make release TERM={course.term}")
    prepare()
    write_settings(course)  # anew: the folder may have been moved
    print("Opening the formgrader. Stop it with Ctrl-C.", flush=True)
    command = [sys.executable, "-m", "jupyterlab", "--LabApp.default_url=/formgrader"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    subprocess.run(command, cwd=course.root, check=False)


if __name__ == "__main__":
    sys.exit(main())
