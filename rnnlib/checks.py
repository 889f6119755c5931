"""What came, what was expected: the checks on arguments that all modules share."""

from __future__ import annotations

import operator

import numpy as np

__all__ = ["finite_array", "whole_number"]


def finite_array(
    name: str, value: object, ndim: int | tuple[int, ...]
) -> np.ndarray:
    """Return `value` as an array of float64, or say what is wrong with it.

    Arguments
        name   what the caller calls this argument, for the message
        value  a number, list or array of finite real numbers
        ndim   the number of axes expected, or several that are accepted

    Errors
        TypeError   not numbers (text, None, complex numbers, lists of unequal length)
        ValueError  another number of axes, no element at all, NaN or an infinity
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError(
            f"{name}: expected numbers in a regular array, got {value!r:.60}"
        ) from None
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: expected real numbers, got {value!r:.60} of dtype {array.dtype}"
        )
    accepted = (ndim,) if isinstance(ndim, int) else ndim
    if array.ndim not in accepted:
        wanted = " or ".join(str(n) for n in accepted)
        raise ValueError(
            f"{name}: expected an array with {wanted} axes, got {array.ndim} (shape {array.shape})"
        )
    if array.size == 0:
        raise ValueError(
            f"{name}: expected at least one number, got none (shape {array.shape})"
        )
    array = array.astype(np.float64)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        where = f" at index {list(index)}" if index else ""
        raise ValueError(
            f"{name}: expected finite numbers, got {array[index]}{where}"
        )
    return array


def whole_number(name: str, value: object, least: int) -> int:
    """Return `value` as an int that is at least `least`, or say what is wrong with it.

    Errors
        TypeError   not a whole number (2.5, "3", True)
        ValueError  smaller than `least`
    """
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name}: expected a whole number, got {value!r:.60}"
        ) from None
    if number < least:
        raise ValueError(f"{name}: expected at least {least}, got {number}")
    return number
