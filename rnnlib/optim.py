"""Optimisers: rules that turn a gradient into a step. All share one face, `step`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from rnnlib.checks import all_finite

__all__ = ["SGD", "Optimizer", "RProp"]


class Optimizer:
    """The face that every optimiser shares.

    A subclass says in `update` how far each number of an array moves; it may keep notes about
    them from step to step in the dict `memory` that it is handed. A large parameter is handed
    over in pieces, so that what `update` computes with stays in the processor's cache.

    Chapter: *rprop*.
    """

    def __init__(self) -> None:
        # One dict for each piece: {("W_xh", 0): {"velocity": …}, …}
        self._memories: dict[tuple[str, int], dict[str, np.ndarray]] = {}

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
                array of floats, a gradient or loss that is not finite. No parameter has moved then.
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
            for i, (piece, grad) in enumerate(_pieces(param, grads[name])):
                memory = self._memories.setdefault((name, i), {})
                piece += self.update(grad, memory, loss)

    def update(
        self,
        grad: np.ndarray,
        memory: dict[str, np.ndarray],
        loss: float | None,
    ) -> np.ndarray:
        """Return what to add to a parameter, or to a piece of it, number by number.

        Each optimiser writes its own.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say how to update"
        )


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

        v ← μ v − η g
        w ← w + v

    Arguments
        learning_rate  η, above 0
        momentum       μ, from 0 (plain gradient descent) to below 1

    Errors
        ValueError  a rate or momentum outside these bounds

    Chapter: *rprop* (where it fails).
    """

    def __init__(self, learning_rate: float, momentum: float = 0.0) -> None:
        super().__init__()
        self.learning_rate = _between(
            "learning_rate", learning_rate, 0, np.inf, open_low=True
        )
        self.momentum = _between("momentum", momentum, 0, 1)

    def update(
        self,
        grad: np.ndarray,
        memory: dict[str, np.ndarray],
        loss: float | None,
    ) -> np.ndarray:
        """v ← μ v − η g; the step is v."""
        move = -self.learning_rate * grad
        if self.momentum:
            move += self.momentum * memory.get("velocity", 0.0)
            memory["velocity"] = move
        return move


class RProp(Optimizer):
    """Resilient backpropagation: each weight has its own step size Δ, and only the sign of its
    derivative g is listened to.

        Δ ← η⁺ Δ  where g keeps its sign,    Δ ← η⁻ Δ  where g changes its sign
        w ← w − sign(g) Δ

    The variants differ in what they do where the sign has changed, which usually means
    that the last step went over a minimum:

        "Rprop-"     steps all the same
        "Rprop+"     takes the last step of this weight back, and at the next call forgets the sign
        "iRprop-"    stays where it is, and at the next call forgets the sign
        "iRprop+"    as "Rprop+" if the loss has risen, as "iRprop-" if it has not; needs `loss`
        "published"  as "Rprop-", but where no sign is known yet (the first call, a derivative of
                     exactly 0), the others leave Δ alone, and this one halves it too unless both
                     signs are 0: the code of Roelants' tutorial

    Arguments
        variant       one of the five names
        initial_step  Δ before the first call
        eta_plus      η⁺, above 1
        eta_minus     η⁻, between 0 and 1
        min_step, max_step  bounds for Δ (none by default; the papers use 1e-6 and 50)

    Errors
        ValueError  an unknown variant, a number outside its bounds, "iRprop+" without a loss

    Sources: Riedmiller and Braun 1993; Riedmiller 1994; Igel and Hüsken 2003; Roelants.
    Chapter: *rprop*.
    """

    variants = ("published", "Rprop-", "Rprop+", "iRprop-", "iRprop+")

    def __init__(
        self,
        variant: str = "iRprop-",
        initial_step: float = 0.001,
        eta_plus: float = 1.2,
        eta_minus: float = 0.5,
        min_step: float = 0.0,
        max_step: float = np.inf,
    ) -> None:
        super().__init__()
        if variant not in self.variants:
            raise ValueError(
                f"variant: expected one of {list(self.variants)}, got {variant!r}"
            )
        self.variant = variant
        self.initial_step = _between(
            "initial_step", initial_step, 0, np.inf, open_low=True
        )
        self.eta_plus = _between(
            "eta_plus", eta_plus, 1, np.inf, open_low=True
        )
        self.eta_minus = _between("eta_minus", eta_minus, 0, 1, open_low=True)
        self.min_step = _between("min_step", min_step, 0, np.inf)
        self.max_step = _between(
            "max_step", max_step, 0, np.inf, open_low=True, open_high=False
        )
        if self.max_step < self.min_step:
            raise ValueError(
                f"max_step: expected at least min_step = {min_step}, got {max_step}"
            )

    def update(
        self,
        grad: np.ndarray,
        memory: dict[str, np.ndarray],
        loss: float | None,
    ) -> np.ndarray:
        """Resize Δ by comparing signs, then step against the sign."""
        sign = np.sign(grad)
        last_sign = memory.get("sign", np.zeros_like(sign))
        size = self._resize(
            memory.get("size", np.full_like(sign, self.initial_step)),
            sign,
            last_sign,
        )
        step = -sign * size
        turned = sign * last_sign < 0
        if self.variant in ("Rprop+", "iRprop-", "iRprop+"):
            step = np.where(
                turned, self._answer_to_a_turn(step, memory, loss), step
            )
            sign = np.where(
                turned, 0.0, sign
            )  # 0: no sign to compare with at the next call
        memory.update(sign=sign, size=size, step=step)
        if loss is not None:
            memory["loss"] = loss
        return step

    def _resize(
        self, size: np.ndarray, sign: np.ndarray, last_sign: np.ndarray
    ) -> np.ndarray:
        grow, shrink = sign * last_sign > 0, sign * last_sign < 0
        if self.variant == "published":
            grow, shrink = sign == last_sign, sign != last_sign
        factor = np.where(
            grow, self.eta_plus, np.where(shrink, self.eta_minus, 1.0)
        )
        return np.clip(size * factor, self.min_step, self.max_step)

    def _answer_to_a_turn(
        self,
        step: np.ndarray,
        memory: dict[str, np.ndarray],
        loss: float | None,
    ) -> np.ndarray:
        back = -memory.get("step", np.zeros_like(step))
        if self.variant == "Rprop+":
            return back
        if self.variant == "iRprop-":
            return np.zeros_like(step)
        if loss is None:
            raise ValueError(
                "loss: 'iRprop+' compares losses; call step(params, grads, loss)"
            )
        return (
            back if loss > memory.get("loss", np.inf) else np.zeros_like(step)
        )


_PIECE = 32768  # numbers: a few arrays of this size fit in a core's cache


def _pieces(
    param: np.ndarray, grad: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same pieces of a parameter and of its gradient, as views."""
    contiguous = param.flags.forc and param.strides == grad.strides
    if param.size <= _PIECE or not contiguous:
        yield param, grad
        return
    param, grad = param.ravel("K"), grad.ravel("K")
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


def _between(
    name: str,
    value: float,
    low: float,
    high: float,
    open_low: bool = False,
    open_high: bool = True,
) -> float:
    """A number from `low` to `high`; an open end is not itself allowed."""
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
