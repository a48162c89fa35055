"""A blend is better than its members where their errors differ, and never promises too much."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ariel_kit.cli import main
from ariel_kit.core.errors import ConfigError, DataFileError, FitError, SubmissionError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import LABEL_COLUMNS, Labels
from ariel_kit.data.submission import make_submission, submission_arrays, validate_submission
from ariel_kit.evaluation import compare
from ariel_kit.evaluation.blend import (
    Blend,
    blend_out_of_fold,
    blend_submissions,
    blind_blend,
    fit_blend,
)
from ariel_kit.evaluation.compare import Answer
from ariel_kit.scoring import score

ONE_SIGMA = 0.6827


def planted(rng, n, shared, honesty=(1.0, 1.0), sizes=(3e-5, 3e-5)):
    """Truth, means and told sigmas of members whose errors correlate by `shared`.

    Half of an error's variance is one number per planet, as with a misjudged drift, so that 283
    wavelengths are far from 283 measurements. Sigma told is the true one over `honesty`.
    """
    truth = rng.uniform(2e-3, 8e-3, (n, 1)) + 5e-5 * np.sin(wavelengths())

    def noise():
        level, rest = rng.standard_normal((n, 1)), rng.standard_normal((n, 283))
        return np.sqrt(0.5) * (level + rest)

    common = noise()
    errors = [np.sqrt(shared) * common + np.sqrt(1 - shared) * noise() for _ in sizes]
    true_sigma = [size * rng.uniform(0.7, 1.4, (n, 1)) * np.ones((n, 283)) for size in sizes]
    means = np.array([truth + s * e for s, e in zip(true_sigma, errors, strict=True)])
    told = np.array([s / h for s, h in zip(true_sigma, honesty, strict=True)])
    return truth, means, told


def coverage(truth, mean, sigma):
    return float(np.mean(abs(mean - truth) <= sigma))


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("honesty", [(1.0, 1.0), (2.0, 0.7)])
def test_coverage_on_held_out_planets_stays_honest(rng, shared, honesty):
    truth, means, told = planted(rng, 900, shared, honesty, sizes=(3e-5, 5e-5))
    seen, held = slice(0, 300), slice(300, None)
    blend = fit_blend(means[:, seen], told[:, seen], truth[seen])
    mean, sigma = blend.apply(means[:, held], told[:, held])
    assert coverage(truth[held], mean, sigma) == pytest.approx(ONE_SIGMA, abs=0.04)
    assert ((mean - truth[held]) / sigma).std() < 1.04
    errors = [np.sqrt(np.mean((m[held] - truth[held]) ** 2)) for m in means]
    assert np.sqrt(np.mean((mean - truth[held]) ** 2)) < 1.01 * min(errors)


def test_few_labels_make_a_blend_careful_not_bold(rng):
    """Twelve planets hardly tell sizes: over many such sets the blend promises too little."""
    found = []
    for _ in range(40):
        truth, means, told = planted(rng, 112, 0.3)
        blend = fit_blend(means[:, :12], told[:, :12], truth[:12])
        found.append(coverage(truth[12:], *blend.apply(means[:, 12:], told[:, 12:])))
    assert np.mean(found) > ONE_SIGMA
    assert np.mean(np.array(found) > ONE_SIGMA - 0.05) > 0.85


def test_independent_members_are_worth_the_root_of_two(rng):
    truth, means, told = planted(rng, 600, 0.0)
    mean, sigma = blend_out_of_fold(means, told, truth)
    single = np.sqrt(np.mean((means[0] - truth) ** 2))
    assert np.sqrt(np.mean((mean - truth) ** 2)) == pytest.approx(single / np.sqrt(2), rel=0.05)
    ratio = np.sqrt(np.mean(sigma**2) / np.mean(told[0] ** 2))
    assert ratio == pytest.approx(np.sqrt(0.5), rel=0.08)
    best = max(score(truth, (m, s)).raw for m, s in zip(means, told, strict=True))
    assert score(truth, (mean, sigma)).raw > best + 0.02


def test_the_weights_are_those_of_least_variance():
    """Against the closed form for two members, and against leaving a harmful one out."""
    sigma, rho = np.array([2.0, 3.0]), 0.4
    mean = np.array([1.0, 5.0])[:, None, None] * np.ones((2, 1, 283))
    width = sigma[:, None, None] * np.ones((2, 1, 283))
    correlation = np.array([[1, rho], [rho, 1]])
    blended, found = Blend(np.ones(2), correlation, 1.0, 100).apply(mean, width)
    covariance = np.outer(sigma, sigma) * correlation
    inverse = np.linalg.inv(covariance)
    weight = inverse.sum(axis=1) / inverse.sum()
    np.testing.assert_allclose(blended, weight @ [1.0, 5.0])
    np.testing.assert_allclose(found, inverse.sum() ** -0.5)
    steep = np.array([[1, 0.9], [0.9, 1]])  # 0.9 > 2 / 3: the worse one would get a negative weight
    blended, found = Blend(np.ones(2), steep, 1.0, 100).apply(mean, width)
    np.testing.assert_allclose(blended, 1.0)
    np.testing.assert_allclose(found, 2.0)


def test_without_labels_errors_are_taken_as_shared_and_disagreement_is_added(rng):
    truth, means, told = planted(rng, 400, 0.6)
    mean, sigma = blind_blend(2).apply(means, told)
    weight = told**-2.0 / (told**-2.0).sum(axis=0)
    assert (sigma >= (weight * told).sum(axis=0) - 1e-18).all()
    assert coverage(truth, mean, sigma) > ONE_SIGMA
    equal, width = blind_blend(2).apply(means[[0, 0]], told[[0, 0]])
    np.testing.assert_allclose(equal, means[0])
    np.testing.assert_allclose(width, told[0])


def test_a_member_given_twice_is_no_second_opinion(rng):
    truth, means, told = planted(rng, 300, 0.0)
    once = blend_out_of_fold(means, told, truth)
    twice = blend_out_of_fold(means[[0, 0, 1]], told[[0, 0, 1]], truth)
    np.testing.assert_allclose(twice[1].mean(), once[1].mean(), rtol=0.03)


@pytest.fixture
def files(rng, tmp_path):
    """Two submissions in different orders, and labels of the first 60 of their 80 planets."""
    truth, means, told = planted(rng, 80, 0.3)
    for name, mean, sigma, order in zip(
        "ab", means, told, (range(80), range(79, -1, -1)), strict=True
    ):
        spectra = [
            Spectrum(i, wavelengths(), m, s)
            for i, (m, s) in enumerate(zip(mean, sigma, strict=True))
        ]
        make_submission(spectra, list(order), tmp_path / f"{name}.csv")
    table = pl.DataFrame(truth[:60], schema=LABEL_COLUMNS)
    table = table.insert_column(0, pl.Series("planet_id", range(60)))
    table.write_csv(tmp_path / "labels.csv")
    return tmp_path, Labels(np.arange(80), truth), means, told


def test_labelled_planets_are_blended_by_the_labels_of_others(files):
    folder, truth, means, told = files
    spectra, blend, known = blend_submissions(
        [folder / "a.csv", folder / "b.csv"],
        labels=folder / "labels.csv",
        path=folder / "blend.csv",
    )
    assert blend.planets == 60
    assert known.planet_ids.tolist() == list(range(60))
    mean, sigma = blend_out_of_fold(means[:, :60], told[:, :60], truth.depths[:60])
    rest = blend.apply(means[:, 60:], told[:, 60:])
    ids, written, width = submission_arrays(folder / "blend.csv")
    assert ids == list(range(80))
    np.testing.assert_allclose(written, np.concatenate([mean, rest[0]]), rtol=1e-9)
    np.testing.assert_allclose(width, np.concatenate([sigma, rest[1]]), rtol=1e-9)
    assert validate_submission(folder / "blend.csv", list(range(80))).ok
    assert spectra[3].planet_id == 3


def test_a_label_does_not_move_its_own_planet(files):
    folder, *_ = files
    members, labels = [folder / "a.csv", folder / "b.csv"], pl.read_csv(folder / "labels.csv")
    before = blend_submissions(members, labels=labels)[0]
    wrong = labels.with_columns(
        [
            pl.when(pl.col("planet_id") == 5).then(0.02).otherwise(pl.col(c)).alias(c)
            for c in LABEL_COLUMNS
        ]
    )
    after = blend_submissions(members, labels=wrong)[0]
    np.testing.assert_array_equal(before[5].mean, after[5].mean)
    np.testing.assert_array_equal(before[5].sigma, after[5].sigma)
    assert not np.array_equal(before[70].sigma, after[70].sigma)


def test_out_of_fold_tables_teach_members_without_labels(files):
    folder, _, means, told = files
    for name in "ab":
        table = pl.read_csv(folder / f"{name}.csv")
        table.filter(pl.col("planet_id") < 60).write_csv(folder / f"{name}_oof.csv")
        table.filter(pl.col("planet_id") >= 60).write_csv(folder / f"{name}_test.csv")
    spectra, blend, truth = blend_submissions(
        [folder / "a_test.csv", folder / "b_test.csv"],
        labels=folder / "labels.csv",
        out_of_fold=[folder / "a_oof.csv", folder / "b_oof.csv"],
    )
    assert (blend.planets, len(spectra), len(truth.planet_ids)) == (60, 20, 0)
    mean, _ = blend.apply(means[:, 60:], told[:, 60:])
    np.testing.assert_allclose([s.mean for s in spectra], mean, rtol=1e-9)


def test_mistakes_are_told(files):
    folder, *_ = files
    a, b = folder / "a.csv", folder / "b.csv"
    with pytest.raises(ConfigError, match=r"a blend needs at least 2 submissions; got 1\."):
        blend_submissions([a])
    with pytest.raises(ConfigError, match=r"one out-of-fold table for each member.*got 1 for 2"):
        blend_submissions([a, b], labels=folder / "labels.csv", out_of_fold=[a])
    with pytest.raises(ConfigError, match="with labels only: name the labels too"):
        blend_submissions([a, b], out_of_fold=[a, b])
    with pytest.raises(SubmissionError, match=r"labels\.csv has faults:"):
        blend_submissions([a, folder / "labels.csv"])
    with pytest.raises(DataFileError, match=r"b\.csv must hold true spectra; it has sigmas"):
        blend_submissions([a, b], labels=b)
    pl.read_csv(b).head(70).write_csv(folder / "c.csv")
    with pytest.raises(SubmissionError, match=r"c\.csv differs from .*a\.csv in 10\. Blend"):
        blend_submissions([a, folder / "c.csv"])
    few = pl.read_csv(folder / "labels.csv").head(9)
    with pytest.raises(FitError, match=r"needs 10 labelled planets to learn from; got 9\."):
        blend_submissions([a, b], labels=few)


@pytest.mark.parametrize("sigma", [0.0, 1e-300, 1e200])
def test_sigmas_that_give_no_weight_are_refused(files, sigma):
    folder, *_ = files
    table = pl.read_csv(folder / "b.csv").with_columns(pl.lit(sigma).alias("sigma_9"))
    table.write_csv(folder / "odd.csv")
    with pytest.raises(SubmissionError, match=r"between 1e-12 and 1; .*odd\.csv has 80 outside"):
        blend_submissions([folder / "a.csv", folder / "odd.csv"])


def test_a_member_that_is_the_truth_itself_is_refused(rng):
    truth, means, told = planted(rng, 40, 0.3)
    with pytest.raises(FitError, match="those of member 2 are"):
        fit_blend(np.stack([means[0], truth]), told, truth)


def test_the_verb_writes_a_submission_and_tells_its_score(files, capsys):
    folder, *_ = files
    command = ["blend", str(folder / "a.csv"), str(folder / "b.csv"), "--output"]
    command += [str(folder / "out.csv")]
    assert main([*command, "--labels", str(folder / "labels.csv"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["learned_from"] == 60
    assert 0.5 < told["score"]["score"] < 1
    assert main(command) == 0
    assert "no labels: errors taken as fully shared" in capsys.readouterr().out
    assert validate_submission(folder / "out.csv").ok


def test_a_blend_of_runs_is_scored_by_the_metric_of_their_edition(files, monkeypatch, capsys):
    folder, truth, *_ = files
    monkeypatch.setattr(compare, "read_answer", lambda path: Answer(str(path), [], 2025, {}, {}))
    command = ["blend", str(folder / "a.csv"), str(folder / "b.csv"), "--json"]
    command += ["--labels", str(folder / "labels.csv"), "--output", str(folder / "out.csv")]
    assert main(command) == 0
    ids, mean, sigma = submission_arrays(folder / "out.csv")
    known = Labels(truth.planet_ids[:60], truth.depths[:60])
    spectra = [Spectrum(i, wavelengths(), m, s) for i, m, s in zip(ids, mean, sigma, strict=True)]
    told = json.loads(capsys.readouterr().out)["score"]
    assert told["score"] == pytest.approx(score(known, spectra[:60], edition=2025).score)
    assert main([*command, "--edition", "2024"]) == 1
    assert "all answers must be of one edition" in capsys.readouterr().err


def test_a_run_that_has_not_finished_is_not_blended(files):
    folder, *_ = files
    (folder / "run").mkdir()
    (folder / "a.csv").rename(folder / "run" / "submission.csv")
    with pytest.raises(DataFileError, match="is not a finished run"):
        blend_submissions([folder / "run", folder / "b.csv"])
