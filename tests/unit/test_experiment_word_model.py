"""The program behind the losses of *word-model*: its sentences, its counts and stored results."""

import json
import math

import numpy as np
import pytest

from experiments import word_model as program
from experiments.results import as_text
from rnnlib import RNN
from rnnlib.text import sentence_batches


@pytest.fixture(scope="module")
def stored():
    return json.loads(program.RESULTS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def prepared():
    return program.read(program.SETTINGS)


@pytest.fixture(scope="module")
def few(prepared):
    """Batches of a few short sentences of each part."""
    vocabulary, ids = prepared
    told = {"vocabulary": vocabulary, "batch_size": 8, "sort": True}
    return {
        name: sentence_batches([row for row in part if len(row) < 8][:40], **told)
        for name, part in ids.items()
    }


def test_the_file_has_the_settings_of_the_program(stored):
    assert stored["settings"] == program.SETTINGS
    assert as_text(stored) == program.RESULTS.read_text(encoding="utf-8")


def test_the_sentences_are_those_of_the_file(stored, prepared):
    vocabulary, ids = prepared
    assert len(vocabulary) == program.SETTINGS["V"]
    assert {name: len(part) for name, part in ids.items()} == stored["sentences"]
    unknown = np.mean(np.concatenate(ids["test"]) == vocabulary.unknown)
    assert unknown == pytest.approx(stored["unknown"], abs=1e-4)


def test_no_sentence_is_too_long_and_none_stands_on_two_sides(prepared):
    _, ids = prepared
    assert max(len(row) for part in ids.values() for row in part) <= program.SETTINGS["longest"]
    unknown = prepared[0].unknown  # two sentences may differ in a word that is unknown
    seen = [{tuple(row) for row in part if unknown not in row} for part in ids.values()]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


def test_the_counting_models_lose_what_is_stored(stored, prepared):
    assert program.counted_losses(*prepared) == pytest.approx(stored["counted"], abs=2e-4)


def test_every_variant_was_run_from_every_start_at_its_best_rate(stored):
    settings = program.SETTINGS
    tried, best = [], {}
    for entry in stored["rates"]:
        rule = program.VARIANTS[entry["variant"]][0]
        tried.append((rule, entry["rate"]))
        assert len(entry["validation"]) == settings["epochs_for_rates"]
        assert entry["seed"] not in settings["seeds"]
        best[rule] = min(best.get(rule, (math.inf, 0)), (entry["validation"][-1], entry["rate"]))
    assert tried == [(rule, rate) for rule, rates in settings["rates"].items() for rate in rates]
    runs = [(entry["variant"], entry["seed"]) for entry in stored["runs"]]
    assert runs == [(name, seed) for seed in settings["seeds"] for name in program.VARIANTS]
    for entry in stored["runs"]:
        assert entry["rate"] == best[program.VARIANTS[entry["variant"]][0]][1]
        assert len(entry["validation"]) == settings["epochs"]
        assert 1 < entry["test"] < min(entry["validation"]) + 0.1 < math.log(settings["V"])
    assert [len(angles) for angles in stored["angles"]] == [4] * len(settings["seeds"])


@pytest.mark.parametrize("steps", [None, 0, 4])
def test_the_reach_of_a_network_is_that_of_its_variant(steps):
    rng = np.random.default_rng(0)
    net = program.Reach(7, 5, 7, steps=steps, reduction="mean", rng=rng)
    x, y = rng.integers(7, size=(2, 9, 3))
    mask = np.ones((9, 3), dtype=bool)
    cut = {} if steps is None else {"truncation": "steps-back", "steps": steps}
    wanted = RNN.loss_and_grads(net, x, y, None, mask, **cut)[1]
    found = net.loss_and_grads(x, y, None, mask)[1]
    full = RNN.loss_and_grads(net, x, y, None, mask)[1]
    assert all(np.array_equal(found[name], grad) for name, grad in wanted.items())
    assert np.allclose(found["W_hh"], full["W_hh"]) == (steps is None)


def test_the_angle_shrinks_with_the_reach_and_is_0_for_the_whole(few):
    batch = next(iter(few["validation"].epoch(np.random.default_rng(0))))
    settings = program.SETTINGS
    told = {"steps": None, "reduction": "mean", "rng": np.random.default_rng(1)}
    net = program.Reach(settings["V"], 6, settings["V"], **told)
    angles = [program.angle_of_truncation(net, batch, steps) for steps in (0, 2, 40)]
    assert angles[0] > angles[1] > angles[2] and angles[2] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("variant", program.VARIANTS)
def test_a_short_training_is_as_told_and_keeps_the_best_epoch(variant, few):
    settings = program.SETTINGS | {"H": 6}
    rate = 0.5 if variant.startswith("annealed") else 0.01
    net, found = program.train(variant, rate, 0, 2, few, settings)
    assert net.steps == program.VARIANTS[variant][1] and net.params["W_hh"].shape == (6, 6)
    assert found["variant"] == variant and len(found["validation"]) == 2
    assert found["validation"][1] < found["validation"][0] < math.log(settings["V"]) + 0.1
    again = program.train(variant, rate, 0, 2, few, settings)[1]
    assert again["validation"] == found["validation"] and again["test"] == found["test"]


@pytest.fixture(scope="module")
def told():
    return json.loads(program.PLATEAU_RESULTS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def prose():
    return program.plain_sentences(program.PLATEAU)


def test_the_plateau_file_has_the_settings_and_the_runs_of_the_program(told, prose):
    settings = program.PLATEAU
    assert told["settings"] == settings
    assert as_text(told) == program.PLATEAU_RESULTS.read_text(encoding="utf-8")
    names = ("weights", "draw", "line", "dtype")
    wanted = [(*start, *how) for start in settings["starts"] for how in settings["runs"]]
    assert [tuple(run[name] for name in names) for run in told["runs"]] == wanted
    for run in told["runs"]:
        assert len(run["losses"]) == settings["epochs"]
        assert run["losses"][0] == pytest.approx(math.log(settings["V"]), abs=0.002)
        assert run["dtype"] == "float32" or None not in run["losses"]
    assert told["sentences"] == len(prose[1])
    for seed, number in told["words"].items():
        drawn = program.draw(*prose, int(seed), settings["sentences"])
        assert sum(len(x) for x, _ in drawn) == number


@pytest.mark.parametrize("which", [0, 4], ids=["earlier line", "later line, another start"])
def test_a_stored_run_begins_as_it_does_now(which, told, prose):
    run, settings = told["runs"][which], program.PLATEAU
    data = program.draw(*prose, run["draw"], settings["sentences"])
    model = program.Published(settings, run["line"], run["weights"], run["dtype"])
    found = program.published_run(model, data, settings, epochs=2)
    assert found == pytest.approx(run["losses"][:2], abs=2e-5)


SMALL = {"V": 9, "H": 5, "steps_back": 4, "learning_rate": 0.005}


def test_both_lines_have_the_gradient_of_the_later_one_on_their_own_errors():
    rng = np.random.default_rng(0)
    x, y = rng.integers(9, size=(2, 12))
    later = program.Published(SMALL, "later", 1, "float64")
    column = x[:, None], y[:, None]
    loss, wanted, _ = RNN.loss_and_grads(later, *column, truncation="steps-back", steps=4)
    found = later.loss_and_grads(x, y)
    assert found[0] == pytest.approx(float(loss), rel=1e-12)
    for name in ("W_xh", "W_hh", "W_hy"):
        assert found[1][name] == pytest.approx(wanted[name], abs=1e-12)
    earlier = program.Published(SMALL, "earlier", 1, "float64")
    h, p, _ = earlier.read(x, y)
    assert p[0] == pytest.approx(1 / 9) and p[1:] == pytest.approx(later.read(x, y)[1][:-1])
    error = p - np.eye(9)[y]
    assert earlier.loss_and_grads(x, y)[1]["W_hy"] == pytest.approx(error.T @ h[1:])


def test_an_infinite_loss_is_a_rise_and_training_goes_on(monkeypatch):
    rates, losses = [], iter([9.0, 8.0, math.inf, math.inf, 7.0, 8.0])

    class Script(program.Published):
        def read(self, x, y):
            return None, None, next(losses)

        def loss_and_grads(self, x, y):
            return 0.0, {name: np.ones_like(w) for name, w in self.params.items()}, None

    model = Script(SMALL, "later", 0, "float64")
    step = program.HalveOnRise.step

    def watched(rule, *arguments):
        rates.append(rule.learning_rate / SMALL["learning_rate"])
        step(rule, *arguments)

    monkeypatch.setattr(program.HalveOnRise, "step", watched)
    printed = program.published_run(model, [([0], [0])], SMALL, epochs=6)
    assert printed == [9.0, 8.0, math.inf, math.inf, 7.0, 8.0]
    assert rates == [1, 1, 0.5, 0.5, 0.5]


def test_a_chance_that_rounds_to_0_costs_infinity_and_is_stored_as_null():
    settings = program.PLATEAU | {"H": 3, "learning_rate": 300.0, "epochs": 3, "starts": [[0, 0]]}
    runs = program.run_plateau(settings | {"sentences": 2})["runs"]
    assert None in runs[0]["losses"] and runs[0]["losses"][0] == pytest.approx(8.987, abs=0.01)
