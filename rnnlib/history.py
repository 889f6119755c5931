"""What a training run went through: kept in numbers, and told as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["DivergenceError", "FitHistory"]


class DivergenceError(ArithmeticError):
    """The loss or its gradient stopped being finite. `history` holds all that came before.

    Chapters: *rprop*, *training-loop*.
    """

    def __init__(self, message: str, history: Any) -> None:
        super().__init__(message)
        self.history = history

    def __reduce__(self) -> tuple:
        """An error that has to travel between processes takes its history along."""
        return type(self), (str(self), self.history)


@dataclass(repr=False)
class FitHistory:
    """What `fit` went through, step by step and epoch by epoch.

    A token is one loss ℓ that counts: a step of a sequence, or a whole sequence where the
    network answers at the end. Losses are means per token, in the unit of the model's loss.

    Attributes
        step_loss        for each step, the loss of its batch before the step
        step_norm        for each step, the length of the gradient before clipping
        train_loss       for each epoch, the mean over its tokens, each before its step
        validation_loss  for each epoch, after it; empty without validation data
        learning_rate    for each epoch; nan where the optimiser has none
        seconds          for each epoch, spent in steps
        tokens           for each epoch, how many
        stopped          why the run ended: "finished", "early" (no patience left), "interrupted",
                         "callback", "diverged"; "running" as long as it has not

    Chapter: *training-loop*.
    """

    step_loss: list[float] = field(default_factory=list)
    step_norm: list[float] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    stopped: str = "running"

    @property
    def best_epoch(self) -> int | None:
        """The epoch (the first is 1) with the lowest validation loss; None without validation."""
        if not self.validation_loss:
            return None
        return 1 + int(np.argmin(self.validation_loss))

    def columns(self) -> dict[str, np.ndarray]:
        """Return all that is known about each epoch: arrays by name, one entry per epoch.

        Returns
            columns  epoch, train_loss, validation_loss (with validation data), learning_rate,
                     seconds, tokens

        Chapter: *training-loop*.
        """
        found = {"epoch": np.arange(1, 1 + len(self.train_loss))}
        for name in ("train_loss", "validation_loss", "learning_rate"):
            found[name] = np.array(getattr(self, name), np.float64)
        if not self.validation_loss:
            del found["validation_loss"]
        found["seconds"] = np.array(self.seconds, np.float64)
        found["tokens"] = np.array(self.tokens, np.int64)
        return found

    def to_pandas(self) -> Any:
        """Return the columns as a DataFrame of pandas, indexed by epoch.

        Errors
            ImportError  pandas is not installed

        Chapter: *training-loop*.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError(
                "to_pandas needs pandas, which is not installed here: install it (pip install "
                "pandas), or use columns(), which gives the same numbers as arrays"
            ) from None
        return pandas.DataFrame(self.columns()).set_index("epoch")

    def __str__(self) -> str:
        """Return a table, one line per epoch. No times: they differ from run to run."""
        shown = {
            "train": self.train_loss,
            "validation": self.validation_loss,
            "rate": self.learning_rate,
        }
        rows = [["epoch", *(name for name, loss in shown.items() if loss)]]
        for i in range(len(self.train_loss)):
            told = [_short(loss[i]) for loss in shown.values() if loss]
            rows.append([str(i + 1), *told])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        form = "  ".join(f"{{:>{width}}}" for width in widths)
        return "\n".join(form.format(*row) for row in rows)

    def __repr__(self) -> str:
        """Return one line: the lists of a long run would fill a book."""
        epochs, steps = len(self.train_loss), len(self.step_loss)
        return f"<FitHistory: {epochs} epochs, {steps} steps, {self.stopped}>"


def _short(number: float) -> str:
    """Four digits that stand below each other as long as the numbers are of one size."""
    if math.isnan(number):
        return "-"
    usual = number == 0 or 1e-3 <= abs(number) < 1e4
    return f"{number:.4f}" if usual else f"{number:.2e}"
