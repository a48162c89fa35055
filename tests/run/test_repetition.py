"""Only a better finished submission replaces a finished one, and run.json tells how a run goes."""

from __future__ import annotations

import json
import shutil

import pytest

from ariel_kit import preprocessing
from ariel_kit.core.config import RunSettings, make_settings
from ariel_kit.core.errors import DataFileError
from ariel_kit.data.submission import validate_submission
from ariel_kit.pipeline import run_pipeline
from ariel_kit.report import write_report
from ariel_kit.run.folder import RunFolder

pytestmark = pytest.mark.usefixtures("calibrations")

WHITE = make_settings(RunSettings, {"extraction": {"extractor": "white"}})


def note(folder):
    return json.loads((folder / "run.json").read_text())


def forget_calibrations(folder):
    shutil.rmtree(folder / "products")


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_first_run_says_running_then_finished(tiny, tmp_path, monkeypatch, calibrations):
    calibrate, seen = preprocessing.calibrate_planet, []

    def look(*arguments, **options):
        seen.append(note(tmp_path)["state"])
        return calibrate(*arguments, **options)

    monkeypatch.setattr(preprocessing, "calibrate_planet", look)
    run_pipeline(tiny, tmp_path, settings=WHITE)
    assert (seen, note(tmp_path)["state"]) == (["running"] * 2, "finished")


def test_an_interrupted_first_run_says_so_and_leaves_a_valid_draft(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(preprocessing, "calibrate_planet", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(tiny, tmp_path, settings=WHITE)
    assert note(tmp_path)["state"] == "interrupted"
    assert validate_submission(tmp_path / "submission.csv", tiny / "sample_submission.csv").ok
    with pytest.raises(DataFileError, match="is not a finished run: it was interrupted"):
        write_report(tmp_path)


def test_an_interrupted_repetition_leaves_the_finished_submission_and_the_report_says_so(
    tiny, tmp_path, monkeypatch
):
    run_pipeline(tiny, tmp_path, settings=WHITE)
    names = ("submission.csv", "fits.npz", "provenance.json", "settings.yaml")
    before = {name: (tmp_path / name).read_bytes() for name in names}
    forget_calibrations(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(preprocessing, "calibrate_planet", interrupt)
        for settings in (WHITE, WHITE.model_copy(update={"seed": 7})):
            with pytest.raises(KeyboardInterrupt):
                run_pipeline(tiny, tmp_path, settings=settings)
            assert {name: (tmp_path / name).read_bytes() for name in names} == before
            noted = note(tmp_path)
            assert (noted["state"], noted["repetition"]["state"]) == ("finished", "interrupted")
    page = write_report(tmp_path).read_text()
    assert "A repetition of this run was interrupted; the results are the first." in page
    run_pipeline(tiny, tmp_path, settings=WHITE)
    assert (tmp_path / "submission.csv").read_bytes() == before["submission.csv"]
    assert note(tmp_path)["repetition"] is None
    assert not (tmp_path / "draft.csv").exists()


def test_a_repetition_that_measures_fewer_planets_does_not_replace_the_submission(
    own, tmp_path, caplog
):
    out = tmp_path / "out"
    run_pipeline(own, out, settings=WHITE)
    before = (out / "submission.csv").read_bytes()
    signal = next((own / "test").glob("*/FGS1_signal.parquet"))
    kept = signal.read_bytes()
    signal.write_bytes(kept[:100])
    worse = run_pipeline(own, out, settings=WHITE)
    assert len(worse.failures) == 1
    assert (out / "submission.csv").read_bytes() == before
    assert RunFolder(out).read().is_unchanged
    assert validate_submission(out / "draft.csv", own / "sample_submission.csv").ok
    assert "has the full fit of 2 planets, and this run, left as draft.csv, of 1" in caplog.text


def test_a_repetition_that_measures_more_planets_replaces_it(own, tmp_path):
    out = tmp_path / "out"
    signal = next((own / "test").glob("*/FGS1_signal.parquet"))
    kept = signal.read_bytes()
    signal.write_bytes(kept[:100])
    run_pipeline(own, out, settings=WHITE)
    before = (out / "submission.csv").read_bytes()
    signal.write_bytes(kept)
    run_pipeline(own, out, settings=WHITE)
    assert (out / "submission.csv").read_bytes() != before
    assert RunFolder(out).read().failures == {}
