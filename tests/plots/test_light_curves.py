"""Pictures of light curves draw what they were given, in the units their labels name."""

from __future__ import annotations

import re
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ariel_kit import plots
from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.errors import FitError
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.residuals import find_residuals
from ariel_kit.simulation import PlanetTruth, draw_planets, simulate_observation
from ariel_kit.spectral_extraction import fit_planets, simulated_prior


@pytest.fixture(scope="module")
def planet() -> PlanetTruth:
    return draw_planets(1, seed=8)[0]


@pytest.fixture(scope="module")
def observation(planet) -> Observation:
    """A simulated planet at 24 s, which is as fine as any picture looks."""
    return simulate_observation(planet, seed=3, bin_seconds=24.0)


@pytest.fixture(scope="module")
def spectrum(observation) -> Spectrum:
    """Its white-light fit, in bins of 48 s."""
    settings = ExtractionSettings(extractor="white", bin_seconds=48.0)
    return fit_planets([observation], prior=simulated_prior(), settings=settings)[0]


def test_the_white_light_picture_shows_what_the_fit_left(spectrum):
    upper, lower = plots.plot_white_light_curve(spectrum)
    (light,) = spectrum.white_light
    lines = {line.get_label(): line.get_ydata() for line in upper.get_lines()}
    assert list(lines) == ["raw, shifted up", "drift", "drift removed", "transit model"]
    star = light.flux[0] / light.drift[0] / lines["drift removed"][0]
    np.testing.assert_allclose(lines["drift removed"], light.flux / light.drift / star)
    np.testing.assert_allclose(lines["transit model"], light.model / light.drift / star)
    assert np.ptp(lines["raw, shifted up"] - light.flux / star) < 1e-12
    assert np.ptp(lines["drift"] - light.drift) < 1e-12
    assert (lines["drift"] - lines["transit model"] > 0.3 * np.ptp(lines["transit model"])).all()
    (drawn,) = lower.containers
    np.testing.assert_allclose(
        drawn.lines[0].get_ydata(), 1e6 * light.residual * light.noise / star
    )
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("time (hours)", "residual (ppm)")


def test_the_drawn_transit_has_the_planted_depth_and_white_residuals(planet, spectrum):
    upper, lower = plots.plot_white_light_curve(spectrum)
    transit = upper.get_lines()[3].get_ydata()
    assert 1 - transit.min() == pytest.approx(planet.depths[1:].mean(), abs=200e-6)
    residual = lower.containers[0].lines[0].get_ydata()
    (light,) = spectrum.white_light
    expected = 1e6 * np.median(light.noise / light.model)
    assert residual.std() == pytest.approx(expected, rel=0.2)
    rms, promised = (int(word) for word in re.findall(r"\d+", lower.texts[0].get_text()))
    assert (rms, promised) == pytest.approx((residual.std(), expected), abs=1)


@pytest.mark.parametrize("slope", [0.0, 5e-3])
def test_the_legend_lies_below_the_light_however_strong_the_drift(spectrum, slope):
    (light,) = spectrum.white_light
    ramp = 1 + slope * np.linspace(1, -1, len(light.time))
    steep = replace(
        light, flux=light.flux * ramp, drift=light.drift * ramp, model=light.model * ramp
    )
    upper, _ = plots.plot_white_light_curve(replace(spectrum, white_light=(steep,)))
    upper.figure.canvas.draw()
    box = upper.get_legend().get_window_extent().transformed(upper.transData.inverted())
    assert box.y1 < upper.get_lines()[3].get_ydata().min()


def test_each_visit_can_be_drawn_and_no_other(spectrum):
    (first,) = spectrum.white_light
    second = replace(first, time=first.time + 10)
    twice = replace(spectrum, white_light=(first, second))
    upper, _ = plots.plot_white_light_curve(twice, visit=1)
    np.testing.assert_array_equal(upper.get_lines()[0].get_xdata(), second.time)
    bare = replace(spectrum, white_light=())
    message = (
        f"planet {spectrum.planet_id} must have a white-light fit of visit 0 to draw; it has 0"
    )
    for draw in (plots.plot_white_light_curve, plots.plot_residual_rms):
        with pytest.raises(FitError, match=message):
            draw(bare)


def test_the_two_panels_share_their_time_axis(spectrum):
    upper, lower = plots.plot_white_light_curve(spectrum)
    upper.set_xlim(2, 3)
    assert lower.get_xlim() == (2, 3)


def test_the_map_has_time_across_and_ascending_wavelength_up(observation):
    ax = plots.plot_light_curve_map(observation)
    (mesh,) = ax.collections
    values = mesh.get_array()
    airs, _ = observation.binned(144.0)
    assert values.shape == airs.flux.T.shape
    expected = (airs.flux[:, 200] / np.median(airs.flux[:, 200]) - 1) * 1e6
    np.testing.assert_allclose(values[200], expected)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (hours)", "wavelength (µm)")
    low, high = ax.get_ylim()
    assert low < high
    assert mesh.colorbar.ax.get_ylabel() == "flux relative to its median (ppm)"


def test_residuals_of_white_noise_follow_the_root(spectrum):
    ax = plots.plot_residual_rms(spectrum)
    lines = {line.get_label(): line for line in ax.get_lines()}
    minutes, found = lines["residuals of the white fit"].get_data()
    expected = lines["photon and read noise, white"].get_ydata()
    assert minutes[0] == pytest.approx(48 / 60)
    short = minutes < 10
    np.testing.assert_allclose(found[short], expected[short], rtol=0.3)
    np.testing.assert_allclose(expected * np.sqrt(minutes), expected[0] * np.sqrt(minutes[0]))


def test_the_band_of_the_residuals_is_the_sampling_error_of_an_rms(spectrum):
    ax = plots.plot_residual_rms(spectrum)
    (band,) = ax.collections
    edges = band.get_datalim(ax.transData).intervaly
    (light,) = spectrum.white_light
    level = np.median((light.model / light.drift)[[0, -1]])
    noise = 1e6 * np.sqrt(np.mean((light.noise / level) ** 2))
    assert edges[1] == pytest.approx(noise * (1 + 1 / np.sqrt(2 * (len(light.time) - 1))))


def test_a_given_axes_is_used_and_returned(observation, spectrum):
    figure, (left, right) = plt.subplots(1, 2)
    assert plots.plot_light_curve_map(observation, ax=left) is left
    assert plots.plot_residual_rms(spectrum, ax=right) is right
    assert plt.get_fignums() == [figure.number]


def test_panels_stay_in_the_place_of_a_given_axes(spectrum):
    figure, (left, right) = plt.subplots(1, 2)
    drawn = plots.plot_white_light_curve(spectrum, ax=right)
    assert plt.get_fignums() == [figure.number]
    place = right.get_position()
    for panel in drawn:
        box = panel.get_position()
        assert box.x0 >= place.x0 - 1e-9
        assert box.x1 <= place.x1 + 1e-9
    assert not right.axison
    assert left.axison


def test_panels_also_fit_an_axes_that_stands_free(spectrum):
    figure = plt.figure()
    ax = figure.add_axes((0.1, 0.2, 0.5, 0.6))
    upper, lower = plots.plot_white_light_curve(spectrum, ax=ax)
    assert upper.get_position().y1 == pytest.approx(0.8)
    assert lower.get_position().y0 == pytest.approx(0.2)
    assert lower.get_position().x1 == pytest.approx(0.6)


def test_the_map_of_residuals_joins_six_wavelengths_without_changing_their_noise(
    observation, spectrum
):
    ax = plots.plot_residual_map(observation, spectrum)
    (mesh,) = ax.collections
    time, residual = find_residuals(observation, spectrum)
    shown = mesh.get_array()
    assert shown.shape == (47, len(time))
    np.testing.assert_allclose(shown[7], residual[:, 42:48].sum(axis=1) / np.sqrt(6))
    assert mesh.get_clim() == (-4, 4)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (hours)", "wavelength (µm)")
    assert plots.plot_residual_map(observation, spectrum, cmap="PuOr").collections[0].cmap.name
