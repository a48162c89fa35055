"""Write the report of a run as one HTML page: scores, pictures, failures, settings, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ariel_kit.core.citation import bibtex, citation
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import Labels, read_labels
from ariel_kit.learning.in_run import NOTHING
from ariel_kit.report.browser import Shown, browser_parts
from ariel_kit.report.pictures import Picture, collect, draw
from ariel_kit.report.planet import write_planet
from ariel_kit.report.render import render
from ariel_kit.report.tables import headlines, planet_rows, score_run, settings_rows, stages
from ariel_kit.run.folder import Run, RunFolder
from ariel_kit.scoring import ScoreReport

__all__ = ["Picture", "Run", "RunFolder", "draw", "write_planet", "write_report"]

SHOWN_PLANETS = 20
"""Most planets in the table that a page without scripts shows, the worst first."""

_HOW = {"running": "is under way", "interrupted": "was interrupted"}


def write_report(
    run: str | Path,
    *,
    labels: str | Path | None = None,
    output: str | Path | None = None,
    title: str | None = None,
    compare: Mapping[str, ScoreReport] | None = None,
    others: Sequence[str | Path] = (),
) -> Path:
    """Write the report of a finished run as a single file that needs nothing from outside.

    A reader can browse its planets; where scripts are off, the page has a table of the worst ones.
    Without labels it has no scores, but still tells what each stage did, how large sigma is and
    which planets failed.

    Parameters
    ----------
    run : path
        Output folder of ``ariel-kit run``.
    labels : path, optional
        True spectra of these planets: ``planet_id, wl_1 .. wl_283``.
    output : path, optional
        The page; ``report.html`` in the folder of the run when left out.
    title : str, optional
    compare : mapping, optional
        Name to score of other answers for the same planets, shown beside this run's.
    others : sequence of path
        Output folders of more runs, of any edition, whose planets the browser shows too. Those
        that all have labels are shown with the truth.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    DataFileError
        If a folder is not that of a finished run, or the labels cannot be read.
    SubmissionError
        If a planet of the run has no label.
    """
    finished = RunFolder(run).read()
    truth = None if labels is None else read_labels(labels)
    report = score_run(finished, truth)
    rows = planet_rows(finished, report)
    by_id = {spectrum.planet_id: spectrum for spectrum in finished.spectra}
    pictures, missing = collect(finished, [by_id[row.planet_id] for row in rows], truth, report)
    split = finished.record.identity.split
    return render(
        "report.html",
        Path(output or finished.folder.path / "report.html"),
        title=title or f"ariel_kit run of {counted(len(rows), f'{split} planet')}",
        run=finished,
        headlines=headlines(finished, rows, report),
        report=report,
        reports={} if report is None else {"this run": report, **(compare or {})},
        rows=rows[:SHOWN_PLANETS],
        n_planets=len(rows),
        pictures=pictures,
        missing=missing,
        notices=_notices(finished),
        stages=stages(finished.spectra),
        settings=settings_rows(finished.settings),
        browser=browser_parts([Shown(finished, rows, truth), *(_shown(o, truth) for o in others)]),
        citation=citation(finished.record.edition, finished.record.versions.get("ariel-kit")),
        bibtex=bibtex(finished.record.versions.get("ariel-kit")),
    )


def _shown(folder: str | Path, truth: Labels | None) -> Shown:
    """Read one more run for the browser, with the truth where all its planets have labels."""
    run = RunFolder(folder).read()
    labelled = (
        truth is not None
        and np.isin([spectrum.planet_id for spectrum in run.spectra], truth.planet_ids).all()
    )
    known = truth if labelled else None
    return Shown(run, planet_rows(run, score_run(run, known)), known)


def _notices(run: Run) -> list[str]:
    """List the warnings that stand at the top of the page."""
    found = []
    if (repetition := run.record.repetition) is not None:
        found.append(f"A repetition of this run {_HOW[repetition.now]}; the results are the first.")
    if not run.is_unchanged:
        found.append("submission.csv is no longer the file that the run wrote.")
    if run.record.learned.startswith(NOTHING):
        reason = run.record.learned.removeprefix(NOTHING)
        found.append(
            f"Scale and sigma are those of the simulator, for nothing was learned: {reason}"
        )
    return found
