"""What the refining network, the blend, a smoothness prior and the temperatures are worth.

pytest -m benchmark -s tests/benchmarks/test_refinement.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.spectrum import Spectrum
from ariel_kit.models import create_model
from ariel_kit.scoring import score
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.spectral_extraction import fit_light_curves, learn_prior
from ariel_kit.spectral_extraction.stage import draw_refinements
from ariel_kit.uncertainty import (
    Temperature,
    combine_draws,
    find_temperature,
    honest_sigma,
    smooth,
)
from tests.support.results import listed, write_results
from tests.support.visits import as_visits

SEED = 6_626_200
PER_GROUP = 48
GROUPS = {
    "known stars, known molecules": ((0, 1), "known"),
    "known stars, unseen molecules": ((0, 1), "unseen"),
    "unseen stars, known molecules": ((4, 5), "known"),
    "unseen stars, unseen molecules": ((6, 7), "unseen"),
}
NAMES = np.repeat(list(GROUPS), PER_GROUP)


@pytest.fixture(scope="module")
def measured() -> tuple[np.ndarray, list[Spectrum], list]:
    """Truth, fits and draws of planets that no training saw."""
    planets = [
        planet
        for number, (stars, molecules) in enumerate(GROUPS.values())
        for planet in draw_planets(PER_GROUP, seed=SEED + number, stars=stars, molecules=molecules)
    ]
    labels = draw_planets(200, seed=SEED + 9, stars=(0, 1), molecules="known")
    prior = learn_prior(np.array([planet.depths for planet in labels]))
    curves = simulate_light_curves(planets, seed=SEED)
    visits = as_visits([planet.planet_id for planet in planets], curves)
    spectra = fit_light_curves(visits, prior=prior).spectra
    draws = draw_refinements(spectra, curves, model=create_model("resnet1d", weights="default"))
    return np.array([planet.depths for planet in planets]), spectra, draws


def show(name: str, truth: np.ndarray, spectra: list[Spectrum]) -> dict[str, float]:
    """Print one row a group; give back the scores."""
    mean, sigma = (np.array([getattr(s, key) for s in spectra]) for key in ("mean", "sigma"))
    scores = {}
    for group in GROUPS:
        rows = group == NAMES
        report = score(truth[rows], (mean[rows], sigma[rows]))
        error = truth[rows] - mean[rows]
        shape = error - error[:, 1:].mean(axis=1, keepdims=True)
        scale = np.sqrt(np.mean((error / sigma[rows]) ** 2))
        best = score(truth[rows], (mean[rows], scale * sigma[rows])).score
        scores[group] = report.total.score
        print(
            f"| {name} | {group} | {report.total.score:.4f} | {best:.4f} | "
            f"{report.total.rmse_ppm:.1f} | {1e6 * np.sqrt(np.mean(shape**2)):.1f} | "
            f"{report.total.coverage:.3f} |"
        )
    return scores


@pytest.mark.benchmark
def test_refinement(measured: tuple[np.ndarray, list[Spectrum], list]) -> None:
    """The blend helps where gases are known and loses nothing where they are not."""
    truth, fits, draws = measured
    print("\n| line | planets | score | best rescaled | RMSE, ppm | of the shape, ppm | coverage |")
    print("|---|---|---|---|---|---|---|")
    fit = show("joint fit", truth, fits)
    network = [combine_draws(s, d.means, d.variances) for s, d in zip(fits, draws, strict=True)]
    show("network", truth, network)
    blended = honest_sigma(fits, draws)
    blend = show("blend", truth, blended)
    for amplitude in (3e-4, 1e-3):
        again = [smooth(s, length=8.0, amplitude=amplitude) for s in blended]
        show(f"blend, smoothed at {1e6 * amplitude:.0f} ppm", truth, again)
    warm = Temperature.load(find_temperature(refined=True))
    show("blend, temperature", truth, honest_sigma(fits, draws, temperature=warm))
    gains = {group: blend[group] - fit[group] for group in GROUPS}
    write_results("refinement", listed(gains.values(), "+.3f"))
    assert np.mean(list(gains.values())) > 0.0
    assert min(gains.values()) > -0.002


@pytest.mark.benchmark
def test_what_the_spread_of_the_draws_is_worth(
    measured: tuple[np.ndarray, list[Spectrum], list],
) -> None:
    """The spread beside sigma and beside the error, for known molecules and for unseen ones."""
    truth, fits, draws = measured
    spread = np.array([d.means.std(axis=0) for d in draws])
    sigma, mean = (np.array([getattr(s, name) for s in fits]) for name in ("sigma", "mean"))
    told = []
    for kind in ("known molecules", "unseen molecules"):
        rows = np.array([name.endswith(kind) for name in NAMES])
        parts = [np.sqrt(np.mean(x[rows] ** 2)) * 1e6 for x in (spread, sigma, mean - truth)]
        told.append(f"{parts[0]:.1f} ppm beside a sigma of {parts[1]:.1f} and errors of ")
        told[-1] += f"{parts[2]:.1f} for {kind}"
    print("\n" + "\n".join(told))
    write_results("epistemic", ", ".join(told))


@pytest.mark.benchmark
def test_oracles_of_level_and_shape(measured: tuple[np.ndarray, list[Spectrum], list]) -> None:
    """What would be left to win if one part of each fit's error were known."""
    truth, fits, _ = measured
    print("\n| known exactly | planets | score | best rescaled | RMSE | of the shape | coverage |")
    print("|---|---|---|---|---|---|---|")
    average = np.concatenate([[0.0], np.full(282, 1 / 282)])
    levelled, shaped = [], []
    for spectrum, depths in zip(fits, truth, strict=True):
        covariance = np.asarray(spectrum.covariance)
        level = average @ covariance @ average
        gain = covariance @ average / level
        offset = average @ (depths - spectrum.mean)
        rest = np.diag(covariance) - gain**2 * level
        known_level = np.hypot(np.sqrt(np.maximum(rest, 0)), 5e-6)
        levelled.append(replace(spectrum, mean=spectrum.mean + gain * offset, sigma=known_level))
        shaped.append(
            replace(spectrum, mean=depths - offset, sigma=np.full(283, np.hypot(level**0.5, 5e-6)))
        )
    base = show("nothing", truth, fits)
    known = show("level", truth, levelled)
    assert all(known[group] > base[group] for group in GROUPS)
    shape = show("shape", truth, shaped)
    for name, scores in {"level": known, "shape": shape}.items():
        write_results(name, listed((scores[group] - base[group] for group in GROUPS), "+.2f"))


@pytest.mark.benchmark
def test_temperatures(measured: tuple[np.ndarray, list[Spectrum], list]) -> None:
    """Coverage overall and by regime, and what is lost to the best single rescaling."""
    truth, fits, draws = measured
    for refined, drawn in ((False, [None] * len(fits)), (True, draws)):
        warm = Temperature.load(find_temperature(refined=refined))
        plain = honest_sigma(fits, drawn)
        honest = honest_sigma(fits, drawn, temperature=warm)
        mean, sigma = (np.array([getattr(s, key) for s in honest]) for key in ("mean", "sigma"))
        error = truth - mean
        inside = np.abs(error) < sigma
        before = np.array([s.sigma for s in plain])
        scale = np.sqrt(np.mean((error / before) ** 2))
        loss = score(truth, (mean, scale * before)).score - score(truth, (mean, sigma)).score
        print(
            f"\nrefined {refined}: coverage {inside.mean():.3f}, {loss:.4f} lost to the best scale"
        )
        rows, columns = warm.regimes(mean, before)
        for i in range(len(warm.factors)):
            cells = [(rows == i) & (columns == j) for j in range(len(warm.factors[0]))]
            print("  ".join(f"{inside[c].mean():.3f} ({c.sum():2d})" for c in cells if c.any()))
        assert 0.63 < inside.mean() < 0.76
        assert loss < 0.01
    planets = f"{inside.mean():.3f} over the {len(truth)}"
    lost = f"{loss:.4f} of score lost to the best single factor"
    write_results("temperatures", f"{planets}, and {lost}")
