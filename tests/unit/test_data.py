"""The synthetic tasks: what they ask, what the answer is, and no randomness but their own."""

import inspect
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlib
from rnnlib import data

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
    inputs, targets = data.recall_task(rng, B, d, symbols, noise)
    assert inputs.shape == (d + 1, B) and targets.shape == (B,)
    assert inputs.dtype.kind == targets.dtype.kind == "i"
    assert np.array_equal(inputs[0], targets)
    assert targets.min() >= 0 and targets.max() < symbols
    assert np.isin(inputs[1:], range(symbols, symbols + noise)).all()


def test_the_same_seed_recalls_the_same_and_another_does_not():
    first, again, other = (data.recall_task(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_every_symbol_and_both_distractors_come_equally_often():
    inputs, targets = data.recall_task(np.random.default_rng(0), 20_000, 1, symbols=4)
    assert np.allclose(np.bincount(targets) / 20_000, 1 / 4, atol=0.02)
    assert np.allclose(np.bincount(inputs[1])[4:] / 20_000, 1 / 2, atol=0.02)
    # What follows says nothing about the answer.
    chance = [np.mean(inputs[1, targets == symbol] == 5) for symbol in range(4)]
    assert np.allclose(chance, 1 / 2, atol=0.03)


def test_the_answers_of_a_recall_are_the_callers_to_change():
    inputs, targets = data.recall_task(np.random.default_rng(0), 5, 3)
    before = inputs.copy()
    targets += 1
    assert np.array_equal(inputs, before)


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
        data.recall_task(np.random.default_rng(0), **{name: value})


# --- All tasks ---------------------------------------------------------------------------------

DRAWN = {
    name: getattr(data, name)
    for name in (
        "adding_task",
        "binary_addition_task",
        "copy_task",
        "counting_task",
        "reber_task",
        "recall_task",
    )
}
PUBLISHED = (data.published_counting_task, data.published_binary_addition_task)


def same(first, again):
    return all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("name", DRAWN)
@given(seed=seeds)
def test_the_same_seed_gives_the_same_data_and_another_does_not(name, seed):
    first, again, other = (DRAWN[name](np.random.default_rng(s)) for s in (seed, seed, seed + 1))
    assert same(first, again)
    assert first[0].shape != other[0].shape or not same(first, other)


@pytest.mark.parametrize("name", DRAWN)
def test_each_draw_from_one_generator_is_another(name):
    rng = np.random.default_rng(0)
    assert len({DRAWN[name](rng)[0].tobytes() for _ in range(5)}) == 5


def test_no_task_touches_the_global_generators():
    before, python = np.random.get_state(), random.getstate()  # noqa: NPY002 (it is looked at)
    for task in DRAWN.values():
        task(np.random.default_rng(0))
    for task in PUBLISHED:
        task()
    after = np.random.get_state()  # noqa: NPY002
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]
    assert random.getstate() == python


@pytest.mark.parametrize("name", DRAWN)
def test_the_global_generator_changes_no_task(name):
    first = DRAWN[name](np.random.default_rng(0))
    before = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(7)  # noqa: NPY002
        assert same(first, DRAWN[name](np.random.default_rng(0)))
    finally:
        np.random.set_state(before)  # noqa: NPY002


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("rng", [None, 0, "seed", np.random, np.random.RandomState(0)])
def test_anything_but_a_generator_is_refused(name, rng):
    told = r"^rng: expected a numpy.random.Generator, such as np.random.default_rng\(0\), got "
    with pytest.raises(TypeError, match=told):
        DRAWN[name](rng)


LEAST = {
    "adding_task": {"n_sequences": 1, "length": 2},
    "binary_addition_task": {"n_sequences": 1, "bits": 1},
    "copy_task": {"n_sequences": 1, "delay": 1, "symbols": 2, "length": 1},
    "counting_task": {"n_sequences": 1, "length": 1},
    "reber_task": {"n_sequences": 1},
    "recall_task": {"n_sequences": 1, "distractors": 0, "symbols": 2, "noise_symbols": 1},
}


def test_each_size_of_each_task_has_its_least_value():
    for name, least in LEAST.items():
        parameters = list(inspect.signature(DRAWN[name]).parameters)
        assert parameters == ["rng", *least], name
        smallest = DRAWN[name](np.random.default_rng(0), **least)
        assert all(array.size for array in smallest)


@pytest.mark.parametrize(("name", "size"), [(n, s) for n in LEAST for s in LEAST[n]])
@pytest.mark.parametrize("wrong", [-1, -7, 2.5, "4", True, None])
def test_a_size_that_does_not_fit_is_named_before_anything_is_drawn(name, size, wrong):
    small = type(wrong) is int
    value = LEAST[name][size] + min(wrong, 0) if small else wrong
    said = (
        f"at least {LEAST[name][size]}, got {value}" if small else f"a whole number, got {wrong!r}"
    )
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(ValueError if small else TypeError) as caught:
        DRAWN[name](rng, **{size: value})
    assert str(caught.value) == f"{size}: expected {said}"
    assert rng.bit_generator.state == before


def test_a_size_may_be_any_kind_of_whole_number():
    for name, least in LEAST.items():
        for kind in (np.int64, np.int8, np.uint16):
            sizes = {size: kind(value + 2) for size, value in least.items()}
            plain = {size: value + 2 for size, value in least.items()}
            first, again = (DRAWN[name](np.random.default_rng(0), **s) for s in (sizes, plain))
            assert same(first, again)


# --- A network can take them -------------------------------------------------------------------


def networks():
    """A network for each task, the task's arrays, and what a network of zeros loses per output."""
    rng = np.random.default_rng(5)
    reber = data.reber_task(rng, 6)
    sigmoid = {"loss": "sigmoid"}
    last = {"loss": "squared", "outputs": "last"}
    ln = np.log
    return {
        "addition": ((2, 3, 1), sigmoid, data.binary_addition_task(rng, 6), ln(2)),
        "published addition": ((2, 3, 1), sigmoid, data.published_binary_addition_task(), ln(2)),
        # The mean of y², 1 + 1/6, up to what 4000 draws leave open; with b_y = 1 it is 1/6.
        "adding": ((2, 4, 1), last, data.adding_task(rng, 4000, 5), 7 / 6),
        "copy": ((6, 4, 6), {}, data.copy_task(rng, 6, 3, 4, 2), ln(6)),
        "reber": ((7, 4, 7), {}, (reber.inputs, reber.targets, reber.mask), ln(7)),
        "recall": ((6, 4, 4), {"outputs": "last"}, data.recall_task(rng, 6), ln(4)),
    }


@pytest.mark.parametrize("name", networks())
def test_a_network_takes_a_step_on_each_task(name):
    sizes, settings, arrays, zero_loss = networks()[name]
    model = rnnlib.RNN(*sizes, **settings, reduction="mean", rng=np.random.default_rng(0))
    batches = rnnlib.Sequences(*arrays, batch_size=5)
    batch = next(batches.epoch(None))
    assert batch.inputs.shape[1] == 5
    loss, grads, _ = model.loss_and_grads(batch.inputs, batch.targets, mask=batch.mask)
    rnnlib.SGD(0.01).step(model.params, grads)
    later, _ = model.evaluate(batch.inputs, batch.targets, mask=batch.mask)
    assert later < loss
    for param in model.params.values():
        param[...] = 0
    at_zero = rnnlib.mean_loss(model, batches)
    assert at_zero == pytest.approx(zero_loss, rel=0.03 if name == "adding" else 1e-12)
    if name == "adding":
        model.params["b_y"][...] = 1
        assert rnnlib.mean_loss(model, batches) == pytest.approx(1 / 6, rel=0.06)
