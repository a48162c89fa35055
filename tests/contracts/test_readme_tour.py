"""The README's Python tour runs from its first line to its last."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest

import ariel_kit
from ariel_kit.data.dataset import read_labels
from ariel_kit.data.submission import validate_submission
from ariel_kit.spectral_extraction import learn_prior

pytestmark = pytest.mark.usefixtures("calibrations")

README = Path(ariel_kit.__file__).parents[1] / "README.md"
PYTHON = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("text", PYTHON)
def test_the_python_tour_runs(tiny, tmp_path, monkeypatch, text):
    mpl.use("Agg")
    (tmp_path / "data").symlink_to(tiny)
    monkeypatch.chdir(tmp_path)
    prior = learn_prior(read_labels(tiny / "train_labels.csv").depths)
    monkeypatch.setattr("ariel_kit.spectral_extraction.simulated_prior", lambda: prior)
    values: dict = {}
    exec(text, values)
    mpl.pyplot.close("all")
    assert values["spectrum"].provenance["fit"]["status"] == "complete"
    assert validate_submission("one_planet.csv", [values["planet"]]).ok
