"""A drawing of the computational graph: leaves are squares, gates are circles with their sign.

The function draws on the axes that it is given and returns nothing, as in `plots`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from rnnlib.graph import Node, topological_order
from rnnlib.plots import COLORS

__all__ = ["draw_graph", "graph_layout"]

_FAINT, _RADIUS, _ROW = "#a6a6a6", 0.36, 1.5
Places = dict[Node, tuple[float, float]]


def draw_graph(
    ax: Axes,
    output: Node,
    step: int | None = None,
    notes: Mapping[Node, str] | None = None,
) -> None:
    """Draw a graph from left to right, with the way of the reverse sweep if asked for.

    Arguments
        ax      where to draw; its axes are hidden
        output  the last node
        step    None: the forward pass. k: the first k nodes of the reverse sweep are
                reached; these and the derivatives they pass back are red, the rest is faint
        notes   texts under some nodes: shapes, values, gradients

    Errors
        ValueError  a step below 0 or above the number of nodes, notes for other nodes

    Chapter: *computational-graph*.
    """
    order = topological_order(output)
    if step is not None and not 0 <= step <= len(order):
        raise ValueError(
            f"step: expected a step from 0 to {len(order)}, got {step}"
        )
    notes = dict(notes or {})
    if not set(notes) <= set(order):
        raise ValueError("notes: expected nodes of this graph, got others")
    places = graph_layout(output)
    reached = set() if step is None else set(order[len(order) - step :])
    xs, ys = np.array(list(places.values())).T
    ax.set(
        xlim=(xs.min() - 0.6, xs.max() + 0.6),
        ylim=(ys.min() - (0.9 if notes else 0.6), ys.max() + 0.9),
        aspect="equal",
    )
    ax.axis("off")
    size = _letter_size(ax)
    for node in order:
        for edge in node.edges:
            _line(ax, places, edge.operand, node, node in reached, step)
    for node in order:
        color = COLORS["green"] if not node.edges else COLORS["blue"]
        if step is not None:
            color = COLORS["red"] if node in reached else _FAINT
        _shape(ax, places, node, color, size)
        if node in notes:
            x, y = places[node]
            _label(ax, x, y - 0.6, notes[node], color, 0.85 * size)


@lru_cache(maxsize=4)  # a figure that moves draws one graph many times
def graph_layout(output: Node) -> Places:
    """Give each node a place (x, y): gates in rows, from left to right; leaves around them.

    The longest way through the graph is the row y = 0. What branches off it and comes back
    is a row above, what only feeds into it a row below. Then each leaf takes the place
    from which its lines are short and pass through no other node.

    Chapter: *computational-graph*.
    """
    order = topological_order(output)
    users: dict[Node, list[Node]] = {node: [] for node in order}
    for node in order:
        for edge in node.edges:
            users[edge.operand].append(node)
    places: Places = {}
    spans: list[tuple[float, float, float]] = []
    for node in reversed(order):  # the deepest first: long ways before short
        if node.edges and node not in places:
            _place_chain(node, users, places, spans)
    if not places:  # the output is itself a leaf
        return {output: (0.0, 0.0)}
    first = min((n for n in places if places[n][1] == 0), key=places.get)
    start = first.edges[-1].operand  # where the longest way begins
    before = (places[first][0] - 1, 0.0)
    if len(users[start]) == 1 and before not in places.values():
        places[start] = before
    leaves = [node for node in order if node not in places]
    for leaf in sorted(leaves, key=lambda leaf: len(users[leaf])):
        places[leaf] = _best_place(users[leaf], places)
    return places


def _place_chain(
    last: Node,
    users: dict[Node, list[Node]],
    places: Places,
    spans: list[tuple[float, float, float]],
) -> None:
    """Follow the deepest operands back from `last`, and lay what is new in one row."""
    chain = [last]
    while gates := [e.operand for e in chain[-1].edges if e.operand.edges]:
        deepest = max(reversed(gates), key=lambda node: node.depth)
        if deepest in places:
            break
        chain.append(deepest)
    xs = [float(node.depth) for node in chain]
    end = min((places[n][0] for n in users[last]), default=xs[0] + 1)
    if not gates:  # begins with leaves: close to where it is used
        xs = [end - 1 - i for i in range(len(chain))]
    row, step = 0.0, _ROW if gates else -_ROW
    # A row is kept free up to the gate that uses the chain: the line runs there.
    while any(y == row and a < end and xs[-1] < b for y, a, b in spans):
        row += step
    spans.append((row, xs[-1], end))
    places.update({n: (x, row) for n, x in zip(chain, xs, strict=True)})


def _best_place(users: list[Node], places: Places) -> tuple[float, float]:
    """The place on the rim of the gates with the shortest lines, through no other node."""
    taken = np.array(list(places.values()))
    (left, low), (right, high) = taken.min(axis=0), taken.max(axis=0)
    ends = np.array([places[n] for n in users])
    others = [places[n] for n in places if n not in users]
    others = np.array(others).reshape(-1, 2)
    lines = []
    for n in places:
        for operand in (e.operand for e in n.edges if e.operand in places):
            stops = [places[operand], places[n]]
            if _bent(places, operand, n):
                stops.insert(1, (stops[1][0], stops[0][1]))
            lines += zip(
                np.array(stops[:-1]), np.array(stops[1:]), strict=True
            )

    def cost(place: tuple[float, float]) -> float:
        """The length of the lines, and much for each node that is too near to one."""
        here = np.array(place)
        if np.min(np.hypot(*(taken - here).T)) < 1.2:
            return np.inf
        near = sum(np.sum(_distance(others, here, e) < 0.5) for e in ends)
        near += sum(_distance(here[None], *line)[0] < 0.5 for line in lines)
        return float(np.sum(np.hypot(*(ends - here).T)) + 100 * near)

    low, high = min(low, -_ROW), max(high, _ROW)
    rows = [low - i * _ROW for i in range(3)]
    rows += [high + i * _ROW for i in range(3)]
    columns = np.arange(left, right + 0.5, 0.5)
    return min(((float(x), y) for y in rows for x in columns), key=cost)


def _distance(
    points: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """How far each point is from the line between two others."""
    way = end - start
    part = np.clip((points - start) @ way / (way @ way), 0, 1)
    return np.hypot(*(points - start - part[:, None] * way).T)


def _letter_size(ax: Axes) -> float:
    """Letters with which `tanh` fills its circle, in points."""
    (x0, y0), (x1, y1) = ax.transData.transform([(0, 0), (1, 1)])
    unit = min(abs(x1 - x0), abs(y1 - y0)) / ax.figure.dpi * 72
    return float(np.clip(0.27 * unit, 5, 13))


def _shape(
    ax: Axes, places: Places, node: Node, color: str, size: float
) -> None:
    x, y = place = places[node]
    style = {"facecolor": "white", "edgecolor": color, "linewidth": 1.6}
    ink = COLORS["grey"] if color == _FAINT else COLORS["black"]
    if node.edges:
        ax.add_patch(Circle(place, _RADIUS, zorder=3, **style))
        bent = (_bent(places, e.operand, node) for e in node.edges)
        above = -1 if any(bent) else 1
        larger = 1.4 if len(node.sign) == 1 else 1.0
        _label(ax, x, y, node.sign, ink, larger * size, box=False)
        # Below the long way, lines go up to the right: the name makes room for them.
        beside = {"x": x + 0.2, "ha": "right"} if y < 0 else {"x": x}
        name = _math(node.name)
        _label(
            ax,
            y=y + above * 0.6,
            text=name,
            color=ink,
            size=1.2 * size,
            **beside,
        )
        return
    side = 0.56
    ax.add_patch(
        FancyBboxPatch(
            (x - side / 2, y - side / 2),
            side,
            side,
            boxstyle="square,pad=0.04",
            zorder=3,
            **style,
        )
    )
    text = _math(node.name) or f"{node.value:g}"
    _label(ax, x, y, text, ink, 1.2 * size, box=False)


def _label(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    color: str,
    size: float,
    box: bool = True,
    ha: str = "center",
) -> None:
    if text:
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
        ax.text(
            x,
            y,
            text,
            ha=ha,
            va="center",
            color=color,
            fontsize=size,
            bbox=back if box else None,
            zorder=4,
        )


def _line(
    ax: Axes,
    places: Places,
    operand: Node,
    gate: Node,
    reached: bool,
    step: int | None,
) -> None:
    """An arrow from operand to gate; in the reverse sweep, from gate to operand."""
    start, end = places[operand], places[gate]
    color = COLORS["black"] if step is None else _FAINT
    if reached:
        start, end, color = end, start, COLORS["red"]
    way = np.subtract(end, start)
    gap_0 = gap_1 = way / np.hypot(*way) * (_RADIUS + 0.05)
    style = "arc3"
    if _bent(places, operand, gate):
        # Along the row first, then down or up to the gate.
        along, across = np.diag(np.sign(way)) * (_RADIUS + 0.05)
        gap_0, gap_1 = (across, along) if reached else (along, across)
        first, then = (90, 0) if reached else (0, 90)
        style = f"angle,angleA={first},angleB={then},rad=6"
    ax.add_patch(
        FancyArrowPatch(
            tuple(start + gap_0),
            tuple(end - gap_1),
            connectionstyle=style,
            arrowstyle="-|>",
            mutation_scale=8,
            color=color,
            linewidth=1.6 if reached else 1.1,
            shrinkA=0,
            shrinkB=0,
            zorder=2 if reached else 1,
        )
    )


def _bent(places: Places, operand: Node, gate: Node) -> bool:
    """A line between gates of two rows that are far apart has a corner."""
    (x0, y0), (x1, y1) = places[operand], places[gate]
    return bool(operand.edges) and x1 - x0 > 1 and y0 != y1


def _math(name: str) -> str:
    """W_xh as mathematics, with what follows `_` set low."""
    return "$" + re.sub(r"_(\w+)", r"_{\1}", name) + "$" if name else ""
