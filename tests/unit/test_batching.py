"""Batches: every number comes exactly once, beside the others that belong to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlib.batching import Sequences, Stream


def rng(seed=0):
    return np.random.default_rng(seed)


@st.composite
def sequences(draw):
    """N sequences in which every number is another, so that one can see where each has gone."""
    T, N, D, V = (draw(st.integers(1, most)) for most in (5, 9, 3, 3))
    x = np.arange(T * N) if draw(st.booleans()) else np.arange(T * N * D) / 8
    inputs = x.reshape((T, N) if x.dtype.kind == "i" else (T, N, D))
    shape = (T, N) if draw(st.booleans()) else (N,)
    if shape == (N,) and (N, V) == (T, N):
        V += 1  # else it could not be told from one target per step
    shape += (V,) if draw(st.booleans()) else ()
    targets = 1000 + np.arange(np.prod(shape)).reshape(shape)
    mask = None
    if draw(st.booleans()):
        mask = rng(draw(st.integers(0, 99))).random((T, N)) < 0.5
        mask[draw(st.integers(0, T - 1))] = True
    for array in (inputs, targets, mask):
        if array is not None:
            array.flags.writeable = False  # data are only read
    return Sequences(inputs, targets, mask, batch_size=draw(st.integers(1, N + 2)))


def assert_batch_is(batch, data, chosen):
    T, N = data.inputs.shape[:2]
    per_step = data.targets.shape[:2] == (T, N)
    assert np.array_equal(batch.inputs, data.inputs[:, chosen])
    assert batch.inputs.dtype == data.inputs.dtype
    wanted = data.targets[:, chosen] if per_step else data.targets[chosen]
    assert np.array_equal(batch.targets, wanted)
    if data.mask is None:
        assert batch.mask is None
    else:
        assert np.array_equal(batch.mask, data.mask[:, chosen])
    assert batch.fresh is True


@given(sequences())
def test_without_a_generator_sequences_come_in_their_order(data):
    N, size = data.inputs.shape[1], data.batch_size
    batches = list(data.epoch(None))
    assert len(batches) == len(data)
    for i, batch in enumerate(batches):
        assert_batch_is(batch, data, np.arange(N)[i * size : (i + 1) * size])
    assert sum(batch.inputs.shape[1] for batch in batches) == N


def leading(data):
    """The first number of each sequence."""
    return data.inputs[0].reshape(data.inputs.shape[1], -1)[:, 0].tolist()


@given(sequences(), st.integers(0, 99))
def test_shuffled_each_sequence_comes_once_with_all_that_belongs_to_it(data, seed):
    N, size = data.inputs.shape[1], data.batch_size
    batches = list(data.epoch(rng(seed)))
    names = leading(data)  # tell the sequences apart
    order = []
    for batch in batches:
        chosen = [names.index(name) for name in leading(batch)]
        assert_batch_is(batch, data, chosen)
        order += chosen
    assert sorted(order) == list(range(N))
    assert [batch.inputs.shape[1] for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert order == rng(seed).permutation(N).tolist()


def test_every_epoch_has_another_order_and_every_seed_the_same():
    data = Sequences(np.arange(40)[None], np.arange(40), batch_size=40)
    one = rng(3)
    orders = [next(data.epoch(one)).targets.tolist() for _ in range(3)]
    assert len(set(map(tuple, orders))) == 3
    again = rng(3)
    assert [next(data.epoch(again)).targets.tolist() for _ in range(3)] == orders


def test_a_batch_is_the_callers_to_keep():
    data = Sequences(np.zeros((2, 3)), np.zeros((2, 3)), np.ones((2, 3), bool), batch_size=3)
    batch = next(data.epoch(None))
    for array in batch[:3]:
        array[...] = 1 - array
    assert not data.inputs.any() and not data.targets.any() and data.mask.all()


# One long text


@st.composite
def streams(draw, **fixed):
    T, B, D, V = (draw(st.integers(1, most)) for most in (12, 3, 3, 3))
    places = (T,) if draw(st.booleans()) else (T, B)
    x, y = [*places], [*places]
    if len(places) == 2:
        x += [D] if draw(st.booleans()) else []
        y += [V] if draw(st.booleans()) else []
    inputs, targets = np.arange(np.prod(x)).reshape(x), 1000.5 + np.arange(np.prod(y)).reshape(y)
    inputs.flags.writeable = targets.flags.writeable = False
    settings = {"window": draw(st.integers(1, T + 2)), "carry": draw(st.booleans())} | fixed
    return inputs, targets, Stream(inputs, targets, **settings)


@given(streams(), st.one_of(st.none(), st.integers(0, 9)))
def test_the_windows_together_are_the_text(drawn, seed):
    inputs, targets, data = drawn
    batches = list(data.epoch(seed if seed is None else rng(seed)))
    assert len(batches) == len(data)
    if seed is not None and not data.carry:
        batches.sort(key=lambda batch: batch.inputs.ravel()[0])
    for wanted, part in ((inputs, "inputs"), (targets, "targets")):
        joined = np.concatenate([getattr(batch, part) for batch in batches])
        assert joined.ndim >= 2
        assert np.array_equal(joined.reshape(wanted.shape), wanted)
    assert all(len(b.inputs) == len(b.targets) == data.window for b in batches[:-1])
    assert all(batch.mask is None for batch in batches)


@given(streams(carry=True), st.integers(0, 9))
def test_a_carried_state_starts_anew_only_at_the_beginning_and_nothing_is_shuffled(drawn, seed):
    _, _, data = drawn
    generator = rng(seed)
    before = generator.bit_generator.state
    batches = list(data.epoch(generator))
    assert [batch.fresh for batch in batches] == [True] + [False] * (len(data) - 1)
    firsts = [batch.inputs.ravel()[0] for batch in batches]
    assert firsts == sorted(firsts)
    assert generator.bit_generator.state == before


def test_windows_without_a_carried_state_are_all_fresh_and_shuffled():
    text = np.arange(60)
    data = Stream(text, text, window=2, carry=False)
    batches = list(data.epoch(rng()))
    assert all(batch.fresh is True for batch in batches)
    firsts = [int(batch.inputs[0, 0]) for batch in batches]
    assert firsts != sorted(firsts)
    assert [int(b.inputs[0, 0]) for b in data.epoch(None)] == sorted(firsts)


def test_an_epoch_of_a_stream_is_repeated_exactly():
    data = Stream(np.arange(30), np.arange(30), window=7, carry=False)
    orders = [[int(b.inputs[0, 0]) for b in data.epoch(g)] for g in (rng(1), rng(1), rng(2))]
    assert orders[0] == orders[1] != orders[2]


# Fingerprints


def prints(kind, x, y, mask=None, **settings):
    args = (x, y) if mask is None else (x, y, mask)
    return kind(*args, **settings).fingerprint()


def test_the_fingerprint_is_that_of_the_numbers_not_of_the_memory():
    x = rng().integers(5, size=(4, 6))
    plain = prints(Sequences, x, x, batch_size=2)
    assert len(plain) == 64 and set(plain) <= set("0123456789abcdef")
    assert plain == prints(Sequences, np.asfortranarray(x), x.copy(), batch_size=2)
    wide = np.repeat(x, 2, axis=1)
    assert plain == prints(Sequences, wide[:, ::2], x, batch_size=2)


def test_whatever_changes_the_fingerprint_changes():
    x = np.arange(12).reshape(3, 4)
    mask = np.ones((3, 4), bool)
    less = mask.copy()
    less[1, 1] = False
    y = x.copy()
    y[2, 3] += 1
    found = [
        prints(Sequences, x, x, batch_size=2),
        prints(Sequences, x, x, batch_size=3),
        prints(Sequences, y, x, batch_size=2),
        prints(Sequences, x, y, batch_size=2),
        prints(Sequences, x, x, mask, batch_size=2),
        prints(Sequences, x, x, less, batch_size=2),
        prints(Sequences, x.astype(np.int32), x, batch_size=2),
        prints(Sequences, x.reshape(4, 3), x.reshape(4, 3), batch_size=2),
        prints(Stream, x, x, window=2),
        prints(Stream, x, x, window=3),
        prints(Stream, x, x, window=2, carry=False),
        prints(Stream, x, y, window=2),
    ]
    assert len(set(found)) == len(found)


# What is refused

X, Y = np.zeros((3, 4), int), np.zeros((3, 4), int)
NAN = np.full((3, 4, 2), np.nan)
REFUSED = {
    "text": (Sequences, (np.array([["a"]]), Y), {"batch_size": 1}, TypeError, "inputs"),
    "ragged": (Sequences, ([[1], [2, 3]], Y), {"batch_size": 1}, TypeError, "inputs"),
    "one axis": (Sequences, (X[0], Y), {"batch_size": 1}, ValueError, "inputs"),
    "empty": (Sequences, (X[:0], Y[:0]), {"batch_size": 1}, ValueError, "inputs"),
    "NaN": (Sequences, (NAN, Y), {"batch_size": 1}, ValueError, "inputs"),
    "NaN in targets": (Sequences, (X, NAN), {"batch_size": 1}, ValueError, "targets"),
    "too few targets": (Sequences, (X, Y[:, :3]), {"batch_size": 1}, ValueError, "targets"),
    "targets of steps": (Sequences, (X, Y[:, 0]), {"batch_size": 1}, ValueError, "targets"),
    "a mask of numbers": (Sequences, (X, Y, X), {"batch_size": 1}, TypeError, "mask"),
    "a mask too small": (Sequences, (X, Y, X[0] < 1), {"batch_size": 1}, ValueError, "mask"),
    "no step at all": (Sequences, (X, Y, X > 0), {"batch_size": 1}, ValueError, "mask"),
    "no size": (Sequences, (X, Y), {"batch_size": 0}, ValueError, "batch_size"),
    "half a size": (Sequences, (X, Y), {"batch_size": 2.5}, TypeError, "batch_size"),
    "other steps": (Stream, (X, Y[:2]), {"window": 1}, ValueError, "targets"),
    "a text and its vectors": (Stream, (X[:, 0], Y), {"window": 1}, ValueError, "targets"),
    "vectors and a text": (Stream, (X, Y[:, 0]), {"window": 1}, ValueError, "targets"),
    "no window": (Stream, (X, Y), {"window": 0}, ValueError, "window"),
    "perhaps": (Stream, (X, Y), {"window": 1, "carry": "yes"}, TypeError, "carry"),
    "no text": (Stream, (X[:0], Y[:0]), {"window": 1}, ValueError, "inputs"),
    "a number": (Stream, (3, 4), {"window": 1}, ValueError, "inputs"),
}


@pytest.mark.parametrize(
    ("kind", "args", "settings", "error", "name"), REFUSED.values(), ids=REFUSED
)
def test_what_does_not_fit_is_named(kind, args, settings, error, name):
    with pytest.raises(error, match=rf"^{name}: expected .*, got "):
        kind(*args, **settings)
