"""Planted mistakes are found through real light curves and the whole fit."""

from __future__ import annotations

import pytest

from ariel_kit.core.config import RunSettings, StageSettings
from tests.support.lessons import LEFT, draw, measure, plant_small_sigma


@pytest.mark.slow
def test_a_foreground_and_small_sigmas_are_corrected_through_light_curves(monkeypatch):
    """With 60 labelled planets: scale within 0.1 %, coverage about that of a Gaussian.

    The error of a level is one number for each of 40 planets, so their coverage scatters by 0.07.
    """
    plant_small_sigma(monkeypatch)
    settings = RunSettings(stages=StageSettings.only())
    outcome = measure(draw(100, seed=31), 60, left=LEFT, settings=settings)
    shipped, learned = (outcome.judge(s) for s in (outcome.shipped, outcome.learned))
    assert outcome.corrections.scale.airs.value / (1 + LEFT) == pytest.approx(1, abs=0.001)
    assert shipped.coverage < 0.55
    assert 0.54 < learned.coverage < 0.82
    assert abs(learned.bias_ppm) < 0.4 * abs(shipped.bias_ppm)
    assert learned.score > shipped.score + 0.05
