"""Text for a network: the next symbol as target, in streams, in windows, or sentence by sentence.

`vocabulary`, `corpora`, `tokens` and `splitting` stand behind this door.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rnnlib.batching import Batch, Sequences, Stream
from rnnlib.checks import token_ids, truth_values, whole_number
from rnnlib.corpora import corpus, read_text
from rnnlib.splitting import split_sentences, split_text
from rnnlib.tokens import sentences, words
from rnnlib.vocabulary import Vocabulary

__all__ = [
    "Sentences",
    "Vocabulary",
    "corpus",
    "read_text",
    "sentence_batches",
    "sentences",
    "split_sentences",
    "split_text",
    "text_stream",
    "text_windows",
    "words",
]


def text_stream(
    ids: np.ndarray, *, window: int, streams: int = 1, carry: bool = True
) -> Stream:
    """Read one long text; the target of each symbol is the one that comes next.

        inputs[t, b] = ids[b·L + t],    targets[t, b] = ids[b·L + t + 1],    L = ⌊(T − 1) / B⌋

    The text is cut into B equally long pieces, which are read side by side: piece b begins with
    the symbol that piece b − 1 had to predict last. The last symbol is a target only. At the end
    of the text, (T − 1) mod B symbols are left out, at most B − 1; none of them, if B = 1.

    Arguments
        ids      (T): the text
        window   how many steps a batch takes, at least 1; the last may get fewer
        streams  B, how many pieces, at least 1
        carry    whether the state of one window is the beginning of the next, as for `Stream`

    Returns
        data  inputs and targets (L, B)

    Errors
        TypeError, ValueError  not ids; a text too short for one window in each piece

    Chapter: *character-model*.
    """
    ids = _ids("ids", ids)
    window = whole_number("window", window, least=1)
    streams = whole_number("streams", streams, least=1)
    length = (len(ids) - 1) // streams
    if length < window:
        raise ValueError(
            f"ids: expected at least {streams * window + 1} symbols ({streams} streams with a "
            f"window of {window} steps, and one last target), got {len(ids)}"
        )
    used = streams * length
    inputs, targets = (
        np.ascontiguousarray(part.reshape(streams, length).T)
        for part in (ids[:used], ids[1 : used + 1])
    )
    return Stream(inputs, targets, window=window, carry=carry)


def text_windows(
    ids: np.ndarray, *, window: int, stride: int | None = None, batch_size: int
) -> Sequences:
    """Cut a text into windows that have nothing to do with each other.

        inputs[t, n] = ids[n·s + t],    targets[t, n] = ids[n·s + t + 1],    t < window

    Each starts with a fresh state, so they can be shuffled; what stands before a window is not
    known in it. A last window that would be incomplete is left out.

    Arguments
        ids         (T): the text
        window      how many steps each has, at least 1
        stride      s: how far one begins after the other. None: a whole window, so that no symbol
                    is a target twice. 1: at every symbol, with window times the memory
        batch_size  how many a batch takes

    Returns
        data  inputs and targets (window, N), N = ⌊(T − 1 − window) / s⌋ + 1

    Errors
        TypeError, ValueError  not ids; a text shorter than window + 1

    Source: Olar (stride 1). Chapter: *character-model*.
    """
    ids = _ids("ids", ids)
    window = whole_number("window", window, least=1)
    stride = whole_number("stride", window if stride is None else stride, 1)
    if len(ids) < window + 1:
        raise ValueError(
            f"ids: expected at least {window + 1} symbols (a window of {window} steps, and its "
            f"last target), got {len(ids)}"
        )
    inputs, targets = (
        np.ascontiguousarray(sliding_window_view(part, window)[::stride].T)
        for part in (ids[:-1], ids[1:])
    )
    return Sequences(inputs, targets, batch_size=batch_size)


class Sentences(Sequences):
    """Padded sentences in mini-batches; each batch is as long as its longest sentence.

    Arguments
        inputs, targets, batch_size  as for `Sequences`
        mask  booleans (T, N): True from step 0 to the end of a sentence, False behind it
        sort  whether sentences of like length share a batch, so that little is padded

    Errors
        TypeError, ValueError  as for `Sequences`; no mask, or one with a True after a False

    Chapter: *word-model*.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        mask: np.ndarray,
        *,
        batch_size: int,
        sort: bool = False,
    ) -> None:
        super().__init__(inputs, targets, mask, batch_size=batch_size)
        mask = truth_values("mask", mask, self.inputs.shape[:2])
        late = (mask[1:] & ~mask[:-1]).any(axis=0)
        if late.any():
            raise ValueError(
                f"mask: expected True from step 0 to the end of each sentence, got a True after "
                f"a False for sentence {int(late.argmax())}"
            )
        if not isinstance(sort, bool | np.bool_):
            raise TypeError(f"sort: expected True or False, got {sort!r:.60}")
        self.sort = bool(sort)

    def epoch(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Go through all sentences once.

        Arguments
            rng  shuffles them, and moves on: if sorted, those of one length among each other, and
                 then the batches. None: they come in their order, or from short to long

        Returns
            batches  every one fresh

        Chapter: *word-model*.
        """
        if not self.sort:
            yield from super().epoch(rng)
            return
        N = self.inputs.shape[1]
        order = np.arange(N) if rng is None else rng.permutation(N)
        lengths = self.mask.sum(axis=0)
        order = order[np.argsort(lengths[order], kind="stable")]
        begins = np.arange(0, N, self.batch_size)
        if rng is not None:
            rng.shuffle(begins)
        for begin in begins:
            yield self._batch(order[begin : begin + self.batch_size])

    def _batch(self, chosen: np.ndarray) -> Batch:
        batch = super()._batch(chosen)
        T = int(batch.mask.sum(axis=0).max())
        targets = batch.targets[:T] if self._per_step else batch.targets
        return Batch(batch.inputs[:T], targets, batch.mask[:T], fresh=True)

    def fingerprint(self) -> str:
        """Return 64 letters that change with any number of the data, and with the settings."""
        told = f"Sentences {self.sort} {super().fingerprint()}"
        return hashlib.sha256(told.encode()).hexdigest()


def sentence_batches(
    sentences: Iterable[np.ndarray],
    *,
    vocabulary: Vocabulary,
    batch_size: int,
    sort: bool = False,
) -> Sentences:
    """Put sentences side by side; the target of each word is the one that comes next.

        inputs[:, n] = start, w_1, …, w_k,    targets[:, n] = w_1, …, w_k, end

    w_1, …, w_k are the words of sentence n. After its end a sentence is padded with id 0, which
    the mask hides: no loss, and no gradient.

    Arguments
        sentences   arrays of ids, as `vocabulary.encode` makes them of each sentence
        vocabulary  with start and end
        batch_size  how many sentences a batch takes
        sort        whether sentences of like length share a batch, so that little is padded

    Returns
        data  inputs, targets and mask (T, N), T one more than the longest sentence has words

    Errors
        TypeError, ValueError  sentences that are not ids of the vocabulary, or empty, or none; a
                               vocabulary without start and end

    Source: gy910210. Chapter: *word-model*.
    """
    special = [getattr(vocabulary, name, None) for name in ("start", "end")]
    if None in special:
        raise ValueError(
            f"vocabulary: expected one made with start=True and end=True, got {vocabulary!r:.60}"
        )
    rows = [
        token_ids(f"sentences[{n}]", sentence, 1, len(vocabulary))
        for n, sentence in enumerate(sentences)
    ]
    if not rows:
        raise ValueError("sentences: expected at least one, got none")
    T, N = 1 + max(map(len, rows)), len(rows)
    inputs, targets = np.zeros((2, T, N), dtype=np.int64)
    mask = np.zeros((T, N), dtype=bool)
    for n, row in enumerate(rows):
        last = len(row)
        inputs[0, n], inputs[1 : last + 1, n] = vocabulary.start, row
        targets[:last, n], targets[last, n] = row, vocabulary.end
        mask[: last + 1, n] = True
    return Sentences(inputs, targets, mask, batch_size=batch_size, sort=sort)


def _ids(name: str, value: object) -> np.ndarray:
    """`value` as a text of ids; whether they fit a vocabulary, the network will see."""
    return token_ids(name, value, 1, 2**63 - 1).astype(np.int64)
