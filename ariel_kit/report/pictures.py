"""The pictures of a report: each drawn twice, for light and for dark paper."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

from ariel_kit import plots
from ariel_kit.core.config import ExtractionSettings
from ariel_kit.core.errors import ArielKitError, DataFileError
from ariel_kit.core.instruments import AIRS, FGS1, INSTRUMENTS
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels, open_dataset
from ariel_kit.plots.style import SIZE, TALL
from ariel_kit.run.folder import Run
from ariel_kit.scoring import ScoreReport

DPI = 110


@dataclass(frozen=True)
class Picture:
    """What one plot shows, as PNG files in data URIs.

    Attributes
    ----------
    caption : str
        Also read to those who cannot see it.
    light, dark : str
        The picture itself, for either scheme.
    width, height : int
        Pixels, so that a page keeps its place for it.
    """

    caption: str
    light: str
    dark: str
    width: int
    height: int


def draw(
    plot: Callable[..., Any], caption: str, *data: Any, size: tuple[float, float] = SIZE
) -> Picture:
    """Let one of the kit's plots draw a picture.

    Parameters
    ----------
    plot : callable
        Any ``plot_*`` function.
    caption : str
    *data
        What the plot needs.
    size : tuple of float
        Inches.

    Returns
    -------
    Picture
    """
    from matplotlib.figure import Figure

    sources = []
    for scheme in ("light", "dark"):
        with plots.paper(scheme):
            figure = Figure(figsize=size, dpi=DPI, layout="constrained")
            plot(*data, ax=figure.subplots())
            file = BytesIO()
            figure.savefig(file, format="png")
        encoded = base64.b64encode(file.getvalue()).decode()
        sources.append(f"data:image/png;base64,{encoded}")
    width, height = (round(DPI * inches) for inches in size)
    return Picture(caption, *sources, width, height)


def draw_answers(
    spectra: Sequence[Spectrum], truth: Labels | None, report: ScoreReport | None
) -> Iterator[Picture]:
    """Spectra at both ends of the list, and what the scores say; `spectra` begin with the worst."""
    ends = {"worst": spectra[0], "best": spectra[-1]} if len(spectra) > 1 else {"only": spectra[0]}
    for which, spectrum in ends.items():
        data: list[Any] = [spectrum]
        caption = f"Spectrum of the {which} planet, with one and two sigma"
        if truth is not None:
            data += list(truth.of([spectrum.planet_id]))
            caption += ", beside the truth"
        yield draw(plots.plot_spectrum, caption, *data)
    if truth is not None and report is not None:
        caption = "Honesty of sigma: z-scores beside the unit Gaussian, coverage beside its promise"
        yield draw(plots.plot_calibration_of_sigma, caption, spectra, truth)
        caption = "Score of each planet against its signal-to-noise ratio"
        yield draw(plots.plot_score_by_snr, caption, report, spectra)


def draw_light_curves(observation: Observation) -> Iterator[Picture]:
    """Draw one calibrated visit, from white light to pointing."""
    from ariel_kit.spectral_extraction import fit_planets, simulated_prior

    settings = ExtractionSettings(extractor="white")
    (spectrum,) = fit_planets([observation], prior=simulated_prior(), settings=settings)
    for plot, caption, shown in (
        (
            plots.plot_white_light_curve,
            "White light: raw, drift removed, model, residuals",
            spectrum,
        ),
        (
            plots.plot_light_curve_map,
            "Every light curve: relative flux over time and wavelength",
            observation,
        ),
        (
            plots.plot_residual_rms,
            "White-light residuals against bin size, beside white noise",
            spectrum,
        ),
    ):
        yield draw(plot, caption, shown)
    caption = "Pointing, and the flux and noise of FGS1"
    yield draw(plots.plot_pointing, caption, observation, observation, size=TALL)


def draw_detectors(run: Run, planet_id: int) -> Iterator[Picture]:
    """The detectors of one planet, from its raw data.

    Raises
    ------
    DataFileError
        If the raw data are no longer where the run found them.
    """
    from ariel_kit.preprocessing import mean_image

    if not run.data.is_dir():
        raise DataFileError(f"the raw data are no longer in {run.data}.")
    dataset, split = open_dataset(run.data), run.split
    images = [mean_image(dataset, planet_id, each, split=split) for each in (AIRS, FGS1)]
    caption = "Where the light falls: row profile of AIRS-CH0, image of the star on FGS1"
    yield draw(plots.plot_profiles, caption, *images)
    for name, instrument in INSTRUMENTS.items():
        frames = dataset.read_calibration(split, planet_id, instrument)
        plot = partial(plots.plot_bad_pixels, name=name)
        yield draw(plot, f"Bad pixels of {name}: dead, hot and wild", frames)


def collect(
    run: Run, spectra: Sequence[Spectrum], truth: Labels | None, report: ScoreReport | None
) -> tuple[list[Picture], list[str]]:
    """All pictures of a run, and a sentence for each kind that cannot be drawn.

    Parameters
    ----------
    run : Run
    spectra : sequence of Spectrum
        The worst first; its light curves are the ones that are shown.
    truth : Labels, optional
    report : ScoreReport, optional

    Returns
    -------
    pictures : list of Picture
    missing : list of str
    """
    pictures, missing = list(draw_answers(spectra, truth, report)), []
    shown = next((s.planet_id for s in spectra if s.planet_id in run.products), None)
    if shown is None:
        missing.append("There are no pictures of light curves: products/ holds none of this run.")
    else:
        observation = Observation.load(run.products[shown][0])
        kinds = {
            "light curves": partial(draw_light_curves, observation),
            "the detectors": partial(draw_detectors, run, shown),
        }
        for kind, make in kinds.items():
            try:
                pictures += list(make())
            except ArielKitError as error:
                missing.append(f"There are no pictures of {kind}: {error}")
    return pictures, missing
