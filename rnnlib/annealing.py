"""Annealing: a learning rate that falls while the network learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnlib.checks import between
from rnnlib.stepping import Optimizer

__all__ = ["HalveOnRise"]


class HalveOnRise(Optimizer):
    """Another optimiser, whose rate is halved whenever the loss has risen since the last epoch.

        η ← ½ η    if L > L of the epoch before

    Arguments
        optimizer  one with a `learning_rate`, which is changed
        factor     what the rate is multiplied by, above 0 and below 1

    Errors
        TypeError, ValueError  an optimiser without a rate, a factor outside its bounds

    Source: gy910210, after WildML. Chapter: *optimizers*.
    """

    def __init__(self, optimizer: Optimizer, factor: float = 0.5) -> None:
        if not hasattr(optimizer, "learning_rate"):
            raise TypeError(
                f"optimizer: expected one with a learning_rate, got {optimizer!r:.60}"
            )
        self.optimizer = optimizer
        self.factor = between("factor", factor, 0, 1, open_low=True)
        self._last_loss = np.inf

    @property
    def learning_rate(self) -> float:
        """The rate as it is now, η."""
        return self.optimizer.learning_rate

    def step(
        self,
        params: dict[str, np.ndarray],
        grads: dict[str, np.ndarray],
        loss: float | None = None,
    ) -> None:
        """Move every parameter once, in place, as the optimiser inside does."""
        self.optimizer.step(params, grads, loss)

    def observe(self, loss: float) -> None:
        """η ← ½ η if the loss of this epoch is above that of the epoch before.

        Arguments
            loss  of the epoch that has ended

        Errors
            TypeError, ValueError  a loss that is not a finite number
        """
        self.optimizer.observe(loss)
        if loss > self._last_loss:
            self.optimizer.learning_rate *= self.factor
        self._last_loss = float(loss)

    def settings(self) -> dict[str, Any]:
        """Return the factor, and the settings of the optimiser inside as "inside/…"."""
        inside = self.optimizer.settings()
        return {"kind": type(self).__name__, "factor": self.factor} | {
            f"inside/{name}": value for name, value in inside.items()
        }

    def state(self) -> dict[str, Any]:
        """Return all that another one needs to go on exactly as this one would."""
        inside = self.optimizer.state()
        return {
            "settings/kind": type(self).__name__,
            "settings/factor": self.factor,
            "last_loss": self._last_loss,
        } | {f"inside/{key}": value for key, value in inside.items()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on as the one would that `state` was taken from.

        Errors
            TypeError, ValueError  a state that does not fit; nothing has changed then
        """
        inside = {
            key.removeprefix("inside/"): value
            for key, value in state.items()
            if key.startswith("inside/")
        }
        own = {k: v for k, v in state.items() if not k.startswith("inside/")}
        wanted = {"settings/kind", "settings/factor", "last_loss"}
        if own.keys() != wanted or own["settings/kind"] != type(self).__name__:
            raise ValueError(
                f"state: expected that of {type(self).__name__}, got {sorted(own)}"
            )
        factor = between("factor", own["settings/factor"], 0, 1, open_low=True)
        last_loss = between(
            "last_loss", own["last_loss"], -np.inf, np.inf, open_high=False
        )
        self.optimizer.load_state(inside)
        self.factor, self._last_loss = factor, last_loss
