"""Wrong answers that must lose points, and right ones that must not."""

from coursework.answers import Right, Wrong

ONE = "1. Forward"
TWO = "2. Loss"
FOUR = "4. What the states are owed"
FIVE = "5. All gradients"
SIX = "6. Three suspects"

LEAK = 'alpha = sigmoid(params["b_alpha"])'
BACK = 'dh[t - 1] += da @ params["W_hh"]'

# Answers to question 1 that keep every promise but the equation:
ZEROS = """    (T, B, _), (V, H) = x.shape, params["W_hy"].shape
    nothing = {"a": np.zeros((T, B, H)), "h": np.zeros((T + 1, B, H))}
    nothing |= {"c": nothing["h"], "o": np.zeros((T, B, V)), "p": np.zeros((T, B, V))}
    return nothing
"""
STILL = """    (T, B, _), (V, H) = x.shape, params["W_hy"].shape
    h = np.array([start] * (T + 1))
    p = np.full((T, B, V), 1 / V)
    return {"a": h[1:], "c": h, "h": h, "o": h[1:] @ params["W_hy"].T, "p": p}
"""

# Answers to question 6 that are made of right ones:
UNMENDED = """def unmended(verdict):
    return lambda: verdict() | {"repair": verdict()["line"]}


"""
ANEW = """def anew(verdict):
    def whole():
        text = repaired(SOURCE_C, **verdict()).strip()
        first = text.splitlines()[0]
        return {"line": first, "repair": text + "\\n\\n\\ndef rest(params, x, y, run, lam):"}

    return whole


"""

WRONG = [
    # --- 1. Forward
    Wrong("zeros", ONE, "forward", "    T, B, _ = x.shape\n", ZEROS),
    Wrong("nothing moves", ONE, "forward", "    T, B, _ = x.shape\n", STILL),
    Wrong("leak and news change places", ONE, "forward", LEAK, LEAK.replace("= ", "= 1 - ", 1)),
    Wrong("the leak without its sigmoid", ONE, "forward", LEAK, 'alpha = params["b_alpha"]'),
    Wrong("recurrent matrix turned over", ONE, "forward", 'params["W_hh"].T', 'params["W_hh"]'),
    Wrong("always the first state", ONE, "forward", "h[t] @ params", "h[0] @ params"),
    Wrong("no initial state", ONE, "forward", "    h[0] = start", "    h[0] = 0"),
    Wrong("start is h_0, not c_0", ONE, "forward", "h[0] = np.tanh(start)", "h[0] = start"),
    Wrong("keeps the state, not the charge", ONE, "forward", "* c[t] +", "* h[t] +"),
    Wrong(
        "tanh before the mixing",
        ONE,
        "forward",
        "np.tanh((1 - alpha) * h[t] + alpha * a[t])",
        "(1 - alpha) * h[t] + alpha * np.tanh(a[t])",
    ),
    Wrong("ring turned the other way", ONE, "forward", "h[t], 1, axis=1", "h[t], -1, axis=1"),
    Wrong("rolls the batch", ONE, "forward", "h[t], 1, axis=1", "h[t], 1, axis=0"),
    Wrong(
        "the leaky unit of the book",
        ONE,
        "forward",
        "(1 - alpha) * np.tanh(h[t])",
        "(1 - alpha) * h[t]",
    ),
    Wrong("reads the state before", ONE, "forward", "o = h[1:] @", "o = h[:-1] @"),
    Wrong("softmax over the batch", ONE, "forward", "e.sum(axis=2,", "e.sum(axis=1,"),
    Wrong(
        "softmax overflows",
        ONE,
        "forward",
        "np.exp(o - o.max(axis=2, keepdims=True))",
        "np.exp(o)",
    ),
    Wrong("one maximum for all", ONE, "forward", "o.max(axis=2, keepdims=True)", "o.max()"),
    # --- 2. Loss
    Wrong("divides by T, too", TWO, "loss", "(surprise + penalty) / B", "(surprise + penalty) / T"),
    Wrong(
        "divides by T alone",
        TWO,
        "loss",
        "(surprise + penalty) / (T * B)",
        "(surprise + penalty) / T",
    ),
    Wrong(
        "one scale for both",
        TWO,
        "loss",
        "surprise / (T * B) + penalty / B",
        "(surprise + penalty) / (T * B)",
    ),
    Wrong("a sum", TWO, "loss", "    T, B = y.shape", "    T = B = 1"),
    Wrong("half forgotten", TWO, "loss", "lam / 2 *", "lam *"),
    Wrong("quarter becomes half", TWO, "loss", "lam / 4 *", "lam / 2 *"),
    Wrong("absolute value", TWO, "loss", "np.log(np.cosh(h[1:]))", "np.abs(h[1:])"),
    Wrong("initial state charged", TWO, "loss", "np.cosh(h[1:])", "np.cosh(h)"),
    Wrong("initial length charged", TWO, "loss", "((h[1:] ** 2)", "((h ** 2)"),
    Wrong("each unit by itself", TWO, "loss", "(h[1:] ** 2).sum(axis=2) - 1", "h[1:] ** 2 - 1"),
    Wrong("first difference left out", TWO, "loss", "h[1:] - h[:-1]", "h[2:] - h[1:-1]"),
    Wrong("charges states", TWO, "loss", '(run["a"] ** 2)', "(h[1:] ** 2)"),
    Wrong("home is the last but one", TWO, "loss", "h[-1] - h[0]", "h[-1] - h[-2]"),
    Wrong(
        "logarithm of a probability",
        TWO,
        "loss",
        "surprise = (log_sum - right).sum()",
        'surprise = -np.log(np.take_along_axis(run["p"], y[:, :, None], axis=2)).sum()',
    ),
    Wrong(
        "nothing times infinity",
        TWO,
        "loss",
        "surprise = (log_sum - right).sum()",
        'surprise = -(np.eye(o.shape[2])[y] * np.log(run["p"])).sum()',
    ),
    Wrong(
        "mean over the classes",
        TWO,
        "loss",
        "(log_sum - right).sum()",
        "(log_sum - right).sum() / o.shape[2]",
    ),
    Wrong("maximum not put back", TWO, "loss", ".sum(axis=2)) + top", ".sum(axis=2))"),
    # --- 4. What the states are owed
    Wrong("no transpose", FOUR, "owed", BACK, BACK + ".T"),
    Wrong("nothing back", FOUR, "owed", BACK, "dh[t - 1] += 0"),
    Wrong(
        "matrix before slope",
        FOUR,
        "owed",
        BACK,
        'dh[t - 1] += alpha * (1 - h[t] ** 2) * (dh[t] @ params["W_hh"])',
    ),
    Wrong("only the last step returns", FOUR, "owed", BACK, BACK.replace("da", "(da * (t == T))")),
    Wrong("slope of the state", FOUR, "owed", "np.tanh(a[t - 1]) ** 2", "h[t] ** 2"),
    Wrong("slope left out", FOUR, "owed", "du = (1 - h[t] ** 2) * dh[t]", "du = dh[t]"),
    Wrong(
        "slope of the pre-activation",
        FOUR,
        "owed",
        "dc[t - 1] = (1 - h[t - 1] ** 2) *",
        "dc[t - 1] = (1 - np.tanh(a[t - 1]) ** 2) *",
    ),
    Wrong("charge not kept", FOUR, "owed", " + (1 - alpha) * dc[t]", ""),
    Wrong("past of the mixture", FOUR, "owed", "+= (1 - alpha) * du", "+= 0 * du"),
    Wrong("leak past the tanh", FOUR, "owed", "+= (1 - alpha) * du", "+= (1 - alpha) * dh[t]"),
    Wrong("ring turned on", FOUR, "owed", "dh[t], -1, axis=1", "dh[t], 1, axis=1"),
    Wrong(
        "the giver's leak",
        FOUR,
        "owed",
        "np.roll((1 - alpha) * dh[t], -1, axis=1)",
        "(1 - alpha) * np.roll(dh[t], -1, axis=1)",
    ),
    Wrong(
        "old state without its slope",
        FOUR,
        "owed",
        "(1 - alpha) * (1 - np.tanh(h[t - 1]) ** 2) * dh[t]",
        "(1 - alpha) * dh[t]",
    ),
    Wrong(
        "slope at a state that is no tanh",
        FOUR,
        "owed",
        "(1 - np.tanh(h[t - 1]) ** 2)",
        "(1 - h[t - 1] ** 2)",
    ),
    Wrong("gradient of the sum", FOUR, "owed", 'do = s * (run["p"]', 'do = (run["p"]'),
    Wrong(
        "one scale in two",
        FOUR,
        "owed",
        "s, r = 1 / (T * B), 1 / B",
        "s = r = 1 / (T * B)",
    ),
    Wrong(
        "subtracts in the cache",
        FOUR,
        "owed",
        'do = s * (run["p"] - np.eye(len(params["b_y"]))[y])',
        'do = run["p"]; do[np.arange(T)[:, None], np.arange(B), y] -= 1; do = s * do',
    ),
    Wrong("walk stops one step early", FOUR, "owed", "range(T, 0, -1)", "range(T, 1, -1)"),
    Wrong(
        "each state in one difference",
        FOUR,
        "owed",
        "    dh[:-1] -= r * lam * (h[1:] - h[:-1])\n",
        "",
    ),
    Wrong("slope of the half square", FOUR, "owed", "lam * np.tanh(h[1:])", "lam * h[1:]"),
    Wrong(
        "start charged",
        FOUR,
        "owed",
        "dh[1:] += r * lam * np.tanh(h[1:])",
        "dh += r * lam * np.tanh(h)",
    ),
    Wrong("quarter not used up", FOUR, "owed", "* excess * h[1:]", "* excess * h[1:] / 4"),
    Wrong("unit by unit", FOUR, "owed", "(h[1:] ** 2).sum(axis=2, keepdims=True)", "h[1:] ** 2"),
    Wrong("home is not charged", FOUR, "owed", "    dh[0] -= r * lam * (h[-1] - h[0])\n", ""),
    Wrong("drive not charged", FOUR, "owed", "da = da + r * lam * a[t - 1]", "da = da + 0"),
    # --- 5. All gradients
    Wrong(
        "of the leak, not of b_alpha", FIVE, "gradients", "alpha * (1 - alpha) * dalpha", "dalpha"
    ),
    Wrong(
        "slope of a tanh",
        FIVE,
        "gradients",
        "alpha * (1 - alpha) * dalpha",
        "(1 - alpha**2) * dalpha",
    ),
    Wrong("half of the charge's leak", FIVE, "gradients", '(a - run["c"][:-1])', "a"),
    Wrong("state for charge", FIVE, "gradients", '(a - run["c"][:-1])', "(a - h[:-1])"),
    Wrong("half of the mixture's leak", FIVE, "gradients", "(dmix * (a - h[:-1]))", "(dmix * a)"),
    Wrong(
        "slope taken past", FIVE, "gradients", "dmix = (1 - h[1:] ** 2) * dh[1:]", "dmix = dh[1:]"
    ),
    Wrong(
        "own past, not the neighbour's",
        FIVE,
        "gradients",
        "(z - np.roll(h[:-1], 1, axis=2))",
        "(z - h[:-1])",
    ),
    Wrong("old state as it is", FIVE, "gradients", "(z - np.tanh(h[:-1]))", "(z - h[:-1])"),
    Wrong("news count whole", FIVE, "gradients", "da = alpha *", "da ="),
    Wrong("drive left out", FIVE, "gradients", "da = da + r * lam * a", "da = da + 0"),
    Wrong(
        "meets the state after",
        FIVE,
        "gradients",
        "h[:-1].reshape(T * B, -1)",
        "h[1:].reshape(T * B, -1)[:]",
    ),
    Wrong(
        "recurrent gradient turned over",
        FIVE,
        "gradients",
        "rows_a.T @ h[:-1].reshape(T * B, -1)",
        "h[:-1].reshape(T * B, -1).T @ rows_a",
    ),
    Wrong(
        "assigned, not added",
        FIVE,
        "gradients",
        "rows_o.T @ h[1:].reshape(T * B, -1)",
        "do[0].T @ h[1]",
    ),
    Wrong("bias of nothing", FIVE, "gradients", "rows_o.sum(axis=0)", "0 * rows_o.sum(axis=0)"),
    Wrong("last sequence only", FIVE, "gradients", "rows_a.sum(axis=0)", "da[:, -1].sum(axis=0)"),
    Wrong("mean of the rows", FIVE, "gradients", "rows_a.sum(axis=0)", "rows_a.mean(axis=0)"),
    Wrong("undivided", FIVE, "gradients", 'do = s * (run["p"]', 'do = (run["p"]'),
    Wrong(
        "summed twice",
        FIVE,
        "gradients",
        "rows_a.T @ x.reshape(T * B, -1)",
        "B * rows_a.T @ x.reshape(T * B, -1)",
    ),
    Wrong(
        "one start for all (charge)",
        FIVE,
        "gradients",
        '"start": dc[0]',
        '"start": dc[0].sum(axis=0)',
    ),
    Wrong("one start for all", FIVE, "gradients", '"start": dh[0]', '"start": dh[0].sum(axis=0)'),
    # --- 6. Three suspects
    Wrong(
        "A: a whole function for a line", SIX, "verdict-a", '"repair": ', '"repair": SOURCE_A or '
    ),
    Wrong("A: line struck out", SIX, "verdict-a", '"repair": ', '"repair": "pass" + 0 * '),
    Wrong("A: a word for a line", SIX, "verdict-a", '"line": ', '"line": "backward" + 0 * '),
    Wrong(
        "B: repaired by itself",
        SIX,
        "verdict-b",
        '"repair": ',
        '"line": "return grads", "repair": ',
    ),
    Wrong(
        "B: the line left as it is",
        SIX,
        "verdict-b",
        "def verdict_b():",
        UNMENDED + "@unmended\ndef verdict_b():",
    ),
    Wrong(
        "B: mended for two sequences",
        SIX,
        "verdict-b",
        'repair": \'"b_h": np.einsum("tnj->j", pre),',
        'repair": \'"b_h": np.einsum("tnj->j", pre) / B * 2,',
    ),
    Wrong(
        "C: all written anew",
        SIX,
        "verdict-c",
        "def verdict_c():",
        ANEW + "@anew\ndef verdict_c():",
    ),
    Wrong("C: line struck out", SIX, "verdict-c", '"repair": ', '"repair": "pass" + 0 * '),
    Wrong("B: forgets the comma", SIX, "verdict-b", "),',\n    }", ")',\n    }"),
]

# --- Right answers, written otherwise ------------------------------------------------------------

FACTORS = """
<% if scale == "sequence" %>
    weight_l = weight_r = 1.0 / y.shape[1]
<% elif scale == "token" %>
    weight_l = weight_r = 1.0 / y.size
<% else %>
    weight_l, weight_r = 1.0 / y.size, 1.0 / y.shape[1]
<% endif %>
"""

LOOPS = Right(
    "loops over everything",
    {
        "forward": """
import math


def forward(params, x, start):
    T, B, D = x.shape
    H, V = len(params["b_h"]), len(params["b_y"])
    hist, store, pres = [], [], []
    logits, probs = np.zeros((T, B, V)), np.empty((T, B, V))
    keep = [1.0 / (1.0 + math.exp(b)) for b in params["b_alpha"]]
    hist.append([[0.0] * H for _ in range(B)])
    store.append([[float(start[n, j]) for j in range(H)] for n in range(B)])
    for n in range(B):
        for j in range(H):
            value = float(start[n, j])
            hist[0][n][j] = <% if leak == "charge" %>math.tanh(value)<% else %>value<% endif %>

    for t in range(T):
        hist.append([[0.0] * H for _ in range(B)])
        store.append([[0.0] * H for _ in range(B)])
        pres.append([[0.0] * H for _ in range(B)])
        for n in range(B):
            for j in range(H):
                total = params["b_h"][j]
                for d in range(D):
                    total += params["W_xh"][j, d] * x[t, n, d]
                for m in range(H):
                    total += params["W_hh"][j, m] * hist[t][n][m]
                pres[t][n][j] = total
                q = keep[j]
<% if leak == "charge" %>
                store[-1][n][j] = q * store[-2][n][j] + (1 - q) * total
                hist[-1][n][j] = math.tanh(store[-1][n][j])
<% elif leak == "inside" %>
                hist[-1][n][j] = math.tanh(q * hist[-2][n][j] + (1 - q) * total)
<% elif leak == "ring" %>
                hist[-1][n][j] = q * hist[-2][n][(j + H - 1) % H] + (1 - q) * math.tanh(total)
<% else %>
                hist[-1][n][j] = q * math.tanh(hist[-2][n][j]) + (1 - q) * math.tanh(total)
<% endif %>
            for v in range(V):
                logits[t, n, v] = params["b_y"][v]
                for j in range(H):
                    logits[t, n, v] += params["W_hy"][v, j] * hist[-1][n][j]
            peak = max(logits[t, n])
            total = sum(math.exp(u - peak) for u in logits[t, n])
            probs[t, n] = [math.exp(u - peak) / total for u in logits[t, n]]
    run = {"a": np.array(pres), "h": np.array(hist), "o": logits, "p": probs}
<% if leak == "charge" %>
    run["c"] = np.array(store)
<% endif %>
    return run
""",
        "loss": """
def loss(run, y, lam):
    T, B = y.shape
    h, a, o = run["h"], run["a"], run["o"]
    H = h.shape[-1]
    ell = extra = 0.0
    for n in range(B):
        for t in range(T):
            peak = max(o[t, n])
            ell += peak + np.log(sum(np.exp(u - peak) for u in o[t, n])) - o[t, n, y[t, n]]
            length = 0.0
            for j in range(H):
<% if penalty == "difference" %>
                extra += lam * 0.5 * (h[t + 1, n, j] - h[t, n, j]) ** 2
<% elif penalty == "drive" %>
                extra += lam * 0.5 * a[t, n, j] ** 2
<% elif penalty == "cosh" %>
                extra += lam * np.log(0.5 * (np.exp(h[t + 1, n, j]) + np.exp(-h[t + 1, n, j])))
<% elif penalty == "home" %>
                if t == T - 1:
                    extra += lam * 0.5 * (h[T, n, j] - h[0, n, j]) ** 2
<% else %>
                length += h[t + 1, n, j] ** 2
            extra += lam * 0.25 * (length - 1) ** 2
<% endif %>
"""
        + FACTORS
        + """
    return weight_l * ell + weight_r * extra
""",
        "owed": """
def owed(params, y, run, lam):
    T, B = y.shape
    H, V = len(params["b_h"]), len(params["b_y"])
    h, a, W = run["h"], run["a"], params["W_hh"]
"""
        + FACTORS
        + """
    k = weight_r * lam
    keep = [1.0 / (1.0 + np.exp(b)) for b in params["b_alpha"]]
    debt, pre = np.zeros((T + 1, B, H)), np.zeros((T + 2, B, H))
    mix = np.zeros((T + 2, B, H))
    for n in range(B):
        for t in range(T, -1, -1):
            for j in range(H):
                total = 0.0
                for v in range(V if t else 0):
                    wrong = run["p"][t - 1, n, v] - (1.0 if y[t - 1, n] == v else 0.0)
                    total += params["W_hy"][v, j] * weight_l * wrong
<% if penalty == "difference" %>
                if t > 0:
                    total += k * (h[t, n, j] - h[t - 1, n, j])
                if t < T:
                    total += k * (h[t, n, j] - h[t + 1, n, j])
<% elif penalty == "cosh" %>
                if t > 0:
                    total += k * np.sinh(h[t, n, j]) / np.cosh(h[t, n, j])
<% elif penalty == "sphere" %>
                if t > 0:
                    total += k * (sum(u * u for u in h[t, n]) - 1) * h[t, n, j]
<% elif penalty == "home" %>
                if t in (0, T):
                    total += k * (h[t, n, j] - h[T - t, n, j])
<% endif %>
                for i in range(H):
                    total += W[i, j] * pre[t + 1, n, i]
<% if leak == "charge" %>
                mix[t, n, j] = (1 - h[t, n, j] ** 2) * total + keep[j] * mix[t + 1, n, j]
                debt[t, n, j] = mix[t, n, j]
<% elif leak == "inside" %>
                debt[t, n, j] = total + keep[j] * mix[t + 1, n, j]
                mix[t, n, j] = (1 - h[t, n, j] ** 2) * debt[t, n, j]
<% elif leak == "ring" %>
                heir = (j + 1) % H
                debt[t, n, j] = total + keep[heir] * mix[t + 1, n, heir]
                mix[t, n, j] = debt[t, n, j]
<% else %>
                bend = 1 - np.tanh(h[t, n, j]) ** 2
                debt[t, n, j] = total + keep[j] * bend * mix[t + 1, n, j]
                mix[t, n, j] = debt[t, n, j]
<% endif %>
            for j in range(H if t else 0):
                slope_here = 1.0
<% if leak in ("ring", "again") %>
                slope_here -= np.tanh(a[t - 1, n, j]) ** 2
<% endif %>
                pre[t, n, j] = (1 - keep[j]) * slope_here * mix[t, n, j]
<% if penalty == "drive" %>
                pre[t, n, j] += k * a[t - 1, n, j]
<% endif %>
    return debt
""",
        "gradients": """
def gradients(params, x, y, run, << "dc" if leak == "charge" else "dh" >>, lam):
    owed_rows = << "dc" if leak == "charge" else "dh" >>
    h, a = run["h"], run["a"]
    grads = {name: np.zeros(np.shape(value)) for name, value in params.items()}
"""
        + FACTORS
        + """
    for t, n in np.ndindex(*y.shape):
        wrong = weight_l * run["p"][t, n]
        wrong[y[t, n]] -= weight_l
        for j in range(len(params["b_h"])):
            share = 1.0 / (1.0 + np.exp(-params["b_alpha"][j]))
            mix = owed_rows[t + 1, n, j]
<% if leak == "charge" %>
            pre, moves = share * mix, a[t, n, j] - run["c"][t, n, j]
<% elif leak == "inside" %>
            mix = mix * (1 + h[t + 1, n, j]) * (1 - h[t + 1, n, j])
            pre, moves = share * mix, a[t, n, j] - h[t, n, j]
<% elif leak == "ring" %>
            pre = share * mix / np.cosh(a[t, n, j]) ** 2
            moves = np.tanh(a[t, n, j]) - h[t, n, j - 1]
<% else %>
            pre = share * mix / np.cosh(a[t, n, j]) ** 2
            moves = np.tanh(a[t, n, j]) - np.tanh(h[t, n, j])
<% endif %>
<% if penalty == "drive" %>
            pre += weight_r * lam * a[t, n, j]
<% endif %>
            grads["b_alpha"][j] += share * (1 - share) * mix * moves
            grads["b_h"][j] += pre
            for d in range(x.shape[2]):
                grads["W_xh"][j, d] += pre * x[t, n, d]
            for m in range(h.shape[2]):
                grads["W_hh"][j, m] += pre * h[t, n, m]
            for v in range(len(wrong)):
                grads["W_hy"][v, j] += wrong[v] * h[t + 1, n, j]
        grads["b_y"] += wrong
    grads["start"] = owed_rows[0].copy()
    return grads
""",
    },
)

EINSUM = Right(
    "einsum, other names",
    {
        "forward": """
def forward(params, x, start):
    W, U, V = params["W_xh"], params["W_hh"], params["W_hy"]
    news = 1 / (1 + np.exp(-params["b_alpha"]))
    old = 1 - news
    drive = np.einsum("tnd,jd->tnj", x, W) + params["b_h"]
<% if leak == "charge" %>
    level, states = [np.array(start)], [np.tanh(start)]
<% else %>
    states = [np.array(start)]
<% endif %>
    pres = []
    for u in drive:
        pres.append(u + np.einsum("jm,nm->nj", U, states[-1]))
<% if leak == "charge" %>
        level.append(old * level[-1] + news * pres[-1])
        states.append(np.tanh(level[-1]))
<% elif leak == "inside" %>
        states.append(np.tanh(states[-1] + news * (pres[-1] - states[-1])))
<% elif leak == "ring" %>
        P = np.eye(len(news))[np.arange(len(news)) - 1]
        states.append(old * np.einsum("jm,nm->nj", P, states[-1]) + news * np.tanh(pres[-1]))
<% else %>
        before, now = np.tanh(np.stack([states[-1], pres[-1]]))
        states.append(before + news * (now - before))
<% endif %>
    h = np.stack(states)
    o = np.einsum("vj,tnj->tnv", V, h[1:]) + params["b_y"]
    log_p = o - np.max(o, axis=-1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(-1, keepdims=True))
<% if leak != "charge" %>
    level = states
<% endif %>
    return dict(c=np.stack(level), a=np.stack(pres), h=h, o=o, p=np.exp(log_p))
""",
        "loss": """
def loss(run, y, lam):
    steps, batch = y.shape
    one_hot = np.eye(run["o"].shape[-1])[y]
    gap = run["o"] - np.einsum("tnv,tnv->tn", one_hot, run["o"])[..., None]
    surprises = np.logaddexp.reduce(gap, axis=-1)
    h = run["h"]
<% if penalty == "difference" %>
    jumps = np.diff(h, axis=0)
    charged = np.einsum("tnj,tnj->", jumps, jumps) / 2
<% elif penalty == "drive" %>
    charged = np.vdot(run["a"], run["a"]) / 2
<% elif penalty == "cosh" %>
    charged = np.sum(np.logaddexp(h[1:], -h[1:]) - np.log(2))
<% elif penalty == "sphere" %>
    charged = np.sum((np.linalg.norm(h[1:], axis=-1) ** 2 - 1) ** 2) / 4
<% else %>
    charged = np.linalg.norm(h[-1] - h[0]) ** 2 / 2
<% endif %>
<% if scale == "sequence" %>
    return float(surprises.sum(axis=0).mean() + lam * charged / batch)
<% elif scale == "token" %>
    return float(surprises.mean() + lam * charged / steps / batch)
<% else %>
    return float(surprises.mean() + lam * charged / batch)
<% endif %>
""",
        "gradients": """
def gradients(params, x, y, run, debts, lam):
    news = 1 / (1 + np.exp(-params["b_alpha"]))
    h, a, later = run["h"], run["a"], debts[1:]
"""
        + FACTORS
        + """
    error = weight_l * run["p"]
    np.put_along_axis(
        error, y[..., None], np.take_along_axis(error, y[..., None], axis=2) - weight_l, axis=2
    )
<% if leak == "charge" %>
    pull = a - run["c"][:-1]
    pre = later * news
<% elif leak == "inside" %>
    later = later - later * h[1:] ** 2
    pull = a - h[:-1]
    pre = later * news
<% elif leak == "ring" %>
    pull = np.tanh(a) - np.concatenate([h[:-1, :, -1:], h[:-1, :, :-1]], axis=2)
    pre = later * news / np.cosh(a) ** 2
<% else %>
    pull = np.tanh(a) - np.tanh(h)[:-1]
    pre = later * news / np.cosh(a) ** 2
<% endif %>
<% if penalty == "drive" %>
    pre += weight_r * lam * a
<% endif %>
    return {
        "start": np.array(debts[0]),
        "b_y": np.einsum("tnv->v", error),
        "W_hy": np.einsum("tnv,tnj->vj", error, h[1:]),
        "b_alpha": np.einsum("j,tnj,tnj->j", news - news**2, later, pull),
        "b_h": np.einsum("tnj->j", pre),
        "W_hh": np.einsum("tnj,tnm->jm", pre, h[:-1]),
        "W_xh": np.einsum("tnj,tnd->jd", pre, x),
    }
""",
    },
)

BATCH_FIRST = Right(
    "batch first inside, one sequence at a time in columns",
    {
        "forward": """
def forward(params, x, start):
    by_sequence = np.swapaxes(x, 0, 1)
    results = []
    for inputs, first in zip(by_sequence, start, strict=True):
        leak = sigmoid(params["b_alpha"])
        held = first
        h = [<% if leak == "charge" %>np.tanh(first)<% else %>first<% endif %>]
        c, a, o, p = [first], [], [], []
        for row in inputs:
            pre = params["W_xh"].dot(row) + params["W_hh"].dot(h[-1]) + params["b_h"]
<% if leak == "charge" %>
            held = held - leak * held + leak * pre
            new = np.tanh(held)
<% elif leak == "inside" %>
            new = np.tanh(h[-1] - leak * h[-1] + leak * pre)
<% elif leak == "ring" %>
            neighbour = np.concatenate([h[-1][-1:], h[-1][:-1]])
            new = neighbour - leak * neighbour + leak * np.tanh(pre)
<% else %>
            new = np.tanh(h[-1]) * (1 - leak) + np.tanh(pre) * leak
<% endif %>
            a.append(pre)
            c.append(held)
            h.append(new)
            o.append(params["W_hy"].dot(new) + params["b_y"])
            # each probability from the differences of logits, none of them above 0
            top = np.exp(o[-1] - o[-1].max())
            p.append(top / top.sum())
        results.append((a, c, h, o, p))
    a, c, h, o, p = (np.stack(part, axis=1) for part in zip(*results, strict=True))
    made = {"a": a, "h": h, "o": o, "p": p}
<% if leak == "charge" %>
    made["c"] = c
<% endif %>
    return made
""",
        "owed": """
def owed(params, y, run, lam):
    flipped = {name: np.swapaxes(array, 0, 1) for name, array in run.items()}
"""
        + FACTORS
        + """
    leak, W, rl = sigmoid(params["b_alpha"]), params["W_hh"], weight_r * lam
    keep, T, answers = 1 - leak, len(y), []
    for n in range(y.shape[1]):
        h, a, p = flipped["h"][n], flipped["a"][n], flipped["p"][n]
        rows = []
        direct = through = np.zeros(len(leak))
        for t in reversed(range(T + 1)):
            d = direct + W.T.dot(through)
            if t:
                d = d + params["W_hy"].T.dot(weight_l * p[t - 1])
                d = d - weight_l * params["W_hy"][y[t - 1, n]]
<% if penalty == "difference" %>
            if t:
                d = d + rl * (h[t] - h[t - 1])
            if t < T:
                d = d - rl * (h[t + 1] - h[t])
<% elif penalty == "cosh" %>
            d = d + (rl * np.tanh(h[t]) if t else 0)
<% elif penalty == "sphere" %>
            d = d + (rl * h[t] * (h[t] @ h[t] - 1) if t else 0)
<% elif penalty == "home" %>
            if t == T or t == 0:
                d = d + rl * (h[t] - h[T - t])
<% endif %>
<% if leak == "charge" %>
            d = d - direct
            d = d * (1 - h[t] ** 2) + direct
            rows.append(d)
            direct, through = keep * d, leak * d
<% elif leak == "inside" %>
            rows.append(d)
            d = d * (1 - h[t] ** 2)
            direct, through = keep * d, leak * d
<% elif leak == "ring" %>
            rows.append(d)
            direct = np.array([*(keep * d)[1:], (keep * d)[0]])
            through = leak * d * (1 - np.tanh(a[t - 1]) ** 2) if t else None
<% else %>
            rows.append(d)
            direct = keep * d * (1 - np.tanh(h[t - 1]) ** 2) if t else None
            through = leak * d * (1 - np.tanh(a[t - 1]) ** 2) if t else None
<% endif %>
<% if penalty == "drive" %>
            if t:
                through = through + rl * a[t - 1]
<% endif %>
        answers.append(rows[::-1])
    return np.ascontiguousarray(np.swapaxes(np.array(answers), 0, 1))
""",
        "gradients": """
def gradients(params, x, y, run, debts, lam):
"""
        + FACTORS
        + """
    leak, grads = sigmoid(params["b_alpha"]), {}
    for n in range(y.shape[1]):
        for t in range(1, len(y) + 1):
            a, h, old = run["a"][t - 1, n], run["h"][t, n], run["h"][t - 1, n]
            do = weight_l * (run["p"][t - 1, n] - (np.arange(len(params["b_y"])) == y[t - 1, n]))
            d = debts[t, n]
<% if leak == "charge" %>
            dleak, da = d * (a - run["c"][t - 1, n]), leak * d
<% elif leak == "inside" %>
            d = d * (1 - h * h)
            dleak, da = d * (a - old), leak * d
<% elif leak == "ring" %>
            dleak = d * (np.tanh(a) - np.roll(old, 1))
            da = leak * d * (1 - np.tanh(a) ** 2)
<% else %>
            dleak = d * (np.tanh(a) - np.tanh(old))
            da = leak * d * (1 - np.tanh(a) ** 2)
<% endif %>
<% if penalty == "drive" %>
            da = da + weight_r * lam * a
<% endif %>
            shares = {
                "W_xh": np.outer(da, x[t - 1, n]),
                "W_hh": np.outer(da, old),
                "b_h": da,
                "b_alpha": dleak * leak * (1 - leak),
                "W_hy": np.outer(do, h),
                "b_y": do,
            }
            for name, share in shares.items():
                grads[name] = grads.get(name, 0) + share
    return grads | {"start": debts[0]}
""",
    },
)

JACOBIANS = Right(
    "all pairs of steps, by products of Jacobians",
    {
        "owed": """
def owed(params, y, run, lam):
    T, B = y.shape
    H, W = len(params["b_h"]), params["W_hh"]
    leak, I = sigmoid(params["b_alpha"]), np.eye(len(params["b_h"]))
"""
        + FACTORS
        + """
    rl = weight_r * lam
    result = np.zeros((T + 1, B, H))
    for n in range(B):
        h, a = run["h"][:, n], run["a"][:, n]
        # what each carried state is charged at once: by its logits, by the penalty
        own = [np.zeros(H) for _ in range(T + 1)]
        for t in range(T):
            do = weight_l * (run["p"][t, n] - np.eye(len(params["b_y"]))[y[t, n]])
            own[t + 1] = own[t + 1] + params["W_hy"].T @ do
<% if penalty == "difference" %>
            own[t + 1] = own[t + 1] + rl * (h[t + 1] - h[t])
            own[t] = own[t] + rl * (h[t] - h[t + 1])
<% elif penalty == "drive" %>
            own[t] = own[t] + rl * W.T @ a[t]
<% elif penalty == "cosh" %>
            own[t + 1] = own[t + 1] + rl * np.tanh(h[t + 1])
<% elif penalty == "sphere" %>
            own[t + 1] = own[t + 1] + rl * (np.sum(h[t + 1] ** 2) - 1) * h[t + 1]
<% else %>
            if t == 0:
                own[T] = own[T] + rl * (h[T] - h[0])
                own[0] = own[0] + rl * (h[0] - h[T])
<% endif %>
        jacobians = []
        for t in range(T):
<% if leak == "charge" %>
            J = np.diag(1 - leak) + np.diag(leak) @ W @ np.diag(1 - h[t] ** 2)
<% elif leak == "inside" %>
            J = np.diag(1 - h[t + 1] ** 2) @ (np.diag(1 - leak) + np.diag(leak) @ W)
<% elif leak == "ring" %>
            J = np.diag(1 - leak) @ np.roll(I, 1, axis=0)
            J = J + np.diag(leak * (1 - np.tanh(a[t]) ** 2)) @ W
<% else %>
            J = np.diag((1 - leak) * (1 - np.tanh(h[t]) ** 2))
            J = J + np.diag(leak * (1 - np.tanh(a[t]) ** 2)) @ W
<% endif %>
            jacobians.append(J)
<% if leak == "charge" %>
        own = [(1 - h[t] ** 2) * own[t] for t in range(T + 1)]
<% endif %>
        for t in range(T + 1):
            product = I
            for tau in range(t, T + 1):
                result[t, n] += product.T @ own[tau]
                if tau < T:
                    product = jacobians[tau] @ product
    return result
""",
    },
)

LATE = Right(
    "from the back, with lists; the factors last",
    {
        "loss": """
def loss(run, y, lam):
    T, B = y.shape
    n, t = np.meshgrid(np.arange(B), np.arange(T))
    logits = run["o"] - run["o"].max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(logits).sum(-1)) - logits[t, n, y]
    h = run["h"]
    per_sequence = np.zeros(B)
    for k in range(B):
<% if penalty == "difference" %>
        for before, after in zip(h[:-1, k], h[1:, k], strict=True):
            per_sequence[k] += lam * np.dot(after - before, after - before) / 2
<% elif penalty == "drive" %>
        per_sequence[k] = lam * np.linalg.norm(run["a"][:, k]) ** 2 / 2
<% elif penalty == "cosh" %>
        per_sequence[k] = -lam * np.log(1 / np.cosh(h[1:, k])).sum()
<% elif penalty == "sphere" %>
        for state in h[1:, k]:
            per_sequence[k] += lam * (state @ state - 1) ** 2 / 4
<% else %>
        per_sequence[k] = lam * np.sum(np.square(h[-1, k] - h[0, k])) / 2
<% endif %>
<% if scale == "sequence" %>
    return np.mean(surprise.sum(axis=0) + per_sequence)
<% elif scale == "token" %>
    return np.mean(surprise + per_sequence / T)
<% else %>
    return np.mean(surprise) + np.mean(per_sequence)
<% endif %>
""",
        "owed": """
def owed(params, y, run, lam):
    T, B = y.shape
    share, h, a = sigmoid(params["b_alpha"]), run["h"], run["a"]
<% if scale == "mixed" %>
    ratio, final = T, 1 / (T * B)
<% elif scale == "token" %>
    ratio, final = 1, 1 / (T * B)
<% else %>
    ratio, final = 1, 1 / B
<% endif %>
    lam = lam * ratio
    error = run["p"].copy()
    for t, n in np.ndindex(T, B):
        error[t, n, y[t, n]] -= 1
    found = []
    for t in range(T, -1, -1):
        if t == T:
            d, coming = error[t - 1] @ params["W_hy"], 0.0
        else:
            nxt = found[-1]
<% if leak == "inside" %>
            nxt = nxt * (1 - h[t + 1] ** 2)
<% endif %>
            to_a = nxt * share
<% if leak in ("ring", "again") %>
            to_a = to_a / np.cosh(a[t]) ** 2
<% endif %>
<% if penalty == "drive" %>
            to_a = to_a + lam * a[t]
<% endif %>
            d = to_a @ params["W_hh"]
            if t > 0:
                d = d + error[t - 1] @ params["W_hy"]
            coming = (1 - share) * nxt
<% if leak == "ring" %>
            coming = np.concatenate([coming[:, 1:], coming[:, :1]], axis=1)
<% elif leak == "again" %>
            coming = coming / np.cosh(h[t]) ** 2
<% endif %>
<% if penalty == "difference" %>
        if t > 0:
            d = d + lam * (h[t] - h[t - 1])
        if t < T:
            d = d + lam * (h[t] - h[t + 1])
<% elif penalty == "cosh" %>
        if t > 0:
            d = d + lam * np.tanh(h[t])
<% elif penalty == "sphere" %>
        if t > 0:
            d = d + lam * h[t] * (np.einsum("nj,nj->n", h[t], h[t]) - 1)[:, None]
<% elif penalty == "home" %>
        if t in (0, T):
            d = d + lam * (h[t] - h[T - t])
<% endif %>
<% if leak == "charge" %>
        d = d * (1 - h[t] ** 2)
<% endif %>
        found.append(d + coming)
    return final * np.stack(found[::-1])
""",
        "gradients": """
def gradients(params, x, y, run, debts, lam):
    (T, B), share, h = y.shape, sigmoid(params["b_alpha"]), run["h"]
    found = {name: np.zeros_like(array) for name, array in params.items()}
<% if scale == "sequence" %>
    per_surprise = per_penalty = B
<% elif scale == "token" %>
    per_surprise = per_penalty = T * B
<% else %>
    per_surprise, per_penalty = T * B, B
<% endif %>
    z = np.tanh(run["a"])
    for t in reversed(range(T)):
        debt = debts[t + 1]
<% if leak == "charge" %>
        found["b_alpha"] += np.sum(debt * (run["a"][t] - run["c"][t]), axis=0)
        drive = share * debt
<% elif leak == "inside" %>
        debt = debt - debt * h[t + 1] ** 2
        found["b_alpha"] += np.sum(debt * (run["a"][t] - h[t]), axis=0)
        drive = share * debt
<% elif leak == "ring" %>
        found["b_alpha"] += np.sum(debt * (z[t] - h[t][:, np.arange(-1, len(share) - 1)]), axis=0)
        drive = share * debt * (1 - z[t]) * (1 + z[t])
<% else %>
        found["b_alpha"] += np.sum(debt * (z[t] - np.tanh(h[t])), axis=0)
        drive = share * debt * (1 - z[t]) * (1 + z[t])
<% endif %>
<% if penalty == "drive" %>
        drive = drive + lam / per_penalty * run["a"][t]
<% endif %>
        error = (run["p"][t] - np.eye(len(params["b_y"]))[y[t]]) / per_surprise
        found["b_y"] += error.sum(axis=0)
        found["W_hy"] += error.T @ h[t + 1]
        found["b_h"] += drive.sum(axis=0)
        found["W_xh"] += drive.T @ x[t]
        found["W_hh"] += drive.T @ h[t]
    found["b_alpha"] /= 1 / share + 1 / (1 - share)
    found["start"] = debts[0]
    return found
""",
    },
)

VERDICTS = Right(
    "verdicts with spaces and words around them",
    {
        f"verdict-{letter}": f"""
def verdict_{letter}():
    line = '''
            << {letter}.line >>   '''
    repair = '''   << {letter}.repair >>'''
    return dict(repair=repair + "  # as it should be", line=line)
"""
        for letter in "abc"
    },
)

RIGHT = [LOOPS, EINSUM, BATCH_FIRST, JACOBIANS, LATE, VERDICTS]
