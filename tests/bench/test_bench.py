"""The kit measures itself: what it tells adds up, and is written with a picture."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from ariel_kit.bench import StageCost, StageCosts, measure_growth, measure_stages
from ariel_kit.bench.files import write_bench
from ariel_kit.bench.memory import measured
from ariel_kit.bench.recipe import calibrate_plainly
from ariel_kit.core.config import RunSettings, StageSettings
from ariel_kit.core.instruments import AIRS, FGS1
from ariel_kit.data.dataset import open_dataset
from ariel_kit.preprocessing import calibrate_planet

PLAIN = RunSettings(stages=StageSettings.only())


def test_time_and_memory_of_a_block_are_measured():
    with measured() as cost:
        held = np.ones(20_000_000)
        time.sleep(0.1)
        del held
    with measured() as quiet:
        pass
    assert 0.1 <= cost.seconds < 5
    assert cost.megabytes - quiet.megabytes > 100


@pytest.mark.usefixtures("calibrations")
def test_every_stage_of_a_folder_is_measured(tiny, tmp_path):
    costs = measure_stages(open_dataset(tiny), "test", settings=PLAIN)
    names = [stage.name for stage in costs.stages]
    assert names[:2] == ["calibration", "quick answer"]
    assert {"light curves", "white light", "joint fit", "spectra"} <= set(names)
    assert all(stage.seconds > 0 and stage.megabytes > 50 for stage in costs.stages)
    assert "planets/s" in costs.table()
    write_bench(tmp_path, costs, measure_growth([1, 2], tmp_path, settings=PLAIN))
    record = json.loads((tmp_path / "bench.json").read_text())
    assert [one["planets"] for one in record["growth"]] == [1, 2]
    assert record["ratios"] == costs.ratios
    assert (tmp_path / "growth.png").stat().st_size > 5000


def test_ratios_are_those_of_the_costs():
    calibration, reading, recipe, whole = (StageCost("x", s, 1.0) for s in (0.5, 0.4, 20.0, 0.8))
    costs = StageCosts(2, [calibration], reading, recipe, whole)
    assert costs.ratios == {
        "calibration over reading": 1.25,
        "whole over reading": 2.0,
        "recipe over calibration": 40.0,
    }


def test_the_usual_recipe_sees_the_light_that_the_kit_sees(tiny):
    """Summed over the star, binned frames follow the light curves of the kit."""
    dataset = open_dataset(tiny)
    planet = dataset.planets("test")[0]
    airs, fgs1 = calibrate_plainly(dataset, planet, "test")
    assert airs.shape == (12, AIRS.height, AIRS.width)
    assert fgs1.shape == (12, FGS1.height, FGS1.width)
    observation = calibrate_planet(dataset, planet, split="test")
    rows, columns = slice(8, 24), AIRS.columns
    plain = np.nansum(airs[:, rows, columns], axis=(1, 2))
    kit = observation.airs.sum(axis=1, dtype=np.float64).reshape(12, 30).sum(axis=1)
    np.testing.assert_allclose(plain / plain.mean(), kit / kit.mean(), atol=3e-3)
