"""The optimisers, against their papers written once more, one number at a time."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import rnnlib

VARIANTS = ["published", "Rprop-", "Rprop+", "iRprop-", "iRprop+"]

# Gradients of all sizes, of both signs, and often exactly 0, where the variants differ.
slopes = st.one_of(st.just(0.0), st.floats(1e-80, 1e80), st.floats(1e-80, 1e80).map(lambda g: -g))
losses = st.floats(0, 10, width=16)
runs = st.lists(st.tuples(slopes, losses), min_size=1, max_size=12)

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def path(optimizer, run, start=0.0):
    """Where one parameter of shape () goes."""
    params, points = {"w": np.array(start)}, []
    for grad, loss in run:
        optimizer.step(params, {"w": np.array(grad)}, loss)
        points.append(float(params["w"]))
    return points


def descend(optimizer, steps):
    """The published run: from (−1.5, 2), on the published task."""
    inputs, targets = rnnlib.published_counting_task()
    net = rnnlib.LinearRNN(-1.5, 2)
    for _ in range(steps):
        loss, grads, _ = net.loss_and_grads(inputs, targets)
        optimizer.step(net.params, grads, loss)
    return net


# SGD


@given(
    st.floats(1e-3, 2), st.lists(arrays(np.float64, (2, 3), elements=st.floats(-9, 9)), min_size=1)
)
def test_gradient_descent_subtracts_the_rate_times_the_gradient(rate, grads):
    optimizer = rnnlib.SGD(rate)
    params = {"w": np.ones((2, 3))}
    for grad in grads:
        wanted = params["w"] - rate * grad
        optimizer.step(params, {"w": grad})
        assert np.array_equal(params["w"], wanted)


@given(st.floats(1e-3, 2), st.floats(0, 0.95), st.floats(-9, 9), st.integers(1, 20))
def test_momentum_on_a_constant_gradient_follows_the_closed_form(rate, momentum, grad, n):
    # v_i = −η g (1 − μ^i)/(1 − μ), and the parameter is where these add up to.
    end = path(rnnlib.SGD(rate, momentum), [(grad, None)] * n)[-1]
    sum_of_powers = momentum * (1 - momentum**n) / (1 - momentum)
    wanted = -rate * grad * (n - sum_of_powers) / (1 - momentum)
    # 1 − μ loses up to 1 digit and 1 − (1 − μ^n) n, a second: 1e-11 leaves room for both.
    assert end == pytest.approx(wanted, rel=1e-11, abs=1e-300)


def test_momentum_carries_a_parameter_on_when_the_gradient_is_gone():
    assert path(rnnlib.SGD(1.0, 0.5), [(-1.0, None), (0.0, None), (0.0, None)]) == [1, 1.5, 1.75]


# RProp against the papers


def reference(variant, run, start, first, eta_plus, eta_minus, low, high):
    """RProp as the papers print it: one weight, one branch at a time.

    Riedmiller and Braun 1993 ("Rprop+"); Igel and Hüsken 2003, Algorithms 1 to 4 (the others);
    Roelants' notebook ("published").
    """
    w, delta, points = start, first, []
    g_before, dw_before, loss_before = 0.0, 0.0, math.inf
    for g, loss in run:
        if variant == "published":
            sign, sign_before = (g > 0) - (g < 0), (g_before > 0) - (g_before < 0)
            delta = delta * eta_plus if sign == sign_before else delta * eta_minus
            delta = max(low, min(high, delta))
            w += -sign * delta
            g_before = g
            points.append(w)
            continue
        if g > 0 < g_before or g < 0 > g_before:
            delta = min(delta * eta_plus, high)
            dw = -math.copysign(delta, g)
        elif g > 0 > g_before or g < 0 < g_before:
            delta = max(delta * eta_minus, low)
            if variant == "Rprop-":
                dw = -math.copysign(delta, g)
            elif variant == "Rprop+" or (variant == "iRprop+" and loss > loss_before):
                dw = -dw_before
            else:
                dw = 0.0
            if variant != "Rprop-":
                g = 0.0
        else:
            dw = -math.copysign(delta, g) if g != 0 else 0.0
        w += dw
        g_before, dw_before, loss_before = g, dw, loss
        points.append(w)
    return points


@each_variant
@given(
    run=runs,
    first=st.floats(0.01, 1),
    eta_plus=st.floats(1.01, 3),
    eta_minus=st.floats(0.1, 0.99),
    bounds=st.sampled_from([(0.0, math.inf), (0.005, 2.0), (0.01, 1.0)]),
)
def test_each_variant_goes_where_its_paper_goes(variant, run, first, eta_plus, eta_minus, bounds):
    optimizer = rnnlib.RProp(variant, first, eta_plus, eta_minus, *bounds)
    wanted = reference(variant, run, 0.5, first, eta_plus, eta_minus, *bounds)
    # The same products in the same order: not a digit may differ.
    assert path(optimizer, run, 0.5) == wanted


@each_variant
@given(run=runs, others=runs)
def test_every_element_of_every_parameter_is_on_its_own(variant, run, others):
    # Two weights in one array and a third in another go where each would go alone.
    n = min(len(run), len(others))
    run = run[:n]
    others = [(grad, loss) for (grad, _), (_, loss) in zip(others, run, strict=False)]
    optimizer = rnnlib.RProp(variant)
    params, points = {"pair": np.zeros((2, 1)), "one": np.array(0.0)}, []
    for (a, loss), (b, _) in zip(run, others, strict=True):
        optimizer.step(params, {"pair": np.array([[a], [b]]), "one": np.array(b)}, loss)
        points.append([*params["pair"].ravel().tolist(), float(params["one"])])
    alone = [path(rnnlib.RProp(variant), r) for r in (run, others, others)]
    assert points == [list(point) for point in zip(*alone, strict=True)]


@each_variant
@given(run=runs, factor=st.floats(1e-60, 1e60))
def test_the_path_does_not_change_when_the_gradient_is_rescaled(variant, run, factor):
    rescaled = [(grad * factor, loss) for grad, loss in run]
    assert path(rnnlib.RProp(variant), rescaled) == path(rnnlib.RProp(variant), run)


@each_variant
@given(run=runs)
def test_the_path_is_mirrored_when_the_gradient_is(variant, run):
    mirrored = [(-grad, loss) for grad, loss in run]
    there = path(rnnlib.RProp(variant), run)
    assert path(rnnlib.RProp(variant), mirrored) == [-point for point in there]


@each_variant
@given(run=runs, low=st.floats(0.01, 0.5), span=st.floats(1, 4))
def test_no_step_is_longer_or_shorter_than_its_bounds(variant, run, low, span):
    optimizer = rnnlib.RProp(variant, 0.1, 3.0, 0.2, min_step=low, max_step=low * span)
    moves = np.abs(np.diff([0.0, *path(optimizer, run)]))
    moved = moves[moves > 0]
    # The moves are read off the positions, at most 24, to which each step is rounded.
    assert np.all(moved <= low * span + 1e-13)
    assert np.all(moved >= low - 1e-13)


def test_without_arguments_it_is_irprop_minus_with_the_numbers_of_the_papers():
    run = [(-1.0, 1.0), (-1.0, 2.0), (1.0, 3.0), (1.0, 4.0), (-1.0, 5.0), (-1.0, 6.0)]
    spelt_out = rnnlib.RProp("iRprop-", 0.001, 1.2, 0.5, 0.0, np.inf)
    assert path(rnnlib.RProp(), run) == path(spelt_out, run)


def test_the_first_step_is_the_initial_step_except_for_the_published_code():
    # Its previous signs start at 0, so that the first comparison finds a change.
    first = {v: path(rnnlib.RProp(v, 0.1), [(-3.0, 1.0)])[0] for v in VARIANTS}
    assert first.pop("published") == 0.05
    assert set(first.values()) == {0.1}


def test_the_variants_part_where_the_sign_turns():
    run = [(-1.0, 5.0), (-1.0, 4.0), (2.0, 3.0), (2.0, 2.0)]
    ends = {v: path(rnnlib.RProp(v, 1.0, 2.0, 0.5), run) for v in VARIANTS}
    assert ends == {
        "published": [0.5, 1.5, 1.0, 0.0],
        "Rprop-": [1, 3, 2, 0],
        "Rprop+": [1, 3, 1, 0],  # takes the step of 2 back
        "iRprop-": [1, 3, 3, 2],  # stays
        "iRprop+": [1, 3, 3, 2],  # stays, as the loss has not risen
    }
    risen = [(-1.0, 5.0), (-1.0, 4.0), (2.0, 4.5), (2.0, 2.0)]
    assert path(rnnlib.RProp("iRprop+", 1.0, 2.0, 0.5), risen) == [1, 3, 1, 0]


def test_only_irprop_plus_asks_for_the_loss():
    for variant in VARIANTS[:-1]:
        assert path(rnnlib.RProp(variant, 1.0), [(1.0, None)]) in ([-1.0], [-0.5])
    with pytest.raises(ValueError, match=r"^loss: 'iRprop\+' compares losses; call step"):
        path(rnnlib.RProp("iRprop+"), [(1.0, None)])


# The published numbers


@pytest.mark.parametrize(
    ("options", "w_x", "w_rec"),
    [
        ({"variant": "published"}, 1.0014, 0.9997),
        ({"variant": "Rprop-"}, 1.0016, 0.9996),
        ({"variant": "Rprop+"}, 1.0106, 0.9975),
        ({"variant": "iRprop-", "min_step": 1e-6, "max_step": 50}, 1.0001, 1.0000),
    ],
)
def test_the_published_run_ends_at_the_published_weights(options, w_x, w_rec):
    net = descend(rnnlib.RProp(**options, initial_step=0.001), steps=500)
    assert [round(float(w), 4) for w in net.params.values()] == [w_x, w_rec]


def test_the_published_network_counts_five_ones_as_five():
    net = descend(rnnlib.RProp("published"), steps=500)
    x = np.array([0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1])[:, None]
    answer = net.states(x)[-1, 0]
    assert round(float(answer), 5) == 4.99896
    assert f"{answer:.2f}" == "5.00"


# Whose arrays are whose


def optimizers():
    return [
        rnnlib.SGD(0.1),
        rnnlib.SGD(0.1, 0.9),
        *(rnnlib.RProp(v) for v in VARIANTS),
        rnnlib.SGD(0.1, 0.9, nesterov=True),
        rnnlib.AdaGrad(0.1),
        rnnlib.RMSProp(0.1),
        rnnlib.RMSProp(0.1, momentum=0.8, nesterov=True),
        rnnlib.Adam(0.1),
        rnnlib.HalveOnRise(rnnlib.SGD(0.1, 0.9)),
    ]


each_optimizer = pytest.mark.parametrize("index", range(len(optimizers())))


def two_parameters():
    return {"a": np.arange(6.0).reshape(2, 3), "b": np.array(1.0)}


def two_gradients(scale=1.0):
    return {"a": scale * np.array([[1.0, -2, 0], [3, -1, 1]]), "b": np.array(-scale)}


@each_optimizer
def test_parameters_move_in_place_and_gradients_are_only_read(index):
    optimizer, params = optimizers()[index], two_parameters()
    objects = dict(params)
    for scale in (1.0, 2.0, -1.0):
        grads = two_gradients(scale)
        before = {name: param.copy() for name, param in params.items()}
        for grad in grads.values():
            grad.flags.writeable = False
        optimizer.step(params, grads, loss=scale)
        assert all(params[name] is objects[name] for name in params)
        assert all(np.array_equal(grads[n], two_gradients(scale)[n]) for n in grads)
    assert not np.array_equal(params["a"], before["a"]) or index >= 3
    assert not np.array_equal(params["a"], two_parameters()["a"])


@each_optimizer
def test_what_the_caller_does_with_its_arrays_afterwards_changes_no_memory(index):
    one, two, runs = optimizers()[index], optimizers()[index], []
    for optimizer, meddles in ((one, False), (two, True)):
        moves = []
        for scale in (1.0, 2.0, -1.0, 1.0):
            params, grads = two_parameters(), two_gradients(scale)
            optimizer.step(params, grads, loss=1.0)
            moves.append(copy.deepcopy(params))
            if meddles:
                for array in (*params.values(), *grads.values()):
                    array[...] = 7.0
        runs.append(moves)
    for quiet, meddled in zip(*runs, strict=True):
        assert all(np.array_equal(quiet[name], meddled[name]) for name in quiet)


@each_optimizer
def test_the_order_of_the_names_does_not_matter(index):
    one, two = optimizers()[index], optimizers()[index]
    first, second = two_parameters(), two_parameters()
    for scale in (1.0, -1.0):
        grads = two_gradients(scale)
        one.step(first, grads, loss=1.0)
        two.step(second, dict(reversed(grads.items())), loss=1.0)
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kind", [np.int64, np.bool_, np.float32, float])
def test_gradients_of_other_real_numbers_are_accepted(kind):
    for optimizer in optimizers():
        params = {"w": np.array(1.0)}
        optimizer.step(params, {"w": kind(2)}, loss=1.0)
        assert params["w"] < 1
        assert params["w"].dtype == np.float64


# A step that cannot be made is not made at all


def spoiled(name, value):
    return lambda params, grads: (params, grads | {name: value})


NAN, INF = np.array([[1.0, np.nan, 0], [3, -1, 1]]), np.array(np.inf)
BAD_STEPS = {
    "NaN": (spoiled("a", NAN), ValueError, ["grads['a']", "finite", "nan", "[0, 1]"]),
    "infinity": (spoiled("b", INF), ValueError, ["grads['b']", "finite", "inf"]),
    "shape": (spoiled("b", np.ones(2)), ValueError, ["grads['b']", "shape ()", "(2,)"]),
    "transposed": (spoiled("a", np.ones((3, 2))), ValueError, ["grads['a']", "(2, 3)", "(3, 2)"]),
    "one too many": (spoiled("c", INF), ValueError, ["grads", "['a', 'b']", "['a', 'b', 'c']"]),
    "another name": (
        lambda params, grads: (params, {"a": grads["a"], "z": grads["b"]}),
        ValueError,
        ["grads", "['a', 'b']", "['a', 'z']"],
    ),
    "one missing": (
        lambda params, grads: (params, {"a": grads["a"]}),
        ValueError,
        ["grads", "['a', 'b']", "['a']"],
    ),
    "complex": (spoiled("b", np.array(1j)), TypeError, ["grads['b']", "real numbers", "1.j"]),
    "text": (spoiled("b", np.array("up")), TypeError, ["grads['b']", "real numbers", "up"]),
    "no gradient": (spoiled("b", None), TypeError, ["grads['b']", "real numbers", "None"]),
    "a read-only parameter": (
        lambda params, grads: (params | {"b": np.broadcast_to(1.0, ())}, grads),
        ValueError,
        ["params['b']", "written to"],
    ),
    "a float parameter": (
        lambda params, grads: (params | {"b": 1.0}, grads),
        TypeError,
        ["params['b']", "array of floats", "1.0"],
    ),
    "a parameter of ints": (
        lambda params, grads: (params | {"b": np.array(1)}, grads),
        TypeError,
        ["params['b']", "array of floats", "array(1)"],
    ),
}


@each_optimizer
@pytest.mark.parametrize("what", BAD_STEPS)
def test_a_bad_step_is_named_and_moves_and_remembers_nothing(index, what):
    spoil, error, words = BAD_STEPS[what]
    steady, disturbed = optimizers()[index], optimizers()[index]
    wanted, params = two_parameters(), two_parameters()
    for scale in (1.0, 2.0, -1.0, -0.5):
        steady.step(wanted, two_gradients(scale), loss=1.0)
        with pytest.raises(error) as caught:
            disturbed.step(*spoil(params, two_gradients(-scale)), loss=9.0)
        assert all(word in str(caught.value) for word in words), str(caught.value)
        disturbed.step(params, two_gradients(scale), loss=1.0)
        assert all(np.array_equal(params[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("loss", [None, np.nan, np.inf])
def test_irprop_plus_without_a_usable_loss_moves_and_remembers_nothing(loss):
    steady, disturbed = rnnlib.RProp("iRprop+"), rnnlib.RProp("iRprop+")
    wanted, params = two_parameters(), two_parameters()
    for i, scale in enumerate([1.0, 2.0, -1.0, 1.0]):
        steady.step(wanted, two_gradients(scale), loss=i)
        with pytest.raises(ValueError, match=r"^loss: "):
            disturbed.step(params, two_gradients(-scale), loss)
        disturbed.step(params, two_gradients(scale), loss=i)
        assert all(np.array_equal(params[name], wanted[name]) for name in wanted)


@each_optimizer
def test_a_loss_that_is_not_finite_is_refused_by_every_optimiser(index):
    with pytest.raises(ValueError, match=r"^loss: expected a finite number, got nan; try "):
        optimizers()[index].step(two_parameters(), two_gradients(), np.nan)


@pytest.mark.parametrize("loss", ["low", 1j, np.ones(2), [1.0]])
def test_a_loss_that_is_not_a_number_is_a_type_error(loss):
    with pytest.raises(TypeError, match=r"^loss: expected a number, got "):
        rnnlib.RProp("iRprop+").step(two_parameters(), two_gradients(), loss)


@each_optimizer
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_a_large_parameter_moves_piece_by_piece_as_it_would_at_once(index, layout, monkeypatch):
    rng = np.random.default_rng(0)
    params = {"a": np.asarray(rng.normal(size=(7, 5)), order="F" if layout == "F" else "C")}
    if layout == "strided":
        params = {"a": rng.normal(size=(14, 5))[::2]}
    whole = {"a": params["a"].copy()}
    at_once, in_pieces = optimizers()[index], optimizers()[index]
    for loss in (3.0, 2.0, 2.5, 1.0):
        grads = {"a": np.asarray(rng.normal(size=(7, 5)), order="F" if layout == "F" else "C")}
        at_once.step(whole, grads, loss)
        with monkeypatch.context() as small:
            small.setattr("rnnlib.stepping._PIECE", 4)
            in_pieces.step(params, grads, loss)
        assert np.array_equal(params["a"], whole["a"])


def test_an_optimiser_that_does_not_say_how_to_update_says_so():
    class Lazy(rnnlib.Optimizer):
        pass

    with pytest.raises(NotImplementedError, match="Lazy"):
        Lazy().step(two_parameters(), two_gradients())


# Arguments


def test_an_unknown_variant_is_named_with_the_known_ones():
    with pytest.raises(ValueError) as caught:
        rnnlib.RProp("rprop")
    assert str(caught.value).startswith("variant: expected one of ")
    assert "'rprop'" in str(caught.value)
    assert all(f"'{variant}'" in str(caught.value) for variant in VARIANTS)


@pytest.mark.parametrize(
    ("make", "name", "bad", "good"),
    [
        (rnnlib.SGD, "learning_rate", [0, -1, np.nan, np.inf], [1e-300, 1, 1e9]),
        (lambda momentum: rnnlib.SGD(1, momentum), "momentum", [-0.1, 1, 2, np.nan], [0, 0.999]),
        (rnnlib.AdaGrad, "learning_rate", [0, -1, np.nan, np.inf], [1e-300, 1, 1e9]),
        (lambda eps: rnnlib.AdaGrad(1, eps), "eps", [0, -1, np.nan, np.inf], [1e-300, 1]),
        (rnnlib.RMSProp, "learning_rate", [0, -1, np.nan, np.inf], [1e-300, 1, 1e9]),
        (lambda decay: rnnlib.RMSProp(1, decay), "decay", [-0.1, 1, np.nan], [0, 0.999]),
        (lambda momentum: rnnlib.RMSProp(1, 0.9, momentum), "momentum", [-0.1, 1], [0, 0.9]),
        (lambda eps: rnnlib.RMSProp(1, eps=eps), "eps", [0, -1, np.nan, np.inf], [1e-300, 1]),
        (rnnlib.Adam, "learning_rate", [0, -1, np.nan, np.inf], [1e-300, 1, 1e9]),
        (rnnlib.Adam, "beta1", [-0.1, 1, 2, np.nan], [0, 0.999]),
        (rnnlib.Adam, "beta2", [-0.1, 1, 2, np.nan], [0, 0.999]),
        (rnnlib.Adam, "eps", [0, -1, np.nan, np.inf], [1e-300, 1]),
        (
            lambda factor: rnnlib.HalveOnRise(rnnlib.SGD(1), factor),
            "factor",
            [0, 1, -1, np.nan],
            [0.1, 0.5],
        ),
        (rnnlib.RProp, "initial_step", [0, -1, np.nan, np.inf], [1e-9, 2]),
        (rnnlib.RProp, "eta_plus", [1, 0.5, np.nan, np.inf], [1.0001, 5]),
        (rnnlib.RProp, "eta_minus", [0, 1, -1, np.nan], [0.0001, 0.9999]),
        (rnnlib.RProp, "min_step", [-1e-9, np.nan, np.inf], [0, 1e-6]),
        (rnnlib.RProp, "max_step", [-1, 0, np.nan], [1e-3, 50, np.inf]),
    ],
)
def test_an_argument_outside_its_bounds_is_named(make, name, bad, good):
    for value in good:
        assert getattr(make(**{name: value}), name) == value
    for value in bad:
        with pytest.raises(ValueError, match=rf"^{name}: expected .*, got {value}$"):
            make(**{name: value})
    for value in ("fast", None, 1j, np.ones(2)):
        with pytest.raises(TypeError, match=rf"^{name}: expected a number, got "):
            make(**{name: value})


def test_the_bounds_of_the_step_must_not_be_crossed():
    with pytest.raises(ValueError, match=r"^max_step: expected at least min_step = 1.0, got 0.5$"):
        rnnlib.RProp(min_step=1.0, max_step=0.5)
    assert rnnlib.RProp(min_step=1.0, max_step=1.0).max_step == 1.0
