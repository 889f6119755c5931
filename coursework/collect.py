"""make collect: put what students handed in where the grader looks for it.

Three forms are known, each as a folder or as a zip archive:

    Anna Kovács_4711_assignsubmission_file_/counting.ipynb     Moodle's "download all submissions"
    ak123/counting.ipynb   or   ak123/counting/counting.ipynb  one folder for each student
    ak123.ipynb                                                one file for each student
"""

import json
import re
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from coursework.course import Course
from coursework.execute import FILES
from coursework.rebuild import LARGEST
from coursework.terms import Trouble

MOODLE = re.compile(
    r"^(?P<folder>(?P<name>[^/]+)_(?P<id>\d+)_assignsubmission_file_?)/?(?P<file>[^/]+)$"
)


@dataclass
class Handed:
    """What one student handed in: how to open each file."""

    student: str
    names: dict[str, str] = field(default_factory=dict)
    files: dict[str, Callable[[], BinaryIO]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A file in a folder or in an archive."""

    path: str
    size: int
    is_link: bool
    open: Callable[[], BinaryIO]


def collect(course: Course, assignment: str, origin: Path) -> None:
    """Copy submissions into the course's folder; say what was taken and what was not."""
    course.must_be_released(assignment)
    refused: list[str] = []
    handed = sort(entries(origin), assignment, refused)
    counts = {"new": 0, "changed": 0, "as before": 0}
    for one in handed.values():
        counts[keep(course, assignment, one)] += 1
    if not handed:
        raise Trouble(
            f"No submission was found in {origin}. Known forms:{__doc__.partition('archive:')[2]}"
        )
    print(", ".join(f"{number} {what}" for what, number in counts.items() if number) + ".")
    for line in refused:
        print(f"Left out: {line}")
    print(f"Next: make grade TERM={course.term} ASSIGNMENT={assignment}")


def entries(origin: Path) -> Iterator[Entry]:
    """Yield the files of a folder or of a zip archive."""
    if origin.is_dir():
        for path in sorted(origin.rglob("*")):
            if path.is_symlink() or path.is_file():
                name = path.relative_to(origin).as_posix()
                yield Entry(name, path.lstat().st_size, path.is_symlink(), partial(path.open, "rb"))
    elif zipfile.is_zipfile(origin):
        archive = zipfile.ZipFile(origin)
        for info in archive.infolist():
            if not info.is_dir():
                link = stat.S_ISLNK(info.external_attr >> 16)
                yield Entry(info.filename, info.file_size, link, partial(archive.open, info))
    else:
        raise Trouble(f"FROM={origin} is neither a folder nor a zip archive.")


def sort(found: Iterator[Entry], assignment: str, refused: list[str]) -> dict[str, Handed]:
    """Return what belongs to whom."""
    handed: dict[str, Handed] = {}
    for entry in found:
        if entry.is_link:
            refused.append(f"{entry.path} (a link)")
            continue
        if entry.size > LARGEST:
            refused.append(f"{entry.path} ({entry.size:,} bytes; at most {LARGEST:,})")
            continue
        owner = _owner(entry.path, assignment)
        if owner is None:
            continue
        student, names, name = owner
        one = handed.setdefault(student, Handed(student, names))
        if len(one.files) > FILES:
            refused.append(f"{entry.path} (more than {FILES} files)")
        else:
            one.files[name] = entry.open
    return handed


def _owner(path: str, assignment: str) -> tuple[str, dict[str, str], str] | None:
    """Return student, names and file name for a path in an archive; None if it is no submission."""
    if match := MOODLE.match(path):
        first, _, last = match["name"].rpartition(" ")
        names = {"first_name": first, "last_name": last, "moodle": match["folder"]}
        return match["id"], names, _plain(match["file"])
    parts = PurePosixPath(path).parts
    if any(part.startswith((".", "__MACOSX")) for part in parts):
        return None
    if len(parts) == 1:
        file = PurePosixPath(path)
        return (_plain(file.stem), {}, f"{assignment}.ipynb") if file.suffix == ".ipynb" else None
    if len(parts) == 2 or (len(parts) == 3 and parts[1] == assignment):
        return _plain(parts[0]), {}, _plain(parts[-1])
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^\w.() -]", "-", name)[:100].lstrip(".") or "unnamed"


def keep(course: Course, assignment: str, one: Handed) -> str:
    """Write a student's files; a submission is there whole or not at all. Return what it was."""
    folder = course.submission(one.student, assignment)
    fresh = folder.with_name(f".{assignment}.collecting")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, opened in one.files.items():
        with opened() as source, (fresh / name).open("wb") as target:
            shutil.copyfileobj(source, target)
    if one.names:
        (folder.parent / "name.json").write_text(json.dumps(one.names), encoding="utf-8")
    if folder.is_dir() and _contents(folder) == _contents(fresh):
        shutil.rmtree(fresh)
        return "as before"
    was_there = folder.exists()
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return "changed" if was_there else "new"


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
