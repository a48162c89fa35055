"""Corrections of a spectrum that are learned from labelled planets, and how they are applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from ariel_kit.core.errors import ConfigError
from ariel_kit.core.instruments import N_AIRS, N_WAVELENGTHS, wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.learning.shrinkage import Estimate, FiniteSettings
from ariel_kit.light_curve.stage import NO_FIT

ONE = Estimate(value=1.0, found=1.0, error=0.0)
ZERO = Estimate(value=0.0, found=0.0, error=0.0)
LARGEST_DEPTH_FACTOR, LARGEST_SIGMA_FACTOR = 10.0, 1000.0
"""Largest factors of depth and of sigma in a file of corrections; the least are their inverses."""


class Scale(FiniteSettings):
    """Ratio of true to measured depth: ``fgs1`` in FGS1, and ``airs + slope * x`` in AIRS.

    The coordinate x runs from -1 at the blue end of AIRS to 1 at its red end.

    Attributes
    ----------
    fgs1, airs, slope : Estimate
    """

    fgs1: Estimate = ONE
    airs: Estimate = ONE
    slope: Estimate = ZERO

    def factors(self) -> np.ndarray:
        """Compute the factor of the depth at each wavelength [shape=(283,), dtype=float64]."""
        airs = self.airs.value + self.slope.value * airs_coordinate()
        return np.concatenate([[self.fgs1.value], airs])


class Factor(FiniteSettings):
    """A factor by which sigma is multiplied.

    Attributes
    ----------
    overall : Estimate
        Factor of all planets together.
    regimes : tuple of float
        Factor in each regime of signal-to-noise, lowest first.
    """

    overall: Estimate = ONE
    regimes: tuple[float, ...] = Field((1.0,), min_length=1)


class SigmaFactors(FiniteSettings):
    """Factors of the sigmas of the level of AIRS, of its shape about the level, and of FGS1.

    Attributes
    ----------
    edges : tuple of float
        Limits between the regimes of signal-to-noise; see `signal_to_noise`.
    level, shape, fgs1 : Factor
        The level is the mean depth over AIRS, and the shape the depths minus that mean.
    """

    edges: tuple[float, ...] = ()
    level: Factor = Factor()
    shape: Factor = Factor()
    fgs1: Factor = Factor()

    @model_validator(mode="after")
    def _match(self) -> SigmaFactors:
        for factor in (self.level, self.shape, self.fgs1):
            if len(factor.regimes) != len(self.edges) + 1:
                raise ConfigError(
                    f"{len(self.edges) + 1} regimes of signal-to-noise need as many factors; got "
                    f"{len(factor.regimes)}."
                )
        return self

    def of(self, spectrum: Spectrum) -> tuple[float, float, float]:
        """Look up the factors of level, shape and FGS1 for the planet's signal-to-noise."""
        row = int(np.digitize(signal_to_noise(spectrum.mean, spectrum.sigma), self.edges))
        level, shape, fgs1 = (f.regimes[row] for f in (self.level, self.shape, self.fgs1))
        return level, shape, fgs1


def _refuse_outside(what: str, factors: np.ndarray, most: float) -> None:
    wrong = factors[(factors < 1 / most) | (factors > most)]
    if len(wrong):
        raise ConfigError(
            f"factors of {what} must lie between {1 / most:g} and {most:g}; got {wrong[0]:g}."
        )


class Corrections(FiniteSettings):
    """Learned corrections of the depths and the sigmas of a spectrum.

    Attributes
    ----------
    scale : Scale
    sigma : SigmaFactors
    """

    scale: Scale = Scale()
    sigma: SigmaFactors = SigmaFactors()

    @model_validator(mode="after")
    def _are_plausible(self) -> Corrections:
        sigma = self.sigma
        factors = [f for each in (sigma.level, sigma.shape, sigma.fgs1) for f in each.regimes]
        _refuse_outside("depth", self.scale.factors(), LARGEST_DEPTH_FACTOR)
        _refuse_outside("sigma", np.array(factors), LARGEST_SIGMA_FACTOR)
        return self

    def apply(self, spectrum: Spectrum) -> Spectrum:
        """Correct the depths, the sigmas and the covariance of a spectrum.

        The mean m becomes ``K m`` and the covariance C becomes ``(F K) C (F K)'``, where K is the
        diagonal matrix of the scale and F = diag(fgs1, level P + shape (1 - P)), with P the
        projection on the mean over AIRS. A positive definite C stays positive definite.

        Parameters
        ----------
        spectrum : Spectrum
            If it has no covariance, sigma is multiplied by the scale and not by `sigma`'s factors.

        Returns
        -------
        Spectrum
            Spectrum whose sigma**2 is the diagonal of its covariance. A planet that was not fitted
            is returned without corrections.
        """
        if spectrum.fit is None:
            return spectrum.with_step("learned", NO_FIT)
        scale = self.scale.factors()
        facts: dict[str, Any] = {"status": "complete", "scale": self.scale.airs.value}
        mean = scale * spectrum.mean
        if spectrum.covariance is None:
            return spectrum.with_step("learned", facts, mean=mean, sigma=scale * spectrum.sigma)
        factors = self.sigma.of(spectrum)
        facts |= dict(zip(("level", "shape", "fgs1"), factors, strict=True))
        change = _sigma_operator(*factors) * scale
        covariance = change @ total_covariance(spectrum) @ change.T
        sigma = np.sqrt(np.diag(covariance))
        return spectrum.with_step("learned", facts, mean=mean, sigma=sigma, covariance=covariance)

    def without(self, part: str) -> Corrections:
        """Reset one part, named as in `parts`, to its value without learning."""
        group, _, name = part.partition(".")
        old = getattr(self, group)
        usual = Factor(regimes=(1.0,) * (len(self.sigma.edges) + 1))
        shipped = {"slope": ZERO}.get(name, ONE) if group == "scale" else usual
        return self.model_copy(update={group: old.model_copy(update={name: shipped})})

    def parts(self) -> dict[str, Estimate]:
        """List the learned numbers by name."""
        scale = {f"scale.{n}": getattr(self.scale, n) for n in ("fgs1", "airs", "slope")}
        sigma = {f"sigma.{n}": getattr(self.sigma, n) for n in ("level", "shape", "fgs1")}
        return scale | {name: factor.overall for name, factor in sigma.items()}


def total_covariance(spectrum: Spectrum) -> np.ndarray:
    """Compute the covariance that has the variances sigma**2 and the posterior's correlations.

    Returns
    -------
    ndarray [shape=(283, 283), dtype=float64]
        Diagonal if the spectrum has no covariance.
    """
    if spectrum.covariance is None:
        return np.diag(spectrum.sigma**2)
    ratio = spectrum.sigma / np.sqrt(np.diag(spectrum.covariance))
    return np.asarray(ratio[:, None] * spectrum.covariance * ratio)


def airs_coordinate() -> np.ndarray:
    """Map the wavelengths of AIRS linearly to -1 .. 1 [shape=(282,), dtype=float64]."""
    micron = wavelengths()[1:]
    middle, reach = (micron[-1] + micron[0]) / 2, (micron[-1] - micron[0]) / 2
    return np.asarray((micron - middle) / reach)


def signal_to_noise(mean: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Compute the mean depth of AIRS over the median of its sigmas [shape=(...,), dtype=float64].

    Parameters
    ----------
    mean, sigma : ndarray [shape=(..., 283)]
        Depths and their standard deviations.
    """
    return np.asarray(mean[..., 1:].mean(axis=-1) / np.median(sigma[..., 1:], axis=-1))


def stacked(spectra: Sequence[Spectrum]) -> tuple[np.ndarray, np.ndarray]:
    """Stack means [shape=(planet, 283)] and total covariances [shape=(planet, 283, 283)]."""
    mean = np.array([spectrum.mean for spectrum in spectra])
    return mean, np.array([total_covariance(spectrum) for spectrum in spectra])


def _sigma_operator(level: float, shape: float, fgs1: float) -> np.ndarray:
    """Build F of `Corrections.apply` [shape=(283, 283), dtype=float64]."""
    operator = np.zeros((N_WAVELENGTHS, N_WAVELENGTHS))
    operator[0, 0] = fgs1
    operator[1:, 1:] = shape * np.eye(N_AIRS) + (level - shape) / N_AIRS
    return operator
