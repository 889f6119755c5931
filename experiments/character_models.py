"""Two longer trainings of the chapter *character-model*, and what came of them.

    python -m experiments.character_models hungarian    about seven minutes on one core
    python -m experiments.character_models python       about 40 seconds on one core

`hungarian` trains the network of Olar's tutorial for its 100 epochs on 559 characters, with the
gradient of its code, in which nothing comes back from the next step, and with the whole gradient,
twice each; then all four again for 10 epochs at a fifth of the learning rate. It writes
book/applications/olar-run.json. `python` trains a GRU on the source of the installed NumPy, and
writes book/applications/python-writer.npz (the network, for `rnnlib.load`) and python-writer.json
(its vocabulary, what training printed, a score to know the network by, and what n-grams reach
that count the whole training part). Both JSON files say which text they belong to. Each file
is written whole or not at all.
"""

import hashlib
import sys
import time
from collections import Counter
from itertools import count, islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.results import run_parts, write_results
from rnnlib.clipping import clip_global_norm, clip_values
from rnnlib.generate import write_text
from rnnlib.model import RNN
from rnnlib.ngrams import NGram
from rnnlib.optim import AdaGrad, Adam
from rnnlib.text import Vocabulary, corpus, split_text, text_stream
from rnnlib.weights import save

FOLDER = Path(__file__).parents[1] / "book" / "applications"

HUNGARIAN = {
    "hidden_size": 100,
    "window": 25,  # characters; the next window begins one character later
    "learning_rate": 0.1,  # of AdaGrad
    "eps": 1e-12,  # inside its root
    "limit": 1.0,  # of each number of the gradient
    "epochs": 100,
    "slower": {"learning_rate": 0.02, "epochs": 10},  # the same trainings, once more
    "seeds": [0, 1],
    "samples_after": [1, 2, 3, 5, 10, 20, 50, 100],  # epochs, of seed 0
    "sample_length": 250,
}

# How far each loss reaches back. The tutorial's code hands no gradient from a step to the one
# before it: 0 steps.
GRADIENTS = {"as published": {"truncation": "steps-back", "steps": 0}, "whole": {}}

PYTHON = {
    "cell": "gru",
    "hidden_size": 128,
    "streams": 32,
    "window": 50,
    "steps": 1500,
    "learning_rate": 0.01,  # of Adam; from the middle on it falls to 0 on a straight line
    "limit": 1.0,  # of the length of the whole gradient
    "rare": 100,  # a character that comes less often in the training part is unknown
    "held_out": 0.04,  # the last part of the text
    "seed": 0,
    "orders": [3, 5],  # of the n-grams that count the whole training part
    "score_on": 20_000,  # characters: the first that are held out
}


def digest(text: str) -> str:
    """Tell one text from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def first_weights(rng: np.random.Generator, V: int, H: int) -> dict[str, np.ndarray]:
    """The first weights of Olar's code: all normal, the biases too."""
    scale = {
        "W_xh": np.sqrt(2 / (V + H)),
        "W_hh": np.sqrt(2) / H,
        "b_h": np.sqrt(1 / V),
        "W_hy": np.sqrt(2 / (V + H)),
        "b_y": np.sqrt(1 / V),
    }
    shapes = {"W_xh": (H, V), "W_hh": (H, H), "b_h": (H,), "W_hy": (V, H), "b_y": (V,)}
    return {name: scale[name] * rng.standard_normal(shape) for name, shape in shapes.items()}


def windows_epoch(
    model: RNN,
    optimizer: AdaGrad,
    ids: np.ndarray,
    state: np.ndarray,
    settings: dict,
    gradient: dict,
) -> tuple[float, np.ndarray]:
    """One epoch over windows of stride 1, the state carried from the end of the window before.

    Returns
        printed  the mean over the windows of the loss, a sum over the characters of the window
        state    of the last window's end
    """
    T, losses = settings["window"], []
    for i in range(len(ids) - T - 1):  # the tutorial leaves out one window more than it must
        x, y = ids[i : i + T, None], ids[i + 1 : i + T + 1, None]
        loss, grads, state = model.loss_and_grads(x, y, state, **gradient)
        optimizer.step(model.params, clip_values(grads, settings["limit"]).grads)
        losses.append(loss)
    return float(np.mean(losses)), state


def hungarian_run(name: str, seed: int, settings: dict, bar: tqdm) -> dict:
    """One training of the small network; printed and honest loss, and samples."""
    text = corpus("hungarian")
    vocabulary = Vocabulary.of_characters(text)
    ids, V, H = vocabulary.encode(text), len(vocabulary), settings["hidden_size"]
    rng = np.random.default_rng(seed)
    model = RNN(V, H, V, init=first_weights(rng, V, H), rng=rng)
    optimizer = AdaGrad(settings["learning_rate"], eps=settings["eps"])
    state = np.zeros((1, H))
    printed, honest, samples = [], [], {}
    for epoch in range(1, settings["epochs"] + 1):
        loss, state = windows_epoch(model, optimizer, ids, state, settings, GRADIENTS[name])
        printed.append(round(loss, 4))
        whole, _ = model.evaluate(ids[:-1, None], ids[1:, None])
        honest.append(round(whole / (len(ids) - 1), 4))
        if seed == 0 and epoch in settings["samples_after"]:
            n = settings["sample_length"]
            pen = np.random.default_rng(epoch)
            samples[str(epoch)] = write_text(model, vocabulary, n, "k", rng=pen)
        bar.update()
    run = {"gradient": name, "learning_rate": settings["learning_rate"], "seed": seed}
    run |= {"printed": printed, "honest": honest}
    return run | ({"samples": samples} if samples else {})


def hungarian(settings: dict) -> None:
    """All trainings on the Hungarian text, and the file."""
    work = [(name, seed) for name in GRADIENTS for seed in settings["seeds"]]
    slower = settings | settings["slower"] | {"samples_after": []}
    epochs = len(work) * (settings["epochs"] + slower["epochs"])
    with tqdm(total=epochs, desc="hungarian", unit="epoch") as bar:
        runs = [hungarian_run(name, seed, settings, bar) for name, seed in work]
        slow_runs = [hungarian_run(name, seed, slower, bar) for name, seed in work]
    text = digest(corpus("hungarian"))
    results = {"settings": settings, "text": text, "runs": runs, "slower_runs": slow_runs}
    write_results(FOLDER / "olar-run.json", results)
    print(f"written: {FOLDER / 'olar-run.json'}")
    for run in runs + slow_runs:
        last = ", ".join(f"{loss:.3f}" for loss in run["printed"][-3:])
        first = ", ".join(f"{loss:.2f}" for loss in run["printed"][:2])
        print(f"{run['gradient']:13} {first} … {last}, honest {run['honest'][-1]:.2f}")


def frequent_characters(text: str, rare: int) -> Vocabulary:
    """The characters that come at least `rare` times; all others are unknown."""
    return Vocabulary((c for c, n in Counter(text).items() if n >= rare), unknown=True)


def rate_at(step: int, settings: dict) -> float:
    """The learning rate of a step: level, then falling to 0 on a straight line."""
    left = 1 - step / settings["steps"]
    return settings["learning_rate"] * min(1.0, 2 * left)


def train_writer(text: str, settings: dict) -> tuple[RNN, Vocabulary, list[float]]:
    """Train the network that writes Python.

    Arguments
        text  the training part

    Returns
        model, vocabulary
        losses  the training loss of each step, in nats per character
    """
    vocabulary = frequent_characters(text, settings["rare"])
    V, rng = len(vocabulary), np.random.default_rng(settings["seed"])
    model = RNN(
        V,
        settings["hidden_size"],
        V,
        cell=settings["cell"],
        reduction="mean",
        rng=rng,
        dtype=np.float32,
    )
    optimizer = Adam(settings["learning_rate"])
    data = text_stream(
        vocabulary.encode(text), window=settings["window"], streams=settings["streams"]
    )
    batches = (batch for _ in count() for batch in data.epoch(None))
    losses, state = [], None
    for step, batch in enumerate(tqdm(islice(batches, settings["steps"]), "python")):
        state = None if batch.fresh else state
        loss, grads, state = model.loss_and_grads(batch.inputs, batch.targets, state)
        optimizer.learning_rate = rate_at(step, settings)
        optimizer.step(model.params, clip_global_norm(grads, settings["limit"]).grads)
        losses.append(loss)
    return model, vocabulary, losses


def score(model: RNN, ids: np.ndarray) -> float:
    """The mean loss of a network that reads a text once, in nats per character."""
    loss, _ = model.evaluate(ids[:-1, None], ids[1:, None])
    return float(loss)


def python(settings: dict) -> None:
    """Train on NumPy's source, and write network, vocabulary, losses and scores."""
    source = corpus("numpy-source")
    text, held_out = split_text(source, settings["held_out"])
    begin = time.perf_counter()
    model, vocabulary, losses = train_writer(text, settings)
    seconds = time.perf_counter() - begin
    every = max(1, settings["steps"] // 30)
    ids, held_ids = vocabulary.encode(text), vocabulary.encode(held_out)
    counted = {n: NGram(ids, n, len(vocabulary)) for n in settings["orders"]}
    results = {
        "settings": settings,
        "numpy": np.__version__,
        "text": digest(source),
        "seconds": round(seconds, 1),
        "symbols": list(vocabulary.symbols[1:]),  # without the unknown one
        "loss": np.mean(np.reshape(losses, (-1, every)), axis=1).round(4).tolist(),
        "score": round(score(model, held_ids[: settings["score_on"]]), 4),
        "n_grams": {n: round(m.mean_loss(held_ids), 4) for n, m in counted.items()},
    }
    save(model, FOLDER / "python-writer.npz")
    write_results(FOLDER / "python-writer.json", results)
    print(f"written: {FOLDER / 'python-writer.json'}")
    bits = results["score"] / np.log(2)
    print(f"{seconds:.0f} s; {settings['score_on']} characters held out: {bits:.3f} bits each")


PARTS = {"hungarian": (hungarian, HUNGARIAN), "python": (python, PYTHON)}


if __name__ == "__main__":
    sys.exit(run_parts(PARTS, sys.argv[1:]))
