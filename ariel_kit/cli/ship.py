"""Verbs that hand something over: a report of a run, the settings and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ariel_kit.cli.options import AsJson, Config, OutputDir, Overrides, Seed, read_settings, show


def report(
    run: Annotated[Path, typer.Argument(help="Output folder of ariel-kit run.")],
    labels: Annotated[
        Path | None, typer.Option(help="The true spectra: planet_id, wl_1 .. wl_283.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The page. [default: report.html in the folder]")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write one HTML page about a run: scores, pictures, failures, settings."""
    from ariel_kit.report import write_report

    page = write_report(run, labels=labels, output=output)
    show({"report": str(page)}, as_json, f"{page}: open it in any browser")
    return 0


def show_planet(
    run: Annotated[Path, typer.Argument(help="Output folder of ariel-kit run.")],
    planet: Annotated[
        int | None, typer.Argument(help="The planet's id. [default: the worst]")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="The true spectra: planet_id, wl_1 .. wl_283.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The page. [default: planet_ID.html in the folder]")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: AsJson = False,
) -> int:
    """Write the page of one planet: how risky its answer is and why, pictures, stages."""
    from ariel_kit.report import write_planet

    page, risk = write_planet(run, planet, labels=labels, output=output)
    facts = {"page": str(page), "risk": risk.level, "reasons": list(risk.reasons)}
    show(facts, as_json, "\n".join([f"{page}: risk {risk.level}", *risk.reasons]))
    if open_page:
        typer.launch(page.resolve().as_uri())
    return 0


def export(
    run: Annotated[Path, typer.Argument(help="Output folder of ariel-kit run.")],
    output_dir: OutputDir,
    file_format: Annotated[
        Literal["ecsv", "fits", "netcdf"],
        typer.Option("--format", help="A table for each planet, or one file."),
    ] = "ecsv",
    draws: Annotated[int, typer.Option(min=0, help="Draws from each posterior to write.")] = 0,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Write the spectra of a run for other programs: units, covariance, provenance."""
    from ariel_kit.export import export_run

    files = export_run(run, output_dir, file_format=file_format, draws=draws, seed=seed)
    paths = [str(path) for path in files]
    text = paths[0] if len(paths) == 1 else f"{len(paths)} tables in {output_dir}"
    show({"files": paths}, as_json, text)
    return 0


def bundle(
    output_dir: OutputDir,
    user: Annotated[
        str | None, typer.Option(help="Your Kaggle user name, for the id of the data set.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write what an offline Kaggle notebook needs: wheel, metadata, the notebook."""
    from ariel_kit.cli.bundle import NO_USER, write_bundle

    paths = [str(path) for path in write_bundle(output_dir, user=user or NO_USER)]
    show({"files": paths}, as_json, "\n".join(paths))
    return 0


def show_config(
    config: Config = None,
    overrides: Overrides = None,
    describe: Annotated[
        bool, typer.Option("--describe", help="Print all settings and recipes as Markdown.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Print every setting: its value, its choices, what it does."""
    from ariel_kit.core.config import RunSettings
    from ariel_kit.core.fields import describe_settings
    from ariel_kit.core.reference import reference_page

    if describe:
        page = reference_page(RunSettings)
        show({"markdown": page}, as_json, page)
        return 0
    values = read_settings(config, overrides).model_dump(mode="json")
    lines = []
    for name, kinds, _, description in describe_settings(RunSettings):
        value: Any = values
        for part in name.split("."):
            value = value[part]
        lines.append(f"{name} = {value}  ({kinds})\n    {description}")
    show(values, as_json, "\n".join(lines))
    return 0
