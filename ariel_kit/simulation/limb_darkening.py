"""Limb darkening of simulated stars: a four-coefficient law at every wavelength.

The stars follow a power law in mu (Hestroffer 1997), ``I(mu) = 1 - c (1 - mu^a)``, converted to
four coefficients. The values of c and a are round numbers near those tabulated for dwarfs of 4000
to 7000 K (Claret & Bloemen 2011; Morello et al. 2017; Maxted 2018): limbs are darker in FGS1 than
in AIRS, and in cool stars than in hot ones. Both numbers scatter from star to star, and c varies
over AIRS in a way that no quadratic law with a linear slope reproduces exactly.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ariel_kit.core.instruments import wavelengths
from ariel_kit.simulation.transits import N_LAW

REFERENCE_TEMPERATURE = 5800.0
"""Temperature, in kelvin, at which the values below apply."""
REFERENCE_WAVELENGTH = 2.8
"""Wavelength, in micron, at which the values of AIRS apply."""
FGS1_DARKENING, AIRS_DARKENING = (0.57, -0.08), (0.27, -0.04)
"""Value of c, and its change per 1000 K."""
FGS1_POWER, AIRS_POWER = (0.65, -0.05), (0.42, 0.02)
"""Value of a, and its change per 1000 K."""
DARKENING_COLOUR, POWER_COLOUR = -0.4, -0.2
"""Exponents of the power laws in wavelength that c and a follow over AIRS."""
FGS1_SCATTER, AIRS_SCATTER = (0.03, 0.05), (0.02, 0.04)
"""Standard deviations over stars of c and of a."""
WIGGLE = 0.01
"""Standard deviation over stars of the amplitude of an oscillation of c over AIRS."""


def draw_law(rng: np.random.Generator, temperature: float) -> np.ndarray:
    """Draw the limb darkening of one star.

    Parameters
    ----------
    rng : numpy.random.Generator
    temperature : float
        Effective temperature in kelvin.

    Returns
    -------
    ndarray [shape=(283, 4), dtype=float64]
        Four coefficients per wavelength, FGS1 first.

    Examples
    --------
    >>> law = draw_law(np.random.default_rng(0), 5800.0)
    >>> limb = 1 - law.sum(axis=1)  # intensity at the limb over that at the centre
    >>> bool(limb[0] < limb[1:].min())
    True
    """
    warmth = (temperature - REFERENCE_TEMPERATURE) / 1000
    ratio = wavelengths()[1:] / REFERENCE_WAVELENGTH
    numbers = []
    for fgs1, airs, colour, place in (
        (FGS1_DARKENING, AIRS_DARKENING, DARKENING_COLOUR, 0),
        (FGS1_POWER, AIRS_POWER, POWER_COLOUR, 1),
    ):
        alone = fgs1[0] + fgs1[1] * warmth + FGS1_SCATTER[place] * rng.standard_normal()
        level = airs[0] + airs[1] * warmth + AIRS_SCATTER[place] * rng.standard_normal()
        numbers.append(np.append(alone, level * ratio**colour))
    darkening, power = numbers
    darkening[1:] += WIGGLE * rng.standard_normal() * np.cos(3 * np.pi * np.log2(ratio))
    return darkening[:, None] * _power_in_four(np.maximum(power, 0.1))


def quadratic_law(u1: float, u2: float) -> np.ndarray:
    """Convert a quadratic law of limb darkening to four coefficients.

    ``1 - u1 (1 - mu) - u2 (1 - mu)^2`` is ``1 - (u1 + 2 u2) (1 - mu) + u2 (1 - mu^2)``.

    Returns
    -------
    ndarray [shape=(4,), dtype=float64]

    Examples
    --------
    >>> quadratic_law(0.3, 0.1)
    array([ 0. ,  0.5,  0. , -0.1])
    """
    return np.array([0.0, u1 + 2 * u2, 0.0, -u2])


def _power_in_four(power: np.ndarray) -> np.ndarray:
    """Expand 1 - mu^power in the terms 1 - mu^(n/2) [shape=(wavelength, 4)]."""
    mu, solve = _solver()
    return np.asarray((1 - mu ** power[:, None]) @ solve.T)


@cache
def _solver() -> tuple[np.ndarray, np.ndarray]:
    """Build a grid of mu, and the matrix of a least-squares fit weighted by the disc's area."""
    mu = (np.arange(200) + 0.5) / 200
    weight = np.sqrt(mu)  # the area of a ring is proportional to mu
    terms = 1 - mu[:, None] ** (np.arange(1, N_LAW + 1) / 2)
    return mu, np.linalg.pinv(weight[:, None] * terms) * weight
