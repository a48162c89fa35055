"""Table of the simulator's laws and the corresponding assumptions of the fit.

The two should differ, because a score on simulated planets is meaningful only if the fit does not
use the law that the planets were drawn from. The table names the constants and functions; their
values stay where they are used.
"""

from __future__ import annotations

from typing import NamedTuple


class Pair(NamedTuple):
    """One law of the simulator, and the corresponding assumption of the fit.

    Attributes
    ----------
    idea : str
        Subject of both.
    truth, belief : str
        Dotted names, in `ariel_kit`, of the constant or function of the simulator and of the fit.
    source : str
        Origin of the simulator's numbers.
    same : bool
        Whether the fit assumes the simulator's own law. Scores on simulated planets are then too
        favourable, which has to be stated beside them.
    """

    idea: str
    truth: str
    belief: str
    source: str
    same: bool = False


TRUTHS = (
    Pair(
        "drift in time and column",
        "simulation.drift.ORDER",
        "light_curve.drift.DEGREE",
        "gain drift of ExoSim2 (Mugnai et al. 2025); the white curves of 2024, tests/real",
        same=True,
    ),
    Pair(
        "size of the drift",
        "simulation.drift.AMPLITUDE",
        "light_curve.drift.MONOMIAL_SIGMA",
        "peak-to-peak drift of the real white curves; every run learns it again",
    ),
    Pair(
        "drifts that are not the mission's",
        "simulation.drift.STRANGE",
        "light_curve.drift.COMPONENT_SCALES",
        "an assumption: ramps, steps and waves of 300 ppm",
    ),
    Pair(
        "transit of a planet",
        "simulation.transits.transmitted_light",
        "light_curve.transit.transit_window",
        "overlap of discs (Mandel & Agol 2002); no shared code, both compared with batman",
    ),
    Pair(
        "shape of the transit, 2024",
        "simulation.population._draw_path",
        "light_curve.population.UNIFORM_STARS",
        "half-durations and mid-times of the real white curves",
    ),
    Pair(
        "limb darkening, 2025",
        "simulation.limb_darkening.draw_law",
        "light_curve.population.DARKENED_STARS",
        "power law in mu near tabulated values (Claret & Bloemen 2011; Maxted 2018)",
    ),
    Pair(
        "stars and orbits, 2025",
        "simulation.systems.draw_catalogue",
        "light_curve.population.catalogue_path",
        "joint statistics of the real table of stars, tests/real; the true orbit differs from "
        "it by an assumed scatter",
    ),
    Pair(
        "noise of a frame",
        "simulation.calibration_frames.draw_detector",
        "preprocessing.calibrate_planet",
        "real calibration frames; shot noise is Poisson's, read noise a narrow core with a tail",
    ),
    Pair(
        "pointing jitter",
        "simulation.pointing.FGS1_JITTER",
        "jitter_correction.pointing.second_order",
        "FGS1 scatter of one real planet; white in time, a second-order expansion of the image",
        same=True,
    ),
    Pair(
        "particles and outliers in time",
        "simulation.population.HIT_RATE_2025",
        "preprocessing.calibrate_planet",
        "six samples of 284 500 beyond eight sigma in 50 real frames",
    ),
    Pair(
        "spectra",
        "simulation.atmospheres.draw_atmospheres",
        "spectral_extraction.learn_prior",
        "quantiles and components of the real labels, tests/real; the prior is learned from labels "
        "alone",
    ),
)
"""All laws of the simulator about which the fit makes an assumption."""
