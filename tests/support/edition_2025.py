"""Errors of simulated planets of 2025, taken apart as the benchmarks of 2025 print them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ariel_kit.core.editions import get_edition
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.scoring import score
from ariel_kit.simulation import draw_planets
from ariel_kit.simulation.scene import PlanetTruth
from ariel_kit.spectral_extraction import SpectrumPrior, learn_prior

PARTS = {
    "temperature, K": (0, 5200, 5800, 6300, 9000),
    "impact parameter": (0, 0.3, 0.6, 0.85, 2),
    "duration, h": (0, 2.5, 4, 5.5, 10),
    "visits": (1, 2, 3),
}
HEAD = (
    "| planets | n | score | worst | FGS1 bias | FGS1 rms | level rms | shape | coverage |",
    "|---|---|---|---|---|---|---|---|---|",
)


def prior_of_others(seed: int) -> SpectrumPrior:
    """Learn the prior from 600 planets of another seed."""
    others = draw_planets(600, seed=seed, edition=2025)
    return learn_prior(np.array([planet.depths for planet in others]))


@dataclass(frozen=True)
class Results:
    """Truth and answers of a set of planets, one row each; depths."""

    truth: np.ndarray
    spectra: Sequence[Spectrum]
    flagged: np.ndarray
    parts: dict[str, np.ndarray]

    @classmethod
    def of(cls, planets: Sequence[PlanetTruth], spectra: Sequence[Spectrum]) -> Results:
        """Pair planets with their spectra; those of several visits share one."""
        own = {spectrum.planet_id: spectrum for spectrum in spectra}
        paired = [own[planet.planet_id] for planet in planets]
        return cls(
            truth=np.array([planet.depths for planet in planets]),
            spectra=paired,
            flagged=np.array([s.fit is None or bool(s.fit.flags) for s in paired]),
            parts={
                "temperature, K": np.array([planet.star_info.temperature for planet in planets]),
                "impact parameter": np.array([planet.path.impact for planet in planets]),
                "duration, h": np.array([2 * planet.path.half_duration for planet in planets]),
                "visits": np.array([planet.n_visits for planet in planets]),
            },
        )

    @property
    def mean(self) -> np.ndarray:
        return np.array([spectrum.mean for spectrum in self.spectra])

    @property
    def sigma(self) -> np.ndarray:
        return np.array([spectrum.sigma for spectrum in self.spectra])

    @property
    def error(self) -> np.ndarray:
        return self.mean - self.truth

    @property
    def total(self) -> float:
        """The score as the challenge counts it, about these labels."""
        return score(self.truth, (self.mean, self.sigma), edition=2025).score

    def scores(self) -> np.ndarray:
        """What each planet adds to the score [shape=(planet,)], before any clipping."""
        metric = get_edition(2025).metric
        mean, spread = self.truth.mean(), self.truth.std()
        ideal = np.append(metric.fgs1_ideal_sigma, np.full(282, metric.ideal_sigma))
        weight = np.append(metric.fgs1_weight, np.ones(282))
        found = -0.5 * (self.error / self.sigma) ** 2 - np.log(self.sigma)
        naive = -0.5 * ((self.truth - mean) / spread) ** 2 - np.log(spread)
        return ((found - naive) / (-np.log(ideal) - naive)) @ weight / weight.sum()

    def coverage(self, chosen: np.ndarray) -> tuple[float, float, float]:
        """Share of errors within one sigma: FGS1, the level of AIRS, its shape."""
        error, sigma = 1e6 * self.error[chosen], 1e6 * self.sigma[chosen]
        level, shape = split(error)
        sigma_level, sigma_shape = self.split_sigma()
        return (
            float(np.mean(np.abs(error[:, 0]) < sigma[:, 0])),
            float(np.mean(np.abs(level) < sigma_level[chosen])),
            float(np.mean(np.abs(shape) < sigma_shape[chosen])),
        )

    def fgs1(self, chosen: np.ndarray) -> tuple[float, float]:
        """Bias and rms of FGS1, ppm."""
        error = 1e6 * self.error[chosen, 0]
        return float(error.mean()), float(np.sqrt(np.mean(error**2)))

    def row(self, chosen: np.ndarray) -> str:
        """One line of the table."""
        level, shape = split(1e6 * self.error[chosen])
        scores, (bias, rms) = self.scores()[chosen], self.fgs1(chosen)
        return (
            f"{chosen.sum()} | {scores.mean():.3f} | {scores.min():.2f} | {bias:+.0f} | {rms:.0f}"
            f" | {np.sqrt(np.mean(level**2)):.0f} | {np.median(shape.std(axis=1)):.0f} | "
            + " / ".join(f"{share:.2f}" for share in self.coverage(chosen))
        )

    def table(self) -> str:
        """All planets, those not flagged, and parts by temperature, path and visits."""
        lines = [*HEAD, f"| all | {self.row(np.ones(len(self.truth), bool))} |"]
        lines.append(f"| not flagged | {self.row(~self.flagged)} |")
        for name, edges in PARTS.items():
            for low, high in itertools.pairwise(edges):
                chosen = (self.parts[name] >= low) & (self.parts[name] < high)
                if chosen.any():
                    lines.append(f"| {name} {low} to {high} | {self.row(chosen)} |")
        return "\n".join(lines)

    def split_sigma(self) -> tuple[np.ndarray, np.ndarray]:
        """Sigma of each level and of each shape, ppm, from the covariances."""
        parts = []
        for spectrum, sigma in zip(self.spectra, self.sigma, strict=True):
            covariance = np.diag(sigma**2) if spectrum.covariance is None else spectrum.covariance
            airs = covariance[1:, 1:]
            shape = np.diag(airs) - 2 * airs.mean(axis=1) + airs.mean()
            parts.append((np.sqrt(airs.mean()), np.sqrt(np.maximum(shape, 0))))
        level, shape = zip(*parts, strict=True)
        return 1e6 * np.array(level), 1e6 * np.array(shape)


def split(error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The level of AIRS, and what is left of it."""
    level = error[:, 1:].mean(axis=1)
    return level, error[:, 1:] - level[:, None]
