"""Weights that leave the program: to PyTorch and back, to a file and back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from rnnlib.checks import any_array, finite_array, one_of, whole_number
from rnnlib.files import arrays_in, write_whole
from rnnlib.model import RNN

__all__ = ["from_torch", "load", "save", "to_torch"]

_FORMAT, _VERSION = "rnnlib.RNN", 1
_SIZES = ("input_size", "hidden_size", "output_size")
_CHOICES = ("cell", "loss", "outputs", "reduction", "initial_state", "dtype")
_LEARNED = ("h_0", "c_0")


def to_torch(model: RNN) -> dict[str, np.ndarray]:
    """The weights under the names, and in the layout, of PyTorch's nn.RNN, nn.LSTM or nn.GRU.

        weight_ih_l0 = W_xh,    bias_ih_l0 = b_h
        weight_hh_l0 = W_hh,    bias_hh_l0 = 0, but (0, 0, b_hn) for the GRU
        readout.weight = W_hy,  readout.bias = b_y    (an nn.Linear)

    PyTorch has two biases that it adds, where one is enough. It has no place for learned initial
    states: these keep their names, h_0 and c_0. In PyTorch, with `w = to_torch(model)`:

        w = {k: torch.from_numpy(v) for k, v in w.items()}
        layer.load_state_dict({k: v for k, v in w.items() if k.endswith("_l0")})
        linear.load_state_dict({k: w["readout." + k] for k in ("weight", "bias")})

    Arguments
        model  an RNN; its dtype becomes that of the tensors

    Returns
        weights  arrays by name, copies of the parameters

    Errors
        TypeError, ValueError  not an RNN; a parameter of another kind, or not finite

    Chapter: *long-memory*.
    """
    params = _exact(_arguments(model), model.params).params  # copies
    bias_hh = np.zeros_like(params["b_h"])
    if "b_hn" in params:
        bias_hh[-model.hidden_size :] = params["b_hn"]
    weights = {
        "weight_ih_l0": params["W_xh"].copy("C"),
        "weight_hh_l0": params["W_hh"],
        "bias_ih_l0": params["b_h"],
        "bias_hh_l0": bias_hh,
        "readout.weight": params["W_hy"],
        "readout.bias": params["b_y"],
    }
    return weights | {n: params[n] for n in _LEARNED if n in params}


def from_torch(
    model: RNN,
    weights: Mapping[str, np.ndarray],
    rnn: str = "",
    readout: str | None = "readout.",
) -> None:
    """Fill a model's parameters, in place, from the `state_dict` of a one-layer PyTorch network.

        W_xh = weight_ih_l0,    W_hh = weight_hh_l0
        b_h  = bias_ih_l0 + bias_hh_l0
        GRU:  b_h = bias_ih_l0 + (b_hr, b_hz, 0)  where  bias_hh_l0 = (b_hr, b_hz, b_hn)

    Arguments
        model    the network to fill, of the same cell and sizes
        weights  tensors or arrays by name; read only. No other names than those needed
        rnn      what stands before the names of the recurrent layer, such as "lstm."
        readout  what stands before "weight" and "bias" of the nn.Linear; None: `weights` has
                 none, and W_hy and b_y stay as they are

    Errors
        TypeError, ValueError  a name that is missing (h_0 and c_0, too, if the model learns
            them) or unknown (a second layer, another direction), another shape, a number that
            is not finite. No parameter has changed then.

    Chapter: *long-memory*.
    """
    H = _arguments(model)["hidden_size"]
    if not isinstance(weights, Mapping):
        raise TypeError(f"weights: expected a dict, got {weights!r:.60}")
    keys = {"W_xh": f"{rnn}weight_ih_l0", "W_hh": f"{rnn}weight_hh_l0"}
    keys |= {"b_h": f"{rnn}bias_ih_l0", "b_hh": f"{rnn}bias_hh_l0"}
    if readout is not None:
        keys |= {"W_hy": f"{readout}weight", "b_y": f"{readout}bias"}
    keys |= {name: name for name in model.params if name in _LEARNED}
    _same_names("weights", weights, keys.values())
    shapes = {name: param.shape for name, param in model.params.items()}
    shapes["b_hh"] = shapes["b_h"]
    new = {n: _floats(k, weights[k], shapes[n]) for n, k in keys.items()}
    b_hh = new.pop("b_hh")
    if "b_hn" in shapes:
        new["b_hn"] = b_hh[-H:].copy()
        b_hh[-H:] = 0
    new["b_h"] += b_hh
    for name, value in new.items():
        if not model.params[name].flags.writeable:
            raise ValueError(
                f"params[{name!r}]: expected an array that can be written to, got a read-only one"
            )
        with np.errstate(over="ignore"):  # finite_array sees the infinity
            new[name] = finite_array(name, value, value.ndim, model.dtype)
    for name, value in new.items():
        model.params[name][...] = value


def save(model: RNN, path: str | os.PathLike[str]) -> None:
    """Write a model to a file: all that `load` needs to build the same network again.

    The file is an .npz archive: the parameters under their names, and beside them the arguments
    of `RNN` ("cell", "input_size", …), "format" and "version". It is written under another name
    and renamed when it is whole; whatever goes wrong, an older file stays as it was.

    Arguments
        model  the network. `init` and `rng` are not kept: they made only the first weights
        path   where to write; nothing is appended to the name

    Errors
        TypeError, ValueError  not an RNN; a parameter of another kind, or not finite
        OSError                the file cannot be written

    Chapter: *training-loop*.
    """
    told = _arguments(model)
    params = _exact(told, model.params).params
    told |= {"format": _FORMAT, "version": _VERSION}
    write_whole(path, lambda file: np.savez(file, **told, **params))


def load(path: str | os.PathLike[str]) -> RNN:
    """Build the network that `save` has written to a file.

    Nothing in the file is run, so it may come from a stranger.

    Arguments
        path  the file

    Returns
        model  an `RNN` with the same arguments and, bit by bit, the same parameters

    Errors
        FileNotFoundError  there is no such file
        ValueError         the file is damaged, or is not one that this version of `save` writes
        OSError            the file cannot be read

    Chapter: *training-loop*.
    """
    data = Path(path).read_bytes()
    try:
        return _network(arrays_in(data, "rnnlib's save"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def _network(arrays: dict[str, np.ndarray]) -> RNN:
    names = ("format", "version", *_SIZES, *_CHOICES)
    told = {n: np.asarray(arrays.pop(n, None)).tolist() for n in names}
    for name, wanted in (("format", _FORMAT), ("version", _VERSION)):
        if (got := told.pop(name)) != wanted:
            raise ValueError(f"{name}: expected {wanted!r}, got {got!r:.60}")
    one_of("dtype", told["dtype"], ("float64", "float32"))
    D, H, V = (whole_number(name, told[name], least=1) for name in _SIZES)
    numbers = sum(map(np.size, arrays.values()))
    if H * max(D, H, V) > numbers:  # before memory is asked for so many
        raise ValueError(
            f"sizes: expected those of the {numbers} numbers in the file, got {D}, {H}, {V}"
        )
    return _exact(told, arrays)


def _arguments(model: RNN) -> dict[str, str | int]:
    """The arguments that build a network like this one, but for `init` and `rng`."""
    if not isinstance(model, RNN):
        raise TypeError(f"model: expected an RNN, got {model!r:.60}")
    told = {name: getattr(model, name) for name in _SIZES + _CHOICES}
    return told | {"dtype": np.dtype(model.dtype).name}


def _exact(told: dict, params: Mapping[str, np.ndarray]) -> RNN:
    """The network of these arguments, with these parameters as they are."""
    model = RNN(**told, rng=np.random.default_rng(0))
    _same_names("params", params, model.params)
    for name, param in model.params.items():
        array = params[name]
        kind = getattr(array, "dtype", np.dtype("O")).name
        if kind != param.dtype.name or array.shape != param.shape:
            raise ValueError(
                f"{name}: expected {param.dtype} {param.shape}, got {kind} {np.shape(array)}"
            )
        finite_array(name, array, param.ndim)
        param[...] = array
    return model


def _same_names(what: str, given: Iterable, wanted: Iterable) -> None:
    given, wanted = list(given), list(wanted)
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    if missing or unknown:
        raise ValueError(
            f"{what}: expected {wanted}, got {given}; missing: {missing}, unknown: {unknown}"
        )


def _floats(key: str, value: object, shape: tuple[int, ...]) -> np.ndarray:
    """A tensor or array as a new array of float64, if it has this shape and is finite."""
    if hasattr(value, "detach"):  # a tensor, perhaps of a type NumPy lacks
        value = value.detach().cpu().double()
    array = any_array(key, value)
    if array.shape != shape:
        raise ValueError(f"{key}: expected shape {shape}, got {array.shape}")
    return finite_array(key, array, len(shape))
