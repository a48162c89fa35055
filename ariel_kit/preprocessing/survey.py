"""The first pass over a detector: its mean image, and the pixels that hold no light to be used."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariel_kit.core.errors import DataFileError
from ariel_kit.preprocessing.badpixels import fill_levels
from ariel_kit.preprocessing.detector import Detector

MAX_BAD_FRACTION = 0.8
"""Largest share of a wavelength's light on bad pixels that can be infilled."""
MOST_FULL = 1e-3
"""Share of frames in which a usable pixel may be saturated, since cosmic rays saturate a few."""
MAX_SATURATED = 0.05
"""Share of the light on saturated pixels above which a light curve is flagged as saturated."""
SATURATED_NOISE = 2.0
"""Factor of the noise of such a light curve: some charge spills from saturated to other pixels."""


class Survey(NamedTuple):
    """What the first pass finds.

    Attributes
    ----------
    detector : Detector
        Its saturated pixels are bad ones.
    levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean CDS image, bad pixels modelled.
    clipped : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean light of saturated pixels; zero elsewhere.
    """

    detector: Detector
    levels: np.ndarray
    clipped: np.ndarray


def survey(detector: Detector) -> Survey:
    """Average the CDS frames, mark saturated pixels as bad, and model the bad pixels.

    Parameters
    ----------
    detector : Detector

    Returns
    -------
    Survey

    Raises
    ------
    DataFileError
        If the image holds no star.
    """
    levels, full = detector.mean_image()
    saturated = (full > MOST_FULL) & ~detector.bad
    clipped = np.where(saturated, levels, 0.0)
    if saturated.any():
        detector, levels = detector.without(saturated), levels - clipped
    if not levels.sum() > 0:
        raise DataFileError(
            f"planet {detector.visit.planet_id}: {detector.signal_path} must hold a star; "
            f"{_describe_dark(detector, levels)}."
        )
    return Survey(detector, fill_levels(levels, detector.bad), clipped)


def saturated_share(clipped: np.ndarray, star: np.ndarray, axis: int | None = 0) -> np.ndarray:
    """Compute the share of the light on saturated pixels, from their clipped levels at least.

    Parameters
    ----------
    clipped : ndarray [shape=(y, x), dtype=float64, unit=electron]
        As in `Survey`.
    star : ndarray [shape=(y, x), dtype=float64, unit=electron]
        Mean starlight, bad pixels modelled.
    axis : int, optional
        The axis to sum over; both when None.

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
        Of `saturated_share`.

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
        Mean starlight, bad pixels modelled; zero outside the rows that are extracted.

    Returns
    -------
    ndarray [shape=(x,), dtype=float64]

    Raises
    ------
    DataFileError
        If too little of a column is left to infill it from.
    """
    light = np.maximum(star, 0)
    fraction = 1 - (light * ~detector.bad).sum(axis=0) / np.maximum(light.sum(axis=0), 1e-30)
    lost = np.flatnonzero(fraction > MAX_BAD_FRACTION)
    if len(lost):
        raise DataFileError(
            f"planet {detector.visit.planet_id}: {detector.calibration_path} marks as bad "
            f"more than {MAX_BAD_FRACTION:.0%} of the light of {len(lost)} wavelength(s), first "
            f"wl_{lost[0] + 2}; too little is left to infill them from. Check dead and dark."
        )
    return np.asarray(fraction)
