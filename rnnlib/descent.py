"""The smallest training loop: the whole data set at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlib.checks import whole_number
from rnnlib.history import DivergenceError
from rnnlib.optim import Optimizer

__all__ = ["History", "descend"]


@dataclass(frozen=True)
class History:
    """What a training run went through; entry i is the state of affairs after i steps.

    Attributes
        loss    (steps + 1), in the unit of the model's loss
        params  by name, each (steps + 1, …shape of the parameter)
    """

    loss: np.ndarray
    params: dict[str, np.ndarray]


def descend(
    model: Any,
    optimizer: Optimizer,
    inputs: np.ndarray,
    targets: np.ndarray,
    steps: int,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> History:
    """Take `steps` steps with the gradient over the whole data set, and keep a record.

    Arguments
        model      anything with `params` and `loss_and_grads`; its parameters are changed
        optimizer  what turns gradients into steps
        inputs, targets  the whole data set
        steps      how many, at least 0
        progress   wraps the counter of steps, to show a bar: `progress=tqdm`

    Returns
        history  losses and parameters before the first step and after each

    Errors
        DivergenceError  a loss or gradient that is not finite: says at which step and what to
            try; the parameters stay where they were when it was met

    Chapter: *rprop*.
    """
    steps = whole_number("steps", steps, least=0)
    losses: list[float] = []
    params: dict[str, list[np.ndarray]] = {name: [] for name in model.params}
    # A diverging run overflows before it is caught; the error below says so in better words.
    with np.errstate(over="ignore", invalid="ignore"):
        for i in progress(range(steps + 1)):
            loss, grads, _ = model.loss_and_grads(inputs, targets)
            if not _all_finite(loss, grads):
                raise DivergenceError(
                    _diverged(i, loss), _history(losses, params)
                )
            losses.append(loss)
            for name, param in model.params.items():
                params[name].append(param.copy())
            if i < steps:
                optimizer.step(model.params, grads, loss)
    return _history(losses, params)


def _all_finite(loss: float, grads: dict[str, np.ndarray]) -> bool:
    return bool(
        np.isfinite(loss)
        and all(np.all(np.isfinite(g)) for g in grads.values())
    )


def _diverged(step: int, loss: float) -> str:
    return (
        f"training diverged: after {step} steps the loss is {loss:.4g} and it or its gradient is "
        "not finite; try a smaller learning rate, a smaller first step, or another start"
    )


def _history(
    losses: list[float], params: dict[str, list[np.ndarray]]
) -> History:
    return History(
        np.array(losses),
        {name: np.array(values) for name, values in params.items()},
    )
