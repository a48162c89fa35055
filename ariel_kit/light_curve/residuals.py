"""What a fit leaves of every light curve: data less model, over time and wavelength."""

from __future__ import annotations

import numpy as np

from ariel_kit.core.errors import FitError
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import FitFacts, Spectrum, WhiteLightCurve


def find_residuals(
    observation: Observation, spectrum: Spectrum, *, visit: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Take the model of a fitted spectrum from every AIRS light curve of a visit.

    The model is what the run concluded: its depth at each wavelength, and the transit and drift of
    its white light. Only the level of each wavelength and how much of the drift it shows are
    fitted here, by weighted least squares:

        log flux(t, w) = level(w) + size(w) log drift(t) + log(1 - depth(w) S(t)) + residual

    So limb darkening that changes with wavelength, and drift of another form than white light's,
    stay in the residual.

    Parameters
    ----------
    observation : Observation
        The calibrated visit, at native cadence.
    spectrum : Spectrum
        Of the same planet, with its `fit` and `white_light`.
    visit : int
        Which visit of the planet it is.

    Returns
    -------
    time : ndarray [shape=(time,), dtype=float64, unit=hour]
        Middle of each bin, those of the white light.
    residual : ndarray [shape=(time, 282), dtype=float64]
        In units of the noise; 0 where a bin has no data.

    Raises
    ------
    FitError
        If the spectrum has no such fit, or the fit is of other light curves.
    """
    light, fit = _white_light(spectrum, visit)
    airs = observation.binned(3600 * float(np.median(light.span)))[0]
    if observation.planet_id != spectrum.planet_id or airs.time.shape != light.time.shape:
        raise FitError(
            f"the fit must be of the visit that is given; planet {spectrum.planet_id} has "
            f"{len(light.time)} bins, the visit of planet {observation.planet_id} "
            f"{len(airs.time)}. Give the observation that the spectrum was made from."
        )
    precision = (airs.flux / airs.noise) ** 2  # of log flux
    window = _window(light, fit.white_depth)
    left = np.log(airs.flux) - np.log1p(-window[:, None] * spectrum.mean[1:])
    left = _without_line(left, np.log(light.drift), precision)
    return airs.time, left * np.sqrt(precision)


def _white_light(spectrum: Spectrum, visit: int) -> tuple[WhiteLightCurve, FitFacts]:
    if spectrum.fit is None or not 0 <= visit < len(spectrum.white_light):
        raise FitError(
            f"planet {spectrum.planet_id} must have a fit of visit {visit} to compare its light "
            f"curves with; it has {len(spectrum.white_light)}. Give a spectrum as the run left it."
        )
    return spectrum.white_light[visit], spectrum.fit


def _window(light: WhiteLightCurve, depth: float) -> np.ndarray:
    """Compute the window S(t) of white light, whose flux is star * drift * (1 - depth * S)."""
    star = light.model / light.drift
    return np.asarray((1 - star / np.median(star[[0, -1]])) / depth)


def _without_line(y: np.ndarray, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Subtract from each column of `y` [shape=(time, column)] its weighted fit ``a + b x``."""
    share = weight / weight.sum(axis=0)
    y = y - (share * y).sum(axis=0)
    run = x[:, None] - share.T @ x
    spread = (share * run**2).sum(axis=0)
    size = (share * run * y).sum(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.asarray(y - size * run)
