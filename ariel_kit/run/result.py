"""What a run leaves behind, as an object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.spectrum import Spectrum, facts_card, facts_frame
from ariel_kit.core.words import counted

if TYPE_CHECKING:
    import pandas as pd

    from ariel_kit.learning.learned import Learned
    from ariel_kit.spectral_extraction import SpectrumPrior


@dataclass(frozen=True, repr=False)
class RunResult:
    """What a run left behind.

    Attributes
    ----------
    submission_path : Path
    spectra : list of Spectrum
        One per planet, in the order of the submission. They have no covariance:
        `RunFolder.read` and `Run.spectrum` read it.
    failures : list of PlanetFailure
        Planets that got the safe prior, and why.
    timings : dict
        Seconds per stage.
    products : list of Path
        The calibrated observations, one file per visit.
    prior : SpectrumPrior
        What the fit expected before it saw a light curve.
    learned : Learned or str
        What labelled planets taught, or why nothing.
    """

    submission_path: Path
    spectra: list[Spectrum]
    failures: list[PlanetFailure]
    timings: dict[str, float]
    products: list[Path]
    prior: SpectrumPrior
    learned: Learned | str

    def __repr__(self) -> str:
        return f"RunResult({', '.join(self._facts())})"

    def _repr_html_(self) -> str:
        return facts_card("Run", self.spectra, {"": ", ".join(self._facts())})

    def _facts(self) -> list[str]:
        seconds = sum(self.timings.values())
        planets = counted(len(self.spectra), "planet")
        return [
            str(self.submission_path),
            planets,
            f"{len(self.failures)} failed",
            f"{seconds:.1f} s",
        ]

    def to_frame(self) -> pd.DataFrame:
        """Give what was concluded of each planet as a DataFrame of pandas, as `facts_frame` does.

        Returns
        -------
        pandas.DataFrame
            With a last column ``failure``: why a planet has the safe prior, else empty.
        """
        reasons = {failure.planet_id: failure.reason for failure in self.failures}
        frame = facts_frame(self.spectra)
        return frame.assign(failure=[reasons.get(planet, "") for planet in frame.index])
