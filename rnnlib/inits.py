"""First weights: the named schemes by which a network starts."""

from __future__ import annotations

import numpy as np

from rnnlib.checks import finite_array, given_generator, one_of

__all__ = ["SCHEMES", "initial_matrix", "initial_parameters"]

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


def initial_parameters(
    shapes: dict[str, tuple[int, ...]],
    gates: int,
    init: str | dict[str, str | np.ndarray],
    rng: np.random.Generator,
    dtype: np.dtype,
) -> dict[str, np.ndarray]:
    """Every parameter of a network at its start.

    Arguments
        shapes  the shape of each parameter by its name
        gates   how many blocks of rows W_xh and W_hh have; each block is drawn by itself
        init    one scheme for all matrices ("identity" means W_hh alone), or a dict that maps
                names to schemes or arrays. Matrices that it leaves out are "uniform", vectors 0
        rng     the source of randomness
        dtype   of the parameters

    Returns
        params  fresh arrays by name

    Errors
        TypeError, ValueError  no generator, unknown names, a scheme for a vector, an array of
            another shape
    """
    rng = given_generator(rng)
    if not isinstance(init, dict):
        scheme = one_of("init", init, SCHEMES)
        matrices = [name for name in shapes if name.startswith("W_")]
        init = dict.fromkeys(
            ["W_hh"] if scheme == "identity" else matrices, scheme
        )
    for name in init:
        one_of("init", name, shapes)
    return {
        name: _initial(
            name,
            shape,
            1 if name == "W_hy" else gates,
            init.get(name),
            rng,
            hidden_size=shapes["W_hh"][1],
        ).astype(dtype, order="F" if name == "W_xh" else "C")
        # "F" keeps a column of W_xh in one piece: W_xh times a one-hot vector copies a column.
        for name, shape in shapes.items()
    }


def _initial(
    name: str,
    shape: tuple[int, ...],
    gates: int,
    chosen: str | np.ndarray | None,
    rng: np.random.Generator,
    hidden_size: int,
) -> np.ndarray:
    """One parameter at its start: an array that was given, a scheme, or zeros."""
    if chosen is None or isinstance(chosen, str):
        if len(shape) == 2:
            scheme = chosen or "uniform"
            rows = shape[0] // gates
            return np.concatenate(
                [
                    initial_matrix(scheme, rng, rows, shape[1], hidden_size)
                    for _ in range(gates)
                ]
            )
        if chosen is None:
            return np.zeros(shape)
        raise ValueError(
            f"init[{name!r}]: expected an array of shape {shape} (schemes are for "
            f"matrices), got {chosen!r}"
        )
    value = finite_array(f"init[{name!r}]", chosen, len(shape))
    if value.shape != shape:
        raise ValueError(
            f"init[{name!r}]: expected shape {shape}, got {value.shape}"
        )
    return value
