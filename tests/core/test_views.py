"""Values read at a glance, and go into pandas without losing a number."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.markup import HEIGHT, MARGIN, WIDTH, card, sketch
from ariel_kit.core.observation import LightCurves, Observation
from ariel_kit.core.spectrum import Spectrum, WhiteLightCurve
from ariel_kit.simulation import draw_planets, simulate_observation

MOST = 200
"""Characters of a repr that a reader takes in at once."""


@pytest.fixture(scope="module")
def observation() -> Observation:
    return simulate_observation(draw_planets(1, seed=3)[0], seed=0, bin_seconds=24.0)


@pytest.fixture
def spectrum(rng) -> Spectrum:
    """A spectrum whose posterior is of low rank, and whose sigma holds more than it."""
    factor = 1e-5 * np.cumsum(rng.standard_normal((283, 5)), axis=0) / 10
    covariance = factor @ factor.T + 1e-12 * np.eye(283)
    sigma = 1.3 * np.sqrt(np.diag(covariance))
    return Spectrum(7, wavelengths(), 0.004 + 1e-4 * np.sin(wavelengths()), sigma, covariance)


def test_reprs_are_short(observation, spectrum):
    ones = np.ones((3, 1))
    curves = LightCurves(np.arange(3.0), np.ones(3), ones, ones)
    white = WhiteLightCurve(*np.ones((6, 3)))
    for value in (observation, spectrum, curves, white, observation.visit()):
        assert len(repr(value)) < 10 * MOST
        assert "[" not in repr(value).replace("[]", ""), "an array is printed"
    assert len(repr(observation)) < MOST
    assert repr(spectrum).startswith("Spectrum(planet 7: depth ")
    assert "flux=<3 x 1 float64>" in repr(curves)


def test_a_card_shows_hostile_words_as_words(observation, spectrum):
    assert "&lt;b&gt;" in card("<b>", {})
    for value in (observation, spectrum):
        html = value._repr_html_()
        assert html.count("<svg") == html.count("</svg>") == 1
        assert len(html) < 20_000
    assert 'fill-opacity=".2"' in spectrum._repr_html_()  # the band of one sigma


def test_a_sketch_keeps_its_curve_within_its_frame_and_upright():
    drawn = sketch(np.array([0.0, 1.0, 4.0]), np.array([2.0, np.nan, 3.0]))
    points = np.array(re.findall(r"([\d.]+),([\d.]+)", drawn), float)
    np.testing.assert_allclose(points, [[MARGIN, HEIGHT - MARGIN], [WIDTH - MARGIN, MARGIN]])
    assert sketch(np.array([1.0]), np.array([1.0])) == ""


def test_observations_name_their_wavelengths(observation):
    assert observation.wavelength.shape == (282,)
    np.testing.assert_array_equal(observation.wavelength, wavelengths()[1:])


def test_a_frame_of_light_curves_has_hours_and_microns(observation):
    frame = observation.to_frame(144.0)
    airs, fgs1 = observation.binned(144.0)
    np.testing.assert_allclose(frame.iloc[:, 1:], airs.flux)
    np.testing.assert_allclose(frame.index, airs.time)
    np.testing.assert_allclose(frame[0.705], fgs1.flux[:, 0], rtol=1e-4)
    assert (frame.index.name, frame.columns.name) == ("hours", "micron")


def test_a_frame_of_a_spectrum_holds_its_numbers(spectrum):
    frame = spectrum.to_frame()
    for name, values in {"micron": wavelengths(), "depth": spectrum.mean}.items():
        np.testing.assert_array_equal(frame[name], values)


def test_the_full_covariance_has_sigma_and_the_correlations_of_the_posterior(spectrum):
    full, posterior = spectrum.full_covariance, spectrum.covariance
    np.testing.assert_allclose(np.sqrt(np.diag(full)), spectrum.sigma)
    root = np.sqrt(np.diag(posterior))
    np.testing.assert_allclose(
        full / np.outer(spectrum.sigma, spectrum.sigma), posterior / np.outer(root, root)
    )


def test_draws_have_the_mean_and_the_covariance_of_the_spectrum(spectrum):
    draws = spectrum.sample(20_000, seed=3)
    error = (draws.mean(axis=0) - spectrum.mean) / spectrum.sigma
    assert abs(error).max() < 5 / np.sqrt(20_000)
    z = (draws - spectrum.mean) / spectrum.sigma
    correlation = spectrum.full_covariance / np.outer(spectrum.sigma, spectrum.sigma)
    np.testing.assert_allclose(z.T @ z / len(z), correlation, atol=5 / np.sqrt(20_000))
    np.testing.assert_array_equal(draws, spectrum.sample(20_000, seed=3))
