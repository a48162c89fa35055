"""Spectra of fictitious gases, from which a network cannot learn the shapes of real gases.

Half of them are spectra of known gases on a wavelength axis that is shifted, stretched and possibly
reversed. The other half are the absorption of opacities drawn from Gaussian processes, combined as
an atmosphere combines several absorbers: by the logarithm of the summed opacity.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ariel_kit.core.instruments import N_AIRS

STRETCH = (0.7, 3.0)
"""Range of the factor by which the features of a known gas become narrower."""
LENGTHS = (2.0, 28.0)
"""Range of the width of a drawn feature, in AIRS channels."""
CONTRAST = (1.0, 4.0)
"""Range of the standard deviation of the logarithm of a drawn opacity."""
MOST_GASES = 3
"""Largest number of fictitious gases of a planet."""


def pseudo_spectra(depths: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Replace the spectra of planets by those of fictitious gases, with features of similar size.

    Parameters
    ----------
    depths : ndarray [shape=(planet, 283)]
        Spectra of planets with known gases.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray [shape=(planet, 283), dtype=float64]
        Spectra with the mean depths of `depths`. For most planets FGS1 is near the minimum, as in
        the labels.
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
    """Resample a spectrum with a random shift, stretch and direction, mirrored at its ends."""
    stretch = np.exp(rng.uniform(*np.log(STRETCH)))
    place = (np.arange(N_AIRS) * stretch + rng.uniform(0, 2 * N_AIRS)) % (2 * N_AIRS - 2)
    place = np.minimum(place, 2 * N_AIRS - 2 - place)
    place = place if rng.random() < 0.5 else N_AIRS - 1 - place
    return np.interp(place, np.arange(N_AIRS), spectrum)


def _absorption(rng: np.random.Generator) -> np.ndarray:
    """Compute the height, in scale heights, where random opacities on a grey floor are opaque."""
    opacity = np.ones(N_AIRS)
    for _ in range(rng.integers(1, MOST_GASES + 1)):
        width = np.exp(rng.uniform(*np.log(LENGTHS)))
        course = gaussian_filter1d(rng.standard_normal(3 * N_AIRS), width)[N_AIRS : 2 * N_AIRS]
        course *= np.sqrt(2 * np.sqrt(np.pi) * width)  # unit variance again
        opacity += np.exp(rng.uniform(*CONTRAST) * course + rng.uniform(-3, 3))
    return np.log(opacity)
