"""What a verb says and with which code it ends, where a user, the disk or the kit is at fault."""

from __future__ import annotations

import gzip
import subprocess
import sys

import polars as pl
import pytest

from ariel_kit.core.observation import Observation
from ariel_kit.data.dataset import open_dataset
from tests.support.faults import WHITE, linked, read_record, rewrite

pytestmark = pytest.mark.usefixtures("calibrations")


def no_table(tiny, folder):
    return folder


def packed(tiny, folder):
    path = folder / "submission.csv"
    path.write_bytes(gzip.compress((tiny / "sample_submission.csv").read_bytes()))
    return path


def picture(tiny, folder):
    path = folder / "submission.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 9)
    return path


def nothing(tiny, folder):
    path = folder / "submission.csv"
    path.write_bytes(b"")
    return path


def parquet(tiny, folder):
    path = folder / "submission.csv"
    pl.read_csv(tiny / "sample_submission.csv").write_parquet(path)
    return path


def utf16(tiny, folder):
    path = folder / "submission.csv"
    path.write_text((tiny / "sample_submission.csv").read_text(), encoding="utf-16")
    return path


NO_TABLES = {
    "a folder": (no_table, 1),
    "packed by gzip": (packed, 2),
    "a picture": (picture, 2),
    "an empty file": (nothing, 2),
    "parquet": (parquet, 2),
    "UTF-16": (utf16, 2),
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_is_no_submission(name, tiny, tmp_path, tell):
    make, code = NO_TABLES[name]
    path = make(tiny, tmp_path)
    told = tell("validate", path)
    assert told.code == code
    assert str(path) in told.out + told.err or "columns are needed" in told.out
    assert "glob" not in told.out + told.err
    told = tell("score", path, tiny / "test_labels.csv")
    assert told.code in (1, 2)
    assert told.out == ""
    assert "Traceback" not in told.err


VERBS = ["run", "calibrate", "cv", "ablate", "doctor", "models", "validate", "score", "report"]
PLACES = {
    "run": "ariel_kit.pipeline.run_pipeline",
    "calibrate": "ariel_kit.run.products.calibrate_planets",
    "cv": "ariel_kit.evaluation.cross_validate",
    "ablate": "ariel_kit.evaluation.ablation.ablate_folder",
    "doctor": "ariel_kit.cli.doctor.examine",
    "models": "ariel_kit.models.find_weights",
    "validate": "ariel_kit.data.submission.validate_submission",
    "score": "ariel_kit.scoring.score",
    "report": "ariel_kit.report.write_report",
}


def arguments_of(verb, tiny, output):
    data = ["--data-dir", tiny]
    return {
        "run": [*data, "--output-dir", output],
        "calibrate": [*data, "--output-dir", output],
        "cv": [*data, "--output-dir", output, "--split", "test"],
        "ablate": [*data, "--labels", tiny / "test_labels.csv", "--output-dir", output],
        "doctor": [],
        "models": [],
        "validate": [tiny / "sample_submission.csv"],
        "score": [tiny / "sample_submission.csv", tiny / "test_labels.csv"],
        "report": [output],
    }[verb]


@pytest.mark.parametrize("verb", VERBS)
def test_a_fault_of_the_kit_ends_with_70_and_a_line_to_report(
    verb, tiny, tmp_path, tell, monkeypatch
):
    def broken(*_, **__):
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr(PLACES[verb], broken)
    told = tell(verb, *arguments_of(verb, tiny, tmp_path / "out"))
    assert (told.code, told.out) == (70, "")
    assert "ZeroDivisionError: float division by zero" in told.sentence
    assert "please report this line with the command" in told.sentence


@pytest.mark.parametrize("error", [ImportError, MemoryError])
def test_too_little_memory_is_a_mistake_with_its_remedy(error, tiny, tell, monkeypatch):
    def broken(*_, **__):
        raise error("failed to map segment from shared object")

    monkeypatch.setattr("ariel_kit.cli.doctor.examine", broken)
    told = tell("doctor")
    assert (told.code, told.out) == (1, "")
    assert "need 4 GB of address space (ulimit -v), and ariel-kit doctor says" in told.sentence


@pytest.mark.skipif(sys.platform != "linux", reason="limits address space")
def test_a_limit_of_address_space_is_told_by_the_doctor():
    command = f"ulimit -v 3000000; {sys.executable} -m ariel_kit.cli doctor"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        "ulimit -v allows 3.1 GB of address space, and libraries and a planet need" in done.stdout
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("strerror", ["No space left on device", "Read-only file system"])
def test_a_full_disk_ends_the_run_and_names_the_file(strerror, tiny, tmp_path, tell, monkeypatch):
    def full(*_, **__):
        raise OSError(28, strerror)

    monkeypatch.setattr(Observation, "save", full)
    told = tell("run", "--data-dir", tiny, "--output-dir", tmp_path / "out", *WHITE)
    assert (told.code, told.out) == (1, "")
    assert f".npz cannot be written: {strerror}. Make room" in told.sentence
    assert read_record(tmp_path / "out")["state"] == "interrupted"
    assert tell("validate", tmp_path / "out" / "submission.csv").code == 0


def test_a_planet_that_no_table_lists_is_told_with_the_table(tiny, tmp_path, tell):
    data = linked(tiny, tmp_path / "data")
    rewrite(
        data / "sample_submission.csv",
        lambda t: pl.concat([t, t.head(1).with_columns(planet_id=pl.lit(77, pl.Int64))]),
    )
    told = tell("run", "--data-dir", data, "--output-dir", tmp_path / "out", *WHITE)
    (failure,) = read_record(tmp_path / "out")["failures"]
    assert told.code == 2
    assert failure["reason"].startswith(f"planet 77 is not in {data / 'test_adc_info.csv'}: add")


def test_relative_and_absolute_paths_share_their_products(
    tiny, tmp_path, tell, calibrations, monkeypatch
):
    data = linked(tiny, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    for name in (data, "data", "./data/../data"):
        assert tell("run", "--data-dir", name, "--output-dir", "out", *WHITE).code == 0
    assert len(calibrations) == len(open_dataset(data).planets("test"))
