"""Binary addition, bit by bit: what a network must carry from one step to the next."""

from __future__ import annotations

import numpy as np

from rnnlib.checks import any_array, given_generator, whole_number

__all__ = [
    "binary_addition_task",
    "from_bits",
    "published_binary_addition_task",
    "to_bits",
]

_MOST = 63  # bits of an int64 that is not negative


def binary_addition_task(
    rng: np.random.Generator, n_sequences: int = 100, bits: int = 6
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of numbers, least significant bit first; the target is their sum.

        y_t     = (x_t1 + x_t2 + c_t) mod 2,    c_1 = 0
        c_{t+1} = 1 if x_t1 + x_t2 + c_t ≥ 2, else 0

    Both numbers are below 2ⁿ, n = `bits`, each with equal chance. Their sum can have one bit
    more, so T = n + 1 and the last bit of both inputs is 0. Nobody sees the carry c_t: whoever
    adds must remember it.

    Each target alone is as good as a coin, and says 1 with chance 1/2 (the last one with
    (1 − 2⁻ⁿ)/2): who guesses loses ln 2 = 0.693 nats per bit. Who sees both bits of a step, knows
    which step it is and remembers nothing still has to guess the carry,

        P(c_t = 1) = (1 − 2^{1−t}) / 2

    and loses the entropy of c_t, summed over t: 0.569 nats per bit for n = 6.

    Arguments
        rng          the only source of randomness: the same seed gives the same data
        n_sequences  B, at least 1
        bits         n, from 1 to 60

    Returns
        inputs   (n + 1, B, 2), zeros and ones as float64
        targets  (n + 1, B, 1), the same

    Errors
        TypeError, ValueError  an argument of the wrong kind, too small, or too large

    Source: Roelants, *How to implement an RNN (2/2)*. Chapter: *binary-addition*.
    """
    rng = given_generator(rng)
    n_sequences = whole_number("n_sequences", n_sequences, least=1)
    bits = whole_number("bits", bits, 1, 60)
    return _addition(rng.integers(2**bits, size=(n_sequences, 2)), bits)


def published_binary_addition_task() -> tuple[np.ndarray, np.ndarray]:
    """Return the 2000 sums of 6-bit numbers on which Roelants trained his network.

    The first is 37 + 43 = 80.

    Returns
        inputs   (7, 2000, 2), zeros and ones as float64
        targets  (7, 2000, 1), the same

    Source: Roelants, *How to implement an RNN (2/2)*. Chapter: *binary-addition*.
    """
    # The source seeds NumPy's old global generator and draws one number after another. This is
    # the same generator with the same seed, kept to ourselves; only so do its samples come out.
    old_generator = np.random.RandomState(1)
    pairs = [
        (old_generator.randint(0, 64), old_generator.randint(0, 64))
        for _ in range(2000)
    ]
    return _addition(np.array(pairs), bits=6)


def to_bits(numbers: np.ndarray | int, bits: int) -> np.ndarray:
    """Write numbers in binary, least significant bit first.

        number = Σ_t 2^{t−1} b_t,    b_t ∈ {0, 1},    t = 1, …, T

    Arguments
        numbers  whole numbers from 0 to 2ᵀ − 1: one, or an array, of shape (B) or any other
        bits     T, from 1 to 63

    Returns
        bits  (T, B), or T before the shape of `numbers`; zeros and ones as int64

    Errors
        TypeError   anything but whole numbers
        ValueError  a number below 0 or one that needs more bits, or `bits` out of range

    Chapter: *binary-addition*.
    """
    bits = whole_number("bits", bits, 1, _MOST)
    array = any_array("numbers", numbers)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"numbers: expected whole numbers below 2**{bits}, got {numbers!r:.60} of dtype "
            f"{array.dtype}"
        )
    wrong = array[(array < 0) | (array >= 2**bits)]
    if wrong.size:
        raise ValueError(
            f"numbers: expected 0 to {2**bits - 1} ({bits} bits), got {wrong[0]}"
        )
    place = np.arange(bits).reshape(-1, *[1] * array.ndim)
    return array.astype(np.int64) >> place & 1


def from_bits(bits: np.ndarray) -> np.ndarray:
    """Read numbers from their bits, least significant first: the inverse of `to_bits`.

        number = Σ_t 2^{t−1} b_t

    Arguments
        bits  (T, B), or T before any other shape: zeros and ones, as whole numbers, floats or
              booleans; T from 1 to 63. Probabilities are not bits: give `p > 0.5`

    Returns
        numbers  (B), int64

    Errors
        TypeError   no numbers
        ValueError  a number that is neither 0 nor 1, no axis for T, no bits or too many of them

    Chapter: *binary-addition*.
    """
    array = any_array("bits", bits)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"bits: expected zeros and ones, got {bits!r:.60} of dtype {array.dtype}"
        )
    if array.ndim == 0 or not 1 <= len(array) <= _MOST:
        raise ValueError(
            f"bits: expected 1 to {_MOST} bits on axis 0, got shape {array.shape}"
        )
    wrong = array[(array != 0) & (array != 1)]
    if wrong.size:
        raise ValueError(f"bits: expected zeros and ones, got {wrong[0]}")
    place = np.arange(len(array)).reshape(-1, *[1] * (array.ndim - 1))
    return (array.astype(np.int64) << place).sum(axis=0)


def _addition(pairs: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (T, B, 2) and targets (T, B, 1) for pairs of numbers, (B, 2)."""
    sums = pairs.sum(axis=1, keepdims=True)
    # One bit more than the numbers have: the last carry goes there.
    inputs, targets = to_bits(pairs, bits + 1), to_bits(sums, bits + 1)
    return inputs.astype(np.float64), targets.astype(np.float64)
