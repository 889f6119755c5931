"""A file is written whole, or the one that was there stays."""

import pytest

from rnnlib import files


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_new_file_and_one_that_takes_the_place_of_another(tmp_path):
    path = tmp_path / "results"
    for content in (b"first", b"second"):
        files.write_whole(path, lambda file, content=content: file.write(content))
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

    def fails(*_):
        raise OSError("no space left")

    def write(file):
        file.write(b"half")
        if when == "writing":
            fails()

    if when != "writing":
        monkeypatch.setattr(files.os, "fsync" if when == "making it last" else "replace", fails)
    with pytest.raises(OSError, match="no space left"):
        files.write_whole(path, write)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["results"]
