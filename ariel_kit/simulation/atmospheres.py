"""Draw the population of simulated planets: size, density, temperature, clouds and gases.

The distributions were chosen by comparing quantiles of the spectra with those of the 2024 labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ariel_kit.core.errors import ConfigError, UnknownNameError
from ariel_kit.simulation.molecules import (
    KNOWN_MOLECULES,
    MOLECULES,
    TEMPERATURES,
    UNSEEN_MOLECULES,
)

Molecules = Literal["known", "unseen", "all"] | Sequence[str]
"""Groups or names of gases; see `draw_spectra`."""

BOLTZMANN = 1.380649e-16
"""Boltzmann constant, in erg/K."""
HYDROGEN_MASS = 1.6735575e-24
"""Mass of a hydrogen atom, in g."""
GRAVITATION = 6.6743e-8
"""Gravitational constant, in cm3/g/s2."""
SOLAR_RADIUS = 6.957e10
"""Radius of the Sun, in cm."""
MEAN_MOLECULAR_WEIGHT = 2.3
"""Mean molecular weight of the atmospheres."""
REFERENCE_PRESSURE = 1e7
"""Pressure at height zero, in dyn/cm2 (10 bar)."""

LARGEST_SCALE_HEIGHT = 0.08
"""Largest scale height of an atmosphere, relative to the planet's radius."""
HEIGHT_2025 = 0.5
"""Factor of the scale height of the planets of 2025, relative to hydrogen at the equilibrium
temperature for zero albedo. It is chosen to reproduce the scatter of their labels."""
LOG_HAZE_2025 = (1.7, 2.0)
"""Mean and standard deviation of the logarithm of their scattering, relative to hydrogen."""

LOG_ABUNDANCE = {"H2O": (-8.0, -4.5), "CO2": (-8.5, -3.5), "CH4": (-6.5, -4.0)}
"""Range of log10 of the mixing ratio, which is uniform."""
LOG_ABUNDANCE_UNSEEN = (-6.5, -3.0)
"""The same range for each gas that the 2024 labels do not contain."""
LOG_ABUNDANCE_WEAK = (-9.0, -5.5)
"""The same range for H2O in planets with unseen gases."""


class Host(NamedTuple):
    """A star, and the properties of its planets."""

    radius: float
    """Radius of the star, in solar radii."""
    temperature: float
    """Median temperature of the planets, in kelvin."""
    largest: float
    """Radius of the largest planet relative to that of the star."""


HOSTS = {0: Host(1.4, 960.0, 0.0833), 1: Host(2.0, 1700.0, 0.0487)}
"""The two stars of 2024."""


@dataclass(frozen=True)
class Atmospheres:
    """Parameters of the atmospheres of a population of planets.

    Attributes
    ----------
    mean_depth : ndarray [shape=(planet,)]
        Mean transit depth.
    scale_height : ndarray [shape=(planet,)]
        Scale height relative to the planet's radius.
    temperature : ndarray [shape=(planet,), unit=kelvin]
        Temperature of the atmosphere.
    cloud_height : ndarray [shape=(planet,)]
        Height of an opaque cloud deck, in scale heights above 10 bar; far below zero without
        clouds.
    haze : ndarray [shape=(planet,)]
        Scattering relative to that of hydrogen alone.
    gases : tuple of str
        Names of the gases.
    abundance : ndarray [shape=(planet, gas)]
        Mixing ratios; zero where a planet lacks the gas.
    """

    mean_depth: np.ndarray
    scale_height: np.ndarray
    temperature: np.ndarray
    cloud_height: np.ndarray
    haze: np.ndarray
    gases: tuple[str, ...]
    abundance: np.ndarray


def draw_atmospheres(
    n: int, *, rng: np.random.Generator, star: int | np.ndarray = 0, molecules: Molecules = "known"
) -> Atmospheres:
    """Draw the parameters of the atmospheres of `n` planets; see `draw_spectra`."""
    hosts = [_host(int(s)) for s in np.broadcast_to(star, (n,))]
    star_radius, median_temperature, largest = np.array(hosts).reshape(n, 3).T
    gases, abundance = _draw_abundance(rng, n, molecules)
    temperature = median_temperature * np.exp(rng.normal(0, 0.08, n))
    radius_ratio = largest * rng.uniform(0.42, 1.0, n)
    density = 1.45 * np.exp(rng.normal(0, 1.1, n))
    radius = radius_ratio * star_radius * SOLAR_RADIUS
    gravity = 4 / 3 * np.pi * GRAVITATION * density * radius
    cloudy = rng.random(n) < 0.4
    return Atmospheres(
        mean_depth=radius_ratio**2,
        scale_height=relative_scale_height(temperature, gravity, radius),
        temperature=_within_tables(temperature),
        cloud_height=np.where(cloudy, rng.uniform(2, 9, n), -10.0),
        haze=np.exp(rng.normal(0.3, 0.4, n)),
        gases=gases,
        abundance=abundance,
    )


def draw_atmospheres_of(
    *,
    mean_depth: np.ndarray,
    radius: np.ndarray,
    gravity: np.ndarray,
    temperature: np.ndarray,
    rng: np.random.Generator,
    molecules: Molecules = "known",
) -> Atmospheres:
    """Draw the atmospheres of planets of given size, gravity and temperature.

    Hazes vary more than those of `draw_atmospheres`, to match the labels of 2025, in which the
    depth of FGS1 is below the mean of AIRS for only two planets of three.

    Parameters
    ----------
    mean_depth : ndarray [shape=(planet,)]
        Mean transit depth.
    radius : ndarray [shape=(planet,), unit=cm]
        Radius of the planet.
    gravity : ndarray [shape=(planet,), unit=cm/s2]
        Gravity at that radius.
    temperature : ndarray [shape=(planet,), unit=kelvin]
        Temperature of the atmosphere.
    rng : numpy.random.Generator
    molecules : {"known", "unseen", "all"} or sequence of str
        Gases that the planets may contain; see `draw_spectra`.

    Returns
    -------
    Atmospheres
    """
    n = len(mean_depth)
    gases, abundance = _draw_abundance(rng, n, molecules)
    cloudy = rng.random(n) < 0.4
    return Atmospheres(
        mean_depth=mean_depth,
        scale_height=HEIGHT_2025 * relative_scale_height(temperature, gravity, radius),
        temperature=_within_tables(temperature),
        cloud_height=np.where(cloudy, rng.uniform(2, 9, n), -10.0),
        haze=np.exp(rng.normal(*LOG_HAZE_2025, n)),
        gases=gases,
        abundance=abundance,
    )


def relative_scale_height(
    temperature: np.ndarray, gravity: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Compute the scale height k T / (mu g) relative to the planet's radius.

    The result is at most `LARGEST_SCALE_HEIGHT`.

    Parameters
    ----------
    temperature : ndarray [shape=(planet,), unit=kelvin]
        Temperature of the atmosphere.
    gravity : ndarray [shape=(planet,), unit=cm/s2]
        Gravity of the planet.
    radius : ndarray [shape=(planet,), unit=cm]
        Radius of the planet.

    Returns
    -------
    ndarray [shape=(planet,), dtype=float64]

    Examples
    --------
    >>> relative_scale_height(np.array([1300.0]), np.array([2479.0]), np.array([7.15e9])).round(5)
    array([0.00263])
    """
    height = BOLTZMANN * temperature / (MEAN_MOLECULAR_WEIGHT * HYDROGEN_MASS * gravity)
    return np.asarray(np.minimum(height / radius, LARGEST_SCALE_HEIGHT))


def _within_tables(temperature: np.ndarray) -> np.ndarray:
    return np.clip(temperature, TEMPERATURES[0], TEMPERATURES[-1])


def _host(star: int) -> Host:
    if star in HOSTS:
        return HOSTS[star]
    rng = np.random.default_rng([2024, star])
    return Host(rng.uniform(0.8, 2.2), rng.uniform(700, 1900), rng.uniform(0.045, 0.09))


def _draw_abundance(
    rng: np.random.Generator, n: int, molecules: Molecules
) -> tuple[tuple[str, ...], np.ndarray]:
    if not isinstance(molecules, str):
        for name in molecules:
            if name not in MOLECULES:
                raise UnknownNameError("molecule", name, MOLECULES)
        if not molecules:
            raise ConfigError("molecules must name at least one gas; got an empty sequence.")
        return tuple(molecules), _draw_mixing_ratios(rng, n, tuple(molecules))
    if molecules == "known":
        return KNOWN_MOLECULES, _draw_mixing_ratios(rng, n, KNOWN_MOLECULES)
    unseen = _draw_mixing_ratios(rng, n, UNSEEN_MOLECULES) * _one_to_three(rng, n)
    if molecules == "unseen":
        weak = 10 ** rng.uniform(*LOG_ABUNDANCE_WEAK, (n, 1)) * (rng.random((n, 1)) < 0.5)
        return ("H2O", *UNSEEN_MOLECULES), np.hstack([weak, unseen])
    if molecules == "all":
        known = _draw_mixing_ratios(rng, n, KNOWN_MOLECULES)
        return (*KNOWN_MOLECULES, *UNSEEN_MOLECULES), np.hstack([known, unseen])
    raise UnknownNameError("group of molecules", molecules, ("known", "unseen", "all"))


def _draw_mixing_ratios(rng: np.random.Generator, n: int, gases: tuple[str, ...]) -> np.ndarray:
    low, high = np.array([LOG_ABUNDANCE.get(gas, LOG_ABUNDANCE_UNSEEN) for gas in gases]).T
    return np.asarray(10 ** rng.uniform(low, high, (n, len(gases))))


def _one_to_three(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw which one to three of the unseen gases each planet contains."""
    order = rng.random((n, len(UNSEEN_MOLECULES))).argsort(axis=1).argsort(axis=1)
    return np.asarray(order < rng.integers(1, 4, (n, 1)))
