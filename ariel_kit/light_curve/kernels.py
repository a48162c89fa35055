"""Numba loops of the transit: light behind a disc, by a line integral around its edge."""

from __future__ import annotations

import numpy as np

from ariel_kit.core.accelerate import kernel

N_POWERS = 5
"""Laws are sums over mu**(j / 2), j = 0 .. 4: the quadratic and the four-coefficient law are."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_S = (_NODES + 1) / 2
_TURN = 2 * _WEIGHTS / 2 * _S
"""Around the edge the angle runs as s**2, so that mu is smooth where the star's limb is crossed."""
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
    """Add `share` times the moments of one disc and their derivatives; see `window_moments`."""
    # z, k: scalars, stellar radii; share: scalar
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
        # Light sums over x dy - y dx = k (k + z cos phi) dphi.
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
    """Average the moments of the disc behind the planet, and their derivatives, over exposures."""
    # time, span: (time,), hour; step: longest substep at an ingress, hour
    # path: (planet, 3): mid_time, hour; hours to cross a stellar radius; squared impact parameter
    # rate: (planet,), angular speed of the orbit, 1/hour, 0 for a straight path; k: (planet,)
    # moments: (planet, time, power), integrals of mu**(power / 2) behind the disc over pi k**2
    # slopes: (planet, time, power, 4), derivatives with respect to path and k
    by_separation, by_radius = np.zeros(N_POWERS), np.zeros(N_POWERS)
    for p in range(len(k)):
        mid, crossing, impact, speed = path[p, 0], path[p, 1], path[p, 2], rate[p]
        for t in range(len(time)):
            n, fraction = _substeps(time[t] - mid, span[t], step, crossing, impact, k[p])
            for i in range(n):
                apart = time[t] - mid + span[t] * ((i + 0.5) / n - 0.5) * fraction
                along, velocity = apart / crossing, 1 / crossing
                if speed > 0:
                    along = np.sin(speed * apart) / (speed * crossing)
                    velocity = np.cos(speed * apart) / crossing
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
                    turned = by_separation[j] / max(z, _TINY)
                    slopes[p, t, j, 0] -= turned * along * velocity
                    slopes[p, t, j, 1] -= turned * along * along / crossing
                    slopes[p, t, j, 2] += turned / 2
                    slopes[p, t, j, 3] += by_radius[j]
            for j in range(N_POWERS):
                # The moments are over the planet's area, which grows with it.
                slopes[p, t, j, 3] -= 2 * moments[p, t, j] / k[p]


@kernel
def _substeps(
    apart: float, span: float, step: float, crossing: float, impact: float, k: float
) -> tuple[int, float]:
    """Choose how many points a bin is averaged over, and the stretch of their spacing."""
    # Gauss's two points stand span / sqrt(3) apart; those of the midpoint rule span / 2.
    reach = (abs(apart) + span / 2) / crossing
    nearest = max(abs(apart) - span / 2, 0.0) / crossing
    if impact + reach * reach < (1 - k) ** 2 or impact + nearest * nearest > (1 + k) ** 2:
        return 2, 2 / np.sqrt(3.0)
    return max(1, int(np.ceil(span / step))), 1.0
