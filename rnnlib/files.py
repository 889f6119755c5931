"""Files that are written whole or not at all, and read only if they are whole."""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

__all__ = ["arrays_in", "remove_unfinished", "write_whole"]


def write_whole(
    path: str | os.PathLike[str],
    write: Callable[[BinaryIO], object],
    previous: str | os.PathLike[str] | None = None,
) -> None:
    """Write a file under another name, and rename it when it is whole.

    Whatever goes wrong on the way, a file that was there before stays as it was. Should the
    process be killed, the unfinished file stays behind; `remove_unfinished` finds it.

    Arguments
        path      where to write; a link stays a link
        write     is handed the open file, in binary mode, and writes into it
        previous  where to keep the file that was at `path` before, on the same disk; what was
                  kept there is given up. None: it is not kept

    Errors
        OSError  the file cannot be written; and whatever `write` raises

    Chapter: *training-loop*.
    """
    path = _real(path)
    with _unfinished(path) as new:
        with open(new, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            with _unfinished(_real(previous)) as old:
                _second_name(path, old)
                os.replace(old, _real(previous))
        # Only now, so that at each moment there is a whole file at `path`.
        os.replace(new, path)


def remove_unfinished(path: str | os.PathLike[str]) -> None:
    """Remove what a process that was killed within `write_whole` has left behind.

    Nobody may be writing the same file at this moment.

    Arguments
        path  the file that was to be written; it stays as it is

    Errors
        OSError  there is no such folder, or one of the files cannot be removed

    Chapter: *training-loop*.
    """
    path = _real(path)
    wanted = re.compile(re.escape(_begin(path)) + "[0-9a-f]{16}[.]tmp")
    for entry in list(path.parent.iterdir()):
        if wanted.fullmatch(entry.name) and entry.is_file():
            entry.unlink(missing_ok=True)


def arrays_in(data: bytes, made_by: str) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file, after every checksum has been compared.

    Nothing in the file is run, and it cannot ask for much more memory than it has itself.

    Arguments
        data     the bytes of the file
        made_by  what writes such files, for the message

    Returns
        arrays  by name, in the order of the file

    Errors
        ValueError  anything but a whole .npz file of numbers and texts

    Chapter: *training-loop*.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _refuse_bombs(members, len(data))
            # NumPy would not notice a changed byte that shortens what it reads.
            if damaged := archive.testzip():
                raise ValueError(f"{damaged} is damaged")
            return {
                member.filename.removesuffix(".npy"): _array(archive, member)
                for member in members
            }
    except Exception as error:  # wrong bytes lead zipfile and NumPy anywhere
        raise ValueError(
            f"expected a whole .npz file as {made_by} writes it, got {len(data)} bytes that "
            f"cannot be read: {error!r:.200}"
        ) from None


def _real(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.realpath(Path(path)))


def _begin(path: Path) -> str:
    """How the names of unfinished files begin: with the name, if there is room for it."""
    name = os.fsencode(path.name)
    if len(name) > 200:  # of the 255 bytes that most systems allow
        return f".{hashlib.sha256(name).hexdigest()}."
    return f".{path.name}."


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """A name beside `path` that is not taken, and at the end is free again."""
    file = path.with_name(f"{_begin(path)}{secrets.token_hex(8)}.tmp")
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def _second_name(path: Path, name: Path) -> None:
    """Give a file a second name, or make a copy where a file can have only one."""
    try:
        os.link(path, name)
    except (OSError, NotImplementedError, AttributeError):
        with open(path, "rb") as old, open(name, "xb") as copy:
            shutil.copyfileobj(old, copy)
            copy.flush()
            os.fsync(copy.fileno())


def _refuse_bombs(members: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse a small file that would become a huge one."""
    unpacked = sum(member.file_size for member in members)
    if unpacked > 100 * size:
        raise ValueError(f"it would become {unpacked} bytes")
    known = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    for member in members:
        if member.compress_type not in known:
            raise ValueError(f"{member.filename} is packed in another way")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if array.size > member.file_size:  # of empty texts: they need no bytes
        raise ValueError(f"{member.filename} has {array.size} entries")
    return array
