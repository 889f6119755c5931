"""Weights that leave and come back: nothing changes on the way, and nothing damaged comes in."""

import copy
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlib.linear import LinearRNN
from rnnlib.model import RNN
from rnnlib.weights import from_torch, load, save, to_torch

CELLS = ("tanh", "lstm", "gru")
CHOICES = {
    "cell": CELLS,
    "loss": ("softmax", "sigmoid", "squared"),
    "outputs": ("all", "last"),
    "reduction": ("sum", "mean"),
    "initial_state": ("zero", "learned"),
    "dtype": ("float64", "float32"),
}
SIZES = ("input_size", "hidden_size", "output_size")
LAYER = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
READOUT = ["readout.weight", "readout.bias"]

each_cell = pytest.mark.parametrize("cell", CELLS)


def network(sizes=(3, 2, 4), seed=0, **choices):
    """A network in which no parameter is 0."""
    rng = np.random.default_rng(seed)
    model = RNN(*sizes, rng=rng, **choices)
    for param in model.params.values():
        param[...] = rng.normal(size=param.shape)
    return model


@st.composite
def networks(draw, **fixed):
    choices = {name: draw(st.sampled_from(known)) for name, known in CHOICES.items()} | fixed
    sizes = [draw(st.integers(1, 5)) for _ in SIZES]
    return network(sizes, draw(st.integers(0, 999)), **choices)


def twin(model, seed=1):
    """A network of the same kind with other weights."""
    choices = {name: getattr(model, name) for name in CHOICES}
    return network([getattr(model, name) for name in SIZES], seed, **choices)


def assert_same_bits(params, wanted):
    assert list(params) == list(wanted)
    for name, value in wanted.items():
        assert params[name].dtype == value.dtype and params[name].shape == value.shape
        assert params[name].tobytes() == value.tobytes(), name


def assert_same_network(model, wanted):
    for name in (*SIZES, *CHOICES):
        assert getattr(model, name) == getattr(wanted, name), name
        assert type(getattr(model, name)) is type(getattr(wanted, name)), name
    assert_same_bits(model.params, wanted.params)
    assert model.params["W_xh"].strides == wanted.params["W_xh"].strides


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.npz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for all examples of a property."""
    return tmp_path_factory.mktemp("weights")


def saved(folder, **choices):
    """A network and the bytes of its file."""
    model = network(**choices)
    save(model, folder / "saved.npz")
    return model, (folder / "saved.npz").read_bytes()


# To PyTorch's layout and back


@given(networks())
def test_to_torch_and_back_is_the_same_network(model):
    other = twin(model)
    arrays = dict(other.params)
    from_torch(other, to_torch(model))
    assert_same_network(other, model)
    assert all(other.params[name] is array for name, array in arrays.items())  # in place


@given(networks())
def test_the_names_and_shapes_are_those_of_pytorch(model):
    D, H, V = (getattr(model, name) for name in SIZES)
    weights = to_torch(model)
    learned = [name for name in ("h_0", "c_0") if name in model.params]
    assert list(weights) == LAYER + READOUT + learned
    G = {"tanh": 1, "lstm": 4, "gru": 3}[model.cell]
    shapes = [(G * H, D), (G * H, H), (G * H,), (G * H,), (V, H), (V,)] + [(H,)] * len(learned)
    assert [array.shape for array in weights.values()] == shapes
    for array in weights.values():
        assert array.dtype == model.dtype and array.flags.c_contiguous and array.flags.writeable
        assert not any(np.shares_memory(array, param) for param in model.params.values())


def test_the_two_biases_become_one_and_the_gru_keeps_its_inner_one():
    lstm, gru = network(cell="lstm"), network(cell="gru")
    for model in (lstm, gru):
        weights = to_torch(model)
        weights["bias_ih_l0"] = np.arange(1.0, 1 + len(model.params["b_h"]))
        weights["bias_hh_l0"] = 10 * weights["bias_ih_l0"]
        from_torch(model, weights)
    assert lstm.params["b_h"].tolist() == [11, 22, 33, 44, 55, 66, 77, 88]
    assert gru.params["b_h"].tolist() == [11, 22, 33, 44, 5, 6]
    assert gru.params["b_hn"].tolist() == [50, 60]
    assert to_torch(lstm)["bias_hh_l0"].tolist() == [0] * 8
    assert to_torch(gru)["bias_hh_l0"].tolist() == [0, 0, 0, 0, 50, 60]


def test_the_layers_can_have_any_names():
    model, other = network(), network(seed=1)
    weights = {k: v for k, v in to_torch(model).items() if k in LAYER}
    weights = {f"encoder.{k}": v for k, v in weights.items()}
    before = copy.deepcopy(other.params)
    from_torch(other, weights, rnn="encoder.", readout=None)
    layer = {name: model.params[name] for name in ("W_xh", "W_hh", "b_h")}
    assert_same_bits(other.params, before | layer)
    weights |= {"out.weight": model.params["W_hy"], "out.bias": model.params["b_y"]}
    from_torch(other, weights, rnn="encoder.", readout="out.")
    assert_same_network(other, model)


def test_lists_whole_numbers_and_other_floats_are_read():
    model = network(dtype="float32")
    weights = {name: array.tolist() for name, array in to_torch(model).items()}
    other = twin(model)
    from_torch(other, weights)
    assert_same_network(other, model)
    from_torch(other, {name: np.ones(np.shape(array), int) for name, array in weights.items()})
    assert other.params["b_h"].tolist() == [2, 2] and other.params["b_h"].dtype == np.float32


def test_weights_that_are_the_parameters_themselves_are_read_before_they_are_written():
    model = network(sizes=(2, 2, 2))
    W_xh, W_hh = model.params["W_xh"].copy(), model.params["W_hh"].copy()
    names = {"weight_ih_l0": model.params["W_hh"], "weight_hh_l0": model.params["W_xh"]}
    from_torch(model, to_torch(model) | names)
    assert np.array_equal(model.params["W_xh"], W_hh)
    assert np.array_equal(model.params["W_hh"], W_xh)


H = 2
REFUSED = {
    "a second layer": ({"weight_ih_l1": np.ones((6, 2))}, ValueError, ["weight_ih_l1"]),
    "backwards": ({"bias_hh_l0_reverse": np.ones(6)}, ValueError, ["bias_hh_l0_reverse"]),
    "unknown": ({7: np.ones(6)}, ValueError, ["unknown: [7]"]),
    "a missing weight": ({"weight_hh_l0": None}, ValueError, ["missing: ['weight_hh_l0']"]),
    "a missing bias": ({"bias_hh_l0": None}, ValueError, ["missing: ['bias_hh_l0']"]),
    "a missing readout": ({"readout.bias": None}, ValueError, ["missing: ['readout.bias']"]),
    "a missing state": ({"h_0": None}, ValueError, ["missing: ['h_0']"]),
    "a state too many": ({"c_0": np.ones(2)}, ValueError, ["unknown: ['c_0']"]),
    "of an LSTM": ({"weight_hh_l0": np.ones((8, 2))}, ValueError, ["(6, 2)", "(8, 2)"]),
    "transposed": ({"weight_ih_l0": np.ones((3, 6))}, ValueError, ["weight_ih_l0", "(3, 6)"]),
    "a single number": ({"bias_ih_l0": 1.0}, ValueError, ["bias_ih_l0", "(6,)", "()"]),
    "NaN": ({"bias_hh_l0": np.full(6, np.nan)}, ValueError, ["bias_hh_l0", "nan", "[0]"]),
    "infinity": ({"readout.weight": np.full((4, 2), -np.inf)}, ValueError, ["readout.weight"]),
    "text": ({"readout.bias": np.array(list("abcd"))}, TypeError, ["readout.bias"]),
    "complex": ({"readout.bias": np.ones(4) * 1j}, TypeError, ["readout.bias", "complex"]),
    "ragged": ({"readout.weight": [[1, 2], [3]]}, TypeError, ["readout.weight"]),
    "too large for float32": ({"bias_ih_l0": np.full(6, 1e39)}, ValueError, ["b_h", "inf"]),
}


@pytest.mark.parametrize(("changes", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_weights_that_do_not_fit_are_refused_and_nothing_changes(changes, error, words):
    model = network(cell="gru", initial_state="learned", dtype="float32")
    before = copy.deepcopy(model.params)
    weights = to_torch(network(cell="gru", initial_state="learned", seed=1)) | changes
    weights = {name: array for name, array in weights.items() if array is not None}
    with pytest.raises(error) as caught:
        from_torch(model, weights)
    for word in [*words, "expected", "got"]:
        assert word in str(caught.value)
    assert_same_bits(model.params, before)


def test_parameters_that_cannot_be_written_to_are_seen_before_any_is_written():
    model = network()
    model.params["b_y"].flags.writeable = False
    before = copy.deepcopy(model.params)
    with pytest.raises(ValueError, match=r"b_y.*read-only"):
        from_torch(model, to_torch(network(seed=1)))
    assert_same_bits(model.params, before)


def test_other_things_than_a_network_or_a_dict_are_refused(path):
    linear = LinearRNN(w_x=1.0, w_rec=1.0)
    for call in (to_torch, lambda m: from_torch(m, {}), lambda m: save(m, path)):
        with pytest.raises(TypeError, match=r"model: expected an RNN, got <.*LinearRNN"):
            call(linear)
    with pytest.raises(TypeError, match=r"weights: expected a dict, got \[1\]"):
        from_torch(network(), [1])
    assert not path.exists()


SPOILED = {
    "NaN": ("W_hh", lambda p: p.fill(np.nan), "W_hh: expected finite numbers, got nan"),
    "a changed type": ("b_h", np.float32, "b_h: expected float64 .2,., got float32 .2,."),
    "a changed shape": ("b_y", lambda p: p[1:], "b_y: expected float64 .4,., got float64 .3,."),
    "a list": ("b_y", list, "b_y: expected float64 .4,., got object .4,."),
    "a lost one": ("W_xh", None, r"missing: \['W_xh'\]"),
}


@pytest.mark.parametrize(("name", "spoil", "said"), SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("leave", [to_torch, save], ids=["to_torch", "save"])
def test_a_spoiled_network_does_not_leave(leave, name, spoil, said, path):
    model = network()
    param = model.params.pop(name)
    if spoil:
        result = spoil(param)
        model.params[name] = param if result is None else result
    with pytest.raises(ValueError, match=said):
        leave(model, path) if leave is save else leave(model)
    assert not path.exists()


# To a file and back


@given(model=networks())
def test_save_and_load_is_the_same_network(folder, model):
    before = copy.deepcopy(model.params)
    save(model, folder / "any.npz")
    assert_same_network(load(folder / "any.npz"), model)
    assert_same_bits(model.params, before)


@each_cell
@pytest.mark.parametrize("dtype", CHOICES["dtype"])
def test_a_loaded_network_says_and_learns_the_same(cell, dtype, path):
    model = network(cell=cell, dtype=dtype, initial_state="learned")
    save(model, path)
    loaded = load(path)
    x, y = np.array([[0, 1], [2, 1], [1, 1]]), np.array([[3, 0], [1, 1], [0, 2]])
    (loss, grads, last), wanted = loaded.loss_and_grads(x, y), model.loss_and_grads(x, y)
    assert loss == wanted[0] and np.array_equal(last, wanted[2])
    assert_same_bits(grads, wanted[1])


@pytest.mark.parametrize("dtype", CHOICES["dtype"])
def test_the_rarest_numbers_keep_every_bit(dtype, path):
    model = network(dtype=dtype)
    limits = np.finfo(dtype)
    rare = [-0.0, limits.max, limits.smallest_subnormal, np.nextafter(limits.dtype.type(1), 2)]
    model.params["b_y"][...] = rare
    save(model, path)
    assert_same_network(load(path), model)


def test_the_path_is_used_as_it_is_given(tmp_path):
    model = network()
    for name in ("plain", "net.weights", "ünïcode 1.npz", "a.npz.old", "x" * 250):
        save(model, str(tmp_path / name))
        assert_same_network(load(str(tmp_path / name)), model)
        (tmp_path / name).unlink()
        assert list(tmp_path.iterdir()) == []


def test_a_relative_path_and_a_link_are_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(network(), "here.npz")
    try:
        os.symlink("here.npz", "link.npz")
    except OSError:
        pytest.skip("this system does not allow links")
    save(network(seed=1), "link.npz")
    assert os.path.islink("link.npz")
    assert_same_network(load("here.npz"), network(seed=1))


def test_a_saved_file_can_be_read_without_the_library(path):
    model = network(cell="gru")
    save(model, path)
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["format"] == "rnnlib.RNN" and arrays["version"] == 1
        assert arrays["cell"] == "gru" and arrays["hidden_size"] == 2
        assert np.array_equal(arrays["W_xh"], model.params["W_xh"])


# A write that fails


def broken_savez(file, *args, **kwargs):
    file.write(b"half of")
    raise OSError("no space left on the device")


def broken(*args, **kwargs):
    raise OSError("no space left on the device")


@pytest.mark.parametrize(
    ("module", "name", "failing"),
    [(np, "savez", broken_savez), (os, "fsync", broken), (os, "replace", broken)],
    ids=["savez", "fsync", "replace"],
)
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    module, name, failing, path, monkeypatch
):
    model = network()
    for old in (None, model):
        if old:
            save(old, path)
        with monkeypatch.context() as patch:
            patch.setattr(module, name, failing)
            with pytest.raises(OSError, match="no space left"):
                save(network(seed=1), path)
        assert list(path.parent.iterdir()) == ([path] if old else [])
    assert_same_network(load(path), model)


def test_an_interrupted_write_leaves_the_old_file_and_no_litter(path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    model = network()
    save(model, path)
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", interrupted)
        with pytest.raises(KeyboardInterrupt):
            save(network(seed=1), path)
    assert list(path.parent.iterdir()) == [path]
    assert_same_network(load(path), model)


def test_a_folder_is_neither_written_over_nor_read(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        save(network(), tmp_path / "folder")
    with pytest.raises(OSError, match="folder"):
        load(tmp_path / "folder")
    with pytest.raises(FileNotFoundError):
        save(network(), tmp_path / "nowhere" / "weights.npz")
    assert [p.name for p in tmp_path.rglob("*")] == ["folder"]


# A file that is not one


def assert_refused(path, data, *words):
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: "), message
    for word in (*words, "expected", "got"):
        assert word in message, message


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"weights\.npz"):
        load(path)


def test_a_file_cut_short_is_refused_wherever_it_is_cut(path):
    _, data = saved(path.parent)
    for length in range(len(data)):
        assert_refused(path, data[:length], f"{length} bytes")


def test_a_changed_bit_is_refused_or_changes_nothing(path):
    model, data = saved(path.parent, sizes=(2, 1, 1), cell="gru")
    harmless = 0
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            loaded = load(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")
        else:
            assert_same_network(loaded, model)
            harmless += 1
    assert 0 < harmless < len(data) / 3  # dates and the like, which an archive has, too


def test_numbers_are_not_read_from_the_wrong_place(path):
    # NumPy believes a header that says it is shorter, and takes the rest of it for numbers. In a
    # large array it then never comes to the end, where the checksum would be compared.
    _, data = saved(path.parent, sizes=(1, 40, 1))
    place = data.index(b"\x93NUMPY", data.index(b"W_hh.npy")) + 8
    length = data[place]
    for changed in range(256):
        if changed != length:
            assert_refused(path, data[:place] + bytes([changed]) + data[place + 1 :], "W_hh")


@given(data=st.data())
def test_a_damaged_stretch_is_refused_or_changes_nothing(folder, data):
    model, whole = saved(folder, cell="lstm")
    start = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=40))
    path = folder / "damaged.npz"
    path.write_bytes(whole[:start] + damage + whole[start + len(damage) :])
    try:
        loaded = load(path)
    except ValueError:
        return
    assert_same_network(loaded, model)


class Trap:
    """Unpickling it would end the test."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle has been run",))


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(save_as=np.savez, **arrays):
    file = io.BytesIO()
    save_as(file, **arrays)
    return file.getvalue()


def archive(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return file.getvalue()


FOREIGN = {
    "empty": b"",
    "text": b"W_xh = 1.0\n" * 30,
    "json": json.dumps({"format": "rnnlib.RNN", "version": 1}).encode(),
    "zeros": bytes(5000),
    "a pickle": pickle.dumps(Trap()),
    "one array": npy(np.ones(3)),
    "one pickled array": npy(np.array([Trap()]), allow_pickle=True),
    "pickled arrays": npz(format=np.array([Trap()]), version=np.array(Trap())),
    "an empty archive": archive(),
    "an archive of texts": archive(format="rnnlib.RNN", version="1"),
    "an archive of nonsense": archive(**{"format.npy": "nonsense", "version.npy": ""}),
    "other arrays": npz(a=np.ones(3)),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused(data, path):
    assert_refused(path, data)


def members(**choices):
    """The arrays in the file of a network."""
    model = network(cell="gru", **choices)
    file = {"format": "rnnlib.RNN", "version": 1}
    file |= {name: getattr(model, name) for name in (*SIZES, *CHOICES)}
    return file | {"dtype": str(model.dtype)} | model.params


HUGE = np.array(2**60)
CHANGED = {
    "another format": ({"format": "other"}, ["format", "'rnnlib.RNN'", "'other'"]),
    "a later version": ({"version": 2}, ["version", "expected 1", "got 2"]),
    "a version of text": ({"version": "1"}, ["version", "expected 1", "got '1'"]),
    "no version": ({"version": None}, ["version"]),
    "no cell": ({"cell": None}, ["cell"]),
    "a list of cells": ({"cell": ["gru", "gru"]}, ["cell"]),
    "another cell": ({"cell": "elman"}, ["cell", "elman"]),
    "a cell that does not fit": ({"cell": "tanh"}, ["unknown: ['b_hn']"]),
    "a number as cell": ({"cell": 3}, ["cell", "3"]),
    "an unknown loss": ({"loss": "hinge"}, ["loss", "hinge"]),
    "an unknown dtype": ({"dtype": "float16"}, ["dtype", "float16"]),
    "a strange dtype": ({"dtype": "(1,"}, ["dtype", "(1,"]),
    "another dtype": ({"dtype": "float32"}, ["W_xh", "float32", "float64"]),
    "a size of 0": ({"hidden_size": 0}, ["hidden_size", "0"]),
    "a size of text": ({"hidden_size": "2"}, ["hidden_size", "'2'"]),
    "a broken size": ({"hidden_size": 2.0}, ["hidden_size"]),
    "another size": ({"output_size": 5}, ["W_hy", "(5, 2)", "(4, 2)"]),
    "a huge size": ({"input_size": HUGE, "hidden_size": HUGE}, ["sizes", str(2**60)]),
    "a missing array": ({"W_hy": None}, ["missing: ['W_hy']"]),
    "another array": ({"extra": np.ones(2)}, ["unknown: ['extra']"]),
    "a state too many": ({"h_0": np.ones(2)}, ["unknown: ['h_0']"]),
    "a state too few": ({"initial_state": "learned"}, ["missing: ['h_0']"]),
    "a shape": ({"b_y": np.ones((4, 1))}, ["b_y", "(4,)", "(4, 1)"]),
    "whole numbers": ({"b_y": np.ones(4, int)}, ["b_y", "float64", "int64"]),
    "text": ({"b_y": np.array(list("abcd"))}, ["b_y", "float64", "str"]),
    "NaN": ({"b_y": np.full(4, np.nan)}, ["b_y", "finite", "nan"]),
    "infinity": ({"W_xh": np.full((6, 3), np.inf)}, ["W_xh", "finite", "inf"]),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), CHANGED.values(), ids=CHANGED)
def test_a_file_that_does_not_fit_together_is_refused(changes, words, path):
    arrays = {name: value for name, value in (members() | changes).items() if value is not None}
    assert_refused(path, npz(**arrays), *words)


@pytest.mark.parametrize("save_as", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_same_arrays_written_by_others_are_read(save_as, order, path):
    arrays = members(dtype="float32")
    for name in ("W_xh", "b_h"):
        arrays[name] = arrays[name].astype(f"{order}f4")
    path.write_bytes(npz(save_as, **arrays))
    assert_same_network(load(path), network(cell="gru", dtype="float32"))


# Against PyTorch

TOLERANCE = {"rtol": 0, "atol": 1e-12}


def layers_of(torch, model):
    D, H, V = (getattr(model, name) for name in SIZES)
    kind = {"tanh": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[model.cell]
    return kind(D, H).double(), torch.nn.Linear(H, V).double()


def answers_of(torch, layer, linear, x, state=None):
    if isinstance(layer, torch.nn.LSTM) and state is not None:
        state = tuple(state)
    with torch.no_grad():
        h, last = layer(torch.from_numpy(x), state)
        last = torch.cat(last) if isinstance(last, tuple) else last[0]
        return linear(h).numpy(), last.numpy()


@each_cell
@pytest.mark.parametrize("initial_state", CHOICES["initial_state"])
def test_pytorch_with_our_weights_answers_the_same(cell, initial_state):
    torch = pytest.importorskip("torch")
    model = network((3, 4, 5), cell=cell, loss="squared", initial_state=initial_state)
    layer, linear = layers_of(torch, model)
    weights = {name: torch.from_numpy(array) for name, array in to_torch(model).items()}
    layer.load_state_dict({k: v for k, v in weights.items() if k.endswith("_l0")})
    linear.load_state_dict({k: weights["readout." + k] for k in ("weight", "bias")})
    x, state = np.random.default_rng(2).normal(size=(7, 2, 3)), None
    if initial_state == "learned":
        names = [name for name in ("h_0", "c_0") if name in weights]
        rows = torch.stack([weights[name].repeat(2, 1) for name in names])
        state = rows[:, None] if cell == "lstm" else rows
    p, last = answers_of(torch, layer, linear, x, state)
    wanted, wanted_last = model.predict(x)
    np.testing.assert_allclose(p, wanted, **TOLERANCE)
    np.testing.assert_allclose(last, wanted_last, **TOLERANCE)


@each_cell
@pytest.mark.parametrize("kind", ["state_dict", "parameters", "arrays"])
def test_we_with_the_weights_of_pytorch_answer_the_same(cell, kind):
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    model = network((3, 4, 5), cell=cell, loss="squared")
    layer, linear = layers_of(torch, model)
    module = torch.nn.ModuleDict({"layer": layer, "linear": linear})
    weights = module.state_dict()
    if kind == "parameters":  # these ask for gradients
        weights = dict(module.named_parameters())
    elif kind == "arrays":
        weights = {name: tensor.numpy() for name, tensor in weights.items()}
    from_torch(model, weights, rnn="layer.", readout="linear.")
    x = np.random.default_rng(2).normal(size=(7, 2, 3))
    p, last = model.predict(x)
    wanted, wanted_last = answers_of(torch, layer, linear, x)
    np.testing.assert_allclose(p, wanted, **TOLERANCE)
    np.testing.assert_allclose(last, wanted_last, **TOLERANCE)


@each_cell
@pytest.mark.parametrize("options", [{"num_layers": 2}, {"bidirectional": True}, {"bias": False}])
def test_layers_of_pytorch_that_we_do_not_have_are_refused(cell, options):
    torch = pytest.importorskip("torch")
    model = network((3, 4, 5), cell=cell)
    before = copy.deepcopy(model.params)
    kind = {"tanh": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    with pytest.raises(ValueError, match=r"_l1|_reverse|missing: \['bias_ih_l0"):
        from_torch(model, kind(3, 4, **options).state_dict(), readout=None)
    assert_same_bits(model.params, before)


def test_tensors_of_types_that_numpy_lacks_are_read():
    torch = pytest.importorskip("torch")
    model = network()
    weights = {n: torch.from_numpy(a).bfloat16() for n, a in to_torch(model).items()}
    from_torch(model, weights)
    for name, tensor in zip(("W_xh", "W_hh", "b_h"), weights.values(), strict=False):
        assert np.array_equal(model.params[name], tensor.double().numpy())
