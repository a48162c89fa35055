"""Out of fold means out of fold: no label, no star and no molecule crosses over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ariel_kit import preprocessing
from ariel_kit.cli import main
from ariel_kit.core.config import RunSettings, StageSettings, make_settings
from ariel_kit.core.errors import ConfigError, DataFileError, FitError
from ariel_kit.data.dataset import LABEL_COLUMNS, Labels, open_dataset, read_labels
from ariel_kit.data.submission import validate_submission
from ariel_kit.evaluation import cross_validate, cross_validation, folds, make_folds, read_molecules
from ariel_kit.run.line import load_line
from ariel_kit.scoring import score
from ariel_kit.simulation import draw_planets, simulate_observation, write_tables
from ariel_kit.spectral_extraction import priors
from ariel_kit.uncertainty import Temperature, find_temperature
from tests.support.micro import FACTORS, save_micro_models

pytestmark = pytest.mark.usefixtures("calibrations")

STARS = (0, 1, 101)
N_PLANETS = 9
WHITE = make_settings(RunSettings, {"extraction": {"extractor": "white"}})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calibrations: list[int]) -> Path:
    """Nine labelled planets of three stars; their frames are light curves drawn directly."""
    planets = draw_planets(N_PLANETS, seed=11, stars=STARS, molecules="unseen")
    truth = {planet.planet_id: planet for planet in planets}

    def drawn(dataset, planet_id, **options):
        calibrations.append(planet_id)
        return simulate_observation(truth[planet_id], seed=0)

    monkeypatch.setattr(preprocessing, "calibrate_planet", drawn)
    for module in (folds, priors, cross_validation):
        monkeypatch.setattr(module, "FEWEST_LABELS", 3)
    write_tables(tmp_path / "data", train=planets, test=[])
    (tmp_path / "data" / "axis_info.parquet").unlink()  # it tells of raw cadence
    return tmp_path / "data"


def depths_of(path: Path) -> dict[int, tuple[float, ...]]:
    """A submission by planet."""
    return {row[0]: row[1:] for row in pl.read_csv(path).iter_rows()}


def fold_of(path: Path) -> dict[int, str]:
    return dict(pl.read_csv(path, infer_schema=False).select("planet_id", "fold").iter_rows())


@pytest.mark.parametrize("group_by", ["star", "random", "molecule"])
def test_no_planet_learns_from_its_own_label(folder, tmp_path, group_by):
    """A poisoned label moves planets of other folds, and none of its own."""
    options = {"settings": WHITE, "group_by": group_by, "folds": 3}
    result = cross_validate(folder, tmp_path / "a", **options)
    learned = [planet for fold in result.folds for planet in fold.others]
    victim = max(result.truth.planet_ids.tolist(), key=learned.count)
    labels = pl.read_csv(folder / "train_labels.csv")
    hit = pl.col("planet_id") == victim
    bent = [
        pl.when(hit).then(pl.col(c) * (1 + 0.3 * (i % 2))).otherwise(pl.col(c)).alias(c)
        for i, c in enumerate(LABEL_COLUMNS)
    ]
    labels.with_columns(bent).write_csv(folder / "train_labels.csv")
    cross_validate(folder, tmp_path / "b", **options)
    before, after = (depths_of(tmp_path / name / "oof.csv") for name in "ab")
    changed = {planet for planet in before if before[planet] != after[planet]}
    reached = {p for fold in result.folds if victim in fold.others for p in fold.groups}
    own = next(fold for fold in result.folds if victim in fold.groups)
    assert changed == reached
    assert changed
    assert not changed & set(own.groups)


def test_stars_are_never_split_and_every_planet_is_predicted_once(folder, tmp_path):
    result = cross_validate(folder, tmp_path / "out", settings=WHITE)
    dataset = open_dataset(folder)
    table = pl.read_csv(tmp_path / "out" / "folds.csv")
    assert table.columns == ["planet_id", "fold", "group"]
    assert sorted(table["planet_id"]) == sorted(dataset.planets("train"))
    assert len(result.folds) == len(STARS)
    for row in table.iter_rows(named=True):
        assert row["group"] == dataset.star("train", row["planet_id"])
    assert table.group_by("group").agg(pl.col("fold").n_unique())["fold"].to_list() == [1, 1, 1]
    for fold in result.folds:
        own = {dataset.star("train", planet) for planet in fold.groups}
        assert not own & {dataset.star("train", planet) for planet in fold.others}
        assert len(fold.groups) + len(fold.others) == N_PLANETS


def test_a_molecule_left_out_is_in_no_spectrum_that_is_learned_from(folder):
    dataset = open_dataset(folder)
    gases = read_molecules(dataset)
    truth = read_labels(folder / "train_labels.csv")
    parts = make_folds(dataset, truth, "train", folds=2, group_by="molecule")
    assert sorted(p for fold in parts for p in fold.groups) == sorted(truth.planet_ids.tolist())
    assert len(parts) >= 2
    for fold in parts:
        assert all(fold.name in gases[planet] for planet in fold.groups)
        assert fold.others
        assert not any(fold.name in gases[planet] for planet in fold.others)


def test_the_scores_are_those_of_the_metric_on_each_part(folder, tmp_path):
    result = cross_validate(folder, tmp_path / "out", settings=WHITE)
    out = tmp_path / "out"
    assert validate_submission(out / "oof.csv", result.truth.planet_ids.tolist()).ok
    record = json.loads((out / "scores.json").read_text())
    whole = score(folder / "train_labels.csv", out / "oof.csv")
    assert record["total"]["score"] == pytest.approx(whole.raw, abs=1e-12)
    assert record["versions"]["ariel-kit"]
    predicted, members = depths_of(out / "oof.csv"), fold_of(out / "folds.csv")
    truth = read_labels(folder / "train_labels.csv")
    parts = {(part["group"], part["name"]): part for part in record["parts"]}
    assert {kind for kind, _ in parts} == {"fold", "group"}
    for name in set(members.values()):
        ids = [int(planet) for planet, fold in members.items() if fold == name]
        values = np.array([predicted[planet] for planet in ids])
        alone = score(truth.of(ids), (values[:, :283], values[:, 283:]))
        assert parts["fold", name]["score"] == pytest.approx(alone.raw, abs=1e-12)
        assert parts["fold", name]["n_planets"] == len(ids)


def test_the_out_of_fold_table_is_a_frame_of_pandas(folder, tmp_path):
    result = cross_validate(folder, tmp_path / "out", settings=WHITE)
    frame, members = result.to_frame(), fold_of(tmp_path / "out" / "folds.csv")
    assert [*frame.columns[:3], frame.columns[-1]] == ["fold", "group", "wl_1", "sigma_283"]
    assert {str(planet): fold for planet, fold in frame["fold"].items()} == members
    for planet, values in depths_of(tmp_path / "out" / "oof.csv").items():
        assert frame.loc[planet].to_list()[2:] == list(values)
    table = frame.drop(columns=["fold", "group"])
    labels = folder / "train_labels.csv"
    scores = {f: score(labels, table[frame["fold"] == f]).raw for f in frame["fold"].unique()}
    parts = {part.name: part.score for part in result.parts if part.group == "fold"}
    assert scores == pytest.approx(parts)


def test_own_weights_reach_every_fold(folder, tmp_path):
    """The temperature of the own folder widens each sigma by its known factor."""
    models = save_micro_models(tmp_path / "models")
    plain, warm = (RunSettings(stages=StageSettings.only(*on)) for on in ((), ("uncertainty",)))
    before = cross_validate(folder, tmp_path / "out", settings=plain)
    after = cross_validate(folder, tmp_path / "out", settings=warm, models_dir=models)
    for one, other in zip(before.spectra, after.spectra, strict=True):
        np.testing.assert_allclose(other.sigma, FACTORS["fit"] * one.sigma, rtol=1e-9)


def test_a_folder_without_weights_is_told_before_anything_is_calibrated(
    folder, tmp_path, capsys, calibrations
):
    (tmp_path / "empty").mkdir()
    folders = ["--data-dir", str(folder), "--output-dir", str(tmp_path / "out")]
    assert main(["cv", *folders, "--models-dir", str(tmp_path / "empty")]) == 1
    assert "must hold weights folders" in capsys.readouterr().err
    assert calibrations == []


def test_folding_again_calibrates_nothing_again(folder, tmp_path, calibrations):
    cross_validate(folder, tmp_path / "out", settings=WHITE)
    assert len(calibrations) == N_PLANETS
    before = (tmp_path / "out" / "oof.csv").read_bytes()
    cross_validate(folder, tmp_path / "out", settings=WHITE)
    assert (tmp_path / "out" / "oof.csv").read_bytes() == before
    cross_validate(folder, tmp_path / "out", settings=WHITE, group_by="random", folds=2)
    assert len(calibrations) == N_PLANETS


def test_a_planet_that_cannot_be_read_costs_its_fold_nothing(folder, tmp_path, monkeypatch):
    drawn = preprocessing.calibrate_planet
    lost = open_dataset(folder).planets("train")[2]

    def broken(dataset, planet_id, **options):
        if planet_id == lost:
            raise DataFileError("no such frames")
        return drawn(dataset, planet_id, **options)

    monkeypatch.setattr(preprocessing, "calibrate_planet", broken)
    result = cross_validate(folder, tmp_path / "out", settings=WHITE)
    assert [failure.planet_id for failure in result.failures] == [lost]
    flat = depths_of(tmp_path / "out" / "oof.csv")[lost]
    (fold,) = (fold for fold in result.folds if lost in fold.groups)
    assert flat[0] == pytest.approx(result.truth.of(fold.others).mean())


def test_the_joint_fit_folds_too_and_leaves_a_temperature_for_later(folder, tmp_path, capsys):
    arguments = ["--data-dir", str(folder), "--output-dir", str(tmp_path), "--folds", "2"]
    assert main(["cv", *arguments, "--full-fit", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["group_by"] == "star"
    assert record["total"]["score"] > 0.3
    (found,) = (tmp_path / "models" / "temperature").iterdir()
    ran = "refine" in load_line(RunSettings(), edition=2024).weights
    assert found == find_temperature(refined=ran, models_dir=tmp_path / "models")
    temperature = Temperature.load(found)
    assert temperature.planets == N_PLANETS
    assert temperature.objection(2024) is None
    assert main(["cv", *arguments, "--set", "extraction.extractor=white"]) == 0
    table = capsys.readouterr().out
    assert "fold 0" in table
    assert "group 101" in table


def test_what_cannot_be_folded_is_one_sentence(folder, tmp_path, monkeypatch):
    dataset, truth = open_dataset(folder), read_labels(folder / "train_labels.csv")
    one_star = [p for p in dataset.planets("train") if dataset.star("train", p) == 0]
    few = Labels(np.array(one_star), truth.of(one_star))
    with pytest.raises(ConfigError, match="fold with --group-by random"):
        make_folds(dataset, few, "train", folds=5, group_by="star")
    for module in (folds, priors, cross_validation):
        monkeypatch.setattr(module, "FEWEST_LABELS", 30)
    with pytest.raises(ConfigError, match="Simulate more planets or other molecules"):
        make_folds(dataset, truth, "train", folds=5, group_by="molecule")
    with pytest.raises(FitError, match="needs 30 fitted planets; got 9"):
        cross_validate(folder, tmp_path / "out", settings=WHITE, full_fit=True)
    (folder / "molecules.csv").unlink()
    with pytest.raises(DataFileError, match="of planets that ariel-kit simulate made"):
        make_folds(dataset, truth, "train", folds=5, group_by="molecule")
    other = tmp_path / "other.csv"
    table = pl.read_csv(folder / "train_labels.csv")
    table.with_columns(planet_id=pl.int_range(len(table))).write_csv(other)
    with pytest.raises(DataFileError, match="labels of planets of split 'train'"):
        cross_validate(folder, tmp_path / "out", labels=other)
    (folder / "train_labels.csv").unlink()
    with pytest.raises(DataFileError, match="name a table with --labels"):
        cross_validate(folder, tmp_path / "out")
