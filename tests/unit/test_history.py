"""The record of a run: as columns, as a table, as a picture."""

import copy
import pickle
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlib import plots
from rnnlib.history import DivergenceError, FitHistory


def history(epochs=4, validation=True, rate=0.1):
    """A run whose validation loss is lowest in the third of four epochs."""
    return FitHistory(
        step_loss=[2.0, 1.5] * epochs,
        step_norm=[1.0, 3.0] * epochs,
        train_loss=[2.5 / (i + 1) for i in range(epochs)],
        validation_loss=[2.0 + (i - 2) ** 2 for i in range(epochs)] * validation,
        learning_rate=[rate] * epochs,
        seconds=[0.25 + i for i in range(epochs)],
        tokens=[640] * epochs,
        stopped="finished",
    )


def test_the_columns_have_one_entry_per_epoch():
    columns = history().columns()
    names = ["epoch", "train_loss", "validation_loss", "learning_rate", "seconds", "tokens"]
    assert list(columns) == names
    assert all(column.shape == (4,) for column in columns.values())
    assert columns["epoch"].tolist() == [1, 2, 3, 4]
    assert columns["validation_loss"].tolist() == [6, 3, 2, 3]
    assert columns["tokens"].dtype.kind == "i"
    assert "validation_loss" not in history(validation=False).columns()


def test_columns_are_copies():
    h = history()
    h.columns()["train_loss"][0] = 7
    assert h.train_loss[0] == 2.5


def test_a_new_history_is_empty_and_has_its_own_lists():
    one, other = FitHistory(), FitHistory()
    one.step_loss.append(1.0)
    assert other.step_loss == [] and other.best_epoch is None
    assert other.stopped == "running" and str(other) == "epoch"
    assert all(len(column) == 0 for column in other.columns().values())


@given(st.lists(st.floats(0, 10), min_size=1))
def test_the_best_epoch_is_the_first_of_the_lowest(losses):
    best = FitHistory(validation_loss=losses).best_epoch
    assert losses[best - 1] == min(losses) and min(losses) not in losses[: best - 1]


def test_the_table_has_a_line_per_epoch_and_no_times():
    assert str(history()) == (
        "epoch   train  validation    rate\n"
        "    1  2.5000      6.0000  0.1000\n"
        "    2  1.2500      3.0000  0.1000\n"
        "    3  0.8333      2.0000  0.1000\n"
        "    4  0.6250      3.0000  0.1000"
    )
    slower = history()
    slower.seconds = [9.0] * 4
    assert str(slower) == str(history())


def test_the_table_leaves_out_what_is_not_there_and_keeps_small_numbers_apart():
    assert str(history(2, validation=False, rate=np.nan)).splitlines() == [
        "epoch   train  rate",
        "    1  2.5000     -",
        "    2  1.2500     -",
    ]
    assert "1.25e-05" in str(history(1, rate=1.25e-5))
    assert "3.00e+07" in str(history(1, rate=3e7))


def test_a_long_history_is_shown_in_one_line():
    assert repr(history()) == "<FitHistory: 4 epochs, 8 steps, finished>"


def test_without_pandas_the_error_says_what_else_to_use(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pandas.*columns\(\)"):
        history().to_pandas()


def test_with_pandas_the_columns_are_handed_over(monkeypatch):
    class DataFrame:
        def __init__(self, columns):
            self.columns = columns

        def set_index(self, name):
            return name, self.columns

    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=DataFrame))
    index, columns = history().to_pandas()
    assert index == "epoch"
    assert {k: v.tolist() for k, v in columns.items()} == {
        k: v.tolist() for k, v in history().columns().items()
    }


def test_a_divergence_takes_its_history_along():
    error = DivergenceError("too far", history())
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(twin) == "too far" and twin.history == history()


# The picture


def test_the_curves_are_the_losses_and_the_best_epoch_is_marked(ax):
    plots.draw_history(ax, history())
    train, validation, best = ax.lines
    # The training loss is a mean over its epoch and stands in the middle of it.
    assert train.get_xdata().tolist() == [0.5, 1.5, 2.5, 3.5]
    assert train.get_ydata().tolist() == history().train_loss
    assert validation.get_xdata().tolist() == [1, 2, 3, 4]
    assert validation.get_ydata().tolist() == [6, 3, 2, 3]
    assert (best.get_xdata().tolist(), best.get_ydata().tolist()) == ([3], [2])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["training", "validation", "best: epoch 3"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss (nats per token)")


def test_without_validation_there_is_one_curve_and_another_unit_can_be_named(ax):
    plots.draw_history(ax, history(validation=False), unit="counts²")
    assert len(ax.lines) == 1 and ax.get_ylabel() == "loss (counts²)"


def test_without_an_epoch_there_is_nothing_to_draw(ax):
    with pytest.raises(ValueError, match=r"^history: expected .*, got none"):
        plots.draw_history(ax, FitHistory(step_loss=[1.0]))
    assert not ax.lines
