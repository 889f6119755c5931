"""The recurrent network: a cell over time, a readout, a loss, and every gradient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlib.arguments import check_inputs, check_mask, check_state
from rnnlib.bptt import Backward, Window, backward, windows
from rnnlib.buffers import Buffers
from rnnlib.cells import Cell, TanhCell
from rnnlib.checks import (
    all_finite,
    finite_array,
    float_type,
    one_of,
    whole_number,
)
from rnnlib.gated import GRUCell, LSTMCell
from rnnlib.inits import initial_parameters
from rnnlib.losses import LOSSES
from rnnlib.onehot import columns, sums_by_id

__all__ = ["CELLS", "RNN", "OverTime"]

CELLS: dict[str, Cell] = {
    "tanh": TanhCell(),
    "lstm": LSTMCell(),
    "gru": GRUCell(),
}


class OverTime(NamedTuple):
    """The states and their gradients, step by step; what `RNN.gradient_over_time` returns.

    Attributes
        h        the states, shape (T + 1, B, H); h[0] is the initial one
        o        the logits, shape (T, B, V), or (B, V) for a network that answers at the end
        do       ∂L/∂o_t, the same shape
        dh       δ_t = ∂L/∂h_t, shape (T + 1, B, H): total, all later steps follow
        da       ∂L/∂a_t, shape (T, B, G·H)
        dx       ∂L/∂x_t, shape (T, B, D); for ids, of the one-hot vector
        d_state  ∂L/∂(initial state), the shape of a state
    """

    h: np.ndarray
    o: np.ndarray
    do: np.ndarray
    dh: np.ndarray
    da: np.ndarray
    dx: np.ndarray
    d_state: np.ndarray


class _Batch(NamedTuple):
    """Arguments that have passed their checks."""

    x: np.ndarray  # ids (T, B) or vectors (T, B, D)
    s_0: np.ndarray  # (number of states, B, H)
    given: bool  # whether the caller gave s_0
    rest: np.ndarray | None  # (T, B, 1), True where the mask is False


class _Run(NamedTuple):
    """One way through the network, forwards and back."""

    s: np.ndarray  # states, (number of states, T + 1, B, H)
    o: np.ndarray | None  # logits, (N, V), if they were asked for
    loss: float
    do: np.ndarray  # ∂L/∂o, (N, V)
    back: Backward


class RNN:
    """A recurrent network: tanh and softmax by default, LSTM or GRU by one argument.

        a_t = W_xh x_t + W_hh h_{t-1} + b_h
        h_t = tanh(a_t)
        o_t = W_hy h_t + b_y
        ŷ_t = softmax(o_t),    ℓ_t = −log ŷ_t[y_t]
        L   = Σ_t ℓ_t, over all sequences of the batch

    Arguments
        input_size     D: length of an input vector, or number of different ids
        hidden_size    H: length of a state
        output_size    V: length of an output
        cell           "tanh" (module `cells`), "lstm" or "gru" (module `gated`)
        loss           "softmax", "sigmoid" or "squared" (module `losses`)
        outputs        "all": one output per step; "last": one per sequence, from its last state
        reduction      "sum": L is the sum of all ℓ_t; "mean": divided by their number
        initial_state  "zero", or "learned": h_0 is a parameter (and c_0, for the LSTM)
        init           a scheme of module `inits` for all matrices, or a dict that maps names of
                       parameters to schemes or arrays (the rest is "uniform"). "identity"
                       alone means W_hh. Biases and learned states start at 0
        rng            a numpy.random.Generator, which draws the matrices
        dtype          float64 or float32, of all parameters and results

    Attributes
        params  W_xh (G·H, D), W_hh (G·H, H), b_h (G·H), W_hy (V, H), b_y (V), which an optimiser
                changes in place; G = 1 for tanh, 4 for the LSTM (blocks i, f, g, o), 3 for the
                GRU (blocks r, z, n; it has b_hn (H), too)

    Errors
        TypeError, ValueError  an unknown name, a size below 1, an array that does not fit

    Chapters: *forward*, *derivation*, *batches*; *long-memory* (LSTM, GRU).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        cell: str = "tanh",
        loss: str = "softmax",
        outputs: str = "all",
        reduction: str = "sum",
        initial_state: str = "zero",
        init: str | dict[str, str | np.ndarray] = "uniform",
        rng: np.random.Generator,
        dtype: type | np.dtype | str = np.float64,
    ) -> None:
        self.input_size = whole_number("input_size", input_size, least=1)
        self.hidden_size = whole_number("hidden_size", hidden_size, least=1)
        self.output_size = whole_number("output_size", output_size, least=1)
        self.cell = one_of("cell", cell, CELLS)
        self.loss = one_of("loss", loss, LOSSES)
        self.outputs = one_of("outputs", outputs, ("all", "last"))
        self.reduction = one_of("reduction", reduction, ("sum", "mean"))
        self.initial_state = one_of(
            "initial_state", initial_state, ("zero", "learned")
        )
        self.dtype = float_type("dtype", dtype)
        self._cell, self._loss_function = CELLS[cell], LOSSES[loss]
        self._buffers = Buffers(self.dtype)
        self.shapes = self._parameter_shapes()
        self.params = initial_parameters(
            self.shapes, self._cell.gates, init, rng, self.dtype
        )

    # --- Parameters ----------------------------------------------------------

    def _parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        D, H, V = self.input_size, self.hidden_size, self.output_size
        G = self._cell.gates
        shapes = {
            "W_xh": (G * H, D),
            "W_hh": (G * H, H),
            "b_h": (G * H,),
            "W_hy": (V, H),
            "b_y": (V,),
        }
        shapes |= {name: (H,) for name in self._cell.extra}
        if self.initial_state == "learned":
            shapes |= {f"{name}_0": (H,) for name in self._cell.states}
        return shapes

    def _check_params(self) -> None:
        """Parameters can be changed from outside at any time, so they are looked at each time."""
        if self.params.keys() != self.shapes.keys():
            raise ValueError(
                f"params: expected the names {list(self.shapes)}, got {list(self.params)}"
            )
        for name, param in self.params.items():
            if not isinstance(param, np.ndarray) or param.dtype != self.dtype:
                got = getattr(param, "dtype", type(param).__name__)
                raise TypeError(
                    f"params[{name!r}]: expected an array of {self.dtype}, got {got}"
                )
            if param.shape != self.shapes[name]:
                raise ValueError(
                    f"params[{name!r}]: expected shape {self.shapes[name]}, got {param.shape}"
                )
            # W_hy is looked at later, or the logits are, if they are fewer numbers: a weight that
            # is not finite never gives a finite sum.
            if name != "W_hy" and not all_finite(param):
                self._blame(name)

    def _blame(self, name: str) -> None:
        """Say where a parameter is not finite, if it is not."""
        finite_array(
            f"params[{name!r}]", self.params[name], self.params[name].ndim
        )

    # --- What can be asked ---------------------------------------------------

    def loss_and_grads(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        *,
        truncation: str = "full",
        steps: int | None = None,
        stride: int | None = None,
        d_state: np.ndarray | None = None,
    ) -> tuple[float, dict[str, np.ndarray], np.ndarray]:
        """The loss, its gradient by backpropagation through time, and the last state.

            do_t = ∂L/∂o_t,    da_t = ∂L/∂a_t,    dm_t = ∂L/∂(W_hh h_{t-1}), da_t but in the GRU
            dL/dW_xh = Σ_t da_t x_tᵀ,    dL/dW_hh = Σ_t dm_t h_{t-1}ᵀ,    dL/db_h = Σ_t da_t
            dL/dW_hy = Σ_t do_t h_tᵀ,    dL/db_y  = Σ_t do_t

        Arguments
            inputs   ids, shape (T, B), or vectors x, shape (T, B, D)
            targets  one for each output. "softmax": ids (T, B), or distributions (T, B, V);
                     "sigmoid", "squared": numbers (T, B, V). Without axis T if outputs="last"
            state    the initial state, shape (B, H); for the LSTM (2, B, H), h and c. When not
                     given: zeros, or the learned one
            mask     booleans, shape (T, B). False: for this sequence the step does not exist; its
                     state is carried over and no loss is counted
            truncation, steps, stride  how far each loss reaches back; see `bptt.windows`
            d_state  a gradient that arrives at the last state from what comes after, in the
                     shape of a state; grads are then those of L + ⟨d_state, last state⟩

        Returns
            loss   L, in nats for "softmax" and "sigmoid"; a sum or a mean as `reduction` says
            grads  same keys and shapes as `params`
            state  the last state, and the initial one of whatever comes next

        Errors
            TypeError, ValueError  an argument or a parameter of another kind or shape, empty, out
                of range, or not finite. Nothing has changed then.

        Chapters: *derivation*, *truncation*.
        """
        batch = self._check(inputs, state, mask)
        parts = windows(len(batch.x), truncation, steps, stride)
        run = self._forward_and_back(batch, targets, d_state, parts)
        return run.loss, self._gradients(batch, run), self._last(run.s)

    def gradient_over_time(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        *,
        truncation: str = "full",
        steps: int | None = None,
        stride: int | None = None,
        d_state: np.ndarray | None = None,
    ) -> OverTime:
        """The states, and what the loss owes to each of them and to each input.

            δ_t = ∂L/∂h_t,    ∂L/∂x_t = W_xhᵀ ∂L/∂a_t

        Arguments, Errors as for `loss_and_grads`.

        Returns
            `OverTime`: h, o, do, dh, da, dx and d_state

        Chapters: *derivation*, *vanishing-gradients*.
        """
        batch = self._check(inputs, state, mask)
        parts = windows(len(batch.x), truncation, steps, stride)
        run = self._forward_and_back(
            batch, targets, d_state, parts, keep_logits=True
        )
        shape = (*self._output_places(batch), self.output_size)
        return OverTime(
            h=run.s[0].copy(),
            o=run.o.reshape(shape),
            do=run.do.reshape(shape).copy(),
            dh=run.back.dh.copy(),
            da=run.back.da.copy(),
            dx=run.back.da @ self.params["W_xh"],
            d_state=self._as_state(run.back.ds),
        )

    def evaluate(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[float, np.ndarray]:
        """The loss and the last state, without gradients.

        Arguments, Returns, Errors as for `loss_and_grads`.

        Chapter: *training-loop*.
        """
        batch = self._check(inputs, state, mask)
        _, s = self._forward(batch)
        loss, _ = self._loss(self._logits(s), targets, batch)
        return loss, self._last(s)

    def predict(
        self,
        inputs: np.ndarray,
        state: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the network answers, and its last state.

            ŷ_t = softmax(o_t), or σ(o_t), or o_t, as the loss asks

        Arguments as for `loss_and_grads`.

        Returns
            p      (T, B, V), or (B, V) if outputs="last"
            state  the last state

        Errors
            TypeError, ValueError  as for `loss_and_grads`

        Chapter: *forward*.
        """
        batch = self._check(inputs, state, mask)
        _, s = self._forward(batch)
        p = self._loss_function.predict(self._logits(s))
        shape = (*self._output_places(batch), self.output_size)
        return p.reshape(shape), self._last(s)

    def states(
        self,
        inputs: np.ndarray,
        state: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> np.ndarray:
        """Run the network and return every hidden state.

        Arguments as for `loss_and_grads`.

        Returns
            h  (T + 1, B, H); h[0] is the initial state, h[t] the state after inputs[t − 1], x_t

        Errors
            TypeError, ValueError  as for `loss_and_grads`

        Chapter: *forward*.
        """
        _, s = self._forward(self._check(inputs, state, mask))
        return s[0].copy()

    # --- Checks --------------------------------------------------------------

    def _check(self, inputs: object, state: object, mask: object) -> _Batch:
        """All arguments as arrays that fit, with the initial state filled in."""
        self._check_params()
        x = check_inputs(inputs, self.input_size, self.dtype)
        rest = check_mask(mask, x.shape[:2], self.outputs == "last")
        names = self._cell.states
        s_0 = np.zeros((len(names), x.shape[1], self.hidden_size), self.dtype)
        if state is not None:
            s_0[...] = check_state("state", state, s_0)
        elif self.initial_state == "learned":
            for s, name in zip(s_0, names, strict=True):
                s[...] = self.params[f"{name}_0"]
        return _Batch(x, s_0, state is not None, rest)

    # --- Forward -------------------------------------------------------------

    def _forward(self, batch: _Batch) -> tuple[np.ndarray, np.ndarray]:
        """The gates a, (T, B, G·H), and the states s, (number of states, T + 1, B, H)."""
        params, x = self.params, batch.x
        T, B = x.shape[:2]
        GH = len(params["b_h"])
        a = self._buffers.work("a", T, B, GH)
        W_xhT = params["W_xh"].T
        if x.ndim == 2:
            columns(W_xhT, x, out=a)
        else:
            np.dot(x.reshape(T * B, -1), W_xhT, out=a.reshape(T * B, GH))
        a += params["b_h"]
        s = self._buffers.work(
            "s", len(self._cell.states), T + 1, B, self.hidden_size
        )
        s[:, 0] = batch.s_0
        self._cell.forward(params, a, s, batch.rest, self._buffers)
        return a, s

    def _read(self, s: np.ndarray) -> np.ndarray:
        """The states that are read out, one in a row: (N, H)."""
        h = s[0, 1:] if self.outputs == "all" else s[0, -1]
        return h.reshape(-1, self.hidden_size)

    def _logits(self, s: np.ndarray) -> np.ndarray:
        """o = W_hy h + b_y for all N rows in one product: (N, V)."""
        h = self._read(s)
        o = self._buffers.work("o", len(h), self.output_size)
        np.dot(h, self.params["W_hy"].T, out=o)
        o += self.params["b_y"]
        if not all_finite(min(o, self.params["W_hy"], key=np.size)):
            self._blame("W_hy")
        return o

    def _output_places(self, batch: _Batch) -> tuple[int, ...]:
        """(T, B), or (B,) for a network that answers at the end."""
        T, B = batch.x.shape[:2]
        return (T, B) if self.outputs == "all" else (B,)

    def _loss(
        self, o: np.ndarray, targets: object, batch: _Batch
    ) -> tuple[float, np.ndarray]:
        """L and ∂L/∂o, which takes the place of o."""
        places = self._output_places(batch)
        y = self._loss_function.check_targets(
            targets, (*places, self.output_size), self.dtype
        )
        y = y.reshape(len(o), *y.shape[len(places) :])
        w = np.ones(len(o), self.dtype)
        if batch.rest is not None and self.outputs == "all":
            w -= batch.rest.ravel()
        if self.reduction == "mean":
            w /= w.sum()
        return self._loss_function.loss_and_grad(o, y, w)

    def _last(self, s: np.ndarray) -> np.ndarray:
        return self._as_state(s[:, -1])

    @staticmethod
    def _as_state(s: np.ndarray) -> np.ndarray:
        """A copy for the caller: (B, H), or (2, B, H) for two states."""
        return s.copy() if len(s) > 1 else s[0].copy()

    # --- Backward ------------------------------------------------------------

    def _forward_and_back(
        self,
        batch: _Batch,
        targets: object,
        d_state: object,
        parts: list[Window],
        keep_logits: bool = False,
    ) -> _Run:
        d_last = check_state("d_state", d_state, batch.s_0)
        a, s = self._forward(batch)
        o = self._logits(s)
        kept = o.copy() if keep_logits else None  # ∂L/∂o takes the place of o
        loss, do = self._loss(o, targets, batch)
        back = self._backward(batch, a, s, do, d_last, parts)
        return _Run(s, kept, loss, do, back)

    def _backward(
        self,
        batch: _Batch,
        a: np.ndarray,
        s: np.ndarray,
        do: np.ndarray,
        d_last: np.ndarray | None,
        parts: list[Window],
    ) -> Backward:
        """From ∂L/∂o_t to ∂L/∂a_t, through the readout and back through time."""
        dh = self._buffers.work("dh", *s.shape[1:])
        W_hy = self.params["W_hy"]
        dh[0] = 0
        if self.outputs == "all":
            np.dot(do, W_hy, out=dh[1:].reshape(len(do), -1))
        else:
            dh[1:-1] = 0
            np.dot(do, W_hy, out=dh[-1])
            parts = parts[-1:]  # no other window holds a loss
        local = self._cell.local(a, s, batch.rest, self._buffers)
        return backward(
            self._cell, self.params, local, dh, d_last, batch.rest, parts
        )

    def _gradients(self, batch: _Batch, run: _Run) -> dict[str, np.ndarray]:
        """Each gradient is a sum over steps and sequences: one product of all rows at once."""
        H = self.hidden_size
        N = batch.x.shape[0] * batch.x.shape[1]
        da, dm = run.back.da.reshape(N, -1), run.back.dm.reshape(N, -1)
        h_prev = run.s[0, :-1].reshape(N, H)
        # What the caller may keep is written into memory that is lent; see `Buffers.lend`.
        dW_hh, dW_hy = (
            self._buffers.lend(name, *self.shapes[name])
            for name in ("W_hh", "W_hy")
        )
        grads = {
            "W_xh": self._input_gradient(batch.x, da),
            "W_hh": np.dot(dm.T, h_prev, out=dW_hh),
            "b_h": da.sum(axis=0),
            "W_hy": np.dot(run.do.T, self._read(run.s), out=dW_hy),
            "b_y": run.do.sum(axis=0),
        }
        for name in self._cell.extra:
            # b_hn stands beside the last block of W_hh h_{t-1}
            grads[name] = dm[:, -H:].sum(axis=0)
        if self.initial_state == "learned":
            for name, ds in zip(self._cell.states, run.back.ds, strict=True):
                grads[f"{name}_0"] = ds.sum(axis=0) * (not batch.given)
        return grads

    def _input_gradient(self, x: np.ndarray, da: np.ndarray) -> np.ndarray:
        """Σ_t da_t x_tᵀ, made as the transpose: ids name rows then, and rows lie together."""
        dW_xhT = self._buffers.lend("W_xh", *self.shapes["W_xh"][::-1])
        if x.ndim == 2:
            sums_by_id(x.ravel(), da, out=dW_xhT)
        else:
            np.dot(x.reshape(len(da), -1).T, da, out=dW_xhT)
        return dW_xhT.T
