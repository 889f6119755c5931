"""Vocabularies: the same set has the same ids, and what was encoded comes back."""

import random
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebooks import ROOT

from rnnlib.vocabulary import END, START, UNKNOWN, Vocabulary

SPECIAL = (UNKNOWN, START, END)
symbols = st.text(min_size=1).filter(lambda symbol: symbol not in SPECIAL)
sets = st.sets(symbols, min_size=2, max_size=30)
flags = st.fixed_dictionaries({name: st.booleans() for name in ("unknown", "start", "end")})


# Ids


@given(sets, flags)
def test_special_tokens_come_first_then_the_symbols_by_code_point(chosen, asked):
    v = Vocabulary(chosen, **asked)
    wanted = [
        t for t, name in zip(SPECIAL, ("unknown", "start", "end"), strict=True) if asked[name]
    ]
    by_code_point = sorted(chosen, key=lambda symbol: [ord(c) for c in symbol])
    assert list(v.symbols) == wanted + by_code_point
    assert len(v) == len(v.symbols) == len(chosen) + len(wanted)
    for name, token in zip(("unknown", "start", "end"), SPECIAL, strict=True):
        found = getattr(v, name)
        assert (v.symbols[found] == token) if asked[name] else (found is None)
    for i, symbol in enumerate(v.symbols):
        assert symbol in v and v.id(symbol) == i and type(v.id(symbol)) is int


@given(st.lists(symbols, min_size=2, unique=True), st.randoms(use_true_random=False), flags)
def test_the_same_set_has_the_same_ids_in_any_order(chosen, shuffler, asked):
    other = chosen.copy()
    shuffler.shuffle(other)
    assert Vocabulary(chosen, **asked).symbols == Vocabulary(iter(other), **asked).symbols


def test_the_ids_are_those_of_every_process():
    code = (
        "from rnnlib.vocabulary import Vocabulary as V\n"
        "print(*V.of_characters('árvíztűrő').symbols, *V.of_words('b a c a b d'.split()).symbols)"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            cwd=ROOT,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"},
        ).stdout
        for seed in ("1", "2")
    }
    assert [run.decode().split() for run in runs] == [
        [*"rtvzáíőű", UNKNOWN, START, END, "a", "b", "c", "d"]
    ]


# There and back


@given(sets, flags, st.data())
def test_decode_inverts_encode(chosen, asked, data):
    v = Vocabulary(chosen, **asked)
    written = data.draw(st.lists(st.sampled_from(v.symbols), min_size=1))
    ids = v.encode(iter(written))
    assert ids.dtype == np.int64 and ids.shape == (len(written),)
    assert v.decode(ids) == written
    assert v.text(ids) == "".join(written)
    assert v.text(ids, " ") == " ".join(written)
    for kind in (np.int32, np.uint8 if len(v) < 256 else np.uint16):
        assert v.decode(ids.astype(kind)) == written
    assert v.decode(ids.tolist()) == written


@given(st.text(min_size=2).filter(lambda text: len(set(text)) > 1))
def test_every_text_comes_back_from_the_ids_of_its_characters(text):
    v = Vocabulary.of_characters(text)
    assert set(v.symbols) == set(text)
    assert v.text(v.encode(text)) == text


def test_an_accent_of_its_own_is_a_character_of_its_own():
    v = Vocabulary.of_characters("e\u0301\u00e9")
    assert v.symbols == ("e", "\u00e9", "\u0301")


@given(sets, st.lists(symbols, min_size=1))
def test_what_is_not_in_it_is_unknown_and_nothing_else_is(chosen, written):
    v = Vocabulary(chosen, unknown=True)
    wanted = [symbol if symbol in chosen else UNKNOWN for symbol in written]
    assert v.decode(v.encode(written)) == wanted
    assert [v.id(symbol) for symbol in written] == v.encode(written).tolist()
    assert [symbol in v for symbol in written] == [symbol in chosen for symbol in written]


def test_what_is_returned_is_the_callers_to_change():
    v = Vocabulary("ab")
    v.encode("ab")[...] = 9
    v.decode([0]).append("z")
    assert v.text(v.encode("ab")) == "ab"


def test_it_says_briefly_what_it_holds():
    assert repr(Vocabulary("ab", end=True)) == "<Vocabulary of 3: '<end>', 'a', 'b'>"
    assert len(repr(Vocabulary(map(str, range(8000))))) < 80
    assert len(repr(Vocabulary([100 * letter for letter in "abcdef"]))) < 150


# Words

tokens = st.text("abcdé", min_size=1, max_size=2)


@given(st.lists(tokens, min_size=1), flags, st.data())
def test_the_most_frequent_words_are_kept_and_of_equals_the_first(written, asked, data):
    counts = Counter(written)
    special = sum(asked.values())
    low = 1 if asked["unknown"] else len(counts)
    kept = data.draw(st.integers(low, len(counts)))
    if kept + special < 2:
        return
    v = Vocabulary.of_words(written, kept + special, **asked)
    assert len(v) == kept + special
    words = list(v.symbols[special:])
    assert len(words) == kept and words == sorted(words)
    for inside in words:
        for outside in counts.keys() - set(words):
            assert (-counts[inside], inside) < (-counts[outside], outside)


@given(st.lists(st.lists(tokens), min_size=1).filter(any), st.randoms(use_true_random=False))
def test_sentences_count_like_their_words_in_any_order(sentences, shuffler):
    joined = [word for sentence in sentences for word in sentence]
    whole = Vocabulary.of_words(joined)
    assert whole.symbols == (*SPECIAL, *sorted(set(joined)))
    size = random.Random(1).randint(4, len(whole))
    v = Vocabulary.of_words(joined, size)
    shuffler.shuffle(sentences)
    assert Vocabulary.of_words(map(iter, sentences), size).symbols == v.symbols


def test_a_size_larger_than_the_corpus_is_refused_with_the_number_of_words():
    written = "to be or not to be".split()
    assert len(Vocabulary.of_words(written, 7)) == 7
    with pytest.raises(
        ValueError, match=r"^size: expected at most 7, .* 4 different words.* got 8$"
    ):
        Vocabulary.of_words(written, 8)
    with pytest.raises(ValueError, match=r"^size: expected at least 4, got 3$"):
        Vocabulary.of_words(written, 3)
    with pytest.raises(
        ValueError, match=r"^size: expected 6, room for every word.*unknown.*got 5$"
    ):
        Vocabulary.of_words(written, 5, unknown=False)


# What is refused


def plain():
    return Vocabulary("ab")


def knowing():
    return Vocabulary("ab", unknown=True)


REFUSED = {
    "nothing": (lambda: Vocabulary([]), ValueError, "symbols: expected at least one, got none"),
    "one": (lambda: Vocabulary(["a"]), ValueError, "symbols: expected at least 2 .* got only 'a'"),
    "twice": (lambda: Vocabulary("aba"), ValueError, "symbols: expected each once, got 'a' 2"),
    "empty": (lambda: Vocabulary(["", "a"]), ValueError, "symbols: expected neither .* got ''"),
    "special": (lambda: Vocabulary(["a", END]), ValueError, "symbols: .*special.*got '<end>'"),
    "numbers": (lambda: Vocabulary([1, 2]), TypeError, "symbols: expected strings, got 1 at pl"),
    "a number": (lambda: Vocabulary(3), TypeError, "symbols: expected strings, got 3"),
    "bytes": (lambda: Vocabulary(b"ab"), TypeError, "symbols: expected strings, got 97 at place 0"),
    "another name": (
        lambda: Vocabulary("ab", unknown="<unk>"),
        TypeError,
        "unknown: expected True or False, got '<unk>'",
    ),
    "no text": (lambda: Vocabulary.of_characters(""), ValueError, "text: .*got an empty text"),
    "a list": (lambda: Vocabulary.of_characters(["a"]), TypeError, "text: expected a text"),
    "one letter": (lambda: Vocabulary.of_characters("aaaa"), ValueError, "symbols: .*got only 'a'"),
    "no words": (lambda: Vocabulary.of_words([]), ValueError, "words: expected at least one, got"),
    "empty sentences": (lambda: Vocabulary.of_words([[]]), ValueError, "words: expected at least"),
    "a text for words": (
        lambda: Vocabulary.of_words("a b"),
        TypeError,
        "words: .*, got 'a b' .*takes a text",
    ),
    "a number for words": (lambda: Vocabulary.of_words(3), TypeError, "words: expected words or"),
    "words of numbers": (lambda: Vocabulary.of_words([[1]]), TypeError, "words: expected strings"),
    "half a size": (lambda: Vocabulary.of_words("ab c".split(), 4.5), TypeError, "size: expected"),
    "a special word": (lambda: Vocabulary.of_words([START, "a"]), ValueError, "symbols: .*<start>"),
    "to encode: a text, where words are expected": (
        lambda: Vocabulary.of_words(["to", "be"]).encode("to be"),
        TypeError,
        "symbols: expected words, got one text, 'to be'",
    ),
    "to encode: nothing": (lambda: plain().encode(""), ValueError, "symbols: .*got none"),
    "to encode: new": (lambda: plain().encode("abca"), ValueError, "symbols: .*'c' at place 2"),
    "an id: new": (lambda: plain().id("c"), ValueError, "symbols: expected symbols of the voc"),
    "to encode: ids": (lambda: knowing().encode([0, 1]), TypeError, "symbols: .*got 0 at place 0"),
    "to encode: lists": (lambda: knowing().encode([["a"]]), TypeError, "symbols: expected strings"),
    "to decode: nothing": (lambda: plain().decode([]), ValueError, "ids: .*got none"),
    "to decode: below": (lambda: plain().decode([0, -1]), ValueError, "ids: .*0 to 1, got -1"),
    "to decode: above": (lambda: plain().decode([2]), ValueError, "ids: .*0 to 1, got 2"),
    "to decode: halves": (lambda: plain().decode([0.5]), TypeError, "ids: expected whole numbers"),
    "to decode: two axes": (lambda: plain().decode([[0]]), ValueError, "ids: .*1 axes, got 2"),
}


@pytest.mark.parametrize(("call", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_named(call, error, said):
    with pytest.raises(error, match="^" + said):
        call()


def test_what_is_no_string_is_never_in_it():
    assert 1 not in knowing() and None not in knowing() and ["a"] not in knowing()
