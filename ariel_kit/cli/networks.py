"""Verbs of the networks: train, list and evaluate them."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from itertools import chain
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
    Split,
    TrainLabels,
    read_settings,
    show,
)
from ariel_kit.core.errors import ConfigError, DataFileError
from ariel_kit.core.words import counted

TOLD = "licence", "editions", "revisions", "command", "limits", "kit_version", "sha256"
"""Fields of a card that ``models --json`` repeats."""


def train(
    config: Annotated[str, typer.Option(help="YAML file, or name of a shipped training recipe.")],
    output_dir: OutputDir,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of observations, as calibrate writes it. [default: simulated planets]"
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Their labels. [default: train_labels.csv in the data folder, if any]"),
    ] = None,
    overrides: Overrides = None,
    resume: Annotated[
        str, typer.Option(help="Go on from a checkpoint: auto, never, or its path.")
    ] = "auto",
    as_json: AsJson = False,
) -> int:
    """Train networks on simulated planets or on observations."""
    from accelerate import PartialState

    from ariel_kit.training.loop import train_all
    from ariel_kit.training.recipes import load_orders

    chosen = overrides or []
    orders = load_orders(config, [*chosen, *_data_overrides(data_dir, labels)])
    places = {"--config": Path(config), "--data-dir": data_dir, "--labels": labels}
    shown = [(option, path.name) for option, path in places.items() if path is not None]
    shown += [("--set", item) for item in chosen]
    command = shlex.join(["ariel-kit", "train", *chain.from_iterable(shown)])
    cards = train_all(orders, output_dir, resume=resume, command=command)
    lines = [
        f"{output_dir / card.model}: {card.parameters} parameters, validation loss {card.score:.5g}"
        for card in cards
    ]
    if PartialState().is_main_process:  # one process of several, where there are several devices
        show([card.model_dump(mode="json") for card in cards], as_json, "\n".join(lines))
    return 0


def cv(
    data_dir: DataDir,
    output_dir: OutputDir,
    labels: Annotated[
        Path | None, typer.Option(help="True spectra. [default: those in the data folder]")
    ] = None,
    split: Split = "train",
    folds: Annotated[int, typer.Option(min=2, help="Number of folds, at most one per group.")] = 5,
    group_by: Annotated[
        Literal["star", "random", "molecule"],
        typer.Option(help="What folds must not share; molecule needs simulated planets."),
    ] = "star",
    full_fit: Annotated[
        bool, typer.Option("--full-fit", help="Also fit the temperature of sigma, for later runs.")
    ] = False,
    models_dir: ModelsDir = None,
    config: Config = None,
    overrides: Overrides = None,
    n_jobs: Jobs = 1,
    backend: Backend = None,
    address: Address = None,
    as_json: AsJson = False,
) -> int:
    """Cross-validate the line on labelled planets."""
    from ariel_kit.evaluation import cross_validate
    from ariel_kit.scoring import format_scores

    settings = read_settings(config, overrides)
    result = cross_validate(
        data_dir,
        output_dir,
        labels=labels,
        split=split,
        folds=folds,
        group_by=group_by,
        full_fit=full_fit,
        settings=settings,
        models_dir=models_dir,
        n_jobs=n_jobs,
        backend=backend,
        address=address,
    )
    facts = json.loads((output_dir / "scores.json").read_text(encoding="utf-8"))
    parts = tuple(replace(part, name=f"{part.group} {part.name}") for part in result.parts)
    reports = {"out of fold": replace(result.report, stars=parts)}
    if result.shipped != result.report:
        reports["shipped values"] = result.shipped
    lines = [format_scores(reports)]
    if result.failures:  # the log has told each as it happened
        planets = counted(len(result.failures), "planet")
        lines.append(f"{planets} with the safe prior, see scores.json")
    show(facts, as_json, "\n".join(lines))
    return 2 if result.failures and settings.on_error == "fail" else 0


def list_networks(models_dir: ModelsDir = None, as_json: AsJson = False) -> int:
    """List the networks with size, origin and validity."""
    from ariel_kit.models import list_models

    facts = [_network(name, models_dir) for name in list_models()]
    columns = (
        "model",
        "parameters",
        "weights",
        "licence",
        "editions",
        "revisions",
        "loss",
        "command",
    )
    table = [columns, *([_cell(row.get(column)) for column in columns] for row in facts)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
    lines += [f"{row['objection']}." for row in facts if row["objection"]]
    show(facts, as_json, "\n".join(lines))
    return 0


def ablate(
    data_dir: DataDir,
    labels: Annotated[Path, typer.Option(help="The true spectra: planet_id, wl_1 .. wl_283.")],
    output_dir: OutputDir = Path("ablation"),
    split: Split = "test",
    train_labels: TrainLabels = None,
    models_dir: ModelsDir = None,
    config: Config = None,
    overrides: Overrides = None,
    n_jobs: Jobs = 1,
    backend: Backend = None,
    address: Address = None,
    as_json: AsJson = False,
) -> int:
    """Score the line with each learned stage on and off."""
    from ariel_kit.evaluation.ablation import ablate_folder, format_ablation

    rows = ablate_folder(
        data_dir,
        labels,
        output_dir,
        split=split,
        train_labels=train_labels,
        settings=read_settings(config, overrides),
        models_dir=models_dir,
        n_jobs=n_jobs,
        backend=backend,
        address=address,
    )
    show(rows, as_json, format_ablation(rows))
    return 0


def _data_overrides(data_dir: Path | None, labels: Path | None) -> list[str]:
    if data_dir is None:
        if labels is not None:
            raise ConfigError("--labels needs --data-dir: the planets that they belong to.")
        return []
    beside = data_dir / "train_labels.csv"
    if labels is None and beside.is_file():
        labels = beside
    places = {"data.folder": data_dir, "data.labels": labels}
    named = {name: path for name, path in places.items() if path is not None}
    for path in named.values():
        if not path.exists():
            raise DataFileError(f"{path} is missing: name it with --data-dir or --labels.")
    # As JSON, which YAML reads, so that no character of a path means anything.
    return [f"{name}={json.dumps(str(path))}" for name, path in named.items()]


def _network(name: str, models_dir: Path | None) -> dict[str, object]:
    from ariel_kit.models import create_model, find_weights, load_card
    from ariel_kit.models.weights import MODEL_FILE, count_parameters

    folder = find_weights(name, models_dir)
    model = create_model(name, weights=folder)  # weights that do not fit are an error here
    facts: dict[str, object] = {
        "model": name,
        "parameters": count_parameters(model),
        "weights": _origin(folder, models_dir),
        **dict.fromkeys(("megabytes", "loss", "objection", *TOLD)),
    }
    if folder is None:
        return facts
    card = load_card(folder)
    return {
        **facts,
        "megabytes": round((folder / MODEL_FILE).stat().st_size / 1e6, 2),
        "loss": card.score,
        "objection": card.objection(card.editions[0]),
        **card.model_dump(mode="json", include=set(TOLD)),
    }


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{part} {number}" for part, number in value.items()) or "-"
    return "-" if value in (None, "") else str(value)


def _origin(folder: Path | None, models_dir: Path | None) -> str:
    if folder is None:
        return "none"
    return "own" if models_dir is not None and folder.parent == models_dir else "shipped"
