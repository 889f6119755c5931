"""A run of training on disk: all that it needs to go on as if it had never stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from rnnlib.checks import one_of, whole_number
from rnnlib.files import arrays_in, remove_unfinished, write_whole

__all__ = ["Snapshot", "clean", "read", "write"]

_FORMAT, _VERSION = "rnnlib.checkpoint", 1
_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


@dataclass(eq=False)
class Snapshot:
    """A run of training, as it was between two steps.

    Attributes
        begun      what the run was begun with: text, numbers, lists and dicts of them
        params     the parameters, by name
        optimizer  what `Optimizer.state` returns: arrays, numbers and text, by name
        generator  the state of NumPy's bit generator when the epoch began, if there is one
        epoch      how many epochs are complete
        batch      how many batches of the next epoch are done
        state      the hidden state that is carried to the next batch, if there is one
        sums       running sums of the epoch, by name
        best       the parameters of the best epoch, if they are kept
        counters   other numbers, by name
        history    one array for each column

    Chapter: *training-loop*.
    """

    begun: dict[str, Any]
    params: dict[str, np.ndarray]
    optimizer: dict[str, np.ndarray | float | int | str | bool]
    generator: dict[str, Any] | None
    epoch: int
    batch: int
    state: np.ndarray | None
    sums: dict[str, float]
    best: dict[str, np.ndarray] | None
    counters: dict[str, float | int | None]
    history: dict[str, np.ndarray | list[float]]


def write(path: str | os.PathLike[str], snapshot: Snapshot) -> None:
    """Write a snapshot to a file; what was there before becomes NAME.previous.npz.

    The file is an .npz archive: every array under a name such as "params/W_xh", and all else
    in one text, "snapshot", as JSON. It is written under another name and renamed when it is
    whole. Killed at any moment, this leaves at `path` either the old file or the new one.

    Arguments
        path      where to write; nothing is appended to the name
        snapshot  what to write; nothing in it is changed

    Errors
        TypeError, ValueError  an entry of another kind than the one described at `Snapshot`
        OSError                the file cannot be written

    Chapter: *training-loop*.
    """
    tree = {f.name: getattr(snapshot, f.name) for f in fields(Snapshot)}
    if isinstance(tree["history"], dict):
        lists = tree["history"].items()
        tree["history"] = {name: np.asarray(each) for name, each in lists}
    _check(tree)
    arrays: dict[str, np.ndarray] = {}
    told = {"format": _FORMAT, "version": _VERSION}
    told["snapshot"] = json.dumps(
        _without_arrays(tree, "", arrays), default=np.generic.item
    )
    write_whole(
        path,
        lambda file: np.savez(file, **told, **arrays),
        _previous(path),
    )


def read(path: str | os.PathLike[str]) -> Snapshot:
    """Return the snapshot that `write` has written to a file.

    Nothing in the file is run, so it may come from a stranger.

    Arguments
        path  the file

    Returns
        snapshot  the same numbers, bit by bit (of a number outside the arrays that is not a
            number, only this is kept); the history as arrays

    Errors
        FileNotFoundError  there is no such file
        ValueError         the file is damaged, or is not one that this version of `write`
            writes; says so if the one before it can be used
        OSError            the file cannot be read

    Chapter: *training-loop*.
    """
    data = Path(path).read_bytes()
    try:
        return _snapshot(data)
    except ValueError as error:
        raise ValueError(
            f"{os.fspath(path)}: {error}{_way_out(path)}"
        ) from None


def clean(path: str | os.PathLike[str]) -> None:
    """Remove the unfinished files that a killed run has left beside its checkpoint.

    Arguments
        path  the checkpoint; it stays, and so does the one before it

    Errors
        OSError  there is no such folder, or one of the files cannot be removed

    Chapter: *training-loop*.
    """
    remove_unfinished(path)
    remove_unfinished(_previous(path))


def _previous(path: str | os.PathLike[str]) -> Path:
    path = Path(os.path.realpath(Path(path)))
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def _way_out(path: str | os.PathLike[str]) -> str:
    """What to say about the checkpoint before a damaged one: nothing, if it is no better."""
    previous = _previous(path)
    try:
        _snapshot(previous.read_bytes())
    except (OSError, ValueError):
        return ""
    name = os.path.basename(os.path.realpath(path))
    return (
        f"; the checkpoint before it is whole: rename {previous} to {name} and go on "
        "from there"
    )


def _without_arrays(tree: Any, where: str, arrays: dict) -> Any:
    """The tree with None for each array; the arrays are put into `arrays` by their places."""
    if isinstance(tree, dict):
        return {
            name: _without_arrays(entry, _place(where, name), arrays)
            for name, entry in tree.items()
        }
    if isinstance(tree, np.ndarray):
        arrays[where] = tree
        return None
    return tree


def _with_arrays(tree: Any, where: str, arrays: dict) -> Any:
    """The tree with each array in its place again; they are taken out of `arrays`."""
    if isinstance(tree, dict):
        return {
            name: _with_arrays(entry, _place(where, name), arrays)
            for name, entry in tree.items()
        }
    return arrays.pop(where, None) if tree is None else tree


def _place(where: str, name: str) -> str:
    # Quoted, because an archive does not take every sign in a name.
    name = quote(name, errors="surrogatepass")
    return f"{where}/{name}" if where else name


def _snapshot(data: bytes) -> Snapshot:
    arrays = arrays_in(data, "rnnlib's fit")
    for name, wanted in (("format", _FORMAT), ("version", _VERSION)):
        array = arrays.pop(name, np.array(None))
        if (got := array.tolist()) != wanted:
            raise ValueError(f"{name}: expected {wanted!r}, got {got!r:.60}")
    try:
        tree = json.loads(arrays.pop("snapshot").item())
        tree = _with_arrays(tree, "", arrays)
        snapshot = Snapshot(**tree)
        if arrays:
            raise ValueError(f"expected no other arrays, got {list(arrays)}")
        _check(tree)
    except Exception as error:  # wrong text leads json and NumPy anywhere
        raise ValueError(
            "expected a checkpoint as rnnlib's fit writes it, got one with something else in it: "
            f"{error!r:.300}"
        ) from None
    return snapshot


def _check(tree: dict[str, Any]) -> None:
    """Raise TypeError or ValueError, unless everything is of the kind that `Snapshot` says."""
    if not (isinstance(tree["begun"], dict) and _is_plain(tree["begun"])):
        raise TypeError(
            f"begun: expected text, numbers, lists and dicts, got {tree['begun']!r:.200}"
        )
    for name in ("epoch", "batch"):
        if whole_number(name, tree[name], least=0) is not tree[name]:
            raise TypeError(f"{name}: expected an int, got {tree[name]!r:.60}")
    if tree["state"] is not None and not _is_floats(tree["state"]):
        raise TypeError(
            f"state: expected an array of floats or None, got {tree['state']!r:.60}"
        )
    for name, (fits, wanted) in _ENTRIES.items():
        if not (name == "best" and tree[name] is None):
            _check_entries(name, tree[name], fits, wanted)
    if tree["generator"] is not None:
        _check_generator(tree["generator"])


def _check_entries(
    name: str, entries: Any, fits: Callable[[Any], bool], wanted: str
) -> None:
    if not isinstance(entries, dict):
        raise TypeError(f"{name}: expected a dict, got {entries!r:.60}")
    for key, entry in entries.items():
        if not (isinstance(key, str) and fits(entry)):
            raise TypeError(
                f"{name}[{key!r:.60}]: expected {wanted}, got {entry!r:.60}"
            )


def _is_plain(value: Any) -> bool:
    """Tell whether JSON gives this back as it is."""
    if isinstance(value, dict):
        return all(
            isinstance(name, str) and _is_plain(entry)
            for name, entry in value.items()
        )
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str) or _is_number(value)


def _is_number(value: Any) -> bool:
    # np.bool_ is neither an int nor a np.integer
    return isinstance(value, int | float | np.bool_ | np.integer | np.floating)


def _is_floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _is_numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biuf"


_ENTRIES = {
    "params": (_is_floats, "an array of floats"),
    "best": (_is_floats, "an array of floats"),
    "optimizer": (
        lambda v: _is_numbers(v) or _is_number(v) or isinstance(v, str),
        "an array of numbers, a number or a text",
    ),
    "sums": (_is_number, "a number"),
    "counters": (lambda v: v is None or _is_number(v), "a number or None"),
    "history": (
        lambda v: _is_numbers(v) and v.ndim == 1,
        "one axis of numbers",
    ),
}


def _check_generator(state: Any) -> None:
    """Raise TypeError or ValueError for anything but the state of a generator of NumPy's.

    NumPy itself believes how far a generator has read in its numbers, and reads on from there.
    """
    if not isinstance(state, dict):
        raise TypeError(f"generator: expected a dict, got {state!r:.60}")
    name = one_of("generator", state.get("bit_generator"), _GENERATORS)
    try:
        for key, most in (("pos", 624), ("buffer_pos", 4)):
            position = {**state, **state["state"]}.get(key, 0)
            if not 0 <= position <= most:
                raise ValueError(f"it has read {position} of {most} numbers")
        generator = getattr(np.random, name)(0)
        generator.state = state
        if not _same(generator.state, state):
            raise ValueError("some of its numbers are of another kind")
    except Exception as error:  # NumPy looks at its entries without asking
        raise ValueError(
            f"generator: expected a state of {name}, got another: {error!r:.200}"
        ) from None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _same(one[name], other[name]) for name in one
        )
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and one == other
