"""Residuals of a fit: data minus model over time and wavelength."""

from __future__ import annotations

import numpy as np

from ariel_kit.core.errors import FitError
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import FitFacts, Spectrum, WhiteLightCurve
from ariel_kit.core.words import counted


def find_residuals(
    observation: Observation, spectrum: Spectrum, *, visit: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the residuals of every AIRS light curve of a visit from a fitted spectrum.

    The model takes the depth at each wavelength from the spectrum, and the transit window S and the
    drift from its white-light fit. Only the level and the amplitude of the drift at each wavelength
    are fitted here, by weighted least squares:

        log flux(t, w) = level(w) + size(w) log drift(t) + log(1 - depth(w) S(t)) + residual

    Limb darkening that changes with wavelength, and drift whose course in time differs from that of
    white light, therefore remain in the residual.

    Parameters
    ----------
    observation : Observation
        The calibrated visit, at native cadence.
    spectrum : Spectrum
        Spectrum of the same planet, with its `fit` and `white_light`.
    visit : int
        Index of the visit among those of the planet.

    Returns
    -------
    time : ndarray [shape=(time,), dtype=float64, unit=hour]
        Middle of each bin; the bins are those of the white-light fit.
    residual : ndarray [shape=(time, 282), dtype=float64]
        Data minus model in units of the noise; 0 where a bin has no data.

    Raises
    ------
    FitError
        If the spectrum has no fit of this visit, or was fitted to other light curves.
    """
    light, fit = _white_light(spectrum, visit)
    airs = observation.binned(3600 * float(np.median(light.span)))[0]
    if observation.planet_id != spectrum.planet_id or airs.time.shape != light.time.shape:
        raise FitError(
            "the observation must be the visit that the spectrum was fitted to; the fit of planet "
            f"{spectrum.planet_id} has {len(light.time)} bins, the visit of planet "
            f"{observation.planet_id} has {len(airs.time)}. Give the observation that the spectrum "
            "was made from."
        )
    precision = (airs.flux / airs.noise) ** 2  # of log flux
    window = _window(light, fit.white_depth)
    residual = np.log(airs.flux) - np.log1p(-window[:, None] * spectrum.mean[1:])
    residual = _without_line(residual, np.log(light.drift), precision)
    return airs.time, residual * np.sqrt(precision)


def _white_light(spectrum: Spectrum, visit: int) -> tuple[WhiteLightCurve, FitFacts]:
    if spectrum.fit is None or not 0 <= visit < len(spectrum.white_light):
        raise FitError(
            f"planet {spectrum.planet_id} must have a white-light fit of visit {visit}; it has "
            f"fits of {counted(len(spectrum.white_light), 'visit')}. Give a spectrum that the run "
            "measured."
        )
    return spectrum.white_light[visit], spectrum.fit


def _window(light: WhiteLightCurve, depth: float) -> np.ndarray:
    """Compute the transit window S(t) of white light from flux = star * drift * (1 - depth * S)."""
    star = light.model / light.drift
    return np.asarray((1 - star / np.median(star[[0, -1]])) / depth)


def _without_line(y: np.ndarray, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Subtract from each column of `y` [shape=(time, column)] its weighted line ``a + b x``."""
    share = weight / np.maximum(weight.sum(axis=0), 1e-300)
    y = y - (share * y).sum(axis=0)
    run = x[:, None] - share.T @ x
    spread = (share * run**2).sum(axis=0)
    size = (share * run * y).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.asarray(y - size * run)
