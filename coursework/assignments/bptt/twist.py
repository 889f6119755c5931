"""The twist of a term: which network leaks how, what its states are charged, who erred where.

The numbers that the visible tests expect are computed here, from a forward pass that is written
once more, one sequence at a time: its derivatives are taken with a complex step, so that they do
not rest on anybody's derivation. What comes out of a few usual slips is computed, too, so that a
visible test can call them by name.
"""

from dataclasses import asdict
from itertools import pairwise
from pprint import pformat

import numpy as np

from coursework.terms import load

KINDS = ("leak", "penalty", "scale", "friend", "planted")

LEAKS = ("charge", "inside", "ring", "again")
PENALTIES = ("difference", "drive", "cosh", "home", "sphere")
SCALES = ("sequence", "token", "mixed")

SALT = 78  # with it the terms that the tests grade (sample, 2027 … 2030) meet every kind

T, B, D, V = 3, 2, 3, 4  # the small example; H is 3 on a ring, where 2 would hide a direction


def draw(rng):
    """Return all values that the text of the assignment uses."""
    rng = np.random.default_rng([SALT, *rng.integers(2**32, size=4)])
    suspects = load("bptt", "suspects")
    kinds = {
        "leak": str(rng.choice(LEAKS)),
        "penalty": str(rng.choice(PENALTIES)),
        "scale": str(rng.choice(SCALES)),
        "friend": str(rng.choice(suspects.FRIENDS)),
    }
    three = suspects.draw(rng, kinds["friend"])
    kinds["planted"] = " ".join(suspect.name for suspect in three)
    while True:
        example = _example(rng, kinds)
        values = kinds | example
        if all(_apart(values[name]) for name in ("slips_1", "slips_2", "slips_4")):
            break
    values["a"], values["b"], values["c"] = (asdict(suspect) for suspect in three)
    values["friend_seed"] = int(rng.integers(1000, 10000))
    return values


# --- The small example ---------------------------------------------------------------------------


def _example(rng, kinds):
    """Draw numbers with one decimal, and compute what the visible tests expect of them."""
    H = 3 if kinds["leak"] == "ring" else 2
    shapes = {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,), "b_alpha": (H,)}
    shapes |= {"W_hy": (V, H), "b_y": (V,)}
    params = {name: _decimals(rng, shape) for name, shape in shapes.items()}
    params["b_alpha"] = rng.permutation(np.arange(-9, 10, 2))[:H] / 10  # no two units alike
    x, start = _decimals(rng, (T, B, D)), _decimals(rng, (B, H))
    y = rng.integers(V, size=(T, B))
    lam = int(rng.integers(3, 9)) / 10

    run = _rounded(_forward(params, x, start, kinds))
    owed = _rounded(_by_complex_step(params, x, y, start, lam, kinds, "nudge"))
    grads = _rounded(_by_complex_step(params, x, y, start, lam, kinds, "params"))
    slips_1 = [
        (_number(_forward(params, x, start, kinds, slip)["h"].sum()), what)
        for slip, what in _forward_slips(kinds["leak"])
    ]
    slips_2 = [
        (_number(_loss(run, y, lam, kinds, slip)), what) for slip, what in _loss_slips(kinds)
    ]
    slips_4 = [
        (_number(_owed(params, run, y, lam, kinds, slip).sum()), what)
        for slip, what in _owed_slips(kinds)
    ]
    return {
        "H": H,
        "sizes": {"T": T, "B": B, "D": D, "H": H, "V": V},
        "lam": lam,
        "params": _dict_text(params),
        "x": _array_text(x),
        "y": _array_text(y),
        "start": _array_text(start),
        "run": _dict_text(run),
        "h_1": [f"{value:.3f}" for value in run["h"][1, 0]],
        "loss": _number(_loss(run, y, lam, kinds)),
        "owed": _array_text(owed),
        "grads": _dict_text(grads),
        "slips_1": [(_number(run["h"].sum()), ""), *slips_1],
        "slips_2": [(_number(_loss(run, y, lam, kinds)), ""), *slips_2],
        "slips_4": [(_number(owed.sum()), ""), *slips_4],
    }


def _decimals(rng, shape):
    return rng.integers(1, 10, size=shape) * rng.choice([-1, 1], size=shape) / 10


def _apart(slips):
    """Tell whether no slip gives the right number, or that of another slip, by chance."""
    numbers = sorted(number for number, _ in slips)
    return all(b - a > 1e-4 for a, b in pairwise(numbers))


def _rounded(values):
    if isinstance(values, dict):
        return {name: _rounded(array) for name, array in values.items()}
    return np.round(values, 12) + 0.0


def _number(value):
    return float(np.round(np.real(value), 9))


def _array_text(array, indent=0):
    """Write an array as code, in one line if it fits."""
    line, margin = str(array.tolist()), " " * indent
    if len(line) + indent < 62:
        return f"np.array({line})"
    lines = pformat(array.tolist(), width=82 - indent, compact=True).splitlines()
    return "\n".join(["np.array(", *(f"{margin}    {part}" for part in lines), f"{margin})"])


def _dict_text(arrays):
    lines = [f'    "{name}": {_array_text(array, 4)},\n' for name, array in arrays.items()]
    return "{\n" + "".join(lines) + "}"


# --- The network, one sequence at a time (complex numbers may pass) ------------------------------


def _forward(params, x, start, kinds, slip="", nudge=0.0):
    leak, sizes = kinds["leak"], (len(x), len(start))
    H, V = len(params["b_h"]), len(params["b_y"])
    keep = 1 / (1 + np.exp(params["b_alpha"]))
    if slip == "exchanged":
        keep = 1 - keep
    if slip == "raw":
        keep = 1 - params["b_alpha"]
    take = 1 - keep
    if slip == "plain":
        keep, take = 0 * keep, 1 + 0 * take
    nudge = np.zeros((len(x) + 1, *start.shape)) + nudge
    a, o = np.zeros((*sizes, H), complex), np.zeros((*sizes, V), complex)
    h, c = (np.zeros((len(x) + 1, len(start), H), complex) for _ in range(2))
    for n in range(len(start)):
        state = nudge[0, n] + (0 if slip == "zero" else start[n])
        c[0, n] = state
        h[0, n] = np.tanh(state) if leak == "charge" and slip != "h_0" else state
        for t in range(len(x)):
            old, held = h[t, n], c[t, n]
            a[t, n] = params["W_xh"] @ x[t, n] + params["W_hh"] @ old + params["b_h"]
            z = np.tanh(a[t, n])
            if slip == "book":
                state = keep * old + take * z
            elif leak in ("charge", "inside"):
                state = keep * (held if leak == "charge" else old) + take * a[t, n]
                if leak == "inside":
                    state = np.tanh(state)
            elif leak == "ring":
                state = keep * np.roll(old, -1 if slip == "other way" else 1) + take * z
            else:
                state = keep * np.tanh(old) + take * z
            state = state + nudge[t + 1, n]
            c[t + 1, n] = state
            h[t + 1, n] = np.tanh(state) if leak == "charge" and slip != "book" else state
            o[t, n] = params["W_hy"] @ h[t + 1, n] + params["b_y"]
    p = np.exp(o) / np.exp(o).sum(axis=2, keepdims=True)
    run = {"a": a, "h": h, "o": o, "p": p} | ({"c": c} if leak == "charge" else {})
    if not any(np.iscomplexobj(part) for part in (nudge, start, *params.values())):
        run = {name: array.real for name, array in run.items()}
    return run


def _loss(run, y, lam, kinds, slip=""):
    (steps, batch), o, h = y.shape, run["o"], run["h"]
    surprise = np.log(np.exp(o).sum(axis=2)).sum()
    surprise = surprise - np.take_along_axis(o, y[..., None], axis=2).sum()
    moves = h[1:] - h[:-1]
    first = 1 if slip == "late" else 0
    penalty = {
        "difference": lambda: (moves[first:] ** 2).sum() / 2,
        "drive": lambda: (run["a"] ** 2).sum() / 2,
        "cosh": lambda: np.log(np.cosh(h[1 - first :])).sum(),
        "home": lambda: ((h[-1] - (0 if first else h[0])) ** 2).sum() / 2,
        "sphere": lambda: (((h[1 - first :] ** 2).sum(axis=2) - 1) ** 2).sum() / 4,
    }[kinds["penalty"]]()
    if slip == "factor":
        penalty = penalty * (4 if kinds["penalty"] == "sphere" else 2)
    if slip == "nothing":
        penalty = 0
    s, r = _factors(kinds["scale"], steps, batch)
    if slip == "sum":
        s = r = 1
    if slip == "steps":
        s = r = 1 / steps
    return s * surprise + r * lam * penalty


def _factors(scale, steps, batch):
    return {
        "sequence": (1 / batch, 1 / batch),
        "token": (1 / (steps * batch), 1 / (steps * batch)),
        "mixed": (1 / (steps * batch), 1 / batch),
    }[scale]


def _by_complex_step(params, x, y, start, lam, kinds, what):
    """Return ∂L/∂(carried states), or the gradients of the parameters and of the start."""

    def loss(params, start, nudge=0.0):
        return _loss(_forward(params, x, start, kinds, nudge=nudge), y, lam, kinds)

    def gradient(function, array):
        found = np.zeros(array.shape)
        for place in np.ndindex(*array.shape):
            moved = array.astype(complex)
            moved[place] += 1e-30j
            found[place] = function(moved).imag / 1e-30
        return found

    if what == "nudge":
        still = np.zeros((len(x) + 1, *start.shape))
        return gradient(lambda nudge: loss(params, start, nudge), still)
    found = {
        name: gradient(lambda array, name=name: loss(params | {name: array}, start), array)
        for name, array in params.items()
    }
    return found | {"start": gradient(lambda array: loss(params, array), start)}


# --- Usual slips, by name ------------------------------------------------------------------------


def _forward_slips(leak):
    own = {
        "charge": [("h_0", "the start is taken for h_0, not for c_0"), ("book", _BOOK)],
        "inside": [("book", _BOOK)],
        "ring": [("other way", "the ring turns the other way")],
        "again": [("book", "the old state is kept as it is, without a tanh of its own")],
    }[leak]
    return [
        ("exchanged", "α and 1 − α change places"),
        ("raw", "b_alpha itself stands where α = σ(b_α) should"),
        ("zero", "the run begins at 0 and not at `start`"),
        ("plain", "nothing leaks (α = 1 everywhere)"),
        *own,
    ]


_BOOK = "the unit mixes its old state with tanh(a_t), as leaky units often do"


def _loss_slips(kinds):
    slips = [
        ("nothing", "the penalty is left out"),
        ("sum", "everything is summed and nothing divided"),
        ("steps", "everything is divided by T alone"),
    ]
    late = {
        "difference": "the first difference, h_1 − h_0, is left out",
        "cosh": "the initial state is charged, too",
        "sphere": "the initial state is charged, too",
        "home": "h_T is measured from 0 and not from h_0",
    }.get(kinds["penalty"])
    if late:
        slips.append(("late", late))
    if kinds["penalty"] != "cosh":
        slips.append(("factor", "the number that divides λ is forgotten"))
    return slips


def _owed_slips(kinds):
    slips = [
        ("transpose", _FORWARD),
        ("own", "nothing comes back from the step after"),
        ("direct", "what comes back through 1 − α is left out"),
        ("nothing", "the penalty of question 2 is left out"),
        ("sum", "the factors s and r of question 2 are left out"),
    ]
    if kinds["penalty"] == "difference":
        slips.append(("second", "h_t counts as the later state of a difference, never the earlier"))
    if kinds["leak"] == "ring":
        slips.append(("other way", "the ring is not turned back but turned on"))
        slips.append(("whose", "1 − α is that of the unit that is read, not of the one that reads"))
    return slips


_FORWARD = (
    "W_hh carries back as it carries forward (the way back is W_hh.T @ da for a column, "
    "da @ W_hh for rows)"
)


def _owed(params, run, y, lam, kinds, slip=""):
    """The recursion with a slip, in rows."""
    leak, penalty = kinds["leak"], kinds["penalty"]
    a, h = run["a"], run["h"]
    s, r = (1, 1) if slip == "sum" else _factors(kinds["scale"], *y.shape)
    r = 0 if slip == "nothing" else r * lam
    keep = 1 / (1 + np.exp(params["b_alpha"]))
    take, direct = 1 - keep, 0 if slip == "direct" else keep
    own = np.zeros(h.shape)
    own[1:] = s * (run["p"] - np.eye(len(params["b_y"]))[y]) @ params["W_hy"]
    if penalty == "difference":
        own[1:] += r * (h[1:] - h[:-1])
        own[:-1] -= 0 if slip == "second" else r * (h[1:] - h[:-1])
    elif penalty == "cosh":
        own[1:] += r * np.tanh(h[1:])
    elif penalty == "home":
        own[-1] += r * (h[-1] - h[0])
        own[0] -= r * (h[-1] - h[0])
    elif penalty == "sphere":
        own[1:] += r * ((h[1:] ** 2).sum(axis=2, keepdims=True) - 1) * h[1:]
    d = np.zeros(h.shape)
    for t in range(len(h) - 1, -1, -1):
        d[t] = own[t]
        if t < len(h) - 1 and slip != "own":
            through = np.ones(h[0].shape)
            if leak == "inside":
                through = 1 - h[t + 1] ** 2
            owed_a = take * through * d[t + 1]
            if leak in ("ring", "again"):
                owed_a = owed_a * (1 - np.tanh(a[t]) ** 2)
            if penalty == "drive":
                owed_a = owed_a + r * a[t]
            d[t] += owed_a @ (params["W_hh"].T if slip == "transpose" else params["W_hh"])
            if leak == "inside":
                d[t] += direct * through * d[t + 1]
            elif leak == "ring":
                if slip == "whose":
                    d[t] += direct * np.roll(d[t + 1], -1, axis=1)
                else:
                    d[t] += np.roll(direct * d[t + 1], 1 if slip == "other way" else -1, axis=1)
            elif leak == "again":
                d[t] += direct * (1 - np.tanh(h[t]) ** 2) * d[t + 1]
        if leak == "charge":
            d[t] *= 1 - h[t] ** 2
            if t < len(h) - 1 and slip != "own":
                d[t] += direct * d[t + 1]
    return d
