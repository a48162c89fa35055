"""Calibration of raw frames into an `Observation`, in two passes over each instrument's samples.

The first pass computes the mean image, from which follow the foreground, the donors of bad pixels
and the weight of every pixel. The second pass calibrates each sample again and adds it, weighted,
to the light curves, so that no calibrated frames are stored. `steps` has the same calibration one
step at a time.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from ariel_kit.core.config import CalibrationSettings
from ariel_kit.core.instruments import AIRS, FGS1, Instrument
from ariel_kit.core.observation import Observation
from ariel_kit.core.runtime import one_blas_thread
from ariel_kit.data.dataset import Dataset
from ariel_kit.preprocessing import kernels
from ariel_kit.preprocessing.badpixels import find_donors, model_levels
from ariel_kit.preprocessing.detector import Detector, RawVisit
from ariel_kit.preprocessing.extraction import (
    brightest_pixels,
    optimal_rows,
    pointing_weights,
    psf_weights,
    scatter_modes,
    stamp,
)
from ariel_kit.preprocessing.foreground import border_level, fit_foreground
from ariel_kit.preprocessing.normalize import white_noise
from ariel_kit.preprocessing.survey import (
    MAX_BAD_FRACTION,
    MAX_SATURATED,
    find_bad_fraction,
    noise_factor,
    saturated_share,
    survey,
)

logger = logging.getLogger(__name__)

AIRS_REACH, FGS1_REACH = (0, 2), (2, 2)
"""Rows and columns around a bad pixel in which the PSF infill looks for donors."""
FGS1_BORDER = 3
"""Width, in pixels, of the border of the image whose level is the foreground of FGS1."""
SAMPLE_STRETCHES, SAMPLE_LENGTH = 8, 512
"""Number of stretches, and of CDS frames in each, that the scatter of FGS1 is measured in."""


class _AirsCurves(NamedTuple):
    """Fields of an `Observation` that come from AIRS, and facts for its provenance."""

    flux: np.ndarray
    noise: np.ndarray
    row_moments: np.ndarray
    bad_fraction: np.ndarray
    facts: dict[str, Any]
    saturated: bool


class _Fgs1Curve(NamedTuple):
    """Fields of an `Observation` that come from FGS1, and facts for its provenance."""

    flux: np.ndarray
    noise: float
    pointing: np.ndarray
    pointing_noise: np.ndarray
    facts: dict[str, Any]
    saturated: bool


@one_blas_thread()
def calibrate_planet(
    dataset: Dataset,
    planet_id: int,
    *,
    split: str = "train",
    visit: int = 0,
    settings: CalibrationSettings | None = None,
) -> Observation:
    """Calibrate the raw frames of one planet into light curves at native cadence.

    Parameters
    ----------
    dataset : Dataset
    planet_id : int
    split : str
        ``train`` or ``test``.
    visit : int
        Index of the visit, where a planet has several (2025).
    settings : CalibrationSettings, optional
        Methods that infill bad pixels and that weight pixels.

    Returns
    -------
    Observation

    Raises
    ------
    DataFileError
        If a file is missing, damaged or of the wrong shape or type, or if a wavelength has too few
        good pixels. The message names the planet, the path, the rule and the remedy.
    UnknownNameError
        If the split or the planet is not in the data set.

    Examples
    --------
    >>> from ariel_kit.data.dataset import open_dataset
    >>> from ariel_kit.simulation import simulate_dataset
    >>> folder = simulate_dataset(getfixture("tmp_path"), n_train=1, n_test=0, n_pairs=4)
    >>> dataset = open_dataset(folder)
    >>> (planet,) = dataset.planets("train")
    >>> observation = calibrate_planet(dataset, planet)
    >>> observation.airs.shape, observation.fgs1.shape
    ((4, 282), (48,))
    """
    settings = settings or CalibrationSettings()
    source = RawVisit(dataset, split, planet_id, visit)
    with ThreadPoolExecutor(max_workers=1) as reader:
        detectors = [source.open(instrument) for instrument in (AIRS, FGS1)]
        if settings.memory == "normal":  # FGS1 is read while AIRS is calibrated
            detectors = [detector.read_ahead(reader) for detector in detectors]
        airs = _calibrate_airs(detectors[0], settings)
        fgs1 = _calibrate_fgs1(detectors[1], settings)
    facts = {"settings": settings.model_dump(mode="json"), "split": split, "visit": visit}
    return Observation(
        planet_id=int(planet_id),
        star=dataset.star(split, planet_id),
        star_info=dataset.star_info(split, planet_id),
        edition=dataset.edition.year,
        airs=airs.flux,
        airs_time=AIRS.pair_times(len(airs.flux)),
        airs_noise=airs.noise,
        row_moments=airs.row_moments,
        bad_fraction=airs.bad_fraction,
        fgs1=fgs1.flux,
        fgs1_time=FGS1.pair_times(len(fgs1.flux)),
        fgs1_noise=fgs1.noise,
        pointing=fgs1.pointing,
        pointing_noise=fgs1.pointing_noise,
        flags=tuple(
            f"{name} is saturated"
            for name, curve in ((AIRS.name, airs), (FGS1.name, fgs1))
            if curve.saturated
        ),
        provenance={"calibration": {**facts, "airs": airs.facts, "fgs1": fgs1.facts}},
    )


def mean_image(
    dataset: Dataset, planet_id: int, instrument: Instrument, *, split: str, visit: int = 0
) -> np.ndarray:
    """Compute the mean CDS image of a visit, with bad pixels replaced by a model.

    Parameters
    ----------
    dataset : Dataset
    planet_id : int
    instrument : Instrument
    split : str
        ``train`` or ``test``.
    visit : int

    Returns
    -------
    ndarray [shape=(y, x), dtype=float64, unit=electron]
        The columns of AIRS are its 282 wavelengths, ascending.

    Raises
    ------
    DataFileError
        If a file is missing, damaged or of the wrong shape or type.
    """
    return survey(RawVisit(dataset, split, planet_id, visit).open(instrument)).levels


def calibration_warmup() -> float:
    """Compile the kernels of the calibration, or load them from numba's cache.

    The first call of `calibrate_planet` does the same. Call this function before worker processes
    start, so that each loads the compiled kernels, and before timing anything.

    Returns
    -------
    float
        Duration in seconds: a few if everything has to be compiled, below one afterwards.

    Examples
    --------
    >>> calibration_warmup() < 600
    True
    """
    start = time.perf_counter()
    memory, offsets = np.zeros(2, np.uint32), np.zeros(1, np.int64)
    memory.setflags(write=False)  # as that of `Frames`: numba compiles for it separately
    constants, entries = np.zeros((1, 6), np.float32), np.zeros(1, np.int64)
    kernels.mean_levels(memory, offsets, 2, constants, np.zeros(1), entries.copy())
    weights, sums = np.ones((1, 3), np.float32), np.zeros((1, 3, 2), np.float32)
    kernels.weighted_sums(memory, offsets, constants, np.array([0, 1]), entries, weights, sums)
    seconds = time.perf_counter() - start
    logger.info("kernels ready in %.1f s", seconds)
    return seconds


def _calibrate_airs(detector: Detector, settings: CalibrationSettings) -> _AirsCurves:
    detector, levels, clipped = survey(detector)
    foreground = fit_foreground(levels, detector.bad, AIRS.signal_rows)
    star = levels - foreground
    window = np.zeros(star.shape, dtype=bool)
    window[AIRS.signal_rows] = True
    bad_fraction = find_bad_fraction(detector, np.where(window, star, 0.0))
    weights = window.astype(np.float64)
    if settings.airs_extraction == "optimal":
        variance = np.where(window, detector.variance(levels), np.inf)
        weights = optimal_rows(model_levels(star, detector.bad) * window, variance)
    rows = np.arange(AIRS.height)[:, None] - (AIRS.height - 1) / 2
    lost = saturated_share(clipped * window, star * window)
    sums = detector.extract(
        modes=np.stack([weights, weights * rows, weights * rows**2], axis=-1),
        output=np.broadcast_to(np.arange(star.shape[1]), star.shape),
        donors=find_donors(
            settings.bad_pixels,
            levels,
            usable=window & ~detector.bad,
            targets=window & detector.bad,
            reach=AIRS_REACH,
        ),
        foreground=np.broadcast_to(foreground, star.shape),
    )
    noise = white_noise(sums[:, 0]) * noise_factor(lost)
    return _AirsCurves(
        flux=np.ascontiguousarray(sums[:, 0].T),
        noise=np.where(bad_fraction > MAX_BAD_FRACTION, np.inf, noise).astype(np.float32),
        row_moments=_row_moments(sums),
        bad_fraction=bad_fraction.astype(np.float32),
        facts={**detector.facts, "foreground": float(np.median(foreground))},
        saturated=bool((lost > MAX_SATURATED).any()),
    )


def _calibrate_fgs1(detector: Detector, settings: CalibrationSettings) -> _Fgs1Curve:
    detector, levels, clipped = survey(detector)
    foreground = border_level(levels, detector.bad, FGS1_BORDER)
    star = levels - foreground
    variance = detector.variance(levels)
    inside = stamp(star, detector.read_variance)
    if settings.fgs1_extraction == "psf":
        scatter = scatter_modes(
            detector.sample(inside, stretches=SAMPLE_STRETCHES, length=SAMPLE_LENGTH),
            variance[inside],
        )
        flux = psf_weights(star, variance, inside, scatter)
    else:
        flux = brightest_pixels(star, detector.read_variance + levels).astype(np.float64)
    motion_weights = np.stack(pointing_weights(star, variance, inside), axis=-1)
    sums = detector.extract(
        modes=np.concatenate([flux[..., None], motion_weights], axis=-1),
        output=np.zeros(star.shape, np.int64),
        donors=find_donors(
            settings.bad_pixels,
            levels,
            usable=~detector.bad,
            targets=detector.bad,
            reach=FGS1_REACH,
        ),
        foreground=np.full(star.shape, foreground),
    )[0]
    motion = (sums[1:] / (sums[0] / sums[0].mean())).T
    lost = saturated_share(clipped * inside, star * inside, axis=None)
    blur = np.sqrt(np.where(detector.bad, 0, variance)[inside] @ motion_weights[inside] ** 2)
    return _Fgs1Curve(
        flux=sums[0],
        noise=float(white_noise(sums[0]) * noise_factor(lost)),
        pointing=(motion - motion.mean(axis=0)).astype(np.float32),
        pointing_noise=blur,
        facts={
            **detector.facts,
            "foreground": foreground,
            "pixels": int(np.sum(flux != 0)),
        },
        saturated=bool(lost > MAX_SATURATED),
    )


def _row_moments(sums: np.ndarray) -> np.ndarray:
    """Compute row centroid and width of the white light, minus their means (time, moment)."""
    flux, first, second = sums.sum(axis=0, dtype=np.float64)
    centre = first / flux
    width = np.sqrt(np.maximum(second / flux - centre**2, 0))
    moments = np.stack([centre, width], axis=1)
    return (moments - moments.mean(axis=0)).astype(np.float32)
