"""Simulated planets with known truth, and their noiseless light curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ariel_kit.core.editions import Year
from ariel_kit.core.errors import ConfigError
from ariel_kit.core.instruments import (
    AIRS,
    FGS1,
    N_AIRS,
    OBSERVATION_HOURS,
    Instrument,
)
from ariel_kit.core.star_info import StarInfo
from ariel_kit.data.converter import Adc
from ariel_kit.light_curve.transit import TransitShape
from ariel_kit.simulation.drift import (
    Drift,
    DriftFamily,
    draw_drift,
    extracted_columns,
    relative_columns,
)
from ariel_kit.simulation.optics import Star, airs_spectrum, get_star, star_image
from ariel_kit.simulation.systems import draw_mid_time
from ariel_kit.simulation.transits import Path, StraightPath, transmitted_light

STREAM_DRIFT, STREAM_VISIT = 9, 10
"""Random streams of a planet: its drifts, and the mid-time of a later visit."""


@dataclass(frozen=True)
class PlanetTruth:
    """The true parameters of one visit to a simulated planet.

    Attributes
    ----------
    planet_id : int
    star : int
        Number of the star; in 2025 each planet has its own star.
    edition : {2024, 2025}
    seed : int
        Seed of every random draw of its frames, together with the planet's id and the visit.
    depths : ndarray [shape=(283,), dtype=float64]
        Transit depths (Rp/Rs)^2, FGS1 first.
    molecules : tuple of str
        Gases with a mixing ratio above 1e-7.
    host : Star
    path : StraightPath or CircularOrbit
        Path of the planet, with times in hours from the start of a full observation. For a shorter
        observation the transit is compressed in time.
    limb_darkening : ndarray [shape=(283, 4), dtype=float64]
        Four-coefficient law of each wavelength; zeros in the 2024 edition.
    airs_drift, fgs1_drift : Drift
        Drifts over the visit and the detector's columns.
    airs_adc, fgs1_adc : Adc
        Converters of the two instruments.
    star_info : StarInfo, optional
        Entry in the table of stars and orbits, which differs a little from the truth; None in the
        2024 edition.
    visit, n_visits : int
        Index of this visit, and number of visits to the planet.
    family : {"mission", "legacy", "ramp", "step", "wave"}
        Family of the drifts.
    hit_rate : float
        Charged particles per pixel and second.
    """

    planet_id: int
    star: int
    edition: Year
    seed: int
    depths: np.ndarray
    molecules: tuple[str, ...]
    host: Star
    path: Path
    limb_darkening: np.ndarray
    airs_drift: Drift
    fgs1_drift: Drift
    airs_adc: Adc
    fgs1_adc: Adc
    star_info: StarInfo | None = None
    visit: int = 0
    n_visits: int = 1
    family: DriftFamily = "mission"
    hit_rate: float = 0.0

    @property
    def shape(self) -> TransitShape:
        """Mid-time, half-duration and ingress ratio of the transit.

        The ingress ratio is infinite for a planet whose centre does not cross the star.
        """
        if isinstance(self.path, StraightPath):
            return TransitShape(*self.path)
        across = max(0.0, 1 - self.path.impact**2)
        ratio = 1 / across if across > 0 else np.inf
        return TransitShape(self.path.mid_time, self.path.half_duration, ratio)

    def at_visit(self, visit: int) -> PlanetTruth:
        """Return the planet at another visit, with another mid-time, drifts, noise and detector.

        Raises
        ------
        ConfigError
            If the planet has no such visit.

        Examples
        --------
        >>> from ariel_kit.simulation.population import draw_planets
        >>> planet = next(p for p in draw_planets(40, seed=1, edition=2025) if p.n_visits == 2)
        >>> second = planet.at_visit(1)
        >>> second.depths is planet.depths, second.path.mid_time == planet.path.mid_time
        (True, False)
        """
        if not 0 <= visit < self.n_visits:
            raise ConfigError(
                f"visit must be from 0 to {self.n_visits - 1} for this planet; got {visit}."
            )
        if visit == self.visit:
            return self
        other = replace(self, visit=visit)
        path = self.path._replace(mid_time=draw_mid_time(other.rng(STREAM_VISIT)))
        return with_drift(replace(other, path=path), self.family)

    def rng(self, stream: int) -> np.random.Generator:
        """Create a random generator for one stream of this visit; equal streams draw the same."""
        return np.random.default_rng([self.seed, self.planet_id, stream, self.visit])

    def adc(self, instrument: Instrument) -> Adc:
        """Return the converter of an instrument."""
        return self.fgs1_adc if instrument is FGS1 else self.airs_adc

    def drift(self, instrument: Instrument) -> Drift:
        """Return the drift of an instrument."""
        return self.fgs1_drift if instrument is FGS1 else self.airs_drift


def with_drift(planet: PlanetTruth, family: DriftFamily) -> PlanetTruth:
    """Draw new drifts of both instruments for a planet, from a given family.

    Parameters
    ----------
    planet : PlanetTruth
    family : {"mission", "legacy", "ramp", "step", "wave"}

    Returns
    -------
    PlanetTruth

    Examples
    --------
    >>> from ariel_kit.simulation.population import draw_planets
    >>> planet = draw_planets(1, seed=3)[0]
    >>> with_drift(planet, "mission") == planet, with_drift(planet, "step") == planet
    (True, False)
    """
    rng = planet.rng(STREAM_DRIFT)
    airs = draw_drift(rng, AIRS, family=family, light=airs_spectrum(planet.host))
    fgs1 = draw_drift(rng, FGS1, family=family)
    return replace(planet, airs_drift=airs, fgs1_drift=fgs1, family=family)


def relative_light(
    planet: PlanetTruth, instrument: Instrument, time: np.ndarray, span: np.ndarray, hours: float
) -> np.ndarray:
    """Compute the noiseless light curve of each wavelength: the drift times the transit.

    The drift of FGS1 is the mean over its columns, weighted by the star's light.

    Parameters
    ----------
    planet : PlanetTruth
    instrument : Instrument
    time : ndarray [shape=(time,), unit=hour]
        Middle of each exposure or bin.
    span : ndarray [shape=(time,), unit=hour]
        Length of each exposure or bin.
    hours : float
        Length of the observation; the transit is compressed in proportion.

    Returns
    -------
    ndarray [shape=(time, wavelength), dtype=float64]
        Light relative to the star's mean: 282 wavelengths, ascending, for AIRS; 1 for FGS1.
    """
    if instrument is FGS1:
        drift = planet.fgs1_drift(time / hours, relative_columns(FGS1)) @ _fgs1_column_shares()
        return (1 + drift[:, None]) * _transmitted(planet, FGS1, time, span, hours)
    drift = planet.airs_drift(time / hours, extracted_columns())
    return (1 + drift) * _transmitted(planet, AIRS, time, span, hours)


def column_light(
    planet: PlanetTruth, instrument: Instrument, time: np.ndarray, span: np.ndarray, hours: float
) -> np.ndarray:
    """Compute the noiseless light curve of each detector column, for raw frames.

    Parameters
    ----------
    planet : PlanetTruth
    instrument : Instrument
    time, span : ndarray [shape=(time,), unit=hour]
        Middle and length of each exposure.
    hours : float
        As in `relative_light`.

    Returns
    -------
    ndarray [shape=(time, column), dtype=float64]
        Light relative to the star's mean, in the detector's order of columns. AIRS columns outside
        the 282 extracted ones have the depth of the nearest extracted column.
    """
    light = _transmitted(planet, instrument, time, span, hours)
    drift = planet.drift(instrument)(time / hours, relative_columns(instrument))
    return (1 + drift) * light[:, _channel_of_columns(instrument)]


def _channel_of_columns(instrument: Instrument) -> np.ndarray:
    """Compute the index of the wavelength of each detector column."""
    if instrument is FGS1:
        return np.zeros(FGS1.width, dtype=np.int64)
    ascending = AIRS.columns.stop - 1 - np.arange(AIRS.width)
    return np.clip(ascending, 0, N_AIRS - 1)


@cache
def _fgs1_column_shares() -> np.ndarray:
    """Compute the share of the star's light in each FGS1 column, the same for all stars."""
    light = star_image(get_star(0), FGS1)[0].sum(axis=0)
    return np.asarray(light / light.sum())


def _transmitted(
    planet: PlanetTruth, instrument: Instrument, time: np.ndarray, span: np.ndarray, hours: float
) -> np.ndarray:
    """Compute the relative flux during the transit [shape=(time, wavelength)]."""
    stretch = hours / OBSERVATION_HOURS
    channels = slice(0, 1) if instrument is FGS1 else slice(1, None)
    depths, law = planet.depths[channels], planet.limb_darkening[channels]
    return transmitted_light(planet.path, depths, law, time / stretch, span / stretch)
