"""The fit on real light curves: 473 white ones, and one planet wavelength by wavelength.

pytest -m "real and slow" -s tests/real/test_real_fit.py      every white curve
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS
from ariel_kit.core.observation import LightCurves
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.drift import default_drift
from ariel_kit.light_curve.white_light import WhiteLight, fit_white_light, refit_white_light
from ariel_kit.scoring import log_likelihood_score
from ariel_kit.spectral_extraction import learn_prior, simulated_prior
from ariel_kit.spectral_extraction.fit import fit_light_curves
from tests.support.results import write_results
from tests.support.visits import as_visits

pytestmark = pytest.mark.real

NOISE_PPM = {0: 73, 1: 52}
LARGEST_SCATTER_PPM = {0: 30, 1: 24}
PLANET = 724899303


class Labels(NamedTuple):
    planet_id: np.ndarray
    depths: np.ndarray


class WhiteCurves(NamedTuple):
    star: np.ndarray
    white: WhiteLight
    plain: np.ndarray
    """Mean of each label over AIRS."""
    weighted: np.ndarray
    """The same with the star's light as weights: what white light measures."""


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "adc2024"


@pytest.fixture(scope="module")
def labels(folder: Path) -> Labels:
    table = pl.read_csv(folder / "train_labels.csv")
    return Labels(table["planet_id"].to_numpy(), table.drop("planet_id").to_numpy())


def fit_white_curves(folder: Path, labels: Labels, every: int) -> WhiteCurves:
    """Default drift, then the drift learned from all planets, then each planet with its own."""
    with np.load(folder / "white_lightcurves.npz") as file:
        planet_id, star, flux = (file[name][::every] for name in ("planet_id", "star", "flux"))
    table = pl.read_csv(folder / "star1_airs_spectrum.csv")
    channels = np.arange(2, N_AIRS + 2)
    star_light = np.interp(channels, table["wl_index"], table["electrons_per_CDS_frame"])
    rows = [int(np.flatnonzero(labels.planet_id == one)[0]) for one in planet_id]
    time = (np.arange(flux.shape[1]) + 0.5) * 144 / 3600
    span = np.full_like(time, 144 / 3600)
    flux = flux.astype(np.float64)
    noise = np.where(star == 0, NOISE_PPM[0], NOISE_PPM[1])[:, None] * 1e-6 * flux
    drift = default_drift()
    light = Light(time, span, flux, noise)
    first = fit_white_light(light, drift.covariance)
    learned = drift.learn(first.drift_likelihood)
    own = learned.planet_covariances(first.drift_likelihood)
    white = refit_white_light(first, light, own)
    depths = labels.depths[rows, 1:]
    weighted = depths @ star_light / star_light.sum()
    return WhiteCurves(star, white, depths.mean(axis=1), weighted)


def scatter_ppm(depth: np.ndarray, label: np.ndarray) -> float:
    """Standard deviation after one overall scale: the curves' own scale was fitted to labels."""
    scale = (depth @ label) / (label @ label)
    return float((depth / scale - label).std() * 1e6)


def check_white_curves(curves: WhiteCurves) -> list[str]:
    """Compare depths with labels; say of each star how far they scatter."""
    told = []
    for star in (0, 1):
        own = curves.star == star
        depth = curves.white.depth[own]
        plain, weighted = (scatter_ppm(depth, label[own]) for label in curves[2:])
        residual = curves.white.residual[own]
        rms = float(np.sqrt(np.mean(residual**2)))
        neighbours = float(np.mean(residual[:, 1:] * residual[:, :-1])) / rms**2
        sigma = float(np.sqrt(np.mean(curves.white.sigma[own, 3] ** 2)) * 1e6)
        print(
            f"\nstar {star}, {own.sum()} planets: scatter {plain:.1f} ppm about the plain label "
            f"mean, {weighted:.1f} about the flux-weighted one (sigma says {sigma:.1f}); residual "
            f"rms {rms:.3f} of {NOISE_PPM[star]} ppm, lag-1 autocorrelation {neighbours:+.3f}"
        )
        assert weighted <= LARGEST_SCATTER_PPM[star]
        assert rms == pytest.approx(1, abs=0.1)
        # Taking nine slow parameters out of white noise leaves neighbours at -9 / 187.
        assert abs(neighbours + 9 / 187) < 0.015 + 3 / np.sqrt(residual.size)
        # outliers count once: the typical planet is as good as its sigma says
        z = (depth - curves.weighted[own]) / curves.white.sigma[own, 3]
        assert 0.6 < 1.4826 * np.median(np.abs(z - np.median(z))) < 1.4
        told.append(f"{weighted:.1f} ppm (star {star}, residual {rms:.3f} times the noise)")
    return told


def test_every_sixth_white_curve(folder: Path, labels: Labels) -> None:
    check_white_curves(fit_white_curves(folder, labels, every=6))


@pytest.mark.numbers
@pytest.mark.slow
def test_all_473_white_curves(folder: Path, labels: Labels) -> None:
    told = check_white_curves(fit_white_curves(folder, labels, every=1))
    write_results("real_white", ", ".join(told))


def real_planet(folder: Path) -> tuple[tuple[LightCurves, LightCurves], np.ndarray]:
    """Light curves in bins of unequal length, and the label."""
    curves = []
    with np.load(folder / f"planet_{PLANET}_lightcurves.npz") as file:
        for name, instrument in (("AIRS", AIRS), ("FGS", FGS1)):
            points = file[f"plain_{name}_points_per_bin"].astype(np.float64)
            curves.append(
                LightCurves(
                    time=file[f"plain_{name}_times"].astype(np.float64),
                    span=points * instrument.cadence / 3600,
                    flux=file[f"plain_{name}_data"].astype(np.float64),
                    noise=file[f"plain_{name}_noise_est"][None, :] / np.sqrt(points)[:, None],
                )
            )
        label = file["plain_labels"].astype(np.float64)
    return (curves[0], curves[1]), label


def rate(spectrum: Spectrum, label: np.ndarray) -> tuple[float, float, float]:
    """Score, RMSE in ppm and z-score rms of one planet."""
    score = float(log_likelihood_score(label[None], spectrum.mean[None], spectrum.sigma[None]))
    error = spectrum.mean - label
    rmse = float(np.sqrt(np.mean(error**2)) * 1e6)
    return score, rmse, float(np.sqrt(np.mean((error / spectrum.sigma) ** 2)))


def report(name: str, spectrum: Spectrum, label: np.ndarray) -> None:
    score, rmse, z = rate(spectrum, label)
    facts = spectrum.provenance["fit"]
    print(
        f"\n{PLANET}, {name}: score {score:.3f}, RMSE {rmse:.1f} ppm, z rms {z:.2f}, white depth "
        f"{facts['white_depth'] * 1e6:.1f} ppm against {label[1:].mean() * 1e6:.1f} (label mean), "
        f"white residual {facts['white_residual']:.3f}"
    )


def test_real_planet_with_the_prior_of_the_other_labels(folder: Path, labels: Labels) -> None:
    curves, label = real_planet(folder)
    others = labels.depths[labels.planet_id != PLANET]
    assert len(others) == len(labels.depths) - 1
    visits = as_visits([PLANET], [curves])
    (spectrum,) = fit_light_curves(visits, prior=learn_prior(others)).spectra
    report("prior of the other labels", spectrum, label)
    score, rmse, z = rate(spectrum, label)
    write_results("real_planet", f"{score:.3f} (RMSE {rmse:.1f} ppm, z {z:.2f})")
    assert spectrum.provenance["fit"]["white_residual"] == pytest.approx(1, abs=0.03)
    assert score >= 0.815
    assert rmse <= 18
    assert 0.5 < z < 1.4


def test_real_planet_with_simulated_spectra_only(folder: Path) -> None:
    curves, label = real_planet(folder)
    prior = simulated_prior()
    for low_rank in ("labels", "both"):
        settings = ExtractionSettings(low_rank=low_rank)
        visits = as_visits([PLANET], [curves])
        (spectrum,) = fit_light_curves(visits, prior=prior, settings=settings).spectra
        report(f"simulated spectra only, low_rank {low_rank}", spectrum, label)
    score, rmse, z = rate(spectrum, label)
    write_results("real_simulated", f"{score:.3f} (RMSE {rmse:.1f} ppm, z {z:.2f})")
    assert spectrum.provenance["fit"]["white_residual"] == pytest.approx(1, abs=0.03)
    assert score >= 0.76
    assert rmse <= 30
    assert 0.5 < z < 1.6
