"""What counting alone predicts: the rival that a network which reads text has to beat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlib.checks import any_array, token_ids, whole_number

__all__ = ["NGram"]

_MOST = 2**31  # symbols: so the numbers of pairs fit an int64


class _Level(NamedTuple):
    """The counts behind all contexts of one length, which have numbers: 0, 1, 2, …

    A pair is a context c and the symbol w that came after it. Pairs have numbers, too, and these
    are the numbers of the contexts on the next level, which are longer by one symbol.
    """

    pairs: np.ndarray  # c · V + w of each pair that was seen, ascending
    count: np.ndarray  # N(c, w) of each pair
    total: np.ndarray  # N(c) of each context, and one 0 at the end
    kinds: np.ndarray  # K(c) of each context, and one 0 at the end

    # A context that was never seen has the number −1. As an index this is the last: the 0.

    def find(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number and N(c, w) of each wanted pair; −1 and 0 where it was never seen."""
        place = np.searchsorted(self.pairs, wanted)
        place[place == len(self.pairs)] = 0
        seen = self.pairs[place] == wanted
        return np.where(seen, place, -1), np.where(seen, self.count[place], 0)

    def followers(self, c: int, V: int) -> np.ndarray:
        """N(c, w) for every symbol w, shape (V)."""
        begin, end = np.searchsorted(self.pairs, [c * V, (c + 1) * V])
        count = np.zeros(V, np.int64)
        count[self.pairs[begin:end] - c * V] = self.count[begin:end]
        return count


class NGram:
    """Predict a symbol from the few symbols before it, by counting what followed them.

        p(w | c) = (N(c, w) + K(c) p(w | c′)) / (N(c) + K(c))

    N(c, w) says how often w came after the context c, N(c) = Σ_w N(c, w), and K(c) is the
    number of different symbols that came after c. c′ is c without its oldest symbol. Below the
    empty context, each of the V symbols has the chance 1/V. A context that was never continued
    says nothing: p(w | c) = p(w | c′).

    A context that was followed by many different symbols will be followed by yet another: this is
    why K(c) weighs the shorter context. Every symbol has a chance above 0.

    Arguments
        ids        the text that is counted, shape (T)
        order      how many symbols belong together: 1 counts single symbols, 2 pairs, 3 triples
        n_symbols  V: ids run from 0 to V − 1

    Attributes
        order, n_symbols  the arguments

    Errors
        TypeError, ValueError  no ids, ids out of range, order or n_symbols below 1, n_symbols
                               above 2³¹

    Source: Witten and Bell 1991. Chapters: *character-model*, *word-model*.
    """

    def __init__(self, ids: np.ndarray, order: int, n_symbols: int) -> None:
        self.order = whole_number("order", order, least=1)
        self.n_symbols = whole_number("n_symbols", n_symbols, 1, _MOST)
        self._levels = self._count(self._checked("ids", ids))

    def probabilities(self, ids: np.ndarray) -> np.ndarray:
        """The chance of each symbol of a text, given the symbols before it.

            p_t = p(x_t | x_{t−n+1}, …, x_{t−1}),    n the order

        Arguments
            ids  a text, shape (T); the first n − 1 symbols have shorter contexts

        Returns
            p  shape (T), each above 0

        Errors
            TypeError, ValueError  no ids, or ids out of range

        Chapters: *character-model*, *word-model*.
        """
        ids = self._checked("ids", ids)
        p = np.full(len(ids), 1 / self.n_symbols)
        context = np.zeros(len(ids), np.int64)  # the empty one has number 0
        for k, level in enumerate(self._levels):
            # Only symbols with at least k before them have a context of this length.
            pair, count = level.find(context * self.n_symbols + ids[k:])
            p[k:] = _mixed(
                p[k:], count, level.total[context], level.kinds[context]
            )
            context = pair[:-1]
        return p

    def distribution(self, context: np.ndarray) -> np.ndarray:
        """The chance of each symbol behind a given context.

        Arguments
            context  ids, the latest last; may be empty. More than n − 1 are cut, oldest first

        Returns
            p  shape (V), adds up to 1

        Errors
            TypeError, ValueError  not ids, or ids out of range

        Chapters: *character-model*, *word-model*.
        """
        context = any_array("context", context)
        if context.size or context.ndim != 1:
            context = self._checked("context", context)
        p = np.full(self.n_symbols, 1 / self.n_symbols)
        for k, level in enumerate(self._levels[: len(context) + 1]):
            c = self._number(context[len(context) - k :])
            count = level.followers(c, self.n_symbols)
            p = _mixed(p, count, level.total[c], level.kinds[c])
        return p

    def mean_loss(self, ids: np.ndarray, skip: int = 0) -> float:
        """The mean surprise per symbol, in nats.

            (1 / (T − skip)) Σ_{t ≥ skip} −log p_t

        Arguments
            ids   a text, shape (T)
            skip  how many symbols at the beginning are read, but not counted; below T

        Returns
            loss  in nats per symbol; log V for someone who knows nothing

        Errors
            TypeError, ValueError  no ids, ids out of range, nothing left to count

        Chapters: *character-model*, *word-model*.
        """
        p = self.probabilities(ids)
        skip = whole_number("skip", skip, least=0)
        if skip >= len(p):
            raise ValueError(
                f"skip: expected less than the {len(p)} ids, got {skip}"
            )
        return float(-np.log(p[skip:]).mean())

    def _checked(self, name: str, ids: object) -> np.ndarray:
        return token_ids(name, ids, 1, self.n_symbols).astype(np.int64)

    def _count(self, ids: np.ndarray) -> list[_Level]:
        """One level for each length of context, from 0 to order − 1."""
        levels = []
        context, n_contexts = np.zeros(len(ids), np.int64), 1
        for k in range(min(self.order, len(ids))):
            pairs, pair, count = np.unique(
                context * self.n_symbols + ids[k:],
                return_inverse=True,
                return_counts=True,
            )
            total = np.bincount(context, minlength=n_contexts + 1)
            kinds = np.bincount(
                pairs // self.n_symbols, minlength=n_contexts + 1
            )
            levels.append(_Level(pairs, count, total, kinds))
            context, n_contexts = pair[:-1], len(pairs)
        return levels

    def _number(self, context: np.ndarray) -> int:
        """The number of a context on the level of its length; −1 if it was never seen."""
        c = np.zeros(1, np.int64)
        for level, w in zip(self._levels, context, strict=False):
            c, _ = level.find(c * self.n_symbols + w)
        return int(c[0])


def _mixed(
    shorter: np.ndarray, count: np.ndarray, total: object, kinds: object
) -> np.ndarray:
    """(N(c, w) + K(c) p(w | c′)) / (N(c) + K(c)); p(w | c′) where c was never continued."""
    weight = np.maximum(kinds, 1)  # N(c, w) = N(c) = 0 where K(c) = 0
    return (count + weight * shorter) / (total + weight)
