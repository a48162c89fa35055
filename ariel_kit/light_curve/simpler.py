"""White-light fits with fixed limb darkening, for light curves that the full fit cannot describe.

A flare or a jump, which neither drift nor noise explains, can move the fitted limb darkening to
values that no star has. The limb darkening is then fixed at the prior's mean.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.population import WindowPrior
from ariel_kit.light_curve.white_light import WhiteLight, refit_white_light
from ariel_kit.light_curve.window import PATH

LARGEST_RESIDUAL = 5.0
"""Rms white-light residual, in units of the noise, above which a fit is not trusted."""
FARTHEST_LAW = 6.0
"""Largest Mahalanobis distance of the limb darkening from the prior's mean of a trusted fit."""
HELD = 1e-3
"""Sigma of a fixed coordinate, relative to the sigma of its prior."""


def hold_limb_darkening(prior: WindowPrior, held: np.ndarray) -> WindowPrior:
    """Fix the limb darkening of some planets at the prior's mean.

    Parameters
    ----------
    prior : WindowPrior
    held : ndarray [shape=(planet,), dtype=bool]
        Whether to fix the limb darkening of each planet.

    Returns
    -------
    WindowPrior
        The same prior with a very small covariance of those planets' limb darkening.
    """
    scale = np.ones(prior.mean.shape)
    scale[held, PATH:] = HELD
    precision = prior.precision / (scale[:, :, None] * scale[:, None, :])
    return replace(prior, precision=precision)


def is_trusted(white: WhiteLight) -> np.ndarray:
    """Test for a good residual and plausible limb darkening [shape=(planet,), dtype=bool]."""
    fits_well = np.isfinite(white.sigma).all(axis=1) & (white.rms <= LARGEST_RESIDUAL)
    return fits_well & (distance_of_law(white) <= FARTHEST_LAW)


def distance_of_law(white: WhiteLight) -> np.ndarray:
    """Compute the Mahalanobis distance of the limb darkening from its prior [shape=(planet,)]."""
    off = (white.window - white.prior.mean)[:, PATH:]
    covariance = np.linalg.inv(white.prior.precision)[:, PATH:, PATH:]
    return np.sqrt(np.einsum("pi,pij,pj->p", off, np.linalg.inv(covariance), off))


def simplify(
    white: WhiteLight, light: Light, drift_covariance: np.ndarray
) -> tuple[WhiteLight, np.ndarray]:
    """Refit the planets whose fit is not trusted, with the limb darkening fixed.

    Parameters
    ----------
    white : WhiteLight
    light : Light
        White light that was fitted.
    drift_covariance : ndarray [shape=(degree, degree)]
        Prior covariance of the Legendre coefficients of the drift.

    Returns
    -------
    white : WhiteLight
        The same fits, with the refitted planets replaced.
    held : ndarray [shape=(planet,), dtype=bool]
        Whether the limb darkening of each planet is fixed.
    """
    held = ~is_trusted(white)
    if white.window.shape[1] == PATH or not held.any():
        return white, np.zeros_like(held)
    rows = np.flatnonzero(held).tolist()
    untrusted = white.take(rows)
    start = untrusted.prior.mean.copy()
    start[:, 0] = untrusted.window[:, 0]
    prior = hold_limb_darkening(untrusted.prior, np.ones(len(rows), dtype=bool))
    simpler = replace(untrusted, window=start, prior=prior)
    simpler = refit_white_light(simpler, light.take(rows), drift_covariance)
    return white.with_rows(rows, simpler), held
