"""Flags and wider sigmas for fits outside the range in which the fit was validated.

Six simulated planets were moved out of the range of the challenge. The errors of their depths
exceeded sigma by up to 0.44 of the depth where ingress or egress lies at the end of the visit
(mid-transit at 0.6 and 7.4 h), by up to 0.1 where the transit is longer than half the visit
(half-durations of 2.5 to 3.6 h), and by up to 0.96 for a depth of 0.2, which is outside the range
of the prior on spectra. A depth of 0.05, and a transit at 1.5 h, were recovered within sigma. Those
planets were of an edition without a catalogue of orbits. With a catalogue, cut, long and deep
transits belong to the validated range (``tests/benchmarks/test_edition_2025.py``); their depths are
wrong by one or two hundredths of the depth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.white_light import WhiteLight
from ariel_kit.light_curve.window import describe

LEAST_BASELINE = 1.0
"""Hours of light that a fit needs before mid-ingress and after mid-egress."""
LONGEST_HALF_DURATION = 2.2
"""Longest validated half-duration, in hours; the longest of the challenge is 1.7 h."""
LARGEST_DEPTH = 0.06
"""Largest validated depth."""
LEAST_SIGNAL = 5.0
"""White-light depth, in units of its sigma, below which a transit does not count as detected."""
SHARES = {
    "the transit is cut by the end of the visit": 0.4,
    "the transit is longer than any that was tried": 0.1,
    "the transit is deeper than any that was tried": 1.0,
    "no transit is seen in white light": 0.0,
}
"""For each flag the sigma that is added to the level of a spectrum, as a fraction of the depth."""


def untried(white: WhiteLight, light: Light, *, catalogue: bool) -> list[tuple[str, ...]]:
    """List the flags of fits that lie outside the validated range.

    Parameters
    ----------
    white : WhiteLight
    light : Light
        White light that was fitted.
    catalogue : bool
        Whether the edition has a catalogue of orbits. The range of timings and depths is then not
        limited.

    Returns
    -------
    list of tuple of str
        Flags of each planet, out of the keys of `SHARES`.
    """
    first, last = (light.time - light.span / 2).min(), (light.time + light.span / 2).max()
    flags = []
    for row, shape in enumerate(describe(white.window, white.prior.orbit)):
        middle, half = shape["mid_time"], shape["half_duration"]
        depth, sigma = white.depth[row], white.sigma[row, -1]
        tests = (
            not catalogue and min(middle - half - first, last - middle - half) < LEAST_BASELINE,
            not catalogue and half > LONGEST_HALF_DURATION,
            not catalogue and depth > LARGEST_DEPTH,
            depth < LEAST_SIGNAL * sigma,
        )
        flags.append(tuple(flag for flag, test in zip(SHARES, tests, strict=True) if test))
    return flags


def doubt(flags: Sequence[tuple[str, ...]], depth: np.ndarray) -> np.ndarray:
    """Compute the sigma to add to the level of each spectrum because of its flags.

    Parameters
    ----------
    flags : sequence of tuple of str
        Flags of each planet, from `untried`.
    depth : ndarray [shape=(planet,), dtype=float64]
        White-light depths.

    Returns
    -------
    ndarray [shape=(planet,), dtype=float64]
        The largest of the fractions in `SHARES`, times the depth; 0 for a planet without flags.

    Examples
    --------
    >>> flags = ("the transit is deeper than any that was tried",)
    >>> doubt([(), flags], np.array([0.01, 0.2])).tolist()
    [0.0, 0.2]
    """
    shares = [max((SHARES[flag] for flag in planet_flags), default=0.0) for planet_flags in flags]
    return np.asarray(shares) * depth
