"""Checks of binned light curves before they are fitted, and their white light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS, OBSERVATION_HOURS
from ariel_kit.core.observation import Curves, LightCurves
from ariel_kit.core.words import listed
from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.drift import DEGREE, time_basis

STRAY = 8.0
"""Sigmas outside the range of its neighbours beyond which a bin is an outlier."""
MOST_LOST = N_AIRS // 10
"""Largest number of wavelengths without data for which a visit is fitted."""
LONGEST_BIN = 0.06
"""Longest bin, in hours, for the search for outliers. In longer bins the bottom of a short transit
could lie outside the range of its neighbours."""
LONGEST_GAP = 0.5
"""Largest difference, in hours, of the time that the two instruments observed: the last bin."""
LEAST_HOURS = 0.5 * OBSERVATION_HOURS
"""Least length of a light curve, in hours. A shorter one may end before the transit, and the drift
is then fitted by a transit: cut after 2 h, simulated planets had depths wrong by 50 sigma."""


def find_fault(curves: Curves) -> str | None:
    """Describe why light curves cannot be fitted; None if they can."""
    for name, curve, width in zip(("AIRS", "FGS1"), curves, (N_AIRS, 1), strict=True):
        if curve.flux.shape[1] != width:
            return f"{name} must have {width} wavelengths; got {curve.flux.shape[1]}"
        if not (np.isfinite(curve.flux).all() and (curve.flux > 0).all()):
            return f"{name} flux must be positive and finite"
        if not (curve.noise > 0).all():
            return f"{name} noise must be positive, or infinite where there are no data"
        has_data = np.isfinite(curve.noise)
        if (hours := curve.span[has_data.any(axis=1)].sum()) < LEAST_HOURS:
            return f"{name} must cover {LEAST_HOURS} h to show the transit; got {hours:.2f} h"
        if (lost := width - int(has_data.any(axis=0).sum())) > MOST_LOST:
            return f"{name} must have data at all but {MOST_LOST} wavelengths; {lost} have none"
    airs, fgs1 = (float(curve.span.sum()) for curve in curves)
    if abs(airs - fgs1) > LONGEST_GAP:
        return f"AIRS and FGS1 must observe equally long; got {airs:.2f} h and {fgs1:.2f} h"
    return None


def without_strays(curves: LightCurves) -> LightCurves:
    """Give infinite noise to single bins that are outliers in white light.

    A bin is an outlier where its white light is more than `STRAY` sigmas outside the range of the
    two bins before it and the two bins after it. An ingress or egress is never flagged, however
    steep, because the flux there is monotonic. Light curves with bins longer than `LONGEST_BIN` are
    returned unchanged.
    """
    light = summed([curves])
    flux, noise = light.flux[0], light.noise[0]
    if len(flux) < 5 or np.median(curves.span) > LONGEST_BIN:
        return curves
    padded = np.pad(flux, 2, mode="reflect")
    around = np.stack([padded[i : i + len(flux)] for i in (0, 1, 3, 4)])
    margin = STRAY * np.where(np.isfinite(noise), noise, 0.0)
    stray = (flux > around.max(axis=0) + margin) | (flux < around.min(axis=0) - margin)
    stray &= np.isfinite(noise)
    if not stray.any():
        return curves
    silenced = np.where(stray[:, None], np.inf, curves.noise)
    return replace(curves, noise=silenced, clipped=curves.clipped + int(stray.sum()))


def name_gaps(curves: Curves) -> list[str]:
    """Format flags that list the bins and wavelengths which were left out of a fit."""
    flags = []
    for (name, first), curve in zip(((AIRS.name, 2), (FGS1.name, 1)), curves, strict=True):
        has_data = np.isfinite(curve.noise)
        bins = [f"{hours:.2f} h" for hours in curve.time[~has_data.any(axis=1)]]
        lost = [f"wl_{first + place}" for place in np.flatnonzero(~has_data.any(axis=0))]
        flags += [f"{name} is left out at {listed(gaps)}" for gaps in (bins, lost) if gaps]
    return flags


def summed(curves: Sequence[LightCurves]) -> Light:
    """Sum light curves on one time grid over the wavelengths that have data."""
    has_data = [np.isfinite(curve.noise).any(axis=0) for curve in curves]
    pairs = list(zip(curves, has_data, strict=True))
    flux = np.stack([np.where(mask, curve.flux, 0).sum(axis=1) for curve, mask in pairs])
    noise = np.stack([np.sqrt(np.where(mask, c.noise**2, 0).sum(axis=1)) for c, mask in pairs])
    return Light(curves[0].time, curves[0].span, flux, noise)


def rms_without_transit(light: Light) -> np.ndarray:
    """Compute the rms residual of a fit of drift alone, in units of the noise [shape=(planet,)]."""
    basis = np.column_stack([np.ones_like(light.time), time_basis(light.time, DEGREE)])
    residuals = []
    for flux, noise in zip(light.flux, light.noise, strict=True):
        weight = flux / noise
        y, weighted = np.log(flux) * weight, basis * weight[:, None]
        residuals.append(y - weighted @ np.linalg.lstsq(weighted, y, rcond=None)[0])
    return np.sqrt(np.mean(np.square(residuals), axis=1))
