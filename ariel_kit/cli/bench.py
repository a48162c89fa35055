"""The verb that measures the kit itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ariel_kit.cli.options import (
    Address,
    AsJson,
    Backend,
    Config,
    Jobs,
    OutputDir,
    Overrides,
    Split,
    read_settings,
    show,
    whole_numbers,
)


def bench(
    output_dir: OutputDir = Path("bench"),
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Raw planets to measure. [default: two are simulated, 0.6 GB]"),
    ] = None,
    split: Split = "test",
    planets: Annotated[
        str, typer.Option(help="Numbers of planets whose fit is measured, with commas.")
    ] = "8,16,32,64",
    recipe: Annotated[
        bool, typer.Option(help="Also run the usual recipe of calibration, for comparison.")
    ] = True,
    config: Config = None,
    overrides: Overrides = None,
    n_jobs: Jobs = 1,
    backend: Backend = None,
    address: Address = None,
    as_json: AsJson = False,
) -> int:
    """Measure time and memory of each stage of the line.

    Also measures how time and memory of the fit grow with the number of planets.
    """
    from ariel_kit.bench import measure_growth, measure_stages
    from ariel_kit.bench.files import write_bench
    from ariel_kit.data.dataset import open_dataset
    from ariel_kit.simulation import simulate_dataset

    settings, sizes = read_settings(config, overrides), whole_numbers("--planets", planets)
    output_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output_dir, prefix="bench_") as scratch:
        if data_dir is None:
            data_dir = simulate_dataset(Path(scratch) / "raw", n_train=0, n_test=2)
            split = "test"
        costs = measure_stages(open_dataset(data_dir), split, settings=settings, recipe=recipe)
        growth = measure_growth(
            sorted(sizes),
            Path(scratch),
            settings=settings,
            n_jobs=n_jobs,
            backend=backend,
            address=address,
        )
    write_bench(output_dir, costs, growth)
    facts = {**asdict(costs), "ratios": costs.ratios, "growth": [asdict(one) for one in growth]}
    lines = [costs.table(), *(one.line() for one in growth)]
    show(facts, as_json, "\n".join([*lines, f"{output_dir} holds bench.json and growth.png"]))
    return 0
