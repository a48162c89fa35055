"""The kit shown on itself: simulate planets, run the line, score it against the known truth."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from ariel_kit.cache import StoredSequence
from ariel_kit.config import ExtractionSettings, RunSettings
from ariel_kit.dataset import Dataset, Labels, open_dataset, read_labels
from ariel_kit.instruments import INSTRUMENTS
from ariel_kit.observation import Observation
from ariel_kit.pipeline import RunResult, run_pipeline
from ariel_kit.report import Picture, draw, write_report
from ariel_kit.scoring import ScoreReport, score

log = logging.getLogger(__name__)


def run_demo(
    output_dir: str | Path, *, n_planets: int = 6, seed: int = 0, n_jobs: int = 1
) -> dict[str, ScoreReport]:
    """Simulate a small full-cadence data set, run the line, score it, and leave a report.

    `output_dir` keeps ``submission.csv``, ``test_labels.csv``, the calibrated products, ``plots``
    and ``report.html``; the raw frames, about 0.4 GB per planet, are deleted again.

    Parameters
    ----------
    output_dir : path
    n_planets : int
        How many planets to simulate and fit.
    seed : int
        Of the simulation and of the run.
    n_jobs : int
        Processes for the calibration.

    Returns
    -------
    dict
        Name to `ScoreReport`: the joint fit, and the white baseline it has to beat.
    """
    from ariel_kit.simulation import simulate_dataset
    from ariel_kit.spectral_extraction import fit_planets

    output, settings = Path(output_dir), RunSettings(seed=seed)
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output, prefix="raw_") as raw:
        log.info("simulating %d planets at full cadence", n_planets)
        simulate_dataset(raw, n_train=0, n_test=n_planets, seed=seed)
        shutil.copy(Path(raw) / "test_labels.csv", output)
        truth = read_labels(output / "test_labels.csv")
        dataset = open_dataset(raw)
        result = run_pipeline(raw, output, settings=settings, n_jobs=n_jobs)
        stars = [dataset.star("test", spectrum.planet_id) for spectrum in result.spectra]
        white = fit_planets(
            StoredSequence(Observation, result.products),
            prior=result.prior,
            settings=ExtractionSettings(extractor="white"),
        )
        reports = {
            "joint fit": score(truth, result.spectra, stars=stars),
            "white baseline": score(truth, white),
        }
        pictures = _draw_all(dataset, result, truth, reports["joint fit"], output / "plots")
    write_report(
        output / "report.html",
        title=f"ariel_kit demo: {n_planets} simulated planets",
        reports=reports,
        pictures=pictures,
        result=result,
        settings=settings,
    )
    return reports


def _draw_all(
    dataset: Dataset, result: RunResult, truth: Labels, report: ScoreReport, folder: Path
) -> list[Picture]:
    from ariel_kit import plots

    folder.mkdir(exist_ok=True)
    observation = Observation.load(result.products[0])
    ranked = sorted(range(len(result.spectra)), key=lambda i: report.planets[i].score)
    pictures = []
    for which, i in (("best", ranked[-1]), ("worst", ranked[0])):
        spectrum = result.spectra[i]
        (depth,) = truth.of([spectrum.planet_id])
        caption = f"The {which} planet, score {report.planets[i].score:.3f}: fit and truth"
        name = f"spectrum_{which}.png"
        pictures.append(draw(plots.plot_spectrum, folder / name, caption, spectrum, depth))
    for plot, caption, *data in (
        (
            plots.plot_calibration_of_sigma,
            "Honesty of sigma: z-scores against the unit Gaussian; coverage against its promise",
            result.spectra,
            truth,
        ),
        (
            plots.plot_white_light_curve,
            "A white light curve: raw, drift removed, model, residuals",
            observation,
        ),
        (
            plots.plot_light_curve_map,
            "The same planet: relative flux over time and wavelength",
            observation,
        ),
        (
            plots.plot_residual_rms,
            "White-light residuals against bin size, beside white noise",
            observation,
        ),
    ):
        name = plot.__name__.removeprefix("plot_")
        pictures.append(draw(plot, folder / f"{name}.png", caption, *data))
    for instrument in INSTRUMENTS.values():
        frames = dataset.read_calibration("test", observation.planet_id, instrument)
        name, caption = instrument.name, f"Bad pixels of {instrument.name}"
        path = folder / f"bad_pixels_{name}.png"
        pictures.append(draw(plots.plot_bad_pixels, path, caption, frames, name=name))
    return pictures
