"""Wrong answers that must lose points in their question, and right ones that must not."""

from coursework.answers import Right, Wrong

ONE = "1. An honest split"
TWO = "2. Rivals that count"
THREE = "3. Temperature"
FOUR = "4. Bits of a network"
FIVE = "5. Your text, your network"

WRONG = [
    # --- 1. An honest split
    Wrong(
        "last round forgotten",
        ONE,
        "split",
        "range(0, len(text), around)",
        "range(0, len(text) - around + 1, around)",
    ),
    Wrong(
        "test for validation",
        ONE,
        "split",
        "(train, valid, test), pieces",
        "(train, test, valid), pieces",
    ),
    Wrong("test begins in validation", ONE, "split", "here[second:]", "here[second - 1 :]"),
    Wrong("trains on validation, too", ONE, "split", "here[:first]", "here[:second]"),
    Wrong("no validation", ONE, "split", "around - 2 * size", "around - size"),
    Wrong(
        "pieces joined over the gaps",
        ONE,
        "split",
        "return train, valid, test",
        'return train, valid, ["".join(test)]',
    ),
    Wrong("empty pieces", ONE, "split", "if piece:", "if piece is not None:"),
    Wrong("more often than least", ONE, "vocabulary", "n >= least", "n > least"),
    Wrong("counts pieces", ONE, "vocabulary", "in piece:", "in set(piece):"),
    Wrong(
        "ids by frequency",
        ONE,
        "vocabulary",
        "sorted(c for c, n in often.items() if n >= least)",
        "sorted((c for c, n in often.items() if n >= least), key=often.get)",
    ),
    Wrong(
        "unknown at its code point",
        ONE,
        "vocabulary",
        "[UNKNOWN, *sorted(c for c, n in often.items() if n >= least)]",
        "sorted([UNKNOWN] + [c for c, n in often.items() if n >= least])",
    ),
    Wrong(
        "unknown left out",
        ONE,
        "vocabulary",
        "[ids.get(character, 0) for character in text]",
        "[ids[character] for character in text if character in ids]",
    ),
    Wrong(
        "unknown behind all", ONE, "vocabulary", "(character, 0) for", "(character, len(ids)) for"
    ),
    Wrong("ids from 2", ONE, "vocabulary", "enumerate(symbols)", "enumerate(symbols, 1)"),
    # --- 2. Rivals that count
    Wrong(
        "over the borders",
        TWO,
        "count",
        "for piece in pieces:",
        "for piece in [np.concatenate(pieces)]:",
    ),
    Wrong("contexts too long", TWO, "count", "min(n - 1, t) + 1", "min(n, t) + 1"),
    Wrong("contexts too short", TWO, "count", "min(n - 1, t) + 1", "min(n - 1, t)"),
    Wrong(
        "only whole contexts",
        TWO,
        "count",
        "range(min(n - 1, t) + 1)",
        "[n - 1] if t >= n - 1 else []",
    ),
    Wrong("latest first", TWO, "count", "tuple(ids[t - k : t])", "tuple(ids[t - k : t][::-1])"),
    Wrong("forgets the latest", TWO, "probability", "context[1:]", "context[:-1]"),
    Wrong("no shorter context", TWO, "probability", "kappa * shorter)", "kappa / V)"),
    Wrong(
        "kappa for each symbol", TWO, "probability", "values()) + kappa)", "values()) + kappa * V)"
    ),
    Wrong(
        "gives back nothing",
        TWO,
        "probability",
        "sum(after.values()) + kappa)",
        "max(1, sum(after.values())))",
    ),
    Wrong(
        "the equation of the chapter",
        TWO,
        "probability",
        "return (after",
        "kappa = max(1, len(after))\n    return (after",
    ),
    Wrong("kinds for number", TWO, "probability", "sum(after.values())", "len(after)"),
    Wrong(
        "never seen: 1/V",
        TWO,
        "probability",
        "return (after",
        "return 1 / V if not after else (after",
    ),
    Wrong("writes into the counts", TWO, "probability", "counts.get(", "counts.setdefault("),
    Wrong("predicts the first", TWO, "bits", "range(1, len(ids))", "range(len(ids))"),
    Wrong("nats for bits", TWO, "bits", "np.log2", "np.log"),
    Wrong("minus nought", TWO, "bits", "ids[max(0, t - n + 1) : t]", "ids[:t][-(n - 1) :]"),
    Wrong("negative place", TWO, "bits", "ids[max(0, t - n + 1) : t]", "ids[t - n + 1 : t]"),
    Wrong("n symbols before", TWO, "bits", "max(0, t - n + 1)", "max(0, t - n)"),
    Wrong(
        "whole contexts only", TWO, "bits", "range(1, len(ids))", "range(max(1, n - 1), len(ids))"
    ),
    Wrong(
        "mean over pieces", TWO, "bits", "return total / predictions", "return total / len(pieces)"
    ),
    Wrong("the number of the page", TWO, "bits", "return total / predictions", "return 2.5"),
    # --- 3. Temperature
    Wrong("upside down", THREE, "log-chances", ") / temperature", ") * temperature"),
    Wrong(
        "overflow",
        THREE,
        "log-chances",
        "(o - o.max(axis=-1, keepdims=True)) / temperature",
        "o / temperature",
    ),
    Wrong(
        "one maximum for all rows", THREE, "log-chances", "o.max(axis=-1, keepdims=True)", "o.max()"
    ),
    Wrong("one sum for all rows", THREE, "log-chances", "sum(axis=-1, keepdims=True)", "sum()"),
    Wrong("sum along the first axis", THREE, "log-chances", "sum(axis=-1", "sum(axis=0"),
    Wrong(
        "logarithm at the end",
        THREE,
        "log-chances",
        "z - np.log(np.exp(z).sum(axis=-1, keepdims=True))",
        "np.log(np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True))",
    ),
    Wrong("q, not its logarithm", THREE, "log-chances", "return z - ", "return np.exp(z) / np.exp"),
    Wrong(
        "into the input",
        THREE,
        "log-chances",
        "z = (o - o",
        "o -= o.mean(-1, keepdims=True)\n    z = (o - o",
    ),
    Wrong(
        "same noise for all rows",
        THREE,
        "sample",
        "g = rng.gumbel(size=o.shape)",
        "g = rng.gumbel(size=o.shape[-1])",
    ),
    Wrong(
        "same noise for all symbols",
        THREE,
        "sample",
        "g = rng.gumbel(size=o.shape)",
        "g = rng.gumbel(size=(*o.shape[:-1], 1))",
    ),
    Wrong("another noise", THREE, "sample", "g = rng.gumbel", "g = rng.normal"),
    Wrong("noise with its sign turned", THREE, "sample", "o + temp", "o - temp"),
    Wrong("colder is louder", THREE, "sample", "temperature * g", "g / max(temperature, 1e-9)"),
    Wrong("divides by nought", THREE, "sample", "o + temperature * g", "o / temperature + g"),
    Wrong("temperature forgotten", THREE, "sample", "temperature * g", "g"),
    Wrong("along the first axis", THREE, "sample", "axis=-1", "axis=0"),
    Wrong("its own seed", THREE, "sample", "g = rng.", "g = np.random.default_rng(0)."),
    # --- 4. Bits of a network
    Wrong(
        "not carried",
        FOUR,
        "bits-of-network",
        "p, state = model.predict(x",
        "p, _ = model.predict(x",
    ),
    Wrong(
        "not reset",
        FOUR,
        "bits-of-network",
        "for piece in pieces:\n        inputs, targets, state = piece[:-1], piece[1:], None",
        "state = None\n    for piece in pieces:\n        inputs, targets = piece[:-1], piece[1:]",
    ),
    Wrong(
        "starts from zeros",
        FOUR,
        "bits-of-network",
        "piece[1:], None",
        "piece[1:], np.zeros((1, 1))",
    ),
    Wrong("nats", FOUR, "bits-of-network", "np.log2", "np.log"),
    Wrong(
        "a target lost in each window",
        FOUR,
        "bits-of-network",
        "x, y = inputs[begin : begin + window], targets[begin : begin + window]",
        "x, y = piece[begin : begin + window][:-1], piece[begin : begin + window][1:]",
    ),
    Wrong(
        "last window dropped",
        FOUR,
        "bits-of-network",
        "range(0, len(inputs), window)",
        "range(0, len(inputs) - window + 1, window)",
    ),
    Wrong("first window only", FOUR, "bits-of-network", "len(inputs), window)", "1, window)"),
    Wrong(
        "windows overlap",
        FOUR,
        "bits-of-network",
        "len(inputs), window)",
        "len(inputs), -(-window // 2))",
    ),
    Wrong(
        "all in one call",
        FOUR,
        "bits-of-network",
        "for begin in range(0, len(inputs), window):\n"
        "            x, y = inputs[begin : begin + window], targets[begin : begin + window]",
        "for x, y in [(inputs, targets)]:",
    ),
    Wrong(
        "mean of window means",
        FOUR,
        "bits-of-network",
        "predictions += len(y)",
        "predictions += window",
    ),
    Wrong("counts what is read", FOUR, "bits-of-network", "0, y])", "0, x])"),
    # --- 5. Your text, your network
    Wrong("too short a text", FIVE, "my-text", "[:20_000]", "[:12_000]"),
    Wrong("lines, not a text", FIVE, "my-text", "[:20_000]", "[:20_000].splitlines()"),
    Wrong("one letter", FIVE, "my-text", 'rnnlib.corpus("book")[:20_000]', '"a" * 20_000'),
    Wrong("not trained", FIVE, "train", "epochs=16", "epochs=0"),
    Wrong("two epochs", FIVE, "train", "epochs=16", "epochs=2"),
    Wrong("far too fast", FIVE, "train", "rnnlib.Adam(0.008)", "rnnlib.Adam(3.0)"),
    Wrong(
        "hands back another network",
        FIVE,
        "train",
        "return model, history",
        "return rnnlib.RNN(V, 48, V, rng=rng), history",
    ),
    Wrong(
        "not trained, with a history made up",
        FIVE,
        "train",
        "return model, history",
        "model = rnnlib.RNN(V, 48, V, rng=rng)\n"
        "    loss = rnnlib.mean_loss(model, side_by_side(valid, 200))\n"
        "    history.train_loss[:] = history.validation_loss[:] = [loss] * 3\n"
        "    return model, history",
    ),
    Wrong("validates on training", FIVE, "train", "side_by_side(valid", "side_by_side(train"),
    Wrong(
        "one symbol too many", FIVE, "train", "rnnlib.RNN(V, 48, V,", "rnnlib.RNN(V + 1, 48, V + 1,"
    ),
    Wrong(
        "bits for nats",
        FIVE,
        "train",
        "return model",
        "history.validation_loss[:] = list(np.divide(history.validation_loss, np.log(2)))\n"
        "    return model",
    ),
]

RIGHT = [
    Right(
        "place by place, with tables",
        {
            "split": '''
def split_in_blocks(text, size, period):
    """By runs of places that belong to one part."""
    from itertools import groupby

    places = np.arange(len(text))
    owner = np.clip(places // size % period - (period - 3), 0, 2)
    parts = {0: [], 1: [], 2: []}
    for part, run in groupby(places, key=lambda i: int(owner[i])):
        run = list(run)
        parts[part].append(text[run[0] : run[-1] + 1])
    return parts[0], parts[1], parts[2]
''',
            "vocabulary": '''
def make_vocabulary(train, least):
    """By NumPy's unique, on code points."""
    points = np.frombuffer("".join(train).encode("utf-32-le"), dtype=np.uint32)
    kinds, often = np.unique(points, return_counts=True)
    return [UNKNOWN] + [chr(i) for i in kinds[often >= least]]


def encode(text, symbols):
    """By bisection: the symbols are sorted."""
    known = np.array([ord(symbol) for symbol in symbols[1:]])
    points = np.array([ord(character) for character in text])
    at = np.searchsorted(known, points)
    hit = known[np.minimum(at, len(known) - 1)] == points
    return np.where(hit, at + 1, 0).astype(np.int32)
''',
        },
    ),
    Right(
        "one character after the other",
        {
            "split": '''
def split_in_blocks(text, size, period):
    """A bucket for each character; a new piece whenever the bucket changes."""
    train, valid, test = [], [], []
    now, piece = train, ""
    for i in range(len(text)):
        r = (i // size) % period
        if r == period - 1:
            bucket = test
        elif r == period - 2:
            bucket = valid
        else:
            bucket = train
        if bucket is not now:
            now.append(piece)
            now, piece = bucket, ""
        piece += text[i]
    now.append(piece)
    return tuple(part for part in (train, valid, test))
''',
            "vocabulary": '''
def make_vocabulary(train, least):
    """With str.count."""
    whole = "".join(train)
    return [UNKNOWN] + sorted(c for c in set(whole) if whole.count(c) >= least)


def encode(text, symbols):
    """With list.index."""
    ids = np.zeros(len(text), dtype=int)
    for t, character in enumerate(text):
        if character in symbols[1:]:
            ids[t] = symbols.index(character)
    return ids
''',
        },
    ),
    Right(
        "Counters, and chances from the bottom up",
        {
            "count": '''
def count(pieces, n):
    """A Counter for each context, one length of n-gram after the other."""
    from collections import Counter, defaultdict

    counts = defaultdict(Counter)
    for size in range(1, n + 1):
        for piece in pieces:
            rows = [piece[i : len(piece) - size + i + 1].tolist() for i in range(size)]
            if len(piece) >= size:
                for gram in zip(*rows, strict=True):
                    counts[gram[:-1]][gram[-1]] += 1
    return counts
''',
            "probability": '''
def probability(counts, w, context, V, kappa):
    """No recursion: the empty context first."""
    chance = 1 / V
    for k in range(len(context) + 1):
        tail = tuple(context[len(context) - k :])
        if tail in counts:
            seen = counts[tail]
            N = sum(seen.values())
            share = seen[w] / N if w in seen else 0.0
            chance = N / (N + kappa) * share + kappa / (N + kappa) * chance
    return chance
''',
            "bits": '''
def bits_per_character(p, pieces, n):
    """A list of all surprises."""
    from math import log

    surprises = []
    for piece in pieces:
        context = ()
        for t, w in enumerate(piece.tolist()):
            if t:
                surprises.append(-log(p(w, context), 2))
            context = (*context, w)
            context = context[len(context) - (n - 1) :] if len(context) >= n else context
    return np.mean(surprises)
''',
        },
    ),
    Right(
        "logaddexp, and noise of the right strength",
        {
            "log-chances": '''
def log_chances(o, temperature):
    """NumPy adds the exponentials, two by two."""
    warm = o / temperature
    return warm - np.logaddexp.reduce(warm, axis=-1)[..., None]
''',
            "sample": '''
def sample(o, temperature, rng):
    """The generator scales the noise."""
    return (o + rng.gumbel(0.0, temperature, o.shape)).argmax(-1)
''',
        },
    ),
    Right(
        "noise on the chances, rows in a loop",
        {
            "log-chances": '''
def log_chances(o, temperature):
    """Row by row."""
    rows = np.reshape(o, (-1, o.shape[-1]))
    result = np.empty(rows.shape)
    for i, row in enumerate(rows):
        top = max(row)
        shifted = [(value - top) / temperature for value in row]
        total = sum(np.exp(value) for value in shifted)
        result[i] = [value - np.log(total) for value in shifted]
    return result.reshape(o.shape)
''',
            "sample": '''
def sample(o, temperature, rng):
    """By ln q + g, but for a temperature of 0."""
    g = rng.gumbel(size=o.shape)
    if temperature == 0:
        return np.argmax(o, axis=-1)
    return np.argmax(log_chances(o, temperature) + g, axis=-1)
''',
        },
    ),
    Right(
        "pieces of one length side by side, in float32",
        {
            "bits-of-network": '''
def bits_of_network(model, pieces, window):
    """Columns of equal length are read together."""
    surprises = []
    for length in sorted({len(piece) for piece in pieces} - {1}):
        table = np.stack([piece for piece in pieces if len(piece) == length], axis=1)
        state = None
        for begin in range(0, length - 1, window):
            end = min(begin + window, length - 1)
            p, state = model.predict(table[begin:end], state)
            told = np.take_along_axis(p, table[begin + 1 : end + 1, :, None], axis=2)
            surprises.append(-np.log2(told.astype(np.float32)).ravel())
    return np.concatenate(surprises).mean()
''',
        },
    ),
    Right(
        "one symbol after the other",
        {
            "bits-of-network": '''
def bits_of_network(model, pieces, window):
    """Every call has one step, which is at most a window."""
    nats = n = 0
    for piece in pieces:
        memory = None
        for i in range(1, len(piece)):
            answer, memory = model.predict(np.array([[piece[i - 1]]]), memory)
            nats = nats - np.log(answer[0, 0, piece[i]])
            n = n + 1
    return nats / n / np.log(2)
''',
        },
    ),
    Right(
        "a loop by hand, another cell, another optimiser",
        {
            "my-text": '''
def my_text():
    """Another part of the book's own."""
    return rnnlib.corpus("book")[-24_000:]
''',
            "train": '''
def train_network(train, valid, V, rng, stop):
    """Keep the weights of the best epoch oneself."""
    from types import SimpleNamespace

    model = rnnlib.RNN(V, 40, V, cell="gru", reduction="mean", rng=rng)
    optimizer, best = rnnlib.RMSProp(0.008), None
    train_loss, validation_loss = [], []
    data, held = side_by_side(train, 30), side_by_side(valid, 50)
    for epoch in range(9):
        losses, state = [], None
        for batch in data.epoch(None):
            state = None if batch.fresh else state
            loss, grads, state = model.loss_and_grads(batch.inputs, batch.targets, state)
            optimizer.step(model.params, rnnlib.clip_global_norm(grads, 1.0).grads)
            losses.append(loss)
        train_loss.append(np.mean(losses))
        validation_loss.append(rnnlib.mean_loss(model, held))
        if validation_loss[-1] == min(validation_loss):
            best = {name: array.copy() for name, array in model.params.items()}
    for name, array in best.items():
        model.params[name][...] = array
    return model, SimpleNamespace(train_loss=train_loss, validation_loss=validation_loss)
''',
        },
    ),
]
