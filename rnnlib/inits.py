"""First weights: the named schemes by which a network starts."""

from __future__ import annotations

import numpy as np

__all__ = ["SCHEMES", "initial_matrix"]

SCHEMES = ("uniform", "fan-in", "glorot", "orthogonal", "identity")


def initial_matrix(
    scheme: str,
    rng: np.random.Generator,
    rows: int,
    columns: int,
    hidden_size: int,
) -> np.ndarray:
    """Draw one matrix of weights.

        "uniform"     ±1/√H, evenly: every matrix of the network alike (H units in the state)
        "fan-in"      ±1/√columns, evenly: by the number of inputs that are added up
        "glorot"      ±√(6 / (rows + columns)), evenly
        "orthogonal"  orthonormal rows or columns, evenly among all such matrices
        "identity"    ones on the diagonal, zeros elsewhere

    A one-hot input picks a single column, so for tokens "fan-in" counts inputs that are not
    there, and starts far too small when the vocabulary is large.

    Arguments
        scheme       one of the names above
        rng          the source of randomness
        rows, columns  the shape
        hidden_size  H

    Returns
        W  (rows, columns), float64

    Errors
        ValueError  an unknown scheme

    Sources: Glorot and Bengio 2010; Saxe et al. 2014; Le et al. 2015. Chapters:
    *vanishing-gradients*, *optimizers*.
    """
    if scheme == "identity":
        return np.eye(rows, columns)
    if scheme == "orthogonal":
        tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        # Without this, the signs that qr chooses would make some matrices likelier than others.
        q = q * np.sign(np.diag(r))
        return q if rows >= columns else q.T
    if scheme == "uniform":
        bound = 1 / np.sqrt(hidden_size)
    elif scheme == "fan-in":
        bound = 1 / np.sqrt(columns)
    elif scheme == "glorot":
        bound = np.sqrt(6 / (rows + columns))
    else:
        raise ValueError(
            f"init: expected one of {list(SCHEMES)}, got {scheme!r}"
        )
    return rng.uniform(-bound, bound, (rows, columns))
