"""Write the page of one planet: its risk with reasons, its pictures, what each stage did."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ariel_kit import plots
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels, read_labels
from ariel_kit.plots.style import PPM
from ariel_kit.report.pictures import Picture, draw, draw_kinds, draw_visit, draw_white_light
from ariel_kit.report.render import render
from ariel_kit.report.risk import Risk, judge, usual_sigma
from ariel_kit.report.tables import Headline, flat_facts, outcome_of, planet_rows
from ariel_kit.run.folder import Run, RunFolder
from ariel_kit.scoring import score


def write_planet(
    run: str | Path,
    planet_id: int | None = None,
    *,
    labels: str | Path | None = None,
    output: str | Path | None = None,
) -> tuple[Path, Risk]:
    """Write the page of one planet of a finished run.

    Parameters
    ----------
    run : path
        Output folder of ``ariel-kit run``.
    planet_id : int, optional
        The worst one when left out, as `planet_rows` orders planets without the truth.
    labels : path, optional
        A table with its true spectrum.
    output : path, optional
        The page; ``planet_ID.html`` in the folder of the run when left out.

    Returns
    -------
    page : Path
    risk : Risk
        As it is judged without the truth.

    Raises
    ------
    UnknownNameError
        If the run or the labels do not contain this planet.
    DataFileError
        If the folder is not that of a finished run, or a file is damaged.
    """
    finished = RunFolder(run).read()
    if planet_id is None:
        planet_id = planet_rows(finished, None)[0].planet_id
    spectrum = finished.spectrum(planet_id)
    failure = finished.failures.get(planet_id, "")
    risk = judge(spectrum, failure=failure, usual=usual_sigma(finished.spectra))
    truth = None
    if labels is not None:
        truth = Labels(np.array([planet_id]), read_labels(labels).of([planet_id]))
    kinds = {
        "the spectrum": partial(_draw_spectrum, spectrum, truth),
        "the white light": partial(_draw_white_light, spectrum),
        "the calibrated visit": partial(draw_visit, finished, planet_id),
    }
    pictures, missing = draw_kinds(kinds)
    path = render(
        "planet.html",
        Path(output or finished.folder.path / f"planet_{planet_id}.html"),
        title=f"Planet {planet_id}",
        run=finished,
        star=finished.record.stars.get(planet_id),
        headlines=list(_headlines(finished, spectrum, risk, truth)),
        risk=risk,
        pictures=pictures,
        missing=missing,
        outcomes={name: outcome_of(facts) for name, facts in spectrum.provenance.items()},
        facts=[(name, _told(value)) for name, value in flat_facts(spectrum.provenance)],
    )
    return path, risk


def _headlines(
    run: Run, spectrum: Spectrum, risk: Risk, truth: Labels | None
) -> Iterator[Headline]:
    """Choose the numbers at the top: risk first, then depth and sigma, score where it is known."""
    yield Headline("risk", risk.level, "judged without the truth")
    depth, sigma = PPM * spectrum.mean.mean(), PPM * np.sqrt(np.mean(spectrum.sigma**2))
    yield Headline("depth", f"{depth:.0f} ppm", "mean over 283 wavelengths")
    usual = PPM * usual_sigma(run.spectra)
    yield Headline("sigma", f"{sigma:.1f} ppm", f"rms; median of the run {usual:.1f} ppm")
    if spectrum.fit is not None:
        fit = spectrum.fit
        yield Headline("misfit", f"{fit.white_residual:.2f}", "white-light residual over noise")
        yield Headline("visits", str(fit.visits), f"impact parameter {fit.impact:.2f}")
    if truth is not None:
        report = score(truth, [spectrum], edition=run.record.edition)
        told = f"rmse {report.total.rmse_ppm:.1f} ppm, z std {report.total.z_std:.2f}"
        yield Headline("score", f"{report.raw:.3f}", told)


def _draw_spectrum(spectrum: Spectrum, truth: Labels | None) -> Iterator[Picture]:
    data = [spectrum] if truth is None else [spectrum, truth.depths[0]]
    beside = "" if truth is None else ", beside the truth"
    yield draw(plots.plot_spectrum, f"Spectrum with one and two sigma{beside}", *data)


def _draw_white_light(spectrum: Spectrum) -> Iterator[Picture]:
    for visit in range(len(spectrum.white_light)):
        yield from draw_white_light(spectrum, visit)


def _told(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
