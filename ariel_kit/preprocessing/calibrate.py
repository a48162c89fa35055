"""Raw frames to an `Observation`: two passes over the samples of each instrument.

The first pass finds the mean image. From it follow the foreground, what stands in for bad pixels
and the weight of every pixel. The second pass calibrates each sample again and adds it, weighted,
to the light curves: nothing larger than a light curve is ever stored.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from ariel_kit.config import CalibrationSettings
from ariel_kit.dataset import Adc, Calibration, Dataset
from ariel_kit.errors import DataFileError
from ariel_kit.frames import Frames, read_frames
from ariel_kit.instruments import AIRS, FGS1, Instrument
from ariel_kit.observation import Observation
from ariel_kit.preprocessing import kernels
from ariel_kit.preprocessing.badpixels import (
    Donors,
    fill_levels,
    find_bad_pixels,
    find_donors,
)
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

logger = logging.getLogger(__name__)

MAX_BAD_FRACTION = 0.8
FGS1_BORDER = 3
SAMPLE_STRETCHES = 8
SAMPLE_LENGTH = 1024


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
        Which visit, where a planet has several (2025).
    settings : CalibrationSettings, optional
        How bad pixels are infilled and pixels are weighted.

    Returns
    -------
    Observation

    Raises
    ------
    DataFileError
        If a file is missing, damaged or of the wrong shape or type, or if a wavelength has too
        few good pixels; the message names planet, path, rule and remedy.
    UnknownNameError
        If the split or the planet is not in the data set.
    """
    settings = settings or CalibrationSettings()
    source = _Source(dataset, split, planet_id, visit)
    airs = _calibrate_airs(source, settings)
    fgs1 = _calibrate_fgs1(source, settings)
    facts = {"settings": settings.model_dump(mode="json"), "split": split, "visit": visit}
    return Observation(
        planet_id=int(planet_id),
        star=dataset.star(split, planet_id),
        edition=dataset.edition,
        airs=airs["flux"],
        airs_time=AIRS.pair_times(len(airs["flux"])),
        airs_noise=airs["noise"],
        row_moments=airs["row_moments"],
        bad_fraction=airs["bad_fraction"],
        fgs1=fgs1["flux"],
        fgs1_time=FGS1.pair_times(len(fgs1["flux"])),
        fgs1_noise=fgs1["noise"],
        pointing=fgs1["pointing"],
        provenance={"calibration": {**facts, "airs": airs["facts"], "fgs1": fgs1["facts"]}},
    )


def warmup() -> float:
    """Compile the kernels, or load them from numba's cache.

    Returns
    -------
    float
        Seconds it took.
    """
    start = time.perf_counter()
    memory, offsets = np.zeros(2, np.uint32), np.zeros(1, np.int64)
    constants, entries = np.zeros((1, 6), np.float32), np.zeros(1, np.int64)
    kernels.mean_levels(memory, offsets, 2, constants, np.zeros(1))
    weights, sums = np.ones((1, 3), np.float32), np.zeros((1, 3, 2), np.float32)
    kernels.weighted_sums(memory, offsets, constants, np.array([0, 1]), entries, weights, sums)
    seconds = time.perf_counter() - start
    logger.info("kernels ready in %.1f s", seconds)
    return seconds


@dataclass(frozen=True)
class _Source:
    """Where the frames of one visit come from."""

    dataset: Dataset
    split: str
    planet_id: int
    visit: int

    def frames(self, instrument: Instrument, pixels: np.ndarray) -> Frames:
        return read_frames(
            self.dataset, self.split, self.planet_id, instrument, pixels=pixels, visit=self.visit
        )

    def calibration(self, instrument: Instrument) -> Calibration:
        return self.dataset.read_calibration(self.split, self.planet_id, instrument, self.visit)

    def adc(self, instrument: Instrument) -> Adc:
        return self.dataset.adc(self.split, self.planet_id, instrument)

    def path(self, instrument: Instrument) -> str:
        return str(
            self.dataset.calibration_path(self.split, self.planet_id, instrument, self.visit)
        )


@dataclass(frozen=True)
class _Detector:
    """The extracted part of one detector, AIRS columns in ascending wavelength.

    Attributes
    ----------
    pixels : ndarray [shape=(y, x), dtype=int64]
        Index of each pixel in the file.
    constants : ndarray [shape=(y, x, 6), dtype=float32]
        What the kernels need; zero where bad, so that nothing wild ever enters a sum.
    read_variance : ndarray [shape=(y, x), unit=electron^2]
        Read noise variance of one CDS frame.
    """

    pixels: np.ndarray
    bad: np.ndarray
    constants: np.ndarray
    read_variance: np.ndarray
    facts: dict[str, Any]

    def variance(self, levels: np.ndarray) -> np.ndarray:
        """Noise variance of one CDS frame where the mean level is `levels`; infinite where bad."""
        return np.where(self.bad, np.inf, self.read_variance + np.maximum(levels, 0))


def _open_detector(source: _Source, instrument: Instrument) -> _Detector:
    calibration, adc = source.calibration(instrument), source.adc(instrument)
    reasons = find_bad_pixels(calibration)
    constants = pixel_constants(calibration, adc, instrument, reasons.any)
    pixels = np.arange(instrument.n_pixels).reshape(instrument.height, instrument.width)
    columns = np.arange(instrument.width)[instrument.columns]
    if instrument is AIRS:
        columns = columns[::-1]
    return _Detector(
        pixels=pixels[:, columns],
        bad=reasons.any[:, columns],
        constants=np.ascontiguousarray(constants[:, columns]),
        read_variance=2 * (calibration.read**2)[:, columns],
        facts={
            "gain": adc.gain,
            "offset": adc.offset,
            **{name: int(mask[:, columns].sum()) for name, mask in reasons._asdict().items()},
        },
    )


def pixel_constants(
    calibration: Calibration, adc: Adc, instrument: Instrument, bad: np.ndarray
) -> np.ndarray:
    """Fold converter, linearity, dark and flat into six numbers per pixel.

    The polynomial in electrons becomes one in raw units by composition, in float64. Its constant
    term, and with it the offset of the converter, is left out: a CDS cancels it.

    Returns
    -------
    ndarray [shape=(y, x, 6), dtype=float32]
        Terms 1..5 of the polynomial, then the dark charge; all over the flat. Zero where bad.
    """
    terms = calibration.linear_corr
    flat = np.where(bad, 1.0, calibration.flat)
    constants = np.zeros((*flat.shape, len(terms)))
    for power in range(1, len(terms)):
        for k in range(power, len(terms)):
            shift = comb(k, power) * adc.offset ** (k - power)
            constants[..., power - 1] += terms[k] * shift / adc.gain**power
    constants[..., -1] = calibration.dark * instrument.exposure
    constants /= flat[..., None]
    constants[bad] = 0
    return constants.astype(np.float32)


def _calibrate_airs(source: _Source, settings: CalibrationSettings) -> dict[str, Any]:
    detector = _open_detector(source, AIRS)
    frames = source.frames(AIRS, detector.pixels.ravel())
    levels = fill_levels(_mean_image(frames, detector), detector.bad)
    foreground = fit_foreground(levels, detector.bad, AIRS.signal_rows)
    star = levels - foreground
    window = np.zeros(star.shape, dtype=bool)
    window[AIRS.signal_rows] = True
    bad_fraction = _bad_fraction(source, np.where(window, star, 0.0), detector.bad)
    weights = window.astype(np.float64)
    if settings.airs_extraction == "optimal":
        variance = np.where(window, detector.variance(levels), np.inf)
        weights = optimal_rows(np.where(window, star, 0.0), variance)
    rows = np.arange(AIRS.height)[:, None] - (AIRS.height - 1) / 2
    sums = _extract(
        frames,
        detector,
        modes=np.stack([weights, weights * rows, weights * rows**2], axis=-1),
        output=np.broadcast_to(np.arange(star.shape[1]), star.shape),
        donors=find_donors(
            settings.bad_pixels,
            star,
            usable=window & ~detector.bad,
            targets=window & detector.bad,
            reach=(AIRS.height, 0),
        ),
        foreground=np.broadcast_to(foreground, star.shape),
    )
    return {
        "flux": np.ascontiguousarray(sums[:, 0].T),
        "noise": white_noise(sums[:, 0]).astype(np.float32),
        "row_moments": _row_moments(sums),
        "bad_fraction": bad_fraction.astype(np.float32),
        "facts": {**detector.facts, "foreground": float(np.median(foreground))},
    }


def _calibrate_fgs1(source: _Source, settings: CalibrationSettings) -> dict[str, Any]:
    detector = _open_detector(source, FGS1)
    frames = source.frames(FGS1, detector.pixels.ravel())
    levels = fill_levels(_mean_image(frames, detector), detector.bad)
    foreground = border_level(levels, detector.bad, FGS1_BORDER)
    star = levels - foreground
    variance = detector.variance(levels)
    inside = stamp(star, detector.read_variance)
    if settings.fgs1_extraction == "psf":
        scatter = scatter_modes(_sample(frames, detector, inside), variance[inside])
        flux = psf_weights(star, variance, inside, scatter)
    else:
        flux = brightest_pixels(star, detector.read_variance + levels).astype(np.float64)
    sums = _extract(
        frames,
        detector,
        modes=np.stack([flux, *pointing_weights(star, variance, inside)], axis=-1),
        output=np.zeros(star.shape, np.int64),
        donors=find_donors(
            settings.bad_pixels, star, usable=~detector.bad, targets=detector.bad, reach=(2, 2)
        ),
        foreground=np.full(star.shape, foreground),
    )[0]
    motion = (sums[1:] / (sums[0] / sums[0].mean())).T
    return {
        "flux": sums[0],
        "noise": float(white_noise(sums[0])),
        "pointing": (motion - motion.mean(axis=0)).astype(np.float32),
        "facts": {**detector.facts, "foreground": foreground, "pixels": int(np.sum(flux != 0))},
    }


def _sample(frames: Frames, detector: _Detector, inside: np.ndarray) -> np.ndarray:
    """Calibrated frames of some pixels from stretches all over the observation; (pixel, time)."""
    pixels = np.flatnonzero(inside)
    length = min(SAMPLE_LENGTH, frames.n_pairs)
    parts = []
    for first in np.unique(np.linspace(0, frames.n_pairs - length, SAMPLE_STRETCHES).astype(int)):
        part = np.zeros((len(pixels), 1, length), np.float32)
        kernels.weighted_sums(
            frames.memory,
            frames.offsets + first,
            detector.constants.reshape(inside.size, -1),
            np.arange(len(pixels) + 1),
            pixels,
            np.ones((len(pixels), 1), np.float32),
            part,
        )
        parts.append(part[:, 0])
    return np.concatenate(parts, axis=1)


def _mean_image(frames: Frames, detector: _Detector) -> np.ndarray:
    levels = np.empty(detector.pixels.size)
    constants = detector.constants.reshape(len(levels), -1)
    kernels.mean_levels(frames.memory, frames.offsets, frames.n_pairs, constants, levels)
    return levels.reshape(detector.pixels.shape)


def _extract(
    frames: Frames,
    detector: _Detector,
    *,
    modes: np.ndarray,
    output: np.ndarray,
    donors: Donors,
    foreground: np.ndarray,
) -> np.ndarray:
    """Add up calibrated pixels, bad ones replaced by their donors, minus the foreground.

    Parameters
    ----------
    modes : ndarray [shape=(y, x, mode)]
        Weights of each pixel.
    output : ndarray [shape=(y, x), dtype=int64]
        The light curve a pixel belongs to.
    foreground : ndarray [shape=(y, x), unit=electron]

    Returns
    -------
    ndarray [shape=(output, mode, time), dtype=float32]
    """
    n_modes = modes.shape[-1]
    flat = modes.reshape(-1, n_modes)
    good = np.flatnonzero(flat.any(axis=1) & ~detector.bad.ravel())
    pixels = np.concatenate([good, donors.donor])
    weights = np.concatenate([flat[good], flat[donors.target] * donors.weight[:, None]])
    owners = output.ravel()[np.concatenate([good, donors.target])]
    order = np.argsort(owners, kind="stable")
    pixels, weights, owners = pixels[order], weights[order], owners[order]
    n_outputs = int(output.max()) + 1
    sums = np.zeros((n_outputs, n_modes, frames.n_pairs), np.float32)
    kernels.weighted_sums(
        frames.memory,
        frames.offsets,
        detector.constants.reshape(len(flat), -1),
        np.searchsorted(owners, np.arange(n_outputs + 1)),
        pixels,
        weights.astype(np.float32),
        sums,
    )
    background = np.zeros((n_outputs, n_modes))
    np.add.at(background, owners, weights * foreground.ravel()[pixels, None])
    sums -= background[:, :, None].astype(np.float32)
    return sums


def _row_moments(sums: np.ndarray) -> np.ndarray:
    """Row centroid and width of the white light; axes (time, moment), relative to their means."""
    flux, first, second = sums.sum(axis=0, dtype=np.float64)
    centre = first / flux
    width = np.sqrt(np.maximum(second / flux - centre**2, 0))
    moments = np.stack([centre, width], axis=1)
    return (moments - moments.mean(axis=0)).astype(np.float32)


def _bad_fraction(source: _Source, star: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Share of each column's light that falls on bad pixels."""
    light = np.maximum(star, 0)
    fraction = (light * bad).sum(axis=0) / np.maximum(light.sum(axis=0), 1e-30)
    lost = np.flatnonzero(fraction > MAX_BAD_FRACTION)
    if len(lost):
        raise DataFileError(
            f"planet {source.planet_id}: {source.path(AIRS)} marks pixels as bad that hold more "
            f"than {MAX_BAD_FRACTION:.0%} of the light of {len(lost)} wavelength(s), first "
            f"wl_{lost[0] + 2}; nothing is left to infill them from. Check dead and dark."
        )
    return np.asarray(fraction)
