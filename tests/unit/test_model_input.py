"""Bad input to the sequence models: each argument is refused by its name, and nothing changes."""

import copy
import itertools

import numpy as np
import pytest
from oracle import Case, build, with_data
from test_model_gradients import CELLS, LOSSES, each_cell

import rnnlib

T, B, D, H, V = SIZES = (4, 3, 5, 2, 6)
NAN, INF = np.nan, np.inf


def example(**changes):
    return with_data(Case(sizes=SIZES, **changes))


def spoiled(array, value, index=(1, 2)):
    """A copy with one bad number."""
    array = np.array(array)
    array[index] = value
    return array


def call(model, method, arguments, **changes):
    """Call a method with the arguments that it knows."""
    arguments = arguments | changes
    unknown = {"states": ("targets", "options"), "predict": ("targets", "options")}
    unknown["evaluate"] = ("options",)
    options = arguments.pop("options", {})
    if "options" not in unknown.get(method, ()):
        arguments = arguments | options
    for name in unknown.get(method, ()):
        arguments.pop(name, None)
    return getattr(model, method)(**arguments)


def flat(result):
    """The arrays and numbers in what a method returns, in order."""
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, tuple):
        return [value for part in result for value in flat(part)]
    return [np.array(result)]


def assert_refused(case, methods, name, bad, error, words):
    """Every method refuses it, names it, says what came, and is as good as new afterwards."""
    model = build(case, rnnlib.RNN)
    good = case.data
    if name == "d_state" and case.d_state is not None:
        good = good | {"d_state": case.d_state}
    start = copy.deepcopy(model.params)
    before = {m: flat(call(model, m, case.data)) for m in methods}
    for method in methods:
        with pytest.raises(error) as caught:
            call(model, method, good, **{name: bad})
        message = str(caught.value)
        assert message.startswith(f"{name}: expected "), message
        assert "got" in message, message
        for word in words:
            assert word in message, (word, message)
        for param, value in start.items():
            assert np.array_equal(model.params[param], value)
        assert all(map(np.array_equal, flat(call(model, method, case.data)), before[method]))


READING = ("loss_and_grads", "gradient_over_time", "evaluate", "predict", "states")
SCORING = READING[:3]
DERIVING = READING[:2]

IDS = example().inputs
VECTORS = example(reads="vectors").inputs
CLASSES = example().targets
SHARES = example(wants="distributions").targets
NUMBERS = example(loss="squared").targets
STATE = example(initial="given").state
LSTM_STATE = example(cell="lstm", initial="given").state
MASK = np.ones((T, B), bool)

# case, argument, bad value, error, words that the message has besides name, "expected" and "got"
IDS_IN = {
    "an id too large": ("inputs", spoiled(IDS, D), ValueError, ["0 to 4", "5"]),
    "a negative id": ("inputs", spoiled(IDS, -1), ValueError, ["0 to 4", "-1"]),
    "ids that are floats": ("inputs", IDS.astype(float), TypeError, ["float64"]),
    "ids that are booleans": ("inputs", IDS > 0, TypeError, ["bool"]),
    "text": ("inputs", "abc", TypeError, []),
    "texts": ("inputs", np.full((T, B), "a"), TypeError, []),
    "None": ("inputs", None, TypeError, []),
    "complex numbers": ("inputs", VECTORS + 1j, TypeError, ["complex"]),
    "one axis": ("inputs", IDS[:, 0], ValueError, ["(4,)"]),
    "no axis": ("inputs", 3, ValueError, ["()"]),
    "four axes": ("inputs", VECTORS[None], ValueError, ["(1, 4, 3, 5)"]),
    "no step": ("inputs", IDS[:0], ValueError, ["(0, 3)"]),
    "no sequence": ("inputs", IDS[:, :0], ValueError, ["(4, 0)"]),
    "nothing": ("inputs", [], ValueError, []),
    "lists of unequal length": ("inputs", [[1, 2], [3]], TypeError, []),
    "vectors too long": ("inputs", np.ones((T, B, D + 1)), ValueError, ["5", "(4, 3, 6)"]),
    "vectors too short": ("inputs", np.ones((T, B, 1)), ValueError, ["5", "(4, 3, 1)"]),
    "vectors of no length": ("inputs", np.ones((T, B, 0)), ValueError, ["(4, 3, 0)"]),
    "no vector": ("inputs", np.ones((0, B, D)), ValueError, ["(0, 3, 5)"]),
    "a vector with NaN": ("inputs", spoiled(VECTORS, NAN), ValueError, ["finite", "nan"]),
    "a vector with infinity": ("inputs", spoiled(VECTORS, -INF), ValueError, ["finite", "-inf"]),
    "vectors of text": ("inputs", VECTORS.astype(str), TypeError, []),
    "a state of one sequence": ("state", STATE[0], ValueError, ["(2,)"]),
    "a state of too many": ("state", np.ones((B + 1, H)), ValueError, ["(3, 2)", "(4, 2)"]),
    "a state to broadcast": ("state", np.ones((1, H)), ValueError, ["(3, 2)", "(1, 2)"]),
    "a state too long": ("state", np.ones((B, H + 1)), ValueError, ["(3, 2)", "(3, 3)"]),
    "a state turned round": ("state", STATE.T, ValueError, ["(3, 2)", "(2, 3)"]),
    "a state with NaN": ("state", spoiled(STATE, NAN, (1, 1)), ValueError, ["finite", "nan"]),
    "a state of text": ("state", "zero", TypeError, []),
    "a state of an LSTM": ("state", LSTM_STATE, ValueError, ["(3, 2)", "(2, 3, 2)"]),
    "a mask of numbers": ("mask", MASK.astype(int), TypeError, ["bool", "int"]),
    "a mask of floats": ("mask", MASK.astype(float), TypeError, ["bool", "float"]),
    "a mask of text": ("mask", "all", TypeError, ["bool"]),
    "a mask of unequal lists": ("mask", [[True], [True, False]], TypeError, []),
    "a mask for one sequence": ("mask", MASK[:, 0], ValueError, ["(4, 3)", "(4,)"]),
    "a mask turned round": ("mask", MASK.T, ValueError, ["(4, 3)", "(3, 4)"]),
    "a mask to broadcast": ("mask", MASK[:, :1], ValueError, ["(4, 3)", "(4, 1)"]),
    "a mask with an axis more": ("mask", MASK[..., None], ValueError, ["(4, 3)", "(4, 3, 1)"]),
    "a mask without True": ("mask", ~MASK, ValueError, ["True"]),
}
SOFTMAX = {
    "a class too large": (spoiled(CLASSES, V), ValueError, ["0 to 5", "6"]),
    "a negative class": (spoiled(CLASSES, -1), ValueError, ["0 to 5", "-1"]),
    "classes that are floats": (CLASSES.astype(float), TypeError, ["float64"]),
    "classes that are booleans": (CLASSES > 0, TypeError, ["bool"]),
    "a step too few": (CLASSES[1:], ValueError, ["(4, 3)", "(3, 3)"]),
    "a sequence too few": (CLASSES[:, 1:], ValueError, ["(4, 3)", "(4, 2)"]),
    "classes turned round": (CLASSES.T, ValueError, ["(4, 3)", "(3, 4)"]),
    "one class per sequence": (CLASSES[0], ValueError, ["(3,)"]),
    "None": (None, TypeError, []),
    "text": ("abc", TypeError, []),
    "no target": (CLASSES[:0], ValueError, ["(0, 3)"]),
    "lists of unequal length": ([[1, 2], [3]], TypeError, []),
    "shares that add up to 2": (2 * SHARES, ValueError, ["1", "2"]),
    "a negative share": (spoiled(SHARES, [-0.5, 1.5, 0, 0, 0, 0]), ValueError, ["-0.5"]),
    "a share that is NaN": (spoiled(SHARES, NAN, (1, 2, 3)), ValueError, ["finite", "nan"]),
    "shares of fewer classes": (SHARES[..., 1:], ValueError, ["(4, 3, 6)", "(4, 3, 5)"]),
    "shares of fewer steps": (SHARES[1:], ValueError, ["(4, 3, 6)", "(3, 3, 6)"]),
}
OTHER = {
    "ids": (CLASSES, ValueError, ["(4, 3)"]),
    "NaN": (spoiled(NUMBERS, NAN), ValueError, ["finite", "nan"]),
    "infinity": (spoiled(NUMBERS, INF), ValueError, ["finite", "inf"]),
    "one number too few": (np.ones((T, B, V - 1)), ValueError, ["(4, 3, 6)", "(4, 3, 5)"]),
    "one number to broadcast": (np.ones((T, B, 1)), ValueError, ["(4, 3, 6)", "(4, 3, 1)"]),
    "one step too few": (np.ones((T - 1, B, V)), ValueError, ["(4, 3, 6)", "(3, 3, 6)"]),
    "text": (np.full((T, B, V), "a"), TypeError, []),
    "complex numbers": (NUMBERS + 1j, TypeError, ["complex"]),
    "None": (None, TypeError, []),
}


def table(*parts):
    """The rows of a table as parameters, each under its name."""
    return [
        pytest.param(*(row if isinstance(row, tuple) else (row,)), id=name)
        for part in parts
        for name, row in part.items()
    ]


@pytest.mark.parametrize(("name", "bad", "error", "words"), table(IDS_IN))
@pytest.mark.parametrize("reads", ["ids", "vectors"])
def test_bad_inputs_states_and_masks_are_refused(reads, name, bad, error, words):
    assert_refused(example(reads=reads), READING, name, bad, error, words)


@pytest.mark.parametrize(("bad", "error", "words"), table(SOFTMAX))
def test_targets_that_are_no_classes_are_refused(bad, error, words):
    assert_refused(example(), SCORING, "targets", bad, error, words)


@pytest.mark.parametrize("loss", ["sigmoid", "squared"])
@pytest.mark.parametrize(("bad", "error", "words"), table(OTHER))
def test_targets_that_are_no_numbers_of_the_right_shape_are_refused(loss, bad, error, words):
    assert_refused(example(loss=loss), SCORING, "targets", bad, error, words)


@pytest.mark.parametrize("value", [-0.25, 1.25])
def test_a_probability_outside_0_to_1_is_refused(value):
    case = example(loss="sigmoid")
    bad = spoiled(case.targets, value, (1, 2, 3))
    assert_refused(case, SCORING, "targets", bad, ValueError, ["0 to 1", str(value)])


@pytest.mark.parametrize(
    ("loss", "bad", "words"),
    [
        ("softmax", CLASSES, ["(4, 3)"]),
        ("softmax", CLASSES[0, :2], ["(3,)", "(2,)"]),
        ("softmax", SHARES[0, :2], ["(3, 6)", "(2, 6)"]),
        ("sigmoid", np.ones((T, B, V)), ["(4, 3, 6)"]),
        ("squared", NUMBERS, ["(4, 3, 6)"]),
        ("squared", NUMBERS[0, :1], ["(3, 6)", "(1, 6)"]),
    ],
)
def test_targets_over_time_are_refused_where_the_answer_comes_last(loss, bad, words):
    assert_refused(example(loss=loss, outputs="last"), SCORING, "targets", bad, ValueError, words)


def test_a_mask_that_leaves_nothing_of_a_sequence_is_refused_where_the_answer_comes_last():
    mask = MASK.copy()
    mask[:, 1] = False
    words = ["last", "1"]
    assert_refused(example(outputs="last"), READING, "mask", mask, ValueError, words)
    case = example()  # with an answer at each step, the other sequences are enough
    assert np.isfinite(build(case, rnnlib.RNN).evaluate(case.inputs, case.targets, mask=mask)[0])


@pytest.mark.parametrize(
    ("cell", "bad", "error", "words"),
    [
        ("tanh", np.ones((B, H + 1)), ValueError, ["(3, 2)", "(3, 3)"]),
        ("gru", np.ones((B + 1, H)), ValueError, ["(3, 2)", "(4, 2)"]),
        ("gru", LSTM_STATE, ValueError, ["(3, 2)", "(2, 3, 2)"]),
        ("lstm", STATE, ValueError, ["(2, 3, 2)", "(3, 2)"]),
        ("lstm", LSTM_STATE[:1], ValueError, ["(2, 3, 2)", "(1, 3, 2)"]),
        ("lstm", spoiled(LSTM_STATE, NAN), ValueError, ["finite", "nan"]),
        ("tanh", spoiled(STATE, INF, (0, 1)), ValueError, ["finite", "inf"]),
        ("lstm", "none", TypeError, []),
    ],
)
@pytest.mark.parametrize("name", ["state", "d_state"])
def test_states_and_their_gradients_must_fit_the_cell(name, cell, bad, error, words):
    methods = READING if name == "state" else DERIVING
    assert_refused(example(cell=cell, initial="given"), methods, name, bad, error, words)


TRUNCATIONS = {
    "an unknown name": (dict(truncation="half"), ValueError, ["truncation", "chunks", "half"]),
    "no name": (dict(truncation=None), TypeError, ["truncation", "chunks", "None"]),
    "a number as a name": (dict(truncation=4), TypeError, ["truncation", "chunks", "4"]),
    "chunks of nothing": (dict(truncation="chunks", steps=0), ValueError, ["steps", "1", "0"]),
    "chunks without steps": (dict(truncation="chunks"), ValueError, ["steps", "chunks", "None"]),
    "chunks of 2.5": (dict(truncation="chunks", steps=2.5), TypeError, ["steps", "whole", "2.5"]),
    "chunks of '2'": (dict(truncation="chunks", steps="2"), TypeError, ["steps", "whole", "'2'"]),
    "chunks of True": (dict(truncation="chunks", steps=True), TypeError, ["steps", "True"]),
    "steps into the future": (
        dict(truncation="steps-back", steps=-1),
        ValueError,
        ["steps", "-1"],
    ),
    "no steps back": (dict(truncation="steps-back"), ValueError, ["steps", "steps-back", "None"]),
    "overlap without stride": (
        dict(truncation="overlap", steps=2),
        ValueError,
        ["stride", "overlap", "None"],
    ),
    "overlap without steps": (
        dict(truncation="overlap", stride=2),
        ValueError,
        ["steps", "overlap", "None"],
    ),
    "strides that leave steps out": (
        dict(truncation="overlap", steps=2, stride=3),
        ValueError,
        ["stride", "2", "3"],
    ),
    "strides of nothing": (
        dict(truncation="overlap", steps=2, stride=0),
        ValueError,
        ["stride", "1", "0"],
    ),
    "steps of what is whole": (dict(truncation="full", steps=2), ValueError, ["steps", "full"]),
    "a stride of chunks": (
        dict(truncation="chunks", steps=2, stride=1),
        ValueError,
        ["stride", "chunks"],
    ),
}


@pytest.mark.parametrize(("options", "error", "words"), table(TRUNCATIONS))
def test_a_truncation_that_has_no_meaning_is_refused(options, error, words):
    case = example()
    model = build(case, rnnlib.RNN)
    for method in DERIVING:
        wanted = flat(call(model, method, case.data))
        with pytest.raises(error) as caught:
            call(model, method, case.data, **options)
        message = str(caught.value)
        assert message.startswith(f"{words[0]}: expected ") and "got" in message, message
        assert all(word in message for word in words), message
        assert all(map(np.array_equal, flat(call(model, method, case.data)), wanted))


# Parameters can be changed from outside at any time

PARAMS = {
    "NaN": (lambda p: spoiled(p, NAN, (1, 1)), ValueError, ["finite", "nan", "[1, 1]"]),
    "infinity": (lambda p: spoiled(p, INF, (1, 0)), ValueError, ["finite", "inf", "[1, 0]"]),
    "another shape": (lambda p: p[:1], ValueError, ["(2, 2)", "(1, 2)"]),
    "another dtype": (lambda p: p.astype(np.float32), TypeError, ["float64", "float32"]),
    "whole numbers": (lambda p: np.ones_like(p, int), TypeError, ["float64", "int64"]),
    "a list": (lambda p: p.tolist(), TypeError, ["float64", "list"]),
    "None": (lambda p: None, TypeError, ["float64", "None"]),
}


@pytest.mark.parametrize(("spoil", "error", "words"), table(PARAMS))
@pytest.mark.parametrize("method", READING)
def test_a_spoiled_parameter_is_refused_by_its_name(method, spoil, error, words):
    case = example()
    model = build(case, rnnlib.RNN)
    wanted = flat(call(model, method, case.data))
    right = model.params["W_hh"]
    model.params["W_hh"] = spoil(right.copy())
    with pytest.raises(error) as caught:
        call(model, method, case.data)
    message = str(caught.value)
    assert message.startswith("params['W_hh']: expected ") and "got" in message, message
    assert all(word in message for word in words), message
    model.params["W_hh"] = right
    assert all(map(np.array_equal, flat(call(model, method, case.data)), wanted))


@each_cell
def test_a_parameter_that_is_missing_or_too_many_is_named(cell):
    case = example(cell=cell)
    for change in (lambda params: params.pop("b_y"), lambda params: params.update(h_1=1)):
        model = build(case, rnnlib.RNN)
        change(model.params)
        for method in READING:
            with pytest.raises(ValueError, match=r"^params: expected .*'b_y'.* got .*'W_hy'"):
                call(model, method, case.data)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("outputs", ["all", "last"])
@pytest.mark.parametrize("reads", ["ids", "vectors"])
@each_cell
def test_every_number_of_every_parameter_is_looked_at(cell, reads, outputs, bad):
    case = example(cell=cell, initial="learned", reads=reads, outputs=outputs)
    if reads == "ids":
        case.inputs[...] = D - 2  # most columns of W_xh are not read
    model = build(case, rnnlib.RNN)
    for name, param in model.params.items():
        for index in ((0,) * param.ndim, (-1,) * param.ndim):
            right = param[index]
            param[index] = bad
            for method in READING:
                if method == "states" and name in ("W_hy", "b_y"):
                    continue  # nothing is read out
                with pytest.raises(ValueError) as caught, np.errstate(invalid="ignore"):
                    call(model, method, case.data)
                message = str(caught.value)
                assert message.startswith(f"params['{name}']: expected finite "), message
                assert str(bad) in message, message
            param[index] = right
    model.evaluate(case.inputs, case.targets)


# How a model is made

MAKING = {
    "no input": (dict(input_size=0), ValueError, ["input_size", "1", "0"]),
    "a negative state": (dict(hidden_size=-2), ValueError, ["hidden_size", "1", "-2"]),
    "no output": (dict(output_size=0), ValueError, ["output_size", "1", "0"]),
    "half an input": (dict(input_size=2.5), TypeError, ["input_size", "whole", "2.5"]),
    "a text as a size": (dict(hidden_size="3"), TypeError, ["hidden_size", "whole", "'3'"]),
    "True as a size": (dict(output_size=True), TypeError, ["output_size", "True"]),
    "an unknown cell": (dict(cell="elman"), ValueError, ["cell", "tanh", "lstm", "gru", "elman"]),
    "a cell in capitals": (dict(cell="LSTM"), ValueError, ["cell", "lstm", "'LSTM'"]),
    "a cell that is no text": (dict(cell=None), TypeError, ["cell", "tanh", "None"]),
    "an unknown loss": (dict(loss="mse"), ValueError, ["loss", "squared", "sigmoid", "mse"]),
    "unknown outputs": (dict(outputs="first"), ValueError, ["outputs", "all", "last", "first"]),
    "an unknown reduction": (dict(reduction="max"), ValueError, ["reduction", "sum", "mean"]),
    "a reduction of nothing": (dict(reduction=None), TypeError, ["reduction", "sum", "None"]),
    "an unknown state": (
        dict(initial_state="random"),
        ValueError,
        ["initial_state", "zero", "learned", "random"],
    ),
    "an unknown start": (dict(init="magic"), ValueError, ["init", "glorot", "magic"]),
    "a start that is a number": (dict(init=0.01), TypeError, ["init", "glorot", "0.01"]),
    "a start for what is not there": (
        dict(init={"W_hx": "uniform"}),
        ValueError,
        ["init", "W_xh", "W_hx"],
    ),
    "an unknown start of one": (
        dict(init={"W_hh": "magic"}),
        ValueError,
        ["init", "glorot", "magic"],
    ),
    "an unknown start of a bias": (
        dict(init={"b_h": "magic"}),
        ValueError,
        ["init", "magic"],
    ),
    "a start of another shape": (
        dict(init={"W_hh": np.eye(2)}),
        ValueError,
        ["init['W_hh']", "(3, 3)", "(2, 2)"],
    ),
    "a start to broadcast": (
        dict(init={"W_hh": np.ones((1, 3))}),
        ValueError,
        ["init['W_hh']", "(3, 3)", "(1, 3)"],
    ),
    "a start of other axes": (dict(init={"b_h": np.eye(3)}), ValueError, ["init['b_h']", "(3, 3)"]),
    "a start with NaN": (
        dict(init={"b_h": np.full(3, NAN)}),
        ValueError,
        ["init['b_h']", "finite", "nan"],
    ),
    "a start for a state not learned": (
        dict(init={"h_0": np.ones(3)}),
        ValueError,
        ["init", "h_0"],
    ),
    "a seed as randomness": (dict(rng=0), TypeError, ["rng", "numpy.random.Generator", "0"]),
    "no randomness": (dict(rng=None), TypeError, ["rng", "numpy.random.Generator", "None"]),
    "the old randomness": (
        dict(rng=np.random.RandomState(0)),
        TypeError,
        ["rng", "numpy.random.Generator", "RandomState"],
    ),
    "whole numbers as weights": (dict(dtype=int), TypeError, ["dtype", "float64", "int"]),
    "half precision": (dict(dtype=np.float16), TypeError, ["dtype", "float32", "float16"]),
    "a type that is none": (dict(dtype="double trouble"), TypeError, ["dtype", "double trouble"]),
}


@pytest.mark.parametrize(("changes", "error", "words"), table(MAKING))
def test_a_model_that_cannot_be_is_refused(changes, error, words):
    options = {"input_size": 2, "hidden_size": 3, "output_size": 4}
    options |= {"rng": np.random.default_rng(0)} | changes
    with pytest.raises(error) as caught:
        rnnlib.RNN(**options)
    message = str(caught.value)
    assert message.startswith(words[0]) and ": expected " in message and "got" in message, message
    assert all(word in message for word in words), message


def test_the_generator_must_be_given():
    with pytest.raises(TypeError, match="rng"):
        rnnlib.RNN(2, 3, 4)


def test_what_is_chosen_by_name_cannot_be_given_by_place():
    with pytest.raises(TypeError):
        rnnlib.RNN(2, 3, 4, "lstm", rng=np.random.default_rng(0))
    case = example()
    with pytest.raises(TypeError):
        build(case, rnnlib.RNN).loss_and_grads(case.inputs, case.targets, None, None, "full")


# What is not an error


@pytest.mark.parametrize(("cell", "loss"), list(itertools.product(CELLS, LOSSES)))
def test_whole_numbers_are_numbers_where_numbers_are_asked_for(cell, loss):
    case = example(cell=cell, loss=loss, wants="distributions", initial="given")
    whole = case.changed(
        inputs=np.ones((T, B, D), int),
        targets=np.eye(V, dtype=int)[CLASSES],
        state=np.ones_like(case.state, int),
    )
    as_floats = whole.changed(
        inputs=np.ones((T, B, D)), targets=np.eye(V)[CLASSES], state=np.ones_like(case.state)
    )
    model = build(case, rnnlib.RNN)
    found, wanted = (flat(model.loss_and_grads(**c.data)) for c in (whole, as_floats))
    assert all(map(np.array_equal, found, wanted))


def test_numpy_numbers_and_names_of_types_are_accepted_where_a_model_is_made():
    sizes = np.array([2, 3, 4])
    model = rnnlib.RNN(*sizes, rng=np.random.default_rng(0), dtype="float32")
    assert model.params["W_xh"].shape == (3, 2) and model.params["W_xh"].dtype == np.float32
    case = example(truncation="chunks", steps=np.int8(2))
    build(case, rnnlib.RNN).loss_and_grads(**case.data, **case.options)


def test_shares_that_add_up_to_one_but_for_rounding_are_accepted():
    case = example(wants="distributions")
    model = build(case, rnnlib.RNN)
    in_single = case.targets.astype(np.float32)
    loss = model.evaluate(case.inputs, in_single)[0]
    assert loss == pytest.approx(model.evaluate(case.inputs, case.targets)[0], rel=1e-6)
