"""The smallest network that shows everything: T = 3 steps, H = 2 units, 4 symbols.

Its weights have one decimal and its states three, so that the chapters of Part II can print every
number that they talk about. Nothing in it is 0 or symmetric, so that a forgotten term, bias,
transpose or initial state shows.
"""

from __future__ import annotations

import numpy as np

from rnnlib.model import RNN

__all__ = ["SYMBOLS", "tiny_network", "tiny_text"]

SYMBOLS = ("<BOS>", "a", "b", "<EOS>")


def tiny_text() -> tuple[np.ndarray, np.ndarray]:
    """Return the text `<BOS>ab<EOS>` as ids: what is read, and what comes next.

    Returns
        inputs   <BOS>, a, b: ids of shape (3, 1)
        targets  a, b, <EOS>: ids of shape (3, 1)

    Chapter: *forward*.
    """
    ids = np.arange(len(SYMBOLS))[:, None]
    return ids[:-1].copy(), ids[1:].copy()


def tiny_network() -> RNN:
    """Return a network of two units with the weights that stand on the pages.

        h_0 = (0.2, −0.1), learned like the rest;    L = Σ_t ℓ_t

    Chapters: *forward*, *derivation*.
    """
    weights = {
        "W_xh": np.array([[0.5, -0.6, 0.8, 0.2], [-0.3, 0.9, 0.4, 0.1]]),
        "W_hh": np.array([[0.6, -0.8], [0.5, 0.4]]),
        "b_h": np.array([0.1, -0.1]),
        "W_hy": np.array([[-0.5, 0.2], [1.0, -0.7], [0.3, 0.8], [-0.6, -0.4]]),
        "b_y": np.array([-0.2, 0.1, 0.1, 0.0]),
        "h_0": np.array([0.2, -0.1]),
    }
    return RNN(
        len(SYMBOLS),
        2,
        len(SYMBOLS),
        initial_state="learned",
        init=weights,
        rng=np.random.default_rng(0),
    )
