"""The transit of a disc across a star: overlap geometry, limb darkening, exposure integration.

A transit is described by three numbers that the light curve shows directly: when it is centred,
how long it lasts, and how much longer its ingress is than that of a central crossing. With
``x = (t - mid_time) / half_duration`` the planet's distance from the star's centre, in stellar
radii, is ``z**2 = 1 + (x**2 - 1) / ingress_ratio``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariel_kit.core.errors import check_shape

LONGEST_STEP = 15.0 / 3600
"""Hours between the points an exposure is integrated on; a 144 s bin then has ten."""
LIMB_NODES = 12
SMALLEST_DEPTH = 1e-9
"""Depths below this share its ingress: a planet of no size still has a window."""


class TransitShape(NamedTuple):
    """When, how long, how steep; the fields broadcast against each other.

    Attributes
    ----------
    mid_time : ndarray [shape=(...), unit=hour]
    half_duration : ndarray [shape=(...), unit=hour]
        From mid-ingress (the planet's centre on the limb) to mid-transit.
    ingress_ratio : ndarray [shape=(...)]
        Ingress length over ``2 sqrt(depth) half_duration``: 1 for a central transit,
        ``1 / (1 - b**2)`` at impact parameter b.
    """

    mid_time: np.ndarray | float
    half_duration: np.ndarray | float
    ingress_ratio: np.ndarray | float


def overlap_area(separation: np.ndarray, k: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Area shared by two discs.

    Parameters
    ----------
    separation : ndarray [shape=(...)]
        Distance of the centres.
    k : ndarray [shape=(...)]
        Radius of the planet.
    radius : ndarray [shape=(...)]
        Radius of the other disc; a planet reaching past its centre is handled too.

    Returns
    -------
    ndarray [shape=(...)]

    References
    ----------
    Mandel & Agol (2002), equation 1.

    Examples
    --------
    >>> overlap_area(np.array([0.0, 2.0]), np.array(0.1), np.array(1.0)).round(6)
    array([0.031416, 0.      ])
    """
    z, k, radius = np.broadcast_arrays(separation, k, radius)
    crossing = (z > np.abs(radius - k)) & (z < radius + k)
    safe = np.where(crossing, z, np.maximum(radius, k))
    # cos of the half-angles under which each disc's centre sees the common chord
    at_planet = np.clip((safe**2 + k**2 - radius**2) / (2 * safe * k), -1, 1)
    at_other = np.clip((safe**2 + radius**2 - k**2) / (2 * safe * radius), -1, 1)
    lens = k**2 * (np.arccos(at_planet) - at_planet * np.sqrt(1 - at_planet**2)) + radius**2 * (
        np.arccos(at_other) - at_other * np.sqrt(1 - at_other**2)
    )
    contained = np.pi * np.minimum(k, radius) ** 2
    return np.where(crossing, lens, np.where(z <= np.abs(radius - k), contained, 0.0))


def occulted_fraction(
    separation: np.ndarray, depth: np.ndarray, limb_darkening: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """Light blocked by the planet, over ``depth`` times the star's light.

    A limb-darkened star is a stack of uniform discs: between the discs that hold the whole planet
    and those that miss it, `LIMB_NODES` Gauss-Legendre points in ``mu`` are good to 2e-6.

    Parameters
    ----------
    separation : ndarray [shape=(...), unit=stellar radius]
    depth : ndarray [shape=(...)]
        (Rp/Rs)^2.
    limb_darkening : tuple of float
        Quadratic coefficients (u1, u2); (0, 0) is a uniform disc.

    Returns
    -------
    ndarray [shape=(...)]
        In [0, 1] for a uniform disc; above 1 at the centre of a limb-darkened one.

    Examples
    --------
    >>> occulted_fraction(np.array([0.0, 1.0, 1.2]), np.array(0.0001)).round(3)
    array([1.   , 0.499, 0.   ])
    """
    depth = np.maximum(depth, SMALLEST_DEPTH)
    k = np.sqrt(depth)
    uniform = overlap_area(separation, k, np.array(1.0)) / (np.pi * depth)
    u1, u2 = limb_darkening
    if u1 == 0 and u2 == 0:
        return uniform
    # Discs that hold the whole planet end at `inner`; those beyond `outer` do not meet it.
    inner = np.sqrt(np.maximum(1 - (separation + k) ** 2, 0))
    outer = np.sqrt(np.maximum(1 - np.maximum(separation - k, 0) ** 2, 0))
    blocked = (1 - u1 * (1 - inner) - u2 * (1 - inner) ** 2) * uniform
    nodes, weights = np.polynomial.legendre.leggauss(LIMB_NODES)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        mu = inner + (outer - inner) * node
        slope = u1 + 2 * u2 * (1 - mu)
        disc = overlap_area(separation, k, np.sqrt(1 - mu**2)) / (np.pi * depth)
        blocked = blocked + weight * (outer - inner) * slope * disc
    return blocked / (1 - u1 / 3 - u2 / 6)


def transit_window(
    time: np.ndarray,
    span: np.ndarray,
    shape: TransitShape,
    depth: np.ndarray | float,
    limb_darkening: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Exposure-integrated window S of a transit: flux = star * (1 - depth * S).

    Parameters
    ----------
    time : ndarray [shape=(time,), unit=hour]
        Middle of each exposure or bin.
    span : ndarray [shape=(time,), unit=hour]
        Its length.
    shape : TransitShape
        Fields of shape (...).
    depth : ndarray [shape=(...)]
        The depth that sets the length of the ingress.
    limb_darkening : tuple of float
        Quadratic coefficients.

    Returns
    -------
    ndarray [shape=(..., time), dtype=float64]

    Examples
    --------
    >>> shape = TransitShape(3.75, 1.3, 1.0)
    >>> transit_window(np.array([0.0, 3.75]), np.array([0.04, 0.04]), shape, 0.003)
    array([0., 1.])
    """
    check_shape("span", np.shape(span), {"time": len(time)})
    steps = max(1, int(np.ceil(np.max(span) / LONGEST_STEP)))
    offsets = (np.arange(steps) + 0.5) / steps - 0.5
    moments = time[:, None] + span[:, None] * offsets
    mid_time, half_duration, ratio, depth = (
        np.asarray(value, dtype=np.float64)[..., None, None] for value in (*shape, depth)
    )
    x = (moments - mid_time) / half_duration
    separation = np.sqrt(np.maximum(1 + (x**2 - 1) / ratio, 0.0))
    return occulted_fraction(separation, depth, limb_darkening).mean(axis=-1)
