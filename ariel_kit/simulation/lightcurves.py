"""Simulation of binned light curves without frames, with the noise that calibrated frames have.

Truth, detector and pointing are those of the simulated frames. The sums over pixels are computed
for the expected image and its variance instead of for drawn electrons. Bad pixels are not
simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS, OBSERVATION_HOURS, Instrument
from ariel_kit.core.observation import Curves, LightCurves, Observation
from ariel_kit.data.calibration_maps import Calibration
from ariel_kit.simulation.calibration_frames import draw_detector
from ariel_kit.simulation.kernels import HIT_LEAST, HIT_MEAN
from ariel_kit.simulation.optics import ROW_FRACTIONS, foreground, star_image
from ariel_kit.simulation.pointing import draw_pointing, moment_sigma
from ariel_kit.simulation.scene import PlanetTruth, relative_light

FGS1_STAMP_SHARE = 0.05
"""Least starlight of an FGS1 pixel that is summed, relative to its read noise variance."""

STREAM_DETECTOR = {AIRS.name: 1, FGS1.name: 2}
"""Random streams of the detectors."""
STREAM_POINTING = 3
"""Random stream of the pointing of raw frames."""
STREAM_LIGHT_CURVES = 4
"""Random stream of light curves that are drawn without frames."""


class Extraction(NamedTuple):
    """Expected flux and noise of the sum over pixels at each wavelength.

    Attributes
    ----------
    level : ndarray [shape=(wavelength,), unit=electron]
        Mean flux per CDS frame.
    jitter : ndarray [shape=(5, wavelength), unit=electron]
        Derivatives of the flux by the moments of the shift.
    shot : ndarray [shape=(wavelength,), unit=electron^2]
        Variance of one CDS frame that is proportional to the star's light.
    floor : ndarray [shape=(wavelength,), unit=electron^2]
        Variance of one CDS frame that does not depend on the star's light.
    pixels : int
        Number of pixels that are summed per wavelength.
    """

    level: np.ndarray
    jitter: np.ndarray
    shot: np.ndarray
    floor: np.ndarray
    pixels: int


def simulate_light_curves(
    planets: Sequence[PlanetTruth], *, seed: int, bin_seconds: float = 144.0
) -> list[Curves]:
    """Draw calibrated, binned light curves without drawing frames.

    Parameters
    ----------
    planets : sequence of PlanetTruth
    seed : int
        Seed of the noise.
    bin_seconds : float
        Length of a bin, rounded to a whole number of AIRS pairs. The last bin may be shorter.

    Returns
    -------
    list of (LightCurves, LightCurves)
        AIRS (bins, 282) and FGS1 (bins, 1) of each planet.

    Examples
    --------
    >>> from ariel_kit.simulation.population import draw_planets
    >>> airs, fgs1 = simulate_light_curves(draw_planets(1, seed=3), seed=0)[0]
    >>> airs.flux.shape, fgs1.flux.shape
    ((188, 282), (188, 1))
    """
    return [_light_curves_of_planet(planet, seed, bin_seconds) for planet in planets]


def simulate_observation(
    planet: PlanetTruth, *, seed: int, bin_seconds: float = 144.0
) -> Observation:
    """Draw one calibrated visit without drawing frames, for quick trials.

    Parameters
    ----------
    planet : PlanetTruth
    seed : int
        Seed of the noise, as in `simulate_light_curves`.
    bin_seconds : float
        Cadence of both instruments and of the pointing. A shorter last bin is left out.

    Returns
    -------
    Observation

    Examples
    --------
    >>> from ariel_kit.simulation.population import draw_planets
    >>> observation = simulate_observation(draw_planets(1, seed=3)[0], seed=0)
    >>> observation.airs.shape, observation.pointing.shape
    ((187, 282), (187, 2))
    """
    airs, fgs1 = _light_curves_of_planet(planet, seed, bin_seconds)
    moved = draw_pointing(_noise_rng(planet, seed), AIRS.n_pairs)
    per_bin = _pairs_per_bin(bin_seconds)
    n = AIRS.n_pairs // per_bin
    motion = moved.fgs1_odd[: n * per_bin * FGS1.n_pairs // AIRS.n_pairs, :2]
    rows = moved.airs_odd[: n * per_bin, 0].reshape(n, per_bin).mean(axis=1)
    return Observation(
        planet_id=planet.planet_id,
        star=planet.star,
        edition=planet.edition,
        star_info=planet.star_info,
        airs=airs.flux[:n].astype(np.float32),
        airs_time=airs.time[:n],
        airs_noise=airs.noise[0].astype(np.float32),
        fgs1=fgs1.flux[:n, 0].astype(np.float32),
        fgs1_time=fgs1.time[:n],
        fgs1_noise=float(fgs1.noise[0, 0]),
        pointing=motion.reshape(n, -1, 2).mean(axis=1),
        pointing_noise=np.zeros(2),
        row_moments=np.stack([rows, np.zeros_like(rows)], axis=1),
        bad_fraction=np.zeros(N_AIRS, np.float32),
        provenance={"simulation": {"seed": seed, "bin_seconds": bin_seconds}},
    )


def _noise_rng(planet: PlanetTruth, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, planet.planet_id, STREAM_LIGHT_CURVES, planet.visit])


def _pairs_per_bin(bin_seconds: float) -> int:
    return max(1, round(bin_seconds / AIRS.cadence))


def _light_curves_of_planet(planet: PlanetTruth, seed: int, bin_seconds: float) -> Curves:
    rng = _noise_rng(planet, seed)
    pointing = draw_pointing(rng, AIRS.n_pairs)
    pairs_per_bin = _pairs_per_bin(bin_seconds)
    fgs1_per_airs = FGS1.n_pairs // AIRS.n_pairs
    return (
        _draw(rng, planet, AIRS, pointing.airs_odd, pairs_per_bin),
        _draw(rng, planet, FGS1, pointing.fgs1_odd, pairs_per_bin * fgs1_per_airs),
    )


def _draw(
    rng: np.random.Generator,
    planet: PlanetTruth,
    instrument: Instrument,
    moments: np.ndarray,
    per_bin: int,
) -> LightCurves:
    starts = np.arange(0, instrument.n_pairs, per_bin)
    counts = np.diff(np.append(starts, instrument.n_pairs))
    time = np.add.reduceat(instrument.pair_times(), starts) / counts
    span = counts * instrument.cadence / 3600
    binned = np.add.reduceat(moments, starts, axis=0, dtype=np.float64) / counts[:, None]

    detector = draw_detector(planet.rng(STREAM_DETECTOR[instrument.name]), instrument)
    extraction = extract(planet, instrument, detector.calibration)
    light = relative_light(planet, instrument, time, span, OBSERVATION_HOURS)
    variance = (extraction.shot * light + extraction.floor) / counts[:, None]
    flux = light * (extraction.level + binned @ extraction.jitter)
    flux += np.sqrt(variance) * rng.standard_normal(flux.shape)
    if planet.hit_rate > 0:
        per_frame = planet.hit_rate * instrument.exposure * extraction.pixels
        flux += _hits(rng, per_frame * counts[:, None], flux.shape) / counts[:, None]

    jitter = moment_sigma(instrument) ** 2 @ extraction.jitter**2
    one_frame = extraction.shot * light.mean(axis=0) + extraction.floor + jitter
    return LightCurves(time, span, flux, np.sqrt(one_frame / counts[:, None]))


def _hits(rng: np.random.Generator, expected: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Draw the electrons that charged particles deposit in each bin."""
    hits = rng.poisson(np.broadcast_to(expected, shape))
    return HIT_LEAST * hits + HIT_MEAN * rng.standard_gamma(hits)


def extract(planet: PlanetTruth, instrument: Instrument, calibration: Calibration) -> Extraction:
    """Compute the expected flux and noise of preprocessing's default extraction.

    AIRS rows 8..23 are summed. FGS1 pixels with enough starlight are summed with the weights of
    least noise, including jitter.

    Parameters
    ----------
    planet : PlanetTruth
    instrument : Instrument
    calibration : Calibration

    Returns
    -------
    Extraction
    """
    image = star_image(planet.host, instrument)
    read = np.where(calibration.dead, np.median(calibration.read), calibration.read)
    floor = foreground(instrument) + calibration.dark * instrument.exposure + 2 * read**2
    if instrument is FGS1:
        lit = image[0] > FGS1_STAMP_SHARE * 2 * read**2
        return _weigh(image[:, lit], floor[lit])
    rows = image[:, instrument.signal_rows, instrument.columns].sum(axis=1)[:, ::-1]
    still = floor[instrument.signal_rows, instrument.columns].sum(axis=0)[::-1]
    return Extraction(rows[0], rows[1:], rows[0], still, len(ROW_FRACTIONS))


def _weigh(image: np.ndarray, floor: np.ndarray) -> Extraction:
    """Compute the weighted sum of pixels of least noise; image (6, pixel), floor (pixel)."""
    jitter = image[1:] * moment_sigma(FGS1)[:, None]
    covariance = np.diag(image[0] + floor) + jitter.T @ jitter
    weights = np.linalg.solve(covariance, image[0])
    weights *= image[0].sum() / (weights @ image[0])
    totals = (image @ weights)[:, None]
    shot, still = weights**2 @ image[0], weights**2 @ floor
    return Extraction(totals[0], totals[1:], np.array([shot]), np.array([still]), len(floor))
