"""Three ways to shorten a gradient: what is left of it, in direction and in length."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import rnnlib

CLIPPINGS = {
    "value": rnnlib.clip_values,
    "each": rnnlib.clip_each_norm,
    "global": rnnlib.clip_global_norm,
}
every_clipping = pytest.mark.parametrize("clip", CLIPPINGS.values(), ids=CLIPPINGS)

# The oracle squares numbers; those of less than 1e-150 would vanish in it.
numbers = st.floats(-1e6, 1e6).filter(lambda g: g == 0 or abs(g) > 1e-100)
gradients = st.dictionaries(
    st.sampled_from(["W", "U", "b"]),
    arrays(np.float64, array_shapes(min_dims=0, max_dims=3, max_side=4), elements=numbers),
    min_size=1,
)
limits = st.floats(1e-3, 1e3)


def flat(grads):
    return np.concatenate([g.ravel() for g in grads.values()])


@every_clipping
@given(grads=gradients, limit=limits)
def test_what_it_says_is_what_it_did(clip, grads, limit):
    before = copy.deepcopy(grads)
    clipped = clip(grads, limit)
    assert all(np.array_equal(grads[name], before[name]) for name in before)
    assert clipped.grads.keys() == grads.keys()
    for name, g in clipped.grads.items():
        assert g.shape == grads[name].shape and g.dtype == grads[name].dtype
    old, new = flat(grads), flat(clipped.grads)
    assert clipped.norm_before == pytest.approx(np.linalg.norm(old), rel=1e-12)
    assert clipped.norm_after == pytest.approx(np.linalg.norm(new), rel=1e-12)
    if old.any():
        cosine = old @ new / (np.linalg.norm(old) * np.linalg.norm(new))
        assert clipped.cosine == pytest.approx(cosine, abs=1e-12)
        assert 0 < clipped.cosine <= 1
    else:
        assert math.isnan(clipped.cosine)
    # A derivative of 0 in an array that is shortened counts as changed.
    assert np.count_nonzero(old != new) / old.size <= clipped.changed + 1e-15


@given(grads=gradients, limit=limits)
def test_values_are_cut_off_one_by_one(grads, limit):
    clipped = rnnlib.clip_values(grads, limit)
    for name, g in grads.items():
        for old, new in zip(g.ravel(), clipped.grads[name].ravel(), strict=True):
            assert new == max(-limit, min(limit, old))
    assert clipped.changed == np.mean(np.abs(flat(grads)) > limit)


@given(grads=gradients, limit=limits)
def test_each_array_is_shortened_to_the_limit_and_keeps_its_direction(grads, limit):
    clipped = rnnlib.clip_each_norm(grads, limit)
    for name, g in grads.items():
        norm = math.sqrt(np.sum(g**2))
        assert np.allclose(clipped.grads[name], g * min(1, limit / max(norm, 1e-300)), rtol=1e-12)
    assert clipped.norm_after <= limit * math.sqrt(len(grads)) * (1 + 1e-12)


@given(grads=gradients, limit=limits)
def test_the_whole_is_shortened_to_the_limit_and_keeps_its_direction(grads, limit):
    clipped = rnnlib.clip_global_norm(grads, limit)
    norm = np.linalg.norm(flat(grads))
    shorter = min(1, limit / max(norm, 1e-300))
    assert np.allclose(flat(clipped.grads), flat(grads) * shorter, rtol=1e-12, atol=0)
    assert clipped.norm_after == pytest.approx(min(norm, limit), rel=1e-12)
    assert clipped.changed in (0, 1)
    assert math.isnan(clipped.cosine) or clipped.cosine == pytest.approx(1, abs=1e-12)


@every_clipping
@given(grads=gradients)
def test_a_short_gradient_is_handed_on_as_it_is(clip, grads):
    clipped = clip(grads, 1e8)
    assert all(clipped.grads[name] is grads[name] for name in grads)
    assert clipped.changed == 0 and clipped.norm_after == clipped.norm_before


def test_by_hand():
    """g = (3, 4) and 12: length 13, of which the limit leaves 6.5."""
    grads = {"W": np.array([3.0, 4.0]), "b": np.array(12.0)}
    value = rnnlib.clip_values(grads, 6.5)
    assert value.grads["W"].tolist() == [3, 4] and value.grads["b"] == 6.5
    assert value.norm_before == 13 and value.norm_after == pytest.approx(math.sqrt(67.25))
    assert value.cosine == pytest.approx((25 + 78) / (13 * math.sqrt(67.25)))
    assert value.changed == pytest.approx(1 / 3)
    each = rnnlib.clip_each_norm(grads, 2.5)
    assert each.grads["W"].tolist() == [1.5, 2] and each.grads["b"] == pytest.approx(2.5)
    assert each.cosine == pytest.approx((12.5 + 30) / (13 * math.sqrt(12.5)))
    assert each.changed == 1
    whole = rnnlib.clip_global_norm(grads, 6.5)
    assert whole.grads["W"].tolist() == [1.5, 2] and whole.grads["b"] == 6
    assert (whole.norm_after, whole.cosine, whole.changed) == (6.5, pytest.approx(1), 1)


@pytest.mark.parametrize("size", [1e-30, 1e-18, 1e18, 1e30])
def test_norms_neither_overflow_nor_vanish_in_float32(size):
    grads = {"W": np.full(4, size, np.float32), "b": np.full(5, size, np.float32)}
    assert rnnlib.global_norm(grads) == pytest.approx(3 * size, rel=1e-6)
    clipped = rnnlib.clip_global_norm(grads, size)
    assert clipped.norm_after == pytest.approx(size, rel=1e-6)
    assert clipped.cosine == pytest.approx(1, rel=1e-6)
    assert all(g.dtype == np.float32 for g in clipped.grads.values())


@every_clipping
@pytest.mark.parametrize(
    ("grads", "limit", "error", "words"),
    [
        ({"W": np.array([1.0, np.nan])}, 1, ValueError, "grads['W']: expected finite numbers"),
        ({"W": np.array([1.0, np.inf])}, 1, ValueError, "grads['W']: expected finite numbers"),
        ({"W": np.array([1, 2])}, 1, TypeError, "grads['W']: expected an array of floats"),
        ({"W": 1.0}, 1, TypeError, "grads['W']: expected an array of floats"),
        ({}, 1, ValueError, "grads: expected at least one array"),
        ({"W": np.ones(2)}, 0, ValueError, "limit: expected a finite number above 0"),
        ({"W": np.ones(2)}, np.nan, ValueError, "limit: expected a finite number above 0"),
        ({"W": np.ones(2)}, "short", TypeError, "limit: expected a number"),
    ],
)
def test_what_cannot_be_clipped_is_named(clip, grads, limit, error, words):
    with pytest.raises(error) as caught:
        clip(grads, limit)
    assert str(caught.value).startswith(words)


def test_numbers_that_numpy_makes_of_small_arrays_are_taken():
    grads = {"w": np.array(3.0) * 1.0, "v": np.array(4.0)}
    assert isinstance(grads["w"], np.float64)
    assert rnnlib.global_norm(grads) == 5
    for clip, left in zip(CLIPPINGS.values(), (2, 2, 1.2), strict=True):
        assert clip(grads, 2.0).grads["w"] == pytest.approx(left)


def test_the_norm_of_what_is_not_finite_is_not_finite():
    assert rnnlib.global_norm({"W": np.array([np.inf, 1.0])}) == math.inf
    assert math.isnan(rnnlib.global_norm({"W": np.array([np.nan, 1.0])}))
