"""Synthetic tasks whose right answer is known. Arrays are time-major: axis 0 is time.

Here are counting and recall. `bits` holds binary addition, `memory` the adding and the copy task,
`reber` the embedded Reber grammar; this module hands them on.
"""

from __future__ import annotations

import numpy as np

from rnnlib.bits import (
    binary_addition_task,
    from_bits,
    published_binary_addition_task,
    to_bits,
)
from rnnlib.checks import given_generator, whole_number
from rnnlib.memory import adding_task, copy_task
from rnnlib.reber import REBER_SYMBOLS, ReberTask, reber_task

__all__ = [
    "REBER_SYMBOLS",
    "ReberTask",
    "adding_task",
    "binary_addition_task",
    "copy_task",
    "counting_task",
    "from_bits",
    "published_binary_addition_task",
    "published_counting_task",
    "reber_task",
    "recall_task",
    "to_bits",
]


def counting_task(
    rng: np.random.Generator, n_sequences: int = 20, length: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Draw binary sequences; the target of each is the number of ones in it.

        x_k ∈ {0, 1} with equal chance,    t = x_1 + x_2 + … + x_T

    Arguments
        rng          the only source of randomness: the same seed gives the same data
        n_sequences  B, at least 1
        length       T, at least 1

    Returns
        inputs   (T, B), zeros and ones as float64
        targets  (B), the counts

    Errors
        TypeError, ValueError  an argument of the wrong kind, or smaller than 1

    Chapter: *recurrence*.
    """
    rng = given_generator(rng)
    n_sequences = whole_number("n_sequences", n_sequences, least=1)
    length = whole_number("length", length, least=1)
    inputs = rng.integers(0, 2, size=(length, n_sequences)).astype(np.float64)
    return inputs, inputs.sum(axis=0)


def published_counting_task() -> tuple[np.ndarray, np.ndarray]:
    """Return the 20 sequences of 10 steps on which Roelants trained his network.

    Returns
        inputs   (10, 20), zeros and ones as float64
        targets  (20), the counts

    Source: Roelants, *How to implement an RNN (1/2)*. Chapter: *recurrence*.
    """
    # The source seeds NumPy's old global generator. This is the same generator with the same
    # seed, kept to ourselves; only so do the published numbers come out.
    old_generator = np.random.RandomState(1)
    rows = [np.around(old_generator.rand(10)) for _ in range(20)]
    inputs = np.array(rows).T.copy()
    return inputs, inputs.sum(axis=0)


def recall_task(
    rng: np.random.Generator,
    n_sequences: int = 32,
    distractors: int = 10,
    symbols: int = 4,
    noise_symbols: int = 2,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw sequences that begin with a symbol to be remembered; the target is that symbol.

        x_1 ∈ {0, …, S − 1},    x_2, …, x_{d+1} ∈ {S, …, S + N − 1},    y = x_1

    Each is drawn with equal chance. The d distractors say nothing about the answer, which is
    asked for after the last of them: whoever guesses has a chance of 1/S, and loses log S nats.

    Arguments
        rng          the only source of randomness: the same seed gives the same data
        n_sequences  B, at least 1
        distractors  d, at least 0
        symbols      S: how many can be asked for, at least 2
        noise_symbols  N: how many different distractors there are, at least 1

    Returns
        inputs   (d + 1, B), ids below S + N
        targets  (B), ids below S

    Errors
        TypeError, ValueError  an argument of the wrong kind, or too small

    Chapters: *gradient-checking*, *truncation*, *vanishing-gradients*, *long-memory*.
    """
    rng = given_generator(rng)
    n_sequences = whole_number("n_sequences", n_sequences, least=1)
    distractors = whole_number("distractors", distractors, least=0)
    symbols = whole_number("symbols", symbols, least=2)
    noise_symbols = whole_number("noise_symbols", noise_symbols, least=1)
    targets = rng.integers(symbols, size=n_sequences)
    noise = rng.integers(
        symbols, symbols + noise_symbols, size=(distractors, n_sequences)
    )
    return np.concatenate([targets[None], noise]), targets
