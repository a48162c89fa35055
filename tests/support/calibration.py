"""What several tests of the calibration share."""

from __future__ import annotations

import hashlib

from ariel_kit.core.config import CalibrationSettings
from ariel_kit.data.dataset import Dataset
from ariel_kit.preprocessing import calibrate_planet


def airs_settings(method: str) -> CalibrationSettings:
    """Settings of one of the results of `reference.airs`."""
    if method == "optimal":
        return CalibrationSettings(airs_extraction="optimal")
    return CalibrationSettings(airs_extraction="window", bad_pixels=method)


def digest(dataset: Dataset) -> str:
    planet = calibrate_planet(dataset, 7)
    arrays = planet.airs, planet.fgs1, planet.pointing, planet.row_moments
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
