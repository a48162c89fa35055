"""The README's Python tour runs from its first line to its last."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import ariel_kit
from ariel_kit.core.config import RunSettings, make_settings
from ariel_kit.data.dataset import read_labels
from ariel_kit.data.submission import validate_submission
from ariel_kit.pipeline import run_pipeline
from ariel_kit.scoring import score
from ariel_kit.spectral_extraction import learn_prior

pytestmark = pytest.mark.usefixtures("calibrations")

README = Path(ariel_kit.__file__).parents[1] / "README.md"
PYTHON = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)


def run_block(text: str) -> dict:
    """What the names of a block of Python stand for after its last line."""
    mpl.use("Agg")
    values: dict = {}
    exec(text, values)
    plt.close("all")
    return values


def test_there_are_these_two_tours():
    assert ["calibrate_planet" in text for text in PYTHON] == [False, True]


def test_the_tour_of_a_run_runs(tiny, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(tiny)
    monkeypatch.chdir(tmp_path)
    settings = make_settings(RunSettings, {"extraction": {"extractor": "white"}})
    result = run_pipeline(tiny, "out", settings=settings)
    values = run_block(PYTHON[0])
    truth = read_labels(tiny / "test_labels.csv")
    assert values["report"].raw == pytest.approx(score(truth, result.spectra).raw)


def test_the_tour_of_the_stages_runs(tiny, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(tiny)
    monkeypatch.chdir(tmp_path)
    prior = learn_prior(read_labels(tiny / "train_labels.csv").depths)
    monkeypatch.setattr("ariel_kit.spectral_extraction.simulated_prior", lambda: prior)
    values = run_block(PYTHON[1])
    assert values["spectrum"].provenance["fit"]["status"] == "complete"
    assert validate_submission("one_planet.csv", [values["planet"]]).ok
