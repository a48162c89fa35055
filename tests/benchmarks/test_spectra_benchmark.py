"""Simulated against real spectra, side by side; and the time of a draw."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.data.dataset import read_labels
from ariel_kit.simulation.spectra import draw_spectra
from tests.support.spectra_statistics import LEVELS, captured, ladder, residual, summary


@pytest.mark.benchmark
@pytest.mark.real
def test_simulated_and_real_spectra_side_by_side(shared_data: Path) -> None:
    real = read_labels(shared_data / "adc2024" / "train_labels.csv").depths
    rng = np.random.default_rng(0)
    draw_spectra(10, rng=rng)
    start = time.perf_counter()
    sets = {
        "real": real,
        "simulated": np.concatenate([draw_spectra(5000, rng=rng, star=s) for s in (0, 1)]),
    }
    seconds = time.perf_counter() - start
    print(f"\n10 000 spectra in {seconds:.2f} s; ppm; quantiles {LEVELS} %")
    for field in summary(real)._fields:
        for name, depths in sets.items():
            print(f"  {field:14s} {name:10s} {np.round(getattr(summary(depths), field), 2)}")
    for name, depths in sets.items():
        print(f"  PCA ladder 1-8 {name:10s} {ladder(depths, 8).round(1)}")
    for rank in (3, 5, 8):
        left = residual(real, sets["simulated"], rank)
        per_planet = np.sqrt((left**2).mean(axis=1)) * 1e6
        print(
            f"  rank {rank}: real in simulated {captured(real, sets['simulated'], rank):.4f}, "
            f"simulated in real {captured(sets['simulated'], real, rank):.4f}; real residual "
            f"rms {np.sqrt((left**2).mean()) * 1e6:.1f}, median planet {np.median(per_planet):.1f}"
        )
    assert seconds < 5
