"""Vocabularies: which number stands for which character or word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from rnnlib.checks import token_ids, whole_number

__all__ = ["END", "START", "UNKNOWN", "Vocabulary"]

UNKNOWN = "<unknown>"
START = "<start>"
END = "<end>"


class Vocabulary:
    """The symbols a network knows, numbered from 0 to V − 1.

    The special tokens that are asked for come first, in the order unknown, start, end; then all
    other symbols, sorted by code point. So the same set of symbols has the same ids, in whatever
    order it was given. A character is a code point: an é written as one is not the é written as
    an e and an accent. `read_text` and `corpus` make them one (NFC), the vocabulary does not.

    Arguments
        symbols  distinct strings, none of them empty, none of them a special token
        unknown  whether there is an id that stands for every symbol not in the vocabulary
        start    whether there is an id that stands before the first word of a sentence
        end      whether there is an id that stands after the last word of a sentence

    Attributes
        symbols  all of them; the place of each is its id
        unknown, start, end  the ids of the special tokens, None for those not asked for

    Errors
        TypeError   a symbol that is not a string; neither True nor False for a special token
        ValueError  no symbol, one twice, an empty one, one that looks like a special token; or
                    one symbol in all: if only it can come, nothing can be predicted

    Chapters: *character-model*, *word-model*.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        *,
        unknown: bool = False,
        start: bool = False,
        end: bool = False,
    ) -> None:
        _check_asked(unknown=unknown, start=start, end=end)
        asked = {UNKNOWN: unknown, START: start, END: end}
        special = [token for token, wanted in asked.items() if wanted]
        self.symbols = (*special, *sorted(_distinct(symbols)))
        if len(self.symbols) == 1:
            raise ValueError(
                f"symbols: expected at least 2 different ones, got only {self.symbols[0]!r}: if "
                f"the same symbol always comes, nothing can be predicted"
            )
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self._of_words = False
        self.unknown = self._ids.get(UNKNOWN)
        self.start = self._ids.get(START)
        self.end = self._ids.get(END)

    @classmethod
    def of_characters(
        cls,
        text: str,
        *,
        unknown: bool = False,
        start: bool = False,
        end: bool = False,
    ) -> Vocabulary:
        """Make a vocabulary of every distinct character of a text.

        Arguments
            text                 at least two different characters, or one and special tokens
            unknown, start, end  as for `Vocabulary`

        Errors
            TypeError, ValueError  not a text; as for `Vocabulary`

        Chapter: *character-model*.
        """
        if not isinstance(text, str):
            raise TypeError(f"text: expected a text (str), got {text!r:.60}")
        if not text:
            raise ValueError("text: expected characters, got an empty text")
        return cls(set(text), unknown=unknown, start=start, end=end)

    @classmethod
    def of_words(
        cls,
        words: Iterable[str] | Iterable[Iterable[str]],
        size: int | None = None,
        *,
        unknown: bool = True,
        start: bool = True,
        end: bool = True,
    ) -> Vocabulary:
        """Make a vocabulary of the most frequent words.

        Of two that are equally frequent, the first by code point is taken.

        Arguments
            words                of the training text: all of them, or its sentences (lists)
            size                 V, special tokens included. None: every word is taken
            unknown, start, end  as for `Vocabulary`

        Errors
            TypeError   not words; one long text
            ValueError  a size without room for a word, or larger than what there is (so that V
                        is what was asked for); words left out without `unknown`

        Source: gy910210. Chapter: *word-model*.
        """
        counts = _counted(words)
        special = sum(map(bool, (unknown, start, end)))
        most = len(counts) + special
        size = (
            most if size is None else whole_number("size", size, special + 1)
        )
        if size > most:
            raise ValueError(
                f"size: expected at most {most}, for there are {len(counts)} different words and "
                f"{special} special tokens, got {size}"
            )
        if size < most and not unknown:
            raise ValueError(
                f"size: expected {most}, room for every word, since the vocabulary has no "
                f"unknown=True for those left out, got {size}"
            )
        # Ties are broken by the words themselves, not by which of them came first.
        words = sorted(counts, key=lambda word: (-counts[word], word))
        words = words[: size - special]
        vocabulary = cls(words, unknown=unknown, start=start, end=end)
        vocabulary._of_words = True
        return vocabulary

    def __len__(self) -> int:
        """Return V, the number of ids."""
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        """Tell whether a symbol has an id of its own."""
        return isinstance(symbol, str) and symbol in self._ids

    def __repr__(self) -> str:
        """Say how many symbols there are, and which are the first."""
        some = ", ".join(f"{symbol!r:.20}" for symbol in self.symbols[:5])
        more = ", …" if len(self) > 5 else ""
        return f"<Vocabulary of {len(self)}: {some}{more}>"

    def id(self, symbol: str) -> int:
        """Return the id of one symbol; that of `unknown`, if it has none of its own.

        Errors
            TypeError, ValueError  as for `encode`
        """
        return int(self.encode([symbol])[0])

    def encode(self, symbols: Iterable[str]) -> np.ndarray:
        """Return the ids of symbols.

        Arguments
            symbols  strings; a text is one of its characters, and refused by a vocabulary made
                     `of_words`. What is not in the vocabulary gets the id of `unknown`

        Returns
            ids  (T), int64

        Errors
            TypeError   anything but strings; a whole text where words are expected
            ValueError  no symbol at all; one that is not in a vocabulary without `unknown`

        Chapters: *character-model*, *word-model*.
        """
        if self._of_words and isinstance(symbols, str):
            # Its characters would all be unknown, and nobody would notice.
            raise TypeError(
                f"symbols: expected words, got one text, {symbols!r:.40} (rnnlib.text.words takes "
                f"it apart)"
            )
        symbols = _strings("symbols", symbols)
        ids = [self._ids.get(symbol, self.unknown) for symbol in symbols]
        if not ids:
            raise ValueError("symbols: expected at least one, got none")
        if self.unknown is None and None in ids:
            place = ids.index(None)
            raise ValueError(
                f"symbols: expected symbols of the vocabulary, got {symbols[place]!r:.60} at place "
                f"{place} (a vocabulary made with unknown=True has an id for it)"
            )
        return np.array(ids, dtype=np.int64)

    def decode(self, ids: np.ndarray) -> list[str]:
        """Return the symbols of ids: what `encode` was given, but for what was unknown.

        Arguments
            ids  (T), from 0 to V − 1

        Errors
            TypeError, ValueError  not whole numbers, other axes, empty, out of range

        Chapters: *character-model*, *word-model*.
        """
        ids = token_ids("ids", ids, 1, len(self))
        return [self.symbols[i] for i in ids.tolist()]

    def text(self, ids: np.ndarray, separator: str = "") -> str:
        """Return the symbols of ids (as for `decode`) as one text, with a separator between."""
        return separator.join(self.decode(ids))


def _check_asked(**asked: object) -> None:
    """Refuse a name such as "<unk>": the special tokens have their names already."""
    for name, wanted in asked.items():
        if not isinstance(wanted, bool | np.bool_):
            came = f"{wanted!r:.60}"
            raise TypeError(f"{name}: expected True or False, got {came}")


def _distinct(symbols: Iterable[str]) -> list[str]:
    """The symbols, if each of them can be one."""
    symbols = _strings("symbols", symbols)
    if not symbols:
        raise ValueError("symbols: expected at least one, got none")
    for symbol, count in Counter(symbols).items():
        if count > 1:
            came = f"{symbol!r:.60} {count} times"
            raise ValueError(f"symbols: expected each once, got {came}")
        if symbol in ("", UNKNOWN, START, END):
            raise ValueError(
                f"symbols: expected neither an empty one nor one that looks like a special "
                f"token, got {symbol!r}"
            )
    return symbols


def _counted(words: Iterable[str] | Iterable[Iterable[str]]) -> Counter[str]:
    """How often each word comes, in one list of words or in sentences."""
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise TypeError(
            f"words: expected words or sentences, got {words!r:.40} (rnnlib.text.words takes a "
            f"text apart)"
        )
    counts: Counter[str] = Counter()
    for item in words:
        one = [item] if isinstance(item, str) else item
        counts.update(_strings("words", one))
    if not counts:
        raise ValueError("words: expected at least one, got none")
    return counts


def _strings(name: str, values: Iterable[str]) -> list[str]:
    """`values` as a list, if they are strings."""
    values = list(values) if isinstance(values, Iterable) else [values]
    for place, value in enumerate(values):
        if not isinstance(value, str):
            came = f"{value!r:.60} at place {place}"
            raise TypeError(f"{name}: expected strings, got {came}")
    return values
