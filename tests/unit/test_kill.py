"""A training that is killed at any moment and resumed ends as one that was never stopped.

To the last bit: parameters, optimiser, generator and history, all but the seconds.
"""

import functools
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import killed_run
import numpy as np
import pytest
from killed_run import RUNS, train

from rnnlib import checkpoint

SCRIPT = Path(killed_run.__file__)
KILLS = 30  # for each of the runs


def differences(found, wanted, where=""):
    """Where two outcomes differ in as much as a bit."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        if list(found) != list(wanted):
            return [where]
        pairs = [(found[n], wanted[n], f"{where}/{n}") for n in found]
        return [place for pair in pairs for place in differences(*pair)]
    same = type(found) is type(wanted)
    if same and isinstance(found, np.ndarray | list | float):
        one, other = np.asarray(found), np.asarray(wanted)
        same = one.dtype == other.dtype and one.shape == other.shape
        same = same and one.tobytes() == other.tobytes()
    else:
        same = same and found == wanted
    return [] if same else [where]


@functools.cache
def whole(name):
    """How a run ends in one piece, and without a file."""
    return train(name)


def kill(name, folder, least, fault=""):
    return subprocess.run(
        [sys.executable, str(SCRIPT), name, str(folder), str(least), fault],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_a_training_killed_at_random_moments_ends_as_if_it_had_never_been(name, tmp_path):
    wanted = whole(name)
    killer = kill(name, tmp_path, least=KILLS)
    assert killer.returncode == 0, killer.stderr
    kills = [json.loads(line) for line in killer.stdout.splitlines()]
    assert sum(sum(where.values()) for where in kills) >= KILLS, f"too few kills have hit: {kills}"
    assert all(sum(k[where] for k in kills) for where in kills[0]), f"too few places: {kills}"
    for i, where in enumerate(kills):
        folder = tmp_path / str(i)
        found = pickle.loads((folder / "outcome").read_bytes())
        assert differences(found, wanted) == [], f"run {i}, killed {where}"
        left = sorted(path.name for path in folder.iterdir())
        assert left == ["outcome", "run.npz", "run.previous.npz"]
        checkpoint.read(folder / "run.previous.npz")
        # A run that has ended can be resumed, too.
        assert differences(train(name, folder / "run.npz"), wanted) == []


def test_the_runs_try_what_they_are_there_to_try():
    ends = {name: whole(name) for name in RUNS}
    assert {name: end["history"]["stopped"] for name, end in ends.items()} == {
        "stream": "finished",
        "sequences": "early",
        "windows": "finished",
    }
    assert ends["sequences"]["generator"]["bit_generator"] == "MT19937"
    assert ends["windows"]["generator"]["bit_generator"] == "PCG64"
    losses = ends["sequences"]["history"]["validation_loss"]
    assert losses.index(min(losses)) == len(losses) - 4 > 0  # the best epoch is not the first
    norms = ends["stream"]["history"]["step_norm"]
    assert min(norms) < 1.5 < max(norms)  # some are clipped


def test_a_file_written_in_place_does_not_survive_the_kills(tmp_path):
    killer = kill("stream", tmp_path, least=300, fault="in place")
    assert killer.returncode == 1, killer.stdout
    assert "run.npz: expected a whole .npz file" in killer.stderr


# What a checkpoint must not forget. Here one death is enough, in the process of the tests.


class Killed(BaseException):
    pass


@pytest.fixture
def no_waiting(monkeypatch):
    """What waits for the disk is for power cuts only."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


def die_once_and_resume(name, path, steps):
    done = 0

    def report():
        nonlocal done
        if done == steps:
            raise Killed
        done += 1

    with pytest.raises(Killed):
        train(name, path, report)
    return train(name, path)


def changed(part, name, change):
    """A fault: one entry is not what it was when the file was written."""

    def fault(kept):
        entries = dict(getattr(kept, part))
        names = [n for n in entries if n.endswith(name)]
        assert names, f"no {name} in {part}: {list(entries)}"
        return replace(kept, **{part: entries | {n: change(entries[n]) for n in names}})

    return fault


def begun_again(kept):
    """The order is drawn by a generator that nobody has restored."""
    name = "sequences" if kept.generator["bit_generator"] == "MT19937" else "windows"
    return replace(kept, generator=RUNS[name]()[3].bit_generator.state)


FAULTS = {
    "a shuffle": ("sequences", begun_again),
    "another shuffle": ("windows", begun_again),
    "the velocity": ("sequences", changed("optimizer", "/velocity", np.zeros_like)),
    "Adam's count": ("stream", changed("optimizer", "/t", lambda t: 1)),
    "Adam's means": ("stream", changed("optimizer", "/m", np.zeros_like)),
    "the last loss": ("windows", changed("optimizer", "last_loss", lambda loss: 0.0)),
    "the last digits": ("sequences", changed("params", "W_hh", lambda w: w.round(12))),
    "the carried state": ("stream", lambda kept: replace(kept, state=kept.state * 0)),
    "a step": ("stream", lambda kept: replace(kept, batch=kept.batch - 1)),
    "the running sum": ("windows", changed("sums", "loss", lambda loss: 0.0)),
    "the running count": ("windows", changed("sums", "tokens", lambda tokens: 1)),
    "the best parameters": ("sequences", lambda kept: replace(kept, best=kept.params)),
    "the best loss": ("sequences", changed("counters", "best_loss", lambda loss: None)),
    "the patience": ("sequences", changed("counters", "waited", lambda waited: 0)),
    "the first losses": ("stream", changed("history", "step_loss", lambda loss: loss * 0)),
}


def middle(name, epoch):
    """How many steps are made by the middle of an epoch; the last one is −1."""
    steps, per_epoch = len(whole(name)["history"]["step_loss"]), len(RUNS[name]()[2])
    return range(0, steps, per_epoch)[epoch] + per_epoch // 2


@pytest.mark.parametrize("name", RUNS)
def test_one_death_does_no_harm(name, tmp_path, no_waiting):
    steps = len(whole(name)["history"]["step_loss"])
    for death in (0, 1, len(RUNS[name]()[2]), middle(name, 1), middle(name, -2), steps - 1):
        found = die_once_and_resume(name, tmp_path / f"{death}.npz", death)
        assert differences(found, whole(name)) == [], f"died after {death} steps"


@pytest.mark.parametrize("forgotten", FAULTS)
def test_what_a_death_costs_is_seen(forgotten, tmp_path, monkeypatch, no_waiting):
    name, fault = FAULTS[forgotten]
    read = checkpoint.read
    monkeypatch.setattr("rnnlib.train.read", lambda path: fault(read(path)))
    # Patience counts late in a run; the loss is sure to fall early in one.
    death = middle(name, -2 if name == "sequences" else 1)
    found = die_once_and_resume(name, tmp_path / "run.npz", death)
    assert differences(found, whole(name)) != []
