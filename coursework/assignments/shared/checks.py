# Given: the checks below use these. Leave this cell as it is:
# it is put back before grading.
import numpy as np


def expect(what, got, want, see, tolerance=1e-8):
    """Raise an error that says how `got` differs from `want`."""
    if got is None:
        raise AssertionError(f"{what}: nothing came back, no `return`? {see}")
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        shapes = f"{got.shape}, not {want.shape}"
        raise AssertionError(f"{what} has the shape {shapes}. {see}")
    if not np.all(np.isfinite(got)):
        raise AssertionError(f"{what} is not finite everywhere. {see}")
    away = np.abs(got - want) - tolerance * (1 + np.abs(want))
    if np.any(away > 0):
        at = np.unravel_index(np.argmax(away), away.shape)
        where = "[" + ", ".join(map(str, map(int, at))) + "]" if at else ""
        values = f"{got[at]:.6g}, not {want[at]:.6g}"
        raise AssertionError(f"{what}{where} is {values}. {see}")


def frozen(*arrays):
    """Return copies that nothing can write into."""
    copies = [np.array(array) for array in arrays]
    for copy in copies:
        copy.flags.writeable = False
    return copies if len(copies) > 1 else copies[0]


def slope(function, array, step=1e-5):
    """Return the gradient of a function of an array, by differences."""
    array = np.array(array, dtype=float)
    result = np.zeros_like(array)
    for place in np.ndindex(*array.shape):
        values = []
        for sign in (1, -1):
            moved = array.copy()
            moved[place] += sign * step
            values.append(function(moved))
        result[place] = (values[0] - values[1]) / (2 * step)
    return result
