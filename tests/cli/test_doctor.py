"""The doctor finds what would end a run, before the run does; the demo does everything."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from ariel_kit.cli import main
from ariel_kit.cli.doctor import COPYLEFT, examine
from ariel_kit.core.runtime import licences
from ariel_kit.data.dataset import open_dataset, read_labels
from ariel_kit.spectral_extraction import SpectrumPrior, learn_prior

FAST = ["--set", "extraction.extractor=white"]


def test_the_doctor_finds_what_is_wrong_before_the_run_does(own, capsys, monkeypatch):
    monkeypatch.setattr(
        "ariel_kit.spectral_extraction.simulated_prior", lambda seed: learned_prior(own)
    )
    assert main(["doctor", "--json"]) == 0
    names = [finding["name"] for finding in json.loads(capsys.readouterr().out)]
    assert names == ["versions", "licences", "place", "cores", "memory", "gpu"]
    assert main(["doctor", "--data-dir", str(own), *FAST]) in (0, 2)
    text = capsys.readouterr().out
    assert "2024 layout, 2 planets in test" in text
    assert "of the 9 hours there are (budget.hours)" in text
    planet = open_dataset(own).submission_planets("test")[0]
    shutil.rmtree(own / "test" / str(planet) / "FGS1_calibration")
    next((own / "test").glob("*/AIRS-CH0_signal.parquet")).unlink()
    assert main(["doctor", "--data-dir", str(own), *FAST]) == 2
    bad = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BAD")]
    assert "18 of 24 frame files are there and whole; not" in bad[0]
    assert len(bad) == 2
    assert not examine(own / "test")[-1].ok


def test_the_doctor_finds_weights_that_are_not_there(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "ariel_kit.spectral_extraction.simulated_prior", lambda seed: learned_prior(tiny)
    )
    assert main(["doctor", "--data-dir", str(tiny), "--models-dir", str(tmp_path)]) == 2
    (bad,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("BAD"))
    assert f"{tmp_path} must hold weights folders" in bad


def test_the_doctor_lists_a_licence_of_each_package_and_refuses_copyleft(monkeypatch):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[<>=]", text)[0] for text in project["dependencies"]}
    found = licences()
    assert found.keys() <= needed  # an older installation may know fewer
    assert len(found) > 15
    assert not {"not stated", "not installed", ""} & set(found.values())
    assert not [name for name, licence in found.items() if COPYLEFT.search(licence)]
    finding = next(one for one in examine() if one.name == "licences")
    assert finding.ok
    assert "numba BSD License; " in finding.detail
    monkeypatch.setattr("ariel_kit.cli.doctor.licences", lambda: {"batman": "GPL-3.0-or-later"})
    finding = next(one for one in examine() if one.name == "licences")
    assert not finding.ok
    assert "batman must not be needed" in finding.detail


@pytest.mark.parametrize(
    ("licence", "copyleft"),
    [
        ("GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0", True),
        ("GPL-2.0-or-later", True),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("BSD License", False),
        ("MPL-2.0 AND MIT", False),
    ],
)
def test_licences_that_ask_for_the_code_are_told_from_others(licence, copyleft):
    assert bool(COPYLEFT.search(licence)) == copyleft


def learned_prior(root: Path) -> SpectrumPrior:
    """The prior of the folder's labels, which takes no time to simulate."""
    return learn_prior(read_labels(root / "train_labels.csv").depths)


@pytest.mark.slow
def test_the_demo_does_everything_at_full_size(tmp_path, capsys):
    assert main(["demo", "--output-dir", str(tmp_path), "--n-planets", "2", "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert set(reports) == {"joint fit", "white baseline"}
    assert reports["joint fit"]["raw"] > reports["white baseline"]["raw"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "covariances.npz",
        "fits.npz",
        "products",
        "provenance.json",
        "report.html",
        "run.json",
        "settings.yaml",
        "submission.csv",
        "test_labels.csv",
    ]
    page = (tmp_path / "report.html").read_text()
    assert page.count("<img ") == page.count("<source ") > 8
