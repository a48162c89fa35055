"""Verbs for finished answers: compare two, blend several."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ariel_kit.cli.options import AsJson, Seed, show
from ariel_kit.core.editions import Year
from ariel_kit.core.errors import ConfigError
from ariel_kit.core.words import counted

Answer = Annotated[Path, typer.Argument(help="Output folder of a run, or a submission.csv.")]
Labels = Annotated[Path | None, typer.Option(help="The true spectra: planet_id, wl_1 .. wl_283.")]

EditionOption = Annotated[
    Year | None,
    typer.Option(help="Edition whose metric is used. [default: that of the runs, else 2024]"),
]


def _png(path: Path | None) -> Path | None:
    """Refuse a picture in another format before the answers are read."""
    if path is not None and path.suffix.lower() != ".png":
        raise ConfigError(f"a picture is drawn as PNG; got {path}. Let its name end in .png.")
    return path


def compare(
    first: Answer,
    second: Answer,
    labels: Labels = None,
    edition: EditionOption = None,
    output: Annotated[
        Path | None, typer.Option(callback=_png, help="PNG file to draw a picture to.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Compare two answers: settings, scores, planets.

    Prints the settings that differ, the difference of scores with its bootstrap interval over
    planets, and the planets that moved most, with the reasons stage by stage.
    """
    from ariel_kit.evaluation.compare import compare_answers, format_comparison

    found = compare_answers(first, second, labels=labels, edition=edition, seed=seed)
    facts = {
        "planets": len(found.moves),
        "left_out": found.left_out,
        "settings": found.settings,
        "scores": [json.loads(report.to_json()) for report in found.reports],
        "gain": found.gain,
        "interval": found.interval,
        "moves": [asdict(move) for move in found.moves],
        "picture": None if output is None else str(output),
    }
    text = format_comparison(found)
    if output is not None:
        found.draw(output)
        text += f"\n{output}: both answers, planet by planet"
    show(facts, as_json, text)
    return 0


def blend(
    submissions: Annotated[
        list[Path], typer.Argument(help="Submissions, or output folders of runs.")
    ],
    labels: Labels = None,
    oof: Annotated[
        list[Path] | None,
        typer.Option(
            help="Out-of-fold table of each submission, where the labels are of its planets."
        ),
    ] = None,
    output: Annotated[Path, typer.Option(help="The blended submission.")] = Path("blend.csv"),
    edition: EditionOption = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Blend submissions or runs into one submission.

    Members are weighted by their precisions. With labels, the size of their errors and the part
    that they share are learned; without labels all of it is taken as shared.
    """
    from ariel_kit.evaluation.blend import blend_submissions
    from ariel_kit.evaluation.compare import common_edition, read_answer
    from ariel_kit.scoring import format_scores, score

    year = common_edition(map(read_answer, submissions), edition)
    spectra, found, truth = blend_submissions(
        submissions, labels=labels, out_of_fold=oof or (), path=output, seed=seed
    )
    lines = [f"{output}: {counted(len(spectra), 'planet')} of {len(submissions)} submissions"]
    if found.planets:
        lines += [
            f"learned from {counted(found.planets, 'labelled planet')}",
            f"sigma of each times {', '.join(f'{f:.2f}' for f in found.factors)}",
            f"correlation of their errors {found.correlation.round(2).tolist()}",
        ]
    else:
        lines.append("no labels: errors taken as fully shared, and disagreement added to sigma")
    report = None
    if truth is not None and len(truth.planet_ids):
        labelled = [s for s in spectra if s.planet_id in set(truth.planet_ids.tolist())]
        report = score(truth, labelled, edition=year)
        lines += [format_scores({"out of fold": report})]
    facts = {
        "submission": str(output),
        "planets": len(spectra),
        "learned_from": found.planets,
        "factors": found.factors.tolist(),
        "correlation": found.correlation.tolist(),
        "factor": found.factor,
        "score": None if report is None else json.loads(report.to_json()),
    }
    show(facts, as_json, "\n".join(lines))
    return 0
