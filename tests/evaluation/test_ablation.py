"""What a stage is worth: rows against scores worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from ariel_kit import preprocessing
from ariel_kit.cli import main
from ariel_kit.core.config import ExtractionSettings, RunSettings, StageSettings
from ariel_kit.core.errors import ConfigError, WeightsError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels, read_labels
from ariel_kit.evaluation import ablation
from ariel_kit.evaluation.ablation import (
    Variant,
    ablate,
    format_ablation,
    run_variants,
    usual_variants,
)
from ariel_kit.plots import plot_ablation
from ariel_kit.simulation import draw_planets, simulate_observation, write_tables
from ariel_kit.spectral_extraction import fit_planets, learn_prior
from tests.support.micro import FACTORS, save_micro_models

PLANETS = draw_planets(3, seed=93, stars=(4, 5))
PRIOR = learn_prior(np.array([planet.depths for planet in draw_planets(60, seed=94)]))
TRUTH = Labels(
    np.array([planet.planet_id for planet in PLANETS]),
    np.array([planet.depths for planet in PLANETS]),
)
VARIANTS = [(), ("uncertainty",), ("refine", "uncertainty")]


@pytest.fixture(scope="module")
def observations():
    return [simulate_observation(planet, seed=i) for i, planet in enumerate(PLANETS)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return save_micro_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def rows(observations, models):
    settings = RunSettings(stages=StageSettings.only("uncertainty"))
    return ablate(
        observations,
        TRUTH,
        prior=PRIOR,
        settings=settings,
        models_dir=models,
        variants=VARIANTS,
    )


def test_rows_are_scores_of_the_line(rows, observations):
    fits = fit_planets(observations, prior=PRIOR)
    mean, sigma = (np.array([getattr(fit, name) for fit in fits]) for name in ("mean", "sigma"))
    error = mean - TRUTH.depths
    none, warm, _ = rows
    for row, factor in ((none, 1.0), (warm, FACTORS["fit"])):
        assert row["rmse_ppm"] == pytest.approx(1e6 * np.sqrt(np.mean(error**2)))
        assert row["coverage"] == pytest.approx(np.mean(np.abs(error) <= factor * sigma))
        assert row["score"] == pytest.approx(score_by_hand(error, factor * sigma))
        assert 0 < row["seconds_per_planet"] < 60


def score_by_hand(error, sigma):
    """The metric of 2024, from its definition."""

    def log_density(distance, width):
        return -0.5 * (np.log(2 * np.pi) + np.log(width**2) + (distance / width) ** 2)

    zero, width = 0.0025517145902829823, 0.0017261973793536417
    least = log_density(TRUTH.depths - zero, width).sum()
    most = log_density(np.zeros_like(error), 1e-5).sum()
    return (log_density(error, sigma).sum() - least) / (most - least)


def test_rows_name_their_stages_and_the_default(rows):
    assert [row["stages"] for row in rows] == [[], ["uncertainty"], ["refine", "uncertainty"]]
    assert [row.get("default", False) for row in rows] == [False, True, False]
    assert json.loads(json.dumps(rows)) == rows


def test_rows_are_what_the_plot_draws_and_the_table_prints(rows):
    ax = plot_ablation(rows)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["none", "uncertainty\n(default)", "refine\n+ uncertainty"]
    assert [bar.get_width() for bar in ax.patches] == [row["score"] for row in rows]
    lines = format_ablation(rows).splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "stages",
        "none",
        "uncertainty (default)",
        "refine + uncertainty",
    ]
    assert f"{rows[0]['score']:.3f}" in lines[1]


def test_a_row_tells_which_stage_was_refused_and_why(observations):
    elsewhere = [replace(observation, edition=2025) for observation in observations[:1]]
    (row,) = ablate(elsewhere, TRUTH, prior=PRIOR, variants=[("refine",)])
    reason = row["refused"]["refine"]
    assert "holds for edition 2024" in reason
    table = format_ablation([row]).splitlines()
    assert table[1].startswith("(refine) ")
    assert table[2] == f"refine is off: {reason}"
    assert plot_ablation([row]).get_yticklabels()[0].get_text() == "(refine)"


def test_the_usual_rows_hold_the_default_once():
    every = ("jitter", "denoise", "refine", "uncertainty")
    alone = [(), *((name,) for name in every), every]
    assert usual_variants(StageSettings.only()) == alone
    assert usual_variants(StageSettings.only(*every)) == alone
    assert usual_variants(StageSettings.only("jitter", "denoise")) == [*alone, every[:2]]


def test_groups_are_scored_apart_and_fitted_together(observations):
    (variant,) = run_variants(observations, prior=PRIOR, variants=[()])
    ids = [planet.planet_id for planet in PLANETS]
    whole, first = variant.row(TRUTH), variant.row(TRUTH, ids[:1])
    errors = [s.mean - p.depths for s, p in zip(variant.spectra, PLANETS, strict=True)]
    assert first["rmse_ppm"] == pytest.approx(1e6 * np.sqrt(np.mean(errors[0] ** 2)))
    assert whole["rmse_ppm"] == pytest.approx(1e6 * np.sqrt(np.mean(np.square(errors))))


def test_visits_of_one_planet_are_one_planet(observations):
    again = simulate_observation(PLANETS[0], seed=77)
    (variant,) = run_variants([*observations, again], prior=PRIOR, variants=[()])
    assert [s.planet_id for s in variant.spectra] == [p.planet_id for p in PLANETS]
    assert variant.spectra[0].provenance["visits"] == 2


def test_planets_of_2025_are_scored_by_the_metric_of_2025(tmp_path, monkeypatch, capsys):
    """From the command line to the number, beside the hosts' definition typed again."""
    planets = draw_planets(3, seed=95, edition=2025)
    write_tables(tmp_path / "data", train=planets, test=[])
    (tmp_path / "data" / "axis_info.parquet").unlink()  # tells of more pairs than are drawn here
    truth = {planet.planet_id: planet for planet in planets}
    monkeypatch.setattr(
        preprocessing,
        "calibrate_planet",
        lambda dataset, planet, **_: simulate_observation(truth[planet], seed=0),
    )
    monkeypatch.setattr(ablation, "usual_variants", lambda default: [()])
    write_tables(tmp_path / "others", train=draw_planets(40, seed=96, edition=2025), test=[])
    labels, others = (tmp_path / name / "train.csv" for name in ("data", "others"))
    command = ["ablate", "--data-dir", str(tmp_path / "data"), "--labels", str(labels)]
    command += ["--split", "train", "--train-labels", str(others)]
    command += ["--output-dir", str(tmp_path / "out"), "--set", "extraction.extractor=white"]
    assert main([*command, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)

    prior = learn_prior(read_labels(others).depths)
    white = ExtractionSettings(extractor="white")
    observations = [simulate_observation(planet, seed=0) for planet in planets]
    fits = fit_planets(observations, prior=prior, settings=white)
    depths, mean, sigma = (
        np.array(values)
        for values in (
            [planet.depths for planet in planets],
            [fit.mean for fit in fits],
            [fit.sigma for fit in fits],
        )
    )
    assert row["score"] == pytest.approx(score_of_2025(depths, mean, sigma), rel=1e-9)


def score_of_2025(truth, mean, sigma):
    """The weighted average of one ratio per element; zero is the mean and spread of the truth."""
    best = np.append(1e-6, np.full(282, 1e-5)) * np.ones_like(truth)
    most = norm.logpdf(truth, truth, best)
    least = norm.logpdf(truth, truth.mean(), truth.std())
    weights = np.append(57.846, np.ones(282)) * np.ones_like(truth)
    ratio = (norm.logpdf(truth, mean, sigma) - least) / (most - least)
    return np.clip(np.average(ratio, weights=weights), 0, 1)


def test_a_part_of_2025_is_scored_against_the_zero_of_all_planets():
    """Else a group of planets that are alike would have a zero that no other group has."""
    planets = draw_planets(4, seed=97, edition=2025)
    ids, depths = [p.planet_id for p in planets], np.array([p.depths for p in planets])
    spectra = [
        Spectrum(i, wavelengths(), 1.01 * d, np.full(283, 1e-4))
        for i, d in zip(ids, depths, strict=True)
    ]
    variant = Variant((), {}, False, 2025, spectra, 0.1)
    labels = Labels(np.array(ids), depths)
    parts = [variant.row(labels, [planet])["score"] for planet in ids]
    assert np.mean(parts) == pytest.approx(variant.row(labels)["score"])


def test_mistakes_are_told_before_anything_is_fitted(observations, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="at least one calibrated planet"):
        ablate([], TRUTH, prior=PRIOR)
    monkeypatch.setattr("ariel_kit.models.weights.SHIPPED", tmp_path)
    monkeypatch.setattr(ablation, "answer_all", None)
    with pytest.raises(WeightsError, match="'jitter' needs weights of 'tcn_jnet'"):
        ablate(observations, TRUTH, prior=PRIOR, variants=[(), ("jitter",)])
