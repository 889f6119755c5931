"""What all optimisers share: their face `step`, their memory, and the checks on what they get."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnlib.checks import all_finite, not_finite

__all__ = ["Optimizer"]


class Optimizer:
    """The face that every optimiser shares.

    A subclass says in `update` how far each number of an array moves; it may keep notes about
    them from step to step in the dict `memory` that it is handed: numbers, and arrays of the
    shape of the gradient. A large parameter is handed over in pieces, so that what `update`
    computes with stays in the processor's cache.

    What a subclass is told at its making, it keeps in attributes of the same names: this is how
    `load_state` makes another one like it. An optimiser that remembers belongs to one network
    and one run; another one begins with a new optimiser.

    Chapters: *rprop*, *optimizers*.
    """

    squares = (
        False  # whether `update` squares the gradient, which can overflow
    )

    def __init__(self) -> None:
        # Notes for each piece of each parameter: {("W_xh", 0): {"velocity": …}, …}
        self._memories: dict[tuple[str, int], dict[str, Any]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}  # of what is remembered

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
                array of floats or has another shape than the one that is remembered, a gradient
                or loss that is not finite. No parameter has moved then.
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
        for name, param in params.items():
            self._check_memory(name, param, grads[name])
        pieces = [
            (piece, grad, self._memory(name, i, piece))
            for name, param in params.items()
            for i, (piece, grad) in enumerate(_pieces(param, grads[name]))
        ]
        for piece, grad, memory in pieces:
            piece += self.update(grad, memory, loss)
        if any(memory for _, _, memory in pieces):
            self._shapes |= {name: p.shape for name, p in params.items()}

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
            state  a flat dict: "settings/…", numbers and text; "shape/PARAMETER", whole numbers;
                "memory/PARAMETER/PIECE/NOTE", numbers and copies of arrays

        Chapter: *training-loop*.
        """
        state = {f"settings/{k}": v for k, v in self.settings().items()}
        for name, shape in self._shapes.items():
            state[f"shape/{name}"] = np.array(shape, dtype=np.int64)
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
        kind, told, shapes, memories = _unpacked(state)
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
        other._shapes, other._memories = shapes, memories
        vars(self).update(vars(other))

    def _memory(self, name: str, i: int, piece: np.ndarray) -> dict[str, Any]:
        """The notes about one piece of a parameter."""
        memory = self._memories.setdefault((name, i), {})
        for value in memory.values():
            if _is_array(value) and value.shape != piece.shape:
                raise ValueError(
                    f"params[{name!r}]: expected an array that lies in memory as the one before"
                )
        return memory

    def _check_memory(
        self, name: str, param: np.ndarray, grad: np.ndarray
    ) -> None:
        """Refuse what the memory of this optimiser cannot be about."""
        if self._shapes.get(name, param.shape) != param.shape:
            raise ValueError(
                f"params[{name!r}]: expected shape {self._shapes[name]}, which this optimiser "
                f"remembers, got {param.shape}; make a new optimiser for another network"
            )
        if self.squares and not math.isfinite(_sum_of_squares(grad)):
            raise ValueError(
                f"grads[{name!r}]: expected numbers whose squares can be added up in "
                f"{grad.dtype}, got {np.abs(grad).max():.3g}; clip the gradient"
            )


_PIECE = 32768  # numbers: a few arrays of this size fit in a core's cache


def _pieces(
    param: np.ndarray, grad: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same pieces of a parameter and of its gradient; of the parameter they are views."""
    if param.size <= _PIECE or not param.flags.c_contiguous:
        yield param, grad
        return
    param, grad = param.ravel(), grad.ravel()
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
        raise ValueError(
            f"grads[{name!r}]: expected finite numbers, got {not_finite(grad)}; {_ADVICE}"
        )
    return grad


def _sum_of_squares(grad: np.ndarray) -> float:
    flat = grad.ravel("K")
    return float(np.vdot(flat, flat))


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


def _unpacked(state: Mapping[str, Any]) -> tuple[object, dict, dict, dict]:
    """The kind, the settings, the shapes and copies of the memories that a state is made of."""
    settings: dict[str, Any] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    memories: dict[tuple[str, int], dict[str, Any]] = {}
    for key, value in state.items():
        part, _, rest = str(key).partition("/")
        kept = value.copy() if _is_array(value) else value
        if part == "settings":
            settings[rest] = kept
            continue
        if np.asarray(kept).dtype.kind not in "iuf":
            raise TypeError(
                f"state[{key!r}]: expected numbers, got {value!r:.60}"
            )
        if part == "shape":
            shapes[rest] = tuple(int(n) for n in np.atleast_1d(kept))
            continue
        # A parameter's name may hold a slash itself, the others do not.
        name, piece, note = (*rest.rsplit("/", 2), "", "")[:3]
        if part != "memory" or not piece.isdecimal():
            raise ValueError(
                f"state: expected keys as `state` makes them, got {key!r:.60}"
            )
        memories.setdefault((name, int(piece)), {})[note] = kept
    return settings.pop("kind", None), settings, shapes, memories
