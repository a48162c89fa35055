"""The report of a run: one page that opens anywhere and says what the files say."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ariel_kit import report as report_room
from ariel_kit.cli import main
from ariel_kit.core.errors import DataFileError, SubmissionError
from ariel_kit.data.dataset import open_dataset
from ariel_kit.report import pictures, write_report
from ariel_kit.report.tables import planet_rows, stages
from ariel_kit.run.folder import Run, RunFolder
from ariel_kit.scoring import score
from tests.support.report_page import Page

pytestmark = pytest.mark.usefixtures("calibrations")

LIBRARY = "https://github.com/leeoniya/uPlot"
HOSTILE = 'planet 7: <script>alert("x")</script> & <img src=x onerror=y>'


@pytest.fixture
def unpainted(monkeypatch) -> None:
    """Leave the pictures out: most tests look at words and numbers."""
    monkeypatch.setattr(report_room, "collect", lambda *_: ([], []))


def read(run: Path) -> Run:
    return RunFolder(run).read()


def change_record(run: Path, **changes: Any) -> None:
    path = run / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_page_is_well_formed_and_needs_nothing_from_outside(page):
    assert page.open == []
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset", "href"):
            if name in attributes:
                assert attributes[name].startswith(("data:image/png;base64,", "#"))
    assert not page.all("link") + page.all("iframe")
    assert [set(script) for script in page.all("script")] == [{"id", "type"}, set(), set()]
    words = "".join(page.texts + page.scripts)
    assert re.findall(r"\w+://\S+", words) == [LIBRARY]  # who made the charts
    assert not re.search(r"@import|url\(", words)
    anchors = {attributes["href"][1:] for attributes in page.all("a")}
    assert anchors == {attributes["id"] for attributes in page.all("section")}


def test_the_numbers_are_those_of_the_score(page, run, labels):
    result = read(run)
    expected = score(labels, result.spectra, stars=result.stars)
    parts = {
        "this run": expected.total,
        **{f"star {row.name}": row for row in expected.stars},
        **{row.name: row for row in expected.regions},
    }
    assert len(expected.stars) == 2
    for name, row in parts.items():
        assert page.row(name) == [
            str(row.n_planets),
            f"{row.score:.3f}",
            f"{row.rmse_ppm:.1f}",
            f"{row.bias_ppm:+.1f}",
            f"{row.z_std:.2f}",
            f"{row.coverage:.3f}",
        ]
    for spectrum, row in zip(result.spectra, expected.planets, strict=True):
        shown = page.row(row.name)
        assert shown[0] == f"{row.score:.3f}"
        assert shown[2] == f"{1e6 * spectrum.mean.mean():.0f}"
        assert shown[3] == f"{1e6 * np.sqrt(np.mean(spectrum.sigma**2)):.1f}"
        assert shown[-1] == f"{spectrum.fit.white_residual:.2f}"


def test_the_page_tells_settings_times_versions_and_how_to_cite(page, run):
    record, text = json.loads((run / "run.json").read_text()), "".join(page.texts)
    assert page.row("seed")[0] == "4 (changed)"
    assert page.row("calibration.bad_pixels")[0] == "psf"
    for stage, seconds in record["seconds"].items():
        assert [stage, f"{seconds:.1f}"] in [cells[:2] for cells in page.rows]
    for name, number in record["versions"].items():
        assert f"{name} {number}" in text
    assert f"ariel_kit {record['versions']['ariel-kit']}: from raw Ariel" in text


def test_stages_tell_what_they_did_and_their_numbers(page, run):
    assert page.row("calibration") == ["2", "complete"]
    assert page.row("fit") == ["2", "complete"]
    spectra = read(run).spectra
    residuals = [spectrum.fit.white_residual for spectrum in spectra]
    numbers = [np.median(residuals), min(residuals), max(residuals)]
    assert page.row("white_residual") == [f"{number:.5g}" for number in numbers]


def test_a_stage_that_was_left_out_says_why(run):
    result = read(run)
    first, second = result.spectra
    first.provenance["jitter"] = {"status": "skipped", "reason": "no weights"}
    second.provenance["jitter"] = {"status": "skipped", "reason": "no weights"}
    (jitter,) = (stage for stage in stages(result.spectra) if stage.name == "jitter")
    assert jitter.outcomes == [("skipped: no weights", 2)]
    assert jitter.facts == []


def many(run: Path, n: int) -> Path:
    """Let the run hold `n` planets, the later the worse, all true at 0.003."""
    steps = np.linspace(0, 3e-4, n)
    wl = {f"wl_{i}": 0.003 + steps for i in range(1, 284)}
    sigma = {f"sigma_{i}": 1e-4 + steps / 10 for i in range(1, 284)}
    table = pl.DataFrame({"planet_id": range(1, n + 1), **wl, **sigma})
    table.write_csv(run / "submission.csv")
    truth = table.select("planet_id", *(pl.lit(0.003).alias(name) for name in wl))
    truth.write_csv(run / "labels.csv")
    return run / "labels.csv"


@pytest.mark.usefixtures("unpainted")
def test_the_worst_twenty_come_first(run):
    labels = many(run, 30)
    page = Page(write_report(run, labels=labels).read_text())
    ids = [cells[0] for cells in page.rows if cells[0].isdigit()]
    assert ids == [str(planet) for planet in range(30, 10, -1)]
    assert "The worst 20 of 30, by score." in " ".join("".join(page.texts).split())


def test_without_labels_failures_come_first_then_misfit_then_sigma(run):
    before = read(run).spectra[0].fit
    many(run, 5)
    change_record(run, failures=[{"planet_id": 2, "error": "FitError", "reason": "no transit."}])
    result = read(run)
    result.spectra[2] = replace(result.spectra[2], fit=replace(before, white_residual=1.4))
    rows = planet_rows(result, None)
    assert [row.planet_id for row in rows] == [2, 3, 5, 4, 1]
    assert rows[0].failure == "FitError: no transit."


@pytest.mark.usefixtures("unpainted")
def test_without_labels_the_page_speaks_of_sigma_not_of_scores(run):
    page = Page(write_report(run).read_text())
    text = "".join(page.texts)
    assert page.open == []
    assert "median sigma" in text
    assert "median misfit" in text
    assert "rmse" not in text
    assert "score" not in {attributes.get("id") for attributes in page.all("section")}


@pytest.mark.usefixtures("unpainted")
def test_hostile_words_stay_words(run):
    (planet, _) = (spectrum.planet_id for spectrum in read(run).spectra)
    failure = {"planet_id": planet, "error": "DataFileError", "reason": HOSTILE}
    change_record(run, failures=[failure], prior=HOSTILE, versions={HOSTILE: HOSTILE})
    page = Page(write_report(run, title=HOSTILE).read_text())
    assert page.open == []
    assert len(page.all("script")) == 3  # the page's own
    assert not page.all("img")
    assert page.row(str(planet))[-1] == f"safe prior: DataFileError: {HOSTILE}"
    assert "".join(page.texts).count(HOSTILE) == 6


@pytest.mark.parametrize(
    "name", ["submission.csv", "run.json", "settings.yaml", "fits.npz", "provenance.json"]
)
def test_an_unfinished_run_is_refused_in_one_sentence(run, name, capsys):
    (run / name).unlink()
    with pytest.raises(DataFileError, match=f"not a finished run: {name} cannot be found"):
        write_report(run)
    assert main(["report", str(run)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (run / "report.html").exists()


def test_labels_of_other_planets_are_refused(run, tiny):
    with pytest.raises(SubmissionError, match="needs a true spectrum; 2 have none"):
        write_report(run, labels=tiny / "train_labels.csv")


def test_the_white_light_is_the_runs_own_fit_not_a_second_one(run, monkeypatch):
    """What is drawn is what was stored: bend the stored fit, and the picture bends."""
    drawn = []
    monkeypatch.setattr(
        pictures.plots, "plot_white_light_curve", lambda spectrum, visit, ax: drawn.append(spectrum)
    )
    # Nothing may fit again.
    monkeypatch.setattr("ariel_kit.light_curve.white_light.fit_white_light", None)
    write_report(run)
    worst = planet_rows(read(run), None)[0].planet_id
    (own,) = (s for s in read(run).spectra if s.planet_id == worst)
    for spectrum in drawn:  # once for light paper, once for dark
        assert spectrum.planet_id == worst
        for name in ("time", "flux", "noise", "drift", "model"):
            found, stored = (getattr(s.white_light[0], name) for s in (spectrum, own))
            assert found.tobytes() == stored.tobytes()
    assert len(drawn) == 2


def test_pictures_without_products_are_those_of_the_fit(run):
    shutil.rmtree(run / "products")
    page = Page(write_report(run).read_text())
    text = " ".join("".join(page.texts).split())
    assert f"no pictures of the calibrated visit: {run / 'products'} holds no calibrated" in text
    captions = [picture["alt"] for picture in page.all("img")]
    assert "White light: raw, drift removed, model, residuals" in captions
    assert not any("Pointing" in caption for caption in captions)


@pytest.mark.usefixtures("unpainted")
def test_one_planet_is_one_planet(run):
    many(run, 1)
    assert "ariel_kit run of 1 test planet" in Page(write_report(run).read_text()).texts


def test_a_run_with_planets_that_failed_has_its_report(own, tmp_path, capsys):
    """One cannot be read, the other not fitted: neither has a light curve to draw."""
    first, second = open_dataset(own).planets("test")
    (own / "test" / str(first) / "AIRS-CH0_calibration" / "flat.parquet").unlink()
    (own / "test" / str(second) / "FGS1_calibration" / "dark.parquet").unlink()
    command = ["run", "--data-dir", str(own), "--output-dir", str(tmp_path / "out")]
    assert main(command) == 2
    out = ["report", str(tmp_path / "out"), "--labels", str(own / "test_labels.csv")]
    assert main(out) == 0
    page = Page((tmp_path / "out" / "report.html").read_text())
    assert page.row(str(first))[-1].startswith("safe prior: DataFileError")
    text = " ".join("".join(page.texts).split())
    assert "There are no pictures of light curves: no planet could be fitted." in text
    assert "2 got the safe prior" in text


def test_missing_raw_data_and_a_changed_submission_are_told(run, monkeypatch):
    identity = json.loads((run / "run.json").read_text())["identity"]
    change_record(run, identity={**identity, "data": str(run / "gone")})
    monkeypatch.setattr("ariel_kit.report.pictures.draw_answers", lambda *_: iter(()))
    monkeypatch.setattr("ariel_kit.report.pictures.draw_visit", lambda *_: iter(()))
    text = write_report(run).read_text()
    assert f"no pictures of the detectors: the raw data are no longer in {run / 'gone'}." in text
    assert "no longer the file that the run wrote" not in text
    many(run, 2)
    text = write_report(run).read_text()
    assert "submission.csv is no longer the file that the run wrote." in text


@pytest.mark.usefixtures("unpainted")
def test_other_answers_stand_beside_the_run(run, labels):
    truth = pl.read_csv(labels).select(pl.exclude("planet_id")).to_numpy()
    ideal = score(truth, (truth, np.full(truth.shape, 1e-5)))
    page = Page(write_report(run, labels=labels, compare={"ideal": ideal}).read_text())
    assert page.row("ideal")[:2] == ["2", "1.000"]


@pytest.mark.usefixtures("unpainted")
def test_the_verb_writes_the_page_where_it_is_told(run, labels, tmp_path, capsys):
    output = tmp_path / "pages" / "page.html"
    output.parent.mkdir()
    arguments = ["report", str(run), "--labels", str(labels), "--output", str(output), "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(output)}
    assert Page(output.read_text()).row("this run")
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}: open it in any browser\n"
