"""Three backward passes of a friend's network, each with one planted mistake.

They are written in three ways (one sequence after the other; a batch, step by step; all sums at
once), so that comparing them line by line finds nothing. The friend's network is another one than
the student's in every term: its right lines answer no other question.
"""

from dataclasses import dataclass

FRIENDS = ("add", "both")

SINGLE = """
def backward(params, x, y, run, lam):
    W_hh, W_hy = params["W_hh"], params["W_hy"]
    alpha = sigmoid(params["b_alpha"])
    h, z, p = run["h"], run["z"], run["p"]
    grads = {name: np.zeros(array.shape) for name, array in params.items()}
    grads["start"] = np.zeros(h[0].shape)
    for n in range(y.shape[1]):
        later = np.zeros(len(alpha))
        for t in range(len(y), 0, -1):
            do = p[t - 1, n] - np.eye(len(W_hy))[y[t - 1, n]]
            dh = W_hy.T @ do + lam * h[t, n] + later
            da = (1 - z[t - 1, n] ** 2) * dh
            grads["W_hy"] += np.outer(do, h[t, n])
            grads["b_y"] += do
            grads["W_xh"] += np.outer(da, x[t - 1, n])
            grads["W_hh"] += np.outer(da, h[t - 1, n])
            grads["b_h"] += da
            grads["b_alpha"] += alpha * (1 - alpha) * h[t - 1, n] * dh
            later = alpha * dh + W_hh.T @ da
        grads["start"][n] = later
    return grads
"""

BATCH = """
def backward(params, x, y, run, lam):
    one_hot = np.eye(len(params["b_y"]))
    alpha = sigmoid(params["b_alpha"])
    grads = {name: np.zeros_like(params[name]) for name in params}
    back = np.zeros_like(run["h"][0])
    for t in reversed(range(len(x))):
        before, after = run["h"][t], run["h"][t + 1]
        error = run["p"][t] - one_hot[y[t]]
        grads["b_y"] += error.sum(axis=0)
        grads["W_hy"] += error.T @ after
        back = back + error @ params["W_hy"] + lam * after
        drive = back * (1 - run["z"][t] ** 2)
        grads["b_h"] += drive.sum(axis=0)
        grads["W_xh"] += drive.T @ x[t]
        grads["W_hh"] += drive.T @ before
        grads["b_alpha"] += (back * before).sum(axis=0)
        back = back * alpha + drive @ params["W_hh"]
    grads["b_alpha"] *= alpha * (1 - alpha)
    grads["start"] = back
    return grads
"""

SUMS = """
def backward(params, x, y, run, lam):
    T, B = y.shape
    alpha = sigmoid(params["b_alpha"])
    made, before, after = run["z"], run["h"][:-1], run["h"][1:]
    wrong_by = run["p"].copy()
    wrong_by[np.arange(T)[:, None], np.arange(B), y] -= 1
    bend = 1 - made**2
    owed = wrong_by @ params["W_hy"] + lam * after
    for t in range(T - 1, 0, -1):
        owed[t - 1] += alpha * owed[t] + (bend[t] * owed[t]) @ params["W_hh"]
    pre = bend * owed
    return {
        "W_xh": np.einsum("tnj,tnd->jd", pre, x),
        "W_hh": np.einsum("tnj,tnm->jm", pre, before),
        "b_h": np.einsum("tnj->j", pre),
        "b_alpha": alpha * (1 - alpha) * np.einsum("tnj,tnj->j", owed, before),
        "W_hy": np.einsum("tnv,tnj->vj", wrong_by, after),
        "b_y": np.einsum("tnv->v", wrong_by),
        "start": alpha * owed[0] + pre[0] @ params["W_hh"],
    }
"""

SOURCES = {"single": SINGLE, "batch": BATCH, "sums": SUMS}

# h_t = α ⊙ h_{t−1} + tanh(a_t) becomes h_t = α ⊙ (h_{t−1} + tanh(a_t)):
BOTH = {
    "single": [
        ("da = (1 - z[t - 1, n] ** 2) * dh", "da = alpha * (1 - z[t - 1, n] ** 2) * dh"),
        ("* h[t - 1, n] * dh", "* (h[t - 1, n] + z[t - 1, n]) * dh"),
        ("+= h[t - 1, n] * dh", "+= (h[t - 1, n] + z[t - 1, n]) * dh"),
    ],
    "batch": [
        ('back * (1 - run["z"][t] ** 2)', 'back * alpha * (1 - run["z"][t] ** 2)'),
        ("back * (1 - after**2)", "back * alpha * (1 - after**2)"),
        ("(back * before)", '(back * (before + run["z"][t]))'),
    ],
    "sums": [
        ("bend = 1 - made**2", "bend = alpha * (1 - made**2)"),
        ("bend = 1 - before**2", "bend = alpha * (1 - before**2)"),
        ("owed, before)", "owed, before + made)"),
    ],
}

INSIDE = ("W_xh", "W_hh", "b_h", "b_alpha", "start")


@dataclass(frozen=True)
class Mistake:
    """One line that is wrong: two mistakes of a `family` are never planted together."""

    name: str
    style: str
    family: str
    right: str
    planted: str
    grads: tuple[str, ...]  # what comes out wrong
    why: str


@dataclass(frozen=True)
class Suspect:
    """A backward pass with a mistake in it, as a term shows it."""

    name: str
    source: str
    line: str
    repair: str
    wrong: list[str]
    why: str


MISTAKES = [
    Mistake(
        "single-transpose",
        "single",
        "transpose",
        "later = alpha * dh + W_hh.T @ da",
        "later = alpha * dh + W_hh @ da",
        INSIDE,
        "The way back through W_hh is not transposed. Right for T = 1 but for the start; "
        "symmetric or zero W_hh hides it, and so does H = 1.",
    ),
    Mistake(
        "single-direct",
        "single",
        "route",
        "later = alpha * dh + W_hh.T @ da",
        "later = W_hh.T @ da",
        INSIDE,
        "h_{t−1} has two readers inside a step, and the one past the tanh is forgotten. T = 1 "
        "hides it in all but the start; a small α makes it small.",
    ),
    Mistake(
        "single-assigned",
        "single",
        "sum",
        'grads["W_hy"] += np.outer(do, h[t, n])',
        'grads["W_hy"] = np.outer(do, h[t, n])',
        ("W_hy",),
        "Assigned, not added: only the last visit (first step, last sequence) is left. "
        "T = B = 1 hides it.",
    ),
    Mistake(
        "single-met",
        "single",
        "met",
        'grads["W_hh"] += np.outer(da, h[t - 1, n])',
        'grads["W_hh"] += np.outer(da, h[t, n])',
        ("W_hh",),
        "W_hh met the state before, and is paired with the state after. Nothing is handed on from "
        "this line. States that stand still hide it.",
    ),
    Mistake(
        "single-sigmoid",
        "single",
        "sigmoid",
        'grads["b_alpha"] += alpha * (1 - alpha) * h[t - 1, n] * dh',
        'grads["b_alpha"] += h[t - 1, n] * dh',
        ("b_alpha",),
        "This is the gradient of α, not of b_α: the slope of the sigmoid is missing. No choice "
        "of b_alpha hides it, since α(1 − α) is at most 1/4, and no shape does.",
    ),
    Mistake(
        "single-penalty",
        "single",
        "penalty",
        "dh = W_hy.T @ do + lam * h[t, n] + later",
        "dh = W_hy.T @ do + lam * h[t - 1, n] + later",
        INSIDE,
        "The penalty charges h_t, and the line charges h_{t−1}. λ = 0 hides it, and with a small "
        "λ it is small.",
    ),
    Mistake(
        "batch-slope",
        "batch",
        "slope",
        'drive = back * (1 - run["z"][t] ** 2)',
        "drive = back * (1 - after**2)",
        INSIDE,
        "1 − h² is the slope only where h = tanh(a). Here the tanh made z, and h is more than "
        "that. Small states all but hide it: both slopes are nearly 1.",
    ),
    Mistake(
        "batch-alone",
        "batch",
        "route",
        'back = back + error @ params["W_hy"] + lam * after',
        'back = error @ params["W_hy"] + lam * after',
        INSIDE,
        "What comes from the step after is thrown away: T networks of one step. T = 1 hides it, "
        "and so do tiny W_hh and α.",
    ),
    Mistake(
        "batch-transpose",
        "batch",
        "transpose",
        'back = back * alpha + drive @ params["W_hh"]',
        'back = back * alpha + drive @ params["W_hh"].T',
        INSIDE,
        "With rows, the way back is `@ W_hh` without a transpose; this is the way forward. "
        "Right for T = 1 but for the start; symmetric or zero W_hh hides it.",
    ),
    Mistake(
        "batch-bias",
        "batch",
        "sum",
        'grads["b_y"] += error.sum(axis=0)',
        'grads["b_y"] += grads["b_y"]',
        ("b_y",),
        "Nothing is added to nothing: b_y never gets a gradient. Only V = 1 hides it from a "
        "check (ŷ = e, and the right gradient is 0); the loss hides it well: other weights take "
        "over.",
    ),
    Mistake(
        "batch-last",
        "batch",
        "batch",
        'grads["b_h"] += drive.sum(axis=0)',
        'grads["b_h"] += drive[-1]',
        ("b_h",),
        "A bias is used by every sequence, and only the last one is heard. B = 1 hides it.",
    ),
    Mistake(
        "batch-sigmoid",
        "batch",
        "sigmoid",
        'grads["b_alpha"] *= alpha * (1 - alpha)',
        'grads["b_alpha"] *= 1 - alpha**2',
        ("b_alpha",),
        "1 − α² would be the slope of a tanh; α is made by a sigmoid, whose slope is α(1 − α). "
        "It hides nowhere: 1 − α² = (1 − α)(1 + α), and 1 + α is never α.",
    ),
    Mistake(
        "batch-forward",
        "batch",
        "met",
        'grads["W_hh"] += drive.T @ before',
        'grads["W_hh"] += before.T @ drive',
        ("W_hh",),
        "What the loss owes to the result gives the row, what the weight met the column; this is "
        "the transpose of the gradient. H = 1 hides it.",
    ),
    Mistake(
        "sums-order",
        "sums",
        "order",
        'owed[t - 1] += alpha * owed[t] + (bend[t] * owed[t]) @ params["W_hh"]',
        'owed[t - 1] += alpha * owed[t] + bend[t] * (owed[t] @ params["W_hh"])',
        INSIDE,
        "On the way back the tanh comes first and the matrix second; here the order is turned "
        "around. A factor that is the same for all units hides it, and so does H = 1; T = 1 hides "
        "it, too.",
    ),
    Mistake(
        "sums-start",
        "sums",
        "route",
        '"start": alpha * owed[0] + pre[0] @ params["W_hh"],',
        '"start": pre[0] @ params["W_hh"],',
        ("start",),
        "The initial state, like every state, has two readers in the step that follows; the leak "
        "is forgotten. No shape hides it; a network whose start is not learned never shows it.",
    ),
    Mistake(
        "sums-shifted",
        "sums",
        "slope",
        "bend = 1 - made**2",
        "bend = 1 - before**2",
        INSIDE,
        "The slope belongs to the tanh of this step, z_t, and not to the state before. Small "
        "states all but hide it: both slopes are nearly 1.",
    ),
    Mistake(
        "sums-short",
        "sums",
        "loop",
        "for t in range(T - 1, 0, -1):",
        "for t in range(T - 1, 1, -1):",
        INSIDE,
        "The walk back stops one step early: the first step never hears of the others. T = 1 "
        "hides it, and in a long text it is small in all but the start.",
    ),
    Mistake(
        "sums-met",
        "sums",
        "met",
        '"W_hy": np.einsum("tnv,tnj->vj", wrong_by, after),',
        '"W_hy": np.einsum("tnv,tnj->vj", wrong_by, before),',
        ("W_hy",),
        "W_hy met the state of its own step, and is paired with the one before. States that "
        "stand still hide it.",
    ),
    Mistake(
        "sums-mean",
        "sums",
        "scale",
        '"b_h": np.einsum("tnj->j", pre),',
        '"b_h": np.einsum("tnj->j", pre) / B,',
        ("b_h",),
        "One gradient is a mean over the batch, and the loss and all others are sums. B = 1 "
        "hides it.",
    ),
    Mistake(
        "sums-penalty",
        "sums",
        "penalty",
        'owed = wrong_by @ params["W_hy"] + lam * after',
        'owed = wrong_by @ params["W_hy"] + lam / 2 * after',
        INSIDE,
        "The derivative of λ/2 ‖h‖² is λ h; the half has been kept. λ = 0 hides it, and with a "
        "small λ it is small.",
    ),
]


def draw(rng, friend):
    """Return three suspects in a random order, one of each way of writing.

    At least one errs on the way back, and at least one in a line that hands nothing on.
    """
    while True:
        three = [
            pool[rng.integers(len(pool))]
            for pool in ([m for m in MISTAKES if m.style == style] for style in SOURCES)
        ]
        on_the_way = [mistake.grads == INSIDE for mistake in three]
        if len({mistake.family for mistake in three}) == 3 and any(on_the_way):
            if not all(on_the_way):
                break
    order = rng.permutation(3)
    return [suspect(three[place], friend) for place in order]


def suspect(mistake, friend):
    """Write a suspect for one of the friend's two networks."""

    def fit(text):
        for old, new in BOTH[mistake.style] if friend == "both" else []:
            text = text.replace(old, new)
        return text

    source, right, planted = map(fit, (SOURCES[mistake.style], mistake.right, mistake.planted))
    if source.count(right) != 1:
        raise ValueError(f"{mistake.name}: {right!r} does not stand once in the source.")
    return Suspect(
        mistake.name,
        source.replace(right, planted).strip("\n"),
        planted,
        right,
        list(mistake.grads),
        mistake.why,
    )
