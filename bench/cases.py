"""What is measured: the sizes, the cells, the weights and the batches that all take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]


class Size(NamedTuple):
    """Sequences side by side, steps in time, distinct tokens, hidden units."""

    B: int
    T: int
    V: int
    H: int


SIZES = {
    "S1": Size(1, 25, 65, 100),  # one sequence of characters: min-char-rnn's setting
    "S2": Size(32, 64, 65, 128),
    "S3": Size(64, 100, 65, 256),
    "S4": Size(64, 100, 65, 512),
    "W1": Size(1, 30, 8000, 100),  # one sentence of words: gy910210's setting
    "W32": Size(32, 30, 8000, 100),
}
ROWS = {"tanh": 1, "lstm": 4, "gru": 3}  # blocks of H rows in W_xh, W_hh and b_h
BATCHES = 4  # taken in turn, so that nobody profits from seeing one batch for ever


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    size: str
    cell: str = "tanh"
    dtype: str = "float32"
    biases: bool = True
    truncation: int | None = None  # steps back from every loss; None is full BPTT

    @property
    def shape(self) -> Size:
        return SIZES[self.size]

    @property
    def name(self) -> str:
        """Return a name for the table: S1, S1 lstm, W1 f64 back 4."""
        words = [self.size] if self.cell == "tanh" else [self.size, self.cell]
        words += [] if self.dtype == "float32" else ["f64"]
        words += [] if self.truncation is None else [f"back {self.truncation}"]
        return " ".join(words)


CASES = [
    *(Case(size) for size in SIZES),
    *(Case(size, cell) for cell in ("lstm", "gru") for size in ("S1", "S2", "S3")),
    Case("W1", dtype="float64", biases=False),
    Case("W1", dtype="float64", biases=False, truncation=4),
]


def weights(case: Case, seed: int = 1) -> Arrays:
    """Return random parameters by the library's names, in float64.

    They are numbers that float32 can hold, so that everyone starts at exactly the same place.
    The biases are random as well: a forgotten bias then shows.
    """
    _, _, V, H = case.shape
    G, rng = ROWS[case.cell], np.random.default_rng(seed)
    shapes = {"W_xh": (G * H, V), "W_hh": (G * H, H), "W_hy": (V, H), "b_h": (G * H,), "b_y": (V,)}
    if case.cell == "gru":
        shapes["b_hn"] = (H,)
    drawn = {name: rng.uniform(-1, 1, shape) / np.sqrt(H) for name, shape in shapes.items()}
    if not case.biases:
        drawn.update({name: 0 * drawn[name] for name in drawn if name.startswith("b_")})
    return {name: array.astype(np.float32).astype(np.float64) for name, array in drawn.items()}


def batches(case: Case, seed: int = 2) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of inputs and targets: token ids (T, B), the targets shifted by one."""
    B, T, V, _ = case.shape
    ids = np.random.default_rng(seed).integers(V, size=(BATCHES, T + 1, B))
    return [(text[:-1].copy(), text[1:].copy()) for text in ids]
