"""The computational graph: each gate against finite differences, and forwards against backwards."""

import copy
import itertools

import autograd.numpy as anp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from autograd import grad
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import rnnlib
from rnnlib import graph, graphdraw, graphrnn, plots
from rnnlib.graph import Node, gradients, tangent
from rnnlib.graphrnn import GraphRNN

seeds = st.integers(0, 10_000)
sizes = st.integers(1, 4)


def leaves_of(rng, *shapes):
    return [Node(rng.normal(size=shape), f"x_{i}") for i, shape in enumerate(shapes)]


@st.composite
def gates(draw):
    """A gate and leaves that fit it: its name, what it computes, the leaves."""
    rng = np.random.default_rng(draw(seeds))
    m, n, k = draw(sizes), draw(sizes), draw(sizes)
    pair = draw(mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    ids = rng.integers(0, n, size=2 * n)  # more places than ids: some repeat
    start = draw(st.integers(0, m - 1))
    stop = draw(st.integers(start + 1, m))
    kinds = {
        "add": (lambda a, b: graph.add(a, b), pair),
        "subtract": (lambda a, b: a - b, pair),
        "multiply": (lambda a, b: graph.multiply(a, b), pair),
        "matmul": (lambda a, b: graph.matmul(a, b), ((m, n), (n, k))),
        "take": (lambda a: graph.take(a, ids), ((m, n),)),
        "rows": (lambda a: graph.rows(a, start, stop), ((m, k),)),
        "tanh": (lambda a: graph.tanh(a), ((m, n),)),
        "sigmoid": (lambda a: graph.sigmoid(a), ((m, n),)),
        "total": (lambda a: graph.total(a), ((m, n),)),
        "cross-entropy": (lambda a: graph.softmax_cross_entropy(a, ids), ((n, 2 * n),)),
    }
    name = draw(st.sampled_from(sorted(kinds)))
    compute, shapes = kinds[name]
    return name, compute, leaves_of(rng, *shapes), rng


def slope_by_differences(compute, leaves, directions, eps=1e-5):
    """How the result changes along the directions: central differences."""
    above = compute(*(Node(x.value + eps * u) for x, u in zip(leaves, directions, strict=True)))
    below = compute(*(Node(x.value - eps * u) for x, u in zip(leaves, directions, strict=True)))
    return (above.value - below.value) / (2 * eps)


def check_gate(compute, leaves, rng):
    """The forward rule against differences, the reverse rule against both."""
    result = compute(*leaves)
    v = rng.normal(size=result.value.shape)
    bars = gradients(result, leaves, seed=v)
    assert [bar.shape for bar in bars] == [x.value.shape for x in leaves]
    for i, x in enumerate(leaves):  # one operand at a time, so that no fault hides in a sum
        u = [np.zeros(y.value.shape) for y in leaves]
        u[i] = rng.normal(size=x.value.shape)
        measured = slope_by_differences(compute, leaves, u)
        forward = tangent(result, {x: u[i]})
        assert forward.shape == result.value.shape
        assert np.allclose(forward, measured, rtol=1e-7, atol=1e-8)
        assert np.vdot(v, measured) == pytest.approx(np.vdot(bars[i], u[i]), rel=1e-7, abs=1e-7)
        assert np.vdot(v, forward) == pytest.approx(np.vdot(bars[i], u[i]), rel=1e-11, abs=1e-11)


@given(gates())
def test_both_rules_of_each_gate_agree_with_differences_and_with_each_other(gate):
    _, compute, leaves, rng = gate
    check_gate(compute, leaves, rng)


@given(seeds, st.integers(1, 12))
def test_forward_and_reverse_mode_agree_on_random_graphs_with_shared_nodes(seed, length):
    rng = np.random.default_rng(seed)
    leaves = leaves_of(rng, (3, 3), (3, 1), (3, 3))
    nodes = list(leaves[::2])
    for _ in range(length):
        a, b = (nodes[i] for i in rng.integers(0, len(nodes), size=2))
        made = [a + b, a - b, a * b, graph.tanh(a @ b), graph.sigmoid(a + leaves[1])]
        nodes.append(made[rng.integers(len(made))] * 0.5)
    directions = {x: rng.normal(size=x.value.shape) for x in leaves}
    v = rng.normal(size=(3, 3))
    bars = gradients(nodes[-1], leaves, seed=v)
    forwards = np.vdot(v, tangent(nodes[-1], directions))
    backwards = sum(np.vdot(bar, directions[x]) for bar, x in zip(bars, leaves, strict=True))
    assert forwards == pytest.approx(backwards, rel=1e-10, abs=1e-10)


@given(seeds, st.integers(1, 6))
def test_a_node_used_several_times_gets_the_sum_of_what_its_uses_give(seed, uses):
    rng = np.random.default_rng(seed)
    x, *factors = leaves_of(rng, *[(2, 3)] * (uses + 1))
    output = graph.total(sum((x * f for f in factors), start=Node(0.0)))
    (bar,) = gradients(output, [x])
    assert np.allclose(bar, sum(f.value for f in factors), rtol=1e-14, atol=1e-14)
    (bar,) = gradients(graph.total(x * x), [x])
    assert np.array_equal(bar, 2 * x.value)


def test_by_hand():
    w, x = Node(2.0, "w"), Node(3.0, "x")
    inner = w * x
    assert [g.item() for g in gradients(inner * inner + w, [w, x, inner])] == [37, 24, 12]
    assert tangent(inner * inner + w, {w: 1.0}).item() == 37
    assert (1 - x).value == -2
    assert (np.ones((2, 2)) @ Node(np.ones((2, 1)))).value.tolist() == [[2], [2]]
    assert (np.ones(2) * x + [0, 1]).value.tolist() == [3, 4]


def test_what_the_output_does_not_depend_on_has_gradient_zero():
    a, b = Node([1.0, 2.0]), Node(5.0)
    bars = gradients(graph.total(a), [b, a, a])
    assert [bar.tolist() for bar in bars] == [0, [1, 1], [1, 1]]
    assert not np.shares_memory(bars[1], bars[2])
    assert tangent(graph.total(a), {b: 1.0}) == 0


def test_columns_taken_twice_get_both_contributions():
    W = Node(np.zeros((2, 3)))
    (bar,) = gradients(graph.total(graph.take(W, [1, 1, 0])), [W])
    assert bar.tolist() == [[1, 2, 0], [1, 2, 0]]


def test_saturated_gates_stay_finite():
    o = Node([[1000.0], [-1000.0]])
    right, wrong = (graph.softmax_cross_entropy(o, [y]) for y in (0, 1))
    assert (right.value, wrong.value) == (0, 2000)
    assert gradients(wrong, [o])[0].tolist() == [[1], [-1]]
    with np.errstate(all="raise", under="ignore"):
        assert graph.sigmoid(Node([-1000.0, 0, 1000])).value.tolist() == [0, 0.5, 1]


def test_a_graph_of_many_steps_meets_no_limit():
    x, w = Node(0.5), Node(0.999)
    h = x
    for _ in range(5000):
        h = w * h
    assert gradients(h, [x])[0] == pytest.approx(0.999**5000, rel=1e-10)
    assert tangent(h, {w: 1.0}) == pytest.approx(5000 * 0.999**4999 * 0.5, rel=1e-10)
    assert graph.graph_size(h) == {"leaves": 2, "gates": 5000, "edges": 10000, "numbers": 5000}
    del h  # is taken apart without a limit, too


@given(gates())
def test_operands_come_before_the_gates_that_use_them(gate):
    _, compute, leaves, _ = gate
    output = graph.tanh(compute(*leaves))
    order = graph.topological_order(output)
    assert order[-1] is output
    assert len(set(order)) == len(order)
    for place, node in enumerate(order):
        assert all(order.index(edge.operand) < place for edge in node.edges)


def test_values_are_read_only_and_results_are_the_callers():
    given_array = np.ones((2, 2))
    x = Node(given_array)
    given_array += 1
    assert np.all(x.value == 1)
    output = graph.total(x + x)
    for node in graph.topological_order(output):
        with pytest.raises(ValueError, match="read-only"):
            node.value[...] = 0
    first = gradients(output, [x])[0]
    first += 100
    assert np.all(gradients(output, [x])[0] == 2)
    seed = np.ones((2, 2))
    assert not np.shares_memory(gradients(x, [x], seed)[0], seed)
    assert not np.shares_memory(tangent(x, {x: seed}), seed)


# The network

NAMES = ["W_xh", "W_hh", "b_h", "W_hy", "b_y"]


def parameters(rng, D, H, V):
    shapes = [(H, D), (H, H), (H,), (V, H), (V,)]
    return {n: rng.normal(size=s) for n, s in zip(NAMES, shapes, strict=True)}


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(seeds))
    D, H, V, T, B = (draw(st.integers(1, 5)) for _ in range(5))
    x, y = rng.integers(0, D, size=(T, B)), rng.integers(0, V, size=(T, B))
    return parameters(rng, D, H, V), x, y, rng.normal(size=(B, H))


def loss_in_rows(params, x, y, state):
    """The same network, written with the batch in rows and one-hot vectors, for autograd."""
    W_xh, W_hh, b_h, W_hy, b_y = (params[n] for n in NAMES)
    h, loss = state, 0.0
    for ids, targets in zip(x, y, strict=True):
        h = anp.tanh(np.eye(W_xh.shape[1])[ids] @ W_xh.T + h @ W_hh.T + b_h)
        o = h @ W_hy.T + b_y
        loss = loss + anp.sum(anp.log(anp.sum(anp.exp(o), axis=1)))
        loss = loss - anp.sum(o * np.eye(len(b_y))[targets])
    return loss


@given(problems())
def test_the_network_agrees_with_autograd(problem):
    params, x, y, h_0 = problem
    model = GraphRNN(params)
    loss, grads, state = model.loss_and_grads(x, y, h_0)
    assert loss == pytest.approx(loss_in_rows(*problem), rel=1e-12, abs=1e-12)
    wanted = grad(loss_in_rows)(*problem)
    assert list(grads) == list(model.params)
    for name in NAMES:
        assert grads[name].shape == params[name].shape
        assert np.allclose(grads[name], wanted[name], rtol=1e-10, atol=1e-12), name
    L, _, h = model.build(x, y, h_0)
    by_state = grad(loss_in_rows, 3)(*problem)
    assert np.allclose(gradients(L, [h[0]])[0].T, by_state, rtol=1e-10, atol=1e-12)
    assert np.array_equal(h[-1].value.T, state)


@given(problems())
def test_a_sequence_in_two_parts_with_the_state_carried_has_the_same_loss(problem):
    params, x, y, h_0 = problem
    model = GraphRNN(params)
    x, y = np.concatenate([x, x]), np.concatenate([y, y])
    whole, _, last = model.loss_and_grads(x, y, h_0)
    T = len(x) // 2
    first, _, carried = model.loss_and_grads(x[:T], y[:T], h_0)
    second, _, state = model.loss_and_grads(x[T:], y[T:], carried)
    assert first + second == pytest.approx(whole, rel=1e-12, abs=1e-12)
    assert np.allclose(state, last, rtol=1e-14, atol=1e-14)


@given(problems())
def test_forward_mode_on_the_network_agrees_with_reverse_mode(problem):
    params, x, y, h_0 = problem
    L, leaves, h = GraphRNN(params).build(x, y, h_0)
    nodes = [*leaves.values(), h[0]]
    rng = np.random.default_rng(0)
    u = {node: rng.normal(size=node.value.shape) for node in nodes}
    backwards = sum(np.vdot(g, u[n]) for n, g in zip(nodes, gradients(L, nodes), strict=True))
    assert tangent(L, u) == pytest.approx(backwards, rel=1e-10, abs=1e-10)


def case():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 4, size=(6, 3)), rng.integers(0, 5, size=(6, 3))
    return GraphRNN(parameters(rng, 4, 3, 5)), x, y, rng.normal(size=(3, 3))


def test_the_network_passes_the_check_by_finite_differences():
    model, x, y, h_0 = case()
    rnnlib.check_gradients(model, x, y)
    rnnlib.check_gradients(model, x, y, state=h_0)


def test_the_network_without_a_state_starts_at_zero():
    model, x, y, _ = case()
    given_state = model.loss_and_grads(x, y, np.zeros((3, 3)))
    default = model.loss_and_grads(x, y)
    assert type(default[0]) is float
    assert default[0] == given_state[0]
    assert np.array_equal(default[2], given_state[2])


def test_nothing_given_is_changed_and_nothing_returned_changes_later():
    model, x, y, h_0 = case()
    params = {name: p.copy() for name, p in model.params.items()}
    shared = GraphRNN(params)
    for array in (x, y, h_0, *shared.params.values()):
        array.flags.writeable = False
    _, grads, state = shared.loss_and_grads(x, y, h_0)
    before = copy.deepcopy((grads, state))
    assert not any(np.shares_memory(shared.params[n], params[n]) for n in params)
    for param in model.params.values():
        param += 1
    model.loss_and_grads(x, y, h_0)
    again = shared.loss_and_grads(x, y, h_0)
    for name, g in grads.items():
        assert np.array_equal(g, before[0][name])
        assert np.array_equal(g, again[1][name])
        assert not np.shares_memory(g, again[1][name])
        g += 1  # the caller's to keep
    assert np.array_equal(state, before[1])
    state += 1


# Faults that are planted must be found


def matmul_without_transpose(A, B):
    edges = [
        graph.Edge(A, lambda u: u @ B.value, lambda v: v @ B.value.T),
        graph.Edge(B, lambda u: A.value @ u, lambda v: A.value @ v),  # fits where A is square
    ]
    return Node(A.value @ B.value, sign="@", edges=edges)


def tanh_with_wrong_slope(a):
    h = np.tanh(a.value)
    rule = lambda u: (1 + h**2) * u  # noqa: E731
    return Node(h, sign="tanh", edges=[graph.Edge(a, rule, rule)])


def take_that_assigns(W, ids):
    def reverse(v):
        W_bar = np.zeros(W.value.shape)
        W_bar[:, ids] = v
        return W_bar

    return Node(W.value[:, ids], sign="take", edges=[graph.Edge(W, lambda u: u[:, ids], reverse)])


def copies_not_summed(v, operand):
    return v[:, :1] if operand.value.shape != v.shape else v


def gradients_that_assign(output, wrt, seed=None):
    bar = {output: np.array(1.0)}
    for node in reversed(graph.topological_order(output)):
        for edge in node.edges:
            bar[edge.operand] = edge.reverse(bar[node])  # should add to what is there
    return [bar[node] for node in wrt]


FAULTS = {
    "gradients": gradients_that_assign,
    "matmul": matmul_without_transpose,
    "tanh": tanh_with_wrong_slope,
    "take": take_that_assigns,
    "_sum_copies": copies_not_summed,
}


@pytest.mark.parametrize("gate", FAULTS)
def test_a_planted_fault_is_found(gate, monkeypatch):
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 3, size=(6, 3)), rng.integers(0, 3, size=(6, 3))
    model = GraphRNN(parameters(rng, 3, 3, 3))
    rnnlib.check_gradients(model, x, y)
    for module in (graph, graphrnn):
        if hasattr(module, gate):
            monkeypatch.setattr(module, gate, FAULTS[gate])
    with pytest.raises(AssertionError, match="finite differences say"):
        rnnlib.check_gradients(model, x, y)


# Bad input

ID = np.zeros((2, 2), dtype=int)
BAD_CALLS = {
    "inputs: expected whole": (TypeError, lambda m: m.loss_and_grads(ID + 0.5, ID)),
    "inputs: expected ids with 2 axes": (ValueError, lambda m: m.loss_and_grads(ID[0], ID)),
    "inputs: expected at least one": (ValueError, lambda m: m.loss_and_grads(ID[:0], ID)),
    "inputs: expected ids from 0 to 3, got 4": (
        ValueError,
        lambda m: m.loss_and_grads(ID + 4, ID),
    ),
    "targets: expected ids from 0 to 4, got -1": (
        ValueError,
        lambda m: m.loss_and_grads(ID, ID - 1),
    ),
    "targets: expected the shape": (ValueError, lambda m: m.loss_and_grads(ID, ID[:1])),
    "state: expected shape (2, 3)": (
        ValueError,
        lambda m: m.loss_and_grads(ID, ID, np.ones((3, 2))),
    ),
    "state: expected finite": (
        ValueError,
        lambda m: m.loss_and_grads(ID, ID, np.full((2, 3), np.nan)),
    ),
    "params: expected the names": (ValueError, lambda m: GraphRNN({"W": 1.0})),
    "params['b_h']: expected shape (3,)": (
        ValueError,
        lambda m: GraphRNN(m.params | {"b_h": np.ones(2)}),
    ),
    "params['W_hh']: expected real": (TypeError, lambda m: GraphRNN(m.params | {"W_hh": "w"})),
    "w: expected finite": (ValueError, lambda m: Node(np.inf, "w")),
    "+: expected shapes that fit": (ValueError, lambda m: Node([1, 2]) + np.ones(3)),
    "×: expected shapes that fit": (ValueError, lambda m: Node([1, 2]) * np.ones(3)),
    "@: expected shapes (m, n)": (ValueError, lambda m: Node([[1, 2]]) @ [[1, 2]]),
    "W: expected a matrix": (ValueError, lambda m: graph.take(Node([1.0]), [0])),
    "ids: expected ids from 0": (ValueError, lambda m: graph.take(Node([[1.0]]), [1])),
    "o: expected a matrix": (
        ValueError,
        lambda m: graph.softmax_cross_entropy(Node([1.0]), [0]),
    ),
    "targets: expected 1 ids, got 2": (
        ValueError,
        lambda m: graph.softmax_cross_entropy(Node([[1.0]]), [0, 0]),
    ),
    "rows: expected": (ValueError, lambda m: graph.rows(Node([[1.0]]), 0, 2)),
    "output: expected a node": (TypeError, lambda m: gradients(1.0, [])),
    "output: expected one number": (ValueError, lambda m: gradients(Node([1.0]), [])),
    "wrt: expected a node": (TypeError, lambda m: gradients(Node(1.0), ["w"])),
    "seed: expected shape": (ValueError, lambda m: gradients(Node([1.0]), [], [1, 2])),
    "directions: expected a node": (TypeError, lambda m: tangent(Node(1.0), {"w": 1})),
    "directions: expected shape": (
        ValueError,
        lambda m: (lambda x: tangent(x, {x: [1, 2]}))(Node([1.0])),
    ),
}


@pytest.mark.parametrize("message", BAD_CALLS)
def test_bad_input_is_refused_by_its_name(message):
    error, call = BAD_CALLS[message]
    model = case()[0]
    with pytest.raises(error) as caught:
        call(model)
    assert str(caught.value).startswith(message)
    assert "got" in str(caught.value)


def test_a_parameter_that_has_diverged_is_refused():
    model = case()[0]
    model.params["W_hh"][0, 0] = np.nan
    with pytest.raises(ValueError, match=r"^W_hh: expected finite numbers, got nan"):
        model.loss_and_grads(ID, ID)


# The drawing


@pytest.fixture
def ax():
    """Axes in the style of the book; afterwards the style is put back and the figure closed."""
    with plt.rc_context():
        plots.use_style()
        figure, axes = plt.subplots(figsize=(6, 3.6))
        yield axes
        plt.close(figure)


def network_graph(T):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, size=(T, 1))
    return GraphRNN(parameters(rng, 4, 3, 4)).build(x, x)[0]


@pytest.mark.parametrize("T", [1, 2, 3])
def test_nothing_in_the_drawing_lies_on_something_else(ax, T):
    L = network_graph(T)
    places = graphdraw.graph_layout(L)
    assert set(places) == set(graph.topological_order(L))
    for a, b in itertools.combinations(places.values(), 2):
        assert np.hypot(*np.subtract(a, b)) >= 1  # a circle is 0.72 wide
    graphdraw.draw_graph(ax, L)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    frame = ax.figure.bbox
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


@pytest.mark.parametrize("T", [1, 2, 3])
def test_no_line_runs_through_a_node(T):
    L = network_graph(T)
    places = graphdraw.graph_layout(L)
    for gate in places:
        for edge in gate.edges:
            stops = [places[edge.operand], places[gate]]
            if edge.operand.edges and stops[1][0] - stops[0][0] > 1 and stops[0][1] != stops[1][1]:
                stops.insert(1, (stops[1][0], stops[0][1]))
            for start, end in itertools.pairwise(map(np.array, stops)):
                for other in set(places) - {gate, edge.operand}:
                    steps = np.linspace(start, end, 200) - places[other]
                    assert np.min(np.hypot(*steps.T)) > 0.4


def test_leaves_are_squares_and_gates_are_circles_with_their_sign(ax):
    L = network_graph(2)
    graphdraw.draw_graph(ax, L)
    kinds = [type(patch).__name__ for patch in ax.patches]
    size = graph.graph_size(L)
    assert kinds.count("FancyBboxPatch") == size["leaves"] == 6
    assert kinds.count("Circle") == size["gates"] == 17
    assert kinds.count("FancyArrowPatch") == size["edges"]
    texts = [text.get_text() for text in ax.texts]
    assert [texts.count(sign) for sign in ("@", "+", "tanh", "CE", "take")] == [4, 7, 2, 2, 2]
    assert {"$W_{xh}$", "$h_{2}$", "$W_{xh} x_{2}$", "$L$"} <= set(texts)


@pytest.mark.parametrize("step", [0, 1, 9, 23])
def test_the_reverse_sweep_is_red_as_far_as_it_has_come(ax, step):
    L = network_graph(2)
    graphdraw.draw_graph(ax, L, step=step)
    red = plt.matplotlib.colors.to_rgba(plots.COLORS["red"])
    shapes = [p for p in ax.patches if type(p).__name__ != "FancyArrowPatch"]
    assert sum(p.get_edgecolor() == red for p in shapes) == step
    arrows = [p for p in ax.patches if type(p).__name__ == "FancyArrowPatch"]
    reached = graph.topological_order(L)[::-1][:step]
    assert sum(p.get_edgecolor() == red for p in arrows) == sum(len(n.edges) for n in reached)


def test_notes_and_small_graphs(ax):
    w, x = Node(2.0, "w"), Node(3.0)
    product = w * x
    graphdraw.draw_graph(ax, product, notes={product: "six"})
    assert {"six", "$w$", "3", "×"} <= {text.get_text() for text in ax.texts}
    graphdraw.draw_graph(ax, w)  # a leaf alone
    graphdraw.draw_graph(ax, w * w)  # a leaf used twice by one gate


def test_the_drawing_refuses_what_is_not_there(ax):
    w = Node(2.0, "w")
    with pytest.raises(ValueError, match=r"^step: expected a step from 0 to 1, got 2$"):
        graphdraw.draw_graph(ax, w, step=2)
    with pytest.raises(ValueError, match=r"^notes: expected"):
        graphdraw.draw_graph(ax, w, notes={Node(1.0): "other"})
    with pytest.raises(TypeError, match=r"^output: expected a node"):
        graphdraw.draw_graph(ax, 3)
