"""A strong drift multiplies the light: its logarithm bends, and the reference holds the bend."""

from __future__ import annotations

import numpy as np
import torch

from ariel_kit.core.instruments import N_AIRS, N_WAVELENGTHS, OBSERVATION_HOURS
from ariel_kit.core.observation import LightCurves
from ariel_kit.light_curve.checks import summed
from ariel_kit.light_curve.drift import (
    COLUMNS,
    DriftPrior,
    column_basis,
    default_drift,
    time_basis,
)
from ariel_kit.light_curve.transit import TransitShape, transit_window
from ariel_kit.light_curve.white_light import fit_white_light
from ariel_kit.spectral_extraction.joint_fit import JointFit
from ariel_kit.spectral_extraction.nuisances import N_DRIFT

COVARIANCE = default_drift().covariance
DEGREE = len(COVARIANCE)
DEPTHS = 0.003 + 1e-4 * np.sin(np.linspace(0, 7, N_WAVELENGTHS))
SHAPE = TransitShape(3.77, 1.28, 1.4)
WINDOW = np.array([[3.77, np.log(1.28), 1 - 1 / 1.4]])


def noiseless(drift: np.ndarray, modes: np.ndarray, depths: np.ndarray) -> LightCurves:
    """Draw light curves whose drift [shape=(degree, mode)] is nought at the start of the visit."""
    edges = np.linspace(0, OBSERVATION_HOURS, 188)
    time, span = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    basis = time_basis(time, DEGREE) - time_basis(np.zeros(1), DEGREE)
    transit = 1 - depths * transit_window(time, span, SHAPE, depths).T
    flux = 4e4 * (1 + basis @ drift @ modes.T) * transit
    return LightCurves(time, span, flux, 1e-6 * flux)


def test_at_the_truth_the_drift_of_the_flux_is_linear() -> None:
    """Where the reference is the truth, one linearisation gives the coefficients as planted."""
    fgs1 = np.array([[0.02], [-0.003], [0.001], [0], [0]])
    airs = np.outer([0.02, 0.003, -0.001, 0, 0], [1, 0.3, 0.1, 0, 0, 0])
    curves = (
        noiseless(airs, column_basis(), DEPTHS[1:]),
        noiseless(fgs1, np.ones((1, 1)), DEPTHS[:1]),
    )
    assert airs.shape == (DEGREE, COLUMNS)
    assert curves[0].flux.shape[1] == N_AIRS
    prior = np.broadcast_to(COVARIANCE, (1, DEGREE, DEGREE))
    fit = JointFit(
        [curves[0]],
        [curves[1]],
        fit_white_light(summed([curves[0]]), COVARIANCE),
        DriftPrior(fgs1=prior, grey=prior),
    )
    fit.window = WINDOW.copy()
    depths = torch.as_tensor(DEPTHS[None])
    planted = np.concatenate([fgs1.ravel(), airs.ravel()])
    fit.move_to(WINDOW, depths, torch.as_tensor(planted[None]))
    found = fit.linearise().nuisances_at(depths)[0, :N_DRIFT].numpy()
    np.testing.assert_allclose(found, planted, atol=1e-5)
