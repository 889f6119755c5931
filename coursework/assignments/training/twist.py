"""What a term draws for the third assignment: clippings, optimisers, rules, and broken runs.

The functions here are written apart from the solutions of the notebook, so that the numbers that
the visible tests print are a second opinion.
"""

import math
import textwrap
import zlib

import numpy as np

from coursework.terms import load

CHOICES = {
    "numbers": ("soft", "tanh", "mean"),
    "whole": ("largest", "rms", "log"),
    "arrays": ("relative", "rows", "share"),
    "adagrad": ("restart", "array", "late", "absolute"),
    "adam": ("max", "infinity", "nesterov", "belief"),
    "streams": ("spread", "front", "ring"),
    "reset": ("part", "end", "fade"),
    "counted": ("warm", "classes", "characters"),
}
KINDS = (*CHOICES, "fault_a", "fault_b", "fault_c")


def draw(rng: np.random.Generator) -> dict:
    values = {name: str(rng.choice(kinds)) for name, kinds in CHOICES.items()}
    for part in (_clippings, _adagrad, _adam, _streams, _reading, _logs):
        values |= part(rng, values)
    return values


def _literal(value, digits: int = 4) -> str:
    """Return an array as a Python literal, rounded."""
    return repr((np.round(np.asarray(value, float), digits) + 0.0).tolist())


def _literals(arrays: dict, digits: int = 4) -> str:
    parts = (f'"{name}": {_literal(array, digits)}' for name, array in arrays.items())
    return "{" + ", ".join(parts) + "}"


def _rows(array) -> str:
    """Return the rows of a matrix as Python literals, one per line."""
    return "\n".join(f"    {row}," for row in array.tolist())


def _pick(rng, *options):
    return options[int(rng.integers(len(options)))]


# --- 1. Clippings --------------------------------------------------------------------------------


def _clippings(rng, kinds):
    while True:
        values = _try_clippings(rng, kinds)
        if values is not None:
            return values


def _try_clippings(rng, kinds):
    g = {
        "W": rng.choice([-8, -6, -3, -2, 2, 3, 6, 8], (2, 2)).astype(float),
        "b": rng.choice([-4.0, -1.0, 1.0, 4.0], 2, replace=False),
    }
    params = {"W": rng.choice([-2.0, -1.0, 1.0, 2.0], (2, 2)), "b": np.zeros(2)}
    c_numbers = _pick(rng, 1.2, 1.5) if kinds["numbers"] == "mean" else _pick(rng, 2.0, 3.0, 4.0)
    c_whole = _pick(rng, 1.5, 2.0, 2.5, 3.0)
    c_arrays = _pick(rng, 0.5, 1.5) if kinds["arrays"] == "relative" else _pick(rng, 3.0, 4.0, 6.0)
    floor = _pick(rng, 0.5, 0.8)
    want = {
        "numbers": clip_numbers(kinds["numbers"], g, c_numbers),
        "whole": clip_whole(kinds["whole"], g, c_whole),
        "arrays": clip_arrays(kinds["arrays"], g, params, c_arrays, floor),
    }
    all_numbers = np.concatenate([a.ravel() for a in g.values()])
    length = np.linalg.norm(all_numbers)
    book = {
        "numbers": {n: np.clip(a, -c_numbers, c_numbers) for n, a in g.items()},
        "whole": {n: a * min(1, c_whole / length) for n, a in g.items()},
        "arrays": {n: a * min(1, c_arrays / np.linalg.norm(a)) for n, a in g.items()},
    }
    for name in want:
        apart = max(np.abs(want[name][n] - book[name][n]).max() for n in g)
        changed = max(np.abs(want[name][n] - g[n]).max() for n in g)
        if apart < 0.05 or changed < 0.05 or apart > 1e3:
            return None
    if len(set(np.abs(all_numbers))) < 4:
        return None
    return {
        "g_W": _literal(g["W"], 1),
        "g_b": _literal(g["b"], 1),
        "g_W_tex": _matrix(g["W"]),
        "g_b_tex": _row(g["b"]),
        "p_W": _literal(params["W"], 1),
        "p_W_tex": _matrix(params["W"]),
        "c_numbers": c_numbers,
        "c_whole": c_whole,
        "c_arrays": c_arrays,
        "norm_floor": floor,
        "want_numbers": _literals(want["numbers"]),
        "want_whole": _literals(want["whole"]),
        "want_arrays": _literals(want["arrays"]),
        "first_number": f"{want['numbers']['W'][0, 0]:.4f}",
        "first_whole": f"{want['whole']['W'][0, 0]:.4f}",
        "first_array": f"{want['arrays']['W'][0, 0]:.4f}",
    }


def _matrix(array) -> str:
    rows = r" \\ ".join(" & ".join(f"{v:g}" for v in row) for row in array)
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


def _row(array) -> str:
    return "(" + r",\; ".join(f"{v:g}" for v in array) + ")"


def clip_numbers(kind, g, c):
    if kind == "soft":
        return {n: c * a / (c + np.abs(a)) for n, a in g.items()}
    if kind == "tanh":
        return {n: c * np.tanh(a / c) for n, a in g.items()}
    return {n: np.clip(a, -c * np.mean(np.abs(a)), c * np.mean(np.abs(a))) for n, a in g.items()}


def clip_whole(kind, g, c):
    numbers = np.concatenate([a.ravel() for a in g.values()])
    size = {
        "largest": np.max(np.abs(numbers)),
        "rms": np.sqrt(np.mean(numbers**2)),
        "log": np.linalg.norm(numbers),
    }[kind]
    factor = min(1.0, c / size)
    if kind == "log" and size > c:
        factor *= 1 - math.log(factor)
    return {n: factor * a for n, a in g.items()}


def clip_arrays(kind, g, params, c, floor):
    total, new = sum(a.size for a in g.values()), {}
    for n, a in g.items():
        if kind == "rows":
            rows = a.reshape(len(a), -1)
            sizes = np.linalg.norm(rows, axis=1, keepdims=True)
            new[n] = (rows * np.minimum(1, c / sizes)).reshape(a.shape)
        else:
            bound = c * math.sqrt(a.size / total)
            if kind == "relative":
                bound = c * max(np.linalg.norm(params[n]), floor)
            new[n] = a * min(1, bound / np.linalg.norm(a))
    return new


# --- 2 and 3. Optimisers -------------------------------------------------------------------------


def _gradients(rng):
    """Three gradients of W (two numbers) and of b (one)."""
    while True:
        g_W = rng.choice([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0], (3, 2))
        g_b = rng.choice([-2.0, -1.0, 1.0, 2.0], 3)
        if np.all(g_W[:, 0] != 0) and g_W[0, 1] == 0 and np.any(g_W[1:, 1]):
            if len({abs(v) for v in g_W[:, 0]}) > 1 and len({abs(v) for v in g_b}) > 1:
                return g_W, g_b


def _adagrad(rng, kinds):
    g_W, g_b = _gradients(rng)
    rate, eps, start = _pick(rng, 0.1, 0.2), _pick(rng, 0.1, 0.5), _pick(rng, 0.5, 1.0, 2.0)
    every = 2
    told = {
        "restart": (rate, eps, every),
        "array": (rate, eps),
        "late": (rate, start),
        "absolute": (rate, eps),
    }[kinds["adagrad"]]
    want = {}
    for name, start_at, gs in (("W", np.array([1.0, -1.0]), g_W), ("b", np.array(0.5), g_b)):
        w, r, places = start_at, 0.0, []
        for n, g in enumerate(gs, start=1):
            if kinds["adagrad"] == "restart":
                r = g**2 + (0 if n % every == 1 else r)
                move = g / (np.sqrt(r) + eps)
            elif kinds["adagrad"] == "array":
                r = r + np.mean(g**2)
                move = g / np.sqrt(r + eps)
            elif kinds["adagrad"] == "late":
                move = g / np.sqrt(start + r)
                r = r + g**2
            else:
                r = r + np.abs(g)
                move = g * np.sqrt(n) / (r + eps)
            w = w - rate * move
            places.append(w)
        want[name] = np.array(places)
    return {
        "ada_told": ", ".join(map(repr, told)),
        "ada_rate": rate,
        "ada_eps": eps,
        "ada_start": start,
        "ada_every": every,
        "ada_g_W": _literal(g_W, 1),
        "ada_g_b": _literal(g_b, 1),
        "ada_W": _literal(want["W"]),
        "ada_b": _literal(want["b"]),
        "ada_hand": ", ".join(f"{v:g}" for v in g_b),
        "ada_way": " \\to ".join(f"{v:.4f}" for v in (0.5, *want["b"])),
    }


def _adam(rng, kinds):
    g_W, g_b = _gradients(rng)
    rate, eps = _pick(rng, 0.1, 0.2), _pick(rng, 0.1, 0.2)
    beta1, beta2 = _pick(rng, 0.5, 0.6, 0.75), _pick(rng, 0.8, 0.9)
    want = {
        "W": adam(kinds["adam"], np.array([1.0, -1.0]), g_W, rate, beta1, beta2, eps),
        "b": adam(kinds["adam"], np.array(0.5), g_b, rate, beta1, beta2, eps),
    }
    hand_1, hand_2 = _pick(rng, 0.5, 0.6, 0.8), _pick(rng, 0.75, 0.9, 0.96)
    first, second = first_two(kinds["adam"], hand_1, hand_2)
    way = adam(kinds["adam"], np.array(0.0), np.array([3.0, 0.0]), 1.0, hand_1, hand_2, 0.0)
    assert np.allclose(-np.diff([0.0, *way]), [first, second], rtol=1e-12)
    return {
        "adam_told": ", ".join(map(repr, (rate, beta1, beta2, eps))),
        "adam_rate": rate,
        "adam_eps": eps,
        "beta1": beta1,
        "beta2": beta2,
        "adam_g_W": _literal(g_W, 1),
        "adam_g_b": _literal(g_b, 1),
        "adam_W": _literal(want["W"]),
        "adam_b": _literal(want["b"]),
        "adam_hand": ", ".join(f"{v:g}" for v in g_b),
        "adam_way": " \\to ".join(f"{v:.4f}" for v in (0.5, *want["b"])),
        "hand_beta1": hand_1,
        "hand_beta2": hand_2,
        "hand_first": f"{first:.3f}",
        "hand_second": f"{second:.3f}",
    }


def adam(kind, w, gs, rate, b1, b2, eps):
    m = r = s = 0.0
    places = []
    for n, g in enumerate(gs, start=1):
        m = b1 * m + (1 - b1) * g
        now = m / (1 - b1**n)
        if kind == "infinity":
            s = np.maximum(b2 * s, np.abs(g))
            size = s
        else:
            r = b2 * r + (1 - b2) * ((g - m) if kind == "belief" else g) ** 2
            size = np.sqrt(r / (1 - b2**n))
            if kind == "max":
                s = size = np.maximum(s, size)
        if kind == "nesterov":
            now = b1 * now + (1 - b1) / (1 - b1**n) * g
        w = w - rate * now / (size + eps)
        places.append(w)
    return np.array(places)


def first_two(kind, b1, b2):
    """The first two steps for the derivatives g and 0, in units of the rate, without ε."""
    later = b1 / (1 + b1)
    return {
        "max": (1.0, later),
        "infinity": (1.0, later / b2),
        "nesterov": (1 + b1, b1 * later * math.sqrt((1 + b2) / b2)),
        "belief": (1 / b1, math.sqrt((1 + b2) / (b2 + (1 - b1) ** 2)) / (1 + b1)),
    }[kind]


# --- 4 and 5. Streams and an honest loss ---------------------------------------------------------


def _streams(rng, kinds):
    B = _pick(rng, 3, 4)
    N = B * int(rng.integers(3, 5))
    if kinds["streams"] == "front":
        N += 1 + int(rng.integers(1, B))
    elif kinds["streams"] == "spread":
        N += 1 + int(rng.integers(2, B))  # one left over would stand at the end, as in the book
    ids = np.arange(N) + 10 * int(rng.integers(1, 9))
    T = (N - (kinds["streams"] != "ring")) // B
    s = N - 1 - B * T if kinds["streams"] == "front" else 0
    firsts = s + np.arange(B) * T
    if kinds["streams"] == "spread":
        firsts = np.floor(np.arange(B) / B * (N - 1) + 1e-9).astype(int)
    places = firsts[None, :] + np.arange(T)[:, None]
    return {
        "cut_ids": f"np.arange({ids[0]}, {ids[-1] + 1})",
        "cut_first": int(ids[0]),
        "cut_last": int(ids[-1]),
        "cut_N": N,
        "cut_B": B,
        "cut_x": _rows(ids[places]),
        "cut_y": _rows(ids[(places + 1) % N]),
        "cut_T": T,
    }


def _softmax_step(params, x, h):
    h = np.tanh(params["W_xh"][:, x] + params["W_hh"] @ h + params["b_h"])
    o = params["W_hy"] @ h + params["b_y"]
    return h, o - np.log(np.sum(np.exp(o)))


def _reading(rng, kinds):
    def tenths(*shape):
        return np.round(rng.uniform(-1, 1, shape), 1)

    params = {
        "W_xh": tenths(2, 4),
        "W_hh": np.array([[0.9, -0.7], [0.6, 0.8]]) * _pick(rng, 1, -1),
        "b_h": tenths(2),
        "W_hy": 2 * tenths(4, 2),
        "b_y": tenths(4),
        "h_0": np.array([_pick(rng, 0.5, -0.6), _pick(rng, -0.4, 0.7)]),
    }
    a, b = (2, 3) if rng.random() < 0.5 else (3, 2)
    streams = [[a, b, 1, 0, b, a], [b, 1, 0, a, a, b]]
    if rng.random() < 0.5:
        streams = streams[::-1]
    text = np.array(streams).T
    x, y, h = text[:-1], text[1:], np.array([[0.3, -0.8], [-0.5, 0.6]])
    gamma = _pick(rng, 0.25, 0.4, 0.6)
    losses, last = read(kinds["reset"], params, x, y, h, 2, gamma, 1)
    m = _pick(rng, 1, 2)
    lengths = np.array([0, *rng.permutation([1, 2, 3])])
    batches = [
        (
            np.array([[0, 0], [a, b], [b, 1]]),
            np.array([[a, b], [b, 1], [a, 1]]),
            np.array([[1, 1], [1, 1], [1, 0]], bool),
            np.array([True, True]),
        ),
        (
            np.array([[a, 0], [a, a]]),
            np.array([[a, a], [1, b]]),
            np.array([[1, 1], [1, 1]], bool),
            np.array([False, True]),
        ),
    ]
    return {
        "net": "\n".join(f'    "{name}": {_literal(w, 1)},' for name, w in params.items()),
        "h_0_tex": _row(params["h_0"]),
        "read_x": repr(x.tolist()),
        "read_y": repr(y.tolist()),
        "read_h": _literal(h, 1),
        "gamma": gamma,
        "read_losses": _literal(losses),
        "read_last": _literal(last),
        "read_first": f"{losses[0]:.4f}",
        "m": m,
        "lengths": repr(lengths.tolist()),
        "valid_batches": ",\n".join(
            "    (" + ",\n     ".join(repr(part.tolist()) for part in batch) + ")"
            for batch in batches
        ),
        "valid_loss": f"{valid_loss(kinds['counted'], params, batches, m, lengths):.6f}",
        "valid_first": f"{valid_loss(kinds['counted'], params, batches[:1], m, lengths):.6f}",
    }


def read(kind, params, x, y, h, window, gamma, units):
    h, losses = [row.copy() for row in h], []
    for t in range(len(x)):
        if t % window == 0:
            losses.append(0.0)
        for n in range(len(h)):
            if x[t, n] == 0 and kind == "fade":
                h[n] = gamma * h[n] + (1 - gamma) * params["h_0"]
            if x[t, n] == 0 and kind == "part":
                h[n] = [*params["h_0"][:units], *h[n][units:]]
            h[n], log_p = _softmax_step(params, x[t, n], h[n])
            losses[-1] -= log_p[y[t, n]]
            if x[t, n] == 1 and kind == "end":
                h[n] = params["h_0"]
    return losses, np.array(h)


def valid_loss(kind, params, batches, m, lengths):
    found, h, done = [], {}, {}
    for x, y, mask, fresh in batches:
        for n in range(x.shape[1]):
            if fresh[n]:
                h[n], done[n] = params["h_0"], 0
            for t in np.flatnonzero(mask[:, n]):
                h[n], log_p = _softmax_step(params, x[t, n], h[n])
                done[n] += 1
                found.append((y[t, n], -log_p[y[t, n]], done[n]))
    if kind == "warm":
        return np.mean([loss for _, loss, number in found if number > m])
    if kind == "classes":
        symbols = {symbol for symbol, _, _ in found}
        return np.mean([np.mean([e for w, e, _ in found if w == v]) for v in symbols])
    return sum(e for _, e, _ in found) / sum(lengths[v] for v, _, _ in found)


# --- 6. Logs -------------------------------------------------------------------------------------


def _logs(rng, kinds):
    runs = load("training", "runs")
    chosen = [str(name) for name in rng.permutation(list(runs.FAULTS))[:3]]
    values = {
        "causes": "\n".join(
            f"| {f.cause} | {f.meaning} | {f.evidence} |" for f in runs.FAULTS.values()
        ),
        "section_list": ",\n".join(
            f"""    "{f.cause}": 'See {f.section}'""" for f in runs.FAULTS.values()
        ),
        "causes_of": {},
    }
    here = {}
    for letter, name in zip("abc", chosen, strict=True):
        fault = runs.FAULTS[name]
        log = runs.clear_log(fault, rng, rows=36)
        values |= {
            f"fault_{letter}": name,
            f"cause_{letter}": fault.cause,
            f"crc_{letter}": zlib.crc32(fault.cause.encode()),
            f"proof_{letter}": fault.proof,
            f"shown_{letter}": f"{fault.number(log):.4g}",
            f"log_{letter}": _log_text(log),
        }
        values["causes_of"][letter] = fault.cause
        here[letter] = fault.number(log)
    values["crc_evidence_a"] = zlib.crc32(f"{round(here['a'], 9) + 0.0:.3g}".encode())
    shown = " ".join(values[f"log_{letter}"] for letter in "abc")
    values["again"] = {
        letter: _another_run(runs, runs.FAULTS[name], here[letter], shown, rng)
        for letter, name in zip("abc", chosen, strict=True)
    }
    return values


def _another_run(runs, fault, here, shown, rng):
    """Run with the same fault for a hidden test, with another evidence than the log that is shown.

    None of its lines may stand in a shown log.
    """
    while True:
        log = runs.clear_log(fault, rng, rows=29, more=2)
        there, text = fault.number(log), _log_text(log)
        lines = [line.strip() for line in text.splitlines()]
        if abs(there - here) > 5e-4 * (1 + abs(here)):
            if not any(line in shown for line in lines if len(line) > 20):
                return {"log": text, "here": repr(here), "there": repr(there)}


def _log_text(log: dict) -> str:
    """Return a log as Python code, in lines of at most 78 letters."""
    parts = []
    for name, value in log.items():
        if isinstance(value, np.ndarray):
            same = len(set(value.tolist())) == 1
            text = f"[{value[0]:g}] * {len(value)}" if same else None
            if name == "epoch":
                step = "k" if log["every"] == 1 else f"{log['every']} * k"
                text = f"[{step} // {log['per_epoch']} for k in range({len(value)})]"
            text = text or "[" + ", ".join(f"{v:g}" for v in value.tolist()) + "]"
            parts += textwrap.wrap(
                f"{name}={text},", 78, initial_indent="    ", subsequent_indent="        "
            )
        elif name not in ("every", "per_epoch"):
            parts.append(f"    {name}={value!r},".replace("'", '"'))
    return "\n".join(["dict(", *parts, ")"])
