"""What came, what was expected: the arguments of a network that reads sequences."""

from __future__ import annotations

import numpy as np

from rnnlib.checks import any_array, finite_array, token_ids, truth_values

__all__ = ["check_inputs", "check_mask", "check_state"]


def check_inputs(
    inputs: object, input_size: int, dtype: np.dtype
) -> np.ndarray:
    """Return ids of shape (T, B), or vectors of shape (T, B, input_size) as floats.

    Errors
        TypeError   not numbers, or ids that are not whole numbers
        ValueError  another number of axes, nothing to read, ids out of range, vectors of another
            length, NaN or an infinity
    """
    x = any_array("inputs", inputs)
    if x.dtype.kind not in "biuf":
        raise TypeError(
            f"inputs: expected ids or vectors of real numbers, got {inputs!r:.60} "
            f"of dtype {x.dtype}"
        )
    if x.ndim not in (2, 3):
        raise ValueError(
            f"inputs: expected ids of shape (T, B) or vectors of shape (T, B, D), got "
            f"{x.ndim} axes (shape {x.shape})"
        )
    if x.ndim == 2:
        return token_ids("inputs", x, 2, input_size)
    x = finite_array("inputs", x, 3, dtype)
    if x.shape[2] != input_size:
        raise ValueError(
            f"inputs: expected vectors of length {input_size} on the last axis, got "
            f"shape {x.shape}"
        )
    return x


def check_mask(
    mask: object, shape: tuple[int, ...], every_sequence: bool
) -> np.ndarray | None:
    """Return where the mask says that there is no step, shape (T, B, 1); None without a mask.

    Arguments
        mask            booleans of shape (T, B), or None
        shape           (T, B)
        every_sequence  whether each sequence must have a step

    Errors
        TypeError, ValueError  not booleans, another shape, or no step at all
    """
    if mask is None:
        return None
    mask = truth_values("mask", mask, shape)
    counted = mask.any(axis=0)
    if not counted.any():
        raise ValueError(
            f"mask: expected at least one True, got {mask.size} times False"
        )
    if every_sequence and not counted.all():
        raise ValueError(
            f"mask: expected a True for each sequence, because outputs='last'; got none "
            f"for sequence {int(np.argmin(counted))}"
        )
    return ~mask[:, :, None]


def check_state(
    name: str, state: object, like: np.ndarray
) -> np.ndarray | None:
    """Return a state (or a gradient of one) with the axis of its parts in front; None for None.

    Arguments
        name   what the caller calls this argument, for the message
        state  (B, H); or (2, B, H) for a cell whose state has two parts, h and c
        like   an array of the shape to return, (number of parts, B, H)

    Errors
        TypeError, ValueError  not finite numbers, or another shape
    """
    if state is None:
        return None
    wanted = like.shape if len(like) > 1 else like.shape[1:]
    s = finite_array(name, state, (2, 3), like.dtype)
    if s.shape != wanted:
        raise ValueError(
            f"{name}: expected shape {wanted} for this cell and batch, got {s.shape}"
        )
    return s.reshape(like.shape)
