"""What is learned of the numbers of a spectrum, and how it is applied: scale of depth, sigma."""

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


class Scale(FiniteSettings):
    """True depth over measured depth: ``fgs1``, and over AIRS ``airs + slope * x``.

    x runs from -1 at the blue end of AIRS to 1 at its red end.

    Attributes
    ----------
    fgs1, airs, slope : Estimate
    """

    fgs1: Estimate = ONE
    airs: Estimate = ONE
    slope: Estimate = ZERO

    def factors(self) -> np.ndarray:
        """Give what the depth of each wavelength is multiplied by [shape=(283,), dtype=float64]."""
        airs = self.airs.value + self.slope.value * airs_coordinate()
        return np.concatenate([[self.fgs1.value], airs])


class Factor(FiniteSettings):
    """A factor of sigma.

    Attributes
    ----------
    overall : Estimate
    regimes : tuple of float
        The factor in each regime of signal-to-noise.
    """

    overall: Estimate = ONE
    regimes: tuple[float, ...] = Field((1.0,), min_length=1)


class SigmaFactors(FiniteSettings):
    """Factors of sigma: of the level of AIRS, of its shape about the level, and of FGS1.

    Attributes
    ----------
    edges : tuple of float
        Between regimes of signal-to-noise, the level of AIRS over its typical sigma.
    level, shape, fgs1 : Factor
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


class Corrections(FiniteSettings):
    """Everything that is learned of the numbers of a spectrum.

    Attributes
    ----------
    scale : Scale
    sigma : SigmaFactors
    """

    scale: Scale = Scale()
    sigma: SigmaFactors = SigmaFactors()

    def apply(self, spectrum: Spectrum) -> Spectrum:
        """Correct a spectrum that was measured.

        With the scale K on the diagonal, and F = diag(fgs1, level P + shape (1 - P)) where P takes
        the mean over AIRS, mean and covariance become ``K m`` and ``(F K) C (F K)'``: correlations
        are kept, and what was positive definite stays so.

        Parameters
        ----------
        spectrum : Spectrum
            Without a covariance its sigma is scaled with the depth and not corrected.

        Returns
        -------
        Spectrum
            The variances of its covariance are those of sigma. A planet that was not measured is
            left as it is.
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
        """Put one part, as `parts` names it, back to its shipped value."""
        group, _, name = part.partition(".")
        old = getattr(self, group)
        usual = Factor(regimes=(1.0,) * (len(self.sigma.edges) + 1))
        shipped = {"slope": ZERO}.get(name, ONE) if group == "scale" else usual
        return self.model_copy(update={group: old.model_copy(update={name: shipped})})

    def parts(self) -> dict[str, Estimate]:
        """Name everything that was learned."""
        scale = {f"scale.{n}": getattr(self.scale, n) for n in ("fgs1", "airs", "slope")}
        sigma = {f"sigma.{n}": getattr(self.sigma, n) for n in ("level", "shape", "fgs1")}
        return scale | {name: factor.overall for name, factor in sigma.items()}


def total_covariance(spectrum: Spectrum) -> np.ndarray:
    """Give the covariance whose variances are those of sigma [shape=(283, 283), dtype=float64].

    The posterior's correlations are kept.
    """
    if spectrum.covariance is None:
        return np.diag(spectrum.sigma**2)
    ratio = spectrum.sigma / np.sqrt(np.diag(spectrum.covariance))
    return np.asarray(ratio[:, None] * spectrum.covariance * ratio)


def airs_coordinate() -> np.ndarray:
    """Count wavelength from -1 to 1 over AIRS [shape=(282,), dtype=float64]."""
    micron = wavelengths()[1:]
    middle, reach = (micron[-1] + micron[0]) / 2, (micron[-1] - micron[0]) / 2
    return np.asarray((micron - middle) / reach)


def signal_to_noise(mean: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Compute the level of AIRS over its typical sigma [shape=(...,), dtype=float64].

    Parameters
    ----------
    mean, sigma : ndarray [shape=(..., 283)]
    """
    return np.asarray(mean[..., 1:].mean(axis=-1) / np.median(sigma[..., 1:], axis=-1))


def stacked(spectra: Sequence[Spectrum]) -> tuple[np.ndarray, np.ndarray]:
    """Give means [shape=(planet, 283)] and total covariances [shape=(planet, 283, 283)]."""
    mean = np.array([spectrum.mean for spectrum in spectra])
    return mean, np.array([total_covariance(spectrum) for spectrum in spectra])


def _sigma_operator(level: float, shape: float, fgs1: float) -> np.ndarray:
    """Build F of `Corrections.apply` [shape=(283, 283), dtype=float64]."""
    operator = np.zeros((N_WAVELENGTHS, N_WAVELENGTHS))
    operator[0, 0] = fgs1
    operator[1:, 1:] = shape * np.eye(N_AIRS) + (level - shape) / N_AIRS
    return operator
