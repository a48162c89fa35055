"""The jitter stage with planted motion, planted responses, and wrong predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS
from ariel_kit.core.observation import Observation
from ariel_kit.jitter_correction.pointing import FRAMES, MOMENTS, STEPS
from ariel_kit.jitter_correction.stage import (
    JitterStage,
    correct_jitter,
    decorrelate,
    predict_motion,
    trusted_response,
    without_slow_excess,
)
from ariel_kit.light_curve.stage import LineState
from ariel_kit.light_curve.transit import TransitShape, transit_window
from ariel_kit.preprocessing.normalize import white_noise
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.simulation.pointing import Pointing, draw_pointing
from tests.support.elsewhere import Elsewhere

N = AIRS.n_pairs
LEVEL = np.geomspace(1.6e5, 5e3, N_AIRS)
FGS1_LEVEL = 2.5e5
DEPTH = 0.004 + 3e-4 * np.sin(np.linspace(0, 9, N_AIRS))
SHAPE = TransitShape(3.75, 1.32, 1.3)


class Scripted(nn.Module):
    """A network with a given output."""

    def __init__(self, mean: np.ndarray) -> None:
        super().__init__()
        mean = torch.from_numpy(mean.astype(np.float32))[None]
        self.mean = nn.Parameter(mean, requires_grad=False)

    def forward(self, motion: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"mean": self.mean, "log_variance": torch.zeros_like(self.mean)}


def light(time: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """A transit and a drift, different at every wavelength [shape=(time, wavelength)]."""
    span = np.full_like(time, 4.5 / 3600)
    window = transit_window(time, span, SHAPE, np.array([0.004]))[0]
    drift = 1e-3 * np.outer(np.sin(time / 3), np.linspace(0.5, 1.5, len(depth)))
    return (1 - np.outer(window, depth)) * (1 + drift)


def observe(
    rng: np.random.Generator,
    *,
    moved: Pointing | None = None,
    airs_response: np.ndarray | None = None,
    fgs1_response: np.ndarray | None = None,
    noisy: bool = True,
) -> Observation:
    """A visit at native cadence; without `moved` the pointing is nothing but noise."""
    moved = moved or Pointing(*(np.zeros((n, 5), np.float32) for n in (N, N, 12 * N, 12 * N)))
    airs_time, fgs1_time = AIRS.pair_times(), FGS1.pair_times()
    airs = LEVEL * light(airs_time, DEPTH)
    fgs1 = FGS1_LEVEL * light(fgs1_time, DEPTH[:1])[:, 0]
    if airs_response is not None:
        airs *= 1 + moved.airs_odd @ airs_response
    if fgs1_response is not None:
        fgs1 *= 1 + moved.fgs1_odd @ fgs1_response
    if noisy:
        airs += np.sqrt(airs) * rng.standard_normal(airs.shape)
        fgs1 += np.sqrt(fgs1) * rng.standard_normal(fgs1.shape)
    pointing = moved.fgs1_odd[:, :2] + 0.002 * rng.standard_normal((len(fgs1), 2))
    rows = moved.airs_odd[:, [0, 2]] * [0.9, 0.35] + 4e-4 * rng.standard_normal((N, 2))
    return Observation(
        planet_id=1,
        airs=airs.astype(np.float32),
        airs_time=airs_time,
        airs_noise=np.sqrt(LEVEL).astype(np.float32),
        fgs1=fgs1.astype(np.float32),
        fgs1_time=fgs1_time,
        fgs1_noise=FGS1_LEVEL**0.5,
        pointing=pointing.astype(np.float32),
        row_moments=rows.astype(np.float32),
        bad_fraction=np.zeros(N_AIRS, np.float32),
        pointing_noise=np.full(2, 0.002),
        edition=2024,
        provenance={"calibration": {}},
    )


def depths(time: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Least squares with a drift of degree 4: what an error of the light does to a depth."""
    window = 1 - light(time, np.ones(1))[:, 0] / light(time, np.zeros(1))[:, 0]
    design = np.column_stack([np.vander(time / 4 - 1, 5), -window])
    return np.linalg.lstsq(design, flux / np.median(flux, axis=0), rcond=None)[0][-1]


def moved_depths(before: Observation, after: Observation) -> tuple[float, float, float]:
    """Largest change of an AIRS depth, and the changes of the white and of the FGS1 depth."""
    change = [depths(o.airs_time, o.airs.astype(float)) for o in (before, after)]
    white = [
        depths(o.airs_time, o.airs.astype(float).sum(1, keepdims=True)) for o in (before, after)
    ]
    fgs1 = [depths(o.fgs1_time, o.fgs1[:, None].astype(float)) for o in (before, after)]
    return tuple(float(np.abs(b - a).max()) for a, b in (change, white, fgs1))


def garbage(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Build a wrong prediction [shape=(time, 5)]."""
    time = AIRS.pair_times()
    transit = 1 - light(time, np.full(1, 0.5))
    answers: dict[str, Callable[[], np.ndarray]] = {
        "noise": lambda: rng.standard_normal((N, 5)),
        "transit": lambda: np.repeat(transit, 5, axis=1),
        "powers of the transit": lambda: (3 * transit) ** np.arange(1, 6),
        "drift": lambda: np.vander(time / 4 - 1, 6)[:, :5],
        "walk": lambda: np.cumsum(rng.standard_normal((N, 5)), axis=0),
        "transit in noise": lambda: transit + 0.02 * rng.standard_normal((N, 5)),
        "nothing": lambda: np.zeros((N, 5)),
        "all the same": lambda: np.repeat(rng.standard_normal((N, 1)), 5, axis=1),
    }
    return answers[kind]()


GARBAGE = (
    "noise",
    "transit",
    "powers of the transit",
    "drift",
    "walk",
    "transit in noise",
    "nothing",
    "all the same",
)


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_wrong_network_changes_nothing_in_noisy_light(
    kind: str, rng: np.random.Generator
) -> None:
    before = observe(rng)
    after = correct_jitter(before, model=Scripted(garbage(kind, rng)))
    assert max(moved_depths(before, after)) < 1e-6


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_wrong_network_eats_no_transit_even_without_noise(
    kind: str, rng: np.random.Generator
) -> None:
    """Without noise the corners of a transit correlate with a prediction that has transits."""
    before = observe(rng, noisy=False)
    after = correct_jitter(before, model=Scripted(garbage(kind, rng)))
    limit = 0.01 * DEPTH.max() if "transit" in kind else 1e-6
    assert max(moved_depths(before, after)) < limit


def test_a_still_telescope_leaves_the_light_curves_alone(rng: np.random.Generator) -> None:
    """The shipped network, and pointing that is nothing but noise."""
    for noisy in (False, True):
        before = observe(rng, noisy=noisy)
        after = correct_jitter(before)
        assert max(moved_depths(before, after)) < 1e-6
        assert after.airs == pytest.approx(before.airs, rel=1e-6)
        assert after.fgs1 == pytest.approx(before.fgs1, rel=1e-6)


def planted(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Responses that double the noise of FGS1, and of AIRS where it is brightest."""
    sigma = np.array([0.012, 0.012, 1.35e-3, 9.6e-4, 1.35e-3])
    airs = 2e-3 * rng.standard_normal((5, N_AIRS)) / sigma[:, None]
    fgs1 = np.array([1, -1.5, 1, 0.5, -1]) * 1.5e-3 / np.array([0.1, 0.1, 0.014, 0.01, 0.014])
    return airs, fgs1


def test_a_planted_response_is_found_and_taken_out(rng: np.random.Generator) -> None:
    airs_response, fgs1_response = planted(rng)
    moved = draw_pointing(rng, N)
    before = observe(rng, moved=moved, airs_response=airs_response, fgs1_response=fgs1_response)
    after = correct_jitter(before, model=Scripted(moved.airs_odd))
    shot = np.sqrt(LEVEL)
    assert white_noise(before.airs.T)[:20].mean() > 1.7 * shot[:20].mean()
    assert white_noise(before.fgs1) > 1.7 * np.sqrt(FGS1_LEVEL)
    assert after.airs_noise / shot == pytest.approx(np.ones(N_AIRS), abs=0.07)
    assert np.median(after.airs_noise / shot) == pytest.approx(1, abs=0.01)
    assert after.fgs1_noise == pytest.approx(np.sqrt(FGS1_LEVEL), rel=0.02)
    facts = after.provenance["jitter"]
    assert facts[AIRS.name]["modes"] == facts[FGS1.name]["modes"] == list(MOMENTS)
    light_left = after.airs / (LEVEL * light(after.airs_time, DEPTH))
    binned = light_left[: N // 375 * 375].reshape(-1, 375, N_AIRS).mean(axis=1)
    expected = 1 / np.sqrt(375 * LEVEL)  # nothing is left in bins of half an hour either
    left = np.sqrt(np.mean(binned.var(axis=0, ddof=1) / expected**2))
    assert left == pytest.approx(1, abs=0.05)


def test_no_wavelength_gets_noisier(rng: np.random.Generator) -> None:
    """Errors of five responses from 5625 exposures add a thousandth."""
    response = np.zeros((5, N_AIRS))
    response[:, :20] = planted(rng)[0][:, :20]
    moved = draw_pointing(rng, N)
    before = observe(rng, moved=moved, airs_response=response)
    after = correct_jitter(before, model=Scripted(moved.airs_odd))
    ratio = after.airs.std(axis=0) / before.airs.std(axis=0)
    assert ratio.max() < 1.001
    assert ratio[:10].mean() < 0.8


def test_the_depth_is_kept_while_jitter_is_taken_out(rng: np.random.Generator) -> None:
    airs_response, fgs1_response = planted(rng)
    moved = draw_pointing(rng, N)
    responses = {"airs_response": airs_response, "fgs1_response": fgs1_response}
    before = observe(rng, moved=moved, noisy=False, **responses)
    after = correct_jitter(before, model=Scripted(moved.airs_odd))
    error = depths(after.airs_time, after.airs.astype(float)) - DEPTH
    assert np.abs(error - error.mean()).max() < 3e-6
    still = depths(before.airs_time, LEVEL * light(before.airs_time, DEPTH)) - DEPTH
    assert error == pytest.approx(still, abs=3e-6)


def test_transit_and_drift_are_no_jitter_but_jitter_is(rng: np.random.Generator) -> None:
    time = AIRS.pair_times()
    transit = 1 - light(time, np.full(1, 0.5))
    white = rng.standard_normal((N, 2))
    found = without_slow_excess(np.column_stack([white, transit]), seconds=AIRS.cadence)
    assert (found[:, :2] - white).std() < 0.02
    assert found[:, 2].std() < 0.05 * transit.std()  # what its corners hold of fast waves
    mixed = without_slow_excess(white[:, :1] + 10 * transit, seconds=AIRS.cadence)
    assert (mixed - white[:, :1]).std() < 0.15


def test_responses_shrink_by_what_their_errors_explain(rng: np.random.Generator) -> None:
    error = np.geomspace(1, 5, 2000)
    nothing = error * rng.standard_normal((1, 2000))
    something = nothing + 2 * error * rng.standard_normal((1, 2000))
    found = trusted_response(np.concatenate([nothing, something]), error)
    assert not found[0].any()
    assert found[1] / something[0] == pytest.approx(np.full(2000, 0.8), abs=0.02)
    alone = trusted_response(np.array([[0.5], [30.0], [-1.0], [0.2], [0.9]]), np.ones(1))
    assert alone[1, 0] == pytest.approx(30, rel=0.01)
    assert not trusted_response(np.array([[0.5], [1.2], [-1.0], [0.2], [0.9]]), np.ones(1)).any()


@pytest.mark.parametrize("twin", ["zero", "copy", "sum"])
def test_modes_that_say_nothing_new_are_harmless(twin: str, rng: np.random.Generator) -> None:
    modes = rng.standard_normal((2000, 5))
    modes[:, 2] = {"zero": 0 * modes[:, 0], "copy": modes[:, 0], "sum": modes[:, :2].sum(1)}[twin]
    flux = 1e4 * (1 + 0.01 * modes[:, [0]] + 0.01 * modes[:, [4]])
    flux = flux + 10 * rng.standard_normal(flux.shape)
    corrected, followed = decorrelate(flux, modes, seconds=AIRS.cadence)
    assert corrected.std() < 15
    assert "dy2" not in followed


def cut(observation: Observation, n_airs: int, n_fgs1: int) -> Observation:
    """The beginning of a visit."""
    short = {"airs": n_airs, "airs_time": n_airs, "row_moments": n_airs}
    short |= {"fgs1": n_fgs1, "fgs1_time": n_fgs1, "pointing": n_fgs1}
    return replace(observation, **{k: getattr(observation, k)[:n] for k, n in short.items()})


@pytest.mark.parametrize(
    ("n_airs", "n_fgs1", "skipped", "reason"),
    [
        (100, 1199, {AIRS.name}, "100 exposures of AIRS need 1200 frames of FGS1; got 1199."),
        (100, 0, {AIRS.name, FGS1.name}, "needs at least 768 exposures; got 0."),
        (10, 1200, {AIRS.name}, "needs at least 64 exposures; got 10."),
    ],
)
def test_what_is_missing_is_named_and_skipped(
    n_airs: int,
    n_fgs1: int,
    skipped: set[str],
    reason: str,
    rng: np.random.Generator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = cut(observe(rng), n_airs, n_fgs1)
    after = correct_jitter(before, model=Scripted(np.zeros((n_airs, 5))))
    facts = after.provenance["jitter"]
    assert {name for name, fact in facts.items() if fact["status"] == "skipped"} == skipped
    assert reason in caplog.text
    assert any(reason in fact.get("reason", "") for fact in facts.values())
    assert np.array_equal(after.airs, before.airs)


def test_a_network_that_answers_nan_is_not_believed(
    rng: np.random.Generator, caplog: pytest.LogCaptureFixture
) -> None:
    before = observe(rng)
    after = correct_jitter(before, model=Scripted(np.full((N, 5), np.nan)))
    assert "output of the network must be finite" in caplog.text
    assert np.array_equal(after.airs, before.airs)
    assert after.provenance["jitter"][FGS1.name]["status"] == "complete"


def test_pointing_that_is_not_finite_is_no_pointing(
    rng: np.random.Generator, caplog: pytest.LogCaptureFixture
) -> None:
    before = observe(rng)
    pointing = before.pointing.copy()
    pointing[7, 1] = np.nan
    after = correct_jitter(replace(before, pointing=pointing))
    assert "the pointing must be finite" in caplog.text
    assert np.array_equal(after.fgs1, before.fgs1)
    assert np.array_equal(after.airs, before.airs)


def test_the_provenance_can_be_stored(rng: np.random.Generator, tmp_path: Path) -> None:
    after = correct_jitter(observe(rng))
    after.save(tmp_path / "one.npz")
    assert Observation.load(tmp_path / "one.npz").provenance == after.provenance
    assert "calibration" in after.provenance


def test_the_shipped_network_knows_where_the_telescope_pointed(rng: np.random.Generator) -> None:
    """Against the mean of twelve centroids, and the least error that twelve of 45 steps allow."""
    moved = draw_pointing(rng, N)
    before = observe(rng, moved=moved)
    found = predict_motion(before)
    truth = moved.airs_odd / np.array([0.8, 0.8, 0.64, 0.64, 0.64])
    raw = before.pointing.reshape(N, FRAMES, 2).mean(axis=1) - truth[:, :2]
    error = found.mean[:, :2] - truth[:, :2]
    y, x = error.std(axis=0) / raw.std(axis=0)
    assert y < 0.2  # the rows of AIRS see it, too
    assert x < 1.03 * np.sqrt(FRAMES / STEPS)
    assert np.sqrt(np.mean(error**2) / np.mean(raw**2)) < 0.4
    off = (found.mean - truth) / found.sigma
    assert off[:, 1:].std(axis=0) == pytest.approx(np.ones(4), abs=0.1)


def test_motion_is_predicted_where_the_network_is(rng: np.random.Generator) -> None:
    answers = {name: torch.zeros(1, N, len(MOMENTS)) for name in ("mean", "log_variance")}
    found = predict_motion(observe(rng), model=Elsewhere(answers))
    assert found.mean.shape == found.sigma.shape == (N, len(MOMENTS))


def test_the_stage_leaves_binned_light_curves_alone() -> None:
    (planet,) = draw_planets(1, seed=3)
    binned = simulate_observation(planet, seed=0)
    stage = JitterStage(Scripted(np.zeros((1, 5))), "")
    (after,) = stage(LineState([binned], None)).observations
    assert after.provenance["jitter"]["status"] == "skipped"
    assert np.array_equal(after.airs, binned.airs)
