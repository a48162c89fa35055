"""Whether Ti-MAE's encoder saves PhySNet labelled planets: all or half of them, with and without.

pytest -m benchmark -s tests/benchmarks/test_pretraining.py
"""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.training.loop import train
from ariel_kit.training.pools.blind import CHUNK
from ariel_kit.training.recipes import load_orders
from ariel_kit.training.tasks import find_task
from tests.support.results import write_results

ALL, HALF = 16, 8
"""Chunks of planets."""


def learn(folder: Path, pool: Path, *, chunks: int, pretrained: str) -> np.ndarray:
    """Steps and held-out losses [shape=(validation, 2)] of the recipe with these changes."""
    changes = ["loop.steps=1200", "loop.validate_every=100"]
    changes += [f"data.chunks={chunks}", f"pretrained={pretrained}"]
    (settings,) = load_orders("physnet", changes)
    folder.mkdir()
    (folder / "pool").symlink_to(pool)
    train(find_task("physnet").make_task(settings), settings, folder)
    with (folder / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row["step"]), float(row["validation_loss"])] for row in rows])


@pytest.mark.benchmark
def test_pretraining(tmp_path: Path) -> None:
    """Held-out loss, and the step from which it is as good as all planets without pre-training."""
    pool, best = tmp_path / "pool", {}
    pool.mkdir()
    print("\n| planets | pre-trained | best loss | as good as all without, from step |")
    print("|---|---|---|---|")
    for chunks, pretrained in product((ALL, HALF), ("null", "default")):
        steps, losses = learn(
            tmp_path / f"{chunks}_{pretrained}", pool, chunks=chunks, pretrained=pretrained
        ).T
        best[chunks, pretrained] = losses.min()
        reached = [*steps[losses <= best[ALL, "null"]].astype(int), "never"][0]
        print(f"| {chunks * CHUNK} | {pretrained} | {losses.min():.4f} | {reached} |", flush=True)
    losses_of = {n: (best[n, "null"], best[n, "default"]) for n in (ALL, HALF)}
    told = [f"{a:.3f} and {b:.3f} with {n * CHUNK} planets" for n, (a, b) in losses_of.items()]
    write_results("pretraining", ", ".join(told))
    assert best[HALF, "default"] <= best[ALL, "null"]
