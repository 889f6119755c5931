"""The runs behind the chapter *word-model*: two optimisers and two reaches; a published plateau.

    python -m experiments.word_model rules      about seven minutes on one core
    python -m experiments.word_model plateau    about three minutes on one core

Both read sentences from the docstrings of the installed NumPy. `rules` chooses a learning rate for
each variant on validation, trains it from three starts, and writes the losses on test sentences,
beside those of models that only count, to book/applications/word-model.json. `plateau` trains the
published network of 8000 words from seven starts, with an earlier and a later line of its code, the
earlier also in double precision, and writes the ten losses of each run to
book/applications/word-plateau.json. Each file is written whole or not at all.
"""

import math
import re
import sys
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from experiments.results import run_parts, write_results
from rnnlib import RNN, SGD, Adam, HalveOnRise, clip_global_norm
from rnnlib.losses import softmax
from rnnlib.ngrams import NGram
from rnnlib.text import (
    Vocabulary,
    corpus,
    sentence_batches,
    sentences,
    split_sentences,
)
from rnnlib.train import fit, mean_loss

FOLDER = Path(__file__).parents[1] / "book" / "applications"
RESULTS = FOLDER / "word-model.json"
PLATEAU_RESULTS = FOLDER / "word-plateau.json"

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

PLATEAU = {
    "corpus": "numpy-docstrings",
    "V": 8000,
    "H": 100,
    "sentences": 100,
    "learning_rate": 0.005,  # of SGD, halved when the printed loss rises
    "steps_back": 4,  # of each loss
    "epochs": 10,
    "starts": [[10, 0], [11, 0], [12, 1], [13, 1], [14, 2], [15, 2], [16, 3]],  # weights, draw
    "runs": [["earlier", "float32"], ["later", "float32"], ["earlier", "float64"]],
}

# The states that make the logits of steps 1 to T, among h_0 to h_T. The gradient of the published
# code is that of the later line in both.
LINES = {"earlier": slice(None, -1), "later": slice(1, None)}


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


def plain_sentences(settings: dict) -> tuple[Vocabulary, list[tuple[str, ...]]]:
    """The vocabulary of all sentences, and those of plain words, each different one once."""
    every = sentences(corpus(settings["corpus"]))
    plain = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|,")
    prose = [
        sentence
        for sentence in dict.fromkeys(map(tuple, every))
        if 5 <= len(sentence) <= 40
        and sentence[-1] == "."
        and all(plain.fullmatch(word) for word in sentence[:-1])
    ]
    return Vocabulary.of_words(every, settings["V"]), prose


def draw(
    vocabulary: Vocabulary, prose: list[tuple[str, ...]], seed: int, number: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets of some sentences, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(prose))[:number]
    rows = [[vocabulary.start, *vocabulary.encode(prose[i]), vocabulary.end] for i in order]
    return [(np.array(row[:-1]), np.array(row[1:])) for row in rows]


class Published(RNN):
    """The published network: one sentence, no biases, each loss some steps back.

    `line` says which states make the logits. `loss_and_grads` has the gradient of the later line,
    whichever was chosen.
    """

    def __init__(self, settings: dict, line: str, seed: int, dtype: str) -> None:
        rng, V, H = np.random.default_rng(seed), settings["V"], settings["H"]
        W_xh = rng.uniform(-1, 1, (H, V)) / math.sqrt(V)
        super().__init__(V, H, V, init={"W_xh": W_xh}, rng=rng, dtype=np.dtype(dtype))
        self.line, self.steps = LINES[line], settings["steps_back"]

    def read(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """States, probabilities, and the sum of the losses: inf if a chance rounds to 0."""
        h = self.states(x[:, None])[:, 0]
        p = softmax(h[self.line] @ self.params["W_hy"].T)
        with np.errstate(divide="ignore"):
            return h, p, float(-np.log(p[range(len(x)), y]).sum())

    def loss_and_grads(self, x, y):
        """As in RNN with the truncation steps-back, for the later line, and biases left alone."""
        W_hh, W_hy = self.params["W_hh"], self.params["W_hy"]
        grads = {name: np.zeros_like(w) for name, w in self.params.items()}
        h, do, loss = self.read(x, y)
        do[range(len(x)), y] -= 1
        slope = 1 - h[1:] ** 2
        d = (do @ W_hy) * slope
        da = d.copy()
        for _ in range(self.steps):  # each loss one step farther back
            d = (d[1:] @ W_hh) * slope[: len(d) - 1]
            da[: len(d)] += d
        grads["W_hy"], grads["W_hh"] = do.T @ h[1:], da.T @ h[:-1]
        np.add.at(grads["W_xh"].T, x, da)
        return loss, grads, h[-1:]


def published_run(model: Published, data: list, settings: dict, epochs: int) -> list[float]:
    """The losses that the published loop prints, each before an epoch: means of means."""
    rule, printed = HalveOnRise(SGD(settings["learning_rate"])), []
    while True:
        printed.append(float(np.mean([model.read(x, y)[2] / len(x) for x, y in data])))
        if len(printed) == epochs:
            return printed
        rule.observe(min(printed[-1], sys.float_info.max))  # an infinite loss is a rise, too
        for x, y in data:
            rule.step(model.params, model.loss_and_grads(x, y)[1])


def run_plateau(settings: dict) -> dict:
    """All trainings from the published setting, as they will be written."""
    vocabulary, prose = plain_sentences(settings)
    results = {"settings": settings, "sentences": len(prose), "words": {}, "runs": []}
    work = [
        (weights, drawn, line, dtype)
        for weights, drawn in settings["starts"]
        for line, dtype in settings["runs"]
    ]
    for weights, drawn, line, dtype in tqdm(work, desc="plateau"):
        data = draw(vocabulary, prose, drawn, settings["sentences"])
        results["words"][str(drawn)] = sum(len(x) for x, _ in data)
        model = Published(settings, line, weights, dtype)
        losses = published_run(model, data, settings, settings["epochs"])
        told = [round(loss, 6) if math.isfinite(loss) else None for loss in losses]
        start = {"weights": weights, "draw": drawn}
        results["runs"].append(start | {"line": line, "dtype": dtype, "losses": told})
    return results


def rules(settings: dict) -> None:
    """Compare optimisers and reaches, write, and show the losses."""
    results = run(settings)
    write_results(RESULTS, results)
    for found in results["runs"]:
        print(f"{found['variant']:20} seed {found['seed']}: {found['test']:.3f} nats per word")
    print(f"written: {RESULTS}")


def plateau(settings: dict) -> None:
    """Train from the published setting, write, and show the last losses."""
    results = run_plateau(settings)
    write_results(PLATEAU_RESULTS, results)
    for found in results["runs"]:
        start = f"weights {found['weights']}, draw {found['draw']}"
        print(f"{start}, {found['line']:7} line, {found['dtype']}: {found['losses'][-1]}")
    print(f"written: {PLATEAU_RESULTS}")


PARTS = {"rules": (rules, SETTINGS), "plateau": (plateau, PLATEAU)}


if __name__ == "__main__":
    sys.exit(run_parts(PARTS, sys.argv[1:]))
