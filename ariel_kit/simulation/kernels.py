"""Numba kernels of the simulator: random numbers, exposure and read-out of pixels, transits.

Every pixel has its own random stream, so that frames do not depend on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange

from ariel_kit.core.accelerate import kernel, parallel_kernel

RESET_NOISE = 3.0
"""Standard deviation, in electrons, of the reset (kTC) noise, common to both reads of a pair."""
FULL_WELL = 1.0e5
"""Largest charge of a pixel, in electrons."""
EXACT_POISSON = 12.0
"""Poisson counts of smaller means are drawn exactly; those of larger means, as a rounded normal."""
ADU_MAX = 65535.0
"""Largest number of the converter."""
HIT_LEAST, HIT_MEAN = 250.0, 100.0
"""Least charge of a charged particle, and mean of the exponential excess over it, in electrons."""

ZIGGURAT_EDGE = 3.6541528853610088
"""Right edge of the lowest layer of the ziggurat, for 256 layers."""
ZIGGURAT_AREA = 0.00492867323399
"""Area of each layer."""
MANTISSA = 2.0**52
"""Range of the random integers that choose a point within a layer."""


def _ziggurat_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute acceptance, width and height of the 256 layers (Marsaglia & Tsang 2000)."""
    accept, width, height = np.empty(256, np.uint64), np.empty(256), np.empty(256)
    edge = previous = ZIGGURAT_EDGE
    base = ZIGGURAT_AREA / math.exp(-0.5 * edge**2)
    accept[0], accept[1] = int(edge / base * MANTISSA), 0
    width[0], width[255] = base / MANTISSA, edge / MANTISSA
    height[0], height[255] = 1.0, math.exp(-0.5 * edge**2)
    for i in range(254, 0, -1):
        edge = math.sqrt(-2 * math.log(ZIGGURAT_AREA / edge + math.exp(-0.5 * edge**2)))
        accept[i + 1] = int(edge / previous * MANTISSA)
        previous = edge
        height[i], width[i] = math.exp(-0.5 * edge**2), edge / MANTISSA
    return accept, width, height


ACCEPT, WIDTH, HEIGHT = _ziggurat_tables()
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""Increment of the state of SplitMix64."""


@kernel
def _mix(z: np.uint64) -> np.uint64:
    """Hash a 64-bit number, as the finaliser of SplitMix64 does."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def _uniform(state: np.uint64) -> tuple[float, np.uint64]:
    """Draw a uniform number in [0, 1); return it and the next state."""
    state += GOLDEN
    return (_mix(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0), state


@kernel
def _normal(state: np.uint64) -> tuple[float, np.uint64]:
    """Draw a standard normal number by the ziggurat method; return it and the next state."""
    while True:
        state += GOLDEN
        bits = _mix(state)
        layer = bits & np.uint64(255)
        mantissa = (bits >> np.uint64(9)) & np.uint64(0xFFFFFFFFFFFFF)
        x = mantissa * WIDTH[layer]
        if bits & np.uint64(256):
            x = -x
        if mantissa < ACCEPT[layer]:
            return x, state
        u, state = _uniform(state)
        if layer == 0:
            v, state = _uniform(state)
            tail = -math.log(1.0 - u) / ZIGGURAT_EDGE
            if -2.0 * math.log(1.0 - v) > tail * tail:
                return math.copysign(ZIGGURAT_EDGE + tail, x), state
        elif HEIGHT[layer] + (HEIGHT[layer - np.uint64(1)] - HEIGHT[layer]) * u < math.exp(
            -0.5 * x * x
        ):
            return x, state


@kernel
def _poisson(mean: float, state: np.uint64) -> tuple[float, np.uint64]:
    """Draw a Poisson count of a mean in electrons; return it and the next state."""
    if mean >= EXACT_POISSON:
        z, state = _normal(state)
        return max(0.0, math.floor(mean + math.sqrt(mean) * z + 0.5)), state
    u, state = _uniform(state)
    count, term = 0.0, math.exp(-mean)
    while u > term and count < 200.0:
        u -= term
        count += 1.0
        term *= mean / count
    return count, state


@kernel
def _measured(true: float, curve: tuple[float, ...]) -> float:
    """Invert the linearity polynomial by two Newton steps, good to 0.01 electrons.

    Axes: true scalar [electron], curve (6,) from the constant term upwards.
    """
    c0, c1, c2, c3, c4, c5 = curve
    m = true
    for _ in range(2):
        value = c0 + m * (c1 + m * (c2 + m * (c3 + m * (c4 + m * c5))))
        slope = c1 + m * (2 * c2 + m * (3 * c3 + m * (4 * c4 + m * 5 * c5)))
        m -= (value - true) / slope
    return m


@kernel
def _hit(chance: float, state: np.uint64) -> tuple[float, np.uint64]:
    """Draw the electrons that a charged particle deposits, 0 for no hit; return the next state."""
    u, state = _uniform(state)
    if u >= chance:
        return 0.0, state
    # Given u < chance, u / chance is uniform in [0, 1).
    return HIT_LEAST - HIT_MEAN * math.log(1.0 - u / chance), state


@kernel
def _digitise(electrons: float, gain: float, offset: float) -> np.uint16:
    """Convert electrons to ADU; scalars: electrons and offset [electron], gain [ADU / electron]."""
    return np.uint16(min(max(math.floor((electrons - offset) * gain), 0.0), ADU_MAX))


@kernel
def _starlight(terms: tuple[float, ...], moments: np.ndarray, t: int) -> float:
    """Evaluate the expansion of the star's image at the shift of exposure t.

    Axes: terms (6,) [electron], moments (time, 5) [pixel, pixel^2].
    """
    light = terms[0] + terms[1] * moments[t, 0] + terms[2] * moments[t, 1]
    light += terms[3] * moments[t, 2]
    light += terms[4] * moments[t, 3]
    return light + terms[5] * moments[t, 4]


@parallel_kernel
def expose_pixels(
    image: np.ndarray,
    steady: np.ndarray,
    even: np.ndarray,
    odd: np.ndarray,
    light: np.ndarray,
    column: np.ndarray,
    dark: np.ndarray,
    read: np.ndarray,
    response: np.ndarray,
    linear: np.ndarray,
    times: tuple[float, float],
    adc: tuple[float, float],
    hits: float,
    seed: np.uint64,
    frames: np.ndarray,
) -> None:
    """Expose and read every pixel. A task is one pixel.

    Parameters
    ----------
    image : ndarray [shape=(6, pixel), dtype=float64, unit=electron]
        Starlight per CDS frame: coefficients of 1, dy, dx, dy^2, dy dx and dx^2.
    steady : ndarray [shape=(pixel,), dtype=float64, unit=electron]
        Foreground per CDS frame.
    even, odd : ndarray [shape=(time, 5), dtype=float32, unit=pixel or pixel^2]
        Moments of the shift up to the even read, and from the even to the odd read.
    light : ndarray [shape=(light, time), dtype=float32]
        Starlight relative to its mean.
    column : ndarray [shape=(pixel,), dtype=int]
        Row of `light` that applies to each pixel.
    dark : ndarray [shape=(pixel,), dtype=float64, unit=electron/s]
        Dark current.
    read : ndarray [shape=(pixel,), dtype=float64, unit=electron]
        Standard deviation of the noise of a read.
    response : ndarray [shape=(pixel,), dtype=float64]
        Relative sensitivity.
    linear : ndarray [shape=(6, pixel), dtype=float64]
        Linearity polynomial, from the constant term upwards.
    times : tuple of 2 float
        Seconds from the reset to the even and to the odd read.
    adc : tuple of 2 float
        Gain (ADU per electron) and offset (electrons) of the converter.
    hits : float
        Charged particles per pixel and exposure.
    seed : uint64
        Seed of all pixels' streams.
    frames : ndarray [shape=(pixel, 2 * time), dtype=uint16, unit=adu]
        Output: even and odd reads, alternating; overwritten.
    """
    exposure = times[1] - times[0]
    share = times[0] / exposure
    gain, offset = adc
    for p in prange(frames.shape[0]):
        state = _mix(seed + _mix(np.uint64(p)))
        terms = image[0, p], image[1, p], image[2, p], image[3, p], image[4, p], image[5, p]
        curve = linear[0, p], linear[1, p], linear[2, p], linear[3, p], linear[4, p], linear[5, p]
        r, noise, lit = response[p], read[p], column[p]
        for t in range(light.shape[1]):
            brightness = light[lit, t]
            first = _starlight(terms, even, t)
            rest = _starlight(terms, odd, t)
            first = (max(first * brightness, 0.0) + steady[p]) * r * share + dark[p] * times[0]
            rest = (max(rest * brightness, 0.0) + steady[p]) * r + dark[p] * exposure
            early, state = _poisson(first, state)
            late, state = _poisson(rest, state)
            if hits > 0.0:
                charge, state = _hit(hits, state)
                late += charge
            reset, state = _normal(state)
            reset *= RESET_NOISE
            z, state = _normal(state)
            m = _measured(min(early + reset, FULL_WELL), curve)
            frames[p, 2 * t] = _digitise(m + noise * z, gain, offset)
            z, state = _normal(state)
            m = _measured(min(early + late + reset, FULL_WELL), curve)
            frames[p, 2 * t + 1] = _digitise(m + noise * z, gain, offset)


@kernel
def _lens(z: float, k: float, radius: float) -> float:
    """Compute the overlap area of discs of radius `k` and `radius` at distance `z`."""
    if z >= k + radius:
        return 0.0
    if z <= abs(radius - k):
        return math.pi * min(k, radius) ** 2
    a = min(1.0, max(-1.0, (z * z + k * k - radius * radius) / (2.0 * z * k)))
    b = min(1.0, max(-1.0, (z * z + radius * radius - k * k) / (2.0 * z * radius)))
    at_planet = math.acos(a) - a * math.sqrt(1.0 - a * a)
    at_star = math.acos(b) - b * math.sqrt(1.0 - b * b)
    return k * k * at_planet + radius * radius * at_star


@kernel
def _brightness(x: float, law: np.ndarray) -> float:
    """Compute the intensity at mu = x^2 relative to that of the centre; axes: law (4,)."""
    c1, c2, c3, c4 = law[0], law[1], law[2], law[3]
    return 1.0 - c1 - c2 - c3 - c4 + x * (c1 + x * (c2 + x * (c3 + x * c4)))


@kernel
def _slope(x: float, law: np.ndarray) -> float:
    """Compute the derivative of `_brightness` with respect to x; axes: law (4,)."""
    return law[0] + x * (2.0 * law[1] + x * (3.0 * law[2] + x * 4.0 * law[3]))


@kernel
def _blocked(z: float, k: float, law: np.ndarray, x: np.ndarray, weights: np.ndarray) -> float:
    """Compute the blocked fraction of the star's flux for a planet of radius `k` at distance `z`.

    With x = sqrt(mu) the star is a stack of discs of radius sqrt(1 - x^4), each of the brightness
    dI/dx dx. Axes: law (4,), x and weights (node,), nodes on (-1, 1).
    """
    if z >= 1.0 + k:
        return 0.0
    total = math.pi * (1.0 - law[0] / 5.0 - law[1] / 3.0 - 3.0 * law[2] / 7.0 - law[3] / 2.0)
    dark = law[0] == 0.0 and law[1] == 0.0 and law[2] == 0.0 and law[3] == 0.0
    if dark or z + k >= 1.0:
        inner, light = 0.0, _brightness(0.0, law) * _lens(z, k, 1.0)
    else:
        inner = (1.0 - (z + k) ** 2) ** 0.25  # discs up to this x contain the whole planet
        light = _brightness(inner, law) * math.pi * k * k
    if dark:
        return light / total
    outer = (max(0.0, 1.0 - (z - k) ** 2)) ** 0.25  # smaller discs miss the planet or lie behind it
    for j in range(len(x)):
        # The nodes are denser at both ends, where the overlap area changes its slope abruptly.
        angle = 0.5 * math.pi * (x[j] + 1.0)
        u = 0.5 * (1.0 - math.cos(angle))
        place = inner + (outer - inner) * u
        area = _lens(z, k, math.sqrt(1.0 - place**4))
        step = 0.25 * math.pi * math.sin(angle) * weights[j] * (outer - inner)
        light += _slope(place, law) * area * step
        if z < k:
            place = outer + (1.0 - outer) * 0.5 * (x[j] + 1.0)
            step = 0.5 * weights[j] * (1.0 - outer)
            light += _slope(place, law) * math.pi * (1.0 - place**4) * step
    return light / total


@kernel
def blocked_light(
    separation: np.ndarray,
    radii: np.ndarray,
    law: np.ndarray,
    x: np.ndarray,
    weights: np.ndarray,
    blocked: np.ndarray,
) -> None:
    """Compute the blocked fraction of the star's flux at every wavelength and time.

    Parameters
    ----------
    separation : ndarray [shape=(moment,), dtype=float64, unit=stellar radius]
        Distance of the centres.
    radii : ndarray [shape=(wavelength,), dtype=float64, unit=stellar radius]
        Radius of the planet.
    law : ndarray [shape=(wavelength, 4), dtype=float64]
        Coefficients of the four-coefficient law of limb darkening (Claret 2000).
    x, weights : ndarray [shape=(node,), dtype=float64]
        Nodes on (-1, 1) and weights of a Gauss-Legendre quadrature.
    blocked : ndarray [shape=(wavelength, moment), dtype=float64]
        Output, which is overwritten.
    """
    for w in range(len(radii)):
        for m in range(len(separation)):
            blocked[w, m] = _blocked(separation[m], radii[w], law[w], x, weights)
