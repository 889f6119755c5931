"""Batches: which part of the data a step learns from, and where a state starts anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rnnlib.checks import (
    all_finite,
    any_array,
    not_finite,
    truth_values,
    whole_number,
)

__all__ = ["Batch", "Sequences", "Stream"]


class Batch(NamedTuple):
    """What a network gets for one step.

    Attributes
        inputs, targets  as `loss_and_grads` takes them
        mask             (T, B), or None
        fresh            True: the state starts anew; False: it is that of the batch before
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray | None
    fresh: bool


class Sequences:
    """Many sequences that have nothing to do with each other, taken in mini-batches.

    Arguments
        inputs      N sequences side by side: ids (T, N) or vectors (T, N, D)
        targets     one per step, (T, N) or (T, N, V): so it is read if these shapes fit; or,
                    for a network that answers at the end, one per sequence, (N) or (N, V)
        mask        booleans (T, N), False where a sequence does not have this step
        batch_size  how many sequences a batch takes, at least 1; the last may get fewer

    Attributes
        the arguments; the arrays are those that were given, and are only read

    Errors
        TypeError, ValueError  arrays of another kind, empty, not finite, or that do not fit

    Chapters: *batches*, *training-loop*.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        mask: np.ndarray | None = None,
        *,
        batch_size: int,
    ) -> None:
        self.inputs = _numbers("inputs", inputs, (2, 3))
        self.targets = _numbers("targets", targets, (1, 2, 3))
        T, N = self.inputs.shape[:2]
        self._per_step = self.targets.shape[:2] == (T, N)
        if not self._per_step and len(self.targets) != N:
            raise ValueError(
                f"targets: expected one per step, shape {(T, N)}, or one per sequence, shape "
                f"{(N,)} (either may have V numbers on one more axis), got shape "
                f"{self.targets.shape}"
            )
        self.mask = (
            mask if mask is None else truth_values("mask", mask, (T, N))
        )
        if mask is not None and not self.mask.any(axis=0).all():
            empty = int(np.argmin(self.mask.any(axis=0)))
            raise ValueError(
                f"mask: expected a True for each sequence, got none for sequence {empty}"
            )
        self.batch_size = whole_number("batch_size", batch_size, least=1)

    def __len__(self) -> int:
        """Return how many batches an epoch has."""
        return -(-self.inputs.shape[1] // self.batch_size)

    def epoch(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Go through all sequences once.

        Arguments
            rng  shuffles them, and moves on; None: they come in their order

        Returns
            batches  every one fresh

        Chapter: *training-loop*.
        """
        N = self.inputs.shape[1]
        order = np.arange(N) if rng is None else rng.permutation(N)
        for begin in range(0, N, self.batch_size):
            yield self._batch(order[begin : begin + self.batch_size])

    def _batch(self, chosen: np.ndarray) -> Batch:
        return Batch(
            self.inputs.take(chosen, axis=1),
            self.targets.take(chosen, axis=int(self._per_step)),
            None if self.mask is None else self.mask.take(chosen, axis=1),
            fresh=True,
        )

    def fingerprint(self) -> str:
        """Return 64 letters that change with any number of the data, and with the batch size."""
        arrays = [self.inputs, self.targets, self.mask]
        return _fingerprint(f"Sequences {self.batch_size}", arrays)


class Stream:
    """One long text, or several side by side, read window by window.

    Arguments
        inputs   ids (T), or (T, B) for B texts side by side, or vectors (T, B, D)
        targets  one per step: (T), (T, B) or (T, B, V)
        window   how many steps a batch takes, at least 1; the last may get fewer
        carry    True: windows come in their order, and the state of one is the beginning of the
                 next. False: every window starts with a fresh state, and they can be shuffled

    Attributes
        the arguments, with an axis for B; the arrays are those that were given, and only read

    Errors
        TypeError, ValueError  arrays of another kind, empty, not finite, or that do not fit

    Chapters: *truncation*, *training-loop*.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        *,
        window: int,
        carry: bool = True,
    ) -> None:
        x = _numbers("inputs", inputs, (1, 2, 3))
        y = _numbers("targets", targets, (1, 2, 3))
        places = x.shape[:2]
        if y.shape[: len(places)] != places or (x.ndim == 1) != (y.ndim == 1):
            raise ValueError(
                f"targets: expected one per step of inputs, shape {places}, got shape {y.shape}"
            )
        self.inputs, self.targets = (
            (x, y) if x.ndim > 1 else (x[:, None], y[:, None])
        )
        self.window = whole_number("window", window, least=1)
        if not isinstance(carry, bool | np.bool_):
            raise TypeError(
                f"carry: expected True or False, got {carry!r:.60}"
            )
        self.carry = bool(carry)

    def __len__(self) -> int:
        """Return how many windows an epoch has."""
        return -(-len(self.inputs) // self.window)

    def epoch(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Go through the whole text once.

        Arguments
            rng  shuffles the windows if no state is carried from one to the next, and moves
                 on; None, or `carry`: they come in their order

        Returns
            batches  the first is fresh, the others carry the state on; without `carry`, every
                one is fresh

        Chapter: *training-loop*.
        """
        begins = np.arange(0, len(self.inputs), self.window)
        if rng is not None and not self.carry:
            rng.shuffle(begins)
        for i, begin in enumerate(begins):
            window = slice(begin, begin + self.window)
            fresh = i == 0 or not self.carry
            yield Batch(self.inputs[window], self.targets[window], None, fresh)

    def fingerprint(self) -> str:
        """Return 64 letters that change with any number of the data, and with the settings."""
        told = f"Stream {self.window} {self.carry}"
        return _fingerprint(told, [self.inputs, self.targets])


def _numbers(name: str, value: object, ndims: tuple[int, ...]) -> np.ndarray:
    """`value` as an array, itself if it is one, of finite real numbers."""
    array = any_array(name, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: expected ids or real numbers, got {value!r:.60} of dtype {array.dtype}"
        )
    if array.ndim not in ndims:
        wanted = " or ".join(map(str, ndims))
        raise ValueError(
            f"{name}: expected an array with {wanted} axes, got {array.ndim} "
            f"(shape {array.shape})"
        )
    if not array.size:
        raise ValueError(
            f"{name}: expected at least one number, got none (shape {array.shape})"
        )
    if array.dtype.kind == "f" and not all_finite(array):
        raise ValueError(
            f"{name}: expected finite numbers, got {not_finite(array)}"
        )
    return array


def _fingerprint(told: str, arrays: list[np.ndarray | None]) -> str:
    digest = hashlib.sha256(told.encode())
    for array in arrays:
        if array is None:
            digest.update(b"none")
            continue
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
