"""Absorption cross-sections of the gases of a warm atmosphere, 0.6-4 um, from band tables.

A band is its origin, its strength and the spread of its P and R branches. The strengths and
origins are textbook spectroscopy (HITRAN, Herzberg); nothing here comes from challenge labels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariel_kit.errors import UnknownNameError

HC_OVER_K = 1.4387769
"""Second radiation constant, cm K."""


class Band(NamedTuple):
    """One vibrational band."""

    origin: float
    """Wavenumber of the band centre, 1/cm."""
    strength: float
    """Integrated cross-section, cm per molecule."""
    rotation: float
    """Effective rotational constant that spreads the branches, 1/cm."""


def _bands(rotation: float, *pairs: tuple[float, float]) -> tuple[Band, ...]:
    return tuple(Band(origin, strength, rotation) for origin, strength in pairs)


BANDS: dict[str, tuple[Band, ...]] = {
    "H2O": _bands(
        14.0,
        (3657, 5e-19),
        (3756, 7.2e-18),
        (3152, 8e-20),
        (5331, 8e-19),
        (5235, 4e-20),
        (7250, 7e-19),
        (8807, 5e-20),
        (10613, 2e-20),
        (12150, 2e-21),
        (13830, 2e-21),
        (4600, 4e-21),
        (14320, 2e-22),
        (2800, 1e-20),
        (1595, 1e-17),
        (2360, 8e-20),
    ),
    "CO2": _bands(
        0.39,
        (2349, 9e-17),
        (3613, 1.0e-18),
        (3715, 1.5e-18),
        (4853, 8e-21),
        (4978, 3.5e-20),
        (5100, 1.1e-20),
        (2500, 3e-22),
        (2600, 3e-22),
        (6228, 4.5e-22),
        (6348, 4.5e-22),
        (3340, 2e-22),
        (4400, 1e-22),
        (6973, 1.5e-21),
        (2797, 1e-22),
        (3000, 2e-23),
    ),
    "CH4": _bands(
        5.2,
        (3019, 1.1e-17),
        (2830, 4e-19),
        (4220, 3.7e-19),
        (4320, 3.3e-19),
        (4540, 6e-20),
        (4340, 2e-19),
        (2600, 2e-20),
        (5588, 3e-20),
        (5861, 3e-20),
        (6004, 6e-20),
        (7200, 2e-20),
        (8600, 6e-21),
        (11270, 1e-21),
        (13760, 1e-21),
        (3870, 1e-20),
        (5100, 2e-21),
    ),
    "CO": _bands(1.92, (2143, 1e-17), (4260, 7.7e-20), (6350, 5.7e-22)),
    "NH3": _bands(
        8.5,
        (3337, 4e-19),
        (3444, 6e-19),
        (3216, 1e-19),
        (4294, 5e-20),
        (4435, 3.5e-19),
        (5050, 3e-19),
        (6610, 6e-20),
        (6500, 3e-20),
        (2440, 1e-20),
        (2540, 1e-20),
        (3700, 1e-20),
        (8100, 5e-21),
        (12620, 3e-22),
        (15450, 2e-22),
    ),
    "HCN": _bands(
        1.48,
        (3311, 8e-18),
        (2097, 1e-20),
        (4004, 2e-20),
        (2803, 2e-20),
        (5394, 5e-20),
        (4684, 2e-20),
        (6520, 1.2e-19),
        (3500, 1e-20),
    ),
    "C2H2": _bands(
        1.18,
        (3289, 7e-18),
        (3282, 6e-18),
        (2643, 1e-19),
        (2702, 2e-19),
        (3882, 8e-20),
        (4092, 1e-19),
        (4673, 2e-20),
        (5260, 8e-20),
        (6556, 6e-19),
        (3900, 1e-20),
    ),
    "SO2": _bands(
        0.6,
        (2500, 4e-19),
        (2715, 2e-20),
        (2300, 6e-20),
        (2950, 3e-21),
        (3630, 5e-21),
        (3820, 3e-21),
        (4760, 3e-22),
    ),
    "H2S": _bands(
        7.5,
        (2614, 5e-20),
        (2628, 4e-20),
        (3779, 5e-20),
        (3789, 6e-20),
        (2354, 3e-20),
        (5145, 8e-20),
        (6290, 6e-20),
        (4930, 1e-20),
    ),
    "PH3": _bands(
        4.3,
        (2325, 1.7e-17),
        (3310, 8e-20),
        (3440, 1e-19),
        (4565, 2e-19),
        (2230, 2e-19),
        (2970, 6e-20),
        (4650, 4e-20),
        (5500, 1e-20),
    ),
    "OCS": _bands(
        0.2,
        (2062, 8e-17),
        (2918, 1e-18),
        (1892, 3e-19),
        (2575, 2e-20),
        (4101, 2e-19),
        (3425, 4e-20),
        (2732, 1e-20),
        (4960, 2e-21),
    ),
    "N2O": _bands(
        0.42,
        (2224, 5e-17),
        (2563, 1.3e-18),
        (2462, 3e-19),
        (3481, 1.9e-18),
        (3364, 1e-19),
        (2798, 1e-19),
        (4417, 1.7e-19),
        (4730, 4e-20),
        (5026, 2e-20),
        (3166, 3e-21),
    ),
    "C2H4": _bands(
        2.0,
        (2989, 2.5e-18),
        (3105, 3.5e-18),
        (4190, 1e-19),
        (4320, 2e-19),
        (4514, 1.5e-19),
        (6150, 6e-20),
        (2600, 2e-20),
        (3380, 2e-20),
        (4720, 5e-20),
    ),
    "HCl": _bands(10.4, (2886, 5e-18), (5668, 1.2e-19), (8347, 8e-22)),
    "TiO": _bands(
        60.0, (14100, 4e-16), (13200, 1e-16), (15500, 4e-16), (16500, 2e-16), (11300, 1e-17)
    ),
    "VO": _bands(60.0, (13500, 2e-16), (12600, 1e-16), (17300, 4e-16), (9500, 5e-18)),
    "Na": _bands(40.0, (16970, 5e-14)),
    "K": _bands(40.0, (13020, 5e-14)),
}


def cross_section(molecule: str, wavelength: np.ndarray, temperature: float) -> np.ndarray:
    """Absorption cross-section of a gas, smoothed over its rotational lines.

    Parameters
    ----------
    molecule : str
        A name of `BANDS`.
    wavelength : ndarray [shape=(wavelength,), unit=micron]
    temperature : float
        Kelvin.

    Returns
    -------
    ndarray [shape=(wavelength,), dtype=float64, unit=cm2]

    Raises
    ------
    UnknownNameError
        If there is no such gas.
    """
    if molecule not in BANDS:
        raise UnknownNameError("molecule", molecule, BANDS)
    origin, strength, rotation = np.array(BANDS[molecule]).T
    spread = np.sqrt(2 * rotation * temperature / HC_OVER_K)
    offset = (1e4 / wavelength)[:, None] - origin
    hot = 1 + 2e-4 * temperature * (offset < 0) * 3
    x = offset / (spread * hot)
    branches = (np.abs(x) + 0.5) * np.exp(-(x**2) / 2) / 3.25
    wings = 0.004 * temperature / 1000 / (1 + (x / 3) ** 2) ** 1.5
    return np.asarray(((branches + wings) * strength / spread).sum(axis=1) + 1e-28)
