"""Shared options of the verbs, and functions that read settings and print results."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.words import readable

if TYPE_CHECKING:
    from ariel_kit.core.config import RunSettings


def _writable(folder: Path) -> Path:
    """Refuse a folder that cannot be written, before an hour is spent on its contents."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    fault = None
    if not there.is_dir():
        fault = f"{there} is no folder"
    elif not os.access(there, os.W_OK | os.X_OK):
        fault = f"{there} may not be written to"
    if fault:
        raise DataFileError(f"{folder} cannot be written: {fault}; give another --output-dir.")
    return folder


DataDir = Annotated[Path, typer.Option(help="Folder in the challenge's layout.")]
OutputDir = Annotated[
    Path, typer.Option(callback=_writable, help="Folder that results are written to.")
]
Split = Annotated[Literal["train", "test"], typer.Option(help="Split whose planets are used.")]
Config = Annotated[str | None, typer.Option(help="YAML file, or name of a shipped recipe.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Set one field: a.b=value.")]
Jobs = Annotated[int, typer.Option(help="Processes; -1 for one per core.")]
Backend = Annotated[
    Literal["loky", "dask"] | None,
    typer.Option(help="Who runs the processes; dask needs ariel-kit[cluster]. [default: loky]"),
]
Address = Annotated[
    str | None, typer.Option(help="Scheduler of a Dask cluster that shares the folders.")
]
ModelsDir = Annotated[
    Path | None,
    typer.Option(help="Folder of your own weights, as train writes it. [default: shipped]"),
]
TrainLabels = Annotated[
    Path | None,
    typer.Option(help="Labels to learn the prior from. [default: the data folder's, if any]"),
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of every random draw.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Submission = Annotated[Path, typer.Argument(help="A submission.csv.")]


def read_settings(config: str | None, overrides: list[str] | None, **options: Any) -> RunSettings:
    """Read the recipe, then overrides, then the verb's own options; the later wins."""
    from ariel_kit.core.config import RunSettings, find_recipe, load_settings

    chosen = [f"{name}={value}" for name, value in options.items() if value is not None]
    path = None if config is None else find_recipe(config)
    return load_settings(RunSettings, path, [*(overrides or []), *chosen])


def whole_numbers(option: str, text: str) -> list[int]:
    """Read a list of numbers such as ``0,1``."""
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise typer.BadParameter(f"{option} must be whole numbers with commas; got {text!r}.")
    return [int(part) for part in parts]


def rows(records: Any) -> list[dict[str, Any]]:
    """Turn dataclass records into JSON objects."""
    return [vars(record) for record in records]


def show(facts: Any, as_json: bool, text: str) -> None:
    """Print `facts` as JSON, or `text`."""
    typer.echo(json.dumps(facts) if as_json else readable(text))
