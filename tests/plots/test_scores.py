"""Pictures of spectra and scores: honest numbers, in the units their labels name."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ariel_kit import plots
from ariel_kit.core.errors import ConfigError, ShapeError, UnknownNameError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
from ariel_kit.scoring import score

ROWS = [
    {"stages": [], "score": 0.70, "rmse_ppm": 31.0, "coverage": 0.61, "seconds_per_planet": 0.59},
    {
        "stages": ["jitter", "physnet"],
        "score": 0.74,
        "rmse_ppm": 26.04,
        "coverage": 0.68,
        "seconds_per_planet": 1.2,
        "default": True,
    },
    {"stages": ["x"], "score": -0.2, "rmse_ppm": 90.0, "coverage": 0.2, "seconds_per_planet": 1.0},
]


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


def test_the_spectrum_is_in_ppm_with_fgs1_apart(population):
    (spectrum, *_), truth = population
    ax = plots.plot_spectrum(spectrum, truth.depths[0])
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_allclose(lines["AIRS"].get_ydata(), spectrum.mean[1:] * 1e6)
    np.testing.assert_allclose(lines["truth"].get_ydata(), truth.depths[0, 1:] * 1e6)
    assert len(lines["AIRS"].get_xdata()) == 282
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("wavelength (µm)", "transit depth (ppm)")
    with pytest.raises(ShapeError, match="truth must have 283"):
        plots.plot_spectrum(spectrum, truth.depths[0, 1:])


def test_the_bands_of_a_spectrum_are_one_and_two_sigma(population):
    (spectrum, *_), _ = population
    ax = plots.plot_spectrum(spectrum)
    for band, k in zip(ax.collections, (2, 1), strict=False):
        top = band.get_datalim(ax.transData).ymax
        expected = (spectrum.mean + k * spectrum.sigma)[1:].max() * 1e6
        assert top == pytest.approx(expected)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_honest_sigma_covers_what_it_promises(population, factor):
    spectra, truth = population
    spectra = [replace(s, sigma=s.sigma * factor) for s in spectra]
    histogram, coverage = plots.plot_calibration_of_sigma(spectra, truth)
    promised, found = coverage.get_lines()[1].get_data()
    if factor == 1.0:
        np.testing.assert_allclose(found, promised, atol=0.03)
    else:
        assert (found[5:30] > promised[5:30] + 0.05).all()
    report = score(truth, spectra)
    assert histogram.texts[0].get_text() == f"z std {report.total.z_std:.2f}"
    assert coverage.texts[0].get_text() == f"within one sigma {report.total.coverage:.3f}"


def test_the_histogram_of_z_is_a_density(population):
    histogram, _ = plots.plot_calibration_of_sigma(*population)
    area = sum(bar.get_height() * bar.get_width() for bar in histogram.patches)
    assert area == pytest.approx(1)


def test_each_planet_stands_at_its_ratio_and_score_and_the_worst_are_named(population):
    spectra, truth = population
    wide = [replace(s, sigma=s.sigma * (1 + 3 * (i == 4))) for i, s in enumerate(spectra)]
    report = score(truth, wide)
    ax = plots.plot_score_by_snr(report, wide[::-1])  # in any order
    (points,) = (line for line in ax.get_lines() if line.get_label() == "one planet")
    ratio, scores = points.get_data()
    expected = {row.name: row.score for row in report.planets}
    assert scores.tolist() == [expected[str(s.planet_id)] for s in wide[::-1]]
    assert ratio[-5] == pytest.approx(wide[4].mean.mean() / 1.2e-4)
    worst = sorted(expected, key=expected.get)[:3]
    assert {text.get_text() for text in ax.texts} == set(worst)
    assert worst[0] == "4"
    (level,) = (line for line in ax.get_lines() if line.get_label().startswith("all"))
    assert level.get_ydata()[0] == report.raw
    with pytest.raises(UnknownNameError, match="Unknown scored planet '99'"):
        plots.plot_score_by_snr(report, [replace(spectra[0], planet_id=99)])


@pytest.mark.parametrize("apart", [0.0, 0.02, 2.0])
def test_names_of_the_worst_planets_do_not_meet_and_stay_inside(population, apart):
    spectra, truth = population
    ids = np.arange(10**9, 10**9 + 20)
    named = [replace(s, planet_id=int(i)) for s, i in zip(spectra, ids, strict=True)]
    for place in range(3):  # bad ones, side by side
        depth = 2e-3 * (1 + apart * place)
        named[place] = replace(named[place], mean=np.full(283, depth))
        truth.depths[place] = depth + 1e-4
    ax = plots.plot_score_by_snr(score(Labels(ids, truth.depths), named), named)
    ax.get_figure().canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert [text.get_text() for text in ax.texts] == [str(i) for i in ids[:3]]
    assert not [(a, b) for a in boxes for b in boxes if a is not b and a.overlaps(b)]
    assert all(ax.bbox.x0 < box.x0 and box.x1 < ax.bbox.x1 for box in boxes)
    assert all(ax.bbox.y0 < box.y0 for box in boxes)
    assert not any(ax.get_legend().get_window_extent().overlaps(box) for box in boxes)


def test_ablation_bars_have_the_rows_lengths_and_mark_the_default():
    ax = plots.plot_ablation(ROWS)
    assert [bar.get_width() for bar in ax.patches] == [0.70, 0.74, -0.2]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["none", "jitter\n+ physnet\n(default)", "x"]
    words = [text.get_text() for text in ax.texts]
    assert words[2:4] == ["0.740", "26.0 ppm, 0.68 covered, 1.2 s"]
    hatched = [bar.get_hatch() for bar in ax.patches]
    assert hatched[1] != hatched[0] == hatched[2]
    top, bottom = (ax.transData.transform((0, place))[1] for place in (0, 2))
    assert top > bottom
    with pytest.raises(ConfigError, match="at least one row"):
        plots.plot_ablation([])


def test_words_of_the_ablation_stay_inside_the_picture():
    ax = plots.plot_ablation(ROWS)
    figure = ax.get_figure()
    figure.canvas.draw()
    edge = figure.bbox.x1
    assert all(text.get_window_extent().x1 < edge for text in ax.texts)


def test_given_axes_are_used_and_returned(population):
    spectra, truth = population
    figure, (one, two, three) = plt.subplots(1, 3)
    assert plots.plot_spectrum(spectra[0], ax=one) is one
    assert plots.plot_score_by_snr(score(truth, spectra), spectra, ax=two) is two
    assert plots.plot_ablation(ROWS, ax=three) is three
    assert plt.get_fignums() == [figure.number]
