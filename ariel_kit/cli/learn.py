"""The verb that learns from labelled planets, for later runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    Split,
    read_settings,
    show,
)


def learn(
    data_dir: DataDir,
    output_dir: OutputDir,
    planets: Annotated[
        int | None,
        typer.Option(min=1, help="Labelled planets to learn from. [default: the recipe's, 200]"),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="True spectra. [default: those in the data folder]")
    ] = None,
    split: Split = "train",
    models_dir: ModelsDir = None,
    config: Config = None,
    overrides: Overrides = None,
    n_jobs: Jobs = 1,
    backend: Backend = None,
    address: Address = None,
    as_json: AsJson = False,
) -> int:
    """Learn scale and sigma from labels, for run --learned."""
    from ariel_kit.learning import learn_folder
    from ariel_kit.learning.learned import format_learned

    chosen = overrides or []
    if planets is not None:
        chosen = [*chosen, f"learning.planets={planets}"]
    learned = learn_folder(
        data_dir,
        output_dir,
        labels=labels,
        split=split,
        settings=read_settings(config, chosen),
        models_dir=models_dir,
        n_jobs=n_jobs,
        backend=backend,
        address=address,
    )
    facts = learned.facts.model_dump(mode="json")
    show(facts, as_json, f"{format_learned(learned.facts)}\n{output_dir}: give it to run --learned")
    return 0
