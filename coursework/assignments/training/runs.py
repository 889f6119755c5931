"""Small training runs, each with one fault, for the logs that students diagnose.

Nothing here is invented: a log is what a run printed that really had the fault. The network is
that of the course (tanh, softmax), with 8 units. It reads documents of four letters that walk in a
circle, forwards in half of the documents and backwards in the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

BEGIN, END, LETTERS, V = 0, 1, 4, 6
LONGEST = 9  # letters of a document
GO_ON, STRAY = 0.88, 0.06  # chances to go on, and to take any letter instead of the next
COLUMNS = ("loss", "valid", "norm", "kept", "moved", "rate")
BETA_1, BETA_2 = 0.9, 0.999


@dataclass(frozen=True)
class Fault:
    """A fault: how a run gets it, and how it shows.

    Attributes
        cause     its name for the students
        section   of the book that speaks of it: page and heading
        meaning   what was done
        evidence  the number that proves it, in words
        options   draws the settings of a run that has it
        number    that number, from a log
        clear     whether a log shows the fault beyond doubt
        proof     what a good answer says: columns, a rival, a remedy
    """

    cause: str
    section: str
    meaning: str
    evidence: str
    options: Callable[[np.random.Generator], dict]
    number: Callable[[dict], float]
    clear: Callable[[dict], bool]
    proof: str


# --- The documents -------------------------------------------------------------------------------


def document(rng: np.random.Generator, backwards: bool) -> list[int]:
    """Draw the ids of a document, from BEGIN to END."""
    letters = [int(rng.integers(LETTERS))]
    while len(letters) < LONGEST and rng.random() < GO_ON:
        turn = -1 if backwards else 1
        if rng.random() < STRAY:
            turn = int(rng.integers(LETTERS))
        letters.append((letters[-1] + turn) % LETTERS)
    return [BEGIN, *(letter + 2 for letter in letters), END]


def surprise(ids: list[int]) -> float:
    """Return what somebody pays for a document who knows how they are drawn, in nats."""
    letters = ids[1:-1]
    chance = 0.0
    for turn in (1, LETTERS - 1):
        p = 0.5 / LETTERS
        for old, new in pairwise(letters):
            straight = (new - old) % LETTERS == turn
            p *= GO_ON * (STRAY / LETTERS + (1 - STRAY) * straight)
        chance += p
    return -np.log(chance * (1 - GO_ON if len(letters) < LONGEST else 1))


def side_by_side(documents: list[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, targets and mask, each (longest, number of documents)."""
    x = np.full((LONGEST + 1, len(documents)), END)
    y, mask = x.copy(), np.zeros(x.shape, bool)
    for n, ids in enumerate(documents):
        k = len(ids) - 1
        x[:k, n], y[:k, n], mask[:k, n] = ids[:-1], ids[1:], True
    return x, y, mask


# --- The network ---------------------------------------------------------------------------------


def first_weights(rng: np.random.Generator, H: int) -> dict[str, np.ndarray]:
    return {
        "W_xh": rng.normal(size=(H, V)) / 2,
        "W_hh": rng.normal(size=(H, H)) / np.sqrt(H),
        "b_h": np.zeros(H),
        "W_hy": rng.normal(size=(V, H)) / np.sqrt(H) / 2,
        "b_y": np.zeros(V),
    }


def read(params, x, y, mask):
    """Return states, probabilities, and the mean loss per prediction."""
    W_hhT, into = params["W_hh"].T, params["W_xh"].T[x] + params["b_h"]
    h = np.zeros((len(x) + 1, *into.shape[1:]))
    for t in range(len(x)):
        h[t + 1] = np.tanh(into[t] + h[t] @ W_hhT)
    o = h[1:] @ params["W_hy"].T + params["b_y"]
    o -= o.max(axis=2, keepdims=True)
    e = np.exp(o)
    sums = e.sum(axis=2, keepdims=True)
    of_target = np.take_along_axis(o, y[:, :, None], axis=2) - np.log(sums)
    return h, e / sums, -float(of_target[:, :, 0][mask].mean())


def loss_and_grads(params, x, y, mask):
    """Return the mean loss per prediction and its gradient."""
    h, p, loss = read(params, x, y, mask)
    number = mask.sum()
    do = (p - np.eye(V)[y]) * (mask / number)[:, :, None]
    slope, da = 1 - h[1:] ** 2, do @ params["W_hy"]
    later = 0.0
    for t in reversed(range(len(x))):
        da[t] = slope[t] * (da[t] + later)
        later = da[t] @ params["W_hh"]
    H = da.shape[2]
    rows_da, rows_do = da.reshape(-1, H), do.reshape(-1, V)
    return loss, {
        "W_xh": rows_da.T @ np.eye(V)[x.ravel()],
        "W_hh": rows_da.T @ h[:-1].reshape(-1, H),
        "b_h": rows_da.sum(axis=0),
        "W_hy": rows_do.T @ h[1:].reshape(-1, H),
        "b_y": rows_do.sum(axis=0),
    }


def length(grads: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum(np.vdot(g, g) for g in grads.values())))


# --- A run ---------------------------------------------------------------------------------------


def run(
    rng: np.random.Generator,
    rows: int,
    *,
    every: int = 1,
    documents: int = 96,
    H: int = 8,
    rule: str = "SGD",
    rate: float = 1.0,
    limit: float = 1.0,
    sort: bool = False,
    zeros: bool = False,
    halve: bool = False,
    hats: bool = True,
    forget: bool = False,
    printed: str = "mean",
    leak: bool = False,
    batch: int = 8,
) -> dict:
    """Train, and return the log: a row for every so many steps, four digits each."""
    pool = [document(rng, 2 * n >= documents) for n in range(documents)]
    if sort:
        pool.sort(key=len)
    known = int(rng.integers(2))
    held_out = [document(rng, (n + known) % 2 == 0) for n in range(24)]
    if leak:
        held_out = [pool[n] for n in rng.permutation(documents)[:24]]
    x, y, mask = side_by_side(pool)
    valid = side_by_side(held_out)
    params = first_weights(rng, H)
    if zeros:
        params = {name: 0 * w for name, w in params.items()}
    log = {column: [] for column in ("epoch", *COLUMNS)}
    per_epoch, last, memory, clock = documents // batch, np.inf, {}, 0
    for step in range(rows * every):
        if step % per_epoch == 0:
            order = np.arange(documents) if sort else rng.permutation(documents)
            if forget:
                memory, clock = {}, 0
        chosen = order[(step % per_epoch) * batch :][:batch]
        given = x[:, chosen], y[:, chosen], mask[:, chosen]
        loss, grads = loss_and_grads(params, *given)
        if halve and loss > last:
            rate /= 2
        last, norm = loss, length(grads)
        factor = min(1.0, limit / max(norm, 1e-300))
        moves, clock = {}, clock + 1
        for name, g in grads.items():
            moves[name] = -rate * factor * g
            if rule == "Adam":
                m, r = memory.get(name, (0.0, 0.0))
                m = BETA_1 * m + (1 - BETA_1) * factor * g
                r = BETA_2 * r + (1 - BETA_2) * (factor * g) ** 2
                memory[name] = m, r
                if hats:
                    m, r = m / (1 - BETA_1**clock), r / (1 - BETA_2**clock)
                moves[name] = -rate * m / (np.sqrt(r) + 1e-8)
            params[name] = params[name] + moves[name]
        if step % every == 0:
            scale = {"mean": 1.0, "places": given[2].mean(), "sum": given[2].sum() / batch}
            row = (loss * scale[printed], read(params, *valid)[2], norm, factor * norm)
            for column, value in zip(COLUMNS, (*row, length(moves), rate), strict=True):
                log[column].append(float(f"{value:.4g}"))
            log["epoch"].append(step // per_epoch)
    share = np.bincount(y[mask], minlength=V) / mask.sum()
    by_counts = -np.log(np.maximum(share, 1e-9))[valid[1][valid[2]]].mean()
    by_rule = sum(map(surprise, held_out)) / valid[2].sum()
    return {name: np.array(column) for name, column in log.items()} | {
        "every": every,
        "per_epoch": per_epoch,
        "rule": rule,
        "documents": documents,
        "P": sum(w.size for w in params.values()),
        "ln_V": round(float(np.log(V)), 4),
        "counts": round(float(by_counts), 4),
        "floor": round(float(by_rule), 4),
    }


def borders(log: dict) -> np.ndarray:
    """Return the rows at which an epoch begins, but for the first."""
    return 1 + np.flatnonzero(np.diff(log["epoch"]))


def _jumps(log: dict) -> np.ndarray:
    """Return by how much the training loss rises at each border."""
    return np.diff(log["loss"])[borders(log) - 1]


def clear_log(fault: Fault, rng: np.random.Generator, rows: int, more: int = 0) -> dict:
    """Run until the fault shows beyond doubt, with so many hidden units more than usual."""
    for _ in range(50):
        options = fault.options(rng)
        log = run(rng, rows, **options | {"H": options.get("H", 8) + more})
        if fault.clear(log):
            return log
    raise RuntimeError(f"50 runs, and none shows clearly: {fault.cause}")


# --- The faults ----------------------------------------------------------------------------------


def _overfit_options(rng):
    return {
        "rule": "Adam",
        "rate": round(float(rng.uniform(0.015, 0.03)), 3),
        "documents": 10,
        "batch": 5,
        "H": 12,
        "every": 4,
    }


def _leak_options(rng):
    return {
        "rule": "Adam",
        "rate": round(float(rng.uniform(0.02, 0.03)), 3),
        "documents": 24,
        "H": 12,
        "every": 6,
        "leak": True,
    }


def _adam_options(rng, **more):
    return _usual(rng) | {"rule": "Adam", "rate": round(float(rng.uniform(0.02, 0.04)), 3)} | more


def _sgd_options(rng, **more):
    return _usual(rng) | {"rate": round(float(rng.uniform(0.6, 1.2)), 1)} | more


def _usual(rng):
    return {"documents": int(rng.choice([72, 80, 96]))}


FAULTS = {
    "large": Fault(
        "rate too large",
        'training/optimizers: "One rate for two curvatures".',
        "the learning rate is far too large",
        "how many rows have a training loss above $\\ln V$",
        lambda rng: _sgd_options(rng, rate=float(rng.integers(12, 30))),
        lambda log: float(np.sum(log["loss"] > log["ln_V"])),
        lambda log: np.mean(log["loss"] > log["ln_V"]) > 0.7 and log["loss"][-1] > 3,
        "`loss` and `valid` jump up and down far above $\\ln V$, which an even guess would cost, "
        "from the first rows to the last; `moved` is many times larger than in a sound run, "
        "while `kept` is at most 1. Overfitting is out, since the training loss is as bad as "
        "`valid`; and so is a printed sum, since `valid`, where each prediction counts once, is as "
        "high as `loss`. Remedy: a rate ten to thirty times smaller.",
    ),
    "small": Fault(
        "rate too small",
        'training/optimizers: "One rate for two curvatures".',
        "the learning rate is far too small",
        "how many rows more it would take until `valid` is down at `floor`, if it went on "
        "falling as fast as it did in this log on the average: "
        "$(\\mathrm{valid}_{N-1} - \\mathrm{floor})$ divided by "
        "$(\\mathrm{valid}_0 - \\mathrm{valid}_{N-1})/(N - 1)$",
        lambda rng: _sgd_options(rng, rate=round(float(rng.uniform(0.004, 0.012)), 4)),
        lambda log: float(
            (log["valid"][-1] - log["floor"])
            / ((log["valid"][0] - log["valid"][-1]) / (len(log["valid"]) - 1))
        ),
        lambda log: 0.01 < log["valid"][0] - log["valid"][-1] < 0.12,
        "`valid` falls steadily, and by a few hundredths in the whole log; `norm` does not "
        "shrink and nothing is cut (`kept` equals `norm`), so there is a slope to go down; "
        "`moved` is a few thousandths, all the time. It is not the limit (`kept` would be below "
        "`norm`), and the rate did not fall. Remedy: a rate about a hundred times larger.",
    ),
    "limit": Fault(
        "limit too small",
        'training/clipping: "What a limit means".',
        "the limit of the clipping is so small that every gradient is cut, and by far",
        "the median of `norm`/`kept` over the rows",
        lambda rng: _sgd_options(rng, limit=round(float(rng.uniform(0.002, 0.006)), 4)),
        lambda log: float(np.median(log["norm"] / log["kept"])),
        lambda log: np.all(log["norm"] > 20 * log["kept"]),
        "`kept` is the same small number in every row, the limit, while `norm` is tens or hundreds "
        "of times as large: every gradient is cut. So every step has the same tiny length `moved`. "
        "It is not the rate, which is that of a sound run. Remedy: a limit of the size of the "
        "usual `norm`.",
    ),
    "overfit": Fault(
        "overfitting",
        'training/training-loop: "Overfitting, on purpose".',
        "there are too few training documents: the network learns them by heart, and gets worse "
        "on others",
        "how much the last `valid` lies above the lowest one",
        _overfit_options,
        lambda log: float(log["valid"][-1] - log["valid"].min()),
        lambda log: (
            log["valid"][-1] - log["valid"].min() > 0.3
            and log["loss"][-5:].mean() < log["floor"] - 0.15
            and log["valid"].argmin() >= 2
        ),
        "`loss` falls, below `floor`, where no honest knowledge leads; `valid` turns after a few "
        "rows and climbs. The two part, and that excludes a leak (there `valid` falls with "
        "`loss`) and a wrong rate (there `loss` would not fall). Remedy: more documents, or "
        "stop at the lowest `valid`.",
    ),
    "leak": Fault(
        "validation leaked",
        'training/training-loop: "Nine numbers from one network".',
        "the validation documents are among the training documents",
        "the number of the first row at which `valid` is below `floor`",
        _leak_options,
        lambda log: float(np.argmax(log["valid"] < log["floor"])),
        lambda log: (
            log["valid"][-1] < log["floor"] - 0.1
            and 3 <= np.argmax(log["valid"] < log["floor"]) < 20
        ),
        "`valid` goes on falling with `loss`, below `floor`, which is what somebody pays who "
        "knows how the documents are drawn: on new documents nobody gets there. So they are not "
        "new. It is not a scale error of the printed loss: `valid` is measured apart from it, "
        "and both begin near $\\ln V$. The network learns its few documents by heart here, too, "
        "but that it gets worse on others is not in the log: the leak hides it. Remedy: put "
        "documents aside before training.",
    ),
    "sorted": Fault(
        "documents sorted",
        'training/training-loop: "Shuffled, by a generator".',
        "the batches come in the order of a file sorted by length, the same in every epoch",
        "the mean over all borders of $\\mathrm{loss}_k - \\mathrm{loss}_{k-1}$",
        lambda rng: _sgd_options(rng, sort=True, documents=72),
        lambda log: float(np.mean(_jumps(log))),
        lambda log: (
            _jumps(log).min() > 0.25
            and _jumps(log).min() > np.delete(np.diff(log["loss"]), borders(log) - 1).max() + 0.1
        ),
        "`loss` is a saw: it falls within an epoch and jumps up at every border, where the "
        "shortest documents come again, whose predictions are the hardest. With shuffled batches "
        "a border would be a row like any other. It is not a lost memory: the rule is SGD, which "
        "has none, and `moved` follows `norm`; and it is not a rate that is too large: between "
        "the borders all is calm. Remedy: shuffle anew in each epoch.",
    ),
    "places": Fault(
        "places counted",
        'training/training-loop: "Nine numbers from one network".',
        "the printed training loss is divided by all places of a batch, padding included",
        "the median of `loss`/`valid` over the rows",
        lambda rng: _sgd_options(rng, printed="places"),
        lambda log: float(np.median(log["loss"] / log["valid"])),
        lambda log: log["loss"][0] < 0.8 * log["ln_V"],
        "The very first `loss` should be near $\\ln V$, and is far below it, before anything was "
        "learned; `valid`, counted as it should be, begins near $\\ln V$ and comes "
        "down slowly. The two keep about the same ratio all along: the share of places that "
        "exist. It is not a leak (then `valid` would be too low, not `loss`), and not "
        "overfitting (the gap is there from row 0). Remedy: divide by the sum of the mask.",
    ),
    "sum": Fault(
        "sum printed",
        'training/training-loop: "Nine numbers from one network".',
        "the printed training loss is the sum over a document, not the mean per prediction",
        "the first `loss` divided by $\\ln V$",
        lambda rng: _sgd_options(rng, printed="sum"),
        lambda log: float(log["loss"][0] / log["ln_V"]),
        lambda log: log["loss"][0] > 3 * log["ln_V"],
        "The first `loss` should be near $\\ln V$ and is several times as much, and stays several "
        "times `valid`, by about the number of predictions in a document; `valid`, `norm` and "
        "`moved` are those of a sound run. With too large a rate `valid` would be high as well, "
        "and `moved` large. Remedy: divide by the number of predictions.",
    ),
    "zeros": Fault(
        "weights began at zero",
        'training/optimizers: "How large should the first weights be?".',
        "all matrices and biases began at 0",
        "the mean of the last ten `valid` less `counts`",
        lambda rng: _sgd_options(rng, zeros=True),
        lambda log: float(log["valid"][-10:].mean() - log["counts"]),
        lambda log: (
            abs(log["valid"][-10:].mean() - log["counts"]) < 0.06
            and log["counts"] - log["floor"] > 0.3
        ),
        "`valid` settles at `counts`, the loss of somebody who only counts symbols, and `norm` "
        "goes down to small noise: only $b_y$ moves, all other gradients are 0. It is not the "
        "rate (the first steps are as long as usual, and the loss did fall), nor the limit "
        "(`kept` equals `norm`). Remedy: random first weights.",
    ),
    "halved": Fault(
        "rate fell too early",
        'training/optimizers: "A rate that falls".',
        "the rate is halved whenever the loss of a batch is above that of the batch before",
        "how many times the rate was halved from the first row to the last",
        lambda rng: _sgd_options(rng, halve=True),
        lambda log: float(np.log2(log["rate"][0] / log["rate"][-1])),
        lambda log: (
            log["rate"][-1] < log["rate"][0] / 500 and log["valid"][-1] > log["floor"] + 0.15
        ),
        "The column `rate` falls by a factor of thousands, `moved` with it, and from there on "
        "`valid` does not change, though `norm` is as large as before: there is a slope, and no "
        "step. The loss of a batch rises half of the time by chance alone. It is not a rate that "
        "was too small from the start: the first rows come down well. Remedy: look at the "
        "validation loss of an epoch, and wait for several.",
    ),
    "no-hats": Fault(
        "means not corrected",
        'training/optimizers: "Adam: both memories".',
        "Adam's running means are not corrected for their start at 0",
        "the first `moved` divided by $\\eta \\sqrt P$, with $\\eta$ the first `rate`",
        lambda rng: _adam_options(rng, hats=False),
        lambda log: float(log["moved"][0] / (log["rate"][0] * np.sqrt(log["P"]))),
        lambda log: log["moved"][0] > 2.5 * log["rate"][0] * np.sqrt(log["P"]),
        "The first step of Adam moves each weight by $\\eta$, so `moved` should begin a little "
        "below $\\eta\\sqrt P$. It begins at about three times as much, "
        "$(1 - \\beta_1)/\\sqrt{1 - \\beta_2} = 3.2$, and comes down over many rows. It is not a "
        "rate that is too large: then the steps would not shrink by themselves; nor a lost "
        "memory: nothing happens at the borders. Remedy: $\\hat m$ and $\\hat r$.",
    ),
    "forget": Fault(
        "memory lost",
        'training/optimizers: "Adam: both memories".',
        "a new Adam, with empty memories, is made at the beginning of each epoch",
        "the mean over all borders of $\\mathrm{moved}_k / \\mathrm{moved}_{k-1}$",
        lambda rng: _adam_options(rng, forget=True),
        lambda log: float(np.mean([log["moved"][k] / log["moved"][k - 1] for k in borders(log)])),
        lambda log: min(log["moved"][k] / log["moved"][k - 1] for k in borders(log)) > 1.6,
        "At every border `moved` jumps back up to nearly $\\eta\\sqrt P$, its value in row 0, and "
        "then shrinks again: the first step of a new Adam has this length whatever the gradient. "
        "`norm` does not jump there, and neither does `loss` before the step, so it is not the "
        "order of the documents. Remedy: one optimiser for the whole run.",
    ),
}
