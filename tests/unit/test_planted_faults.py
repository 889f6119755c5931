"""Faults planted in backward passes: each one is found, and named by the right parameter.

First in networks written out here, which hold the mistakes that have been published or that are
easily made; then in the source of the library itself, one wrong line at a time.
"""

import importlib
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from oracle import Case, build, with_data
from test_model_gradients import assert_agrees, assert_close

import rnnlib

# A tanh network that could be anyone's: one function, and the places where it goes wrong

T, B, D, H, V = SIZES = (5, 3, 4, 3, 4)


class Written:
    """A network whose weights are drawn from N(0, 1/H), with or without one fault."""

    reads = "ids"

    def __init__(self, cell, fault=None):
        self.case = with_data(
            Case(cell, initial="learned", masked=True, sizes=SIZES, seed=1, reads=self.reads)
        )
        self.case.inputs[1, 0] = self.case.inputs[0, 0]  # an id that comes twice
        self.params = self.case.params
        self.fault = fault
        self.data = {name: self.case.data[name] for name in ("inputs", "targets", "mask")}


def softmax(o):
    exp = np.exp(o - o.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def readout(params, h, y, counts):
    """The loss and ∂L/∂o of one step, for the sequences that count."""
    p = softmax(h @ params["W_hy"].T + params["b_y"])
    one_hot = np.eye(p.shape[1])[y]
    return -np.sum(counts * np.log(np.sum(p * one_hot, axis=1))), (p - one_hot) * counts[:, None]


class Tanh(Written):
    """The tanh/softmax network; `self.fault` says which line is wrong."""

    def __init__(self, fault=None):
        super().__init__("tanh", fault)

    def loss_and_grads(self, inputs, targets, mask):
        params, fault = self.params, self.fault
        W_hh, W_hy = params["W_hh"], params["W_hy"]
        x = np.eye(D)[inputs]
        h = np.zeros((T + 1, B, H))
        a = np.zeros((T, B, H))
        h[0] = params["h_0"]
        loss, do = 0.0, np.zeros((T, B, V))
        for t in range(T):
            a[t] = x[t] @ params["W_xh"].T + h[t] @ W_hh.T + params["b_h"]
            h[t + 1] = np.where(mask[t][:, None], np.tanh(a[t]), h[t])
            step, do[t] = readout(params, h[t + 1], targets[t], mask[t])
            loss += step
            if fault == "softmax gradient without subtracting the target":
                do[t] = softmax(h[t + 1] @ W_hy.T + params["b_y"]) * mask[t][:, None]
            if fault == "softmax gradient with the target added":
                do[t] += 2 * np.eye(V)[targets[t]] * mask[t][:, None]
        if fault == "loss is the mean over the steps, gradient the sum":
            loss /= T
        if fault == "loss is the mean over the classes, gradient the sum":
            loss /= V
        grads = {name: np.zeros_like(param) for name, param in params.items()}
        dh = np.zeros((B, H))
        for t in reversed(range(T)):
            there = mask[t][:, None]
            if fault == "W_hy is assigned, not accumulated":
                grads["W_hy"][...] = 0
            if fault == "b_y is assigned, not accumulated":
                grads["b_y"][...] = 0
            grads["W_hy"] += do[t].T @ h[t if fault == "W_hy with the state before" else t + 1]
            grads["b_y"] += grads["b_y"] if fault == "b_y += b_y" else do[t].sum(axis=0)
            dh = dh + do[t] @ W_hy
            slope = 1 - h[t + 1] ** 2
            if fault == "slope 1 - a² for 1 - h²":
                slope = 1 - a[t] ** 2
            if fault == "slope 1 + h² for 1 - h²":
                slope = 1 + h[t + 1] ** 2
            if fault == "slope 1 - h for 1 - h²":
                slope = 1 - h[t + 1]
            if fault == "no slope":
                slope = 1
            da = slope * dh * there
            if fault == "masked steps leak gradient":
                da = slope * dh
            before = h[t + 1] if fault == "h_t in the place of h_{t-1}" else h[t]
            x_t = x[t - 1] if fault == "x_{t-1} in the place of x_t" else x[t]
            if fault == "repeated ids are assigned, not added":
                for b in range(B):
                    grads["W_xh"][:, inputs[t, b]] = da[b]
            else:
                grads["W_xh"] += da.T @ x_t
            grads["W_hh"] += da.T @ before
            if fault == "W_hh's gradient is transposed":
                grads["W_hh"] += before.T @ da - da.T @ before
            if fault == "b_h from the last sequence alone":
                grads["b_h"] += da[-1]
            else:
                grads["b_h"] += da.sum(axis=0)
            back = da @ W_hh
            if fault == "W_hh is not transposed":
                back = da @ W_hh.T
            if fault == "diag on the wrong side":
                back = slope * (dh @ W_hh) * there
            if fault == "not transposed, and diag on the wrong side":
                back = slope * (dh @ W_hh.T) * there
            if fault == "no gradient from step t+1":
                back = np.zeros((B, H))
            if fault == "only one step back":
                # What arrives is passed on to the parameters, but never further.
                back = (slope * (do[t] @ W_hy) * there) @ W_hh
            carried = np.where(there, 0, dh)
            if fault == "masked steps stop the gradient":
                carried = 0
            dh = back + carried
        if fault != "no gradient for the initial state":
            grads["h_0"] += dh[0] if fault == "h_0 from one sequence alone" else dh.sum(axis=0)
        return float(loss), grads, h[-1]


TANH_FAULTS = {
    # The parameters that come first in `params` are the first to be named.
    "W_hh is not transposed": "W_xh",
    "diag on the wrong side": "W_xh",
    "not transposed, and diag on the wrong side": "W_xh",
    "no gradient from step t+1": "W_xh",
    "only one step back": "W_xh",
    "loss is the mean over the steps, gradient the sum": "W_xh",
    "loss is the mean over the classes, gradient the sum": "W_xh",
    "W_hy is assigned, not accumulated": "W_hy",
    "W_hy with the state before": "W_hy",
    "b_y is assigned, not accumulated": "b_y",
    "b_y += b_y": "b_y",
    "slope 1 - a² for 1 - h²": "W_xh",
    "slope 1 + h² for 1 - h²": "W_xh",
    "slope 1 - h for 1 - h²": "W_xh",
    "no slope": "W_xh",
    "h_t in the place of h_{t-1}": "W_hh",
    "W_hh's gradient is transposed": "W_hh",
    "x_{t-1} in the place of x_t": "W_xh",
    "repeated ids are assigned, not added": "W_xh",
    "b_h from the last sequence alone": "b_h",
    "no gradient for the initial state": "h_0",
    "h_0 from one sequence alone": "h_0",
    "softmax gradient without subtracting the target": "W_xh",
    "softmax gradient with the target added": "W_xh",
    "masked steps leak gradient": "W_xh",
    "masked steps stop the gradient": "W_xh",
}


# The same for the two cells with gates


def sigmoid(a):
    return (1 + np.tanh(a / 2)) / 2


class LSTM(Written):
    """The LSTM with a softmax readout."""

    reads = "vectors"

    def __init__(self, fault=None):
        super().__init__("lstm", fault)

    def loss_and_grads(self, inputs, targets, mask):
        params, fault = self.params, self.fault
        h, c = np.zeros((2, T + 1, B, H))
        gates = np.zeros((T, 4, B, H))
        h[0], c[0] = params["h_0"], params["c_0"]
        loss, do = 0.0, np.zeros((T, B, V))
        for t in range(T):
            there = mask[t][:, None]
            a = inputs[t] @ params["W_xh"].T + h[t] @ params["W_hh"].T + params["b_h"]
            i, f, g, o = np.split(a, 4, axis=1)
            i, f, g, o = gates[t] = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c[t + 1] = np.where(there, f * c[t] + i * g, c[t])
            h[t + 1] = np.where(there, o * np.tanh(c[t + 1]), h[t])
            step, do[t] = readout(params, h[t + 1], targets[t], mask[t])
            loss += step
        grads = {name: np.zeros_like(param) for name, param in params.items()}
        dh, dc = np.zeros((2, B, H))
        for t in reversed(range(T)):
            there = mask[t][:, None]
            i, f, g, o = gates[t]
            grads["W_hy"] += do[t].T @ h[t + 1]
            grads["b_y"] += do[t].sum(axis=0)
            dh = dh + do[t] @ params["W_hy"]
            tanh_c = np.tanh(c[t + 1])
            through_c = dh * o * (1 - tanh_c**2)
            if fault == "no slope of tanh(c)":
                through_c = dh * o
            total = dc + through_c
            if fault == "the output gate from c, not tanh(c)":
                tanh_c = c[t + 1]
            forgotten = c[t + 1] if fault == "the forget gate with c_t, not c_{t-1}" else c[t]
            d_a = [total * g * i * (1 - i), total * forgotten * f * (1 - f)]
            d_a += [total * i * (1 - g**2), dh * tanh_c * o * (1 - o)]
            if fault == "the slope of a sigmoid for g":
                d_a[2] = total * i * g * (1 - g)
            if fault == "blocks in another order":
                d_a = [d_a[0], d_a[1], d_a[3], d_a[2]]
            da = np.concatenate(d_a, axis=1) * there
            grads["W_xh"] += da.T @ inputs[t]
            grads["W_hh"] += da.T @ h[t]
            grads["b_h"] += da.sum(axis=0)
            dc_before = total * f
            if fault == "no gradient through c over time":
                dc_before = 0 * total
            if fault == "no gradient through c or h over time":
                dc_before = 0 * total
                da = 0 * da
            if fault == "c without the forget gate":
                dc_before = total
            dh = np.where(there, da @ params["W_hh"], dh)
            dc = np.where(there, dc_before, dc)
            if fault == "masked steps leak c":
                dc = dc_before
        grads["h_0"] += dh.sum(axis=0)
        if fault != "no gradient for c_0":
            grads["c_0"] += dc.sum(axis=0)
        return float(loss), grads, np.array([h[-1], c[-1]])


LSTM_FAULTS = {
    "no gradient through c over time": "W_xh",
    "no gradient through c or h over time": "W_xh",
    "no slope of tanh(c)": "W_xh",
    "the output gate from c, not tanh(c)": "W_xh",
    "the forget gate with c_t, not c_{t-1}": "W_xh",
    "the slope of a sigmoid for g": "W_xh",
    "blocks in another order": "W_xh",
    "c without the forget gate": "W_xh",
    "masked steps leak c": "W_xh",
    "no gradient for c_0": "c_0",
}


class GRU(Written):
    """The GRU with a softmax readout."""

    reads = "vectors"

    def __init__(self, fault=None):
        super().__init__("gru", fault)

    def loss_and_grads(self, inputs, targets, mask):
        params, fault = self.params, self.fault
        h = np.zeros((T + 1, B, H))
        kept = np.zeros((T, 4, B, H))
        h[0] = params["h_0"]
        loss, do = 0.0, np.zeros((T, B, V))
        for t in range(T):
            x_r, x_z, x_n = np.split(inputs[t] @ params["W_xh"].T + params["b_h"], 3, axis=1)
            h_r, h_z, h_n = np.split(h[t] @ params["W_hh"].T, 3, axis=1)
            h_n = h_n + params["b_hn"]
            r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
            kept[t] = r, z, np.tanh(x_n + r * h_n), h_n
            h[t + 1] = np.where(mask[t][:, None], (1 - z) * kept[t, 2] + z * h[t], h[t])
            step, do[t] = readout(params, h[t + 1], targets[t], mask[t])
            loss += step
        grads = {name: np.zeros_like(param) for name, param in params.items()}
        dh = np.zeros((B, H))
        for t in reversed(range(T)):
            there = mask[t][:, None]
            r, z, n, h_n = kept[t]
            grads["W_hy"] += do[t].T @ h[t + 1]
            grads["b_y"] += do[t].sum(axis=0)
            dh = dh + do[t] @ params["W_hy"]
            gone = np.where(there, dh, 0)
            d_n = gone * (1 - z) * (1 - n**2)
            d_z = gone * (h[t] - n) * z * (1 - z)
            if fault == "z with h_t, not h_{t-1}":
                d_z = gone * (h[t + 1] - n) * z * (1 - z)
            if fault == "z the other way round":
                d_z = -d_z
            d_r = d_n * h_n * r * (1 - r)
            if fault == "r without the bias in its product":
                d_r = d_n * (h_n - params["b_hn"]) * r * (1 - r)
            d_m = d_n if fault == "r left out on the way to W_hn" else d_n * r
            grads["W_xh"] += np.concatenate([d_r, d_z, d_n], axis=1).T @ inputs[t]
            grads["b_h"] += np.concatenate([d_r, d_z, d_n], axis=1).sum(axis=0)
            through = np.concatenate([d_r, d_z, d_m], axis=1)
            grads["W_hh"] += through.T @ h[t]
            grads["b_hn"] += (d_n if fault == "the bias outside r's product" else d_m).sum(axis=0)
            around = 0 if fault == "no gradient around the gates" else gone * z
            dh = through @ params["W_hh"] + around + np.where(there, 0, dh)
        grads["h_0"] += dh.sum(axis=0)
        return float(loss), grads, h[-1]


GRU_FAULTS = {
    "z with h_t, not h_{t-1}": "W_xh",
    "z the other way round": "W_xh",
    "r without the bias in its product": "W_xh",
    "r left out on the way to W_hn": "W_xh",
    "the bias outside r's product": "b_hn",
    "no gradient around the gates": "W_xh",
}

PLANTED = [
    (network, fault, named)
    for network, faults in ((Tanh, TANH_FAULTS), (LSTM, LSTM_FAULTS), (GRU, GRU_FAULTS))
    for fault, named in faults.items()
]


@pytest.mark.parametrize("network", [Tanh, LSTM, GRU])
def test_the_networks_written_out_pass_when_nothing_is_planted(network):
    model = network()
    errors = rnnlib.check_gradients(model, **model.data)
    assert errors.keys() == model.params.keys()
    # And they are the same network as the library's.
    own = build(model.case, rnnlib.RNN)
    found, wanted = model.loss_and_grads(**model.data), own.loss_and_grads(**model.data)
    assert_close(found[0], wanted[0], 1e-12)
    assert_close(found[2], wanted[2], 1e-12)
    for name in model.params:
        assert_close(found[1][name], wanted[1][name], 1e-11, name)


@pytest.mark.parametrize(("network", "fault", "named"), PLANTED)
def test_a_planted_fault_fails_and_names_the_parameter(network, fault, named):
    model = network(fault)
    with pytest.raises(AssertionError, match=rf"^{named}\[.*: the gradient says .*relative error"):
        rnnlib.check_gradients(model, **model.data)


@pytest.mark.parametrize(("network", "fault", "named"), PLANTED)
def test_a_planted_fault_is_more_than_a_rounding_error_away(network, fault, named):
    # So the verdict does not hang on the tolerance: the smallest fault errs by more than 1 %.
    right, wrong = network(), network(fault)
    right_grads, wrong_grads = (m.loss_and_grads(**m.data)[1] for m in (right, wrong))
    if fault.startswith("loss is"):
        assert wrong.loss_and_grads(**wrong.data)[0] < right.loss_and_grads(**right.data)[0] / 2
        return
    errors = {n: rnnlib.relative_error(right_grads[n], wrong_grads[n]) for n in right.params}
    assert errors[named] > 0.01
    before = itertools.takewhile(lambda name: name != named, right.params)
    assert all(errors[name] == 0 for name in before)


# Faults that one call alone does not show


class KeepsProbabilities(Tanh):
    """Computes p once for the same weights and data, and subtracts the targets from it in place."""

    kept = None

    def loss_and_grads(self, inputs, targets, mask):
        _, grads, last = super().loss_and_grads(inputs, targets, mask)
        weights = [param.tobytes() for param in self.params.values()]
        if self.kept is None or self.kept[0] != weights:
            h = build(self.case, rnnlib.RNN).states(inputs, mask=mask)
            self.kept = weights, softmax(h[1:] @ self.params["W_hy"].T + self.params["b_y"])
        p = self.kept[1]
        right = np.take_along_axis(p, targets[..., None], axis=2)[..., 0]
        with np.errstate(invalid="ignore"):
            loss = -np.sum(np.log(right)[mask])
        p -= np.eye(V)[targets]
        grads["b_y"] = p[mask].sum(axis=0)
        return float(loss), grads, last


class KeepsGradients(Tanh):
    """Adds to the gradients of the call before."""

    total = None

    def loss_and_grads(self, inputs, targets, mask):
        loss, grads, last = super().loss_and_grads(inputs, targets, mask)
        if self.total is None:
            self.total = grads
        else:
            for name in grads:
                self.total[name] += grads[name]
        return loss, self.total, last


class KeepsState(Tanh):
    """Starts each sequence where the one before ended."""

    def loss_and_grads(self, inputs, targets, mask):
        loss, grads, last = super().loss_and_grads(inputs, targets, mask)
        self.params["h_0"][...] = last.mean(axis=0)
        return loss, grads, last


def assert_a_second_call_is_like_the_first(model, data):
    loss, grads, last = model.loss_and_grads(**data)
    grads, last = {name: grad.copy() for name, grad in grads.items()}, last.copy()
    loss_2, grads_2, last_2 = model.loss_and_grads(**data)
    assert loss_2 == loss, "loss"
    assert np.array_equal(last_2, last), "state"
    for name in grads:
        assert np.array_equal(grads_2[name], grads[name]), name


@pytest.mark.parametrize("network", [Tanh, LSTM, GRU])
def test_a_second_call_is_like_the_first(network):
    model = network()
    assert_a_second_call_is_like_the_first(model, model.data)
    assert_a_second_call_is_like_the_first(build(model.case, rnnlib.RNN), model.data)


@pytest.mark.parametrize("network", [KeepsProbabilities, KeepsGradients, KeepsState])
def test_a_network_that_remembers_its_last_call_is_found_by_a_second_call(network):
    model = network()
    with pytest.raises(AssertionError):
        assert_a_second_call_is_like_the_first(model, model.data)


def test_the_first_call_of_a_network_that_spoils_its_probabilities_is_right():
    # This is why one call is not enough: loss and gradient of the first belong together.
    model, right = KeepsProbabilities(), Tanh()
    loss, grads, _ = model.loss_and_grads(**model.data)
    wanted_loss, wanted, _ = right.loss_and_grads(**right.data)
    assert loss == pytest.approx(wanted_loss, rel=1e-12)
    assert all(np.allclose(grads[name], wanted[name], rtol=1e-12, atol=1e-14) for name in wanted)
    assert not np.isfinite(model.loss_and_grads(**model.data)[0])  # the logarithm of p − 1


# The library itself, with one line replaced by a wrong one

SOURCES = Path(rnnlib.__file__).parent
FULL = {
    cell: Case(cell, masked=True, initial="learned", reads="vectors", sizes=(4, 2, 3, 3, 3))
    for cell in ("tanh", "lstm", "gru")
}
TANH, LSTM_CASE, GRU_CASE = FULL.values()
CUT = TANH.changed(initial="given", has_d_state=True, sizes=(5, 2, 3, 3, 3))
OVERLAP = CUT.changed(truncation="overlap", steps=3, stride=2)
STEPS_BACK = CUT.changed(truncation="steps-back", steps=2)

# Found by finite differences: the module, where in it, the line, the wrong line, the case.
BY_DIFFERENCES = {
    "tanh: W_hh not transposed on the way back": (
        "cells", "class TanhCell", 'W_hh = params["W_hh"]', 'W_hh = params["W_hh"].T', TANH,
    ),
    "tanh: no gradient from step t+1": (
        "cells", "class TanhCell", "dh_prev += Wda", "pass", TANH,
    ),
    "tanh: slope 1 + h²": (
        "cells", "def one_minus_square", "np.subtract(1, out, out)", "np.add(1, out, out)", TANH,
    ),
    "tanh: masked steps leak gradient": (
        "cells", "class TanhCell", "np.copyto(dh_da, 0, where=rest)", "pass", TANH,
    ),
    "tanh: masked steps stop the gradient": (
        "cells", "class TanhCell", "np.add(dh_prev, dh_t, dh_prev, where=rest_t)", "pass", TANH,
    ),
    "lstm: forget gate with c_t": (
        "gated", "class LSTMCell", "f *= c_prev", "f *= s[1, 1:]", LSTM_CASE,
    ),
    "lstm: no gradient through c over time": (
        "gated", "class LSTMCell", "dc *= dc_dc_t", "dc *= 0", LSTM_CASE,
    ),
    "lstm: no slope of tanh(c)": (
        "gated", "class LSTMCell", "dh_dc *= o", "dh_dc[...] = o", LSTM_CASE,
    ),
    "lstm: masked steps forget": (
        "gated", "class LSTMCell", "np.copyto(dc_dc, 1, where=rest)", "pass", LSTM_CASE,
    ),
    "gru: the bias outside r's product": (
        "gated", "class GRUCell", "np.add(m_n_raw, b_hn, m_n_t)",
        "np.copyto(m_n_t, m_n_raw); n_t += b_hn", GRU_CASE,
    ),
    "gru: z with h_t": (
        "gated", "class GRUCell", "np.subtract(h_prev, n, spare)",
        "np.subtract(s[0, 1:], n, spare)", GRU_CASE,
    ),
    "gru: no gradient around the gates": (
        "gated", "class GRUCell", "dh_prev += kept", "pass", GRU_CASE,
    ),
    "softmax: the target is not subtracted": (
        "losses", "class SoftmaxCrossEntropy", "o[rows, y] -= w", "pass", TANH,
    ),
    "softmax: gradient of the sum, loss of the mean": (
        "losses", "class SoftmaxCrossEntropy", "(w / total)", "(1 / total)",
        TANH.changed(reduction="mean"),
    ),
    "sigmoid: one slope too many": (
        "losses", "class SigmoidCrossEntropy", "(sigmoid(o) - y)",
        "sigmoid(o) * (1 - sigmoid(o)) * (sigmoid(o) - y)", TANH.changed(loss="sigmoid"),
    ),
    "squared: the factor 2 is missing": (
        "losses", "class SquaredError", "o *= 2 *", "o *= 1 *", TANH.changed(loss="squared"),
    ),
    "h_t in the place of h_{t-1}": (
        "model", "def _gradients", "h_prev = run.s[0, :-1]", "h_prev = run.s[0, 1:]", TANH,
    ),
    "gru: b_hn takes the gradient of b_h": (
        "model", "def _gradients", "dm[:, -H:]", "da[:, -H:]", GRU_CASE,
    ),
    "the learned state has no gradient": (
        "model", "def _gradients", "(not batch.given)", "0", TANH,
    ),
}  # fmt: skip

# Found by the oracle alone: where loss and gradient are wrong together, or the gradient is cut.
BY_ORACLE = {
    "the mean over all places, not over those that count": (
        "model", "def _loss", "w /= w.sum()", "w /= len(w)", TANH.changed(reduction="mean"),
    ),
    "a learned state has a gradient although one is given": (
        "model", "def _gradients", " * (not batch.given)", "", TANH.changed(initial="overridden"),
    ),
    "repeated ids are assigned, not added": (
        "onehot", "def sums_by_id", "np.add.reduceat(rows[order], first, axis=0)",
        "rows[order][first]", Case(reads="ids", sizes=(4, 3, 300, 2, 2), seed=14),
    ),
    "a window counts the losses of the window before once more": (
        "bptt", "def backward", "own[first_loss - start + 1 :] = dh[first_loss + 1 : end + 1]",
        "own[1:] = dh[start + 1 : end + 1]", OVERLAP,
    ),
    "every window reaches the initial state": (
        "bptt", "def backward", "if start == 0:", "if True:", OVERLAP,
    ),
    "windows are one stride too long": (
        "bptt", "def windows", "end - k", "t - k", OVERLAP,
    ),
    "one step back too few": (
        "bptt", "def windows", "k, s = k + 1, 1", "k, s = k, 1", STEPS_BACK,
    ),
    "what arrives from later is lost": (
        "bptt", "def backward", "dh[T] += d_last[0]", "pass", CUT,
    ),
    "what arrives at c from later is lost": (
        "bptt", "def backward", "ds[1:] = d_last[1:]", "pass",
        STEPS_BACK.changed(cell="lstm"),
    ),
}  # fmt: skip


def section(source, start):
    """Where a class or function begins and ends: at the next line that is indented no deeper."""
    assert source.count(start) == 1, f"{start!r} is {source.count(start)} times in the source"
    begin = source.index(start)
    indent = begin - (source.rfind("\n", 0, begin) + 1)
    end = begin + len(source[begin:].split("\n")[0]) + 1
    for line in source[end:].splitlines(keepends=True):
        if line.strip() and len(line) - len(line.lstrip()) <= indent and line.lstrip()[0] != ")":
            break
        end += len(line)
    return begin, end


def mutated(source, where, line, wrong):
    """The source with one line replaced; a line that is not there once is an error of this test."""
    begin, end = section(source, where)
    inside = source[begin:end]
    assert inside.count(line) == 1, f"{line!r} is {inside.count(line)} times in {where}"
    return source[:begin] + inside.replace(line, wrong) + source[end:]


@pytest.fixture
def mutant(tmp_path, monkeypatch):
    """Make a second library beside the first, under another name, with one module changed."""
    names = []

    def make(module=None, *change):
        name = f"mutant_{len(sys.modules)}"
        names.append(name)
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for path in SOURCES.glob("*.py"):
            if path.stem != "__init__":
                source = path.read_text()
                if path.stem == module:
                    source = mutated(source, *change)
                (folder / path.name).write_text(source.replace("from rnnlib", f"from {name}"))
        monkeypatch.syspath_prepend(tmp_path)
        return importlib.import_module(f"{name}.model").RNN

    yield make
    for loaded in [n for n in sys.modules if n.split(".")[0] in names]:
        del sys.modules[loaded]


def check_by_differences(RNN, case):
    case = with_data(case)
    data = {name: value for name, value in case.data.items() if value is not None}
    rnnlib.check_gradients(build(case, RNN), **data)


def check_by_oracle(RNN, case):
    case = with_data(case)
    assert_agrees(case, build(case, RNN))


def test_a_copy_of_the_library_passes_when_no_line_is_changed(mutant):
    RNN = mutant()
    assert RNN.__module__ != rnnlib.RNN.__module__
    for *_, case in BY_DIFFERENCES.values():
        check_by_differences(RNN, case)
    for *_, case in BY_ORACLE.values():
        check_by_oracle(RNN, case)


@pytest.mark.parametrize("fault", BY_DIFFERENCES)
def test_a_wrong_line_in_the_library_fails_the_check_of_gradients(fault, mutant):
    *change, case = BY_DIFFERENCES[fault]
    RNN = mutant(*change)
    with pytest.raises(AssertionError, match=r"the gradient says .*relative error"):
        check_by_differences(RNN, case)


@pytest.mark.parametrize("fault", BY_ORACLE)
def test_a_wrong_line_that_differences_cannot_see_fails_against_the_oracle(fault, mutant):
    *change, case = BY_ORACLE[fault]
    RNN = mutant(*change)
    # Assertions about numbers, which assert_close makes: (what, value, wanted).
    with pytest.raises(AssertionError, match="array"):
        check_by_oracle(RNN, case)


def test_a_line_that_is_no_longer_there_is_noticed():
    source = "def f(\n    x,\n) -> int:\n    a = 1\n    return a\n\n\ndef g():\n    a = 1\n"
    assert mutated(source, "def f", "a = 1", "a = 2") == source.replace("a = 1", "a = 2", 1)
    for where, line in (("def f", "a = 3"), ("def f", "a"), ("def h", "a = 1")):
        with pytest.raises(AssertionError, match="times in"):
            mutated(source, where, line, "pass")
