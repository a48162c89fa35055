"""Depths of planets that only graze their star, where one Gaussian does not hold.

Light that a grazing planet hides can be more planet farther out or less planet farther in. Where
that leaves the depth open by more than `CERTAIN`, or where the planet is expected to graze and one
of several solutions has been found, the line between them is walked: white light is fitted at fixed
impact parameters, and the fits are weighed by their likelihood. Any other depth is known as well as
its Gaussian says.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.population import WindowPrior
from ariel_kit.light_curve.white_light import WhiteLight, refit_white_light
from ariel_kit.light_curve.window import IMPACT

CERTAIN = 0.1
"""Sigma of a white depth, relative to the depth, up to which one Gaussian holds. Of 31 simulated
planets at impact parameters of 0.72 to 0.97 that kept within it, none was wrong by two sigma."""
SIGMAS = np.linspace(-2.5, 2.5, 11)
"""Squared impact parameters that are tried, in sigmas of the prior from its mean."""
WIDENING = 2.0
"""Of the depth's sigma over that of the walk: the law of limb darkening at the very edge of a star,
where all the hidden light of these planets comes from, is known worst."""
NAIL = 1e6
"""Precision with which an impact parameter is held, relative to that of the prior."""


def graze(white: WhiteLight) -> np.ndarray:
    """Say whose depth is open since it may only graze its star [shape=(planet,), dtype=bool]."""
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
    """Walk along the impact parameters of grazing planets.

    Parameters
    ----------
    white : WhiteLight
    light : Light
        That was fitted.
    drift_covariance : ndarray [shape=(degree, degree)]

    Returns
    -------
    white : WhiteLight
        Each planet's best fit.
    spread : ndarray [shape=(planet,), dtype=float64]
        Standard deviation of the depth to count with; zero for planets that do not graze.
    """
    spread, rows = np.zeros(len(white.depth)), np.flatnonzero(graze(white))
    for row in rows.tolist():
        own, part = white.take([row]), light.take([row])
        tries = [_at(own, part, drift_covariance, step) for step in SIGMAS]
        depth, sigma, cost = np.array([[t.depth[0], t.sigma[0, -1], t.cost[0]] for t in tries]).T
        cost = cost + SIGMAS**2
        weight = np.exp(-0.5 * (cost - cost.min()))
        weight /= weight.sum()
        best = refit_white_light(
            replace(tries[int(np.argmin(cost))], prior=own.prior), part, drift_covariance
        )
        own = own.better_of(best)
        variance = weight @ (sigma**2 + (depth - own.depth[0]) ** 2)
        spread[row] = WIDENING * np.sqrt(variance)
        white = white.with_rows([row], own)
    return white, spread


def _at(white: WhiteLight, light: Light, drift_covariance: np.ndarray, step: float) -> WhiteLight:
    """Fit one planet with its squared impact parameter held `step` sigmas from the prior's mean.

    The depth starts from what hides as much light as the fit so far.
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
