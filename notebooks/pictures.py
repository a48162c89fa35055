"""Draw the README's pictures from simulated planets: ``python notebooks/pictures.py``.

The white light curve, the spectrum and the report page are those of a demo, from raw frames to a
scored answer. The honesty of sigma takes more planets than that and begins at light curves. All
planets come from the population that the fit's prior was learned on, so the pictures show what the
kit does, not how well it does on planets it does not know. It takes a few minutes.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import ariel_kit as ak
from ariel_kit import plots
from ariel_kit.cli.demo import run_demo
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
from ariel_kit.plots.style import SIZE
from ariel_kit.run.folder import RunFolder
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import simulated_prior

FOLDER = Path(__file__).parent / "pictures"
DPI = 140
COLOURS = 128
"""In a picture's palette, which keeps its file small."""
SEED = 9106
N_DEMO, N_HONEST = 4, 60
"""Planets in the demo, whose raw frames fill 0.4 GB each, and in the picture of sigma."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE = (1000, 1180)
"""Pixels of the report that are shown."""


def main() -> None:
    """Draw all pictures."""
    FOLDER.mkdir(exist_ok=True)
    draw_honesty()
    with TemporaryDirectory() as scratch:
        run_demo(scratch, n_planets=N_DEMO, seed=SEED)
        draw_answers(Path(scratch))
        draw_report(Path(scratch) / "report.html")
    for path in sorted(FOLDER.glob("*.png")):
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


def draw_honesty() -> None:
    """Draw the z-scores of many planets and the coverage of their sigma."""
    planets = draw_planets(N_HONEST, seed=SEED)
    visits = [simulate_observation(planet, seed=k) for k, planet in enumerate(planets)]
    spectra = ak.fit_planets(visits, prior=simulated_prior())
    truth = Labels(
        np.array([planet.planet_id for planet in planets]),
        np.stack([planet.depths for planet in planets]),
    )
    save("honesty", ak.plot_calibration_of_sigma, spectra, truth)


def draw_answers(run: Path) -> None:
    """Draw the white light of the strongest drift, and the spectrum of the median error."""
    spectra = RunFolder(run).read().spectra
    truth = ak.read_labels(run / "test_labels.csv").of([each.planet_id for each in spectra])
    error = [
        np.sqrt(np.mean((each.mean - true) ** 2)) for each, true in zip(spectra, truth, strict=True)
    ]
    usual = int(np.argsort(error)[len(error) // 2])
    save("white_light", ak.plot_white_light_curve, max(spectra, key=drift_range))
    save("spectrum", ak.plot_spectrum, spectra[usual], truth[usual])


def drift_range(spectrum: Spectrum) -> float:
    """Peak-to-peak of the drift of white light."""
    return float(np.ptp(spectrum.white_light[0].drift))


def draw_report(page: Path) -> None:
    """Photograph the upper part of a report with the browser that is installed, if any."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"report.png needs one of {', '.join(BROWSERS)}; it stays as it is.")
        return
    photo = FOLDER / "report.png"
    look = ["--headless", "--no-sandbox", "--hide-scrollbars"]
    where = [f"--window-size={PAGE[0]},{PAGE[1]}", f"--screenshot={photo}", page.as_uri()]
    subprocess.run([browser, *look, *where], check=True, capture_output=True)  # noqa: S603
    shrink(photo)


def save(name: str, plot: Callable[..., Any], *data: Any) -> None:
    """Draw one picture on light paper."""
    with plots.paper("light"):
        figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
        plot(*data, ax=figure.subplots())
        figure.savefig(FOLDER / f"{name}.png")
    shrink(FOLDER / f"{name}.png")


def shrink(path: Path) -> None:
    """Reduce a picture to a palette of its own colours."""
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
