"""Tokens: a text taken apart into words, and into sentences of words."""

from __future__ import annotations

import re

__all__ = ["sentences", "words"]

# What Python calls \w, but for digits and _, is a letter here.
_LETTER = r"[^\W\d_]"
_TOKEN = re.compile(rf"{_LETTER}+(?:['’-]{_LETTER}+)*|\d+|\S")
_EMPTY_LINE = re.compile(r"\n\s*\n")
_OPENING = "\"'“‘„‚«‹»›([¿¡"
_CLOSING = "\"'”’“‘»›«‹)]"
_GAP = re.compile(
    rf"(?<=[.!?])[{re.escape(_CLOSING)}]*(\s+)[{re.escape(_OPENING)}]*(\w)"
)


def words(text: str) -> list[str]:
    """Take a text apart into words, numbers and signs, in their order.

    A token is a run of letters (with ' or - between letters: don't, zero-based), a run of digits,
    or any other single sign that is no space. Upper and lower case stay as they are. Only the
    spaces, tabs and line ends are left out: one cannot tell from the tokens where they were.

    Arguments
        text  any text

    Returns
        tokens  none of them empty; joined without a space, they are the text without its spaces

    Errors
        TypeError  not a text

    Chapter: *word-model*.
    """
    return _TOKEN.findall(_text(text))


def sentences(text: str, lower: bool = False) -> list[list[str]]:
    """Take a text apart into sentences, and each of these into tokens as `words` does.

    A sentence ends at an empty line, and where . ! or ? (and quotes or brackets that close after
    it) is followed by a space and a capital letter (perhaps behind quotes or brackets that open).
    A rule as short as this one is sometimes wrong: it also ends a sentence after "Dr. ".

    Arguments
        text   any text
        lower  whether each token is written in lower case

    Returns
        sentences  none of them empty; put one after the other, they are words(text)

    Errors
        TypeError  not a text

    Chapter: *word-model*.
    """
    pieces = [
        piece
        for paragraph in _EMPTY_LINE.split(_text(text))
        for piece in _at_full_stops(paragraph)
    ]
    found = [tokens for piece in pieces if (tokens := words(piece))]
    if lower:
        # Not before: one letter can become two, and the tokens others.
        found = [[token.lower() for token in tokens] for tokens in found]
    return found


def _at_full_stops(paragraph: str) -> list[str]:
    """The paragraph, cut in the gap between a sentence's end and a capital letter."""
    pieces, begin = [], 0
    for gap in _GAP.finditer(paragraph):
        if gap[2].isupper():
            pieces.append(paragraph[begin : gap.start(1)])
            begin = gap.end(1)
    return [*pieces, paragraph[begin:]]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text: expected a text (str), got {value!r:.60}")
    return value
