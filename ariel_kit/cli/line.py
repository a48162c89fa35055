"""Verbs of the line: from raw frames to a submission, its check and its score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
    Submission,
    TrainLabels,
    read_settings,
    rows,
    show,
)
from ariel_kit.core.editions import Year
from ariel_kit.core.errors import ConfigError
from ariel_kit.core.words import counted

if TYPE_CHECKING:
    from ariel_kit.run.result import RunResult


def run(
    data_dir: DataDir,
    output_dir: OutputDir,
    split: Split = "test",
    train_labels: TrainLabels = None,
    on_error: Annotated[
        Literal["fallback", "fail"] | None,
        typer.Option(
            help="Planets that fail get the safe prior; then exit with 0 (fallback) or 2 (fail). "
            "[default: the recipe's, else fail]"
        ),
    ] = None,
    config: Config = None,
    overrides: Overrides = None,
    models_dir: ModelsDir = None,
    learned: Annotated[
        Path | None,
        typer.Option(
            help="Output folder of ariel-kit learn. [default: learn from the train split]"
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**32 - 1, help="Seed of every random draw. [default: the recipe's, else 0]"
        ),
    ] = None,
    n_jobs: Jobs = 1,
    backend: Backend = None,
    address: Address = None,
    as_json: AsJson = False,
) -> int:
    """Turn raw frames into spectra and submission.csv."""
    from ariel_kit.pipeline import run_pipeline

    settings = read_settings(config, overrides, seed=seed, on_error=on_error)
    result = run_pipeline(
        data_dir,
        output_dir,
        split=split,
        train_labels=train_labels,
        settings=settings,
        models_dir=models_dir,
        learned=learned,
        n_jobs=n_jobs,
        backend=backend,
        address=address,
    )
    _show_run(result, as_json)
    return 2 if result.failures and settings.on_error == "fail" else 0


def _show_run(result: RunResult, as_json: bool) -> None:
    """Print what a run left behind."""
    from ariel_kit.learning.in_run import describe

    seconds, n_planets = sum(result.timings.values()), len(result.spectra)
    facts = {
        "submission": str(result.submission_path),
        "planets": n_planets,
        "failures": rows(result.failures),
        "learned": describe(result.learned),
        "seconds": result.timings,
    }
    lines = [
        f"{result.submission_path}: {counted(n_planets, 'planet')} in {seconds:.1f} s",
        f"learned {describe(result.learned)}",
    ]
    if result.failures:  # the log has told each as it happened
        lines.append(f"{counted(len(result.failures), 'planet')} with the safe prior, see run.json")
    show(facts, as_json, "\n".join(lines))


def score_submission(
    submission: Submission,
    labels: Annotated[Path, typer.Argument(help="The true spectra: planet_id, wl_1 .. wl_283.")],
    data_dir: Annotated[
        Path | None, typer.Option(help="Data folder of these planets; adds scores per star.")
    ] = None,
    split: Split = "test",
    edition: Annotated[
        Year | None,
        typer.Option(help="Edition whose metric is used. [default: the data folder's, else 2024]"),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Score a submission against the truth, part by part."""
    from ariel_kit.data.dataset import open_dataset
    from ariel_kit.data.submission import submission_arrays
    from ariel_kit.data.tables import read_csv
    from ariel_kit.scoring import format_scores, score

    table, stars = read_csv(submission), None
    if data_dir is not None:
        dataset, (planets, _, _) = open_dataset(data_dir), submission_arrays(table)
        if strangers := set(planets) - set(dataset.planets(split)):
            other = "train" if split == "test" else "test"
            raise ConfigError(
                f"the planets of {submission} must be those of split {split} of {data_dir}; "
                f"{len(strangers)} of {len(planets)} are not: try --split {other}."
            )
        stars = [dataset.star(split, planet) for planet in planets]
        edition = edition or dataset.edition.year  # type: ignore[assignment]
    report = score(labels, table, edition=edition or 2024, stars=stars)
    typer.echo(report.to_json() if as_json else format_scores({submission.name: report}))
    return 0


def validate(
    submission: Submission,
    sample: Annotated[
        Path | None, typer.Option(help="The sample_submission.csv to check planets against.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """List every fault of a submission at once."""
    from ariel_kit.data.submission import validate_submission

    check = validate_submission(submission, sample)
    lines = [f"fault: {fault}" for fault in check.faults]
    lines += [f"warning: {warning}" for warning in check.warnings]
    lines = lines or ["no fault found"]
    if sample is None:
        lines.append("planets not checked: no --sample")
    facts = {**vars(check), "ok": check.ok, "planets_checked": sample is not None}
    show(facts, as_json, "\n".join(lines))
    return 0 if check.ok else 2


def demo(
    output_dir: OutputDir = Path("ariel-kit-demo"),
    n_planets: Annotated[int, typer.Option(min=1, help="Planets to simulate and fit.")] = 6,
    seed: Seed = 0,
    n_jobs: Jobs = 1,
    as_json: AsJson = False,
) -> int:
    """Simulate planets, run the line, score it and write a report."""
    from ariel_kit.cli.demo import run_demo
    from ariel_kit.scoring import format_scores

    reports = run_demo(output_dir, n_planets=n_planets, seed=seed, n_jobs=n_jobs)
    facts = {name: json.loads(report.to_json()) for name, report in reports.items()}
    left = f"{output_dir} holds submission.csv and report.html"
    show(facts, as_json, f"{format_scores(reports)}\n{left}")
    return 0
