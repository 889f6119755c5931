"""Cells with gates: the LSTM and the GRU, which can keep what they have read.

Each is three methods, as `rnnlib.cells` describes, and each line is one of its equations. A gate
is a number between 0 and 1 for each unit. It comes out of σ(x) = (1 + tanh(x/2))/2, so that the
loops call tanh alone. The gates of a step lie side by side in `a`, of shape (T, B, G·H).
Chapter: *long-memory*.
"""

from __future__ import annotations

import numpy as np

from rnnlib.buffers import Buffers
from rnnlib.cells import (
    Cell,
    Params,
    one_minus_square,
    steps,
    steps_back,
    transposed,
)

__all__ = ["GRUCell", "LSTMCell"]


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with a forget gate).

        a_t = W_xh x_t + W_hh h_{t-1} + b_h,    four blocks: a_i, a_f, a_g, a_o
        i, f, o = σ(a_i), σ(a_f), σ(a_o),    g = tanh(a_g)
        c_t = f ⊙ c_{t-1} + i ⊙ g
        h_t = o ⊙ tanh(c_t)

    Backwards, with δ_t = ∂L/∂h_t and γ_t = ∂L/∂c_t:

        γ_t      += o (1 − tanh² c_t) ⊙ δ_t
        ∂L/∂a_i   = g i (1 − i) ⊙ γ_t             ∂L/∂a_f = c_{t-1} f (1 − f) ⊙ γ_t
        ∂L/∂a_g   = i (1 − g²) ⊙ γ_t              ∂L/∂a_o = tanh(c_t) o (1 − o) ⊙ δ_t
        δ_{t-1}   = ∂⁺L/∂h_{t-1} + W_hhᵀ ∂L/∂a_t
        γ_{t-1}   = f ⊙ γ_t

    σ(x) = (1 + tanh(x/2))/2, so that one call of tanh serves all four gates.

    Chapter: *long-memory*.
    """

    gates = 4
    states = ("h", "c")

    def forward(
        self,
        params: Params,
        a: np.ndarray,
        s: np.ndarray,
        rest: np.ndarray | None,
        buffers: Buffers,
    ) -> None:
        """The equations above; see `Cell.forward`."""
        h, c = s
        # σ(x) = (1 + tanh(x/2))/2: i, f and o are halved before tanh and after it, g is not.
        half = np.repeat([0.5, 0.5, 1, 0.5], h.shape[-1]).astype(a.dtype)
        shift = 1 - half
        W_hhT = transposed(params["W_hh"]) * half
        a *= half
        tanh_c = buffers.work("tanh_c", *h[1:].shape)
        Wh, new = np.empty_like(a[0]), np.empty_like(h[0])
        i, f, g, o = _blocks(a, 4)
        h_prev, c_prev = h[0], c[0]
        rows = steps(rest, a, i, f, g, o, h[1:], c[1:], tanh_c)
        for a_t, i_t, f_t, g_t, o_t, h_t, c_t, tanh_c_t, rest_t in rows:
            h_prev.dot(W_hhT, Wh)
            a_t += (
                Wh  # a_t = W_xh x_t + b_h + W_hh h_{t-1}; halved for i, f, o
            )
            np.tanh(a_t, a_t)
            a_t *= half
            a_t += shift  # i, f, o = σ(a_i), σ(a_f), σ(a_o),  g = tanh(a_g)
            np.multiply(f_t, c_prev, c_t)
            np.multiply(i_t, g_t, new)
            c_t += new  # c_t = f ⊙ c_{t-1} + i ⊙ g
            np.tanh(c_t, tanh_c_t)
            np.multiply(o_t, tanh_c_t, h_t)  # h_t = o ⊙ tanh(c_t)
            if rest_t is not None:
                np.copyto(h_t, h_prev, where=rest_t)
                np.copyto(c_t, c_prev, where=rest_t)
            h_prev, c_prev = h_t, c_t

    def local(
        self,
        a: np.ndarray,
        s: np.ndarray,
        rest: np.ndarray | None,
        buffers: Buffers,
    ) -> dict[str, np.ndarray]:
        """The factors of γ_t and δ_t in the equations above; see `Cell.local`."""
        i, f, g, o = _blocks(a, 4)
        c_prev = s[1, :-1]
        tanh_c = buffers.work("tanh_c", *c_prev.shape)  # as `forward` left it
        dc_dc = buffers.work("dc_dc", *c_prev.shape)
        spare = buffers.work("spare", *c_prev.shape)
        np.copyto(dc_dc, f)
        dc_dag = one_minus_square(g, buffers.work("dc_dag", *c_prev.shape))
        dc_dag *= i
        _times_one_minus(i, spare)
        i *= g  # i now holds g i (1 − i)
        np.copyto(g, dc_dag)  # g now holds i (1 − g²)
        _times_one_minus(f, spare)
        f *= c_prev  # f now holds c_{t-1} f (1 − f)
        dh_dc = one_minus_square(tanh_c, buffers.work("dh_dc", *c_prev.shape))
        dh_dc *= o
        _times_one_minus(o, spare)
        o *= tanh_c  # o now holds tanh(c_t) o (1 − o)
        if rest is not None:
            np.copyto(a, 0, where=rest)
            np.copyto(dh_dc, 0, where=rest)
            np.copyto(dc_dc, 1, where=rest)
        return {"da": a, "dh_dc": dh_dc, "dc_dc": dc_dc}

    def backward(
        self,
        params: Params,
        local: dict[str, np.ndarray],
        dh: np.ndarray,
        dc: np.ndarray | None,
        rest: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The equations above; see `Cell.backward`."""
        W_hh = params["W_hh"]
        da, dh_dc, dc_dc = local["da"], local["dh_dc"], local["dc_dc"]
        Wda, more = np.empty_like(dh[0]), np.empty_like(dh[0])
        ifg = da.reshape(*da.shape[:2], 4, -1)[:, :, :3]
        o = _blocks(da, 4)[3]
        dh_t = dh[-1]
        rows = steps_back(rest, da, ifg, o, dh_dc, dc_dc, dh[:-1])
        for da_t, ifg_t, o_t, dh_dc_t, dc_dc_t, dh_prev, rest_t in rows:
            np.multiply(dh_dc_t, dh_t, more)
            dc += more  # γ_t += o (1 − tanh² c_t) ⊙ δ_t
            ifg_t *= dc[:, None]  # ∂L/∂a_i, ∂L/∂a_f, ∂L/∂a_g = … ⊙ γ_t
            o_t *= dh_t  # ∂L/∂a_o = … ⊙ δ_t
            da_t.dot(W_hh, Wda)
            dh_prev += Wda  # δ_{t-1} = ∂⁺L/∂h_{t-1} + W_hhᵀ ∂L/∂a_t
            dc *= dc_dc_t  # γ_{t-1} = f ⊙ γ_t
            if rest_t is not None:
                np.add(dh_prev, dh_t, dh_prev, where=rest_t)
            dh_t = dh_prev
        return da, da


class GRUCell(Cell):
    """The gated recurrent unit (Cho et al. 2014), with the reset gate where PyTorch has it.

        a_t = W_xh x_t + b_h,    m_t = W_hh h_{t-1},    three blocks each: r, z, n
        r   = σ(a_r + m_r),    z = σ(a_z + m_z)
        n   = tanh(a_n + r ⊙ (m_n + b_hn))
        h_t = (1 − z) ⊙ n + z ⊙ h_{t-1}

    b_hn is multiplied by r, so it cannot be merged with b_h. Backwards, with δ_t = ∂L/∂h_t:

        ∂L/∂a_n = (1 − z) (1 − n²) ⊙ δ_t          ∂L/∂m_n = r ⊙ ∂L/∂a_n
        ∂L/∂a_r = ∂L/∂m_r = (m_n + b_hn) r (1 − r) ⊙ ∂L/∂a_n
        ∂L/∂a_z = ∂L/∂m_z = (h_{t-1} − n) z (1 − z) ⊙ δ_t
        δ_{t-1} = ∂⁺L/∂h_{t-1} + z ⊙ δ_t + W_hhᵀ ∂L/∂m_t

    Chapter: *long-memory*.
    """

    gates = 3
    extra = ("b_hn",)

    def forward(
        self,
        params: Params,
        a: np.ndarray,
        s: np.ndarray,
        rest: np.ndarray | None,
        buffers: Buffers,
    ) -> None:
        """The equations above; see `Cell.forward`."""
        h = s[0]
        H = h.shape[-1]
        W_hhT = transposed(params["W_hh"])
        W_hhT[:, : 2 * H] *= 0.5  # σ(x) = (1 + tanh(x/2))/2
        rz = a[:, :, : 2 * H]
        rz *= 0.5
        r, z, n = _blocks(a, 3)
        b_hn = params["b_hn"]
        m_n = buffers.work("m_n", *h[1:].shape)
        m, rm = np.empty_like(a[0]), np.empty_like(h[0])
        m_rz, m_n_raw = m[:, : 2 * H], m[:, 2 * H :]
        h_prev = h[0]
        rows = steps(rest, rz, r, z, n, m_n, h[1:])
        for rz_t, r_t, z_t, n_t, m_n_t, h_t, rest_t in rows:
            h_prev.dot(W_hhT, m)  # m_t = W_hh h_{t-1}
            rz_t += m_rz
            np.tanh(rz_t, rz_t)
            rz_t *= 0.5
            rz_t += 0.5  # r, z = σ(a_r + m_r), σ(a_z + m_z)
            np.add(m_n_raw, b_hn, m_n_t)
            np.multiply(r_t, m_n_t, rm)
            n_t += rm
            np.tanh(n_t, n_t)  # n = tanh(a_n + r ⊙ (m_n + b_hn))
            np.subtract(h_prev, n_t, h_t)
            h_t *= z_t
            h_t += n_t  # h_t = n + z ⊙ (h_{t-1} − n)
            if rest_t is not None:
                np.copyto(h_t, h_prev, where=rest_t)
            h_prev = h_t

    def local(
        self,
        a: np.ndarray,
        s: np.ndarray,
        rest: np.ndarray | None,
        buffers: Buffers,
    ) -> dict[str, np.ndarray]:
        """The factors of δ_t in the equations above; see `Cell.local`."""
        r, z, n = _blocks(a, 3)
        h_prev = s[0, :-1]
        m_n = buffers.work("m_n", *h_prev.shape)  # as `forward` left it
        dh_dh = buffers.work("dh_dh", *h_prev.shape)
        spare = buffers.work("spare", *h_prev.shape)
        np.copyto(dh_dh, z)
        dh_dan = one_minus_square(n, buffers.work("dh_dan", *h_prev.shape))
        np.subtract(1, z, spare)
        dh_dan *= spare  # (1 − z) (1 − n²)
        z *= spare
        np.subtract(h_prev, n, spare)
        z *= spare  # z now holds (h_{t-1} − n) z (1 − z)
        np.multiply(r, dh_dan, n)  # n now holds r (1 − z) (1 − n²)
        _times_one_minus(r, spare)
        r *= m_n
        r *= dh_dan  # r now holds (m_n + b_hn) r (1 − r) (1 − z) (1 − n²)
        if rest is not None:
            for array in (a, dh_dan, dh_dh):
                np.copyto(array, 0, where=rest)
        return {"dm": a, "dh_dan": dh_dan, "dh_dh": dh_dh}

    def backward(
        self,
        params: Params,
        local: dict[str, np.ndarray],
        dh: np.ndarray,
        dc: np.ndarray | None,
        rest: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The equations above; see `Cell.backward`."""
        W_hh = params["W_hh"]
        dm, dh_dan, dh_dh = local["dm"], local["dh_dan"], local["dh_dh"]
        Wdm, kept = np.empty_like(dh[0]), np.empty_like(dh[0])
        rzn = dm.reshape(*dm.shape[:2], 3, -1)
        dh_t = dh[-1]
        rows = steps_back(rest, dm, rzn, dh_dh, dh[:-1])
        for dm_t, rzn_t, dh_dh_t, dh_prev, rest_t in rows:
            rzn_t *= dh_t[:, None]  # ∂L/∂m_r, ∂L/∂m_z, ∂L/∂m_n = … ⊙ δ_t
            dm_t.dot(W_hh, Wdm)
            dh_prev += Wdm
            np.multiply(dh_dh_t, dh_t, kept)
            dh_prev += kept  # δ_{t-1} = ∂⁺L/∂h_{t-1} + W_hhᵀ ∂L/∂m_t + z ⊙ δ_t
            if rest_t is not None:
                np.add(dh_prev, dh_t, dh_prev, where=rest_t)
            dh_t = dh_prev
        da = dm.copy()
        np.multiply(
            dh_dan, dh[1:], _blocks(da, 3)[2]
        )  # ∂L/∂a_n, without the r
        return da, dm


def _blocks(a: np.ndarray, gates: int) -> list[np.ndarray]:
    """The gates of `a`, shape (T, B, G·H), as G views of shape (T, B, H)."""
    return np.split(a, gates, axis=2)


def _times_one_minus(p: np.ndarray, spare: np.ndarray) -> None:
    """p ← p (1 − p): the slope of σ where its value is p."""
    np.subtract(1, p, spare)
    p *= spare
