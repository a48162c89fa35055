"""Numbers that each revision of `ariel_kit.core.revisions` stands for.

``python -m tests.support.revision_numbers`` measures them anew after a revision was raised.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ariel_kit.core.observation import LightCurves, Visit
from ariel_kit.core.revisions import Part, revision_tag
from ariel_kit.data.dataset import open_dataset
from ariel_kit.denoising.maps import make_maps
from ariel_kit.preprocessing import calibrate_planet
from ariel_kit.simulation import draw_planets, simulate_dataset, simulate_observation
from ariel_kit.spectral_extraction import fit_light_curves, learn_prior
from ariel_kit.spectral_extraction.features import describe
from ariel_kit.spectral_extraction.fitted import LightCurveFit

RECORD = Path(__file__).with_name("revision_numbers.json")
N_BINS, HOURS = 188, 7.5


def simulated() -> list[float]:
    """A planet as the simulator draws it, and its light."""
    (planet,) = draw_planets(1, seed=11, stars=(0,))
    seen = simulate_observation(planet, seed=1)
    white = seen.airs.sum(axis=1, dtype=np.float64)
    return [*planet.depths[::70], white.mean(), white.std(), float(seen.fgs1.std())]


def calibrated() -> list[float]:
    """Light curves of simulated raw frames."""
    with tempfile.TemporaryDirectory() as folder:
        simulate_dataset(folder, n_train=0, n_test=1, seed=1, n_pairs=60)
        dataset = open_dataset(folder)
        (planet_id,) = dataset.planets("test")
        seen = calibrate_planet(dataset, planet_id, split="test")
    level = seen.airs.mean(axis=0, dtype=np.float64)
    return [*level[::70], float(seen.fgs1.mean()), float(seen.airs_noise.mean())]


def written_visit() -> Visit:
    """A visit that no simulator made: a trapezoid of known depths under a straight drift."""
    rng = np.random.default_rng(3)
    time = (np.arange(N_BINS) + 0.5) * HOURS / N_BINS
    shade = np.clip((1.25 - np.abs(time - 3.7)) / 0.2, 0, 1)
    level = np.append(7e5, 2e4 * (1.2 + np.sin(np.linspace(0, 3, 282))))
    depth = 0.012 + 3e-4 * np.sin(np.linspace(0, 9, 283))
    noise = np.sqrt(level / 110)
    flux = level * (1 - shade[:, None] * depth) * (1 + 5e-4 * (time[:, None] - 3.7))
    flux = flux + noise * rng.standard_normal(flux.shape)
    span, noise = np.full(N_BINS, HOURS / N_BINS), np.tile(noise, (N_BINS, 1))
    return Visit(
        7,
        2024,
        airs=LightCurves(time, span, flux[:, 1:], noise[:, 1:]),
        fgs1=LightCurves(time, span, flux[:, :1], noise[:, :1]),
    )


def fit_written_visit() -> LightCurveFit:
    """The fit of that visit, with a prior of spectra that no simulator made."""
    rng = np.random.default_rng(4)
    waves = np.sin(
        np.linspace(0, 9, 283) * rng.uniform(0.3, 2, (60, 1)) + rng.uniform(0, 6, (60, 1))
    )
    prior = learn_prior(rng.uniform(0.005, 0.02, (60, 1)) + 3e-4 * waves)
    return fit_light_curves([written_visit()], prior=prior)


def fitted() -> list[float]:
    """Depths and sigmas of the fit."""
    (spectrum,) = fit_written_visit().spectra
    return [*spectrum.mean[::40], *spectrum.sigma[::40]]


def shown() -> list[float]:
    """What networks are shown of the fit: features of the spectrum, maps of blind light."""
    fit, visit = fit_written_visit(), written_visit()
    features = describe(fit.spectra[0], visit.curves)
    maps = make_maps(fit.joints[0].fetch().systematics).maps.double().cpu().numpy()
    sizes = [*features.std(axis=1), *maps.std(axis=(0, 2, 3))]
    return [
        round(float(size), 5) for size in sizes
    ]  # single precision leaves 1e-7 where 0 is meant


NUMBERS: dict[Part, tuple[tuple[Part, ...], Callable[[], list[float]]]] = {
    "simulation": (("simulation",), simulated),
    "calibration": (("calibration", "simulation"), calibrated),
    "fit": (("fit",), fitted),
    "pools": (("fit", "pools"), shown),
}
"""How the numbers of each part are measured, and all the revisions that they rest on."""


def main() -> None:
    """Measure all numbers and write them down."""
    record = {
        part: {"revisions": revision_tag(*parts), "numbers": [float(f"{x:.9g}") for x in measure()]}
        for part, (parts, measure) in NUMBERS.items()
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
