"""Loss and gradients of the sequence models: against `oracle`, finite differences, and PyTorch."""

import itertools

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import Case, build, with_data

import rnnlib

CELLS = ("tanh", "lstm", "gru")
LOSSES = ("softmax", "sigmoid", "squared")
TRUNCATIONS = ("full", "chunks", "steps-back", "overlap")
CHOICES = {
    "cell": CELLS,
    "loss": LOSSES,
    "truncation": TRUNCATIONS,
    "outputs": ("all", "last"),
    "reduction": ("sum", "mean"),
    "initial": ("zero", "given", "learned", "overridden"),
    "reads": ("ids", "vectors"),
    "wants": ("ids", "distributions"),  # with softmax alone
    "masked": (False, True),
    "has_d_state": (False, True),
}

each_cell = pytest.mark.parametrize("cell", CELLS)


def truncated(case, rng):
    """The case with numbers for its truncation, some of them longer than the sequence."""
    steps = int(rng.integers(1, case.sizes[0] + 2))
    if case.truncation == "full":
        return case
    if case.truncation != "overlap":
        return case.changed(steps=steps)
    return case.changed(steps=steps, stride=int(rng.integers(1, steps + 1)))


def chosen(seed):
    """All of cell × loss × truncation, each with random other choices and sizes."""
    rng = np.random.default_rng(seed)
    for cell, loss, truncation in itertools.product(CELLS, LOSSES, TRUNCATIONS):
        free = {n: v for n, v in CHOICES.items() if n not in ("cell", "loss", "truncation")}
        picked = {name: values[rng.integers(len(values))] for name, values in free.items()}
        T, B, D, H, V = (int(rng.integers(low, high + 1)) for low, high in
                         ((3, 5), (1, 3), (2, 5), (2, 4), (2, 5)))  # fmt: skip
        case = Case(cell, loss, truncation=truncation, sizes=(T, B, D, H, V), **picked)
        yield truncated(case, rng).changed(seed=int(rng.integers(10**6)))


CASES = [*chosen(2), *chosen(1002)]
assert len(set(CASES)) == len(CASES)


def name_of(case):
    words = [case.cell, case.loss, case.outputs, case.reduction, case.initial, case.reads]
    words += ["masked"] * case.masked + ["d_state"] * case.has_d_state
    words += [str(n) for n in (case.truncation, case.steps, case.stride) if n is not None]
    return "-".join(words)


@st.composite
def cases(draw, **fixed):
    """Any case of small sizes, every size being 1 now and then; its data comes from a seed."""
    picked = {name: draw(st.sampled_from(values)) for name, values in CHOICES.items()} | fixed
    least = picked.pop("least_length", 1)
    sizes = (draw(st.integers(least, 5)), *(draw(st.integers(1, 4)) for _ in range(4)))
    case = Case(**picked, sizes=sizes, seed=draw(st.integers(0, 999)))
    return with_data(truncated(case, np.random.default_rng(case.seed)))


def assert_close(value, wanted, tolerance, what=""):
    """Apart by no more than `tolerance` of the largest number.

    Where all are 0, a sum of terms near 1 that cancel leaves a few times 1e-16: 1e-14 is for it.
    """
    value, wanted = np.asarray(value), np.asarray(wanted)
    assert value.shape == wanted.shape, what
    gap, size = np.abs(value - wanted), np.max(np.abs(wanted), initial=0)
    assert np.all(gap <= tolerance * size + 1e-14), (what, value, wanted)


def assert_agrees(case, model):
    """Everything that the model says about the case is what the oracle says."""
    wanted = oracle.solve(case)
    loss, grads, last = model.loss_and_grads(**case.data, **case.options)
    over_time = model.gradient_over_time(**case.data, **case.options)
    evaluated, last_2 = model.evaluate(**case.data)
    p, last_3 = model.predict(**case.reading)
    assert type(loss) is type(evaluated) is float
    assert_close(loss, wanted.loss, 1e-12, "loss")
    assert_close(evaluated, wanted.loss, 1e-12, "evaluate")
    assert list(grads) == list(model.params) and grads.keys() == wanted.grads.keys()
    for name, grad in grads.items():
        assert grad.dtype == np.float64
        assert_close(grad, wanted.grads[name], 1e-10, name)
    for state in (last, last_2, last_3):
        assert_close(state, wanted.last, 1e-12, "last state")
    assert_close(model.states(**case.reading), wanted.h, 1e-12, "states")
    assert_close(over_time.h, wanted.h, 1e-12, "h")
    # What the network would answer at a step that does not exist is nobody's business.
    there = ... if case.mask is None or case.outputs == "last" else case.mask
    assert over_time.o.shape == p.shape == wanted.o.shape
    assert_close(over_time.o[there], wanted.o[there], 1e-12, "o")
    assert_close(p[there], probabilities(case.loss, wanted.o)[there], 1e-12, "p")
    for name in ("do", "dh", "da", "dx", "d_state"):
        assert_close(getattr(over_time, name), getattr(wanted, name), 1e-10, name)


def probabilities(loss, o):
    if loss == "softmax":
        exp = np.exp(o - np.max(o, axis=-1, keepdims=True))
        return exp / np.sum(exp, axis=-1, keepdims=True)
    return (1 + np.tanh(o / 2)) / 2 if loss == "sigmoid" else o


def slopes(function, array, eps=1e-5):
    """Central differences of a function of one array, which is nudged and put back."""
    found = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        here = array[index]
        array[index] = here + eps
        above = function()
        array[index] = here - eps
        found[index] = (above - function()) / (2 * eps)
        array[index] = here
    return found


# Against the oracle


def test_every_pair_of_choices_is_among_the_cases():
    for (one, ones), (other, others) in itertools.combinations(CHOICES.items(), 2):
        for pair in itertools.product(ones, others):
            if "distributions" in pair and pair[0] in ("sigmoid", "squared"):
                continue  # there are no others with these losses
            assert any((getattr(c, one), getattr(c, other)) == pair for c in CASES), pair


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_loss_states_and_gradients_are_those_of_automatic_differentiation(case):
    case = with_data(case)
    assert_agrees(case, build(case, rnnlib.RNN))


@given(cases())
def test_so_they_are_for_sizes_down_to_one(case):
    assert_agrees(case, build(case, rnnlib.RNN))


@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_so_they_are_when_every_size_is_one(cell, loss):
    case = with_data(Case(cell, loss, initial="learned", reads="vectors", sizes=(1, 1, 1, 1, 1)))
    assert_agrees(case, build(case, rnnlib.RNN))


@each_cell
def test_so_they_are_for_a_second_case_of_other_sizes_and_the_first_again(cell):
    # One model is used for all three: nothing may be left over from a call to the next.
    small = with_data(Case(cell, masked=True, initial="given", sizes=(3, 1, 3, 2, 4)))
    large = with_data(Case(cell, reads="vectors", sizes=(6, 3, 3, 2, 4)))
    model = build(small, rnnlib.RNN)
    for case in (small, large, small):
        assert_agrees(case.changed(params=small.params), model)


# Against central differences: the oracle could be wrong, too

# Short sequences, so that no gradient is as small as the rounding of the loss.
FULL = [
    case.changed(has_d_state=False, sizes=(3, 2, 3, 3, 3))
    for case in CASES
    if case.truncation == "full"
]
FULL += [
    Case(cell, loss, masked=True, initial=initial, reads="vectors", sizes=(3, 2, 2, 3, 2))
    for (cell, loss), initial in zip(
        itertools.product(CELLS, LOSSES), itertools.cycle(("given", "learned")), strict=False
    )
]


@pytest.mark.parametrize("case", FULL, ids=name_of)
def test_gradients_are_those_of_finite_differences(case):
    case = with_data(case)
    model = build(case, rnnlib.RNN)
    if case.initial == "overridden":
        errors = check_all_but_learned(model, case)
    else:
        errors = rnnlib.check_gradients(model, **case.data)
    assert errors.keys() == model.params.keys()
    over_time = model.gradient_over_time(**case.data)
    if case.reads == "vectors":
        measured = slopes(lambda: model.evaluate(**case.data)[0], case.inputs)
        assert rnnlib.relative_error(over_time.dx, measured) <= 1e-7
    if case.state is not None:
        measured = slopes(lambda: model.evaluate(**case.data)[0], case.state)
        assert rnnlib.relative_error(over_time.d_state, measured) <= 1e-7


def check_all_but_learned(model, case):
    """The states that a given state overrides have no gradient: there, exactly 0 on both sides."""
    grads = model.loss_and_grads(**case.data)[1]
    measured = {
        name: slopes(lambda: model.evaluate(**case.data)[0], param)
        for name, param in model.params.items()
    }
    assert not any(np.any(grads[n]) or np.any(measured[n]) for n in ("h_0", "c_0") if n in grads)
    errors = {name: rnnlib.relative_error(grads[name], measured[name]) for name in grads}
    assert max(errors.values()) <= 1e-7, errors
    return errors


@pytest.mark.parametrize("outputs", ["all", "last"])
@each_cell
def test_with_d_state_the_gradient_is_that_of_the_loss_plus_its_product_with_the_last_state(
    cell, outputs
):
    case = with_data(
        Case(cell, outputs=outputs, initial="learned", reads="vectors", masked=True)
        .changed(has_d_state=True, sizes=(3, 2, 2, 2, 3))
    )  # fmt: skip
    model = build(case, rnnlib.RNN)

    def total():
        loss, last = model.evaluate(**case.data)
        return loss + np.sum(case.d_state * last)

    loss, grads, _ = model.loss_and_grads(**case.data, **case.options)
    assert loss == pytest.approx(model.evaluate(**case.data)[0], rel=1e-12)  # of L alone
    for name, param in model.params.items():
        assert rnnlib.relative_error(grads[name], slopes(total, param)) <= 1e-7, name
    over_time = model.gradient_over_time(**case.data, **case.options)
    assert rnnlib.relative_error(over_time.dx, slopes(total, case.inputs)) <= 1e-7


@pytest.mark.parametrize(
    ("truncation", "steps", "stride"),
    [("chunks", 2, None), ("steps-back", 1, None), ("steps-back", 3, None), ("overlap", 3, 2)],
)
@each_cell
def test_a_truncated_gradient_is_that_of_pieces_which_start_from_constants(
    cell, truncation, steps, stride
):
    T = 5
    case = with_data(
        Case(cell, truncation=truncation, steps=steps, stride=stride, initial="learned")
        .changed(reads="vectors", sizes=(T, 2, 2, 2, 3), seed=3)
    )  # fmt: skip
    model = build(case, rnnlib.RNN)
    # (first step that the gradient reaches, first loss, end of the losses), written out by hand.
    pieces = {
        "chunks": [(0, 0, 2), (2, 2, 4), (4, 4, 5)],
        "steps-back": [(max(t - steps, 0), t, t + 1) for t in range(T)],
        "overlap": [(0, 0, 2), (1, 2, 4), (2, 4, 5)],
    }[truncation]
    starts = {
        start: model.predict(case.inputs[:start])[1] if start else None for start, _, _ in pieces
    }

    def loss():
        total = 0
        for start, begin, end in pieces:
            x, y, state = case.inputs, case.targets, starts[start]
            total += model.evaluate(x[start:end], y[start:end], state)[0]
            if begin > start:  # these losses belong to earlier pieces
                total -= model.evaluate(x[start:begin], y[start:begin], state)[0]
        return total

    whole, grads, _ = model.loss_and_grads(**case.data, **case.options)
    assert loss() == pytest.approx(whole, rel=1e-12)
    for name, param in model.params.items():
        assert rnnlib.relative_error(grads[name], slopes(loss, param)) <= 1e-7, name
    dx = model.gradient_over_time(**case.data, **case.options).dx
    assert rnnlib.relative_error(dx, slopes(loss, case.inputs)) <= 1e-7


# How the truncations are related


def assert_same_gradients(case, one, other):
    """Two ways to truncate (name, steps, stride) give the same of everything."""
    model = build(case, rnnlib.RNN)
    results = []
    for truncation, steps, stride in (one, other):
        options = dict(truncation=truncation, steps=steps, stride=stride, d_state=case.d_state)
        loss, grads, last = model.loss_and_grads(**case.data, **options)
        over_time = model.gradient_over_time(**case.data, **options)
        results.append({"loss": loss, "last": last, **grads, **over_time._asdict()})
    first, second = results
    assert first.keys() == second.keys()
    for name in first:
        assert_close(first[name], second[name], 1e-12, name)


@given(cases(truncation="full"), st.data())
def test_chunks_of_k_are_overlap_of_k_and_k_when_k_divides_the_length(case, data):
    k = data.draw(st.sampled_from([k for k in range(1, 6) if len(case.inputs) % k == 0]))
    assert_same_gradients(case, ("chunks", k, None), ("overlap", k, k))


@given(cases(truncation="full"), st.integers(1, 6))
def test_k_steps_back_is_overlap_of_k_plus_one_and_one(case, k):
    assert_same_gradients(case, ("steps-back", k, None), ("overlap", k + 1, 1))


@given(cases(truncation="full"), st.integers(0, 3), st.integers(1, 8))
def test_with_as_many_steps_as_the_sequence_nothing_is_cut(case, more, stride):
    k = len(case.inputs) + more
    for truncated in (("chunks", k, None), ("steps-back", k, None), ("overlap", k, min(stride, k))):
        assert_same_gradients(case, truncated, ("full", None, None))


@given(cases(truncation="steps-back", least_length=2))
def test_one_step_fewer_back_than_there_are_before_cuts_nothing_either(case):
    k = len(case.inputs) - 1
    assert_same_gradients(case, ("steps-back", k, None), ("full", None, None))


@given(cases(outputs="all", reduction="sum", masked=False, truncation="chunks"))
def test_chunks_are_separate_calls_that_carry_the_state(case):
    model = build(case, rnnlib.RNN)
    loss, grads, last = model.loss_and_grads(**case.data, **case.options)
    loss_2, grads_2, state = 0.0, {n: np.zeros_like(grad) for n, grad in grads.items()}, case.state
    T = len(case.inputs)
    for start in range(0, T, case.steps):
        end = min(start + case.steps, T)
        piece, more, state = model.loss_and_grads(
            case.inputs[start:end], case.targets[start:end], state,
            d_state=case.d_state if end == T else None,
        )  # fmt: skip
        loss_2 += piece
        grads_2 = {name: grads_2[name] + more[name] for name in grads}
    assert_close(loss, loss_2, 1e-12)
    assert_close(last, state, 1e-12)
    for name in grads:
        assert_close(grads[name], grads_2[name], 1e-11, name)


@each_cell
def test_a_truncation_changes_the_gradient_and_nothing_else(cell):
    case = with_data(Case(cell, sizes=(6, 2, 3, 3, 4)))
    model = build(case, rnnlib.RNN)
    loss, grads, last = model.loss_and_grads(**case.data)
    for options in (
        {"truncation": "chunks", "steps": 2},
        {"truncation": "steps-back", "steps": 2},
        {"truncation": "overlap", "steps": 3, "stride": 2},
    ):
        loss_2, grads_2, last_2 = model.loss_and_grads(**case.data, **options)
        assert loss_2 == loss and np.array_equal(last_2, last)
        assert rnnlib.relative_error(grads_2["W_hh"], grads["W_hh"]) > 1e-3
        # The readout sees no time: its gradient is whole.
        assert_close(grads_2["W_hy"], grads["W_hy"], 1e-12)
        assert_close(grads_2["b_y"], grads["b_y"], 1e-12)


# Against PyTorch, where it is installed


@pytest.mark.parametrize("initial", ["zero", "given", "learned"])
@pytest.mark.parametrize("loss", LOSSES)
@each_cell
def test_loss_and_gradients_are_those_of_pytorch(cell, loss, initial):
    torch = pytest.importorskip("torch", reason="PyTorch is not needed; it is one more oracle")
    case = with_data(
        Case(cell, loss, reduction="mean", initial=initial, reads="vectors", sizes=(5, 3, 2, 4, 3))
    )
    _, B, D, H, _ = case.sizes
    model = build(case, rnnlib.RNN)

    def tensor(array, moving=True):
        return torch.tensor(array, requires_grad=moving)

    own = {name: tensor(param) for name, param in case.params.items()}
    x = tensor(case.inputs)
    state = torch.zeros((2, B, H), dtype=torch.float64)
    if initial == "given":
        state[: 2 if cell == "lstm" else 1] = torch.tensor(case.state)
    state.requires_grad_()
    h_0, c_0 = state[:1], state[1:]
    if initial == "learned":
        h_0 = h_0 + own["h_0"]
        c_0 = c_0 + own.get("c_0", 0)
    network = {"tanh": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    network = network(D, H, dtype=torch.float64)
    bias_hh = torch.zeros_like(own["b_h"])
    if cell == "gru":
        bias_hh = torch.cat([bias_hh[: 2 * H], own["b_hn"]])
    weights = {
        "weight_ih_l0": own["W_xh"],
        "weight_hh_l0": own["W_hh"],
        "bias_ih_l0": own["b_h"],
        "bias_hh_l0": bias_hh,
    }
    start = (h_0, c_0) if cell == "lstm" else h_0
    h, last = torch.func.functional_call(network, weights, (x, start))
    o = h @ own["W_hy"].T + own["b_y"]
    y = tensor(case.targets, False)
    if loss == "softmax":
        total = torch.nn.functional.cross_entropy(o.flatten(0, 1), y.flatten())
    elif loss == "sigmoid":
        total = torch.nn.functional.binary_cross_entropy_with_logits(o, y) * o.shape[-1]
    else:
        total = torch.nn.functional.mse_loss(o, y) * o.shape[-1]
    total.backward()

    value, grads, last_own = model.loss_and_grads(**case.data)
    over_time = model.gradient_over_time(**case.data)
    last = torch.cat(last) if cell == "lstm" else last[0]
    d_state = state.grad if cell == "lstm" else state.grad[0]
    assert_close(value, total.item(), 1e-12, "loss")
    assert_close(last_own, last.detach().numpy(), 1e-12, "last state")
    assert_close(over_time.h[1:], h.detach().numpy(), 1e-12, "h")
    for name in grads:
        assert_close(grads[name], own[name].grad.numpy(), 1e-10, name)
    assert_close(over_time.dx, x.grad.numpy(), 1e-10, "dx")
    assert_close(over_time.d_state, d_state.numpy(), 1e-10, "d_state")
