"""White-light fits with fewer parameters, for light that bends the full fit out of shape.

What no drift and no noise explains, a flare or a jump, can drag limb darkening to where no star
is. It is then held at what was believed of it before any light was seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.population import WindowPrior
from ariel_kit.light_curve.white_light import WhiteLight, refit_white_light
from ariel_kit.light_curve.window import PATH

LARGEST_RESIDUAL = 5.0
"""White-light residual, in units of the noise, above which a fit has not found the transit."""
FARTHEST_LAW = 6.0
"""Distance of a law of limb darkening from the expected one, in sigmas of the prior."""
HELD = 1e-3
"""Sigma of a coordinate that is held, relative to its prior's."""


def hold_limb_darkening(prior: WindowPrior, held: np.ndarray) -> WindowPrior:
    """Hold the limb darkening of some planets at the prior's mean.

    Parameters
    ----------
    prior : WindowPrior
    held : ndarray [shape=(planet,), dtype=bool]

    Returns
    -------
    WindowPrior
    """
    scale = np.ones(prior.mean.shape)
    scale[held, PATH:] = HELD
    precision = prior.precision / (scale[:, :, None] * scale[:, None, :])
    return replace(prior, precision=precision)


def is_trusted(white: WhiteLight) -> np.ndarray:
    """Say which fits found a transit before a star as stars are [shape=(planet,), dtype=bool]."""
    found = np.isfinite(white.sigma).all(axis=1) & (white.rms <= LARGEST_RESIDUAL)
    return found & (distance_of_law(white) <= FARTHEST_LAW)


def distance_of_law(white: WhiteLight) -> np.ndarray:
    """Measure how far each law of limb darkening is from the prior's, sigmas [shape=(planet,)]."""
    off = (white.window - white.prior.mean)[:, PATH:]
    covariance = np.linalg.inv(white.prior.precision)[:, PATH:, PATH:]
    return np.sqrt(np.einsum("pi,pij,pj->p", off, np.linalg.inv(covariance), off))


def simplify(
    white: WhiteLight, light: Light, drift_covariance: np.ndarray
) -> tuple[WhiteLight, np.ndarray]:
    """Fit again with the limb darkening held where the full fit is not to be trusted.

    Parameters
    ----------
    white : WhiteLight
    light : Light
        That was fitted.
    drift_covariance : ndarray [shape=(degree, degree)]

    Returns
    -------
    white : WhiteLight
    held : ndarray [shape=(planet,), dtype=bool]
        Whose limb darkening is held.
    """
    held = ~is_trusted(white)
    if white.window.shape[1] == PATH or not held.any():
        return white, np.zeros_like(held)
    rows = np.flatnonzero(held).tolist()
    own = white.take(rows)
    start = own.prior.mean.copy()
    start[:, 0] = own.window[:, 0]
    prior = hold_limb_darkening(own.prior, np.ones(len(rows), dtype=bool))
    simpler = replace(own, window=start, prior=prior)
    simpler = refit_white_light(simpler, light.take(rows), drift_covariance)
    return white.with_rows(rows, simpler), held
