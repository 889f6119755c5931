"""The linear network that counts: one state, two weights, every gradient by hand."""

from __future__ import annotations

import numpy as np

from rnnlib.checks import finite_array

__all__ = ["LinearRNN", "loss_surface"]


class LinearRNN:
    """A recurrent network of one linear unit that reads a sequence and answers at its end.

        s_k = w_rec s_{k-1} + w_x x_k,    s_0 = 0,    k = 1 … T
        ξ   = mean over the B sequences of (s_T − t)²

    Arguments
        w_x    weight of the input
        w_rec  weight of the previous state

    Attributes
        params  {"w_x", "w_rec"}: arrays of shape (), which an optimiser changes in place

    Errors
        TypeError, ValueError  a weight that is not one finite number

    Source: Roelants, *How to implement an RNN (1/2)*. Chapters: *recurrence*, *linear-rnn*.
    """

    def __init__(self, w_x: float, w_rec: float) -> None:
        self.params = {
            "w_x": finite_array("w_x", w_x, ndim=0),
            "w_rec": finite_array("w_rec", w_rec, ndim=0),
        }

    def states(
        self, inputs: np.ndarray, state: np.ndarray | None = None
    ) -> np.ndarray:
        """Run the network and return every state.

            s_k = w_rec s_{k-1} + w_x x_k

        Arguments
            inputs  x, shape (T, B); time is axis 0
            state   s_0, shape (B); zeros when not given

        Returns
            s  (T + 1, B); s[0] is the initial state, s[k] the state after reading x_k

        Errors
            TypeError, ValueError  inputs or state of another kind or shape, empty, or not finite

        Chapter: *recurrence*.
        """
        x = finite_array("inputs", inputs, ndim=2)
        w_x, w_rec = self.params["w_x"], self.params["w_rec"]
        s = np.zeros((len(x) + 1, x.shape[1]))
        if state is not None:
            s[0] = _one_per_sequence("state", state, x)
        for k in range(1, len(s)):
            s[k] = w_rec * s[k - 1] + w_x * x[k - 1]
        return s

    def gradient_over_time(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray | None = None,
    ) -> np.ndarray:
        """How much the loss owes to each state: the backward pass.

            δ_T     = ∂ξ/∂s_T     = 2 (s_T − t) / B
            δ_{k-1} = ∂ξ/∂s_{k-1} = w_rec δ_k

        Arguments as for `loss_and_grads`.

        Returns
            ds  (T + 1, B); ds[k, b] is the change of ξ per unit of s_k in sequence b, when
                all later states follow and the weights are held still.
                `ds.sum(axis=1)` is for s_k nudged in all sequences at once.

        Errors
            TypeError, ValueError  an argument of another kind or shape, empty, or not finite

        Chapters: *linear-rnn* (derivation), *loss-surface* (how it grows and shrinks).
        """
        s = self.states(inputs, state)
        return self._backward(s, _one_per_sequence("targets", targets, s))

    def _backward(self, s: np.ndarray, t: np.ndarray) -> np.ndarray:
        ds = np.empty_like(s)
        ds[-1] = 2 * (s[-1] - t) / len(t)
        for k in range(len(s) - 1, 0, -1):
            ds[k - 1] = self.params["w_rec"] * ds[k]
        return ds

    def loss_and_grads(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray | None = None,
    ) -> tuple[float, dict[str, np.ndarray], np.ndarray]:
        """The loss, its gradient by backpropagation through time, and the last state.

            ξ        = (1/B) Σ_b (s_T − t)²
            dξ/dw_x   = Σ_b Σ_k δ_k x_k
            dξ/dw_rec = Σ_b Σ_k δ_k s_{k-1}

        Arguments
            inputs   x, shape (T, B); time is axis 0
            targets  t, shape (B)
            state    s_0, shape (B); zeros when not given

        Returns
            loss   ξ, the mean over sequences of the squared error (in counts²)
            grads  same keys and shapes as `params`
            state  s_T, shape (B): the answer, and the initial state of whatever comes next

        Errors
            TypeError, ValueError  an argument of another kind or shape, empty, or not finite

        Chapter: *linear-rnn*.
        """
        x = finite_array("inputs", inputs, ndim=2)
        t = _one_per_sequence("targets", targets, x)
        s = self.states(x, state)
        ds = self._backward(s, t)
        loss = np.mean((s[-1] - t) ** 2)
        grads = {
            "w_x": np.asarray(np.sum(ds[1:] * x)),
            "w_rec": np.asarray(np.sum(ds[1:] * s[:-1])),
        }
        return float(loss), grads, s[-1].copy()


def loss_surface(
    inputs: np.ndarray, targets: np.ndarray, w_x: np.ndarray, w_rec: np.ndarray
) -> np.ndarray:
    """The loss at every pair of weights, without a loop.

        s_T = w_x u,   u = Σ_k w_rec^{T-k} x_k        (s_T is linear in w_x)
        ξ   = mean over the B sequences of (w_x u − t)²

    Arguments
        inputs   x, shape (T, B); time is axis 0
        targets  t, shape (B)
        w_x      the values of w_x, shape (M)
        w_rec    the values of w_rec, shape (R)

    Returns
        loss  (R, M); row i belongs to w_rec[i], column j to w_x[j]: the order in which
              matplotlib draws a surface with w_x to the right and w_rec upwards

    Errors
        TypeError, ValueError  an argument of another kind or shape, empty, or not finite

    Chapter: *loss-surface*.
    """
    x = finite_array("inputs", inputs, ndim=2)
    t = _one_per_sequence("targets", targets, x)
    w_x = finite_array("w_x", w_x, ndim=1)
    w_rec = finite_array("w_rec", w_rec, ndim=1)
    powers = w_rec[:, None] ** np.arange(
        len(x) - 1, -1, -1
    )  # (R, T): w_rec^{T-k}
    u = powers @ x  # (R, B)
    errors = w_x[None, :, None] * u[:, None, :] - t  # (R, M, B)
    return np.mean(errors**2, axis=2)


def _one_per_sequence(
    name: str, value: object, like: np.ndarray
) -> np.ndarray:
    """One number for each of the B sequences (columns) of `like`."""
    array = finite_array(name, value, ndim=1)
    if len(array) != like.shape[1]:
        raise ValueError(
            f"{name}: expected one number for each of the {like.shape[1]} sequences, "
            f"got {len(array)}"
        )
    return array
