"""The tanh/softmax network in the gates of `graph`: its gradients are found, not derived."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np

from rnnlib.checks import finite_array, token_ids
from rnnlib.graph import (
    Node,
    add,
    gradients,
    softmax_cross_entropy,
    take,
    tanh,
)

__all__ = ["GraphRNN"]


class GraphRNN:
    """The tanh/softmax network, written in gates: nobody derives its gradient by hand.

        h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h),    o_t = W_hy h_t + b_y
        L   = Σ_t Σ_b −log softmax(o_t)[y_t]          (nats, summed over steps and batch)

    Arguments
        params  W_xh (H, D), W_hh (H, H), b_h (H), W_hy (V, H), b_y (V); copied

    Attributes
        params  the same names, in float64; an optimiser changes them in place

    Errors
        TypeError, ValueError  other names or shapes, or numbers that are not finite

    Chapter: *computational-graph*.
    """

    # One output per step, and L is the sum over all of them, as for an `RNN` of these settings.
    outputs = "all"
    reduction = "sum"

    def __init__(self, params: Mapping[str, np.ndarray]) -> None:
        ndims = {"W_xh": 2, "W_hh": 2, "b_h": 1, "W_hy": 2, "b_y": 1}
        if set(params) != set(ndims):
            raise ValueError(
                f"params: expected the names {list(ndims)}, got {list(params)}"
            )
        self.params = {
            name: finite_array(f"params[{name!r}]", params[name], ndim)
            for name, ndim in ndims.items()
        }
        (H, D), V = self.params["W_xh"].shape, len(self.params["W_hy"])
        shapes = [(H, D), (H, H), (H,), (V, H), (V,)]
        for (name, p), shape in zip(self.params.items(), shapes, strict=True):
            if p.shape != shape:
                raise ValueError(
                    f"params[{name!r}]: expected shape {shape}, got {p.shape}"
                )

    def build(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray | None = None,
    ) -> tuple[Node, dict[str, Node], list[Node]]:
        """Compute the loss, gate by gate, and keep the graph.

        Arguments as for `loss_and_grads`.

        Returns
            loss    the node L
            leaves  the parameters as leaves, by name; b_h and b_y as columns (H, 1), (V, 1)
            h       the nodes h_0 … h_T, each (H, B): in the graph, a state is a column

        Errors
            TypeError, ValueError  as for `loss_and_grads`

        Chapter: *computational-graph*.
        """
        leaves = {
            name: Node(p.reshape(len(p), -1), name)
            for name, p in self.params.items()
        }
        W_xh, W_hh, b_h, W_hy, b_y = leaves.values()
        (H, D), V = W_xh.value.shape, len(W_hy.value)
        x = token_ids("inputs", inputs, ndim=2, size=D)
        y = token_ids("targets", targets, ndim=2, size=V)
        if y.shape != x.shape:
            raise ValueError(
                f"targets: expected the shape of inputs, {x.shape}, got {y.shape}"
            )
        h_0 = np.zeros((x.shape[1], H))
        if state is not None:
            h_0 = finite_array("state", state, ndim=2)
            if h_0.shape != (x.shape[1], H):
                raise ValueError(
                    f"state: expected shape {(x.shape[1], H)}, got {h_0.shape}"
                )
        h, losses = [Node(h_0.T, "h_0")], []
        for t in range(len(x)):
            W_xh_x = take(W_xh, x[t]).named(f"W_xh x_{t + 1}")
            a = (W_xh_x + W_hh @ h[-1] + b_h).named(f"a_{t + 1}")
            h.append(tanh(a).named(f"h_{t + 1}"))
            o = (W_hy @ h[-1] + b_y).named(f"o_{t + 1}")
            loss = softmax_cross_entropy(o, y[t])
            losses.append(loss.named(f"ℓ_{t + 1}"))
        return reduce(add, losses).named("L"), leaves, h

    def loss_and_grads(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        state: np.ndarray | None = None,
    ) -> tuple[float, dict[str, np.ndarray], np.ndarray]:
        """The loss, its gradient by one reverse sweep over the graph, and the last state.

        Arguments
            inputs   ids, shape (T, B); time is axis 0
            targets  ids, shape (T, B)
            state    h_0, shape (B, H); zeros when not given

        Returns
            loss   L, summed over steps and sequences, in nats
            grads  same keys and shapes as `params`
            state  h_T, shape (B, H)

        Errors
            TypeError, ValueError  ids that are not whole numbers or out of range, another
                shape, nothing to read, a state or parameter that is not finite

        Chapter: *computational-graph*.
        """
        loss, leaves, h = self.build(inputs, targets, state)
        grads = dict(
            zip(leaves, gradients(loss, leaves.values()), strict=True)
        )
        grads = {n: g.reshape(self.params[n].shape) for n, g in grads.items()}
        return float(loss.value), grads, h[-1].value.T.copy()
