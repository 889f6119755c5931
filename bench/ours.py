"""The library itself, as a reader would call it."""

from __future__ import annotations

from typing import Any

import numpy as np

import rnnlib

from .cases import Arrays, Case


class Ours:
    """`rnnlib.RNN` and `rnnlib.SGD`, with token ids."""

    @staticmethod
    def variants(case: Case) -> tuple[str, ...]:
        return ("rnnlib.RNN",)

    def __init__(self, case: Case, variant: str, start: Arrays, rate: float) -> None:
        self.model = new_model(case, start)
        self.optimizer = rnnlib.SGD(rate)
        self.options = truncation(case)

    def batch(self, x: np.ndarray, y: np.ndarray) -> Any:
        return x, y

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        _, grads, _ = self.model.loss_and_grads(x, y, **self.options)
        self.optimizer.step(self.model.params, grads)

    def finish(self) -> None:
        """Nothing runs on behind our back."""

    def params(self) -> Arrays:
        return {name: array.copy() for name, array in self.model.params.items()}


def new_model(case: Case, start: Arrays, dtype: str | None = None) -> rnnlib.RNN:
    """Return a network of the library that holds the weights `start`."""
    _, _, V, H = case.shape
    rng = np.random.default_rng(0)
    kind = np.dtype(dtype or case.dtype)
    model = rnnlib.RNN(V, H, V, cell=case.cell, reduction="mean", rng=rng, dtype=kind)
    if model.params.keys() != start.keys():
        raise ValueError(f"start: expected the names {sorted(model.params)}, got {sorted(start)}")
    for name, array in start.items():
        model.params[name][...] = array
    return model


def truncation(case: Case) -> dict[str, Any]:
    """Return the arguments of `loss_and_grads` that cut the way back as the case asks."""
    if case.truncation is None:
        return {}
    return {"truncation": "steps-back", "steps": case.truncation}
