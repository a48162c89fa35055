"""Draw the pictures of a report, each in a light and a dark version."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from ariel_kit import plots
from ariel_kit.core.errors import ArielKitError, DataFileError
from ariel_kit.core.instruments import AIRS, FGS1, INSTRUMENTS
from ariel_kit.core.observation import Observation
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.core.words import counted
from ariel_kit.data.dataset import Labels, open_dataset
from ariel_kit.learning import Learned
from ariel_kit.learning.in_run import NOTHING
from ariel_kit.plots.style import SIZE, TALL
from ariel_kit.run.folder import Run
from ariel_kit.scoring import ScoreReport

DPI = 110
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


@dataclass(frozen=True)
class Picture:
    """One plot as PNG files in data URIs.

    Attributes
    ----------
    caption : str
        Also the text for screen readers.
    light, dark : str
        The picture in each colour scheme.
    width, height : int
        Size in pixels, so that a page can reserve the space.
    """

    caption: str
    light: str
    dark: str
    width: int
    height: int


def draw(
    plot: Callable[..., Any], caption: str, *data: Any, size: tuple[float, float] = SIZE
) -> Picture:
    """Draw a picture with one of the kit's plots.

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

    sources = {}
    for scheme in SCHEMES:
        with plots.paper(scheme):
            figure = Figure(figsize=size, dpi=DPI, layout="constrained")
            plot(*data, ax=figure.subplots())
            file = BytesIO()
            figure.savefig(file, format="png")
        encoded = base64.b64encode(file.getvalue()).decode()
        sources[scheme] = f"data:image/png;base64,{encoded}"
    width, height = (round(DPI * inches) for inches in size)
    return Picture(caption, sources["light"], sources["dark"], width, height)


def draw_answers(
    spectra: Sequence[Spectrum], truth: Labels | None, report: ScoreReport | None
) -> Iterator[Picture]:
    """Draw the first and last of `spectra` (the worst and the best) and the plots of scores."""
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


def draw_white_light(spectrum: Spectrum, visit: int = 0) -> Iterator[Picture]:
    """Draw the run's own white-light fit of a visit of a planet."""
    which = f", visit {visit + 1}" if len(spectrum.white_light) > 1 else ""
    for plot, caption in (
        (plots.plot_white_light_curve, "White light: raw, drift removed, model, residuals"),
        (plots.plot_residual_rms, "White-light residuals against bin size, beside white noise"),
    ):
        yield draw(partial(plot, visit=visit), f"{caption}{which}", spectrum)


def draw_visit(run: Run, planet_id: int) -> Iterator[Picture]:
    """Draw the first calibrated visit of a planet: light curves, residual map, pointing.

    Raises
    ------
    DataFileError
        If the visit is no longer among the products of the run, or damaged.
    """
    if planet_id not in run.products:
        raise DataFileError(f"{run.folder.products} holds no calibrated visit of this run.")
    observation = Observation.load(run.products[planet_id][0])
    (spectrum,) = (s for s in run.spectra if s.planet_id == planet_id)
    caption = "Every light curve: relative flux over time and wavelength"
    yield draw(plots.plot_light_curve_map, caption, observation)
    caption = "Residuals of every light curve: data minus model, over the noise"
    yield draw(plots.plot_residual_map, caption, observation, spectrum)
    caption = "Pointing, and the flux and noise of FGS1"
    yield draw(plots.plot_pointing, caption, observation, observation, size=TALL)


def draw_detectors(run: Run, planet_id: int) -> Iterator[Picture]:
    """Draw the detectors of one planet from its raw data.

    Raises
    ------
    DataFileError
        If the raw data are no longer where the run found them.
    """
    from ariel_kit.preprocessing import mean_image

    data, split = run.record.identity.data, run.record.identity.split
    if not data.is_dir():
        raise DataFileError(f"the raw data are no longer in {data}.")
    dataset = open_dataset(data)
    images = [mean_image(dataset, planet_id, each, split=split) for each in (AIRS, FGS1)]
    caption = "Where the light falls: row profile of AIRS-CH0, image of the star on FGS1"
    yield draw(plots.plot_profiles, caption, *images)
    for name, instrument in INSTRUMENTS.items():
        frames = dataset.read_calibration(split, planet_id, instrument)
        plot = partial(plots.plot_bad_pixels, name=name)
        yield draw(plot, f"Bad pixels of {name}: dead, hot and wild", frames)


def draw_learned(folder: Path) -> Iterator[Picture]:
    """Draw the effect of what labelled planets taught, out of fold.

    Raises
    ------
    DataFileError
        If the record of it is damaged.
    """
    learned = Learned.load(folder)
    trial = learned.trial
    truth = Labels(trial.planet_ids, trial.truth)
    pair = trial.spectra(learned=False), trial.spectra(learned=True)
    parts = learned.facts.corrections.parts()
    told = ", ".join(f"{name} {part.value:.3f}" for name, part in parts.items())
    caption = f"Learned from {counted(learned.facts.fitted, 'labelled planet')}: {told}"
    yield draw(plots.plot_scale, caption, *pair, truth)
    yield draw(plots.plot_z_scores, "Sigma before and after what others taught", *pair, truth)


def collect(
    run: Run, spectra: Sequence[Spectrum], truth: Labels | None, report: ScoreReport | None
) -> tuple[list[Picture], list[str]]:
    """Draw all pictures of a run, with a reason for each kind that cannot be drawn.

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
    pictures = list(draw_answers(spectra, truth, report))
    shown = next((spectrum for spectrum in spectra if spectrum.white_light), None)
    if shown is None:
        return pictures, ["There are no pictures of light curves: no planet could be fitted."]
    kinds: dict[str, Callable[[], Iterator[Picture]]] = {
        "the white light": partial(draw_white_light, shown),
        "the calibrated visit": partial(draw_visit, run, shown.planet_id),
        "the detectors": partial(draw_detectors, run, shown.planet_id),
    }
    if not run.record.learned.startswith(NOTHING):
        kinds["what was learned"] = partial(draw_learned, run.folder.learned)
    drawn, failed = draw_kinds(kinds)
    return [*pictures, *drawn], failed


def draw_kinds(
    kinds: Mapping[str, Callable[[], Iterator[Picture]]],
) -> tuple[list[Picture], list[str]]:
    """Draw each kind of picture, with a reason for each kind that cannot be drawn.

    Parameters
    ----------
    kinds : mapping of str to callable
        A function for each kind, by the name of what it shows.

    Returns
    -------
    pictures : list of Picture
    missing : list of str
    """
    pictures: list[Picture] = []
    missing = []
    for kind, make in kinds.items():
        try:
            pictures += list(make())
        except ArielKitError as error:
            missing.append(f"There are no pictures of {kind}: {error}")
    return pictures, missing
