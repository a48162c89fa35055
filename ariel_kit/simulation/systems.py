"""Stars and orbits of the 2025 edition, in which every planet has its own star.

The simulated catalogue (`StarInfo`) follows the ranges and joint statistics of the edition's 1100
training planets, reduced to the few parameters below; `tests/real` compares both. It has a main
sequence in mass and radius, orbits of 2.8 to 7.6 days, semi-major axes that agree with Kepler's
third law to 6 %, and inclinations within 4 degrees of edge-on. The true orbit differs a little from
that of the catalogue. No entry of the real table is used.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariel_kit.core.instruments import OBSERVATION_HOURS
from ariel_kit.core.star_info import StarInfo
from ariel_kit.simulation.atmospheres import (
    GRAVITATION,
    SOLAR_RADIUS,
    Atmospheres,
    Molecules,
    draw_atmospheres_of,
)
from ariel_kit.simulation.transits import CircularOrbit

SOLAR_MASS, JUPITER_MASS = 1.98841e33, 1.89813e30
"""Masses of the Sun and of Jupiter, in g."""
DAY = 86400.0
"""Length of a day, in seconds."""

TEMPERATURE_RANGE, TEMPERATURE_SHAPE = (4000.0, 7000.0), (4.4, 2.75)
"""Range, in kelvin, and parameters of the beta distribution of the stars' temperatures."""
MASS = (0.052, 1.818, 0.11)
"""Log mass of the star at 5772 K, its slope over log temperature, and its standard deviation."""
RADIUS = (0.113, 1.161, 0.14)
"""Log radius of the star at one solar mass, its slope over log mass, and its standard deviation."""
PERIOD_RANGE = (2.78, 7.62)
"""Range of the uniformly distributed periods, in days."""
DISTANCE_SCATTER = 0.063
"""Standard deviation of the log semi-major axis in the catalogue about Kepler's third law."""
DISTANCE_RANGE = (4.2, 21.0)
"""Range of the semi-major axis, in stellar radii."""
TILT, LARGEST_TILT = (1.54, 1.02), 4.43
"""Mean, standard deviation and largest value of 90 degrees minus the inclination, in degrees.
Negative values are set to zero."""
PLANET_MASS = (-0.05, 0.97)
"""Mean and standard deviation of the logarithm of the planet's mass, in masses of Jupiter."""
MASS_RANGE = (0.049, 24.7)
"""Range of the planet's mass, in masses of Jupiter."""
SMALLEST_DEPTH, DEPTH_SHAPE, DEPTH_SCALE = 0.0036, 6.0, 0.205
"""The logarithm of depth / `SMALLEST_DEPTH` has a gamma distribution of this shape and scale."""
DEPTH_RANGE = (0.0037, 0.08)
"""Range of the mean transit depth."""

TRUE_DISTANCE_SCATTER, TRUE_TILT_SCATTER = 0.03, 0.15
"""Standard deviations of the true orbit about the catalogue: of the log semi-major axis, and of the
inclination in degrees. They are an assumption, because the challenge publishes no true orbits."""
MID_TIME_SCATTER = 0.2
"""Standard deviation of the mid-time about the middle of the visit, in hours. An assumption."""
OFF_CENTRE, OFF_CENTRE_HOURS = 0.04, (1.0, 2.5)
"""Share of visits whose mid-time is off the middle by a number of hours in this range, so that they
miss a part of the transit. An assumption."""
SECOND_VISITS = 0.1
"""Share of the planets with two visits."""


class Catalogue(NamedTuple):
    """Entries of the table of stars and orbits.

    Attributes
    ----------
    Rs, Ms : ndarray [shape=(planet,)]
        Radius and mass of the star, in solar units.
    Ts : ndarray [shape=(planet,), unit=kelvin]
        Effective temperature of the star.
    Mp : ndarray [shape=(planet,)]
        Mass of the planet in masses of Jupiter.
    e : ndarray [shape=(planet,)]
        Eccentricity, which is zero.
    P : ndarray [shape=(planet,), unit=day]
        Orbital period.
    sma : ndarray [shape=(planet,), unit=stellar radius]
        Semi-major axis.
    i : ndarray [shape=(planet,), unit=degree]
        Inclination.
    """

    Rs: np.ndarray
    Ms: np.ndarray
    Ts: np.ndarray
    Mp: np.ndarray
    e: np.ndarray
    P: np.ndarray
    sma: np.ndarray
    i: np.ndarray

    def of(self, planet: int) -> StarInfo:
        """Return the entry of one planet, by its index."""
        return StarInfo(*(float(column[planet]) for column in self))


def kepler_distance(period: np.ndarray, mass: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Compute the semi-major axis of an orbit by Kepler's third law.

    Parameters
    ----------
    period : ndarray [shape=(...), unit=day]
        Orbital period.
    mass, radius : ndarray [shape=(...)]
        Mass and radius of the star, in solar units.

    Returns
    -------
    ndarray [shape=(...), unit=stellar radius]

    Examples
    --------
    >>> kepler_distance(np.array(365.25), np.array(1.0), np.array(1.0)).round(0)
    np.float64(215.0)
    """
    cubed = GRAVITATION * SOLAR_MASS * mass * (period * DAY / (2 * np.pi)) ** 2
    return np.asarray(cubed ** (1 / 3) / (SOLAR_RADIUS * radius))[()]


def draw_catalogue(n: int, rng: np.random.Generator) -> Catalogue:
    """Draw stars and orbits with the joint statistics of the edition.

    Parameters
    ----------
    n : int
        Number of planets.
    rng : numpy.random.Generator

    Returns
    -------
    Catalogue

    Examples
    --------
    >>> catalogue = draw_catalogue(3, np.random.default_rng(0))
    >>> catalogue.Ts.shape, bool((catalogue.i <= 90).all())
    ((3,), True)
    """
    low, high = TEMPERATURE_RANGE
    temperature = low + (high - low) * rng.beta(*TEMPERATURE_SHAPE, n)
    log_mass = MASS[0] + MASS[1] * np.log(temperature / 5772) + rng.normal(0, MASS[2], n)
    log_radius = RADIUS[0] + RADIUS[1] * log_mass + rng.normal(0, RADIUS[2], n)
    mass, radius = np.exp(log_mass), np.exp(log_radius)
    period = rng.uniform(*PERIOD_RANGE, n)
    distance = kepler_distance(period, mass, radius)
    distance = np.clip(distance * np.exp(rng.normal(0, DISTANCE_SCATTER, n)), *DISTANCE_RANGE)
    planet_mass = np.clip(np.exp(rng.normal(*PLANET_MASS, n)), *MASS_RANGE)
    tilt = np.clip(rng.normal(*TILT, n), 0, LARGEST_TILT)
    nothing = np.zeros(n)
    return Catalogue(radius, mass, temperature, planet_mass, nothing, period, distance, 90 - tilt)


def draw_depths(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw mean transit depths with the statistics of the edition's labels.

    Returns
    -------
    ndarray [shape=(planet,), dtype=float64]
    """
    depths = SMALLEST_DEPTH * np.exp(DEPTH_SCALE * rng.gamma(DEPTH_SHAPE, size=n))
    return np.clip(depths, *DEPTH_RANGE)


def draw_system_atmospheres(
    catalogue: Catalogue, depths: np.ndarray, rng: np.random.Generator, molecules: Molecules
) -> Atmospheres:
    """Draw the atmospheres of the catalogue's planets.

    The gravity follows from the planet's mass and size. The temperature is the equilibrium
    temperature for zero albedo.

    Parameters
    ----------
    catalogue : Catalogue
    depths : ndarray [shape=(planet,)]
        Mean transit depths.
    rng : numpy.random.Generator
    molecules : {"known", "unseen", "all"} or sequence of str
        Gases that the planets may contain; see `draw_spectra`.

    Returns
    -------
    Atmospheres
    """
    radius = np.sqrt(depths) * catalogue.Rs * SOLAR_RADIUS
    return draw_atmospheres_of(
        mean_depth=depths,
        radius=radius,
        gravity=GRAVITATION * JUPITER_MASS * catalogue.Mp / radius**2,
        temperature=catalogue.Ts / np.sqrt(2 * catalogue.sma),
        rng=rng,
        molecules=molecules,
    )


def draw_orbit(rng: np.random.Generator, entry: StarInfo, depth: float) -> CircularOrbit:
    """Draw the true orbit of a planet near its catalogue entry.

    Parameters
    ----------
    rng : numpy.random.Generator
    entry : StarInfo
    depth : float
        Mean transit depth. The inclination is limited so that a planet of this size transits.

    Returns
    -------
    CircularOrbit
        Orbit with its mid-transit in the middle of the visit.
    """
    scatter = float(np.exp(TRUE_DISTANCE_SCATTER * rng.standard_normal()))
    distance = entry.semi_major_axis * scatter
    tilt = abs(90 - entry.inclination + TRUE_TILT_SCATTER * float(rng.standard_normal()))
    steepest = np.degrees(np.arcsin((1 + 0.5 * np.sqrt(depth)) / distance))
    tilt = min(tilt, float(steepest))
    return CircularOrbit(OBSERVATION_HOURS / 2, 24 * entry.period, distance, 90 - tilt)


def draw_mid_time(rng: np.random.Generator) -> float:
    """Draw the mid-time of one visit, in hours from its start."""
    offset = MID_TIME_SCATTER * rng.standard_normal()
    if rng.random() < OFF_CENTRE:
        offset = rng.uniform(*OFF_CENTRE_HOURS) * rng.choice([-1, 1])
    return float(OBSERVATION_HOURS / 2 + offset)
