"""Products with one-hot vectors, without the vectors: their ids say which column is meant.

If x is one-hot with its 1 at place v, then W x is column v of W, and y xᵀ is a matrix that holds
y in column v and 0 elsewhere. With 8000 words, a product would multiply 7999 zeros for each
number that counts. Chapter: *batches*.
"""

from __future__ import annotations

import numpy as np

__all__ = ["columns", "sums_by_id"]

# For up to so many ids, adding up by a product is faster than by sorting (measured).
_FEW = 256


def columns(WT: np.ndarray, ids: np.ndarray, out: np.ndarray) -> np.ndarray:
    """W x_n for each one-hot x_n: the row of Wᵀ that its id names.

    Arguments
        WT   Wᵀ, shape (D, H)
        ids  from 0 to D − 1, already checked, any shape
        out  where to write, the shape of ids with H behind it
    """
    # W itself is kept column by column, so that Wᵀ has its rows together, each to be copied in one
    # piece. The ids have been checked, and mode="clip" keeps NumPy from doing it again.
    return np.take(WT, ids, axis=0, out=out, mode="clip")


def sums_by_id(
    ids: np.ndarray, rows: np.ndarray, out: np.ndarray
) -> np.ndarray:
    """Σ_n x_n r_nᵀ for one-hot x_n: row v is the sum of the r_n whose id is v.

    Arguments
        ids   from 0 to D − 1, already checked, shape (N)
        rows  r_n, shape (N, H)
        out   where to write, shape (D, H)
    """
    if len(out) <= _FEW:
        # With few different ids, the product is more arithmetic, but at the full speed of BLAS.
        one_hot = np.zeros((len(out), len(ids)), rows.dtype)
        one_hot[ids, np.arange(len(ids))] = 1
        return np.dot(one_hot, rows, out=out)
    order = ids.argsort(kind="stable")  # equal ids side by side
    ids = ids[order]
    first = np.flatnonzero(np.diff(ids, prepend=-1))  # where each id begins
    out[...] = 0
    out[ids[first]] = np.add.reduceat(rows[order], first, axis=0)
    return out
