"""The transit of a disc across a star: light behind the planet, limb darkening, exposures.

A transit is described by three numbers that the light curve shows directly: when it is centred,
how long it lasts, and how much longer its ingress is than that of a central crossing. With
``x = (t - mid_time) / half_duration`` the planet's distance from the star's centre, in stellar
radii, is ``z**2 = 1 + (x**2 - 1) / ingress_ratio``.

The star's intensity is a sum over powers of mu, the cosine of the angle between the line of sight
and the normal of its surface. The light of each power behind the disc is a line integral around
the disc's edge by Green's theorem (Pal 2012, arXiv 1201.4508; Agol, Luger & Foreman-Mackey 2020,
arXiv 1908.03222), done by Gauss's rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ariel_kit.core.errors import ShapeError, check_shape
from ariel_kit.light_curve import kernels

LONGEST_STEP = 15.0 / 3600
"""Hours between the points an ingress is integrated on; a 144 s bin then has ten."""
SMALLEST_DEPTH = 1e-9
"""Depths below this share its ingress: a planet of no size still has a window."""
FULL_LIGHT = 4.0 / (4 + np.arange(kernels.N_POWERS))
"""Light of a whole star of intensity mu**(j / 2), over pi."""
QUADRATIC = np.array([[1.0, 0, 0, 0, 0], [-1, 0, 1, 0, 0], [-1, 0, 2, 0, -1]])
"""Powers of mu of the quadratic law: the constant, and what a unit of u1 and of u2 adds."""
FOUR_COEFFICIENTS = np.vstack([QUADRATIC[:1], np.eye(5)[1:] - QUADRATIC[:1]])


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


def intensity(limb_darkening: Sequence[float] | np.ndarray) -> np.ndarray:
    """Write a law of limb darkening as a sum over powers of mu.

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
        If there are neither two nor four coefficients.

    Examples
    --------
    >>> intensity([0.3, 0.2])
    array([ 0.5,  0. ,  0.7,  0. , -0.2])
    """
    coefficients = np.asarray(limb_darkening, dtype=np.float64)
    laws = {2: QUADRATIC, 4: FOUR_COEFFICIENTS}
    if coefficients.shape[-1] not in laws:
        raise ShapeError(
            "limb darkening must be 2 coefficients of the quadratic law or 4 of Claret's; got "
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
    """Integrate the window S of a transit over exposures: flux = star * (1 - depth * S).

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
    limb_darkening : sequence of float
        Quadratic coefficients, or Claret's four.

    Returns
    -------
    ndarray [shape=(..., time), dtype=float64]

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
    """Compute the light behind the planet by power of mu, and its derivatives by path and radius.

    The planet is at ``z**2 = b**2 + (sin(rate (t - mid_time)) / (rate crossing))**2`` of a circular
    orbit; without a rate the path is straight.

    Parameters
    ----------
    time, span : ndarray [shape=(time,), unit=hour]
    path : ndarray [shape=(..., 3)]
        Mid-time (hours), hours to cross a stellar radius, squared impact parameter.
    rate : ndarray [shape=(...), unit=radian/hour]
        Of the orbit; 0 is a straight path.
    depth : ndarray [shape=(...)]

    Returns
    -------
    moments : ndarray [shape=(..., time, 5), dtype=float64]
        Integral of ``mu**(j / 2)`` over the disc and the exposure, over ``pi depth span``.
    slopes : ndarray [shape=(..., time, 5, 4), dtype=float64]
        Derivatives with respect to the path and to the planet's radius.

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
