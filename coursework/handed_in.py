"""Whose the files are that students handed in, and what they are called.

Nobody's work is put down to someone else: two names that come to the same student are both left
out. Whatever is not taken is named.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import BinaryIO

from coursework.execute import FILES
from coursework.rebuild import LARGEST
from coursework.terms import ASSIGNMENTS, Trouble

# Moodle writes the name, the number and the plugin; what follows is the student's own. So the first
# number counts, and none that a file is called after. (Moodle itself puts blanks for underscores in
# a name, and reads from the left, too.)
MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>[0-9]+)_assignsubmission_(?P<plugin>[a-z0-9]+)(_(?P<file>.*))?", re.S
)
TYPED = "onlinetext"  # Moodle's plugin for what students type

# What some system takes for no name: control characters, halves of characters, signs of its own.
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\:*?"<>|]')
LONGEST = 200  # bytes of a name; most systems allow 255


@dataclass(frozen=True)
class Entry:
    """A file in a folder or in an archive."""

    path: str
    parts: tuple[str, ...]  # of the path, without a folder in which everything lies
    size: int
    is_link: bool
    open: Callable[[], BinaryIO]


@dataclass
class Handed:
    """What one student handed in."""

    student: str
    origins: set[str] = field(default_factory=set)  # under what names; more than one is a clash
    names: dict[str, str] = field(default_factory=dict)
    found: list[tuple[int, str, Entry]] = field(default_factory=list)  # how deep, path, content
    files: dict[str, Entry] = field(default_factory=dict)  # what is taken of it


@dataclass
class Report:
    """What an instructor is told."""

    left: list[str] = field(default_factory=list)
    many: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # of each, a few
    notes: list[str] = field(default_factory=list)

    def show(self) -> None:
        """Print it."""
        for why, paths in self.many.items():
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            self.left.append(f"{', '.join(paths[:3])}{more} ({why})")
        for line in self.left:
            print(shown(f"Left out: {line}"))
        for line in self.notes:
            print(shown(f"Note: {line}"))


def shown(text: str) -> str:
    """Return a text that does nothing to a terminal: students choose the names of files."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


# --- A folder around everything ------------------------------------------------------------------


def unwrapped(found: list[Entry], assignment: str, report: Report) -> list[Entry]:
    """Take away a folder in which everything lies, if it is a class's and not a student's."""
    while True:
        seen = [entry for entry in found if not is_hidden(entry.parts)]
        folders = {entry.parts[0] for entry in seen if len(entry.parts) > 1}
        single = any(len(entry.parts) == 1 and is_notebook(entry.parts[0]) for entry in seen)
        if single or len(folders) != 1:
            return found
        (top,) = folders
        inside = [entry.parts[1:] for entry in seen if len(entry.parts) > 1]
        holds = _holds(top, inside, assignment)
        if holds == "student":
            return found
        if holds == "unclear":
            raise Trouble(
                f"Everything lies in one folder, {shown(top)}. Is that a student, or a class? If a "
                f"student, put the notebook right into it: {shown(top)}/{assignment}.ipynb. If a "
                "class, hand over what is in it without the folder."
            )
        report.notes.append(f"everything lies in one folder, {top}: what is in it was looked at.")
        every, found = found, []
        for entry in every:
            if entry.parts[0] == top and entry.parts[1:]:
                found.append(replace(entry, parts=entry.parts[1:]))
            else:
                report.many["beside the folder in which the rest lies"].append(entry.path)


def _holds(top: str, inside: list[tuple[str, ...]], assignment: str) -> str:
    """Tell whether a folder with these files is a student's, a class's, or could be either."""
    notebooks = [parts for parts in inside if is_notebook(parts[-1])]
    files = {parts[0] for parts in notebooks if len(parts) == 1}
    folders = {parts[0] for parts in notebooks if len(parts) > 1}
    if MOODLE.fullmatch(top):
        return "student"
    if top == assignment or any(MOODLE.fullmatch(parts[0]) for parts in inside):
        return "class"
    if not notebooks or f"{assignment}.ipynb" in files or {top, *folders} & {*ASSIGNMENTS}:
        return "student"
    if len(files | folders) > 1:
        return "unclear" if files and folders else "class"
    for folder in folders:
        deeper = [parts[1:] for parts in inside if parts[0] == folder and parts[1:]]
        if _holds(folder, deeper, assignment) == "class":
            return "class"
    return "unclear"


# --- Whose they are -------------------------------------------------------------------------------


def sort(found: list[Entry], assignment: str, report: Report) -> list[Handed]:
    """Return what belongs to whom."""
    handed: dict[str, Handed] = {}
    typed: dict[str, list[str]] = defaultdict(list)
    for entry in found:
        match = MOODLE.fullmatch(entry.parts[0])
        if entry.is_link:
            report.left.append(f"{entry.path} (a link)")
        elif match and match["plugin"] == TYPED:
            typed[match["id"]].append(entry.path)
        elif match:
            _of_moodle(match, entry, handed, report)
        elif is_hidden(entry.parts):
            report.many["hidden, or made by a system"].append(entry.path)
        else:
            _of_a_folder(entry, assignment, handed, report)
    for student, paths in typed.items():
        if student in handed:
            report.many["online text: only files are graded"] += paths
        else:
            report.left.append(f"{', '.join(paths)} (online text, and no file: nothing to grade)")
    return [one for one in handed.values() if _choose(one, assignment, report)]


def _of_moodle(match: re.Match, entry: Entry, handed: dict[str, Handed], report: Report) -> None:
    inner = entry.parts[1:] or (match["file"] or "",)
    if not inner[0]:
        report.left.append(f"{entry.path} (a file without a name of its own)")
        return
    one = handed.setdefault(match["id"], Handed(match["id"]))
    one.origins.add(f"{unicodedata.normalize('NFC', match['name'])}_{match['id']}")
    name = plain(match["name"])
    first, _, last = name.rpartition(" ")
    one.names = {"first_name": first, "last_name": last}
    one.names["moodle"] = f"{name}_{match['id']}_assignsubmission_file_"
    if is_hidden(inner):  # the student handed in something, if nothing that can be graded
        report.many["hidden, or made by a system"].append(entry.path)
    else:
        one.found.append((len(inner), "/".join(inner), entry))


def _of_a_folder(entry: Entry, assignment: str, handed: dict[str, Handed], report: Report) -> None:
    first, *inner = entry.parts
    name = first if inner else PurePosixPath(first).stem
    if "_assignsubmission_" in first:
        report.left.append(f"{entry.path} (Moodle's name, but no number of a participant in it)")
    elif not inner and not is_notebook(first):
        report.left.append(f"{entry.path} (no notebook: put it into a folder named as the student)")
    elif name in ASSIGNMENTS:
        report.many["named as an assignment: name it as the student"].append(entry.path)
    elif inner[1:] and inner[0] in ASSIGNMENTS and inner[0] != assignment:
        report.many["of another assignment"].append(entry.path)
    else:
        student = re.sub("[$`]", "-", plain(name))  # which a shell takes for a command
        one = handed.setdefault(student.lower(), Handed(student))
        one.origins.add(f"{first}/" if inner else first)
        depth = len(inner)
        if inner[:1] == [assignment] and inner[1:]:
            depth -= 2  # it comes before what lies beside the assignment's folder
            inner = inner[1:]
        one.found.append((depth, "/".join(inner) or f"{assignment}.ipynb", entry))


def _choose(one: Handed, assignment: str, report: Report) -> bool:
    """Choose which files of a student are taken; tell whether it is clear whose they are."""
    if len(one.origins) > 1:
        origins = " and ".join(sorted(one.origins))
        report.left.append(f"{origins}: both would be the student {one.student}. Rename one")
        return False

    def importance(found: tuple[int, str, Entry]) -> tuple:
        depth, path, _ = found
        return depth, not path.endswith(f"{assignment}.ipynb"), path

    taken: dict[str, str] = {}
    above = None  # how deep the first notebook is
    for depth, path, entry in sorted(one.found, key=importance):
        name = plain(path.rpartition("/")[2])
        above = depth if above is None and is_notebook(name) else above
        others = len(taken) - sum(map(is_notebook, taken))
        if same := taken.get(name.lower()):
            report.left.append(f"{entry.path} (of the same name as {same}, which was taken)")
        elif is_notebook(name) and depth > above:
            report.left.append(f"{entry.path} (in a sub-folder; a notebook above it was taken)")
        elif not is_notebook(name) and others == FILES:
            why = f"more than {FILES} files beside the notebook of {one.student}"
            report.many[why].append(entry.path)
        else:
            taken[name.lower()] = entry.path
            one.files[name] = entry
            if not is_notebook(name) and name != unicodedata.normalize("NFC", path):
                report.notes.append(f"{one.student}: {path} lies beside the notebook, as {name}.")
            if entry.size > LARGEST:
                report.notes.append(
                    f"{one.student}: {name} has {entry.size:,} bytes; at most {LARGEST:,} are "
                    "taken. It counts as handed in, and the student's page will say so."
                )
    if above is None:
        report.notes.append(f"{one.student} handed in no notebook, which gives no points.")
    return True


# --- Names ----------------------------------------------------------------------------------------


def is_notebook(name: str) -> bool:
    """Whether a file is called as a notebook."""
    return PurePosixPath(name.strip()).suffix.lower() == ".ipynb"


def is_hidden(parts: tuple[str, ...]) -> bool:
    """Whether a system or an editor wrote a file, and no student."""
    *folders, name = parts
    if any(part.startswith((".", "__MACOSX")) for part in folders):
        return True
    if name.startswith("."):
        return name.startswith("._") or not is_notebook(name)
    return name in ("Thumbs.db", "desktop.ini")


def plain(name: str) -> str:
    """Return a name that every system takes, and as few changed as can be: notebooks open files."""
    name = FORBIDDEN.sub("-", unicodedata.normalize("NFC", name))
    name = re.sub(r"^[\s.]+|\s+$", "", name)
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    if suffix.lower() == ".ipynb":
        suffix = ".ipynb"
        name = stem + suffix
    if len(name.encode()) > LONGEST:
        # With a hash, so that two long names which begin alike stay two.
        end = f"~{hashlib.sha256(name.encode()).hexdigest()[:8]}" + suffix * (len(suffix) < 20)
        name = name.encode()[: LONGEST - len(end.encode())].decode("utf-8", "ignore") + end
    return name or "unnamed"
