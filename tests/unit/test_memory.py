"""The adding and the copy task: what they ask, and what it costs to have forgotten."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutants import with_a_fault

from rnnlib import memory as library

seeds = st.integers(0, 2**32 - 1)


def rng(seed=0):
    return np.random.default_rng(seed)


# Adding


def check_adding(module, seed, B, T):
    inputs, targets = module.adding_task(rng(seed), B, T)
    assert inputs.shape == (T, B, 2) and targets.shape == (B, 1)
    assert inputs.dtype == targets.dtype == np.float64
    numbers, marks = inputs[:, :, 0], inputs[:, :, 1]
    assert numbers.min() >= 0 and numbers.max() < 1
    assert np.isin(marks, (0, 1)).all()
    for b in range(B):
        places = [t for t in range(T) if marks[t, b] == 1]
        assert len(places) == 2
        first, second = places
        assert first < T // 2 <= second
        assert targets[b, 0] == numbers[first, b] + numbers[second, b]


def check_every_pair_of_places_comes_equally_often(module, T):
    inputs, _ = module.adding_task(rng(), 12_000, T)
    marked = [np.flatnonzero(marks).tolist() for marks in inputs[:, :, 1].T]
    places = [[i, j] for i in range(T // 2) for j in range(T // 2, T)]
    expected = 12_000 / len(places)
    for pair in places:
        assert abs(marked.count(pair) - expected) < 5 * np.sqrt(expected)


def check_numbers_are_uniform(module):
    inputs, _ = module.adding_task(rng(), 2000, 20)
    counts = np.histogram(inputs[:, :, 0], bins=10, range=(0, 1))[0]
    assert counts.sum() == 40_000
    assert np.abs(counts - 4000).max() < 5 * np.sqrt(4000)


@given(seeds, st.integers(1, 9), st.integers(2, 15))
def test_the_target_is_the_sum_of_the_two_that_are_marked(seed, B, T):
    check_adding(library, seed, B, T)


@pytest.mark.parametrize("T", [2, 4, 5])
def test_every_pair_of_places_comes_equally_often(T):
    check_every_pair_of_places_comes_equally_often(library, T)


def test_the_numbers_are_uniform():
    check_numbers_are_uniform(library)


def test_without_sizes_there_are_32_sequences_of_50_steps():
    inputs, targets = library.adding_task(rng())
    assert inputs.shape == (50, 32, 2) and targets.shape == (32, 1)


def half_means(inputs):
    """The best answer of someone who does not look at the marks."""
    half = len(inputs) // 2
    return inputs[:half, :, 0].mean(axis=0) + inputs[half:, :, 0].mean(axis=0)


@pytest.mark.parametrize("T", [3, 10, 50])
def test_guessing_costs_what_the_docstring_states(T):
    inputs, targets = library.adding_task(rng(), 20_000, T)
    y = targets[:, 0]
    h = T // 2
    # The standard deviation of these means is below 0.0014.
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, abs=0.006)
    without_marks = (2 - 1 / h - 1 / (T - h)) / 12
    assert np.mean((y - half_means(inputs)) ** 2) == pytest.approx(without_marks, abs=0.006)
    second = (inputs[h:, :, 0] * inputs[h:, :, 1]).sum(axis=0)
    assert np.mean((y - 0.5 - second) ** 2) == pytest.approx(1 / 12, abs=0.004)


ADDING_FAULTS = {
    "both marks in the second half": ("rng.integers(half, size", "rng.integers(half, length, size"),
    "both marks in the first half": ("rng.integers(half, length,", "rng.integers(half,"),
    "the second mark anywhere": ("rng.integers(half, length,", "rng.integers(length,"),
    "the middle is never marked": (
        "rng.integers(half, length,",
        "rng.integers(min(half + 1, length - 1), length,",
    ),
    "one number twice": ("inputs[second, each, 0])[:, None]", "inputs[first, each, 0])[:, None]"),
    "all sequences are marked alike": (
        "first = rng.integers(half, size=n_sequences)",
        "first = np.full(n_sequences, rng.integers(half))",
    ),
    "numbers of both signs": (
        "rng.random((length, n_sequences))",
        "2 * rng.random((length, n_sequences)) - 1",
    ),
    "numbers that are not uniform": (
        "rng.random((length, n_sequences))",
        "rng.random((length, n_sequences)) ** 2",
    ),
}


def check_all_of_adding(module):
    for seed in range(5):
        check_adding(module, seed, 8, 6)
    check_every_pair_of_places_comes_equally_often(module, 5)
    check_numbers_are_uniform(module)


@pytest.mark.parametrize("fault", ADDING_FAULTS)
def test_a_planted_fault_in_adding_is_noticed(fault):
    check_all_of_adding(library)
    with pytest.raises(AssertionError):
        check_all_of_adding(with_a_fault(library, *ADDING_FAULTS[fault]))


# Copying


def check_copy(module, seed, B, d, S, n):
    inputs, targets = module.copy_task(rng(seed), B, d, S, n)
    assert inputs.shape == targets.shape == (d + 2 * n, B)
    assert inputs.dtype == targets.dtype == np.int64
    for x, y in zip(inputs.T.tolist(), targets.T.tolist(), strict=True):
        word = x[:n]
        assert all(0 <= symbol < S for symbol in word)
        assert x == word + [S] * (d - 1) + [S + 1] + [S] * n
        assert y == [S] * (n + d) + word
        # The answer begins in the step after the signal, n + d steps after the word began.
        assert y[x.index(S + 1) + 1 :] == word


def check_every_word_comes_equally_often(module):
    inputs, targets = module.copy_task(rng(), 9000, delay=1, symbols=3, length=2)
    words = [tuple(word) for word in inputs[:2].T.tolist()]
    assert [tuple(word) for word in targets[-2:].T.tolist()] == words
    counts = [words.count((a, b)) for a in range(3) for b in range(3)]
    assert sum(counts) == 9000
    assert np.abs(np.array(counts) - 1000).max() < 5 * np.sqrt(1000)


copies = st.tuples(
    seeds, st.integers(1, 6), st.integers(1, 9), st.integers(2, 9), st.integers(1, 6)
)


@given(copies)
def test_the_word_is_asked_for_after_the_signal(drawn):
    check_copy(library, *drawn)


def test_every_word_comes_equally_often():
    check_every_word_comes_equally_often(library)


def test_without_sizes_ten_of_eight_symbols_are_kept_for_ten_steps():
    inputs, targets = library.copy_task(rng())
    assert inputs.shape == targets.shape == (30, 32)
    assert inputs[0].max() < 8 and (inputs[19] == 9).all() and (inputs[20:] == 8).all()


@given(copies)
def test_who_is_certain_of_blanks_and_guesses_the_rest_loses_what_the_docstring_states(drawn):
    seed, B, d, S, n = drawn
    _, targets = library.copy_task(rng(seed), B, d, S, n)
    p = np.zeros((d + 2 * n, S + 2))
    p[: d + n, S] = 1
    p[d + n :, :S] = 1 / S
    losses = -np.log(np.take_along_axis(p[:, None], targets[..., None], axis=2))
    assert losses.mean() == pytest.approx(n * np.log(S) / (d + 2 * n), rel=1e-12)


def test_the_number_of_the_docstring_is_right():
    assert f"{10 * np.log(8) / 30:.3f} for d = 10, S = 8, n = 10" in library.copy_task.__doc__


def test_inputs_and_targets_of_a_copy_are_the_callers_to_change():
    inputs, targets = library.copy_task(rng(), 5, 3)
    before = inputs.copy()
    targets += 1
    assert np.array_equal(inputs, before)


COPY_FAULTS = {
    "the signal comes one step late": ("length + delay - 1] = go", "length + delay] = go"),
    "the answer is asked for one step early": (
        "targets[length + delay :] = word",
        "targets[length + delay - 1 : -1] = word",
    ),
    "the answer is asked for backwards": (
        "targets[length + delay :] = word",
        "targets[length + delay :] = word[::-1]",
    ),
    "no signal": ("    inputs[length + delay - 1] = go\n", ""),
    "the answer is shown": ("targets = inputs.copy()", "targets = inputs"),
    "one symbol never comes": ("rng.integers(symbols,", "rng.integers(symbols - 1,"),
    "a blank can be a symbol": ("rng.integers(symbols,", "rng.integers(symbols + 1,"),
    "the same word for all": (
        "rng.integers(symbols, size=(length, n_sequences))",
        "rng.integers(symbols, size=(length, 1))",
    ),
}


def check_all_of_copy(module):
    for seed in range(5):
        check_copy(module, seed, 4, 3, 5, 4)
    check_every_word_comes_equally_often(module)


@pytest.mark.parametrize("fault", COPY_FAULTS)
def test_a_planted_fault_in_copy_is_noticed(fault):
    check_all_of_copy(library)
    with pytest.raises(AssertionError):
        check_all_of_copy(with_a_fault(library, *COPY_FAULTS[fault]))
