"""The metric against scipy, the hosts' definition re-typed, and the ladder of real labels."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.stats import norm

from ariel_kit.core.errors import ConfigError, ShapeError, SubmissionError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import LABEL_COLUMNS, Labels, read_labels
from ariel_kit.data.submission import make_submission, submission_frame
from ariel_kit.scoring import Reference, format_scores, log_likelihood_score, score

MEAN, STD = 0.0025517145902829823, 0.0017261973793536417


def official_2024(truth, mean, sigma):
    """The hosts' definition: one ratio of summed log-likelihoods."""

    def total(center, scale):
        return np.sum(norm.logpdf(truth, loc=center, scale=scale))

    ideal = total(truth, 1e-5 * np.ones_like(truth))
    least = total(MEAN * np.ones_like(truth), STD * np.ones_like(truth))
    return (total(mean, np.clip(sigma, 1e-15, None)) - least) / (ideal - least)


def official_2025(truth, mean, sigma, naive_mean, naive_sigma):
    """The hosts' definition: the weighted average of one ratio per element."""
    best = np.append(1e-6, np.full(282, 1e-5)) * np.ones_like(truth)
    pred = norm.logpdf(truth, loc=mean, scale=sigma)
    true = norm.logpdf(truth, loc=truth, scale=best)
    naive = norm.logpdf(truth, loc=naive_mean, scale=naive_sigma)
    weights = np.append(57.846, np.ones(282)) * np.ones_like(truth)
    return np.average((pred - naive) / (true - naive), weights=weights)


@pytest.fixture
def table(rng):
    """Seven planets: truth, an imperfect mean, an imperfect sigma."""
    truth = rng.uniform(2e-3, 8e-3, (7, 1)) + 5e-5 * rng.standard_normal((7, 283))
    sigma = rng.uniform(1e-5, 2e-4, (7, 283))
    mean = truth + sigma * rng.standard_normal((7, 283))
    return truth, mean, sigma


def test_the_2024_score_is_the_official_one(table):
    assert score(table[0], table[1:]).raw == pytest.approx(official_2024(*table), rel=1e-12)


def test_the_bare_metric_is_that_of_2024_unless_it_is_told_otherwise(table):
    reference = Reference(MEAN, STD)
    assert log_likelihood_score(*table, reference=reference) == pytest.approx(
        official_2024(*table), rel=1e-12
    )


def test_the_2025_score_is_the_official_one(table):
    reference = Reference(0.012, 0.009)
    report = score(table[0], table[1:], edition=2025, reference=reference)
    assert report.raw == pytest.approx(official_2025(*table, *reference), rel=1e-12)


def test_the_2025_reference_defaults_to_the_solutions_statistics(table):
    truth = table[0]
    report = score(truth, table[1:], edition=2025)
    assert report.raw == pytest.approx(official_2025(*table, truth.mean(), truth.std()), rel=1e-12)


@pytest.mark.parametrize("edition", [2024, 2025])
def test_the_torch_twin_gives_the_same_number_and_the_right_gradient(table, edition):
    reference = Reference(MEAN, STD)
    tensors = [torch.tensor(values, requires_grad=i > 0) for i, values in enumerate(table)]
    value = log_likelihood_score(*tensors, edition=edition, reference=reference)
    numpy_value = log_likelihood_score(*table, edition=edition, reference=reference)
    assert value.item() == pytest.approx(numpy_value, rel=1e-12)

    value.backward()
    for which in (1, 2):
        step = np.zeros_like(table[which])
        step[3, 40] = 1e-9
        up, down = (
            log_likelihood_score(
                *(v + sign * step if i == which else v for i, v in enumerate(table)),
                edition=edition,
                reference=reference,
            )
            for sign in (1, -1)
        )
        assert tensors[which].grad[3, 40].item() == pytest.approx((up - down) / 2e-9, rel=1e-4)


def test_clipped_and_raw_differ_where_the_score_is_hopeless(table):
    truth, _, sigma = table
    report = score(truth, (truth + 0.001, sigma / 100))
    assert report.score == 0.0
    assert report.raw < -100


def test_a_sigma_of_zero_is_floored_not_refused(table):
    truth = table[0]
    report = score(truth, (truth, np.zeros_like(truth)))
    expected = official_2024(truth, truth, np.zeros_like(truth))
    assert report.raw == pytest.approx(expected, rel=1e-12)
    assert report.score == 1.0


def test_breakdowns_are_the_metric_on_their_part(table):
    truth, mean, sigma = table
    stars = [0, 1, 0, 1, 1, 0, 0]
    report = score(truth, (mean, sigma), stars=stars)
    fifth, one = [4], np.array(stars) == 1
    short = wavelengths() < 2.4
    short[0] = False
    assert report.planets[4].score == pytest.approx(
        official_2024(truth[fifth], mean[fifth], sigma[fifth]), rel=1e-12
    )
    assert report.stars[1].score == pytest.approx(
        official_2024(truth[one], mean[one], sigma[one]), rel=1e-12
    )
    assert report.regions[1].score == pytest.approx(
        official_2024(truth[:, short], mean[:, short], sigma[:, short]), rel=1e-12
    )
    assert report.regions[0].name == "FGS1 0.7 um"
    assert [row.n_planets for row in report.stars] == [4, 3]


def test_statistics_see_planted_errors():
    truth = np.full((40, 283), 0.003)
    z = np.random.default_rng(1).standard_normal(truth.shape)
    report = score(truth, (truth + 30e-6 * z + 10e-6, np.full_like(truth, 20e-6)))
    assert report.total.bias_ppm == pytest.approx(10, abs=1)
    assert report.total.rmse_ppm == pytest.approx(np.hypot(30, 10), abs=1)
    assert report.total.z_std == pytest.approx(1.5, abs=0.03)
    expected = norm.cdf((20 - 10) / 30) - norm.cdf((-20 - 10) / 30)
    assert report.total.coverage == pytest.approx(expected, abs=0.02)


def test_paths_spectra_and_tables_of_both_libraries_score_alike(table, tmp_path):
    truth, mean, sigma = table
    ids = [11, 5, 9, 2, 30, 31, 32]
    labels = pl.DataFrame(truth, schema=LABEL_COLUMNS)
    labels = labels.insert_column(0, pl.Series("planet_id", ids))
    labels.sort("planet_id").write_csv(tmp_path / "labels.csv")
    spectra = [Spectrum(i, wavelengths(), m, s) for i, m, s in zip(ids, mean, sigma, strict=True)]
    frame = make_submission(spectra, ids, tmp_path / "submission.csv")

    expected = official_2024(*table)
    answers = (tmp_path / "submission.csv", frame, spectra, submission_frame(frame))
    truths = (tmp_path / "labels.csv", labels, pd.read_csv(tmp_path / "labels.csv"))
    for solution, submission in product(truths, answers):
        report = score(solution, submission)
        assert report.raw == pytest.approx(expected, rel=1e-12)
        assert [row.name for row in report.planets] == [str(i) for i in ids]


def test_planets_without_a_prediction_are_counted_and_without_truth_refused(table, caplog):
    truth, mean, sigma = table
    labels = Labels(np.arange(7), truth)
    spectra = [Spectrum(i, wavelengths(), mean[i], sigma[i]) for i in range(5)]
    report = score(labels, spectra)
    assert report.n_unscored == 2
    assert "2 planets of the solution are not in the submission" in caplog.text
    assert report.raw == pytest.approx(official_2024(truth[:5], mean[:5], sigma[:5]), rel=1e-12)
    with pytest.raises(SubmissionError, match="5 have none, the first is 0"):
        score(Labels(np.arange(90, 97), truth), spectra)


def test_the_report_is_a_frame_of_pandas_and_json(table):
    report = score(table[0], table[1:], stars=[0, 1, 0, 1, 1, 0, None])
    frame = report.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["group"].to_list() == ["all"] + ["star"] * 3 + ["region"] * 5 + ["planet"] * 7
    assert frame["score"][0] == report.raw
    planets = frame[frame["group"] == "planet"].set_index("name")
    for i in range(7):
        alone = official_2024(*(values[i : i + 1] for values in table))
        assert planets.loc[str(i), "score"] == pytest.approx(alone, rel=1e-12)
    parsed = json.loads(report.to_json())
    assert parsed["score"] == report.score
    assert [row["name"] for row in parsed["stars"]] == ["0", "1", "unknown"]


@pytest.mark.parametrize("edition", [2024, 2025])
def test_the_printed_table_names_its_metric_and_what_was_left_out(table, edition):
    truth, mean, sigma = table
    whole = score(truth, (mean, sigma), edition=edition)
    lines = format_scores({"fit": whole}).splitlines()
    assert lines[0].split()[:4] == ["metric", "of", str(edition), "planets"]
    assert lines[0].index("planets") + len("planets") == lines[1].index(" 7 ") + 2
    spectra = [Spectrum(i, wavelengths(), mean[i], sigma[i]) for i in range(5)]
    part = score(Labels(np.arange(7), truth), spectra, edition=edition)
    assert format_scores({"fit": part}).splitlines()[-1] == "5 of 7 planets of the labels"
    assert lines[-1].startswith("  AIRS 3.4-3.9 um")
    starred = format_scores(
        {"a fit of a long name": score(truth, (mean, sigma), stars=[0, 1] * 3 + [0])}
    )
    assert starred.splitlines()[2].startswith("  star 0 ")
    assert len({len(line) for line in starred.splitlines()}) == 1


@pytest.mark.parametrize("which", ["mean", "sigma"])
@pytest.mark.parametrize(("value", "rule"), [(-1e-9, "at least 0"), (np.nan, "finite")])
def test_the_officials_errors_are_raised(table, which, value, rule):
    truth, *prediction = (values.copy() for values in table)
    prediction[which == "sigma"][2, 7] = value
    with pytest.raises(SubmissionError, match=f"every {which} .* {rule}; 1 are not.* row 2"):
        score(truth, tuple(prediction))


def test_wrong_shapes_editions_and_columns_are_refused(table, tmp_path):
    truth, mean, sigma = table
    with pytest.raises(ShapeError, match="sigma must have 283 along 'wavelength'"):
        score(truth, (mean, sigma[:, :282]))
    with pytest.raises(ConfigError, match="edition must be 2024 or 2025; got 2023"):
        score(truth, (mean, sigma), edition=2023)
    pl.DataFrame({"planet_id": [1], "wl_1": ["deep"]}).write_csv(tmp_path / "bad.csv")
    with pytest.raises(SubmissionError, match=r"(?s)567 columns are needed.*must be numeric: wl_1"):
        score(truth, tmp_path / "bad.csv")


@pytest.mark.real
@pytest.mark.parametrize(
    ("error_ppm", "expected"),
    [(10, 0.912), (20, 0.789), (26, 0.742), (30, 0.717), (40, 0.666), (58, 0.60), (100, 0.504)],
)
def test_the_ladder_of_calibrated_errors_on_the_real_labels(shared_data, error_ppm, expected):
    truth = read_labels(shared_data / "adc2024" / "train_labels.csv").depths
    sigma = np.full_like(truth, error_ppm * 1e-6)
    mean = truth + sigma * np.random.default_rng(0).standard_normal(truth.shape)
    # The printed ladder is that of all 673 planets and to 2-3 digits; 473 are at hand.
    assert score(truth, (np.clip(mean, 0, None), sigma)).raw == pytest.approx(expected, abs=0.004)


@pytest.mark.real
def test_the_flat_truth_scores_as_printed(shared_data):
    truth = read_labels(shared_data / "adc2024" / "train_labels.csv").depths
    flat = np.broadcast_to(truth.mean(axis=1, keepdims=True), truth.shape)
    one = np.full_like(truth, (flat - truth).std())
    own = np.broadcast_to((flat - truth).std(axis=1, keepdims=True), truth.shape)
    assert score(truth, (flat, one)).raw == pytest.approx(0.529, abs=0.02)
    assert 0.75 < score(truth, (flat, own)).raw < 0.79


def test_arguments_in_the_wrong_order_are_told(table, tmp_path):
    truth, mean, sigma = table
    spectra = [
        Spectrum(i, wavelengths(), m, s) for i, (m, s) in enumerate(zip(mean, sigma, strict=True))
    ]
    labels = Labels(np.arange(7), truth)
    submission = make_submission(spectra, range(7), tmp_path / "submission.csv")
    pairs = [
        (tmp_path / "submission.csv", labels),
        (submission, labels),
        (submission_frame(submission), labels),
        (spectra, truth),
        ((mean, sigma), truth),
    ]
    pairs.append((submission, pl.DataFrame(truth, schema=LABEL_COLUMNS)))
    for solution, answer in pairs:
        with pytest.raises(SubmissionError, match=r"submission belongs\. Swap the two\."):
            score(solution, answer)
    assert score(labels, submission).raw == pytest.approx(official_2024(*table), rel=1e-12)


def test_a_report_reads_at_a_glance(table):
    report = score(table[0], table[1:], stars=[0, 1, 0, 1, 1, 0, 0])
    assert repr(report).startswith(f"ScoreReport(score {report.score:.3f}, edition 2024, 7 planets")
    html = report._repr_html_()
    assert html.count("<tr>") == 1 + 1 + 2 + 5
    assert f"<th>star 1</th><td>3</td><td>{report.stars[1].score:.3f}</td>" in html
    assert "<svg" in html


@pytest.mark.parametrize("edition", [2024, 2025])
def test_a_true_depth_of_nought_is_scored_like_any_other(edition):
    """The score depends on differences of depths alone."""
    truth, sigma = np.full((3, 283), 2e-3), np.full((3, 283), 1e-4)
    mean = truth + 1e-4
    zero = Reference(1e-3, 1e-3)
    moved = Reference(-1e-3, 1e-3)
    expected = score(truth, (mean, sigma), edition=edition, reference=zero).raw
    found = score(0 * truth, (mean - 2e-3, sigma), edition=edition, reference=moved).raw
    assert found == pytest.approx(expected, rel=1e-12)
