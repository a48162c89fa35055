"""Planets with known truth, and the noiseless relative light that reaches each wavelength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np

from ariel_kit.core.errors import ConfigError
from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS, OBSERVATION_HOURS, Instrument
from ariel_kit.data.dataset import Adc
from ariel_kit.light_curve.transit import TransitShape, transit_window
from ariel_kit.simulation.drift import (
    Drift,
    DriftFamily,
    draw_drift,
    extracted_columns,
    relative_columns,
)
from ariel_kit.simulation.optics import airs_spectrum, get_star, star_image
from ariel_kit.simulation.spectra import draw_batch

AIRS_OFFSET, FGS1_OFFSET = (-855.0, 72.0), (-357.0, 22.0)
"""Mean and scatter of the converter's offset, electrons."""
STREAM_PLANET, STREAM_DRIFT = 8, 9
"""Streams of a planet's generators: transit and converters; drifts."""
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
    airs_drift, fgs1_drift : Drift
        Relative light minus one, over the visit and the detector's columns.
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
    airs_drift: Drift
    fgs1_drift: Drift
    airs_adc: Adc
    fgs1_adc: Adc

    def rng(self, stream: int) -> np.random.Generator:
        """A generator of this planet's own; equal streams give equal draws."""
        return np.random.default_rng([self.seed, self.planet_id, stream])

    def adc(self, instrument: Instrument) -> Adc:
        """The converter of an instrument."""
        return self.fgs1_adc if instrument is FGS1 else self.airs_adc

    def drift(self, instrument: Instrument) -> Drift:
        """The drift of an instrument."""
        return self.fgs1_drift if instrument is FGS1 else self.airs_drift


def draw_planets(
    n: int,
    *,
    seed: int,
    stars: Sequence[int] = (0, 1),
    molecules: Literal["known", "unseen", "all"] | Sequence[str] = "known",
    edition: Edition = 2024,
    drift: DriftFamily = "mission",
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
    drift : {"mission", "legacy", "ramp", "step", "wave"}
        See `ariel_kit.simulation.drift.draw_drift`. It changes nothing else about the planets.

    Returns
    -------
    list of PlanetTruth

    Raises
    ------
    ConfigError
        If there are no stars, or `n` is negative.
    UnknownNameError
        If a molecule or a family of drifts is unknown.

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
    planets = [
        _draw_planet(int(planet_id), int(number), seed, depths, gases, edition)
        for planet_id, number, depths, gases in zip(
            ids, numbers, spectra.depths, spectra.molecules, strict=True
        )
    ]
    return planets if drift == "mission" else [with_drift(planet, drift) for planet in planets]


def with_drift(planet: PlanetTruth, family: DriftFamily) -> PlanetTruth:
    """Draw both instruments' drifts of a planet again, from another family.

    Parameters
    ----------
    planet : PlanetTruth
    family : {"mission", "legacy", "ramp", "step", "wave"}

    Returns
    -------
    PlanetTruth

    Examples
    --------
    >>> planet = draw_planets(1, seed=3)[0]
    >>> with_drift(planet, "mission") == planet, with_drift(planet, "step") == planet
    (True, False)
    """
    airs, fgs1 = _draw_drifts(planet.rng(STREAM_DRIFT), planet.star, family)
    return replace(planet, airs_drift=airs, fgs1_drift=fgs1)


def _draw_drifts(
    rng: np.random.Generator, number: int, family: DriftFamily = "mission"
) -> tuple[Drift, Drift]:
    light = airs_spectrum(get_star(number))
    airs = draw_drift(rng, AIRS, family=family, light=light)
    return airs, draw_drift(rng, FGS1, family=family)


def _draw_planet(
    planet_id: int,
    number: int,
    seed: int,
    depths: np.ndarray,
    molecules: tuple[str, ...],
    edition: Edition,
) -> PlanetTruth:
    star = get_star(number)
    rng = np.random.default_rng([seed, planet_id, STREAM_PLANET])
    airs_adc = _draw_adc(rng, star.airs_gain, AIRS_OFFSET)
    fgs1_adc = _draw_adc(rng, star.fgs1_gain, FGS1_OFFSET)
    drifts = _draw_drifts(np.random.default_rng([seed, planet_id, STREAM_DRIFT]), number)
    return PlanetTruth(
        planet_id=planet_id,
        star=number,
        edition=edition,
        seed=seed,
        depths=depths,
        molecules=molecules,
        shape=_draw_shape(rng),
        limb_darkening=LIMB_DARKENING_2025 if edition == 2025 else (0.0, 0.0),
        airs_drift=drifts[0],
        fgs1_drift=drifts[1],
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


def relative_light(
    planet: PlanetTruth, instrument: Instrument, time: np.ndarray, span: np.ndarray, hours: float
) -> np.ndarray:
    """Light of each wavelength over the star's mean: the drift times the transit.

    FGS1 has one light curve for all its columns; its drift is their mean by the star's light.

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
        drift = planet.fgs1_drift(time / hours, relative_columns(FGS1)) @ _fgs1_column_shares()
        return (1 + drift[:, None]) * _transmitted(planet, planet.depths[:1], time, span, hours)
    drift = planet.airs_drift(time / hours, extracted_columns())
    return (1 + drift) * _transmitted(planet, planet.depths[1:], time, span, hours)


def column_light(
    planet: PlanetTruth, instrument: Instrument, time: np.ndarray, span: np.ndarray, hours: float
) -> np.ndarray:
    """Light of each detector column over the star's mean, as raw frames see it.

    Parameters
    ----------
    planet : PlanetTruth
    instrument : Instrument
    time, span : ndarray [shape=(time,), unit=hour]
    hours : float
        As in `relative_light`.

    Returns
    -------
    ndarray [shape=(time, column), dtype=float64]
        In the detector's order. AIRS columns beyond the 282 have the depth of the nearest.
    """
    depths = planet.depths[:1] if instrument is FGS1 else planet.depths[1:]
    light = _transmitted(planet, depths, time, span, hours)
    drift = planet.drift(instrument)(time / hours, relative_columns(instrument))
    return (1 + drift) * light[:, _channel_of_columns(instrument)]


def _channel_of_columns(instrument: Instrument) -> np.ndarray:
    """Index of the wavelength that each detector column sees."""
    if instrument is FGS1:
        return np.zeros(FGS1.width, dtype=np.int64)
    ascending = AIRS.columns.stop - 1 - np.arange(AIRS.width)
    return np.clip(ascending, 0, N_AIRS - 1)


@cache
def _fgs1_column_shares() -> np.ndarray:
    """Share of the star's light in each FGS1 column, the same for all stars."""
    light = star_image(get_star(0), FGS1)[0].sum(axis=0)
    return np.asarray(light / light.sum())


def _transmitted(
    planet: PlanetTruth, depths: np.ndarray, time: np.ndarray, span: np.ndarray, hours: float
) -> np.ndarray:
    """1 - depth * S, with the window worked out only where the planet may touch the limb."""
    stretch = hours / OBSERVATION_HOURS
    time, span = time / stretch, span / stretch
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
