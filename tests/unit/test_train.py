"""The smallest training loop: what it records, and how it stops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlib

X, T = rnnlib.published_counting_task()


class Bowl:
    """L = Σ w² over a matrix; a step of gradient descent multiplies w by 1 − 2η."""

    def __init__(self):
        self.params = {"W": np.arange(1.0, 7.0).reshape(2, 3)}

    def loss_and_grads(self, inputs, targets):
        return float(np.sum(self.params["W"] ** 2)), {"W": 2 * self.params["W"]}, None


@settings(max_examples=30)
@given(st.integers(0, 8), st.floats(0.1, 0.4))
def test_the_history_holds_the_state_before_the_first_step_and_after_each(steps, rate):
    model, start = Bowl(), Bowl().params["W"]
    history = rnnlib.descend(model, rnnlib.SGD(rate), None, None, steps)
    assert history.loss.shape == (steps + 1,)
    assert history.params.keys() == {"W"}
    assert history.params["W"].shape == (steps + 1, 2, 3)
    for i in range(steps + 1):
        # One rounding for each step and a few for the powers.
        wanted = (1 - 2 * rate) ** i * start
        assert np.allclose(history.params["W"][i], wanted, rtol=1e-14, atol=0)
        assert history.loss[i] == np.sum(history.params["W"][i] ** 2)
    assert np.array_equal(history.params["W"][0], start)
    assert np.array_equal(history.params["W"][-1], model.params["W"])


def test_descending_is_the_same_as_stepping_by_hand():
    by_hand, optimizer = rnnlib.LinearRNN(-1.5, 2), rnnlib.RProp("iRprop+")
    losses = []
    for _ in range(20):
        loss, grads, _ = by_hand.loss_and_grads(X, T)
        losses.append(loss)
        optimizer.step(by_hand.params, grads, loss)
    net = rnnlib.LinearRNN(-1.5, 2)
    history = rnnlib.descend(net, rnnlib.RProp("iRprop+"), X, T, 20)
    assert net.params == by_hand.params
    assert history.loss[:-1].tolist() == losses
    assert history.loss[-1] == by_hand.loss_and_grads(X, T)[0]
    assert {name: path[-1] for name, path in history.params.items()} == by_hand.params


def test_no_steps_record_the_start_and_change_nothing():
    net = rnnlib.LinearRNN(-1.5, 2)
    history = rnnlib.descend(net, rnnlib.SGD(1.0), X, T, 0)
    assert history.loss.tolist() == [net.loss_and_grads(X, T)[0]]
    assert {name: path.tolist() for name, path in history.params.items()} == {
        "w_x": [-1.5],
        "w_rec": [2],
    }
    assert net.params == {"w_x": -1.5, "w_rec": 2}


def test_the_history_does_not_follow_the_model_afterwards():
    model = Bowl()
    history = rnnlib.descend(model, rnnlib.SGD(0.1), None, None, 2)
    last = history.params["W"][-1].copy()
    model.params["W"] += 1
    assert np.array_equal(history.params["W"][-1], last)


def test_data_that_cannot_be_written_to_are_enough():
    x, t = X.copy(), T.copy()
    x.flags.writeable = t.flags.writeable = False
    rnnlib.descend(rnnlib.LinearRNN(0.5, 0.5), rnnlib.SGD(1e-3), x, t, 3)


def test_the_counter_passes_through_the_progress_wrapper():
    seen = []

    def progress(counter):
        for i in counter:
            seen.append(i)
            yield i

    history = rnnlib.descend(Bowl(), rnnlib.SGD(0.1), None, None, 4, progress=progress)
    assert seen == list(range(len(history.loss)))


def test_divergence_says_after_how_many_steps_and_keeps_what_was_finite():
    net = rnnlib.LinearRNN(1, 2)
    with pytest.raises(rnnlib.DivergenceError) as caught:
        rnnlib.descend(net, rnnlib.SGD(1.0), X, T, 500)
    history = caught.value.history
    steps = len(history.loss)
    assert 0 < steps < 500
    assert str(caught.value).startswith(f"training diverged: after {steps} steps the loss is ")
    assert "try a smaller learning rate" in str(caught.value)
    assert np.all(np.isfinite(history.loss))
    for path in history.params.values():
        assert path.shape == (steps,)
        assert np.all(np.isfinite(path))
    # The model stays where it was met: one step past the last entry, where the loss overflows.
    before = rnnlib.LinearRNN(history.params["w_x"][-1], history.params["w_rec"][-1])
    rnnlib.SGD(1.0).step(before.params, before.loss_and_grads(X, T)[1])
    assert net.params == before.params
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(net.loss_and_grads(X, T)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_stops_training_at_once(bad, where):
    class Breaks(Bowl):
        calls = 0

        def loss_and_grads(self, *data):
            loss, grads, state = super().loss_and_grads(*data)
            self.calls += 1
            if self.calls == 4 and where == "loss":
                loss = bad
            elif self.calls == 4:
                grads["W"][1, 1] = bad
            return loss, grads, state

    model, untouched = Breaks(), Bowl()
    rnnlib.descend(untouched, rnnlib.SGD(0.1), None, None, 3)
    with pytest.raises(rnnlib.DivergenceError, match="after 3 steps") as caught:
        rnnlib.descend(model, rnnlib.SGD(0.1), None, None, 10)
    assert model.calls == 4
    assert len(caught.value.history.loss) == 3
    assert np.array_equal(model.params["W"], untouched.params["W"])


@pytest.mark.filterwarnings("error")
def test_a_run_that_diverges_says_so_once_and_prints_no_warnings():
    with pytest.raises(rnnlib.DivergenceError):
        rnnlib.descend(rnnlib.LinearRNN(1, 2), rnnlib.SGD(1.0), X, T, 500)


def test_a_divergence_is_an_arithmetic_error():
    assert issubclass(rnnlib.DivergenceError, ArithmeticError)


@pytest.mark.parametrize(
    ("steps", "error"), [(-1, ValueError), (2.0, TypeError), ("3", TypeError), (None, TypeError)]
)
def test_steps_that_are_not_a_whole_number_from_zero_are_named(steps, error):
    net = rnnlib.LinearRNN(1, 1)
    with pytest.raises(error, match=r"^steps: expected .*, got "):
        rnnlib.descend(net, rnnlib.SGD(0.1), X, T, steps)
    assert net.params == {"w_x": 1, "w_rec": 1}
