"""A computational graph: small gates, each with its rule forwards and its rule backwards.

A gate is a function that makes a node of nodes. Numbers and arrays are taken for leaves. Shapes
that do not fit are a ValueError, and so are ids out of range; ids that are not whole numbers are
a TypeError. In the rules, ȧ is a change of a, and ā the derivative of the last node by a.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from rnnlib.checks import finite_array, token_ids

__all__ = [
    "Edge",
    "Node",
    "add",
    "gradients",
    "graph_size",
    "matmul",
    "multiply",
    "rows",
    "sigmoid",
    "softmax_cross_entropy",
    "take",
    "tangent",
    "tanh",
    "topological_order",
    "total",
]


class Edge(NamedTuple):
    """One operand of a gate, and the gate's Jacobian J = ∂(result)/∂(operand) as two rules.

        forward(u) = J u     a change of the operand, carried on to the result
        reverse(v) = Jᵀ v    a derivative by the result, carried back to the operand

    Chapter: *computational-graph*.
    """

    operand: Node
    forward: Callable[[np.ndarray], np.ndarray]
    reverse: Callable[[np.ndarray], np.ndarray]


class Node:
    """A value in the graph: a leaf, or the result of a gate. `+ - * @` make new nodes.

    Arguments
        value  a finite number or array; copied, and read-only from then on
        name   what the drawing and the messages call it
        sign   of the gate that made it, for the drawing; a leaf has none
        edges  the operands of that gate; a leaf has none

    Attributes
        depth  0 for a leaf, else 1 + the largest depth of an operand

    Errors
        TypeError, ValueError  a leaf that is not made of finite numbers

    Chapter: *computational-graph*.
    """

    __array_ufunc__ = None  # so that array * node asks the node

    def __init__(
        self,
        value: object,
        name: str = "",
        sign: str = "",
        edges: Iterable[Edge] = (),
    ) -> None:
        self.name, self.sign, self.edges = name, sign, tuple(edges)
        if not self.edges:
            value = finite_array(name or "value", value, ndim=(0, 1, 2, 3))
        self.value = np.asarray(value)
        self.value.flags.writeable = False
        self.depth = max((e.operand.depth + 1 for e in self.edges), default=0)

    def named(self, name: str) -> Node:
        """Give the node a name, and return it."""
        self.name = name
        return self

    def __repr__(self) -> str:
        kind = self.sign or "leaf"
        return f"Node({self.name or kind!r}, {kind}, shape {self.value.shape})"

    def __add__(self, other: object) -> Node:
        return add(self, other)

    def __mul__(self, other: object) -> Node:
        return multiply(self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Node:
        return multiply(self, -1.0)

    def __sub__(self, other: object) -> Node:
        return add(self, -_node(other))

    def __rsub__(self, other: object) -> Node:
        return add(-self, other)

    def __matmul__(self, other: object) -> Node:
        return matmul(self, other)

    def __rmatmul__(self, other: object) -> Node:
        return matmul(other, self)


# --- Gates: in an Edge, u is the change of the operand, v the derivative by c ---


def add(a: Node, b: Node) -> Node:
    """The sum c = a + b. What is copied to fit (a bias, to every column) gets a sum back.

        forward  ċ = ȧ + ḃ
        reverse  ā = c̄,   b̄ = c̄    (summed over the copies)

    Chapter: *computational-graph*.
    """
    a, b = _operands("+", a, b)
    shape = np.broadcast_shapes(a.value.shape, b.value.shape)

    def copied(u: np.ndarray) -> np.ndarray:
        """To the shape of c."""
        return np.broadcast_to(u, shape)

    edges = [
        Edge(a, copied, lambda v: _sum_copies(v, a)),
        Edge(b, copied, lambda v: _sum_copies(v, b)),
    ]
    return Node(a.value + b.value, sign="+", edges=edges)


def multiply(a: Node, b: Node) -> Node:
    """The product entry by entry, c = a ⊙ b.

        forward  ċ = ȧ ⊙ b + a ⊙ ḃ
        reverse  ā = c̄ ⊙ b,   b̄ = c̄ ⊙ a    (summed over the copies)

    Chapter: *computational-graph*.
    """
    a, b = _operands("×", a, b)
    edges = [
        Edge(a, lambda u: u * b.value, lambda v: _sum_copies(v * b.value, a)),
        Edge(b, lambda u: a.value * u, lambda v: _sum_copies(v * a.value, b)),
    ]
    return Node(a.value * b.value, sign="×", edges=edges)


def matmul(A: Node, B: Node) -> Node:
    """The product of two matrices, C = A B. A column vector is a matrix of shape (n, 1).

        forward  Ċ = Ȧ B + A Ḃ
        reverse  Ā = C̄ Bᵀ,   B̄ = Aᵀ C̄

    Chapter: *computational-graph*.
    """
    A, B = _node(A), _node(B)
    shapes = A.value.shape, B.value.shape
    if A.value.ndim != 2 or B.value.ndim != 2 or shapes[0][1] != shapes[1][0]:
        raise ValueError(
            f"@: expected shapes (m, n) and (n, k), got {shapes[0]} and {shapes[1]}"
        )
    edges = [
        Edge(A, lambda u: u @ B.value, lambda v: v @ B.value.T),
        Edge(B, lambda u: A.value @ u, lambda v: A.value.T @ v),
    ]
    return Node(A.value @ B.value, sign="@", edges=edges)


def take(W: Node, ids: np.ndarray) -> Node:
    """Column ids[b] of W for each b: C = W X, where the columns of X are one-hot.

        forward  Ċ = Ẇ[:, ids]
        reverse  W̄ = C̄ Xᵀ: column b of C̄ is added to column ids[b]

    Chapter: *computational-graph*.
    """
    W = _node(W)
    _, D = _check_matrix("W", W)
    ids = np.array(token_ids("ids", ids, ndim=1, size=D))

    def reverse(v: np.ndarray) -> np.ndarray:
        """Not W̄[:, ids] += v, which drops all but one of equal ids."""
        W_bar = np.zeros(W.value.shape)
        np.add.at(W_bar, (slice(None), ids), v)
        return W_bar

    edges = [Edge(W, lambda u: u[:, ids], reverse)]
    return Node(W.value[:, ids], sign="take", edges=edges)


def rows(a: Node, start: int, stop: int) -> Node:
    """A block of rows, c = a[start:stop]: one gate of a stacked pre-activation.

        forward  ċ = ȧ[start:stop]
        reverse  ā = c̄ in these rows, 0 in the others

    Chapter: *computational-graph*.
    """
    a = _node(a)
    if a.value.ndim == 0 or not 0 <= start < stop <= len(a.value):
        raise ValueError(
            f"rows: expected 0 ≤ start < stop ≤ the number of rows, got {start} "
            f"and {stop} for shape {a.value.shape}"
        )

    def reverse(v: np.ndarray) -> np.ndarray:
        """Each row to its old place."""
        a_bar = np.zeros(a.value.shape)
        a_bar[start:stop] = v
        return a_bar

    edges = [Edge(a, lambda u: u[start:stop], reverse)]
    return Node(a.value[start:stop], sign="rows", edges=edges)


def tanh(a: Node) -> Node:
    """The hyperbolic tangent of every entry, h = tanh(a).

        forward  ḣ = (1 − h²) ⊙ ȧ
        reverse  ā = (1 − h²) ⊙ h̄

    Chapter: *computational-graph*.
    """
    a = _node(a)
    h = np.tanh(a.value)
    slope = 1 - h**2
    edges = [Edge(a, lambda u: slope * u, lambda v: slope * v)]
    return Node(h, sign="tanh", edges=edges)


def sigmoid(a: Node) -> Node:
    """The logistic function of every entry, s = 1 / (1 + e^{−a}), without overflow.

        forward  ṡ = s (1 − s) ⊙ ȧ
        reverse  ā = s (1 − s) ⊙ s̄

    Chapter: *computational-graph*.
    """
    a = _node(a)
    s = 0.5 + 0.5 * np.tanh(0.5 * a.value)
    slope = s * (1 - s)
    edges = [Edge(a, lambda u: slope * u, lambda v: slope * v)]
    return Node(s, sign="σ", edges=edges)


def total(a: Node) -> Node:
    """The sum of all entries, c = Σ a.

        forward  ċ = Σ ȧ
        reverse  ā = c̄ in every entry

    Chapter: *computational-graph*.
    """
    a = _node(a)
    edges = [Edge(a, np.sum, lambda v: np.broadcast_to(v, a.value.shape))]
    return Node(np.sum(a.value), sign="Σ", edges=edges)


def softmax_cross_entropy(o: Node, targets: np.ndarray) -> Node:
    """The loss ℓ = Σ_b −log p[y_b, b] in nats; p is the softmax of each column of o.

        forward  ℓ̇ = Σ (p − Y) ⊙ ȯ
        reverse  ō = (p − Y) ℓ̄        (column b of Y is one-hot at y_b)

    Arguments
        o        logits, shape (V, B)
        targets  the ids y, shape (B)

    Chapter: *computational-graph*.
    """
    o = _node(o)
    V, B = _check_matrix("o", o)
    y = np.array(token_ids("targets", targets, ndim=1, size=V))
    if len(y) != B:
        raise ValueError(f"targets: expected {B} ids, got {len(y)}")
    shifted = o.value - np.max(o.value, axis=0)
    log_p = shifted - np.log(np.sum(np.exp(shifted), axis=0))
    error = np.exp(log_p)
    error[y, np.arange(B)] -= 1  # p − Y
    edges = [Edge(o, lambda u: np.sum(error * u), lambda v: error * v)]
    return Node(-np.sum(log_p[y, np.arange(B)]), sign="CE", edges=edges)


# --- Sweeps ---------------------------------------------------------------------


def topological_order(output: Node) -> list[Node]:
    """The output and all that it is made of, each operand before the gates that use it.

    Chapter: *computational-graph*.
    """
    found, waiting = {_known("output", output): None}, [output]
    while waiting:
        for edge in waiting.pop().edges:
            if edge.operand not in found:
                found[edge.operand] = None  # a dict keeps the order, a set not
                waiting.append(edge.operand)
    return sorted(found, key=lambda node: node.depth)


def graph_size(output: Node) -> dict[str, int]:
    """What the graph costs: its leaves, gates, edges, and the numbers the gates keep.

    Chapter: *computational-graph*.
    """
    order = topological_order(output)
    gates = [node for node in order if node.edges]
    return {
        "leaves": len(order) - len(gates),
        "gates": len(gates),
        "edges": sum(len(node.edges) for node in gates),
        "numbers": sum(node.value.size for node in gates),
    }


def gradients(
    output: Node, wrt: Iterable[Node], seed: np.ndarray | None = None
) -> list[np.ndarray]:
    """Reverse mode: the derivatives of one number by all nodes, in one sweep backwards.

        n̄ = Σ over the uses of n: reverse rule of the gate that uses it,    output̄ = seed

    Arguments
        output  a node; of one number, unless there is a seed
        wrt     nodes, leaves or not
        seed    v, of the shape of output; the gradient is that of ⟨v, output⟩

    Returns
        grads  n̄ for each node of `wrt`, in its order; 0 where output does not depend on it

    Errors
        TypeError   not nodes
        ValueError  an output of several numbers without a seed, a seed of another shape

    Chapter: *computational-graph*.
    """
    wrt = [_known("wrt", node) for node in wrt]
    order = topological_order(output)
    if seed is None and output.value.shape != ():
        raise ValueError(
            "output: expected one number (shape ()), or a seed; "
            f"got shape {output.value.shape}"
        )
    seed = _like("seed", 1.0 if seed is None else seed, output)
    depends = set(wrt)  # on wrt; what does not, passes nothing back
    for node in order:
        if any(edge.operand in depends for edge in node.edges):
            depends.add(node)
    bar = {output: seed}
    for node in reversed(order):
        for edge in node.edges:
            if edge.operand in depends:
                earlier = bar.get(edge.operand, 0.0)
                bar[edge.operand] = earlier + edge.reverse(bar[node])
    return [np.array(bar.get(n, np.zeros(n.value.shape))) for n in wrt]


def tangent(output: Node, directions: Mapping[Node, np.ndarray]) -> np.ndarray:
    """Forward mode: the change of output for one direction, in one sweep forwards.

        ċ = Σ over the operands of c: forward rule of c's gate

    Arguments
        output      a node of any shape
        directions  the change of some nodes (each of its node's shape); all others stay

    Returns
        change  d output / dε at ε = 0, when each of these nodes moves by ε times its direction

    Errors
        TypeError, ValueError  not nodes, directions of another shape or not finite

    Chapter: *computational-graph*.
    """
    order = topological_order(output)
    dot = {
        _known("directions", node): _like("directions", u, node)
        for node, u in directions.items()
    }
    for node in order:
        for edge in node.edges:
            if edge.operand in dot:
                earlier = dot.get(node, 0.0)
                dot[node] = earlier + edge.forward(dot[edge.operand])
    return np.array(dot.get(output, np.zeros(output.value.shape)))


# --- Checks -----------------------------------------------------------------------


def _node(value: object) -> Node:
    return value if isinstance(value, Node) else Node(value)


def _known(name: str, node: object) -> Node:
    if not isinstance(node, Node):
        raise TypeError(f"{name}: expected a node, got {node!r:.60}")
    return node


def _like(name: str, value: object, node: Node) -> np.ndarray:
    array = finite_array(name, value, ndim=node.value.ndim)
    if array.shape != node.value.shape:
        raise ValueError(
            f"{name}: expected shape {node.value.shape} for {node}, got {array.shape}"
        )
    return array


def _check_matrix(name: str, node: Node) -> tuple[int, int]:
    if node.value.ndim != 2:
        raise ValueError(
            f"{name}: expected a matrix, got shape {node.value.shape}"
        )
    return node.value.shape


def _operands(sign: str, a: object, b: object) -> tuple[Node, Node]:
    """Two nodes whose shapes fit each other."""
    a, b = _node(a), _node(b)
    try:
        np.broadcast_shapes(a.value.shape, b.value.shape)
    except ValueError:
        raise ValueError(
            f"{sign}: expected shapes that fit, got {a.value.shape} and {b.value.shape}"
        ) from None
    return a, b


def _sum_copies(v: np.ndarray, operand: Node) -> np.ndarray:
    """What was copied to fit a larger shape gets the sum of what its copies get."""
    shape = operand.value.shape
    v = np.sum(v, axis=tuple(range(np.ndim(v) - len(shape))))
    once = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return np.sum(v, axis=once, keepdims=True)
