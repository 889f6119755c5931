"""From text to batches: nothing lost, nothing twice, nothing on both sides."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnlib.batching import Sequences, Stream
from rnnlib.model import RNN
from rnnlib.scoring import mean_loss
from rnnlib.text import (
    Sentences,
    Vocabulary,
    sentence_batches,
    sentences,
    split_sentences,
    split_text,
    text_stream,
    text_windows,
    words,
)

sizes = st.integers(1, 6)
seeds = st.integers(0, 99)
texts = st.text(min_size=2) | st.text("ab \n.!?'\"-1A", min_size=2)


def rng(seed=0):
    return np.random.default_rng(seed)


# Tokens


@given(texts)
def test_the_words_are_the_text_without_its_spaces(text):
    found = words(text)
    assert "".join(found) == "".join(text.split())
    assert all(token and not re.search(r"\s", token) for token in found)


@given(texts)
def test_a_token_is_a_word_a_number_or_one_sign(text):
    for token in words(text):
        letters = token.replace("'", "").replace("’", "").replace("-", "")
        word = letters.isalnum() and token[0].isalnum() and token[-1].isalnum()
        assert word or len(token) == 1
        assert token.isdecimal() or not any(c.isdecimal() for c in token)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "Don't stop: well-known, ’tis.",
            ["Don't", "stop", ":", "well-known", ",", "’", "tis", "."],
        ),
        ("don’t", ["don’t"]),
        ("x_1 = 3.14", ["x", "_", "1", "=", "3", ".", "14"]),
        ("float64 - 'a'", ["float", "64", "-", "'", "a", "'"]),
        ("Árvíz tűrő—ÉG", ["Árvíz", "tűrő", "—", "ÉG"]),
        ("a--b... \t\n", ["a", "-", "-", "b", ".", ".", "."]),
        ("", []),
        (" \n", []),
    ],
)
def test_words_by_example(text, wanted):
    assert words(text) == wanted


@given(texts)
def test_the_sentences_one_after_the_other_are_the_words(text):
    found = sentences(text)
    assert all(found) and list(itertools.chain(*found)) == words(text)
    lower = sentences(text, lower=True)
    assert lower == [[token.lower() for token in sentence] for sentence in found]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One. Two! Three? Four", ["One .", "Two !", "Three ?", "Four"]),
        ('"Stop." She ran. "Why?" he said.', ['" Stop . "', "She ran .", '" Why ? " he said .']),
        ("It ended. “Did it?” ‘Yes.’", ["It ended .", "“ Did it ? ”", "‘ Yes . ’"]),
        (
            "A title\n\nand 3.5 words, e.g. these.\n \nEnd",
            ["A title", "and 3 . 5 words , e . g . these .", "End"],
        ),
        ("on two\nlines. Új. állam", ["on two lines .", "Új . állam"]),
        ("(So.) [It] goes... And so on", ["( So . )", "[ It ] goes . . .", "And so on"]),
        ("", []),
        ("\n\n \n", []),
    ],
)
def test_sentences_by_example(text, wanted):
    assert [" ".join(sentence) for sentence in sentences(text)] == wanted


# Two parts


@given(texts, st.floats(0.01, 0.99))
def test_the_two_pieces_are_the_text(text, share):
    train, validation = split_text(text, share)
    assert train + validation == text
    assert train and validation


@given(st.lists(st.text("abc", max_size=8), min_size=30, max_size=60), st.floats(0.1, 0.9))
def test_a_text_is_cut_at_the_line_end_nearest_to_its_place(lines, share):
    text = "\n".join(lines) + "\n"
    train, validation = split_text(text, share)
    place = round(len(text) * (1 - share))
    ends = [match.end() for match in re.finditer("\n", text)][:-1]
    distance = min((abs(end - place) for end in ends), default=len(text))
    shorter = min(place, len(text) - place)
    if distance <= shorter // 2:
        assert train.endswith("\n") and abs(len(train) - place) == distance
    else:
        assert len(train) == place
    assert abs(len(validation) - share * len(text)) <= shorter / 2 + 1


def test_a_text_in_one_line_is_cut_where_its_share_is():
    assert split_text("abcdefghij", 0.3) == ("abcdefg", "hij")
    assert split_text("a\n" + "b" * 98, 0.3)[1] == "b" * 30
    # A line end counts if it is within half of the shorter piece, here 15.
    assert split_text("a" * 84 + "\n" + "b" * 15, 0.3)[1] == "b" * 15
    assert split_text("a" * 85 + "\n" + "b" * 14, 0.3)[1] == "a" * 15 + "\n" + "b" * 14
    assert split_text("ab", 0.001) == ("a", "b") == split_text("ab", 0.999)


def shared(train, validation):
    """The sentences that stand on both sides."""
    return {tuple(s) for s in train} & {tuple(s) for s in validation}


drawn = st.lists(st.lists(st.sampled_from("abc"), max_size=2), min_size=2, max_size=60)


@given(drawn, st.floats(0.01, 0.99), seeds)
def test_no_sentence_is_on_both_sides_and_none_is_lost(chosen, share, seed):
    groups = {tuple(s): chosen.count(s) for s in chosen}
    assume(len(groups) > 1)
    train, validation = split_sentences(chosen, share, rng=rng(seed))
    assert train and validation
    assert sorted(train + validation) == sorted(chosen)
    assert not shared(train, validation)
    assert abs(len(validation) - share * len(chosen)) <= max(groups.values())
    for side in (train, validation):  # in the order in which they came
        rest = iter(chosen)
        assert all(any(s is other for other in rest) for s in side)
    again = split_sentences(chosen, share, rng=rng(seed))
    assert again == (train, validation)


def test_sentences_of_ids_are_split_like_those_of_words():
    chosen = [[1, 2], [3], [1, 2], [4, 4, 4], [3], [5]] * 3
    by_list = split_sentences(chosen, 0.3, rng=rng(3))
    by_array = split_sentences([np.array(s) for s in chosen], 0.3, rng=rng(3))
    assert [[s.tolist() for s in side] for side in by_array] == list(by_list)


def test_other_seeds_hold_out_other_sentences_and_large_shares_are_met():
    chosen = [[str(i)] for i in range(1000)]
    sides = [split_sentences(chosen, 0.1, rng=rng(seed))[1] for seed in (1, 2)]
    assert [len(side) for side in sides] == [100, 100]
    assert len(shared(*sides)) < 40  # 10 are expected
    places = [int(s[0]) for s in sides[0]]
    assert 350 < np.mean(places) < 650  # not one end of the text
    assert places == sorted(places)


def test_a_planted_leak_is_noticed():
    """Sentences dealt out one by one, as if no two were equal, stand on both sides."""
    chosen = sentences("The sea is cold. Go home. I know. The sea is cold. Go home. " * 20)
    order = rng().permutation(len(chosen))
    leaky = [chosen[i] for i in order[10:]], [chosen[i] for i in order[:10]]
    assert shared(*leaky)
    assert not shared(*split_sentences(chosen, 0.1, rng=rng()))


# One long text


@given(st.integers(2, 60), sizes, sizes, st.booleans())
def test_each_target_of_a_stream_is_the_next_input(T, window, streams, carry):
    length = (T - 1) // streams
    assume(length >= window)
    ids = 7 * np.arange(T)  # every symbol tells its place
    ids.flags.writeable = False
    data = text_stream(ids, window=window, streams=streams, carry=carry)
    assert isinstance(data, Stream) and data.carry is carry
    assert data.inputs.shape == data.targets.shape == (length, streams)
    assert data.inputs.dtype == data.targets.dtype == np.int64
    assert np.array_equal(data.targets, data.inputs + 7)
    # Piece after piece they are the text, but for the documented rest at its end.
    used = np.append(data.inputs.T.ravel(), data.targets[-1, -1])
    left_out = (T - 1) % streams
    assert left_out < streams and np.array_equal(used, ids[: T - left_out])


@given(st.integers(10, 60), st.integers(1, 4), st.integers(1, 3))
def test_a_carried_state_reads_on_where_it_stopped(T, window, streams):
    batches = list(text_stream(np.arange(T), window=window, streams=streams).epoch(None))
    assert [batch.fresh for batch in batches] == [True] + [False] * (len(batches) - 1)
    for before, after in itertools.pairwise(batches):
        assert np.array_equal(after.inputs[0], before.targets[-1])


def test_the_loss_of_a_stream_is_that_of_its_pieces_one_by_one():
    ids = rng().integers(5, size=44)
    model = RNN(5, 4, 5, rng=rng(1))
    data = text_stream(ids, window=6, streams=3)
    pieces = [
        model.evaluate(ids[b : b + 14, None], ids[b + 1 : b + 15, None])[0] for b in (0, 14, 28)
    ]
    assert mean_loss(model, data) == pytest.approx(sum(pieces) / 42, rel=1e-12)


@given(st.integers(2, 40), sizes, st.none() | sizes, sizes, seeds)
def test_windows_are_the_slices_of_the_text(T, window, stride, batch_size, seed):
    assume(window < T)
    ids = rng(seed).integers(9, size=T)
    ids.flags.writeable = False
    data = text_windows(ids, window=window, stride=stride, batch_size=batch_size)
    assert isinstance(data, Sequences) and data.mask is None
    starts = [b for b in range(0, T, stride or window) if b + window + 1 <= T]
    batches = list(data.epoch(None))
    columns = [(x, y) for b in batches for x, y in zip(b.inputs.T, b.targets.T, strict=True)]
    assert len(columns) == len(starts)
    for begin, (x, y) in zip(starts, columns, strict=True):
        assert np.array_equal(x, ids[begin : begin + window])
        assert np.array_equal(y, ids[begin + 1 : begin + window + 1])
    assert all(batch.fresh for batch in batches)


def test_data_do_not_change_with_the_ids_that_were_given():
    ids = np.arange(9)
    made = [text_stream(ids, window=2), text_windows(ids, window=2, batch_size=1)]
    before = [data.fingerprint() for data in made]
    ids[...] = 0
    assert [data.fingerprint() for data in made] == before


# Sentences side by side

V = Vocabulary("abcd", start=True, end=True)


@st.composite
def written(draw):
    chosen = draw(st.lists(st.text("abcd", min_size=1, max_size=7), min_size=1, max_size=12))
    size, sort = draw(sizes), draw(st.booleans())
    coded = [V.encode(s) for s in chosen]
    for row in coded:
        row.flags.writeable = False
    return chosen, sentence_batches(coded, vocabulary=V, batch_size=size, sort=sort)


@given(written(), st.none() | seeds)
def test_under_the_mask_batches_hold_the_sentences_with_start_and_end(drawn, seed):
    chosen, data = drawn
    assert data.inputs.shape == (1 + max(map(len, chosen)), len(chosen))
    found = []
    batches = list(data.epoch(seed if seed is None else rng(seed)))
    assert len(batches) == len(data)
    for batch in batches:
        assert batch.mask.any(axis=1).all()  # no longer than its longest sentence
        assert batch.inputs.min() >= 0 and batch.targets.max() < len(V)
        assert batch.inputs.shape == batch.targets.shape == batch.mask.shape
        for x, y, there in zip(batch.inputs.T, batch.targets.T, batch.mask.T, strict=True):
            n = there.sum()
            assert there[:n].all()  # the padding is at the end
            assert not x[n:].any() and not y[n:].any()
            assert x[0] == V.start and y[n - 1] == V.end
            assert np.array_equal(x[1:n], y[: n - 1])
            found.append(V.text(y[: n - 1]))
    assert sorted(found) == sorted(chosen)
    if seed is None:
        assert found == (sorted(chosen, key=len) if data.sort else chosen)


def test_sorted_batches_are_of_one_length_and_come_in_any_order():
    coded = [V.encode("a" * n) for n in range(1, 9)] * 4
    data = sentence_batches(coded, vocabulary=V, batch_size=4, sort=True)
    lengths = [[b.mask.sum(axis=0).tolist() for b in data.epoch(rng(s))] for s in (0, 0, 1)]
    assert all(len(set(batch)) == 1 for batch in lengths[0])
    assert sorted(lengths[0]) != lengths[0] == lengths[1] != lengths[2]


@pytest.mark.parametrize("cell", ["tanh", "lstm"])
@given(drawn=written())
def test_the_loss_of_a_padded_batch_is_the_sum_of_its_sentences_alone(cell, drawn):
    chosen, data = drawn
    model = RNN(len(V), 5, len(V), cell=cell, rng=rng(3))
    alone = 0.0
    for sentence in chosen:
        ids = np.concatenate([[V.start], V.encode(sentence), [V.end]])
        alone += model.evaluate(ids[:-1, None], ids[1:, None])[0]
    together = sum(
        model.loss_and_grads(b.inputs, b.targets, mask=b.mask)[0] for b in data.epoch(rng())
    )
    assert together == pytest.approx(alone, rel=1e-11)
    count = sum(len(s) + 1 for s in chosen)
    assert mean_loss(model, data) == pytest.approx(alone / count, rel=1e-11)


def test_what_stands_behind_the_mask_changes_neither_loss_nor_gradient():
    coded = [V.encode(s) for s in ("a", "abcd", "cb")]
    batch = next(sentence_batches(coded, vocabulary=V, batch_size=3).epoch(None))
    model = RNN(len(V), 4, len(V), rng=rng())
    x, y = batch.inputs.copy(), batch.targets.copy()
    x[~batch.mask] = y[~batch.mask] = 3
    loss, grads, _ = model.loss_and_grads(batch.inputs, batch.targets, mask=batch.mask)
    other, others, _ = model.loss_and_grads(x, y, mask=batch.mask)
    assert loss == other and all(np.array_equal(grads[k], others[k]) for k in grads)


def test_the_fingerprint_tells_sorted_from_unsorted():
    coded = [V.encode("ab"), V.encode("c")]
    made = [
        sentence_batches(rows, vocabulary=V, batch_size=size, sort=sort).fingerprint()
        for rows in (coded, coded[::-1])
        for size in (1, 2)
        for sort in (False, True)
    ]
    assert len(set(made)) == 8 and {len(m) for m in made} == {64}
    again = sentence_batches(coded, vocabulary=V, batch_size=1)
    assert again.fingerprint() == made[0]


def test_sentences_may_be_vectors_and_have_one_target_each():
    mask = np.arange(6)[:, None] < np.array([3, 1, 2, 3])
    for vector in ((), (2,)):
        inputs = np.ones((6, 4, *vector))
        data = Sentences(inputs, np.arange(4), mask, batch_size=3, sort=True)
        batches = list(data.epoch(None))
        assert [b.inputs.shape for b in batches] == [(3, 3, *vector), (3, 1, *vector)]
        assert [b.targets.tolist() for b in batches] == [[1, 2, 0], [3]]


# What is refused

IDS = np.arange(10)
ROWS = [np.array([2, 3])]


def batches_of(rows, vocabulary=V, **settings):
    return sentence_batches(rows, vocabulary=vocabulary, **({"batch_size": 1} | settings))


def masked(rows):
    mask = rows if rows is None else np.array(rows, bool)
    ids = np.zeros((3, 2) if rows is None else mask.shape, int)
    return Sentences(ids, ids, mask, batch_size=1)


REFUSED = {
    "words of bytes": (lambda: words(b"a"), TypeError, "text: expected a text"),
    "sentences of a list": (lambda: sentences(["a"]), TypeError, "text: expected a text"),
    "no text": (lambda: split_text(""), ValueError, "text: .*at least 2 characters, got 0"),
    "one letter": (lambda: split_text("a"), ValueError, "text: .*at least 2 characters, got 1"),
    "a list": (lambda: split_text(["a", "b"]), TypeError, "text: expected a text"),
    "no share": (lambda: split_text("ab", 0), ValueError, "share: .*above 0 and below 1, got 0"),
    "all of it": (lambda: split_text("ab", 1), ValueError, "share: .*above 0 and below 1, got 1"),
    "percent": (lambda: split_sentences("ab", 10, rng=rng()), ValueError, "share: .*got 10"),
    "a seed": (lambda: split_sentences("ab", rng=1), TypeError, "rng: expected a numpy.random.Gen"),
    "one sentence": (
        lambda: split_sentences([["a"]] * 5, rng=rng()),
        ValueError,
        "sentences: expected at least 2 different ones, got 1",
    ),
    "numbers": (lambda: split_sentences([1, 2], rng=rng()), TypeError, r"sentences\[0\]: expected"),
    "tables": (
        lambda: split_sentences([[["a"]], [["b"]]], rng=rng()),
        TypeError,
        r"sentences\[0\]: expected words or ids, got \[\['a'\]\]",
    ),
    "too short": (
        lambda: text_stream(IDS, window=5, streams=2),
        ValueError,
        r"ids: expected at least 11 symbols \(2 streams with a window of 5 .*got 10",
    ),
    "short": (lambda: text_stream(IDS, window=10), ValueError, "ids: .*at least 11 .*got 10"),
    "no ids": (lambda: text_stream([], window=1), ValueError, "ids: expected at least one id"),
    "letters": (lambda: text_stream("abc", window=1), TypeError, "ids: expected whole numbers"),
    "vectors": (lambda: text_stream(np.eye(3), window=1), TypeError, "ids: expected whole numbers"),
    "negative": (lambda: text_stream([0, -1], window=1), ValueError, "ids: .*got -1"),
    "no window": (lambda: text_stream(IDS, window=0), ValueError, "window: .*at least 1, got 0"),
    "no stream": (lambda: text_stream(IDS, window=1, streams=0), ValueError, "streams: .*got 0"),
    "perhaps": (lambda: text_stream(IDS, window=1, carry=2), TypeError, "carry: expected True or"),
    "a long window": (
        lambda: text_windows(IDS, window=10, batch_size=1),
        ValueError,
        r"ids: expected at least 11 symbols \(a window of 10 steps.*got 10",
    ),
    "no stride": (
        lambda: text_windows(IDS, window=2, stride=0, batch_size=1),
        ValueError,
        "stride: expected at least 1, got 0",
    ),
    "no size": (lambda: text_windows(IDS, window=2, batch_size=0), ValueError, "batch_size: "),
    "no sentences": (lambda: batches_of([]), ValueError, "sentences: expected at least one, got"),
    "an empty one": (lambda: batches_of([*ROWS, []]), ValueError, r"sentences\[1\]: .*got none"),
    "not encoded": (lambda: batches_of([["a", "b"]]), TypeError, r"sentences\[0\]: expected whole"),
    "one sentence, flat": (lambda: batches_of(ROWS[0]), ValueError, r"sentences\[0\]: .* 1 axes"),
    "an id too large": (lambda: batches_of([[6]]), ValueError, r"sentences\[0\]: .*0 to 5, got 6"),
    "no end": (
        lambda: batches_of(ROWS, Vocabulary("abcd", start=True)),
        ValueError,
        "vocabulary: expected one made with start=True and end=True, got <Vocabulary of 5",
    ),
    "no mask": (lambda: masked(None), TypeError, "mask: expected booleans"),
    "a gap": (lambda: masked([[1, 1], [1, 0], [1, 1]]), ValueError, "mask: .* for sentence 1"),
    "a late start": (lambda: masked([[0, 1], [1, 0]]), ValueError, "mask: .* for sentence 0"),
    "sort of": (lambda: batches_of(ROWS, sort="yes"), TypeError, "sort: expected True or False"),
}


@pytest.mark.parametrize(("call", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_named(call, error, said):
    with pytest.raises(error, match="^" + said):
        call()
