"""Large arrays that are used again instead of being made anew at each call."""

from __future__ import annotations

import sys
from collections import defaultdict

import numpy as np

__all__ = ["Buffers"]


class Buffers:
    """Arrays by name, allocated once and used again while their shape stays the same.

    A training loop asks for the same arrays thousands of times. A fresh large array has to be
    fetched from the operating system and is touched page by page for the first time, which can
    take longer than the mathematics that fills it.

    Arguments
        dtype  of every array

    Chapter: *batches*.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self._own: dict[str, np.ndarray] = {}
        self._lent: dict[str, list[np.ndarray]] = defaultdict(list)

    def work(self, name: str, *shape: int) -> np.ndarray:
        """Return a work array, which holds whatever was last written.

        The next call with the same name returns the same memory, so such an array must never
        reach the caller of the library.
        """
        array = self._own.get(name)
        if array is None or array.shape != shape:
            array = self._own[name] = np.empty(shape, self.dtype)
        return array

    def lend(self, name: str, *shape: int) -> np.ndarray:
        """Return an array that the caller of the library may keep as long as they like.

        Its memory is used again only when nothing refers to it any more, neither the array nor
        any view of it: Python counts references, and every view counts as one to the array that
        owns the memory. Two are kept, because a training loop often holds the gradients of one
        step until those of the next are there.
        """
        known = self._lent[name]
        for owner in known:
            if owner.shape == shape and sys.getrefcount(owner) == _ALONE:
                return owner.view()
        owner = np.empty(shape, self.dtype)
        known[:] = [*known[-1:], owner]
        return owner.view()

    def __reduce__(self) -> tuple:
        """A copy of a model, in memory or in a file, needs arrays of its own, not these numbers."""
        return Buffers, (self.dtype,)


def _count_of_an_array_alone() -> int:
    """What the loop in `lend` sees when a list holds an array and nobody else does.

    Python counts the loop's own variable, and in some versions the argument of the question.
    """
    for owner in [np.empty(0)]:
        count = sys.getrefcount(owner)
    return count


_ALONE = _count_of_an_array_alone()
