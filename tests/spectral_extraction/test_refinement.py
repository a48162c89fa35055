"""Input, output and training data of the refining network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ariel_kit.core.errors import FitError, ShapeError
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.observation import LightCurves
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.models import create_model
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.simulation.pseudo import pseudo_spectra
from ariel_kit.spectral_extraction import fit_light_curves, learn_prior
from ariel_kit.spectral_extraction.features import FEATURES, Errors, describe, leftover
from ariel_kit.spectral_extraction.stage import draw_refinements
from ariel_kit.training.pools import fitted
from ariel_kit.training.pools.fitted import FittedPlanets, fit_chunk, fitted_chunks
from ariel_kit.training.tasks.resnet1d import TaskSettings, make_task
from ariel_kit.uncertainty import combine_draws
from tests.support.visits import as_visits

PLANETS = draw_planets(4, seed=81, stars=(101, 102))


@pytest.fixture(scope="module")
def curves():
    return simulate_light_curves(PLANETS, seed=3)


@pytest.fixture(scope="module")
def spectra(curves) -> list[Spectrum]:
    labels = np.array([p.depths for p in draw_planets(60, seed=82)])
    visits = as_visits([p.planet_id for p in PLANETS], curves)
    return fit_light_curves(visits, prior=learn_prior(labels)).spectra


def scaled(curve: LightCurves, factor: float) -> LightCurves:
    return replace(curve, flux=factor * curve.flux, noise=factor * curve.noise)


def test_a_planet_is_described_by_finite_numbers(spectra, curves):
    told = describe(spectra[0], curves[0])
    assert told.shape == (len(FEATURES), N_WAVELENGTHS)
    assert np.isfinite(told).all()
    assert np.abs(told).max() < 30
    assert told[FEATURES.index("FGS1")].tolist() == [1.0] + [0.0] * 282


def test_a_brighter_star_is_described_alike(spectra, curves):
    """The same relative light curves of a star ten times as bright, on either instrument."""
    told = describe(spectra[0], curves[0])
    airs, fgs1 = curves[0]
    brighter = describe(spectra[0], (scaled(airs, 10.0), scaled(fgs1, 3.0)))
    np.testing.assert_allclose(brighter, told, atol=1e-5)


def test_errors_are_parted_into_level_and_shape(spectra):
    errors, covariance = Errors.of(spectra[0]), spectra[0].covariance
    draws = np.random.default_rng(0).multivariate_normal(spectra[0].mean, covariance, 20000)
    shapes = draws - draws[:, 1:].mean(axis=1, keepdims=True)
    assert errors.shape == pytest.approx(shapes.std(axis=0), rel=0.04)
    assert errors.total == pytest.approx(draws.std(axis=0), rel=0.04)
    assert errors.level == pytest.approx(spectra[0].mean[1:].mean())


def test_nothing_is_left_over_of_the_true_spectrum(spectra, curves):
    """White noise of unit variance: 4 x 282 numbers."""
    left = np.concatenate(
        [
            leftover(replace(spectrum, mean=planet.depths), spectrum.fit, airs)
            for spectrum, planet, (airs, _) in zip(spectra, PLANETS, curves, strict=True)
        ]
    )
    assert left.std() == pytest.approx(1, abs=0.07)
    assert abs(np.mean(left[1:] * left[:-1])) < 0.1


def test_a_feature_that_the_fit_missed_is_left_over(spectra, curves):
    """A feature that the spectrum lacks is left over, in units of noise, whatever the drift."""
    bump = np.zeros(N_WAVELENGTHS)
    bump[100:112] = 2e-4
    found = []
    for spectrum, (airs, _) in zip(spectra, curves, strict=True):
        with_bump, without = (
            leftover(replace(spectrum, mean=mean), spectrum.fit, airs)
            for mean in (spectrum.mean - bump, spectrum.mean)
        )
        found.append(with_bump - without)
    found = np.array(found)
    assert (found[:, 101:109].mean(axis=1) > 8 * np.abs(found[:, 150:]).mean(axis=1)).all()
    noise = 2e-4 / found[:, 101:109].mean(axis=1)
    assert (noise > 5e-5).all()
    assert (noise < 8e-4).all()  # facts: 71 to 619 ppm at one wavelength


def test_a_fresh_network_changes_nothing(spectra, curves):
    model = create_model("test_resnet1d", features=len(FEATURES))
    for spectrum, drawn in zip(
        spectra, draw_refinements(spectra, curves, model=model, draws=3), strict=True
    ):
        refined = combine_draws(spectrum, drawn.means, drawn.variances)
        np.testing.assert_allclose(refined.mean, spectrum.mean, rtol=1e-12)
        np.testing.assert_allclose(refined.sigma, spectrum.sigma, rtol=1e-9)
        np.testing.assert_allclose(refined.covariance, spectrum.covariance, rtol=1e-9, atol=1e-20)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    """Build a network with a non-zero output."""
    torch.manual_seed(5)
    model = create_model("test_resnet1d", features=len(FEATURES))
    model.set_molecules(torch.randn(2, N_WAVELENGTHS))
    torch.nn.init.normal_(model.head.weight, std=0.3)
    return model


def test_the_level_is_the_fits(spectra, curves, model):
    for spectrum, drawn in zip(
        spectra, draw_refinements(spectra, curves, model=model), strict=True
    ):
        assert drawn.means[:, 1:].mean(axis=1) == pytest.approx(spectrum.mean[1:].mean(), rel=1e-6)
        assert np.abs(drawn.means - spectrum.mean).max() > 1e-6
        assert (drawn.means.std(axis=0) > 0).all()  # dropout is on


def test_planets_do_not_depend_on_their_neighbours(spectra, curves, model):
    together = draw_refinements(spectra, curves, model=model)
    backwards = draw_refinements(spectra[::-1], curves[::-1], model=model)[::-1]
    for one, two in zip(together, backwards, strict=True):
        np.testing.assert_allclose(one.means, two.means, rtol=1e-6)
        np.testing.assert_allclose(one.variances, two.variances, rtol=1e-5)


def test_the_seed_decides_what_is_dropped(spectra, curves, model):
    first, again, other = (
        draw_refinements(spectra[:1], curves[:1], model=model, seed=seed)[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.means, again.means)
    assert (first.means != other.means).any()


def test_a_planet_that_was_not_fitted_is_left_alone(spectra, curves, model):
    prior = learn_prior(np.array([p.depths for p in PLANETS]))
    some = [prior.fallback(7, "dust"), spectra[1], replace(spectra[2], covariance=None)]
    drawn = draw_refinements(some, curves[:3], model=model)
    assert [d is None for d in drawn] == [True, False, True]
    with pytest.raises(FitError, match="spectrum of planet 7 must have a covariance"):
        describe(some[0], curves[0])
    with pytest.raises(ShapeError, match="got 4 pairs and 3 spectra"):
        draw_refinements(some, curves, model=model)


def test_no_clamp_forbids_a_small_sigma():
    """From 30 ppm to 5 ppm, and to 0.5: the log-variance takes any value."""
    model = create_model("test_resnet1d")
    inputs = model.example_inputs(1, torch.Generator().manual_seed(0))
    for ratio in (5 / 30, 0.5 / 30):
        torch.nn.init.constant_(model.head.bias, 2 * float(np.log(ratio)))
        factor = model(**inputs)["log_variance"].exp()
        assert factor.sqrt().detach().numpy() == pytest.approx(ratio, rel=1e-5)


def test_dropout_takes_whole_bands_and_keeps_the_mean():
    model = create_model("test_resnet1d", drop_rate=0.5)
    drawn = model.draw_dropout(4000, torch.Generator().manual_seed(1))
    assert drawn["channels"].mean().item() == pytest.approx(1, abs=0.02)
    assert drawn["bands"].mean().item() == pytest.approx(1, abs=1e-5)
    gone = (drawn["bands"] == 0).numpy().astype(int)
    edges = np.abs(np.diff(gone, axis=2)).sum(axis=2)
    assert edges.max() <= 2  # one band
    inner = gone[(edges == 2) & (gone[..., 0] == 0)].sum(axis=1)
    assert inner.min() >= 12
    assert inner.max() <= 60


def test_templates_are_stored_with_the_weights():
    shapes = torch.arange(2.0 * N_WAVELENGTHS).reshape(2, N_WAVELENGTHS) ** 2
    model = create_model("test_resnet1d")
    model.set_molecules(shapes)
    stored = model.state_dict()["molecules"]
    torch.testing.assert_close(stored.mean(1), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(stored.std(1, correction=0), torch.ones(2), atol=1e-4, rtol=0)


def test_the_kits_network_is_small_and_knows_known_gases_only():
    task = make_task(TaskSettings(task="resnet1d"))
    model = task.build()
    assert sum(p.numel() for p in model.parameters()) < 1_000_000
    assert model.molecules.shape == (15, N_WAVELENGTHS)  # 3 gases at 5 temperatures


def test_gases_that_do_not_exist_keep_level_and_size(rng):
    known = np.array([p.depths for p in draw_planets(60, seed=5)])
    pseudo = pseudo_spectra(known, rng=rng)
    sizes = [np.std(s[:, 1:], axis=1) for s in (known, pseudo)]
    assert np.median(sizes[1] / sizes[0]) == pytest.approx(1, abs=0.3)
    assert pseudo.mean(axis=1) == pytest.approx(known.mean(axis=1), rel=0.05)
    assert (pseudo > 0).all()
    shapes = [s[:, 1:] - s[:, 1:].mean(axis=1, keepdims=True) for s in (known, pseudo)]
    shapes = [s / np.linalg.norm(s, axis=1, keepdims=True) for s in shapes]
    modes = np.linalg.svd(shapes[0], full_matrices=False)[2][:3]
    explained = [np.mean(np.linalg.norm(s @ modes.T, axis=1)) for s in shapes]
    assert explained[0] > 0.9
    assert explained[1] < 0.75
    again = pseudo_spectra(known, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(again, pseudo_spectra(known, rng=np.random.default_rng(1)))


def test_a_chunk_follows_from_its_number_and_seed():
    one, two = (fit_chunk(3, seed=4, planets=2) for _ in range(2))
    other = fit_chunk(3, seed=5, planets=2)
    for a, b in zip(one[0], two[0], strict=True):
        np.testing.assert_array_equal(a.mean, b.mean)
    assert {t.planet_id for t in one[2]}.isdisjoint(t.planet_id for t in other[2])
    stars = {truth.star for truth in one[2]}
    assert all(star in (0, 1) or 100 <= star < 900 for star in stars)


def test_the_pool_is_made_once(tmp_path: Path, monkeypatch, spectra, curves):
    monkeypatch.setattr(fitted, "fit_chunk", lambda number, *, seed: (spectra, curves, PLANETS))
    made = fitted_chunks(tmp_path, chunks=1, seed=0)
    monkeypatch.setattr(fitted, "fit_chunk", None)
    (loaded,) = fitted_chunks(tmp_path, chunks=1, seed=0)
    np.testing.assert_array_equal(loaded.features, made[0].features)
    truth = PLANETS[0].depths - spectra[0].mean
    expected = (truth - truth[1:].mean()) / Errors.of(spectra[0]).shape
    assert loaded.error[0] == pytest.approx(expected, rel=1e-5)


def test_the_network_learns_a_planted_error_without_collapsing(monkeypatch, tmp_path: Path, rng):
    """Make errors proportional to one feature, with large noise where another one is."""
    features = rng.standard_normal((256, len(FEATURES), N_WAVELENGTHS)).astype(np.float32)
    wide = features[:, 2] > 0
    noise = np.where(wide, 1.5, 0.3) * rng.standard_normal((256, N_WAVELENGTHS))
    signal = features[:, 0]
    planted = FittedPlanets(features, (signal + noise).astype(np.float32))
    module = "ariel_kit.training.tasks.resnet1d.fitted_chunks"
    monkeypatch.setattr(module, lambda folder, chunks, seed: [planted] * chunks)
    settings = TaskSettings(task="resnet1d", model={"width": 16, "dilations": [1], "learned": 2})
    task = make_task(settings)
    task.prepare(tmp_path)
    torch.manual_seed(0)
    model = task.build().train()
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for step in range(150):
        loss = task.loss(model, task.batch(np.random.default_rng([0, step]), 16))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        out = model.eval()(torch.from_numpy(features))
    slope = np.mean(out["correction"].numpy() * signal) / np.mean(signal**2)
    sigma = np.exp(out["log_variance"].numpy() / 2)
    assert slope == pytest.approx(1, abs=0.15)
    assert np.median(sigma[wide]) == pytest.approx(1.5, rel=0.2)
    assert np.median(sigma[~wide]) == pytest.approx(0.3, rel=0.6)
