"""Mistakes told to train, cv, ablate and to a folder of 2025; and that no verb asks the network."""

from __future__ import annotations

import socket

import polars as pl
import pytest

from ariel_kit.core.config import StageSettings
from ariel_kit.light_curve.stage import OFF
from ariel_kit.run.folder import RunFolder
from tests.support.faults import WHITE, linked, replace_file, rewrite
from tests.support.micro import FACTORS, save_micro_models

pytestmark = pytest.mark.usefixtures("calibrations")

LABELS = {
    "missing": (lambda path: path.unlink(), "is missing"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder"),
    "empty": (lambda path: replace_file(path, b""), "cannot be read as a CSV table"),
    "without a wavelength": (
        lambda path: rewrite(path, lambda t: t.drop("wl_7")),
        "lacks the column(s) wl_7",
    ),
    "in ppm": (
        lambda path: rewrite(path, lambda t: t.with_columns(pl.col("^wl_.*$") * 1e6)),
        "between 0 and 1",
    ),
    "not finite": (
        lambda path: rewrite(path, lambda t: t.with_columns(wl_9=float("nan"))),
        "must hold finite depths",
    ),
    "of other planets": (
        lambda path: rewrite(path, lambda t: t.with_columns(pl.col("planet_id") + 10**6)),
        "",
    ),
    "of a planet twice": (
        lambda path: rewrite(path, lambda t: pl.concat([t, t.head(1)])),
        "must hold one row per planet",
    ),
}


@pytest.mark.parametrize("verb", ["cv", "ablate", "learn"])
@pytest.mark.parametrize("name", LABELS)
def test_labels_that_are_none_are_told_before_any_work(
    name, verb, tiny, tmp_path, tell, calibrations
):
    data = linked(tiny, tmp_path / "data")
    damage, words = LABELS[name]
    labels = data / "test_labels.csv"
    damage(labels)
    told = tell(
        verb, "--data-dir", data, "--labels", labels, "--output-dir", tmp_path / "out", "--split",
        "test",
    )  # fmt: skip
    assert (told.code, told.out) == (1, "")
    assert words in told.sentence
    assert calibrations == []


TRAINING = {
    "an unknown recipe": (["--config", "tcn_jnett"], "Did you mean 'tcn_jnet'?"),
    "a missing file": (["--config", "own.yaml"], "own.yaml is missing"),
    "a seed beyond 32 bits": (["--config", "tiny", "--set", "seed=99999999999999"], "seed"),
    "no steps": (["--config", "tiny", "--set", "steps=-1"], "steps"),
    "a folder without observations": (
        ["--config", "resnet1d", "--data-dir", ".", "--labels", "no.csv"],
        "",
    ),
}


@pytest.mark.parametrize("name", TRAINING)
def test_a_training_that_cannot_be_is_one_sentence(name, tmp_path, tell, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options, words = TRAINING[name]
    told = tell("train", *options, "--output-dir", tmp_path / "out")
    assert (told.code, told.out) == (1, "")
    assert words in told.err
    assert "Traceback" not in told.err


@pytest.fixture
def without_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the kit opened a socket")

    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("without_network")
def test_no_verb_of_the_line_asks_the_network(tiny, tmp_path, tell):
    out = tmp_path / "out"
    assert tell("run", "--data-dir", tiny, "--output-dir", out, *WHITE).code == 0
    assert tell("validate", out / "submission.csv").code == 0
    assert tell("score", out / "submission.csv", tiny / "test_labels.csv").code == 0
    assert tell("models").code == 0


@pytest.mark.usefixtures("without_network")
def test_no_stage_of_the_line_asks_the_network(tiny, tmp_path, tell):
    """The joint fit with every learned stage on and its weights in a folder."""
    stages = [f"stages.{name}=true" for name in StageSettings.model_fields]
    told = tell(
        *("run", "--data-dir", tiny, "--output-dir", tmp_path / "out"),
        *("--models-dir", save_micro_models(tmp_path / "models")),
        *(word for stage in stages for word in ("--set", stage)),
    )
    assert told.code == 0, told.err
    for spectrum in RunFolder(tmp_path / "out").read().spectra:
        assert spectrum.provenance["refine"]["status"] == "complete"
        assert spectrum.provenance["uncertainty"]["factor"] == FACTORS["refined"]
        assert OFF not in [spectrum.provenance[name] for name in StageSettings.model_fields]
