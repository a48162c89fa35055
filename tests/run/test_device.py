"""The fit and the line compute where they are told to; tested on any machine.

Within ``torch.device("meta")`` every tensor that is made without naming a device holds no data, and
an operation that needs its numbers fails. What runs there names its device everywhere. A network is
replaced by one whose weights lie on that device, and which looks at where its input lies.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ariel_kit.core.config import RunSettings, StageSettings
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.run.line import load_line
from ariel_kit.simulation import draw_planets, draw_spectra, simulate_observation
from ariel_kit.spectral_extraction import learn_prior
from ariel_kit.spectral_extraction.stage import draw_refinements
from tests.support.elsewhere import Elsewhere
from tests.support.revision_numbers import fit_written_visit, written_visit


def test_the_fit_makes_every_tensor_on_its_device() -> None:
    (expected,) = fit_written_visit().spectra
    with torch.device("meta"):
        (found,) = fit_written_visit().spectra
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.sigma, expected.sigma)


def test_the_line_makes_every_tensor_on_its_device() -> None:
    (planet,) = draw_planets(1, seed=3)
    observation = simulate_observation(planet, seed=0)
    prior = learn_prior(draw_spectra(40, rng=np.random.default_rng(0)))
    stages = StageSettings.only("refine")
    line = load_line(RunSettings(stages=stages, device="cpu"), edition=planet.edition)
    (expected,) = line([observation], prior)
    with torch.device("meta"):
        (found,) = line([observation], prior)
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.sigma, expected.sigma)


def test_spectra_are_refined_where_the_network_is() -> None:
    spectra = fit_written_visit().spectra
    model = Elsewhere(
        {name: torch.zeros(1, N_WAVELENGTHS) for name in ("correction", "log_variance")}
    )
    (drawn,) = draw_refinements(spectra, [written_visit().curves], model=model, draws=1)
    assert drawn is not None
    assert drawn.means[0] == pytest.approx(spectra[0].mean)
