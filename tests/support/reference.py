"""Slow twins of the calibration: float64 cubes, one step per function, nothing fused or folded.

They follow the formulas of the challenge step by step and share no code with the kit, so that
agreement between the two means something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.stats import sigma_clip
from scipy.interpolate import CubicSpline

AIRS_COLUMNS = np.arange(320, 38, -1)
"""Detector columns in ascending wavelength."""
SIGNAL_ROWS = np.arange(8, 24)


@dataclass
class Raw:
    """Everything about one detector: frames (time, y, x) and its calibration."""

    frames: np.ndarray
    gain: float
    offset: float
    dark: np.ndarray
    dead: np.ndarray
    flat: np.ndarray
    linear_corr: np.ndarray
    read: np.ndarray
    read_times: tuple[float, float]


def to_electrons(raw: Raw) -> np.ndarray:
    return raw.frames.astype(np.float64) / raw.gain + raw.offset


def linearise(electrons: np.ndarray, linear_corr: np.ndarray) -> np.ndarray:
    true = np.zeros_like(electrons)
    for k in range(len(linear_corr)):
        true += linear_corr[k] * electrons**k
    return true


def subtract_dark(frames: np.ndarray, dark: np.ndarray, times: tuple[float, float]) -> np.ndarray:
    result = frames.copy()
    result[0::2] -= dark * times[0]
    result[1::2] -= dark * times[1]
    return result


def bad_pixels(raw: Raw) -> np.ndarray:
    hot = np.ma.getmaskarray(sigma_clip(raw.dark, sigma=5, maxiters=5))
    wild = np.zeros(raw.dead.shape, bool)
    for level in (1e4, 3e4, 6e4):
        ratio = linearise(np.full(raw.dead.shape, level), raw.linear_corr) / level
        wild |= abs(ratio / np.median(ratio) - 1) > 0.05
    return raw.dead | (raw.flat <= 0) | hot | wild


def cds_cube(raw: Raw) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated CDS frames with NaN at bad pixels, and the bad pixels."""
    bad = bad_pixels(raw)
    with np.errstate(all="ignore"):
        frames = linearise(to_electrons(raw), raw.linear_corr)
        frames = subtract_dark(frames, raw.dark, raw.read_times) / raw.flat
    cds = frames[1::2] - frames[0::2]
    cds[:, bad] = np.nan
    return cds, bad


def fill_levels(image: np.ndarray) -> np.ndarray:
    """Mean image (NaN where bad) with its bad pixels modelled."""
    return np.where(np.isfinite(image), image, model_levels(image))


def model_levels(image: np.ndarray) -> np.ndarray:
    """Model of a mean image (NaN where bad): the row profile of the nine columns around each."""
    height, width = image.shape
    good = np.isfinite(image)
    known = np.nan_to_num(image)
    flux = known.sum(axis=0)
    model = np.zeros_like(image)
    for _ in range(4):
        new_flux = np.zeros(width)
        for x in range(width):
            near = np.abs(np.arange(x - 4, x + 5))  # the image is mirrored at its edges
            near = np.where(near < width, near, 2 * width - 2 - near)
            for y in range(height):
                above = sum(known[y, c] * flux[c] for c in near)
                below = sum(flux[c] ** 2 for c in near if good[y, c])
                model[y, x] = above / below if below else 0.0
            new_flux[x] = (known[:, x] @ model[:, x]) / (model[good[:, x], x] ** 2).sum()
        flux = new_flux
    return model * flux


def foreground(levels: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Column foreground beside wings ``d**-n exp(-k d)``, by trying every n and k."""
    outer = np.r_[0:8, 24:32]
    x = np.linspace(-1, 1, levels.shape[1])
    result = np.median(levels[outer], axis=0)
    for _ in range(3):
        star = levels - result
        flux = star[SIGNAL_ROWS].sum(axis=0)
        centre = (SIGNAL_ROWS * star[SIGNAL_ROWS].sum(axis=1)).sum() / flux.sum()
        distance = np.abs(outer - centre)
        lower = outer < centre
        best = (np.inf, None)
        for power in (0, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4):
            for rate in np.arange(0, 1.01, 0.04):
                if power + rate * distance.min() < 2:
                    continue
                decay = distance**-power * np.exp(-rate * distance)
                design = np.stack([distance**0, decay * lower, decay * ~lower], axis=1)
                design /= np.abs(design).max(axis=0)
                white = levels[outer].mean(axis=1)
                weighted = design * distance[:, None] ** 2
                fit = np.linalg.lstsq(weighted, white * distance**2, rcond=None)[0]
                misfit = np.sum((weighted @ fit - white * distance**2) ** 2)
                if misfit < best[0]:
                    best = (misfit, decay / decay.max())
        # every column its own constant, wings of polynomial strength: one big design
        rows, values, weights = [], [], []
        for c in range(levels.shape[1]):
            for i, row in enumerate(outer):
                if bad[row, c]:
                    continue
                wing = best[1][i] * flux[c] * x[c] ** np.arange(3)
                wings = np.concatenate([wing * lower[i], wing * (not lower[i])])
                rows.append((c, wings))
                values.append(levels[row, c])
                weights.append(distance[i] ** 2)
        design = np.zeros((len(rows), levels.shape[1] + 6))
        for i, (c, wings) in enumerate(rows):
            design[i, c] = 1
            design[i, -6:] = wings
        scale = np.abs(design).max(axis=0)
        weighted = design / scale * np.array(weights)[:, None]
        target = np.array(values) * weights
        fit = np.linalg.solve(weighted.T @ weighted, weighted.T @ target)
        result = (fit / scale)[:-6]
    return result


def infill_row(cds: np.ndarray, bad: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Interpolate each frame along the rows, over the columns that are extracted."""
    filled = cds.copy()
    columns = np.arange(cds.shape[2])
    for y in range(cds.shape[1]):
        for frame in filled[:, y]:
            frame[bad[y]] = np.interp(columns[bad[y]], columns[~bad[y]], frame[~bad[y]])
    return filled


def infill_psf(cds: np.ndarray, bad: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Scale the good pixels within two columns of the same row to the modelled level."""
    filled = cds.copy()
    for y, x in np.argwhere(bad):
        near = [c for c in range(x - 2, x + 3) if 0 <= c < cds.shape[2] and not bad[y, c]]
        if near:
            filled[:, y, x] = cds[:, y, near].sum(axis=1) * levels[y, x] / levels[y, near].sum()
    return filled


def infill_median(cds: np.ndarray, bad: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The pixel (or mean of the two) of median level among three on either side in the row."""
    filled = cds.copy()
    for y, x in np.argwhere(bad):
        near = [c for c in range(x - 3, x + 4) if 0 <= c < cds.shape[2] and not bad[y, c]]
        near.sort(key=lambda c: levels[y, c])
        if near:
            middle = [near[(len(near) - 1) // 2], near[len(near) // 2]]
            filled[:, y, x] = cds[:, y, middle].mean(axis=1)
    return filled


INFILLS = {"row": infill_row, "median": infill_median, "psf": infill_psf}


def optimal_rows(levels: np.ndarray, star: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Row weights by the full covariance of a column's good signal pixels; star NaN where bad."""
    model = np.zeros_like(star)
    model[SIGNAL_ROWS] = model_levels(star)[SIGNAL_ROWS]
    motion = 0.012 * slope(model, axis=0)
    weights = np.zeros_like(star)
    for x in range(star.shape[1]):
        good = [y for y in SIGNAL_ROWS if np.isfinite(star[y, x])]
        covariance = np.diag(2 * read[good, x] ** 2 + np.maximum(levels[good, x], 0))
        covariance += np.outer(motion[good, x], motion[good, x])
        column = np.linalg.solve(covariance, model[good, x])
        weights[good, x] = column * model[:, x].sum() / (column @ model[good, x])
    return weights


def airs(raw: Raw) -> dict[str, dict[str, np.ndarray]]:
    """Light curves, white-light row moments and foreground of AIRS.

    By infill method for the window sums; and ``optimal`` for the optimal ones.
    """
    cds, bad = cds_cube(raw)
    cds, bad = cds[:, :, AIRS_COLUMNS], bad[:, AIRS_COLUMNS]
    levels = fill_levels(cds.mean(axis=0))
    level = foreground(levels, bad)
    y = (SIGNAL_ROWS - 15.5)[:, None]
    star = np.where(bad, np.nan, levels - level)
    weights = optimal_rows(levels, star, raw.read[:, AIRS_COLUMNS])
    windows = {
        method: infill(cds - level, bad, levels)[:, SIGNAL_ROWS]
        for method, infill in INFILLS.items()
    }
    windows["optimal"] = (np.nan_to_num(cds - level) * weights)[:, SIGNAL_ROWS]
    results = {}
    for method, window in windows.items():
        flux = window.sum(axis=1)
        centre = (window * y).sum(axis=(1, 2)) / flux.sum(axis=1)
        width = np.sqrt((window * y**2).sum(axis=(1, 2)) / flux.sum(axis=1) - centre**2)
        moments = np.stack([centre, width], axis=1)
        moments -= moments.mean(axis=0)
        results[method] = {"flux": flux, "moments": moments, "foreground": level}
    return results


def fgs1_core(raw: Raw) -> np.ndarray:
    """FGS1 as the plain sum of the brightest pixels, bad ones from the 5 x 5 around them."""
    cds, bad = cds_cube(raw)
    levels = fill_levels(cds.mean(axis=0))
    border = np.ones(bad.shape, bool)
    border[3:-3, 3:-3] = False
    level = np.median(levels[border & ~bad])
    star = levels - level
    order = np.argsort(-star.ravel())
    noise = np.sqrt(np.cumsum((2 * raw.read**2 + levels).ravel()[order]))
    core = order[: np.argmax(np.cumsum(star.ravel()[order]) / noise) + 1]
    flux = np.zeros(len(cds))
    for pixel in core:
        y, x = divmod(int(pixel), bad.shape[1])
        if not bad[y, x]:
            flux += cds[:, y, x] - level
            continue
        rows, columns = slice(max(y - 2, 0), y + 3), slice(max(x - 2, 0), x + 3)
        good = ~bad[rows, columns]
        near = (cds - level)[:, rows, columns][:, good]
        flux += near.sum(axis=1) * levels[y, x] / levels[rows, columns][good].sum()
    return flux


def slope(image: np.ndarray, axis: int) -> np.ndarray:
    """Derivative of the cubic spline whose slope vanishes at the image's border."""
    grid = np.arange(image.shape[axis])
    return CubicSpline(grid, image, axis=axis, bc_type="clamped")(grid, 1)


def fgs1_psf(raw: Raw) -> tuple[np.ndarray, np.ndarray]:
    """FGS1 flux by the full covariance matrix of a frame, and the pointing by least squares."""
    cds, bad = cds_cube(raw)
    levels = fill_levels(cds.mean(axis=0))
    border = np.ones(bad.shape, bool)
    border[3:-3, 3:-3] = False
    level = np.median(levels[border & ~bad])
    star = levels - level
    read_variance = 2 * raw.read**2
    inside = star > 0.05 * read_variance
    if inside.sum() > 200:
        inside &= star >= np.sort(star.ravel())[-200]
    used = inside & ~bad
    variance = (read_variance + np.maximum(levels, 0))[used]
    n = len(cds) // 2
    steps = (cds[1 : 2 * n : 2] - cds[0 : 2 * n : 2])[:, used] / np.sqrt(2 * variance)
    values, vectors = np.linalg.eigh(steps.T @ steps / n)
    covariance = np.diag(variance)
    for value, vector in zip(values, vectors.T, strict=True):
        if value > 1.2 * (1 + np.sqrt(inside.sum() / n)) ** 2:
            mode = vector * np.sqrt(variance)
            covariance += (value - 1) * np.outer(mode, mode)
    for axis in (0, 1):
        mode = 0.1 * slope(star, axis)[used]
        covariance += np.outer(mode, mode)
    weights = np.linalg.solve(covariance, star[used])
    weights *= star[inside].sum() / (weights @ star[used])
    data = cds[:, used] - level
    flux = data @ weights
    design = [star[used]]
    for axis, grid in enumerate(np.indices(star.shape)):
        pattern = slope(star, axis)
        pattern *= star[inside].sum() / (grid[inside] * pattern[inside]).sum()
        design.append(pattern[used])
    design = np.stack(design, axis=1) / np.sqrt(variance)[:, None]
    fit = np.linalg.lstsq(design, (data / np.sqrt(variance)).T, rcond=None)[0]
    motion = (fit[1:] / (flux / flux.mean())).T
    return flux, motion - motion.mean(axis=0)
