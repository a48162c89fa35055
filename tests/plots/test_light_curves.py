"""Pictures of light curves draw what they were given, in the units their labels name."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ariel_kit import plots
from ariel_kit.core.observation import Observation
from ariel_kit.simulation import PlanetTruth, draw_planets, simulate_observation


@pytest.fixture(scope="module")
def planet() -> PlanetTruth:
    return draw_planets(1, seed=8)[0]


@pytest.fixture(scope="module")
def observation(planet) -> Observation:
    """A simulated planet at 24 s, which is as fine as any picture looks."""
    return simulate_observation(planet, seed=3, bin_seconds=24.0)


def test_the_white_curve_finds_the_planted_depth_and_white_residuals(planet, observation):
    curve = plots.white_curve(observation)
    depth = 1 - (curve.model / curve.drift).min()
    assert depth == pytest.approx(planet.depths[1:].mean(), abs=100e-6)
    assert curve.residual.std() == pytest.approx(curve.noise.mean() * 1e6, rel=0.2)
    np.testing.assert_allclose(curve.raw - curve.model, curve.residual / 1e6)


def test_the_white_light_picture_shows_raw_corrected_model_and_residuals(observation):
    upper, lower = plots.plot_white_light_curve(observation)
    curve = plots.white_curve(observation)
    lines = {line.get_label(): line for line in upper.get_lines()}
    assert list(lines) == ["raw, shifted up", "drift", "drift removed", "transit model"]
    np.testing.assert_allclose(lines["drift removed"].get_ydata(), curve.raw / curve.drift)
    shift = lines["raw, shifted up"].get_ydata() - curve.raw
    assert np.ptp(shift) < 1e-12
    below = lines["transit model"].get_ydata()
    assert (lines["drift"].get_ydata() - below > 0.3 * np.ptp(below)).all()
    (drawn,) = lower.containers
    np.testing.assert_allclose(drawn.lines[0].get_ydata(), curve.residual)
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("time (hours)", "residual (ppm)")
    expected = np.median(curve.noise) * 1e6
    assert lower.texts[0].get_text() == (
        f"{curve.residual.std():.0f} ppm rms, {expected:.0f} expected"
    )


def test_the_two_panels_share_their_time_axis(observation):
    upper, lower = plots.plot_white_light_curve(observation)
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


def test_residuals_of_white_noise_follow_the_root(observation):
    ax = plots.plot_residual_rms(observation)
    lines = {line.get_label(): line for line in ax.get_lines()}
    minutes, found = lines["residuals of the white fit"].get_data()
    expected = lines["photon and read noise, white"].get_ydata()
    assert minutes[0] == pytest.approx(48 / 60)
    short = minutes < 10
    np.testing.assert_allclose(found[short], expected[short], rtol=0.3)
    np.testing.assert_allclose(expected * np.sqrt(minutes), expected[0] * np.sqrt(minutes[0]))


def test_the_band_of_the_residuals_is_the_sampling_error_of_an_rms(observation):
    ax = plots.plot_residual_rms(observation)
    (band,) = ax.collections
    edges = band.get_datalim(ax.transData).intervaly
    curve = plots.white_curve(observation, seconds=48.0)
    noise = np.sqrt(np.mean(curve.noise**2)) * 1e6
    assert edges[1] == pytest.approx(noise * (1 + 1 / np.sqrt(2 * (len(curve.time) - 1))))


@pytest.mark.parametrize("name", ["plot_light_curve_map", "plot_residual_rms"])
def test_a_given_axes_is_used_and_returned(observation, name):
    figure, ax = plt.subplots()
    assert getattr(plots, name)(observation, ax=ax) is ax
    assert plt.get_fignums() == [figure.number]


def test_panels_stay_in_the_place_of_a_given_axes(observation):
    figure, (left, right) = plt.subplots(1, 2)
    drawn = plots.plot_white_light_curve(observation, ax=right)
    assert plt.get_fignums() == [figure.number]
    place = right.get_position()
    for panel in drawn:
        box = panel.get_position()
        assert box.x0 >= place.x0 - 1e-9
        assert box.x1 <= place.x1 + 1e-9
    assert not right.axison
    assert left.axison


def test_panels_also_fit_an_axes_that_stands_free(observation):
    figure = plt.figure()
    ax = figure.add_axes((0.1, 0.2, 0.5, 0.6))
    upper, lower = plots.plot_white_light_curve(observation, ax=ax)
    assert upper.get_position().y1 == pytest.approx(0.8)
    assert lower.get_position().y0 == pytest.approx(0.2)
    assert lower.get_position().x1 == pytest.approx(0.6)
