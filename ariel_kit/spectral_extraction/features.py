"""Input features of the refining network: 15 numbers at each of the 283 wavelengths.

All features are relative, so that they do not depend on the star: depths are relative to the
planet's level and in units of its sigma, noise and flux are relative to their means. Beside the
fitted spectrum the features contain the residual depths: those that would still be measured after
the fitted spectrum is removed from the light curves, in units of their noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ariel_kit.core.errors import FitError
from ariel_kit.core.instruments import N_AIRS, N_WAVELENGTHS
from ariel_kit.core.observation import Curves, LightCurves
from ariel_kit.core.spectrum import FitFacts, Spectrum
from ariel_kit.light_curve.drift import DEGREE, time_basis
from ariel_kit.light_curve.transit import TransitShape, transit_window

FEATURES = (
    "depth", "form", "sigma", "offset share", "neighbours", "noise", "light", "left over",
    "left over, 4 channels", "left over, 12 channels", "FGS1", "alpha", "beta",
    "white residual", "richness",
)  # fmt: skip
"""Names of the rows of `describe`; the last four rows are the same at all wavelengths."""
SMOOTHING = (4.0, 12.0)
"""Sigmas of the Gaussian kernels that smooth the residual depths, in AIRS channels."""
NEIGHBOUR = 10
"""Distance, in AIRS channels, at which the correlation of the errors is a feature."""
DRIFT_ORDER = 3
"""Highest degree in wavelength that is projected out of the residual depths, because a drift that
depends on wavelength looks the same."""
LEAST_SIGMA = 1e-7
"""Least sigma, in transit depth, so that the units stay finite for an exactly known spectrum."""


@dataclass(frozen=True)
class Errors:
    """Posterior errors of a spectrum, split into those of the level and of the shape.

    Attributes
    ----------
    level : float
        Mean depth over AIRS.
    total, shape : ndarray [shape=(283,), dtype=float64]
        Posterior sigma of the depths, and of the depths minus their AIRS mean.
    covariance : ndarray [shape=(283, 283), dtype=float64]
        Posterior covariance of the depths minus their AIRS mean.
    unit : float
        Median of `shape`, the typical sigma of the planet.
    """

    level: float
    total: np.ndarray
    shape: np.ndarray
    covariance: np.ndarray
    unit: float

    @classmethod
    def of(cls, spectrum: Spectrum) -> Errors:
        """Split the posterior of a spectrum.

        Raises
        ------
        FitError
            If the spectrum has no covariance.
        """
        if spectrum.covariance is None:
            raise FitError(
                f"the spectrum of planet {spectrum.planet_id} must have a covariance; it has none. "
                "Fit it with extractor 'joint'."
            )
        mean = spectrum.covariance[1:].mean(axis=0)
        covariance = spectrum.covariance - mean[:, None] - mean[None, :] + mean[1:].mean()
        total, shape = (
            np.sqrt(np.maximum(np.diag(matrix), LEAST_SIGMA**2))
            for matrix in (spectrum.covariance, covariance)
        )
        level = float(spectrum.mean[1:].mean())
        return cls(level, total, shape, covariance, float(np.median(shape)))


def describe(spectrum: Spectrum, curves: Curves) -> np.ndarray:
    """Compute the input features of the refining network for a fitted planet.

    Parameters
    ----------
    spectrum : Spectrum
        Spectrum from `fit_light_curves`, with its covariance and the facts of its fit.
    curves : tuple of LightCurves
        Binned AIRS and FGS1 light curves that it was fitted to.

    Returns
    -------
    ndarray [shape=(15, 283), dtype=float32]
        One row for each of `FEATURES`.

    Raises
    ------
    FitError
        If the spectrum has no covariance, or was not fitted, or a wavelength has no data.
    """
    curves = _with_data(spectrum, curves)
    errors, facts = Errors.of(spectrum), spectrum.fit
    if facts is None:
        raise FitError(f"planet {spectrum.planet_id} was not fitted; leave its spectrum as it is.")
    shape = spectrum.mean - errors.level
    size = np.sqrt(np.mean(shape[1:] ** 2) + LEAST_SIGMA**2)
    noise, light = _noise_and_light(curves)
    left = leftover(spectrum, facts, curves[0])
    rows = [
        np.arcsinh(shape / errors.unit),
        shape / size,
        np.log(errors.shape / errors.unit),
        np.log(errors.total / errors.shape),
        _neighbours(errors.covariance),
        noise,
        light,
        *_smoothed(left),
        np.eye(N_WAVELENGTHS)[0],
        np.log(facts.alpha),
        np.log(facts.beta),
        np.log(facts.white_residual),
        np.log(size / errors.unit),
    ]
    return np.stack([np.broadcast_to(row, N_WAVELENGTHS) for row in rows]).astype(np.float32)


def _with_data(spectrum: Spectrum, curves: Curves) -> Curves:
    """Remove the bins without data; raise FitError if a wavelength has no data at all."""
    parts = []
    for curve in curves:
        has_data = np.isfinite(curve.noise)
        bins = has_data.any(axis=1)
        if not has_data[bins].all():
            raise FitError(
                f"planet {spectrum.planet_id} must have data at every wavelength to be refined; "
                "leave its spectrum as it is."
            )
        fields = (curve.time, curve.span, curve.flux, curve.noise)
        parts.append(curve if bins.all() else LightCurves(*(field[bins] for field in fields)))
    airs, fgs1 = parts
    return airs, fgs1


def leftover(spectrum: Spectrum, facts: FitFacts, airs: LightCurves) -> np.ndarray:
    """Compute the residual depth of each AIRS wavelength, in units of its noise.

    Each light curve is divided by white light, which removes the grey drift and its noise, and by
    the fitted transit. A level, the course of the white drift and the transit window are fitted to
    the result, and the residual depth is the coefficient of the window. A cubic over wavelength,
    which a drift that depends on wavelength could imitate, is then projected out.

    Parameters
    ----------
    spectrum : Spectrum
    facts : FitFacts
        Facts of the fit of this spectrum.
    airs : LightCurves
        AIRS light curves that it was fitted to.

    Returns
    -------
    ndarray [shape=(282,), dtype=float64]
        White noise of unit variance if the fit is right.
    """
    depths = spectrum.mean[1:]
    light = airs.flux.mean(axis=0)
    white_depth = float(light @ depths / light.sum())
    shape = TransitShape(facts.mid_time, facts.half_duration, facts.ingress_ratio)
    depth = np.array(white_depth)
    window = transit_window(airs.time, airs.span, shape, depth, facts.limb_darkening)
    white = np.log(airs.flux.sum(axis=1)) - np.log1p(-white_depth * window)
    rest = np.log(airs.flux) - np.log1p(-depths * window[:, None]) - white[:, None]
    response = -window / (1 - white_depth * window)
    design = np.column_stack([np.ones_like(window), _course(white, airs.time), response])
    weighted = (design * (airs.span / airs.span.mean())[:, None]).T
    inverse = np.linalg.pinv(weighted @ design, hermitian=True)  # a planet may have no drift
    noise = np.sqrt(np.mean((airs.noise / airs.flux) ** 2 * airs.span[:, None], axis=0))
    sigma = noise * np.sqrt(inverse[2, 2] / airs.span.mean())
    left = (inverse @ weighted @ rest)[2] / sigma
    cubic = np.polynomial.legendre.legvander(np.linspace(-1, 1, N_AIRS), DRIFT_ORDER)
    cubic = cubic / sigma[:, None]
    return left - cubic @ np.linalg.lstsq(cubic, left, rcond=None)[0]


def _course(white: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Fit the drift of white light without its transit, scaled to unit rms [shape=(time,)]."""
    basis = time_basis(time, DEGREE)
    basis = basis - basis.mean(axis=0)
    drift = basis @ np.linalg.lstsq(basis, white - white.mean(), rcond=None)[0]
    return drift / np.hypot(np.sqrt(np.mean(drift**2)), 1e-9)


def _noise_and_light(curves: Curves) -> tuple[np.ndarray, np.ndarray]:
    """Compute the logarithms of relative noise and of flux, minus their AIRS means.

    The flux of FGS1 is set to the AIRS mean.
    """
    fgs1_first = curves[::-1]
    relative = np.concatenate([np.log(np.mean(c.noise / c.flux, axis=0)) for c in fgs1_first])
    light = np.concatenate([np.log(np.mean(c.flux, axis=0)) for c in fgs1_first])
    light[0] = light[1:].mean()
    return relative - relative[1:].mean(), light - light.mean()


def _neighbours(covariance: np.ndarray) -> np.ndarray:
    """Compute the correlation of each AIRS wavelength's error with that `NEIGHBOUR` channels on."""
    sigma = np.sqrt(np.maximum(np.diag(covariance), LEAST_SIGMA**2))
    correlation = np.diagonal(covariance[1:, 1:], NEIGHBOUR) / (
        sigma[1:-NEIGHBOUR] * sigma[1 + NEIGHBOUR :]
    )
    return np.concatenate([[0.0], np.pad(correlation, (0, NEIGHBOUR), mode="edge")])


def _smoothed(left: np.ndarray) -> list[np.ndarray]:
    """Stack the residual depths, raw and smoothed to unit variance if white; 0 for FGS1."""
    rows = [left]
    for length in SMOOTHING:
        apart = np.arange(-int(3 * length), int(3 * length) + 1)
        kernel = np.exp(-0.5 * (apart / length) ** 2)
        size = np.sqrt(np.convolve(np.ones(N_AIRS), kernel**2, mode="same"))
        rows.append(np.convolve(left, kernel, mode="same") / size)
    return [np.concatenate([[0.0], row]) for row in rows]
