"""Simulated stars and their images on the two detectors.

An image is stored as its second-order expansion in the star's shift: six maps, the coefficients of
1, dy, dx, dy^2, dy dx, dx^2. Pointing jitter then costs five multiply-adds per pixel and frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import expit, ndtr

from ariel_kit.core.instruments import AIRS, FGS1, FGS1_WAVELENGTH, Instrument, column_wavelengths

SECOND_RADIATION_CONSTANT = 14387.77
"""h c / k, in micron kelvin."""

ROW_FRACTIONS = np.array(
    [16, 34, 54, 89, 115, 277, 1204, 2997, 3159, 1399, 328, 121, 92, 58, 35, 19]
)
"""Light in rows 8..23 of AIRS, in 1e-4 of the total, averaged over wavelength."""
HALO = 0.003
"""Share of the star's light outside rows 8..23, the same at every wavelength."""
HALO_DECAY = 0.6
"""Ratio of the halo's light in one row to that in the previous row."""

AIRS_FOREGROUND, FGS1_FOREGROUND = 25.0, 2.0
"""Mean foreground over the detector, in electrons per pixel and CDS frame."""

AIRS_INTRA_PIXEL, FGS1_INTRA_PIXEL = 0.1, 0.35
"""Amplitude of the cosine that describes the response within a pixel from centre to edge."""
SUBPIXELS = 16
"""Number of subpixels per pixel and axis over which that response is integrated."""

FGS1_CENTRE = (15.9, 16.1)
"""Centre of the FGS1 image, y and x, in pixels."""
FGS1_GAUSSIANS = ((0.40, 1.1), (0.07, 3.5))
"""Share and width, in pixels, of the smooth components of the FGS1 image."""
SPECKLE_WIDTH = 0.35
"""Width of the sharp components of the FGS1 image, in pixels."""
SPECKLES = np.array(
    [
        [0.041, -0.44, 1.17],
        [0.041, -0.12, -1.68],
        [0.041, -0.28, 1.86],
        [0.060, 0.56, 1.01],
        [0.035, -1.17, -1.46],
        [0.030, 1.28, -1.31],
        [0.042, -0.76, 0.26],
        [0.047, 1.32, 0.68],
        [0.059, -1.15, 1.10],
        [0.044, -0.50, -1.77],
        [0.032, -0.89, 1.27],
        [0.059, 0.10, -0.69],
    ]
)
"""Share of the light, and y and x from the centre in pixels, of the sharp components. They are
narrower than a pixel because FGS1 undersamples its image."""


@dataclass(frozen=True)
class Star:
    """Spectrum and brightness of a star on the two detectors.

    Attributes
    ----------
    number : int
        Number of the star; see `get_star`.
    temperature : float
        Effective temperature in kelvin, which sets the shape of the spectrum.
    airs_level : float
        Electrons per CDS frame over all rows and the 282 extracted columns.
    fgs1_level : float
        Electrons per CDS frame over the whole detector.
    airs_gain, fgs1_gain : float
        Mean gain of the converters over the star's planets, in ADU per electron.
    """

    number: int
    temperature: float
    airs_level: float
    fgs1_level: float
    airs_gain: float
    fgs1_gain: float


_KNOWN_STARS = (
    Star(0, 5550.0, 9.5e6, 2.3e5, 1.512, 1.034),
    Star(1, 5000.0, 15.8e6, 2.9e5, 0.931, 0.847),
)
_BRIGHTEST_FGS1 = 3.1e5
"""Largest FGS1 level, in electrons per CDS frame, at which FGS1 does not saturate."""
_FAMILY_SEED = 283
"""Seed of the stars from number 2 on."""


def get_star(number: int) -> Star:
    """Return a star by its number: 0 and 1 are those of 2024, the others are drawn at random.

    Examples
    --------
    >>> get_star(1).airs_level
    15800000.0
    >>> get_star(7) == get_star(7)
    True
    """
    if number < len(_KNOWN_STARS):
        return _KNOWN_STARS[number]
    rng = np.random.default_rng([_FAMILY_SEED, number])
    return draw_star(rng, number, float(rng.uniform(3900, 6200)))


def draw_star(rng: np.random.Generator, number: int, temperature: float) -> Star:
    """Draw the brightness of a star of given temperature.

    Parameters
    ----------
    rng : numpy.random.Generator
    number : int
        Number that the star gets.
    temperature : float
        Effective temperature in kelvin. It sets the ratio of the flux in FGS1 to that in AIRS.

    Returns
    -------
    Star
        Its brightness is that of the stars of 2024 within a factor of 1.6 and does not saturate
        FGS1.
    """
    airs_level = float(np.exp(rng.uniform(np.log(6.5e6), np.log(16.5e6))))
    reference = _KNOWN_STARS[1]
    colour = _fgs1_per_airs(temperature) / _fgs1_per_airs(reference.temperature)
    fgs1_level = airs_level * reference.fgs1_level / reference.airs_level * colour
    dimming = min(1.0, _BRIGHTEST_FGS1 / fgs1_level)  # a brighter star would saturate FGS1
    airs_level, fgs1_level = airs_level * dimming, fgs1_level * dimming
    return Star(
        number, temperature, airs_level, fgs1_level, 14.5e6 / airs_level, 2.4e5 / fgs1_level
    )


def _photons(wavelength: np.ndarray | float, temperature: float) -> np.ndarray:
    """Evaluate Planck's law in photons per wavelength, not normalised."""
    exponent = SECOND_RADIATION_CONSTANT / (np.asarray(wavelength) * temperature)
    return np.asarray(wavelength) ** -4.0 / np.expm1(exponent)


def _throughput(wavelength: np.ndarray) -> np.ndarray:
    """Compute the throughput of AIRS-CH0: two band edges with a shallow minimum between them."""
    x = (wavelength - 2.92) / 0.97
    edges = expit((wavelength - 1.95) / 0.03) * expit((3.866 - wavelength) / 0.047)
    return edges * np.exp(-0.11 * x + 0.146 * x**2)


def _column_photons(temperature: float) -> np.ndarray:
    wavelength = column_wavelengths()
    dispersion = np.abs(np.gradient(wavelength))
    return _photons(wavelength, temperature) * _throughput(wavelength) * dispersion


def _fgs1_per_airs(temperature: float) -> float:
    airs = _column_photons(temperature)[AIRS.columns].sum()
    return float(_photons(FGS1_WAVELENGTH, temperature) / airs)


def airs_spectrum(star: Star) -> np.ndarray:
    """Compute the electrons per CDS frame in every detector column, summed over all rows.

    Returns
    -------
    ndarray [shape=(356,), dtype=float64, unit=electron]
        Columns in the detector's order: wavelength descending.

    Examples
    --------
    >>> round(airs_spectrum(get_star(0))[39:321].sum())
    9500000
    """
    photons = _column_photons(star.temperature)
    return photons * star.airs_level / photons[AIRS.columns].sum()


def star_image(star: Star, instrument: Instrument) -> np.ndarray:
    """Compute the star's image in electrons per CDS frame, expanded in its shift.

    Returns
    -------
    ndarray [shape=(6, y, x), dtype=float64, unit=electron]
        Coefficients of 1, dy, dx, dy^2, dy dx, dx^2, with shifts in pixels.
    """
    return star.fgs1_level * _fgs1_expansion() if instrument is FGS1 else _airs_expansion(star)


@lru_cache(maxsize=1)
def _fgs1_expansion() -> np.ndarray:
    expansion = _expand(_fgs1_image, step=0.1)
    return expansion / expansion[0].sum()


def _expand(image: Callable[[float, float], np.ndarray], step: float) -> np.ndarray:
    """Compute Taylor coefficients by central differences of `step` pixels."""
    here = image(0.0, 0.0)
    up, down = image(step, 0.0), image(-step, 0.0)
    right, left = image(0.0, step), image(0.0, -step)
    corners = image(step, step) - image(step, -step) - image(-step, step) + image(-step, -step)
    return np.stack(
        [
            here,
            (up - down) / (2 * step),
            (right - left) / (2 * step),
            (up + down - 2 * here) / (2 * step**2),
            corners / (4 * step**2),
            (right + left - 2 * here) / (2 * step**2),
        ]
    )


def _collect(cumulative: np.ndarray, intra_pixel: float) -> np.ndarray:
    """Compute the detected light of pixels from the cumulative light at subpixel edges, axis 0."""
    u = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS - 0.5
    response = 1 + intra_pixel * np.cos(2 * np.pi * u)
    parts = np.diff(cumulative, axis=0)
    parts = parts.reshape(-1, SUBPIXELS, *parts.shape[1:])
    return np.einsum("ps...,s->p...", parts, response)


def _subpixel_edges(n_pixels: int) -> np.ndarray:
    return np.arange(n_pixels * SUBPIXELS + 1) / SUBPIXELS


def _fgs1_image(dy: float, dx: float) -> np.ndarray:
    smooth = [(share, 0.0, 0.0, width) for share, width in FGS1_GAUSSIANS]
    sharp = [(share, y, x, SPECKLE_WIDTH) for share, y, x in SPECKLES]
    edges = _subpixel_edges(FGS1.height)
    image = np.zeros((FGS1.height, FGS1.width))
    for share, y, x, width in smooth + sharp:
        below = ndtr((edges - 0.5 - FGS1_CENTRE[0] - y - dy) / width)
        left = ndtr((edges - 0.5 - FGS1_CENTRE[1] - x - dx) / width)
        rows, columns = _collect(below, FGS1_INTRA_PIXEL), _collect(left, FGS1_INTRA_PIXEL)
        image += share * np.outer(rows, columns)
    return image


@lru_cache(maxsize=1)
def _row_profile() -> tuple[PchipInterpolator, float]:
    """Compute the cumulative light along the rows at mean width, and its centre."""
    first = AIRS.signal_rows.start
    edges = np.arange(first, first + len(ROW_FRACTIONS) + 1, dtype=np.float64)
    shares = ROW_FRACTIONS / ROW_FRACTIONS.sum()
    centre = float(shares @ (edges[:-1] + 0.5))
    return PchipInterpolator(edges, np.concatenate([[0.0], np.cumsum(shares)])), centre


def _row_cumulative(edges: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Compute the cumulative light below row coordinates [shape=(edge, wavelength)].

    The core of the profile widens with wavelength; the halo does not change.
    """
    core, centre = _row_profile()
    low, high = core.x[[0, -1]]
    width = 0.358 * wavelength - 0.063  # follows the real row fractions from 1.95 to 3.9 micron
    inside = core(np.clip(centre + (edges[:, None] - centre) / width, low, high))
    below = HALO_DECAY ** np.maximum(low - edges, 0)
    above = 1 - HALO_DECAY ** np.maximum(edges - high, 0)
    halo = np.where(edges < low, below, np.where(edges > high, 1 + above, 1.0)) / 2
    return (1 - HALO) * inside + HALO * halo[:, None]


@lru_cache(maxsize=64)
def _airs_expansion(star: Star) -> np.ndarray:
    wavelength = column_wavelengths()
    edges = _subpixel_edges(AIRS.height)
    step = 0.25

    def rows(shift: float) -> np.ndarray:
        return _collect(_row_cumulative(edges - shift, wavelength), AIRS_INTRA_PIXEL)

    total = rows(0.0).sum(axis=0)
    here, up, down = rows(0.0) / total, rows(step) / total, rows(-step) / total
    slope, bend = (up - down) / (2 * step), (up + down - 2 * here) / (2 * step**2)
    spectrum = airs_spectrum(star)
    gradient = np.gradient(spectrum)
    expansion = np.stack(
        [
            spectrum * here,
            spectrum * slope,
            -gradient * here,
            spectrum * bend,
            -gradient * slope,
            np.gradient(gradient) / 2 * here,
        ]
    )
    expansion.flags.writeable = False  # it is shared by all planets of the star
    return expansion


def foreground(instrument: Instrument) -> np.ndarray:
    """Compute the foreground per CDS frame, which is the same in all rows and varies along them.

    Returns
    -------
    ndarray [shape=(y, x), dtype=float64, unit=electron]
    """
    frame = (instrument.height, instrument.width)
    if instrument is FGS1:
        return np.full(frame, FGS1_FOREGROUND)
    tilt = np.linspace(1.2, 0.8, instrument.width)
    return np.broadcast_to(AIRS_FOREGROUND * tilt, frame)
