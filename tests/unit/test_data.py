"""The synthetic tasks: what they ask, what the answer is, and no randomness but their own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlib

sizes = st.integers(1, 12)
seeds = st.integers(0, 2**32 - 1)


@given(seeds, sizes, sizes)
def test_inputs_are_zeros_and_ones_and_targets_are_their_counts(seed, n_sequences, length):
    inputs, targets = rnnlib.counting_task(np.random.default_rng(seed), n_sequences, length)
    assert inputs.shape == (length, n_sequences)
    assert inputs.dtype == targets.dtype == np.float64
    assert set(np.unique(inputs)) <= {0.0, 1.0}
    assert targets.tolist() == [list(column).count(1.0) for column in inputs.T]


def test_without_sizes_there_are_twenty_sequences_of_ten_steps():
    inputs, targets = rnnlib.counting_task(np.random.default_rng(0))
    assert inputs.shape == (10, 20)
    assert targets.shape == (20,)


@given(seeds)
def test_the_same_seed_gives_the_same_data(seed):
    first = rnnlib.counting_task(np.random.default_rng(seed))
    again = rnnlib.counting_task(np.random.default_rng(seed))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_other_seeds_and_later_draws_give_other_data():
    rng = np.random.default_rng(0)
    draws = [rnnlib.counting_task(rng)[0] for _ in range(3)]
    draws += [rnnlib.counting_task(np.random.default_rng(seed))[0] for seed in (1, 2, 3)]
    assert len({draw.tobytes() for draw in draws}) == 6


def test_zeros_and_ones_have_equal_chance():
    inputs, _ = rnnlib.counting_task(np.random.default_rng(0), 1000, 100)
    # The mean of 100,000 fair draws has standard deviation 0.0016: this is three of them.
    assert inputs.mean() == pytest.approx(0.5, abs=0.005)


def test_neither_task_touches_the_global_generator():
    before = np.random.get_state()  # noqa: NPY002 (the old generator is what is looked at)
    rnnlib.counting_task(np.random.default_rng(0))
    rnnlib.published_counting_task()
    after = np.random.get_state()  # noqa: NPY002
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_the_published_task_is_made_by_the_published_recipe():
    before = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(1)  # noqa: NPY002
        published = np.zeros((20, 10))
        for row in range(20):
            published[row, :] = np.around(np.random.rand(10))  # noqa: NPY002
    finally:
        np.random.set_state(before)  # noqa: NPY002
    inputs, targets = rnnlib.published_counting_task()
    assert inputs.shape == (10, 20)
    assert np.array_equal(inputs.T, published)
    assert np.array_equal(targets, published.sum(axis=1))


def test_the_published_task_is_the_callers_to_change():
    inputs, targets = rnnlib.published_counting_task()
    inputs += 1
    targets += 1
    inputs, targets = rnnlib.published_counting_task()
    assert inputs.max() == 1
    assert np.array_equal(targets, inputs.sum(axis=0))


@pytest.mark.parametrize("rng", [None, 0, "seed", np.random, np.random.RandomState(0)])
def test_anything_but_a_generator_is_refused(rng):
    with pytest.raises(TypeError, match=r"^rng: expected a numpy.random.Generator, got "):
        rnnlib.counting_task(rng)


@pytest.mark.parametrize("name", ["n_sequences", "length"])
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-3, ValueError), (2.5, TypeError), ("4", TypeError)]
)
def test_a_size_that_is_not_a_whole_number_above_zero_is_named(name, value, error):
    with pytest.raises(error, match=rf"^{name}: expected .*, got '?{value}'?$"):
        rnnlib.counting_task(np.random.default_rng(0), **{name: value})


# --- Recall ------------------------------------------------------------------------------------


@given(seeds, st.integers(1, 20), st.integers(0, 12), st.integers(2, 6), st.integers(1, 4))
def test_a_recall_begins_with_its_answer_and_goes_on_with_distractors(seed, B, d, symbols, noise):
    rng = np.random.default_rng(seed)
    inputs, targets = rnnlib.data.recall_task(rng, B, d, symbols, noise)
    assert inputs.shape == (d + 1, B) and targets.shape == (B,)
    assert inputs.dtype.kind == targets.dtype.kind == "i"
    assert np.array_equal(inputs[0], targets)
    assert targets.min() >= 0 and targets.max() < symbols
    assert np.isin(inputs[1:], range(symbols, symbols + noise)).all()


def test_the_same_seed_recalls_the_same_and_another_does_not():
    first, again, other = (
        rnnlib.data.recall_task(np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_every_symbol_and_both_distractors_come_equally_often():
    inputs, targets = rnnlib.data.recall_task(np.random.default_rng(0), 20_000, 1, symbols=4)
    assert np.allclose(np.bincount(targets) / 20_000, 1 / 4, atol=0.02)
    assert np.allclose(np.bincount(inputs[1])[4:] / 20_000, 1 / 2, atol=0.02)
    # What follows says nothing about the answer.
    chance = [np.mean(inputs[1, targets == symbol] == 5) for symbol in range(4)]
    assert np.allclose(chance, 1 / 2, atol=0.03)


def test_the_answers_of_a_recall_are_the_callers_to_change():
    inputs, targets = rnnlib.data.recall_task(np.random.default_rng(0), 5, 3)
    before = inputs.copy()
    targets += 1
    assert np.array_equal(inputs, before)


def test_a_recall_needs_a_generator():
    with pytest.raises(TypeError, match=r"^rng: expected a numpy.random.Generator, got "):
        rnnlib.data.recall_task(np.random)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("n_sequences", 0, ValueError),
        ("distractors", -1, ValueError),
        ("symbols", 1, ValueError),
        ("noise_symbols", 0, ValueError),
        ("n_sequences", 2.5, TypeError),
        ("distractors", "4", TypeError),
    ],
)
def test_a_recall_names_a_size_that_does_not_fit(name, value, error):
    with pytest.raises(error, match=rf"^{name}: expected .*, got '?{value}'?$"):
        rnnlib.data.recall_task(np.random.default_rng(0), **{name: value})
