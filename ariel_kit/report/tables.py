"""The numbers of a report, as rows that a template can print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ariel_kit.core.config import RunSettings
from ariel_kit.core.fields import describe_settings
from ariel_kit.core.reference import flat_settings
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
from ariel_kit.plots.style import PPM
from ariel_kit.run.folder import Run
from ariel_kit.scoring import Breakdown, ScoreReport, score

NOT_FACTS = ("settings", "status", "reason")
"""Entries of a stage's provenance that other tables show."""


class Headline(NamedTuple):
    """One number at the top of the page, with its meaning."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class PlanetRow:
    """One planet of a run.

    Attributes
    ----------
    planet_id : int
    star : str
    depth_ppm, sigma_ppm : float
        Mean depth and rms sigma over all wavelengths.
    misfit : float
        Rms of the white-light residual in units of the noise; NaN where it is not known.
    failure : str
        Why it got the safe prior; empty where it was fitted.
    score : Breakdown, optional
        Where the truth is known.
    """

    planet_id: int
    star: str
    depth_ppm: float
    sigma_ppm: float
    misfit: float
    failure: str
    score: Breakdown | None

    @property
    def badness(self) -> tuple[float, ...]:
        """Sort key, largest for the worst: by score if it is known, else failure, misfit, sigma."""
        if self.score is not None:
            return (-self.score.score,)
        misfit = self.misfit if np.isfinite(self.misfit) else 0.0
        return (float(bool(self.failure)), misfit, self.sigma_ppm)


def score_run(run: Run, truth: Labels | None) -> ScoreReport | None:
    """Score a run where the truth is known, star by star where stars have numbers."""
    if truth is None:
        return None
    stars = run.stars if any(star is not None for star in run.stars) else None
    return score(truth, run.spectra, edition=run.record.edition, stars=stars)


def planet_rows(run: Run, report: ScoreReport | None) -> list[PlanetRow]:
    """List every planet, the worst first."""
    scores = {} if report is None else {row.name: row for row in report.planets}
    rows = [
        PlanetRow(
            planet_id=spectrum.planet_id,
            star="" if star is None else str(star),
            depth_ppm=PPM * float(spectrum.mean.mean()),
            sigma_ppm=PPM * float(np.sqrt(np.mean(spectrum.sigma**2))),
            misfit=_misfit(spectrum),
            failure=run.failures.get(spectrum.planet_id, ""),
            score=scores.get(str(spectrum.planet_id)),
        )
        for spectrum, star in zip(run.spectra, run.stars, strict=True)
    ]
    return sorted(rows, key=lambda row: row.badness, reverse=True)


def _misfit(spectrum: Spectrum) -> float:
    return float("nan") if spectrum.fit is None else spectrum.fit.white_residual


def headlines(run: Run, rows: Sequence[PlanetRow], report: ScoreReport | None) -> list[Headline]:
    """Choose the numbers at the top of the page: scores where the truth is known, else sigma."""
    quality = _about_sigma(rows) if report is None else _about_truth(report)
    return [*quality, *_effort(run, rows)]


def _about_truth(report: ScoreReport) -> Iterator[Headline]:
    total = report.total
    yield Headline("score", f"{report.score:.3f}", f"metric of {report.edition}, 1 is ideal")
    yield Headline("rmse", f"{total.rmse_ppm:.1f} ppm", f"bias {total.bias_ppm:+.1f} ppm")
    yield Headline("within one sigma", f"{total.coverage:.3f}", "0.683 when sigma is honest")
    yield Headline("z std", f"{total.z_std:.2f}", "1 when sigma is honest")


def _about_sigma(rows: Sequence[PlanetRow]) -> Iterator[Headline]:
    sigmas = [row.sigma_ppm for row in rows]
    between = f"{min(sigmas):.0f} to {max(sigmas):.0f} ppm"
    yield Headline("median sigma", f"{np.median(sigmas):.0f} ppm", between)
    misfits = [row.misfit for row in rows if np.isfinite(row.misfit)]
    if misfits:
        meaning = f"residual over noise, at most {max(misfits):.2f}"
        yield Headline("median misfit", f"{np.median(misfits):.2f}", meaning)


def _effort(run: Run, rows: Sequence[PlanetRow]) -> Iterator[Headline]:
    failed, seconds = len(run.failures), sum(run.record.seconds.values())
    meaning = f"{failed} got the safe prior" if failed else "all fitted"
    yield Headline("planets", str(len(rows)), meaning)
    if seconds:
        yield Headline("time", _duration(seconds), f"{seconds / len(rows):.2f} s per planet")


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


class Stage(NamedTuple):
    """What one stage did to all planets.

    Attributes
    ----------
    name : str
    outcomes : list of (str, int)
        Status and reason, and how many planets they hold for; the most frequent first.
    facts : list of (str, str, str, str)
        Name, median, least and greatest of each number; or a name and its most frequent value.
    """

    name: str
    outcomes: list[tuple[str, int]]
    facts: list[tuple[str, str, str, str]]


def stages(spectra: Sequence[Spectrum]) -> list[Stage]:
    """Summarise what each stage did, or why it was skipped, in the order of the line."""
    seen: dict[str, list[Mapping[str, Any]]] = {}
    for spectrum in spectra:
        for name, facts in spectrum.provenance.items():
            # A plain value, such as the name of a recipe, is the whole outcome.
            known = facts if isinstance(facts, Mapping) else {"status": facts}
            seen.setdefault(name, []).append(known)
    return [
        Stage(name, _outcomes(all_facts), _facts(all_facts)) for name, all_facts in seen.items()
    ]


def outcome_of(facts: Any) -> str:
    """Give the outcome of a stage: its status with its reason, or the plain value."""
    if not isinstance(facts, Mapping):
        return str(facts)
    status, reason = facts.get("status", "complete"), facts.get("reason")
    return f"{status}: {reason}" if reason else str(status)


def _outcomes(all_facts: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    return Counter(map(outcome_of, all_facts)).most_common()


def _facts(all_facts: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    values: dict[str, list[Any]] = {}
    for facts in all_facts:
        for name, value in flat_facts(facts):
            values.setdefault(name, []).append(value)
    return [(name, *_summary(found)) for name, found in values.items()]


def flat_facts(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the facts of a provenance by dotted names, without settings and outcomes."""
    for name, value in facts.items():
        if name in NOT_FACTS:
            continue
        if isinstance(value, Mapping):
            yield from flat_facts(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _summary(values: Sequence[Any]) -> tuple[str, str, str]:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        middle, least, most = np.median(values), min(values), max(values)
        return f"{middle:.5g}", f"{least:.5g}", f"{most:.5g}"
    (common, _), *others = Counter(map(str, values)).most_common()
    return common, "", f"and {len(others)} other" if others else ""


def settings_rows(settings: RunSettings) -> list[tuple[str, Any, bool, str]]:
    """List every setting: dotted name, value, whether it was changed, description."""
    values, usual = flat_settings(settings), flat_settings(RunSettings())
    return [
        (name, values[name], values[name] != usual[name], description)
        for name, _, _, description in describe_settings(RunSettings)
    ]
