"""Learning from a folder: labels stay within their fold, a resumed call gives equal bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ariel_kit import preprocessing
from ariel_kit.cli import main
from ariel_kit.core.config import (
    ExtractionSettings,
    RunSettings,
    StageSettings,
    load_settings,
)
from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.core.instruments import AIRS
from ariel_kit.core.revisions import REVISIONS
from ariel_kit.data.dataset import LABEL_COLUMNS, open_dataset
from ariel_kit.evaluation import cross_validate
from ariel_kit.learning import Learned, learn_folder
from ariel_kit.learning.learned import ARRAYS_FILE, JSON_FILE
from ariel_kit.pipeline import run_pipeline
from ariel_kit.report import write_report
from ariel_kit.simulation import draw_planets, simulate_observation, write_tables

pytestmark = pytest.mark.usefixtures("calibrations")

PLAIN = RunSettings(stages=StageSettings.only())
N_TRAIN, N_TEST = 8, 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calibrations: list[int]) -> Path:
    """Eight labelled planets and two others; their frames are light curves drawn directly."""
    return make_folder(tmp_path / "data", monkeypatch, calibrations)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learn from these planets once; a test may damage its own copy."""
    root = tmp_path_factory.mktemp("taught")
    with pytest.MonkeyPatch.context() as patch:
        data = make_folder(root / "data", patch, [])
        learn_folder(data, root / "learned", settings=PLAIN)
    return root / "learned"


@pytest.fixture
def learned(taught: Path, tmp_path: Path) -> Path:
    """A copy of the record that a test may damage."""
    return Path(shutil.copytree(taught, tmp_path / "learned"))


def make_folder(root: Path, monkeypatch, calibrations: list[int], edition: int = 2024) -> Path:
    planets = draw_planets(N_TRAIN + N_TEST, seed=21, edition=edition)
    truth = {planet.planet_id: planet for planet in planets}

    def drawn(dataset, planet_id, *, visit=0, **options):
        calibrations.append(planet_id)
        return simulate_observation(truth[planet_id].at_visit(visit), seed=0)

    monkeypatch.setattr(preprocessing, "calibrate_planet", drawn)
    write_tables(root, train=planets[:N_TRAIN], test=planets[N_TRAIN:])
    (root / "axis_info.parquet").unlink()  # it tells of raw cadence
    dataset = open_dataset(root)
    for split, members in (("train", planets[:N_TRAIN]), ("test", planets[N_TRAIN:])):
        for planet in members:
            for visit in range(planet.n_visits):
                path = dataset.signal_path(split, planet.planet_id, AIRS, visit)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    return root


def poison(table: Path, planet_ids: list[int]) -> None:
    """Bend the true spectra of some planets beyond recognition."""
    labels = pl.read_csv(table)
    hit = pl.col("planet_id").is_in(planet_ids)
    bent = [
        pl.when(hit).then(pl.col(c) * (1.5 + 0.3 * (i % 2))).otherwise(pl.col(c)).alias(c)
        for i, c in enumerate(LABEL_COLUMNS)
    ]
    labels.with_columns(bent).write_csv(table)


def depths_of(path: Path) -> dict[int, tuple[float, ...]]:
    return {row[0]: row[1:] for row in pl.read_csv(path).iter_rows()}


def test_what_is_learned_is_saved_taken_over_and_told(folder, tmp_path, calibrations, capsys):
    """Run all commands, and run them again, when nothing is left to do."""
    train = open_dataset(folder).planets("train")
    settings = ["--set", "stages.refine=false", "--data-dir", str(folder)]
    learn = ["learn", *settings, "--output-dir", str(tmp_path / "learned")]
    assert main([*learn, "--planets", "6", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["fitted"], len(calibrations)) == (6, 6)
    assert set(calibrations) < set(train)
    assert set(facts["gains"]) >= {"scale.airs", "sigma.level"}
    assert main([*learn, "--planets", "6"]) == 0
    assert len(calibrations) == 6
    table = capsys.readouterr().out
    assert "out of fold, learned: score" in table

    run = ["run", *settings, "--output-dir", str(tmp_path / "out")]
    assert main([*run, "--learned", str(tmp_path / "learned"), "--json"]) == 0
    assert "6 labelled planets" in json.loads(capsys.readouterr().out)["learned"]
    assert set(calibrations[6:]) == set(open_dataset(folder).planets("test"))
    steps = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert {step["learned"]["status"] for step in steps.values()} == {"complete"}
    assert [list(step)[-3:-1] for step in steps.values()] == [["uncertainty", "learned"]] * N_TEST


def test_a_run_learns_by_itself_and_ends_in_the_same_bytes(folder, tmp_path, calibrations):
    first = run_pipeline(folder, tmp_path / "out", settings=PLAIN)
    assert isinstance(first.learned, Learned)
    assert first.learned.facts.fitted == N_TRAIN
    before = first.submission_path.read_bytes()
    assert len(calibrations) == N_TRAIN + N_TEST
    again = run_pipeline(folder, tmp_path / "out", settings=PLAIN)
    assert again.submission_path.read_bytes() == before
    (tmp_path / "out" / "learned" / JSON_FILE).unlink()
    anew = run_pipeline(folder, tmp_path / "out", settings=PLAIN)
    assert anew.submission_path.read_bytes() == before
    assert len(calibrations) == N_TRAIN + N_TEST
    own = learn_folder(folder, tmp_path / "learned", settings=PLAIN).facts
    assert own.corrections == first.learned.facts.corrections
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["learned"].startswith("scale and sigma from 8 labelled planets")
    page = write_report(tmp_path / "out").read_text(encoding="utf-8")
    assert "Learned from 8 labelled planets: scale.fgs1 " in page
    assert "Sigma before and after what others taught" in page


def test_an_interrupted_lesson_goes_on_where_it_was(folder, tmp_path, monkeypatch, calibrations):
    drawn = preprocessing.calibrate_planet

    def until_the_third(dataset, planet_id, **options):
        if len(calibrations) == 3:
            raise KeyboardInterrupt
        return drawn(dataset, planet_id, **options)

    with monkeypatch.context() as patch:
        patch.setattr(preprocessing, "calibrate_planet", until_the_third)
        with pytest.raises(KeyboardInterrupt):
            learn_folder(folder, tmp_path / "parts", settings=PLAIN)
    parts = learn_folder(folder, tmp_path / "parts", settings=PLAIN)
    assert len(calibrations) == N_TRAIN
    whole = learn_folder(folder, tmp_path / "whole", settings=PLAIN)
    assert parts.facts.corrections == whole.facts.corrections


def test_labels_of_predicted_planets_are_out_of_reach(folder, tmp_path):
    """Labels of predicted planets, right or wrong, change nothing."""
    test = open_dataset(folder).planets("test")
    labels = pl.read_csv(folder / "train_labels.csv")
    truth = pl.read_csv(folder / "test_labels.csv").select(labels.columns)
    pl.concat([labels, truth.cast(labels.schema)]).write_csv(folder / "train_labels.csv")
    clean = run_pipeline(folder, tmp_path / "clean", settings=PLAIN).submission_path.read_bytes()
    poison(folder / "train_labels.csv", test)
    bent = run_pipeline(folder, tmp_path / "bent", settings=PLAIN).submission_path.read_bytes()
    assert bent == clean


def test_the_labels_of_a_fold_change_no_answer_of_that_fold(folder, tmp_path):
    """This holds in cv and in the cross-validation of learn."""
    options = {"settings": PLAIN, "group_by": "random", "folds": 2}
    result = cross_validate(folder, tmp_path / "a", **options)
    fold = list(result.folds[0].groups)
    before = depths_of(tmp_path / "a" / "oof.csv")
    trial = learn_folder(folder, tmp_path / "learned", settings=PLAIN).trial
    poison(folder / "train_labels.csv", fold)
    cross_validate(folder, tmp_path / "b", **options)
    after = depths_of(tmp_path / "b" / "oof.csv")
    changed = {planet for planet in before if before[planet] != after[planet]}
    assert changed == set(before) - set(fold)

    star = open_dataset(folder).star("train", int(trial.planet_ids[0]))
    stars = {p: open_dataset(folder).star("train", p) for p in trial.planet_ids.tolist()}
    same = [p for p, own in stars.items() if own == star]
    poison(folder / "train_labels.csv", [p for p in same if p not in fold])
    bent = learn_folder(folder, tmp_path / "bent", settings=PLAIN).trial
    held = [i for i, p in enumerate(trial.planet_ids) if p in same]
    np.testing.assert_array_equal(bent.planet_ids, trial.planet_ids)
    np.testing.assert_array_equal(bent.learned_mean[held], trial.learned_mean[held])
    np.testing.assert_array_equal(bent.learned_sigma[held], trial.learned_sigma[held])
    assert not np.array_equal(bent.learned_sigma, trial.learned_sigma)


def test_without_labelled_frames_a_run_says_so(folder, tmp_path):
    for planet in open_dataset(folder).planets("train"):
        open_dataset(folder).signal_path("train", planet, AIRS).unlink()
    result = run_pipeline(folder, tmp_path / "out", settings=PLAIN)
    assert "4 labelled planets with frames; got 0" in result.learned
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["learned"].startswith("nothing: ")
    page = write_report(tmp_path / "out").read_text(encoding="utf-8")
    assert "Scale and sigma are those of the simulator, for nothing was learned: learning" in page
    assert "what was learned: " not in page
    with pytest.raises(DataFileError, match="got 0"):
        learn_folder(folder, tmp_path / "learned", settings=PLAIN)
    off = load_settings(RunSettings, overrides=["learning.mode=off"])
    assert off.learning.mode == "off"


def test_what_was_learned_elsewhere_is_refused(
    folder, learned, tmp_path, monkeypatch, calibrations
):

    def run(**options):
        return run_pipeline(folder, tmp_path / "out", learned=learned, **options)

    with pytest.raises(ConfigError, match="labels of 8 planets that this run predicts"):
        run(settings=PLAIN, split="train")
    other = PLAIN.model_copy(update={"extraction": ExtractionSettings(bin_seconds=120)})
    with pytest.raises(ConfigError, match="holds for other extraction: learn it again"):
        run(settings=other)
    with monkeypatch.context() as patch:
        patch.setitem(REVISIONS, "fit", REVISIONS["fit"] + 1)
        with pytest.raises(ConfigError, match="was made by fit"):
            run(settings=PLAIN)
    facts = json.loads((learned / JSON_FILE).read_text())
    (learned / JSON_FILE).write_text(json.dumps(facts | {"edition": 2025}))
    with pytest.raises(ConfigError, match="holds for edition 2025, and the data are of 2024"):
        run(settings=PLAIN)
    assert calibrations == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"edition": 2023}, "edition must be"),
        ({"fitted": 0}, "fitted"),
        ({"gains": {"scale.airs": "much"}}, "gains.scale.airs"),
        ({"colour": 1}, "colour: unknown setting"),
        ({"spread": float("nan")}, "spread"),
        ({"sha256": "f" * 64}, "does not match learned.json"),
    ],
)
def test_a_damaged_record_names_its_fault(learned, change, told):
    facts = json.loads((learned / JSON_FILE).read_text())
    (learned / JSON_FILE).write_text(json.dumps(facts | change))
    with pytest.raises(DataFileError, match=told):
        Learned.load(learned)


def test_damaged_arrays_are_refused_and_learned_anew(folder, tmp_path, caplog):
    learned = tmp_path / "own"
    first = learn_folder(folder, learned, settings=PLAIN)
    loaded = Learned.load(learned)
    assert loaded.facts.corrections == first.facts.corrections
    np.testing.assert_array_equal(loaded.prior.shapes, first.prior.shapes)
    np.testing.assert_array_equal(loaded.trial.learned_sigma, first.trial.learned_sigma)
    data = (learned / ARRAYS_FILE).read_bytes()
    (learned / ARRAYS_FILE).write_bytes(data[:-100])
    with pytest.raises(DataFileError, match="is missing or does not match"):
        Learned.load(learned)
    again = learn_folder(folder, learned, settings=PLAIN)
    assert again.facts.corrections == first.facts.corrections
    assert "are learned again" in caplog.text
    (learned / JSON_FILE).write_text("{")
    with pytest.raises(DataFileError, match="is damaged"):
        Learned.load(learned)
    (learned / JSON_FILE).unlink()
    with pytest.raises(DataFileError, match="give a folder that ariel-kit learn wrote"):
        Learned.load(learned)


def test_visits_of_a_planet_of_2025_count_once(tmp_path, monkeypatch, calibrations):
    root = make_folder(tmp_path / "data", monkeypatch, calibrations, edition=2025)
    learned = learn_folder(root, tmp_path / "learned", settings=PLAIN)
    assert learned.facts.edition == 2025
    assert learned.facts.fitted == len(set(learned.trial.planet_ids.tolist())) <= N_TRAIN
    assert len(calibrations) >= N_TRAIN
    result = run_pipeline(root, tmp_path / "out", settings=PLAIN, learned=tmp_path / "learned")
    assert {s.provenance["learned"]["status"] for s in result.spectra} == {"complete"}


def test_an_unread_planet_teaches_nothing_and_stops_nothing(folder, tmp_path, monkeypatch):
    drawn = preprocessing.calibrate_planet
    lost = open_dataset(folder).planets("train")[0]

    def broken(dataset, planet_id, **options):
        if planet_id == lost:
            raise DataFileError("no such frames")
        return drawn(dataset, planet_id, **options)

    monkeypatch.setattr(preprocessing, "calibrate_planet", broken)
    result = run_pipeline(folder, tmp_path / "out", settings=PLAIN)
    assert result.failures == []
    assert result.learned.facts.fitted == N_TRAIN - 1


def test_a_conclusion_is_the_fit_under_that_prior(folder):
    """Concluded under a second prior, or fitted under it at once: the same within sigma / 100."""
    from ariel_kit.run.line import load_line
    from ariel_kit.spectral_extraction import learn_prior, simulated_prior

    planets = draw_planets(3, seed=4)
    observations = [simulate_observation(planet, seed=1) for planet in planets]
    prior = learn_prior(np.array([planet.depths for planet in draw_planets(60, seed=5)]))
    line = load_line(PLAIN, edition=2024)
    at_once = line(observations, prior)
    fitted = line.fit(observations, simulated_prior())
    concluded = fitted.under(prior, [planet.planet_id for planet in planets])
    for one, other in zip(at_once, concluded, strict=True):
        assert np.abs((one.mean - other.mean) / one.sigma).max() < 0.01
        np.testing.assert_allclose(other.sigma, one.sigma, rtol=0.01)
    (alone,) = fitted.under(prior, [planets[1].planet_id])
    assert alone.planet_id == planets[1].planet_id
