"""The transit window of a planet in the coordinates that are fitted, and its derivatives.

Three coordinates describe the path of the planet: the mid-time, the logarithm of the half-duration
and the squared impact parameter. Where stars are limb-darkened seven more follow: (u1, u2, u3) of
FGS1, those of AIRS, and the slope of AIRS's u1 over wavelength, in the law of intensity

    I(mu) = 1 - u1 (1 - mu) - u2 (1 - mu)**2 - u3 (1 - sqrt(mu)),

the quadratic law with a square-root term, which stellar atmospheres need in the infrared (van Hamme
1993, AJ 106, 2096). Its size is learned from the planets of a run. The half-duration is the
time from mid-transit until the centres are `contact` stellar radii apart. A `contact` of 1 is the
limb; beyond the outer contact, 1 + Rp/Rs, the half-duration is well defined for a grazing planet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from ariel_kit.core.instruments import wavelengths
from ariel_kit.light_curve.transit import FULL_LIGHT, QUADRATIC, TransitShape, window_moments

PATH, IMPACT = 3, 2
"""Number of coordinates of the path, which come first; and index of the impact parameter."""
FGS1, AIRS = 0, 1
"""Indices of the instruments."""
LAW = np.vstack([QUADRATIC, [-1.0, 1, 0, 0, 0]])
"""Coefficients of mu**(j / 2) in the fitted law [shape=(4, 5)]: those of a uniform star, and the
change for a unit of u1, u2 and u3."""
LIMB_DARKENING = {FGS1: (3, 4, 5), AIRS: (6, 7, 8)}
"""Indices of (u1, u2, u3) of each instrument among the coordinates."""
SLOPE = 9
"""Index of the slope of AIRS's u1: the change of u1 over `HALF_RANGE` in wavelength."""
CENTRE, HALF_RANGE = 2.6, 0.97
"""Wavelength at which u1 is that of AIRS white light, and half the range of AIRS, in micron."""
LOWEST, HIGHEST = np.array([-0.5, np.log(0.2), -0.4]), np.array([8.0, np.log(8.0), np.inf])
"""Bounds of the path's coordinates: hour, log hour, squared impact parameter."""
CLOSEST = 0.01
"""Least difference, in stellar radii, between `contact` and the impact parameter."""
OVERLAP = 0.7
"""Largest distance of the planet's centre beyond the limb at mid-transit, in radii of the planet. A
planet farther out only touches the limb, and its light curve does not constrain its depth."""
MOST_BLOCKED = 0.9
"""Largest share of the star's flux that a trial step of the fit may block, so that the logarithm of
the flux stays finite."""
DEFINED = 0.995
"""Largest impact parameter for which half-duration and ingress are reported."""
DEPTH_NODES = 5
"""Number of depths at which a window is computed; the others are interpolated."""


@dataclass(frozen=True)
class Orbit:
    """Fixed parameters of the paths of a batch of planets.

    Attributes
    ----------
    rate : ndarray [shape=(planet,), dtype=float64, unit=radian/hour]
        Angular speed of the orbit; 0 for a straight path.
    contact : ndarray [shape=(planet,), dtype=float64, unit=stellar radius]
        Distance of the centres that defines the half-duration.
    """

    rate: np.ndarray
    contact: np.ndarray

    def take(self, rows: list[int]) -> Orbit:
        """Select planets by their index."""
        return Orbit(self.rate[rows], self.contact[rows])

    def joined(self, other: Orbit) -> Orbit:
        """Append the planets of another batch."""
        return Orbit(
            np.concatenate([self.rate, other.rate]), np.concatenate([self.contact, other.contact])
        )

    def clip(self, window: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Clip coordinates [shape=(planet, coordinate)] to the range that has a transit."""
        path = np.clip(window[:, :PATH], LOWEST, HIGHEST)
        farthest = np.minimum(1 + OVERLAP * np.sqrt(depth), self.contact - CLOSEST)
        path[:, 2] = np.minimum(path[:, 2], farthest**2)
        return np.column_stack([path, window[:, PATH:]])

    def path(self, window: np.ndarray) -> np.ndarray:
        """Compute mid-time, hours to cross a stellar radius, and squared impact parameter."""
        half = np.exp(window[:, 1])
        # z = contact at t = half: sin(rate half) / (rate crossing) = sqrt(contact**2 - b**2).
        chord = np.sqrt(self.contact**2 - window[:, 2])
        crossing = half * np.sinc(self.rate * half / np.pi) / chord
        return np.column_stack([window[:, 0], crossing, window[:, 2]])

    def turn(self, window: np.ndarray, by_path: np.ndarray) -> np.ndarray:
        """Convert derivatives by the path [shape=(planet, ..., 3)] to those by the coordinates."""
        half, crossing = np.exp(window[:, 1]), self.path(window)[:, 1]
        jacobian = np.zeros((len(window), 3, 3))
        jacobian[:, 0, 0] = jacobian[:, 2, 2] = 1.0
        chord = self.contact**2 - window[:, 2]
        jacobian[:, 1, 1] = half * np.cos(self.rate * half) / np.sqrt(chord)
        jacobian[:, 1, 2] = crossing / (2 * chord)
        return np.einsum("p...a,pab->p...b", by_path, jacobian)


class PathFacts(TypedDict):
    """Reported parameters of a window; see `ariel_kit.core.spectrum.FitFacts`."""

    mid_time: float
    half_duration: float
    ingress_ratio: float
    impact: float
    limb_darkening: tuple[float, ...]
    fgs1_limb_darkening: tuple[float, ...]


@dataclass(frozen=True)
class WindowLight:
    """Windows of a batch in one instrument, with their derivatives.

    Attributes
    ----------
    window : ndarray [shape=(planet, time), dtype=float64]
        S at the reference depth; the flux is the star's times ``1 - depth S``.
    slopes : ndarray [shape=(planet, time, column), dtype=float64]
        Derivatives of S by the three coordinates of the path and, where stars are limb-darkened, by
        (u1, u2, u3).
    response : ndarray [shape=(planet, time), dtype=float64]
        Derivative of ``depth S`` with respect to the depth: S itself, plus the change of S because
        the ingress lengthens with the depth.
    """

    window: np.ndarray
    slopes: np.ndarray
    response: np.ndarray


def coordinates(shape: TransitShape) -> np.ndarray:
    """Convert a transit shape to the coordinates of the fit, for a straight path and `contact` 1.

    Parameters
    ----------
    shape : TransitShape
        Timing of the transits; its fields have shape (planet,).

    Returns
    -------
    ndarray [shape=(planet, 3), dtype=float64]

    Examples
    --------
    >>> coordinates(TransitShape(np.array([3.7]), np.array([1.0]), np.array([1.25]))).round(2)
    array([[3.7, 0. , 0.2]])
    """
    half, ratio = np.asarray(shape.half_duration), np.asarray(shape.ingress_ratio)
    return np.stack([np.asarray(shape.mid_time), np.log(half), 1 - 1 / ratio], axis=-1)


def columns(size: int, instrument: int) -> tuple[int, ...]:
    """List the indices, among `size` coordinates, of those that affect one instrument."""
    return (*range(PATH), *(LIMB_DARKENING[instrument] if size > PATH else ()))


def limb_darkening(window: np.ndarray, instrument: int) -> np.ndarray:
    """Return (u1, u2, u3) of an instrument [shape=(planet, 3)]; zeros where none are fitted."""
    if window.shape[1] == PATH:
        return np.zeros((len(window), len(LAW) - 1))
    return window[:, LIMB_DARKENING[instrument]]


def describe(window: np.ndarray, orbit: Orbit) -> list[PathFacts]:
    """Convert the coordinates of each planet to the parameters that are reported."""
    path = orbit.path(window)
    impact = np.minimum(path[:, 2], DEFINED**2)
    # sin(rate half) = rate crossing sqrt(1 - b**2)
    sine = path[:, 1] * np.sqrt(1 - impact)
    curved = np.where(orbit.rate > 0, orbit.rate, 1e-6)
    half = np.arcsin(curved * sine) / curved
    laws = [_claret(limb_darkening(window, which)) for which in (AIRS, FGS1)]
    return [
        PathFacts(
            mid_time=float(window[row, 0]),
            half_duration=float(half[row]),
            ingress_ratio=float(1 / (1 - impact[row])),
            impact=float(np.sqrt(max(path[row, 2], 0.0))),
            limb_darkening=tuple(laws[0][row].tolist()),
            fgs1_limb_darkening=tuple(laws[1][row].tolist()),
        )
        for row in range(len(window))
    ]


def _claret(coefficients: np.ndarray) -> np.ndarray:
    """Convert (u1, u2, u3) to Claret's four: ``(1 - mu)**2 = 2 (1 - mu) - (1 - mu**2)``."""
    u1, u2, u3 = coefficients.T
    return np.stack([u3, u1 + 2 * u2, np.zeros_like(u1), -u2], axis=1)


def colour() -> np.ndarray:
    """Compute the factor of the slope of u1 at each wavelength of AIRS [shape=(282,)]."""
    return (wavelengths()[1:] - CENTRE) / HALF_RANGE


def linearise(
    time: np.ndarray,
    span: np.ndarray,
    window: np.ndarray,
    depth: np.ndarray,
    orbit: Orbit,
    instrument: int,
) -> WindowLight:
    """Compute the windows of a batch and their derivatives with respect to the coordinates.

    Parameters
    ----------
    time, span : ndarray [shape=(time,), unit=hour]
        Middle and length of each bin.
    window : ndarray [shape=(planet, coordinate)]
        Coordinates of each planet.
    depth : ndarray [shape=(planet,)]
        Reference depth of each planet.
    orbit : Orbit
    instrument : int
        `FGS1` or `AIRS`.

    Returns
    -------
    WindowLight
    """
    moments, by_path = window_moments(time, span, orbit.path(window), orbit.rate, depth)
    law = LAW[0] + limb_darkening(window, instrument) @ LAW[1:]
    light = law @ FULL_LIGHT
    fraction = np.einsum("ptj,pj->pt", moments, law) / light[:, None]
    slopes = np.einsum("ptjc,pj->ptc", by_path, law) / light[:, None, None]
    parts = [orbit.turn(window, slopes[..., :PATH])]
    if window.shape[1] > PATH:
        # S = sum_j a_j M_j / sum_j a_j FULL_LIGHT_j, M the moments, a linear in (u1, u2, u3)
        change = moments @ LAW[1:].T - fraction[..., None] * (LAW[1:] @ FULL_LIGHT)
        parts.append(change / light[:, None, None])
    # d(depth S) / d depth = S + (k / 2) dS/dk
    radius = np.sqrt(depth)[:, None]
    response = fraction + radius / 2 * slopes[..., PATH]
    return WindowLight(fraction, np.concatenate(parts, axis=2), response)


def blocked_light(
    time: np.ndarray,
    span: np.ndarray,
    window: np.ndarray,
    depths: np.ndarray,
    orbit: Orbit,
    instrument: int,
) -> np.ndarray:
    """Compute ``depth S``, the blocked fraction of the flux, at each wavelength of an instrument.

    The window S depends on the depth and, in AIRS, on the limb darkening of each wavelength.

    Parameters
    ----------
    time, span, window, orbit, instrument
        As in `linearise`.
    depths : ndarray [shape=(planet, wavelength)]
        Transit depth at each wavelength.

    Returns
    -------
    ndarray [shape=(planet, time, wavelength), dtype=float64]
    """
    nodes = _depth_nodes(depths)
    paths = np.repeat(orbit.path(window)[:, None], DEPTH_NODES, axis=1)
    rates = np.repeat(orbit.rate[:, None], DEPTH_NODES, axis=1)
    moments, _ = window_moments(time, span, paths, rates, nodes)
    pair = np.repeat(limb_darkening(window, instrument)[:, None], depths.shape[1], axis=1)
    if instrument == AIRS and window.shape[1] > SLOPE:
        pair[..., 0] += window[:, SLOPE, None] * colour()
    law = LAW[0] + pair @ LAW[1:]
    scale = depths / (law @ FULL_LIGHT)
    share = _lagrange(nodes, depths) * scale[:, None]
    spread = np.einsum("pnl,plj->pnjl", share, law)
    return np.einsum("pntj,pnjl->ptl", moments, spread, optimize=True)


def _depth_nodes(depths: np.ndarray) -> np.ndarray:
    """Space nodes evenly over the range of depths of each spectrum [shape=(planet, node)]."""
    low, high = depths.min(axis=1), depths.max(axis=1)
    margin = 1e-4 * high
    return np.linspace(low - margin, high + margin, DEPTH_NODES, axis=1)


def _lagrange(nodes: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Compute Lagrange's weights of the nodes at each depth [shape=(planet, node, wavelength)]."""
    weights = np.ones((len(nodes), DEPTH_NODES, depths.shape[1]))
    for i in range(DEPTH_NODES):
        for j in set(range(DEPTH_NODES)) - {i}:
            apart = nodes[:, i] - nodes[:, j]
            weights[:, i] *= (depths - nodes[:, j, None]) / apart[:, None]
    return weights
