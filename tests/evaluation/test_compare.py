"""Two answers side by side: what differs, by how much, for whom, and why."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from ariel_kit import plots
from ariel_kit.cli import main
from ariel_kit.core.config import RunSettings, make_settings
from ariel_kit.core.errors import ConfigError, SubmissionError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import FitFacts, Spectrum
from ariel_kit.data.dataset import LABEL_COLUMNS, Labels
from ariel_kit.data.submission import make_submission
from ariel_kit.evaluation.compare import bootstrap_gain, compare_answers, format_comparison
from ariel_kit.evaluation.moves import find_move
from ariel_kit.pipeline import run_pipeline
from ariel_kit.scoring import score

pytestmark = pytest.mark.usefixtures("calibrations")
_made: dict[str, Path] = {}
FACTS = FitFacts(3.7, 1.2, 1.1, 0.3, (0.0,) * 4, (0.0,) * 4, 0.004, 2e-5, 1.0)


@pytest.fixture
def runs(tiny, tmp_path_factory) -> tuple[Path, Path]:
    """The joint fit and the plain one on the same two planets."""
    for extractor in ("joint", "white"):
        if extractor not in _made:
            _made[extractor] = tmp_path_factory.mktemp(extractor)
            settings = make_settings(RunSettings, {"extraction": {"extractor": extractor}})
            run_pipeline(tiny, _made[extractor], settings=settings)
    return _made["joint"], _made["white"]


def test_two_runs_differ_by_their_settings_and_scores(runs, tiny):
    found = compare_answers(*runs, labels=tiny / "test_labels.csv")
    assert set(found.settings) == {"extraction.extractor", "learned"}
    assert found.settings["extraction.extractor"] == ("joint", "white")
    assert "learned corrections need the joint fit" in found.settings["learned"][1]
    one, two = found.reports
    assert found.gain == pytest.approx(two.raw - one.raw)
    assert found.left_out == 0
    assert [abs(m.gain) for m in found.moves] == sorted([abs(m.gain) for m in found.moves])[::-1]
    for move in found.moves:
        before, after = (
            next(s for s in a.spectra if s.planet_id == move.planet_id)
            for a in (found.first, found.second)
        )
        change = after.mean - before.mean
        assert move.level_ppm == pytest.approx(1e6 * change.mean())
        ratio = np.sqrt(np.mean(after.sigma**2) / np.mean(before.sigma**2))
        assert move.sigma_ratio == pytest.approx(ratio)


def submissions(folder, rng, n=60, gain=0.0):
    """Two submissions for planets of known truth: the second's errors are smaller by a share."""
    truth = rng.uniform(2e-3, 8e-3, (n, 1)) * np.ones((n, 283))
    sigma = np.full(truth.shape, 5e-5)
    error = sigma * rng.standard_normal(truth.shape)
    means = (truth + error, truth + (1 - gain) * error)
    for name, mean in zip("ab", means, strict=True):
        rows = [
            Spectrum(i, wavelengths(), m, s)
            for i, (m, s) in enumerate(zip(mean, sigma, strict=True))
        ]
        make_submission(rows, range(n), folder / f"{name}.csv")
    table = pl.DataFrame(truth, schema=LABEL_COLUMNS)
    table.insert_column(0, pl.Series("planet_id", range(n))).write_csv(folder / "labels.csv")
    return folder / "a.csv", folder / "b.csv", folder / "labels.csv"


@pytest.mark.parametrize("edition", [2024, 2025])
def test_the_interval_is_that_of_scoring_resampled_planets(rng, tmp_path, edition):
    """Against the slow way: score both answers anew on every resampled set of planets."""
    a, b, labels = submissions(tmp_path, rng, n=12, gain=0.05)
    found = compare_answers(a, b, labels=labels, edition=edition, seed=3)
    truth = found.truth.depths
    arrays = [
        [np.array([getattr(s, k) for s in answer.spectra]) for k in ("mean", "sigma")]
        for answer in (found.first, found.second)
    ]
    zero = None
    if edition == 2025:
        from ariel_kit.scoring import Reference

        zero = Reference(truth.mean(), truth.std())
    slow = []
    for rows in np.random.default_rng(3).integers(12, size=(2000, 12))[:200]:
        one, two = (
            score(truth[rows], (m[rows], s[rows]), edition=edition, reference=zero).raw
            for m, s in arrays
        )
        slow.append(two - one)
    wider = np.sqrt(12 / 11) * student.ppf(0.975, 11) / norm.ppf(0.975)
    low, high = found.gain + wider * (np.percentile(slow, [2.5, 97.5]) - found.gain)
    width = high - low
    assert found.interval == pytest.approx((low, high), abs=0.25 * width)
    assert found.interval[0] < found.gain < found.interval[1]


@pytest.mark.parametrize("n", [5, 40])
def test_the_interval_holds_the_true_gain_as_often_as_it_says(rng, n):
    held = 0
    for trial in range(400):
        low, high = bootstrap_gain(rng.normal(0.01, 0.05, n), np.ones(n), draws=400, seed=trial)
        held += low <= 0.01 <= high
    assert held / 400 == pytest.approx(0.95, abs=0.035)


def test_one_planet_tells_no_interval(rng, tmp_path):
    a, b, labels = submissions(tmp_path, rng, n=1, gain=0.5)
    found = compare_answers(a, b, labels=labels)
    assert found.interval is None
    assert "one planet tells no interval" in format_comparison(found)


def test_why_a_planet_moved_is_told_stage_by_stage():
    base = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 2e-5), fit=FACTS)
    a = replace(base, provenance={"jitter": {"status": "off"}, "recipe": "full"})
    moved = replace(FACTS, white_depth=0.0041, free_drift=0.7, flags=("grazing",))
    b = replace(a, fit=moved, provenance={"jitter": {"status": "complete"}, "recipe": "quick"})
    assert find_move(a, b, None, (None, "no transit")).reasons == (
        "failed: no -> no transit",
        "jitter: off -> complete",
        "recipe: full -> quick",
        "white-light depth: +100 ppm, 5.0 sigma",
        "probability of a drift of no family: 0 -> 0.7",
        "flags: none -> grazing",
    )
    assert find_move(base, a, None, (None, None)).reasons == ()


def test_answers_that_cannot_be_compared_are_refused(runs, rng, tmp_path):
    a, _, _ = submissions(tmp_path, rng, n=4)
    with pytest.raises(SubmissionError, match=r"need planets in common; .* have none\. Compare"):
        compare_answers(runs[0], a)
    other = Path(shutil.copytree(runs[0], tmp_path / "other"))
    record = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**record, "edition": 2025}))
    with pytest.raises(ConfigError, match="all answers must be of one edition"):
        compare_answers(runs[0], other)


def test_the_picture_shows_the_error_of_each_planet_in_both(rng):
    truth = np.full((3, 283), 0.004)
    errors = np.array([1e-5, 2e-5, 4e-5])[:, None] * np.ones((3, 283))
    flat = np.full(283, 3e-5)
    first = [Spectrum(i, wavelengths(), m, flat) for i, m in enumerate(truth + errors)]
    second = [Spectrum(i, wavelengths(), m, 2 * flat) for i, m in enumerate(truth + errors / 2)]
    ax = plots.plot_comparison(first, second, Labels(np.arange(3), truth), names=("a", "b"))
    _, dots = ax.get_lines()
    np.testing.assert_allclose(dots.get_xdata(), [10, 20, 40])
    np.testing.assert_allclose(dots.get_ydata(), [5, 10, 20])
    assert ax.get_xlabel() == "error of a (ppm rms)"
    ax = plots.plot_comparison(first, second)
    np.testing.assert_allclose(ax.get_lines()[1].get_ydata(), 60)
    with pytest.raises(ConfigError, match="must hold the same planets in one order"):
        plots.plot_comparison(first, second[::-1])


def test_the_verb_tells_it_and_draws_one_picture(runs, tiny, tmp_path, capsys):
    command = ["compare", *map(str, runs), "--labels", str(tiny / "test_labels.csv")]
    assert main([*command, "--output", str(tmp_path / "picture.png")]) == 0
    text = capsys.readouterr().out
    assert "extraction.extractor: joint -> white" in text
    assert "95 % between" in text
    assert (tmp_path / "picture.png").read_bytes()[:4] == b"\x89PNG"
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["planets"] == len(told["moves"]) == 2
    assert told["interval"][0] <= told["gain"] <= told["interval"][1]
    assert main([*command, "--output", str(tmp_path / "picture.pdf")]) == 1
    assert "a picture is drawn as PNG" in capsys.readouterr().err


def test_an_answer_compared_with_itself_has_not_changed(runs):
    lines = format_comparison(compare_answers(runs[0], runs[0])).splitlines()
    assert [line.split("   ")[-1] for line in lines[-2:]] == ["no change"] * 2


def test_a_table_of_zero_sigmas_is_compared_by_finite_numbers(runs, tmp_path, capsys):
    table = pl.read_csv(runs[0] / "submission.csv")
    zero = [pl.lit(0.0).alias(name) for name in table.columns if name.startswith("sigma")]
    table.with_columns(zero).write_csv(tmp_path / "zero.csv")
    for pair in ([tmp_path / "zero.csv", runs[1]], [runs[1], tmp_path / "zero.csv"]):
        assert main(["compare", *map(str, pair), "--json"]) == 0
        for move in json.loads(capsys.readouterr().out)["moves"]:
            assert np.isfinite([move["distance"], move["sigma_ratio"]]).all()
