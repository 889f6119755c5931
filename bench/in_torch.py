"""PyTorch, eager: its own layers, and a loop of its operations. Fused SGD, one thread.

A token id picks a column of W_xh. Torch has two ways to say so, and the faster one is timed:

    one-hot    a row of the identity matrix goes into the layer, which multiplies it with W_xh
    embedding  an embedding holds W_xh transposed; the layer's own input matrix is the identity
               and stays as it is. With many tokens its gradient may be sparse: SGD then moves
               the rows that occurred, and no other number is written. (With a state much
               wider than the vocabulary the identity costs too much: only one-hot is tried)

The layers have two biases where the equations have one. The second is zero and fixed, except in
the GRU, where torch offers no way to fix a part of it: there it moves along.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .cases import ROWS, Arrays, Case

MANY = 1000  # with more tokens than this, one-hot products are out of the question

torch.set_num_threads(1)


def _tensor(array: np.ndarray, trained: bool = True) -> nn.Parameter:
    return nn.Parameter(torch.tensor(array, dtype=torch.float32), requires_grad=trained)


class _Torch:
    """What both have in common: the output layer, the loss and the optimiser."""

    def __init__(self, case: Case, variant: str, start: Arrays, rate: float) -> None:
        self.case, self.variant = case, variant
        self.W_hy, self.b_y = _tensor(start["W_hy"]), _tensor(start["b_y"])
        self.sparse = "sparse" in variant
        trained = [*self.recurrent(start), self.W_hy, self.b_y]
        self.optimizer = torch.optim.SGD(trained, lr=rate, fused=not self.sparse)

    def recurrent(self, start: Arrays) -> list[nn.Parameter]:
        """Make the recurrent part and return its trained parameters."""
        raise NotImplementedError

    def states(self, x: torch.Tensor) -> torch.Tensor:
        """Return the states (T, B, H)."""
        raise NotImplementedError

    def batch(self, x: np.ndarray, y: np.ndarray) -> Any:
        return torch.from_numpy(x), torch.from_numpy(y)

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        h = self.states(x)
        logits = F.linear(h.reshape(-1, h.shape[2]), self.W_hy, self.b_y)
        return F.cross_entropy(logits, y.reshape(-1))

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.loss(x, y).backward()
        self.optimizer.step()

    def finish(self) -> None:
        """On the CPU nothing runs on after a call."""

    def params(self) -> Arrays:
        found = {"W_hy": self.W_hy, "b_y": self.b_y, **self.recurrent_params()}
        return {name: array.detach().numpy().copy() for name, array in found.items()}

    def recurrent_params(self) -> dict[str, torch.Tensor]:
        raise NotImplementedError


class Layers(_Torch):
    """`nn.RNN`, `nn.LSTM`, `nn.GRU`: what a user of torch would write."""

    @staticmethod
    def variants(case: Case) -> tuple[str, ...]:
        if case.cell != "tanh":  # an identity matrix of 4H × 4H would cost more than it saves
            return ("one-hot",)
        if case.shape.V > MANY:
            return ("embedding", "embedding, sparse gradient")
        return ("one-hot", "embedding") if 2 * case.shape.V > case.shape.H else ("one-hot",)

    def recurrent(self, start: Arrays) -> list[nn.Parameter]:
        _, _, V, H = self.case.shape
        self.embedded = self.variant.startswith("embedding")
        kind = {"tanh": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[self.case.cell]
        self.layer = kind(H if self.embedded else V, H)
        self.table = _tensor(start["W_xh"].T if self.embedded else np.eye(V), self.embedded)
        second = np.zeros(ROWS[self.case.cell] * H)
        if self.case.cell == "gru":
            second[2 * H :] = start["b_hn"]
        self.layer.weight_ih_l0 = _tensor(
            np.eye(H) if self.embedded else start["W_xh"], not self.embedded
        )
        self.layer.weight_hh_l0 = _tensor(start["W_hh"])
        self.layer.bias_ih_l0 = _tensor(start["b_h"])
        self.layer.bias_hh_l0 = _tensor(second, self.case.cell == "gru")
        own = [self.table, *self.layer.parameters()]
        return [parameter for parameter in own if parameter.requires_grad]

    def states(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(F.embedding(x, self.table, sparse=self.sparse))[0]

    def recurrent_params(self) -> dict[str, torch.Tensor]:
        layer, H = self.layer, self.case.shape.H
        found = {
            "W_xh": self.table.T if self.embedded else layer.weight_ih_l0,
            "W_hh": layer.weight_hh_l0,
            "b_h": layer.bias_ih_l0,
        }
        if self.case.cell == "gru":
            found["b_hn"] = layer.bias_hh_l0[2 * H :]
        return found


class Loop(_Torch):
    """The tanh network as a loop over time that calls torch twice per step."""

    @staticmethod
    def variants(case: Case) -> tuple[str, ...]:
        return ("embedding", "embedding, sparse gradient")[: 1 + (case.shape.V > MANY)]

    def recurrent(self, start: Arrays) -> list[nn.Parameter]:
        self.W_xh_T, self.W_hh = _tensor(start["W_xh"].T), _tensor(start["W_hh"])
        self.b_h = _tensor(start["b_h"])
        return [self.W_xh_T, self.W_hh, self.b_h]

    def states(self, x: torch.Tensor) -> torch.Tensor:
        a = F.embedding(x, self.W_xh_T, sparse=self.sparse) + self.b_h
        h, W_hh_T, states = torch.zeros(a.shape[1:]), self.W_hh.T, []
        for a_t in a.unbind(0):
            h = torch.tanh(torch.addmm(a_t, h, W_hh_T))
            states.append(h)
        return torch.stack(states)

    def recurrent_params(self) -> dict[str, torch.Tensor]:
        return {"W_xh": self.W_xh_T.T, "W_hh": self.W_hh, "b_h": self.b_h}
