"""Mistakes in a data folder are told before a run: in its tables, its splits, its frames."""

from __future__ import annotations

import polars as pl
import pytest

from ariel_kit.cli import main
from ariel_kit.cli.doctor import Finding, examine

pytestmark = pytest.mark.usefixtures("calibrations")

WHITE = ["--set", "extraction.extractor=white"]


def rewrite(name, change):
    def damage(root):
        change(pl.read_csv(root / name)).write_csv(root / name)

    return damage


MISTAKES = {
    "table missing": (
        lambda root: (root / "test_adc_info.csv").unlink(),
        "test_adc_info.csv is missing: it lists the planets of split test",
    ),
    "row twice": (
        rewrite("test_adc_info.csv", lambda table: pl.concat([table, table.head(1)])),
        "test_adc_info.csv must hold one row per planet",
    ),
    "column misspelt": (
        rewrite("test_adc_info.csv", lambda table: table.rename({"star": "stra"})),
        "test_adc_info.csv lacks the column(s) star. Did you mean 'stra'? Correct the table.",
    ),
    "converter missing": (
        rewrite("test_adc_info.csv", lambda table: table.drop("FGS1_adc_gain")),
        "test_adc_info.csv lacks the column(s) FGS1_adc_gain. Correct the table.",
    ),
    "no planet": (
        rewrite("test_adc_info.csv", lambda table: table.clear()),
        "there are no planets in split test of",
    ),
}


def folders(data, output):
    return ["--data-dir", str(data), "--output-dir", str(output)]


@pytest.mark.parametrize("verb", ["run", "calibrate", "cv"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_table_is_told_once_and_nothing_is_written(
    own, tmp_path, capsys, calibrations, name, verb
):
    damage, message = MISTAKES[name]
    (own / "train_adc_info.csv").touch()
    pl.read_csv(own / "test_adc_info.csv").clear().write_csv(own / "train_adc_info.csv")
    damage(own)
    assert main([verb, *folders(own, tmp_path / "out"), "--split", "test"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert calibrations == []
    assert not (tmp_path / "out").exists()


def test_a_mistake_in_the_labels_leaves_nothing_either(own, tmp_path, capsys):
    rewrite("train_labels.csv", lambda table: table.drop("wl_7"))(own)
    assert main(["run", *folders(own, tmp_path / "out"), *WHITE]) == 1
    assert "train_labels.csv lacks the column(s) wl_7" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["run", "calibrate", "cv", "doctor"])
def test_a_split_without_planets_is_told_with_one_that_has_some(tiny, tmp_path, capsys, verb):
    where = ["--data-dir", str(tiny)] if verb == "doctor" else folders(tiny, tmp_path / "out")
    assert main([verb, *where, "--split", "train"]) == (2 if verb == "doctor" else 1)
    captured = capsys.readouterr()
    expected = f"there are no planets in split train of {tiny}; test has 2. Name another split"
    assert expected in captured.out + captured.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["run", "calibrate", "cv", "ablate"])
@pytest.mark.parametrize("inside", ["", "test/out"])
def test_nothing_is_written_into_the_data(own, capsys, verb, inside):
    before = sorted(own.rglob("*"))
    labels = ["--labels", str(own / "test_labels.csv")] if verb == "ablate" else []
    assert main([verb, *folders(own, own / inside), *labels, "--split", "test"]) == 1
    assert f"must not be written among the data of {own}; got" in capsys.readouterr().err
    assert sorted(own.rglob("*")) == before


def test_the_doctor_looks_into_labels_and_at_both_ends_of_files(own, monkeypatch):
    monkeypatch.setattr("ariel_kit.cli.doctor._one_planet", lambda *_: Finding("one", True, ""))

    def examined(name):
        return next(finding for finding in examine(own) if finding.name == name)

    labels, table = own / "train_labels.csv", pl.read_csv(own / "train_labels.csv")
    assert examined("labels").detail == f"{labels}: 40 other planets"
    table.clear().write_csv(labels)
    assert "0 other planets, fewer than 30: the prior comes from" in examined("labels").detail
    table.drop("wl_9").write_csv(labels)
    assert not examined("labels").ok
    assert examined("files") == Finding("files", True, "24 of 24 frame files are there and whole")
    signal = next((own / "test").glob("*/FGS1_signal.parquet"))
    content = signal.read_bytes()
    for damaged in (content[:-1], content[1:], b"", b"PAR1"):
        signal.write_bytes(damaged)
        detail = f"23 of 24 frame files are there and whole; not {signal}"
        assert examined("files") == Finding("files", False, detail)
