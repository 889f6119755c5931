"""Two tasks that ask for what was seen long ago: to add two marked numbers, to copy a word."""

from __future__ import annotations

import numpy as np

from rnnlib.checks import given_generator, whole_number

__all__ = ["adding_task", "copy_task"]


def adding_task(
    rng: np.random.Generator, n_sequences: int = 32, length: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Draw sequences of numbers, two of which are marked; the target is the sum of these two.

        x_t = (u_t, m_t),    u_t uniform in [0, 1),    m_t = 1 for t = i and t = j, else 0
        y   = u_i + u_j

    The place i is drawn from the first half of the T steps, j from the second, each with equal
    chance; the middle step of an odd T belongs to the second half. The answer is asked for after
    the last step (a network with `outputs="last"` and `loss="squared"`).

    Who always answers 1, the mean of y, has an expected loss equal to the variance of y,

        E (y − 1)² = 1/12 + 1/12 = 1/6 = 0.1667

    The best answer without the marks is the mean of the first half plus the mean of the second.
    If these are h and T − h steps long, it loses (2 − 1/h − 1/(T − h)) / 12: for T = 50 still
    0.16. Who has heard u_j but forgotten u_i loses 1/12 = 0.0833.

    Arguments
        rng          the only source of randomness: the same seed gives the same data
        n_sequences  B, at least 1
        length       T, at least 2

    Returns
        inputs   (T, B, 2), float64: the number, then its mark
        targets  (B, 1), float64

    Errors
        TypeError, ValueError  an argument of the wrong kind, or too small

    Sources: Hochreiter and Schmidhuber 1997 (experiment 4, with other ranges); Le, Jaitly and
    Hinton 2015; the two halves as in Arjovsky, Shah and Bengio 2016. Chapter: *long-memory*.
    """
    rng = given_generator(rng)
    n_sequences = whole_number("n_sequences", n_sequences, least=1)
    length = whole_number("length", length, least=2)
    half, each = length // 2, np.arange(n_sequences)
    inputs = np.zeros((length, n_sequences, 2))
    inputs[:, :, 0] = rng.random((length, n_sequences))
    first = rng.integers(half, size=n_sequences)
    second = rng.integers(half, length, size=n_sequences)
    inputs[first, each, 1] = inputs[second, each, 1] = 1
    return inputs, (inputs[first, each, 0] + inputs[second, each, 0])[:, None]


def copy_task(
    rng: np.random.Generator,
    n_sequences: int = 32,
    delay: int = 10,
    symbols: int = 8,
    length: int = 10,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw words to be repeated when the signal comes.

        inputs   w_1 … w_n  ␣ … ␣  !  ␣ … ␣        n symbols, d − 1 blanks, "go", n blanks
        targets  ␣ … ␣  ␣ … ␣  ␣  w_1 … w_n        n + d blanks, then the n symbols

    Each w_k is one of S symbols with equal chance. Ids: the symbols are 0 to S − 1, a blank ␣ is
    S, the signal ! is S + 1; so the network reads S + 2 different ids. T = d + 2n. From the step
    that shows w_k to the one that asks for it there are n + d steps.

    Who has forgotten the word, but knows when to answer, is certain of every blank and guesses
    every symbol, and loses per step

        n ln S / (d + 2n)    nats;  0.693 for d = 10, S = 8, n = 10

    Arguments
        rng          the only source of randomness: the same seed gives the same data
        n_sequences  B, at least 1
        delay        d, at least 1: d − 1 blanks and the signal
        symbols      S, at least 2
        length       n, at least 1

    Returns
        inputs   (T, B), ids below S + 2
        targets  (T, B), ids below S + 1

    Errors
        TypeError, ValueError  an argument of the wrong kind, or too small

    Sources: Arjovsky, Shah and Bengio 2016, after Hochreiter and Schmidhuber 1997.
    Chapter: *long-memory*.
    """
    rng = given_generator(rng)
    n_sequences = whole_number("n_sequences", n_sequences, least=1)
    delay = whole_number("delay", delay, least=1)
    symbols = whole_number("symbols", symbols, least=2)
    length = whole_number("length", length, least=1)
    blank, go = symbols, symbols + 1
    word = rng.integers(symbols, size=(length, n_sequences))
    inputs = np.full((delay + 2 * length, n_sequences), blank, dtype=np.int64)
    targets = inputs.copy()
    inputs[:length] = word
    inputs[length + delay - 1] = go
    targets[length + delay :] = word
    return inputs, targets
