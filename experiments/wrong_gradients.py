"""Do wrong gradients learn? The trainings behind the table of the chapter *gradient-checking*.

    python -m experiments.wrong_gradients

trains one network with five backward passes, one right and four wrong, to recall the first symbol
of a sequence after d distractors, and writes what came of it to book/bptt/wrong-gradients.json
(whole or not at all; about seven minutes on one core). The backward passes differ in one line:
what δ_t owes to δ_{t+1}.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.results import write_results
from rnnlib.data import recall_task
from rnnlib.gradcheck import numerical_gradients, relative_error
from rnnlib.losses import softmax
from rnnlib.optim import Adam

RESULTS = Path(__file__).parents[1] / "book" / "bptt" / "wrong-gradients.json"

SETTINGS = {
    "symbols": 4,  # what is to be recalled; two more ids are distractors
    "distractors": [2, 5, 10, 15, 30],
    "hidden_size": 16,
    "batch": 32,  # sequences, drawn anew for each step
    "steps": 1500,  # None in the results means: not at one test within so many
    "test_every": 20,  # steps
    "test_sequences": 500,
    "learning_rate": 0.003,  # of Adam
    "seeds": list(range(10)),
}

# What arrives at h_{t-1} from step t. States stand in rows, so W_hhᵀ δ is written dh @ W_hh.
# dh is δ_t, shape (B, H); slope is 1 − h_t².
BACK: dict[str, Callable] = {
    "right": lambda W_hh, slope, dh: (slope * dh) @ W_hh,
    "no transpose": lambda W_hh, slope, dh: (slope * dh) @ W_hh.T,
    "wrong order": lambda W_hh, slope, dh: slope * (dh @ W_hh),
    "both wrong": lambda W_hh, slope, dh: slope * (dh @ W_hh.T),
    "nothing back": lambda W_hh, slope, dh: np.zeros_like(dh),
}


class Network:
    """The tanh/softmax network, written out, with a backward pass to choose from `BACK`.

    The answers to the last n steps count, n = len(targets): L is the mean over sequences of the
    sum of their losses.
    """

    def __init__(self, params: dict[str, np.ndarray], back: str = "right") -> None:
        self.params = params
        self.back = BACK[back]

    def states(self, inputs: np.ndarray) -> np.ndarray:
        """h_0 = 0, h_1 … h_T for ids of shape (T, B): (T + 1, B, H)."""
        W_xh, W_hh, b_h = (self.params[name] for name in ("W_xh", "W_hh", "b_h"))
        h = np.zeros((len(inputs) + 1, inputs.shape[1], len(b_h)))
        for t, x_t in enumerate(inputs, start=1):
            h[t] = np.tanh(W_xh.T[x_t] + h[t - 1] @ W_hh.T + b_h)
        return h

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """The likeliest answer after the last step, for each sequence."""
        o = self.states(inputs)[-1] @ self.params["W_hy"].T + self.params["b_y"]
        return o.argmax(axis=1)

    def loss_and_grads(
        self, inputs: np.ndarray, targets: np.ndarray
    ) -> tuple[float, dict[str, np.ndarray], np.ndarray]:
        """The loss, its gradient (if `back` is the right one), and the last state."""
        params = self.params
        W_hh, W_hy = params["W_hh"], params["W_hy"]
        T, B = inputs.shape
        x = np.eye(params["W_xh"].shape[1])[inputs]
        one_hot = np.eye(len(W_hy))
        grads = {name: np.zeros_like(param) for name, param in params.items()}
        h = self.states(inputs)
        loss, dh = 0.0, np.zeros_like(h[0])
        for t in range(T, 0, -1):
            n = t - 1 - T  # −1 for the last step: also the place of its target
            if -n <= len(targets):
                p = softmax(h[t] @ W_hy.T + params["b_y"])
                loss -= np.sum(np.log(p[np.arange(B), targets[n]])) / B
                do = (p - one_hot[targets[n]]) / B
                grads["W_hy"] += do.T @ h[t]
                grads["b_y"] += do.sum(axis=0)
                dh = dh + do @ W_hy
            slope = 1 - h[t] ** 2
            da = slope * dh
            grads["W_xh"] += da.T @ x[t - 1]
            grads["W_hh"] += da.T @ h[t - 1]
            grads["b_h"] += da.sum(axis=0)
            dh = self.back(W_hh, slope, dh)
        return float(loss), grads, h[-1]


def first_weights(rng: np.random.Generator, D: int, H: int, V: int) -> dict[str, np.ndarray]:
    """Orthogonal W_hh, which hands a small state on undiminished; small W_xh; biases 0."""
    W_hh, _ = np.linalg.qr(rng.standard_normal((H, H)))
    return {
        "W_xh": 0.025 * rng.standard_normal((H, D)),
        "W_hh": W_hh,
        "b_h": np.zeros(H),
        "W_hy": rng.standard_normal((V, H)) / np.sqrt(H),
        "b_y": np.zeros(V),
    }


def train(back: str, distractors: int, seed: int, settings: dict) -> tuple[int | None, np.ndarray]:
    """One training.

    Returns
        reached  the first test, in steps, at which all sequences were answered right, whatever
                 came later; None: never
        loss     the mean training loss of every `test_every` steps
    """
    rng = np.random.default_rng(seed)
    S, every = settings["symbols"], settings["test_every"]
    test = recall_task(np.random.default_rng(10**6), settings["test_sequences"], distractors, S)
    net = Network(first_weights(rng, S + 2, settings["hidden_size"], S), back)
    optimizer = Adam(settings["learning_rate"])
    reached, losses = None, []
    for step in range(1, settings["steps"] + 1):
        inputs, targets = recall_task(rng, settings["batch"], distractors, S)
        loss, grads, _ = net.loss_and_grads(inputs, targets[None])
        losses.append(loss)
        optimizer.step(net.params, grads)
        if step % every == 0 and reached is None and np.all(net.predict(test[0]) == test[1]):
            reached = step
    return reached, np.mean(np.reshape(losses, (-1, every)), axis=1)


def errors_of(back: str) -> dict[str, float]:
    """How far a backward pass is from central differences, where nothing is small or square.

    H 5, V 6, T 10, B 2, all parameters ~ N(0, 1/H), a loss at each step.
    """
    rng = np.random.default_rng(0)
    D, H, V, T, B = 6, 5, 6, 10, 2
    shapes = {"W_xh": (H, D), "W_hh": (H, H), "b_h": (H,), "W_hy": (V, H), "b_y": (V,)}
    params = {name: rng.normal(0, H**-0.5, shape) for name, shape in shapes.items()}
    inputs, targets = rng.integers(D, size=(T, B)), rng.integers(V, size=(T, B))
    net = Network(params, back)
    measured = numerical_gradients(net, inputs, targets)
    grads = net.loss_and_grads(inputs, targets)[1]
    return {name: relative_error(grads[name], measured[name]) for name in params}


def run(settings: dict) -> dict:
    """All trainings, and the errors of the gradients that they followed."""
    results = {
        "settings": settings,
        "errors": {back: {n: round(e, 4) for n, e in errors_of(back).items()} for back in BACK},
        "recall": [],
    }
    # The long ones come last; a bar in units of steps through time shows how far we are.
    work = [
        (k, back, seed)
        for k in settings["distractors"]
        for back in BACK
        for seed in settings["seeds"]
    ]
    with tqdm(total=sum(k + 1 for k, _, _ in work), desc="training", unit="") as bar:
        for k in settings["distractors"]:
            for back in BACK:
                bar.set_postfix_str(f"{back}, {k} distractors")
                runs = []
                for seed in settings["seeds"]:
                    runs.append(train(back, k, seed, settings))
                    bar.update(k + 1)
                results["recall"].append(
                    {
                        "distractors": k,
                        "back": back,
                        "reached": [reached for reached, _ in runs],
                        "loss": np.mean([loss for _, loss in runs], axis=0).round(4).tolist(),
                    }
                )
    return results


def main() -> int:
    """Train, write, and show the table."""
    results = run(SETTINGS)
    write_results(RESULTS, results)
    for entry in results["recall"]:
        solved = sum(reached is not None for reached in entry["reached"])
        print(f"{entry['distractors']:3} {entry['back']:28} {solved}/{len(entry['reached'])}")
    print(f"written: {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
