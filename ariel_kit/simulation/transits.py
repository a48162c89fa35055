"""The transit of a simulated planet, for any limb darkening and any path, exact to 0.1 ppm.

The fit has its own transit function in `ariel_kit.light_curve`. The two share no code, so that a
mistake in one of them shows as a difference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.simulation.kernels import blocked_light

N_LAW = 4
"""Number of coefficients of the law of limb darkening."""
N_NODES = 12
"""Number of Gauss-Legendre nodes over the star's discs that overlap the planet in part."""
LIMB_STEP, DISC_STEP = 15.0 / 3600, 60.0 / 3600
"""Longest steps, in hours, of the average over an exposure: at the limb, and within the disc."""


class StraightPath(NamedTuple):
    """A planet that crosses the star along a line at constant speed.

    With ``x = (t - mid_time) / half_duration`` the planet's distance from the star's centre, in
    stellar radii, is ``z^2 = 1 + (x^2 - 1) / ingress_ratio``.
    """

    mid_time: float
    """Time of mid-transit, in hours."""
    half_duration: float
    """Time from the planet's centre on the limb to mid-transit, in hours."""
    ingress_ratio: float
    """Ratio of the ingress to that of a central transit, ``1 / (1 - b^2)``; b: impact parameter."""

    def separation(self, time: np.ndarray) -> np.ndarray:
        """Compute the distance of the centres in stellar radii.

        Parameters
        ----------
        time : ndarray [shape=(time,), unit=hour]
        """
        x = (time - self.mid_time) / self.half_duration
        return np.sqrt(np.maximum(1 + (x**2 - 1) / self.ingress_ratio, 0.0))


class CircularOrbit(NamedTuple):
    """A planet on a circular orbit.

    The planet's distance from the star's centre, in stellar radii and at the orbital phase p, is
    ``z^2 = distance^2 (sin^2 p + cos^2 i cos^2 p)``.
    """

    mid_time: float
    """Time of mid-transit, in hours."""
    period: float
    """Orbital period, in hours."""
    distance: float
    """Semi-major axis, in stellar radii."""
    inclination: float
    """Inclination, in degrees."""

    @property
    def impact(self) -> float:
        """Distance of the centres at mid-transit, in stellar radii."""
        return float(self.distance * np.cos(np.radians(self.inclination)))

    @property
    def half_duration(self) -> float:
        """Hours from the planet's centre on the limb to mid-transit; 0 if it stays outside."""
        across = np.sqrt(max(0.0, 1 - self.impact**2))
        sine = across / (self.distance * np.sin(np.radians(self.inclination)))
        return float(self.period / (2 * np.pi) * np.arcsin(min(1.0, sine)))

    def separation(self, time: np.ndarray) -> np.ndarray:
        """Compute the distance of the centres in stellar radii; infinite behind the star.

        Parameters
        ----------
        time : ndarray [shape=(time,), unit=hour]
        """
        phase = 2 * np.pi * (time - self.mid_time) / self.period
        tilt = np.cos(np.radians(self.inclination))
        z = self.distance * np.sqrt(np.sin(phase) ** 2 + (tilt * np.cos(phase)) ** 2)
        return np.where(np.cos(phase) > 0, z, np.inf)


Path = StraightPath | CircularOrbit
"""Path of a planet across its star."""


def transmitted_light(
    path: Path, depths: np.ndarray, law: np.ndarray, time: np.ndarray, span: np.ndarray
) -> np.ndarray:
    """Compute the flux of the star during a transit, averaged over each exposure.

    Parameters
    ----------
    path : StraightPath or CircularOrbit
    depths : ndarray [shape=(wavelength,)]
        Transit depths (Rp/Rs)^2.
    law : ndarray [shape=(wavelength, 4)]
        Four-coefficient law: ``I(mu) / I(1) = 1 - sum_n law_n (1 - mu^(n/2))``, n = 1..4.
    time, span : ndarray [shape=(time,), unit=hour]
        Middle and length of each exposure or bin.

    Returns
    -------
    ndarray [shape=(time, wavelength), dtype=float64]
        Flux relative to the unocculted star.

    Raises
    ------
    ShapeError
        If the shape of `law` or of `span` does not match `depths` or `time`.

    References
    ----------
    Claret (2000) for the four-coefficient law. The star is a stack of uniform discs, and the area
    that two discs share is equation 1 of Mandel & Agol (2002).

    Examples
    --------
    >>> path = StraightPath(3.75, 1.3, 1.0)
    >>> when = np.array([0.0, 3.75])
    >>> transmitted_light(path, np.array([0.01]), np.zeros((1, 4)), when, np.zeros(2)).ravel()
    array([1.  , 0.99])
    """
    check_shape("law", law.shape, {"wavelength": len(depths), "coefficient": N_LAW})
    check_shape("span", span.shape, {"time": len(time)})
    light = np.ones((len(time), len(depths)))
    if not depths.any():
        return light
    moments, first = _moments(path, float(np.sqrt(depths.max())), time, span)
    touched = np.flatnonzero(np.diff(np.append(first, len(moments))))
    if len(touched) == 0:
        return light
    x, weights = np.polynomial.legendre.leggauss(N_NODES)
    blocked = np.zeros((len(depths), len(moments)))
    radii = np.sqrt(np.asarray(depths, dtype=np.float64))
    blocked_light(path.separation(moments), radii, np.ascontiguousarray(law), x, weights, blocked)
    counts = np.diff(np.append(first, len(moments)))[touched]
    light[touched] -= (np.add.reduceat(blocked, first[touched], axis=1) / counts).T
    return light


def _moments(
    path: Path, radius: float, time: np.ndarray, span: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """List the times at which the flux is computed, and the index of each exposure's first one.

    Exposures during which the planet does not touch the star have no such times.
    """
    edges = np.stack([path.separation(time + shift * span) for shift in (-0.5, 0.0, 0.5)])
    nearest, farthest = edges.min(axis=0), edges.max(axis=0)
    step = np.where(farthest + radius < 1, DISC_STEP, LIMB_STEP)
    counts = np.maximum(1, np.ceil(span / step)).astype(np.int64)
    counts[nearest > 1 + radius] = 0
    first = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(time)), counts)
    part = (np.arange(len(owner)) - first[owner] + 0.5) / counts[owner] - 0.5
    return time[owner] + span[owner] * part, first
