"""Writing with a network: ask it for the next symbol, draw one, let it read that, and so on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rnnlib.checks import (
    any_array,
    token_ids,
    whole_number,
)
from rnnlib.model import RNN
from rnnlib.sampling import Rule, sampling_rule, tempered
from rnnlib.vocabulary import Vocabulary

__all__ = [
    "Generated",
    "generate",
    "tempered",
    "token_probabilities",
    "write_text",
]

_PATIENCE = 2.0  # seconds: what ends sooner shows no progress bar
_PIECE = 2**20  # probabilities that are in memory together
_NEVER = -1  # no id: a stream without a stop


class Generated(NamedTuple):
    """What a network has written, B streams side by side.

    Attributes
        ids            what was drawn, without the prompt, shape (n, B); after its end, a stream
                       repeats the stop
        chance         ŷ_t of each symbol drawn, as the network itself gave it (temperature 1,
                       nothing cut), shape (n, B); 1 after the end
        lengths        how many of the n symbols count, the stop included, shape (B); n without a
                       stop
        state          the last state. It has read all but the last symbol that counts: to go
                       on, give it with ids[-1:] as the prompt
        distributions  each ŷ_t, shape (n, B, V), in the network's dtype; or None
    """

    ids: np.ndarray
    chance: np.ndarray
    lengths: np.ndarray
    state: np.ndarray
    distributions: np.ndarray | None


def generate(
    model: RNN,
    n: int,
    prompt: np.ndarray,
    *,
    rng: np.random.Generator | None = None,
    streams: int | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    stop: int | None = None,
    state: np.ndarray | None = None,
    keep_distributions: bool = False,
) -> Generated:
    """Let a network write: each symbol that is drawn is what it reads next.

        ŷ_t = softmax(o_t),    q_t ∝ exp(o_t / temperature), only the top_k largest
        x_{t+1} = the first i with q_t[0] + … + q_t[i] > u_t,    u_t uniform in [0, 1)

    Arguments
        model        with loss="softmax" and outputs="all", which reads ids; D = V
        n            how many symbols to draw, at least 1
        prompt       ids to read before, shape (P) for all streams or (P, B); P at least 1
        rng          gives n · B numbers u, whether or not a stream ends before. With
                     temperature=0 or top_k=1 it is not needed, and not touched
        streams      B; None: as many as the prompt has columns, or 1
        temperature  below 1, what is likely becomes likelier; above 1, the chances become more
                     alike; 0: the likeliest symbol (of equal ones the smallest id)
        top_k        how many symbols can be drawn in a step; None: all V
        stop         the id that ends a stream; None: nothing ends it
        state        where to begin, as for `RNN.predict`; None: the network's initial state
        keep_distributions  whether to return each ŷ_t

    Returns
        `Generated`: ids, chance, lengths, state, distributions

    Errors
        TypeError, ValueError  an argument of another kind or shape, or out of range; a network
            of another kind, or with parameters that are not finite. Nothing was drawn then.

    Chapters: *character-model*, *word-model*.
    """
    _check_model(model)
    V = model.output_size
    n = whole_number("n", n, least=1)
    rule = sampling_rule(temperature, top_k, V)
    _check_rng(rng, rule)
    stop = _NEVER if stop is None else whole_number("stop", stop, 0, V - 1)
    prompt = _side_by_side(prompt, streams, V)
    B, every = prompt.shape[1], np.arange(prompt.shape[1])
    # From the beginning, all is as it stands after the end of a stream.
    ids, chance = np.full((n, B), stop, np.int64), np.ones((n, B))
    kept = np.zeros((n, B, V), model.dtype) if keep_distributions else None
    if kept is not None:
        kept[:, :, stop] = 1
    steps = _steps(model, n, prompt, state, rule, rng, stop)
    for t, step in enumerate(_with_bar(steps, n)):
        x, p, state = step
        ids[t], chance[t] = x, p[every, x]
        if kept is not None:
            kept[t] = p
    found = ids == stop
    lengths = np.where(found.any(axis=0), found.argmax(axis=0) + 1, n)
    return Generated(ids, chance, lengths, state, kept)


def _steps(
    model: RNN,
    n: int,
    prompt: np.ndarray,
    state: np.ndarray | None,
    rule: Rule,
    rng: np.random.Generator | None,
    stop: int,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """What is drawn in each step, what the network expected, and its state."""
    # The prompt is read in steps, as what is drawn will be: a text gives the same numbers, to
    # the last digit, whether it was given or drawn.
    for x in prompt:
        (p,), state = model.predict(x[None], state)
    u = [None] * n if rule.greedy else rng.random((n, len(p)))
    ended = np.zeros(len(p), bool)
    for t in range(n):
        x = rule.choose(p, u[t])
        yield x, p, state
        ended |= x == stop
        if t == n - 1 or ended.all():
            return
        # A stream that has ended reads no more, and expects nothing but its stop.
        mask = ~ended[None] if ended.any() else None
        (p,), state = model.predict(x[None], state, mask)
        if mask is not None:
            p[ended] = np.arange(p.shape[1]) == stop


def write_text(
    model: RNN,
    vocabulary: Vocabulary,
    n: int,
    prompt: str,
    *,
    rng: np.random.Generator | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    stop: str | int | None = None,
    state: np.ndarray | None = None,
) -> str:
    """Let a network of characters write a text: `generate`, from text to text, one stream.

    Arguments
        vocabulary  whose ids the model reads and predicts
        prompt      a text to read before, at least one character
        stop        a symbol of the vocabulary, or its id
        the others  as for `generate`

    Returns
        text  the n characters drawn, or fewer if the stop came, which is the last one then. The
            prompt is not repeated

    Errors
        TypeError, ValueError  as for `generate`; a vocabulary of another size, a character that
            it does not know, a stop that is not in it

    Chapter: *character-model*.
    """
    _check_model(model)
    if not isinstance(vocabulary, Vocabulary):
        raise TypeError(
            f"vocabulary: expected a Vocabulary, got {vocabulary!r:.60}"
        )
    if len(vocabulary) != model.output_size:
        raise ValueError(
            f"vocabulary: expected {model.output_size} symbols, as many as the model predicts, "
            f"got {len(vocabulary)}"
        )
    if isinstance(stop, str):
        # Else it would be the id of unknown, and the text end where nobody asked it to.
        if stop not in vocabulary:
            raise ValueError(
                f"stop: expected a symbol of the vocabulary, got {stop!r:.60}"
            )
        stop = vocabulary.id(stop)
    new = generate(
        model,
        n,
        vocabulary.encode(prompt),
        rng=rng,
        temperature=temperature,
        top_k=top_k,
        stop=stop,
        state=state,
    )
    return vocabulary.text(new.ids[: new.lengths[0], 0])


def token_probabilities(
    model: RNN, ids: np.ndarray, state: np.ndarray | None = None
) -> np.ndarray:
    """How likely the network found each next symbol of a text that exists.

        p_t = ŷ_t[x_{t+1}]

    −log p_t is the surprise in nats; its mean is the loss per token, and exp of that the
    perplexity. A probability that float32 rounds to 0 is 0 here; `RNN.evaluate` takes the
    logarithm of the logits' sum, and stays finite.

    Arguments
        model  as for `generate`
        ids    the text, shape (T), at least 2
        state  where to begin, as for `RNN.predict` with one sequence; None: the network's
               initial state

    Returns
        p  shape (T − 1): nothing is asked about the first symbol

    Errors
        TypeError, ValueError  another kind of network or of ids, fewer than two ids

    Chapters: *character-model*, *word-model*.
    """
    _check_model(model)
    ids = token_ids("ids", ids, 1, model.output_size).astype(np.int64)
    if len(ids) < 2:
        raise ValueError(
            "ids: expected at least 2, one to read and one to predict, got 1"
        )
    few = max(1, _PIECE // model.output_size)
    p = np.empty(len(ids) - 1)
    for begin in range(0, len(p), few):
        after = ids[begin + 1 : begin + 1 + few]
        x = ids[begin : begin + len(after)]
        all_p, state = model.predict(x[:, None], state)
        p[begin : begin + few] = all_p[range(len(x)), 0, after]
    return p


def _with_bar(steps: Iterator[Any], n: int) -> Iterator[Any]:
    """The same steps, with a progress bar on stderr from when one has waited for a while."""
    begin, bar = time.monotonic(), None
    try:
        for done, step in enumerate(steps, start=1):
            yield step
            if bar is not None:
                bar.update()
            elif time.monotonic() - begin > _PATIENCE:
                bar, begin = _bar(n, done), np.inf
    finally:
        if bar is not None:
            bar.close()


def _bar(n: int, done: int) -> Any:
    """The bar of tqdm, which is imported only now. Without tqdm there is none."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=n, initial=done, desc="writing", unit="symbol")


# --- Checks ------------------------------------------------------------------


def _check_model(model: object) -> None:
    if not isinstance(model, RNN):
        raise TypeError(f"model: expected an rnnlib.RNN, got {model!r:.60}")
    D, V = model.input_size, model.output_size
    if (model.loss, model.outputs) != ("softmax", "all") or D != V:
        raise ValueError(
            "model: expected loss='softmax', outputs='all' and an input_size equal to the "
            f"output_size, got {model.loss!r}, {model.outputs!r}, {D} and {V}"
        )


def _check_rng(rng: object, rule: Rule) -> None:
    if isinstance(rng, np.random.Generator) or (rng is None and rule.greedy):
        return
    raise TypeError(
        "rng: expected a numpy.random.Generator (only with temperature=0 or top_k=1 is none "
        f"needed), got {rng!r:.60}"
    )


def _side_by_side(prompt: object, streams: int | None, V: int) -> np.ndarray:
    """The prompt of each stream in its column: (P, B)."""
    prompt = any_array("prompt", prompt)
    ids = token_ids("prompt", prompt, 2 if prompt.ndim == 2 else 1, V)
    ids = ids.astype(np.int64)
    if streams is not None:
        streams = whole_number("streams", streams, least=1)
    if ids.ndim == 1:
        return np.repeat(ids[:, None], streams or 1, axis=1)
    if streams not in (None, ids.shape[1]):
        raise ValueError(
            f"prompt: expected one column for each of {streams} streams, or one axis, got shape "
            f"{ids.shape}"
        )
    return ids
