"""Calibration of raw frames into light curves.

`calibrate_planet` takes all steps in two passes over the frames; `steps` has them one by one.
"""

from ariel_kit.preprocessing.badpixels import fill_levels, find_bad_pixels, find_donors
from ariel_kit.preprocessing.calibrate import calibrate_planet, calibration_warmup, mean_image
from ariel_kit.preprocessing.detector import extracted_columns
from ariel_kit.preprocessing.foreground import border_level, fit_foreground
from ariel_kit.preprocessing.normalize import RobustZscore, robust_zscore
from ariel_kit.preprocessing.steps import (
    correct_linearity,
    correlated_double_sample,
    divide_flat,
    infill,
    raw_frames,
    subtract_dark,
    subtract_foreground,
    to_electrons,
)

__all__ = [
    "RobustZscore",
    "border_level",
    "calibrate_planet",
    "calibration_warmup",
    "correct_linearity",
    "correlated_double_sample",
    "divide_flat",
    "extracted_columns",
    "fill_levels",
    "find_bad_pixels",
    "find_donors",
    "fit_foreground",
    "infill",
    "mean_image",
    "raw_frames",
    "robust_zscore",
    "subtract_dark",
    "subtract_foreground",
    "to_electrons",
]
