"""The first pass over a detector: its mean image, and the pixels that cannot be used."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import median_filter

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import AIRS, N_AIRS
from ariel_kit.preprocessing.badpixels import fill_levels
from ariel_kit.preprocessing.detector import Detector

MAX_BAD_FRACTION = 0.8
"""Share of the light of a wavelength on bad pixels above which the wavelength has no data."""
MAX_LOST = N_AIRS // 10
"""Largest number of wavelengths without data."""
LEAST_LIT = 0.1
"""Share of the median light of neighbouring columns below which an AIRS column counts as dead."""
LIT_COLUMNS = 9
"""Number of columns of that median."""
MOST_FULL = 1e-3
"""Share of frames in which a usable pixel may be saturated, since cosmic rays saturate a few."""
MAX_SATURATED = 0.05
"""Share of the light on saturated pixels above which a light curve is flagged as saturated."""
SATURATED_NOISE = 2.0
"""Factor of the noise of such a light curve: some charge spills from saturated to other pixels."""


class Survey(NamedTuple):
    """Results of the first pass.

    Attributes
    ----------
    detector : Detector
        Detector with saturated pixels and columns without light marked as bad.
    levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean CDS image, with bad pixels replaced by a model.
    clipped : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean CDS level of the saturated pixels; zero elsewhere.
    """

    detector: Detector
    levels: np.ndarray
    clipped: np.ndarray


def survey(detector: Detector) -> Survey:
    """Average the CDS frames, mark saturated and unlit pixels as bad, and model them.

    Parameters
    ----------
    detector : Detector

    Returns
    -------
    Survey

    Raises
    ------
    DataFileError
        If the image has no light.
    """
    levels, full = detector.mean_image()
    saturated = (full > MOST_FULL) & ~detector.bad
    clipped = np.where(saturated, levels, 0.0)
    if saturated.any():
        detector, levels = detector.without(saturated, "saturated"), levels - clipped
    if (unlit := _unlit(detector, levels)).any():
        detector = detector.without(unlit, "unlit")
    if not levels.sum() > 0:
        raise DataFileError(
            f"planet {detector.visit.planet_id}: {detector.signal_path} must hold a star; "
            f"{_describe_dark(detector, levels)}."
        )
    return Survey(detector, fill_levels(levels, detector.bad), clipped)


def _unlit(detector: Detector, levels: np.ndarray) -> np.ndarray:
    """Find good pixels in AIRS columns without light [shape=(y, x), dtype=bool]."""
    if detector.instrument is not AIRS:
        return np.zeros_like(detector.bad)
    light = np.where(detector.bad, 0, levels)[AIRS.signal_rows].sum(axis=0)
    dark = light < LEAST_LIT * median_filter(light, LIT_COLUMNS, mode="nearest")
    return dark & ~detector.bad


def saturated_share(clipped: np.ndarray, star: np.ndarray, axis: int | None = 0) -> np.ndarray:
    """Compute the share of the light on saturated pixels, from their clipped levels at least.

    Parameters
    ----------
    clipped : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean CDS level of the saturated pixels, as in `Survey`.
    star : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean starlight, with bad pixels replaced by a model.
    axis : int, optional
        Axis to sum over; None for both axes.

    Returns
    -------
    ndarray [shape=(...), dtype=float64]
    """
    light = np.maximum(np.maximum(star, 0), clipped)
    return np.asarray((light * (clipped > 0)).sum(axis) / np.maximum(light.sum(axis), 1e-30))


def noise_factor(lost: np.ndarray) -> np.ndarray:
    """Compute the factor of the noise from the share of the light on saturated pixels.

    Parameters
    ----------
    lost : ndarray [shape=(...), dtype=float64]
        Share of the light on saturated pixels, from `saturated_share`.

    Returns
    -------
    ndarray [shape=(...), dtype=float64]
    """
    return np.where(lost > MAX_SATURATED, SATURATED_NOISE, 1.0)


def _describe_dark(detector: Detector, levels: np.ndarray) -> str:
    """Describe the likely cause of a mean CDS image without light."""
    if detector.bad.all():
        return f"{detector.calibration_path} leaves no pixel that works. Check dead, flat and dark"
    found = f"its mean CDS image sums to {levels.sum():.3g} electrons"
    if levels.sum() < -np.sqrt(detector.read_variance.sum()):
        return f"{found}: the even read of each pair is the brighter one. Check the order of frames"
    return f"{found}: all reads are alike, dark or saturated. Check the frames"


def find_bad_fraction(detector: Detector, star: np.ndarray) -> np.ndarray:
    """Compute the share of each column's light on bad pixels.

    Parameters
    ----------
    detector : Detector
    star : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean starlight, with bad pixels replaced by a model; zero outside the extracted rows.

    Returns
    -------
    ndarray [shape=(x,), dtype=float64]

    Raises
    ------
    DataFileError
        If more than `MAX_LOST` columns have more than `MAX_BAD_FRACTION`.
    """
    light = np.maximum(star, 0)
    fraction = 1 - (light * ~detector.bad).sum(axis=0) / np.maximum(light.sum(axis=0), 1e-30)
    lost = np.flatnonzero(fraction > MAX_BAD_FRACTION)
    if len(lost) > MAX_LOST:
        raise DataFileError(
            f"planet {detector.visit.planet_id}: {detector.calibration_path} marks as bad "
            f"more than {MAX_BAD_FRACTION:.0%} of the light of {len(lost)} wavelength(s), first "
            f"wl_{lost[0] + 2}; at most {MAX_LOST} may be lost. Check dead and dark."
        )
    return np.asarray(fraction)
