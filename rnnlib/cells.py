"""Cells: what happens inside one step of a recurrent network, forwards and backwards.

A cell is three methods, and each line in them is one of its equations:

    forward   fills in the states h_1 … h_T, given the input's part of each pre-activation
    local     the derivatives inside each step, of all steps at once (they do not wait)
    backward  walks from step T to step 1 and turns them into ∂L/∂a_t (these do wait)

Everything that can be done for all steps in one product is done outside, in `rnnlib.model`:
W_xh x_t + b_h beforehand, the gradients of the weights afterwards. Inside the loops, results
are written into arrays that exist already (`+=`, or the array named last in the call), because
at small sizes making an array costs more than filling it.

Names: `h_prev` is h_{t-1}; ∂ stands before a name as `d`, so `dh` is ∂L/∂h_t and `dh_da` is
∂h_t/∂a_t; `Wh` is W_hh h_{t-1}. Row t − 1 of `a` is a_t; `h` has h_0 in front, so that its row t is
h_t. The gates of a step lie side by side in `a`, of shape (T, B, G·H). `rest` marks the steps that
a mask leaves out, where the state is carried over.
The tanh cell is here; the LSTM and the GRU, which have gates, are in `rnnlib.gated`.
Chapters: *forward*, *derivation*, *batches*.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import numpy as np

from rnnlib.buffers import Buffers

__all__ = [
    "Cell",
    "TanhCell",
    "one_minus_square",
    "steps",
    "steps_back",
    "transposed",
]

Params = dict[str, np.ndarray]


class Cell:
    """The face that every cell shares.

    Attributes
        gates   G: how many blocks of H rows stand in W_xh, W_hh and b_h
        states  the names of what is carried from step to step; the first is what is read out
        extra   names of further parameters, each of shape (H)
    """

    gates: int
    states: tuple[str, ...] = ("h",)
    extra: tuple[str, ...] = ()

    def forward(
        self,
        params: Params,
        a: np.ndarray,
        s: np.ndarray,
        rest: np.ndarray | None,
        buffers: Buffers,
    ) -> None:
        """Run the cell over all steps.

        Arguments
            params   the parameters; read only
            a        W_xh x_t + b_h, shape (T, B, G·H); used up, to keep the gates
            s        the states, shape (number of states, T + 1, B, H); the initial ones are
                     given in s[:, 0], the others are filled in
            rest     True where the state is carried over, shape (T, B, 1); None: nowhere
            buffers  for what else `local` needs
        """
        raise NotImplementedError

    def local(
        self,
        a: np.ndarray,
        s: np.ndarray,
        rest: np.ndarray | None,
        buffers: Buffers,
    ) -> dict[str, np.ndarray]:
        """The derivatives inside each step, as arrays with time on axis 0.

        Arguments
            a, s, rest, buffers  as `forward` left them; `a` is used up
        """
        raise NotImplementedError

    def backward(
        self,
        params: Params,
        local: dict[str, np.ndarray],
        dh: np.ndarray,
        dc: np.ndarray | None,
        rest: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Carry the gradient from the last step back to the initial state.

        Arguments
            params  the parameters; read only
            local   from `local`, or the same steps of each of its arrays; used up
            dh      (T + 1, B, H): comes with ∂⁺L/∂h_t = W_hyᵀ ∂L/∂o_t, the part of δ_t that comes
                    through o_t alone; leaves as the total derivative δ_t = ∂L/∂h_t
            dc      (B, H): comes as ∂L/∂c_T, leaves as ∂L/∂c_0; None for cells without c
            rest    as for `forward`

        Returns
            da  ∂L/∂a_t, shape (T, B, G·H): what goes on to W_xh, b_h and x_t
            dm  ∂L/∂(W_hh h_{t-1}), what goes on to W_hh; another array in the GRU alone
        """
        raise NotImplementedError


class TanhCell(Cell):
    """The plain recurrent cell (Elman 1990).

        a_t = W_xh x_t + W_hh h_{t-1} + b_h
        h_t = tanh(a_t)

    Backwards, with δ_t = ∂L/∂h_t:

        ∂L/∂a_t = (1 − h_t²) ⊙ δ_t
        δ_{t-1} = ∂⁺L/∂h_{t-1} + W_hhᵀ ∂L/∂a_t,    ∂⁺L/∂h_t = W_hyᵀ ∂L/∂o_t

    Chapters: *forward*, *derivation*.
    """

    gates = 1

    def forward(
        self,
        params: Params,
        a: np.ndarray,
        s: np.ndarray,
        rest: np.ndarray | None,
        buffers: Buffers,
    ) -> None:
        """h_t = tanh(a_t); see `Cell.forward`."""
        h = s[0]
        W_hhT = transposed(params["W_hh"])
        Wh = np.empty_like(a[0])
        h_prev = h[0]
        for a_t, h_t, rest_t in steps(rest, a, h[1:]):
            h_prev.dot(W_hhT, Wh)
            a_t += Wh  # a_t = W_xh x_t + b_h + W_hh h_{t-1}
            np.tanh(a_t, h_t)  # h_t = tanh(a_t)
            if rest_t is not None:
                np.copyto(h_t, h_prev, where=rest_t)
            h_prev = h_t

    def local(
        self,
        a: np.ndarray,
        s: np.ndarray,
        rest: np.ndarray | None,
        buffers: Buffers,
    ) -> dict[str, np.ndarray]:
        """∂h_t/∂a_t = 1 − h_t²; see `Cell.local`."""
        dh_da = one_minus_square(s[0, 1:], a)
        if rest is not None:
            np.copyto(dh_da, 0, where=rest)
        return {"dh_da": dh_da}

    def backward(
        self,
        params: Params,
        local: dict[str, np.ndarray],
        dh: np.ndarray,
        dc: np.ndarray | None,
        rest: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """δ_{t-1} += W_hhᵀ ((1 − h_t²) ⊙ δ_t); see `Cell.backward`."""
        W_hh = params["W_hh"]
        da = local["dh_da"]
        Wda = np.empty_like(dh[0])
        dh_t = dh[-1]
        for da_t, dh_prev, rest_t in steps_back(rest, da, dh[:-1]):
            da_t *= dh_t  # ∂L/∂a_t = (1 − h_t²) ⊙ δ_t
            da_t.dot(W_hh, Wda)
            dh_prev += Wda  # δ_{t-1} = ∂⁺L/∂h_{t-1} + W_hhᵀ ∂L/∂a_t
            if rest_t is not None:
                np.add(dh_prev, dh_t, dh_prev, where=rest_t)
            dh_t = dh_prev
        return da, da


def transposed(W: np.ndarray) -> np.ndarray:
    """Wᵀ as an array of its own.

    States stand in rows, one for each sequence, so the product W h is written h Wᵀ; BLAS is often
    faster with a transpose that lies in memory row by row (chapter *batches* measures it).
    """
    return W.T.copy(order="C")


def one_minus_square(h: np.ndarray, out: np.ndarray) -> np.ndarray:
    """1 − h²: the slope of tanh where its value is h."""
    np.multiply(h, h, out)
    return np.subtract(1, out, out)


def steps(rest: np.ndarray | None, *arrays: np.ndarray) -> Iterator:
    """From step 1 to step T: one row of each array, and of `rest` (None without a mask)."""
    rests = repeat(None, len(arrays[0])) if rest is None else rest
    return zip(*arrays, rests, strict=True)


def steps_back(rest: np.ndarray | None, *arrays: np.ndarray) -> Iterator:
    """From step T to step 1: one row of each array, and of `rest` (None without a mask)."""
    back = [array[::-1] for array in arrays]
    return steps(None if rest is None else rest[::-1], *back)
