"""What labelled planets are worth: 60 of two unseen stars teach, 60 others of them are predicted.

pytest -m benchmark -s tests/benchmarks/test_learning.py

Light curves come from the simulator, as they are and with planted mistakes: a foreground of 0.8 %
left in, and sigmas 30 % too small. Raw frames are those of two other stars, calibrated one at a
time; with ARIEL_KIT_TEST_PLANETS naming a folder, calibrated planets are kept there.
"""

from __future__ import annotations

import pytest

from ariel_kit.core.config import RunSettings, StageSettings
from tests.support import scored_planets
from tests.support.lessons import LEFT, draw, measure, observe, plant_small_sigma
from tests.support.results import write_results

LABELLED, OTHERS = 60, 60
SEED = 8801
RAW_STARS, RAW_SEED = (24, 25), 8_314_462
SETTINGS = RunSettings(stages=StageSettings.only("refine"))
"""The defaults but for jitter, which binned light curves do not show."""
HEAD = """| planets | star | shipped | RMSE, ppm | coverage | learned | RMSE, ppm | coverage |
|---|---|---|---|---|---|---|---|"""


@pytest.mark.benchmark
def test_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost where nothing is wrong, and what is planted is put right."""
    planets = draw(LABELLED + OTHERS, SEED)
    plain = measure(planets, observe(planets), LABELLED, settings=SETTINGS)
    plant_small_sigma(monkeypatch)
    planted = measure(planets, observe(planets, left=LEFT), LABELLED, settings=SETTINGS)
    outcomes = {"as simulated": plain, "0.8 % left in, sigma x 0.7": planted}
    rows = [row for name, outcome in outcomes.items() for row in outcome.rows(name)]
    write_results("learning", "\n".join([HEAD, *rows]))
    write_results("learning_time", f"{plain.seconds:.2f} s")
    for outcome in outcomes.values():
        before, after = (outcome.judge(s) for s in (outcome.shipped, outcome.learned))
        assert after.score > before.score - 0.003
        assert 0.60 < after.coverage < 0.76
    assert planted.judge(planted.learned).score > plain.judge(plain.shipped).score - 0.01


@pytest.mark.benchmark
def test_learning_from_raw_planets() -> None:
    """Labelled raw planets of two unseen stars, whose gases no label of the kit shows."""
    raw = scored_planets.measure({"raw": (RAW_STARS, "unseen")}, per_group=100, seed=RAW_SEED)
    outcome = measure(raw.truths, raw.observations, LABELLED, settings=RunSettings())
    print(outcome.corrections)
    write_results("learning_raw", "\n".join([HEAD, *outcome.rows("raw frames")]))
    before, after = (outcome.judge(s) for s in (outcome.shipped, outcome.learned))
    assert after.score > before.score - 0.003
