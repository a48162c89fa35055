"""Planted errors of light curves are found through the whole fit."""

from __future__ import annotations

import pytest

from ariel_kit.core.config import RunSettings, StageSettings
from tests.support.lessons import LEFT, draw, measure, observe, plant_small_sigma


@pytest.mark.numbers
@pytest.mark.slow
def test_a_foreground_and_small_sigmas_are_corrected_through_light_curves(monkeypatch):
    """With 60 labelled planets: scale within 0.1 %, coverage about that of a Gaussian.

    The error of a level is one number for each of 140 planets, so their coverage scatters by 0.04,
    and that of the learned sigma, from 60, adds as much.
    """
    plant_small_sigma(monkeypatch)
    settings = RunSettings(stages=StageSettings.only())
    planets = draw(200, seed=31)
    outcome = measure(planets, observe(planets, left=LEFT), 60, settings=settings)
    shipped, learned = (outcome.judge(s) for s in (outcome.shipped, outcome.learned))
    assert outcome.corrections.scale.airs.value / (1 + LEFT) == pytest.approx(1, abs=0.001)
    assert shipped.coverage < 0.55
    assert 0.60 < learned.coverage < 0.76
    assert abs(learned.bias_ppm) < 0.4 * abs(shipped.bias_ppm)
    assert learned.score > shipped.score + 0.05
