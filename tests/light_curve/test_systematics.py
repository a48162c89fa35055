"""Residual light curves do not depend on the depth; their read-out and correction are exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import median_abs_deviation

from ariel_kit.core.instruments import N_AIRS
from ariel_kit.core.observation import LightCurves
from ariel_kit.denoising.maps import corrected, make_maps, to_cells, whitening
from ariel_kit.denoising.stage import make_denoiser
from ariel_kit.light_curve.drift import DriftPrior, default_drift
from ariel_kit.light_curve.systematics import Systematics
from ariel_kit.light_curve.transit import TransitShape, transit_window
from ariel_kit.light_curve.window import coordinates
from ariel_kit.models import create_model
from ariel_kit.simulation import draw_planets, simulate_light_curves
from ariel_kit.spectral_extraction.joint_fit import JointFit
from ariel_kit.training.pools.blind import _true_white_light

PLANETS = draw_planets(3, seed=11, stars=(0, 1))
CURVES = simulate_light_curves(PLANETS, seed=11)
REFERENCE = 0.005


def flat(curves: LightCurves, seed: int, depth: float) -> LightCurves:
    """White noise, a drift, and a planted transit."""
    rng = np.random.default_rng(seed)
    level, noise = curves.flux.mean(axis=0), curves.noise
    x = curves.time / 7.5
    drift = 1 + 1e-3 * np.outer(x - 2 * x**3, np.linspace(0.3, 1.7, curves.flux.shape[1]))
    shape = TransitShape(3.75, 1.32, 1.3)
    light = 1 - depth * transit_window(curves.time, curves.span, shape, depth)
    shaken = 1 + noise / level * rng.standard_normal(curves.flux.shape)
    flux = level * drift * shaken * light[:, None]
    return LightCurves(curves.time, curves.span, flux, noise * flux / curves.flux)


def joint_fit(depth: float) -> JointFit:
    grey = np.broadcast_to(default_drift().covariance, (3, 5, 5))
    white = _true_white_light(PLANETS, np.full(3, REFERENCE))
    same = coordinates(TransitShape(*(np.array([part]) for part in (3.75, 1.32, 1.3))))
    white = replace(white, window=np.broadcast_to(same, white.window.shape).copy())
    airs, fgs1 = (
        [flat(pair[which], i, depth) for i, pair in enumerate(CURVES)] for which in (0, 1)
    )
    joint = JointFit(airs, fgs1, white, DriftPrior(fgs1=grey, grey=grey))
    for _ in range(3):
        linearised = joint.linearise()
        joint.depths = linearised.apparent - torch.einsum(
            "pln,pn->pl", linearised.modes, linearised.nuisances.mean
        )
    return joint


def systematics(depth: float) -> Systematics:
    joint = joint_fit(depth)
    return joint.systematics(joint.linearise())


@pytest.fixture(scope="module")
def blind() -> Systematics:
    return systematics(0.003)


def test_a_planted_depth_does_not_reach_the_network() -> None:
    """From no planet to a depth of 1 %, the correction changes by less than 1 ppm of depth."""
    torch.manual_seed(0)
    model = create_model("test_physnet")
    for parameter in model.parameters():  # far from the untrained network, which says nothing
        parameter.data += 0.15 * torch.randn_like(parameter)
    denoise = make_denoiser(model)
    shallow, deep = systematics(0.0), systematics(0.01)
    moved = [
        torch.einsum("pjn,pn->pj", s.projection(), denoise(s).mean - s.nuisances.mean)
        for s in (shallow, deep)
    ]
    assert moved[0].abs().max() > 3e-6  # otherwise nothing was tested
    assert (moved[0] - moved[1]).abs().max() < 1e-6
    noise = 1 / torch.sqrt(shallow.time_weight[..., None] * shallow.weight[:, None, :])
    assert ((shallow.residual - deep.residual) / noise).square().mean().sqrt() < 0.02


def test_the_residual_has_nothing_along_the_window(blind: Systematics) -> None:
    assert torch.einsum("pt,ptl->pl", blind.readout, blind.residual).abs().max() < 1e-15
    cells = to_cells(blind, blind.residual)
    assert float(cells.std()) == pytest.approx(1, abs=0.1)


def test_networks_see_the_residual_as_a_robust_z_score_over_time(blind: Systematics) -> None:
    """Compare with scipy at each wavelength; the scale that is divided out is another map."""
    cells = to_cells(blind, blind.residual).numpy()
    maps = make_maps(blind).maps.double().numpy()
    sigma = median_abs_deviation(cells, axis=1, scale="normal", keepdims=True)
    expected = (cells - np.median(cells, axis=1, keepdims=True)) / sigma
    np.testing.assert_allclose(maps[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(maps[:, 3], np.broadcast_to(np.log(sigma), cells.shape), atol=1e-5)


def test_cells_are_weighted_means_over_their_noise(blind: Systematics) -> None:
    """Against a loop over cells."""
    light = torch.randn(blind.residual.shape, dtype=torch.float64)
    found = to_cells(blind, light)
    bins = ((blind.time - blind.time[0]) / np.ptp(blind.time) * 48).astype(int).clip(max=47)
    columns = np.arange(N_AIRS) * 48 // N_AIRS
    for cell_time, cell_wavelength in ((0, 0), (20, 7), (47, 47)):
        rows, across = np.flatnonzero(bins == cell_time), np.flatnonzero(columns == cell_wavelength)
        weight = np.outer(blind.time_weight[1, rows], blind.weight[1, across])
        mean = (weight * light[1][rows][:, across].numpy()).sum() / weight.sum()
        expected = mean * np.sqrt(weight.sum())
        assert float(found[1, cell_time, cell_wavelength]) == pytest.approx(expected, rel=1e-9)


def test_a_map_of_drift_is_read_out_as_its_nuisances_say(blind: Systematics) -> None:
    rng = torch.Generator().manual_seed(0)
    nuisances = torch.zeros_like(blind.nuisances.mean)
    for places in blind.places:
        nuisances[:, places] = 1e-4 * torch.randn(3, 5, generator=rng, dtype=torch.float64)
    coefficients = nuisances[:, blind.places]
    light = torch.einsum("ti,pji,lj->ptl", blind.basis, coefficients, blind.columns)
    maps = make_maps(blind)
    cells = to_cells(blind, blind.level_free(light)).float()
    missed = torch.einsum("bt,btl->bl", maps.along_time, cells)
    found = torch.einsum("bjl,bl->bj", maps.along_wavelength, missed).double()
    above = (blind.projection() @ nuisances[..., None])[..., 0]
    expected = torch.linalg.solve_triangular(whitening(blind)[1], above[..., None], upper=False)[
        ..., 0
    ]
    assert (found - expected).abs().max() < 0.01 * expected.abs().max()


def test_a_correction_is_conditioning_on_a_new_answer(blind: Systematics) -> None:
    """Apparent depths have the new mean and scale; all else follows as in a dense Gaussian."""
    shift = torch.tensor([[0.5, -1.0, 0.2, 0.0]]).double().expand(3, -1)
    log_scale = torch.tensor([[-0.3, 0.1, 0.0, -1.0]]).double().expand(3, -1)
    found = corrected(blind, shift, log_scale)
    mean, factor = whitening(blind)
    along = found.moved(blind.projection())
    expected = mean + (factor @ shift[..., None])[..., 0]
    assert torch.allclose(along.mean, expected, rtol=1e-6, atol=1e-12)
    scaled = factor @ torch.diag_embed(torch.exp(log_scale))
    assert torch.allclose(along.covariance, scaled @ scaled.transpose(1, 2), rtol=1e-6, atol=1e-16)
    # What the window does not see is left alone: the part independent of the answer.
    old, projection = blind.nuisances, blind.projection()
    seen = projection @ old.covariance
    gain = torch.linalg.solve(seen @ projection.transpose(1, 2), seen).transpose(1, 2)
    before, after = (
        part.mean - (gain @ (projection @ part.mean[..., None]))[..., 0] for part in (old, found)
    )
    assert torch.allclose(before, after, atol=1e-12)


def test_no_correction_changes_nothing(blind: Systematics) -> None:
    zero = torch.zeros(3, 4, dtype=torch.float64)
    same = corrected(blind, zero, zero)
    assert torch.equal(same.mean, blind.nuisances.mean)
    assert torch.equal(same.covariance, blind.nuisances.covariance)
