"""Write what was measured: numbers and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ariel_kit.bench.growth import Growth
from ariel_kit.bench.stages import StageCosts
from ariel_kit.core.cache import atomic_path
from ariel_kit.core.runtime import available_cores, versions


def write_bench(folder: Path, costs: StageCosts, growth: Sequence[Growth]) -> None:
    """Write ``bench.json`` and ``growth.png``.

    Parameters
    ----------
    folder : Path
    costs : StageCosts
    growth : sequence of Growth
    """
    import matplotlib.pyplot as plt

    from ariel_kit.plots import plot_growth

    record = {
        **asdict(costs),
        "ratios": costs.ratios,
        "growth": [asdict(one) for one in growth],
        "cores": available_cores(),
        "versions": versions(),
    }
    with atomic_path(folder / "bench.json") as unfinished:
        unfinished.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    numbers = [(one.planets, one.seconds, one.megabytes) for one in growth]
    axes = plot_growth(*zip(*numbers, strict=True))
    with atomic_path(folder / "growth.png") as unfinished:
        axes[0].figure.savefig(unfinished)
    plt.close(axes[0].figure)
