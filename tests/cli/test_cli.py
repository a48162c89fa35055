"""Every verb: its help, its JSON, its exit codes, and one clear line for every mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import ariel_kit
from ariel_kit.cli import app, main
from ariel_kit.core.config import RunSettings
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.reference import reference_page
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import open_dataset
from ariel_kit.data.submission import make_submission
from ariel_kit.scoring import score
from ariel_kit.simulation import draw_planets, write_tables

pytestmark = pytest.mark.usefixtures("calibrations")

OPTIONS = {
    "simulate": [
        "--output-dir",
        "--n-train",
        "--n-test",
        "--stars",
        "--molecules",
        "--seed",
        "--quick",
    ],
    "calibrate": ["--data-dir", "--output-dir", "--split", "--config", "--set", "--n-jobs"],
    "learn": ["--data-dir", "--output-dir", "--planets", "--labels", "--split", "--n-jobs"],
    "run": ["--data-dir", "--output-dir", "--train-labels", "--learned", "--on-error", "--seed"],
    "infer": ["--data-dir", "--output-dir", "--config", "--models-dir"],
    "score": ["--edition", "--data-dir", "submission", "labels"],
    "validate": ["--sample", "submission"],
    "demo": ["--output-dir", "--n-planets", "--seed", "--n-jobs"],
    "doctor": ["--data-dir", "--split", "--models-dir", "--config", "--set"],
    "train": ["--config", "--data-dir", "--labels", "--output-dir", "--set", "--resume"],
    "models": ["--models-dir"],
    "ablate": ["--data-dir", "--labels", "--train-labels", "--split", "--models-dir", "--set"],
    "cv": ["--data-dir", "--labels", "--folds", "--group-by", "--full-fit", "--models-dir"],
    "compare": ["first", "second", "--labels", "--edition", "--output", "--seed"],
    "bench": ["--output-dir", "--data-dir", "--planets", "--backend", "--address", "--json"],
    "blend": ["submissions", "--labels", "--oof", "--output", "--edition", "--seed"],
    "report": ["--labels", "--output", "run"],
    "show": ["run", "planet", "--labels", "--output", "--open"],
    "export": ["run", "--output-dir", "--format", "--draws", "--seed"],
    "bundle": ["--output-dir", "--user"],
    "config": ["--config", "--set", "--describe"],
}
FAST = ["--set", "extraction.extractor=white"]


def test_the_verbs_are_these():
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert names[0] == "doctor"
    assert sorted(names) == sorted(OPTIONS)


@pytest.mark.parametrize("verb", OPTIONS)
def test_every_verb_has_help_and_json(verb, capsys):
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    for option in [*OPTIONS[verb], "--json", "--help"]:
        assert option in text.lower()  # older typer prints arguments in capitals
    assert text.startswith(f"Usage: ariel-kit {verb}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing command"),
        (["rnu"], "No such command 'rnu'"),
        (["run", "--data-dri", "x"], "--data-dir"),
        (["run", "--data-dir", "x"], "Missing option '--output-dir'"),
        (["run", "--data-dir", "/nowhere", "--output-dir", "{tmp}"], "not a challenge folder"),
        (["config", "--set", "sede=1"], "Did you mean 'seed'?"),
        (["config", "--set", "extraction.bin_seconds=["], "'[' is no YAML value"),
        (["config", "--config", "wite"], "Unknown recipe 'wite'. Did you mean 'white'?"),
        (["config", "--config", "none.yaml"], "none.yaml is missing: name a YAML file"),
        (["simulate", "--output-dir", "{tmp}", "--stars", "a,b"], "--stars must be whole numbers"),
        (["simulate", "--output-dir", "{tmp}", "--edition", "2023"], "not one of '2024', '2025'"),
        (["simulate", "--output-dir", "{tmp}", "--molecules", "unsen"], "Did you mean 'unseen'?"),
        (
            ["simulate", "--output-dir", "/dev/null/x"],
            "/dev/null/x cannot be written: /dev/null is no folder; give another --output-dir.",
        ),
        (["run", "--data-dir", "x", "--output-dir", "{tmp}", "--on-error", "fial"], "'fail'?"),
        (["cv", "--group-by", "molecules"], "Did you mean 'molecule'?"),
        (["config", "--set", "calibration.bad_pixels=rwo"], "Did you mean 'row'?"),
        (["validate", "none.csv"], "none.csv"),
        (["models", "--models-dir", "{here}"], "must hold weights folders such as tcn_jnet"),
        (["score", "none.csv", "none.csv"], "none.csv is missing: name a CSV table"),
        (["--log-level", "loud", "config"], "Unknown log level 'loud'"),
        (["demo", "--n-planets", "0"], "--n-planets"),
    ],
)
def test_mistakes_cost_one_clear_line_and_exit_code_1(arguments, message, tmp_path, capsys):
    places = {"{tmp}": tmp_path / "out", "{here}": tmp_path}
    for place, path in places.items():
        arguments = [part.replace(place, str(path)) for part in arguments]
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ariel-kit: ")
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert "Value error" not in captured.err


def test_a_folder_that_may_not_be_written_is_refused_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    assert main(["bundle", "--output-dir", str(tmp_path / "a" / "b")]) == 1
    assert capsys.readouterr().err == (
        f"ariel-kit: {tmp_path}/a/b cannot be written: {tmp_path} may not be written to; "
        "give another --output-dir.\n"
    )


def test_a_full_disk_is_a_sentence(capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "out/page.html")

    monkeypatch.setattr("ariel_kit.report.write_report", full)
    assert main(["report", "out"]) == 1
    assert capsys.readouterr().err == "ariel-kit: out/page.html: No space left on device.\n"


def test_the_version_is_that_of_the_kit(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ariel-kit {ariel_kit.__version__}\n"


@pytest.mark.parametrize(
    ("worker", "arguments", "goes_on"),
    [
        ("ariel_kit.cli.doctor.examine", ["doctor"], False),
        ("ariel_kit.cli.demo.run_demo", ["demo"], False),
        ("ariel_kit.pipeline.run_pipeline", ["run", "--data-dir", "x"], True),
        ("ariel_kit.evaluation.cross_validate", ["cv", "--data-dir", "x"], True),
    ],
)
def test_an_interruption_says_whether_the_command_goes_on(
    worker, arguments, goes_on, tmp_path, capsys, monkeypatch
):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, interrupted)
    if arguments[0] != "doctor":
        arguments = [*arguments, "--output-dir", str(tmp_path)]
    assert main(["--log-level", "info", *arguments]) == 130
    more = "; the same command goes on where this one stopped" if goes_on else ""
    assert capsys.readouterr().err == f"ariel-kit: interrupted{more}.\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["valdate", "x.csv"], "Did you mean 'validate'"),
        (["run", "--outptu-dir", "x"], "--output-dir"),
        (["run", "--seeed", "1"], "--seed"),
    ],
)
def test_a_misspelt_verb_or_option_is_corrected(arguments, hint, capsys):
    assert main(arguments) == 1
    assert hint in capsys.readouterr().err


def test_help_comes_at_once():
    def seconds() -> float:
        """Of the processor: the machine may be busy."""
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", "ariel_kit.cli", "--help"], capture_output=True, check=True
        )
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])  # user and system, of children

    assert 0 < min(seconds() for _ in range(3)) < 0.4


def test_run_score_and_validate_follow_each_other(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    folders = ["--data-dir", str(tiny), "--output-dir", str(out)]
    assert main(["run", *folders, *FAST, "--seed", "3", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["planets"] == 2
    assert facts["failures"] == []
    assert set(facts["seconds"]) == {"prior", "calibrate", "learn", "fit", "write"}
    assert facts["submission"] == str(out / "submission.csv")

    sample = ["--sample", str(tiny / "sample_submission.csv")]
    assert main(["validate", facts["submission"], *sample, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True

    pair = [facts["submission"], str(tiny / "test_labels.csv")]
    assert main(["score", *pair, "--data-dir", str(tiny), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [star["name"] for star in report["stars"]] == ["0", "1"]
    assert main(["score", *pair]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:2] == ["submission.csv", "2"]
    assert f"{report['raw']:.3f}" in lines[1]


def test_calibrate_leaves_products_that_run_goes_on_with(tiny, tmp_path, capsys, calibrations):
    folders = ["--data-dir", str(tiny), "--output-dir", str(tmp_path)]
    assert main(["calibrate", *folders, "--json"]) == 0
    products = json.loads(capsys.readouterr().out)["products"]
    assert len(products) == len(calibrations) == 2
    assert main(["run", *folders, *FAST]) == 0
    assert len(calibrations) == 2


def test_failed_planets_decide_the_exit_code_by_on_error(own, tmp_path, capsys):
    bad = open_dataset(own).planets("test")[0]
    path = own / "test" / str(bad) / "AIRS-CH0_calibration" / "flat.parquet"
    path.unlink()
    folders = ["--data-dir", str(own), "--output-dir", str(tmp_path / "out")]
    assert main(["run", *folders, *FAST]) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "1 planet with the safe prior, see run.json"
    assert captured.err.count(str(path)) == 1  # told once, as it happened
    assert f"planet {bad}: DataFileError" in captured.err
    fail = (tmp_path / "out" / "submission.csv").read_bytes()
    assert main(["run", *folders, *FAST, "--on-error", "fallback", "--json"]) == 0
    (failure,) = json.loads(capsys.readouterr().out)["failures"]
    assert failure["planet_id"] == bad
    assert (tmp_path / "out" / "submission.csv").read_bytes() == fail
    assert main(["run", *folders, *FAST, "--config", "kaggle"]) == 0
    assert main(["calibrate", *folders]) == 2


def test_a_faulty_submission_is_listed_and_exits_with_2(tmp_path, capsys):
    path = tmp_path / "s.csv"
    pl.DataFrame({"planet_id": [1, 1], "wl_1": [-1.0, 2.0]}).write_csv(path)
    assert main(["validate", str(path)]) == 2
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("fault: ") for line in lines)
    assert last == "planets not checked: no --sample"


def test_a_submission_is_judged_by_the_edition_of_its_data(tmp_path, capsys):
    planets = draw_planets(4, seed=5, edition=2025)
    write_tables(tmp_path, train=[], test=planets)
    sigma = np.full((3, 283), 1e-4)
    ids = [planet.planet_id for planet in planets]
    depths = np.array([planet.depths for planet in planets])
    spectra = [
        Spectrum(planet, wavelengths(), mean + 1e-4, error)
        for planet, mean, error in zip(ids, depths, sigma, strict=False)
    ]
    paths = [str(tmp_path / name) for name in ("submission.csv", "test_labels.csv")]
    make_submission(spectra, ids[:3], paths[0])
    options = {2025: ["--data-dir", str(tmp_path)], 2024: []}
    for edition, option in options.items():
        assert main(["score", *paths, *option, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["edition"] == edition
        same = score(depths[:3], (depths[:3] + 1e-4, sigma), edition=edition)
        assert report["raw"] == pytest.approx(same.raw)
    assert main(["score", *paths, *options[2025], "--edition", "2024"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("metric of 2024 ")
    assert lines[-1] == "3 of 4 planets of the labels"
    assert main(["score", *paths, *options[2025], "--split", "train"]) == 1
    assert "3 of 3 are not: try --split test." in capsys.readouterr().err
    assert main(["validate", paths[0]]) == 0
    assert "planets not checked: no --sample" in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t.with_columns(sigma_4=-1e-4),
        lambda t: t.drop("wl_9"),
        lambda t: t.drop("planet_id"),
        lambda t: t.select([*reversed(t.columns)]),
    ],
)
@pytest.mark.parametrize("with_data", [False, True])
def test_score_and_validate_exit_with_2_for_the_same_faults(damage, with_data, tmp_path, capsys):
    planets = draw_planets(2, seed=5)
    write_tables(tmp_path, train=[], test=planets)
    flat = np.full(283, 1e-3)
    spectra = [Spectrum(planet.planet_id, wavelengths(), flat, flat / 10) for planet in planets]
    table = make_submission(spectra, [planet.planet_id for planet in planets])
    faulty = tmp_path / "faulty.csv"
    damage(table).write_csv(faulty)
    options = ["--data-dir", str(tmp_path)] if with_data else []
    assert main(["validate", str(faulty)]) == 2
    fault = capsys.readouterr().out.splitlines()[0].removeprefix("fault: ")
    assert main(["score", str(faulty), str(tmp_path / "test_labels.csv"), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert fault in captured.err


def test_simulate_passes_everything_on(tmp_path, monkeypatch, capsys):
    asked = {}
    monkeypatch.setattr(
        "ariel_kit.simulation.simulate_dataset", lambda folder, **options: asked.update(options)
    )
    options = ["--n-train", "0", "--n-test", "3", "--stars", "4,5", "--molecules", "unseen"]
    assert main(["simulate", "--output-dir", str(tmp_path), *options, "--seed", "9", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_test"] == 3
    assert asked == {
        "n_train": 0,
        "n_test": 3,
        "stars": (4, 5),
        "molecules": "unseen",
        "edition": 2024,
        "seed": 9,
    }


def test_config_prints_every_setting_with_its_value(capsys):
    assert main(["config", "--set", "calibration.bad_pixels=row"]) == 0
    text = capsys.readouterr().out
    assert "calibration.bad_pixels = row  (row | median | psf)" in text
    assert main(["config", "--describe"]) == 0
    page = capsys.readouterr().out
    assert page == reference_page(RunSettings) + "\n"
    assert main(["config", "--describe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["markdown"] == page[:-1]
    assert main(["config", "--config", "white", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["extraction"]["extractor"] == "white"
    assert RunSettings.model_validate(values)


def test_the_installed_command_and_the_module_return_exit_codes():
    for start in (
        ["-m", "ariel_kit.cli"],
        ["-c", "import sys; from ariel_kit.cli import main; sys.exit(main())"],
    ):
        done = subprocess.run(
            [sys.executable, *start, "rnu"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
