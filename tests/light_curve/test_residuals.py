"""Residuals of a model: noise where the model is right, otherwise a pattern."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.errors import FitError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.residuals import find_residuals
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import fit_planets, simulated_prior


@pytest.fixture(scope="module")
def fitted() -> tuple[Observation, Spectrum]:
    observation = simulate_observation(draw_planets(1, seed=8)[0], seed=3)
    return observation, fit_planets([observation], prior=simulated_prior())[0]


def test_a_good_fit_leaves_noise(fitted):
    time, residual = find_residuals(*fitted)
    assert residual.shape == (len(time), 282)
    assert residual.std() == pytest.approx(1.0, abs=0.02)
    # Neighbours of white noise do not know each other, in time nor in wavelength.
    bound = 4 / np.sqrt(residual.size)
    assert abs((residual[1:] * residual[:-1]).mean()) < 3 * bound
    assert abs((residual[:, 1:] * residual[:, :-1]).mean()) < 3 * bound


def test_a_wrong_depth_shows_as_an_error_of_the_transit_at_its_wavelength(fitted):
    """A depth that is too large by 2000 ppm leaves a residual in the transit only."""
    observation, spectrum = fitted
    mean = spectrum.mean.copy()
    mean[100] += 2e-3
    time, residual = find_residuals(observation, replace(spectrum, mean=mean))
    _, before = find_residuals(observation, spectrum)
    inside = abs(time - spectrum.fit.mid_time) < 0.8 * spectrum.fit.half_duration
    moved = residual - before
    assert moved[inside, 99].mean() > 3 * abs(moved[:, :99]).max() + 1
    curves = observation.binned(3600 * float(np.median(spectrum.white_light[0].span)))[0]
    step = moved[inside, 99].mean() - moved[~inside, 99].mean()
    noise = np.median(curves.noise[:, 99] / curves.flux[:, 99])
    assert step * noise == pytest.approx(2e-3, rel=0.2)


def test_a_fit_of_other_light_is_refused(fitted):
    observation, spectrum = fitted
    stranger = replace(observation, planet_id=1)
    with pytest.raises(
        FitError, match=r"must be the visit that the spectrum was fitted to; the fit"
    ):
        find_residuals(stranger, spectrum)
    with pytest.raises(FitError, match=r"fit of visit 1; it has fits of 1 visit\."):
        find_residuals(observation, spectrum, visit=1)
    bare = Spectrum(observation.planet_id, wavelengths(), np.ones(283), np.ones(283))
    with pytest.raises(FitError, match=r"it has fits of 0 visits\. Give a spectrum that"):
        find_residuals(observation, bare)
