"""Counting: the same chances as the formula read aloud, for every text and every context."""

import itertools
import math
import tracemalloc
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutants import with_a_fault

from rnnlib import ngrams
from rnnlib.ngrams import NGram


def by_formula(text, order, V, context, w):
    """p(w | c), by the recursion itself: every count is counted anew, in fractions."""
    context = tuple(context)[max(0, len(context) - order + 1) :]
    shorter = Fraction(1, V)
    if context:
        shorter = by_formula(text, order, V, context[1:], w)
    k = len(context)
    behind = [text[i] for i in range(k, len(text)) if tuple(text[i - k : i]) == context]
    N, K = len(behind), len(set(behind))
    return (behind.count(w) + K * shorter) / (N + K) if behind else shorter


@st.composite
def texts(draw):
    """A text, another one, the order, V: few symbols, so that contexts come again."""
    V = draw(st.integers(1, 4))
    symbol = st.integers(0, V - 1)
    text = draw(st.lists(symbol, min_size=1, max_size=30))
    other = draw(st.lists(symbol, min_size=1, max_size=12))
    return text, other, draw(st.integers(1, 5)), V


@given(texts())
def test_the_chances_are_those_of_the_formula(drawn):
    text, other, order, V = drawn
    model = NGram(np.array(text), order, V)
    wanted = [
        float(by_formula(text, order, V, other[max(0, t - order + 1) : t], w))
        for t, w in enumerate(other)
    ]
    assert model.probabilities(np.array(other)) == pytest.approx(wanted, rel=1e-12)


@given(texts())
def test_behind_every_context_the_chances_add_up_to_one(drawn):
    text, context, order, V = drawn
    model = NGram(text, order, V)
    p = model.distribution(context)
    assert p.shape == (V,) and p.min() > 0
    assert p.sum() == pytest.approx(1, abs=1e-12)
    # One symbol at a time says the same as all of them at once.
    each = [model.probabilities([*context, w])[-1] for w in range(V)]
    assert p == pytest.approx(np.array(each), rel=1e-12)


def test_every_context_there_is_seen_or_not():
    rng = np.random.default_rng(0)
    text = rng.integers(3, size=25)
    model = NGram(text, 4, 4)  # id 3 never occurs
    for length in range(4):
        for context in itertools.product(range(4), repeat=length):
            p = model.distribution(context)
            wanted = [float(by_formula(text.tolist(), 4, 4, context, w)) for w in range(4)]
            assert p == pytest.approx(np.array(wanted), rel=1e-12)


def test_order_one_is_the_smoothed_frequency():
    text = np.array([0, 1, 1, 2, 1, 0])
    T, V, K = len(text), 5, 3
    N = Counter(text.tolist())
    p = NGram(text, 1, V).distribution([])
    assert p == pytest.approx(np.array([(N[w] + K / V) / (T + K) for w in range(V)]))
    assert NGram(text, 1, V).probabilities(text) == pytest.approx(p[text])


def test_two_symbols_by_hand():
    # "abab": a is followed by b twice; b by a once. K(a) = K(b) = 1; 4 symbols, 2 kinds.
    p_a = p_b = (2 + 2 / 2) / (4 + 2)
    p = NGram([0, 1, 0, 1], 2, 2).probabilities([0, 1, 0, 0])
    assert p == pytest.approx([p_a, (2 + p_b) / 3, (1 + p_a) / 2, p_a / 3])


def test_the_loss_is_the_mean_surprise_after_what_is_skipped():
    rng = np.random.default_rng(1)
    text, other = rng.integers(6, size=300), rng.integers(6, size=50)
    model = NGram(text, 3, 6)
    p = model.probabilities(other)
    for skip in (0, 1, 49):
        assert model.mean_loss(other, skip) == pytest.approx(
            math.fsum(-math.log(x) for x in p[skip:]) / (50 - skip)
        )
    # Who counts nothing but one symbol of 6 knows next to nothing.
    assert NGram([0], 1, 6).mean_loss([1, 2, 3]) > math.log(6)


def test_longer_contexts_help_where_there_is_a_rule():
    rng = np.random.default_rng(2)
    text = [0, 1]
    for chance in rng.random(4000):  # mostly the sum of the two symbols before
        text.append((text[-1] + text[-2]) % 3 if chance < 0.9 else int(3 * rng.random()))
    losses = [NGram(text[:3000], n, 3).mean_loss(text[3000:], skip=5) for n in (1, 2, 3)]
    assert losses[2] < 0.6 < 1 < min(losses[:2])
    right, wrong = 0.9 + 0.1 / 3, 0.1 / 3
    best = -right * math.log(right) - 2 * wrong * math.log(wrong)
    assert abs(losses[2] - best) < 0.05


def test_ids_of_any_whole_type_and_lists_give_the_same_and_nothing_is_changed():
    text = np.array([0, 3, 1, 3, 0, 3], np.int64)
    text.flags.writeable = False
    wanted = NGram(text, 3, 250).probabilities(text)
    for kind in (np.uint8, np.int16, np.uint64):
        model = NGram(text.astype(kind), 3, 250)
        assert np.array_equal(model.probabilities(text.astype(kind)), wanted)
        assert np.array_equal(model.distribution(text[:2].astype(kind)).shape, (250,))
    assert np.array_equal(NGram(text.tolist(), 3, 250).probabilities(text.tolist()), wanted)


def test_a_text_that_is_shorter_than_the_order():
    model = NGram([1], 5, 3)
    assert model.probabilities([1, 1]) == pytest.approx([2 / 3, 2 / 3])
    assert model.distribution([0, 1, 2, 1, 0]) == pytest.approx([1 / 6, 2 / 3, 1 / 6])


def test_the_largest_ids_are_not_confused():
    V = 2**31
    text = [V - 1, 0, V - 1, 5, V - 2, V - 1]
    wanted = [float(by_formula(text, 3, V, text[:t], w)) for t, w in enumerate(text)]
    assert NGram(text, 3, V).probabilities(text) == pytest.approx(wanted, rel=1e-12)


def test_thousands_of_words_need_no_table_of_all_pairs():
    rng = np.random.default_rng(3)
    V = 8000
    share = 1 / np.arange(1, V + 1)
    text = rng.choice(V, 50_000, p=share / share.sum())
    tracemalloc.start()
    loss = NGram(text, 3, V).mean_loss(text)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20e6  # a table of all pairs has 64 million entries
    assert 0 < loss < math.log(V)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([], 1, 3), r"^ids: expected"),
        (([0.5], 1, 3), r"^ids: expected whole numbers"),
        ((["a"], 1, 3), r"^ids: expected whole numbers"),
        (([[0]], 1, 3), r"^ids: expected ids with 1 axes, got 2"),
        (([0, 3], 1, 3), r"^ids: expected ids from 0 to 2, got 3"),
        (([0, -1], 1, 3), r"^ids: expected ids from 0 to 2, got -1"),
        (([0], 0, 3), r"^order: expected at least 1, got 0"),
        (([0], 1.0, 3), r"^order: expected a whole number"),
        (([0], 1, 0), r"^n_symbols: expected at least 1"),
        (([0], 1, 2**31 + 1), r"^n_symbols: expected at most 2147483648"),
    ],
)
def test_what_cannot_be_counted_is_refused(arguments, said):
    with pytest.raises((TypeError, ValueError), match=said):
        NGram(*arguments)


def test_what_cannot_be_asked_is_refused():
    model = NGram([0, 1, 2], 2, 3)
    for ask in (model.probabilities, model.mean_loss):
        with pytest.raises(ValueError, match=r"^ids: expected ids from 0 to 2, got 3"):
            ask([0, 3])
        with pytest.raises(ValueError, match=r"^ids: expected at least one id|^ids: expected"):
            ask(np.array([], int))
    for wrong in ([3], [[0]], "a", [0.5], 1, np.zeros((0, 2), int)):
        with pytest.raises((TypeError, ValueError), match=r"^context: expected"):
            model.distribution(wrong)
    with pytest.raises(ValueError, match=r"^skip: expected less than the 2 ids, got 2"):
        model.mean_loss([0, 1], skip=2)
    with pytest.raises(ValueError, match=r"^skip: expected at least 0"):
        model.mean_loss([0, 1], skip=-1)


FAULTS = {
    "the context is shifted by one": (
        "context = pair[:-1]\n        return", "context = pair[1:]\n        return",
    ),
    "K and N are exchanged": ("(count + weight * shorter)", "(count + total * shorter)"),
    "K counts occurrences": ("pairs // self.n_symbols, minlength", "context, minlength"),
    "what was never seen counts as the first context": ("np.where(seen, place, -1)", "place"),
    "the first symbol is not counted": ("self._checked(\"ids\", ids))", "ids[1:])"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_line_is_noticed(fault):
    mutant = with_a_fault(ngrams, *FAULTS[fault])
    rng = np.random.default_rng(4)
    text, other = rng.integers(3, size=20).tolist(), rng.integers(4, size=15).tolist()
    wanted = [float(by_formula(text, 3, 4, other[:t], w)) for t, w in enumerate(other)]
    assert NGram(text, 3, 4).probabilities(other) == pytest.approx(wanted, rel=1e-12)
    found = mutant.NGram(np.array(text), 3, 4).probabilities(other)
    assert np.abs(found - wanted).max() > 1e-3
