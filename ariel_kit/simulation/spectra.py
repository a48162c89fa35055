"""Transmission spectra of simulated planets at the kit's 283 wavelengths.

An isothermal atmosphere of gases, hydrogen continuum, haze and a grey cloud deck; the planet's
radius at each wavelength is where the slant optical depth reaches about one (Lecavelier des
Etangs et al. 2008, arXiv:0803.1813).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from scipy.special import exp1

from ariel_kit.errors import ConfigError, UnknownNameError
from ariel_kit.instruments import FGS1_WAVELENGTH, N_WAVELENGTHS, wavelengths
from ariel_kit.simulation.molecules import BANDS, cross_section

KNOWN_MOLECULES = ("H2O", "CO2", "CH4")
"""Gases whose features are in the 2024 training labels."""
UNSEEN_MOLECULES = tuple(name for name in BANDS if name not in KNOWN_MOLECULES)
"""Gases that training on the 2024 labels never sees."""

TEMPERATURES = np.array([300.0, 500.0, 700.0, 1000.0, 1400.0, 2000.0])
REFERENCE_PRESSURE = 10.0
"""Bar, at the radius that the planet is drawn with."""


@dataclass(frozen=True)
class SpectrumBatch:
    """Spectra and what went into them.

    Attributes
    ----------
    depths : ndarray [shape=(planet, 283), dtype=float64]
        Transit depths, FGS1 first.
    molecules : tuple of tuple of str
        Gases that each planet holds.
    """

    depths: np.ndarray
    molecules: tuple[tuple[str, ...], ...]


def draw_spectra(
    n: int,
    *,
    rng: np.random.Generator,
    star: int | np.ndarray = 0,
    molecules: Literal["known", "unseen", "all"] | Sequence[str] = "known",
    source: Literal["kit", "taurex"] = "kit",
) -> np.ndarray:
    """Draw transmission spectra of a population of planets.

    Parameters
    ----------
    n : int
        How many.
    rng : numpy.random.Generator
    star : int or ndarray [shape=(planet,), dtype=int]
        0 and 1 are the stars of 2024; others are stars nobody trained on.
    molecules : {"known", "unseen", "all"} or sequence of str
        Which gases the planets may hold.
    source : {"kit", "taurex"}
        The kit's own atmospheres, or those of TauREx 3 where it is installed.

    Returns
    -------
    ndarray [shape=(planet, 283), dtype=float64]
        Transit depths.

    Raises
    ------
    UnknownNameError
        If a molecule or a source is unknown.

    Examples
    --------
    >>> draw_spectra(2, rng=np.random.default_rng(0)).shape
    (2, 283)
    """
    return draw_batch(n, rng=rng, star=star, molecules=molecules, source=source).depths


def draw_batch(
    n: int,
    *,
    rng: np.random.Generator,
    star: int | np.ndarray = 0,
    molecules: Literal["known", "unseen", "all"] | Sequence[str] = "known",
    source: Literal["kit", "taurex"] = "kit",
) -> SpectrumBatch:
    """As `draw_spectra`, with the gases that each planet holds."""
    if source != "kit":
        raise UnknownNameError("source", source, ("kit", "taurex"))
    names = _gas_names(molecules)
    stars = np.broadcast_to(np.asarray(star), (n,))
    mean_depth = _draw_mean_depth(rng, stars)
    abundance = _draw_abundance(rng, n, names)
    temperature = np.clip(np.exp(rng.normal(np.log(900), 0.35, n)), 310, 1990)
    scale_height = np.exp(rng.normal(np.log(0.0045), 0.8, n))
    cloud = rng.uniform(0.0, 9.0, n)
    haze = np.exp(rng.normal(-1.0, 1.5, n))
    height = _heights(names, abundance, temperature, cloud, haze)
    ratio = 1 + scale_height[:, None] * (height - height[:, 1:].mean(axis=1, keepdims=True))
    kept = tuple(tuple(np.array(names)[row > 1e-7].tolist()) for row in abundance)
    return SpectrumBatch(mean_depth[:, None] * ratio**2, kept)


def _gas_names(molecules: str | Sequence[str]) -> tuple[str, ...]:
    groups = {"known": KNOWN_MOLECULES, "unseen": UNSEEN_MOLECULES, "all": tuple(BANDS)}
    if isinstance(molecules, str):
        if molecules not in groups:
            raise UnknownNameError("group of molecules", molecules, groups)
        return groups[molecules]
    for name in molecules:
        if name not in BANDS:
            raise UnknownNameError("molecule", name, BANDS)
    if not molecules:
        raise ConfigError("molecules must name at least one gas; got an empty sequence.")
    return tuple(molecules)


def _draw_mean_depth(rng: np.random.Generator, stars: np.ndarray) -> np.ndarray:
    """A uniform planet radius below each star's largest; lists the stars' radii as ratios."""
    top = np.where(stars == 0, 0.0833, np.where(stars == 1, 0.0487, 0.0))
    other = np.array([np.random.default_rng(1000 + s).uniform(0.04, 0.09) for s in stars])
    top = np.where(top > 0, top, other)
    return np.asarray((top * rng.uniform(0.42, 1.0, len(stars))) ** 2)


def _draw_abundance(rng: np.random.Generator, n: int, names: tuple[str, ...]) -> np.ndarray:
    """Log-uniform mixing ratios; each gas is absent on some planets."""
    abundance = 10 ** rng.uniform(-9, -2, (n, len(names)))
    if len(names) > len(KNOWN_MOLECULES):
        abundance *= rng.random((n, len(names))) < 3 / len(names)
    return abundance


@cache
def _opacity_table(name: str) -> np.ndarray:
    """Log cross-section (temperature, 283); FGS1 is averaged over its pass band."""
    band = np.linspace(0.6, 0.8, 41)
    table = np.empty((len(TEMPERATURES), N_WAVELENGTHS))
    for row, temperature in zip(table, TEMPERATURES, strict=True):
        row[:] = np.log(cross_section(name, wavelengths(), temperature))
        row[0] = np.log(cross_section(name, band, temperature)).mean()
    return table


def _cross_sections(name: str, temperature: np.ndarray) -> np.ndarray:
    grid = np.log(TEMPERATURES)
    place = np.interp(np.log(temperature), grid, np.arange(len(grid)))
    low = np.minimum(place.astype(int), len(grid) - 2)
    part = (place - low)[:, None]
    table = _opacity_table(name)
    return np.exp((1 - part) * table[low] + part * table[low + 1])


def _heights(
    names: tuple[str, ...],
    abundance: np.ndarray,
    temperature: np.ndarray,
    cloud: np.ndarray,
    haze: np.ndarray,
) -> np.ndarray:
    """Effective height in scale heights above the reference pressure, (planet, 283)."""
    wavelength = wavelengths()
    rayleigh = 2.5e-27 * (FGS1_WAVELENGTH / wavelength) ** 4
    sigma = haze[:, None] * rayleigh
    for k, name in enumerate(names):
        sigma = sigma + abundance[:, k, None] * _cross_sections(name, temperature)
    # molecules per cm2 along the chord at the reference pressure: n sqrt(2 pi R H)
    column = REFERENCE_PRESSURE * 1e6 / (1.38e-16 * temperature) * 1.1e9
    linear = sigma * column[:, None]
    number = column[:, None] / 1.1e9
    continuum = 3e-46 * np.exp(-(((1e4 / wavelength - 4200) / 700) ** 2)) + 2e-48
    square = continuum * number * column[:, None] / np.sqrt(2)
    clear = -np.log(2 * 0.56 / (linear + np.sqrt(linear**2 + 4 * 0.56 * square)))
    slant = np.exp(-np.euler_gamma) * np.exp(clear - cloud[:, None])
    return np.asarray(cloud[:, None] + np.log(slant) + np.euler_gamma + exp1(slant))
