"""The line with learned stages on: same bytes every time, no label in reach, all of it told."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ariel_kit.cli import main
from ariel_kit.core.config import RunSettings, StageSettings
from ariel_kit.core.errors import WeightsError
from ariel_kit.data.dataset import LABEL_COLUMNS, open_dataset
from ariel_kit.evaluation import ablation
from ariel_kit.pipeline import run_pipeline
from ariel_kit.report import write_report
from tests.support.micro import save_micro_models

pytestmark = pytest.mark.usefixtures("calibrations")

ON = "jitter", "refine", "uncertainty"
SETTINGS = RunSettings(stages=StageSettings.only(*ON))
SET = [word for stage in ON for word in ("--set", f"stages.{stage}=true")]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return save_micro_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Where the one run lies that several tests look at."""
    return tmp_path_factory.mktemp("learned")


def test_infer_is_run_with_own_weights(tiny, told, models, capsys):
    arguments = ["--data-dir", str(tiny), "--output-dir", str(told), "--models-dir", str(models)]
    assert main(["infer", *arguments, *SET, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["planets"], facts["failures"]) == (2, [])
    record = json.loads((told / "run.json").read_text())
    checksums = [json.loads((models / "tcn_jnet" / "card.json").read_text())["sha256"]]
    assert [record["weights"]["jitter"]] == checksums
    assert list(record["weights"]) == list(ON)
    for steps in json.loads((told / "provenance.json").read_text()).values():
        assert steps["jitter"]["AIRS-CH0"]["status"] in ("complete", "skipped")
        assert steps["denoise"] == {"status": "off"}
        assert steps["refine"]["status"] == steps["uncertainty"]["status"] == "complete"
        assert steps["recipe"] == "full"


def test_a_run_from_its_products_ends_in_the_same_bytes(tiny, told, models, calibrations):
    """The kept products are those of the calibration: stages are never stored in them."""
    before = (told / "submission.csv").read_bytes()
    products = {path: path.read_bytes() for path in (told / "products").rglob("*.npz")}
    again = run_pipeline(tiny, told, settings=SETTINGS, models_dir=models)
    assert calibrations == []
    assert again.submission_path.read_bytes() == before
    assert {path: path.read_bytes() for path in products} == products
    plain = run_pipeline(tiny, told, settings=RunSettings(stages=StageSettings.only()))
    assert calibrations == []
    assert plain.submission_path.read_bytes() != before


def test_labels_of_predicted_planets_are_out_of_reach(own, told, tiny, tmp_path, models):
    clean = run_pipeline(tiny, told, settings=SETTINGS, models_dir=models)
    poison = pl.read_csv(own / "test_labels.csv").with_columns(pl.col(LABEL_COLUMNS) * 40)
    poison.write_csv(own / "test_labels.csv")
    known = pl.read_csv(own / "train_labels.csv")
    columns = known.columns
    ids = pl.Series("planet_id", open_dataset(own).planets("test"))
    own_labels = poison.head(2).with_columns(ids).select(columns)
    pl.concat([own_labels.cast(known.schema), known]).write_csv(own / "train_labels.csv")
    poisoned = run_pipeline(own, tmp_path, settings=SETTINGS, models_dir=models)
    assert poisoned.submission_path.read_bytes() == clean.submission_path.read_bytes()


def test_missing_weights_stop_a_run_before_it_starts(tiny, tmp_path, monkeypatch, calibrations):
    monkeypatch.setattr("ariel_kit.models.weights.SHIPPED", tmp_path)
    with pytest.raises(WeightsError, match=r"--models-dir, or set stages\.refine=false"):
        run_pipeline(tiny, tmp_path, settings=RunSettings(stages=StageSettings.only("refine")))
    assert calibrations == []


def test_the_report_tells_what_the_stages_did(told, tiny):
    page = write_report(told, labels=tiny / "test_labels.csv").read_text(encoding="utf-8")
    for stage in ON:
        assert stage in page


def test_ablate_scores_a_folder(tiny, tmp_path, models, monkeypatch, capsys, calibrations):
    variants = [(), ("uncertainty",), ON]
    monkeypatch.setattr(ablation, "usual_variants", lambda default: variants)
    arguments = ["ablate", "--data-dir", str(tiny), "--labels", str(tiny / "test_labels.csv")]
    arguments += ["--output-dir", str(tmp_path), "--models-dir", str(models)]
    assert main([*arguments, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(calibrations) == 2  # once for all rows
    assert [row["stages"] for row in rows] == [list(names) for names in variants]
    usual = RunSettings().stages.switched_on()
    assert [row.get("default", False) for row in rows] == [names == usual for names in variants]
    run = run_pipeline(tiny, tmp_path / "run", settings=RunSettings(stages=StageSettings.only()))
    truth = pl.read_csv(tiny / "test_labels.csv").select(LABEL_COLUMNS).to_numpy()
    error = np.array([spectrum.mean for spectrum in run.spectra]) - truth
    assert rows[0]["rmse_ppm"] == pytest.approx(1e6 * np.sqrt(np.mean(error**2)))

    assert main(arguments) == 0
    assert "jitter + refine + uncertainty" in capsys.readouterr().out
    assert len(calibrations) == 4  # two more for the run, none for the second ablation


def test_ablate_names_labels_of_another_split(tiny, tmp_path, capsys):
    arguments = ["ablate", "--data-dir", str(tiny), "--labels", str(tiny / "train_labels.csv")]
    assert main([*arguments, "--output-dir", str(tmp_path)]) == 1
    assert "must hold true spectra of planets in 'test'" in capsys.readouterr().err
