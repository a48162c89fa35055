"""Raw frames to light curves."""

from ariel_kit.preprocessing.calibrate import calibrate_planet, calibration_warmup, mean_image
from ariel_kit.preprocessing.normalize import RobustZscore, robust_zscore

__all__ = ["RobustZscore", "calibrate_planet", "calibration_warmup", "mean_image", "robust_zscore"]
