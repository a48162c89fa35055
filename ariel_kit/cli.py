"""The command line: verbs only. Each verb imports what it needs when it is called.

Exit codes: 0 done; 1 a mistake of the user, told in one line; 2 done, but with failed planets or
with a submission that has faults; 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ariel_kit.config import RunSettings, describe_settings, find_recipe, load_settings
from ariel_kit.errors import ArielKitError
from ariel_kit.runtime import setup_logging

app = typer.Typer(
    help="From raw Ariel detector frames to a transmission spectrum with honest error bars.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# Root of the parser's errors: typer brings its own copy of click or uses the installed one,
# depending on its version.
_ParserError: Any = typer.BadParameter.__mro__[2]

INTERRUPTED = 130

DataDir = Annotated[Path, typer.Option(help="Folder in the challenge's layout.")]
OutputDir = Annotated[Path, typer.Option(help="Folder for everything that is written.")]
Split = Annotated[str, typer.Option(help="train or test.")]
Config = Annotated[str | None, typer.Option(help="YAML file, or name of a shipped recipe.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Set one field: a.b=value.")]
Jobs = Annotated[int, typer.Option(help="Processes; -1 for one per core.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of every random draw.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Edition = Annotated[int, typer.Option(help="2024 or 2025.")]
Submission = Annotated[Path, typer.Argument(help="A submission.csv.")]


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    try:
        code = app(arguments, prog_name="ariel-kit", standalone_mode=False) or 0
    except _ParserError as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "ariel-kit"
        return _refuse(f"{error.format_message()} See: {where} --help")
    except (ArielKitError, OSError) as error:  # OSError: no permission, no room on the disk
        return _refuse(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:  # newer typer turns Ctrl-C into this code by itself
        _refuse("interrupted; the same command goes on where this one stopped.")
    return code


@app.callback()
def _before_every_verb(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    setup_logging(log_level)  # type: ignore[arg-type]


@app.command()
def simulate(
    output_dir: OutputDir,
    n_train: Annotated[int, typer.Option(min=0, help="Planets in train/.")] = 2,
    n_test: Annotated[int, typer.Option(min=0, help="Planets in test/.")] = 2,
    stars: Annotated[str, typer.Option(help="Star numbers; 0 and 1 are those of 2024.")] = "0,1",
    molecules: Annotated[str, typer.Option(help="known, unseen or all.")] = "known",
    edition: Edition = 2024,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Write planets with known truth in the challenge's exact layout."""
    from ariel_kit.simulation import simulate_dataset

    simulate_dataset(
        output_dir,
        n_train=n_train,
        n_test=n_test,
        stars=tuple(_whole_numbers("--stars", stars)),
        molecules=molecules,
        edition=edition,
        seed=seed,
    )
    facts = {"data_dir": str(output_dir), "n_train": n_train, "n_test": n_test}
    _show(facts, as_json, f"{n_train} train and {n_test} test planets in {output_dir}")
    return 0


@app.command()
def calibrate(
    data_dir: DataDir,
    output_dir: OutputDir,
    split: Split = "test",
    config: Config = None,
    overrides: Overrides = None,
    n_jobs: Jobs = 1,
    as_json: AsJson = False,
) -> int:
    """Turn raw frames into light curves, one file per visit."""
    from ariel_kit.dataset import open_dataset
    from ariel_kit.pipeline import calibrate_planets

    dataset, settings = open_dataset(data_dir), _settings(config, overrides)
    paths, failures = calibrate_planets(
        dataset,
        dataset.planets(split),
        output_dir / "products",
        split=split,
        settings=settings.calibration,
        n_jobs=n_jobs,
    )
    facts = {"products": [str(path) for path in paths], "failures": _rows(failures)}
    lines = [f"{len(paths)} observations in {output_dir / 'products'}"]
    _show(facts, as_json, "\n".join([*lines, *map(str, failures)]))
    return 2 if failures else 0


@app.command()
def run(
    data_dir: DataDir,
    output_dir: OutputDir,
    split: Split = "test",
    train_labels: Annotated[
        Path | None, typer.Option(help="Labels to learn the prior from. [default: those found]")
    ] = None,
    on_error: Annotated[
        Literal["fallback", "fail"] | None,
        typer.Option(help="Planets that fail get the safe prior; then exit with 0 or with 2."),
    ] = None,
    config: Config = None,
    overrides: Overrides = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every random draw.")] = None,
    n_jobs: Jobs = 1,
    as_json: AsJson = False,
) -> int:
    """Turn a raw folder into submission.csv."""
    from ariel_kit.pipeline import run_pipeline

    settings = _settings(config, overrides, seed=seed, on_error=on_error)
    result = run_pipeline(
        data_dir,
        output_dir,
        split=split,
        train_labels=train_labels,
        settings=settings,
        n_jobs=n_jobs,
    )
    seconds, n_planets = sum(result.timings.values()), len(result.spectra)
    facts = {
        "submission": str(result.submission_path),
        "planets": n_planets,
        "failures": _rows(result.failures),
        "seconds": result.timings,
    }
    lines = [f"{result.submission_path}: {n_planets} planets in {seconds:.1f} s"]
    lines += [f"safe prior for {failure}" for failure in result.failures]
    _show(facts, as_json, "\n".join(lines))
    return 2 if result.failures and settings.on_error == "fail" else 0


@app.command("score")
def score_submission(
    submission: Submission,
    labels: Annotated[Path, typer.Argument(help="The true spectra: planet_id, wl_1 .. wl_283.")],
    data_dir: Annotated[Path | None, typer.Option(help="Data folder; adds a row per star.")] = None,
    split: Split = "test",
    edition: Edition = 2024,
    as_json: AsJson = False,
) -> int:
    """Score a submission against the truth, part by part."""
    from ariel_kit.dataset import open_dataset, read_planets
    from ariel_kit.scoring import format_scores, score

    table, stars = read_planets(submission), None
    if data_dir is not None:
        dataset = open_dataset(data_dir)
        stars = [dataset.star(split, planet) for planet in table["planet_id"]]
    report = score(labels, table, edition=edition, stars=stars)
    typer.echo(report.to_json() if as_json else format_scores({submission.name: report}))
    return 0


@app.command()
def validate(
    submission: Submission,
    sample: Annotated[Path | None, typer.Option(help="The sample_submission.csv.")] = None,
    as_json: AsJson = False,
) -> int:
    """List every fault of a submission at once."""
    from ariel_kit.submission import validate_submission

    check = validate_submission(submission, sample)
    lines = [f"fault: {fault}" for fault in check.faults]
    lines += [f"warning: {warning}" for warning in check.warnings]
    _show({**vars(check), "ok": check.ok}, as_json, "\n".join(lines or ["no fault found"]))
    return 0 if check.ok else 2


@app.command()
def demo(
    output_dir: OutputDir = Path("ariel-kit-demo"),
    n_planets: Annotated[int, typer.Option(min=1, help="Planets to simulate and fit.")] = 6,
    seed: Seed = 0,
    n_jobs: Jobs = 1,
    as_json: AsJson = False,
) -> int:
    """Simulate, run, score and report, in a few minutes."""
    from ariel_kit.demo import run_demo
    from ariel_kit.scoring import format_scores

    reports = run_demo(output_dir, n_planets=n_planets, seed=seed, n_jobs=n_jobs)
    facts = {name: json.loads(report.to_json()) for name, report in reports.items()}
    left = f"{output_dir} holds submission.csv, plots and report.html"
    _show(facts, as_json, f"{format_scores(reports)}\n{left}")
    return 0


@app.command()
def doctor(
    data_dir: Annotated[
        Path | None, typer.Option(help="Data folder to check; one planet is timed.")
    ] = None,
    split: Split = "test",
    config: Config = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> int:
    """Check machine and data before a long run, and project its time."""
    from ariel_kit.doctor import examine

    findings = examine(data_dir, split=split, settings=_settings(config, overrides))
    lines = [f"{'ok ' if f.ok else 'BAD'}  {f.name:<10}  {f.detail}" for f in findings]
    _show(_rows(findings), as_json, "\n".join(lines))
    return 0 if all(finding.ok for finding in findings) else 2


@app.command("config")
def show_config(config: Config = None, overrides: Overrides = None, as_json: AsJson = False) -> int:
    """Print every setting: its value, its choices, what it does."""
    values = _settings(config, overrides).model_dump(mode="json")
    lines = []
    for name, kinds, _, description in describe_settings(RunSettings):
        value: Any = values
        for part in name.split("."):
            value = value[part]
        lines.append(f"{name} = {value}  ({kinds})\n    {description}")
    _show(values, as_json, "\n".join(lines))
    return 0


def _settings(config: str | None, overrides: list[str] | None, **options: Any) -> RunSettings:
    """Recipe, then overrides, then the verb's own options: the later wins."""
    chosen = [f"{name}={value}" for name, value in options.items() if value is not None]
    path = None if config is None else find_recipe(config)
    return load_settings(RunSettings, path, [*(overrides or []), *chosen])


def _whole_numbers(option: str, text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise typer.BadParameter(f"{option} must be whole numbers with commas; got {text!r}.")
    return [int(part) for part in parts]


def _rows(records: Any) -> list[dict[str, Any]]:
    return [vars(record) for record in records]


def _show(facts: Any, as_json: bool, text: str) -> None:
    typer.echo(json.dumps(facts) if as_json else text)


def _refuse(message: str) -> int:
    typer.echo(f"ariel-kit: {message}", err=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
