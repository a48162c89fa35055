"""Gather what is exported of a run: spectra as arrays, facts of each planet, provenance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ariel_kit.core.citation import bibtex, citation
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.reference import flat_settings
from ariel_kit.core.runtime import require_memory
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.run.folder import Run

UNITS = {
    "wavelength": "um",
    "mid_time": "h",
    "half_duration": "h",
    "covariance": "",
    "depth": "",
    "sigma": "",
    "draws": "",
    "white_depth": "",
    "white_sigma": "",
}
"""Unit of each quantity in astropy's notation; depths are shares and have no unit."""
NUMBERS = (
    "mid_time",
    "half_duration",
    "ingress_ratio",
    "impact",
    "white_depth",
    "white_sigma",
    "white_residual",
    "fgs1_residual",
    "free_drift",
    "noisy_wavelengths",
    "visits",
    "clipped",
)
LAWS = ("limb_darkening", "fgs1_limb_darkening")
"""Facts of the fit that are one number, and laws of limb darkening (Claret 2000), which have four
coefficients."""
UNKNOWN_STAR = -1


@dataclass(frozen=True)
class RunContents:
    """A run as arrays.

    Attributes
    ----------
    planet_id, star : ndarray [shape=(planet,), dtype=int64]
        A star without a number is -1.
    wavelength : ndarray [shape=(283,), dtype=float64, unit=micron]
    depth, sigma : ndarray [shape=(planet, 283), dtype=float64]
        As submitted.
    covariance : ndarray [shape=(planet, 283, 283), dtype=float32]
        `Spectrum.full_covariance`.
    draws : ndarray [shape=(planet, draw, 283), dtype=float32]
        Draws from the posterior; the axis is empty unless draws are asked for.
    facts : dict of str to ndarray [shape=(planet,) or (planet, 4), dtype=float64]
        Results of the fit by the name in `FitFacts`; NaN where a planet was not fitted.
    texts : dict of str to list of str
        ``flags``, ``failure`` and, as JSON, ``provenance`` of each planet.
    about : dict of str to str
        Title, citation, BibTeX entry, edition, split, prior; versions and settings as JSON.
    """

    planet_id: np.ndarray
    star: np.ndarray
    wavelength: np.ndarray
    depth: np.ndarray
    sigma: np.ndarray
    covariance: np.ndarray
    draws: np.ndarray
    facts: dict[str, np.ndarray]
    texts: dict[str, list[str]]
    about: dict[str, str]


def gather(run: Run, *, draws: int = 0, seed: int = 0) -> RunContents:
    """Gather what is exported of a run.

    Parameters
    ----------
    run : Run
    draws : int
        Draws from each posterior.
    seed : int
        Seed of the draws; every planet has a random stream of its own.

    Returns
    -------
    RunContents

    Raises
    ------
    DataFileError
        If the covariances of the run are damaged.
    BudgetError
        If the draws do not fit into memory.
    """
    n, n_wavelengths = len(run.spectra), len(wavelengths())
    numbers = 2 * n * draws + 4 * draws  # the file's copy, and one planet in double precision
    require_memory(
        4 * numbers * n_wavelengths, f"{draws} draws for {n} planets", remedy="Ask for fewer draws."
    )
    covariance = np.empty((n, n_wavelengths, n_wavelengths), np.float32)
    drawn = np.empty((n, draws, n_wavelengths), np.float32)
    for row, bare in enumerate(run.spectra):  # one matrix at a time in double precision
        spectrum = run.spectrum(bare.planet_id)
        covariance[row] = spectrum.full_covariance
        if draws:
            drawn[row] = spectrum.sample(draws, seed=seed + row)
    stars = [UNKNOWN_STAR if star is None else star for star in run.stars]
    return RunContents(
        planet_id=np.array([s.planet_id for s in run.spectra], np.int64),
        star=np.array(stars, np.int64),
        wavelength=wavelengths(),
        depth=np.array([s.mean for s in run.spectra]),
        sigma=np.array([s.sigma for s in run.spectra]),
        covariance=covariance,
        draws=drawn,
        facts=_facts(run.spectra),
        texts=_texts(run),
        about=_about(run),
    )


def _facts(spectra: Sequence[Spectrum]) -> dict[str, np.ndarray]:
    def column(name: str, missing: Any) -> np.ndarray:
        values = [missing if s.fit is None else getattr(s.fit, name) for s in spectra]
        return np.array(values, dtype=np.float64)

    numbers = {name: column(name, np.nan) for name in NUMBERS}
    return {**numbers, **{name: column(name, [np.nan] * 4) for name in LAWS}}


def _texts(run: Run) -> dict[str, list[str]]:
    flags = [() if s.fit is None else s.fit.flags for s in run.spectra]
    return {
        "flags": ["; ".join(own) for own in flags],
        "failure": [run.failures.get(s.planet_id, "") for s in run.spectra],
        "provenance": [json.dumps(s.provenance, sort_keys=True) for s in run.spectra],
    }


def _about(run: Run) -> dict[str, str]:
    record = run.record
    settings = {name: str(value) for name, value in flat_settings(run.settings).items()}
    return {
        "title": "Transmission spectra of the Ariel Data Challenge, by ariel_kit",
        "citation": citation(record.edition, record.versions.get("ariel-kit")),
        "bibtex": bibtex(record.versions.get("ariel-kit")),
        "edition": str(record.edition),
        "split": record.identity.split,
        "prior": record.prior,
        "learned": record.learned,
        "submission_sha256": record.submission_sha256,
        "versions": json.dumps(record.versions, sort_keys=True),
        "settings": json.dumps(settings, sort_keys=True),
        "depth": "transit depth, the squared ratio of the radii of planet and star",
        "covariance": "correlations of the posterior, with sigma squared on the diagonal",
    }
