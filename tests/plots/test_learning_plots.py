"""Pictures of what was learned show the numbers that they are given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit import plots
from ariel_kit.core.errors import UnknownNameError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels


@pytest.fixture
def answers(rng) -> tuple[list[Spectrum], list[Spectrum], Labels]:
    """Ten planets measured 1 % too shallow with sigmas too small by half, and put right."""
    depths = rng.uniform(1e-3, 5e-3, (10, 1)) * np.ones(283)
    errors = 3e-5 * rng.standard_normal((10, 283))
    after = [
        Spectrum(i, wavelengths(), depth + error, np.full(283, 3e-5))
        for i, (depth, error) in enumerate(zip(depths, errors, strict=True))
    ]
    before = [replace(s, mean=s.mean * 0.99, sigma=s.sigma / 2) for s in after]
    return before, after, Labels(np.arange(10), depths)


def test_the_scale_is_drawn_as_the_error_of_each_level(answers):
    before, after, truth = answers
    ax = plots.plot_scale(before, after, truth)
    lines = {line.get_label(): line for line in ax.get_lines()}
    for name, spectra in (("shipped", before), ("learned from others", after)):
        error = np.array([s.mean for s in spectra]) - truth.depths
        np.testing.assert_allclose(lines[name].get_ydata(), 1e6 * error[:, 1:].mean(axis=1))
        np.testing.assert_allclose(lines[name].get_xdata(), 1e6 * truth.depths[:, 0])
    with pytest.raises(UnknownNameError, match="labelled planet"):
        plots.plot_scale(before, after, Labels(np.arange(3), truth.depths[:3]))


def test_coverage_is_told_before_and_after(answers):
    before, after, truth = answers
    ax = plots.plot_z_scores(before, after, truth)
    shares = [
        np.mean([np.abs(s.mean - d) <= s.sigma for s, d in zip(spectra, truth.depths, strict=True)])
        for spectra in (before, after)
    ]
    assert ax.texts[0].get_text() == (
        f"within one sigma: {shares[0]:.3f} before, {shares[1]:.3f} after"
    )
    assert shares[0] < 0.5 < shares[1]
