"""Measure how planets differ between two answers, and find the reasons in their provenance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ariel_kit.core.spectrum import FitFacts, Spectrum

SIGMAS = (1e-12, 1.0)
"""Smallest and largest sigma, in transit depth, that an answer can be weighed by."""
MOVES_HEAD = "planet         gain   level ppm   distance   sigma ratio   why"
NOTABLE = {
    "mid_time": ("mid-transit", 0.005, "h"),
    "half_duration": ("half-duration", 0.005, "h"),
    "impact": ("impact parameter", 0.05, "stellar radii"),
    "white_residual": ("white-light residual", 0.05, "times the noise"),
    "free_drift": ("probability of a drift of no family", 0.2, ""),
    "noisy_wavelengths": ("noisy wavelengths", 10, ""),
    "visits": ("visits", 1, ""),
    "clipped": ("samples left out", 20, ""),
}
"""Facts of a fit that can explain a move: label, smallest change that is reported, unit."""


@dataclass(frozen=True)
class Move:
    """How one planet differs between the two answers.

    Attributes
    ----------
    planet_id : int
    level_ppm : float
        Change of the mean depth.
    distance : float
        Rms change of the depths over the rms sigma of the first answer.
    sigma_ratio : float
        Rms sigma of the second answer over that of the first.
    gain : float, optional
        Change of the planet's own score, where the truth is known.
    reasons : tuple of str
        What the two runs did differently to this planet, stage by stage.
    """

    planet_id: int
    level_ppm: float
    distance: float
    sigma_ratio: float
    gain: float | None
    reasons: tuple[str, ...]


def find_move(
    a: Spectrum, b: Spectrum, gain: float | None, failures: tuple[str | None, str | None]
) -> Move:
    """Measure how a planet differs between two answers, and find the reasons.

    Parameters
    ----------
    a, b : Spectrum
        Of one planet, in the first and in the second answer.
    gain : float, optional
        Change of its score.
    failures : tuple of str or None
        Why it has the safe prior in each answer; None where it was fitted.

    Returns
    -------
    Move
    """
    change, size = b.mean - a.mean, _rms_sigma(a)
    return Move(
        planet_id=a.planet_id,
        level_ppm=1e6 * float(change.mean()),
        distance=float(np.sqrt(np.mean(change**2)) / size),
        sigma_ratio=_rms_sigma(b) / size,
        gain=gain,
        reasons=(*_failure_reasons(failures), *_stage_reasons(a, b), *_fit_reasons(a.fit, b.fit)),
    )


def _rms_sigma(spectrum: Spectrum) -> float:
    """Compute the rms sigma within `SIGMAS`, so that a table of zeros can be compared, too."""
    return float(np.sqrt(np.mean(np.clip(spectrum.sigma, *SIGMAS) ** 2)))


def _failure_reasons(failures: tuple[str | None, str | None]) -> Iterator[str]:
    before, after = failures
    if before != after:
        yield f"failed: {before or 'no'} -> {after or 'no'}"


def _stage_reasons(a: Spectrum, b: Spectrum) -> Iterator[str]:
    """List the stages with different outcomes, in the order of the line; none for a submission."""
    if not (a.provenance and b.provenance):
        return
    for stage in {**a.provenance, **b.provenance}:
        before, after = (_outcome(s.provenance.get(stage)) for s in (a, b))
        if before != after:
            yield f"{stage}: {before} -> {after}"


def _outcome(facts: Any) -> str:
    if not isinstance(facts, dict):
        return "-" if facts is None else str(facts)
    return str(facts.get("status", "complete"))


def _fit_reasons(a: FitFacts | None, b: FitFacts | None) -> Iterator[str]:
    """List the facts of the fit that changed by more than the limits of `NOTABLE`."""
    if a is None or b is None:
        return
    sigmas = (b.white_depth - a.white_depth) / a.white_sigma
    if abs(sigmas) > 1:
        change = 1e6 * (b.white_depth - a.white_depth)
        yield f"white-light depth: {change:+.0f} ppm, {abs(sigmas):.1f} sigma"
    for name, (words, least, unit) in NOTABLE.items():
        before, after = getattr(a, name), getattr(b, name)
        if abs(after - before) >= least:
            yield f"{words}: {before:.4g} -> {after:.4g} {unit}".rstrip()
    if a.flags != b.flags:
        yield f"flags: {', '.join(a.flags) or 'none'} -> {', '.join(b.flags) or 'none'}"


def format_move(move: Move) -> str:
    """Format a move as one line with the columns of `MOVES_HEAD`."""
    gain = "     -" if move.gain is None else f"{move.gain:+.3f}"
    same = "no change" if (move.distance, move.sigma_ratio) == (0, 1) else "the numbers alone"
    why = "; ".join(move.reasons) or same
    return (
        f"{move.planet_id:<12} {gain:>6} {move.level_ppm:>+11.1f} {move.distance:>10.2f} "
        f"{move.sigma_ratio:>13.2f}   {why}"
    )
