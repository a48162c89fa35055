"""Numba kernels of the transit model: stellar flux behind a planet's disc, by Green's theorem."""

from __future__ import annotations

import numpy as np

from ariel_kit.core.accelerate import kernel

N_POWERS = 5
"""Number of powers mu**(j / 2), j = 0 .. 4, in the stellar intensity. They hold both the quadratic
law and Claret's four-coefficient law."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_S = (_NODES + 1) / 2
_TURN = 2 * _WEIGHTS / 2 * _S
"""Weights of Gauss's rule over the angle phi around the planet's edge. With phi linear in s**2 the
integrand is smooth where the edge crosses the star's limb."""
_COSINES = np.cos(np.pi * _S**2)
_TINY = 1e-12


@kernel
def add_moments(
    z: float,
    k: float,
    share: float,
    moments: np.ndarray,
    by_separation: np.ndarray,
    by_radius: np.ndarray,
) -> None:
    """Add the moments of one disc and their derivatives, times `share`; see `window_moments`."""
    # z: distance of the centres, k: radius of the planet, both in stellar radii
    # share: weight of this point in the mean over the exposure
    # moments, by_separation, by_radius: (power,), changed in place
    if z >= 1 + k:
        return
    area = np.pi * k * k
    limb, start = 0.0, 0.0
    crossing = z > 1 - k
    if crossing:
        start = np.arccos(min(1.0, max(-1.0, (1 - z * z - k * k) / (2 * z * k))))
        limb = np.arccos(min(1.0, max(-1.0, (z * z + 1 - k * k) / (2 * z))))
    sweep = np.pi - start
    for j in range(N_POWERS):
        # Light at the star's own edge, where r = 1: integral of dpsi / (j / 2 + 2).
        moments[j] += share * 4 * limb / ((j + 4) * area)
    for i in range(len(_S)):
        cosine = np.cos(start + sweep * _S[i] ** 2) if crossing else _COSINES[i]
        turn = share * 2 * sweep * _TURN[i] / area
        # Green's theorem: the line integral runs over x dy - y dx = k (k + z cos phi) dphi.
        swept = turn * k * (k + z * cosine)
        # r**2 = z**2 + k**2 + 2 z k cos phi is the squared distance of a point of the edge.
        root = np.sqrt(np.sqrt(max(1 - (z * z + k * k + 2 * z * k * cosine), 0.0)))
        below = 1 + root + root**2 + root**3
        power, above = 1.0, below
        for j in range(N_POWERS):
            # (1 - mu**(n + 2)) / ((n + 2) r**2) with n = j / 2, the division carried out
            moments[j] += swept * 2 * above / ((j + 4) * below)
            by_separation[j] += turn * k * cosine * power
            by_radius[j] += turn * k * power
            power *= root
            above += power * root**3


@kernel
def window_moments(
    time: np.ndarray,
    span: np.ndarray,
    step: float,
    path: np.ndarray,
    rate: np.ndarray,
    k: np.ndarray,
    moments: np.ndarray,
    slopes: np.ndarray,
) -> None:
    """Average the moments of the stellar disc behind the planet over each exposure."""
    # time, span: (time,), middle and length of each exposure, hour
    # step: longest step of the integration at ingress and egress, hour
    # path: (planet, 3): mid_time, hour; hours to cross a stellar radius; squared impact parameter
    # rate: (planet,), angular speed of the orbit, radian/hour, 0 for a straight path
    # k: (planet,), radius of the planet, stellar radii
    # moments: (planet, time, power), integrals of mu**(power / 2) behind the disc over pi k**2
    # slopes: (planet, time, power, 4), derivatives of the moments with respect to path and k
    by_separation, by_radius = np.zeros(N_POWERS), np.zeros(N_POWERS)
    for p in range(len(k)):
        mid, crossing, impact, speed = path[p, 0], path[p, 1], path[p, 2], rate[p]
        for t in range(len(time)):
            n, fraction = _substeps(time[t] - mid, span[t], step, crossing, impact, k[p])
            for i in range(n):
                elapsed = time[t] - mid + span[t] * ((i + 0.5) / n - 0.5) * fraction
                along, velocity = elapsed / crossing, 1 / crossing
                if speed > 0:
                    along = np.sin(speed * elapsed) / (speed * crossing)
                    velocity = np.cos(speed * elapsed) / crossing
                square = impact + along * along
                z = np.sqrt(max(square, 0.0))
                if z >= 1 + k[p]:
                    continue
                by_separation[:], by_radius[:] = 0.0, 0.0
                add_moments(z, k[p], 1 / n, moments[p, t], by_separation, by_radius)
                if square <= _TINY:
                    by_separation[:] = 0.0
                for j in range(N_POWERS):
                    # z dz = d impact / 2 - along velocity d mid - along**2 d crossing / crossing
                    by_square = by_separation[j] / max(z, _TINY)
                    slopes[p, t, j, 0] -= by_square * along * velocity
                    slopes[p, t, j, 1] -= by_square * along * along / crossing
                    slopes[p, t, j, 2] += by_square / 2
                    slopes[p, t, j, 3] += by_radius[j]
            for j in range(N_POWERS):
                # The moments are divided by pi k**2, which adds -2 moment / k to the derivative.
                slopes[p, t, j, 3] -= 2 * moments[p, t, j] / k[p]


@kernel
def _substeps(
    elapsed: float, span: float, step: float, crossing: float, impact: float, k: float
) -> tuple[int, float]:
    """Choose the number of points that average over a bin, and the factor of their spacing."""
    # Away from the contacts two points of Gauss's rule suffice. They are span / sqrt(3) apart;
    # two points of the midpoint rule would be span / 2 apart.
    reach = (abs(elapsed) + span / 2) / crossing
    nearest = max(abs(elapsed) - span / 2, 0.0) / crossing
    if impact + reach * reach < (1 - k) ** 2 or impact + nearest * nearest > (1 + k) ** 2:
        return 2, 2 / np.sqrt(3.0)
    return max(1, int(np.ceil(span / step))), 1.0
