"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

__all__ = ["write_whole"]


def write_whole(
    path: str | os.PathLike[str], write: Callable[[BinaryIO], object]
) -> None:
    """Write a file under another name, and rename it when it is whole.

    Whatever goes wrong on the way, a file that was there before stays as it was.

    Arguments
        path   where to write; a link stays a link
        write  is handed the open file, in binary mode, and writes into it

    Errors
        OSError  the file cannot be written; and whatever `write` raises

    Chapter: *training-loop*.
    """
    path = Path(os.path.realpath(Path(path)))
    unfinished = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(unfinished, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
