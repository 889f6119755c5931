"""Two optimisers and two reaches for a model of words. The runs behind the chapter *word-model*.

    python -m experiments.word_model

reads sentences from the docstrings of the installed NumPy, chooses a learning rate for each
variant on validation, trains it from three starts, and writes the losses on test sentences, beside
those of models that only count, to book/applications/word-model.json (whole or not at all; about
seven minutes on one core).
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from rnnlib import RNN, SGD, Adam, HalveOnRise, clip_global_norm
from rnnlib.files import write_whole
from rnnlib.ngrams import NGram
from rnnlib.text import (
    Vocabulary,
    corpus,
    sentence_batches,
    sentences,
    split_sentences,
)
from rnnlib.train import fit, mean_loss

RESULTS = Path(__file__).parents[1] / "book" / "applications" / "word-model.json"

SETTINGS = {
    "corpus": "numpy-docstrings",
    "longest": 40,  # tokens; longer sentences are left out
    "share": 0.1,  # of the sentences, for validation; the same for test
    "V": 2000,
    "H": 64,
    "batch": 32,
    "clip": 1.0,  # of the gradient of the mean loss per word
    "epochs": 5,
    "epochs_for_rates": 2,
    "seeds": [0, 1, 2],
    "rates": {"sgd": [0.5, 1.0, 2.0], "adam": [0.003, 0.01, 0.03]},
}

# The rule, and how many steps each loss reaches back (None: to the start of the sentence).
VARIANTS = {
    "annealed SGD, full": ("sgd", None),
    "Adam, full": ("adam", None),
    "Adam, 4 steps back": ("adam", 4),
    "Adam, 0 steps back": ("adam", 0),
}


class Reach(RNN):
    """A network whose losses reach back a fixed number of steps, or all the way (None)."""

    def __init__(self, *sizes, steps, **options):
        super().__init__(*sizes, **options)
        self.steps = steps

    def loss_and_grads(self, inputs, targets, state=None, mask=None):
        """As in RNN, with the truncation that belongs to this network."""
        cut = {} if self.steps is None else {"truncation": "steps-back", "steps": self.steps}
        return super().loss_and_grads(inputs, targets, state, mask, **cut)


def read(settings: dict) -> tuple[Vocabulary, dict[str, list[np.ndarray]]]:
    """The vocabulary of the training sentences, and three sets of sentences as ids."""
    every = sentences(corpus(settings["corpus"]))
    short = [words for words in every if len(words) <= settings["longest"]]
    rng, share = np.random.default_rng(0), settings["share"]
    rest, test = split_sentences(short, share, rng=rng)
    train, validation = split_sentences(rest, share / (1 - share), rng=rng)
    vocabulary = Vocabulary.of_words(train, settings["V"])
    parts = {"train": train, "validation": validation, "test": test}
    return vocabulary, {
        name: [vocabulary.encode(words) for words in part] for name, part in parts.items()
    }


def counted_losses(vocabulary: Vocabulary, ids: dict[str, list[np.ndarray]]) -> list[float]:
    """Test losses of unigram, bigram and trigram, in nats per word and end.

    The start is read and never predicted, so its chance is shared among the others.
    """
    start, end = vocabulary.start, vocabulary.end
    rows = {
        name: np.concatenate([[start, *words, end] for words in part]) for name, part in ids.items()
    }
    test, losses = rows["test"], []
    for order in (1, 2, 3):
        model = NGram(rows["train"], order, len(vocabulary))
        p, of_start = model.probabilities(test), np.empty(len(test))
        for r in range(order):  # put a start in every order-th place: no context changes
            other = test.copy()
            other[r::order] = start
            of_start[r::order] = model.probabilities(other)[r::order]
        counts = test != start
        losses.append(float(-np.log(p[counts] / (1 - of_start[counts])).mean()))
    return losses


def train(variant: str, rate: float, seed: int, epochs: int, data: dict, settings: dict) -> tuple:
    """One training; the network is that of the best epoch.

    Returns
        model  the network
        found  losses on validation by epoch, on the test set, and the seconds of an epoch
    """
    rule, steps = VARIANTS[variant]
    rng = np.random.default_rng(seed)
    V, H = settings["V"], settings["H"]
    model = Reach(V, H, V, steps=steps, reduction="mean", rng=rng, dtype=np.float32)
    optimizer = HalveOnRise(SGD(rate)) if rule == "sgd" else Adam(rate)
    begin = time.perf_counter()
    history = fit(
        model,
        optimizer,
        data["train"],
        epochs=epochs,
        rng=rng,
        validation=data["validation"],
        patience=epochs,
        clip=lambda grads: clip_global_norm(grads, settings["clip"]),
        progress=False,
    )
    found = {
        "variant": variant,
        "rate": rate,
        "seed": seed,
        "validation": [round(float(loss), 4) for loss in history.validation_loss],
        "test": round(mean_loss(model, data["test"]), 4),
        "seconds": round((time.perf_counter() - begin) / epochs, 1),
    }
    return model, found


def angle_of_truncation(model: Reach, batch: tuple, steps: int) -> float:
    """Degrees between the gradient of W_hh with a truncation and without."""
    x, y, mask, _ = batch
    full, cut = (
        RNN.loss_and_grads(model, x, y, None, mask, **how)[1]["W_hh"].astype(float)
        for how in ({}, {"truncation": "steps-back", "steps": steps})
    )
    cosine = np.vdot(full, cut) / np.linalg.norm(full) / np.linalg.norm(cut)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def run(settings: dict) -> dict:
    """Everything, as it will be written."""
    vocabulary, ids = read(settings)
    data = {
        name: sentence_batches(part, vocabulary=vocabulary, batch_size=settings["batch"], sort=True)
        for name, part in ids.items()
    }
    results = {
        "settings": settings,
        "sentences": {name: len(part) for name, part in ids.items()},
        "unknown": round(float(np.mean(np.concatenate(ids["test"]) == vocabulary.unknown)), 4),
        "counted": [round(loss, 4) for loss in counted_losses(vocabulary, ids)],
        "rates": [],
        "runs": [],
        "angles": [],
    }
    batch = next(iter(data["validation"].epoch(np.random.default_rng(0))))
    best = {}
    rates = [(rule, rate) for rule, tried in settings["rates"].items() for rate in tried]
    for rule, rate in tqdm(rates, desc="rates"):
        variant = next(name for name, (own, _) in VARIANTS.items() if own == rule)
        few = settings["epochs_for_rates"]
        _, found = train(variant, rate, 100, few, data, settings)
        results["rates"].append(found)
        if rule not in best or found["validation"][-1] < best[rule][0]:
            best[rule] = found["validation"][-1], rate
    work = [(variant, seed) for seed in settings["seeds"] for variant in VARIANTS]
    for variant, seed in tqdm(work, desc="runs"):
        rate = best[VARIANTS[variant][0]][1]
        model, found = train(variant, rate, seed, settings["epochs"], data, settings)
        results["runs"].append(found)
        if variant == "Adam, full":
            angles = [angle_of_truncation(model, batch, steps) for steps in (1, 2, 4, 8)]
            results["angles"].append([round(angle, 1) for angle in angles])
    return results


def as_text(results: dict) -> str:
    """JSON with one run in a line."""
    parts = []
    for name, value in results.items():
        if name in ("rates", "runs"):
            lines = ",\n  ".join(json.dumps(entry) for entry in value)
            parts.append(f"{json.dumps(name)}: [\n  {lines}\n ]")
        else:
            parts.append(f"{json.dumps(name)}: {json.dumps(value)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def main() -> int:
    """Train, write, and show the losses."""
    results = run(SETTINGS)
    write_whole(RESULTS, lambda file: file.write(as_text(results).encode()))
    for found in results["runs"]:
        print(f"{found['variant']:20} seed {found['seed']}: {found['test']:.3f} nats per word")
    print(f"written: {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
