"""Corpora: texts to learn from, the book's own, NumPy's, and any file."""

from __future__ import annotations

import codecs
import logging
import os
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

from rnnlib.checks import one_of
from rnnlib.numpytexts import numpy_docstrings, numpy_source

__all__ = ["CORPORA", "corpus", "read_text"]

CORPORA = {
    "book": "prose written for this book, in English",
    "hungarian": "Hungarian prose, with the accents of its alphabet",
    "numpy-docstrings": "what the installed NumPy says about itself",
    "numpy-source": "the Python code of the installed NumPy",
    "tiny-shakespeare": "40,000 lines of Shakespeare, fetched when first asked for",
}

_TEXTS = Path(__file__).parent / "texts"
_SHAKESPEARE_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/"
    "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt"
)
_SHAKESPEARE_SHA256 = (
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
)


def corpus(name: str) -> str:
    """Return a text to learn from.

    Lines end with \\n, and every letter that has a code point of its own is written with it (NFC).

    Arguments
        name  one of `CORPORA`. The texts of NumPy are those of the installed version, so that
              another version may give another text. Only "tiny-shakespeare" needs the network,
              once

    Errors
        TypeError, ValueError  an unknown name
        OSError                "tiny-shakespeare" cannot be fetched; the message says what helps

    Source of "tiny-shakespeare": Karpathy 2015. Chapters: *character-model*, *word-model*.
    """
    return _text_of(one_of("name", name, CORPORA))


@cache
def _text_of(name: str) -> str:
    if name == "numpy-docstrings":
        return unicodedata.normalize("NFC", numpy_docstrings())
    if name == "numpy-source":
        return unicodedata.normalize("NFC", numpy_source())
    if name == "tiny-shakespeare":
        return read_text(_fetched(name, _SHAKESPEARE_URL, _SHAKESPEARE_SHA256))
    return read_text(_TEXTS / f"{name}.txt")


def _fetched(
    name: str,
    url: str,
    sha256: str,
    folder: Path | None = None,
    downloader: Callable[..., object] | None = None,
) -> Path:
    """Where a file lies on this disk; fetched if it does not yet, whole or not at all."""
    try:
        import pooch  # only who asks for a text of the network needs it
    except ImportError:
        raise ImportError(
            f"corpus {name!r} needs pooch to fetch it: pip install pooch"
        ) from None
    path = Path(folder or pooch.os_cache("rnnlib")) / f"{name}.txt"
    log = pooch.get_logger()
    level = log.level
    log.setLevel(logging.ERROR)  # else it tells about each download on stderr
    try:
        pooch.retrieve(
            url,
            f"sha256:{sha256}",
            path.name,
            path.parent,
            downloader=downloader,
        )
    except (OSError, ValueError) as error:
        raise ConnectionError(
            _advice(name, url, sha256, path, error)
        ) from error
    finally:
        log.setLevel(level)
    return path


def _advice(
    name: str, url: str, sha256: str, path: Path, error: Exception
) -> str:
    """What to do if a corpus cannot be fetched."""
    why = (
        "what came is not the file that was expected (another checksum)"
        if isinstance(error, ValueError) and not isinstance(error, OSError)
        else f"there is no connection, or no place for it ({type(error).__name__})"
    )
    others = [other for other in CORPORA if other != name]
    return (
        f"corpus {name!r} could not be fetched: {why}. With a network, try again; or save\n"
        f"    {url}\nas\n    {path}\n(its sha256 is {sha256}).\n"
        f"These need no network: {', '.join(others)}"
    )


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a text file in UTF-8.

    A byte order mark at its beginning is dropped, lines end with \\n, and every letter that has a
    code point of its own is written with it (NFC): an e and an accent become é.

    Arguments
        path  of any text file

    Errors
        TypeError   not a path
        OSError     there is no such file, it is a folder, or it cannot be read
        ValueError  not UTF-8 (the message says from which byte on), or nothing but spaces

    Chapter: *character-model*.
    """
    try:
        path = Path(path)
    except TypeError:
        raise TypeError(
            f"path: expected where a file lies (a str or a Path), got {path!r:.60}"
        ) from None
    if path.is_dir():
        raise IsADirectoryError(
            f"path: expected a text file, got a folder, {path}"
        )
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # ValueError: a name that no file can have, with a NUL character or half a surrogate.
        raise FileNotFoundError(
            f"path: expected a text file, but there is none at {path.absolute()}"
        ) from None
    return _decoded(data, path)


def _decoded(data: bytes, path: Path) -> str:
    """The text of a file, in one form whatever system wrote it."""
    bare = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = bare.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = error.start + len(data) - len(bare)
        raise ValueError(
            f"path: expected a text in UTF-8, got byte 0x{data[byte]:02x} at place {byte} of "
            f"{path.name}: save the file as UTF-8"
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ValueError(
            f"path: expected a text, got nothing but spaces in {path.name}"
        )
    return unicodedata.normalize("NFC", text)
