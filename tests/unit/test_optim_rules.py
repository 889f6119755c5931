"""Each rule against its equation, written once more for one weight, and against PyTorch's."""

import copy
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_optim import each_optimizer, optimizers, path, two_gradients, two_parameters

import rnnlib

grads = st.floats(-9, 9).filter(lambda g: g == 0 or abs(g) > 1e-3)
runs = st.lists(grads, min_size=1, max_size=12)
rates = st.floats(1e-3, 2)
shares = st.floats(0, 0.99)


def walk(optimizer, run, start=0.0):
    return path(optimizer, [(grad, None) for grad in run], start)


def close(points):
    return pytest.approx(points, rel=1e-12, abs=1e-12)


# Each rule, one weight at a time


@given(runs, rates, st.floats(0.01, 0.99))
def test_nesterov_takes_the_gradient_where_the_velocity_leads(slopes, rate, momentum):
    """Two weights that say the same: one looks ahead for each gradient, one stands there."""
    curvature = 1 + abs(slopes[0])
    rate /= curvature
    w, v, standing = 1.0, 0.0, {"w": np.array(1.0)}
    optimizer = rnnlib.SGD(rate, momentum, nesterov=True)
    for _ in slopes:
        v = momentum * v - rate * curvature * (w + momentum * v)
        w += v
        optimizer.step(standing, {"w": curvature * standing["w"]})
        assert standing["w"] == pytest.approx(w + momentum * v, rel=1e-9, abs=1e-12)


@given(runs, rates, st.sampled_from([1e-12, 1e-8, 0.1]))
def test_adagrad_divides_by_the_root_of_all_squares(run, rate, eps):
    w, squares, wanted = 0.0, 0.0, []
    for g in run:
        squares += g**2
        w -= rate * g / math.sqrt(squares + eps)
        wanted.append(w)
    assert walk(rnnlib.AdaGrad(rate, eps), run) == close(wanted)


@given(st.floats(0.1, 9), st.integers(1, 50))
def test_adagrads_nth_equal_gradient_moves_by_the_rate_over_root_n(grad, n):
    points = walk(rnnlib.AdaGrad(1.0, 1e-30), [grad] * (n + 1))
    assert points[n - 1] - points[n] == pytest.approx(1 / math.sqrt(n + 1), rel=1e-9)


@given(runs, rates, shares, shares, st.booleans(), st.sampled_from([1e-8, 0.1]))
def test_rmsprop_measures_by_the_running_mean_of_squares(run, rate, decay, momentum, ahead, eps):
    ahead = ahead and momentum > 0
    w, v, mean, wanted = 0.0, 0.0, 0.0, []
    for g in run:
        mean = decay * mean + (1 - decay) * g**2
        move = rate * g / (math.sqrt(mean) + eps)
        v = momentum * v - move
        w += momentum * v - move if ahead else v
        wanted.append(w)
    assert walk(rnnlib.RMSProp(rate, decay, momentum, ahead, eps), run) == close(wanted)


@given(runs, rates, shares, shares, st.sampled_from([1e-8, 0.1]))
def test_adam_is_a_ratio_of_weighted_means(run, rate, beta1, beta2, eps):
    """The two means from their definition, as sums over all gradients so far."""
    w, wanted = 0.0, []
    for n in range(1, len(run) + 1):
        first = [beta1 ** (n - i) for i in range(1, n + 1)]
        second = [beta2 ** (n - i) for i in range(1, n + 1)]
        mean = sum(f * g for f, g in zip(first, run, strict=False)) / sum(first)
        square = sum(s * g**2 for s, g in zip(second, run, strict=False)) / sum(second)
        w -= rate * mean / (math.sqrt(square) + eps)
        wanted.append(w)
    assert walk(rnnlib.Adam(rate, beta1, beta2, eps), run) == close(wanted)


@given(st.sampled_from([rnnlib.AdaGrad, rnnlib.RMSProp, rnnlib.Adam]), st.floats(-9, 9), rates)
def test_the_first_step_does_not_depend_on_the_size_of_the_gradient(kind, exponent, rate):
    [end] = walk(kind(rate, eps=1e-40), [10**exponent])
    first = {"RMSProp": 1 / math.sqrt(1 - 0.9)}.get(kind.__name__, 1)
    assert end == pytest.approx(-rate * first, rel=1e-9)


def test_by_hand():
    """w = 1, g = 2 and then 1; the numbers were worked out on paper."""
    two, one = 2.0, 1.0
    assert walk(rnnlib.SGD(0.1, 0.5), [two, one], 1.0) == close([0.8, 0.6])
    assert walk(rnnlib.SGD(0.1, 0.5, True), [two, one], 1.0) == close([0.7, 0.5])
    assert walk(rnnlib.AdaGrad(0.1, 1e-12), [two, one], 1.0) == pytest.approx(
        [0.9, 0.9 - 0.1 / math.sqrt(5)], abs=1e-11
    )
    # r = 2, then 1.5
    assert walk(rnnlib.RMSProp(0.1, 0.5), [two, one], 1.0) == pytest.approx(
        [1 - 0.2 / math.sqrt(2), 1 - 0.2 / math.sqrt(2) - 0.1 / math.sqrt(1.5)], abs=1e-8
    )
    # m̂ = 2, then (0.5 · 1 + 0.5) / 0.75 = 4/3; r̂ = 4, then (0.5 · 2 + 0.5) / 0.75 = 2
    assert walk(rnnlib.Adam(0.1, 0.5, 0.5), [two, one], 1.0) == pytest.approx(
        [0.9, 0.9 - 0.1 * 4 / 3 / math.sqrt(2)], abs=1e-8
    )


# Annealing


@given(st.lists(st.floats(0, 10), min_size=1, max_size=12))
def test_the_rate_is_halved_as_often_as_the_loss_rises(losses):
    optimizer = rnnlib.HalveOnRise(rnnlib.SGD(1.0))
    for loss in losses:
        optimizer.observe(loss)
    rises = sum(b > a for a, b in itertools.pairwise(losses))
    assert optimizer.learning_rate == optimizer.optimizer.learning_rate == 0.5**rises


def test_the_halved_rate_is_the_one_that_steps():
    optimizer, params = rnnlib.HalveOnRise(rnnlib.SGD(1.0), 0.1), {"w": np.array(0.0)}
    for loss in (1.0, 2.0):
        optimizer.observe(loss)
    optimizer.step(params, {"w": np.array(1.0)})
    assert params["w"] == -0.1


@pytest.mark.parametrize("loss", [np.nan, np.inf, "low"])
def test_a_loss_that_says_nothing_changes_no_rate(loss):
    optimizer = rnnlib.HalveOnRise(rnnlib.SGD(1.0))
    optimizer.observe(1.0)
    for make in (lambda: optimizer, lambda: rnnlib.Adam()):
        with pytest.raises((TypeError, ValueError), match=r"^loss: expected a "):
            make().observe(loss)
    optimizer.observe(0.5)
    assert optimizer.learning_rate == 1.0


def test_only_what_has_a_rate_can_be_annealed():
    with pytest.raises(TypeError, match=r"^optimizer: expected one with a learning_rate, got "):
        rnnlib.HalveOnRise(rnnlib.RProp())


def test_nesterov_needs_momentum():
    for kind in (rnnlib.SGD, rnnlib.RMSProp):
        with pytest.raises(ValueError, match=r"^nesterov: expected False where momentum is 0"):
            kind(0.1, nesterov=True)
        with pytest.raises(TypeError, match=r"^nesterov: expected True or False, got 1$"):
            kind(0.1, momentum=0.5, nesterov=1)


# State


def moves(optimizer, params, scales):
    for i, scale in enumerate(scales):
        optimizer.step(params, two_gradients(scale), loss=float(3 - i % 2))
        optimizer.observe(float((i + 1) % 3))
    return params


@each_optimizer
@pytest.mark.parametrize("piece", [2, 32768])
def test_an_optimiser_goes_on_from_a_state_as_it_would_have_itself(index, piece, monkeypatch):
    monkeypatch.setattr("rnnlib.stepping._PIECE", piece)
    one, other = optimizers()[index], optimizers()[index]
    params = moves(one, two_parameters(), (1.0, 2.0, -1.0))
    state = one.state()
    kept = copy.deepcopy(state)
    other.load_state(state)
    assert other.settings() == one.settings()
    again = copy.deepcopy(params)
    moves(one, params, (-1.0, 0.5, 1.0))
    moves(other, again, (-1.0, 0.5, 1.0))
    assert all(np.array_equal(params[name], again[name]) for name in params)
    # The state is a copy that belongs to nobody.
    assert state.keys() == kept.keys()
    assert all(np.array_equal(state[key], kept[key]) for key in state)


@each_optimizer
def test_a_state_holds_numbers_and_text_only(index):
    optimizer = optimizers()[index]
    moves(optimizer, two_parameters(), (1.0, 2.0))
    for key, value in optimizer.state().items():
        assert isinstance(key, str)
        assert isinstance(value, np.ndarray | int | float | str | bool), key


@each_optimizer
def test_a_state_of_another_kind_is_refused_and_changes_nothing(index):
    steady, disturbed = optimizers()[index], optimizers()[index]
    wanted = moves(steady, two_parameters(), (1.0, 2.0))
    params = moves(disturbed, two_parameters(), (1.0, 2.0))
    states = [other.state() for other in optimizers() if type(other) is not type(steady)]
    good = disturbed.state()
    states += [{}, {"x": 1}, good | {"memory/a": 1.0}, good | {"memory/a/one/v": 1.0}]
    states += [good | {"memory/a/0/v": np.array(["text"])}, good | {"settings/more": 1}]
    if type(steady) is not rnnlib.HalveOnRise:
        name = "learning_rate" if hasattr(steady, "learning_rate") else "eta_plus"
        states += [good | {f"settings/{name}": -1.0}, good | {f"settings/{name}": "fast"}]
    for state in states:
        with pytest.raises((TypeError, ValueError)):
            disturbed.load_state(state)
    moves(steady, wanted, (-1.0, 0.5))
    moves(disturbed, params, (-1.0, 0.5))
    assert all(np.array_equal(params[name], wanted[name]) for name in wanted)


def test_the_state_of_a_kind_with_the_same_settings_is_still_another_kind():
    class Other(rnnlib.SGD):
        pass

    with pytest.raises(ValueError, match="expected that of SGD, got that of 'Other'"):
        rnnlib.SGD(0.1).load_state(Other(0.1).state())


@each_optimizer
def test_a_state_without_one_of_the_settings_is_refused(index):
    optimizer = optimizers()[index]
    for key in [key for key in optimizer.state() if "settings/" in key]:
        state = {k: v for k, v in optimizer.state().items() if k != key}
        with pytest.raises(ValueError, match=r"^state: expected "):
            optimizer.load_state(state)


@pytest.mark.parametrize("index", [1, *range(2, 13)])
def test_an_optimiser_that_remembers_refuses_another_network(index):
    optimizer, params = optimizers()[index], two_parameters()
    moves(optimizer, params, (1.0, 2.0))
    larger = {"b": params["b"], "a": np.ones((4, 3))}
    with pytest.raises(ValueError, match=r"^params\['a'\]: expected shape \(2, 3\), which this"):
        optimizer.step(larger, {"a": np.ones((4, 3)), "b": np.array(1.0)}, loss=1.0)
    assert larger["b"] == params["b"] and np.all(larger["a"] == 1)


@pytest.mark.parametrize("way", ["another shape", "another layout", "resumed"])
def test_large_parameters_that_changed_are_not_taken_for_the_same(way, monkeypatch):
    """Pieces of (8, 4) and of (4, 8) would look alike."""
    monkeypatch.setattr("rnnlib.stepping._PIECE", 4)
    optimizer, params = rnnlib.Adam(0.1), {"w": np.ones((8, 4))}
    optimizer.step(params, {"w": np.ones((8, 4))})
    if way == "resumed":
        state, optimizer = optimizer.state(), rnnlib.Adam(0.1)
        optimizer.load_state(state)
    changed = np.ones((8, 4), order="F") if way == "another layout" else np.ones((4, 8))
    with pytest.raises(ValueError, match=r"^params\['w'\]: expected "):
        optimizer.step({"w": changed}, {"w": np.ones(changed.shape)})
    assert np.all(changed == 1)
    optimizer.step(params, {"w": np.ones((8, 4))})


@pytest.mark.parametrize("index", [8, 9, 10, 11])
def test_gradients_too_large_to_be_squared_are_refused(index):
    """Their r would be infinite, and the weight would never move again."""
    optimizer, params = optimizers()[index], {"w": np.ones(2, np.float32)}
    large = {"w": np.array([1e20, 1.0], np.float32)}
    with pytest.raises(ValueError, match=r"^grads\['w'\]: .*squares.* in float32, got 1e\+20"):
        optimizer.step(params, large)
    assert np.all(params["w"] == 1)
    rnnlib.SGD(1e-20).step(params, large)
    assert params["w"][0] == 0


def test_a_rare_gradient_moves_adam_farther_than_the_rate():
    """As its docstring says: (1 − β₁)/√(1 − β₂) = 3.16 times."""
    places = walk(rnnlib.Adam(1.0), [0.0] * 9999 + [1.0])
    assert places[-2] - places[-1] == pytest.approx(0.1 / math.sqrt(0.001), rel=1e-4)


def test_names_with_slashes_are_names():
    optimizer, other, params = rnnlib.Adam(0.1), rnnlib.Adam(), {"a/0/m": np.ones(2)}
    optimizer.step(params, {"a/0/m": np.ones(2)})
    other.load_state(optimizer.state())
    one, two = copy.deepcopy(params), copy.deepcopy(params)
    optimizer.step(one, {"a/0/m": np.ones(2)})
    other.step(two, {"a/0/m": np.ones(2)})
    assert np.array_equal(one["a/0/m"], two["a/0/m"])


# PyTorch, where it is installed

PAIRS = {
    "SGD": (rnnlib.SGD(0.1), "SGD", {"lr": 0.1}),
    "momentum": (rnnlib.SGD(0.1, 0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "Nesterov": (
        rnnlib.SGD(0.1, 0.9, nesterov=True),
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    # PyTorch adds ε after the root; with 1e-300 the place does not matter.
    "AdaGrad": (rnnlib.AdaGrad(0.1, 1e-300), "Adagrad", {"lr": 0.1, "eps": 0.0}),
    "RMSProp": (
        rnnlib.RMSProp(0.1, 0.9, eps=1e-3),
        "RMSprop",
        {"lr": 0.1, "alpha": 0.9, "eps": 1e-3},
    ),
    "RMSProp with momentum": (
        rnnlib.RMSProp(0.1, 0.9, 0.5, eps=1e-3),
        "RMSprop",
        {"lr": 0.1, "alpha": 0.9, "eps": 1e-3, "momentum": 0.5},
    ),
    "Adam": (rnnlib.Adam(0.1, eps=1e-3), "Adam", {"lr": 0.1, "eps": 1e-3}),
    # Its Rprop is the iRprop- of Igel and Hüsken.
    "RProp": (
        rnnlib.RProp("iRprop-", 0.01, min_step=1e-6, max_step=50),
        "Rprop",
        {"lr": 0.01},
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_thirty_steps_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not needed; it is one more oracle")
    ours, kind, arguments = PAIRS[name]
    ours = copy.deepcopy(ours)
    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=(3, 4))}
    theirs = torch.tensor(params["w"], requires_grad=True)
    optimizer = getattr(torch.optim, kind)([theirs], **arguments)
    for i in range(30):
        grad = rng.normal(size=(3, 4)) * 3 ** math.sin(i)
        ours.step(params, {"w": grad})
        theirs.grad = torch.tensor(grad)
        optimizer.step()
        assert np.allclose(params["w"], theirs.detach().numpy(), rtol=0, atol=1e-13)
