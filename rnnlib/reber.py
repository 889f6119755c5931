"""The embedded Reber grammar: strings whose second symbol decides the last but one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlib.checks import given_generator, whole_number

__all__ = ["REBER_SYMBOLS", "ReberTask", "reber_task"]

REBER_SYMBOLS = "BTSXPVE"  # place = id

# State: which symbols may come, and the state that each leads to. Two of them have equal chance.
_INNER = {
    0: {"B": 1},
    1: {"T": 2, "P": 3},
    2: {"S": 2, "X": 4},
    3: {"T": 3, "V": 5},
    4: {"X": 3, "S": 6},
    5: {"P": 4, "V": 6},
    6: {"E": 7},
}


class ReberTask(NamedTuple):
    """Strings of the embedded Reber grammar, as a network reads and predicts them.

    Attributes
        inputs   (T, B), ids: place in `REBER_SYMBOLS`
        targets  (T, B), ids: the symbol after each input
        mask     (T, B), booleans: False behind the end of a string, where inputs and targets
                 are 0
        allowed  (T, B, 7), booleans: whether the grammar permits this symbol as the target; all
                 False where the mask is
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray
    allowed: np.ndarray


def reber_task(rng: np.random.Generator, n_sequences: int = 32) -> ReberTask:
    """Draw strings of the embedded Reber grammar; the target is always the next symbol.

        B T ⟨Reber string⟩ T E    or    B P ⟨Reber string⟩ P E,    with equal chance

        0 –B→ 1    1 –T→ 2    2 –S→ 2    3 –T→ 3    4 –X→ 3    5 –P→ 4    6 –E→ end
                   1 –P→ 3    2 –X→ 4    3 –V→ 5    4 –S→ 6    5 –V→ 6

    The second line is the Reber string: one arrow out of each state, both with equal chance
    where there are two. The shortest whole string has 9 symbols, the mean is 12, and there is no
    longest.

    A string holds 7 free choices on average, of ln 2 each: nobody's expected loss is below
    7 ln 2 = 4.852 nats per string (over 11 predictions on average: 0.441 nats each). Who knows
    all but the second symbol guesses the last but one as well and loses 8 ln 2 = 5.545 (0.504).
    The mean loss tells the two apart by little, the loss at the last but one by all: 0 or ln 2.

    Arguments
        rng          the only source of randomness: the same seed gives the same data
        n_sequences  B, at least 1

    Returns
        task  inputs, targets, mask and allowed; T is one less than the longest string drawn

    Errors
        TypeError, ValueError  an argument of the wrong kind, or smaller than 1

    Sources: Reber 1967; Cleeremans, Servan-Schreiber and McClelland 1989; Hochreiter and
    Schmidhuber 1997 (experiment 1). Chapter: *long-memory*.
    """
    rng = given_generator(rng)
    n_sequences = whole_number("n_sequences", n_sequences, least=1)
    graph = _embedded()
    walks = [_walk(rng, graph) for _ in range(n_sequences)]
    T = max(len(string) for string, _ in walks) - 1
    task = ReberTask(
        inputs=np.zeros((T, n_sequences), dtype=np.int64),
        targets=np.zeros((T, n_sequences), dtype=np.int64),
        mask=np.zeros((T, n_sequences), dtype=np.bool_),
        allowed=np.zeros((T, n_sequences, 7), dtype=np.bool_),
    )
    for b, (string, choices) in enumerate(walks):
        ids, steps = _ids(string), len(string) - 1
        task.inputs[:steps, b] = ids[:-1]
        task.targets[:steps, b] = ids[1:]
        task.mask[:steps, b] = True
        # What could have stood first is nobody's target.
        for t, choice in enumerate(choices[1:]):
            task.allowed[t, b, _ids(choice)] = True
    return task


def _embedded() -> dict[str, dict[str, str]]:
    """The whole grammar: two copies of the inner one, so that a state knows the second symbol."""
    graph = {"begin": {"B": "fork"}, "fork": {"T": "T0", "P": "P0"}}
    for second in "TP":
        for state, choice in _INNER.items():
            graph[f"{second}{state}"] = {
                symbol: f"{second}{after}" for symbol, after in choice.items()
            }
        graph[f"{second}7"] = {second: "last"}
    return graph | {"last": {"E": "end"}}


def _walk(
    rng: np.random.Generator, graph: dict[str, dict[str, str]]
) -> tuple[str, list[str]]:
    """One string, and for each of its symbols all that could have stood there."""
    string, choices, state = "", [], "begin"
    while state != "end":
        choices.append("".join(graph[state]))
        symbol = choices[-1][rng.integers(len(choices[-1]))]
        string, state = string + symbol, graph[state][symbol]
    return string, choices


def _ids(string: str) -> list[int]:
    return [REBER_SYMBOLS.index(symbol) for symbol in string]
