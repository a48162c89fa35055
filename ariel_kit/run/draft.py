"""A submission that is whole at every moment: safe at first, then quick, at last final."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ariel_kit.core.parallel import PlanetFailure
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.submission import make_submission

if TYPE_CHECKING:
    from ariel_kit.spectral_extraction import SpectrumPrior

GROUP = 32
"""Number of observations that get their quick spectra together; a run begins with one."""


class Draft:
    """The submission of a run that is under way.

    It starts as the safe prior. Whatever stops the run later, the file then holds a measured
    answer for every planet calibrated so far, but for the last few.

    Parameters
    ----------
    path : Path
        The file; it always is a valid submission.
    planet_ids : sequence of int
        The planets, in its order.
    prior : SpectrumPrior
        Gives the safe spectrum of a planet that has no other.
    extract : callable
        From stored observations to one quick spectrum each.

    Attributes
    ----------
    quick : dict
        The quick spectra by the path of their observation.
    """

    def __init__(
        self,
        path: Path,
        planet_ids: Sequence[int],
        prior: SpectrumPrior,
        extract: Callable[[Sequence[Path]], Sequence[Spectrum]],
    ) -> None:
        self.path, self.quick = path, dict[Path, Spectrum]()
        self._planet_ids, self._prior, self._extract = planet_ids, prior, extract
        self._waiting: list[Path] = []
        self.write([])

    def add(self, paths: Sequence[Path]) -> None:
        """Take in observations; the groups that are fitted together grow from 1 to `GROUP`."""
        self._waiting += paths
        if len(self._waiting) >= min(GROUP, max(1, len(self.quick))):
            self.refresh()

    def refresh(self) -> None:
        """Fit what waits, and write."""
        if self._waiting:
            self.quick.update(zip(self._waiting, self._extract(self._waiting), strict=True))
            self._waiting = []
            self.write(list(self.quick.values()))

    def write(
        self, fitted: Sequence[Spectrum], unread: Sequence[PlanetFailure] = ()
    ) -> tuple[list[Spectrum], list[PlanetFailure]]:
        """Write `fitted`, and the safe prior where a planet has nothing better.

        Returns
        -------
        spectra : list of Spectrum
            One per planet, as written.
        failures : list of PlanetFailure
            Those given and the planets whose fit failed.
        """
        spectra, failures = answer_all(fitted, unread, self._planet_ids, self._prior)
        make_submission(spectra, self._planet_ids, self.path)
        return spectra, failures


def answer_all(
    fitted: Sequence[Spectrum],
    unread: Sequence[PlanetFailure],
    planet_ids: Sequence[int],
    prior: SpectrumPrior,
) -> tuple[list[Spectrum], list[PlanetFailure]]:
    """Give each planet one spectrum: its visits combined, or the safe prior where none is usable.

    Parameters
    ----------
    fitted : sequence of Spectrum
        One per visit.
    unread : sequence of PlanetFailure
        Planets that have none.
    planet_ids : sequence of int
        The planets, in the order of the answer.
    prior : SpectrumPrior

    Returns
    -------
    spectra : list of Spectrum
    failures : list of PlanetFailure
        Those given and the planets whose fit failed.
    """
    visits: dict[int, list[Spectrum]] = {}
    for spectrum in fitted:
        visits.setdefault(spectrum.planet_id, []).append(spectrum)
    good = {p: [s for s in own if _fault(s) is None] for p, own in visits.items()}
    unfitted = [
        PlanetFailure(planet, "FitError", f"{str(_fault(visits[planet][0])).rstrip('.')}.")
        for planet, own in good.items()
        if not own
    ]
    failures = [*unread, *unfitted]
    reasons = {failure.planet_id: failure.reason for failure in failures}
    spectra = [
        combine_visits(good[planet])
        if good.get(planet)
        else prior.fallback(planet, reasons.get(planet, "not measured"))
        for planet in planet_ids
    ]
    return spectra, failures


def _fault(spectrum: Spectrum) -> str | None:
    """Say why a fitted spectrum cannot be submitted; None where it can."""
    if spectrum.fit is None:
        return str(spectrum.provenance["fit"]["reason"])
    finite = np.isfinite(spectrum.mean).all() and np.isfinite(spectrum.sigma).all()
    return None if finite and (spectrum.sigma > 0).all() else "the fit is not finite"


def combine_visits(spectra: Sequence[Spectrum]) -> Spectrum:
    """Give one spectrum for all visits of a planet.

    Visits that were fitted together share one posterior, which is the answer. Those that were not,
    as in a draft or on unlike time grids, are averaged, each wavelength weighted by its precision
    and the errors taken as independent.

    Parameters
    ----------
    spectra : sequence of Spectrum
        At least one, all of one planet.

    Returns
    -------
    Spectrum
        Without covariance when visits had to be averaged.
    """
    first = spectra[0]
    if len(spectra) == 1:
        return first
    white_light = tuple(curve for spectrum in spectra for curve in spectrum.white_light)
    provenance = {**first.provenance, "visits": len(spectra)}
    if all(s.fit is not None and s.fit.visits == len(spectra) for s in spectra):
        return replace(first, white_light=white_light, provenance=provenance)
    precision = np.array([spectrum.sigma**-2.0 for spectrum in spectra])
    mean = np.array([spectrum.mean for spectrum in spectra])
    return Spectrum(
        planet_id=first.planet_id,
        wavelength=first.wavelength,
        mean=(precision * mean).sum(axis=0) / precision.sum(axis=0),
        sigma=precision.sum(axis=0) ** -0.5,
        fit=first.fit,
        white_light=white_light,
        provenance=provenance,
    )
