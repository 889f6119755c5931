"""The check of gradients: silent where they are right, loud where a fault was planted."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import rnnlib

INPUTS, TARGETS = rnnlib.published_counting_task()


class Quadratic:
    """L = ½ Σ a (w − 1)² over a matrix, a vector and a number; its gradient is a (w − 1)."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        shapes = {"W": (2, 3), "b": (4,), "c": ()}
        self.params = {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()}
        self.weights = {name: np.asarray(rng.uniform(1, 2, s)) for name, s in shapes.items()}

    def loss_and_grads(self, inputs, targets, **options):
        gaps = {name: param - 1 for name, param in self.params.items()}
        loss = sum(0.5 * np.sum(self.weights[n] * gap**2) for n, gap in gaps.items())
        return float(loss), {n: self.weights[n] * gap for n, gap in gaps.items()}, None


# Right gradients pass


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.integers(0, 99))
def test_the_gradient_of_the_linear_network_passes_everywhere(w_x, w_rec, seed):
    # The targets are wrong by at least 2, so that no gradient vanishes in rounding.
    x, t = rnnlib.counting_task(np.random.default_rng(seed), n_sequences=3, length=4)
    x[-1] = 1.0
    net = rnnlib.LinearRNN(1 + abs(w_x), 0.2 + abs(w_rec))
    errors = rnnlib.check_gradients(net, x, -t - 2, state=np.ones(3))
    assert errors.keys() == net.params.keys()
    assert all(0 <= error <= 1e-7 for error in errors.values())


@pytest.mark.parametrize("point", [(2, 1), (1, 2), (1, -2), (1, 0), (1, 0.5), (1, -0.5)])
def test_the_gradient_passes_at_the_published_points(point):
    errors = rnnlib.check_gradients(rnnlib.LinearRNN(*point), INPUTS, TARGETS)
    # What central differences cut off, ε² ξ‴/6, is 1.3e-9 of the gradient at (2, 1).
    assert max(errors.values()) < 2e-9


def test_a_gradient_passes_for_parameters_of_every_shape():
    model = Quadratic()
    measured = rnnlib.numerical_gradients(model, None, None)
    assert {name: grad.shape for name, grad in measured.items()} == {
        "W": (2, 3),
        "b": (4,),
        "c": (),
    }
    assert all(grad.dtype == np.float64 for grad in measured.values())
    # Central differences of a parabola are exact but for rounding: eps(float64)·L/1e-5.
    assert max(rnnlib.check_gradients(model, None, None).values()) < 1e-9


def test_the_error_of_central_differences_shrinks_like_the_square_of_the_step():
    class Cubic:
        def __init__(self):
            self.params = {"w": np.array(2.0)}

        def loss_and_grads(self, inputs, targets):
            return float(self.params["w"] ** 3), {"w": 3 * self.params["w"] ** 2}, None

    # (w + ε)³ − (w − ε)³ = 6 w² ε + 2 ε³: the error is ε² exactly. One nudge alone errs by 3wε.
    for eps in (0.1, 0.01):
        measured = rnnlib.numerical_gradients(Cubic(), None, None, eps)["w"]
        assert measured - 12 == pytest.approx(eps**2, rel=1e-9)


def test_options_reach_the_model():
    x, t, s_0 = np.ones((2, 2)), np.zeros(2), np.array([3.0, -1.0])
    net = rnnlib.LinearRNN(0.5, 0.5)
    with_state = rnnlib.numerical_gradients(net, x, t, state=s_0)
    assert with_state["w_rec"] == pytest.approx(
        float(net.loss_and_grads(x, t, s_0)[1]["w_rec"]), rel=1e-8
    )
    without = rnnlib.numerical_gradients(net, x, t)
    assert abs(with_state["w_rec"] - without["w_rec"]) > 0.1
    rnnlib.check_gradients(net, x, t, state=s_0)


@pytest.mark.parametrize("check", [rnnlib.check_gradients, rnnlib.numerical_gradients])
def test_the_model_and_the_data_are_left_as_they_were(check):
    x, t = INPUTS.copy(), TARGETS.copy()
    x.flags.writeable = t.flags.writeable = False
    net = rnnlib.LinearRNN(1.1, 0.9)
    params, values = dict(net.params), copy.deepcopy(net.params)
    for param in net.params.values():
        param.flags.writeable = False  # not even for a moment
    check(net, x, t)
    assert all(net.params[name] is params[name] for name in params)
    assert net.params == values


def test_a_model_that_stops_halfway_is_left_as_it_was():
    class Stops(Quadratic):
        def loss_and_grads(self, *data):
            if self.params["b"][2] != Quadratic().params["b"][2]:
                raise RuntimeError("halfway")
            return super().loss_and_grads(*data)

    model = Stops()
    with pytest.raises(RuntimeError, match="halfway"):
        rnnlib.check_gradients(model, None, None)
    assert all(np.array_equal(model.params[n], Quadratic().params[n]) for n in model.params)


# Wrong gradients fail: the mistakes that have been made, each planted once


class Faulty(rnnlib.LinearRNN):
    """The network that counts, with its backward pass written out, and one place to go wrong."""

    fault = "none"

    def loss_and_grads(self, inputs, targets, state=None):
        loss, _, last = super().loss_and_grads(inputs, targets, state)
        s, (n_steps, n_sequences) = self.states(inputs, state), inputs.shape
        delta = 2 * (s[-1] - targets) / n_sequences
        if self.fault == "the factor 2 is missing":
            delta /= 2
        if self.fault == "the gradient of the sum, not of the mean":
            delta *= n_sequences
        d_w_x = d_w_rec = 0.0
        for k in range(n_steps, 0, -1):
            before = s[k] if self.fault == "s_k in the place of s_{k-1}" else s[k - 1]
            if self.fault == "assigned, not accumulated":
                d_w_x = d_w_rec = 0.0
            d_w_x += np.sum(delta * inputs[k - 1])
            d_w_rec += np.sum(delta * before)
            if self.fault == "the last step alone":
                break
            if self.fault != "w_rec is left out on the way back":
                delta = self.params["w_rec"] * delta
        if self.fault == "the sign of w_rec's gradient":
            d_w_rec = -d_w_rec
        return loss, {"w_x": np.asarray(d_w_x), "w_rec": np.asarray(d_w_rec)}, last


def test_the_network_written_out_passes_when_nothing_is_planted():
    rnnlib.check_gradients(Faulty(1.1, 0.9), INPUTS, TARGETS)


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("the factor 2 is missing", "w_x"),
        ("the gradient of the sum, not of the mean", "w_x"),
        ("s_k in the place of s_{k-1}", "w_rec"),
        ("assigned, not accumulated", "w_x"),
        ("the last step alone", "w_x"),
        ("w_rec is left out on the way back", "w_x"),
        ("the sign of w_rec's gradient", "w_rec"),
    ],
)
def test_a_planted_fault_fails_and_names_the_parameter(fault, named):
    net = Faulty(1.1, 0.9)
    net.fault = fault
    with pytest.raises(AssertionError, match=rf"^{named}: the gradient says .*relative error"):
        rnnlib.check_gradients(net, INPUTS, TARGETS)


def planted(name, make):
    """A Quadratic whose gradient of `name` is changed by `make`."""

    class Planted(Quadratic):
        def loss_and_grads(self, *data):
            loss, grads, state = super().loss_and_grads(*data)
            grads[name] = make(grads[name].copy())
            return loss, grads, state

    return Planted()


@given(st.integers(0, 1), st.integers(0, 2), st.floats(1e-5, 10))
def test_one_wrong_entry_is_named_with_its_index_and_both_values(i, j, amount):
    def spoil(grad):
        grad[i, j] += amount
        return grad

    right = Quadratic().loss_and_grads(None, None)[1]["W"][i, j]
    with pytest.raises(AssertionError) as caught:
        rnnlib.check_gradients(planted("W", spoil), None, None)
    message = str(caught.value)
    assert message.startswith(f"W[{i}, {j}]: the gradient says {right + amount:.8g}, ")
    measured = float(message.split("finite differences say ")[1].split(" ")[0])
    assert measured == pytest.approx(right, rel=1e-7)
    assert "relative error" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_never_passes(bad):
    def spoil(grad):
        grad[1, 2] = bad
        return grad

    with pytest.raises(AssertionError, match=rf"^W\[1, 2\]: the gradient says {bad}, .*not finite"):
        rnnlib.check_gradients(planted("W", spoil), None, None, tolerance=np.inf)


def test_a_gradient_so_large_that_its_norm_overflows_never_passes():
    with np.errstate(over="ignore", invalid="ignore"):
        with pytest.raises(AssertionError, match=r"^W\[\d, \d\]: the gradient says .*e\+200, "):
            rnnlib.check_gradients(planted("W", lambda grad: 1e200 * np.sign(grad)), None, None)


def test_a_loss_that_is_not_finite_never_passes():
    class NoLoss(Quadratic):
        def loss_and_grads(self, *data):
            return np.nan, *super().loss_and_grads(*data)[1:]

    with pytest.raises(AssertionError, match=r"^W\[0, 0\]: .* differences say nan \(not finite\)"):
        rnnlib.check_gradients(NoLoss(), None, None)


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.zeros(6), np.array(0.0)])
def test_a_gradient_of_another_shape_is_named_with_both_shapes(bad):
    with pytest.raises(AssertionError) as caught:
        rnnlib.check_gradients(planted("W", lambda grad: bad), None, None)
    assert str(caught.value) == f"W: the gradient has shape {bad.shape}, the parameter (2, 3)"


def test_a_missing_gradient_and_one_too_many_are_named():
    def missing(grads):
        del grads["b"]

    def extra(grads):
        grads["d"] = np.array(0.0)

    for change, got in ((missing, "['W', 'c']"), (extra, "['W', 'b', 'c', 'd']")):

        class Changed(Quadratic):
            def loss_and_grads(self, *data, change=change):
                loss, grads, state = super().loss_and_grads(*data)
                change(grads)
                return loss, grads, state

        with pytest.raises(AssertionError) as caught:
            rnnlib.check_gradients(Changed(), None, None)
        message = str(caught.value)
        assert message == f"gradients for {got}, but the parameters are ['W', 'b', 'c']"


def test_the_tolerance_decides():
    off = planted("c", lambda grad: grad * (1 + 2e-4))
    with pytest.raises(AssertionError, match=r"^c: .*relative error 1.0e-04, more than 5e-05"):
        rnnlib.check_gradients(off, None, None, tolerance=5e-5)
    assert rnnlib.check_gradients(off, None, None, tolerance=2e-4)["c"] == pytest.approx(1e-4, 1e-3)


@pytest.mark.parametrize("eps", [0, -1e-5, np.nan, np.inf])
def test_a_step_that_is_not_above_zero_is_named(eps):
    for check in (rnnlib.check_gradients, rnnlib.numerical_gradients):
        with pytest.raises(ValueError, match=rf"^eps: expected a finite number above 0, got {eps}"):
            check(Quadratic(), None, None, eps=eps)


@pytest.mark.parametrize("bad", [1.5, np.float64(1.5), np.array(2), [1.0]])
def test_a_parameter_that_cannot_be_nudged_is_named(bad):
    model = Quadratic()
    model.params["c"] = bad
    with pytest.raises(TypeError, match=r"^params\['c'\]: expected an array of floats, got "):
        rnnlib.numerical_gradients(model, None, None)


# relative_error

# Also numbers whose squares would overflow or vanish.
sizes = st.floats(1e-200, 1e200)
entries = st.one_of(st.just(0.0), sizes, sizes.map(lambda x: -x))
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float64, shape, elements=entries), arrays(np.float64, shape, elements=entries)
    )
)


@given(pairs)
def test_the_relative_error_is_between_0_and_1_and_symmetric(pair):
    a, b = pair
    error = rnnlib.relative_error(a, b)
    assert type(error) is float
    assert 0 <= error <= 1 + 1e-15  # the norms are rounded
    assert error == rnnlib.relative_error(b, a)
    assert rnnlib.relative_error(a, a) == 0


@given(pairs, st.integers(-200, 200))
def test_the_relative_error_does_not_change_with_the_unit(pair, power):
    # A power of two rescales without rounding.
    a, b = pair
    scaled = rnnlib.relative_error(a * 2.0**power, b * 2.0**power)
    assert scaled == rnnlib.relative_error(a, b)


@given(pairs)
def test_the_relative_error_is_1_for_opposite_gradients_and_for_one_that_is_zero(pair):
    a = pair[0]
    if np.any(a):
        assert rnnlib.relative_error(a, -a) == pytest.approx(1, rel=1e-15)
        assert rnnlib.relative_error(a, np.zeros_like(a)) == 1
        assert rnnlib.relative_error(a, 3 * a) == pytest.approx(0.5, rel=1e-15)


def test_two_gradients_of_zero_are_equal():
    assert rnnlib.relative_error(np.zeros((2, 2)), np.zeros((2, 2))) == 0


def test_gradients_of_different_shapes_are_not_compared():
    with pytest.raises(ValueError, match=r"^measured: expected shape \(2, 3\), got \(3,\)$"):
        rnnlib.relative_error(np.ones((2, 3)), np.ones(3))
