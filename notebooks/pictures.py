"""Draw the README's pictures from simulated planets: ``python notebooks/pictures.py``.

White light, spectrum and the honesty of sigma are those of planets simulated as light curves: the
strongest drift, the strongest features, and all of them. The report page is that of a demo, which
begins at raw frames. All planets come from the population that the fit's prior was learned on, so
the pictures show what the kit does, not how well it does on planets that it does not know. The
demo takes a few minutes, and 0.4 GB of disk for each of its planets.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from playwright.sync_api import sync_playwright

import ariel_kit as ak
from ariel_kit import plots
from ariel_kit.cli.demo import run_demo
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels
from ariel_kit.plots.style import SIZE
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import simulated_prior

FOLDER = Path(__file__).parent / "pictures"
DPI = 140
COLOURS = 128
"""In a picture's palette, which keeps its file small."""
SEED = 9106
N_PLANETS, N_DEMO = 60, 4
"""Planets simulated as light curves, and in the demo."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE = (1000, 1000)
"""Pixels of the report that are shown."""


def main() -> None:
    """Draw all pictures."""
    FOLDER.mkdir(exist_ok=True)
    draw_planet_pictures()
    with TemporaryDirectory() as scratch:
        run_demo(scratch, n_planets=N_DEMO)
        draw_report(Path(scratch) / "report.html")
    for path in sorted(FOLDER.glob("*.png")):
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


def draw_planet_pictures() -> None:
    """Draw the strongest drift, the spectrum with the strongest features, and all z-scores."""
    planets = draw_planets(N_PLANETS, seed=SEED)
    visits = [simulate_observation(planet, seed=k) for k, planet in enumerate(planets)]
    spectra = ak.fit_planets(visits, prior=simulated_prior())
    truth = np.stack([planet.depths for planet in planets])
    rich = int(np.argmax(truth.std(axis=1)))
    save("white_light", ak.plot_white_light_curve, max(spectra, key=drift_range))
    save("spectrum", ak.plot_spectrum, spectra[rich], truth[rich])
    ids = np.array([planet.planet_id for planet in planets])
    save("honesty", ak.plot_calibration_of_sigma, spectra, Labels(ids, truth))


def drift_range(spectrum: Spectrum) -> float:
    """Peak-to-peak of the drift of white light."""
    return float(np.ptp(spectrum.white_light[0].drift))


def draw_report(page: Path) -> None:
    """Photograph the planets of a report with the browser that is installed, if any."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"report.png needs one of {', '.join(BROWSERS)}; it stays as it is.")
        return
    photo = FOLDER / "report.png"
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = started.new_page(viewport={"width": PAGE[0], "height": PAGE[1]})
        tab.goto(page.as_uri())
        tab.wait_for_selector("#list tbody tr")
        tab.evaluate("document.getElementById('planets').scrollIntoView()")
        tab.screenshot(path=photo)
        started.close()
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
