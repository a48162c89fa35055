"""Compare two answers for the same planets: what differs, by how much, for whom, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.editions import get_edition
from ariel_kit.core.errors import ConfigError, SubmissionError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.reference import flat_settings
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import Labels, read_labels
from ariel_kit.data.submission import submission_arrays
from ariel_kit.data.tables import Table
from ariel_kit.evaluation.moves import MOVES_HEAD, Move, find_move, format_move
from ariel_kit.run.folder import RunFolder
from ariel_kit.scoring import ScoreReport, score
from ariel_kit.scoring.metric import choose_reference, score_terms

DRAWS = 2000
"""Number of resampled sets of planets for an interval."""
INTERVAL = (2.5, 97.5)
"""Percentiles at the ends of an interval."""
SHOWN = 10
"""Most planets that are listed; those that moved most come first."""


@dataclass(frozen=True)
class Answer:
    """One of the two that are compared.

    Attributes
    ----------
    name : str
    spectra : list of Spectrum
    edition : int, optional
        Year of the challenge, where a run tells it.
    settings : dict
        Every setting of the run by its dotted name, with prior, weights and versions; empty for a
        submission.
    failures : dict
        Planet to the reason why it has the safe prior.
    """

    name: str
    spectra: list[Spectrum]
    edition: int | None
    settings: dict[str, Any]
    failures: dict[int, str]


@dataclass(frozen=True)
class Comparison:
    """What `compare_answers` found.

    Attributes
    ----------
    first, second : Answer
        With the planets that both have, in the order of the first.
    left_out : int
        Planets that only one of them has.
    settings : dict of str to (Any, Any)
        Settings and versions that differ between the runs, by name.
    reports : tuple of ScoreReport
        Of both; empty without labels.
    gain : float, optional
        Score of the second less that of the first.
    interval : tuple of float, optional
        95 % interval of the gain over the population of planets; None without labels, or for a
        single planet, for which it is undefined.
    moves : list of Move
        Ordered by gain, or by distance without labels, the largest first.
    truth : Labels, optional
    """

    first: Answer
    second: Answer
    left_out: int
    settings: dict[str, tuple[Any, Any]]
    reports: tuple[ScoreReport, ...]
    gain: float | None
    interval: tuple[float, float] | None
    moves: list[Move]
    truth: Labels | None

    def draw(self, path: str | Path) -> None:
        """Draw both answers against each other, planet by planet, as PNG."""
        from matplotlib.figure import Figure

        from ariel_kit.plots import paper, plot_comparison

        names = tuple(Path(answer.name).name for answer in (self.first, self.second))
        with paper("light"):
            figure = Figure(figsize=(6, 4.5), dpi=110, layout="constrained")
            plot_comparison(
                self.first.spectra,
                self.second.spectra,
                self.truth,
                names=(names[0], names[1]),
                ax=figure.subplots(),
            )
            with atomic_path(path) as unfinished:
                figure.savefig(unfinished, format="png")


def read_answer(path: str | Path) -> Answer:
    """Read the folder of a finished run, or a submission.

    Parameters
    ----------
    path : path

    Raises
    ------
    DataFileError
        If there is neither.
    SubmissionError
        If the submission has faults.
    """
    path = Path(path)
    if not path.is_dir():
        ids, mean, sigma = submission_arrays(path)
        rows = zip(ids, mean, sigma, strict=True)
        return Answer(
            str(path), [Spectrum(i, wavelengths(), m, s) for i, m, s in rows], None, {}, {}
        )
    run = RunFolder(path).read()
    record = run.record
    made = {
        **flat_settings(run.settings),
        "data": str(record.identity.data),
        "split": record.identity.split,
        "prior": record.prior,
        "learned": record.learned,
        **{f"weights of {stage}": sha[:12] for stage, sha in record.weights.items()},
        **{f"version of {name}": version for name, version in record.versions.items()},
    }
    return Answer(str(path), run.spectra, record.edition, made, run.failures)


def common_edition(answers: Iterable[Answer], edition: int | None = None) -> int:
    """Find the edition of some answers: that of the runs among them, or 2024 if none is a run.

    Parameters
    ----------
    answers : iterable of Answer
    edition : int, optional
        The edition that a caller asks for.

    Raises
    ------
    ConfigError
        If they are of different editions.

    Examples
    --------
    >>> run = Answer("out", [], edition=2025, settings={}, failures={})
    >>> common_edition([run, Answer("a.csv", [], None, {}, {})])
    2025
    """
    years = {edition, *(answer.edition for answer in answers)} - {None}
    if len(years) > 1:
        raise ConfigError(
            f"all answers must be of one edition; got {sorted(map(str, years))}. Use runs of the "
            "same data."
        )
    return next((year for year in years if year is not None), 2024)


def compare_answers(
    first: str | Path,
    second: str | Path,
    *,
    labels: Table | None = None,
    edition: int | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare two runs, two submissions, or one of each.

    Parameters
    ----------
    first, second : path
        Folder of a finished run, or a ``submission.csv``.
    labels : path or table, optional
        True spectra of the planets.
    edition : int, optional
        Edition whose metric is used; that of the runs when left out, or 2024 if neither is a run.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Comparison

    Raises
    ------
    SubmissionError
        If no planet is in both, or one has no label.
    ConfigError
        If the two are of different editions.
    DataFileError
        If a folder or table cannot be read.
    """
    answers = read_answer(first), read_answer(second)
    year = common_edition(answers, edition)
    shared, left_out = _shared(*answers)
    one, two = (_only(answer, shared) for answer in answers)
    truth = None if labels is None else Labels(np.array(shared), read_labels(labels).of(shared))
    reports, gain, interval = _scores(one, two, truth, year, seed)
    return Comparison(
        first=one,
        second=two,
        left_out=left_out,
        settings=_differing(one.settings, two.settings),
        reports=reports,
        gain=gain,
        interval=interval,
        moves=_moves(one, two, reports),
        truth=truth,
    )


def bootstrap_gain(
    gains: np.ndarray, weights: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Compute the interval of a difference of scores, with the planets as a sample of a population.

    Whole planets are drawn with replacement, the same ones for both answers (Efron & Tibshirani
    1993, An Introduction to the Bootstrap): errors within a planet depend on each other. A
    bootstrap of n planets is too narrow by two factors: ``sqrt((n - 1) / n)``, and the ratio of the
    Gaussian's quantile to that of Student's t. The interval is widened by both (Hesterberg 2015,
    Am. Stat. 69, 371).

    Parameters
    ----------
    gains : ndarray [shape=(planet,)]
        Difference of the two answers' `score_terms`, summed over wavelength; two at least.
    weights : ndarray [shape=(planet,)]
        Weights of the same, summed.
    draws, seed : int

    Returns
    -------
    tuple of float
        The ends of the interval that holds 95 %.

    Examples
    --------
    >>> bootstrap_gain(np.full(5, 0.2), np.ones(5))
    (0.2, 0.2)
    """
    n, gain = len(gains), gains.sum() / weights.sum()
    rows = np.random.default_rng(seed).integers(n, size=(draws, n))
    found = gains[rows].sum(axis=1) / weights[rows].sum(axis=1)
    share = INTERVAL[1] / 100
    wider = np.sqrt(n / (n - 1)) * stdtrit(n - 1, share) / ndtri(share)
    low, high = gain + wider * (np.percentile(found, INTERVAL) - gain)
    return float(low), float(high)


def _shared(first: Answer, second: Answer) -> tuple[list[int], int]:
    """List the planets that both answers have, in the order of the first; count the others."""
    ids = [[spectrum.planet_id for spectrum in answer.spectra] for answer in (first, second)]
    shared = [planet for planet in ids[0] if planet in set(ids[1])]
    if not shared:
        raise SubmissionError(
            f"two answers that are compared need planets in common; {first.name} and {second.name} "
            "have none. Compare answers for the same split."
        )
    return shared, len(set(ids[0]) ^ set(ids[1]))


def _only(answer: Answer, planet_ids: Sequence[int]) -> Answer:
    found = {spectrum.planet_id: spectrum for spectrum in answer.spectra}
    spectra = [found[planet] for planet in planet_ids]
    return Answer(answer.name, spectra, answer.edition, answer.settings, answer.failures)


def _differing(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """List the settings in which two runs differ; empty where one of the two is a submission."""
    if not (first and second):
        return {}
    pairs = {name: (first.get(name), second.get(name)) for name in {**first, **second}}
    return {name: (a, b) for name, (a, b) in pairs.items() if a != b}


def _scores(
    first: Answer, second: Answer, truth: Labels | None, edition: int, seed: int
) -> tuple[tuple[ScoreReport, ...], float | None, tuple[float, float] | None]:
    """Score both answers; give the gain with its interval."""
    if truth is None:
        return (), None, None
    metric = get_edition(edition).metric
    zero = choose_reference(metric, None, truth.depths)
    terms, reports = [], []
    for answer in (first, second):
        mean, sigma = (
            np.array([getattr(spectrum, name) for spectrum in answer.spectra])
            for name in ("mean", "sigma")
        )
        terms.append(score_terms(truth.depths, mean, sigma, slice(None), metric, zero))
        reports.append(score(truth, answer.spectra, edition=edition, reference=zero))
    gains, weights = (terms[1][0] - terms[0][0]).sum(axis=1), terms[0][1].sum(axis=1)
    interval = bootstrap_gain(gains, weights, seed=seed) if len(gains) > 1 else None
    return tuple(reports), reports[1].raw - reports[0].raw, interval


def _moves(first: Answer, second: Answer, reports: tuple[ScoreReport, ...]) -> list[Move]:
    """List every planet, the largest move first."""
    gains: list[float | None] = [None] * len(first.spectra)
    if reports:
        pairs = zip(*(report.planets for report in reports), strict=True)
        gains = [after.score - before.score for before, after in pairs]
    moves = [
        find_move(a, b, gain, (first.failures.get(a.planet_id), second.failures.get(a.planet_id)))
        for a, b, gain in zip(first.spectra, second.spectra, gains, strict=True)
    ]
    return sorted(moves, key=lambda m: -abs(m.distance if m.gain is None else m.gain))


def format_comparison(found: Comparison) -> str:
    """Format a comparison as lines of text."""
    from ariel_kit.scoring import format_scores

    lines = [f"{counted(len(found.moves), 'planet')} in both, {found.left_out} in only one"]
    if found.settings:
        lines += ["", "what differs between the runs"]
        lines += [f"  {name}: {a} -> {b}" for name, (a, b) in found.settings.items()]
    if found.gain is not None:
        width = max(len(found.first.name), len(found.second.name))
        names = (found.first.name.ljust(width), found.second.name.ljust(width))
        tables = [
            format_scores({name: report}).splitlines()
            for name, report in zip(names, found.reports, strict=True)
        ]
        lines += ["", *tables[0][:2], tables[1][1]]
        within = "one planet tells no interval"
        if found.interval is not None:
            within = "95 % between {:+.4f} and {:+.4f}".format(*found.interval)
        lines.append(f"gain {found.gain:+.4f}, {within}")
    return "\n".join([*lines, "", MOVES_HEAD, *map(format_move, found.moves[:SHOWN])])
