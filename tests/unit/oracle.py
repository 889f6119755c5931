"""The recurrent networks once more, to test the library against: slow, readable, independent.

One number stands for one thing, time and batch are loops, and nothing is taken from rnnlib. The
derivatives are not derived at all: `autograd` finds them from the forward pass. Where the gradient
is truncated, each piece starts from a state that is a plain number, computed beforehand, so no
gradient can pass it.
"""

from dataclasses import dataclass, field, replace

import autograd.numpy as np
import numpy
from autograd import grad as derivative_of

BLOCKS = {"tanh": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class Case:
    """What a network is and what it is asked: everything that a loss depends on."""

    cell: str = "tanh"
    loss: str = "softmax"
    outputs: str = "all"
    reduction: str = "sum"
    initial: str = "zero"  # zero, given, learned, or learned but overridden by a given state
    reads: str = "ids"  # ids or vectors
    wants: str = "ids"  # with softmax: ids or distributions
    masked: bool = False
    truncation: str = "full"
    steps: int | None = None
    stride: int | None = None
    has_d_state: bool = False
    sizes: tuple = (4, 2, 3, 3, 4)  # T, B, D, H, V
    seed: int = 0
    params: dict = field(default=None, compare=False, repr=False)
    inputs: numpy.ndarray = field(default=None, compare=False, repr=False)
    targets: numpy.ndarray = field(default=None, compare=False, repr=False)
    state: numpy.ndarray = field(default=None, compare=False, repr=False)
    mask: numpy.ndarray = field(default=None, compare=False, repr=False)
    d_state: numpy.ndarray = field(default=None, compare=False, repr=False)

    @property
    def learned(self):
        return self.initial in ("learned", "overridden")

    @property
    def data(self):
        """The arguments of a network's method that say what it reads and what it should answer."""
        return {name: getattr(self, name) for name in ("inputs", "targets", "state", "mask")}

    @property
    def options(self):
        """The arguments that say how the gradient is taken."""
        names = ("truncation", "steps", "stride", "d_state")
        return {name: getattr(self, name) for name in names}

    @property
    def reading(self):
        """The arguments of the methods that know no target."""
        return {name: getattr(self, name) for name in ("inputs", "state", "mask")}

    def changed(self, **changes):
        """The same case but for the fields named."""
        return replace(self, **changes)


def build(case, RNN, **options):
    """The network of a case, as an object of the class under test, with the case's weights."""
    _, _, D, H, V = case.sizes
    model = RNN(
        D,
        H,
        V,
        cell=case.cell,
        loss=case.loss,
        outputs=case.outputs,
        reduction=case.reduction,
        initial_state="learned" if case.learned else "zero",
        rng=numpy.random.default_rng(0),
        **options,
    )
    assert {name: param.shape for name, param in model.params.items()} == {
        name: param.shape for name, param in case.params.items()
    }
    for name, param in model.params.items():
        param[...] = case.params[name]
    return model


# Random cases


def with_data(case):
    """The case with random weights and data, of the kinds and sizes it names."""
    T, B, D, H, V = case.sizes
    rng = numpy.random.default_rng(case.seed)
    state_shape = (2, B, H) if case.cell == "lstm" else (B, H)
    over_time = (B,) if case.outputs == "last" else (T, B)
    if case.loss == "softmax" and case.wants == "ids":
        targets = rng.integers(V, size=over_time)
    elif case.loss == "softmax":
        targets = rng.dirichlet(numpy.ones(V), size=over_time)
    elif case.loss == "sigmoid":
        targets = rng.random((*over_time, V))
    else:
        targets = rng.normal(size=(*over_time, V))
    ids, vectors = rng.integers(D, size=(T, B)), rng.normal(size=(T, B, D))
    state, d_state = rng.normal(size=(2, *state_shape))
    mask = rng.random((T, B)) < 0.6
    mask[rng.integers(T, size=B), range(B)] = True  # at least one step for every sequence
    return case.changed(
        params=random_params(case, rng),
        inputs=ids if case.reads == "ids" else vectors,
        targets=targets,
        state=state if case.initial in ("given", "overridden") else None,
        mask=mask if case.masked else None,
        d_state=d_state if case.has_d_state else None,
    )


def random_params(case, rng):
    """Weights from N(0, 1/H): small enough to learn, and so large that no gradient vanishes."""
    _, _, D, H, V = case.sizes
    blocks = BLOCKS[case.cell]
    shapes = {"W_xh": (blocks * H, D), "W_hh": (blocks * H, H), "b_h": (blocks * H,)}
    if case.cell == "gru":
        shapes["b_hn"] = (H,)
    shapes |= {"W_hy": (V, H), "b_y": (V,)}
    if case.learned:
        shapes["h_0"] = (H,)
        if case.cell == "lstm":
            shapes["c_0"] = (H,)
    return {name: rng.normal(size=shape) / numpy.sqrt(H) for name, shape in shapes.items()}


# The forward pass


def sigmoid(a):
    return (1 + np.tanh(a / 2)) / 2


def step(cell, params, x, h, c, nudge):
    """One sequence, one step: the next h and c. `nudge` is added to the pre-activations."""
    H = len(h)
    from_input = np.dot(params["W_xh"], x) + params["b_h"] + nudge
    from_state = np.dot(params["W_hh"], h)
    if cell == "tanh":
        return np.tanh(from_input + from_state), c
    if cell == "lstm":
        a = from_input + from_state
        i, f = sigmoid(a[0:H]), sigmoid(a[H : 2 * H])
        g, o = np.tanh(a[2 * H : 3 * H]), sigmoid(a[3 * H : 4 * H])
        c = f * c + i * g
        return o * np.tanh(c), c
    r = sigmoid(from_input[0:H] + from_state[0:H])
    z = sigmoid(from_input[H : 2 * H] + from_state[H : 2 * H])
    n = np.tanh(from_input[2 * H :] + r * (from_state[2 * H :] + params["b_hn"]))
    return (1 - z) * n + z * h, c


def loss_of_one(loss, o, y):
    """The loss of one answer, summed over its V outputs."""
    total = 0.0
    if loss == "softmax":
        largest = np.max(o)
        log_of_sum = largest + np.log(np.sum(np.exp(o - largest)))
        if np.ndim(y) == 0:
            return log_of_sum - o[int(y)]
        for v in range(len(y)):
            total = total + y[v] * (log_of_sum - o[v])
    elif loss == "sigmoid":
        for v in range(len(y)):
            total = total + np.logaddexp(0.0, o[v]) - y[v] * o[v]
    else:
        for v in range(len(y)):
            total = total + (o[v] - y[v]) ** 2
    return total


def pieces(case):
    """Where the gradient is cut: (first step it reaches, first loss, end of the losses) of each."""
    T, k, s = len(case.inputs), case.steps, case.stride
    if case.truncation == "full":
        return [(0, 0, T)]
    if case.truncation == "chunks":
        return [(start, start, min(start + k, T)) for start in range(0, T, k)]
    if case.truncation == "steps-back":
        return [(max(t - k, 0), t, t + 1) for t in range(T)]
    ends = [*range(s, T, s), T]
    return [(max(e - k, 0), b, e) for b, e in zip([0, *ends[:-1]], ends, strict=True)]


def scale(case):
    """What one answer's loss is multiplied by."""
    T, B = len(case.inputs), len(case.inputs[0])
    if case.reduction == "sum":
        return 1.0
    if case.outputs == "last":
        return 1.0 / B
    return 1.0 / (T * B if case.mask is None else numpy.sum(case.mask))


def variables_of(case):
    """All that is differentiated: parameters, inputs as vectors, and zeros that nudge the rest."""
    T, B = len(case.inputs), len(case.inputs[0])
    H, V = case.params["W_hh"].shape[1], len(case.params["b_y"])
    x = numpy.asarray(case.inputs)
    if x.ndim == 2:
        x = numpy.eye(case.params["W_xh"].shape[1])[x]
    return {
        "params": {name: numpy.asarray(param, float) for name, param in case.params.items()},
        "x": x.astype(float),
        "state": numpy.zeros((2, B, H)),
        "h": numpy.zeros((T + 1, B, H)),
        "a": numpy.zeros((T, B, BLOCKS[case.cell] * H)),
        "o": numpy.zeros((T, B, V)),
    }


def initial_state(case, variables, b):
    h = c = np.zeros(case.params["W_hh"].shape[1])
    if case.state is not None:
        h, c = case.state if case.cell == "lstm" else (case.state, 0 * case.state)
        h, c = h[b], c[b]
    elif case.learned:
        h = variables["params"]["h_0"]
        c = variables["params"].get("c_0", c)
    return h + variables["state"][0, b] + variables["h"][0, b], c + variables["state"][1, b]


def states_between(case, variables, b, start, end, h, c):
    """The pairs (h, c) of sequence b after steps start … end − 1, the one before them first."""
    path = [(h, c)]
    for t in range(start, end):
        if case.mask is None or case.mask[t, b]:
            nudge = variables["a"][t, b]
            h, c = step(case.cell, variables["params"], variables["x"][t, b], h, c, nudge)
        h = h + variables["h"][t + 1, b]
        path.append((h, c))
    return path


def answer(case, variables, h, t, b):
    return (
        np.dot(variables["params"]["W_hy"], h) + variables["params"]["b_y"] + variables["o"][t, b]
    )


def losses(case, variables, known):
    """The loss, and ⟨d_state, last state⟩; `known` are the numbers at which pieces start."""
    T, B = len(case.inputs), len(case.inputs[0])
    loss, arriving = 0.0, 0.0
    for b in range(B):
        for start, begin, end in pieces(case):
            h, c = initial_state(case, variables, b) if start == 0 else known[b][start]
            path = states_between(case, variables, b, start, end, h, c)
            for t in range(begin, end):
                h, c = path[t + 1 - start]
                if case.outputs == "last" and t == T - 1:
                    o = answer(case, variables, h, t, b)
                    loss = loss + scale(case) * loss_of_one(case.loss, o, case.targets[b])
                if case.outputs == "all" and (case.mask is None or case.mask[t, b]):
                    o = answer(case, variables, h, t, b)
                    loss = loss + scale(case) * loss_of_one(case.loss, o, case.targets[t, b])
            if end == T and case.d_state is not None:
                h, c = path[-1]
                if case.cell == "lstm":
                    arriving = arriving + np.sum(case.d_state[0, b] * h + case.d_state[1, b] * c)
                else:
                    arriving = arriving + np.sum(case.d_state[b] * h)
    return loss, arriving


# The answers


@dataclass(frozen=True)
class Result:
    """All that the library says about a case."""

    loss: float
    grads: dict
    last: numpy.ndarray
    h: numpy.ndarray
    o: numpy.ndarray
    do: numpy.ndarray
    dh: numpy.ndarray
    da: numpy.ndarray
    dx: numpy.ndarray
    d_state: numpy.ndarray


def solve(case):
    """Forward pass, loss and every gradient of a case."""
    T, B = len(case.inputs), len(case.inputs[0])
    variables = variables_of(case)
    known = [
        states_between(case, variables, b, 0, T, *initial_state(case, variables, b))
        for b in range(B)
    ]
    loss = losses(case, variables, known)[0]
    slopes = derivative_of(lambda moving: sum(losses(case, moving, known)))(variables)
    h = numpy.array([[known[b][t][0] for b in range(B)] for t in range(T + 1)])
    c = numpy.array([[known[b][t][1] for b in range(B)] for t in range(T + 1)])
    o = numpy.array(
        [[answer(case, variables, h[t + 1, b], t, b) for b in range(B)] for t in range(T)]
    )
    is_last, is_lstm = case.outputs == "last", case.cell == "lstm"
    return Result(
        loss=float(loss),
        grads=slopes["params"],
        last=numpy.array([h[-1], c[-1]]) if is_lstm else h[-1],
        h=h,
        o=o[-1] if is_last else o,
        do=slopes["o"][-1] if is_last else slopes["o"],
        dh=slopes["h"],
        da=slopes["a"],
        dx=slopes["x"],
        d_state=slopes["state"] if is_lstm else slopes["state"][0],
    )
