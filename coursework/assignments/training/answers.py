"""Wrong and right answers to the third assignment."""

from coursework.answers import Right, Wrong

ONE, TWO, THREE = "1. Three clippings", "2. AdaGrad", "3. Adam"
FOUR, FIVE, SIX = "4. Carried state", "5. An honest loss", "6. Three broken logs"

WRONG = [
    # 1. Three clippings
    Wrong(
        "the sizes lose their absolute value",
        ONE,
        "numbers",
        "size = np.abs(g)",
        "size = g",
    ),
    Wrong(
        "the length of the array in place of the size of each number",
        ONE,
        "numbers",
        "size = np.abs(g)",
        "size = np.sqrt(np.sum(g**2))",
    ),
    Wrong(
        "the clipped numbers are put into the dict that was given",
        ONE,
        "numbers",
        "new = {}",
        "new = grads",
    ),
    Wrong(
        "only the last array comes back",
        ONE,
        "numbers",
        "        size = np.abs(g)",
        "        new = {}\n        size = np.abs(g)",
    ),
    Wrong(
        "short gradients are lengthened to the limit",
        ONE,
        "whole",
        "factor = shorter if size > limit else 1.0",
        "factor = limit / size",
    ),
    Wrong(
        "the size of the first array stands for that of all",
        ONE,
        "whole",
        "for g in grads.values()])",
        "for g in list(grads.values())[:1]])",
    ),
    Wrong(
        "the two sides of the comparison are exchanged",
        ONE,
        "whole",
        "shorter if size > limit else 1.0",
        "1.0 if size > limit else shorter",
    ),
    Wrong(
        "matrices are clipped in place",
        ONE,
        "whole",
        "return {name: factor * g for name, g in grads.items()}",
        "return {name: np.multiply(g, factor, out=g) for name, g in grads.items()}",
    ),
    Wrong(
        "short arrays are lengthened",
        ONE,
        "arrays",
        "np.minimum(1, bound / ",
        "(bound / ",
    ),
    Wrong(
        "the gradient is multiplied in place",
        ONE,
        "arrays",
        "new[name] = factor * g",
        "g *= factor\n        new[name] = g",
    ),
    Wrong(
        "an array of zeros becomes nan",
        ONE,
        "arrays",
        "factor = np.minimum(1, bound / np.maximum(size, 1e-300))",
        "factor = np.minimum(size, bound) / size",
    ),
    # 2. AdaGrad
    Wrong(
        "AdaGrad binds a new array to the name",
        TWO,
        "adagrad",
        "params[name] -= self.rate",
        "params[name] = params[name] - self.rate",
    ),
    Wrong(
        "AdaGrad remembers nothing",
        TWO,
        "adagrad",
        "self.memory[name] = r",
        "self.memory = {}",
    ),
    Wrong(
        "AdaGrad has one memory for all parameters",
        TWO,
        "adagrad",
        "for name, g in grads.items():\n",
        "for name, g in grads.items():\n            self.memory[name] = "
        "list(self.memory.values() or [<start>])[-1]\n".replace(
            "<start>", "getattr(self, 'start', 0.0)"
        ),
    ),
    Wrong(
        "AdaGrad goes uphill",
        TWO,
        "adagrad",
        "params[name] -= self.rate",
        "params[name] += self.rate",
    ),
    Wrong(
        "AdaGrad keeps the order of the gradients, not their names",
        TWO,
        "adagrad",
        "for name, g in grads.items():\n",
        "for name, g in zip(params, grads.values(), strict=True):\n",
    ),
    Wrong(
        "AdaGrad stands still",
        TWO,
        "adagrad",
        "params[name] -= self.rate",
        "params[name] -= 0 * self.rate",
    ),
    # 3. Adam
    Wrong(
        "Adam's mean is not corrected",
        THREE,
        "adam",
        "m_hat = m / (1 - self.beta1**n)",
        "m_hat = m",
    ),
    Wrong(
        "Adam's mean is a sum, as in momentum",
        THREE,
        "adam",
        "m = self.beta1 * m + (1 - self.beta1) * g",
        "m = self.beta1 * m + g",
    ),
    Wrong(
        "Adam's clock counts parameters",
        THREE,
        "adam",
        "        for name, g in grads.items():\n",
        "        for name, g in grads.items():\n            n += 1\n",
    ),
    Wrong(
        "Adam's clock starts at 0 again for every optimiser step",
        THREE,
        "adam",
        "n = self.steps",
        "n = 1",
    ),
    Wrong(
        "Adam binds a new array to the name",
        THREE,
        "adam",
        "params[name] -= self.rate",
        "params[name] = params[name] - self.rate",
    ),
    Wrong(
        "Adam forgets epsilon",
        THREE,
        "adam",
        "/ (size + self.eps)",
        "/ size",
    ),
    Wrong(
        "Adam's mean is kept before it is renewed",
        THREE,
        "adam",
        "self.memory[name] = m, r, s",
        "self.memory[name] = m_hat, r, s",
    ),
    Wrong(
        "Adam stands still",
        THREE,
        "adam",
        "params[name] -= self.rate",
        "params[name] -= 0 * self.rate",
    ),
    # 4. Carried state
    Wrong(
        "the streams jump: reshape fills row by row",
        FOUR,
        "cut",
        "return x.reshape(B, T).T, y.reshape(B, T).T",
        "return x.reshape(T, B), y.reshape(T, B)",
    ),
    Wrong(
        "batch first",
        FOUR,
        "cut",
        "return x.reshape(B, T).T, y.reshape(B, T).T",
        "return x.reshape(B, T), y.reshape(B, T)",
    ),
    Wrong(
        "the last target of a stream is its own first symbol",
        FOUR,
        "cut",
        "return x.reshape(B, T).T, y.reshape(B, T).T",
        "return x.reshape(B, T).T, np.roll(x.reshape(B, T), -1, axis=1).T",
    ),
    Wrong(
        "spread: what is left over stands at the end, as in the book",
        FOUR,
        "cut",
        "n * (len(ids) - 1) // B",
        "n * T",
    ),
    Wrong(
        "front: what is left over stands at the end, as in the book",
        FOUR,
        "cut",
        "x, y = ids[first:-1], ids[first + 1 :]",
        "x, y = ids[: B * T], ids[1 : B * T + 1]",
    ),
    Wrong(
        "ring: the last symbol is followed by itself",
        FOUR,
        "cut",
        "np.roll(ids, -1)",
        "np.append(ids[1:], ids[-1])",
    ),
    Wrong(
        "every window starts anew",
        FOUR,
        "read",
        "total = 0.0",
        "total, h = 0.0, np.tile(home, (len(h), 1))",
    ),
    Wrong(
        "reset to zeros",
        FOUR,
        "read",
        'home, losses = params["h_0"], []',
        "home, losses = np.zeros(h.shape[1]), []",
    ),
    Wrong(
        "where one stream begins something new, all are reset",
        FOUR,
        "read",
        "np.where(reset[:, None],",
        "np.where(reset.any(),",
    ),
    Wrong(
        "no reset at all",
        FOUR,
        "read",
        "np.where(reset[:, None],",
        "np.where(False,",
    ),
    Wrong(
        "all units begin anew, as in the book",
        FOUR,
        "read",
        "np.where(early, home, h)",
        "home",
    ),
    Wrong(
        "the last units begin anew, not the first",
        FOUR,
        "read",
        "np.arange(len(home)) < units",
        "np.arange(len(home)) >= units",
    ),
    Wrong(
        "the short window at the end is dropped",
        FOUR,
        "read",
        "range(0, len(x), window)",
        "range(0, len(x) - window + 1, window)",
    ),
    Wrong(
        "a mean over the streams, not a sum",
        FOUR,
        "read",
        "losses.append(total)",
        "losses.append(total / len(h))",
    ),
    Wrong(
        "nothing is read: zeros and the first states",
        FOUR,
        "read",
        'home, losses = params["h_0"], []',
        'return np.zeros(-(-len(x) // window)), h\n    home, losses = params["h_0"], []',
    ),
    # 5. An honest loss
    Wrong(
        "padding moves the state",
        FIVE,
        "valid",
        "h = np.where(mask[t][:, None], new, h)",
        "h = new",
    ),
    Wrong(
        "padding is counted",
        FIVE,
        "valid",
        "exists = mask[t]",
        "exists = np.ones_like(mask[t])",
    ),
    Wrong(
        "the state starts anew in every batch",
        FIVE,
        "valid",
        "np.where(fresh[:, None], home, h)",
        "np.tile(home, (len(fresh), 1))",
    ),
    Wrong(
        "the state is carried into documents that are new",
        FIVE,
        "valid",
        "np.where(fresh[:, None], home, h)",
        "np.where(np.all(h == home), np.tile(home, (len(fresh), 1)), h)",
    ),
    Wrong(
        "if one row is fresh, all rows start anew",
        FIVE,
        "valid",
        "np.where(fresh[:, None], home, h)",
        "np.where(fresh.any(), np.tile(home, (len(fresh), 1)), h)",
    ),
    Wrong(
        "documents begin from zeros",
        FIVE,
        "valid",
        'home = params["h_0"]',
        'home = 0 * params["h_0"]',
    ),
    Wrong(
        "a number that depends on nothing",
        FIVE,
        "valid",
        'home = params["h_0"]',
        'return 1.4\n    home = params["h_0"]',
    ),
    Wrong(
        "the example is counted, whatever is given",
        FIVE,
        "valid",
        'home = params["h_0"]',
        'params, batches = NET, BATCHES\n    home = params["h_0"]',
    ),
    # 6. Three broken logs
    Wrong(
        "log A is read whatever log is given",
        SIX,
        "diagnose-a",
        "log = dict(log.items())",
        'log = LOGS["A"]',
    ),
    Wrong(
        "the evidence in log A is a hundredth too large",
        SIX,
        "diagnose-a",
        "return cause, evidence",
        "return cause, 1.01 * evidence",
    ),
    Wrong(
        "log C is read whatever log is given",
        SIX,
        "diagnose-c",
        "log = dict(log.items())",
        'log = LOGS["C"]',
    ),
    Wrong(
        "another cause for log A",
        SIX,
        "diagnose-a",
        "return cause, evidence",
        "return CAUSES[CAUSES.index(cause) - 1], evidence",
    ),
    Wrong(
        "another cause for log B",
        SIX,
        "diagnose-b",
        "return cause, evidence",
        "return CAUSES[CAUSES.index(cause) - 1], evidence",
    ),
    Wrong(
        "the evidence in log B is off by one",
        SIX,
        "diagnose-b",
        "return cause, evidence",
        "return cause, evidence + 1",
    ),
    Wrong(
        "log B is read whatever log is given",
        SIX,
        "diagnose-b",
        "log = dict(log.items())",
        'log = LOGS["B"]',
    ),
    Wrong(
        "the evidence in log C comes in per cent",
        SIX,
        "diagnose-c",
        "return cause, evidence",
        "return cause, 100 * evidence",
    ),
    Wrong(
        "another cause for log C",
        SIX,
        "diagnose-c",
        "return cause, evidence",
        "return CAUSES[CAUSES.index(cause) - 1], evidence",
    ),
]

BY_NUMBERS = {
    "numbers": '''
def clip_numbers(grads, limit):
    """One number at a time."""
    result = {}
    for key in grads:
        flat = []
        values = [float(v) for v in np.asarray(grads[key]).reshape(-1)]
<% if numbers == "mean" %>
        edge = limit * math.fsum(map(abs, values)) / len(values)
<% endif %>
        for v in values:
<% if numbers == "soft" %>
            flat.append(v / (1.0 + abs(v) / limit))
<% elif numbers == "tanh" %>
            flat.append(limit * (2.0 / (1.0 + math.exp(-2.0 * v / limit)) - 1.0))
<% else %>
            flat.append(max(-edge, min(edge, v)))
<% endif %>
        result[key] = np.array(flat).reshape(np.shape(grads[key]))
    return result
''',
    "whole": '''
def clip_whole(grads, limit):
    """One number at a time."""
    count, squares, top = 0, 0.0, 0.0
    for key in grads:
        for v in np.asarray(grads[key]).reshape(-1):
            count, squares, top = count + 1, squares + v * v, max(top, abs(v))
<% if whole == "largest" %>
    measure = top
<% elif whole == "rms" %>
    measure = math.sqrt(squares / count)
<% else %>
    measure = math.sqrt(squares)
<% endif %>
    if measure <= limit:
        return {key: np.array(value) for key, value in grads.items()}
    scale = limit / measure
<% if whole == "log" %>
    scale *= 1.0 - math.log(scale)
<% endif %>
    return {key: np.asarray(value) * scale for key, value in grads.items()}
''',
    "arrays": '''
def clip_arrays(grads<% if arrays == "relative" %>, params<% endif %>, limit):
    """Group by group."""
    result = {}
    P = sum(np.asarray(value).size for value in grads.values())
    for key, value in grads.items():
        value = np.asarray(value)
<% if arrays == "rows" %>
        table = value.reshape(value.shape[0] if value.ndim else 1, -1).copy()
        for row in table:
            length = math.sqrt(math.fsum(v * v for v in row))
            if length > limit:
                row *= limit / length
        result[key] = table.reshape(value.shape)
<% else %>
        length = math.sqrt(math.fsum(v * v for v in value.reshape(-1)))
<% if arrays == "relative" %>
        own = math.sqrt(math.fsum(v * v for v in np.asarray(params[key]).reshape(-1)))
        most = limit * (<< norm_floor >> if own < << norm_floor >> else own)
<% else %>
        most = math.sqrt(limit * limit * value.size / P)
<% endif %>
        result[key] = value * (most / length) if length > most else value.copy()
<% endif %>
    return result
''',
    "adagrad": '''
class AdaGrad:
<% if adagrad == "restart" %>
    def __init__(self, rate, eps, every):
        self.rate, self.eps, self.every = rate, eps, every
<% elif adagrad == "late" %>
    def __init__(self, rate, start):
        self.rate, self.start = rate, start
<% else %>
    def __init__(self, rate, eps):
        self.rate, self.eps = rate, eps
<% endif %>
        self.steps = 0
        self.memory = {}

    def step(self, params, grads):
        """One number at a time; the memory is a list for each array."""
        self.steps += 1
        for key, array in params.items():
            where, g = array.reshape(-1), np.asarray(grads[key]).reshape(-1)
            sums = self.memory.setdefault(key, [0.0] * array.size)
<% if adagrad == "array" %>
            more = math.fsum(v * v for v in g) / len(g)
<% endif %>
            for i in range(array.size):
                v = float(g[i])
<% if adagrad == "restart" %>
                if self.steps % self.every == 1 % self.every:
                    sums[i] = 0.0
                sums[i] += v * v
                where[i] -= self.rate * v / (math.sqrt(sums[i]) + self.eps)
<% elif adagrad == "array" %>
                sums[i] += more
                where[i] -= self.rate * v / math.sqrt(sums[i] + self.eps)
<% elif adagrad == "late" %>
                where[i] -= self.rate * v / math.sqrt(self.start + sums[i])
                sums[i] += v * v
<% else %>
                sums[i] += abs(v)
                where[i] -= self.rate * v * math.sqrt(self.steps) / (sums[i] + self.eps)
<% endif %>
''',
    "adam": '''
class Adam:
    def __init__(self, rate, beta1, beta2, eps):
        self.rate, self.eps = rate, eps
        self.beta1, self.beta2 = beta1, beta2
        self.steps = 0
        self.memory = {}

    def step(self, params, grads):
        """One number at a time."""
        self.steps += 1
        a, b = 1 - self.beta1**self.steps, 1 - self.beta2**self.steps
        for key, array in params.items():
            for place in np.ndindex(*array.shape):
                g = float(grads[key][place])
                m, r, top = self.memory.get((key, place), (0.0, 0.0, 0.0))
                m += (1 - self.beta1) * (g - m)
<% if adam == "infinity" %>
                r = max(self.beta2 * r, abs(g))
                move = m / a / (r + self.eps)
<% elif adam == "belief" %>
                r += (1 - self.beta2) * ((g - m) ** 2 - r)
                move = m / a / (math.sqrt(r / b) + self.eps)
<% elif adam == "nesterov" %>
                r += (1 - self.beta2) * (g * g - r)
                move = (self.beta1 * m + (1 - self.beta1) * g) / a
                move /= math.sqrt(r / b) + self.eps
<% else %>
                r += (1 - self.beta2) * (g * g - r)
                top = max(top, math.sqrt(r / b))
                move = m / a / (top + self.eps)
<% endif %>
                self.memory[key, place] = m, r, top
                array[place] -= self.rate * move
''',
    "cut": '''
def cut(ids, B):
    """One symbol at a time."""
    N = len(ids)
<% if streams == "ring" %>
    T = N // B
    starts = range(0, N, T)
<% elif streams == "spread" %>
    T = (N - 1) // B
    starts = [math.floor((N - 1) * n / B) for n in range(B)]
<% else %>
    T = (N - 1) // B
    starts = range((N - 1) % B, N - 1, T)
<% endif %>
    x = [[ids[s + t] for s in starts] for t in range(T)]
    y = [[ids[(s + t + 1) % N] for s in starts] for t in range(T)]
    return np.array(x).reshape(T, B), np.array(y).reshape(T, B)
''',
    "read": '''
def read(params, x, y, h, window<< {"fade": ", gamma", "part": ", units"}.get(reset, "") >>):
    """Stream after stream, with a softmax of its own."""
    T, B = x.shape
    losses, last = [0.0] * math.ceil(T / window), []
    for n in range(B):
        state = [float(v) for v in h[n]]
        for t in range(T):
<% if reset == "part" %>
            if x[t, n] == BEGIN:
                state[:units] = list(params["h_0"])[:units]
<% elif reset == "fade" %>
            if x[t, n] == BEGIN:
                state = [u + gamma * (v - u) for u, v in zip(params["h_0"], state)]
<% endif %>
            a = params["b_h"] + params["W_xh"][:, x[t, n]] + params["W_hh"].dot(state)
            state = [math.tanh(v) for v in a]
            o = params["W_hy"].dot(state) + params["b_y"]
            losses[t // window] += float(np.logaddexp.reduce(o) - o[y[t, n]])
<% if reset == "end" %>
            if x[t, n] == END:
                state = list(params["h_0"])
<% endif %>
        last.append(state)
    return losses, np.array(last)
''',
    "valid": '''
<% set more = {"warm": ", m", "characters": ", lengths"} %>
def valid_loss(params, batches<< more.get(counted, "") >>):
    """Row after row through all batches, each row a list of documents."""
    pairs = []
    for n in range(len(batches[0][3])):
        state, age = None, 0
        for x, y, mask, fresh in batches:
            if fresh[n]:
                state, age = params["h_0"], 0
            for t in range(len(mask)):
                if not mask[t, n]:
                    continue
                age += 1
                rows, log_p = next_state(params, x[t, [n]], np.asarray(state)[None, :])
                state = rows[0]
                pairs.append((age, int(y[t, n]), -float(log_p[0, y[t, n]])))
<% if counted == "warm" %>
    kept = [loss for age, _, loss in pairs if age >= m + 1]
    return math.fsum(kept) / len(kept)
<% elif counted == "classes" %>
    by_symbol = {}
    for _, v, loss in pairs:
        by_symbol.setdefault(v, []).append(loss)
    return sum(sum(own) / len(own) for own in by_symbol.values()) / len(by_symbol)
<% else %>
    return math.fsum(loss for _, _, loss in pairs) / sum(int(lengths[v]) for _, v, _ in pairs)
<% endif %>
''',
}

AS_ONE_VECTOR = {
    "numbers": '''
def clip_numbers(grads, limit):
    """By formulas of another look."""
<% if numbers == "soft" %>
    return {k: np.divide(limit * v, limit + np.sqrt(v * v)) for k, v in grads.items()}
<% elif numbers == "tanh" %>
    return {k: limit * np.tanh(np.divide(v, limit)) for k, v in grads.items()}
<% else %>
    edges = {k: limit * np.abs(v).mean() for k, v in grads.items()}
    return {k: np.clip(v, -edges[k], edges[k]) for k, v in grads.items()}
<% endif %>
''',
    "whole": '''
def clip_whole(grads, limit):
    """Cut one long vector, and take it apart again."""
    line = np.hstack([np.ravel(v) for v in grads.values()])
<% if whole == "largest" %>
    measure = np.linalg.norm(line, np.inf)
<% elif whole == "rms" %>
    measure = np.linalg.norm(line) / line.size**0.5
<% else %>
    measure = np.linalg.norm(line)
<% endif %>
    ratio = max(1.0, measure / limit)
    line = line / ratio<% if whole == "log" %> * (1 + np.log(ratio))<% endif %>

    ends = np.cumsum([np.size(v) for v in grads.values()])
    parts = np.split(line, ends[:-1])
    return {k: p.reshape(np.shape(v)) for (k, v), p in zip(grads.items(), parts)}
''',
    "arrays": '''
def clip_arrays(grads<% if arrays == "relative" %>, params<% endif %>, limit):
    """With where= in place of a floor below."""
    new = {}
<% if arrays == "share" %>
    per_number = limit**2 / sum(v.size for v in grads.values())
<% endif %>
    for k, v in grads.items():
<% if arrays == "rows" %>
        rows = np.atleast_1d(v)
        squares = np.square(rows).reshape(len(rows), -1).sum(axis=1)
        long = squares > limit**2
        factors = np.ones(len(rows))
        factors[long] = limit / np.sqrt(squares[long])
        new[k] = np.einsum("j,j...->j...", factors, rows).reshape(v.shape)
<% else %>
<% if arrays == "relative" %>
        w = params[k]
        most = np.square(limit) * max(np.sum(w * w), << norm_floor >> ** 2)
<% else %>
        most = per_number * v.size
<% endif %>
        squares = np.vdot(v, v)
        new[k] = v * np.sqrt(most / squares) if squares > most else +v
<% endif %>
    return new
''',
    "adagrad": '''
class AdaGrad:
<% if adagrad == "restart" %>
    def __init__(self, rate, eps, every):
        self.rate, self.eps, self.every = rate, eps, every
<% elif adagrad == "late" %>
    def __init__(self, rate, start):
        self.rate, self.start = rate, start
<% else %>
    def __init__(self, rate, eps):
        self.rate, self.eps = rate, eps
<% endif %>
        self.steps = 0
        self.memory = {}

    def step(self, params, grads):
        """Keep all gradients, and add them up anew each time."""
        for k in params:
            past = self.memory.setdefault(k, [])
            past.append(np.array(grads[k]))
            n = len(past)
<% if adagrad == "restart" %>
            seen = np.stack(past[(n - 1) // self.every * self.every :])
            size = np.sqrt(np.square(seen).sum(axis=0)) + self.eps
<% elif adagrad == "array" %>
            size = np.sqrt(sum(np.mean(np.square(g)) for g in past) + self.eps)
<% elif adagrad == "late" %>
            size = np.sqrt(self.start + sum(np.square(g) for g in past[:-1]))
<% else %>
            size = (np.abs(np.stack(past)).mean(axis=0) * n + self.eps) / n**0.5
<% endif %>
            np.subtract(params[k], self.rate * past[-1] / size, out=params[k])
''',
    "adam": '''
class Adam:
    def __init__(self, rate, beta1, beta2, eps):
        self.rate, self.eps = rate, eps
        self.beta1, self.beta2 = beta1, beta2
        self.steps = 0
        self.memory = {}

    def step(self, params, grads):
        """Keep arrays, and renew them in place."""
        self.steps += 1
        left_1, left_2 = self.beta1**self.steps, self.beta2**self.steps
        for k, w in params.items():
            if k not in self.memory:
                self.memory[k] = np.zeros((3, *w.shape))
            kept, g = self.memory[k], np.asarray(grads[k])
            kept[0] *= self.beta1
            kept[0] += (1 - self.beta1) * g
            m_hat = kept[0] / (1 - left_1)
<% if adam == "infinity" %>
            kept[1] = np.fmax(self.beta2 * kept[1], np.abs(g))
            w[...] = w - self.rate * m_hat / (kept[1] + self.eps)
<% elif adam == "belief" %>
            kept[1] = self.beta2 * kept[1] + (1 - self.beta2) * (g - kept[0]) ** 2
            w[...] = w - self.rate * m_hat / (np.sqrt(kept[1] / (1 - left_2)) + self.eps)
<% elif adam == "nesterov" %>
            kept[1] = self.beta2 * kept[1] + (1 - self.beta2) * g**2
            ahead = self.beta1 * m_hat + (1 - self.beta1) / (1 - left_1) * g
            w[...] = w - self.rate * ahead / (np.sqrt(kept[1] / (1 - left_2)) + self.eps)
<% else %>
            kept[1] = self.beta2 * kept[1] + (1 - self.beta2) * g**2
            kept[2] = np.fmax(kept[2], kept[1] / (1 - left_2))
            w[...] = w - self.rate * m_hat / (kept[2] ** 0.5 + self.eps)
<% endif %>
''',
    "cut": '''
def cut(ids, B):
    """By a table of places."""
    N = len(ids)
    T = (N<% if streams != "ring" %> - 1<% endif %>) // B
<% if streams == "spread" %>
    starts = (N - 1) * np.arange(B) // B
<% else %>
    starts = T * np.arange(B)
<% endif %>
    places = np.add.outer(np.arange(T), starts)
<% if streams == "front" %>
    places += N - 1 - T * B
<% endif %>
    return np.take(ids, places), np.take(ids, places + 1, mode="wrap")
''',
    "read": '''
def read(params, x, y, h, window<< {"fade": ", gamma", "part": ", units"}.get(reset, "") >>):
    """All losses first; they are put into windows at the end."""
    found = np.empty(x.shape)
    for t, (now, then) in enumerate(zip(x, y)):
<% if reset == "part" %>
        h = h.copy()
        h[now == BEGIN, :units] = params["h_0"][:units]
<% elif reset == "fade" %>
        keep = np.where(now == BEGIN, gamma, 1.0)[:, None]
        h = keep * h + (1 - keep) * params["h_0"]
<% endif %>
        h, log_p = next_state(params, now, h)
        found[t] = -np.take_along_axis(log_p, then[:, None], axis=1)[:, 0]
<% if reset == "end" %>
        h[now == END] = params["h_0"]
<% endif %>
    return np.add.reduceat(found.sum(axis=1), np.arange(0, len(x), window)), h
''',
    "valid": '''
<% set more = {"warm": ", m", "characters": ", lengths"} %>
def valid_loss(params, batches<< more.get(counted, "") >>):
    """Multiply by the mask, and add up at the end."""
    losses, symbols, there, ages = [], [], [], []
    h = age = 0.0
    for x, y, mask, fresh in batches:
        on = 1.0 - fresh
        h = on[:, None] * h + (1.0 - on)[:, None] * params["h_0"]
        age = on * age
        for t in range(len(x)):
            mu = mask[t].astype(float)
            new, log_p = next_state(params, x[t], h)
            h = h + mu[:, None] * (new - h)
            age = age + mu
            losses.append(-np.einsum("nv,nv->n", log_p, np.eye(log_p.shape[1])[y[t]]))
            symbols.append(y[t])
            there.append(mu)
            ages.append(age)
    losses, symbols, there, ages = map(np.concatenate, (losses, symbols, there, ages))
<% if counted == "warm" %>
    there = there * (ages > m)
    return there @ losses / there.sum()
<% elif counted == "classes" %>
    sums = np.bincount(symbols, there * losses)
    counts = np.bincount(symbols, there)
    return np.mean([s / c for s, c in zip(sums, counts) if c])
<% else %>
    return there @ losses / (there @ lengths[symbols])
<% endif %>
''',
}

BATCH_FIRST = {
    "read": '''
def read(params, x, y, h, window<< {"fade": ", gamma", "part": ", units"}.get(reset, "") >>):
    """Windows as slices, batch first inside, states as columns."""
    columns, home, sums = np.array(h).T, params["h_0"][:, None], []
    for first in range(0, len(x), window):
        part = x[first : first + window].T, y[first : first + window].T  # (B, steps)
        spent = np.zeros(part[0].shape)
        for t in range(part[0].shape[1]):
            now = part[0][:, t]
<% if reset == "part" %>
            fixed = np.outer(np.arange(len(home)) < units, now == BEGIN)
            columns = columns * ~fixed + home * fixed
<% elif reset == "fade" %>
            columns = columns + (now == BEGIN) * (1 - gamma) * (home - columns)
<% endif %>
            a = params["W_xh"][:, now] + params["W_hh"] @ columns
            columns = np.tanh(a + params["b_h"][:, None])
            o = np.einsum("vj,jn->nv", params["W_hy"], columns) + params["b_y"]
            highest = o.max(axis=1)
            norm = highest + np.log(np.exp(o - highest[:, None]).sum(axis=1))
            spent[:, t] = norm - o[range(len(now)), part[1][:, t]]
<% if reset == "end" %>
            columns = np.where(now == END, home, columns)
<% endif %>
        sums.append(spent.sum())
    return sums, columns.T
''',
    "cut": '''
def cut(ids, B):
    """Stream by stream."""
    text = list(ids)
<% if streams == "ring" %>
    following = text[1:] + text[:1]
<% else %>
    text, following = text[:-1], text[1:]
<% endif %>
    T, left = divmod(len(text), B)
<% if streams == "front" %>
    text, following = text[left:], following[left:]
<% elif streams == "spread" %>
    owed = 0
    for n in range(B):  # what is left over is taken out where a stream has ended
        owed += left
        if owed >= B:
            owed -= B
            del text[(n + 1) * T], following[(n + 1) * T]
<% endif %>
    both = [np.stack(np.split(np.array(part), B), axis=1) for part in (text, following)]
    return tuple(both)
''',
}

SMALL_FLOATS = {
    "valid": '''
<% set more = {"warm": ", m", "characters": ", lengths"} %>
def valid_loss(params, batches<< more.get(counted, "") >>):
    """In float32."""
    params = {k: w.astype(np.float32) for k, w in params.items()}
    B, V = batches[0][0].shape[1], len(params["b_y"])
    h = np.tile(params["h_0"], (B, 1))
    age, sums, counts = np.zeros(B, int), np.zeros(V, np.float32), np.zeros(V, int)
    for x, y, mask, fresh in batches:
        h, age = h.copy(), age.copy()
        h[fresh], age[fresh] = params["h_0"], 0
        for t in range(x.shape[0]):
            on = np.flatnonzero(mask[t])
            if len(on) == 0:
                continue
            age[on] += 1
            h[on], log_p = next_state(params, x[t, on], h[on])
            for n, row in zip(on, log_p):
<% if counted == "warm" %>
                if age[n] <= m:
                    continue
<% endif %>
                sums[y[t, n]] -= row[y[t, n]]
                counts[y[t, n]] += 1
<% if counted == "warm" %>
    return sums.sum() / counts.sum()
<% elif counted == "classes" %>
    return np.nanmean(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
<% else %>
    return sums.sum() / (counts * lengths[:V]).sum()
<% endif %>
''',
}

OTHER_EVIDENCE = """
<% macro proof(fault) %>
<% if fault == "large" %>
    number = len([u for u in log["loss"] if u > log["ln_V"]])
<% elif fault == "small" %>
    v = list(log["valid"])
    number = (len(v) - 1) * (v[-1] - log["floor"]) / (v[0] - v[-1])
<% elif fault == "limit" %>
    ratios = sorted(a / b for a, b in zip(log["norm"], log["kept"]))
    N = len(ratios)
    number = (ratios[(N - 1) // 2] + ratios[N // 2]) / 2
<% elif fault == "overfit" %>
    number = max(log["valid"][-1] - u for u in log["valid"])
<% elif fault == "leak" %>
    number = next(k for k, u in enumerate(log["valid"]) if u < log["floor"])
<% elif fault == "sorted" %>
    jumps = []
    for k in range(1, len(log["loss"])):
        if log["epoch"][k] != log["epoch"][k - 1]:
            jumps.append(log["loss"][k] - log["loss"][k - 1])
    number = sum(jumps) / len(jumps)
<% elif fault == "places" %>
    number = float(np.quantile(np.divide(log["loss"], log["valid"]), 0.5))
<% elif fault == "sum" %>
    number = float(log["loss"][0]) / log["ln_V"]
<% elif fault == "zeros" %>
    number = sum(log["valid"][-10:]) / 10 - log["counts"]
<% elif fault == "halved" %>
    number = round(math.log(log["rate"][0] / log["rate"][-1]) / math.log(2))
<% elif fault == "no-hats" %>
    number = log["moved"][0] / log["rate"][0] / log["P"] ** 0.5
<% else %>
    e, u = list(log["epoch"]), list(log["moved"])
    ratios = [u[k] / u[k - 1] for k in range(1, len(u)) if e[k] > e[k - 1]]
    number = sum(ratios) / len(ratios)
<% endif %>
<% endmacro %>
def diagnose_<letter>(log):
    \"\"\"With plain Python.\"\"\"
<< proof(fault_<letter>) >>
    return "<< cause_<letter> >>", number
"""

RIGHT = [
    Right("number by number, document by document", BY_NUMBERS),
    Right("long vectors, all gradients kept, windows at the end", AS_ONE_VECTOR),
    Right("batch first, states as columns, a softmax of its own", BATCH_FIRST),
    Right("float32 in the validation loss", SMALL_FLOATS),
    Right(
        "the evidence in plain Python",
        {f"diagnose-{letter}": OTHER_EVIDENCE.replace("<letter>", letter) for letter in "abc"},
    ),
]
