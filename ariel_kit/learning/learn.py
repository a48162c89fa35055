"""Learning of corrections from out-of-fold spectra, and their cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.runtime import one_blas_thread, progress
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
from ariel_kit.learning.corrections import Corrections, stacked
from ariel_kit.learning.folds import Fold, share_out
from ariel_kit.learning.scale import fit_scale
from ariel_kit.learning.sigma import fit_sigma
from ariel_kit.run.draft import answer_all
from ariel_kit.run.fitted import FittedLine
from ariel_kit.scoring import ScoreReport, score
from ariel_kit.spectral_extraction import SpectrumPrior, learn_prior, simulated_prior
from ariel_kit.spectral_extraction.priors import FEWEST_LABELS

FOLDS = 3
"""Largest number of folds."""
FEWEST = 4
"""Least number of fitted planets with labels that are learned from."""


@one_blas_thread()
def fit_corrections(spectra: Sequence[Spectrum], truth: np.ndarray) -> Corrections:
    """Learn the corrections of scale and sigma from spectra that were computed without their truth.

    Parameters
    ----------
    spectra : sequence of Spectrum
        Spectra with covariances.
    truth : ndarray [shape=(planet, 283)]
        True depths.

    Returns
    -------
    Corrections
        The default ones, which change nothing, where there are fewer than `FEWEST` planets.
    """
    if len(spectra) < FEWEST:
        return Corrections()
    mean, covariance = stacked(spectra)
    scale = fit_scale(mean, covariance, truth)
    factors = scale.factors()
    covariance = factors[:, None] * covariance * factors
    return Corrections(scale=scale, sigma=fit_sigma(factors * mean, covariance, truth))


@dataclass(frozen=True)
class Lesson:
    """Fitted planets with labels, to learn from and to cross-validate on.

    Attributes
    ----------
    fitted : FittedLine
        Their light curves, fitted without any label.
    labels : Labels
        All labels that may be learned from. Labels of planets without light curves serve the prior.
    stars : dict of int to str
        Star of each planet of `labels`.
    planets : tuple of int
        Planets with light curves.
    seed : int
        Seed of the folds and of the simulated prior.
    """

    fitted: FittedLine
    labels: Labels
    stars: dict[int, str]
    planets: tuple[int, ...]
    seed: int = 0

    def learn(self, pool: Sequence[int]) -> Corrections:
        """Learn from the planets of `pool` alone, with priors from other folds of `pool`."""
        spectra = [s for fold in self.folds(pool) for s in self.predict(fold)]
        return fit_corrections(spectra, self.labels.of([s.planet_id for s in spectra]))

    def folds(self, pool: Sequence[int]) -> list[Fold]:
        """Distribute planets over folds; planets of one star stay together if stars repeat."""
        stars = {planet: self.stars[planet] for planet in pool}
        if len(stars) < 2:
            return []
        repeat = 1 < len(set(stars.values())) < len(stars)
        return share_out(stars, FOLDS, keep_together=repeat, seed=self.seed)

    def predict(self, fold: Fold) -> list[Spectrum]:
        """Compute the spectra of the fitted planets of a fold, without any of the fold's labels."""
        planets = [planet for planet in fold.groups if planet in self.planets]
        if not planets:
            return []
        prior = self.prior(fold.others)
        spectra, _ = answer_all(self.fitted.under(prior, planets), [], planets, prior)
        return [s for s in spectra if s.fit is not None and s.covariance is not None]

    def prior(self, planets: Sequence[int] | None = None) -> SpectrumPrior:
        """Learn the prior from the labels of `planets`, or of all; see `choose_prior`."""
        depths = self.labels.depths if planets is None else self.labels.of(planets)
        if len(depths) < FEWEST_LABELS:
            return label_free_prior(self.seed)
        return learn_prior(depths, source=f"{len(depths)} labels")


def require_planets(number: int, what: str) -> None:
    """Check that there are enough planets to learn from.

    Parameters
    ----------
    number : int
        Number of labelled planets.
    what : str
        Property that these planets must have, for the message.

    Raises
    ------
    DataFileError
        If there are fewer than `FEWEST`.
    """
    if number < FEWEST:
        raise DataFileError(
            f"learning needs at least {FEWEST} labelled planets {what}; got {number}. Add labelled "
            "planets with frames, or set learning.mode=off."
        )


@cache
def label_free_prior(seed: int) -> SpectrumPrior:
    """Return the prior of simulated spectra, under which labelled light curves are fitted."""
    return simulated_prior(seed)


@dataclass(frozen=True)
class Trial:
    """Out-of-fold spectra of labelled planets, with and without corrections.

    Attributes
    ----------
    planet_ids : ndarray [shape=(planet,), dtype=int64]
    truth : ndarray [shape=(planet, 283), dtype=float64]
        True depths.
    mean, sigma : ndarray [shape=(planet, 283), dtype=float64]
        Depths and sigmas without corrections.
    learned_mean, learned_sigma : ndarray [shape=(planet, 283), dtype=float64]
        Depths and sigmas with the corrections learned from the other folds.
    """

    planet_ids: np.ndarray
    truth: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    learned_mean: np.ndarray
    learned_sigma: np.ndarray

    def spectra(self, *, learned: bool) -> list[Spectrum]:
        """Return the spectra, without covariance, with or without corrections."""
        mean, sigma = self._answers(learned)
        return [
            Spectrum(planet, wavelengths(), *pair)
            for planet, *pair in zip(self.planet_ids.tolist(), mean, sigma, strict=True)
        ]

    def report(self, edition: int, *, learned: bool) -> ScoreReport:
        """Score the spectra, with or without corrections, by the metric of an edition."""
        return score(self.truth, self._answers(learned), edition=edition)

    def _answers(self, learned: bool) -> tuple[np.ndarray, np.ndarray]:
        return (self.learned_mean, self.learned_sigma) if learned else (self.mean, self.sigma)


def study(lesson: Lesson, edition: int) -> tuple[Corrections, Trial, dict[str, float]]:
    """Learn corrections from all planets, and measure their gain by nested cross-validation.

    Parameters
    ----------
    lesson : Lesson
    edition : int
        Year of the challenge whose metric measures the gain.

    Returns
    -------
    corrections : Corrections
        Learned from the out-of-fold spectra of all planets.
    trial : Trial
        Out-of-fold spectra, corrected by what the other folds teach.
    gains : dict of str to float
        Out-of-fold score minus the score without this part of `Corrections`, for each part.
    """
    spectra, fold_corrections = [], []
    folds = lesson.folds(list(lesson.stars))
    for fold in progress(folds, total=len(folds), description="learn", unit="folds"):
        fold_spectra = lesson.predict(fold)
        spectra += fold_spectra
        fold_corrections += [lesson.learn(fold.others)] * len(fold_spectra)
    require_planets(len(spectra), "that could be fitted")
    ids = [spectrum.planet_id for spectrum in spectra]
    truth = lesson.labels.of(ids)

    def corrected(part: str = "") -> tuple[np.ndarray, np.ndarray]:
        changes = [c.without(part) if part else c for c in fold_corrections]
        return _numbers([c.apply(s) for c, s in zip(changes, spectra, strict=True)])

    best = corrected()
    full_score = score(truth, best, edition=edition).raw
    gains = {
        part: full_score - score(truth, corrected(part), edition=edition).raw
        for part in Corrections().parts()
    }
    trial = Trial(np.array(ids), truth, *_numbers(spectra), *best)
    return fit_corrections(spectra, truth), trial, gains


def _numbers(spectra: Sequence[Spectrum]) -> tuple[np.ndarray, np.ndarray]:
    """Stack mean and sigma [shape=(planet, 283) each]."""
    mean, sigma = (np.array([getattr(s, name) for s in spectra]) for name in ("mean", "sigma"))
    return mean, sigma
