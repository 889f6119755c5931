"""Temperature and top-k: which symbol is drawn when a network expects each with some chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlib.checks import any_array, between, finite_array, whole_number

__all__ = ["Rule", "sampling_rule", "tempered"]


def tempered(
    p: np.ndarray, temperature: float = 1.0, top_k: int | None = None
) -> np.ndarray:
    """Make the likely likelier, or all more alike, and cut what is unlikely.

        q_i ∝ exp(o_i / temperature) ∝ p_i^(1 / temperature),    0 but for the top_k largest

    p = softmax(o) knows o but for a constant, which cancels. What is 0 stays 0.

    Arguments
        p            probabilities, shape (…, V)
        temperature  1 changes nothing; towards 0, all goes to the largest; towards infinity, all
                     become equal
        top_k        how many are kept, of equal ones those with the smaller id; None: all

    Returns
        q  the same shape, float64; adds up to 1 along the last axis

    Errors
        TypeError, ValueError  not probabilities, a negative temperature, top_k out of range

    Chapter: *character-model*.
    """
    p = any_array("p", p)
    p = finite_array("p", p, max(p.ndim, 1), dtype=None)
    total = p.sum(axis=-1)
    if p.min() < 0 or np.abs(total - 1).max() > 1e-4:
        raise ValueError(
            "p: expected probabilities that are at least 0 and add up to 1 along the last axis, "
            f"got values from {p.min():g} with sums from {total.min():g} to {total.max():g}"
        )
    return sampling_rule(temperature, top_k, p.shape[-1]).chances(p)


class Rule(NamedTuple):
    """How the next symbol is chosen when the network expects p, shape (…, V).

        q_i ∝ p_i^(1 / temperature),    0 but for the top_k largest
        x   = the first i with q_0 + … + q_i > u,    u uniform in [0, 1)

    Attributes
        temperature  0: the likeliest symbol, of equal ones the smallest id
        top_k        how many symbols can be drawn; None: all

    Chapter: *character-model*.
    """

    temperature: float
    top_k: int | None

    @property
    def greedy(self) -> bool:
        """Whether the likeliest symbol is taken, and no number is drawn."""
        return self.temperature == 0 or self.top_k == 1

    def choose(self, p: np.ndarray, u: np.ndarray | None) -> np.ndarray:
        """Return one id for each of B rows p, by one uniform number u for each."""
        if self.greedy:
            return p.argmax(axis=1)
        reached = self.chances(p).cumsum(axis=1)
        # The sums end at 1 but for rounding. u times the last of them is always below it.
        return (reached > (u * reached[:, -1])[:, None]).argmax(axis=1)

    def chances(self, p: np.ndarray) -> np.ndarray:
        """Return q, the chance with which each symbol is drawn, in float64."""
        q = p.astype(np.float64)
        if self.greedy:
            return 1.0 * _largest(q, 1)
        if self.temperature != 1:
            # log 0 = −∞, and exp makes it 0 again. The largest exponent is 0.
            with np.errstate(divide="ignore", over="ignore", under="ignore"):
                o = np.log(q)
                o -= o.max(axis=-1, keepdims=True)
                o /= self.temperature
                q = np.exp(o)
        if self.top_k is not None:
            q *= _largest(p, self.top_k)
        q /= q.sum(axis=-1, keepdims=True)
        return q


def _largest(p: np.ndarray, k: int) -> np.ndarray:
    """True for the k largest of each row; of equal ones, for those with the smaller id."""
    least = np.partition(p, -k, axis=-1)[..., -k, None]
    above, equal = p > least, p == least
    room = k - above.sum(axis=-1, keepdims=True)
    return above | (equal & (equal.cumsum(axis=-1) <= room))


def sampling_rule(temperature: float, top_k: int | None, V: int) -> Rule:
    """Return the rule for V symbols, if there is such a one.

    Arguments
        temperature, top_k  as for `Rule`
        V                   the number of symbols

    Errors
        TypeError, ValueError  a negative temperature, top_k below 1 or above V
    """
    temperature = between("temperature", temperature, 0, np.inf)
    if top_k is not None:
        top_k = whole_number("top_k", top_k, 1, V)
    return Rule(temperature, top_k)
