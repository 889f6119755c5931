"""Binary addition: Python's own integers say what is right."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutants import with_a_fault

from rnnlib import bits as library

seeds = st.integers(0, 2**32 - 1)


def rng(seed=0):
    return np.random.default_rng(seed)


def number(column):
    """What the bits of one column say, read by Python."""
    return int("".join(str(int(bit)) for bit in reversed(column)), 2)


# To bits and back


def check_there_and_back(module, numbers, T):
    bits = module.to_bits(np.array(numbers), T)
    assert bits.shape == (T, len(numbers)) and bits.dtype == np.int64
    for column, n in zip(bits.T, numbers, strict=True):
        assert "".join(map(str, column))[::-1] == f"{n:0{T}b}"
    again = module.from_bits(bits)
    assert again.dtype == np.int64 and again.tolist() == numbers


numbers_and_length = st.integers(1, 63).flatmap(
    lambda T: st.tuples(st.lists(st.integers(0, 2**T - 1), min_size=1, max_size=5), st.just(T))
)


@given(numbers_and_length)
def test_bits_are_those_of_python_least_significant_first(drawn):
    check_there_and_back(library, *drawn)


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=63))
def test_numbers_are_read_as_python_reads_them(rows):
    bits = np.array(rows)
    wanted = [number(column) for column in bits.T]
    for given_as in (bits, bits.astype(float), bits.astype(np.int8), bits.astype(np.uint8)):
        given_as.flags.writeable = False
        assert library.from_bits(given_as).tolist() == wanted


def test_the_largest_number_has_63_ones():
    assert library.to_bits(2**63 - 1, 63).tolist() == [1] * 63
    assert library.from_bits([1] * 63) == 2**63 - 1


def test_a_number_and_a_table_of_numbers_keep_their_axes():
    assert library.to_bits(6, 4).tolist() == [0, 1, 1, 0]
    table = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    bits = library.to_bits(table, 5)
    assert bits.shape == (5, 2, 3, 2)
    assert np.array_equal(library.from_bits(bits), table)
    assert library.from_bits(bits).shape == (2, 3, 2)
    assert library.to_bits(np.zeros(0, int), 3).shape == (3, 0)


@pytest.mark.parametrize(
    ("numbers", "T", "error", "said"),
    [
        ([3, 8], 3, ValueError, r"^numbers: expected 0 to 7 \(3 bits\), got 8$"),
        ([-1], 3, ValueError, r"^numbers: expected 0 to 7 \(3 bits\), got -1$"),
        (np.array([2**63], np.uint64), 63, ValueError, r"^numbers: expected .* got 9223372036"),
        ([0.5], 3, TypeError, r"^numbers: expected whole numbers below 2\*\*3, got \[0.5\] of"),
        ([True], 3, TypeError, "^numbers: expected whole numbers"),
        ("7", 3, TypeError, "^numbers: expected whole numbers"),
        (2**70, 3, TypeError, "^numbers: expected whole numbers below"),
        ([[1], [1, 2]], 3, TypeError, "^numbers: expected numbers in a regular array"),
        ([1], 0, ValueError, "^bits: expected at least 1, got 0$"),
        ([1], 64, ValueError, "^bits: expected at most 63, got 64$"),
        ([1], 2.0, TypeError, "^bits: expected a whole number, got 2.0$"),
    ],
)
def test_a_number_that_does_not_fit_is_named(numbers, T, error, said):
    with pytest.raises(error, match=said):
        library.to_bits(numbers, T)


@pytest.mark.parametrize(
    ("bits", "error", "said"),
    [
        ([[0, 2]], ValueError, "^bits: expected zeros and ones, got 2$"),
        ([[0.3, 1]], ValueError, "^bits: expected zeros and ones, got 0.3$"),
        ([[np.nan]], ValueError, "^bits: expected zeros and ones, got nan$"),
        ([[-1]], ValueError, "^bits: expected zeros and ones, got -1$"),
        ("101", TypeError, "^bits: expected zeros and ones, got '101' of dtype <U3$"),
        (1, ValueError, r"^bits: expected 1 to 63 bits on axis 0, got shape \(\)$"),
        (np.zeros((64, 2)), ValueError, r"^bits: expected 1 to 63 .* got shape \(64, 2\)$"),
        (np.zeros((0, 2)), ValueError, r"^bits: expected 1 to 63 .* got shape \(0, 2\)$"),
        ([[0], [0, 1]], TypeError, "^bits: expected numbers in a regular array"),
    ],
)
def test_what_is_no_bit_is_named(bits, error, said):
    with pytest.raises(error, match=said):
        library.from_bits(bits)


# Addition


def check_sums(inputs, targets, bits):
    T, B, D = inputs.shape
    assert (T, D) == (bits + 1, 2) and targets.shape == (T, B, 1)
    assert inputs.dtype == targets.dtype == np.float64
    assert np.isin(inputs, (0, 1)).all() and np.isin(targets, (0, 1)).all()
    for b in range(B):
        first, second = number(inputs[:, b, 0]), number(inputs[:, b, 1])
        assert number(targets[:, b, 0]) == first + second
        assert max(first, second) < 2**bits


def check_carries(inputs, targets):
    """The equations of the docstring, one bit at a time."""
    for b in range(inputs.shape[1]):
        carry = 0
        for x, y in zip(inputs[:, b], targets[:, b, 0], strict=True):
            total = int(x[0]) + int(x[1]) + carry
            assert y == total % 2
            carry = int(total >= 2)
        assert carry == 0  # the last bit has taken it


def check_addition(module, seed, n_sequences, bits):
    inputs, targets = module.binary_addition_task(rng(seed), n_sequences, bits)
    assert inputs.shape[1] == n_sequences
    check_sums(inputs, targets, bits)
    check_carries(inputs, targets)


def check_every_pair_comes_equally_often(module):
    inputs, _ = module.binary_addition_task(rng(), 16_000, bits=2)
    pairs = [(number(a), number(b)) for a, b in inputs.transpose(1, 2, 0)]
    counts = [pairs.count(pair) for pair in itertools.product(range(4), repeat=2)]
    assert sum(counts) == 16_000
    # 1000 each, with standard deviation 31: this is five of them.
    assert min(counts) > 845 and max(counts) < 1155


@given(seeds, st.integers(1, 9), st.integers(1, 60))
def test_the_target_is_the_sum_as_python_adds(seed, n_sequences, bits):
    check_addition(library, seed, n_sequences, bits)


def test_every_pair_of_numbers_comes_equally_often():
    check_every_pair_comes_equally_often(library)


def test_without_sizes_there_are_a_hundred_sums_of_six_bits():
    inputs, targets = library.binary_addition_task(rng())
    assert inputs.shape == (7, 100, 2) and targets.shape == (7, 100, 1)


FAULTS = {
    "the carry is forgotten": (
        "pairs.sum(axis=1, keepdims=True)",
        "np.bitwise_xor.reduce(pairs, axis=1, keepdims=True)",
    ),
    "most significant bit first": (">> place & 1", ">> place[::-1] & 1"),
    "most significant bit first, there and back": (
        "place = np.arange(bits).reshape(",
        "place = np.arange(bits)[::-1].reshape(",
    ),
    "read from the other end": ("<< place)", "<< place[::-1])"),
    "the last carry has no place": (
        "to_bits(sums, bits + 1)",
        "to_bits(sums % 2**bits, bits + 1)",
    ),
    "the largest number never comes": ("rng.integers(2**bits,", "rng.integers(2**bits - 1,"),
    "a number is added to itself": (
        "rng.integers(2**bits, size=(n_sequences, 2))",
        "rng.integers(2**bits, size=(n_sequences, 1)).repeat(2, axis=1)",
    ),
}


def check_all(module):
    check_there_and_back(module, [0, 1, 5, 6, 12], 4)
    for seed in range(5):
        check_addition(module, seed, 8, 6)
    check_every_pair_comes_equally_often(module)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_noticed(fault):
    check_all(library)
    with pytest.raises(AssertionError):
        check_all(with_a_fault(library, *FAULTS[fault]))


# What guessing costs


def all_pairs(bits):
    return np.array(list(itertools.product(range(2**bits), repeat=2)))


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_the_carry_is_one_with_the_chance_that_the_docstring_states(bits):
    pairs = all_pairs(bits)
    for t in range(1, bits + 2):
        below = pairs % 2 ** (t - 1)  # what has been read before step t
        carry = below.sum(axis=1) >= 2 ** (t - 1)
        assert carry.mean() == (1 - 2.0 ** (1 - t)) / 2


def test_each_target_alone_is_a_coin_and_without_memory_0_569_nats_are_lost():
    pairs = all_pairs(6)
    sums = pairs.sum(axis=1)
    chance = [(sums >> place & 1).mean() for place in range(7)]
    assert chance == [0.5] * 6 + [(1 - 2.0**-6) / 2]
    losses = []
    for place in range(7):
        # The best guess for each pair of bits, at each step for itself: how often was it a one?
        seen = (pairs >> place & 1) @ [1, 2]
        answer = sums >> place & 1
        p = np.array([answer[seen == s].mean() if s in seen else 0.5 for s in range(4)])[seen]
        right = np.where(answer, p, 1 - p)
        losses.append(-np.log(right).mean())
    assert np.mean(losses) == pytest.approx(0.569, abs=5e-4)
    assert "0.569 nats per bit for n = 6" in library.binary_addition_task.__doc__


# The published samples


def test_the_published_samples_are_made_by_the_published_recipe():
    before = np.random.get_state()  # noqa: NPY002 (the source uses the old global generator)
    try:
        np.random.seed(1)  # noqa: NPY002
        x, t = np.zeros((2000, 7, 2)), np.zeros((2000, 7, 1))
        for sample in range(2000):
            a = np.random.randint(0, 2**6)  # noqa: NPY002
            b = np.random.randint(0, 2**6)  # noqa: NPY002
            for place in range(7):
                x[sample, place] = a // 2**place % 2, b // 2**place % 2
                t[sample, place] = (a + b) // 2**place % 2
    finally:
        np.random.set_state(before)  # noqa: NPY002
    inputs, targets = library.published_binary_addition_task()
    assert np.array_equal(inputs, x.transpose(1, 0, 2))
    assert np.array_equal(targets, t.transpose(1, 0, 2))


def test_the_first_published_sample_is_the_one_that_the_source_prints():
    inputs, targets = library.published_binary_addition_task()
    check_sums(inputs, targets, 6)
    assert inputs.shape == (7, 2000, 2)
    shown = ["".join(f"{bit:.0f}" for bit in row) for row in inputs[:, 0].T]
    assert shown == ["1010010", "1101010"]
    assert "".join(f"{bit:.0f}" for bit in targets[:, 0, 0]) == "0000101"
    assert (number(inputs[:, 0, 0]), number(inputs[:, 0, 1])) == (37, 43)


def test_the_published_samples_are_the_callers_to_change():
    for array in library.published_binary_addition_task():
        array += 1
    for array in library.published_binary_addition_task():
        assert array.max() == 1


def test_more_than_sixty_bits_are_refused():
    with pytest.raises(ValueError, match=r"^bits: expected at most 60, got 61$"):
        library.binary_addition_task(rng(), 3, 61)
