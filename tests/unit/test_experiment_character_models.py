"""The program behind *character-model*: its results belong to its settings and to these texts."""

import json

import numpy as np
import pytest

import rnnlib
from experiments import character_models as program
from rnnlib.text import split_text

RECURRENT, READOUT = ("W_xh", "W_hh", "b_h"), ("W_hy", "b_y")
TINY = program.HUNGARIAN | {
    "hidden_size": 4,
    "window": 5,
    "epochs": 3,
    "slower": {"learning_rate": 0.02, "epochs": 2},
    "samples_after": [1, 3],
    "sample_length": 9,
}
TINY_PYTHON = program.PYTHON | {
    "hidden_size": 6,
    "streams": 2,
    "window": 5,
    "steps": 8,
    "rare": 4,
    "held_out": 0.2,
    "score_on": 50,
}


def read(name, folder=program.FOLDER):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def as_json(value):
    return json.loads(json.dumps(value))


def window(rng, D=6, H=5, V=4, T=7, B=3):
    """A network with weights large enough for every gradient to count, and data for it."""
    model = rnnlib.RNN(D, H, V, init="orthogonal", rng=rng)
    model.params["b_h"] = rng.normal(size=H)
    data = rng.integers(D, size=(T, B)), rng.integers(V, size=(T, B))
    return model, *data, rng.uniform(-1, 1, (B, H))


# --- The gradient that was published -----------------------------------------------------------


def test_published_is_the_sum_of_networks_of_one_step():
    model, x, y, state = window(np.random.default_rng(0))
    loss, grads, last = model.loss_and_grads(x, y, state, **program.GRADIENTS["as published"])
    total, summed = 0.0, dict.fromkeys(grads, 0.0)
    for t in range(len(x)):
        part, one, state = model.loss_and_grads(x[t : t + 1], y[t : t + 1], state)
        total += part
        summed = {name: summed[name] + one[name] for name in grads}
    assert loss == pytest.approx(total, rel=1e-12)
    assert np.allclose(last, state, rtol=1e-12)
    for name in grads:
        assert np.allclose(grads[name], summed[name], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", program.GRADIENTS)
def test_what_is_handed_back_is_all_the_difference(name):
    # The backward pass by hand, for one sequence: "as published" leaves out one summand.
    model, x, y, state = window(np.random.default_rng(1), B=1)
    grads = model.loss_and_grads(x, y, state, **program.GRADIENTS[name])[1]
    p, h = model.predict(x, state)[0][:, 0], model.states(x, state)[:, 0]
    by_hand = {key: np.zeros_like(value) for key, value in model.params.items()}
    handed_back = np.zeros(5)
    for t in reversed(range(len(x))):
        do = p[t] - np.eye(4)[y[t, 0]]
        da = (1 - h[t + 1] ** 2) * (model.params["W_hy"].T @ do + handed_back)
        for key, value in (
            ("W_hy", np.outer(do, h[t + 1])),
            ("b_y", do),
            ("W_hh", np.outer(da, h[t])),
            ("W_xh", np.outer(da, np.eye(6)[x[t, 0]])),
            ("b_h", da),
        ):
            by_hand[key] += value
        if name == "whole":
            handed_back = model.params["W_hh"].T @ da
    for key in grads:
        assert np.allclose(grads[key], by_hand[key], rtol=1e-9, atol=1e-12)


def test_only_whole_is_the_gradient_of_the_loss():
    model, x, y, state = window(np.random.default_rng(2))
    errors = {}
    measured = rnnlib.numerical_gradients(model, x, y, state=state)
    for how, options in program.GRADIENTS.items():
        grads = model.loss_and_grads(x, y, state, **options)[1]
        for name in grads:
            errors[how, name] = rnnlib.relative_error(grads[name], measured[name])
    assert max(errors["whole", name] for name in RECURRENT + READOUT) < 1e-7
    assert max(errors["as published", name] for name in READOUT) < 1e-7
    assert min(errors["as published", name] for name in RECURRENT) > 0.01


# --- The training ------------------------------------------------------------------------------


def test_first_weights_are_the_tutorials():
    V, H = 44, 100
    weights = program.first_weights(np.random.default_rng(0), V, H)
    wide = np.sqrt(2 / (V + H))
    spread = {"W_xh": wide, "W_hh": np.sqrt(2) / H, "W_hy": wide, "b_h": V**-0.5, "b_y": V**-0.5}
    model = rnnlib.RNN(V, H, V, rng=np.random.default_rng(0))
    for name, value in weights.items():
        assert value.shape == model.params[name].shape
        assert value.std() == pytest.approx(spread[name], rel=0.3 if value.ndim == 1 else 0.05)


@pytest.mark.parametrize("name", program.GRADIENTS)
def test_windows_begin_one_character_later_and_carry_the_last_state(name):
    ids, settings = np.random.default_rng(3).integers(6, size=12), TINY
    first = program.first_weights(np.random.default_rng(0), 6, 4)
    models = [rnnlib.RNN(6, 4, 6, init=first, rng=np.random.default_rng(0)) for _ in range(2)]
    optimizers = [rnnlib.AdaGrad(0.1, eps=1e-12) for _ in range(2)]
    state, losses = np.full((1, 4), 0.5), []
    how = program.GRADIENTS[name]
    printed, last = program.windows_epoch(models[0], optimizers[0], ids, state, settings, how)
    for begin in range(6):  # 12 − 5 − 1
        x, y = ids[begin : begin + 5, None], ids[begin + 1 : begin + 6, None]
        loss, grads, state = models[1].loss_and_grads(x, y, state, **how)
        grads = {key: np.clip(value, -1, 1) for key, value in grads.items()}
        optimizers[1].step(models[1].params, grads)
        losses.append(loss)
    assert printed == pytest.approx(np.mean(losses), rel=1e-12)
    assert np.allclose(last, state, rtol=1e-10)
    for key, value in models[0].params.items():
        assert np.allclose(value, models[1].params[key], rtol=1e-10)


def test_the_rate_is_level_and_then_falls_to_zero():
    settings = {"steps": 8, "learning_rate": 0.4}
    rates = [program.rate_at(step, settings) for step in range(9)]
    assert np.allclose(rates, [0.4] * 5 + [0.3, 0.2, 0.1, 0], atol=1e-15)


# --- The files ---------------------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "FOLDER", tmp_path)
    lines = {"hungarian": 2, "numpy-source": 12}
    monkeypatch.setattr(program, "corpus", lambda name: f"{name}: abba, baka\n" * lines[name])
    return tmp_path


def test_hungarian_writes_what_the_page_reads(tiny, capsys):
    program.hungarian(TINY)
    made, text = read("olar-run.json", tiny), program.corpus("hungarian")
    assert made["settings"] == as_json(TINY)
    assert made["text"] == program.digest(text) != program.digest(text + " ")
    for runs, rate, epochs in (("runs", 0.1, 3), ("slower_runs", 0.02, 2)):
        assert [(r["gradient"], r["seed"]) for r in made[runs]] == [
            (name, seed) for name in program.GRADIENTS for seed in (0, 1)
        ]
        for run in made[runs]:
            assert run["learning_rate"] == rate
            assert len(run["printed"]) == len(run["honest"]) == epochs
            wanted = {"1", "3"} if runs == "runs" and run["seed"] == 0 else set()
            assert set(run.get("samples", ())) == wanted
    assert "whole" in capsys.readouterr().out


def test_python_writes_a_network_and_the_score_it_has(tiny):
    program.python(TINY_PYTHON)
    made, stored = read("python-writer.json", tiny), rnnlib.load(tiny / "python-writer.npz")
    source = program.corpus("numpy-source")
    assert made["settings"] == as_json(TINY_PYTHON) and made["text"] == program.digest(source)
    assert len(made["loss"]) == 8 and set(made["n_grams"]) == {"3", "5"}
    vocabulary = rnnlib.Vocabulary(made["symbols"], unknown=True)
    assert stored.output_size == len(vocabulary)
    _, held_out = split_text(source, 0.2)
    assert program.score(stored, vocabulary.encode(held_out)[:50]) == pytest.approx(
        made["score"], abs=1e-4
    )
