"""What the joint fit believes of drift, noise and window, number by number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm

from ariel_kit.core.observation import Curves
from ariel_kit.light_curve.drift import DEGREE, DriftMixture, default_drift
from ariel_kit.light_curve.window import AIRS, FGS1, blocked_light
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.spectral_extraction import fit_light_curves, learn_prior, steps
from ariel_kit.spectral_extraction.amplitudes import ALPHAS, BETAS
from ariel_kit.spectral_extraction.batch import Batch
from ariel_kit.spectral_extraction.linearised import SharedLikelihood
from ariel_kit.spectral_extraction.visits import FittedBatch
from tests.support.visits import as_visits

PLANETS = draw_planets(2, seed=41)


@pytest.fixture(scope="module")
def curves() -> list[Curves]:
    return simulate_light_curves(PLANETS, seed=6)


@pytest.fixture
def batch(curves: list[Curves]) -> Batch:
    visits = as_visits([planet.planet_id for planet in PLANETS], curves)
    return Batch.of([0, 1], visits, default_drift())


def mixture(scale: float) -> DriftMixture:
    usual = default_drift()
    return DriftMixture(usual.weights, usual.covariances * scale)


def test_each_instrument_has_the_drift_prior_that_its_own_light_taught(batch: Batch) -> None:
    joint = batch.joint_fit(mixture(100.0), mixture(1.0), "cpu")
    airs = mixture(100.0).planet_covariances(batch.white.drift_likelihood)
    fgs1 = mixture(1.0).planet_covariances(batch.fgs1_drift)
    np.testing.assert_array_equal(joint.drift.grey, airs)
    np.testing.assert_array_equal(joint.drift.fgs1, fgs1)
    assert not np.allclose(airs, fgs1)


def test_noise_twice_as_large_is_a_quarter_of_the_information(batch: Batch) -> None:
    joint = batch.joint_fit(default_drift(), default_drift(), "cpu")
    before = [channel.weight.clone() for channel in joint.channels]
    joint.weaken(np.full((2, 283), 2.0))
    for channel, weight in zip(joint.channels, before, strict=True):
        torch.testing.assert_close(channel.weight, weight / 4)
    one = SharedLikelihood(torch.ones(2, 285, 285).double(), torch.ones(2, 285).double())
    weak = one.weakened(np.array([1.0, 2.0]))
    assert weak.precision[:, 0, 0].tolist() == [1.0, 0.25]
    assert weak.information[:, 0].tolist() == [1.0, 0.25]


def test_a_misfit_is_as_large_as_the_residual_and_none_where_that_is_usual(batch: Batch) -> None:
    flat = np.ones(batch.white.residual.shape)
    batch.white = replace(batch.white, residual=flat * [[1.1], [2.5]])
    assert batch.misfit == pytest.approx([1.0, 2.5])


def test_the_noise_of_one_wavelength_is_raised_until_it_explains_its_residual(
    curves: list[Curves],
) -> None:
    """Noise four times the stated one at wavelength 100 of the first planet."""
    airs, fgs1 = curves[0]
    rng = np.random.default_rng(0)
    flux = airs.flux.copy()
    flux[:, 100] += np.sqrt(15) * airs.noise[:, 100] * rng.standard_normal(len(flux))
    pairs = [(replace(airs, flux=flux), fgs1), curves[1]]
    visits = as_visits([planet.planet_id for planet in PLANETS], pairs)
    one = Batch.of([0, 1], visits, default_drift())
    fitted = FittedBatch.of(one, one.joint_fit(default_drift(), default_drift(), "cpu"), None)
    weight = fitted.joint.channels[1].weight.clone()
    fitted.widen()
    assert fitted.residual[0, 101] == pytest.approx(4, rel=0.2)
    factor = (weight / fitted.joint.channels[1].weight).sqrt().numpy()
    np.testing.assert_allclose(factor, fitted.residual[:, 1:], rtol=1e-12)
    others = np.delete(fitted.residual.ravel(), 101)
    assert np.mean(others == 1) > 0.98


@pytest.mark.parametrize("which", [FGS1, AIRS])
def test_the_light_of_each_wavelength_answers_the_window_by_its_own_depth(
    which: int, batch: Batch
) -> None:
    """Project onto numerical derivatives of the blocked light, at a tenth off the white depth.

    The columns in time are those of the white depth, whose ingress is a little shorter or longer.
    """
    joint = batch.joint_fit(default_drift(), default_drift(), "cpu")
    channel, white = joint.channels[which], batch.white.depth[:, None]
    where, orbit = (channel.time, channel.span), joint.prior.orbit
    scale = np.array([[0.9, 1.0, 1.1]]) if which == AIRS else np.array([[1.1]])
    scale = np.tile(scale, (2, 94 if which == AIRS else 1))
    depths = white * scale
    tensor = torch.as_tensor(depths)
    design, _ = joint._design(channel, tensor, which)
    expansion = joint._window_expansion(which, tensor)
    found = torch.einsum("ptk,plkw->ptlw", design[:, :, 1 + DEGREE : -1], expansion).numpy()
    for place, step in enumerate((2e-4, 2e-4, 5e-3)):
        moved = [joint.window.copy(), joint.window.copy()]
        moved[0][:, place] += step
        moved[1][:, place] -= step
        up, down = (np.log1p(-blocked_light(*where, w, depths, orbit, which)) for w in moved)
        expected = (up - down) / (2 * step)
        share = (found[..., place] * expected).sum(axis=1) / (expected**2).sum(axis=1)
        assert share == pytest.approx(1, abs=0.04)


def test_amplitudes_are_believed_log_normal_about_one_and_a_half() -> None:
    prior = learn_prior(np.array([planet.depths for planet in draw_planets(40, seed=40)]))
    alpha = norm.logpdf(np.log(ALPHAS), np.log(1.0), 1.5)
    beta = norm.logpdf(np.log(BETAS), np.log(0.5), 1.5)
    expected = alpha[:, None] + beta[None, :]
    found = prior.log_weights
    np.testing.assert_allclose(found - found[0, 0], expected - expected[0, 0], atol=1e-12)


def test_one_more_linearisation_changes_nothing_and_one_fewer_does(
    curves: list[Curves], monkeypatch: pytest.MonkeyPatch
) -> None:
    prior = learn_prior(np.array([planet.depths for planet in draw_planets(60, seed=40)]))
    visits = as_visits([planet.planet_id for planet in PLANETS], curves)
    means = {}
    for moves in (None, steps.MOVES - 1, steps.MOVES + 1):
        if moves is not None:
            monkeypatch.setattr(steps, "MOVES", moves)
        spectra = fit_light_curves(visits, prior=prior).spectra
        means[moves] = np.array([s.mean / s.sigma for s in spectra])
    default, fewer, more = means.values()
    assert np.abs(more - default).max() < 0.05
    assert np.abs(fewer - default).max() > 2 * np.abs(more - default).max()
    assert steps.MOVES_AFTER_LEARNING == 2
