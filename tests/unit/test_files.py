"""A file is written whole, or the one that was there stays; and it is read only if it is whole."""

import io
import os
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnnlib import files


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def put(path, content, previous=None):
    """Write a file in two parts."""

    def write(file):
        file.write(content[:3])
        file.write(content[3:])

    files.write_whole(path, write, previous)


def fails(*_):
    raise OSError("no space left")


def test_a_new_file_and_one_that_takes_the_place_of_another(tmp_path):
    path = tmp_path / "results"
    for content in (b"first", b"second"):
        put(path, content)
        assert path.read_bytes() == content
    assert names(tmp_path) == ["results"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("real")
    files.write_whole(link, lambda file: file.write(b"new"))
    assert link.is_symlink() and (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("when", ["writing", "making it last", "renaming"])
def test_whatever_goes_wrong_the_old_file_stays(tmp_path, monkeypatch, when):
    path = tmp_path / "results"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        if when == "writing":
            fails()

    if when != "writing":
        monkeypatch.setattr(files.os, "fsync" if when == "making it last" else "replace", fails)
    with pytest.raises(OSError, match="no space left"):
        files.write_whole(path, write)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["results"]


# The file before


@pytest.fixture(params=["two names", "a copy"])
def linking(request, monkeypatch):
    """A disk on which a file can have two names, and one on which it cannot."""
    if request.param == "a copy":
        monkeypatch.setattr(files.os, "link", fails)
    return request.param


def test_the_file_before_is_kept(tmp_path, linking):
    path, previous = tmp_path / "results", tmp_path / "before"
    put(path, b"content 0", previous)
    assert names(tmp_path) == ["results"]
    for i in range(1, 4):
        put(path, f"content {i}".encode(), previous)
        assert path.read_text() == f"content {i}" and previous.read_text() == f"content {i - 1}"
        assert names(tmp_path) == ["before", "results"]


def test_the_file_before_is_kept_whatever_happens_to_the_new_one(tmp_path, linking):
    path, previous = tmp_path / "results", tmp_path / "before"
    put(path, b"first", previous)
    put(path, b"second", previous)
    with pytest.raises(OSError, match="no space left"):
        files.write_whole(path, fails, previous)
    assert path.read_bytes() == b"second" and previous.read_bytes() == b"first"


# A process that is killed


class Killed(BaseException):
    """Nothing that the process does after this has any effect."""


class Process:
    """Stands between `rnnlib.files` and the operating system, and dies at one of the calls."""

    def __init__(self, patch, dies_at=None, when="before"):
        self.calls, self.dies_at, self.when = [], dies_at, when
        for name in ("fsync", "link", "replace", "unlink"):
            patch.setattr(files.os, name, self.calling(name, getattr(os, name)))
        patch.setattr(files, "open", self.calling("open", self.opened), raising=False)

    def calling(self, name, function):
        def call(*args):
            if self.dies_at is not None and len(self.calls) >= self.dies_at:
                raise Killed
            self.calls.append(name)
            if len(self.calls) == self.dies_at:
                with suppress(OSError):  # the dead do not hear what became of it
                    if self.when == "after":
                        function(*args)
                    elif name == "write":
                        function(args[0][: len(args[0]) // 2])
                raise Killed
            return function(*args)

        return call

    def opened(self, path, mode):
        """A file without a buffer: each write is a call."""
        file = Unbuffered(path, mode)
        file.call = self.calling("write", super(Unbuffered, file).write)
        return file


class Unbuffered(io.FileIO):
    def write(self, data):
        return self.call(data)


def kill_at_every_call(write, check, monkeypatch):
    """Kill a write before and after each of its calls, and look each time at what is there.

    `write` prepares what there was before and returns the function that is killed; `check` is
    called when it is dead. Returns the names of the calls at which it died.
    """
    with monkeypatch.context() as patch:
        work = write()
        whole = Process(patch)
        work()
    for dies_at in range(1, len(whole.calls) + 1):
        for when in ("before", "after"):
            work = write()
            with monkeypatch.context() as patch:
                process = Process(patch, dies_at, when)
                with pytest.raises(Killed):
                    work()
                assert process.calls == whole.calls[:dies_at]
            check()
    return whole.calls


def dies_without_harm(folder, monkeypatch):
    """Assert that a file, and the one before it, survive any death of their successor."""
    path, previous = folder / "results", folder / "before"
    seen = set()

    def write():
        for content in (b"oldest", b"old one"):
            put(path, content, previous)
        return lambda: put(path, b"new one", previous)

    def check():
        found = path.read_bytes(), previous.read_bytes()
        assert found in [
            (b"old one", b"oldest"),
            (b"old one", b"old one"),  # the moment between the two renamings
            (b"new one", b"old one"),
        ]
        seen.add(found)
        left = len(names(folder)) - 2
        files.remove_unfinished(path)
        files.remove_unfinished(previous)
        assert names(folder) == ["before", "results"]
        seen.add(left)

    calls = kill_at_every_call(write, check, monkeypatch)
    assert len(seen) == 3 + 3, seen  # all three pairs; 0, 1 and 2 unfinished files
    return calls


def test_a_process_killed_at_any_call_leaves_a_whole_file_and_a_whole_one_before(
    tmp_path, monkeypatch, linking
):
    calls = dies_without_harm(tmp_path, monkeypatch)
    first = ["open", "write", "write", "fsync", "link"]
    copied = ["open", "open", "write", "fsync"] if linking == "a copy" else []
    assert calls == first + copied + ["replace", "unlink", "replace", "unlink"]


def opened(path, mode):
    return getattr(files, "open", open)(path, mode)


def in_place(path, write, previous):
    if path.exists():
        with files._unfinished(previous) as old:
            files._second_name(path, old)
            os.replace(old, previous)
    with opened(path, "wb") as file:
        write(file)
        os.fsync(file.fileno())


def renamed_first(path, write, previous):
    with files._unfinished(path) as new:
        with opened(new, "xb") as file:
            write(file)
        if path.exists():
            os.replace(path, previous)  # and now there is none
        os.replace(new, path)


def copied_in_place(path, write, previous):
    with files._unfinished(path) as new:
        with opened(new, "xb") as file:
            write(file)
        if path.exists():
            with opened(previous, "wb") as file:
                file.write(path.read_bytes())
        os.replace(new, path)


FAULTS = {in_place: "b'', b''", renamed_first: "No such file.*results", copied_in_place: "b''"}


@pytest.mark.parametrize(("fault", "said"), FAULTS.items())
def test_a_write_that_does_harm_when_killed_is_found(fault, said, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "write_whole", fault)
    with pytest.raises((AssertionError, FileNotFoundError), match=said):
        dies_without_harm(tmp_path, monkeypatch)


def test_only_unfinished_files_of_this_name_are_removed(tmp_path):
    unfinished = [".run.npz.0123456789abcdef.tmp", ".run.npz.ffffffffffffffff.tmp"]
    others = [
        "run.npz", "run.npz.0123456789abcdef.tmp", ".run.npz.tmp", ".run.npz.0123456789abcde.tmp",
        ".run.npz.0123456789abcdefg.tmp", ".run.npz.0123456789ABCDEF.tmp", ".0123456789abcdef.tmp",
        ".run-npz.0123456789abcdef.tmp", ".my.run.npz.0123456789abcdef.tmp",
        ".run.npz.npz.0123456789abcdef.tmp", ".run.npz.0123456789abcdef.tmp.npz",
    ]  # fmt: skip
    for name in unfinished + others:
        (tmp_path / name).write_bytes(b"")
    folder = tmp_path / ".run.npz.00000000000000ff.tmp"
    folder.mkdir()
    files.remove_unfinished(tmp_path / "run.npz")
    assert names(tmp_path) == sorted([*others, folder.name])
    files.remove_unfinished(tmp_path / "run.npz")
    with pytest.raises(FileNotFoundError):
        files.remove_unfinished(tmp_path / "nowhere" / "run.npz")


@pytest.mark.parametrize("name", ["results", "x" * 250, "ü[1]*.npz", "ξ" * 120])
def test_what_a_killed_process_leaves_is_recognised_under_any_name(name, tmp_path, monkeypatch):
    try:
        (tmp_path / name).write_bytes(b"old")
    except OSError:
        pytest.skip("this system does not allow the name")
    (tmp_path / name[:-1]).write_bytes(b"another")
    with monkeypatch.context() as patch:
        Process(patch, dies_at=3)
        with pytest.raises(Killed):
            put(tmp_path / name, b"new one")
    assert len(names(tmp_path)) == 3
    files.remove_unfinished(tmp_path / name[:-1])
    assert len(names(tmp_path)) == 3
    files.remove_unfinished(tmp_path / name)
    assert names(tmp_path) == sorted([name, name[:-1]])


def test_a_link_is_followed_to_what_a_killed_process_has_left(tmp_path, monkeypatch):
    (tmp_path / "far").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "far" / "real")
    with monkeypatch.context() as patch:
        Process(patch, dies_at=2)
        with pytest.raises(Killed):
            put(link, b"new one")
    assert len(names(tmp_path / "far")) == 1
    files.remove_unfinished(link)
    assert names(tmp_path / "far") == []


# Archives of arrays

KINDS = ["f2", "<f4", ">f8", "i1", "u8", "?", "U3", "S2", "M8[s]"]


def npz(save_as=np.savez, **arrays):
    file = io.BytesIO()
    save_as(file, **arrays)
    return file.getvalue()


@given(st.lists(hnp.arrays(st.sampled_from(KINDS), hnp.array_shapes(min_dims=0, min_side=0))))
def test_what_has_been_saved_is_read(arrays):
    arrays = {f"array {i}": array for i, array in enumerate(arrays)}
    for save_as in (np.savez, np.savez_compressed):
        found = files.arrays_in(npz(save_as, **arrays), "a test")
        assert list(found) == list(arrays)
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype and found[name].shape == array.shape
            assert found[name].tobytes() == array.tobytes()


def test_a_header_that_lies_about_its_length_is_found_by_the_checksum():
    # NumPy believes it, takes the rest of the header for numbers, and never comes to the end of
    # a large array, where it would notice.
    data = npz(a=np.arange(1000.0))
    place = data.index(b"\x93NUMPY") + 8
    assert data[place] == 118
    shorter = data[:place] + bytes([54]) + data[place + 1 :]
    with pytest.raises(ValueError, match=r"a\.npy is damaged"):
        files.arrays_in(shorter, "a test")


def header(shape, descr="<f8", body=b""):
    """An .npy file whose header declares what its body need not have."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + body


def archive(packed=zipfile.ZIP_STORED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as zipped:
        for name, data in members.items():
            zipped.writestr(name, data)
    return file.getvalue()


BOMBS = {
    "more numbers than memory": (archive(**{"a.npy": header((2**44,))}), "Error"),
    "more numbers than there are": (archive(**{"a.npy": header((2**30,))}), "Error"),
    "more numbers than can be counted": (archive(**{"a.npy": header((2**40, 2**40))}), "Error"),
    "fewer than none": (archive(**{"a.npy": header((-1,))}), "Error"),
    "texts that need no bytes": (archive(**{"a.npy": header((2**34,), "<U0")}), "entries|Error"),
    "voids that need no bytes": (archive(**{"a.npy": header((2**34,), "|V0")}), "entries|Error"),
    "packed zeros": (npz(np.savez_compressed, a=np.zeros(10**6)), "would become 8000128 bytes"),
    "packed by LZMA": (archive(zipfile.ZIP_LZMA, **{"a.npy": bytes(100)}), "another way"),
    "packed by bzip2": (archive(zipfile.ZIP_BZIP2, **{"a.npy": bytes(100)}), "another way"),
}


@pytest.mark.parametrize(("data", "said"), BOMBS.values(), ids=BOMBS)
def test_a_file_that_asks_for_much_memory_is_refused(data, said):
    with pytest.raises(ValueError, match=rf"as a test writes it, got {len(data)} bytes.*({said})"):
        files.arrays_in(data, "a test")
