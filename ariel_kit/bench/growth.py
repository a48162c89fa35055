"""How time and memory of the fit grow with the number of planets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ariel_kit.bench.memory import measured
from ariel_kit.core.cache import Mapped, StoredSequence
from ariel_kit.core.config import RunSettings
from ariel_kit.core.observation import Observation
from ariel_kit.core.passes import open_passes
from ariel_kit.run.covariances import set_aside
from ariel_kit.run.line import load_line
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import simulated_prior

DRAWN = 8
"""Planets that are simulated; they are repeated under other ids."""
CADENCE = 48.0
"""Seconds: that of the light curves of these planets."""


@dataclass(frozen=True)
class Growth:
    """Time and memory of a fit.

    Attributes
    ----------
    planets : int
    seconds : float
    megabytes : float
        Largest resident memory, of all processes.
    """

    planets: int
    seconds: float
    megabytes: float

    def line(self) -> str:
        """Tell it in a line of text."""
        pace = self.planets / self.seconds
        return f"fit of {self.planets} planets: {pace:.2f} planets/s, peak {self.megabytes:.0f} MB"


def measure_growth(
    sizes: Sequence[int],
    folder: Path,
    *,
    settings: RunSettings | None = None,
    n_jobs: int = 1,
    backend: str | None = None,
    address: str | None = None,
) -> list[Growth]:
    """Fit more and more planets.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of planets, ascending.
    folder : Path
        Holds the states of batches while they wait.
    settings : RunSettings, optional
    n_jobs, backend, address
        As in `open_passes`.

    Returns
    -------
    list of Growth
        One for each size.
    """
    line, prior = load_line(settings or RunSettings(), edition=2024), simulated_prior()
    paths = [folder / f"{number}.npz" for number in range(DRAWN)]
    for planet, path in zip(draw_planets(DRAWN, seed=1), paths, strict=True):
        simulate_observation(planet, seed=0, bin_seconds=CADENCE).save(path)
    keep = partial(set_aside, folder / "covariances")
    found = []
    with open_passes(folder, n_jobs, backend, address) as passes:
        line(StoredSequence(Observation, paths[:1]), prior, passes)  # compile the kernels
        for size in sizes:
            many = Mapped(partial(_renumbered, paths), range(size))
            with measured() as cost:
                spectra = line(many, prior, passes, keep)
            found.append(Growth(len(spectra), cost.seconds, cost.megabytes))
    return found


def _renumbered(paths: Sequence[Path], number: int) -> Observation:
    """Load one of the drawn planets under another id."""
    return replace(Observation.load(paths[number % len(paths)]), planet_id=number + 1)
