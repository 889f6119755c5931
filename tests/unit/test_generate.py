"""Writing: what one would draw by hand, for each stream, with the same uniform numbers."""

import importlib
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutants import with_a_fault

from rnnlib import RNN, sampling
from rnnlib.generate import generate, tempered, token_probabilities, write_text
from rnnlib.vocabulary import Vocabulary

MODULE = importlib.import_module("rnnlib.generate")


def rng(seed=0):
    return np.random.default_rng(seed)


def network(V=5, seed=0, H=4, **options):
    """A network with large weights, so that chances differ from symbol to symbol."""
    model = RNN(V, H, V, rng=rng(seed), **options)
    for param in model.params.values():
        param[...] = rng([seed, param.size]).normal(size=param.shape)
    return model


def fixed(p, dtype=np.float64):
    """A network that expects p whatever it reads."""
    model = RNN(len(p), 2, len(p), rng=rng(), dtype=dtype)
    for param in model.params.values():
        param[...] = 0
    with np.errstate(divide="ignore"):
        model.params["b_y"][...] = np.maximum(np.log(p), -1e4)
    return model


def by_hand(model, n, prompt, u, *, temperature=1.0, top_k=None, stop=None, state=None):
    """One stream. The network reads all that stands there at every step, from the beginning."""
    text, chance, given_prompt = list(prompt), [], len(prompt)
    for t in range(n):
        y = model.predict(np.array(text)[:, None], state)[0][-1, 0].tolist()
        likely = sorted(range(len(y)), key=lambda i: (-y[i], i))
        if temperature == 0 or top_k == 1:
            x = likely[0]
        else:
            weights = {i: (y[i] / y[likely[0]]) ** (1 / temperature) for i in likely[:top_k]}
            x, reached, total = None, 0.0, math.fsum(weights.values())
            for i in sorted(weights):
                reached += weights[i] / total
                if reached > u[t]:
                    x = i
                    break
        text.append(x)
        chance.append(y[x])
        if x == stop:
            break
    return text[given_prompt:], chance


@st.composite
def tasks(draw):
    """A network, what it is asked, and the seed of its uniform numbers."""
    V = draw(st.integers(2, 6))
    model = network(
        V,
        seed=draw(st.integers(0, 99)),
        cell=draw(st.sampled_from(["tanh", "lstm", "gru"])),
        initial_state=draw(st.sampled_from(["zero", "learned"])),
    )
    B, P, n = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 9))
    generator = rng(draw(st.integers(0, 99)))
    shared = draw(st.booleans())
    options = {
        "temperature": draw(st.sampled_from([0, 0.3, 1, 2.5])),
        "top_k": draw(st.one_of(st.none(), st.integers(1, V))),
        "stop": draw(st.one_of(st.none(), st.integers(0, V - 1))),
    }
    if draw(st.booleans()):
        shape = (2, B, 4) if model.cell == "lstm" else (B, 4)
        options["state"] = generator.normal(size=shape)
        options["state"].flags.writeable = False
    prompt = generator.integers(V, size=P if shared else (P, B))
    prompt.flags.writeable = False
    if shared or draw(st.booleans()):
        options["streams"] = B
    return model, n, prompt, B, options, draw(st.integers(0, 99))


def assert_as_by_hand(task, generate=generate):
    model, n, prompt, B, options, seed = task
    params = {name: param.copy() for name, param in model.params.items()}
    found = generate(model, n, prompt, rng=rng(seed), keep_distributions=True, **options)
    assert all(np.array_equal(params[name], model.params[name]) for name in params)
    u = rng(seed).random((n, B))
    rule = {name: options[name] for name in ("temperature", "top_k", "stop")}
    stop, states = options["stop"], options.get("state")
    assert found.ids.shape == found.chance.shape == (n, B) and found.ids.dtype == np.int64
    assert found.lengths.shape == (B,) and found.distributions.shape == (n, B, model.output_size)
    for b in range(B):
        state = None if states is None else states[..., b : b + 1, :]
        start = prompt if prompt.ndim == 1 else prompt[:, b]
        ids, chance = by_hand(model, n, start, u[:, b], state=state, **rule)
        rest = n - len(ids)
        assert found.ids[:, b].tolist() == ids + [stop] * rest
        assert found.chance[:, b] == pytest.approx(np.array(chance + [1] * rest), rel=1e-9)
        assert found.lengths[b] == len(ids)
        # All but the last symbol that counts has been read.
        read = np.array([*start, *ids[:-1]])[:, None]
        y, last = model.predict(read, state)
        assert found.state[..., b : b + 1, :] == pytest.approx(last, rel=1e-9, abs=1e-12)
        assert found.distributions[len(ids) - 1, b] == pytest.approx(y[-1, 0], rel=1e-9)
    of_ids = np.take_along_axis(found.distributions, found.ids[..., None], axis=2)[..., 0]
    assert np.array_equal(of_ids, found.chance)
    assert found.distributions.sum(axis=2) == pytest.approx(np.ones((n, B)))


@given(tasks())
def test_each_stream_is_what_one_would_draw_by_hand(task):
    assert_as_by_hand(task)


@given(tasks(), st.integers(1, 5))
def test_going_on_is_the_same_as_not_having_stopped(task, m):
    model, n, prompt, _, options, seed = task
    options |= {"stop": None, "keep_distributions": True}
    whole = generate(model, n + m, prompt, rng=rng(seed), **options)
    generator = rng(seed)
    first = generate(model, n, prompt, rng=generator, **options)
    options |= {"state": first.state}
    second = generate(model, m, first.ids[-1:], rng=generator, **options)
    for name in ("ids", "chance", "distributions"):
        parts = [getattr(first, name), getattr(second, name)]
        assert np.array_equal(np.concatenate(parts), getattr(whole, name))
    assert np.array_equal(second.state, whole.state)


@given(tasks())
def test_the_same_seed_gives_the_same_and_the_generator_always_moves_as_far(task):
    model, n, prompt, B, options, seed = task
    one, two = (generate(model, n, prompt, rng=rng(seed), **options) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one[:4], two[:4], strict=True))
    assert one.distributions is None
    used, wanted = rng(seed), rng(seed)
    generate(model, n, prompt, rng=used, **options)
    if options["temperature"] != 0 and options["top_k"] != 1:
        wanted.random(n * B)
    assert used.random() == wanted.random()


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint64, list])
def test_ids_may_be_of_any_whole_type(kind):
    model, ids = network(), np.array([0, 4, 2])
    other = ids.tolist() if kind is list else ids.astype(kind)
    one, two = (generate(model, 9, prompt, rng=rng()).ids for prompt in (ids, other))
    assert np.array_equal(one, two) and two.dtype == np.int64
    assert np.array_equal(token_probabilities(model, ids), token_probabilities(model, other))


def test_streams_are_drawn_apart_and_another_seed_gives_another_text():
    model = network(6)
    found = generate(model, 30, [0, 1], rng=rng(), streams=4)
    assert len({tuple(column) for column in found.ids.T}) == 4
    other = generate(model, 30, [0, 1], rng=rng(1), streams=4)
    assert not np.array_equal(found.ids, other.ids)
    one = generate(model, 30, [0, 1], rng=rng())
    assert one.ids.shape == (30, 1)
    columns = np.array([[0, 0, 0], [1, 1, 1]])
    assert generate(model, 30, columns, rng=rng()).ids.shape == (30, 3)


# What is drawn, how often


# One in a thousand is above these, by chance: chi-square with so many degrees of freedom.
UNLIKELY = {2: 13.82, 4: 18.47, 7: 24.32}
P = np.array([0.3, 0.02, 0.25, 0.05, 0.01, 0.2, 0.07, 0.1])


@pytest.mark.parametrize(
    ("temperature", "top_k"), [(1, None), (0.7, None), (3, None), (1, 5), (0.5, 3), (1, 8)]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_symbols_come_as_often_as_the_formula_says(temperature, top_k, dtype):
    ids = generate(
        fixed(P, dtype), 1, [3], rng=rng(), streams=20_000, temperature=temperature, top_k=top_k
    ).ids
    q = P ** (1 / temperature)
    q[np.argsort(-P)[top_k or 8 :]] = 0
    wanted = 20_000 * q / q.sum()
    found = np.bincount(ids[0], minlength=8)
    assert not found[wanted == 0].any()
    some = wanted > 0
    chi_square = ((found - wanted)[some] ** 2 / wanted[some]).sum()
    assert chi_square < UNLIKELY[some.sum() - 1]


class Fixed(np.random.Generator):
    """A generator of one and the same number."""

    def __init__(self, u):
        super().__init__(np.random.PCG64(0))
        self.u = u

    def random(self, size):
        return np.full(size, self.u)


@pytest.mark.parametrize("temperature", [1, 0.5, 100])
def test_the_ends_of_the_uniform_numbers_draw_what_is_possible(temperature):
    model = fixed([0, 0.1, 0.2, 0, 0.7, 0])
    for u, wanted in ((0.0, 1), (1 - 2.0**-53, 4)):
        found = generate(model, 3, [0], rng=Fixed(u), streams=2, temperature=temperature)
        assert found.ids.tolist() == [[wanted] * 2] * 3


@given(tasks())
def test_towards_temperature_zero_only_the_likeliest_is_drawn(task):
    model, n, prompt, _, options, seed = task
    options |= {"top_k": None}
    greedy = generate(model, n, prompt, **(options | {"temperature": 0}))
    for change in ({"temperature": 1e-6}, {"temperature": 5e-324}, {"top_k": 1}):
        found = generate(model, n, prompt, rng=rng(seed), **(options | change))
        assert np.array_equal(found.ids, greedy.ids)
        assert np.array_equal(found.chance, greedy.chance)


@given(tasks())
def test_to_keep_all_symbols_is_to_cut_none(task):
    model, n, prompt, _, options, seed = task
    options |= {"top_k": None}
    all_kept = options | {"top_k": model.output_size}
    one, two = (generate(model, n, prompt, rng=rng(seed), **o) for o in (options, all_kept))
    assert np.array_equal(one.ids, two.ids)


def test_of_equal_chances_the_smallest_ids_stay():
    model = fixed(np.full(4, 0.25))
    assert not generate(model, 5, [3], temperature=0).ids.any()
    assert not generate(model, 5, [3], top_k=1).ids.any()
    found = generate(model, 200, [3], rng=rng(), top_k=2).ids
    assert set(found.ravel().tolist()) == {0, 1}


@pytest.mark.parametrize("temperature", [5e-324, 1e-30, 1e-3, 1e3, 1e308])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_temperature_overflows(temperature, dtype):
    model = network(6, dtype=dtype)
    model.params["W_hy"] *= 20  # chances from 1 down to below the smallest float32
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = generate(model, 50, [0], rng=rng(), streams=3, temperature=temperature)
    assert np.isfinite(found.chance).all() and found.chance.dtype == np.float64


def test_the_network_learns_nothing_of_temperature_and_cutting():
    found = generate(fixed(P), 40, [0], rng=rng(), temperature=0.5, top_k=4)
    assert found.chance[:, 0] == pytest.approx(P[found.ids[:, 0]])


# The stop


def test_a_stream_ends_with_its_stop_and_the_others_go_on():
    found = generate(fixed(P), 60, [0], rng=rng(), streams=50, stop=7)
    assert len(set(found.lengths.tolist())) > 5
    for ids, chance, length in zip(found.ids.T, found.chance.T, found.lengths, strict=True):
        assert (ids[:length] == 7).sum() == (length < 60 or ids[-1] == 7)
        assert (ids[length:] == 7).all() and (chance[length:] == 1).all()


def test_when_all_have_ended_the_network_is_asked_no_more(monkeypatch):
    model, asked = fixed([0.5, 0.5]), []
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda *given: asked.append(given) or predict(*given))
    found = generate(model, 10_000, [0], rng=rng(), streams=2, stop=1, keep_distributions=True)
    assert len(asked) == found.lengths.max() < 100
    assert found.ids.shape == (10_000, 2) and (found.ids[100:] == 1).all()
    assert (found.distributions[100:] == [0, 1]).all()


def test_the_prompt_may_hold_the_stop():
    assert generate(fixed([0.9, 0.1]), 3, [1, 1], temperature=0, stop=1).lengths.tolist() == [3]


# Probabilities of a given text


@given(tasks(), st.integers(2, 12))
def test_the_chances_of_a_text_are_its_loss(task, T):
    model, *_, options, seed = task
    ids = rng(seed).integers(model.output_size, size=T)
    state = options.get("state")
    state = None if state is None else state[..., :1, :]
    p = token_probabilities(model, ids, state)
    assert p.shape == (T - 1,) and p.dtype == np.float64
    loss, _ = model.evaluate(ids[:-1, None], ids[1:, None], state)
    assert -np.log(p).sum() == pytest.approx(loss, rel=1e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "_PIECE", 2 * model.output_size)
        assert token_probabilities(model, ids, state) == pytest.approx(p, rel=1e-12)


@given(tasks())
def test_a_text_that_was_drawn_is_as_likely_as_it_was(task):
    model, n, prompt, _, options, seed = task
    found = generate(model, n, prompt, rng=rng(seed), **(options | {"state": None}))
    start = prompt if prompt.ndim == 1 else prompt[:, 0]
    ids = [*start, *found.ids[: found.lengths[0], 0]]
    p = token_probabilities(model, ids)[len(start) - 1 :]
    assert p == pytest.approx(found.chance[: found.lengths[0], 0], rel=1e-9)


# Tempered


@given(st.integers(1, 7), st.integers(0, 99), st.floats(0.05, 20), st.data())
def test_tempered_is_the_formula(V, seed, temperature, data):
    k = data.draw(st.integers(1, V))
    o = rng(seed).normal(size=(2, 3, V)) * 3
    p = np.exp(o) / np.exp(o).sum(axis=-1, keepdims=True)
    p.flags.writeable = False
    wanted = np.exp(o / temperature)
    assert tempered(p, temperature) == pytest.approx(
        wanted / wanted.sum(axis=-1, keepdims=True), rel=1e-9
    )
    wanted[o < np.sort(o, axis=-1)[..., [-k]]] = 0
    q = tempered(p, temperature, k)
    assert q == pytest.approx(wanted / wanted.sum(axis=-1, keepdims=True), rel=1e-9)
    assert q.sum(axis=-1) == pytest.approx(np.ones((2, 3)))


def test_tempered_at_its_ends():
    p = np.array([0.2, 0.4, 0.4, 0])
    for q in (tempered(p, 0), tempered(p, 5.0, 1), tempered(p, 0, 3)):
        assert q.tolist() == [0, 1, 0, 0]
    assert tempered(p, 1e9) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert tempered(p) == pytest.approx(p)
    assert tempered(p, top_k=2).tolist() == [0, 0.5, 0.5, 0]
    assert tempered(p.astype(np.float32)).dtype == np.float64


def test_one_number_is_no_distribution():
    with pytest.raises(ValueError, match=r"^p: expected an array with 1 axes, got 0"):
        tempered(1.0)


@pytest.mark.parametrize("p", [[0.5, 0.6], [1.5, -0.5], [np.nan, 1], ["a"], [], 1.0])
def test_tempered_wants_probabilities(p):
    with pytest.raises((TypeError, ValueError), match=r"^p: expected"):
        tempered(p)


# Text


LETTERS = Vocabulary.of_characters("abc ")


def test_a_text_is_what_was_drawn_decoded():
    model = network(4)
    options = {"temperature": 0.8, "top_k": 3}
    ids = generate(model, 20, LETTERS.encode("ab"), rng=rng(), **options).ids[:, 0]
    text = write_text(model, LETTERS, 20, "ab", rng=rng(), **options)
    assert text == LETTERS.text(ids) and len(text) == 20
    state = rng(5).normal(size=(1, 4))
    ids = generate(model, 20, LETTERS.encode("ab"), rng=rng(), state=state).ids[:, 0]
    assert write_text(model, LETTERS, 20, "ab", rng=rng(), state=state) == LETTERS.text(ids)


def test_a_text_ends_with_its_stop():
    model = fixed(np.full(4, 0.25))
    text = write_text(model, LETTERS, 500, "ab", rng=rng(), stop="c")
    assert text.endswith("c") and text.count("c") == 1 and len(text) < 100
    assert write_text(model, LETTERS, 500, "ab", rng=rng(), stop=LETTERS.id("c")) == text


def test_a_text_cannot_begin_with_what_the_vocabulary_does_not_know():
    model = network(4)
    for prompt in ("abx", ""):
        with pytest.raises(ValueError, match="symbol"):
            write_text(model, LETTERS, 3, prompt, rng=rng())
    knowing = Vocabulary.of_characters("abc", unknown=True)
    for vocabulary, stop in ((LETTERS, "x"), (knowing, "x"), (knowing, ""), (knowing, "ab")):
        with pytest.raises(ValueError, match=rf"^stop: expected a symbol .* got '{stop}'"):
            write_text(model, vocabulary, 3, "a", rng=rng(), stop=stop)
    with pytest.raises(TypeError, match=r"^vocabulary: expected a Vocabulary, got 'abc'"):
        write_text(model, "abc", 3, "a", rng=rng())
    with pytest.raises(ValueError, match=r"^vocabulary: expected 5 symbols, .* got 4"):
        write_text(network(5), LETTERS, 3, "a", rng=rng())


# The progress bar


def test_what_is_soon_done_says_nothing(capfd):
    generate(network(), 200, [0], rng=rng())
    assert capfd.readouterr() == ("", "")


def test_what_lasts_shows_how_far_it_is(capfd, monkeypatch):
    monkeypatch.setattr(MODULE, "_PATIENCE", -1)
    found = generate(network(), 30, [0], rng=rng())
    out, err = capfd.readouterr()
    assert out == "" and "writing" in err and "30/30" in err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    again = generate(network(), 30, [0], rng=rng())
    assert np.array_equal(again.ids, found.ids)
    assert capfd.readouterr() == ("", "")


def test_the_bar_is_closed_when_something_fails(capfd, monkeypatch):
    monkeypatch.setattr(MODULE, "_PATIENCE", -1)
    model, closed = network(), []
    bar = MODULE._bar

    def watched(*given):
        found = bar(*given)
        monkeypatch.setattr(found, "close", lambda: closed.append(True))
        model.params["b_y"][0] = np.nan  # in the middle of the text
        return found

    monkeypatch.setattr(MODULE, "_bar", watched)
    with pytest.raises(ValueError, match=r"b_y.*nan"):
        generate(model, 30, [0], rng=rng())
    assert closed == [True]


# What cannot be asked


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n": 0}, r"^n: expected at least 1, got 0"),
        ({"n": 2.5}, r"^n: expected a whole number"),
        ({"prompt": []}, r"^prompt: expected"),
        ({"prompt": np.array([], int)}, r"^prompt: expected at least one id"),
        ({"prompt": [0, 5]}, r"^prompt: expected ids from 0 to 4, got 5"),
        ({"prompt": [-1]}, r"^prompt: expected ids from 0 to 4, got -1"),
        ({"prompt": "abc"}, r"^prompt: expected whole numbers"),
        ({"prompt": [0.0]}, r"^prompt: expected whole numbers"),
        ({"prompt": 3}, r"^prompt: expected ids with 1 axes, got 0"),
        ({"prompt": np.zeros((1, 1, 1), int)}, r"^prompt: expected ids with 1 axes, got 3"),
        ({"prompt": [[0, 1]], "streams": 3}, r"^prompt: expected one column for each of 3"),
        ({"streams": 0}, r"^streams: expected at least 1"),
        ({"rng": None}, r"^rng: expected a numpy.random.Generator"),
        ({"rng": 3, "temperature": 0}, r"^rng: expected a numpy.random.Generator"),
        ({"temperature": -1}, r"^temperature: expected a finite number of at least 0"),
        ({"temperature": np.nan}, r"^temperature: expected a finite number"),
        ({"temperature": np.inf}, r"^temperature: expected a finite number"),
        ({"temperature": "hot"}, r"^temperature: expected a number"),
        ({"temperature": 10**400}, r"^temperature: expected a number"),
        ({"temperature": np.array([1.0])}, r"^temperature: expected a number"),
        ({"top_k": 0}, r"^top_k: expected at least 1"),
        ({"top_k": 6}, r"^top_k: expected at most 5, got 6"),
        ({"top_k": 2.0}, r"^top_k: expected a whole number"),
        ({"stop": 5}, r"^stop: expected at most 4, got 5"),
        ({"stop": -1}, r"^stop: expected at least 0"),
        ({"stop": "."}, r"^stop: expected a whole number"),
        ({"state": np.zeros((2, 4))}, r"^state: expected shape \(1, 4\)"),
        ({"state": np.full((1, 4), np.nan)}, r"^state: expected finite numbers"),
        ({"model": None}, r"^model: expected an rnnlib.RNN"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_drawn(change, said):
    generator = rng()
    given = {"model": network(), "n": 3, "prompt": [0, 1], "rng": generator} | change
    with pytest.raises((TypeError, ValueError), match=said):
        generate(**given)
    assert generator.random() == rng().random()


@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ((5, 4, 5), {"loss": "sigmoid"}),
        ((5, 4, 5), {"loss": "squared"}),
        ((5, 4, 5), {"outputs": "last"}),
        ((4, 4, 5), {}),
    ],
)
def test_a_network_of_another_kind_is_refused(sizes, options):
    model = RNN(*sizes, rng=rng(), **options)
    for ask in (
        lambda: generate(model, 3, [0], rng=rng()),
        lambda: token_probabilities(model, [0, 1]),
        lambda: write_text(model, LETTERS, 3, "a", rng=rng()),
    ):
        with pytest.raises(ValueError, match=r"^model: expected loss='softmax'"):
            ask()


def test_parameters_that_are_not_finite_are_found_before_anything_is_drawn():
    model, generator = network(), rng()
    model.params["W_hh"][1, 2] = np.nan
    with pytest.raises(ValueError, match=r"params\['W_hh'\].*nan"):
        generate(model, 3, [0], rng=generator)
    assert generator.random() == rng().random()


@pytest.mark.parametrize("ids", [[0], [], [0, 9], [[0, 1]], "ab", [0.0, 1.0]])
def test_a_text_without_a_next_symbol_has_no_chances(ids):
    with pytest.raises((TypeError, ValueError), match=r"^ids: expected"):
        token_probabilities(network(), ids)


# Planted faults


FAULTS = {
    "multiplied by the temperature": ("o /= self.temperature", "o *= self.temperature"),
    "the smallest are kept": ("_largest(p, self.top_k)", "_largest(-p, self.top_k)"),
    "the state is forgotten": ("predict(x[None], state, mask)", "predict(x[None], None, mask)"),
    "the prompt is half read": ("for x in prompt:", "for x in prompt[-1:]:"),
    "ended streams read on": ("predict(x[None], state, mask)", "predict(x[None], state)"),
    "ended streams expect what the network does": ("if mask is not None:", "if False:"),
    "the stop is not counted": ("argmax(axis=0) + 1", "argmax(axis=0)"),
    "the chance of another symbol": ("p[every, x]", "p[every, x - 1]"),
    "all streams draw the same number": ("(u * reached[:, -1])", "(u[0] * reached[:, -1])"),
    "the first sum below u": ("(reached > (u", "(reached < (u"),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_line_is_noticed(fault):
    line, wrong = FAULTS[fault]
    module = sampling if line in Path(sampling.__file__).read_text(encoding="utf-8") else MODULE
    mutant = with_a_fault(module, line, wrong)
    if module is sampling:
        spoiled = ModuleType("generate_with_a_wrong_rule")
        exec(Path(MODULE.__file__).read_text(encoding="utf-8"), spoiled.__dict__)
        spoiled.sampling_rule, mutant = mutant.sampling_rule, spoiled
    options = {"temperature": 0.5, "top_k": 3, "stop": 1}
    prompt = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])
    task = (network(5), 12, prompt, 4, options, 2)
    assert_as_by_hand(task)
    with pytest.raises(AssertionError):
        assert_as_by_hand(task, mutant.generate)
