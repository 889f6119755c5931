"""JAX: the whole step, gradient and SGD included, compiled once. One thread.

The states come from `lax.scan`, the columns of W_xh from a look-up, the gradient from `jax.grad`;
the buffers of the old weights are given away, so that the new ones are written in their place.
The scan is tried as it is, and with four of its steps unrolled; the faster one is timed. (Storing
W_hh and W_hy transposed was tried as well, and gains nothing: XLA arranges that by itself.)
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .cases import Arrays, Case


def _tanh(W: jax.Array, b_hn: Any, h: jax.Array, a: jax.Array) -> Any:
    h = jnp.tanh(a + h @ W)
    return h, h


def _lstm(W: jax.Array, b_hn: Any, state: tuple[jax.Array, jax.Array], a: jax.Array) -> Any:
    h, c = state
    i, f, g, o = jnp.split(a + h @ W, 4, axis=1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def _gru(W: jax.Array, b_hn: Any, h: jax.Array, a: jax.Array) -> Any:
    (a_r, a_z, a_n), (c_r, c_z, c_n) = jnp.split(a, 3, axis=1), jnp.split(h @ W, 3, axis=1)
    z = jax.nn.sigmoid(a_z + c_z)
    n = jnp.tanh(a_n + jax.nn.sigmoid(a_r + c_r) * (c_n + b_hn))
    h = (1 - z) * n + z * h
    return h, h


CELLS = {"tanh": _tanh, "lstm": _lstm, "gru": _gru}


def _loss(cell: str, unroll: int, p: Any, x: jax.Array, y: jax.Array) -> Any:
    """Return the mean cross-entropy."""
    a = p["W_xh_T"][x] + p["b_h"]
    zero = jnp.zeros((x.shape[1], p["W_hh"].shape[1]), a.dtype)
    body = partial(CELLS[cell], p["W_hh"].T, p.get("b_hn"))
    _, h = jax.lax.scan(body, (zero, zero) if cell == "lstm" else zero, a, unroll=unroll)
    logits = h @ p["W_hy"].T + p["b_y"]
    picked = jnp.take_along_axis(logits, y[..., None], axis=2)[..., 0]
    return (jax.nn.logsumexp(logits, axis=2) - picked).mean()


@lru_cache
def training_step(cell: str, unroll: int) -> Any:
    """Return the compiled step: (weights, inputs, targets, rate) → (weights, loss)."""

    def step(p: Any, x: jax.Array, y: jax.Array, rate: jax.Array) -> Any:
        loss, grads = jax.value_and_grad(partial(_loss, cell, unroll))(p, x, y)
        return jax.tree.map(lambda weight, grad: weight - rate * grad, p, grads), loss

    return jax.jit(step, donate_argnums=0)


class Jax:
    """`jax.jit` around `lax.scan`."""

    @staticmethod
    def variants(case: Case) -> tuple[str, ...]:
        return ("scan", "scan, 4 steps unrolled")

    def __init__(self, case: Case, variant: str, start: Arrays, rate: float) -> None:
        self.train = training_step(case.cell, 4 if "unrolled" in variant else 1)
        self.rate, self.loss = jnp.float32(rate), None
        rest = {name: array for name, array in start.items() if name != "W_xh"}
        held = {"W_xh_T": start["W_xh"].T, **rest}  # one row per token
        self.p = {name: jnp.array(array, jnp.float32) for name, array in held.items()}

    def batch(self, x: np.ndarray, y: np.ndarray) -> Any:
        return jnp.asarray(x, jnp.int32), jnp.asarray(y, jnp.int32)

    def step(self, x: jax.Array, y: jax.Array) -> None:
        self.p, self.loss = self.train(self.p, x, y, self.rate)

    def finish(self) -> None:
        """Wait: a call returns before its result is there."""
        jax.block_until_ready((self.p, self.loss))

    def params(self) -> Arrays:
        found = {name: np.array(array) for name, array in self.p.items()}
        return {"W_xh": found.pop("W_xh_T").T, **found}
