"""The checks on arguments: what is accepted comes back clean, what is not is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rnnlib.checks import finite_array, whole_number

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=numbers))
def test_a_good_array_comes_back_equal_and_is_a_copy(given_array):
    given_array.flags.writeable = False
    array = finite_array("x", given_array, ndim=given_array.ndim)
    assert array.dtype == np.float64
    assert np.array_equal(array, given_array)
    assert not np.shares_memory(array, given_array)


@pytest.mark.parametrize(
    "value", [[1, 0], [True, False], (1.0, 0.0), np.array([1, 0], np.int8), np.float32([1, 0])]
)
def test_every_kind_of_real_number_becomes_float64(value):
    array = finite_array("x", value, ndim=1)
    assert array.dtype == np.float64
    assert array.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("value", ["abc", None, 1j, [1, "a"], [[1, 2], [3]], {"a": 1}, object()])
def test_what_is_not_a_number_is_a_type_error_that_names_the_argument(value):
    with pytest.raises(TypeError, match=r"^speed: expected (real )?numbers.*, got "):
        finite_array("speed", value, ndim=(0, 1, 2))


def test_the_wrong_number_of_axes_is_named_with_the_right_ones_and_the_shape():
    with pytest.raises(ValueError, match=r"x: .* 0 or 2 axes, got 1 \(shape \(3,\)\)"):
        finite_array("x", np.zeros(3), ndim=(0, 2))


def test_an_empty_array_is_refused_with_its_shape():
    with pytest.raises(ValueError, match=r"x: expected at least one number.*\(shape \(0, 3\)\)"):
        finite_array("x", np.zeros((0, 3)), ndim=2)


@given(
    arrays(np.float64, (2, 3), elements=numbers),
    st.integers(0, 1),
    st.integers(0, 2),
    st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_a_number_that_is_not_finite_is_named_with_its_index(array, i, j, bad):
    array[i, j] = bad
    with pytest.raises(ValueError) as caught:
        finite_array("x", array, ndim=2)
    assert str(caught.value) == f"x: expected finite numbers, got {bad} at index [{i}, {j}]"


def test_a_single_number_that_is_not_finite_has_no_index():
    with pytest.raises(ValueError, match=r"^x: expected finite numbers, got nan$"):
        finite_array("x", np.nan, ndim=0)


@given(st.integers(0, 10), st.integers(0, 10))
def test_a_whole_number_passes_exactly_from_the_least_on(value, least):
    if value >= least:
        assert whole_number("n", np.int64(value), least) == value
    else:
        with pytest.raises(ValueError, match=f"^n: expected at least {least}, got {value}$"):
            whole_number("n", value, least)


def test_a_whole_number_may_have_a_largest_value():
    assert whole_number("n", 3, 0, 3) == 3
    with pytest.raises(ValueError, match=r"^n: expected at most 3, got 4$"):
        whole_number("n", 4, 0, 3)


@pytest.mark.parametrize("value", [2.5, 2.0, "3", None, True, np.True_, [1]])
def test_what_is_not_a_whole_number_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"^n: expected a whole number, got "):
        whole_number("n", value, least=0)
