"""The honest loss: a mean over all tokens, however they are cut into batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnlib.batching import Batch

__all__ = [
    "arguments",
    "batch_losses",
    "losses_in",
    "mean",
    "mean_loss",
    "summed",
]


def mean_loss(model: Any, data: Any) -> float:
    """The loss per token over all of the data. Nothing is changed, and nothing drawn at random.

        (1/n) Σ ℓ,    n the number of losses that count

    The state starts anew where a batch says so, and is carried on where it does not. Batches of
    different size count by their tokens: a mean of the batches' means would not.

    Arguments
        model  anything with `loss_and_grads`; `evaluate` is used if there is one
        data   `Sequences`, `Stream`, or anything with `epoch`

    Returns
        loss  per token, in the unit of the model's loss (nats, for softmax and sigmoid)

    Errors
        ValueError  data without a single batch; and whatever the model raises

    Chapter: *training-loop*.
    """
    parts = list(batch_losses(model, data))
    if not parts:
        raise ValueError("data: expected at least one batch, got none")
    return mean(parts)


def mean(parts: list[tuple[float, int]]) -> float:
    """The loss per token, from sums of losses and their numbers."""
    sums, counts = zip(*parts, strict=True)
    return math.fsum(sums) / sum(counts)


def batch_losses(model: Any, data: Any) -> Iterator[tuple[float, int]]:
    """The sum of the losses of each batch, and their number.

    Arguments, Errors as for `mean_loss`.
    """
    state = None
    for batch in data.epoch(None):
        given = arguments(batch, state)
        if hasattr(model, "evaluate"):
            loss, state = model.evaluate(*given)
        else:
            loss, _, state = model.loss_and_grads(*given)
        count = losses_in(model, batch)
        yield summed(model, loss, count), count


def arguments(batch: Batch, state: np.ndarray | None) -> list[Any]:
    """What `loss_and_grads` gets: a mask only if there is one, for some models know of none."""
    given = [batch.inputs, batch.targets, None if batch.fresh else state]
    return given if batch.mask is None else [*given, batch.mask]


def losses_in(model: Any, batch: Batch) -> int:
    """How many losses a batch has: one per step that counts, or one per sequence.

    Arguments
        model  its `outputs` is "all" or "last"; a model that does not say is taken to answer at
               the end
        batch  what it reads
    """
    T, B = np.shape(batch.inputs)[:2]
    if getattr(model, "outputs", "last") == "last":
        return B
    return T * B if batch.mask is None else int(np.sum(batch.mask))


def summed(model: Any, loss: float, count: int) -> float:
    """The sum of the losses of a batch, from what the model has returned.

    Arguments
        model  its `reduction` is "sum" or "mean"; a model that does not say is taken to return
               the mean
        loss   that sum, or that mean
        count  the number of losses
    """
    if getattr(model, "reduction", "mean") == "sum":
        return float(loss)
    return float(loss) * count
