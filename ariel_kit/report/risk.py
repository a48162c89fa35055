"""Judge how risky a planet's spectrum is, without its truth, and give the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Literal, NamedTuple

from ariel_kit.core.instruments import N_AIRS
from ariel_kit.core.spectrum import FitFacts, Spectrum
from ariel_kit.light_curve.white_light import USUAL_RESIDUAL

WIDE = 2.0
"""A sigma above this many times the median of the run is a reason for risk."""
LIKELY = 0.5
"""A probability of a drift of no known family above this is a reason for risk."""
NOISY_SHARE = 0.1
"""A share of AIRS wavelengths with unexplained noise above this is a reason for risk."""
EXPLAINED = {
    "grazing": "the planet only grazes its star, so depth and impact parameter trade off",
    "no catalogue entry": "the star is in no catalogue, so its limb darkening is a guess",
    "white light is not explained": "transit and drift do not explain the white light",
    "red noise in white light": "the residual of the white light is not white",
    "limb darkening is held": "the light tells nothing of the limb darkening, which is assumed",
    "white depth alone": "no fit explains the light, so it has the white depth alone",
}
"""Meaning of the flags of a fit; flags that are missing here are shown as they are."""
GRAVE = {
    "white light is not explained",
    "white depth alone",
    "the transit is cut by the end of the visit",
    "the transit is deeper than any that was tried",
    "no transit is seen in white light",
}
"""Flags that make the risk high."""


class Risk(NamedTuple):
    """How risky a spectrum is.

    Attributes
    ----------
    level : {'low', 'raised', 'high'}
    reasons : tuple of str
        Empty where the level is low.
    """

    level: Literal["low", "raised", "high"]
    reasons: tuple[str, ...]


def judge(spectrum: Spectrum, *, failure: str = "", usual: float) -> Risk:
    """Judge the spectrum of one planet by its fit.

    The risk is high without a fit or with one of the `GRAVE` flags, and raised where anything else
    is unusual.

    Parameters
    ----------
    spectrum : Spectrum
    failure : str
        Why the planet has the safe prior; empty where it was fitted.
    usual : float
        Median sigma of the run, from `usual_sigma`.

    Returns
    -------
    Risk

    Examples
    --------
    >>> import numpy as np
    >>> spectrum = Spectrum(7, np.ones(283), np.full(283, 0.004), np.full(283, 3e-4))
    >>> judge(spectrum, failure="no transit.", usual=3e-5).level
    'high'
    """
    if spectrum.fit is None:
        reason = failure or "it could not be fitted"
        return Risk("high", (f"the spectrum is the population's: {reason}",))
    reasons = (*_about_fit(spectrum.fit), *_about_answer(spectrum, usual))
    if GRAVE & set(spectrum.fit.flags):
        return Risk("high", reasons)
    return Risk("raised" if reasons else "low", reasons)


def usual_sigma(spectra: Sequence[Spectrum]) -> float:
    """Compute the median over planets of the rms sigma, for `judge`."""
    return median(map(_rms_sigma, spectra))


def _rms_sigma(spectrum: Spectrum) -> float:
    return float((spectrum.sigma**2).mean() ** 0.5)


def _about_fit(fit: FitFacts) -> Iterator[str]:
    for flag in fit.flags:
        yield EXPLAINED.get(flag, flag)
    if fit.fgs1_residual > USUAL_RESIDUAL:
        yield f"the residual of FGS1 is {fit.fgs1_residual:.1f} times its noise"
    if fit.free_drift > LIKELY:
        yield f"the drift is of no known family, with a probability of {fit.free_drift:.2f}"
    if fit.noisy_wavelengths > NOISY_SHARE * N_AIRS:
        yield f"{fit.noisy_wavelengths} wavelengths are noisier than their light explains"


def _about_answer(spectrum: Spectrum, usual: float) -> Iterator[str]:
    ratio = _rms_sigma(spectrum) / usual
    if ratio > WIDE:
        yield f"sigma is {ratio:.1f} times the median of the run"
    if spectrum.provenance.get("recipe", "full") != "full":
        yield "time was short, so it has the quick fit alone"
