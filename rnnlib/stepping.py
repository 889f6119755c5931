"""What all optimisers share: their face `step`, their memory, and the checks on what they get."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnlib.checks import all_finite

__all__ = ["Optimizer", "between"]


class Optimizer:
    """The face that every optimiser shares.

    A subclass says in `update` how far each number of an array moves; it may keep notes about
    them from step to step in the dict `memory` that it is handed. A large parameter is handed
    over in pieces, so that what `update` computes with stays in the processor's cache.

    What a subclass is told at its making, it keeps in attributes of the same names: this is how
    `load_state` makes another one like it.

    Chapters: *rprop*, *optimizers*.
    """

    def __init__(self) -> None:
        # One dict for each piece: {("W_xh", 0): {"velocity": …}, …}
        self._memories: dict[tuple[str, int], dict[str, Any]] = {}

    def step(
        self,
        params: dict[str, np.ndarray],
        grads: dict[str, np.ndarray],
        loss: float | None = None,
    ) -> None:
        """Move every parameter once, in place.

        Arguments
            params  arrays by name; these are changed
            grads   the gradient, with the same names and shapes; read only
            loss    the loss to which `grads` belongs; needed by "iRprop+", unused by the others

        Errors
            TypeError, ValueError  names or shapes that do not match, a parameter that is not an
                array of floats or has another shape than the one it had before, a gradient or
                loss that is not finite. No parameter has moved then.
        """
        if params.keys() != grads.keys():
            raise ValueError(
                f"grads: expected the names {sorted(params)}, got {sorted(grads)}"
            )
        if loss is not None:
            _check_loss(loss)
        grads = {
            name: _fitting(name, param, grads[name])
            for name, param in params.items()
        }
        pieces = [
            (piece, grad, self._memory(name, i, piece))
            for name, param in params.items()
            for i, (piece, grad) in enumerate(_pieces(param, grads[name]))
        ]
        for piece, grad, memory in pieces:
            piece += self.update(grad, memory, loss)

    def update(
        self, grad: np.ndarray, memory: dict[str, Any], loss: float | None
    ) -> np.ndarray:
        """Return what to add to a parameter, or to a piece of it, number by number.

        Each optimiser writes its own.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say how to update"
        )

    def observe(self, loss: float) -> None:
        """Take note of the loss of a whole epoch. Most optimisers have no use for it.

        Arguments
            loss  of the epoch that has ended: on held-out data, if there are any

        Errors
            TypeError, ValueError  a loss that is not a finite number

        Chapter: *optimizers* (`HalveOnRise`).
        """
        _check_loss(loss)

    # --- Keeping it ----------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return the optimiser's kind and what it was told, as it is now.

        Returns
            settings  {"kind": "SGD", "learning_rate": 0.1, …}

        Chapter: *training-loop*.
        """
        told = {k: v for k, v in vars(self).items() if not k.startswith("_")}
        return {"kind": type(self).__name__} | told

    def state(self) -> dict[str, Any]:
        """Return all that another optimiser needs to go on exactly as this one would.

        Returns
            state  a flat dict: "settings/…", numbers and text; "memory/PARAMETER/PIECE/NOTE",
                numbers and copies of arrays

        Chapter: *training-loop*.
        """
        state = {f"settings/{k}": v for k, v in self.settings().items()}
        for (name, i), memory in self._memories.items():
            for note, value in memory.items():
                kept = value.copy() if _is_array(value) else value
                state[f"memory/{name}/{i}/{note}"] = kept
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on as the optimiser would that `state` was taken from.

        Arguments
            state  what `state()` returned; it is copied

        Errors
            TypeError, ValueError  the state of another kind of optimiser, a setting or a memory
                that cannot be used. Nothing has changed then.

        Chapter: *training-loop*.
        """
        kind, told, memory = _unpacked(state)
        if kind != type(self).__name__:
            raise ValueError(
                f"state: expected that of {type(self).__name__}, got that of {kind!r:.60}"
            )
        known = self.settings().keys() - {"kind"}
        if told.keys() != known:
            raise ValueError(
                f"state: expected the settings {sorted(known)}, got {sorted(told)}"
            )
        other = type(self)(**told)
        other._memories = memory
        vars(self).update(vars(other))

    def _memory(self, name: str, i: int, piece: np.ndarray) -> dict[str, Any]:
        """The notes about one piece of a parameter, if they can be about this one."""
        memory = self._memories.setdefault((name, i), {})
        for value in memory.values():
            if _is_array(value) and value.shape != piece.shape:
                raise ValueError(
                    f"params[{name!r}]: this optimiser has followed an array of another shape; "
                    "make a new optimiser for another network"
                )
        return memory


def between(
    name: str,
    value: float,
    low: float,
    high: float,
    open_low: bool = False,
    open_high: bool = True,
) -> float:
    """Return a number from `low` to `high`; an open end is not itself allowed.

    Errors
        TypeError   not a number
        ValueError  a number outside these bounds
    """
    try:
        above = bool(value > low if open_low else value >= low)
        below = bool(value < high if open_high else value <= high)
    except (TypeError, ValueError):  # text, complex numbers, whole arrays
        raise TypeError(
            f"{name}: expected a number, got {value!r:.60}"
        ) from None
    if not (above and below):
        kind = "finite number" if high == np.inf and open_high else "number"
        bound = "above" if open_low else "of at least"
        upper = "" if high == np.inf else f" and below {high}"
        raise ValueError(
            f"{name}: expected a {kind} {bound} {low}{upper}, got {value}"
        )
    return float(value)


_PIECE = 32768  # numbers: a few arrays of this size fit in a core's cache


def _pieces(
    param: np.ndarray, grad: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same pieces of a parameter and of its gradient; of the parameter they are views."""
    if param.size <= _PIECE or not param.flags.forc:
        yield param, grad
        return
    order = "C" if param.flags.c_contiguous else "F"
    param, grad = param.ravel(order), grad.ravel(order)
    for begin in range(0, param.size, _PIECE):
        piece = slice(begin, begin + _PIECE)
        yield param[piece], grad[piece]


_ADVICE = "try a smaller learning rate or step, or start nearer"


def _check_loss(loss: float) -> None:
    try:
        finite = math.isfinite(loss)
    except TypeError:
        raise TypeError(f"loss: expected a number, got {loss!r:.60}") from None
    if not finite:
        raise ValueError(
            f"loss: expected a finite number, got {loss}; {_ADVICE}"
        )


def _fitting(name: str, param: np.ndarray, grad: np.ndarray) -> np.ndarray:
    """The gradient of one parameter as an array of floats, if the two fit and can be used."""
    if not isinstance(param, np.ndarray) or param.dtype.kind != "f":
        raise TypeError(
            f"params[{name!r}]: expected an array of floats, got {param!r:.60}"
        )
    if not param.flags.writeable:
        raise ValueError(
            f"params[{name!r}]: expected an array that can be written to"
        )
    grad = np.asarray(grad)
    if grad.dtype.kind not in "biuf":
        raise TypeError(
            f"grads[{name!r}]: expected real numbers, got {grad!r:.60}"
        )
    if grad.shape != param.shape:
        raise ValueError(
            f"grads[{name!r}]: expected shape {param.shape}, got {grad.shape}"
        )
    # Whole numbers become floats: a step size of 0.001 among integers would be 0.
    if grad.dtype != param.dtype:
        grad = grad.astype(np.result_type(grad, param))
    if not all_finite(grad):
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(grad))[0])
        where = f" at index {list(index)}" if index else ""
        raise ValueError(
            f"grads[{name!r}]: expected finite numbers, got {grad[index]}{where}; {_ADVICE}"
        )
    return grad


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


def _unpacked(
    state: Mapping[str, Any],
) -> tuple[object, dict[str, Any], dict[tuple[str, int], dict[str, Any]]]:
    """The kind, the settings and copies of the memories that a state is made of."""
    told: dict[str, Any] = {}
    memories: dict[tuple[str, int], dict[str, Any]] = {}
    for key, value in state.items():
        part, _, rest = str(key).partition("/")
        if part == "settings":
            told[rest] = value
            continue
        try:
            name, i, note = rest.rsplit("/", 2)
            piece = (name, int(i))
        except ValueError:
            part = ""
        if part != "memory":
            raise ValueError(
                f"state: expected keys as `state` makes them, got {key!r:.60}"
            )
        kept = value.copy() if _is_array(value) else value
        if np.asarray(kept).dtype.kind not in "iuf":
            raise TypeError(
                f"state[{key!r}]: expected numbers, got {value!r:.60}"
            )
        memories.setdefault(piece, {})[note] = kept
    return told.pop("kind", None), told, memories
