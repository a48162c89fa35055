"""The loops over raw samples. A pixel is a contiguous series of 32-bit pairs, so pixels come first.

The constants of a pixel are c[0..4], the linearity polynomial in raw units without its constant
term (which a CDS cancels) with gain, offset and flat folded in, and c[5], the dark charge.

No fast-math flag: every operation is rounded as written, so the bits do not depend on how a kernel
was compiled, cached or vectorised. Sums therefore run over arrays, never into one scalar.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

TILE = 1024


@njit(cache=True)
def calibrate_tile(pairs: np.ndarray, constants: tuple[float, ...], cds: np.ndarray) -> None:
    """Electrons of each CDS frame of one pixel; axes (time,)."""
    c0, c1, c2, c3, c4, dark = constants
    for t in range(len(cds)):
        pair = pairs[t]
        even = np.float32(pair & np.uint32(0xFFFF))
        odd = np.float32(pair >> np.uint32(16))
        low = even * (c0 + even * (c1 + even * (c2 + even * (c3 + even * c4))))
        high = odd * (c0 + odd * (c1 + odd * (c2 + odd * (c3 + odd * c4))))
        cds[t] = high - low - dark


@njit(cache=True)
def add_up(values: np.ndarray) -> float:
    """Sum in float64, one after the other."""
    total = 0.0
    for value in values:
        total += value
    return total


@njit(cache=True, parallel=True)
def mean_levels(
    memory: np.ndarray,
    offsets: np.ndarray,
    n_pairs: int,
    constants: np.ndarray,
    levels: np.ndarray,
) -> None:
    """Mean CDS level; axes memory (word,), offsets and levels (pixel,), constants (pixel, 6)."""
    for pixel in prange(len(offsets)):
        cds = np.empty(TILE, np.float32)
        total = np.zeros(TILE, np.float32)
        start = offsets[pixel]
        c = constants[pixel]
        values = (c[0], c[1], c[2], c[3], c[4], c[5])
        for first in range(0, n_pairs, TILE):
            n = min(TILE, n_pairs - first)
            tile = cds[:n]
            calibrate_tile(memory[start + first : start + first + n], values, tile)
            for t in range(n):
                total[t] += tile[t]
        levels[pixel] = add_up(total) / n_pairs


@njit(cache=True, parallel=True)
def weighted_sums(
    memory: np.ndarray,
    offsets: np.ndarray,
    constants: np.ndarray,
    starts: np.ndarray,
    pixels: np.ndarray,
    weights: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Sum weighted pixels; axes starts (output + 1,), pixels (entry,), weights (entry, mode).

    `sums` (output, mode, time) must come in as zeros. Entries ``starts[j]:starts[j + 1]`` belong
    to output j. A task owns one output and one stretch of time.
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
