"""Training: many steps over batches, watched, stopped in time, and resumed where they ended."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rnnlib.checkpoint import clean, read, write
from rnnlib.checks import whole_number
from rnnlib.clipping import Clipped
from rnnlib.descent import History, descend
from rnnlib.history import DivergenceError, FitHistory
from rnnlib.interrupts import Interrupts
from rnnlib.optim import Optimizer
from rnnlib.progress import Bar
from rnnlib.resume import begun_with, restore, snapshot
from rnnlib.running import Run
from rnnlib.scoring import batch_losses, mean_loss

__all__ = [
    "DivergenceError",
    "FitHistory",
    "History",
    "descend",
    "fit",
    "mean_loss",
]


def fit(
    model: Any,
    optimizer: Optimizer,
    data: Any,
    *,
    epochs: int,
    rng: np.random.Generator | None = None,
    validation: Any = None,
    patience: int | None = None,
    clip: Callable[[dict[str, np.ndarray]], Clipped] | None = None,
    callback: Callable[[Any, FitHistory], object] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    every: int | None = None,
    resume: bool = False,
    progress: bool = True,
) -> FitHistory:
    """Train a model: a step for each batch, over all of the data, `epochs` times.

        loss, grads, state = model.loss_and_grads(inputs, targets, state, mask)
        optimizer.step(model.params, clip(grads).grads, loss)

    Ctrl-C ends the run after the step that is being made; a second one, at once. (Who trains in
    a loop of their own looks at `history.stopped`.) Whatever ends it, the model has the
    parameters of a whole step. A run that has a checkpoint goes on as if it had never been
    stopped, to the last bit.

    Arguments
        model       anything with `params` and `loss_and_grads`; its parameters are changed. What
                    its loss counts is read from its `outputs` and `reduction`; without these it
                    is taken for a mean over the sequences of a batch
        optimizer   what turns gradients into steps; a new one for each network
        data        `Sequences`, `Stream`, or anything with `epoch`, `len` and `fingerprint`
        epochs      how often to go through the data, those before a resume included
        rng         shuffles the data; None: they come in their order
        validation  data to measure the loss on after each epoch; nothing is learned from them
        patience    stop when so many epochs have ended without a new lowest validation loss.
                    When training has ended so, or with the last epoch, or by the callback, the
                    model has the parameters of the best epoch
        clip        what to do to each gradient: `lambda g: clip_global_norm(g, 5.0)`
        callback    is called with model and history after each epoch, before the file is
                    written; if it returns True, training ends. What it draws at random must come
                    from a generator of its own
        checkpoint  a file to keep the run in, written after each epoch and at an interrupt
        every       write it after so many steps, too
        resume      True: go on from the file if there is one. False: there must not be one
        progress    show a bar if it takes longer than a second

    Returns
        history  losses, norms, rates, and why the run ended

    Errors
        TypeError, ValueError  an argument of the wrong kind, or arguments that do not fit; a file
            that is damaged, or that was begun with another model, optimiser or data. Nothing has
            changed then. Data that the model refuses are met when their batch comes; the model
            then has the parameters of the last whole step
        FileExistsError  there is a checkpoint and `resume` is False
        DivergenceError  a loss or gradient that is not finite. The model has the last parameters
            with which both were finite; the file stays as it was

    Chapter: *training-loop*.
    """
    epochs = whole_number("epochs", epochs, least=0)
    _check_parts(model, optimizer, data, rng, validation)
    patience, every = _check_numbers(patience, validation, every, checkpoint)
    for name, given in (("clip", clip), ("callback", callback)):
        if given is not None and not callable(given):
            raise TypeError(f"{name}: expected a function, got {given!r:.60}")
    _try_out(model, validation)
    run = Run(model, optimizer, data, rng, validation, patience, clip)
    save = _keeper(run, checkpoint, resume)
    with (
        Interrupts() as interrupts,
        Bar(epochs * len(data), run.steps, progress) as bar,
    ):
        why = _train(run, epochs, callback, save, every, interrupts, bar)
        if why != "interrupted":
            run.take_best()
    run.history.stopped = why
    return run.history


def _train(
    run: Run,
    epochs: int,
    callback: Callable[[Any, FitHistory], object] | None,
    save: Callable[[], None],
    every: int | None,
    interrupts: Interrupts,
    bar: Bar,
) -> str:
    """Train until something ends it, and say what."""
    while run.epoch < epochs and not run.out_of_patience:
        for batch in run.batches():
            run.step(batch)
            bar.step(run.history.step_loss[-1], run.last_tokens)
            if interrupts.asked or (every and run.steps % every == 0):
                save()
            if interrupts.asked:
                return "interrupted"
        if not run.end_epoch(lambda: interrupts.asked):
            save()
            return "interrupted"
        answer = callback(run.model, run.history) if callback else False
        save()
        if isinstance(answer, bool | np.bool_) and answer:
            return "callback"
        if interrupts.asked:
            return "interrupted"
    return "early" if run.out_of_patience else "finished"


def _keeper(
    run: Run, path: str | os.PathLike[str] | None, resume: bool
) -> Callable[[], None]:
    """Bring a run to where its file says, and return the function that writes that file."""
    if not isinstance(resume, bool):
        raise TypeError(f"resume: expected True or False, got {resume!r:.60}")
    if path is None:
        if resume:
            raise ValueError(
                "resume: expected a checkpoint to resume from, got none"
            )
        return run.check
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"checkpoint: expected a path, got {path!r:.60}")
    path = Path(path).absolute()  # a callback may go to another folder
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"checkpoint: expected a folder that exists, got {path.parent}"
        )
    begun = begun_with(run)
    if path.exists():
        if not resume:
            raise FileExistsError(
                f"checkpoint: {path} exists already; resume=True continues that run; to begin "
                "another, move the file away or choose another name"
            )
        begun = restore(run, read(path), begun, path)
    clean(path)

    def save() -> None:
        """Write the run as it is now, unless its parameters are spoiled."""
        run.check()
        write(path, snapshot(run, begun))

    return save


def _check_parts(
    model: Any, optimizer: Any, data: Any, rng: Any, validation: Any
) -> None:
    if not isinstance(getattr(model, "params", None), dict) or not callable(
        getattr(model, "loss_and_grads", None)
    ):
        raise TypeError(
            f"model: expected params and loss_and_grads, got {model!r:.60}"
        )
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer: expected an Optimizer, got {optimizer!r:.60}"
        )
    for name, given in (("data", data), ("validation", validation)):
        if given is None and name == "validation":
            continue
        needed = ("epoch", "__len__", "fingerprint")
        if not all(callable(getattr(given, part, None)) for part in needed):
            raise TypeError(
                f"{name}: expected Sequences, Stream, or something else with epoch, len and "
                f"fingerprint, got {given!r:.60}"
            )
        if not len(given):
            raise ValueError(f"{name}: expected at least one batch, got none")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng: expected a numpy.random.Generator or None, got {rng!r:.60}"
        )


def _try_out(model: Any, validation: Any) -> None:
    """Let the model read a first batch now: an epoch later would be late to hear of a fault."""
    if validation is None:
        return
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            first = next(batch_losses(model, validation), None)
    except (TypeError, ValueError) as error:
        error.add_note("This happened in the first batch of `validation`.")
        raise
    if first is None:
        raise ValueError("validation: expected at least one batch, got none")


def _check_numbers(
    patience: object, validation: object, every: object, checkpoint: object
) -> tuple[int | None, int | None]:
    if patience is not None:
        patience = whole_number("patience", patience, least=1)
        if validation is None:
            raise ValueError(
                f"patience: expected validation data to judge by, got {patience} without any"
            )
    if every is not None:
        every = whole_number("every", every, least=1)
        if checkpoint is None:
            raise ValueError(
                f"every: expected a checkpoint to write, got {every} without any"
            )
    return patience, every
