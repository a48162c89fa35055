"""Radiative transfer through the limb of a simulated atmosphere.

The radius of the planet at each wavelength is that at which the slant optical depth is 0.56
(Lecavelier des Etangs et al. 2008). It has a closed form, even with the collision-induced
continuum, whose opacity is proportional to the square of the pressure.
"""

from __future__ import annotations

import numpy as np
from scipy.special import exp1

from ariel_kit.core.instruments import FGS1_WAVELENGTH, wavelengths
from ariel_kit.simulation.atmospheres import BOLTZMANN, REFERENCE_PRESSURE, Atmospheres
from ariel_kit.simulation.molecules import TEMPERATURES, log_cross_section

TRANSIT_OPTICAL_DEPTH = float(np.exp(-np.euler_gamma))
"""Slant optical depth at the effective radius, 0.56."""
RAYLEIGH = 2.5e-27
"""Cross-section of Rayleigh scattering at FGS1, in cm2 per H2 molecule."""
H2_PAIRS = 0.72
"""Square of the mixing ratio of H2."""


def transmission(planets: Atmospheres) -> np.ndarray:
    """Compute the transit depths of atmospheres.

    Parameters
    ----------
    planets : Atmospheres

    Returns
    -------
    ndarray [shape=(planet, 283), dtype=float64]
    """
    height = effective_height(planets)
    relative = planets.scale_height[:, None] * (height - height.mean(axis=1, keepdims=True))
    return np.asarray(planets.mean_depth[:, None] * (1 + relative) ** 2)


def effective_height(planets: Atmospheres) -> np.ndarray:
    """Compute the height at which the atmosphere becomes opaque, in scale heights above 10 bar.

    Parameters
    ----------
    planets : Atmospheres

    Returns
    -------
    ndarray [shape=(planet, 283), dtype=float64]
    """
    temperature = planets.temperature
    density = (REFERENCE_PRESSURE / (BOLTZMANN * temperature))[:, None]
    # Column of molecules along the chord at the reference radius; 1.1e9 cm is sqrt(2 pi R H) of a
    # Jupiter.
    column = density * 1.1e9
    sigma = planets.haze[:, None] * RAYLEIGH * (FGS1_WAVELENGTH / wavelengths()) ** 4
    for gas, ratio in zip(planets.gases, planets.abundance.T, strict=True):
        sigma = sigma + ratio[:, None] * _at_temperature(log_cross_section(gas), temperature)
    pairs = H2_PAIRS * _at_temperature(log_cross_section("H2-H2"), temperature)
    # slant optical depth = linear u + square u^2 with u = exp(-height); solve for 0.56
    linear, square = sigma * column, pairs * density * column / np.sqrt(2)
    root = np.sqrt(linear**2 + 4 * TRANSIT_OPTICAL_DEPTH * square)
    clear = np.log((linear + root) / (2 * TRANSIT_OPTICAL_DEPTH))
    # the integral of 1 - exp(-tau) above an opaque deck: ln tau + gamma + E1(tau)
    deck = planets.cloud_height[:, None]
    tau = TRANSIT_OPTICAL_DEPTH * np.exp(clear - deck)
    return np.asarray(clear + exp1(tau))


def _at_temperature(table: np.ndarray, temperature: np.ndarray) -> np.ndarray:
    """Interpolate a table of logarithms to each planet's temperature [shape=(planet, 283)]."""
    place = np.interp(np.log(temperature), np.log(TEMPERATURES), np.arange(len(TEMPERATURES)))
    low = np.minimum(place.astype(int), len(TEMPERATURES) - 2)
    part = (place - low)[:, None]
    return np.asarray(np.exp((1 - part) * table[low] + part * table[low + 1]))
