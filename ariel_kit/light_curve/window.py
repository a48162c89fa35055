"""The transit window of a planet in the coordinates that are fitted, and its derivatives.

Three numbers are the path of the planet: mid-time, the logarithm of the half-duration and the
squared impact parameter. Where stars are limb-darkened seven more follow: (u1, u2, u3) of FGS1,
those of AIRS, and the slope of AIRS's u1 over wavelength, in the law of intensity

    I(mu) = 1 - u1 (1 - mu) - u2 (1 - mu)**2 - u3 (1 - sqrt(mu)),

the quadratic law with a root beside it, which stellar atmospheres need in the infrared (van Hamme
1993, AJ 106, 2096); how much of it there is, the planets of a run teach. The
half-duration is the time from mid-transit until the centres are `contact` stellar radii apart:
1 is the limb; the outer contact, 1 + Rp/Rs, keeps it well defined for a planet that grazes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from ariel_kit.core.instruments import wavelengths
from ariel_kit.light_curve.transit import FULL_LIGHT, QUADRATIC, TransitShape, window_moments

PATH, IMPACT = 3, 2
"""How many coordinates the path has, which stand first; and where its impact parameter stands."""
FGS1, AIRS = 0, 1
LAW = np.vstack([QUADRATIC, [-1.0, 1, 0, 0, 0]])
"""Powers of mu of the fitted law: the quadratic one, and the root beside it."""
LIMB_DARKENING = {FGS1: (3, 4, 5), AIRS: (6, 7, 8)}
"""Where (u1, u2, u3) of each instrument stand."""
SLOPE = 9
"""Where the slope of AIRS's u1 stands: what it adds from the centre of AIRS to its end."""
CENTRE, HALF_RANGE = 2.6, 0.97
"""Micron: where AIRS's u1 is that of the star's white light, and half of AIRS's range."""
LOWEST, HIGHEST = np.array([-0.5, np.log(0.2), -0.4]), np.array([8.0, np.log(8.0), np.inf])
"""Of the path."""
CLOSEST = 0.01
"""Least distance between the closest approach and the ends of the half-duration."""
OVERLAP = 0.7
"""Radii of the planet that its centre may stay outside the star: one that only touches the limb
tells nothing of its depth."""
MOST_BLOCKED = 0.9
"""Share of the star's light that a trial may hide: beyond it a logarithm would lose its meaning."""
DEFINED = 0.995
"""Largest impact parameter of which half-duration and ingress are told."""
DEPTH_NODES = 5
"""Depths at which a window is worked out; those of all wavelengths are interpolated."""


@dataclass(frozen=True)
class Orbit:
    """What is known of the paths of a batch of planets, and not fitted.

    Attributes
    ----------
    rate : ndarray [shape=(planet,), dtype=float64, unit=radian/hour]
        Angular speed; 0 is a straight path.
    contact : ndarray [shape=(planet,), dtype=float64, unit=stellar radius]
        Distance of the centres at the ends of the half-duration.
    """

    rate: np.ndarray
    contact: np.ndarray

    def take(self, rows: list[int]) -> Orbit:
        """Take some of the planets."""
        return Orbit(self.rate[rows], self.contact[rows])

    def joined(self, other: Orbit) -> Orbit:
        """Append other planets."""
        return Orbit(
            np.concatenate([self.rate, other.rate]), np.concatenate([self.contact, other.contact])
        )

    def clip(self, window: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Bring coordinates [shape=(planet, coordinate)] back to where there is a transit."""
        path = np.clip(window[:, :PATH], LOWEST, HIGHEST)
        farthest = np.minimum(1 + OVERLAP * np.sqrt(depth), self.contact - CLOSEST)
        path[:, 2] = np.minimum(path[:, 2], farthest**2)
        return np.column_stack([path, window[:, PATH:]])

    def path(self, window: np.ndarray) -> np.ndarray:
        """Give mid-time, hours to cross a stellar radius, and squared impact parameter."""
        half = np.exp(window[:, 1])
        # z = contact at t = half: sin(rate half) / (rate crossing) = sqrt(contact**2 - b**2).
        chord = np.sqrt(self.contact**2 - window[:, 2])
        crossing = half * np.sinc(self.rate * half / np.pi) / chord
        return np.column_stack([window[:, 0], crossing, window[:, 2]])

    def turn(self, window: np.ndarray, by_path: np.ndarray) -> np.ndarray:
        """Turn derivatives by the path [shape=(planet, ..., 3)] into those by the coordinates."""
        half, crossing = np.exp(window[:, 1]), self.path(window)[:, 1]
        jacobian = np.zeros((len(window), 3, 3))
        jacobian[:, 0, 0] = jacobian[:, 2, 2] = 1.0
        chord = self.contact**2 - window[:, 2]
        jacobian[:, 1, 1] = half * np.cos(self.rate * half) / np.sqrt(chord)
        jacobian[:, 1, 2] = crossing / (2 * chord)
        return np.einsum("p...a,pab->p...b", by_path, jacobian)


class PathFacts(TypedDict):
    """What is told of a window; see `ariel_kit.core.spectrum.FitFacts`."""

    mid_time: float
    half_duration: float
    ingress_ratio: float
    impact: float
    limb_darkening: tuple[float, ...]
    fgs1_limb_darkening: tuple[float, ...]


@dataclass(frozen=True)
class WindowLight:
    """Windows of a batch in one instrument, linearised.

    Attributes
    ----------
    window : ndarray [shape=(planet, time), dtype=float64]
        S at the reference depth: the flux is the star's times ``1 - depth S``.
    slopes : ndarray [shape=(planet, time, column), dtype=float64]
        Derivatives of S: three of the path and, where it is fitted, two of the limb darkening.
    response : ndarray [shape=(planet, time), dtype=float64]
        Derivative of ``depth S`` with respect to the depth: the window itself, and the ingress
        that lengthens with the depth.
    """

    window: np.ndarray
    slopes: np.ndarray
    response: np.ndarray


def coordinates(shape: TransitShape) -> np.ndarray:
    """Write a straight path, its half-duration ending at the limb, in the coordinates of the fit.

    Parameters
    ----------
    shape : TransitShape
        Fields of shape (planet,).

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
    """List the places, among `size` coordinates, that one instrument's window depends on."""
    return (*range(PATH), *(LIMB_DARKENING[instrument] if size > PATH else ()))


def limb_darkening(window: np.ndarray, instrument: int) -> np.ndarray:
    """Give the quadratic coefficients [shape=(planet, 2)]; zeros where none are fitted."""
    if window.shape[1] == PATH:
        return np.zeros((len(window), len(LAW) - 1))
    return window[:, LIMB_DARKENING[instrument]]


def describe(window: np.ndarray, orbit: Orbit) -> list[PathFacts]:
    """Say in the words of the field what the coordinates of each planet mean."""
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
    """Write (u1, u2, u3) as Claret's four: ``(1 - mu)**2 = 2 (1 - mu) - (1 - mu**2)``."""
    u1, u2, u3 = coefficients.T
    return np.stack([u3, u1 + 2 * u2, np.zeros_like(u1), -u2], axis=1)


def colour() -> np.ndarray:
    """Give the factor of the slope of u1 at each wavelength of AIRS [shape=(282,)]."""
    return (wavelengths()[1:] - CENTRE) / HALF_RANGE


def linearise(
    time: np.ndarray,
    span: np.ndarray,
    window: np.ndarray,
    depth: np.ndarray,
    orbit: Orbit,
    instrument: int,
) -> WindowLight:
    """Work out the windows of a batch and how they answer to the fitted numbers.

    Parameters
    ----------
    time, span : ndarray [shape=(time,), unit=hour]
    window : ndarray [shape=(planet, coordinate)]
    depth : ndarray [shape=(planet,)]
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
        # S = sum_j a_j M_j / sum_j a_j light_j, with a linear in (u1, u2)
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
    """Work out the share of the light behind the planet at every wavelength of an instrument.

    The windows follow the depth and, in AIRS, the limb darkening of each wavelength.

    Parameters
    ----------
    time, span, window, orbit, instrument
        As in `linearise`.
    depths : ndarray [shape=(planet, wavelength)]

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
    """Spread nodes across the depths of a spectrum [shape=(planet, node)]."""
    low, high = depths.min(axis=1), depths.max(axis=1)
    margin = 1e-4 * high
    return np.linspace(low - margin, high + margin, DEPTH_NODES, axis=1)


def _lagrange(nodes: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Compute the weights of the nodes at each depth [shape=(planet, node, wavelength)]."""
    weights = np.ones((len(nodes), DEPTH_NODES, depths.shape[1]))
    for i in range(DEPTH_NODES):
        for j in set(range(DEPTH_NODES)) - {i}:
            apart = nodes[:, i] - nodes[:, j]
            weights[:, i] *= (depths - nodes[:, j, None]) / apart[:, None]
    return weights
