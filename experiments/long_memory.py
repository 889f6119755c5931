"""Which network remembers how long? The trainings behind the tables of the chapter *long-memory*.

    python -m experiments.long_memory

trains networks of six kinds to recall a symbol, and to add two numbers, over growing distances,
and writes what came of each training to book/applications/long-memory.json as soon as it has
ended. The file is always whole. Trainings that stand in it are not repeated, so that the script
can be stopped and run again; to begin afresh, remove the file. (About 25 minutes on one core.)
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.results import write_results
from rnnlib import RNN
from rnnlib.clipping import clip_global_norm
from rnnlib.data import adding_task, recall_task
from rnnlib.optim import Adam

RESULTS = Path(__file__).parents[1] / "book" / "applications" / "long-memory.json"

SETTINGS = {
    "hidden_size": 16,
    "batch": 32,  # sequences, drawn anew for each step
    "steps": 1500,  # the budget of one training; "solved": null means at none of its tests
    "test_every": 25,  # steps
    "test_sequences": 500,
    "solved if": {"recall": "accuracy >= 0.99", "adding": "mean squared error < 0.01"},
    "clip": 1.0,  # limit of the norm of the whole gradient
    "rates": [0.003, 0.01, 0.03],  # of Adam
    "seeds": [0, 1, 2],  # each with each rate
    # Distractors (recall) or steps in all (adding). A network that has solved nothing at one
    # distance is not tried at the longer ones.
    "distances": {"recall": [10, 20, 40, 80], "adding": [10, 20, 40, 80]},
}

# What each network is: arguments of RNN, and first values of the biases of its gates. Blocks of
# the LSTM are i, f, g, o; those of the GRU r, z, n.
NETWORKS: dict[str, dict] = {
    "tanh": {"cell": "tanh"},
    "identity": {"cell": "tanh"},
    "LSTM": {"cell": "lstm"},
    "LSTM, b_f = 3": {"cell": "lstm", "block": 1, "bias": 3.0},
    "GRU": {"cell": "gru"},
    "GRU, b_z = 3": {"cell": "gru", "block": 1, "bias": 3.0},
}


def make(network: str, task: str, rng: np.random.Generator, settings: dict) -> RNN:
    """A network of one of the kinds in `NETWORKS`, for one of the tasks."""
    kind, H = NETWORKS[network], settings["hidden_size"]
    D, V, loss = (6, 4, "softmax") if task == "recall" else (2, 1, "squared")
    init = "uniform"
    if network == "identity":  # after Le et al. 2015, whose unit is not tanh: max(a, 0)
        init = {"W_hh": "identity", "W_xh": 0.01 * rng.standard_normal((H, D))}
    model = RNN(
        D, H, V, cell=kind["cell"], loss=loss, outputs="last", reduction="mean", init=init, rng=rng
    )
    if "bias" in kind:
        block = slice(kind["block"] * H, (kind["block"] + 1) * H)
        model.params["b_h"][block] = kind["bias"]
    return model


def draw(task: str, rng: np.random.Generator, n: int, distance: int) -> tuple:
    """Inputs and targets. Distance: of distractors, or of steps in all."""
    if task == "recall":
        return recall_task(rng, n, distance)
    return adding_task(rng, n, distance)


def score(model: RNN, task: str, test: tuple) -> float:
    """Accuracy (recall), or mean squared error (adding)."""
    p, _ = model.predict(test[0])
    if task == "recall":
        return float(np.mean(p.argmax(axis=1) == test[1]))
    return float(np.mean((p - test[1]) ** 2))


def is_solved(task: str, value: float) -> bool:
    """As `SETTINGS["solved if"]` says."""
    return value >= 0.99 if task == "recall" else value < 0.01


def train(network: str, task: str, distance: int, seed: int, rate: float, settings: dict) -> dict:
    """One training, up to the first test that it passes."""
    rng = np.random.default_rng([seed, distance])
    test = draw(task, np.random.default_rng(10**6), settings["test_sequences"], distance)
    model = make(network, task, rng, settings)
    optimizer = Adam(rate)
    solved, begin = None, time.process_time()
    for step in range(1, settings["steps"] + 1):
        inputs, targets = draw(task, rng, settings["batch"], distance)
        _, grads, _ = model.loss_and_grads(inputs, targets)
        optimizer.step(model.params, clip_global_norm(grads, settings["clip"]).grads)
        if step % settings["test_every"] == 0:
            value = score(model, task, test)
            if is_solved(task, value):
                solved = step
                break
    return {
        "solved": solved,
        "score": round(value, 4),
        "seconds": round(time.process_time() - begin, 1),
    }


def key(entry: dict) -> tuple:
    """What tells one training from the others."""
    return tuple(entry[name] for name in ("task", "distance", "network", "rate", "seed"))


def hopeless(network: str, task: str, distance: int, done: dict) -> bool:
    """Whether all trainings of this network at a shorter distance have failed."""
    shorter: dict[int, list] = {}
    for entry in done.values():
        if entry["network"] == network and entry["task"] == task and entry["distance"] < distance:
            shorter.setdefault(entry["distance"], []).append(entry["solved"])
    return any(not any(solved) for solved in shorter.values())


def run(settings: dict, path: Path) -> dict:
    """All trainings that are not in the file yet; the file grows by one line for each."""
    done = {}
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["settings"] != settings:
            raise SystemExit(f"{path}: made with other settings; remove it to begin afresh")
        done = {key(entry): entry for entry in stored["trainings"]}
    results = {
        "settings": settings,
        "parameters": parameters(settings),
        "trainings": list(done.values()),
    }
    jobs = [
        (task, distance, network, rate, seed)
        for task, distances in settings["distances"].items()
        for distance in distances
        for network in NETWORKS
        for rate in settings["rates"]
        for seed in settings["seeds"]
    ]
    jobs.sort(key=lambda job: job[1])  # the long ones last: a partial file is worth having
    for job in tqdm(jobs, desc="trainings", unit=""):
        task, distance, network, rate, seed = job
        if job in done or hopeless(network, task, distance, done):
            continue
        entry = dict(zip(("task", "distance", "network", "rate", "seed"), job, strict=True))
        entry |= train(network, task, distance, seed, rate, settings)
        done[job] = entry
        results["trainings"].append(entry)
        write_results(path, results)
    return results


def parameters(settings: dict) -> dict[str, dict[str, int]]:
    """How many numbers each network has to learn."""
    rng = np.random.default_rng(0)
    return {
        task: {
            network: sum(p.size for p in make(network, task, rng, settings).params.values())
            for network in NETWORKS
        }
        for task in ("recall", "adding")
    }


def main() -> int:
    """Train, write, and show how many trainings each network has solved at its best rate."""
    results = run(SETTINGS, RESULTS)
    count: dict[tuple, int] = {}
    for entry in results["trainings"]:
        name = (entry["task"], entry["distance"], entry["network"], entry["rate"])
        count[name] = count.get(name, 0) + (entry["solved"] is not None)
    for task, distance, network in dict.fromkeys(name[:3] for name in count):
        best = max(n for name, n in count.items() if name[:3] == (task, distance, network))
        print(f"{task:7} {distance:4} {network:15} {best}/{len(SETTINGS['seeds'])}")
    print(f"written: {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
