"""Absorption cross-sections of the gases of a warm atmosphere at the kit's 283 wavelengths.

The cross-section of a gas is the sum of its vibrational bands. Each band has a centre, an
integrated strength, and an envelope of rotational branches with far wings. Centres and strengths
are rounded values of published tables: HITRAN (Gordon et al. 2022, band sums at 296 K) and Herzberg
(1945, 1966). The fundamental band of the hydrogen continuum follows Reddy, Varghese & Prasad (1977)
and Borysow (2002). No challenge data are used and no opacity table is copied.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ariel_kit.core.errors import UnknownNameError
from ariel_kit.core.instruments import wavelengths

TEMPERATURES = np.array([500.0, 700.0, 1000.0, 1400.0, 2000.0])
"""Temperatures of the rows of every opacity table, in kelvin."""

KNOWN_MOLECULES = ("H2O", "CO2", "CH4")
"""Gases whose features are in the 2024 training labels."""

HC_OVER_K = 1.4387769
"""Second radiation constant, in cm K."""

FGS1_BAND = (0.60, 0.80)
"""Limits of the FGS1 band, in micron."""

CONTINUUM = ((4350.0, 6e-45), (8500.0, 1e-46), (12500.0, 2e-48))
"""Centre in 1/cm and height in cm5 of the fundamental and two overtones of hydrogen pairs."""
CONTINUUM_TEMPERATURE = 500.0
"""Temperature, in kelvin, at which these heights apply."""
CONTINUUM_BLUE = 560.0
"""Decay length of a band's blue wing at that temperature, in 1/cm."""

CHANNEL = 12.0
"""Width of an AIRS channel, in 1/cm."""

FLOOR = 1e-28
"""Cross-section, in cm2, that is added everywhere so that the logarithm is finite between bands."""


class Band(NamedTuple):
    """One vibrational band of a gas."""

    origin: float
    """Wavenumber of the band centre, in 1/cm."""
    strength: float
    """Integrated cross-section, in cm per molecule."""


class Envelope(NamedTuple):
    """Shape of the bands of a gas about their origins.

    Lines from excited levels are at lower wavenumbers, and the hotter the gas, the more of them
    there are. Therefore the red branch is stretched, and an exponential red tail describes the
    excitation of the bending modes.
    """

    rotation: float
    """Effective rotational constant, in 1/cm, which sets the width of the P and R branches."""
    q_branch: float
    """Share of a band's strength in the Q branch at its origin."""
    q_width: float = 12.0
    """Width of the Q branch, in 1/cm; a channel is about 12 /cm wide."""
    gap: float = 0.5
    """Height between the branches, relative to their slope."""
    stretch: float = 1.0
    """Relative stretch of the red branch at 1700 K."""
    tail: float = 0.0
    """Height of the red tail relative to that of the branches."""
    tail_length: float = 0.05
    """Decay length of the red tail, in 1/cm per kelvin."""
    wing: float = 0.004
    """Height of the far wings at 1000 K; those of carbon dioxide are sub-Lorentzian."""


class BandSystem(NamedTuple):
    """The bands of one gas."""

    envelope: Envelope
    bands: tuple[Band, ...]


def _system(envelope: Envelope, *bands: tuple[float, float]) -> BandSystem:
    return BandSystem(envelope, tuple(Band(*band) for band in bands))


# These shapes are chosen to match the principal components and smoothness of the 2024 labels.
CARBON_DIOXIDE = Envelope(
    0.23, 0.45, q_width=20.0, gap=0.05, stretch=5.0, tail=0.2, tail_length=0.083, wing=0.0
)
METHANE = Envelope(
    6.1, 0.022, q_width=8.0, gap=0.35, stretch=0.11, tail=1.7, tail_length=0.02, wing=5e-5
)

# Origins and strengths from HITRAN and Herzberg; overtones are correct to a factor of a few.
BAND_SYSTEMS: dict[str, BandSystem] = {
    "H2O": _system(
        Envelope(17.0, 0.0),
        (1595, 1.05e-17), (3152, 7.6e-20), (3657, 5.0e-19), (3756, 7.2e-18),
        (4667, 4e-22), (5235, 4e-20), (5331, 8.0e-19), (6775, 2e-21), (6871, 5e-20),
        (7201, 5e-20), (7250, 5.6e-19), (8807, 5e-20), (10613, 2e-20), (12151, 4e-22),
        (13653, 1e-22), (13831, 2.6e-21), (15348, 8e-23), (16899, 2e-22),
    ),
    "CO2": _system(
        CARBON_DIOXIDE,
        (2349, 9.2e-17), (3613, 1.0e-18), (3715, 1.5e-18), (4854, 7.8e-21),
        (4978, 3.5e-20), (5100, 1.1e-20), (2614, 1e-22), (2758, 5e-23), (3181, 3e-23),
        (3339, 1e-22), (6228, 4.6e-22), (6348, 4.6e-22),
    ),
    "CH4": _system(
        METHANE,
        (1311, 5.1e-18), (2612, 5.4e-20), (2830, 4e-19), (3019, 1.05e-17),
        (3065, 3e-19), (3870, 2e-20), (4123, 3e-20), (4223, 2.4e-19), (4319, 4.0e-19),
        (4540, 6.2e-20), (5588, 8e-21), (5861, 2e-20), (6005, 6e-20), (13760, 1e-22),
        (16150, 3e-23),
    ),
    "CO": _system(Envelope(1.92, 0.0), (2143, 1.0e-17), (4260, 7.7e-20), (6350, 5.7e-22)),
    "NH3": _system(
        Envelope(8.5, 0.2),
        (3337, 4e-19), (3444, 6e-19), (3216, 1e-19), (4294, 5e-20), (4435, 3.5e-19),
        (5050, 3e-19), (6610, 6e-20), (2440, 1e-20), (2540, 1e-20), (3700, 1e-20),
        (12620, 3e-22), (15450, 2e-22),
    ),
    "HCN": _system(
        Envelope(1.48, 0.1),
        (3311, 8e-18), (2097, 1e-20), (4004, 2e-20), (2803, 2e-20), (5394, 5e-20),
        (4684, 2e-20), (6520, 1.2e-19),
    ),
    "C2H2": _system(
        Envelope(1.18, 0.1),
        (3289, 7e-18), (3282, 6e-18), (2643, 1e-19), (2702, 2e-19), (3882, 8e-20),
        (4092, 1e-19), (4673, 2e-20), (5260, 8e-20), (6556, 6e-19),
    ),
    "SO2": _system(
        Envelope(0.6, 0.1),
        (2500, 4e-19), (2715, 2e-20), (2300, 6e-20), (2950, 3e-21), (3630, 5e-21),
        (3820, 3e-21), (4760, 3e-22),
    ),
    "H2S": _system(
        Envelope(7.5, 0.1),
        (2614, 5e-20), (2628, 4e-20), (3779, 5e-20), (3789, 6e-20), (2354, 3e-20),
        (5145, 8e-20), (4930, 1e-20), (6290, 6e-20),
    ),
    "PH3": _system(
        Envelope(4.3, 0.2),
        (2325, 1.7e-17), (3310, 8e-20), (3440, 1e-19), (4565, 2e-19), (2230, 2e-19),
        (2970, 6e-20), (4650, 4e-20), (5500, 1e-20),
    ),
    "OCS": _system(
        Envelope(0.2, 0.1),
        (2062, 8e-17), (2918, 1e-18), (1892, 3e-19), (2575, 2e-20), (4101, 2e-19),
        (3425, 4e-20), (2732, 1e-20), (4960, 2e-21),
    ),
    "N2O": _system(
        Envelope(0.42, 0.0),
        (2224, 5e-17), (2563, 1.3e-18), (2462, 3e-19), (3481, 1.9e-18), (3364, 1e-19),
        (2798, 1e-19), (4417, 1.7e-19), (4730, 4e-20), (5026, 2e-20),
    ),
    "C2H4": _system(
        Envelope(2.0, 0.3),
        (2989, 2.5e-18), (3105, 3.5e-18), (4190, 1e-19), (4320, 2e-19), (4514, 1.5e-19),
        (6150, 6e-20), (2600, 2e-20), (3380, 2e-20), (4720, 5e-20),
    ),
    "HCl": _system(Envelope(10.4, 0.0), (2886, 5e-18), (5668, 1.2e-19), (8347, 8e-22)),
    "TiO": _system(
        Envelope(60.0, 0.3),
        (14100, 4e-16), (13200, 1e-16), (15500, 4e-16), (16500, 2e-16),
    ),
    "VO": _system(Envelope(60.0, 0.3), (13500, 2e-16), (12600, 1e-16), (17300, 4e-16)),
    "Na": _system(Envelope(40.0, 1.0), (16970, 5e-15)),
    "K": _system(Envelope(40.0, 1.0), (13020, 5e-15)),
}  # fmt: skip

MOLECULES = tuple(BAND_SYSTEMS)
OPTICAL_ABSORBERS = ("TiO", "VO", "Na", "K")
"""Gases that absorb in FGS1 only. They are drawn only if named, because in the labels the depth of
FGS1 is near the minimum of the spectrum."""
UNSEEN_MOLECULES = tuple(
    name for name in BAND_SYSTEMS if name not in (*KNOWN_MOLECULES, *OPTICAL_ABSORBERS)
)
"""Gases with infrared bands that are not in the 2024 training labels."""


@cache
def log_cross_section(molecule: str) -> np.ndarray:
    """Compute the natural logarithm of a gas's cross-section at the 283 wavelengths.

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
        If the gas is unknown.

    Examples
    --------
    >>> log_cross_section("CO").shape
    (5, 283)
    """
    if molecule == "H2-H2":
        return np.stack([_continuum(t) for t in TEMPERATURES])
    if molecule not in BAND_SYSTEMS:
        raise UnknownNameError("molecule", molecule, (*MOLECULES, "H2-H2"))
    return np.stack([_from_bands(BAND_SYSTEMS[molecule], t) for t in TEMPERATURES])


def _continuum(temperature: float) -> np.ndarray:
    """Compute the collision-induced absorption of hydrogen pairs, as a logarithm of cm5.

    The decay length of the red wing of a band is k T / h c, by detailed balance.
    """
    offset = 1e4 / wavelengths()[:, None] - np.array([centre for centre, _ in CONTINUUM])
    warmth = temperature / CONTINUUM_TEMPERATURE
    blue, red = CONTINUUM_BLUE * warmth**0.3, temperature / HC_OVER_K
    height = np.array([height for _, height in CONTINUUM]) * warmth**0.8
    bands = height * np.exp(-np.where(offset > 0, offset / blue, -offset / red))
    return np.asarray(np.log(bands.sum(axis=1)))


def _from_bands(system: BandSystem, temperature: float) -> np.ndarray:
    """Compute the logarithm of the cross-section (cm2), averaged over the band for FGS1."""
    fgs1 = _band_sum(system, np.linspace(*FGS1_BAND, 81), temperature)
    airs = _band_sum(system, wavelengths()[1:], temperature)
    return np.concatenate([[np.log(fgs1).mean()], np.log(airs)])


def _band_sum(system: BandSystem, wavelength: np.ndarray, temperature: float) -> np.ndarray:
    """Sum branches |x| exp(-x2/2), Q branches, tails and wings over the bands, in cm2."""
    origin, strength = np.array(system.bands).T
    shape = system.envelope
    branch = np.sqrt(2 * shape.rotation * temperature / HC_OVER_K)
    width = np.hypot(branch, CHANNEL)
    offset = (1e4 / wavelength)[:, None] - origin
    red = offset < 0
    x = offset / (width * np.where(red, 1 + shape.stretch * temperature / 1700, 1.0))
    branches = (1 - shape.q_branch) * (np.abs(x) + shape.gap) * np.exp(-(x**2) / 2) / 3.25
    q = np.exp(-((offset / shape.q_width) ** 2) / 2) * width / (2.5 * shape.q_width)
    tail = shape.tail * np.exp(np.minimum(offset, 0) / (shape.tail_length * temperature)) * red
    wings = shape.wing * temperature / 1000 / (1 + (x / 3) ** 2) ** 1.5
    profile = branches + shape.q_branch * q + tail + wings
    return np.asarray((profile * strength / width).sum(axis=1) + FLOOR)
