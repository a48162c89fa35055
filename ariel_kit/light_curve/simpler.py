"""White-light fits with fewer parameters, for light that bends the full fit out of shape.

What no drift and no noise explains, a flare or a jump, can drag limb darkening to where no star
is. The coordinates of the window are then held at what was believed of them: first the limb
darkening, then the path but for its mid-time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
RUNGS = ("", "limb darkening is held", "limb darkening and path are held")
"""What is held, the full fit first; the name of each is also the flag of the planet."""


@dataclass(frozen=True)
class Held:
    """What is held of the windows of a batch.

    Attributes
    ----------
    rung : ndarray [shape=(planet,), dtype=int64]
        Place in `RUNGS`.
    """

    rung: np.ndarray

    def take(self, rows: list[int]) -> Held:
        """Some of the planets."""
        return Held(self.rung[rows])

    def believe(self, prior: WindowPrior) -> WindowPrior:
        """Hold what is held at the mean of a prior."""
        size = prior.mean.shape[1]
        scale = np.ones(prior.mean.shape)
        for row, rung in enumerate(self.rung):
            scale[row, _first_held(rung, size) :] = HELD
        precision = prior.precision / (scale[:, :, None] * scale[:, None, :])
        return WindowPrior(prior.mean, precision, prior.orbit)


def _first_held(rung: int, size: int) -> int:
    """Place of the first coordinate that a rung holds; all after it are held too."""
    return (size, PATH, 1)[rung]


def is_trusted(white: WhiteLight) -> np.ndarray:
    """Say which fits found a transit before a star as stars are [shape=(planet,), dtype=bool]."""
    found = np.isfinite(white.sigma).all(axis=1) & (white.rms <= LARGEST_RESIDUAL)
    return found & (_distance_of_law(white) <= FARTHEST_LAW)


def _distance_of_law(white: WhiteLight) -> np.ndarray:
    """Distance of each law of limb darkening from the prior's, in sigmas [shape=(planet,)]."""
    off = (white.window - white.prior.mean)[:, PATH:]
    covariance = np.linalg.inv(white.prior.precision)[:, PATH:, PATH:]
    return np.sqrt(np.einsum("pi,pij,pj->p", off, np.linalg.inv(covariance), off))


def simplify(
    white: WhiteLight, light: Light, drift_covariance: np.ndarray
) -> tuple[WhiteLight, Held]:
    """Fit again with fewer parameters where a fit is not to be trusted.

    Parameters
    ----------
    white : WhiteLight
    light : Light
        That was fitted.
    drift_covariance : ndarray [shape=(degree, degree)]

    Returns
    -------
    white : WhiteLight
        The first fit of each planet that is trusted; where there is none, that with fewest
        parameters.
    held : Held
    """
    held = Held(np.zeros(len(white.depth), dtype=np.int64))
    for rung in range(1, len(RUNGS)):
        rows = np.flatnonzero(~is_trusted(white)).tolist()
        if not rows:
            break
        held.rung[rows] = rung
        simpler = _refit(white.take(rows), light.take(rows), drift_covariance, held.take(rows))
        white = white.with_rows(rows, simpler)
    return white, held


def _refit(white: WhiteLight, light: Light, drift_covariance: np.ndarray, held: Held) -> WhiteLight:
    """Fit from the expected window, at the mid-time found, with some of it held."""
    start = white.prior.mean.copy()
    start[:, 0] = white.window[:, 0]
    prior = held.believe(white.prior)
    return refit_white_light(replace(white, window=start, prior=prior), light, drift_covariance)
