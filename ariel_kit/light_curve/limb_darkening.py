"""Limb darkening of the stars of a run, from the light curves themselves."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares

from ariel_kit.core.editions import get_edition
from ariel_kit.core.observation import Curves, Visit
from ariel_kit.light_curve.checks import find_fault, summed
from ariel_kit.light_curve.drift import default_drift
from ariel_kit.light_curve.white_light import fit_white_light

log = logging.getLogger(__name__)

PLANETS = 8
"""Light curves that are looked at: with as many, the score is within 0.002 of that with the true
pair (``pytest -m benchmark -s tests/benchmarks/test_edition_2025.py``)."""
USUAL = np.array([0.2, 0.2])
USUAL_SIGMA = 0.15
"""What is believed of (u1, u2) between 2 and 4 micron before a look at the light."""
HIGHEST = np.array([0.6, 0.4])
STEP, CLOSE, LOOKS = 0.1, 0.02, 6
"""Relative: of the slopes, and of the last move; and moves at most."""
OUTLIER = 3.0
"""Residual, in units of the noise, beyond which it counts less: a broken curve must not decide."""


def limb_darkening_of(visits: Sequence[Visit]) -> tuple[float, float]:
    """Give the coefficients of limb darkening that hold for the stars of a run.

    They are found in the light where the edition's stars are darker at their limb, and are zero
    where the stars are uniform discs.

    Parameters
    ----------
    visits : sequence of Visit

    Returns
    -------
    tuple of float
        Quadratic coefficients (u1, u2).
    """
    if any(get_edition(visit.edition).limb_darkening for visit in visits):
        return find_limb_darkening([visit.curves for visit in visits])
    return 0.0, 0.0


def find_limb_darkening(curves: Sequence[Curves]) -> tuple[float, float]:
    """The quadratic coefficients under which white light curves are most likely.

    One pair for all stars of a run.

    Parameters
    ----------
    curves : sequence of tuple of LightCurves
        Of many on one time grid, some spread over all are looked at.

    Returns
    -------
    tuple of float
        (u1, u2); the usual ones where no light curve is good enough.

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, simulate_light_curves
    >>> planets = draw_planets(2, seed=3)
    >>> u1, u2 = find_limb_darkening(simulate_light_curves(planets, seed=0))
    >>> bool(abs(u1 / 3 + u2 / 6) < 0.02)
    True
    """
    airs = [planet[0] for planet in curves if find_fault(planet) is None]
    airs = [curve for curve in airs if np.array_equal(curve.time, airs[0].time)]
    if not airs:
        return tuple(USUAL.tolist())
    spread = np.unique(np.linspace(0, len(airs) - 1, PLANETS).round().astype(int))
    light, drift = summed([airs[i] for i in spread]), default_drift().covariance

    def residual(pair: np.ndarray) -> np.ndarray:
        u1, u2 = pair.tolist()
        white = fit_white_light(*light, drift, limb_darkening=(u1, u2))
        return np.append(white.residual, (pair - USUAL) / USUAL_SIGMA)

    found = least_squares(
        residual,
        USUAL,
        bounds=(np.zeros(2), HIGHEST),
        diff_step=STEP,
        xtol=CLOSE,
        ftol=1e-4,
        max_nfev=LOOKS,
        loss="soft_l1",
        f_scale=OUTLIER,
    )
    u1, u2 = found.x.round(3).tolist()
    log.info("limb darkening (%.3f, %.3f), from %d light curves", u1, u2, len(spread))
    return u1, u2
