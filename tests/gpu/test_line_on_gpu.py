"""On a CUDA device the fit and the whole line give the depths that they give on the CPU.

The fit is in float64, where only the order of sums differs, but it iterates: depths agree to a
thousandth of their sigma. Networks are in float32: a hundredth. These observations are at the
cadence of the fit, which is too slow for the jitter correction: `test_networks_on_gpu` tests its
network, and `tests/jitter_correction` that it gets its input where it is.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ariel_kit.core.config import RunSettings, StageSettings
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.run.line import load_line
from ariel_kit.simulation import draw_planets, draw_spectra, simulate_observation
from ariel_kit.spectral_extraction import learn_prior

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def run_line(device: str, *stages: str) -> list[Spectrum]:
    """Spectra of four simulated planets."""
    planets = draw_planets(4, seed=3)
    observations = [simulate_observation(planet, seed=0) for planet in planets]
    prior = learn_prior(draw_spectra(40, rng=np.random.default_rng(0)))
    settings = RunSettings(stages=StageSettings.only(*stages), device=device)
    return load_line(settings, edition=planets[0].edition)(observations, prior)


@pytest.mark.parametrize(
    ("stages", "tolerance"), [((), 1e-3), (("denoise", "refine", "uncertainty"), 1e-2)]
)
def test_depths_agree(stages: tuple[str, ...], tolerance: float) -> None:
    for ours, theirs in zip(run_line("cuda", *stages), run_line("cpu", *stages), strict=True):
        assert np.abs((ours.mean - theirs.mean) / theirs.sigma).max() < tolerance
        np.testing.assert_allclose(ours.sigma, theirs.sigma, rtol=tolerance)
