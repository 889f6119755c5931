"""The bench of `fit`: both sides do the same work, and its table says what was measured."""

import numpy as np
import pytest

from bench import cases, fit, turns
from rnnlib.batching import Sequences


@pytest.mark.parametrize("options", [{}, {"clip": fit.clip}])
def test_both_make_the_same_steps(monkeypatch, options):
    monkeypatch.setitem(cases.SIZES, "tiny", cases.Size(B=2, T=6, V=7, H=4))
    monkeypatch.setattr(fit, "RATE", 0.5)
    if options:
        monkeypatch.setattr(fit, "LIMIT", 1e9)  # clips nothing, but is called
    case = cases.Case("tiny")
    ids = np.random.default_rng(0).integers(7, size=(7, 6))
    data = Sequences(ids[:-1], ids[1:], batch_size=2)
    (bare, one), (ours, other) = fit.bare_loop(case, data), fit.with_fit(case, data, **options)
    start = {name: array.copy() for name, array in one.params.items()}
    bare()
    ours()
    for name, array in one.params.items():
        assert np.array_equal(array, other.params[name])
        assert not np.array_equal(array, start[name])


def test_a_line_says_whether_the_bar_is_reached():
    assert fit.line("S2", turns.Ratio(1.01, 0.99, 1.04)) == (
        "S2          1.010  (0.990 to 1.040)  at most 1.03: yes"
    )
    assert fit.line("S2", turns.Ratio(1.04, 0.99, 1.09)).endswith("at most 1.03: NO")
    assert fit.line("W1", turns.Ratio(1.1, 1.0, 1.2)) == "W1          1.100  (1.000 to 1.200)"
