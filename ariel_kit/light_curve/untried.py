"""Where a fit was never tried: its answer there is flagged, and believed less.

Fits of six simulated planets moved out of the range of the challenge were wrong, beyond their
sigma, by up to these shares of the depth: 0.44 where ingress or egress lies at the end of the visit
(mid-transit at 0.6 and 7.4 h), 0.1 where the transit is longer than half the visit (half-durations
of 2.5 to 3.6 h), and 0.96 of a depth of 0.2, which the prior on spectra cannot hold. A depth of
0.05, and a transit at 1.5 h, came out within their sigma. Those planets were of an edition without
a catalogue of orbits. With one, cut, long and deep transits are part of what is tried
(``tests/benchmarks/test_edition_2025.py``), and their fits err by a hundredth of the depth or two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.white_light import WhiteLight
from ariel_kit.light_curve.window import describe

LEAST_BASELINE = 1.0
"""Hours of light before ingress and after egress."""
LONGEST_HALF_DURATION = 2.2
"""Hours; the longest of the challenge is 1.7."""
LARGEST_DEPTH = 0.06
LEAST_SIGNAL = 5.0
"""Sigmas of a white depth below which nobody would see a transit."""
SHARES = {
    "the transit is cut by the end of the visit": 0.4,
    "the transit is longer than any that was tried": 0.1,
    "the transit is deeper than any that was tried": 1.0,
    "no transit is seen in white light": 0.0,
}
"""One sigma of the level that an answer is given more, as a share of its depth, by its flag."""


def untried(white: WhiteLight, light: Light, *, catalogue: bool) -> list[tuple[str, ...]]:
    """Name what of each fit lies where none was tried.

    Parameters
    ----------
    white : WhiteLight
    light : Light
        What it was fitted to.
    catalogue : bool
        Whether the edition has a catalogue of orbits.

    Returns
    -------
    list of tuple of str
        One for each planet, of the keys of `SHARES`.
    """
    first, last = (light.time - light.span / 2).min(), (light.time + light.span / 2).max()
    found = []
    for row, shape in enumerate(describe(white.window, white.prior.orbit)):
        middle, half = shape["mid_time"], shape["half_duration"]
        depth, sigma = white.depth[row], white.sigma[row, -1]
        tests = (
            not catalogue and min(middle - half - first, last - middle - half) < LEAST_BASELINE,
            not catalogue and half > LONGEST_HALF_DURATION,
            not catalogue and depth > LARGEST_DEPTH,
            depth < LEAST_SIGNAL * sigma,
        )
        found.append(tuple(flag for flag, test in zip(SHARES, tests, strict=True) if test))
    return found


def doubt(flags: Sequence[tuple[str, ...]], depth: np.ndarray) -> np.ndarray:
    """Give the one sigma of the level that each answer is widened by.

    Parameters
    ----------
    flags : sequence of tuple of str
        Of `untried`.
    depth : ndarray [shape=(planet,), dtype=float64]

    Returns
    -------
    ndarray [shape=(planet,), dtype=float64]

    Examples
    --------
    >>> flags = ("the transit is deeper than any that was tried",)
    >>> doubt([(), flags], np.array([0.01, 0.2])).tolist()
    [0.0, 0.2]
    """
    shares = [max((SHARES[flag] for flag in own), default=0.0) for own in flags]
    return np.asarray(shares) * depth
