"""A raw folder becomes a valid submission, and nothing but the raw folder decides what is in it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import polars as pl
import pytest

from ariel_kit import pipeline, preprocessing
from ariel_kit.core.config import RunSettings, load_settings, make_settings
from ariel_kit.core.errors import BudgetError
from ariel_kit.core.observation import Observation
from ariel_kit.core.pool import open_pool
from ariel_kit.data.dataset import LABEL_COLUMNS, open_dataset, read_labels
from ariel_kit.data.submission import validate_submission
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run.budget import Budget
from ariel_kit.run.folder import RunFolder
from ariel_kit.run.products import calibrate_planets
from ariel_kit.scoring import score
from ariel_kit.simulation import simulate_dataset
from ariel_kit.spectral_extraction import learn_prior

pytestmark = pytest.mark.usefixtures("calibrations")

WHITE = make_settings(RunSettings, {"extraction": {"extractor": "white"}})


def test_the_line_ends_in_a_valid_and_good_submission(tiny, tmp_path):
    result = run_pipeline(tiny, tmp_path / "out")
    check = validate_submission(result.submission_path, tiny / "sample_submission.csv")
    assert check.ok
    assert result.failures == []
    assert result.submission_path == tmp_path / "out" / "submission.csv"
    assert list(result.timings) == ["prior", "calibrate", "learn", "fit", "write"]

    truth = read_labels(tiny / "test_labels.csv")
    report = score(truth, result.spectra)
    flat = pl.read_csv(tiny / "train_labels.csv").select(LABEL_COLUMNS).to_numpy()
    shape = (2, 283)
    population = score(truth, (np.full(shape, flat.mean()), np.full(shape, flat.std())))
    # One fifteenth of the frames: the noise is four times that of a real planet.
    assert report.raw > population.raw + 0.3
    assert report.total.z_std < 2.0


def test_the_run_folder_tells_what_was_done(tiny, tmp_path):
    settings = make_settings(RunSettings, {**WHITE.model_dump(), "seed": 4})
    run_pipeline(tiny, tmp_path, settings=settings)
    assert load_settings(RunSettings, tmp_path / "settings.yaml") == settings
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["planets"] == 2
    assert record["failures"] == []
    assert record["prior"] == f"40 spectra of {tiny / 'train_labels.csv'}"
    assert record["versions"]["ariel-kit"]
    observation = Observation.load(next((tmp_path / "products").rglob("*.npz")))
    assert observation.airs.shape == (360, 282)


def test_another_run_in_the_same_folder_is_told(tiny, tmp_path, caplog):
    for settings, told in ((WHITE, 0), (WHITE, 0), (WHITE.model_copy(update={"seed": 4}), 1)):
        caplog.clear()
        run_pipeline(tiny, tmp_path, settings=settings)
        assert caplog.text.count("a run with other data or settings") == told


def test_processes_give_the_same_products_as_one(tiny, tmp_path, for_real):
    dataset = open_dataset(tiny)
    options = {"split": "test", "settings": WHITE.calibration}
    ids = dataset.planets("test")
    one, _ = calibrate_planets(dataset, ids, tmp_path / "1", **options)
    with open_pool(2) as pool:
        two, _ = calibrate_planets(dataset, ids, tmp_path / "2", pool=pool, **options)
    assert [path.name for path in one] == [path.name for path in two]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_the_test_labels_cannot_be_reached(own, tmp_path):
    before = run_pipeline(own, tmp_path / "a", settings=WHITE).submission_path.read_bytes()
    poison = pl.read_csv(own / "test_labels.csv").with_columns(pl.col(LABEL_COLUMNS) * 1e3)
    poison.write_csv(own / "test_labels.csv")
    after = run_pipeline(own, tmp_path / "b", settings=WHITE).submission_path.read_bytes()
    assert before == after


def test_a_planet_never_learns_from_its_own_label(own):
    dataset = open_dataset(own)
    planets = dataset.planets("test")
    labels = pl.read_csv(own / "train_labels.csv")
    wrong = labels.head(2).with_columns(pl.col(LABEL_COLUMNS) * 50, planet_id=pl.Series(planets))
    pl.concat([wrong, labels]).write_csv(own / "train_labels.csv")
    prior = pipeline.learn_run_prior(dataset, planets, None, seed=0)
    assert prior.source.startswith("40 spectra of ")
    expected = learn_prior(labels.select(LABEL_COLUMNS).to_numpy())
    np.testing.assert_allclose(prior.mean_depth, expected.mean_depth)
    covariances = [p.shapes @ p.shapes.T for p in (prior, expected)]
    np.testing.assert_allclose(*covariances, atol=1e-15)


def test_the_prior_comes_from_labels_given_found_or_simulated(own, tmp_path, monkeypatch, caplog):
    seeds = []
    for module in ("spectral_extraction", "spectral_extraction.priors"):
        monkeypatch.setattr(f"ariel_kit.{module}.simulated_prior", seeds.append)
    dataset, other = open_dataset(own), tmp_path / "other.csv"
    pl.read_csv(own / "train_labels.csv").head(31).write_csv(other)
    given = pipeline.learn_run_prior(dataset, [], other, seed=3)
    assert given.source == f"31 spectra of {other}"
    found = pipeline.learn_run_prior(dataset, [], None, seed=3)
    assert found.source == f"40 spectra of {own / 'train_labels.csv'}"
    assert seeds == []
    pl.read_csv(other).head(29).write_csv(own / "train_labels.csv")
    pipeline.learn_run_prior(dataset, [], None, seed=3)
    assert "holds 29 labels of other planets, 30 are needed" in caplog.text
    (own / "train_labels.csv").unlink()
    pipeline.learn_run_prior(dataset, [], None, seed=3)
    assert seeds == [3, 3]


def test_a_valid_file_exists_before_the_first_planet_is_read(tiny, tmp_path, monkeypatch):
    def look(dataset, planets, folder, **options):
        check = validate_submission(tmp_path / "submission.csv", tiny / "sample_submission.csv")
        assert check.ok
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "iter_calibrations", look)
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(tiny, tmp_path, settings=WHITE)
    assert (tmp_path / "submission.csv").is_file()


def test_calibrated_planets_are_in_the_file_while_others_are_calibrated(
    tiny, tmp_path, monkeypatch, calibrations
):
    depths = []
    calibrate = preprocessing.calibrate_planet

    def look(*args, **options):
        depths.append(pl.read_csv(tmp_path / "submission.csv")["wl_1"].to_list())
        return calibrate(*args, **options)

    monkeypatch.setattr(preprocessing, "calibrate_planet", look)
    result = run_pipeline(tiny, tmp_path, settings=WHITE)
    safe = result.prior.mean_depth[0]
    assert depths[0] == [safe, safe]
    assert depths[1][1] == safe
    assert depths[1][0] == pytest.approx(result.spectra[0].mean[0], abs=2e-4)
    assert depths[1][0] != safe


def test_the_order_of_arrival_changes_nothing_and_the_full_fit_is_timed(
    tiny, tmp_path, monkeypatch
):
    usual = run_pipeline(tiny, tmp_path / "a", settings=WHITE).submission_path.read_bytes()
    calibrations, affordable, paces = pipeline.iter_calibrations, Budget.affordable, []

    def backwards(*args, **options):
        return reversed(list(calibrations(*args, **options)))

    def note_pace(self, n_planets):
        paces.append(self.fit_pace)
        return affordable(self, n_planets)

    monkeypatch.setattr(pipeline, "iter_calibrations", backwards)
    monkeypatch.setattr(Budget, "affordable", note_pace)
    monkeypatch.setattr("ariel_kit.run.budget.FEWEST", 2)
    other = run_pipeline(tiny, tmp_path / "b", settings=WHITE)
    assert other.submission_path.read_bytes() == usual
    assert paces[0] > 0


def test_what_the_budget_did_is_recorded(tiny, tmp_path, monkeypatch, caplog):
    joint = RunSettings()
    with monkeypatch.context() as patch:
        patch.setattr(Budget, "affordable", lambda self, n: n - 1)
        result = run_pipeline(tiny, tmp_path, settings=joint)
    assert [s.provenance["recipe"] for s in result.spectra] == ["full", "quick"]
    kept = RunFolder(tmp_path).read()
    assert [kept.spectrum(s.planet_id).covariance is None for s in result.spectra] == [False, True]
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["budget"] == {"hours": 9.0, "margin": 0.1, "recipes": {"full": 1, "quick": 1}}
    assert caplog.records == []

    spent = make_settings(RunSettings, {"budget": {"hours": 1e-9}})
    late = run_pipeline(tiny, tmp_path, settings=spent)
    assert [failure.error for failure in late.failures] == ["BudgetError", "BudgetError"]
    assert late.spectra[0].provenance["fit"]["reason"] == late.failures[0].reason
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["budget"]["recipes"] == {"safe prior": 2}
    assert validate_submission(late.submission_path, tiny / "sample_submission.csv").ok


def test_too_little_memory_is_said_before_it_is_used(tiny, tmp_path, monkeypatch):
    memory = type("Memory", (), {"available": 1e9})
    monkeypatch.setattr("ariel_kit.core.runtime.psutil.virtual_memory", lambda: memory)
    with pytest.raises(BudgetError, match=r"calibrating 2 planet\(s\) at once needs 2\.6 GB"):
        run_pipeline(tiny, tmp_path, settings=WHITE, n_jobs=2)


def test_every_visit_of_the_2025_layout_is_used(tiny, tmp_path, calibrations):
    root = simulate_dataset(
        tmp_path / "raw", n_train=0, n_test=1, seed=2, edition=2025, n_pairs=360
    )
    (planet,) = open_dataset(root).planets("test")
    for path in sorted((root / "test" / str(planet)).iterdir()):
        path.with_name(path.name.replace("_0", "_1")).symlink_to(path)
    shutil.copy(tiny / "train_labels.csv", root / "train.csv")
    result = run_pipeline(root, tmp_path / "out", settings=WHITE)
    assert calibrations == [planet, planet]
    (spectrum,) = result.spectra
    assert spectrum.provenance["visits"] == 2
    assert validate_submission(result.submission_path, [planet]).ok
