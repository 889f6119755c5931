"""Where submissions run, and what is said where they cannot."""

import shutil
import subprocess

import pytest

from coursework import sandbox
from coursework.runner import FILES, _is_full
from coursework.sandbox import Limits, must_have
from coursework.terms import Trouble


@pytest.fixture
def bwrap(monkeypatch):
    """Return a function that lets bubblewrap say something and end."""

    def says(words, code=1):
        done = subprocess.CompletedProcess([], code, "", words)
        monkeypatch.setattr(sandbox.subprocess, "run", lambda *given, **more: done)
        monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/bwrap")
        sandbox.fault.cache_clear()

    yield says
    sandbox.fault.cache_clear()


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("bwrap: setting up uid map: Permission denied\n", "Teaching with this book"),
        ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted\n", "Teaching with"),
        ("bwrap: Unknown option --size\n", "0.7 or newer"),
        ("something else\n", "SANDBOX=none"),
    ],
)
def test_a_sandbox_that_does_not_start_is_refused_with_its_remedy(bwrap, words, remedy):
    bwrap(words)
    with pytest.raises(Trouble, match=remedy) as refused:
        must_have("TERM=2027")
    assert words.strip() in str(refused.value)
    assert "apt-get install bubblewrap" not in str(refused.value)


def test_a_sandbox_that_starts_is_not_refused(bwrap):
    bwrap("", code=0)
    must_have("TERM=2027")


def test_without_walls_a_submission_is_told_the_same(tmp_path):
    open_ = sandbox.kernel(tmp_path, [], Limits(), walled=False).kernel_spec.env
    walled = sandbox.kernel(tmp_path, [], Limits(), walled=True).kernel_spec.argv
    assert open_["NBGRADER_EXECUTION"] == "autograde"
    assert walled[walled.index("NBGRADER_EXECUTION") + 1] == "autograde"
    assert "HOME" not in open_


# --- The folder of the kernel's sockets -----------------------------------------------------------


def test_a_folder_with_sockets_is_not_full(tmp_path):
    (tmp_path / "kernel.json").write_text("{}")
    assert not _is_full(tmp_path)


@pytest.mark.parametrize("deep", ["", "a/b/c"])
def test_a_large_file_is_found_however_deep_and_beside_a_link_to_nowhere(tmp_path, deep):
    (tmp_path / "x").symlink_to("/nowhere")
    (tmp_path / deep).mkdir(parents=True, exist_ok=True)
    with (tmp_path / deep / "large").open("wb") as file:
        file.truncate(101_000_000)
    assert _is_full(tmp_path)


def test_many_small_files_are_too_many(tmp_path):
    for number in range(FILES + 1):
        (tmp_path / str(number)).touch()
    assert _is_full(tmp_path)
