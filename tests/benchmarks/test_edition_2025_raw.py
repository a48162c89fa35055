"""Raw visits of 2025, from frames to spectra, on planets whose laws the fit does not assume.

    pytest -m benchmark -s tests/benchmarks/test_edition_2025_raw.py

40 planets in lots of four: simulated as ``ariel-kit simulate --edition 2025`` does, calibrated,
their frames deleted; then all visits go through the line together. With ARIEL_KIT_TEST_PLANETS
naming a folder, calibrated visits are kept there, and an interrupted measurement goes on.
"""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from ariel_kit.core.cache import StoredSequence
from ariel_kit.core.config import RunSettings
from ariel_kit.core.observation import Observation
from ariel_kit.preprocessing import calibration_warmup
from ariel_kit.run.line import load_line
from tests.support.edition_2025 import Results, prior_of_others
from tests.support.raw_visits import calibrated_lot, products_folder
from tests.support.results import write_results

LOTS = 10
SEED = 92000


@pytest.mark.benchmark
def test_raw_visits_of_stars_that_all_differ() -> None:
    calibration_warmup()
    with products_folder() as folder:
        lots = [calibrated_lot(folder, SEED + i) for i in range(LOTS)]
        planets = [planet for lot in lots for planet in lot.planets]
        products = [path for lot in lots for path in lot.products]
        line, prior = load_line(RunSettings(), edition=2025), prior_of_others(seed=9181)
        began = time.perf_counter()
        spectra = line(StoredSequence(Observation, products), prior)
        fitting = (time.perf_counter() - began) / len(products)
    fresh = [lot for lot in lots if lot.seconds]
    calibrating = sum(lot.seconds for lot in fresh) / max(
        1, sum(len(lot.products) for lot in fresh)
    )
    results = Results.of(planets, spectra)
    good = ~results.flagged
    bias, rms = results.fgs1(good)
    print(f"\n{len(products)} visits, load average {os.getloadavg()[0]:.1f}")
    print(f"calibration {calibrating:.2f} s a visit (0: kept from before), line {fitting:.2f} s")
    print(f"flagged: {(~good).sum()}\n\n{results.table()}")
    fgs1, level, shape = results.coverage(good)
    write_results(
        "edition_2025_raw",
        f"{results.total:.3f}; of the {good.sum()} not flagged, FGS1 is off by {bias:+.0f} "
        f"ppm on average and {rms:.0f} ppm rms, one sigma holds {fgs1:.2f} of FGS1, {level:.2f} of "
        f"AIRS's levels and {shape:.2f} of its shapes, and the worst scores "
        f"{results.scores()[good].min():.2f}",
    )
    assert results.total > 0.67
    assert abs(bias) < 30
    assert rms < 80
    assert results.scores()[good].min() > 0
    assert np.isfinite(results.sigma).all()
