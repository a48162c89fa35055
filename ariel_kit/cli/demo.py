"""Demonstrate the kit: simulate planets, run the line, score it against the known truth."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from ariel_kit.core.cache import StoredSequence
from ariel_kit.core.config import ExtractionSettings, RunSettings
from ariel_kit.core.observation import Observation
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import open_dataset, read_labels
from ariel_kit.pipeline import run_pipeline
from ariel_kit.report import write_report
from ariel_kit.scoring import ScoreReport, score

log = logging.getLogger(__name__)


def run_demo(
    output_dir: str | Path, *, n_planets: int = 6, seed: int = 0, n_jobs: int = 1
) -> dict[str, ScoreReport]:
    """Simulate a small full-cadence data set, run the line, score it, and leave a report.

    `output_dir` keeps ``submission.csv``, ``test_labels.csv``, the calibrated products and
    ``report.html``; the raw frames, about 0.4 GB per planet, are deleted again.

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
        log.info("simulating %s at full cadence", counted(n_planets, "planet"))
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
        write_report(
            output,
            labels=output / "test_labels.csv",
            title=f"ariel_kit demo: {counted(n_planets, 'simulated planet')}",
            compare={"white baseline": reports["white baseline"]},
        )
    return reports
