"""What cannot be read is named with path and reason, gets the safe prior, and stops nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.config import RunSettings, make_settings
from ariel_kit.data.dataset import open_dataset, read_labels
from ariel_kit.data.submission import SIGMA_COLUMNS, validate_submission
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run.products import calibrate_planets
from ariel_kit.spectral_extraction import fit

pytestmark = pytest.mark.usefixtures("calibrations")

WHITE = make_settings(RunSettings, {"extraction": {"extractor": "white"}})


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rewrite(path, change):
    change(pl.read_parquet(path)).write_parquet(path)


def to_float(table):
    return table.with_columns(pl.all().cast(pl.Float32) + 0.5)


def lose_columns(table):
    return table.select(table.columns[:-7])


def poison(table):
    return table.with_columns(column_3=float("nan"))


DAMAGE = {
    "signal missing": ("AIRS-CH0_signal.parquet", lambda p: p.unlink()),
    "signal truncated": ("FGS1_signal.parquet", truncate),
    "signal empty": ("AIRS-CH0_signal.parquet", lambda p: p.write_bytes(b"")),
    "signal of wrong dtype": ("FGS1_signal.parquet", lambda p: rewrite(p, to_float)),
    "signal of wrong shape": ("AIRS-CH0_signal.parquet", lambda p: rewrite(p, lose_columns)),
    "dark missing": ("AIRS-CH0_calibration/dark.parquet", lambda p: p.unlink()),
    "flat with NaN": ("FGS1_calibration/flat.parquet", lambda p: rewrite(p, poison)),
    "read truncated": ("AIRS-CH0_calibration/read.parquet", truncate),
    "linearity of wrong shape": (
        "FGS1_calibration/linear_corr.parquet",
        lambda p: rewrite(p, lose_columns),
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_planet_that_cannot_be_read_is_named_with_path_and_reason(own, tmp_path, name):
    dataset = open_dataset(own)
    good, bad = dataset.planets("test")
    file, damage = DAMAGE[name]
    path = own / "test" / str(bad) / file
    damage(path)
    products, failures = calibrate_planets(
        dataset, [bad, good], tmp_path, split="test", settings=WHITE.calibration
    )
    assert [product.stem for product in products] == [f"test_{good}_0"]
    (failure,) = failures
    assert (failure.planet_id, failure.error) == (bad, "DataFileError")
    assert str(path) in failure.reason


def test_a_failed_planet_gets_the_safe_prior_and_the_others_their_fit(own, tmp_path):
    good, bad = open_dataset(own).planets("test")
    truncate(own / "test" / str(bad) / "FGS1_signal.parquet")
    result = run_pipeline(own, tmp_path / "out", settings=WHITE)
    assert [failure.planet_id for failure in result.failures] == [bad]
    assert validate_submission(result.submission_path, own / "sample_submission.csv").ok
    by_id = {spectrum.planet_id: spectrum for spectrum in result.spectra}
    labels = read_labels(own / "train_labels.csv").depths
    np.testing.assert_allclose(by_id[bad].mean, labels.mean())
    np.testing.assert_allclose(by_id[bad].sigma, labels.std())
    assert by_id[good].provenance["fit"]["status"] == "complete"
    (truth,) = read_labels(own / "test_labels.csv").of([good])
    assert abs(by_id[good].mean - truth).max() < labels.std() / 3


def test_when_every_planet_fails_there_is_still_a_valid_file(own, tmp_path):
    for path in (own / "test").glob("*/FGS1_signal.parquet"):
        path.unlink()
    result = run_pipeline(own, tmp_path / "out", settings=WHITE)
    assert len(result.failures) == 2
    assert validate_submission(result.submission_path, own / "sample_submission.csv").ok
    sigma = pl.read_csv(result.submission_path).select(SIGMA_COLUMNS).to_numpy()
    assert sigma.min() > 1e-4


def test_a_planet_the_tables_do_not_know_fails_alone(own, tmp_path):
    sample = pl.read_csv(own / "sample_submission.csv")
    stranger = sample.head(1).with_columns(planet_id=pl.lit(77, pl.Int64))
    pl.concat([sample, stranger]).write_csv(own / "sample_submission.csv")
    result = run_pipeline(own, tmp_path / "out", settings=WHITE)
    (failure,) = result.failures
    assert failure.planet_id == 77
    assert validate_submission(result.submission_path, own / "sample_submission.csv").ok


def test_a_planet_without_light_fails_in_the_fit_and_is_named(own, tmp_path):
    planet = open_dataset(own).planets("test")[0]
    path = own / "test" / str(planet) / "AIRS-CH0_signal.parquet"
    rewrite(path, lambda table: table.with_columns(pl.all() * 0))
    result = run_pipeline(own, tmp_path / "out", settings=WHITE)
    (failure,) = result.failures
    assert failure.planet_id == planet
    assert validate_submission(result.submission_path, own / "sample_submission.csv").ok


def test_a_fit_that_is_not_finite_does_not_sink_the_others(tiny, tmp_path, monkeypatch):
    white = fit.white_spectra

    def one_nan(*state):
        batch, found = white(*state)
        spectrum = replace(found[0].spectrum, mean=np.full(283, np.nan))
        return batch, found | {0: replace(found[0], spectrum=spectrum)}

    monkeypatch.setattr(fit, "white_spectra", one_nan)
    result = run_pipeline(tiny, tmp_path, settings=WHITE)
    (failure,) = result.failures
    assert (failure.error, failure.reason) == ("FitError", "the fit is not finite.")
    assert validate_submission(result.submission_path, tiny / "sample_submission.csv").ok
