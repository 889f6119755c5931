"""make collect: put what students handed in where the grader looks for it.

Three forms are known, each as a folder or as a zip archive:

    Anna Kovács_4711_assignsubmission_file_/counting.ipynb     Moodle's "download all submissions"
    ak123/counting.ipynb   or   ak123/counting/counting.ipynb  one folder for each student
    ak123.ipynb                                                one file for each student

A submission is taken whole or not at all. One that cannot be taken holds up no other, and whatever
is left out is named; the command fails if nothing could be taken. Nobody's work is put down to
someone else: two names that come to the same student are both left out.
"""

import errno
import hashlib
import json
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from coursework.course import Course
from coursework.handed_in import Entry, Handed, Report, sort, unwrapped
from coursework.rebuild import LARGEST
from coursework.terms import Trouble
from rnnlib.files import write_whole

STAND_IN = 1_000_000_000  # bytes, at most, of the hole that stands for a file that is too large
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class LeftOut(Exception):
    """A submission cannot be taken; the text says why, and what helps."""


def collect(course: Course, assignment: str, origin: Path) -> None:
    """Copy submissions into the course's folder; say what was taken and what was not."""
    course.must_be_released(assignment)
    for student in course.root.glob("submitted/*"):
        put_back(student / assignment)
    counts = {"new": 0, "changed": 0, "as before": 0}
    report = Report()
    with opened(origin, report) as found:
        handed = sort(unwrapped(found, assignment, report), assignment, report)
        for one in handed:
            try:
                counts[keep(course, assignment, one)] += 1
            except LeftOut as error:
                report.left.append(f"{one.student}, with all files: {error}")
            except OSError as error:
                if error.errno in FULL:
                    raise Trouble(
                        f"{course.root} cannot be written to: {error.strerror}. What was collected "
                        "is whole. Make room; the same command goes on from there."
                    ) from error
                report.left.append(f"{one.student}, with all files: {error}")
    taken = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    if taken:
        print(f"{taken}.")
    report.show()
    if handed and not taken:
        raise Trouble(f"Nothing could be taken from {origin}; the lines above say why.")
    if not taken:
        raise Trouble(
            f"No submission was found in {origin}. Known forms:"
            + __doc__.partition("archive:")[2].partition("\n\nA sub")[0]
        )
    print(f"Next: make grade TERM={course.term} ASSIGNMENT={assignment}")


# --- Where the files come from --------------------------------------------------------------------


@contextmanager
def opened(origin: Path, report: Report) -> Iterator[list[Entry]]:
    """Open a folder or a zip archive; its files can be read while it is open."""
    with suppress(RuntimeError):  # nobody's home is called so
        origin = origin.expanduser()  # make hands `~` over as it is
    try:
        is_folder = origin.is_dir()
        if not is_folder:
            origin.open("rb").close()
    except FileNotFoundError:
        raise Trouble(f"FROM={origin} does not exist.") from None
    except OSError as error:
        raise Trouble(f"FROM={origin} cannot be read: {error.strerror}.") from None
    if is_folder:
        yield list(_in_folder(origin, report))
        return
    if not zipfile.is_zipfile(origin):
        raise Trouble(
            f"FROM={origin} is neither a folder nor a zip archive. An archive whose end is missing "
            "was not downloaded whole: download it again."
        )
    try:
        archive = zipfile.ZipFile(origin)
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise Trouble(f"FROM={origin} is damaged ({error}): download it again.") from None
    with archive:
        yield list(_in_archive(archive, report))


def _in_folder(origin: Path, report: Report) -> Iterator[Entry]:
    def unreadable(error: OSError) -> None:
        report.left.append(f"{error.filename} ({error.strerror})")

    for folder, folders, files in os.walk(origin, onerror=unreadable):
        folders.sort()
        for path in sorted(Path(folder, name) for name in [*folders, *files]):
            name = path.relative_to(origin)
            try:
                size, link = path.lstat().st_size, path.is_symlink()
                if link or path.is_file():
                    yield Entry(name.as_posix(), name.parts, size, link, partial(path.open, "rb"))
                elif not path.is_dir():
                    report.left.append(f"{path} (neither a file nor a folder)")
            except OSError as error:
                unreadable(error)


def _in_archive(archive: zipfile.ZipFile, report: Report) -> Iterator[Entry]:
    for info in archive.infolist():
        name = info.filename
        if not info.flag_bits & 0x800:  # macOS writes UTF-8 and does not say so
            with suppress(UnicodeError):
                name = name.encode("cp437").decode("utf-8")
        name = name.replace("\\", "/")  # as some programs for Windows write it
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if name.endswith("/"):
            continue
        if name.startswith("/") or ".." in parts or not parts:
            report.left.append(f"{name} (leads out of the archive)")
        else:
            link = stat.S_ISLNK(info.external_attr >> 16)
            yield Entry(name, parts, info.file_size, link, partial(archive.open, info))


# --- Taken over, whole or not at all --------------------------------------------------------------


def keep(course: Course, assignment: str, one: Handed) -> str:
    """Write a student's files; return whether they are new. What was there is kept until then."""
    folder = course.submission(one.student, assignment)
    fresh, before = _beside(folder)
    try:
        fresh.mkdir(parents=True)
        for name, entry in one.files.items():
            with (fresh / name).open("xb") as file:
                if entry.size > LARGEST:
                    file.truncate(min(entry.size, STAND_IN))  # a hole: the grader says the size
                else:
                    file.writelines(_pieces(entry))
        if one.names:
            names = json.dumps(one.names).encode()
            write_whole(folder.parent / "name.json", lambda file: file.write(names))
        if folder.is_dir() and not folder.is_symlink() and _contents(folder) == _contents(fresh):
            return "as before"
        was_there = os.path.lexists(folder)
        if was_there:
            folder.rename(before)
        fresh.rename(folder)
        return "changed" if was_there else "new"
    finally:
        put_back(folder)


def put_back(folder: Path) -> None:
    """Leave a submission as it was, or as it is now, if taking it over was broken off."""
    fresh, before = _beside(folder)
    if os.path.lexists(before) and not os.path.lexists(folder):
        before.rename(folder)
    for rest in (fresh, before):
        if rest.is_symlink() or rest.is_file():
            rest.unlink()
        shutil.rmtree(rest, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()  # of a student of whom nothing could be taken


def _beside(folder: Path) -> tuple[Path, Path]:
    return (
        folder.with_name(f".{folder.name}.collecting"),
        folder.with_name(f".{folder.name}.before"),
    )


def _pieces(entry: Entry) -> Iterator[bytes]:
    """Read a file in pieces; anyone may have written it."""
    try:
        with entry.open() as source:
            while piece := source.read(1_000_000):
                yield piece
    except RuntimeError as error:  # NotImplementedError is one
        raise LeftOut(
            f"{entry.path} is locked by a password, or packed in a way that is not known here. "
            "Unpack the archive yourself, and hand over the folder"
        ) from error
    except PermissionError as error:
        raise LeftOut(f"{entry.path} may not be read by you. Mend that, collect again") from error
    except Exception as error:  # wrong bytes lead zipfile anywhere
        raise LeftOut(
            f"{entry.path} is damaged ({error}). Download the archive again, and collect again"
        ) from error


def _contents(folder: Path) -> dict[str, str]:
    found = {}
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
