"""Prior of the transit windows, and how it is learned from the planets of a run.

The catalogue of an edition gives, for each planet, a first estimate of its path. The windows differ
from the catalogue by a Gaussian whose mean is linear in the star's temperature. Mean and covariance
start from values in this file and are learned from the planets of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ariel_kit.core.editions import get_edition
from ariel_kit.core.instruments import OBSERVATION_HOURS
from ariel_kit.core.star_info import StarInfo
from ariel_kit.light_curve.window import CLOSEST, Orbit

USUAL_TEMPERATURE, TEMPERATURE_SCALE = 5700.0, 600.0
"""Approximate mean and standard deviation, in kelvin, of the effective temperatures of the stars of
the 2025 edition."""
ROUNDS = 5
"""Rounds of expectation-maximisation. More would let a handful of planets widen the covariance."""
STRENGTH = 30.0
"""Weight of the starting population in the learning, as a number of planets."""
CENTRAL_IMPACT = 0.15
"""Impact parameter below which the scatter of its square no longer shrinks with it."""
FREEDOM = 4.0
"""Degrees of freedom of the Student distribution that gives outlying planets a smaller weight."""
UNKNOWN_PATH, UNKNOWN_SIGMA = np.array([0.0, np.log(1.5), 0.3]), np.array([0.0, 0.5, 0.3])
"""Path assumed for a planet without a catalogue entry, and the sigma that is added to the scatter
of its coordinates: offset of the mid-time in hours, log half-duration, squared impact parameter."""


@dataclass(frozen=True)
class WindowLikelihood:
    """Gaussian likelihood of each planet's window, marginalised over all other parameters.

    Attributes
    ----------
    precision : ndarray [shape=(planet, coordinate, coordinate), dtype=float64]
        Precision of the window's coordinates.
    information : ndarray [shape=(planet, coordinate), dtype=float64]
        ``precision @ window`` at the window of highest likelihood.
    """

    precision: np.ndarray
    information: np.ndarray


@dataclass(frozen=True)
class WindowPrior:
    """Gaussian prior of the windows of a batch of planets.

    Attributes
    ----------
    mean : ndarray [shape=(planet, coordinate), dtype=float64]
        In the coordinates of `ariel_kit.light_curve.window`.
    precision : ndarray [shape=(planet, coordinate, coordinate), dtype=float64]
        Inverse of the covariance.
    orbit : Orbit
        Parameters of the paths that are not fitted.
    """

    mean: np.ndarray
    precision: np.ndarray
    orbit: Orbit

    def take(self, rows: list[int]) -> WindowPrior:
        """Select planets by their index."""
        return WindowPrior(self.mean[rows], self.precision[rows], self.orbit.take(rows))

    def joined(self, other: WindowPrior) -> WindowPrior:
        """Append the planets of another batch."""
        return WindowPrior(
            np.concatenate([self.mean, other.mean]),
            np.concatenate([self.precision, other.precision]),
            self.orbit.joined(other.orbit),
        )


@dataclass(frozen=True)
class Population:
    """Gaussian distribution of the windows, relative to the catalogue if there is one.

    Attributes
    ----------
    coefficients : ndarray [shape=(2, coordinate), dtype=float64]
        Constant term of the mean, and its change for a star hotter by `TEMPERATURE_SCALE`.
    covariance : ndarray [shape=(coordinate, coordinate), dtype=float64]
        Scatter of the windows about the mean.
    catalogue : bool
        Whether paths are relative to those of a catalogue.
    contact : float
        Distance of the centres, in stellar radii, that defines the half-duration: 1 is the limb; a
        value beyond the outer contact keeps the half-duration defined for grazing planets.
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    catalogue: bool
    contact: float = 1.0

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.covariance)

    def prior(self, stars: Sequence[StarInfo | None]) -> WindowPrior:
        """Compute the prior of each planet's window.

        Parameters
        ----------
        stars : sequence of StarInfo or None
            Catalogue entry of each planet; None for a planet without one.
        """
        base, scale = self._catalogued(stars)
        mean = base + scale * (_features(stars) @ self.coefficients)
        rate = np.array([0.0 if star is None else star.rate for star in stars])
        precision = np.stack([np.linalg.inv(self._covariance(star)) for star in stars])
        precision = precision / (scale[:, :, None] * scale[:, None, :])
        return WindowPrior(mean, precision, Orbit(rate, np.full(len(stars), self.contact)))

    def _catalogued(self, stars: Sequence[StarInfo | None]) -> tuple[np.ndarray, np.ndarray]:
        """Compute the catalogue's windows, and the scale of the population's coordinates.

        Returns
        -------
        base, scale : ndarray [shape=(planet, coordinate)]
            A window is ``base + scale * x`` for x drawn from the population.
        """
        base, scale = np.zeros((len(stars), self.size)), np.ones((len(stars), self.size))
        if self.catalogue:
            base[:, :3] = [catalogue_path(star, self.contact) for star in stars]
            # d(b**2) = 2 b db, with a floor at CENTRAL_IMPACT for central transits
            scale[:, 2] = 2 * np.sqrt(base[:, 2] + CENTRAL_IMPACT**2)
        return base, scale

    def _covariance(self, star: StarInfo | None) -> np.ndarray:
        covariance = self.covariance.copy()
        if star is None and self.catalogue:
            covariance[:3, :3] += np.diag(UNKNOWN_SIGMA**2)
        return covariance

    def learn(self, likelihood: WindowLikelihood, stars: Sequence[StarInfo | None]) -> Population:
        """Learn from the planets of a run by expectation-maximisation that starts from `self`.

        Outlying planets have a smaller weight, that of a Student distribution of four degrees of
        freedom (Lange, Little & Taylor 1989, J. Am. Stat. Assoc. 84).

        Parameters
        ----------
        likelihood : WindowLikelihood
            One row for each visit.
        stars : sequence of StarInfo or None
            Catalogue entry of each visit's planet; None for a planet without one.
        """
        population, features = self, _features(stars)
        base, scale = self._catalogued(stars)
        precision = likelihood.precision * scale[:, :, None] * scale[:, None, :]
        information = scale * (
            likelihood.information - np.einsum("pij,pj->pi", likelihood.precision, base)
        )
        # Ridge regression: the starting coefficients count as STRENGTH planets of typical features.
        anchor = STRENGTH * np.eye(features.shape[1])
        for _ in range(ROUNDS):
            certain = np.linalg.inv(population.covariance)
            expected = features @ population.coefficients
            covariance = np.linalg.inv(precision + certain)
            mean = np.einsum("pij,pj->pi", covariance, information + expected @ certain)
            off = mean - expected
            second = covariance + off[:, :, None] * off[:, None]
            distance = np.einsum("pij,ij->p", second, certain)
            weight = (FREEDOM + self.size) / (FREEDOM + distance)
            weighted = features * weight[:, None]
            coefficients = np.linalg.solve(
                weighted.T @ features + anchor, weighted.T @ mean + anchor @ self.coefficients
            )
            off = mean - features @ coefficients
            second = covariance + off[:, :, None] * off[:, None]
            moment = np.einsum("p,pij->ij", weight, second) + STRENGTH * self.covariance
            population = replace(
                self, coefficients=coefficients, covariance=moment / (STRENGTH + len(mean))
            )
        return population


def _features(stars: Sequence[StarInfo | None]) -> np.ndarray:
    """Stack ones and the scaled temperatures of the stars [shape=(planet, 2)]."""
    kelvin = [USUAL_TEMPERATURE if star is None else star.temperature for star in stars]
    relative = (np.array(kelvin) - USUAL_TEMPERATURE) / TEMPERATURE_SCALE
    return np.column_stack([np.ones(len(stars)), relative])


def catalogue_path(star: StarInfo | None, contact: float) -> np.ndarray:
    """Compute the path of a catalogue entry in the coordinates of the fit [shape=(3,)].

    On a circular orbit of semi-major axis a, in stellar radii, and impact parameter b the
    half-duration follows from
    ``sin(rate half) = sqrt((contact**2 - b**2) / (a**2 - b**2))``. The catalogue does not give the
    mid-time, whose coordinate is 0.
    """
    if star is None:
        return UNKNOWN_PATH
    impact = min(star.impact, contact - CLOSEST) ** 2
    sine = np.sqrt((contact**2 - impact) / (star.semi_major_axis**2 - impact))
    return np.array([0.0, np.log(np.arcsin(min(sine, 1.0)) / star.rate), impact])


UNIFORM_STARS = Population(
    coefficients=np.array([[OBSERVATION_HOURS / 2, np.log(1.32), 0.23], np.zeros(3)]),
    covariance=np.diag([0.2, 0.15, 0.12]) ** 2,
    catalogue=False,
)
"""Windows of an edition without a catalogue and without limb darkening. The sigmas of mid-time and
half-duration are far larger than those of a light curve (about 0.002 h), so this prior does not
matter for them; that of the impact parameter matters for shallow planets."""
# Limb darkening (u1, u2, u3) of the stars of 2025. The mean lies between a square-root law and a
# quadratic law, and the light curves of a run decide between the two. The square-root laws
# approximate the simulator's four coefficients and power-2 laws (1 - c + c mu**a, a = 0.5 at
# 3 micron and 0.7 at FGS1); the quadratic laws are those of Sun-like stars at 0.7 and 3 micron.
_FGS1_ROOT, _FGS1_QUADRATIC = np.array([0.20, 0.02, 0.39]), np.array([0.35, 0.22, 0.0])
_AIRS_ROOT, _AIRS_QUADRATIC = np.array([-0.03, 0.0, 0.30]), np.array([0.10, 0.17, 0.0])
_QUADRATIC_SHARE, _SHARE_SIGMA = 0.35, 0.6


def _between(root: np.ndarray, quadratic: np.ndarray) -> np.ndarray:
    """Interpolate between a square-root law and a quadratic law."""
    return root + _QUADRATIC_SHARE * (quadratic - root)


def _darkened_covariance() -> np.ndarray:
    """Build the covariance of path, FGS1, AIRS and slope, widened from root to quadratic law."""
    scatter = [0.2, 0.06, 0.08, 0.07, 0.05, 0.06, 0.04, 0.04, 0.04, 0.02]
    covariance = np.diag(scatter) ** 2
    for where, apart in (
        (slice(3, 6), _FGS1_QUADRATIC - _FGS1_ROOT),
        (slice(6, 9), _AIRS_QUADRATIC - _AIRS_ROOT),
    ):
        covariance[where, where] += _SHARE_SIGMA**2 * np.outer(apart, apart)
    return covariance


DARKENED_STARS = Population(
    coefficients=np.array(
        [
            [
                *(OBSERVATION_HOURS / 2, 0.0, 0.0),
                *_between(_FGS1_ROOT, _FGS1_QUADRATIC),
                *_between(_AIRS_ROOT, _AIRS_QUADRATIC),
                -0.025,
            ],
            [0.0, 0.0, 0.0, -0.03, 0.0, 0.0, 0.0, 0.0, -0.02, 0.0],
        ]
    ),
    covariance=_darkened_covariance(),
    catalogue=True,
    contact=1.3,
)
"""Windows of an edition with a catalogue and limb-darkened stars: the path relative to that of the
catalogue, (u1, u2, u3) of FGS1, those of AIRS and the slope of AIRS's u1."""


def population_of(edition: int) -> Population:
    """Return the starting population of the windows of an edition, named by its year.

    Raises
    ------
    ConfigError
        If there was no challenge in that year.
    """
    return DARKENED_STARS if get_edition(edition).limb_darkening else UNIFORM_STARS
