"""What must hold for every sequence model, whatever its weights: no oracle, only symmetries."""

import copy
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from oracle import Case, build, with_data
from test_model_gradients import CELLS, LOSSES, assert_close, cases, each_cell, probabilities

import rnnlib

each_loss = pytest.mark.parametrize("loss", LOSSES)


def everything(model, case):
    """All that the model says about a case, as a flat dict of arrays and numbers."""
    loss, grads, last = model.loss_and_grads(**case.data, **case.options)
    over_time = model.gradient_over_time(**case.data, **case.options)
    evaluated, last_2 = model.evaluate(**case.data)
    p, last_3 = model.predict(**case.reading)
    results = {"loss": loss, "last": last, "evaluated": evaluated, "p": p}
    results |= {"last of evaluate": last_2, "last of predict": last_3}
    results |= {f"grads of {name}": grad for name, grad in grads.items()}
    results |= {f"{name} over time": array for name, array in over_time._asdict().items()}
    return results | {"states": model.states(**case.reading)}


def arrays_in(results):
    return {name: value for name, value in results.items() if isinstance(value, np.ndarray)}


def assert_all_close(results, wanted, tolerance=1e-11):
    assert results.keys() == wanted.keys()
    for name in results:
        assert_close(results[name], wanted[name], tolerance, name)


def assert_identical(results, wanted):
    assert results.keys() == wanted.keys()
    for name in results:
        assert np.array_equal(results[name], wanted[name]), name


# Symmetries


@given(cases(), st.data())
def test_the_order_of_the_sequences_in_the_batch_does_not_matter(case, data):
    order = data.draw(st.permutations(range(case.sizes[1])))
    model = build(case, rnnlib.RNN)

    def shuffled(array, axis):
        return None if array is None else np.take(array, order, axis)

    of_state = 1 if case.cell == "lstm" else 0
    other = case.changed(
        inputs=shuffled(case.inputs, 1),
        targets=shuffled(case.targets, 0 if case.outputs == "last" else 1),
        mask=shuffled(case.mask, 1),
        state=shuffled(case.state, of_state),
        d_state=shuffled(case.d_state, of_state),
    )
    wanted = everything(model, case)
    for name in wanted:
        if "last" in name or name == "d_state over time":
            wanted[name] = shuffled(wanted[name], of_state)
        elif name == "states" or "over time" in name or name == "p":
            answers = name in ("p", "o over time", "do over time") and case.outputs == "last"
            wanted[name] = shuffled(wanted[name], 0 if answers else 1)
    assert_all_close(everything(model, other), wanted)


@given(cases(outputs="all", reduction="sum", truncation="full", least_length=2), st.data())
def test_a_sequence_in_two_parts_has_the_same_loss_and_the_same_gradients(case, data):
    cut = data.draw(st.integers(1, len(case.inputs) - 1))
    if case.mask is not None:
        case.mask[0, 0] = case.mask[-1, 0] = True  # both parts have a step that counts
    model = build(case, rnnlib.RNN)

    def part(of, state, d_state):
        mask = None if case.mask is None else case.mask[of]
        data = {"inputs": case.inputs[of], "targets": case.targets[of], "mask": mask}
        return case.changed(**data, state=state, d_state=d_state)

    wanted = everything(model, case)
    first = part(slice(cut), case.state, None)
    loss, _, carried = model.loss_and_grads(**first.data)
    second = part(slice(cut, None), carried, case.d_state)
    later = everything(model, second)
    # The gradient with respect to the state between them is what the first part has to know.
    first = first.changed(d_state=later["d_state over time"])
    earlier = everything(model, first)
    assert earlier["loss"] == loss
    assert_close(earlier["loss"] + later["loss"], wanted["loss"], 1e-12)
    assert_close(later["last"], wanted["last"], 1e-12)
    for name in model.params:
        name = f"grads of {name}"
        assert_close(earlier[name] + later[name], wanted[name], 1e-11, name)
    assert_close(earlier["d_state over time"], wanted["d_state over time"], 1e-11)
    for name in ("dx over time", "da over time"):
        assert_close(np.concatenate([earlier[name], later[name]]), wanted[name], 1e-11, name)


def with_garbage(case, places, data):
    """The case with steps inserted before `places` that the mask leaves out, full of garbage."""
    T, B, D, _, _ = case.sizes
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    mask = np.ones((T, B), bool) if case.mask is None else case.mask
    n = len(places)
    if case.reads == "ids":
        garbage = rng.integers(D, size=(n, B))
    else:
        garbage = rng.normal(size=(n, B, D)) * 1e6
    changes = {"inputs": np.insert(case.inputs, places, garbage, axis=0)}
    changes["mask"] = np.insert(mask, places, False, axis=0)
    if case.outputs == "all":
        # Any rows of the targets are allowed as targets.
        garbage = case.targets[rng.integers(T, size=n)]
        changes["targets"] = np.insert(case.targets, places, garbage, axis=0)
    return case.changed(**changes)


def same_but_for_steps_left_out(case, other):
    model = build(case, rnnlib.RNN)
    wanted, found = everything(model, case), everything(model, other)
    for name in ("loss", "evaluated", "last", "last of evaluate", "last of predict"):
        assert_close(found[name], wanted[name], 1e-12, name)
    for name in model.params:
        name = f"grads of {name}"
        assert_close(found[name], wanted[name], 1e-11, name)
    assert_close(found["d_state over time"], wanted["d_state over time"], 1e-11)


@given(cases(truncation="full"), st.data())
def test_steps_that_the_mask_leaves_out_change_nothing_wherever_they_are(case, data):
    T = len(case.inputs)
    places = sorted(data.draw(st.lists(st.integers(0, T), min_size=1, max_size=3)))
    same_but_for_steps_left_out(case, with_garbage(case, places, data))


@given(cases(outputs="all", has_d_state=False), st.integers(1, 3), st.data())
def test_padding_on_the_right_changes_nothing(case, n, data):
    if case.truncation == "overlap":  # its last piece reaches back from the end of the array
        case = case.changed(stride=1)
    same_but_for_steps_left_out(case, with_garbage(case, [len(case.inputs)] * n, data))


@given(cases(masked=True))
def test_what_stands_at_steps_left_out_is_never_looked_at(case):
    case.mask[0, 0] = False
    case.mask[-1, 0] = True  # if T = 1 and B = 1, there is no step to leave out
    other = case.changed(inputs=case.inputs.copy(), targets=case.targets.copy())
    left_out = ~case.mask
    other.inputs[left_out] = (case.sizes[2] - 1) - other.inputs[left_out]
    if case.outputs == "all":
        other.targets[left_out] = np.roll(other.targets, 1, axis=0)[left_out]
    model = build(case, rnnlib.RNN)
    wanted, found = everything(model, case), everything(model, other)
    for name in ("p", "o over time"):  # what is answered there has no meaning
        there = ... if case.outputs == "last" else case.mask
        wanted[name], found[name] = wanted[name][there], found[name][there]
    assert_identical(found, wanted)


@given(cases(masked=True, truncation="full"))
def test_at_a_step_left_out_the_state_is_carried_over_and_the_gradient_carried_back(case):
    model = build(case, rnnlib.RNN)
    over_time = model.gradient_over_time(**case.data, **case.options)
    left_out = ~case.mask
    assert np.array_equal(over_time.h[1:][left_out], over_time.h[:-1][left_out])
    # What a state owes to its own answer comes on top of what is carried back to it.
    own = np.zeros_like(over_time.dh)
    if case.outputs == "all":
        own[1:] = over_time.do @ model.params["W_hy"]
    carried = over_time.dh[1:] + own[:-1]
    assert_close(over_time.dh[:-1][left_out], carried[left_out], 1e-12)
    assert not np.any(over_time.da[left_out]) and not np.any(over_time.dx[left_out])
    if case.outputs == "all":
        assert not np.any(over_time.do[left_out])


@given(cases(masked=False))
def test_a_mask_of_true_alone_is_no_mask(case):
    model = build(case, rnnlib.RNN)
    other = case.changed(mask=np.ones(case.sizes[:2], bool))
    assert_all_close(everything(model, other), everything(model, case))


@given(cases(initial="learned", truncation="full"), cases(initial="zero", truncation="full"))
def test_states_of_zeros_and_learned_ones_can_be_given_just_as_well(learned, zero):
    _, B, _, H, _ = learned.sizes
    names = ("h_0", "c_0") if learned.cell == "lstm" else ("h_0",)
    rows = np.array([np.tile(learned.params[name], (B, 1)) for name in names])
    given_too = learned.changed(state=rows if learned.cell == "lstm" else rows[0])
    model = build(learned, rnnlib.RNN)
    wanted, found = everything(model, learned), everything(model, given_too)
    d_rows = wanted["d_state over time"].reshape(len(names), B, H)
    for i, name in enumerate(names):
        # The learned state is that of all sequences: its gradient is the sum of theirs.
        assert_close(wanted.pop(f"grads of {name}"), d_rows[i].sum(axis=0), 1e-12)
        assert not np.any(found.pop(f"grads of {name}"))
    assert_all_close(found, wanted)
    model = build(zero, rnnlib.RNN)
    zeros = np.zeros_like(model.loss_and_grads(**zero.data)[2])
    assert_identical(everything(model, zero.changed(state=zeros)), everything(model, zero))


# One thing said in two ways


@given(cases(reduction="sum"))
def test_the_sum_is_the_mean_times_the_number_of_places(case):
    T, B = case.sizes[:2]
    n = B if case.outputs == "last" else T * B if case.mask is None else np.sum(case.mask)
    mean = build(case.changed(reduction="mean"), rnnlib.RNN)
    if case.has_d_state:
        mean_case = case.changed(d_state=case.d_state / n)
    else:
        mean_case = case
    wanted = everything(build(case, rnnlib.RNN), case)
    found = everything(mean, mean_case)
    for name in wanted:
        if name in ("loss", "evaluated") or name.startswith(("grads", "d")):
            found[name] = found[name] * n
    assert_all_close(found, wanted)


@given(cases(loss="softmax", wants="ids"))
def test_ids_as_targets_are_one_hot_distributions(case):
    one_hot = np.eye(case.sizes[4])[case.targets]
    model = build(case, rnnlib.RNN)
    other = everything(model, case.changed(targets=one_hot))
    assert_all_close(other, everything(model, case), 1e-12)


@given(cases(reads="ids"))
def test_ids_as_inputs_are_one_hot_vectors(case):
    one_hot = np.eye(case.sizes[2])[case.inputs]
    model = build(case, rnnlib.RNN)
    other = everything(model, case.changed(inputs=one_hot))
    assert_all_close(other, everything(model, case), 1e-12)


@pytest.mark.parametrize("size", [2, 255, 256, 257, 300])
@pytest.mark.parametrize("kind", [np.int64, np.int16, np.uint8, np.uint64, ">i4", list])
def test_ids_of_every_kind_are_one_hot_vectors_however_many_there_are(size, kind):
    case = with_data(Case("gru", masked=True, sizes=(6, 3, size, 2, 3)))
    ids = case.inputs % 128
    ids[0] = ids[1] = ids[2, 0] = min(size - 1, 255)  # one id comes several times
    model = build(case, rnnlib.RNN)
    wanted = everything(model, case.changed(inputs=np.eye(size)[ids]))
    as_kind = ids.tolist() if kind is list else ids.astype(kind)
    assert_all_close(everything(model, case.changed(inputs=as_kind)), wanted)
    largest = case.changed(inputs=np.full((6, 3), size - 1))
    wanted = everything(model, case.changed(inputs=np.eye(size)[largest.inputs]))
    assert_all_close(everything(model, largest), wanted)


@given(cases(), st.booleans())
def test_lists_and_arrays_of_any_layout_are_read_alike(case, as_lists):
    names = ("inputs", "targets", "state", "mask", "d_state")

    def changed(array):
        if array is None:
            return None
        if as_lists:
            return array.tolist()
        spread = np.zeros((*array.shape, 2), array.dtype, order="F")
        spread[..., 1] = array
        return spread[..., 1]  # neither C nor Fortran, and with gaps

    model = build(case, rnnlib.RNN)
    other = case.changed(**{name: changed(getattr(case, name)) for name in names})
    assert_identical(everything(model, other), everything(model, case))


@given(cases())
def test_parameters_of_any_layout_are_read_alike(case):
    model = build(case, rnnlib.RNN)
    other = build(case, rnnlib.RNN)
    for name, param in other.params.items():
        other.params[name] = np.asfortranarray(param) if name != "W_xh" else param.copy("C")
    assert_all_close(everything(other, case), everything(model, case), 1e-12)


# The methods agree with each other


@given(cases())
def test_what_the_methods_say_about_the_same_thing_is_the_same(case):
    model = build(case, rnnlib.RNN)
    found = everything(model, case)
    assert found["loss"] == found["evaluated"]
    assert np.array_equal(found["last"], found["last of evaluate"])
    assert np.array_equal(found["last"], found["last of predict"])
    assert np.array_equal(found["states"], found["h over time"])
    h = found["last"][0] if case.cell == "lstm" else found["last"]
    assert np.array_equal(found["states"][-1], h)
    assert_close(found["p"], probabilities(case.loss, found["o over time"]), 1e-12)
    d_h = found["d_state over time"]
    assert np.array_equal(found["dh over time"][0], d_h[0] if case.cell == "lstm" else d_h)


@given(cases())
def test_the_loss_can_be_computed_from_what_predict_says(case):
    model = build(case, rnnlib.RNN)
    loss, _ = model.evaluate(**case.data)
    p, y = model.predict(**case.reading)[0], case.targets
    if case.loss == "softmax":
        if y.ndim < p.ndim:
            y = np.eye(p.shape[-1])[y]
        of_each = -np.sum(y * np.log(p), axis=-1)
        assert np.all(p >= 0) and np.allclose(p.sum(axis=-1), 1, rtol=0, atol=1e-14)
    elif case.loss == "sigmoid":
        of_each = -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p), axis=-1)
    else:
        of_each = np.sum((p - y) ** 2, axis=-1)
    if case.mask is not None and case.outputs == "all":
        of_each = of_each[case.mask]
    total = np.sum(of_each) if case.reduction == "sum" else np.mean(of_each)
    assert loss == pytest.approx(total, rel=1e-11, abs=1e-12)


# Whose arrays are whose


@given(cases(), cases())
def test_nothing_that_is_given_is_ever_written_to(case, other):
    model = build(case, rnnlib.RNN)
    names = ("inputs", "targets", "state", "mask", "d_state")
    given_arrays = [getattr(case, name) for name in names if getattr(case, name) is not None]
    given_arrays += model.params.values()
    before = copy.deepcopy(given_arrays)
    wanted = everything(model, case)
    assert all(map(np.array_equal, given_arrays, before))
    for array in given_arrays:
        array.flags.writeable = False
    assert_identical(everything(model, case), wanted)
    assert all(map(np.array_equal, given_arrays, before))


@given(cases(), st.integers(1, 3), st.booleans())
def test_what_is_returned_is_the_callers_to_keep(case, more, same_shape):
    model = build(case, rnnlib.RNN)
    start = copy.deepcopy(model.params)
    first = everything(model, case)
    before = copy.deepcopy(first)
    T, B, *rest = case.sizes
    sizes = case.sizes if same_shape else (T + more, B + more, *rest)
    other = with_data(case.changed(sizes=sizes, seed=case.seed + 1))
    for param in model.params.values():
        param += 0.5  # a step of training, and then further calls
    for _ in range(3):
        everything(model, other)
    assert_identical(first, before)
    for name, param in model.params.items():
        param[...] = start[name]
    inside = [*model.params.values(), case.inputs, case.targets, case.state, case.d_state]
    found = list(arrays_in(first).items())
    for i, (name, array) in enumerate(found):
        assert array.flags.writeable, name
        assert not any(np.shares_memory(array, a) for a in inside if a is not None), name
        for other_name, other_array in found[:i]:
            assert not np.shares_memory(array, other_array), (name, other_name)
    for _, array in found:
        array += 1  # what the caller does with a result is nobody else's business
    assert_identical(everything(model, case), before)


@pytest.mark.parametrize("reads", ["ids", "vectors"])
@each_cell
def test_one_row_kept_of_a_gradient_is_enough_to_keep_it(cell, reads):
    case = with_data(Case(cell, reads=reads, initial="learned"))
    model = build(case, rnnlib.RNN)
    names = list(model.params)
    kept = [model.loss_and_grads(**case.data)[1][name][:1] for name in names]
    as_views = [memoryview(model.loss_and_grads(**case.data)[1][name]) for name in names]
    before = copy.deepcopy(kept)
    for param in model.params.values():
        param += 0.5
    generations = []
    for seed in range(5):
        other = with_data(case.changed(seed=seed + 1))
        generations.append([model.loss_and_grads(**other.data)[1][name][:1] for name in names])
        assert all(map(np.array_equal, kept, before))
        assert all(map(np.array_equal, [np.asarray(v)[:1] for v in as_views], before))
    for seed, generation in enumerate(generations):
        again = model.loss_and_grads(**with_data(case.changed(seed=seed + 1)).data)[1]
        assert all(np.array_equal(generation[i], again[n][:1]) for i, n in enumerate(names))


@given(cases())
def test_what_is_kept_does_not_keep_more_in_memory_than_itself(case):
    model = build(case, rnnlib.RNN)
    for name, array in arrays_in(everything(model, case)).items():
        assert array.base is None or array.base.nbytes == array.nbytes, name


@given(cases())
def test_a_deep_copy_is_a_model_of_its_own(case):
    model = build(case, rnnlib.RNN)
    first = everything(model, case)
    before = copy.deepcopy(first)
    twin = copy.deepcopy(model)
    assert_identical(everything(twin, case), before)
    for param in twin.params.values():
        param += 1
    changed = everything(twin, case)
    changed_before = copy.deepcopy(changed)
    assert_identical(everything(model, case), before)
    assert_identical(first, before)
    assert_identical(changed, changed_before)
    assert changed["loss"] != before["loss"] or case.sizes[4] == 1


@each_cell
def test_two_models_do_not_disturb_each_other(cell):
    case = with_data(Case(cell, initial="learned"))
    other = with_data(Case(cell, initial="learned", seed=1))
    one, two = build(case, rnnlib.RNN), build(other, rnnlib.RNN)
    first = everything(one, case)
    before = copy.deepcopy(first)
    everything(two, other)
    assert_identical(first, before)
    assert_identical(everything(one, case), before)


def test_an_array_given_as_a_first_parameter_is_copied():
    W = np.arange(9.0).reshape(3, 3)
    W.flags.writeable = False
    rng = np.random.default_rng(0)
    model = rnnlib.RNN(2, 3, 2, init={"W_hh": W}, rng=rng)
    assert np.array_equal(model.params["W_hh"], W)
    assert not np.shares_memory(model.params["W_hh"], W)
    model.params["W_hh"] += 1


# How a network starts

SCHEMES = ("uniform", "fan-in", "glorot", "orthogonal", "identity")
SHAPES = {
    "tanh": {"W_xh": (4, 3), "W_hh": (4, 4), "b_h": (4,), "W_hy": (5, 4), "b_y": (5,)},
    "lstm": {"W_xh": (16, 3), "W_hh": (16, 4), "b_h": (16,), "W_hy": (5, 4), "b_y": (5,)},
    "gru": {"W_xh": (12, 3), "W_hh": (12, 4), "b_h": (12,), "W_hy": (5, 4), "b_y": (5,)},
}


@pytest.mark.parametrize("init", SCHEMES)
@each_cell
def test_the_same_seed_gives_the_same_parameters_and_another_seed_others(cell, init):
    def params(seed):
        options = {"cell": cell, "init": init, "initial_state": "learned"}
        return rnnlib.RNN(3, 4, 5, rng=np.random.default_rng(seed), **options).params

    first, again, other = params(1), params(1), params(2)
    wanted = SHAPES[cell] | {"h_0": (4,)} | ({"c_0": (4,)} if cell == "lstm" else {})
    wanted |= {"b_hn": (4,)} if cell == "gru" else {}
    assert {name: param.shape for name, param in first.items()} == wanted
    for name, param in first.items():
        assert np.array_equal(param, again[name])
        assert param.dtype == np.float64 and param.flags.writeable
        if param.ndim == 1:
            assert not np.any(param)  # biases and learned states start at 0
        elif init != "identity" or name != "W_hh":
            assert not np.array_equal(param, other[name])


def test_no_global_randomness_is_read_or_changed():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for init in SCHEMES:
        rnnlib.RNN(2, 3, 4, init=init, rng=np.random.default_rng(0))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@each_cell
def test_first_weights_fill_the_range_that_their_scheme_names(cell):
    D, H, V = 40, 30, 50

    def matrices(init):
        params = rnnlib.RNN(D, H, V, cell=cell, init=init, rng=np.random.default_rng(0)).params
        blocks = {"tanh": 1, "lstm": 4, "gru": 3}[cell]
        for name in ("W_xh", "W_hh"):
            yield from ((name, block) for block in np.split(params[name], blocks))
        yield "W_hy", params["W_hy"]

    for _, W in matrices("uniform"):
        assert 0.98 / math.sqrt(H) < np.abs(W).max() <= 1 / math.sqrt(H)
        assert W.mean() == pytest.approx(0, abs=0.02)
    for _, W in matrices("fan-in"):
        bound = 1 / math.sqrt(W.shape[1])
        assert 0.98 * bound < np.abs(W).max() <= bound
    for _, W in matrices("glorot"):
        bound = math.sqrt(6 / sum(W.shape))
        assert 0.98 * bound < np.abs(W).max() <= bound
    for _, W in matrices("orthogonal"):
        gram = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
        assert np.allclose(gram, np.eye(len(gram)), rtol=0, atol=1e-12)
    for name, W in matrices("identity"):
        if name == "W_hh":
            assert np.array_equal(W, np.eye(H))
        else:
            assert 0.98 / math.sqrt(H) < np.abs(W).max() <= 1 / math.sqrt(H)


def test_each_parameter_can_have_a_start_of_its_own():
    start = {"W_hh": "identity", "W_xh": np.ones((4, 3)), "b_h": np.arange(4), "h_0": np.ones(4)}
    rng = np.random.default_rng(0)
    params = rnnlib.RNN(3, 4, 5, init=start, initial_state="learned", rng=rng).params
    assert np.array_equal(params["W_hh"], np.eye(4))
    assert np.array_equal(params["W_xh"], np.ones((4, 3)))
    assert np.array_equal(params["b_h"], np.arange(4))
    assert np.array_equal(params["h_0"], np.ones(4))
    assert 0 < np.abs(params["W_hy"]).max() <= 0.5
    assert not np.any(params["b_y"])


# Numbers


@given(cases())
def test_float32_agrees_with_float64_and_stays_float32(case):
    single, double = build(case, rnnlib.RNN, dtype=np.float32), build(case, rnnlib.RNN)
    assert all(param.dtype == np.float32 for param in single.params.values())
    found, wanted = everything(single, case), everything(double, case)
    assert type(found["loss"]) is float
    assert all(array.dtype == np.float32 for array in arrays_in(found).values())
    assert all(array.dtype == np.float64 for array in arrays_in(wanted).values())
    for name in wanted:
        # 1e-4 of the largest; and where numbers near 1 cancel to 0, some roundings of 6e-8.
        gap = np.max(np.abs(found[name] - wanted[name]), initial=0)
        assert gap <= 1e-4 * np.max(np.abs(wanted[name]), initial=0) + 1e-6, name


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("wants", ["ids", "distributions"])
@each_loss
@each_cell
def test_saturated_networks_have_finite_losses_and_gradients(cell, loss, wants, dtype):
    for masked, outputs in ((False, "all"), (True, "last")):
        case = Case(cell, loss, outputs, initial="learned", wants=wants, masked=masked)
        case = with_data(case.changed(reads="vectors"))
        model = build(case, rnnlib.RNN, dtype=dtype)
        for param in model.params.values():
            param *= 1e4
        with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
            warnings.simplefilter("error")
            results = everything(model, case)
        assert all(np.all(np.isfinite(value)) for value in results.values())
        assert results["loss"] > 1  # the logits are some thousands, and not all are right


@each_loss
@each_cell
def test_numbers_whose_squares_overflow_are_still_finite_numbers(cell, loss):
    # Where a look for NaN adds up squares, these must not be mistaken for infinities.
    case = with_data(Case(cell, loss, reads="vectors", initial="given"))
    for dtype, huge in ((np.float64, 1e200), (np.float32, 1e30)):
        model = build(case, rnnlib.RNN, dtype=dtype)
        model.params["W_xh"][...] = 0
        model.params["b_h"][0] = huge
        large = case.changed(inputs=np.full_like(case.inputs, huge))
        with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
            warnings.simplefilter("error")
            loss_value, last = model.evaluate(**large.data)
        assert math.isfinite(loss_value) and np.all(np.isfinite(last))


def test_a_certain_and_wrong_answer_costs_what_the_logits_say():
    # −log p is 2000 although p is 0 in floating point; 0 · log 0 never occurs.
    model = rnnlib.RNN(1, 1, 2, rng=np.random.default_rng(0))
    model.params["b_y"][...] = [0, 2000]
    model.params["W_hy"][...] = 0
    loss, grads, _ = model.loss_and_grads(np.zeros((1, 1), int), np.zeros((1, 1), int))
    assert loss == 2000
    assert grads["b_y"].tolist() == [-1, 1]
    assert model.evaluate(np.zeros((1, 1), int), np.ones((1, 1), int))[0] == 0
    one_hot = np.array([[[0.0, 1.0]]])
    assert model.evaluate(np.zeros((1, 1), int), one_hot)[0] == 0


def test_with_one_class_nothing_is_uncertain():
    for cell in CELLS:
        case = with_data(Case(cell, sizes=(3, 2, 2, 2, 1)))
        loss, grads, _ = build(case, rnnlib.RNN).loss_and_grads(**case.data)
        assert loss == 0
        assert not any(np.any(grad) for grad in grads.values())


# softmax and sigmoid, as functions of their own

logits = arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e4, 1e4))


@given(logits, st.floats(-1e3, 1e3))
def test_softmax_gives_shares_that_a_shift_of_all_logits_does_not_change(o, shift):
    o.flags.writeable = False
    with np.errstate(all="raise", under="ignore"):
        p = rnnlib.softmax(o)
    assert p.shape == o.shape and np.all(p >= 0)
    assert np.allclose(p.sum(axis=-1), 1, rtol=0, atol=1e-14)
    assert np.allclose(rnnlib.softmax(o + shift), p, rtol=0, atol=1e-11)
    assert np.allclose(p, probabilities("softmax", o), rtol=1e-13, atol=0)


@given(logits)
def test_sigmoid_of_a_logit_and_of_its_opposite_add_up_to_one(o):
    o.flags.writeable = False
    with np.errstate(all="raise", under="ignore"):
        p = rnnlib.sigmoid(o)
    assert p.shape == o.shape and np.all((p >= 0) & (p <= 1))
    assert np.allclose(p + rnnlib.sigmoid(-o), 1, rtol=0, atol=1e-15)
    two = rnnlib.softmax(np.stack([o, np.zeros_like(o)], axis=-1))  # yes against no
    assert np.allclose(p, two[..., 0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("function", [rnnlib.softmax, rnnlib.sigmoid])
def test_both_read_lists_keep_float32_and_refuse_what_is_no_logit(function):
    assert function([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert function([0, 0]).dtype == np.float64
    assert function(np.zeros(2, np.float32)).dtype == np.float32
    for bad, error in (([np.nan, 0], ValueError), ([], ValueError), ("text", TypeError)):
        with pytest.raises(error, match=r"^o: expected .*got"):
            function(bad)


def test_softmax_of_a_single_number_is_refused():
    assert rnnlib.sigmoid(0.0) == 0.5
    with pytest.raises(ValueError, match=r"^o: expected at least one axis, got"):
        rnnlib.softmax(0.0)


# Worked by hand: one unit, one step, gates of 1/4, 1/2 and 3/4

LOG_3 = math.log(3)  # σ(ln 3) = 3/4, σ(−ln 3) = 1/4, tanh(ln 3 / 2) = 1/2


def by_hand(cell, params):
    model = rnnlib.RNN(
        1, 1, 1, cell=cell, loss="squared", initial_state="zero", rng=np.random.default_rng(0)
    )
    for name, value in params.items():
        model.params[name][...] = np.reshape(value, model.params[name].shape)
    return model


def assert_params_close(grads, wanted):
    assert grads.keys() == wanted.keys()
    for name, value in wanted.items():
        assert np.allclose(grads[name].ravel(), value, rtol=1e-13, atol=1e-15), name


def test_the_tanh_network_agrees_with_an_example_worked_by_hand():
    # a = 3 · 0.5 ln 3 + 2 · (−1) · 0.5 ln 3 = 0.5 ln 3, h = 1/2, o = 4 · 1/2 + 1 = 3, L = (3 − 1)².
    params = {"W_xh": LOG_3 / 2, "W_hh": LOG_3 / 2, "b_h": 0, "W_hy": 4, "b_y": 1}
    model = by_hand("tanh", params)
    data = (np.full((1, 1, 1), 3.0), np.ones((1, 1, 1)), np.full((1, 1), -2.0))
    loss, grads, last = model.loss_and_grads(*data)
    assert loss == pytest.approx(4, rel=1e-14)
    assert last == pytest.approx(0.5, rel=1e-14)
    # ∂L/∂o = 4, ∂L/∂h = 16, ∂L/∂a = 16 (1 − 1/4) = 12.
    wanted = {"W_xh": 36, "W_hh": -24, "b_h": 12, "W_hy": 2, "b_y": 4}
    assert_params_close(grads, wanted)


def test_the_lstm_agrees_with_an_example_worked_by_hand():
    # i, f, g, o = 3/4, 1/2, 1/2, 1/4 from the state h = 1, c = 2 and x = 2.
    W_xh, W_hh = [1, 0, 0, 0.5], [-1, 1, 1, -1]
    b_h = [LOG_3 - 1, -1, LOG_3 / 2 - 1, -LOG_3]
    model = by_hand("lstm", {"W_xh": W_xh, "W_hh": W_hh, "b_h": b_h, "W_hy": 1, "b_y": 0})
    data = (np.full((1, 1, 1), 2.0), np.zeros((1, 1, 1)), np.array([[[1.0]], [[2.0]]]))
    loss, grads, last = model.loss_and_grads(*data)
    c = 1 / 2 * 2 + 3 / 4 * 1 / 2
    h = 1 / 4 * math.tanh(c)
    assert last.ravel().tolist() == pytest.approx([h, c], rel=1e-14)
    assert loss == pytest.approx(h**2, rel=1e-14)
    d_h = 2 * h
    d_c = d_h * 1 / 4 * (1 - math.tanh(c) ** 2)
    d_a = np.array(
        [
            d_c * 1 / 2 * 3 / 16,  # g, then the slope of i: 3/4 · 1/4
            d_c * 2 * 1 / 4,  # c before, then the slope of f
            d_c * 3 / 4 * 3 / 4,  # i, then the slope of g: 1 − 1/4
            d_h * math.tanh(c) * 3 / 16,
        ]
    )
    wanted = {"W_xh": 2 * d_a, "W_hh": d_a, "b_h": d_a, "W_hy": d_h * h, "b_y": d_h}
    assert_params_close(grads, wanted)
    d_state = model.gradient_over_time(*data).d_state
    assert d_state.ravel().tolist() == pytest.approx([np.dot(W_hh, d_a), d_c / 2], rel=1e-13)


def test_the_gru_agrees_with_an_example_worked_by_hand():
    # r, z, n = 3/4, 1/4, 1/2 from the state 2 and x = 1: n = tanh(0 + 3/4 · (2/3) ln 3).
    W_xh, W_hh = [1, 1, 3], [0.5, -0.5, LOG_3 / 4]
    params = {"W_xh": W_xh, "W_hh": W_hh, "b_h": [LOG_3 - 2, -LOG_3, -3], "b_hn": LOG_3 / 6}
    model = by_hand("gru", params | {"W_hy": 1, "b_y": 0})
    data = (np.ones((1, 1, 1)), np.zeros((1, 1, 1)), np.full((1, 1), 2.0))
    loss, grads, last = model.loss_and_grads(*data)
    # h = 3/4 · 1/2 + 1/4 · 2 = 7/8, L = h², ∂L/∂h = 7/4.
    assert last == pytest.approx(7 / 8, rel=1e-14)
    assert loss == pytest.approx(49 / 64, rel=1e-14)
    d_n = 7 / 4 * 3 / 4 * 3 / 4
    d_r = d_n * 2 / 3 * LOG_3 * 3 / 16
    d_z = 7 / 4 * (2 - 1 / 2) * 3 / 16
    d_m = np.array([d_r, d_z, d_n * 3 / 4])  # what arrives at W_hh h
    d_a = np.array([d_r, d_z, d_n])
    wanted = {"W_xh": d_a, "W_hh": 2 * d_m, "b_h": d_a, "b_hn": d_n * 3 / 4}
    assert_params_close(grads, wanted | {"W_hy": 7 / 4 * 7 / 8, "b_y": 7 / 4})
    d_state = model.gradient_over_time(*data).d_state
    assert d_state.item() == pytest.approx(7 / 4 * 1 / 4 + np.dot(W_hh, d_m), rel=1e-13)


@pytest.mark.parametrize("mask", [False, True], ids=["no mask", "mask"])
@pytest.mark.parametrize("kind", ["ids", "distributions"])
def test_the_softmax_in_pieces_is_the_softmax_at_once(kind, mask, monkeypatch):
    rng = np.random.default_rng(0)
    model = rnnlib.RNN(5, 3, 4, reduction="mean", rng=rng)
    x, y = rng.integers(0, 5, (7, 3)), rng.integers(0, 4, (7, 3))
    if kind == "distributions":
        y = rnnlib.softmax(rng.normal(size=(7, 3, 4)))
    counted = rng.random((7, 3)) < 0.7 if mask else None
    loss, grads, _ = model.loss_and_grads(x, y, mask=counted)
    monkeypatch.setattr("rnnlib.losses._PIECE", 8)  # two rows of four
    loss_in_pieces, grads_in_pieces, _ = model.loss_and_grads(x, y, mask=counted)
    assert loss_in_pieces == pytest.approx(loss, rel=1e-14)
    for name in grads:
        np.testing.assert_allclose(grads_in_pieces[name], grads[name], rtol=1e-12, atol=1e-15)
