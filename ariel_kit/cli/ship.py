"""Verbs that write a report, a page, an export or a bundle, or print the settings."""

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
    others: Annotated[
        list[Path] | None,
        typer.Option("--with", help="Another run whose planets the browser shows too."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write the report of a run as one HTML page.

    It shows scores (with labels), a browser of all planets, pictures, failures, settings and
    versions, and needs no network.
    """
    from ariel_kit.report import write_report

    page = write_report(run, labels=labels, output=output, others=others or ())
    show({"report": str(page)}, as_json, f"{page}: open it in any browser")
    return 0


def show_planet(
    run: Annotated[Path, typer.Argument(help="Output folder of ariel-kit run.")],
    planet: Annotated[
        int | None,
        typer.Argument(help="The planet's id. [default: the worst, judged without labels]"),
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
    """Write the page of one planet of a run.

    It tells how risky the spectrum is and why, without the truth, and shows pictures (also the
    residual map) and what each stage did.
    """
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
        typer.Option(
            "--format", help="ecsv: one table per planet; fits, netcdf: one file for all."
        ),
    ] = "ecsv",
    draws: Annotated[
        int, typer.Option(min=0, help="Posterior draws to write for each planet.")
    ] = 0,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Write the spectra of a run as ECSV, FITS or netCDF.

    The files hold units, the full covariance, the provenance of each planet and the citation.
    """
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
    """Write the data set for an offline Kaggle notebook.

    It holds the wheel with the weights, the metadata of the data set, and the notebook.
    """
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
    """Print every setting with value, choices and meaning."""
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
