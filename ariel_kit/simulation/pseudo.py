"""Draw spectra of invented gases, so that what is learned from them does not depend on real ones.

Half are spectra of known gases on a wavelength axis that was shifted, stretched and perhaps
turned round; half are absorption by opacities drawn from Gaussian processes, with the smooth
maximum that an atmosphere makes of several absorbers.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ariel_kit.core.instruments import N_AIRS

STRETCH = (0.7, 3.0)
"""Range of the factor by which features of known gases become narrower."""
LENGTHS = (2.0, 28.0)
"""Width of a drawn feature, in AIRS channels."""
CONTRAST = (1.0, 4.0)
"""Standard deviation of the logarithm of a drawn opacity."""
MOST_GASES = 3


def pseudo_spectra(depths: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Replace the gases of planets by invented ones, with features of about the same size.

    Parameters
    ----------
    depths : ndarray [shape=(planet, 283)]
        Of planets with known gases.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray [shape=(planet, 283), dtype=float64]
        With the levels of `depths`; FGS1 is near the minimum for most, as in the labels.
    """
    level = depths.mean(axis=1)
    out = np.empty_like(depths)
    for i, spectrum in enumerate(depths[:, 1:] - level[:, None]):
        size = spectrum.std() * np.exp(0.5 * rng.standard_normal())
        shape = _warped(spectrum, rng) if rng.random() < 0.5 else _absorption(rng)
        shape = (shape - shape.mean()) * size / max(shape.std(), 1e-9)
        above = 0.3 * -abs(rng.standard_normal()) if rng.random() < 0.8 else 2 * rng.random()
        out[i] = level[i] + np.concatenate([[shape.min() + above * size], shape])
    return np.maximum(out, 0.1 * level[:, None])


def _warped(spectrum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take another piece of the same curve, with mirrored ends so that it is continuous."""
    stretch = np.exp(rng.uniform(*np.log(STRETCH)))
    place = (np.arange(N_AIRS) * stretch + rng.uniform(0, 2 * N_AIRS)) % (2 * N_AIRS - 2)
    place = np.minimum(place, 2 * N_AIRS - 2 - place)
    place = place if rng.random() < 0.5 else N_AIRS - 1 - place
    return np.interp(place, np.arange(N_AIRS), spectrum)


def _absorption(rng: np.random.Generator) -> np.ndarray:
    """Compute the height at which drawn opacities over a grey floor turn opaque, scale heights."""
    opacity = np.ones(N_AIRS)
    for _ in range(rng.integers(1, MOST_GASES + 1)):
        width = np.exp(rng.uniform(*np.log(LENGTHS)))
        course = gaussian_filter1d(rng.standard_normal(3 * N_AIRS), width)[N_AIRS : 2 * N_AIRS]
        course *= np.sqrt(2 * np.sqrt(np.pi) * width)  # unit variance again
        opacity += np.exp(rng.uniform(*CONTRAST) * course + rng.uniform(-3, 3))
    return np.log(opacity)
