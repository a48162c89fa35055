"""Some planets teach and others are predicted, as they are or with planted mistakes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ariel_kit.core.config import RunSettings
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
from ariel_kit.learning.corrections import Corrections
from ariel_kit.learning.learn import Lesson, label_free_prior, study
from ariel_kit.run.line import load_line
from ariel_kit.scoring import Breakdown, score
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.simulation.scene import PlanetTruth
from ariel_kit.spectral_extraction import conclude
from ariel_kit.spectral_extraction.model_error import ModelError

STARS = (2, 3)
"""None of those of 2024."""
LEFT, SMALL = 0.008, 0.7
"""Foreground over the star's light, and factor of sigma, that are planted."""


@dataclass(frozen=True)
class Outcome:
    """The other planets under the shipped values, and with what the labelled ones taught."""

    truth: np.ndarray
    stars: np.ndarray
    shipped: list[Spectrum]
    learned: list[Spectrum]
    corrections: Corrections
    seconds: float

    def judge(self, spectra: list[Spectrum], rows: np.ndarray | None = None) -> Breakdown:
        """Score all planets, or some."""
        rows = np.ones(len(self.truth), bool) if rows is None else rows
        pair = (np.array([getattr(s, n) for s in spectra])[rows] for n in ("mean", "sigma"))
        return score(self.truth[rows], tuple(pair)).total

    def rows(self, name: str) -> list[str]:
        """Lines of the table: all planets, then those of each star."""
        return [self._row(name, star) for star in (None, *np.unique(self.stars).tolist())]

    def _row(self, name: str, star: int | None) -> str:
        rows = None if star is None else self.stars == star
        both = (self.judge(spectra, rows) for spectra in (self.shipped, self.learned))
        cells = " | ".join(f"{b.score:.3f} | {b.rmse_ppm:.1f} | {b.coverage:.3f}" for b in both)
        return f"| {name} | {'both' if star is None else star} | {cells} |"


def with_foreground(observation: Observation, share: float) -> Observation:
    """Leave light that is not the star's in every light curve."""
    airs = observation.airs + np.float32(share) * observation.airs.mean(axis=0)
    fgs1 = observation.fgs1 + np.float32(share) * observation.fgs1.mean()
    return replace(observation, airs=airs, fgs1=fgs1)


def draw(n: int, seed: int) -> list[PlanetTruth]:
    """Draw planets of stars that the kit does not know."""
    return draw_planets(n, seed=seed, stars=STARS, molecules="known")


def observe(planets: list[PlanetTruth], *, left: float = 0.0) -> list[Observation]:
    """Simulate calibrated light curves, with a share of foreground left in them."""
    return [with_foreground(simulate_observation(planet, seed=0), left) for planet in planets]


def measure(
    planets: list[PlanetTruth], observations: list[Observation], n: int, *, settings: RunSettings
) -> Outcome:
    """Learn from the first `n` planets and predict the rest."""
    labelled = planets[:n]
    ids = np.array([planet.planet_id for planet in labelled])
    labels = Labels(ids, np.array([planet.depths for planet in labelled]))
    stars = {planet.planet_id: str(planet.star) for planet in labelled}
    line = load_line(settings, edition=2024)
    line(observations[:1], label_free_prior(0))  # what is loaded once is not counted
    start = time.process_time()
    fitted = line.fit(observations[:n], label_free_prior(0))
    lesson = Lesson(fitted, labels, stars, tuple(ids.tolist()))
    corrections, *_ = study(lesson, 2024)
    seconds = (time.process_time() - start) / n
    shipped = line(observations[n:], lesson.prior())
    return Outcome(
        truth=np.array([planet.depths for planet in planets[n:]]),
        stars=np.array([planet.star for planet in planets[n:]]),
        shipped=shipped,
        learned=[corrections.apply(spectrum) for spectrum in shipped],
        corrections=corrections,
        seconds=seconds,
    )


def plant_small_sigma(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every sigma of a fit come out too small."""
    usual = conclude.MODEL_ERROR
    small = ModelError(SMALL * usual.scale, SMALL * usual.floor)
    monkeypatch.setattr(conclude, "MODEL_ERROR", small)
