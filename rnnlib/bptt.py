"""Backpropagation through time, in full and truncated: which loss may reach back how far.

A *window* is a piece of the sequence that is walked backwards once: the losses of its last
steps are carried back to its first step, and the state before the window counts as a constant.
Full BPTT is one window with all losses. Each truncation is a list of windows, and its gradient
is the sum over them. Chapter: *truncation*.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlib.cells import Cell
from rnnlib.checks import one_of, whole_number

__all__ = ["TRUNCATIONS", "Window", "backward", "windows"]

TRUNCATIONS = ("full", "chunks", "steps-back", "overlap")


class Window(NamedTuple):
    """Steps start … end − 1 (from 0), of which those from `first_loss` on bring their loss."""

    start: int
    first_loss: int
    end: int


def windows(
    T: int, truncation: str, steps: int | None, stride: int | None
) -> list[Window]:
    """Cut T steps into windows: one for full BPTT, several for the three kinds of truncation.

        "full"        one window. Nothing is cut, no bias. T steps backwards.
        "chunks"      pieces of k = `steps` steps, one after the other; the state goes on from
                      piece to piece, the gradient does not. T steps backwards. A loss reaches
                      back 0 to k − 1 steps, according to its place in the piece: what lies
                      just behind a border is lost even to the very next loss.
        "steps-back"  every loss goes back through k = `steps` steps from its own. About
                      T (k + 1) steps backwards. Every loss is cut at the same distance.
        "overlap"     after every s = `stride` steps, the losses of these s steps go back over
                      the last k = `steps` ≥ s steps. About T k/s steps backwards. A loss
                      reaches back at least k − s steps.

    Steps that a mask leaves out are counted like all others.

    "chunks" of k is "overlap" with k and s = k (if k divides T); "steps-back" with k is
    "overlap" with k + 1 and s = 1; with k ≥ T they are all "full".

    Arguments
        T           number of steps
        truncation  one of the four names
        steps       k, at least 1 (for "steps-back", at least 0); not for "full"
        stride      s, from 1 to k; for "overlap" only

    Returns
        windows  in order of time; each loss is in exactly one

    Errors
        TypeError, ValueError  an unknown name; a number missing, not asked for, or out of bounds

    Sources: Williams and Peng 1990, who write BPTT(h; h′) for our k and s. Chapter: *truncation*.
    """
    one_of("truncation", truncation, TRUNCATIONS)
    _needed("steps", steps, truncation != "full", truncation)
    _needed("stride", stride, truncation == "overlap", truncation)
    if truncation == "full":
        return [Window(0, 0, T)]
    k = whole_number("steps", steps, 0 if truncation == "steps-back" else 1)
    if truncation == "chunks":
        return [Window(t, t, min(t + k, T)) for t in range(0, T, k)]
    if truncation == "steps-back":
        k, s = k + 1, 1
    else:
        s = whole_number("stride", stride, least=1)
        if s > k:
            raise ValueError(
                f"stride: expected at most steps = {k}, got {s}: some losses would be left out"
            )
    ends = [min(t + s, T) for t in range(0, T, s)]
    return [
        Window(max(0, end - k), t, end)
        for t, end in zip(range(0, T, s), ends, strict=True)
    ]


def _needed(
    name: str, value: int | None, wanted: bool, truncation: str
) -> None:
    if (value is not None) != wanted:
        expected = "a whole number" if wanted else "nothing"
        raise ValueError(
            f"{name}: expected {expected} with truncation={truncation!r}, got {value!r:.60}"
        )


class Backward(NamedTuple):
    """What a backward pass leaves behind.

    Attributes
        da  ∂L/∂a_t, shape (T, B, G·H)
        dm  ∂L/∂(W_hh h_{t-1}), the same shape; equal to da, but in the GRU
        dh  δ_t = ∂L/∂h_t, shape (T + 1, B, H)
        ds  ∂L/∂(initial state), shape (number of states, B, H)
    """

    da: np.ndarray
    dm: np.ndarray
    dh: np.ndarray
    ds: np.ndarray


def backward(
    cell: Cell,
    params: dict[str, np.ndarray],
    local: dict[str, np.ndarray],
    dh: np.ndarray,
    d_last: np.ndarray | None,
    rest: np.ndarray | None,
    parts: list[Window],
) -> Backward:
    """Walk every window backwards and add up what they find.

    Arguments
        cell, params, rest  as for `Cell.backward`
        local   the derivatives inside each step, from `Cell.local`; used up
        dh      (T + 1, B, H), with ∂⁺L/∂h_t = W_hyᵀ ∂L/∂o_t; used up
        d_last  gradient that arrives at the last state from what comes after, shape (number of
                states, B, H); None for nothing. It belongs to the last step
        parts   the windows

    Chapters: *derivation* (one window), *truncation* (several).
    """
    T, (B, H) = len(dh) - 1, dh.shape[1:]
    ds = np.zeros((len(cell.states), B, H), dh.dtype)
    if d_last is not None:
        dh[T] += d_last[0]
        ds[1:] = d_last[1:]
    if parts == [Window(0, 0, T)]:  # full BPTT: no copies, nothing to add up
        dc = ds[1] if len(ds) > 1 else None
        da, dm = cell.backward(params, local, dh, dc, rest)
        ds[0] = dh[0]
        return Backward(da, dm, dh, ds)
    da = np.zeros((T, B, len(params["b_h"])), dh.dtype)
    dm = np.zeros_like(da)
    total = Backward(da, dm, np.zeros_like(dh), np.zeros_like(ds))
    for start, first_loss, end in parts:
        piece = {
            name: array[start:end].copy() for name, array in local.items()
        }
        own = np.zeros((end - start + 1, B, H), dh.dtype)
        own[first_loss - start + 1 :] = dh[first_loss + 1 : end + 1]
        d_state = ds.copy() if end == T else np.zeros_like(ds)
        dc = d_state[1] if len(ds) > 1 else None
        da, dm = cell.backward(
            params, piece, own, dc, None if rest is None else rest[start:end]
        )
        d_state[0] = own[0]
        total.da[start:end] += da
        total.dm[start:end] += dm
        total.dh[start + 1 : end + 1] += own[1:]
        if start == 0:
            total.dh[0] += own[0]
            total.ds[...] += d_state
    return total
