"""RProp: a step size of its own for every weight, and only the sign of its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlib.checks import between
from rnnlib.stepping import Optimizer

__all__ = ["RProp"]


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
        self.initial_step = between(
            "initial_step", initial_step, 0, np.inf, open_low=True
        )
        self.eta_plus = between("eta_plus", eta_plus, 1, np.inf, open_low=True)
        self.eta_minus = between("eta_minus", eta_minus, 0, 1, open_low=True)
        self.min_step = between("min_step", min_step, 0, np.inf)
        self.max_step = between(
            "max_step", max_step, 0, np.inf, open_low=True, open_high=False
        )
        if self.max_step < self.min_step:
            raise ValueError(
                f"max_step: expected at least min_step = {min_step}, got {max_step}"
            )

    def update(
        self,
        grad: np.ndarray,
        memory: dict[str, Any],
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
        memory: dict[str, Any],
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
