"""Two loops in NumPy of the kind that tutorials publish, written anew from their formulas.

`MinCharRNN` works as Karpathy's min-char-rnn does: column vectors, a one-hot column per step,
dictionaries of what each step computed, one outer product per parameter and step. AdaGrad and
the clipping of values are left out, so that it makes the same step as everyone here.

`Gates` works as gy910210's tutorial does: the network is a graph of gates, every time step a unit
of them with one-hot vectors at its entrance, no biases. Each unit computes its outputs once more
on the way back, and multiplies its whole matrices also where the gradient that arrives is zero.
With a truncation, the way back starts at every loss anew, as in the tutorial. Without one, a
single way back carries the losses of all steps: the tutorial's gates at their best.

Both take one sequence (B = 1). The gradient is that of the sum over the sequence; dividing the
rate by T makes the same step as a mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import Arrays, Case


class _Loop:
    """Weights by name, ids as lists, and plain gradient descent."""

    def __init__(self, case: Case, variant: str, start: Arrays, rate: float) -> None:
        self.kind, self.rate = np.dtype(case.dtype), rate
        self.steps_back = case.truncation
        self.weights = {k: self.form(array.astype(self.kind)) for k, array in start.items()}

    def form(self, array: np.ndarray) -> np.ndarray:
        return array

    def batch(self, x: np.ndarray, y: np.ndarray) -> Any:
        return x[:, 0].tolist(), y[:, 0].tolist()

    def gradient(self, x: list[int], y: list[int]) -> tuple[float, Arrays]:
        """Return the summed loss of one sequence and its gradient."""
        raise NotImplementedError

    def step(self, x: list[int], y: list[int]) -> None:
        _, grads = self.gradient(x, y)
        for name, grad in grads.items():
            self.weights[name] -= self.rate / len(x) * grad

    def finish(self) -> None:
        """Nothing runs on behind our back."""

    def params(self) -> Arrays:
        return {name: array.copy() for name, array in self.weights.items()}


class MinCharRNN(_Loop):
    """One time step after the other, forth and back."""

    @staticmethod
    def variants(case: Case) -> tuple[str, ...]:
        return ("loop",)

    def form(self, array: np.ndarray) -> np.ndarray:
        return array if array.ndim == 2 else array[:, None]

    def params(self) -> Arrays:
        held = super().params()
        return {name: w.ravel() if name.startswith("b_") else w for name, w in held.items()}

    def gradient(self, x: list[int], y: list[int]) -> tuple[float, Arrays]:
        w, loss = self.weights, 0.0
        inputs, probabilities = {}, {}
        states = {-1: np.zeros((len(w["W_hh"]), 1), self.kind)}
        for t in range(len(x)):
            inputs[t] = np.zeros((w["W_xh"].shape[1], 1), self.kind)
            inputs[t][x[t]] = 1
            a = np.dot(w["W_xh"], inputs[t]) + np.dot(w["W_hh"], states[t - 1]) + w["b_h"]
            states[t] = np.tanh(a)
            scores = np.exp(np.dot(w["W_hy"], states[t]) + w["b_y"])
            probabilities[t] = scores / np.sum(scores)
            loss -= float(np.log(probabilities[t][y[t], 0]))
        grads = {name: np.zeros_like(array) for name, array in w.items()}
        from_next = np.zeros_like(states[-1])
        for t in reversed(range(len(x))):
            d_o = np.copy(probabilities[t])
            d_o[y[t]] -= 1
            grads["W_hy"] += np.dot(d_o, states[t].T)
            grads["b_y"] += d_o
            d_a = (np.dot(w["W_hy"].T, d_o) + from_next) * (1 - states[t] * states[t])
            grads["b_h"] += d_a
            grads["W_xh"] += np.dot(d_a, inputs[t].T)
            grads["W_hh"] += np.dot(d_a, states[t - 1].T)
            from_next = np.dot(w["W_hh"].T, d_a)
        return loss, grads


# --- A network of gates --------------------------------------------------------------------------


class Multiply:
    """A matrix times a vector."""

    @staticmethod
    def forth(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
        return np.dot(matrix, vector)

    @staticmethod
    def back(matrix: np.ndarray, vector: np.ndarray, d: np.ndarray) -> Any:
        return np.dot(d[:, None], vector[None, :]), np.dot(matrix.T, d)


class Add:
    """The sum of two vectors."""

    @staticmethod
    def forth(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return left + right

    @staticmethod
    def back(left: np.ndarray, right: np.ndarray, d: np.ndarray) -> Any:
        return d * np.ones_like(left), d * np.ones_like(right)


class Tanh:
    """The non-linearity."""

    @staticmethod
    def forth(a: np.ndarray) -> np.ndarray:
        return np.tanh(a)

    @staticmethod
    def back(a: np.ndarray, d: np.ndarray) -> np.ndarray:
        return (1 - np.square(np.tanh(a))) * d


class Softmax:
    """Probabilities, their loss, and the gradient of the loss with respect to the scores."""

    @staticmethod
    def forth(scores: np.ndarray) -> np.ndarray:
        powers = np.exp(scores)
        return powers / np.sum(powers)

    @classmethod
    def loss(cls, scores: np.ndarray, target: int) -> float:
        return -float(np.log(cls.forth(scores)[target]))

    @classmethod
    def back(cls, scores: np.ndarray, target: int) -> np.ndarray:
        d = cls.forth(scores)
        d[target] -= 1
        return d


class Unit:
    """The gates of one time step."""

    def forth(self, x: np.ndarray, before: np.ndarray, w: Arrays) -> None:
        self.x, self.before = x, before
        self.from_x = Multiply.forth(w["W_xh"], x)
        self.from_h = Multiply.forth(w["W_hh"], before)
        self.a = Add.forth(self.from_x, self.from_h)
        self.h = Tanh.forth(self.a)
        self.scores = Multiply.forth(w["W_hy"], self.h)

    def back(self, w: Arrays, d_h: np.ndarray, d_scores: np.ndarray) -> tuple[np.ndarray, Arrays]:
        """Return the gradient for the state before, and for the matrices."""
        self.forth(self.x, self.before, w)
        d_W_hy, from_scores = Multiply.back(w["W_hy"], self.h, d_scores)
        d_a = Tanh.back(self.a, from_scores + d_h)
        d_from_x, d_from_h = Add.back(self.from_x, self.from_h, d_a)
        d_W_hh, d_before = Multiply.back(w["W_hh"], self.before, d_from_h)
        d_W_xh, _ = Multiply.back(w["W_xh"], self.x, d_from_x)
        return d_before, {"W_xh": d_W_xh, "W_hh": d_W_hh, "W_hy": d_W_hy}


class Gates(_Loop):
    """The graph of gates, unrolled in time."""

    @staticmethod
    def variants(case: Case) -> tuple[str, ...]:
        return ("gates",)

    def gradient(self, x: list[int], y: list[int]) -> tuple[float, Arrays]:
        units = self.forth(x)
        loss = sum(Softmax.loss(unit.scores, target) for unit, target in zip(units, y, strict=True))
        grads = {k: np.zeros_like(w) for k, w in self.weights.items() if k.startswith("W_")}
        if self.steps_back is None:
            self.sweep(units, y, grads)
        else:
            self.walk_from_each_loss(units, y, grads)
        return loss, grads

    def forth(self, x: list[int]) -> list[Unit]:
        units = [Unit() for _ in x]
        h = np.zeros(len(self.weights["W_hh"]), self.kind)
        for unit, token in zip(units, x, strict=True):
            one_hot = np.zeros(self.weights["W_xh"].shape[1], self.kind)
            one_hot[token] = 1
            unit.forth(one_hot, h, self.weights)
            h = unit.h
        return units

    def sweep(self, units: list[Unit], y: list[int], grads: Arrays) -> None:
        """Go once from the last step to the first."""
        d_h = np.zeros_like(units[0].h)
        for unit, target in zip(units[::-1], y[::-1], strict=True):
            d_h, found = unit.back(self.weights, d_h, Softmax.back(unit.scores, target))
            add(grads, found)

    def walk_from_each_loss(self, units: list[Unit], y: list[int], grads: Arrays) -> None:
        """Go from every loss through its own step and `steps_back` steps before it."""
        for t, target in enumerate(y):
            d_scores = Softmax.back(units[t].scores, target)
            d_h, of_this_loss = units[t].back(self.weights, np.zeros_like(units[t].h), d_scores)
            nothing = np.zeros_like(d_scores)
            for unit in units[max(0, t - self.steps_back) : t][::-1]:
                d_h, found = unit.back(self.weights, d_h, nothing)
                add(of_this_loss, {name: found[name] for name in ("W_xh", "W_hh")})
            add(grads, of_this_loss)


def add(total: Arrays, more: Arrays) -> None:
    """Add arrays by name, in place."""
    for name, array in more.items():
        total[name] += array
