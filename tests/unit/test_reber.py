"""The embedded Reber grammar, held against a regular expression and its derivatives.

Nothing here knows the library's graph. A regular expression says which strings are legal: Python's
`re` applies it to whole strings, and its derivatives (what may still come after a beginning;
Brzozowski 1964) say which symbols may follow.
"""

import functools
import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutants import with_a_fault

from rnnlib import reber as library

seeds = st.integers(0, 2**32 - 1)


def rng(seed=0):
    return np.random.default_rng(seed)


# Which strings are legal, by `re`

ENDING = "(?:XT*VP)*(?:S|XT*VV)E"  # after an X that leaves the loop of S, or a P after V
INNER = f"B(?:TS*X{ENDING}|PT*V(?:VE|P{ENDING}))"
LEGAL = re.compile(f"B([TP]){INNER}\\1E")


@pytest.mark.parametrize(
    "string", ["BTSSXXTVVE", "BPVVE", "BTXXVPSE", "BPVPXVPXVPXVVE", "BTSXXVPSE"]
)
def test_the_expression_accepts_what_a_course_on_the_web_prints_as_legal(string):
    assert re.fullmatch(INNER, string)


@pytest.mark.parametrize("string", ["BTSSPXSE", "BPTVVB", "BTXXVVSE", "BPVSPSE", "BTSSSE"])
def test_the_expression_refuses_what_a_course_on_the_web_prints_as_illegal(string):
    assert not re.fullmatch(INNER, string)


# Which symbols may follow: a language is "" or a symbol, or made of smaller ones; None is nothing


def then(*parts):
    parts = [part for part in parts if part != ""]
    if None in parts:
        return None
    return ("then", parts[0], then(*parts[1:])) if len(parts) > 1 else (*parts, "")[0]


def either(a, b):
    if None in (a, b) or a == b:
        return b if a is None else a
    return ("or", a, b)


def can_be_empty(r):
    if isinstance(r, str) or r is None:
        return r == ""
    kind, *parts = r
    if kind == "star":
        return True
    return (any if kind == "or" else all)(can_be_empty(part) for part in parts)


@functools.cache
def after(r, symbol):
    """The derivative: what is left of the strings that begin with this symbol."""
    if isinstance(r, str) or r is None:
        return "" if r == symbol else None
    kind, *parts = r
    if kind == "star":
        return then(after(parts[0], symbol), r)
    if kind == "or":
        return either(*(after(part, symbol) for part in parts))
    a, b = parts
    rest = then(after(a, symbol), b)
    return either(rest, after(b, symbol)) if can_be_empty(a) else rest


def whole_language():
    loop, s = ("star", "T"), ("star", "S")
    ending = then(("star", then("X", loop, "V", "P")), either("S", then("X", loop, "V", "V")), "E")
    inner = then(
        "B",
        either(
            then("T", s, "X", ending),
            then("P", loop, "V", either(then("V", "E"), then("P", ending))),
        ),
    )
    return then("B", either(then("T", inner, "T", "E"), then("P", inner, "P", "E")))


LANGUAGE = whole_language()


def may_follow(beginning):
    rest = functools.reduce(after, beginning, LANGUAGE)
    # No part of this language is empty by itself: what is not None can be completed.
    return {symbol for symbol in "BTSXPVE" if after(rest, symbol) is not None}


def test_both_oracles_agree_on_every_short_string():
    for n in range(2, 6):
        for body in map("".join, itertools.product("TSXPV", repeat=n)):
            for ends in ("TT", "PP", "TP", "PT"):
                string = f"B{ends[0]}B{body}E{ends[1]}E"
                rest = functools.reduce(after, string, LANGUAGE)
                assert can_be_empty(rest) == bool(LEGAL.fullmatch(string)), string


def test_what_may_follow_is_found_by_trying_all_completions():
    # Of every legal string with at most 6 symbols inside, found without derivatives.
    bodies = (b for n in range(2, 7) for b in map("".join, itertools.product("TSXPV", repeat=n)))
    inner = [f"B{body}E" for body in bodies if re.fullmatch(INNER, f"B{body}E")]
    legal = [f"B{second}{string}{second}E" for string in inner for second in "TP"]
    assert all(LEGAL.fullmatch(string) for string in legal)
    # From each beginning with at most 3 symbols inside, 3 more suffice to complete the inside.
    beginnings = {string[:n] for string in legal for n in range(1, 7)}
    for beginning in beginnings:
        found = {s[len(beginning)] for s in legal if s.startswith(beginning)}
        assert may_follow(beginning) == found, beginning


# The task


def strings(task):
    """Each column as a string, from the first input to the last target."""
    names = "BTSXPVE"
    for b in range(task.inputs.shape[1]):
        T = int(task.mask[:, b].sum())
        assert T and task.mask[:T, b].all()
        ids = [*task.inputs[:T, b], task.targets[T - 1, b]]
        assert task.inputs[1:T, b].tolist() == task.targets[: T - 1, b].tolist()
        yield "".join(names[i] for i in ids)


def check_task(module, seed, B):
    task = module.reber_task(rng(seed), B)
    T = len(task.inputs)
    assert task.inputs.shape == task.targets.shape == task.mask.shape == (T, B)
    assert task.inputs.dtype == task.targets.dtype == np.int64
    assert task.mask.dtype == task.allowed.dtype == np.bool_
    assert task.allowed.shape == (T, B, 7)
    drawn = list(strings(task))
    assert max(map(len, drawn)) == T + 1
    for b, string in enumerate(drawn):
        assert LEGAL.fullmatch(string), string
        for t in range(len(string) - 1):
            allowed = {"BTSXPVE"[k] for k in np.flatnonzero(task.allowed[t, b])}
            assert allowed == may_follow(string[: t + 1]), (string, t)
    # Behind the end there is nothing.
    assert not task.inputs[~task.mask].any() and not task.targets[~task.mask].any()
    assert not task.allowed[~task.mask].any()


def check_strings_come_as_often_as_their_choices_say(module):
    B = 3000
    drawn = list(strings(module.reber_task(rng(), B)))
    for string in sorted(set(drawn), key=drawn.count)[-12:]:
        choices = sum(len(may_follow(string[:n])) == 2 for n in range(len(string)))
        expected = B / 2**choices
        assert abs(drawn.count(string) - expected) < 5 * np.sqrt(expected), string


@given(seeds, st.integers(1, 12))
def test_strings_are_legal_and_allowed_is_all_that_may_follow(seed, B):
    check_task(library, seed, B)


def test_strings_come_as_often_as_their_choices_say():
    check_strings_come_as_often_as_their_choices_say(library)


def test_there_are_32_strings_unless_another_number_is_asked_for():
    task = library.reber_task(rng())
    assert isinstance(task, library.ReberTask)
    assert task.inputs.shape[1] == 32
    assert library.REBER_SYMBOLS == "BTSXPVE"


def test_length_and_least_loss_are_those_of_the_docstring():
    # How likely each rest of the language is, step by step, until all strings have ended.
    chance, length, choices = {LANGUAGE: 1.0}, 0.0, 0.0
    shortest = None
    for step in range(1, 400):
        later = {}
        for rest, p in chance.items():
            ways = [w for w in (after(rest, s) for s in "BTSXPVE") if w is not None]
            length += p
            choices += p * (len(ways) == 2)
            assert len(ways) <= 2
            for way in ways:
                if way == "":
                    shortest = shortest or step
                else:
                    later[way] = later.get(way, 0) + p / len(ways)
        chance = later
    assert sum(chance.values()) < 1e-12
    assert shortest == 9
    assert length == pytest.approx(12) and choices == pytest.approx(7)
    said = library.reber_task.__doc__
    assert f"7 ln 2 = {7 * np.log(2):.3f}" in said and f"{7 * np.log(2) / 11:.3f} nats" in said
    assert f"8 ln 2 = {8 * np.log(2):.3f} ({8 * np.log(2) / 11:.3f})" in said


FAULTS = {
    "allowed is one step late": ("enumerate(choices[1:])", "enumerate(choices[:-1])"),
    "allowed is one step early": ("enumerate(choices[1:])", "enumerate(choices[2:])"),
    "allowed is what came": ("_ids(choice)] = True", "ids[t + 1]] = True"),
    "everything is allowed": ("_ids(choice)] = True", "] = True"),
    "the last but one is always T": ('{second: "last"}', '{"T": "last"}'),
    "the last but one is free": ('{second: "last"}', '{"T": "last", "P": "last"}'),
    "the last but one is the other": ('{second: "last"}', '{"TP"[second == "T"]: "last"}'),
    "the second is always T": ('{"T": "T0", "P": "P0"}', '{"T": "T0"}'),
    "S and X exchanged": ('4: {"X": 3, "S": 6}', '4: {"S": 3, "X": 6}'),
    "the loop of T is left out": ('{"T": 3, "V": 5}', '{"T": 5, "V": 5}'),
    "an arrow leads elsewhere": ('{"P": 4, "V": 6}', '{"P": 3, "V": 6}'),
    "an arrow is missing": ('{"S": 2, "X": 4}', '{"X": 4}'),
    "choices are not fair": (
        "rng.integers(len(choices[-1]))",
        "int(rng.random() < 0.6) % len(choices[-1])",
    ),
    "the target is the input": (" = ids[1:]", " = ids[:-1]"),
    "the mask is one step too long": ("task.mask[:steps, b]", "task.mask[: steps + 1, b]"),
    "the mask is one step too short": ("task.mask[:steps, b]", "task.mask[: steps - 1, b]"),
}


def check_all(module):
    for seed in range(5):
        check_task(module, seed, 12)
    check_strings_come_as_often_as_their_choices_say(module)


def test_without_a_fault_all_checks_pass():
    check_all(library)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_noticed(fault):
    with pytest.raises(AssertionError):
        check_all(with_a_fault(library, *FAULTS[fault]))
