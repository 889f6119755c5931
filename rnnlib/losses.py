"""Losses: how wrong is an output, in one number, and what does that number owe to each logit?

Every loss here is a weighted sum over N rows, one row for each output of the network,

    L = Σ_n w_n ℓ_n

The weights say the scale: w_n = 1 gives the sum, w_n = 1/N the mean, w_n = 0 leaves a row out.
Because loss and gradient are made from the same weights, one can never be the sum while the
other is the mean.
"""

from __future__ import annotations

import numpy as np

from rnnlib.checks import any_array, finite_array, token_ids

__all__ = [
    "LOSSES",
    "Loss",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "sigmoid",
    "softmax",
]

_PIECE = 65536  # numbers: a quarter of a megabyte in float32


def softmax(o: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities, along the last axis.

        p_i = exp(o_i − m) / Σ_j exp(o_j − m),    m = max_j o_j

    The factor exp(−m) cancels; with it no exponent is above 0, so nothing overflows.

    Arguments
        o  logits, shape (…, V)

    Returns
        p  (…, V); each row is positive or 0 and adds up to 1

    Errors
        TypeError, ValueError  not numbers, no element, NaN or an infinity

    Chapter: *forward*.
    """
    p = _floats("o", o)
    if p.ndim == 0:
        raise ValueError("o: expected at least one axis, got a single number")
    p = p - p.max(axis=-1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=-1, keepdims=True)
    return p


def sigmoid(o: np.ndarray) -> np.ndarray:
    """Turn each logit into the probability of a yes.

        σ(o) = 1 / (1 + exp(−o)) = (1 + tanh(o / 2)) / 2

    The second form never overflows.

    Arguments
        o  logits, any shape

    Returns
        p  the same shape, from 0 to 1

    Errors
        TypeError, ValueError  not numbers, no element, NaN or an infinity

    Chapter: *binary-addition*.
    """
    return (1 + np.tanh(_floats("o", o) / 2)) / 2


def _floats(name: str, value: object) -> np.ndarray:
    """Any shape of finite numbers; float32 stays float32."""
    return finite_array(name, value, ndim=tuple(range(33)), dtype=None)


class Loss:
    """The face that every loss shares."""

    def check_targets(
        self, targets: object, shape: tuple[int, ...], dtype: np.dtype
    ) -> np.ndarray:
        """Return the targets as an array that fits outputs of `shape`, or say what is wrong."""
        raise NotImplementedError

    def predict(self, o: np.ndarray) -> np.ndarray:
        """Return what the network answers when its logits are o."""
        raise NotImplementedError

    def loss_and_grad(
        self, o: np.ndarray, y: np.ndarray, w: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return L = Σ_n w_n ℓ_n and ∂L/∂o.

        Arguments
            o  logits, shape (N, V). They are used up: ∂L/∂o is written over them
            y  targets, as `check_targets` returns them, one row (or id) for each of the N
            w  a weight for each row, shape (N), of the dtype of o
        """
        raise NotImplementedError


class SoftmaxCrossEntropy(Loss):
    """The surprise at the right answer, in nats: softmax outputs, one of V classes.

        ℓ       = −log p_y = log Σ_j exp(o_j − m) − (o_y − m),    m = max_j o_j
        ∂ℓ/∂o_i = p_i − [i = y]

    The logarithm is taken of the sum, which is at least 1, and never of a probability: a class
    of probability 0 costs a large finite number, and 0 · log 0 does not occur. A target may also
    be a distribution over the classes: ℓ = −Σ_i y_i log p_i and ∂ℓ/∂o = p − y.

    Chapters: *forward* (the loss), *derivation* (its gradient).
    """

    def check_targets(
        self, targets: object, shape: tuple[int, ...], dtype: np.dtype
    ) -> np.ndarray:
        """Ids from 0 to V − 1 of shape `shape[:-1]`, or distributions of shape `shape`."""
        targets = any_array("targets", targets)
        if targets.ndim != len(shape):
            ids = token_ids("targets", targets, len(shape) - 1, shape[-1])
            return _shaped(ids, shape[:-1])
        y = _shaped(finite_array("targets", targets, len(shape)), shape)
        total = y.sum(axis=-1)
        if y.min() < 0 or np.abs(total - 1).max() > 1e-6:
            raise ValueError(
                "targets: expected class ids, or probabilities that are at least 0 and add up "
                f"to 1 along the last axis; got values from {y.min():g} to {y.max():g} with "
                f"sums from {total.min():g} to {total.max():g}"
            )
        return y.astype(dtype)

    def predict(self, o: np.ndarray) -> np.ndarray:
        """p = softmax(o)"""
        return softmax(o)

    def loss_and_grad(
        self, o: np.ndarray, y: np.ndarray, w: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """L = Σ_n w_n ℓ_n and ∂L/∂o = w (p − [y]); see `Loss.loss_and_grad`."""
        loss = 0.0
        # All lines below pass over the same numbers. A few rows at a time stay in the cache.
        few = max(1, _PIECE // o.shape[1])
        for begin in range(0, len(o), few):
            piece = slice(begin, begin + few)
            loss += self._piece(o[piece], y[piece], w[piece])
        return loss, o

    @staticmethod
    def _piece(o: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
        """The part of L that a few rows have; ∂L/∂o is written over o."""
        o -= o.max(axis=1, keepdims=True)
        if y.ndim == 1:
            rows = np.arange(len(o))
            right = o[rows, y]
        else:
            right = np.vecdot(o, y)
        np.exp(o, out=o)
        total = o.sum(axis=1)
        loss = _weighted_sum(w, np.log(total) - right)
        o *= (w / total)[:, None]
        if y.ndim == 1:
            o[rows, y] -= w
        else:
            o -= w[:, None] * y
        return loss


class SigmoidCrossEntropy(Loss):
    """The surprise at V answers of yes or no, in nats: sigmoid outputs.

        ℓ       = Σ_i −y_i log p_i − (1 − y_i) log(1 − p_i),    p = σ(o)
                = Σ_i max(o_i, 0) − y_i o_i + log(1 + exp(−|o_i|))
        ∂ℓ/∂o_i = p_i − y_i

    Chapter: *binary-addition*.
    """

    def check_targets(
        self, targets: object, shape: tuple[int, ...], dtype: np.dtype
    ) -> np.ndarray:
        """Numbers from 0 (no) to 1 (yes), of the outputs' shape."""
        y = _shaped(finite_array("targets", targets, len(shape)), shape)
        if y.min() < 0 or y.max() > 1:
            raise ValueError(
                f"targets: expected numbers from 0 to 1, got {y.min():g} to {y.max():g}"
            )
        return y.astype(dtype)

    def predict(self, o: np.ndarray) -> np.ndarray:
        """p = σ(o)"""
        return sigmoid(o)

    def loss_and_grad(
        self, o: np.ndarray, y: np.ndarray, w: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """L = Σ_n w_n ℓ_n and ∂L/∂o = w (σ(o) − y); see `Loss.loss_and_grad`."""
        terms = np.maximum(o, 0) - y * o + np.log1p(np.exp(-np.abs(o)))
        loss = _weighted_sum(w, terms.sum(axis=1))
        o[...] = w[:, None] * (sigmoid(o) - y)
        return loss, o


class SquaredError(Loss):
    """The squared distance to V target numbers: linear outputs.

        ℓ       = Σ_i (o_i − y_i)²
        ∂ℓ/∂o_i = 2 (o_i − y_i)

    Chapter: *linear-rnn* (for one output).
    """

    def check_targets(
        self, targets: object, shape: tuple[int, ...], dtype: np.dtype
    ) -> np.ndarray:
        """Finite numbers of the outputs' shape."""
        y = finite_array("targets", targets, len(shape))
        return _shaped(y, shape).astype(dtype)

    def predict(self, o: np.ndarray) -> np.ndarray:
        """The outputs themselves."""
        return o.copy()

    def loss_and_grad(
        self, o: np.ndarray, y: np.ndarray, w: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """L = Σ_n w_n ℓ_n and ∂L/∂o = 2 w (o − y); see `Loss.loss_and_grad`."""
        o -= y
        loss = _weighted_sum(w, np.vecdot(o, o))
        o *= 2 * w[:, None]
        return loss, o


LOSSES: dict[str, Loss] = {
    "softmax": SoftmaxCrossEntropy(),
    "sigmoid": SigmoidCrossEntropy(),
    "squared": SquaredError(),
}


def _weighted_sum(w: np.ndarray, losses: np.ndarray) -> float:
    """Σ_n w_n ℓ_n, added up in float64 also where the network computes in float32."""
    return float((w * losses).sum(dtype=np.float64))


def _shaped(targets: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if targets.shape != shape:
        raise ValueError(
            f"targets: expected shape {shape}, to fit the outputs, got {targets.shape}"
        )
    return targets
