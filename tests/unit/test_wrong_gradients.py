"""The program behind the table of *gradient-checking*: its mistakes are those it claims to make."""

import json

import numpy as np
import pytest

import rnnlib
from experiments import wrong_gradients as program

QUICK = program.SETTINGS | {"distractors": [1, 2], "steps": 40, "seeds": [0, 1]}
WRONG = [back for back in program.BACK if back != "right"]
RECURRENT, READOUT = ("W_xh", "W_hh", "b_h"), ("W_hy", "b_y")


@pytest.fixture(scope="module")
def stored():
    return json.loads(program.RESULTS.read_text(encoding="utf-8"))


def network(back, rng, D=6, H=5, V=4):
    shapes = {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,), "W_hy": (V, H), "b_y": (V,)}
    params = {name: rng.normal(0, H**-0.5, shape) for name, shape in shapes.items()}
    return program.Network(params, back)


@pytest.mark.parametrize("answers", [1, 7])
def test_the_right_one_is_right_and_is_the_librarys(answers):
    rng = np.random.default_rng(answers)
    net = network("right", rng)
    inputs, targets = rng.integers(6, size=(7, 3)), rng.integers(4, size=(answers, 3))
    assert max(rnnlib.check_gradients(net, inputs, targets).values()) < 1e-7
    model = rnnlib.RNN(6, 5, 4, init=net.params, outputs="last" if answers == 1 else "all", rng=rng)
    loss, grads, state = model.loss_and_grads(inputs, targets[0] if answers == 1 else targets)
    ours = net.loss_and_grads(inputs, targets)
    assert ours[0] == pytest.approx(loss / 3, rel=1e-12)  # a mean over the sequences
    assert np.allclose(ours[2], state, rtol=1e-12)
    for name in grads:
        assert np.allclose(ours[1][name], grads[name] / 3, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("back", WRONG)
def test_a_mistake_fails_the_check_and_leaves_the_readout_right(back):
    rng = np.random.default_rng(1)
    net = network(back, rng)
    data = rng.integers(6, size=(7, 3)), rng.integers(4, size=(7, 3))
    with pytest.raises(AssertionError, match=r"^W_xh\[\d, \d\]: .*relative error"):
        rnnlib.check_gradients(net, *data)
    measured = rnnlib.numerical_gradients(net, *data)
    grads = net.loss_and_grads(*data)[1]
    errors = {name: rnnlib.relative_error(grads[name], measured[name]) for name in grads}
    assert min(errors[name] for name in RECURRENT) > 0.01
    assert max(errors[name] for name in READOUT) < 1e-7


def test_the_mistakes_are_the_published_formulas():
    # δ stands in columns here, as on the page.
    rng = np.random.default_rng(2)
    W, h, delta = rng.standard_normal((4, 4)), rng.uniform(-1, 1, 4), rng.standard_normal(4)
    S = np.diag(1 - h**2)
    wanted = {
        "right": W.T @ S @ delta,
        "no transpose": W @ S @ delta,
        "wrong order": S @ W.T @ delta,
        "both wrong": S @ W @ delta,
        "nothing back": 0 * delta,
    }
    assert wanted.keys() == program.BACK.keys()
    for back, function in program.BACK.items():
        assert np.allclose(function(W, 1 - h[None] ** 2, delta[None])[0], wanted[back]), back


@pytest.mark.parametrize("back", program.BACK)
def test_the_stored_errors_are_those_of_the_program(stored, back):
    errors = program.errors_of(back)
    assert stored["errors"][back] == pytest.approx(errors, abs=1e-4)
    if back == "right":
        assert max(errors.values()) < 1e-8
    else:
        assert min(errors[name] for name in RECURRENT) > 0.1


def test_the_stored_results_belong_to_the_settings(stored):
    assert stored["settings"] == program.SETTINGS
    runs = [(run["distractors"], run["back"]) for run in stored["recall"]]
    assert runs == [(k, back) for k in program.SETTINGS["distractors"] for back in program.BACK]
    for run in stored["recall"]:
        assert len(run["reached"]) == len(program.SETTINGS["seeds"])
        assert len(run["loss"]) == program.SETTINGS["steps"] // program.SETTINGS["test_every"]
        every, steps = program.SETTINGS["test_every"], program.SETTINGS["steps"]
        assert set(run["reached"]) <= {None, *range(every, steps + 1, every)}


def test_what_the_page_says_is_what_is_stored(stored):
    solved = {
        (run["back"], run["distractors"]): sum(step is not None for step in run["reached"])
        for run in stored["recall"]
    }
    assert all(solved["right", k] == 10 for k in program.SETTINGS["distractors"])
    assert all(solved[back, 2] == 10 for back in program.BACK)
    assert solved["no transpose", 30] == solved["both wrong", 30] == 0
    assert solved["nothing back", 30] == 1
    assert solved["wrong order", 30] == 9
    # "Later in eight seeds, and in the other two at the same test": both share their seeds.
    reached = {(run["back"], run["distractors"]): run["reached"] for run in stored["recall"]}
    assert max(max(reached["right", k]) for k in program.SETTINGS["distractors"]) == 40
    pairs = list(zip(reached["right", 30], reached["wrong order", 30], strict=True))
    assert sum(b is None or b > a for a, b in pairs) == 8
    assert sum(a == b for a, b in pairs) == 2
    # The figure shows the right ones at 0 in the end.
    ends = {(run["back"], run["distractors"]): run["loss"][-1] for run in stored["recall"]}
    assert ends["right", 30] < 0.01
    # "The losses of those that never learn the task fall too."
    wrong = [run for run in stored["recall"] if run["back"] != "right"]
    assert all(run["loss"][-1] < 0.8 * run["loss"][0] for run in wrong)


def test_a_training_repeats_itself_and_learns():
    reached, loss = program.train("right", 2, 0, QUICK)
    again = program.train("right", 2, 0, QUICK)
    assert reached == again[0] and np.array_equal(loss, again[1])
    assert loss[-1] < loss[0] < 1.5


def test_results_are_read_back_as_they_were(tmp_path, monkeypatch, capsys):
    results, path = program.run(QUICK), tmp_path / "results.json"
    monkeypatch.setattr(program, "RESULTS", path)
    monkeypatch.setattr(program, "run", lambda settings: results)
    assert program.main() == 0
    assert f"written: {path}" in capsys.readouterr().out
    assert json.loads(path.read_text(encoding="utf-8")) == results
