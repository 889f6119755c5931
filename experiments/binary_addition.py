"""How often does a network learn to add? The trainings behind the chapter *binary-addition*.

    python -m experiments.binary_addition

trains the network of Roelants' tutorial, part 2, from many starts, as published and with one thing
or another changed, and writes what came of it to book/applications/binary-addition.json (whole or
not at all; about five minutes on one core). Networks with the same settings are trained side by
side: every array has one more axis, S, for the start.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.results import write_results
from rnnlib.data import to_bits
from rnnlib.losses import sigmoid
from rnnlib.optim import Adam, Optimizer, RMSProp

RESULTS = Path(__file__).parents[1] / "book" / "applications" / "binary-addition.json"

# What Roelants chose; each entry of RUNS says what is different.
PUBLISHED = {
    "hidden_size": 3,
    "slices": "overlapping",  # his slip; "repaired": the 2000 samples; "shuffled": anew each epoch
    "two_biases": True,  # one beside W_xh, one beside W_hh
    "rule": "published",  # RMSProp, decay 0.5, with Nesterov's momentum 0.8
    "rate": 0.05,
    "epochs": 5,  # of 20 batches of 100 sums
}
REPAIRED = {"slices": "repaired"}
RUNS = {
    "as published": {},
    "slices repaired": REPAIRED,
    "and shuffled": {"slices": "shuffled"},
    "and one bias": REPAIRED | {"two_biases": False},
    "and rate 0.01": REPAIRED | {"rate": 0.01},
    "and Adam, rate 0.02": REPAIRED | {"rule": "Adam", "rate": 0.02},
    "and 30 epochs": REPAIRED | {"epochs": 30},
    "and Adam, rate 0.02, 30 epochs": REPAIRED | {"rule": "Adam", "rate": 0.02, "epochs": 30},
    "and 2 units, 30 epochs": REPAIRED | {"hidden_size": 2, "epochs": 30},
    "and 5 units": REPAIRED | {"hidden_size": 5},
    "and 8 units": REPAIRED | {"hidden_size": 8},
    "and 8 units, 30 epochs": REPAIRED | {"hidden_size": 8, "epochs": 30},
    "and 8 units, Adam, 30 epochs": REPAIRED
    | {"hidden_size": 8, "rule": "Adam", "rate": 0.02, "epochs": 30},
}
# The losses that his page shows, before training and after each step: read off the curve, whose
# points stand in the file of the picture as coordinates.
ON_HIS_PAGE = [
    0.7302837, 0.7081283, 0.6914825, 0.6813797, 0.6741887, 0.6668183, 0.6585829, 0.6517651,
    0.6461659, 0.6407915, 0.6365757, 0.6309493, 0.6259073, 0.6202341, 0.6064759, 0.5897037,
    0.5732468, 0.5555133, 0.5418237, 0.5292889, 0.5143995, 0.5096844, 0.4993734, 0.4955152,
    0.4875481, 0.4782153, 0.4753455, 0.4746375, 0.4693637, 0.4664939, 0.4639814, 0.4588892,
    0.4558947, 0.4550554, 0.4487694, 0.4439582, 0.4413073, 0.4414809, 0.4422047, 0.4413148,
    0.4363614, 0.4333461, 0.4159067, 0.3975982, 0.3583646, 0.3109195, 0.2630819, 0.2210036,
    0.1840694, 0.1515860, 0.1273836, 0.1040438, 0.0882388, 0.0740683, 0.0609252, 0.0498474,
    0.0412797, 0.0339848, 0.0284031, 0.0235772, 0.0194325, 0.0164885, 0.0135887, 0.0115969,
    0.0095515, 0.0080247, 0.0067956, 0.0056164, 0.0045929, 0.0037464, 0.0030427, 0.0024926,
    0.0020528, 0.0016977, 0.0013878, 0.0011327, 0.0009475, 0.0008683, 0.0006803, 0.0006111,
    0.0005483, 0.0004822, 0.0004094, 0.0003484, 0.0002928, 0.0002474, 0.0002086, 0.0001762,
    0.0001476, 0.0001227, 0.0001009, 0.0000834, 0.0000689, 0.0000569, 0.0000470, 0.0000386,
    0.0000322, 0.0000266, 0.0000222, 0.0000184, 0.0000152,
]  # fmt: skip

STARTS = {name: 100 if "30 epochs" in name else 200 for name in RUNS}
STARTS |= {"as published": 1000, "slices repaired": 1000}
TOGETHER = 50  # networks side by side
KEPT = [1, 2, 434, 455]  # trained as published; the chapter looks into their weights
LONG = 50  # bits


def bits_of(numbers: np.ndarray, length: int) -> np.ndarray:
    """Binary digits along a new axis 0, the least significant first, as floats."""
    return to_bits(numbers, length).astype(float)


class AsPublished(RMSProp):
    """RMSProp with Nesterov's momentum as Roelants wrote it: ε is added after the division.

    u = η g / √r + ε,    v ← μ v − u;    `params` holds the point looked ahead to, w + μ v
    """

    def update(self, grad: np.ndarray, memory: dict, loss: float | None) -> np.ndarray:
        """Return what to add to the point looked ahead to: μ v − u."""
        for note in ("r", "velocity"):
            memory.setdefault(note, np.zeros_like(grad))
        r, v = memory["r"], memory["velocity"]
        r *= self.decay
        r += (1 - self.decay) * grad**2
        u = self.learning_rate * grad / np.sqrt(r) + self.eps
        v *= self.momentum
        v -= u
        return self.momentum * v - u


def optimizer(settings: dict) -> Optimizer:
    """The rule that the settings name."""
    if settings["rule"] == "Adam":
        return Adam(settings["rate"])
    return AsPublished(settings["rate"], decay=0.5, momentum=0.8, nesterov=True, eps=1e-6)


def without_look_ahead(params: dict, rule: Optimizer) -> dict[str, np.ndarray]:
    """The weights w themselves, where `params` holds w + μ v."""
    if not getattr(rule, "nesterov", False):
        return params
    state = rule.state()
    return {k: p - rule.momentum * state[f"memory/{k}/0/velocity"] for k, p in params.items()}


def start(seed: int, hidden_size: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What his page draws, in its order: 2000 pairs, a network that is only checked, another.

    Returns
        pairs   (2000, 2), whole numbers below 64; seed 1 is the published draw
        params  the first weights, in our shapes
    """
    rng = np.random.RandomState(seed)
    pairs = rng.randint(0, 64, size=(2000, 2))  # the stream of single draws, in their order
    for _ in range(2):
        W_xh, W_hh, W_hy = (
            rng.uniform(-1, 1, shape).T * np.sqrt(6 / sum(shape))
            for shape in ((2, hidden_size), (hidden_size, hidden_size), (hidden_size, 1))
        )
    vectors = {name: np.zeros(hidden_size) for name in ("b_x", "b_h", "h_0")}
    return pairs, {"W_xh": W_xh, "W_hh": W_hh, "W_hy": W_hy, "b_y": np.zeros(1)} | vectors


class Adders:
    """S networks side by side, tanh and sigmoid; L of each is the mean over steps and sequences.

    Arguments
        params  by name, each with axis S in front; b_x, a second bias, may be missing
    """

    def __init__(self, params: dict[str, np.ndarray]) -> None:
        self.params = params

    def states(self, x: np.ndarray) -> np.ndarray:
        """h_0 … h_T for inputs (T, S, B, D) or (T, 1, B, D): (T + 1, S, B, H)."""
        params = self.params
        b = params["b_h"] + params.get("b_x", 0)
        a = x @ params["W_xh"].mT + b[:, None]
        h = np.empty((len(x) + 1, *a.shape[1:]))
        h[0] = params["h_0"][:, None]
        W_hhT = params["W_hh"].mT
        for t in range(1, len(h)):
            h[t] = np.tanh(a[t - 1] + h[t - 1] @ W_hhT)
        return h

    def logits(self, h: np.ndarray) -> np.ndarray:
        """o_1 … o_T: (T, S, B, V)."""
        return h[1:] @ self.params["W_hy"].mT + self.params["b_y"][:, None]

    def gradients(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        """Backpropagation through time, for each of the S networks."""
        h = self.states(x)
        T, S, B = h[1:].shape[:3]
        do = (sigmoid(self.logits(h)) - y) / (T * B)
        read = do @ self.params["W_hy"]
        dh, da = np.zeros_like(h[0]), np.empty_like(h[1:])
        for t in range(T - 1, -1, -1):
            da[t] = (1 - h[t + 1] ** 2) * (dh + read[t])
            dh = da[t] @ self.params["W_hh"]
        rows = [np.moveaxis(z, 0, 1).reshape(S, T * B, -1) for z in (do, da, x, h[:-1], h[1:])]
        do, da, x, before, after = rows
        db = da.sum(axis=1)
        grads = {"W_xh": da.mT @ x, "W_hh": da.mT @ before, "b_h": db, "b_x": db}
        grads |= {"W_hy": do.mT @ after, "b_y": do.sum(axis=1), "h_0": dh.sum(axis=1)}
        return {name: grads[name] for name in self.params}

    def right(self, pairs: np.ndarray, length: int) -> np.ndarray:
        """How many of the sums of `pairs` have all bits right: (S,)."""
        x = bits_of(pairs, length)[:, None]
        y = bits_of(pairs.sum(axis=1), length)[:, None, :, None]
        return ((self.logits(self.states(x)) > 0) == y).all(axis=(0, 3)).sum(axis=1)


def batches(settings: dict, samples: int = 2000) -> Iterator[np.ndarray]:
    """The samples of each mini-batch of the whole run."""
    rng = np.random.default_rng(0)
    for _ in range(settings["epochs"]):
        shuffled = settings["slices"] == "shuffled"
        order = rng.permutation(samples) if shuffled else np.arange(samples)
        for i in range(samples // 100):
            first = i if settings["slices"] == "overlapping" else 100 * i
            yield order[first : first + 100]


def train(seeds: list[int], settings: dict) -> Adders:
    """Train one network for each seed, side by side."""
    drawn = [start(seed, settings["hidden_size"]) for seed in seeds]
    pairs = np.array([p for p, _ in drawn])
    inputs, targets = bits_of(pairs, 7), bits_of(pairs.sum(axis=2), 7)[..., None]
    names = [n for n in drawn[0][1] if n != "b_x" or settings["two_biases"]]
    net = Adders({name: np.array([params[name] for _, params in drawn]) for name in names})
    rule = optimizer(settings)
    for chosen in batches(settings):
        rule.step(net.params, net.gradients(inputs[:, :, chosen], targets[:, :, chosen]))
    return Adders(without_look_ahead(net.params, rule))


def test_pairs() -> dict[str, tuple[np.ndarray, int]]:
    """What the trained networks are asked: pairs, and how many bits they are given.

    all      each pair of two 6-bit numbers, 4096
    random   200 pairs of 50 bits
    chain    200 pairs of 50 bits that differ in all bits but the first, which are both 1 (a
             carry, handed on 49 times) or both 0 (no carry, 49 times)
    """
    rng = np.random.default_rng(0)
    low, high = np.divmod(np.arange(4096), 64)
    long = rng.integers(2**LONG, size=(200, 2))
    first = long[:, :1] & ~1
    second = (2**LONG - 2) ^ first
    begin = np.arange(200)[:, None] % 2
    return {
        "all": (np.stack([low, high], axis=1), 7),
        "random": (long, LONG + 1),
        "chain": (np.concatenate([first, second], axis=1) + begin, LONG + 1),
    }


def weights(seeds: list[int]) -> dict[str, dict[str, list]]:
    """What networks end with that are trained as published, in the shapes of `rnnlib.RNN`."""
    params = train(seeds, PUBLISHED).params
    params = params | {"b_h": params["b_h"] + params["b_x"]}
    del params["b_x"]
    return {
        str(seed): {name: param[i].round(6).tolist() for name, param in params.items()}
        for i, seed in enumerate(seeds)
    }


def run(runs: dict[str, dict], starts: dict[str, int]) -> dict:
    """All trainings, and how many sums of each kind each network got right."""
    tests = test_pairs()
    asked = {name: len(pairs) for name, (pairs, _) in tests.items()}
    results = {"published": PUBLISHED, "on his page": ON_HIS_PAGE, "asked": asked}
    results |= {"weights": weights(KEPT), "runs": []}
    with tqdm(total=sum(starts.values()), desc="training", unit="") as bar:
        for name, changed in runs.items():
            bar.set_postfix_str(name)
            right: dict[str, list[int]] = {test: [] for test in tests}
            for begin in range(1, starts[name] + 1, TOGETHER):
                seeds = list(range(begin, min(begin + TOGETHER, starts[name] + 1)))
                net = train(seeds, PUBLISHED | changed)
                for test, (pairs, length) in tests.items():
                    right[test] += net.right(pairs, length).tolist()
                bar.update(len(seeds))
            results["runs"].append({"name": name, "changed": changed, "right": right})
    return results


def main() -> int:
    """Train, write, and show how many solved; of these, how many passed each test of 50 bits."""
    results = run(RUNS, STARTS)
    write_results(RESULTS, results)
    for entry in results["runs"]:
        counts = np.array([entry["right"][test] for test in ("all", "random", "chain")])
        solved = counts[0] == results["asked"]["all"]
        long = [int(np.sum(row[solved] == 200)) for row in counts[1:]]
        print(f"{entry['name']:32} {solved.sum():4} of {len(solved):4}; 50 bits: {long}")
    print(f"written: {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
