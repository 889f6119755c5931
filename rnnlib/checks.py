"""What came, what was expected: the checks on arguments that all modules share."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable

import numpy as np

__all__ = [
    "all_finite",
    "any_array",
    "between",
    "finite_array",
    "float_type",
    "given_generator",
    "not_finite",
    "one_of",
    "token_ids",
    "truth_values",
    "whole_number",
]


def any_array(name: str, value: object) -> np.ndarray:
    """Return `value` as an array (itself, if it is one), or say that it has no regular shape.

    Errors
        TypeError  lists of unequal length
    """
    try:
        return np.asarray(value)
    except ValueError:
        raise TypeError(
            f"{name}: expected numbers in a regular array, got {value!r:.60}"
        ) from None


def finite_array(
    name: str,
    value: object,
    ndim: int | tuple[int, ...],
    dtype: np.dtype | type | None = np.float64,
) -> np.ndarray:
    """Return `value` as a new array of floats, or say what is wrong with it.

    Arguments
        name   what the caller calls this argument, for the message
        value  a number, list or array of finite real numbers
        ndim   the number of axes expected, or several that are accepted
        dtype  of what is returned; None keeps floats as they are and makes others float64

    Errors
        TypeError   not numbers (text, None, complex numbers, lists of unequal length)
        ValueError  another number of axes, no element at all, NaN or an infinity
    """
    array = any_array(name, value)
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
    if dtype is None:
        dtype = array.dtype if array.dtype.kind == "f" else np.float64
    array = array.astype(dtype, order="C")
    if not all_finite(array):
        raise ValueError(
            f"{name}: expected finite numbers, got {not_finite(array)}"
        )
    return array


def all_finite(array: np.ndarray) -> bool:
    """Tell whether an array of floats holds neither NaN nor an infinity.

    A sum of squares is finite only if each of its terms is, and BLAS is fast at it. Only if that
    sum overflows is each number looked at.
    """
    flat = array.ravel("K")
    return math.isfinite(np.vdot(flat, flat)) or bool(np.isfinite(flat).all())


def not_finite(array: np.ndarray) -> str:
    """Say which number of an array is the first that is not finite: "nan at index [0, 1]"."""
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    where = f" at index {list(index)}" if index else ""
    return f"{array[index]}{where}"


def token_ids(name: str, value: object, ndim: int, size: int) -> np.ndarray:
    """Return `value` as an array of ids from 0 to size − 1, or say what is wrong with it.

    Arguments
        name   what the caller calls this argument, for the message
        value  an array or list of whole numbers
        ndim   the number of axes expected
        size   how many different ids there are

    Errors
        TypeError   not whole numbers (floats, text, booleans), lists of unequal length
        ValueError  another number of axes, no id at all, an id below 0 or above size − 1
    """
    ids = any_array(name, value)
    if ids.dtype.kind not in "iu" and ids.size:
        raise TypeError(
            f"{name}: expected whole numbers (ids), got dtype {ids.dtype}"
        )
    if ids.ndim != ndim:
        raise ValueError(
            f"{name}: expected ids with {ndim} axes, got {ids.ndim} (shape {ids.shape})"
        )
    if ids.size == 0:
        raise ValueError(
            f"{name}: expected at least one id, got none (shape {ids.shape})"
        )
    flat = ids.ravel()
    low, high = np.minimum.reduce(flat), np.maximum.reduce(flat)
    if low < 0 or high >= size:
        raise ValueError(
            f"{name}: expected ids from 0 to {size - 1}, got {low if low < 0 else high}"
        )
    return ids


def truth_values(
    name: str, value: object, shape: tuple[int, ...]
) -> np.ndarray:
    """Return `value` as an array of True and False, or say what is wrong with it.

    Errors
        TypeError   anything but booleans
        ValueError  another shape
    """
    array = any_array(name, value)
    if array.dtype != np.bool_:
        raise TypeError(
            f"{name}: expected booleans, got dtype {array.dtype} (write {name} != 0)"
        )
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    return array


def one_of(name: str, value: object, known: Iterable[str]) -> str:
    """Return `value`, which must be one of the known names.

    Errors
        TypeError   not a text
        ValueError  an unknown name
    """
    known = list(known)
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected one of {known}, got {value!r:.60}")
    if value not in known:
        raise ValueError(f"{name}: expected one of {known}, got {value!r}")
    return value


def whole_number(
    name: str, value: object, least: int, most: int | None = None
) -> int:
    """Return `value` as an int from `least` to `most`, or say what is wrong with it.

    Errors
        TypeError   not a whole number (2.5, "3", True)
        ValueError  smaller than `least`, or larger than `most`, if there is one
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
    if most is not None and number > most:
        raise ValueError(f"{name}: expected at most {most}, got {number}")
    return number


def float_type(name: str, value: object) -> np.dtype:
    """Return float64 or float32 as a dtype, or say that it is neither.

    Errors
        TypeError  anything else
    """
    try:
        found = np.dtype("O" if value is None else value).name
    except TypeError:
        found = ""
    if found not in ("float64", "float32"):
        raise TypeError(
            f"{name}: expected float64 or float32, got {value!r:.60}"
        )
    return np.dtype(found)


def between(
    name: str,
    value: float,
    low: float,
    high: float,
    open_low: bool = False,
    open_high: bool = True,
) -> float:
    """Return a number from `low` to `high`; an open end is not itself allowed.

    Errors
        TypeError   not a number
        ValueError  a number outside these bounds
    """
    try:
        above = bool(value > low if open_low else value >= low)
        below = bool(value < high if open_high else value <= high)
        number = float(value)
    # Text, complex numbers, whole arrays; an int that is larger than any float.
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"{name}: expected a number, got {value!r:.60}"
        ) from None
    if not (above and below):
        kind = "finite number" if high == np.inf and open_high else "number"
        bound = "above" if open_low else "of at least"
        upper = "" if high == np.inf else f" and below {high}"
        raise ValueError(
            f"{name}: expected a {kind} {bound} {low}{upper}, got {value}"
        )
    return number


def given_generator(rng: object) -> np.random.Generator:
    """Return `rng`, which must be a generator, or say how to make one.

    Errors
        TypeError  anything else: a seed, NumPy's old global generator, None
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng: expected a numpy.random.Generator, such as np.random.default_rng(0), "
            f"got {rng!r:.60}"
        )
    return rng
