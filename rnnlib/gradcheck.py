"""Does the gradient belong to the loss? Finite differences know, whatever the derivation said."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

__all__ = ["check_gradients", "numerical_gradients", "relative_error"]


def numerical_gradients(
    model: Any,
    inputs: np.ndarray,
    targets: np.ndarray,
    eps: float = 1e-5,
    **options: Any,
) -> dict[str, np.ndarray]:
    """Measure the gradient by nudging one number at a time: central differences.

        ∂L/∂w ≈ (L(w + ε) − L(w − ε)) / 2ε        (the error shrinks like ε²)

    Arguments
        model    anything with `params` and `loss_and_grads(inputs, targets, **options)`;
                 a copy is nudged, the model itself stays as it is
        inputs, targets, options  handed to `loss_and_grads`
        eps      ε; 1e-5 is about the best for float64 (chapter *gradient-checking*)

    Returns
        grads  same keys and shapes as `model.params`, in float64

    Errors
        ValueError  eps is not above 0
        TypeError   a parameter that is not an array of floats: it cannot be nudged in place

    Chapter: *linear-rnn*.
    """
    if isinstance(eps, str) or not 0 < eps < np.inf:
        raise ValueError(
            f"eps: expected a finite number above 0, got {eps!r:.60}"
        )
    for name, param in model.params.items():
        if not isinstance(param, np.ndarray) or param.dtype.kind != "f":
            raise TypeError(
                f"params[{name!r}]: expected an array of floats, got {param!r:.60}"
            )
    probe = copy.deepcopy(model)

    def loss() -> float:
        """The loss of the copy, with whatever nudge it has."""
        return probe.loss_and_grads(inputs, targets, **options)[0]

    grads = {}
    for name, param in probe.params.items():
        grads[name] = np.zeros(param.shape)
        for index in np.ndindex(param.shape):
            here = param[index].copy()
            param[index] = here + eps
            above = loss()
            param[index] = here - eps
            below = loss()
            param[index] = here
            grads[name][index] = (above - below) / (2 * eps)
    return grads


def relative_error(grad: np.ndarray, measured: np.ndarray) -> float:
    """How far two gradients are apart, from 0 (equal) to 1 (opposite, or one of them is zero).

        ‖g − n‖ / (‖g‖ + ‖n‖),    0 when both are zero

    Errors
        ValueError  different shapes

    Chapter: *linear-rnn*.
    """
    grad, measured = np.asarray(grad), np.asarray(measured)
    if grad.shape != measured.shape:
        raise ValueError(
            f"measured: expected shape {grad.shape}, got {measured.shape}"
        )
    largest = max(
        np.max(np.abs(grad), initial=0), np.max(np.abs(measured), initial=0)
    )
    if largest == 0:
        return 0.0
    # In units of the largest number, the squares inside the norms neither overflow nor vanish.
    grad, measured = grad / largest, measured / largest
    gap = np.linalg.norm(grad - measured)
    return float(gap / (np.linalg.norm(grad) + np.linalg.norm(measured)))


def check_gradients(
    model: Any,
    inputs: np.ndarray,
    targets: np.ndarray,
    tolerance: float = 1e-7,
    eps: float = 1e-5,
    **options: Any,
) -> dict[str, float]:
    """Compare the model's gradient with finite differences; fail with the place of the fault.

    Arguments
        model, inputs, targets, eps, options  as for `numerical_gradients`
        tolerance  the largest relative error that passes

    Returns
        errors  the relative error of each parameter

    Check at a point where no gradient vanishes: where it is 0, at a minimum for one, the finite
    differences leave some 1e-7 of cut-off and rounding, and any error relative to 0 is too large.

    Errors
        AssertionError  names or shapes that differ from `params`, NaN or an infinity on either
            side, or a relative error above the tolerance. The message names the parameter, the
            index of the largest difference, and both values there.

    Chapters: *linear-rnn*, *gradient-checking*.
    """
    grads = model.loss_and_grads(inputs, targets, **options)[1]
    if grads.keys() != model.params.keys():
        raise AssertionError(
            f"gradients for {sorted(grads)}, but the parameters are {sorted(model.params)}"
        )
    measured = numerical_gradients(model, inputs, targets, eps, **options)
    return {
        name: _check_one(name, grads[name], measured[name], tolerance)
        for name in grads
    }


def _check_one(
    name: str, grad: np.ndarray, measured: np.ndarray, tolerance: float
) -> float:
    grad = np.asarray(grad)
    if grad.shape != measured.shape:
        raise AssertionError(
            f"{name}: the gradient has shape {grad.shape}, the parameter {measured.shape}"
        )
    gap = np.abs(grad - measured)
    # NaN compares as false with everything, so it must be looked for, not waited for.
    if not np.all(np.isfinite(gap)):
        worst = tuple(int(i) for i in np.argwhere(~np.isfinite(gap))[0])
        verdict = "not finite"
    else:
        worst = tuple(
            int(i) for i in np.unravel_index(np.argmax(gap), gap.shape)
        )
        error = relative_error(grad, measured)
        if error <= tolerance:
            return error
        verdict = f"relative error {error:.1e}, more than {tolerance:.0e}"
    raise AssertionError(
        f"{name}{list(worst) if worst else ''}: the gradient says {grad[worst]:.8g}, "
        f"finite differences say {measured[worst]:.8g} ({verdict})"
    )
