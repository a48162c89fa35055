"""Planets with known truth, and the noiseless relative light that reaches each wavelength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from ariel_kit.core.errors import ConfigError
from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS, OBSERVATION_HOURS, Instrument
from ariel_kit.data.dataset import Adc
from ariel_kit.light_curve.drift import time_basis
from ariel_kit.light_curve.transit import TransitShape, transit_window
from ariel_kit.simulation.optics import Star, airs_spectrum, get_star
from ariel_kit.simulation.spectra import draw_batch

DRIFT_SIGMA = np.array([690.0, 420.0, 175.0, 49.0, 7.0]) * 1e-6
"""Standard deviation of the Legendre coefficients 1..5 in time of the white-light drift."""
DRIFT_ORIGIN = 0.25
DRIFT_GROWTH = 1.2
DRIFT_ORDER = 7
DRIFT_SPREAD = 0.25
"""A drift is a polynomial about `DRIFT_ORIGIN` of the visit, of a random order up to
`DRIFT_ORDER`, each power's coefficient `DRIFT_GROWTH` times larger than the one before, of a size
that spreads by `DRIFT_SPREAD` in its logarithm. The family gives the correlations (0.5, 0.7, 0.9
from each order to the next) and tails of the real white curves; `DRIFT_SIGMA` its scales."""
COLOUR_SIGMA = np.array([0.8, 0.4, 0.2])
"""Size of Legendre 1..3 over the detector's columns, relative to the white-light drift."""
SECOND_DRIFT = 0.1
"""Size of a second, independent drift that keeps the sum from being exactly rank 1."""

AIRS_OFFSET, FGS1_OFFSET = (-855.0, 72.0), (-357.0, 22.0)
"""Mean and scatter of the converter's offset, electrons."""
GAIN_SCATTER = 0.005
ADC_2025 = Adc(0.4369, -1000.0)
LIMB_DARKENING_2025 = (0.3, 0.15)

Edition = Literal[2024, 2025]


@dataclass(frozen=True)
class PlanetTruth:
    """Everything about a simulated planet that noise will hide.

    Attributes
    ----------
    planet_id : int
    star : int
    edition : {2024, 2025}
    seed : int
        With the planet's id, the root of every random draw of its frames.
    depths : ndarray [shape=(283,), dtype=float64]
        (Rp/Rs)^2, FGS1 first.
    molecules : tuple of str
        Gases with a mixing ratio above 1e-7.
    shape : TransitShape
        Hours from the start of a full observation; a shorter one is squeezed to fit.
    limb_darkening : tuple of float
        Quadratic coefficients; (0, 0) in the 2024 edition.
    airs_drift : ndarray [shape=(5, 4), dtype=float64]
        Coefficients of Legendre 1..5 in time and 0..3 over the columns.
    fgs1_drift : ndarray [shape=(5, 1), dtype=float64]
    airs_adc, fgs1_adc : Adc
    """

    planet_id: int
    star: int
    edition: Edition
    seed: int
    depths: np.ndarray
    molecules: tuple[str, ...]
    shape: TransitShape
    limb_darkening: tuple[float, float]
    airs_drift: np.ndarray
    fgs1_drift: np.ndarray
    airs_adc: Adc
    fgs1_adc: Adc

    def rng(self, stream: int) -> np.random.Generator:
        """A generator of this planet's own; equal streams give equal draws."""
        return np.random.default_rng([self.seed, self.planet_id, stream])

    def adc(self, instrument: Instrument) -> Adc:
        """The converter of an instrument."""
        return self.fgs1_adc if instrument is FGS1 else self.airs_adc


def draw_planets(
    n: int,
    *,
    seed: int,
    stars: Sequence[int] = (0, 1),
    molecules: Literal["known", "unseen", "all"] | Sequence[str] = "known",
    edition: Edition = 2024,
) -> list[PlanetTruth]:
    """Draw planets with their spectra, transits, drifts and converters.

    Parameters
    ----------
    n : int
        How many.
    seed : int
    stars : sequence of int
        Shared out evenly; numbers from 2 on are stars that the 2024 training set does not have.
    molecules : {"known", "unseen", "all"} or sequence of str
        Which gases the planets may hold.
    edition : {2024, 2025}
        2025 adds limb darkening and has one converter for all.

    Returns
    -------
    list of PlanetTruth

    Raises
    ------
    ConfigError
        If there are no stars, or `n` is negative.
    UnknownNameError
        If a molecule is unknown.

    Examples
    --------
    >>> [planet.star for planet in draw_planets(4, seed=1, stars=(1, 5))].count(5)
    2
    """
    if n < 0 or not stars:
        raise ConfigError(f"planets need n >= 0 and at least one star; got n={n}, stars={stars}.")
    rng = np.random.default_rng([seed, n])
    numbers = rng.permutation(np.resize(np.asarray(stars), n))
    spectra = draw_batch(n, rng=rng, star=numbers, molecules=molecules)
    ids = rng.choice(2**32 - 10**7, n, replace=False, shuffle=False) + 10**7
    return [
        _draw_planet(rng, int(planet_id), int(number), seed, depths, gases, edition)
        for planet_id, number, depths, gases in zip(
            ids, numbers, spectra.depths, spectra.molecules, strict=True
        )
    ]


def _draw_planet(
    rng: np.random.Generator,
    planet_id: int,
    number: int,
    seed: int,
    depths: np.ndarray,
    molecules: tuple[str, ...],
    edition: Edition,
) -> PlanetTruth:
    star = get_star(number)
    airs_adc = _draw_adc(rng, star.airs_gain, AIRS_OFFSET)
    fgs1_adc = _draw_adc(rng, star.fgs1_gain, FGS1_OFFSET)
    return PlanetTruth(
        planet_id=planet_id,
        star=number,
        edition=edition,
        seed=seed,
        depths=depths,
        molecules=molecules,
        shape=_draw_shape(rng),
        limb_darkening=LIMB_DARKENING_2025 if edition == 2025 else (0.0, 0.0),
        airs_drift=_draw_airs_drift(rng, star),
        fgs1_drift=_draw_drift(rng)[:, None],
        airs_adc=ADC_2025 if edition == 2025 else airs_adc,
        fgs1_adc=ADC_2025 if edition == 2025 else fgs1_adc,
    )


def _draw_adc(rng: np.random.Generator, gain: float, offset: tuple[float, float]) -> Adc:
    return Adc(gain * float(1 + GAIN_SCATTER * rng.standard_normal()), float(rng.normal(*offset)))


def _draw_shape(rng: np.random.Generator) -> TransitShape:
    mid_time = np.clip(rng.normal(OBSERVATION_HOURS / 2, 0.02), 3.68, 3.78)
    half_duration = np.clip(rng.normal(1.32, 0.06), 1.0, 1.6)
    impact = rng.uniform(0.2, 0.6)
    return TransitShape(float(mid_time), float(half_duration), float(1 / (1 - impact**2)))


def _draw_drift(rng: np.random.Generator) -> np.ndarray:
    """Legendre coefficients 1..5 of a polynomial of random order and size."""
    powers = np.arange(1, DRIFT_ORDER + 1)
    growth, modes = DRIFT_GROWTH**powers, _power_modes()
    reached = rng.integers(1, DRIFT_ORDER + 1) >= powers
    chance = 1 - (powers - 1) / DRIFT_ORDER
    typical = np.sqrt((chance * growth**2) @ modes**2)
    drawn = (rng.standard_normal(DRIFT_ORDER) * growth * reached) @ modes
    size = np.exp(DRIFT_SPREAD * rng.standard_normal() - DRIFT_SPREAD**2)  # mean square 1
    return np.asarray(size * DRIFT_SIGMA * drawn / typical)


@cache
def _power_modes() -> np.ndarray:
    """Legendre coefficients of each power of time [shape=(power, 5)]."""
    x = np.linspace(-1, 1, 201)
    distance = (x + 1) / 2 - DRIFT_ORIGIN
    powers = np.stack([distance**k for k in range(1, DRIFT_ORDER + 1)], axis=1)
    fitted = np.polynomial.legendre.legfit(x, powers, DRIFT_ORDER)
    return np.asarray(fitted[1 : len(DRIFT_SIGMA) + 1].T)


def _draw_airs_drift(rng: np.random.Generator, star: Star) -> np.ndarray:
    """f(t) g(column) and a little of another; the star's white light sees f alone."""
    white = airs_spectrum(star)[AIRS.columns][::-1]
    mean = white @ _column_basis() / white.sum()
    drift = np.zeros((len(DRIFT_SIGMA), len(mean)))
    for share in (1.0, SECOND_DRIFT):
        colour = np.concatenate([[0.0], COLOUR_SIGMA * rng.standard_normal(len(COLOUR_SIGMA))])
        colour[0] = (1.0 if share == 1 else 0.0) - mean @ colour
        drift += share * np.outer(_draw_drift(rng), colour)
    return drift


def _column_basis() -> np.ndarray:
    """Legendre 0..3 over the extracted columns, wavelength ascending [shape=(282, 4)]."""
    return np.polynomial.legendre.legvander(np.linspace(-1, 1, N_AIRS), len(COLOUR_SIGMA))


def relative_light(
    planet: PlanetTruth, instrument: Instrument, time: np.ndarray, span: np.ndarray, hours: float
) -> np.ndarray:
    """Light over the star's mean: the drift times the transit.

    Parameters
    ----------
    planet : PlanetTruth
    instrument : Instrument
    time : ndarray [shape=(time,), unit=hour]
        Middle of each exposure or bin.
    span : ndarray [shape=(time,), unit=hour]
        Its length.
    hours : float
        Length of the observation; the transit is squeezed in proportion.

    Returns
    -------
    ndarray [shape=(time, wavelength), dtype=float64]
        282 wavelengths, ascending, for AIRS; 1 for FGS1.
    """
    if instrument is FGS1:
        depths, drift = planet.depths[:1], planet.fgs1_drift
        colours = np.ones((1, 1))
    else:
        depths, drift = planet.depths[1:], planet.airs_drift
        colours = _column_basis()
    stretch = hours / OBSERVATION_HOURS
    drifted = 1 + time_basis(time, len(drift), hours) @ drift @ colours.T
    return drifted * _transmitted(planet, depths, time / stretch, span / stretch)


def _transmitted(
    planet: PlanetTruth, depths: np.ndarray, time: np.ndarray, span: np.ndarray
) -> np.ndarray:
    """1 - depth * S, with the window worked out only where the planet may touch the limb."""
    mid_time, half_duration, ratio = planet.shape
    radius = np.sqrt(depths.max())
    elapsed = np.abs(time - mid_time) / half_duration
    margin = span / 2 / half_duration
    outer = np.sqrt(1 + ratio * ((1 + radius) ** 2 - 1)) + margin
    inner = np.sqrt(max(0.0, 1 + ratio * ((1 - radius) ** 2 - 1))) - margin
    uniform = planet.limb_darkening == (0.0, 0.0)
    window = np.zeros((len(depths), len(time)))
    window[:, elapsed < outer] = 1.0
    limb = (elapsed < outer) & ((elapsed > inner) | (not uniform))
    if limb.any():
        window[:, limb] = transit_window(
            time[limb], span[limb], planet.shape, depths, planet.limb_darkening
        )
    return 1 - depths * window.T
