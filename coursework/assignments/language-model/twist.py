"""What a term draws for *A language model of your own*: numbers and examples, no other equations.

Each student brings a text of their own, so the answers that weigh most cannot be handed on. The
small examples are worked out here, naively and with fractions, so that the page and the visible
checks have them as plain numbers.
"""

import json
import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

KINDS: tuple[str, ...] = ()

SENTENCES = (
    "the tide turns at ten and the boats turn with it.",
    "ten tired tailors told the tale of a torn coat.",
    "a net in the sea, a sea in the net, and no fish.",
    "she sees the light and the light sees her as well.",
    "no one has seen the moon on the roof of the inn.",
    "on monday the rain ran down the road to the inn.",
)

# Chances of three symbols at temperature 1 (up to a factor), and at another one.
HEATS = (
    ((1, 2, 4), "0.5", (1, 4, 16)),
    ((1, 3, 2), "0.5", (1, 9, 4)),
    ((3, 1, 2), "0.5", (9, 1, 4)),
    ((1, 4, 9), "2", (1, 2, 3)),
    ((4, 1, 16), "2", (2, 1, 4)),
    ((9, 4, 16), "2", (3, 2, 4)),
)


def draw(rng: np.random.Generator) -> dict[str, object]:
    """Return the numbers of a term."""
    values: dict[str, object] = {
        "kappa": int(rng.integers(2, 6)),
        "least": int(rng.integers(2, 5)),
        "period": int(rng.choice([8, 9, 10, 12])),
        "seed": int(rng.integers(1, 1000)),
        "cold": str(rng.choice(["0.3", "0.4", "0.5"])),
        "middle": str(rng.choice(["0.7", "0.8", "0.9"])),
        "warm": str(rng.choice(["1.3", "1.4", "1.5"])),
    }
    return values | _split(rng) | _counts(rng) | _heat(rng) | _toy(rng)


def _split(rng: np.random.Generator) -> dict[str, object]:
    """A sentence cut in blocks, and the vocabulary of its training pieces."""
    sentence = str(rng.choice(SENTENCES))
    while True:
        size, period = int(rng.integers(3, 5)), int(rng.integers(4, 6))
        if len(sentence) % (size * period):  # so that the last round is not whole
            break
    parts: tuple[list[str], ...] = ([], [], [])
    last = None
    for i, character in enumerate(sentence):
        part = parts[max(0, i // size % period - (period - 3))]
        if part is last:
            part[-1] += character
        else:
            part.append(character)
        last = part
    train, valid, test = parts
    joined = "".join(train)
    symbols = [c for c in sorted(set(joined)) if joined.count(c) >= 2]
    word = "".join(test)
    return {
        "sentence": sentence,
        "sentence_code": json.dumps(sentence),
        "small_size": size,
        "small_period": period,
        "small_train": json.dumps(train),
        "small_valid": json.dumps(valid),
        "small_test": json.dumps(test),
        "small_symbols": json.dumps(symbols),
        "small_V": len(symbols),
        "small_word_code": json.dumps(word),
        "small_ids": [symbols.index(c) + 1 if c in symbols else 0 for c in word],
    }


def _counts(rng: np.random.Generator) -> dict[str, object]:
    """Two short pieces of ids, and three chances that follow from them."""
    V, kappa = 4, int(rng.integers(1, 4))
    while True:
        pieces = [rng.integers(1, V, size=size).tolist() for size in (6, 3)]
        x, y, w = pieces[0][1:4]
        after = {k: _after(pieces, (x, y)[2 - k :]) for k in range(3)}
        # No two of the numbers are equal, and none is 0, so that each mistake shows.
        told = [len(after[k]) for k in range(3)]
        enough = told[1] > told[2] and after[1].count(w) not in (0, told[1])
        if enough and x != y and len(set(pieces[0])) == V - 1:
            break
    chances = [Fraction(1, V)]
    for k in range(3):
        top = after[k].count(w) + kappa * chances[-1]
        chances.append(top / (len(after[k]) + kappa))
    counts = {}
    for piece in pieces:
        for t, symbol in enumerate(piece):
            for begin in range(max(0, t - 2), t + 1):
                followers = counts.setdefault(tuple(piece[begin:t]), {})
                followers[symbol] = followers.get(symbol, 0) + 1
    return {
        "small_pieces": pieces,
        "small_counts": dict(sorted(counts.items(), key=lambda item: (len(item[0]), item[0]))),
        "small_kappa": kappa,
        "x": x,
        "y": y,
        "w": w,
        "small_n": [[after[k].count(w), len(after[k])] for k in range(3)],
        "small_chances": [f"{p.numerator}/{p.denominator}" for p in chances[1:]],
        "small_codes": [f"{p.numerator} / {p.denominator}" for p in chances[1:]],
    }


def _after(pieces: list[list[int]], context: tuple[int, ...]) -> list[int]:
    """All that followed a context, in order."""
    k = len(context)
    return [
        piece[i]
        for piece in pieces
        for i in range(k, len(piece))
        if tuple(piece[i - k : i]) == context
    ]


def _heat(rng: np.random.Generator) -> dict[str, object]:
    """Three logits with round chances, and three numbers of noise."""
    before, heat, after = HEATS[rng.integers(len(HEATS))]
    # What comes out of two mistakes: o * heat, and the heat forgotten.
    upside_down = [weight ** float(heat) for weight in before]
    order = rng.permutation(3).tolist()
    noise, logits = (-0.5, 0.75, 1.5), (2.0, 1.0, 0.0)
    return {
        "before": list(before),
        "heat": heat,
        "after": list(after),
        "heat_upside_down": _logarithms(upside_down),
        "heat_forgotten": _logarithms(before),
        "noise": [noise[i] for i in order],
        "logits": [logits[i] for i in order],
        # With these numbers 0, 1 and 4 as temperature choose the first, second and third.
        "chosen": [order.index(i) for i in range(3)],
    }


def _logarithms(weights: Iterable[float]) -> list[float]:
    """The logarithms of chances in the ratio of these weights, rounded for a comparison."""
    weights = list(weights)
    return [round(math.log(weight / sum(weights)), 8) for weight in weights]


def _toy(rng: np.random.Generator) -> dict[str, object]:
    """Two lengths of pieces for the network that doubts more and more."""
    pairs = [(4, 3), (5, 3), (6, 3), (5, 4), (6, 4), (7, 4)]
    long, short = pairs[rng.integers(len(pairs))]
    sums = [n * (n - 1) // 2 for n in (long, short)]
    bits, number = sum(sums), long + short - 2
    return {
        "long": long,
        "short": short,
        "toy_sum": bits,
        "toy_number": number,
        "toy_bits": round(bits / number, 6),
    }
