"""Verbs for raw frames: simulate them, calibrate them, check them before a long run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ariel_kit.cli.options import (
    Address,
    AsJson,
    Backend,
    Config,
    DataDir,
    Jobs,
    ModelsDir,
    OutputDir,
    Overrides,
    Seed,
    Split,
    read_settings,
    rows,
    show,
    whole_numbers,
)
from ariel_kit.core.editions import Year
from ariel_kit.core.words import counted


def simulate(
    output_dir: OutputDir,
    n_train: Annotated[int, typer.Option(min=0, help="Planets in train/.")] = 2,
    n_test: Annotated[int, typer.Option(min=0, help="Planets in test/.")] = 2,
    stars: Annotated[
        str, typer.Option(help="Numbers of stars, e.g. 0,3; 0 and 1 are those of 2024.")
    ] = "0,1",
    molecules: Annotated[
        Literal["known", "unseen", "all"], typer.Option(help="Gases that the planets may contain.")
    ] = "known",
    edition: Annotated[Year, typer.Option(help="Edition whose layout is written.")] = 2024,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Write calibrated light curves instead of frames, in seconds."
        ),
    ] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Simulate planets of known truth in the challenge's layout."""
    from ariel_kit.simulation import simulate_dataset, simulate_observations

    simulated = simulate_observations if quick else simulate_dataset
    simulated(
        output_dir,
        n_train=n_train,
        n_test=n_test,
        stars=tuple(whole_numbers("--stars", stars)),
        molecules=molecules,
        edition=edition,
        seed=seed,
    )
    facts = {"data_dir": str(output_dir), "n_train": n_train, "n_test": n_test}
    show(facts, as_json, f"{n_train} train and {counted(n_test, 'test planet')} in {output_dir}")
    return 0


def calibrate(
    data_dir: DataDir,
    output_dir: OutputDir,
    split: Split = "test",
    config: Config = None,
    overrides: Overrides = None,
    n_jobs: Jobs = 1,
    backend: Backend = None,
    address: Address = None,
    as_json: AsJson = False,
) -> int:
    """Turn raw frames into light curves, one file per visit."""
    from ariel_kit.core.pool import open_pool
    from ariel_kit.data.dataset import open_split
    from ariel_kit.run.products import calibrate_planets

    settings = read_settings(config, overrides)
    dataset = open_split(data_dir, split, output_dir=output_dir)
    with open_pool(n_jobs, backend, address) as pool:
        paths, failures = calibrate_planets(
            dataset,
            dataset.planets(split),
            output_dir / "products",
            split=split,
            settings=settings.calibration,
            pool=pool,
        )
    facts = {"products": [str(path) for path in paths], "failures": rows(failures)}
    text = f"{counted(len(paths), 'observation')} in {output_dir / 'products'}"
    if failures:  # the log has told each as it happened
        text += f", {counted(len(failures), 'planet')} failed"
    show(facts, as_json, text)
    return 2 if failures else 0


def doctor(
    data_dir: Annotated[
        Path | None, typer.Option(help="Data folder to check; one planet is timed.")
    ] = None,
    split: Split = "test",
    models_dir: ModelsDir = None,
    config: Config = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> int:
    """Check machine and data before a long run, and project its time."""
    from ariel_kit.cli.doctor import examine

    settings = read_settings(config, overrides)
    findings = examine(data_dir, split=split, settings=settings, models_dir=models_dir)
    lines = [f"{'ok ' if f.ok else 'BAD'}  {f.name:<10}  {f.detail}" for f in findings]
    show(rows(findings), as_json, "\n".join(lines))
    return 0 if all(finding.ok for finding in findings) else 2
