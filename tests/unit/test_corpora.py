"""Corpora: one text on every system; files read whole; what is fetched is whole or not there."""

import hashlib
import logging
import subprocess
import sys
import unicodedata
import warnings

import numpy as np
import pooch
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from notebooks import ROOT

from rnnlib import corpora, numpytexts
from rnnlib.corpora import CORPORA, corpus, read_text

# Of NumPy 2.4.6. They were compared on Python 3.11 and 3.13, with the files that NumPy installs
# on Linux, macOS and Windows.
NUMPY = "2.4.6"
FINGERPRINTS = {
    "numpy-docstrings": "cde9851c5011910147f62a01fafee80b92cef3aa225f3f64a60aebbcb4ab7f9e",
    "numpy-source": "29b3c324e2d9b6a892fd6ec664311bf66e3a30d6678c69186d261c2fb84660e3",
}
OFFLINE = [name for name in CORPORA if name != "tiny-shakespeare"]


# Files


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "a text.txt"
        path.write_bytes(data)
        return path

    return write


@given(text=st.text().filter(str.strip), mark=st.booleans(), windows=st.booleans())
def test_a_text_is_read_in_one_form(text, mark, windows, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "drawn.txt"
    text = text.replace("\r", "").removeprefix("\ufeff") or "a"
    data = text.replace("\n", "\r\n") if windows else text
    path.write_bytes(data.encode("utf-8-sig" if mark else "utf-8"))
    if not text.strip():
        return
    assert read_text(path) == read_text(str(path)) == unicodedata.normalize("NFC", text)


def test_line_ends_marks_and_accents_are_made_one(written):
    data = "\ufeffe\u0301g\r\nkét\rvége\n".encode()
    assert read_text(written(data)) == "ég\nkét\nvége\n"


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_what_is_not_utf8_is_told_with_its_place(written, begin):
    data = begin + "szép ".encode() + "tűz".encode("iso-8859-2")
    place = data.index(b"\xfb")
    said = rf"^path: expected a text in UTF-8, got byte 0xfb at place {place} of a text.txt"
    with pytest.raises(ValueError, match=said):
        read_text(written(data))


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \r\n\t\n"])
def test_a_file_with_nothing_in_it_is_refused(written, data):
    with pytest.raises(ValueError, match=r"^path: expected a text, got nothing but spaces"):
        read_text(written(data))


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^path: expected a text file, .* none at .*nope"):
        read_text(tmp_path / "nope")
    with pytest.raises(IsADirectoryError, match=r"^path: expected a text file, got a folder"):
        read_text(tmp_path)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "file/inside"])
def test_where_no_file_can_be_there_is_none(tmp_path, name):
    (tmp_path / "file").write_bytes(b"here")
    with pytest.raises(FileNotFoundError, match=r"^path: expected a text file, but there is none"):
        read_text(tmp_path / name)


@pytest.mark.parametrize("path", [None, 3, b"a", ["a"]])
def test_what_is_no_path_is_told(path):
    with pytest.raises(TypeError, match=r"^path: expected where a file lies \(a str or a Path\)"):
        read_text(path)


# What comes with the book


@pytest.mark.parametrize("name", OFFLINE)
def test_a_corpus_is_a_text_in_one_form(name):
    text = corpus(name)
    assert len(text) > 400 and "\r" not in text
    assert unicodedata.is_normalized("NFC", text)
    assert corpus(name) == text


def test_the_hungarian_text_has_every_accent():
    assert set("áéíóöőúüű") <= set(corpus("hungarian").lower())


def test_every_corpus_is_said_what_it_is():
    assert all(isinstance(told, str) and told for told in CORPORA.values())
    with pytest.raises(
        ValueError, match=r"^name: expected one of \['book'.*shakespeare'\], got 'b'"
    ):
        corpus("b")
    with pytest.raises(TypeError, match=r"^name: expected one of .*, got None"):
        corpus(None)


# What NumPy says


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_texts_of_numpy_are_the_same_everywhere(name):
    if np.__version__ != NUMPY:
        told = f"the fingerprint of {name} is that of NumPy {NUMPY}; this is {np.__version__}"
        warnings.warn(told, stacklevel=1)
        pytest.skip(told)
    assert hashlib.sha256(corpus(name).encode()).hexdigest() == FINGERPRINTS[name]


def test_docstrings_hold_what_help_shows_and_no_code():
    text = corpus("numpy-docstrings")
    for thing in (np.mean, np.linalg.svd, np.ma.MaskedArray.compress, np.ndarray.cumsum):
        first = thing.__doc__.strip().splitlines()[-1].strip()
        assert first in text
    assert "def mean(" not in text and "def mean(" in corpus("numpy-source")


FILES = {
    "a.py": '"""Of a."""\ndef f():\n    """Of f.\n\n      more\n    """\n    return "\\d"\n',
    "B/c.py": 'if 1:\n    class C:\n        """Of C."""\n        async def g(self):\n'
    '            """Of g."""\n',
    "B/__init__.py": '"""Of B."""\r\nx = 1\r\n"""no docstring"""\r\n',
    "b.py": 'add_newdoc("b", "x", """\n    Of x.\n    """)\n'
    'add_newdoc("b", "y", ("z", "Of z."))\nadd_newdoc("b", "w", [("v", "Of v.")])\n'
    'add_newdoc("b", "u", "Of u.".replace("u", "u"))\nadd_newdoc("b", "t", f"not {1}")\n',
    "empty.py": "",
    "__init__.py": '"""Changed when packed for Windows."""',
    "version.py": '"""Generated."""',
    "__config__.py": '"""Generated."""',
    "_distributor_init.py": '"""Generated."""',
    "tests/test_a.py": '"""A test."""',
    "B/tests/test_c.py": '"""A test."""',
    "distutils/d.py": '"""Only with some Pythons."""',
    "notes.txt": "Not code.",
}


@pytest.fixture
def log():
    """What pooch tells, and would write to stderr."""
    told = []
    handler = logging.Handler()
    handler.emit = told.append
    pooch.get_logger().addHandler(handler)
    yield told
    pooch.get_logger().removeHandler(handler)


@pytest.fixture
def small_numpy(tmp_path, monkeypatch):
    """In the place of NumPy, a few files."""
    for name, source in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(source.encode())

    class Small:
        __file__ = str(tmp_path / "__init__.py")

    monkeypatch.setattr(numpytexts, "np", Small)


def test_docstrings_come_in_the_order_of_files_and_lines(small_numpy):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        text = numpytexts.numpy_docstrings()
    assert told == []  # of the "\d" in a.py
    names = ["B", "C", "g", "a", "f", "x", "z", "v", "u"]
    wanted = "\n\n".join(f"Of {name}." for name in names)
    assert text == wanted.replace("Of f.", "Of f.\n\nmore")


def test_sources_come_whole_and_only_those_that_are_the_same_everywhere(small_numpy):
    names = ["B/__init__.py", "B/c.py", "a.py", "b.py"]
    wanted = "\n\n".join(FILES[name].replace("\r\n", "\n") for name in names)
    assert numpytexts.numpy_source() == wanted


# What is fetched

TEXT = b"First Citizen:\nSpeak.\n"
SHA = hashlib.sha256(TEXT).hexdigest()


def fetched(folder, downloader, sha256=SHA):
    return corpora._fetched("tiny-shakespeare", "https://x.org/a.txt", sha256, folder, downloader)


def bringing(data):
    """A downloader that brings these bytes."""

    def download(url, output_file, pooch):
        with open(output_file, "wb") as file:
            file.write(data)

    return download


def failing(error):
    """A downloader that fails in the middle."""

    def download(url, output_file, pooch):
        bringing(TEXT[:9])(url, output_file, pooch)
        raise error

    return download


def never(url, output_file, pooch):
    raise AssertionError("the file is there already")


def test_what_was_fetched_is_kept_and_not_fetched_again(tmp_path, log):
    level = pooch.get_logger().level
    path = fetched(tmp_path / "new" / "folder", bringing(TEXT))
    assert path == tmp_path / "new" / "folder" / "tiny-shakespeare.txt"
    assert [p.read_bytes() for p in path.parent.iterdir()] == [TEXT]
    assert fetched(path.parent, never) == path
    assert log == []
    assert pooch.get_logger().level == level


def test_a_file_that_was_put_there_by_hand_is_taken(tmp_path):
    (tmp_path / "tiny-shakespeare.txt").write_bytes(TEXT)
    assert read_text(fetched(tmp_path, never)) == TEXT.decode()


ERRORS = [
    requests.exceptions.ConnectionError("no route"),
    requests.exceptions.Timeout("slow"),
    requests.exceptions.HTTPError("404"),
    OSError(28, "No space left on device"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_without_network_the_message_says_what_to_do_and_nothing_stays(tmp_path, log, error):
    level = pooch.get_logger().level
    with pytest.raises(ConnectionError) as raised:
        fetched(tmp_path, failing(error))
    said = str(raised.value)
    path = tmp_path / "tiny-shakespeare.txt"
    for part in ("'tiny-shakespeare' could not be fetched", "https://x.org/a.txt", str(path), SHA):
        assert part in said
    assert said.endswith(", ".join(OFFLINE))
    assert type(error).__name__ in said and raised.value.__cause__ is error
    assert list(tmp_path.iterdir()) == []
    assert log == []
    assert pooch.get_logger().level == level


def test_another_checksum_is_refused_and_nothing_stays(tmp_path):
    with pytest.raises(ConnectionError, match="not the file that was expected"):
        fetched(tmp_path, bringing(TEXT[:9]))
    assert list(tmp_path.iterdir()) == []


def test_a_spoilt_file_is_replaced_by_the_right_one_or_stays(tmp_path):
    path = tmp_path / "tiny-shakespeare.txt"
    path.write_bytes(b"spoilt")
    for downloader in (failing(ERRORS[0]), bringing(b"other")):
        with pytest.raises(ConnectionError):
            fetched(tmp_path, downloader)
        assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"spoilt"]
    fetched(tmp_path, bringing(TEXT))
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [TEXT]


def test_a_cache_that_cannot_be_a_folder_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"here")
    with pytest.raises(ConnectionError, match="no place for it"):
        fetched(tmp_path / "file" / "cache", bringing(TEXT))


def test_an_interrupt_passes_and_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fetched(tmp_path, failing(KeyboardInterrupt()))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_corpus_is_asked_for_again(tmp_path, monkeypatch):
    """What failed is not remembered: with a network, the next call works."""
    corpora._text_of.cache_clear()
    paths = iter([ConnectionError("no"), tmp_path / "it"])
    (tmp_path / "it").write_bytes(TEXT)

    def fetch(name, url, sha256):
        assert name == "tiny-shakespeare" and sha256.startswith("86c4e6aa9db7c042ec79f339dcb96d42")
        assert url.startswith("https://raw.githubusercontent.com/karpathy/char-rnn/")
        found = next(paths)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(corpora, "_fetched", fetch)
    with pytest.raises(ConnectionError):
        corpus("tiny-shakespeare")
    assert corpus("tiny-shakespeare") == TEXT.decode()
    corpora._text_of.cache_clear()


def test_without_pooch_everything_else_works():
    code = (
        "import sys; sys.modules['pooch'] = None\n"
        "from rnnlib.corpora import corpus\n"
        "assert corpus('book')\n"
        "try:\n    corpus('tiny-shakespeare')\n"
        "except ImportError as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout.startswith("corpus 'tiny-shakespeare' needs pooch"), run.stderr
