"""What a term draws for the assignment `counting`: the network, the task, the loss, the rules.

Everything that the assignment says in numbers is computed here, most of it one number at a time,
so that it comes out alike on every machine.
"""

import hashlib
import itertools
import math

import numpy as np

KINDS = ("leak", "target", "reduction", "stencil", "rule")

LEAKS = ("even", "ones", "whole", "rest")
TARGETS = ("start", "end", "after")
REDUCTIONS = ("mean", "half", "over")
STENCILS = ("triple", "uneven", "onward")
RULES = ("additive", "patient", "together", "secant")

STEPS, SEQUENCES = 8, 10
WALL, PLAIN = (2.0, -0.5), (0.5, 0.2)  # two points (w_rec, alpha) of the map
TINY = 2.0**-100  # a step into the complex plane: it subtracts nothing, so it can be tiny


def draw(rng):
    """Return the kinds of a term and its numbers."""
    one = _Chooser(rng)
    combinations = list(itertools.product(TARGETS, STENCILS, LEAKS, RULES, REDUCTIONS))
    first = int(rng.permutation(len(combinations))[0])
    target, stencil, leak, rule, reduction = combinations[first]
    kinds = {
        "leak": leak,
        "target": target,
        "reduction": reduction,
        "stencil": stencil,
        "rule": rule,
    }
    kappa = one.of((2.0, 3.0, 4.0))
    if kinds["target"] == "after":
        v = one.of((0.5, 2.0, 3.0))
    else:
        v = list(one.of(list(itertools.permutations((0.5, 1.0, 1.5, 2.0), 3))))
    world = World(**kinds, kappa=kappa, v=v)
    example, small = _examples(one, world)
    return {
        **kinds,
        "kappa": kappa,
        "v": v,
        **{f"ex_{name}": value for name, value in example.items()},
        **{f"sm_{name}": value for name, value in small.items()},
        **_data(one, world),
        **_measured_example(world),
        **_rprop_example(one, world),
    }


class _Chooser:
    def __init__(self, rng):
        self.rng = rng

    def of(self, options):
        return options[int(self.rng.integers(len(options)))]


class World:
    """The network, the target, the loss, the difference and the rule of one term, in loops."""

    def __init__(self, leak, target, reduction, stencil, rule, kappa, v):
        self.leak, self.target, self.reduction = leak, target, reduction
        self.stencil, self.rule, self.kappa, self.v = stencil, rule, kappa, v

    def step(self, w, k, before, x_k, s0):
        """Return the state after step k of one sequence; w = (w_x, w_rec, alpha)."""
        w_x, w_rec, alpha = w
        old, new = w_rec * before, w_x * x_k
        if self.leak == "even" and k % 2 == 0:
            old = (1 - alpha) * old
        elif self.leak == "ones":
            old = (1 - alpha * x_k) * old
        elif self.leak == "whole":
            old, new = (1 - alpha) * old, (1 - alpha) * new
        elif self.leak == "rest":
            old = old - alpha * (before - s0)
        return old + new

    def states(self, w, x, s0):
        s = [s0]
        for k, x_k in enumerate(x, start=1):
            s.append(self.step(w, k, s[-1], x_k, s0))
        return s

    def count(self, x):
        """Return the target of one sequence of zeros and ones."""
        t = 0.0
        for k, x_k in enumerate(x, start=1):
            if self.target == "start":
                t += self.v[(k - 1) % 3] * x_k
            elif self.target == "end":
                t += self.v[(len(x) - k) % 3] * x_k
            else:
                t += (self.v if k > 1 and x[k - 2] else 1.0) * x_k
        return t

    def loss(self, last, t, m):
        total = 0.0
        for s_T, t_b, m_b in zip(last, t, m, strict=True):
            e = s_T - t_b
            over = self.kappa if self.reduction == "over" and e.real > 0 else 1.0
            total = total + m_b * over * e * e
        return total * {"mean": 1 / sum(m), "half": 0.5, "over": 1 / len(m)}[self.reduction]

    def loss_at(self, w, sequences, s0, t, m):
        last = [self.states(w, x, s)[-1] for x, s in zip(sequences, s0, strict=True)]
        return self.loss(last, t, m)

    def gradient(self, w, sequences, s0, t, m):
        return [self.slope(i, w, sequences, s0, t, m) for i in range(3)]

    def slope(self, i, w, sequences, s0, t, m):
        """Return the derivative of the loss by parameter i."""
        return self.loss_at(_moved(w, i), sequences, s0, t, m).imag / TINY

    def difference(self, f, h):
        """Return the measured slope of f at 0."""
        if self.stencil == "triple":
            near, far = (f(h) - f(-h)) / (2 * h), (f(3 * h) - f(-3 * h)) / (6 * h)
            return (9 * near - far) / 8
        if self.stencil == "uneven":
            return (4 * f(h) - 3 * f(0.0) - f(-2 * h)) / (6 * h)
        return (4 * f(h) - 3 * f(0.0) - f(2 * h)) / (2 * h)

    def rprop(self, gradient, start, size, steps):
        """Return the path of RProp."""
        n = len(start)
        path, sizes = [list(start)], [size] * n
        last, kept_before, last_w = [0.0] * n, [False] * n, list(start)
        for _ in range(steps):
            w, move = path[-1], []
            g = gradient(w)
            seen = list(g)
            kept = [_sign(a) * _sign(b) > 0 for a, b in zip(g, last, strict=True)]
            turned = [_sign(a) * _sign(b) < 0 for a, b in zip(g, last, strict=True)]
            for i in range(n):
                if turned[i]:
                    sizes[i] *= 0.5
                elif self.rule == "together" and any(turned):
                    pass
                elif kept[i] and self.rule == "additive":
                    sizes[i] += size
                elif kept[i] and (self.rule != "patient" or kept_before[i]):
                    sizes[i] *= 1.2
                if self.rule == "secant" and turned[i]:
                    move.append(-g[i] * (w[i] - last_w[i]) / (g[i] - last[i]))
                    seen[i] = 0.0
                else:
                    move.append(-_sign(g[i]) * sizes[i])
            last_w, last, kept_before = w, seen, kept
            path.append([a + b for a, b in zip(w, move, strict=True)])
        return path


def _sign(number):
    return (number > 0) - (number < 0)


def _moved(numbers, i):
    return [complex(number, TINY * (i == j)) for j, number in enumerate(numbers)]


def _short(number):
    """Return a number without the noise of its last digits; binary fractions stay exact."""
    return round(number, 13) + 0.0


# --- The examples of three steps -----------------------------------------------------------------


def _examples(one, world):
    """One example for paper, and one for the checks, which does not give the first one away."""
    example = _example(one, world)
    while True:
        small = _example(one, world)
        alike = [
            s_b == other_b
            for s_b in zip(*small["s"], strict=True)
            for other_b in zip(*example["s"], strict=True)
        ]
        if not any(alike) and small["t"] != example["t"]:
            return example, small


def _example(one, world):
    """Two sequences of three steps whose numbers are short and tell mistakes apart."""
    sequences = [(1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    while True:
        x = [one.of(sequences[:3]), one.of(sequences)]
        w = [one.of((1.0, 2.0, -1.0)), one.of((0.5, 1.5, 2.0)), one.of((0.25, 0.5))]
        s0 = [one.of((1.0, 2.0, 4.0, -2.0)), one.of((1.0, -1.0, 2.0, -4.0))]
        m = one.of(([1.0, 3.0], [3.0, 1.0]))
        s = [world.states(w, x_b, s_b) for x_b, s_b in zip(x, s0, strict=True)]
        t = [world.count(x_b) for x_b in x]
        e = [s_b[-1] - t_b for s_b, t_b in zip(s, t, strict=True)]
        by_rec = _moved(w, 1)
        total = world.states(by_rec, x[0], s0[0])[-1].imag / TINY
        uses = [
            world.step(by_rec, k, s[0][k - 1], x[0][k - 1], s0[0]).imag / TINY for k in (1, 2, 3)
        ]
        good = (
            x[0] != x[1]
            and s0[0] != s0[1]
            and all(abs(e_b) >= 0.5 for e_b in e)
            and e[0] * e[1] < 0
            and abs(e[0]) != abs(e[1])
            and min(abs(total), abs(uses[2]), abs(total - uses[2])) > 0.4
            and t != [sum(x_b) for x_b in x]
            and (world.target == "after" or _other_count(world, x) != t)
            and max(abs(value) for s_b in s for value in s_b) < 20
            and all((8 * value) % 1 == 0 for s_b in s for value in s_b)
            and all((4 * e_b) % 1 == 0 for e_b in e)
        )
        if not good:
            continue
        last = [s_b[-1] for s_b in s]
        gradient = [_short(g) for g in world.gradient(w, x, s0, t, m)]
        by_start = [_short(world.loss_at(w, x, _moved(s0, b), t, m).imag / TINY) for b in (0, 1)]
        if all(gradient) and all(by_start):
            break
    return {
        "rows": x,
        "x": [list(map(float, row)) for row in zip(*x, strict=True)],
        "w_x": w[0],
        "w_rec": w[1],
        "alpha": w[2],
        "s0": s0,
        "m": m,
        "s": [[_short(value) for value in row] for row in zip(*s, strict=True)],
        "fingerprints": [_fingerprint(k, s[0][k]) for k in (1, 2, 3)],
        "t": t,
        "loss": _short(world.loss(last, t, m)),
        "immediate": _short(uses[2]),
        "total": _short(total),
        "gradient": gradient,
        "grad_s0": by_start,
    }


def _fingerprint(k, number):
    """Return what tells a state from others and does not show it; the check makes the same."""
    written = f"s_{k} = {round(number, 6) + 0.0:.6f}"
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def _other_count(world, x):
    other = "end" if world.target == "start" else "start"
    there = World(world.leak, other, world.reduction, "", "", world.kappa, world.v)
    return [there.count(x_b) for x_b in x]


# --- The data, and facts for who grades the map --------------------------------------------------


def _data(one, world):
    columns = []
    while len(columns) < SEQUENCES:
        x = [one.of((0.0, 1.0)) for _ in range(STEPS)]
        x[-1] = float(len(columns) % 2)
        if 2 <= sum(x) <= 6 and x not in columns:
            columns.append(x)
    m = [one.of((1.0, 2.0, 3.0)) for _ in columns]
    t = [world.count(x) for x in columns]
    s0 = [0.0] * SEQUENCES
    w_x = one.of((1.0, 1.25, 1.5))

    def length(place):
        g = world.gradient((w_x, *place), columns, s0, t, m)
        return math.hypot(g[1], g[2])

    w_rec, alpha = np.linspace(-2, 2, 81), np.linspace(-1, 2, 61)
    losses = _map(world, columns, t, m, w_x, w_rec, alpha)
    row, column = np.unravel_index(np.argmin(losses), losses.shape)
    (end_rec, end_alpha), end = _training(world, columns, t, m, w_x)
    away = round(end / losses[row, column] - 1, 2)
    return {
        "inputs": [list(row) for row in zip(*columns, strict=True)],
        "targets": t,
        "weights": m,
        "map_w_x": w_x,
        "wall": WALL,
        "plain": PLAIN,
        "fact_lowest": f"{losses[row, column]:.3g}",
        "fact_place": (f"{w_rec[row]:.2f}", f"{alpha[column]:.2f}"),
        "fact_difference": f"{w_rec[row] - alpha[column]:.2f}",
        "fact_highest": f"{losses.max():.0e}",
        "fact_zero": f"{world.loss(s0, t, m):.2f}",
        "fact_last": f"{world.loss([w_x * x[-1] for x in columns], t, m):.2f}",
        "fact_wall": f"{length(WALL):.1e}",
        "fact_plain": f"{length(PLAIN):.1e}",
        "fact_end": f"{end:.3g}",
        "fact_end_place": (f"{end_rec:.2f}", f"{end_alpha:.2f}"),
        "fact_end_is": "below" if away < 0 else "above" if away > 0 else "alike",
    }


def _training(world, columns, t, m, w_x):
    """Train as the assignment does; return where it ends, and the loss there."""
    s0 = [0.0] * len(columns)

    def gradient(w):
        return [world.slope(i, (w_x, *w), columns, s0, t, m) for i in (1, 2)]

    end = world.rprop(gradient, PLAIN, 0.005, 300)[-1]
    return end, world.loss_at((w_x, *end), columns, s0, t, m)


def _map(world, columns, t, m, w_x, w_rec, alpha):
    w = (w_x, w_rec[:, None], alpha[None, :])
    losses = 0.0
    for x, t_b, m_b in zip(columns, t, m, strict=True):
        e = world.states(w, x, 0.0)[-1] - t_b
        over = np.where(e > 0, world.kappa, 1.0) if world.reduction == "over" else 1.0
        losses = losses + m_b * over * e**2
    return losses * {"mean": 1 / sum(m), "half": 0.5, "over": 1 / len(m)}[world.reduction]


# --- What the visible checks of the questions 6 and 7 expect -------------------------------------


def _measured_example(world):
    """The slopes of a^5 + b_1^4 b_2 at a = 1, b = (1, 2), by nudges of 0.1."""
    return {
        "measured_a": round(world.difference(lambda h: (1 + h) ** 5, 0.1), 10),
        "measured_b": [
            round(world.difference(lambda h: 2 * (1 + h) ** 4, 0.1), 10),
            round(world.difference(lambda h: 2 + h, 0.1), 10),
        ],
    }


def _rprop_example(one, world):
    """Derivatives of two weights over seven iterations, and the way that the rule goes."""
    first = one.of(([-4, -3, -2, -1, 3, 1, 1], [4, 2, 2, 1, -3, -1, -1]))
    second = one.of(([1, 3, -1, -2, -2, -2, -1], [-2, -2, 2, 1, 3, 1, 2]))
    gradients = [[float(a), float(b)] for a, b in zip(first, second, strict=True)]
    given = iter(gradients)
    path = world.rprop(lambda w: next(given), [1.0, 2.0], 0.1, len(gradients))
    return {
        "rprop_gradients": gradients,
        "rprop_path": [[round(value, 10) for value in w] for w in path],
    }
