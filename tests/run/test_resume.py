"""An interrupted run goes on where it was, and ends in the same bytes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ariel_kit import preprocessing
from ariel_kit.core.config import RunSettings, make_settings
from ariel_kit.core.errors import DataFileError
from ariel_kit.data.submission import validate_submission
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run.folder import RunFolder

pytestmark = pytest.mark.usefixtures("calibrations")

WHITE = make_settings(RunSettings, {"extraction": {"extractor": "white"}})


def test_an_interrupted_run_resumes_to_the_same_bytes(tiny, tmp_path, monkeypatch, calibrations):
    whole = run_pipeline(tiny, tmp_path / "whole", settings=WHITE).submission_path.read_bytes()
    calibrations.clear()
    calibrate = preprocessing.calibrate_planet

    def until_the_second(dataset, planet_id, **options):
        if len(calibrations) == 1:
            raise KeyboardInterrupt
        return calibrate(dataset, planet_id, **options)

    with monkeypatch.context() as patch:
        patch.setattr(preprocessing, "calibrate_planet", until_the_second)
        with pytest.raises(KeyboardInterrupt):
            run_pipeline(tiny, tmp_path / "parts", settings=WHITE)
    assert len(calibrations) == 1
    result = run_pipeline(tiny, tmp_path / "parts", settings=WHITE)
    assert len(calibrations) == 2  # the first planet was not calibrated again
    assert result.submission_path.read_bytes() == whole


def test_a_second_run_calibrates_nothing_and_other_settings_everything(
    tiny, tmp_path, calibrations
):
    first = run_pipeline(tiny, tmp_path, settings=WHITE).submission_path.read_bytes()
    second = run_pipeline(tiny, tmp_path, settings=WHITE).submission_path.read_bytes()
    assert first == second
    assert len(calibrations) == 2
    changed = {**WHITE.model_dump(), "calibration": {"bad_pixels": "row"}}
    run_pipeline(tiny, tmp_path, settings=make_settings(RunSettings, changed))
    assert len(calibrations) == 4


def test_a_damaged_product_is_remade_to_the_same_bytes(tiny, tmp_path, calibrations, caplog):
    first = run_pipeline(tiny, tmp_path, settings=WHITE)
    before = first.submission_path.read_bytes()
    damaged = first.products[1]
    data = bytearray(damaged.read_bytes())
    data[-200] ^= 255
    damaged.write_bytes(data)
    again = run_pipeline(tiny, tmp_path, settings=WHITE)
    assert again.submission_path.read_bytes() == before
    assert len(calibrations) == 3
    assert str(damaged) in caplog.text


def test_a_changed_raw_file_is_noticed(own, tmp_path, calibrations):
    run_pipeline(own, tmp_path / "out", settings=WHITE)
    path = next((own / "test").rglob("dark.parquet"))
    path.write_bytes(path.read_bytes())
    run_pipeline(own, tmp_path / "out", settings=WHITE)
    assert len(calibrations) == 3


RUN = """
import sys
from ariel_kit import cli, preprocessing
from tests.support.tiny_data import calibrate_for_real, _stretched

preprocessing.calibrate_planet = lambda *args, **options: _stretched(
    calibrate_for_real(*args, **options)
)
sys.exit(cli.main(sys.argv[1:]))
"""


def start(tiny, out):
    command = ["run", "--data-dir", str(tiny), "--output-dir", str(out), "--config", "white"]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *command],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_leaves_a_valid_file_and_resumes_to_the_same_bytes(tiny, tmp_path):
    """Killed when the file appears, after one planet, after all; in three ways, in one folder."""
    whole = run_pipeline(tiny, tmp_path / "whole", settings=WHITE).submission_path.read_bytes()
    out = tmp_path / "out"
    for how, what, count in (
        (signal.SIGKILL, "submission.csv", 1),
        (signal.SIGINT, "products/*/*.npz", 1),
        (signal.SIGTERM, "products/*/*.json", 2),
    ):
        process = start(tiny, out)
        while len(list(out.glob(what))) < count and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(how)
        _, log = process.communicate(timeout=300)
        assert process.returncode == (130 if how == signal.SIGINT else -how), log
        assert validate_submission(out / "submission.csv", tiny / "sample_submission.csv").ok
        noted = json.loads((out / "run.json").read_text())
        assert noted["state"] == ("interrupted" if how == signal.SIGINT else "running")
        with pytest.raises(DataFileError, match=r"is not a finished run: it was interrupted\. Run"):
            RunFolder(out).read()
    last = start(tiny, out)
    assert last.communicate(timeout=300)[1].count("Traceback") == 0
    assert last.returncode == 0
    assert (out / "submission.csv").read_bytes() == whole
