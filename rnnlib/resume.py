"""Stopping and going on: a run as a snapshot, and a snapshot as a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnnlib.checkpoint import Snapshot
from rnnlib.running import Run

__all__ = ["begun_with", "restore", "snapshot"]

_PER_EPOCH = ("train_loss", "validation_loss", "learning_rate", "seconds")
_KEPT = ("step_loss", "step_norm", *_PER_EPOCH, "tokens")


def begun_with(run: Run) -> dict[str, Any]:
    """What makes a run the one that it is: with another of these, it would be another run.

    Arguments
        run  before its first step

    Returns
        begun  text and numbers by name, as JSON would give them back

    Chapter: *training-loop*.
    """
    seen, generator = run.validation, run.rng
    begun = {
        "model": _described(run.model),
        "optimizer": run.optimizer.settings(),
        "data": run.data.fingerprint(),
        "validation": None if seen is None else seen.fingerprint(),
        "patience": run.patience,
        "clip": "none" if run.clip is None else "a function",
        "rng": generator and type(generator.bit_generator).__name__,
    }
    return _as_json(begun)


def snapshot(run: Run, begun: dict[str, Any]) -> Snapshot:
    """All that is needed to go on, in arrays and numbers of its own.

    Arguments
        run    between two steps
        begun  what it was begun with

    Chapter: *training-loop*.
    """
    now = _as_json(run.optimizer.settings())
    return Snapshot(
        begun=begun | {"optimizer at last": now},
        params=_copies(run.model.params),
        optimizer=run.optimizer.state(),
        generator=run.rng_at_start,
        epoch=run.epoch,
        batch=run.batch,
        state=None if run.state is None else np.array(run.state),
        sums=dict(run.sums),
        best=None if run.best is None else _copies(run.best),
        counters={
            "best_loss": None if math.isinf(run.best_loss) else run.best_loss,
            "waited": run.waited,
        },
        history={n: np.array(getattr(run.history, n)) for n in _KEPT},
    )


def restore(
    run: Run, kept: Snapshot, begun: dict[str, Any], path: Path
) -> dict[str, Any]:
    """Bring a run to the place where a snapshot was taken.

    Arguments
        run    before its first step; its model, optimiser and generator are changed
        kept   the snapshot
        begun  what this run was begun with
        path   the file it came from, for the messages

    Returns
        begun  what the run in the snapshot was begun with

    Errors
        ValueError  a run that was begun with something else, or a file that lacks a part of it.
            Nothing has changed then.

    Chapter: *training-loop*.
    """
    then = dict(kept.begun)
    # An optimiser that has been at work may have changed its rate: it is the same if it is now as
    # it was then.
    if begun["optimizer"] == then.pop("optimizer at last", None):
        begun = begun | {"optimizer": then["optimizer"]}
    different = list(_differences(then, begun))
    if different:
        raise ValueError(
            f"checkpoint: {path} is of a run with other settings: {'; '.join(different[:3])}. "
            "Resume it with those it was begun with, or move it away and begin anew"
        )
    _check_whole(run, kept, path)
    run.optimizer.load_state(kept.optimizer)
    for name, value in kept.params.items():
        run.model.params[name][...] = value
    if run.rng is not None:
        run.rng.bit_generator.state = kept.generator
    run.rng_at_start = kept.generator
    run.batch, run.state = kept.batch, kept.state
    run.sums, run.best = dict(kept.sums), kept.best
    best_loss = kept.counters["best_loss"]
    run.best_loss = math.inf if best_loss is None else best_loss
    run.waited = kept.counters["waited"]
    for name in _KEPT:
        setattr(run.history, name, np.asarray(kept.history[name]).tolist())
    return then


def _as_json(told: dict[str, Any]) -> dict[str, Any]:
    """Text and numbers as they would come back from a file."""
    return json.loads(json.dumps(told, default=np.generic.item))


def _check_whole(run: Run, kept: Snapshot, path: Path) -> None:
    """Refuse a snapshot of which some part cannot be used, before anything is changed."""
    wanted = _forms(run.model.params)
    rng = run.rng and type(run.rng.bit_generator).__name__
    usable = {
        "params": _forms(kept.params) == wanted,
        "best": kept.best is None or _forms(kept.best) == wanted,
        "generator": rng
        == (kept.generator and kept.generator["bit_generator"]),
        "sums": kept.sums.keys() == run.sums.keys(),
        "counters": kept.counters.keys() == {"best_loss", "waited"}
        and isinstance(kept.counters["waited"], int),
        "history": kept.history.keys() == set(_KEPT),
    }
    for part, fits in usable.items():
        if not fits:
            raise ValueError(
                f"checkpoint: {path} cannot be resumed: its {part} is not that of such a run"
            )


def _forms(params: dict[str, np.ndarray]) -> dict[str, tuple]:
    return {name: (p.shape, p.dtype) for name, p in params.items()}


def _described(model: Any) -> dict[str, Any]:
    """The class of a model, what it was told, and its parameters but for their numbers."""
    told = {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in vars(model).items()
        if not name.startswith("_")
        and isinstance(value, str | int | float | np.dtype)
    }
    params = {
        name: f"{param.dtype} {param.shape}"
        for name, param in model.params.items()
    }
    return {"class": type(model).__name__, **told, "params": params}


def _differences(then: Any, now: Any, name: str = "") -> Iterator[str]:
    """Say of each entry that differs what it was and what it is."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in [*then, *(key for key in now if key not in then)]:
            inner = f"{name} {key}" if name else key
            yield from _differences(then.get(key), now.get(key), inner)
    elif then != now:
        yield f"{name} was {then!r:.40}, is {now!r:.40}"


def _copies(params: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: param.copy() for name, param in params.items()}
