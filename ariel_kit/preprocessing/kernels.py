"""Numba kernels that loop over raw samples.

In memory a pixel is a contiguous series of 32-bit pairs. The low half of a pair is the even read of
a ramp and the high half is the odd read after it, both in raw units (ADU). A pixel has six
constants, see `detector.pixel_constants`: ``c0 .. c4`` are the coefficients of
``adu, adu^2 .. adu^5`` in the linearity polynomial, which include gain, offset and flat but not the
constant term, since correlated double sampling (CDS) cancels it; ``dark`` is the charge that the
dark current adds between the two reads, divided by the flat, in electrons. A CDS frame is then

    cds = p(odd) - p(even) - dark,    p(adu) = c0 adu + c1 adu^2 + ... + c4 adu^5.

Sums run over arrays of time and not into one scalar, so that no compiler may reorder them.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from ariel_kit.core.accelerate import kernel, parallel_kernel

TILE = 1024
"""Number of CDS frames that are processed at a time, so that they stay in the processor's cache."""

CEILING = np.uint32(0xFFFF0000)
"""Largest number of the converter, at which a read is saturated, in the upper half of a word."""


@kernel
def calibrate_tile(pairs: np.ndarray, constants: tuple[float, ...], cds: np.ndarray) -> None:
    """Calibrate the raw pairs of one pixel into CDS frames.

    Parameters
    ----------
    pairs : ndarray [shape=(time,), dtype=uint32, unit=adu]
        Raw pairs of reads.
    constants : tuple of 6 float32
        ``c0 .. c4`` and ``dark`` of the pixel.
    cds : ndarray [shape=(time,), dtype=float32, unit=electron]
        Output, which is overwritten.
    """
    c0, c1, c2, c3, c4, dark = constants
    for t in range(len(cds)):
        pair = pairs[t]
        even = np.float32(pair & np.uint32(0xFFFF))
        odd = np.float32(pair >> np.uint32(16))
        low = even * (c0 + even * (c1 + even * (c2 + even * (c3 + even * c4))))
        high = odd * (c0 + odd * (c1 + odd * (c2 + odd * (c3 + odd * c4))))
        cds[t] = high - low - dark


@kernel
def add_up(values: np.ndarray) -> float:
    """Sum in float64, one value after the other.

    Parameters
    ----------
    values : ndarray [shape=(n,), dtype=float32]
        Values to sum.

    Returns
    -------
    float
    """
    total = 0.0
    for value in values:
        total += value
    return total


@kernel
def brightest_read(pairs: np.ndarray) -> np.uint32:
    """Find the largest read, in the upper half of a word; the lower half has no meaning.

    Parameters
    ----------
    pairs : ndarray [shape=(time,), dtype=uint32, unit=adu]
        Raw pairs of reads.

    Returns
    -------
    uint32
    """
    odd, even = np.uint32(0), np.uint32(0)
    for t in range(len(pairs)):
        odd = max(odd, pairs[t])
        even = max(even, np.uint32(pairs[t] << np.uint32(16)))
    return max(odd, even)


@kernel
def count_full(pairs: np.ndarray) -> int:
    """Count the pairs in which at least one read is at the converter's ceiling.

    Parameters
    ----------
    pairs : ndarray [shape=(time,), dtype=uint32, unit=adu]
        Raw pairs of reads.

    Returns
    -------
    int
    """
    full = 0
    for pair in pairs:
        full += (pair >= CEILING) | (np.uint32(pair << np.uint32(16)) >= CEILING)
    return full


@parallel_kernel
def mean_levels(
    memory: np.ndarray,
    offsets: np.ndarray,
    n_pairs: int,
    constants: np.ndarray,
    levels: np.ndarray,
    full: np.ndarray,
) -> None:
    """Average the CDS frames of each pixel, and count its saturated pairs. A task is one pixel.

    Parameters
    ----------
    memory : ndarray [shape=(word,), dtype=uint32, unit=adu]
        Raw pairs of all pixels, see `Frames`.
    offsets : ndarray [shape=(pixel,), dtype=int64]
        Word at which each pixel's pairs begin.
    n_pairs : int
        Pairs of each pixel.
    constants : ndarray [shape=(pixel, 6), dtype=float32]
        ``c0 .. c4`` and ``dark`` of each pixel.
    levels : ndarray [shape=(pixel,), dtype=float64, unit=electron]
        Output: mean CDS levels, overwritten.
    full : ndarray [shape=(pixel,), dtype=int64]
        Output: number of pairs at the converter's ceiling, overwritten.
    """
    for pixel in prange(len(offsets)):
        cds = np.empty(TILE, np.float32)
        total = np.zeros(TILE, np.float32)
        start = offsets[pixel]
        c = constants[pixel]
        values = (c[0], c[1], c[2], c[3], c[4], c[5])
        full[pixel] = 0
        for first in range(0, n_pairs, TILE):
            n = min(TILE, n_pairs - first)
            tile, pairs = cds[:n], memory[start + first : start + first + n]
            calibrate_tile(pairs, values, tile)
            if brightest_read(pairs) >= CEILING:  # rare: a few pixels of few planets
                full[pixel] += count_full(pairs)
            for t in range(n):
                total[t] += tile[t]
        levels[pixel] = add_up(total) / n_pairs


@parallel_kernel
def weighted_sums(
    memory: np.ndarray,
    offsets: np.ndarray,
    constants: np.ndarray,
    starts: np.ndarray,
    pixels: np.ndarray,
    weights: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Compute light curves as weighted sums of the CDS frames of pixels.

    A task is one output, for example a wavelength, in one tile of time.

    Parameters
    ----------
    memory : ndarray [shape=(word,), dtype=uint32, unit=adu]
        Raw pairs of all pixels, see `Frames`.
    offsets : ndarray [shape=(pixel,), dtype=int64]
        Word at which each pixel's pairs begin.
    constants : ndarray [shape=(pixel, 6), dtype=float32]
        ``c0 .. c4`` and ``dark`` of each pixel.
    starts : ndarray [shape=(output + 1,), dtype=int64]
        Entries ``starts[j]:starts[j + 1]`` of `pixels` and `weights` belong to output j.
    pixels : ndarray [shape=(entry,), dtype=int64]
        Index of a pixel in `offsets` and `constants`.
    weights : ndarray [shape=(entry, mode), dtype=float32]
        Weight of that pixel in each mode of its output. The unit of a sum is electron times the
        unit of its weights.
    sums : ndarray [shape=(output, mode, time), dtype=float32]
        Output: the light curves, which are added to and must be zero at first.
    """
    n_outputs, n_modes, n_pairs = sums.shape
    n_tiles = (n_pairs + TILE - 1) // TILE
    for task in prange(n_outputs * n_tiles):
        cds = np.empty(TILE, np.float32)
        output = task // n_tiles
        first = (task % n_tiles) * TILE
        n = min(TILE, n_pairs - first)
        tile = cds[:n]
        for entry in range(starts[output], starts[output + 1]):
            start = offsets[pixels[entry]] + first
            c = constants[pixels[entry]]
            values = (c[0], c[1], c[2], c[3], c[4], c[5])
            calibrate_tile(memory[start : start + n], values, tile)
            for mode in range(n_modes):
                weight = weights[entry, mode]
                target = sums[output, mode, first : first + n]
                for t in range(n):
                    target[t] += weight * tile[t]
