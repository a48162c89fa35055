"""The page of one planet, and how risky its answer is without the truth."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.cli import main
from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import UnknownNameError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import FitFacts, Spectrum
from ariel_kit.light_curve.untried import SHARES
from ariel_kit.pipeline import run_pipeline
from ariel_kit.report import write_planet
from ariel_kit.report.risk import judge, usual_sigma
from ariel_kit.report.tables import planet_rows
from ariel_kit.run.folder import RunFolder
from ariel_kit.scoring import score

pytestmark = pytest.mark.usefixtures("calibrations")

FACTS = FitFacts(3.75, 1.3, 1.1, 0.3, (0.0,) * 4, (0.0,) * 4, 0.004, 2e-5, 1.0)
FINE = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5), fit=FACTS)
_made: dict[str, Path] = {}


@pytest.fixture
def run(tiny, tmp_path, tmp_path_factory) -> Path:
    if "run" not in _made:
        _made["run"] = tmp_path_factory.mktemp("run")
        run_pipeline(tiny, _made["run"], settings=RunSettings())
    return Path(shutil.copytree(_made["run"], tmp_path / "run"))


def test_an_answer_of_which_nothing_is_unusual_is_of_low_risk():
    assert judge(FINE, usual=3e-5) == ("low", ())


@pytest.mark.parametrize(
    ("changes", "level", "reason"),
    [
        ({"flags": ("grazing",)}, "raised", "only grazes its star"),
        ({"flags": ("white light is not explained",)}, "high", "do not explain the white light"),
        ({"flags": ("something new",)}, "raised", "something new"),
        ({"fgs1_residual": 1.5}, "raised", "the residual of FGS1 is 1.5 times its noise"),
        ({"free_drift": 0.8}, "raised", "of no known family, with a probability of 0.80"),
        ({"noisy_wavelengths": 40}, "raised", "40 wavelengths are noisier"),
        ({"flags": ("red noise in white light",)}, "raised", "is not white"),
        ({"flags": ("white depth alone",)}, "high", "it has the white depth alone"),
        *(({"flags": (flag,)}, "high", flag) for flag in SHARES if "longer" not in flag),
    ],
)
def test_what_is_unusual_of_a_fit_raises_the_risk_and_is_told(changes, level, reason):
    risk = judge(replace(FINE, fit=replace(FACTS, **changes)), usual=3e-5)
    assert risk.level == level
    (told,) = risk.reasons
    assert reason in told


def test_a_wide_sigma_a_quick_fit_and_no_fit_are_told():
    assert judge(FINE, usual=1e-5).reasons == ("sigma is 3.0 times the median of the run",)
    quick = replace(FINE, provenance={"recipe": "quick"})
    assert "quick fit alone" in judge(quick, usual=3e-5).reasons[0]
    lost = judge(replace(FINE, fit=None), failure="FitError: no transit.", usual=3e-5)
    assert lost == ("high", ("the spectrum is the population's: FitError: no transit.",))
    assert usual_sigma([FINE, FINE, replace(FINE, sigma=9 * FINE.sigma)]) == pytest.approx(3e-5)


def test_the_page_holds_the_pictures_and_numbers_of_its_planet(run, tiny):
    read = RunFolder(run).read()
    spectrum = read.spectra[1]
    page, risk = write_planet(run, spectrum.planet_id, labels=tiny / "test_labels.csv")
    assert page == run / f"planet_{spectrum.planet_id}.html"
    text = page.read_text()
    assert text.count("<img") == text.count("<source") == 6
    assert "Residuals of every light curve" in text
    assert f'<dd class="value">{risk.level}</dd>' in text
    report = score(tiny / "test_labels.csv", [spectrum])
    assert f'<dd class="value">{report.raw:.3f}</dd>' in text
    assert f"rmse {report.total.rmse_ppm:.1f} ppm" in text
    assert f"{spectrum.fit.mid_time:.6g}" in text
    for reason in risk.reasons:
        assert f"<li>{reason}</li>" in text
    assert "<script" not in text
    assert "://" not in text


def test_a_planet_without_products_or_labels_has_its_page(run):
    read = RunFolder(run).read()
    planet = read.spectra[0].planet_id
    shutil.rmtree(run / "products")
    text = write_planet(run, planet)[0].read_text()
    assert text.count("<img") == 3
    assert "There are no pictures of the calibrated visit:" in text
    assert "score" not in text


def test_a_planet_that_failed_has_its_page_with_the_reason(run):
    record = json.loads((run / "run.json").read_text())
    planet = RunFolder(run).read().spectra[0].planet_id
    failure = {"planet_id": planet, "error": "DataFileError", "reason": "<b>no flat</b>."}
    (run / "run.json").write_text(json.dumps({**record, "failures": [failure]}))
    fits = RunFolder(run)
    read = fits.read()
    lost = [
        replace(s, fit=None, white_light=()) if s.planet_id == planet else s for s in read.spectra
    ]
    fits.finish(read.record, lost)
    page, risk = write_planet(run, planet)
    assert risk.level == "high"
    assert "&lt;b&gt;no flat&lt;/b&gt;." in page.read_text()
    assert "There are no pictures of the calibrated visit" in page.read_text()


def test_the_verb_tells_the_risk_and_where_the_page_is(run, tmp_path, capsys):
    planet = RunFolder(run).read().spectra[0].planet_id
    output = tmp_path / "own.html"
    assert main(["show", str(run), str(planet), "--output", str(output), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["page"] == str(output)
    assert told["risk"] in ("low", "raised", "high")
    assert main(["show", str(run), "5"]) == 1
    assert "Unknown planet of this run '5'" in capsys.readouterr().err
    worst = planet_rows(RunFolder(run).read(), None)[0].planet_id
    assert write_planet(run)[0].name == f"planet_{worst}.html"
    with pytest.raises(UnknownNameError):
        write_planet(run, 5)
