"""Planted errors are found and corrected; nothing else is changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.learning.corrections import Corrections, total_covariance
from ariel_kit.learning.learn import fit_corrections
from ariel_kit.learning.scale import robust_regression
from ariel_kit.learning.shrinkage import Estimate, shrink
from ariel_kit.scoring import score
from tests.support.drawn_spectra import draw_measured

SEEDS = range(6)


def values(spectra: list[Spectrum]) -> tuple[np.ndarray, np.ndarray]:
    mean, sigma = (np.array([getattr(s, name) for s in spectra]) for name in ("mean", "sigma"))
    return mean, sigma


def change(corrections: Corrections, spectra: list[Spectrum]) -> list[Spectrum]:
    return [corrections.apply(spectrum) for spectrum in spectra]


def covered(spectra: list[Spectrum], truth: np.ndarray) -> float:
    mean, sigma = values(spectra)
    return float(np.mean(np.abs(mean - truth) < sigma))


def bias(spectra: list[Spectrum], truth: np.ndarray) -> tuple[float, float]:
    """Scale of measured over true depth, minus 1: FGS1 and AIRS, weighted by depth."""
    mean, _ = values(spectra)
    ratio = (mean * truth).sum(axis=0) / (truth**2).sum(axis=0) - 1
    return float(ratio[0]), float(ratio[1:].mean())


def test_a_foreground_left_in_and_small_sigmas_are_both_corrected_with_60_planets():
    """The planted 0.8 % and 1 / 0.7 are corrected on planets that were not learned from."""
    planted = {"left": 0.008, "factors": (1 / 0.7,) * 3}
    biases, covers = [], []
    for seed in SEEDS:
        corrections = fit_corrections(*draw_measured(60, seed=seed, **planted))
        others, truth = draw_measured(60, seed=1000 + seed, **planted)
        assert bias(others, truth)[1] < -0.006
        assert covered(others, truth) < 0.55
        biases.append(corrections.scale.factors() / 1.008 - 1)
        covers.append(covered(change(corrections, others), truth))
    assert np.abs(np.mean(biases, axis=0)).max() < 0.001
    assert np.sqrt(np.mean(np.square(biases), axis=0)).max() < 0.0015
    assert 0.65 < np.mean(covers) < 0.71


def test_where_nothing_is_wrong_nothing_is_changed_much():
    for seed in SEEDS:
        corrections = fit_corrections(*draw_measured(60, seed=seed))
        assert abs(corrections.scale.airs.value - 1) < 0.001
        assert abs(corrections.scale.slope.value) < 0.001
        assert np.abs(np.log(corrections.sigma.level.regimes)).max() < 0.2


@pytest.mark.parametrize("planted", [{}, {"left": 0.008, "factors": (1.4, 1.4, 1.4)}])
def test_five_planets_make_nothing_worse(planted):
    """Averaged over draws; uncertain estimates from so few planets are shrunk to the defaults."""
    losses = []
    for seed in range(12):
        corrections = fit_corrections(*draw_measured(5, seed=seed, **planted))
        others, truth = draw_measured(60, seed=2000 + seed, **planted)
        shipped = score(truth, values(others)).raw
        losses.append(shipped - score(truth, values(change(corrections, others))).raw)
    assert np.mean(losses) < 0.003


def test_too_few_planets_teach_nothing():
    assert fit_corrections(*draw_measured(3, seed=0)) == Corrections()


def test_one_wild_planet_turns_nothing():
    spectra, truth = draw_measured(60, seed=3)
    calm = fit_corrections(spectra, truth)
    truth[7] *= 1.3
    wild = fit_corrections(spectra, truth)
    for name, part in calm.parts().items():
        other = wild.parts()[name]
        assert abs(other.found - part.found) < 1.2 * part.error


def test_each_kind_of_error_finds_its_own_factor():
    spectra, truth = draw_measured(300, seed=4, factors=(2.0, 1.0, 0.5))
    found = fit_corrections(spectra, truth).sigma
    assert found.level.overall.value == pytest.approx(2.0, rel=0.1)
    assert found.shape.overall.value == pytest.approx(1.0, rel=0.05)
    assert found.fgs1.overall.value == pytest.approx(0.5, rel=0.1)


def test_regimes_of_signal_to_noise_have_factors_of_their_own():
    """Shallow planets whose sigma is right, beside deep ones whose sigma is half of it."""
    spectra, truth = draw_measured(300, seed=5)
    deep = truth[:, 1:].mean(axis=1) > np.median(truth[:, 1:].mean(axis=1))
    doubled = [
        replace(s, mean=t + 2 * (s.mean - t)) if d else s
        for s, t, d in zip(spectra, truth, deep, strict=True)
    ]
    sigma = fit_corrections(doubled, truth).sigma
    assert len(sigma.edges) == 2
    assert sigma.level.regimes[0] == pytest.approx(1.0, rel=0.2)
    assert sigma.level.regimes[-1] == pytest.approx(2.0, rel=0.2)
    row = [
        sigma.of(s) for s in (doubled[i] for i in np.argsort(truth[:, 1:].mean(axis=1))[[0, -1]])
    ]
    assert row[0][0] == sigma.level.regimes[0]
    assert row[1][0] == sigma.level.regimes[-1]
    few, few_truth = draw_measured(59, seed=5)
    assert fit_corrections(few, few_truth).sigma.edges == ()


def test_a_corrected_covariance_is_that_of_corrected_draws():
    """Compare with the covariance of a million draws that were corrected one by one."""
    (spectrum, *_), _ = draw_measured(1, seed=6)
    corrections = Corrections.model_validate(
        {
            "scale": {"fgs1": one(1.02), "airs": one(1.01), "slope": one(0.003)},
            "sigma": {
                name: {"overall": one(f), "regimes": [f]}
                for name, f in (("level", 1.5), ("shape", 0.8), ("fgs1", 1.2))
            },
        }
    )
    corrected = corrections.apply(spectrum)
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((20000, 283)) @ np.linalg.cholesky(spectrum.covariance).T
    draws *= corrections.scale.factors()
    level = draws[:, 1:].mean(axis=1, keepdims=True)
    draws[:, 1:] = 0.8 * (draws[:, 1:] - level) + 1.5 * level
    draws[:, 0] *= 1.2
    sampled = np.cov(draws.T)
    scale = np.outer(corrected.sigma, corrected.sigma)
    np.testing.assert_allclose(corrected.covariance / scale, sampled / scale, atol=0.05)
    np.testing.assert_allclose(corrected.sigma**2, np.diag(corrected.covariance))
    assert np.linalg.eigvalsh(corrected.covariance).min() > 0
    np.testing.assert_allclose(corrected.mean, corrections.scale.factors() * spectrum.mean)


def one(value: float) -> dict[str, float]:
    return Estimate(value=value, found=value, error=0.001).model_dump()


def test_sigma_beyond_the_posterior_goes_into_the_covariance():
    (spectrum, *_), _ = draw_measured(1, seed=6)
    wider = replace(spectrum, sigma=1.5 * spectrum.sigma)
    np.testing.assert_allclose(np.sqrt(np.diag(total_covariance(wider))), wider.sigma)
    flat = Spectrum(1, wavelengths(), spectrum.mean, spectrum.sigma)
    np.testing.assert_array_equal(total_covariance(flat), np.diag(flat.sigma**2))


def test_a_planet_that_was_not_measured_is_left_alone():
    (spectrum, *_), _ = draw_measured(1, seed=6)
    lost = Corrections().apply(replace(spectrum, fit=None))
    assert lost.provenance["learned"]["status"] == "skipped"
    np.testing.assert_array_equal(lost.mean, spectrum.mean)


def test_each_part_can_be_put_back():
    corrections = fit_corrections(*draw_measured(90, seed=7, left=0.01, factors=(2, 2, 2)))
    for part in corrections.parts():
        back = corrections.without(part)
        assert back.parts()[part].error == 0
        others = [name for name in corrections.parts() if name != part]
        assert [back.parts()[n] for n in others] == [corrections.parts()[n] for n in others]
    bare = corrections
    for part in corrections.parts():
        bare = bare.without(part)
    (spectrum, *_), _ = draw_measured(1, seed=6)
    np.testing.assert_allclose(bare.apply(spectrum).sigma, spectrum.sigma, rtol=1e-9)


def test_the_regression_is_that_of_least_squares_where_errors_are_gaussian(rng):
    response = rng.standard_normal((400, 3, 2))
    root = np.array([[1.0, 0, 0], [0.5, 2.0, 0], [0, 0, 0.3]])
    truth = np.array([0.7, -0.2])
    target = response @ truth + rng.standard_normal((400, 3)) @ root.T
    noise = np.broadcast_to(root @ root.T, (400, 3, 3))
    found, error = robust_regression(response, target, noise)
    white = np.linalg.solve(root, response.reshape(400, 3, 2))
    flat = np.linalg.solve(root, target[..., None])
    plain, *_ = np.linalg.lstsq(white.reshape(-1, 2), flat.reshape(-1), rcond=None)
    np.testing.assert_allclose(found, plain, atol=0.5 * error.max())
    assert np.all(np.abs(found - truth) < 4 * error)


def test_what_is_far_outside_its_error_is_kept_and_what_is_within_is_gone():
    assert shrink(0.01, 0.0005, 0.01) == pytest.approx(0.01, rel=0.01)
    assert abs(shrink(0.0005, 0.0005, 0.01)) < 1e-4
    assert shrink(0.0, 0.0005, 0.01) == 0.0
    assert shrink(0.3, 0.0, 0.01) == 0.3


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("scale", "fgs1"), 0.0, "factors of depth must lie between 0.1 and 10; got 0"),
        (("scale", "airs"), -1.0, "factors of depth must lie"),
        (("scale", "slope"), 1e9, "factors of depth must lie"),
    ],
)
def test_factors_that_no_planets_can_teach_are_refused(path, value, message):
    stored = Corrections().model_dump(mode="json")
    stored[path[0]][path[1]]["value"] = value
    with pytest.raises(ValueError, match=message):
        Corrections.model_validate(stored)
    negative = Corrections().model_dump(mode="json")
    negative["sigma"]["shape"]["regimes"] = [-1.0]
    with pytest.raises(ValueError, match=r"factors of sigma must lie between 0\.001 and 1000"):
        Corrections.model_validate(negative)
