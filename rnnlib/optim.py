"""Optimisers: rules that turn a gradient into a step. All share one face, `step`.

In every equation g is the derivative of the loss by one weight w, η the learning rate, and all
happens to each weight on its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlib.annealing import HalveOnRise
from rnnlib.checks import between
from rnnlib.rprop import RProp
from rnnlib.stepping import Optimizer

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "HalveOnRise",
    "Optimizer",
    "RMSProp",
    "RProp",
]


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

        v ← μ v − η g
        w ← w + v              or, with Nesterov's momentum,    w ← w + μ v − η g

    With Nesterov's momentum the gradient is taken where the velocity v will have carried the
    weight, at w + μ v. That point is what `params` holds: both lines above then say the same.

    Arguments
        learning_rate  η, above 0
        momentum       μ, from 0 (plain gradient descent) to below 1
        nesterov       look ahead before the gradient is taken; needs momentum

    Errors
        TypeError, ValueError  a rate or momentum outside these bounds, `nesterov` without momentum

    Sources: Polyak 1964; Nesterov 1983; Sutskever et al. 2013.
    Chapters: *rprop* (where it fails), *optimizers*.
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__()
        self.learning_rate = _rate(learning_rate)
        self.momentum = between("momentum", momentum, 0, 1)
        self.nesterov = _look_ahead(nesterov, self.momentum)

    def update(
        self, grad: np.ndarray, memory: dict[str, Any], loss: float | None
    ) -> np.ndarray:
        """v ← μ v − η g; the step is v, or μ v − η g."""
        return _with_momentum(self, -self.learning_rate * grad, memory)


class AdaGrad(Optimizer):
    """A rate for each weight that falls with all the gradient it has seen.

        r ← r + g²
        w ← w − η g / √(r + ε)

    Arguments
        learning_rate  η, above 0: the length of the first step of every weight
        eps            ε, above 0, inside the root: a first g well below √ε makes a shorter step

    Errors
        TypeError, ValueError  a number outside its bounds

    Sources: Duchi, Hazan and Singer 2011; in this form Karpathy 2015 (ε = 1e-8), Olar (1e-12).
    Chapter: *optimizers*.
    """

    squares = True

    def __init__(self, learning_rate: float, eps: float = 1e-8) -> None:
        super().__init__()
        self.learning_rate = _rate(learning_rate)
        self.eps = between("eps", eps, 0, np.inf, open_low=True)

    def update(
        self, grad: np.ndarray, memory: dict[str, Any], loss: float | None
    ) -> np.ndarray:
        """r ← r + g²; the step is −η g / √(r + ε)."""
        r = _kept("r", grad, memory)
        r += grad * grad
        return -self.learning_rate * grad / np.sqrt(r + self.eps)


class RMSProp(Optimizer):
    """Steps measured by the gradient's recent size: AdaGrad that forgets.

        r ← ρ r + (1 − ρ) g²
        u = η g / (√r + ε)
        v ← μ v − u
        w ← w + v              or, with Nesterov's momentum,    w ← w + μ v − u

    Arguments
        learning_rate  η, above 0
        decay          ρ, from 0 (only the sign of g counts) to below 1
        momentum       μ, from 0 to below 1
        nesterov       as for `SGD`: `params` holds the point looked ahead to
        eps            ε, above 0

    Errors
        TypeError, ValueError  a number outside its bounds, `nesterov` without momentum

    Sources: Tieleman and Hinton 2012; with Nesterov's momentum Roelants, part 2.
    Chapters: *optimizers*, *binary-addition*.
    """

    squares = True

    def __init__(
        self,
        learning_rate: float,
        decay: float = 0.9,
        momentum: float = 0.0,
        nesterov: bool = False,
        eps: float = 1e-8,
    ) -> None:
        super().__init__()
        self.learning_rate = _rate(learning_rate)
        self.decay = between("decay", decay, 0, 1)
        self.momentum = between("momentum", momentum, 0, 1)
        self.nesterov = _look_ahead(nesterov, self.momentum)
        self.eps = between("eps", eps, 0, np.inf, open_low=True)

    def update(
        self, grad: np.ndarray, memory: dict[str, Any], loss: float | None
    ) -> np.ndarray:
        """r ← ρ r + (1 − ρ) g²; u = η g / (√r + ε); the step is v, or μ v − u."""
        r = _kept("r", grad, memory)
        r *= self.decay
        r += (1 - self.decay) * (grad * grad)
        u = self.learning_rate * grad / (np.sqrt(r) + self.eps)
        return _with_momentum(self, -u, memory)


class Adam(Optimizer):
    """A running mean of the gradient, measured by a running mean of its square.

        m ← β₁ m + (1 − β₁) g,      m̂ = m / (1 − β₁ᵗ)
        r ← β₂ r + (1 − β₂) g²,     r̂ = r / (1 − β₂ᵗ)
        w ← w − η m̂ / (√r̂ + ε)

    Both means start at 0, so early ones are too small. After t steps the weights in a mean
    add up to 1 − βᵗ, and the division makes up for it.

    Arguments
        learning_rate  η, above 0: about the longest step of a weight whose gradient comes
                       steadily; after many zeros it can be (1 − β₁)/√(1 − β₂) η, about 3.2 η
        beta1          β₁, from 0 to below 1
        beta2          β₂, from 0 to below 1
        eps            ε, above 0

    Errors
        TypeError, ValueError  a number outside its bounds

    Source: Kingma and Ba 2015. Chapter: *optimizers*.
    """

    squares = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        super().__init__()
        self.learning_rate = _rate(learning_rate)
        self.beta1 = between("beta1", beta1, 0, 1)
        self.beta2 = between("beta2", beta2, 0, 1)
        self.eps = between("eps", eps, 0, np.inf, open_low=True)

    def update(
        self, grad: np.ndarray, memory: dict[str, Any], loss: float | None
    ) -> np.ndarray:
        """Renew m and r; the step is −η m̂ / (√r̂ + ε)."""
        t = memory["t"] = memory.get("t", 0) + 1
        m = _kept("m", grad, memory)
        m *= self.beta1
        m += (1 - self.beta1) * grad
        r = _kept("r", grad, memory)
        r *= self.beta2
        r += (1 - self.beta2) * (grad * grad)
        m_hat = m / (1 - self.beta1**t)
        r_hat = r / (1 - self.beta2**t)
        return -self.learning_rate * m_hat / (np.sqrt(r_hat) + self.eps)


def _kept(note: str, grad: np.ndarray, memory: dict[str, Any]) -> np.ndarray:
    """An array that is remembered from step to step, to be changed in place; 0 at first."""
    if note not in memory:
        memory[note] = np.zeros_like(grad)
    return memory[note]


def _with_momentum(
    rule: SGD | RMSProp, move: np.ndarray, memory: dict[str, Any]
) -> np.ndarray:
    """v ← μ v + move; return v, or with Nesterov's momentum μ v + move."""
    if not rule.momentum:
        return move
    v = _kept("velocity", move, memory)
    v *= rule.momentum
    v += move
    return rule.momentum * v + move if rule.nesterov else v


def _rate(learning_rate: float) -> float:
    return between("learning_rate", learning_rate, 0, np.inf, open_low=True)


def _look_ahead(nesterov: bool, momentum: float) -> bool:
    if not isinstance(nesterov, bool | np.bool_):
        raise TypeError(
            f"nesterov: expected True or False, got {nesterov!r:.60}"
        )
    if nesterov and not momentum:
        raise ValueError(
            "nesterov: expected False where momentum is 0, got True"
        )
    return bool(nesterov)
