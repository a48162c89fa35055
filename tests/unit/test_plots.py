"""Pictures draw what they were given, in the units their labels name; the report holds them all."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

from ariel_kit import plots
from ariel_kit.config import RunSettings
from ariel_kit.dataset import Calibration, Labels
from ariel_kit.errors import ShapeError
from ariel_kit.instruments import AIRS, wavelengths
from ariel_kit.observation import Observation, Spectrum
from ariel_kit.parallel import PlanetFailure
from ariel_kit.pipeline import RunResult
from ariel_kit.report import draw, write_report
from ariel_kit.scoring import score
from ariel_kit.simulation import draw_planets, simulate_light_curves


@pytest.fixture(scope="module")
def observation() -> Observation:
    """A simulated planet at 24 s, which is as fine as any picture looks."""
    (planet,) = draw_planets(1, seed=8)
    airs, fgs1 = simulate_light_curves([planet], seed=3, bin_seconds=24.0)[0]
    n = len(airs.time) - 1  # the last bin is short
    return Observation(
        planet_id=planet.planet_id,
        airs=airs.flux[:n].astype(np.float32),
        airs_time=airs.time[:n],
        airs_noise=airs.noise.mean(axis=0).astype(np.float32),
        fgs1=fgs1.flux[:n, 0].astype(np.float32),
        fgs1_time=fgs1.time[:n],
        fgs1_noise=float(fgs1.noise.mean()),
        pointing=np.zeros((n, 2), np.float32),
        row_moments=np.zeros((n, 2), np.float32),
        bad_fraction=np.zeros(282, np.float32),
        provenance={"truth": float(planet.depths[1:].mean())},
    )


@pytest.fixture
def population(rng) -> tuple[list[Spectrum], Labels]:
    """Twenty planets whose sigma is honest."""
    depths = rng.uniform(1e-3, 5e-3, (20, 1)) * np.ones(283)
    sigma = np.full(283, 3e-5)
    spectra = [
        Spectrum(i, wavelengths(), depth + sigma * rng.standard_normal(283), sigma)
        for i, depth in enumerate(depths)
    ]
    return spectra, Labels(np.arange(20), depths)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_the_white_curve_finds_the_planted_depth_and_white_residuals(observation):
    curve = plots.white_curve(observation)
    depth = 1 - (curve.model / curve.drift).min()
    assert depth == pytest.approx(observation.provenance["truth"], abs=100e-6)
    assert curve.residual.std() == pytest.approx(curve.noise.mean() * 1e6, rel=0.2)
    np.testing.assert_allclose(curve.raw - curve.model, curve.residual / 1e6)


def test_the_white_light_picture_shows_raw_corrected_model_and_residuals(observation):
    ax = plots.plot_white_light_curve(observation)
    assert [line.get_label() for line in ax.get_lines()] == [
        "raw, shifted up",
        "fitted drift",
        "drift removed",
        "transit model",
    ]
    (below,) = ax.child_axes
    assert below.get_xlabel() == "time (hours)"
    assert below.get_ylabel() == "residual (ppm)"
    assert "ppm rms" in below.texts[0].get_text()


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


def test_the_spectrum_is_in_ppm_with_fgs1_apart(population):
    (spectrum, *_), truth = population
    ax = plots.plot_spectrum(spectrum, truth.depths[0])
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_allclose(lines["AIRS"].get_ydata(), spectrum.mean[1:] * 1e6)
    np.testing.assert_allclose(lines["truth"].get_ydata(), truth.depths[0, 1:] * 1e6)
    assert len(lines["AIRS"].get_xdata()) == 282
    assert ax.get_ylabel() == "transit depth (ppm)"
    with pytest.raises(ShapeError, match="truth must have 283"):
        plots.plot_spectrum(spectrum, truth.depths[0, 1:])


def test_residuals_of_white_noise_follow_the_root(observation):
    ax = plots.plot_residual_rms(observation)
    found, expected = (line.get_ydata() for line in ax.get_lines())
    minutes = ax.get_lines()[0].get_xdata()
    short = minutes < 10
    np.testing.assert_allclose(found[short], expected[short], rtol=0.3)
    np.testing.assert_allclose(expected * np.sqrt(minutes), expected[0] * np.sqrt(minutes[0]))


def test_bad_pixels_are_where_they_were_planted():
    frame = (AIRS.height, AIRS.width)
    rng = np.random.default_rng(0)
    dark = rng.normal(0.007, 0.001, frame)
    dark[4, 50] = 10.0
    dead = np.zeros(frame, bool)
    dead[7, 300] = True
    linear = np.zeros((6, *frame))
    linear[1] = 1.0
    calibration = Calibration(dark, dead, np.ones(frame), linear, np.full(frame, 13.5))
    ax = plots.plot_bad_pixels(calibration, name="AIRS-CH0")
    points = {line.get_label().split(":")[0]: line.get_xydata() for line in ax.get_lines()}
    assert points["hot"].tolist() == [[50, 4]]
    assert points["dead"].tolist() == [[300, 7]]
    assert len(points["wild"]) == 0
    assert ax.get_title(loc="left") == "AIRS-CH0 bad pixels"


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_honest_sigma_covers_what_it_promises(population, factor):
    spectra, truth = population
    spectra = [replace(s, sigma=s.sigma * factor) for s in spectra]
    ax = plots.plot_calibration_of_sigma(spectra, truth)
    promised, found = ax.child_axes[0].get_lines()[1].get_data()
    if factor == 1.0:
        np.testing.assert_allclose(found, promised, atol=0.03)
    else:
        assert (found[5:30] > promised[5:30] + 0.05).all()
    assert float(ax.get_title().rsplit(" ", 1)[1]) == pytest.approx(1 / factor, abs=0.05)


@pytest.mark.parametrize(
    "name",
    [
        "plot_white_light_curve",
        "plot_light_curve_map",
        "plot_residual_rms",
    ],
)
def test_a_given_axes_is_used_and_returned(observation, name):
    figure, ax = plt.subplots()
    assert getattr(plots, name)(observation, ax=ax) is ax
    assert plt.get_fignums() == [figure.number]


def test_the_report_is_one_self_contained_page(population, tmp_path):
    spectra, truth = population
    picture = draw(plots.plot_spectrum, tmp_path / "s.png", "A <spectrum>", spectra[0])
    failure = PlanetFailure(77, "DataFileError", "/data/77/dark.parquet is missing")
    timings = {"calibrate": 12.0, "fit": 3.04}
    result = RunResult(tmp_path / "submission.csv", spectra, [failure], timings, [], None)
    reports = {"joint fit": score(truth, spectra)}
    path = tmp_path / "report.html"
    write_report(
        path,
        title="Twenty & more",
        reports=reports,
        pictures=[picture],
        result=result,
        settings=RunSettings(seed=5),
    )
    page = path.read_text()
    assert "<title>Twenty &amp; more</title>" in page
    assert 'alt="A &lt;spectrum&gt;"' in page
    assert "data:image/png;base64,iVBOR" in page
    assert "planet 77: DataFileError: /data/77/dark.parquet is missing" in page
    assert f"{reports['joint fit'].raw:.3f}" in page
    assert "calibrate 12.0 s" in page
    assert "calibration.bad_pixels" in page
    worst = min(reports["joint fit"].planets, key=lambda row: row.score)
    assert page.index(f"<td>{worst.name}</td>") < page.index("<h2>Settings</h2>")
    for outside in ("<script", "http://", "https://", "<link", 'src="/'):
        assert outside not in page
    assert "prefers-color-scheme: dark" in page
