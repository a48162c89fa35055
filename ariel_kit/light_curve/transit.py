"""The transit model: a disc that crosses a limb-darkened star, averaged over exposures.

A transit is described by three numbers that the light curve shows directly: its mid-time, its
half-duration, and the ratio of its ingress to that of a central transit. With
``x = (t - mid_time) / half_duration`` the planet's distance z from the star's centre, in stellar
radii, is ``z**2 = 1 + (x**2 - 1) / ingress_ratio``.

The star's intensity is a sum over powers of mu, the cosine of the angle between the line of sight
and the normal of its surface. The flux of each power behind the disc is, by Green's theorem, a
line integral around the disc's edge (Pal 2012, arXiv 1201.4508; Agol, Luger & Foreman-Mackey 2020,
arXiv 1908.03222), which Gauss's rule evaluates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ariel_kit.core.errors import ShapeError, check_shape
from ariel_kit.light_curve import kernels

LONGEST_STEP = 15.0 / 3600
"""Longest step, in hours, of the integration over an exposure at ingress and egress (15 s). A bin
of 144 s is then averaged over ten points."""
SMALLEST_DEPTH = 1e-9
"""Depth below which the ingress is computed for this depth instead, so that the window of a planet
of zero radius is defined."""
FULL_LIGHT = 4.0 / (4 + np.arange(kernels.N_POWERS))
"""Flux of a whole star of intensity mu**(j / 2), divided by pi [shape=(5,)]."""
QUADRATIC = np.array([[1.0, 0, 0, 0, 0], [-1, 0, 1, 0, 0], [-1, 0, 2, 0, -1]])
"""Coefficients of mu**(j / 2) in the quadratic law [shape=(3, 5)]: those of a uniform star, and the
change for a unit of u1 and of u2."""
FOUR_COEFFICIENTS = np.vstack([QUADRATIC[:1], np.eye(5)[1:] - QUADRATIC[:1]])
"""Coefficients of mu**(j / 2) in Claret's law [shape=(5, 5)]: those of a uniform star, and the
change for a unit of each of the four coefficients."""


class TransitShape(NamedTuple):
    """Mid-time, half-duration and ingress ratio; the fields broadcast against each other.

    Attributes
    ----------
    mid_time : ndarray [shape=(...), unit=hour]
        Time of mid-transit.
    half_duration : ndarray [shape=(...), unit=hour]
        Time from mid-ingress (the planet's centre on the limb) to mid-transit.
    ingress_ratio : ndarray [shape=(...)]
        Length of the ingress over ``2 sqrt(depth) half_duration``: 1 for a central transit,
        ``1 / (1 - b**2)`` at impact parameter b.
    """

    mid_time: np.ndarray | float
    half_duration: np.ndarray | float
    ingress_ratio: np.ndarray | float


def intensity(limb_darkening: Sequence[float] | np.ndarray) -> np.ndarray:
    """Convert the coefficients of a limb-darkening law into those of powers of mu.

    Parameters
    ----------
    limb_darkening : ndarray [shape=(..., 2) or (..., 4)]
        Quadratic coefficients, or the four of Claret (2000): ``1 - sum c_n (1 - mu**(n / 2))``.

    Returns
    -------
    ndarray [shape=(..., 5), dtype=float64]
        Coefficients of ``mu**(j / 2)``, j = 0 .. 4.

    Raises
    ------
    ShapeError
        If the number of coefficients is neither two nor four.

    Examples
    --------
    >>> intensity([0.3, 0.2])
    array([ 0.5,  0. ,  0.7,  0. , -0.2])
    """
    coefficients = np.asarray(limb_darkening, dtype=np.float64)
    laws = {2: QUADRATIC, 4: FOUR_COEFFICIENTS}
    if coefficients.shape[-1] not in laws:
        raise ShapeError(
            "limb darkening must have 2 coefficients (quadratic law) or 4 (Claret's law); got "
            f"{coefficients.shape[-1]}."
        )
    constant, *parts = laws[coefficients.shape[-1]]
    return constant + coefficients @ np.array(parts)


def transit_window(
    time: np.ndarray,
    span: np.ndarray,
    shape: TransitShape,
    depth: np.ndarray | float,
    limb_darkening: Sequence[float] | np.ndarray = (0.0, 0.0),
) -> np.ndarray:
    """Compute the transit window S, averaged over exposures: flux = star * (1 - depth * S).

    Parameters
    ----------
    time : ndarray [shape=(time,), unit=hour]
        Middle of each exposure or bin.
    span : ndarray [shape=(time,), unit=hour]
        Length of each exposure or bin.
    shape : TransitShape
        Timing of the transits; its fields have shape (...).
    depth : ndarray [shape=(...)]
        Transit depth (Rp/Rs)^2, which sets the length of the ingress.
    limb_darkening : sequence of float
        Quadratic coefficients, or Claret's four.

    Returns
    -------
    ndarray [shape=(..., time), dtype=float64]
        S: 0 out of transit, and 1 in the middle of a transit of a uniform star.

    Examples
    --------
    >>> shape = TransitShape(3.75, 1.3, 1.0)
    >>> transit_window(np.array([0.0, 3.75]), np.array([0.04, 0.04]), shape, 0.003)
    array([0., 1.])
    """
    mid_time, half_duration, ratio, depth = np.broadcast_arrays(*shape, depth)
    path = np.stack([mid_time, half_duration * np.sqrt(ratio), 1 - 1 / ratio], axis=-1)
    straight = np.zeros(depth.shape)
    moments, _ = window_moments(time, span, path, straight, depth)
    law = intensity(limb_darkening)
    return (moments @ law) / (law @ FULL_LIGHT)


def window_moments(
    time: np.ndarray, span: np.ndarray, path: np.ndarray, rate: np.ndarray, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the flux behind the planet for each power of mu, and its derivatives.

    On a circular orbit the planet is at
    ``z**2 = b**2 + (sin(rate (t - mid_time)) / (rate crossing))**2``, where b is the impact
    parameter and ``crossing`` the time to cross a stellar radius; at rate 0 the path is straight.

    Parameters
    ----------
    time, span : ndarray [shape=(time,), unit=hour]
        Middle and length of each exposure.
    path : ndarray [shape=(..., 3)]
        Mid-time (hours), time to cross a stellar radius (hours), squared impact parameter.
    rate : ndarray [shape=(...), unit=radian/hour]
        Angular speed of the orbit; 0 for a straight path.
    depth : ndarray [shape=(...)]
        Transit depth (Rp/Rs)^2.

    Returns
    -------
    moments : ndarray [shape=(..., time, 5), dtype=float64]
        Integral of ``mu**(j / 2)`` over the disc and the exposure, divided by ``pi depth span``.
    slopes : ndarray [shape=(..., time, 5, 4), dtype=float64]
        Derivatives of the moments with respect to the path and to the planet's radius.

    Raises
    ------
    ShapeError
        If `span` is not as long as `time`.
    """
    check_shape("span", np.shape(span), {"time": len(time)})
    radius = np.sqrt(np.maximum(np.ravel(depth), SMALLEST_DEPTH)).astype(np.float64)
    moments = np.zeros((len(radius), len(time), kernels.N_POWERS))
    slopes = np.zeros((*moments.shape, 4))
    kernels.window_moments(
        np.asarray(time, dtype=np.float64),
        np.asarray(span, dtype=np.float64),
        LONGEST_STEP,
        np.reshape(path, (-1, 3)).astype(np.float64),
        np.ravel(rate).astype(np.float64),
        radius,
        moments,
        slopes,
    )
    outer = np.shape(depth)
    return moments.reshape(*outer, *moments.shape[1:]), slopes.reshape(*outer, *slopes.shape[1:])
