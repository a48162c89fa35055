"""Draw diagnostic pictures, by topic: each takes ``ax=None`` and returns the Axes it drew on.

A picture of several panels divides the place of `ax` and returns an array of Axes. Colours suit the
background of `ax`, light or dark; ``with paper("dark"):`` draws in the kit's dark style. Further
keywords go to the matplotlib artist of the picture's main subject.
"""

from ariel_kit.plots.detector import plot_bad_pixels, plot_pointing, plot_profiles
from ariel_kit.plots.growth import plot_growth
from ariel_kit.plots.learning import plot_scale, plot_z_scores
from ariel_kit.plots.light_curves import (
    plot_light_curve_map,
    plot_residual_map,
    plot_residual_rms,
    plot_white_light_curve,
)
from ariel_kit.plots.scores import (
    plot_ablation,
    plot_calibration_of_sigma,
    plot_comparison,
    plot_score_by_snr,
)
from ariel_kit.plots.spectra import plot_spectrum
from ariel_kit.plots.style import palette, paper

__all__ = [
    "palette",
    "paper",
    "plot_ablation",
    "plot_bad_pixels",
    "plot_calibration_of_sigma",
    "plot_comparison",
    "plot_growth",
    "plot_light_curve_map",
    "plot_pointing",
    "plot_profiles",
    "plot_residual_map",
    "plot_residual_rms",
    "plot_scale",
    "plot_score_by_snr",
    "plot_spectrum",
    "plot_white_light_curve",
    "plot_z_scores",
]
