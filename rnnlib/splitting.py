"""Training and validation: a text or its sentences in two parts, with nothing on both sides."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

from rnnlib.checks import between, given_generator

__all__ = ["split_sentences", "split_text"]

Sentence = TypeVar("Sentence", bound=Sequence[Hashable])


def split_text(text: str, share: float = 0.1) -> tuple[str, str]:
    """Cut a text once; the first piece is for training, the second for validation.

        train + validation == text

    The cut is at the line end nearest to the place where validation would have exactly its share.
    If none is near enough (within half of the shorter piece), it is at that very place.

    Arguments
        text   at least two characters
        share  how much of the text is for validation, above 0 and below 1

    Returns
        train, validation  both not empty

    Errors
        TypeError, ValueError  not a text, shorter than two characters; no such share

    Chapter: *character-model*.
    """
    if not isinstance(text, str):
        raise TypeError(f"text: expected a text (str), got {text!r:.60}")
    if len(text) < 2:
        raise ValueError(
            f"text: expected at least 2 characters, got {len(text)}"
        )
    share = between("share", share, 0, 1, open_low=True)
    place = round(len(text) * (1 - share))
    place = min(max(place, 1), len(text) - 1)
    reach = min(place, len(text) - place) // 2
    line_ends = [
        text.rfind("\n", place - reach - 1, place) + 1,
        text.find("\n", place, place + reach) + 1,
    ]
    # find gives −1, and so a cut at 0, where there is no line end.
    cuts = [cut for cut in line_ends if cut] or [place]
    cut = min(cuts, key=lambda cut: abs(cut - place))
    return text[:cut], text[cut:]


def split_sentences(
    sentences: Sequence[Sentence],
    share: float = 0.1,
    *,
    rng: np.random.Generator,
) -> tuple[list[Sentence], list[Sentence]]:
    """Deal sentences out at random, all that are equal to the same side.

    A sentence that stands on both sides is a leak: what was learned by heart would pass for
    what was understood. So all copies of a sentence form one group, and groups are drawn until
    validation has its share: as near to it as the last group allows.

    Arguments
        sentences  lists of words, or arrays of ids, at least two different ones
        share      of the sentences, copies counted, for validation; above 0 and below 1
        rng        draws which

    Returns
        train, validation  both not empty, each in the order given; the sentences themselves, no
                           copies of them

    Errors
        TypeError, ValueError  no such share, no generator, no two different sentences

    Chapter: *word-model*.
    """
    rng = given_generator(rng)
    share = between("share", share, 0, 1, open_low=True)
    sentences = list(sentences)
    groups: dict[tuple[Hashable, ...], list[int]] = {}
    for place, sentence in enumerate(sentences):
        groups.setdefault(_key(sentence, place), []).append(place)
    if len(groups) < 2:
        raise ValueError(
            f"sentences: expected at least 2 different ones, got {len(groups)}"
        )
    order = rng.permutation(len(groups))
    places = list(groups.values())
    sizes = accumulate(len(places[group]) for group in order[:-1])
    off = [abs(size - share * len(sentences)) for size in sizes]
    drawn = order[: off.index(min(off)) + 1]
    held_out = {place for group in drawn for place in places[group]}
    train = [s for i, s in enumerate(sentences) if i not in held_out]
    return train, [sentences[i] for i in sorted(held_out)]


def _key(sentence: Sequence[Hashable], place: int) -> tuple[Hashable, ...]:
    """What two sentences have in common if they are equal."""
    try:
        key = tuple(sentence)
        hash(key)  # not if it holds lists or arrays
    except TypeError:
        raise TypeError(
            f"sentences[{place}]: expected words or ids, got {sentence!r:.60}"
        ) from None
    return key
