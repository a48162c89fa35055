"""Depths of grazing planets, whose posterior is not Gaussian.

The flux that a grazing planet blocks can come from a larger planet farther out or from a smaller
planet farther in. Where the relative uncertainty of the depth exceeds `CERTAIN`, or where the
catalogue's orbit grazes and the fit may have found one of several solutions, white light is fitted
at a grid of fixed impact parameters, and the fits are weighted by their posterior probability. For
all other planets the Gaussian posterior is used.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.population import WindowPrior
from ariel_kit.light_curve.white_light import WhiteLight, refit_white_light
from ariel_kit.light_curve.window import IMPACT

CERTAIN = 0.1
"""Largest relative sigma of a white-light depth for which the Gaussian posterior is used. Of 31
simulated planets at impact parameters of 0.72 to 0.97 within this limit, none was wrong by two
sigma."""
SIGMAS = np.linspace(-2.5, 2.5, 11)
"""Grid of squared impact parameters, as offsets from the prior's mean in units of its sigma."""
WIDENING = 2.0
"""Factor by which the sigma from the grid is multiplied. It allows for the limb darkening at the
edge of the star, where all the flux that these planets block comes from and where it is known
least."""
NAIL = 1e6
"""Precision of a fixed impact parameter, relative to the precision of its prior."""


def graze(white: WhiteLight) -> np.ndarray:
    """Test which planets need a grid of impact parameters [shape=(planet,), dtype=bool]."""
    expected = white.prior.mean[:, IMPACT]
    sigma = np.sqrt(np.linalg.inv(white.prior.precision)[:, IMPACT, IMPACT])
    farthest = np.maximum(white.window[:, IMPACT], expected + 2 * sigma)
    may_graze, should_graze = (
        np.sqrt(np.maximum(squared, 0.0)) > 1 - np.sqrt(white.depth)
        for squared in (farthest, expected)
    )
    is_open = white.sigma[:, -1] > CERTAIN * white.depth
    return np.asarray(may_graze & (is_open | should_graze))


def explore_grazing(
    white: WhiteLight, light: Light, drift_covariance: np.ndarray
) -> tuple[WhiteLight, np.ndarray]:
    """Fit the grazing planets of a batch at a grid of fixed impact parameters.

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
        Fit of lowest cost of each planet.
    spread : ndarray [shape=(planet,), dtype=float64]
        Sigma of the depth over the grid; zero for planets that were not fitted at a grid.
    """
    spread, rows = np.zeros(len(white.depth)), np.flatnonzero(graze(white))
    for row in rows.tolist():
        planet, planet_light = white.take([row]), light.take([row])
        fits = [_at(planet, planet_light, drift_covariance, step) for step in SIGMAS]
        depth, sigma, cost = np.array([[t.depth[0], t.sigma[0, -1], t.cost[0]] for t in fits]).T
        cost = cost + SIGMAS**2
        weight = np.exp(-0.5 * (cost - cost.min()))
        weight /= weight.sum()
        best = refit_white_light(
            replace(fits[int(np.argmin(cost))], prior=planet.prior), planet_light, drift_covariance
        )
        planet = planet.better_of(best)
        variance = weight @ (sigma**2 + (depth - planet.depth[0]) ** 2)
        spread[row] = WIDENING * np.sqrt(variance)
        white = white.with_rows([row], planet)
    return white, spread


def _at(white: WhiteLight, light: Light, drift_covariance: np.ndarray, step: float) -> WhiteLight:
    """Fit one planet with its squared impact parameter fixed `step` sigmas from the prior's mean.

    The fit starts from the depth of the fit so far and from twice that depth; the better is kept.
    """
    prior = white.prior
    sigma = np.sqrt(np.linalg.inv(prior.precision)[0, IMPACT, IMPACT])
    mean, precision = prior.mean.copy(), prior.precision.copy()
    mean[0, IMPACT] += step * sigma
    precision[0, IMPACT, IMPACT] *= NAIL
    held = WindowPrior(mean, precision, prior.orbit)
    window = white.window.copy()
    window[0, IMPACT] = mean[0, IMPACT]
    starts = [
        replace(white, window=window, depth=white.depth * factor, prior=held)
        for factor in (1.0, 2.0)
    ]
    first, second = (refit_white_light(one, light, drift_covariance) for one in starts)
    return first.better_of(second)
