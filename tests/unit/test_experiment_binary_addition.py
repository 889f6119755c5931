"""The program behind the counts of *binary-addition*: networks, rule and stored results."""

import json

import numpy as np
import pytest

import rnnlib
from experiments import binary_addition as program
from experiments.results import as_text


@pytest.fixture(scope="module")
def stored():
    return json.loads(program.RESULTS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tests():
    return program.test_pairs()


def some_networks(rng, S=3, D=4, H=5, V=2):
    shapes = {"W_xh": (H, D), "W_hh": (H, H), "W_hy": (V, H), "b_y": (V,)}
    shapes |= {name: (H,) for name in ("b_x", "b_h", "h_0")}
    return program.Adders({name: rng.normal(0, 0.5, (S, *s)) for name, s in shapes.items()})


def as_one(net, i):
    """Network i of those side by side, as the library's, with the two biases added."""
    params = {name: param[i] for name, param in net.params.items()}
    params["b_h"] = params["b_h"] + params.pop("b_x", 0)
    (H, D), V = params["W_xh"].shape, len(params["b_y"])
    told = {"loss": "sigmoid", "reduction": "mean", "initial_state": "learned"}
    return rnnlib.RNN(D, H, V, init=params, rng=np.random.default_rng(0), **told)


def test_each_network_has_the_states_the_logits_and_the_gradients_of_the_library():
    rng = np.random.default_rng(0)
    net = some_networks(rng)
    x, y = rng.normal(size=(6, 3, 7, 4)), rng.random((6, 3, 7, 2))
    h = net.states(x)
    logits, grads = net.logits(h), net.gradients(x, y)
    assert grads.keys() == net.params.keys()
    for i in range(3):
        model = as_one(net, i)
        assert np.allclose(h[:, i], model.states(x[:, i]), rtol=1e-12)
        assert np.allclose(rnnlib.sigmoid(logits[:, i]), model.predict(x[:, i])[0], rtol=1e-12)
        wanted = model.loss_and_grads(x[:, i], y[:, i])[1]
        for name, grad in grads.items():
            expected = wanted["b_h" if name == "b_x" else name]
            assert np.allclose(grad[i], expected, rtol=1e-9, atol=1e-13), name


def test_one_bias_is_left_out():
    net = some_networks(np.random.default_rng(1))
    del net.params["b_x"]
    x = np.random.default_rng(2).normal(size=(3, 1, 2, 4))  # one batch for all networks
    assert np.allclose(net.states(x)[:, 1], as_one(net, 1).states(x[:, 0]), rtol=1e-12)


def test_the_rule_is_his_line_by_line():
    rng = np.random.default_rng(3)
    params = {"w": rng.normal(size=4)}
    rule = program.optimizer(program.PUBLISHED)
    w, r, v = params["w"].copy(), np.zeros(4), np.zeros(4)
    for _ in range(5):
        g = rng.normal(size=4)
        v *= 0.8
        w += v  # his look-ahead: here the gradient is asked for
        assert np.allclose(params["w"], w, rtol=1e-12)
        rule.step(params, {"w": g})
        r = 0.5 * r + 0.5 * g**2
        u = 0.05 * g / np.sqrt(r) + 1e-6
        v -= u
        w -= u
    assert np.allclose(program.without_look_ahead(params, rule)["w"], w, rtol=1e-12)


@pytest.mark.parametrize("epochs", [1, 3, 5])
def test_seed_1_gives_the_losses_of_his_page(epochs):
    settings = program.PUBLISHED | {"epochs": epochs}
    pairs, _ = program.start(1, 3)
    *_, last = program.batches(settings)
    x = program.bits_of(pairs[last], 7)
    y = program.bits_of(pairs[last].sum(axis=1), 7)[:, :, None]
    loss, _ = as_one(program.train([1], settings), 0).evaluate(x, y)
    assert loss == pytest.approx(program.ON_HIS_PAGE[20 * epochs], abs=1e-6)


@pytest.mark.parametrize(
    ("slices", "used", "first"),
    [("overlapping", 119, 1), ("repaired", 2000, 100), ("shuffled", 2000, None)],
)
def test_the_batches_are_those_that_the_chapter_counts(slices, used, first):
    cut = list(program.batches(program.PUBLISHED | {"slices": slices}))
    assert len(cut) == 100 and {len(chosen) for chosen in cut} == {100}
    assert len(np.unique(cut[:20])) == used
    if first:
        assert cut[1][0] == first and np.array_equal(cut[0], cut[20])


# Starts that end at 4096 or at the score of many, 2625: the others depend on the last bit.
@pytest.mark.parametrize(
    ("name", "seeds"),
    [("as published", [1, 2, 5, 6]), ("slices repaired", [2, 3, 4, 7]), ("and one bias", None)],
)
def test_training_gives_the_stored_counts(stored, tests, name, seeds):
    right = next(entry["right"] for entry in stored["runs"] if entry["name"] == name)
    if seeds is None:
        seeds = [i + 1 for i, k in enumerate(right["all"][:12]) if k in (2625, 4096)]
    net = program.train(seeds, program.PUBLISHED | program.RUNS[name])
    assert net.right(*tests["all"]).tolist() == [right["all"][seed - 1] for seed in seeds]


def test_the_stored_weights_are_those_of_the_training(stored):
    assert list(map(int, stored["weights"])) == program.KEPT
    found = program.weights([1])["1"]
    assert found.keys() == stored["weights"]["1"].keys()
    for name, param in found.items():
        assert np.allclose(param, stored["weights"]["1"][name], atol=1e-3), name


def test_the_stored_weights_give_the_stored_counts(stored, tests):
    nets = list(stored["weights"].values())
    params = {name: np.array([net[name] for net in nets]) for name in nets[0]}
    right = stored["runs"][0]["right"]
    assert stored["runs"][0]["changed"] == {} and program.LONG == 50
    for test, asked in tests.items():
        wanted = [right[test][seed - 1] for seed in program.KEPT]
        assert program.Adders(params).right(*asked).tolist() == wanted, test


def test_a_right_network_is_counted_right_and_a_wrong_one_wrong(tests):
    g = 8.0  # the network by hand of the chapter; the second one starts at "half a carry"
    one = {"W_xh": np.full((3, 2), g), "W_hh": np.outer([g, g, g], [0, 0.5, 0])}
    one |= {"b_h": g * np.array([0.0, -1, -2]), "W_hy": np.array([[5.0, -5, 5]])}
    net = program.Adders({name: np.array([p, p]) for name, p in one.items()})
    net.params |= {"b_y": np.zeros((2, 1)), "h_0": np.array([[-1.0] * 3, [0.0] * 3])}
    assert net.right(*tests["all"]).tolist() == [4096, 1024]
    for test in ("random", "chain"):
        assert net.right(*tests[test])[0] == 200


def test_the_long_tests_are_what_they_are_called(tests):
    assert {name: len(pairs) for name, (pairs, _) in tests.items()}["all"] == 4096
    pairs, length = tests["chain"]
    bits = program.bits_of(pairs, length).sum(axis=2)  # ones in each column: (T, 200)
    assert np.array_equal(bits[0], 2 * (np.arange(200) % 2))
    assert np.all(bits[1 : program.LONG] == 1) and np.all(bits[program.LONG :] == 0)


def test_the_file_has_the_settings_of_the_program(stored, tests):
    assert stored["published"] == program.PUBLISHED
    assert stored["on his page"] == program.ON_HIS_PAGE and len(program.ON_HIS_PAGE) == 101
    assert stored["asked"] == {name: len(pairs) for name, (pairs, _) in tests.items()}
    assert {entry["name"]: entry["changed"] for entry in stored["runs"]} == program.RUNS
    for entry in stored["runs"]:
        assert entry["right"].keys() == tests.keys()
        for test, counts in entry["right"].items():
            assert len(counts) == program.STARTS[entry["name"]]
            assert 0 <= min(counts) and max(counts) <= stored["asked"][test]


def test_a_small_run_is_written_as_the_file_is(stored):
    settings = {"as published": {"epochs": 1}}
    again = json.loads(as_text(program.run(settings, {"as published": 2})))
    assert again.keys() == stored.keys()
    assert again["runs"][0]["changed"] == {"epochs": 1}
    assert [len(counts) for counts in again["runs"][0]["right"].values()] == [2, 2, 2]
    assert as_text(stored) == program.RESULTS.read_text(encoding="utf-8")
