"""Wrong and right answers to the assignment `counting`, and which question each must lose."""

from coursework.answers import Right, Wrong

ONE, TWO, THREE = "1. By hand", "2. Forward", "3. Target and loss"
FIVE, SIX, SEVEN, EIGHT = "5. Backward", "6. Gradient check", "7. RProp", "8. Surface"

MEASURED = """return {
        name: slope(
            lambda w: weighted_loss(states({**params, name: w}, x, s[0])[-1], t, m), params[name]
        )
        for name in ("w_x", "w_rec", "alpha")
    } | {"s0": slope(lambda s0: weighted_loss(states(params, x, s0)[-1], t, m), s[0])}"""

WRONG = [
    # 1. By hand
    Wrong(
        "the immediate derivative as the total one",
        ONE,
        "by-hand",
        '"total": whole',
        '"total": still',
    ),
    Wrong(
        "the total derivative as the immediate one",
        ONE,
        "by-hand",
        '"immediate": still',
        '"immediate": whole',
    ),
    Wrong(
        "targets that count each one as 1",
        ONE,
        "by-hand",
        '"targets": counts',
        '"targets": list(example["x"].sum(axis=0))',
    ),
    Wrong("the loss on another scale", ONE, "by-hand", '"loss": xi', '"loss": 2 * xi'),
    Wrong(
        "the list of states begins with s_0",
        ONE,
        "by-hand",
        '"states": [first, second]',
        '"states": [[example["s0"][0], *first[:2]], [example["s0"][1], *second[:2]]]',
    ),
    Wrong(
        "only the first state, then zeros",
        ONE,
        "by-hand",
        '"states": [first, second]',
        '"states": [[first[0], 0.0, 0.0], second]',
    ),
    Wrong(
        "nothing for the second sequence",
        ONE,
        "by-hand",
        '"states": [first, second]',
        '"states": [first, [0.0, 0.0, 0.0]]',
    ),
    # 2. Forward
    Wrong("the initial state is not used", TWO, "forward", "s[0] = s0", "s[0] = 0.0"),
    Wrong("reads the next input", TWO, "forward", "x_k = x[k - 1]", "x_k = x[min(k, T - 1)]"),
    Wrong("keeps the type of the inputs", TWO, "forward", "(T + 1, B))", "(T + 1, B), x.dtype)"),
    Wrong("no leak", TWO, "forward", 'params["w_rec"], params["alpha"]', 'params["w_rec"], 0.0'),
    Wrong("leaks at odd steps", TWO, "forward", "if k % 2 == 0", "if k % 2 == 1"),
    Wrong("leaks as if inputs were bits", TWO, "forward", "alpha * x_k", "alpha * (x_k > 0)"),
    Wrong(
        "the newcomer does not leak",
        TWO,
        "forward",
        "keep * (w_rec * before + w_x * x_k)",
        "keep * w_rec * before + w_x * x_k",
    ),
    Wrong("leaks towards zero", TWO, "forward", "alpha * (before - s0)", "alpha * before"),
    # 3. Target and loss
    Wrong(
        "values counted from the wrong end (start)",
        THREE,
        "count",
        "np.arange(len(x)) % 3",
        "np.arange(len(x))[::-1] % 3",
    ),
    Wrong(
        "values counted from the wrong end (end)",
        THREE,
        "count",
        "np.arange(len(x))[::-1] % 3",
        "np.arange(len(x)) % 3",
    ),
    Wrong(
        "the first input comes after the last",
        THREE,
        "count",
        "before[1:] = x[:-1]",
        "before = np.roll(x, 1, axis=0)",
    ),
    Wrong("divides by B", THREE, "loss", "/ np.sum(m)", "/ len(t)"),
    Wrong("the half is forgotten", THREE, "loss", "np.sum(m * e**2) / 2", "np.sum(m * e**2)"),
    Wrong("too small costs more", THREE, "loss", "np.where(e > 0", "np.where(e < 0"),
    Wrong("divides by the sum of m", THREE, "loss", "/ len(t)", "/ np.sum(m)"),
    Wrong(
        "the loss of the visible check, whatever is asked",
        THREE,
        "loss",
        "    e = last - t",
        "    e, m = np.array([1.0, -2.0, 0.0]), np.array([2.0, 1.0, 5.0])",
    ),
    # 5. Backward
    Wrong("s_k in place of s_{k-1}", FIVE, "backward", "= s[k - 1], x[k - 1]", "= s[k], x[k - 1]"),
    Wrong("assigned, not added", FIVE, "backward", 'grads["w_rec"] +=', 'grads["w_rec"] ='),
    Wrong(
        "the recursion of the book",
        FIVE,
        "backward",
        "delta = onward * delta",
        "delta = w_rec * delta",
    ),
    Wrong(
        "nothing goes back in time", FIVE, "backward", "delta = onward * delta", "delta = 0 * delta"
    ),
    Wrong("the sign of the leak", FIVE, "backward", 'grads["alpha"] +=', 'grads["alpha"] -='),
    Wrong("no derivative by the leak", FIVE, "backward", "np.sum(delta * use_alpha)", "0.0"),
    Wrong("gradient of the mean over B", FIVE, "backward", "e / np.sum(m)", "e / len(t)"),
    Wrong("gradient of the whole sum", FIVE, "backward", "delta = m * e", "delta = 2 * m * e"),
    Wrong(
        "gradient of the sum, loss is the mean", FIVE, "backward", "1.0) * e / len(t)", "1.0) * e"
    ),
    Wrong("both sides cost alike", FIVE, "backward", "np.where(e > 0", "np.where(e > np.inf"),
    Wrong(
        "w_rec as if nothing leaked",
        FIVE,
        "backward",
        "use_rec = (1 - alpha * leaks) * before",
        "use_rec = before",
    ),
    Wrong("w_x as if nothing leaked", FIVE, "backward", "use_x = (1 - alpha) * x_k", "use_x = x_k"),
    Wrong(
        "s_0 read in the first line only",
        FIVE,
        "backward",
        'grads["s0"] = delta + by_rest',
        'grads["s0"] = delta',
    ),
    Wrong(
        "s_0 summed over the batch",
        FIVE,
        "backward",
        'grads["s0"] = delta',
        'grads["s0"] = np.sum(delta) + 0 * delta',
    ),
    Wrong("measured, not derived", FIVE, "backward", "return grads", MEASURED),
    Wrong("writes into the states", FIVE, "backward", "e = s[-1] - t", "e = s[-1]\n    e -= t"),
    # 6. Gradient check
    Wrong(
        "nudges are not taken back",
        SIX,
        "measure",
        "np.array(params[name], dtype=float)",
        "np.asarray(params[name])",
    ),
    Wrong(
        "a central difference",
        SIX,
        "measure",
        "(9 * near / (2 * eps) - far / (6 * eps)) / 8",
        "near / (2 * eps)",
    ),
    Wrong(
        "the same nudge down",
        SIX,
        "measure",
        "nudged(name, place, -2 * eps)",
        "nudged(name, place, -eps)",
    ),
    Wrong("divides by one nudge", SIX, "measure", "- farther) / (2 * eps)", "- farther) / eps"),
    Wrong(
        "the places of the visible check, whatever is asked",
        SIX,
        "faults",
        "return found",
        'return [("alpha", ()), ("s0", (1,))]',
    ),
    Wrong("passes nan", SIX, "faults", "not np.isfinite(g[place]) or away", "away"),
    Wrong(
        "sees only what is too large",
        SIX,
        "faults",
        "abs(g[place] - n[place])",
        "g[place] - n[place]",
    ),
    Wrong("sees only the first entry", SIX, "faults", "np.ndindex(n.shape)", "[(0,) * n.ndim]"),
    Wrong(
        "an absolute limit", SIX, "faults", "limit * (1 + abs(g[place]) + abs(n[place]))", "limit"
    ),
    Wrong("the slack is forgotten", SIX, "faults", "limit * (1 + abs(", "limit * (0 + abs("),
    # 7. RProp
    Wrong(
        "halves at the first iteration",
        SEVEN,
        "rprop",
        "np.full(len(w), size,",
        "np.full(len(w), size / 2,",
    ),
    Wrong("shrinks beside a zero", SEVEN, "rprop", "agreement < 0", "agreement <= 0"),
    Wrong("one array for the whole path", SEVEN, "rprop", "w = w + move", "w += move"),
    Wrong(
        "does not copy the gradient",
        SEVEN,
        "rprop",
        "g = np.array(gradient(w), dtype=float)",
        "g = gradient(w)",
    ),
    Wrong(
        "writes into the array of the gradient",
        SEVEN,
        "rprop",
        "last_g = np.where(turned, 0.0, g)",
        "g[turned] = 0.0\n        last_g = g",
    ),
    Wrong(
        "sizes by the size of the gradient",
        SEVEN,
        "rprop",
        "move = -np.sign(g) * sizes",
        "move = -g * sizes",
    ),
    Wrong(
        "the path of the visible start",
        SEVEN,
        "rprop",
        "w = np.array(start, dtype=float)",
        "w = np.arange(1.0, len(start) + 1)",
    ),
    Wrong("grows by a factor", SEVEN, "rprop", "sizes + size, sizes", "1.2 * sizes, sizes"),
    Wrong("is not patient", SEVEN, "rprop", "kept & was_kept", "kept"),
    Wrong("each weight for itself", SEVEN, "rprop", "if not np.any(turned):", "if True:"),
    Wrong(
        "all shrink together",
        SEVEN,
        "rprop",
        "if not np.any(turned):",
        "turned[:] = np.any(turned)\n        if True:",
    ),
    Wrong("the sign is not forgotten", SEVEN, "rprop", "np.where(turned, 0.0, g)", "g"),
    Wrong("the secant through one point", SEVEN, "rprop", "path[-2][i]", "path[0][i]"),
    # 8. Surface
    Wrong(
        "the two lists exchanged",
        EIGHT,
        "surface",
        "s = np.zeros((R, A, B))",
        "s, rec, leak = np.zeros((R, A, B)), leak, rec",
    ),
    Wrong(
        "all sequences matter alike",
        EIGHT,
        "surface",
        "    e = s - t",
        "    e, m = s - t, np.ones(B)",
    ),
    Wrong(
        "a surface without a leak",
        EIGHT,
        "surface",
        "leak = np.reshape(alpha, (1, A, 1))",
        "leak = np.zeros((1, A, 1))",
    ),
    Wrong(
        "counts steps from 0", EIGHT, "surface", "1 - leak if k % 2 == 0", "1 - leak if k % 2 == 1"
    ),
    Wrong("leaks towards the wrong side", EIGHT, "surface", "(rec - leak)", "(rec + leak)"),
    Wrong("a sum over the sequences too much", EIGHT, "surface", "axis=2", "axis=(0, 2)"),
]

LOOPS = Right(
    "one number at a time",
    {
        "forward": """def states(params, x, s0):
    T, B = np.shape(x)
    table = [[float(s0[b]) for b in range(B)]]
    for k in range(T):
        row = []
        for b in range(B):
            s, u = table[-1][b], float(x[k][b])
            s = s * params["w_rec"]
<% if leak == "even" %>
            if (k + 1) % 2 == 0:
                s *= 1 - params["alpha"]
            s += params["w_x"] * u
<% elif leak == "ones" %>
            s -= params["alpha"] * u * s
            s += params["w_x"] * u
<% elif leak == "whole" %>
            s += params["w_x"] * u
            s -= params["alpha"] * s
<% else %>
            s += params["w_x"] * u
            s += params["alpha"] * (float(s0[b]) - table[-1][b])
<% endif %>
            row.append(s)
        table.append(row)
    return np.array(table)
""",
        "count": """def weighted_count(x, v):
    T, B = x.shape
    t = [0.0] * B
    for b in range(B):
        for k in range(T):
<% if target == "start" %>
            t[b] += v[k % 3] * x[k, b]
<% elif target == "end" %>
            t[b] += v[(T - 1 - k) % 3] * x[k, b]
<% else %>
            if k >= 1 and x[k - 1, b] == 1:
                t[b] += v * x[k, b]
            else:
                t[b] += x[k, b]
<% endif %>
    return np.array(t)
""",
        "loss": """def weighted_loss(last, t, m):
    total = 0.0
    for answer, wanted, much in zip(last, t, m):
        square = (answer - wanted) ** 2
<% if reduction == "over" %>
        if answer > wanted:
            square = << kappa >> * square
<% endif %>
        total += much * square
<% if reduction == "mean" %>
    return total / sum(m)
<% elif reduction == "half" %>
    return 0.5 * total
<% else %>
    return total / len(m)
<% endif %>
""",
        "backward": """def backward(params, x, s, t, m):
    T, B = x.shape
    a, r, u = params["alpha"], params["w_rec"], params["w_x"]
    to_a = to_r = to_u = 0.0
    to_start = []
    for b in range(B):
        d = 2 * m[b] * (s[T, b] - t[b])
<% if reduction == "mean" %>
        d /= sum(m)
<% elif reduction == "half" %>
        d /= 2
<% else %>
        d *= (<< kappa >> if s[T, b] > t[b] else 1) / B
<% endif %>
        rest = 0.0
        for k in range(T, 0, -1):
            old, now = s[k - 1, b], x[k - 1, b]
<% if leak == "even" %>
            left = 1 - a if k % 2 == 0 else 1
            to_u += d * now
            to_r += d * left * old
            if k % 2 == 0:
                to_a -= d * r * old
            d = d * left * r
<% elif leak == "ones" %>
            left = 1 - a * now
            to_u += d * now
            to_r += d * left * old
            to_a -= d * r * old * now
            d = d * left * r
<% elif leak == "whole" %>
            to_u += d * (now - a * now)
            to_r += d * (old - a * old)
            to_a -= d * (r * old + u * now)
            d = d * r - d * r * a
<% else %>
            to_u += d * now
            to_r += d * old
            to_a += d * (s[0, b] - old)
            rest += d * a
            d = d * r - d * a
<% endif %>
        to_start.append(d + rest)
    return {"alpha": to_a, "w_rec": to_r, "w_x": to_u, "s0": np.array(to_start)}
""",
        "faults": """def faults(measured, grads, limit):
    result = []
    for name in grads:
        g, n = np.array(grads[name]), np.array(measured[name])
        for i, (a, b) in enumerate(zip(g.ravel().tolist(), n.ravel().tolist())):
            fine = abs(a) < float("inf") and abs(a - b) <= limit * (1 + abs(a) + abs(b))
            if not fine:
                result.append((name, np.unravel_index(i, g.shape)))
    return result
""",
        "rprop": """def rprop(gradient, start, size, steps):
    n = len(start)
    path = np.zeros((steps + 1, n))
    path[0] = start
    step, sign = [size] * n, [0] * n
    held = [False] * n
    slopes = [0.0] * n
    for it in range(steps):
        g = [float(value) for value in gradient(path[it].copy())]
        now = [(value > 0) - (value < 0) for value in g]
        someone = any(now[i] == -sign[i] != 0 for i in range(n))
        for i in range(n):
            same, turn = now[i] == sign[i] != 0, now[i] == -sign[i] != 0
            if turn:
                step[i] /= 2
<% if rule == "additive" %>
            if same:
                step[i] += size
<% elif rule == "patient" %>
            if same and held[i]:
                step[i] *= 1.2
<% elif rule == "together" %>
            if same and not someone:
                step[i] *= 1.2
<% else %>
            if same:
                step[i] *= 1.2
<% endif %>
            path[it + 1, i] = path[it, i] - now[i] * step[i]
            held[i] = same
            sign[i] = now[i]
<% if rule == "secant" %>
            if turn:
                rise = (g[i] - slopes[i]) / (path[it, i] - path[it - 1, i])
                path[it + 1, i] = path[it, i] - g[i] / rise
                sign[i] = 0
<% endif %>
            slopes[i] = g[i]
    return path
""",
        "surface": """def surface(x, t, m, w_x, w_rec, alpha):
    rows = []
    for r in map(float, w_rec):
        row = []
        for a in map(float, alpha):
            total = 0.0
            for u, wanted, much in zip(x.T.tolist(), t.tolist(), m.tolist()):
                s = 0.0
                for k, u_k in enumerate(u, start=1):
<% if leak == "even" %>
                    s = (1 - a * (1 - k % 2)) * r * s + w_x * u_k
<% elif leak == "ones" %>
                    s = r * s - r * a * u_k * s + w_x * u_k
<% elif leak == "whole" %>
                    s = r * s + w_x * u_k
                    s = s - a * s
<% else %>
                    s = r * s + w_x * u_k - a * s
<% endif %>
                e = s - wanted
<% if reduction == "over" %>
                much = << kappa >> * much if e > 0 else much
<% endif %>
                total += much * e * e
            row.append(total)
        rows.append(row)
    scale = << {"mean": "sum(m)", "half": "2", "over": "len(t)"}[reduction] >>
    return np.array(rows) / scale
""",
    },
)

BATCH_FIRST = Right(
    "the batch first, other names",
    {
        "forward": """def states(params, x, s0):
    data = np.asarray(x, dtype=float).T
    history = np.empty((data.shape[0], data.shape[1] + 1))
    history[:, 0] = s0
    decay, gain = params["alpha"], params["w_x"]
    for j in range(data.shape[1]):
        carried = params["w_rec"] * history[:, j]
<% if leak == "even" %>
        if j % 2:
            carried = carried - decay * carried
        history[:, j + 1] = carried + gain * data[:, j]
<% elif leak == "ones" %>
        history[:, j + 1] = carried + data[:, j] * (gain - decay * carried)
<% elif leak == "whole" %>
        history[:, j + 1] = (carried + gain * data[:, j]) * (1 - decay)
<% else %>
        pull = decay * (history[:, 0] - history[:, j])
        history[:, j + 1] = carried + gain * data[:, j] + pull
<% endif %>
    return history.T
""",
        "backward": """def backward(params, x, s, t, m):
    data, history = x.T, s.T
    B, T = data.shape
    decay, rec, gain = params["alpha"], params["w_rec"], params["w_x"]
    owed = np.zeros((B, T + 1))
    miss = history[:, -1] - t
<% if reduction == "mean" %>
    owed[:, T] = 2 * miss * (m / m.sum())
<% elif reduction == "half" %>
    owed[:, T] = miss * m
<% else %>
    owed[:, T] = 2 / B * miss * m
    owed[miss > 0, T] *= << kappa >>
<% endif %>
    odd = np.arange(1, T + 1) % 2
<% if leak == "even" %>
    loses = np.tile(1.0 - odd, (B, 1))
<% elif leak == "ones" %>
    loses = data
<% else %>
    loses = np.ones((B, T))
<% endif %>
<% if leak == "rest" %>
    factor = (rec - decay) * loses
<% else %>
    factor = rec * (1 - decay * loses)
<% endif %>
    for j in reversed(range(T)):
        owed[:, j] = owed[:, j + 1] * factor[:, j]
    later, old = owed[:, 1:], history[:, :-1]
<% if leak == "whole" %>
    return {
        "w_x": (1 - decay) * np.vdot(later, data),
        "w_rec": (1 - decay) * np.vdot(later, old),
        "alpha": -rec * np.vdot(later, old) - gain * np.vdot(later, data),
        "s0": owed[:, 0],
    }
<% elif leak == "rest" %>
    return {
        "w_x": np.vdot(later, data),
        "w_rec": np.vdot(later, old),
        "alpha": np.vdot(later, history[:, :1] - old),
        "s0": owed[:, 0] + decay * later.sum(axis=1),
    }
<% else %>
    return {
        "w_x": np.vdot(later, data),
        "w_rec": np.vdot(later, (1 - decay * loses) * old),
        "alpha": -rec * np.vdot(later * loses, old),
        "s0": owed[:, 0],
    }
<% endif %>
""",
        "surface": """def surface(x, t, m, w_x, w_rec, alpha):
    grid_a, grid_r = np.meshgrid(alpha, w_rec)
    total = np.zeros(grid_a.shape)
    for b in range(len(t)):
        s = np.zeros(grid_a.shape)
        for k in range(len(x)):
<% if leak == "even" %>
            if k % 2:
                s = s - grid_a * s
            s = grid_r * s + w_x * x[k, b]
<% elif leak == "ones" %>
            s = (s - grid_a * x[k, b] * s) * grid_r + w_x * x[k, b]
<% elif leak == "whole" %>
            s = (grid_r * s + w_x * x[k, b]) * (1 - grid_a)
<% else %>
            s = grid_r * s + w_x * x[k, b] - grid_a * s
<% endif %>
<% if reduction == "over" %>
        total += m[b] * np.where(s > t[b], << kappa >>, 1) * (s - t[b]) ** 2 / len(t)
<% elif reduction == "mean" %>
        total += m[b] / m.sum() * (s - t[b]) ** 2
<% else %>
        total += 0.5 * m[b] * (s - t[b]) ** 2
<% endif %>
    return total
""",
    },
)

NO_LOOP = Right(
    "products in place of loops over time",
    {
        "forward": """def states(params, x, s0):
    x = np.asarray(x, dtype=float)
    T, B = x.shape
    w_x, w_rec, alpha = (params[name] for name in ("w_x", "w_rec", "alpha"))
    enters = w_x * x
<% if leak == "even" %>
    factor = np.tile(np.where(np.arange(1, T + 1) % 2, w_rec, w_rec * (1 - alpha)), (B, 1)).T
<% elif leak == "ones" %>
    factor = w_rec * (1 - alpha * x)
<% elif leak == "whole" %>
    factor, enters = np.full((T, B), w_rec * (1 - alpha)), (1 - alpha) * enters
<% else %>
    factor, enters = np.full((T, B), w_rec - alpha), enters + alpha * s0
<% endif %>
    enters = np.vstack([s0, enters])
    reach = np.zeros((T + 1, T + 1, B))  # from the newcomer of step j to the state k
    for j in range(T + 1):
        reach[j, j] = 1.0
        reach[j + 1 :, j] = np.cumprod(factor[j:], axis=0)
    return np.einsum("kjb,jb->kb", reach, enters)
""",
        "count": """def weighted_count(x, v):
    T = x.shape[0]
<% if target == "start" %>
    return np.einsum("k,kb->b", np.tile(v, T)[:T], x)
<% elif target == "end" %>
    return np.einsum("k,kb->b", np.tile(v, T)[:T], x[::-1])
<% else %>
    return x.sum(axis=0) + (v - 1) * (x[1:] * x[:-1]).sum(axis=0)
<% endif %>
""",
        "loss": """def weighted_loss(last, t, m):
    e = np.subtract(last, t)
<% if reduction == "mean" %>
    return float(np.average(e**2, weights=m))
<% elif reduction == "half" %>
    return float((m * e) @ e / 2)
<% else %>
    over, under = np.maximum(e, 0), np.minimum(e, 0)
    return float(np.mean(m * (<< kappa >> * over**2 + under**2)))
<% endif %>
""",
        "backward": """def backward(params, x, s, t, m):
    T, B = x.shape
    w_x, w_rec, alpha = (params[name] for name in ("w_x", "w_rec", "alpha"))
    e = s[-1] - t
<% if reduction == "mean" %>
    end = 2 * m / m.sum() * e
<% elif reduction == "half" %>
    end = m * e
<% else %>
    end = 2 * m / B * (<< kappa >> * np.maximum(e, 0) + np.minimum(e, 0))
<% endif %>
<% if leak == "even" %>
    even = (np.arange(1, T + 1) % 2 == 0).astype(float)[:, None]
    factor = w_rec * (1 - alpha * even) + 0 * x
<% elif leak == "ones" %>
    factor = w_rec * (1 - alpha * x)
<% elif leak == "whole" %>
    factor = w_rec * (1 - alpha) + 0 * x
<% else %>
    factor = w_rec - alpha + 0 * x
<% endif %>
    onward = np.cumprod(np.vstack([np.ones((1, B)), factor[::-1]]), axis=0)[::-1]
    delta = onward * end  # shape (T + 1, B)
    pair = np.einsum
    grads = {"s0": delta[0]}
<% if leak == "even" %>
    grads["w_x"] = pair("kb,kb->", delta[1:], x)
    grads["w_rec"] = pair("kb,kb,kb->", delta[1:], 1 - alpha * even + 0 * x, s[:-1])
    grads["alpha"] = -w_rec * pair("kb,kb->", delta[2::2], s[1:-1:2])
<% elif leak == "ones" %>
    grads["w_x"] = pair("kb,kb->", delta[1:], x)
    grads["w_rec"] = pair("kb,kb,kb->", delta[1:], 1 - alpha * x, s[:-1])
    grads["alpha"] = -w_rec * pair("kb,kb,kb->", delta[1:], x, s[:-1])
<% elif leak == "whole" %>
    grads["w_x"] = (1 - alpha) * pair("kb,kb->", delta[1:], x)
    grads["w_rec"] = (1 - alpha) * pair("kb,kb->", delta[1:], s[:-1])
    grads["alpha"] = -pair("kb,kb->", delta[1:], w_rec * s[:-1] + w_x * x)
<% else %>
    grads["w_x"] = pair("kb,kb->", delta[1:], x)
    grads["w_rec"] = pair("kb,kb->", delta[1:], s[:-1])
    grads["alpha"] = pair("kb,kb->", delta[1:], s[:1] - s[:-1])
    grads["s0"] = delta[0] + alpha * delta[1:].sum(axis=0)
<% endif %>
    return grads
""",
    },
)

FORWARD_MODE = Right(
    "derivatives carried forwards, vectors of all parameters",
    {
        "backward": """def backward(params, x, s, t, m):
    w_x, w_rec, alpha = params["w_x"], params["w_rec"], params["alpha"]
    T, B = x.shape
    tangent = np.zeros((4, B))  # of s_k by w_x, w_rec, alpha, s_0
    tangent[3] = 1.0
    for k in range(1, T + 1):
        old, now, zero = s[k - 1], x[k - 1], np.zeros(B)
<% if leak == "even" %>
        a = alpha * (k % 2 == 0)
        direct = [now, (1 - a) * old, -(k % 2 == 0) * w_rec * old, zero]
        tangent = (1 - a) * w_rec * tangent + np.array(direct)
<% elif leak == "ones" %>
        direct = [now, (1 - alpha * now) * old, -now * w_rec * old, zero]
        tangent = (1 - alpha * now) * w_rec * tangent + np.array(direct)
<% elif leak == "whole" %>
        direct = [(1 - alpha) * now, (1 - alpha) * old, -w_rec * old - w_x * now, zero]
        tangent = (1 - alpha) * w_rec * tangent + np.array(direct)
<% else %>
        direct = [now, old, s[0] - old, zero + alpha]
        tangent = (w_rec - alpha) * tangent + np.array(direct)
<% endif %>
    e = s[T] - t
<% if reduction == "mean" %>
    effect = tangent * (2 * m * e / m.sum())
<% elif reduction == "half" %>
    effect = tangent * (m * e)
<% else %>
    effect = tangent * (2 * m * e / B) * (1 + (<< kappa >> - 1) * (e > 0))
<% endif %>
    by_x, by_rec, by_alpha = effect[:3].sum(axis=1).tolist()
    return {"w_x": by_x, "w_rec": by_rec, "alpha": by_alpha, "s0": effect[3]}
""",
        "measure": """def measure(f, params, eps):
    names = list(params)
    shapes = [np.shape(params[name]) for name in names]
    flat = np.concatenate([np.ravel(params[name]).astype(float) for name in names])
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def split(vector):
        pieces = np.split(vector, ends[:-1])
        return {n: piece.reshape(shape) for n, piece, shape in zip(names, pieces, shapes)}

    def along(i, by):
        return f(split(flat + by * np.eye(len(flat))[i]))

    slopes = np.empty(len(flat))
    for i in range(len(flat)):
<% if stencil == "triple" %>
        D = [(along(i, h) - along(i, -h)) / (2 * h) for h in (eps, 3 * eps)]
        slopes[i] = np.dot([9 / 8, -1 / 8], D)
<% elif stencil == "uneven" %>
        f_at = [along(i, by * eps) for by in (1, 0, -2)]
        slopes[i] = np.dot([4, -3, -1], f_at) / (6 * eps)
<% else %>
        f_at = [along(i, by * eps) for by in (1, 0, 2)]
        slopes[i] = np.dot([4, -3, -1], f_at) / (2 * eps)
<% endif %>
    return split(slopes)
""",
        "faults": """def faults(measured, grads, limit):
    pairs = []
    for name, n in measured.items():
        g = np.asarray(grads[name], dtype=float)
        with np.errstate(invalid="ignore"):
            fine = np.abs(g - n) <= limit * (1 + np.abs(g) + np.abs(n))
        fine = fine & np.isfinite(g)
        pairs += [(name, tuple(place)) for place in np.argwhere(~fine)]
    return pairs
""",
    },
)

SINGLE = Right(
    "a map in single precision, a rule with masks, numbers from code",
    {
        "surface": """def surface(x, t, m, w_x, w_rec, alpha):
    single = np.float32
    x, t, m = x.astype(single), t.astype(single), m.astype(single)
    rec = np.asarray(w_rec, dtype=single)[None, :, None]
    leak = np.asarray(alpha, dtype=single)[None, None, :]
    s = np.zeros((x.shape[1], rec.size, leak.size), dtype=single)
    for k in range(len(x)):
        enters = single(w_x) * x[k][:, None, None]
<% if leak == "even" %>
        s = rec * s
        s -= (leak if k % 2 == 1 else single(0)) * s
        s += enters
<% elif leak == "ones" %>
        s = rec * s
        s -= leak * x[k][:, None, None] * s
        s += enters
<% elif leak == "whole" %>
        s = rec * s + enters
        s -= leak * s
<% else %>
        s = rec * s - leak * s + enters
<% endif %>
    e = s - t[:, None, None]
<% if reduction == "mean" %>
    return np.average(e * e, axis=0, weights=m)
<% elif reduction == "half" %>
    return np.tensordot(m / 2, e * e, axes=1)
<% else %>
    return np.tensordot(m / len(m), np.where(e > 0, single(<< kappa >>), single(1)) * e * e, axes=1)
<% endif %>
""",
        "rprop": """def rprop(gradient, start, size, steps):
    start = np.array(start, dtype=float)
    path, signs, sizes = [start], [np.zeros_like(start)], size + 0 * start
    slopes, before = [], np.zeros(start.shape, dtype=bool)
    for _ in range(steps):
        slopes.append(np.array(gradient(path[-1].copy()), dtype=float))
        sign, factor = np.sign(slopes[-1]), np.ones_like(start)
        kept = (sign == signs[-1]) & (sign != 0)
        turned = (sign == -signs[-1]) & (sign != 0)
        factor[turned] = 0.5
<% if rule == "additive" %>
        sizes = sizes * factor + size * kept
<% elif rule == "patient" %>
        factor[kept & before] = 1.2
        sizes = sizes * factor
<% elif rule == "together" %>
        factor[kept & (not turned.any())] = 1.2
        sizes = sizes * factor
<% else %>
        factor[kept] = 1.2
        sizes = sizes * factor
<% endif %>
        there = path[-1] - sign * sizes
<% if rule == "secant" %>
        if turned.any():
            g, g_before = slopes[-1][turned], slopes[-2][turned]
            w, w_before = path[-1][turned], path[-2][turned]
            there[turned] = (w_before * g - w * g_before) / (g - g_before)
        sign = sign * ~turned
<% endif %>
        path.append(there)
        signs.append(sign)
        before = kept
    return np.stack(path)
""",
        "by-hand": """def by_hand():
    wx, wr, al = << ex_w_x >>, << ex_w_rec >>, << ex_alpha >>
    lists, tangents = [], []
    for x, s0 in zip(<< ex_rows >>, << ex_s0 >>):
        s, ds, out = s0, 0.0, []
        for k in (1, 2, 3):
<% if leak == "even" %>
            keep = 1 - al * (k == 2)
            now = keep * s
            ds = now + keep * wr * ds
            s = wr * now + wx * x[k - 1]
<% elif leak == "ones" %>
            now = (1 - al * x[k - 1]) * s
            ds = now + (1 - al * x[k - 1]) * wr * ds
            s = wr * now + wx * x[k - 1]
<% elif leak == "whole" %>
            now = (1 - al) * s
            ds = now + (1 - al) * wr * ds
            s = (1 - al) * (wr * s + wx * x[k - 1])
<% else %>
            now = s
            ds = now + (wr - al) * ds
            s = wr * s + wx * x[k - 1] - al * (s - s0)
<% endif %>
            out.append(s)
        lists.append(out)
        tangents.append((now, ds))
    return {
        "states": np.array(lists),
        "targets": np.array(<< ex_t >>),
        "loss": np.float64(<< ex_loss >>),
        "immediate": tangents[0][0],
        "total": tangents[0][1],
    }
""",
    },
)

FUNCTIONAL = Right(
    "functions of functions",
    {
        "forward": """def states(params, x, s0):
    from itertools import accumulate

    w_x, w_rec, alpha = params["w_x"], params["w_rec"], params["alpha"]
    first = np.array(s0, dtype=float)

    def step(s, numbered):
        k, x_k = numbered
<% if leak == "even" %>
        return w_rec * s * (1 - alpha) ** (k % 2) + w_x * x_k
<% elif leak == "ones" %>
        return w_rec * s + w_x * x_k - alpha * w_rec * x_k * s
<% elif leak == "whole" %>
        return w_rec * s + w_x * x_k - alpha * w_rec * s - alpha * w_x * x_k
<% else %>
        return (w_rec - alpha) * s + w_x * x_k + alpha * first
<% endif %>

    return np.array(list(accumulate(enumerate(x), step, initial=first)))
""",
        "count": """def weighted_count(x, v):
    def of_one(column):
        ones = [k for k, bit in enumerate(column) if bit]
<% if target == "start" %>
        return sum(v[k % 3] for k in ones)
<% elif target == "end" %>
        return sum(v[(len(column) - 1 - k) % 3] for k in ones)
<% else %>
        return sum(v if k - 1 in ones else 1 for k in ones)
<% endif %>

    return np.array([of_one(column) for column in x.T], dtype=float)
""",
        "backward": """def backward(params, x, s, t, m):
    w_x, w_rec, alpha = params["w_x"], params["w_rec"], params["alpha"]

    def back(k, delta):
        # What the uses up to step k owe, given what the loss owes to state k.
        if k == 0:
            return np.zeros(3), delta
        old, now = s[k - 1], x[k - 1]
<% if leak == "even" %>
        c = 0 if k % 2 else 1
        uses = now, (1 - c * alpha) * old, -c * w_rec * old
        factor = w_rec - c * alpha * w_rec
<% elif leak == "ones" %>
        uses = now, old - alpha * now * old, -now * w_rec * old
        factor = w_rec - alpha * now * w_rec
<% elif leak == "whole" %>
        uses = now - alpha * now, old - alpha * old, -w_rec * old - w_x * now
        factor = w_rec - alpha * w_rec
<% else %>
        uses = now, old, s[0] - old
        factor = w_rec - alpha
<% endif %>
        rest, start = back(k - 1, factor * delta)
<% if leak == "rest" %>
        start = start + alpha * delta
<% endif %>
        return rest + np.array([np.dot(delta, use) for use in uses]), start

    e = s[-1] - t
<% if reduction == "mean" %>
    three, start = back(len(x), 2 * e * m / m.sum())
<% elif reduction == "half" %>
    three, start = back(len(x), e * m)
<% else %>
    three, start = back(len(x), np.where(e > 0, 2 * << kappa >>, 2) * e * m / len(e))
<% endif %>
    return dict(zip(("w_x", "w_rec", "alpha"), three)) | {"s0": start}
""",
    },
)

RIGHT = [LOOPS, BATCH_FIRST, NO_LOOP, FORWARD_MODE, SINGLE, FUNCTIONAL]
