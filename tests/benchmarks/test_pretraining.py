"""Whether Ti-MAE's encoder saves PhySNet labelled planets: all or half of them, with and without.

pytest -m benchmark -s tests/benchmarks/test_pretraining.py
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.training.loop import train
from ariel_kit.training.recipes import load_orders
from ariel_kit.training.tasks import find_task

SEEDS = (0, 1)
ALL, HALF = 16, 8


def learn(folder: Path, pool: Path, *, seed: int, chunks: int, pretrained: str) -> np.ndarray:
    """Steps and held-out losses [shape=(validation, 2)] of the recipe with these changes."""
    changes = [f"seed={seed}", f"data.chunks={chunks}", f"pretrained={pretrained}"]
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
    print("\n| seed | planets | pre-trained | best loss | as good as all without, from step |")
    print("|---|---|---|---|---|")
    for seed in SEEDS:
        pool = tmp_path / f"pool{seed}"
        pool.mkdir()
        goal = np.inf
        for chunks in (ALL, HALF):
            for pretrained in ("null", "default"):
                folder = tmp_path / f"{seed}_{chunks}_{pretrained}"
                steps, losses = learn(
                    folder, pool, seed=seed, chunks=chunks, pretrained=pretrained
                ).T
                goal = min(goal, losses.min()) if chunks == ALL and pretrained == "null" else goal
                reached = steps[losses <= goal]
                print(
                    f"| {seed} | {chunks * 128} | {pretrained != 'null'} | {losses.min():.4f} | "
                    f"{f'{reached[0]:.0f}' if len(reached) else 'never'} |",
                    flush=True,
                )
                assert losses.min() < losses[0]
