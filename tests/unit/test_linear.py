"""The network that counts, against oracles that share no code with it."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.polynomial import Polynomial

import rnnlib

# Sixteen bits make short numbers, which are easy to read when a property fails.
numbers = st.floats(-2, 2, width=16)


@st.composite
def problems(draw, min_length=1):
    """Weights, inputs, targets and an initial state of random sizes."""
    length, batch = draw(st.integers(min_length, 7)), draw(st.integers(1, 4))
    inputs = draw(arrays(np.float64, (length, batch), elements=numbers))
    targets, state = draw(arrays(np.float64, (2, batch), elements=numbers))
    return draw(numbers), draw(numbers), inputs, targets, state


def by_polynomials(w_x, w_rec, inputs, targets, state):
    """Loss, gradients and answers of the network, from s_T as a polynomial in w_rec.

    s_T = w_rec^T s_0 + w_x Σ_k w_rec^{T-k} x_k, differentiated by numpy.polynomial.
    """
    loss = d_w_x = d_w_rec = 0.0
    answers = []
    for x, t, s_0 in zip(inputs.T, targets, state, strict=True):
        of_inputs = Polynomial(x[::-1])  # x_T meets no w_rec, x_1 meets T − 1 of them
        of_state = Polynomial([0.0] * len(x) + [s_0])
        s_T = w_x * of_inputs + of_state
        answers.append(s_T(w_rec))
        error = s_T(w_rec) - t
        loss += error**2 / len(targets)
        d_w_x += 2 * error * of_inputs(w_rec) / len(targets)
        d_w_rec += 2 * error * s_T.deriv()(w_rec) / len(targets)
    return loss, d_w_x, d_w_rec, np.array(answers)


def magnitudes(w_x, w_rec, inputs, targets, state):
    """The same four, with every term positive: what rounding errors are proportional to."""
    return by_polynomials(abs(w_x), abs(w_rec), abs(inputs), -abs(targets), abs(state))


def assert_close(value, wanted, magnitude):
    # Each result is a sum of products of at most 20 factors: 500 roundings are plenty. The last
    # term is for numbers so small that they lose digits.
    tolerance = 500 * np.finfo(float).eps * np.asarray(magnitude) + 1e-300
    assert np.all(np.abs(np.asarray(value) - wanted) <= tolerance), (value, wanted)


@given(problems())
def test_states_follow_the_closed_form(problem):
    w_x, w_rec, x, _, s_0 = problem
    s = rnnlib.LinearRNN(w_x, w_rec).states(x, s_0)
    assert s.shape == (len(x) + 1, x.shape[1])
    for n in range(len(s)):
        wanted = w_rec**n * s_0 + sum(w_x * w_rec ** (n - k) * x[k - 1] for k in range(1, n + 1))
        rough = abs(w_rec) ** n * abs(s_0) + sum(
            abs(w_x) * abs(w_rec) ** (n - k) * abs(x[k - 1]) for k in range(1, n + 1)
        )
        assert_close(s[n], wanted, rough)


@given(problems())
def test_the_answer_is_the_polynomial_with_the_inputs_as_coefficients(problem):
    w_x, w_rec, x, _, _ = problem
    answer = rnnlib.LinearRNN(w_x, w_rec).states(x)[-1]
    rough = abs(w_x) * np.polyval(abs(x), abs(w_rec))
    assert_close(answer, w_x * np.polyval(x, w_rec), rough)


def test_with_both_weights_one_every_state_is_the_count_so_far():
    x, t = rnnlib.published_counting_task()
    s = rnnlib.LinearRNN(1, 1).states(x)
    assert np.array_equal(s[1:], np.cumsum(x, axis=0))
    assert np.array_equal(s[-1], t)


@given(problems(), st.floats(-4, 4, width=16))
def test_states_are_linear_in_w_x(problem, factor):
    w_x, w_rec, x, _, _ = problem
    one = rnnlib.LinearRNN(1.0, w_rec).states(x)
    rough = rnnlib.LinearRNN(1.0, abs(w_rec)).states(abs(x))
    scaled = rnnlib.LinearRNN(factor * w_x, w_rec).states(x)
    assert_close(scaled, factor * w_x * one, abs(factor * w_x) * rough)


@given(problems(), st.randoms(use_true_random=False))
def test_the_states_of_a_sum_of_inputs_are_the_sum_of_their_states(problem, random):
    w_x, w_rec, x, _, s_0 = problem
    other = np.array([random.uniform(-2, 2) for _ in range(x.size)]).reshape(x.shape)
    net, positive = rnnlib.LinearRNN(w_x, w_rec), rnnlib.LinearRNN(abs(w_x), abs(w_rec))
    rough = positive.states(abs(x) + abs(other), abs(s_0))
    assert_close(net.states(x + other, s_0), net.states(x, s_0) + net.states(other), rough)


@given(problems(min_length=2), st.data())
def test_a_sequence_read_in_two_parts_with_the_state_carried_ends_the_same(problem, data):
    w_x, w_rec, x, t, s_0 = problem
    cut = data.draw(st.integers(1, len(x) - 1))
    net = rnnlib.LinearRNN(w_x, w_rec)
    whole_loss, _, whole = net.loss_and_grads(x, t, s_0)
    _, _, carried = net.loss_and_grads(x[:cut], t, s_0)
    loss, _, last = net.loss_and_grads(x[cut:], t, carried)
    assert np.array_equal(last, whole)
    assert loss == whole_loss


@given(problems(), st.data())
def test_the_order_of_the_sequences_in_the_batch_does_not_matter(problem, data):
    w_x, w_rec, x, t, s_0 = problem
    order = data.draw(st.permutations(range(x.shape[1])))
    net = rnnlib.LinearRNN(w_x, w_rec)
    loss, grads, state = net.loss_and_grads(x, t, s_0)
    loss_2, grads_2, state_2 = net.loss_and_grads(x[:, order], t[order], s_0[order])
    rough = magnitudes(*problem)
    assert_close(loss_2, loss, rough[0])
    assert_close(grads_2["w_x"], grads["w_x"], rough[1])
    assert_close(grads_2["w_rec"], grads["w_rec"], rough[2])
    assert np.array_equal(state_2, state[order])


@given(problems(), st.integers(2, 4))
def test_a_batch_of_copies_has_the_loss_and_gradient_of_one(problem, copies):
    # The loss is a mean: were any of them a sum, it would grow with the batch.
    w_x, w_rec, x, t, s_0 = problem
    net = rnnlib.LinearRNN(w_x, w_rec)
    loss, grads, _ = net.loss_and_grads(x, t, s_0)
    many = net.loss_and_grads(np.tile(x, copies), np.tile(t, copies), np.tile(s_0, copies))
    rough = magnitudes(*problem)
    assert_close(many[0], loss, rough[0])
    assert_close(many[1]["w_x"], grads["w_x"], rough[1])
    assert_close(many[1]["w_rec"], grads["w_rec"], rough[2])


@given(problems())
def test_an_initial_state_of_zeros_is_the_same_as_none(problem):
    w_x, w_rec, x, t, s_0 = problem
    net, zeros = rnnlib.LinearRNN(w_x, w_rec), np.zeros_like(s_0)
    assert np.array_equal(net.states(x, zeros), net.states(x))
    assert np.array_equal(net.gradient_over_time(x, t, zeros), net.gradient_over_time(x, t))
    with_zeros, without = net.loss_and_grads(x, t, zeros), net.loss_and_grads(x, t)
    assert with_zeros[:2] == without[:2]
    assert np.array_equal(with_zeros[2], without[2])


@given(problems())
def test_the_state_returned_is_the_last_of_the_states(problem):
    w_x, w_rec, x, t, s_0 = problem
    net = rnnlib.LinearRNN(w_x, w_rec)
    assert np.array_equal(net.loss_and_grads(x, t, s_0)[2], net.states(x, s_0)[-1])


@given(problems())
def test_loss_and_gradients_are_those_of_the_polynomial(problem):
    w_x, w_rec, x, t, s_0 = problem
    loss, grads, state = rnnlib.LinearRNN(w_x, w_rec).loss_and_grads(x, t, s_0)
    wanted, rough = by_polynomials(*problem), magnitudes(*problem)
    assert_close(loss, wanted[0], rough[0])
    assert_close(grads["w_x"], wanted[1], rough[1])
    assert_close(grads["w_rec"], wanted[2], rough[2])
    assert_close(state, wanted[3], rough[3])


@given(problems())
def test_gradients_agree_with_the_complex_step(problem):
    # No difference is taken, so no digit is lost; the step is so small that its cube is 0.
    w_x, w_rec, x, t, s_0 = problem

    def loss(w_x, w_rec):
        total = 0
        for column, target, s in zip(x.T, t, s_0, strict=True):
            for x_k in column:
                s = w_rec * s + w_x * x_k
            total = total + (s - target) ** 2
        return total / len(t)

    grads = rnnlib.LinearRNN(w_x, w_rec).loss_and_grads(x, t, s_0)[1]
    rough = magnitudes(*problem)
    assert_close(grads["w_x"], loss(w_x + 1e-150j, w_rec).imag / 1e-150, rough[1])
    assert_close(grads["w_rec"], loss(w_x, w_rec + 1e-150j).imag / 1e-150, rough[2])


@given(problems())
def test_gradients_agree_with_finite_differences(problem):
    w_x, w_rec, x, t, s_0 = problem

    def loss(w_x, w_rec):
        return rnnlib.LinearRNN(w_x, w_rec).loss_and_grads(x, t, s_0)[0]

    h = 1e-5
    grads = rnnlib.LinearRNN(w_x, w_rec).loss_and_grads(x, t, s_0)[1]
    # With positive terms alone, L(|w| + 1) exceeds every Taylor coefficient at |w|: it bounds
    # both the part that is cut off (h² = 1e-10 of it) and the rounding (1e-16 / h of it).
    tolerance = 1e-8 * magnitudes(abs(w_x) + 1, abs(w_rec) + 1, x, t, s_0)[0]
    slope_x = (loss(w_x + h, w_rec) - loss(w_x - h, w_rec)) / (2 * h)
    slope_rec = (loss(w_x, w_rec + h) - loss(w_x, w_rec - h)) / (2 * h)
    assert abs(grads["w_x"] - slope_x) <= tolerance
    assert abs(grads["w_rec"] - slope_rec) <= tolerance


@given(problems(), st.data())
def test_gradient_over_time_is_the_slope_of_the_loss_when_one_state_is_nudged(problem, data):
    w_x, w_rec, x, t, s_0 = problem
    net = rnnlib.LinearRNN(w_x, w_rec)
    s, ds = net.states(x, s_0), net.gradient_over_time(x, t, s_0)
    k, b = data.draw(st.integers(0, len(x))), data.draw(st.integers(0, x.shape[1] - 1))

    def loss(nudge):
        state = s[k].copy()
        state[b] += nudge
        for x_k in x[k:]:
            state = w_rec * state + w_x * x_k
        return np.mean((state - t) ** 2)

    assert ds.shape == s.shape
    # The loss is quadratic in a state, so a central difference is exact with any step, even 1.
    rough = magnitudes(w_x, abs(w_rec) + 1, x, t, abs(s_0) + 1)[0]
    assert_close(ds[k, b], (loss(1) - loss(-1)) / 2, rough)


@given(problems())
def test_the_loss_is_quadratic_in_w_x_so_its_second_differences_are_constant(problem):
    w_x, w_rec, x, t, s_0 = problem
    losses = [
        rnnlib.LinearRNN(w_x + i, w_rec).loss_and_grads(x, t, s_0)[0] for i in (-2, -1, 0, 1, 2)
    ]
    rough = magnitudes(abs(w_x) + 2, w_rec, x, t, s_0)[0]
    assert_close(np.diff(losses, 3), [0, 0], 8 * rough)  # weights 1 3 3 1: eight losses


# loss_surface


@given(problems(), st.data())
def test_each_point_of_the_loss_surface_is_the_loss_of_a_network(problem, data):
    _, _, x, t, _ = problem
    zeros = np.zeros_like(t)
    w_x = data.draw(arrays(np.float64, st.integers(1, 4), elements=numbers))
    w_rec = data.draw(arrays(np.float64, st.integers(1, 4), elements=numbers))
    surface = rnnlib.loss_surface(x, t, w_x, w_rec)
    assert surface.shape == (len(w_rec), len(w_x))
    for i, up in enumerate(w_rec):
        for j, right in enumerate(w_x):
            loss = rnnlib.LinearRNN(right, up).loss_and_grads(x, t)[0]
            assert_close(surface[i, j], loss, magnitudes(right, up, x, t, zeros)[0])


def test_the_loss_surface_of_the_published_task_is_zero_where_the_network_counts():
    x, t = rnnlib.published_counting_task()
    surface = rnnlib.loss_surface(x, t, np.array([0.5, 1.0]), np.array([0.0, 1.0, 2.0]))
    assert np.argwhere(surface == 0).tolist() == [[1, 1]]


# Whose arrays are whose


def test_inputs_that_cannot_be_written_to_are_enough_and_stay_as_they_were():
    x, t = rnnlib.published_counting_task()
    s_0 = np.linspace(-1, 1, 20)
    grid = np.linspace(-1, 1, 5)
    given_arrays = [x, t, s_0, grid]
    before = copy.deepcopy(given_arrays)
    for array in given_arrays:
        array.flags.writeable = False
    net = rnnlib.LinearRNN(1.1, 0.9)
    net.states(x, s_0)
    net.gradient_over_time(x, t, s_0)
    net.loss_and_grads(x, t, s_0)
    rnnlib.loss_surface(x, t, grid, grid)
    assert all(map(np.array_equal, given_arrays, before))
    assert net.params == {"w_x": 1.1, "w_rec": 0.9}


def test_what_is_returned_is_the_callers_to_keep():
    x, t = rnnlib.published_counting_task()
    s_0 = np.linspace(-1, 1, 20)
    net = rnnlib.LinearRNN(1.1, 0.9)

    def results():
        loss, grads, state = net.loss_and_grads(x, t, s_0)
        arrays = [grads["w_x"], grads["w_rec"], state]
        arrays += [net.states(x, s_0), net.gradient_over_time(x, t, s_0)]
        arrays += [rnnlib.loss_surface(x, t, t, t)]
        return loss, arrays

    loss, first = results()
    before = copy.deepcopy(first)
    for param in net.params.values():
        param += 1  # a step of training, and then a second call
    results()
    assert all(map(np.array_equal, first, before))
    for param in net.params.values():
        param -= 1
    for array in first:
        assert not any(np.shares_memory(array, other) for other in (x, t, s_0))
        assert not any(np.shares_memory(array, param) for param in net.params.values())
        array += 1  # what the caller does with a result is nobody else's business
    loss_again, again = results()
    assert loss_again == pytest.approx(loss, rel=1e-12)  # 1.1 + 1 − 1 is rounded
    assert all(np.allclose(a, b, rtol=1e-12, atol=0) for a, b in zip(again, before, strict=True))


def test_the_types_of_the_results_are_those_of_the_protocol():
    x, t = rnnlib.published_counting_task()
    net = rnnlib.LinearRNN(1, 2)
    loss, grads, state = net.loss_and_grads(x, t)
    assert type(loss) is float
    assert list(grads) == list(net.params) == ["w_x", "w_rec"]
    for name, grad in grads.items():
        assert isinstance(grad, np.ndarray)
        assert grad.shape == net.params[name].shape == ()
        assert grad.dtype == net.params[name].dtype == np.float64
    assert state.shape == (20,)
    assert state.base is None  # carried on, it does not keep all earlier states in memory


def test_two_networks_from_the_same_weights_share_nothing():
    weight = np.array(1.0)
    first, second = rnnlib.LinearRNN(weight, weight), rnnlib.LinearRNN(weight, weight)
    first.params["w_x"] += 1
    assert first.params == {"w_x": 2, "w_rec": 1}
    assert second.params == {"w_x": 1, "w_rec": 1}
    assert weight == 1


@pytest.mark.parametrize("kind", [int, bool, np.int8, np.float32, list])
def test_whole_numbers_booleans_and_lists_are_accepted(kind):
    x, t = rnnlib.published_counting_task()
    as_kind = (lambda a: a.tolist()) if kind is list else (lambda a: a.astype(kind))
    net = rnnlib.LinearRNN(2, 1)
    wanted = rnnlib.LinearRNN(2.0, 1.0).loss_and_grads(x, t > 4)
    loss, grads, state = net.loss_and_grads(as_kind(x), as_kind(t > 4))
    assert (loss, grads) == wanted[:2]
    assert np.array_equal(state, wanted[2])


# Bad input: every argument says its own name, what came, and what was expected

X, ROW = np.ones((4, 3)), np.ones(3)
NET = rnnlib.LinearRNN(1, 1)
CALLS = {
    "states inputs": (2, lambda bad: NET.states(bad)),
    "states state": (1, lambda bad: NET.states(X, bad)),
    "loss_and_grads inputs": (2, lambda bad: NET.loss_and_grads(bad, ROW)),
    "loss_and_grads targets": (1, lambda bad: NET.loss_and_grads(X, bad)),
    "loss_and_grads state": (1, lambda bad: NET.loss_and_grads(X, ROW, bad)),
    "gradient_over_time inputs": (2, lambda bad: NET.gradient_over_time(bad, ROW)),
    "gradient_over_time targets": (1, lambda bad: NET.gradient_over_time(X, bad)),
    "gradient_over_time state": (1, lambda bad: NET.gradient_over_time(X, ROW, bad)),
    "loss_surface inputs": (2, lambda bad: rnnlib.loss_surface(bad, ROW, ROW, ROW)),
    "loss_surface targets": (1, lambda bad: rnnlib.loss_surface(X, bad, ROW, ROW)),
    "loss_surface w_x": (1, lambda bad: rnnlib.loss_surface(X, ROW, bad, ROW)),
    "loss_surface w_rec": (1, lambda bad: rnnlib.loss_surface(X, ROW, ROW, bad)),
    "LinearRNN w_x": (0, lambda bad: rnnlib.LinearRNN(bad, 1)),
    "LinearRNN w_rec": (0, lambda bad: rnnlib.LinearRNN(1, bad)),
}


BAD = {
    "one axis more": (lambda good: good[None], ValueError, ["axes", "shape"]),
    "NaN": (lambda good: good * np.nan, ValueError, ["finite", "nan"]),
    "infinity": (lambda good: good * -np.inf, ValueError, ["finite", "-inf"]),
    "text": (lambda good: "text", TypeError, ["real numbers", "text"]),
    "complex": (lambda good: good + 1j, TypeError, ["real numbers", "complex"]),
    "empty": (lambda good: good[:0], ValueError, ["at least one", "shape"]),
}


@pytest.mark.parametrize(
    ("which", "bad"),
    [(w, b) for w in CALLS for b in BAD if CALLS[w][0] > 0 or b != "empty"],
)
def test_bad_input_is_refused_by_its_name(which, bad):
    ndim, call = CALLS[which]
    spoil, error, words = BAD[bad]
    with pytest.raises(error) as caught:
        call(spoil((np.array(1.0), ROW, X)[ndim]))
    message = str(caught.value)
    assert message.startswith(which.split()[1] + ": expected ")
    assert "got" in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("which", [w for w in CALLS if w.endswith(("targets", "state"))])
@pytest.mark.parametrize("length", [1, 2, 4])
def test_one_number_per_sequence_is_wanted_and_never_broadcast(which, length):
    name = which.split()[1]
    with pytest.raises(ValueError, match=rf"^{name}: .* each of the 3 sequences, got {length}$"):
        CALLS[which][1](np.ones(length))
