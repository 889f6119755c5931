"""One training run: what it works with, where it stands, and its steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from rnnlib.batching import Batch
from rnnlib.checks import all_finite
from rnnlib.clipping import Clipped, global_norm
from rnnlib.history import DivergenceError, FitHistory
from rnnlib.optim import Optimizer
from rnnlib.scoring import arguments, batch_losses, losses_in, mean, summed

__all__ = ["Run"]


class Run:
    """A model, an optimiser and data, and all that `fit` has to remember between two steps.

    Arguments
        as for `fit`, already checked

    Attributes
        history  what was so far
        batch    steps made in the running epoch
        state    the last state, for a batch that is not fresh
        sums     of the running epoch: "loss" over its tokens, "tokens", "seconds"
        last_tokens  how many tokens the last step has learned from
        best     with patience: the parameters of the best epoch so far, or None
        best_loss, waited  its validation loss, and how many epochs have ended since
        rng_at_start  the state of `rng` when the running epoch began: its order can be drawn
            again

    Chapter: *training-loop*.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Optimizer,
        data: Any,
        rng: np.random.Generator | None = None,
        validation: Any = None,
        patience: int | None = None,
        clip: Callable[[dict[str, np.ndarray]], Clipped] | None = None,
    ) -> None:
        self.model, self.optimizer, self.data = model, optimizer, data
        self.rng, self.validation = rng, validation
        self.patience, self.clip = patience, clip
        self.history = FitHistory()
        self.state: np.ndarray | None = None
        self.best: dict[str, np.ndarray] | None = None
        self.best_loss, self.waited = math.inf, 0
        self.last_tokens = 0
        self._kept: dict[str, np.ndarray] = {}  # parameters before a step
        self._begin_epoch()

    # --- Where it stands -----------------------------------------------------

    @property
    def epoch(self) -> int:
        """How many epochs are complete."""
        return len(self.history.train_loss)

    @property
    def steps(self) -> int:
        """How many steps were made, in all epochs together."""
        return len(self.history.step_loss)

    @property
    def out_of_patience(self) -> bool:
        """Whether the validation loss has not fallen for too many epochs."""
        return self.patience is not None and self.waited >= self.patience

    def _begin_epoch(self) -> None:
        self.batch = 0
        self.sums = {"loss": 0.0, "tokens": 0, "seconds": 0.0}
        self.rng_at_start = (
            None if self.rng is None else self.rng.bit_generator.state
        )

    def batches(self) -> Iterator[Batch]:
        """Return the batches of this epoch that are still to come."""
        # After a resume the generator is where it was at the epoch's start: the same order is
        # drawn, and the batches that were done are passed over.
        return islice(self.data.epoch(self.rng), self.batch, None)

    def check(self) -> None:
        """Make sure that the parameters are worth keeping.

        Errors
            DivergenceError  one is not finite
        """
        if not self._finite():
            raise self._diverged("a parameter is not finite")

    # --- One step ------------------------------------------------------------

    def step(self, batch: Batch) -> None:
        """Make one step. If it fails, the parameters are as before; the optimiser's memory may not.

        Errors
            DivergenceError  a loss or gradient that is not finite
            TypeError        `clip` returns something else than a `Clipped`
        """
        start = time.perf_counter()
        # Too large a number is met below, and told in better words than a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            loss, grads, state = self._loss_and_grads(batch)
            norm = global_norm(grads)
            if not math.isfinite(loss) or not math.isfinite(norm):
                raise self._diverged(f"the loss is {loss:.4g}", norm)
            if self.clip is not None:
                grads = self._clipped(grads)
            self._keep()
            try:
                self.optimizer.step(self.model.params, grads, loss)
            except BaseException:
                self._put_back()
                raise
        seconds = time.perf_counter() - start
        self._note(batch, loss, norm, state, seconds)

    def _loss_and_grads(self, batch: Batch) -> tuple[float, dict, Any]:
        given = arguments(batch, self.state)
        try:
            return self.model.loss_and_grads(*given)
        except ValueError as error:
            if self._kept and not self._finite():
                raise self._diverged("a parameter is not finite") from error
            raise

    def _clipped(self, grads: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        clipped = self.clip(grads)
        if not isinstance(clipped, Clipped):
            raise TypeError(
                f"clip: expected a function that returns a Clipped, got {clipped!r:.60}"
            )
        return clipped.grads

    def _note(
        self,
        batch: Batch,
        loss: float,
        norm: float,
        state: np.ndarray,
        seconds: float,
    ) -> None:
        """Write down a step that is complete."""
        tokens = losses_in(self.model, batch)
        total = summed(self.model, loss, tokens)
        self.sums["loss"] += total
        self.sums["tokens"] += tokens
        self.sums["seconds"] += seconds
        self.history.step_loss.append(total / tokens)
        self.history.step_norm.append(norm)
        self.state, self.last_tokens = state, tokens
        self.batch += 1

    # --- The end of an epoch -------------------------------------------------

    def end_epoch(self, interrupted: Callable[[], bool]) -> bool:
        """Validate and draw conclusions; False if interrupted, and the epoch has not ended then.

        Arguments
            interrupted  is asked after each batch of the validation data

        Errors
            DivergenceError  the parameters or the validation loss are not finite
            ValueError       the epoch had no batch
        """
        if not self.batch:
            raise ValueError("data: expected at least one batch, got none")
        self.check()
        loss = train_loss = self.sums["loss"] / self.sums["tokens"]
        if self.validation is not None:
            found = self._validate(interrupted)
            if found is None:
                return False
            loss = found
            self.history.validation_loss.append(loss)
        self.history.train_loss.append(train_loss)
        rate = getattr(self.optimizer, "learning_rate", math.nan)
        self.history.learning_rate.append(float(rate))
        self.history.seconds.append(self.sums["seconds"])
        self.history.tokens.append(self.sums["tokens"])
        self._compare(loss)
        self.optimizer.observe(loss)
        self._begin_epoch()
        return True

    def _validate(self, interrupted: Callable[[], bool]) -> float | None:
        parts = []
        with np.errstate(over="ignore", invalid="ignore"):
            for part in batch_losses(self.model, self.validation):
                parts.append(part)
                if interrupted():
                    return None
        if not parts:
            raise ValueError(
                "validation: expected at least one batch, got none"
            )
        loss = mean(parts)
        if not math.isfinite(loss):
            raise self._diverged(f"the validation loss is {loss:.4g}")
        return loss

    def _compare(self, loss: float) -> None:
        if self.patience is None:
            return
        if loss < self.best_loss:
            self.best_loss, self.waited = loss, 0
            self.best = {n: p.copy() for n, p in self.model.params.items()}
        else:
            self.waited += 1

    def take_best(self) -> None:
        """Give the model the parameters of the best epoch, if they were kept."""
        self._put(self.best or {})

    # --- Parameters ----------------------------------------------------------

    def _finite(self) -> bool:
        return all(map(all_finite, self.model.params.values()))

    def _keep(self) -> None:
        """Copy the parameters into the arrays of the last time, which costs less than new ones."""
        for name, param in self.model.params.items():
            if name not in self._kept:
                self._kept[name] = np.empty_like(param)
            np.copyto(self._kept[name], param)

    def _put_back(self) -> None:
        self._put(self._kept)

    def _put(self, params: dict[str, np.ndarray]) -> None:
        for name, value in params.items():
            if self.model.params[name].flags.writeable:
                self.model.params[name][...] = value

    # --- Divergence ----------------------------------------------------------

    def _diverged(self, what: str, norm: float = 0.0) -> DivergenceError:
        """Put the last good parameters back, and say what happened and what to try."""
        self.history.stopped = "diverged"
        if not math.isfinite(norm):
            what += " and its gradient is not finite"
        where = (
            f"after {self.steps} steps (epoch {self.epoch + 1}, "
            f"{self.batch} of {len(self.data)} batches)"
        )
        if not self._kept:
            return DivergenceError(
                f"training could not begin: {where} {what}, and no step has been made since "
                "`fit` was called; look at the parameters it began with, and at the data",
                self.history,
            )
        self._put_back()
        told = f"the last finite gradient had the norm {self.history.step_norm[-1]:.4g}"
        rate = getattr(self.optimizer, "learning_rate", None)
        if rate is not None:
            told += f", the learning rate is {rate:.4g}"
        advice = "try a new optimiser with a smaller learning rate or step"
        if self.clip is None:
            advice += ", or clip the gradient: clip=lambda g: clip_global_norm(g, 5.0)"
        else:
            advice += ", or clip to a smaller limit"
        return DivergenceError(
            f"training diverged: {where} {what}; {told}; {advice}. The model has the "
            "parameters from before the last step, when loss and gradient were finite",
            self.history,
        )
