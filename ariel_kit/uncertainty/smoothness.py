"""Smoothing of spectra by a Gaussian-process prior over wavelength, in closed form.

The prior of the joint fit contains such a process already, so that a second one counts the same
information twice. On fitted spectra it never raised a score (measured by
``pytest -m benchmark -s tests/benchmarks/test_refinement.py``). The uncertainty stage applies it
where ``uncertainty.smooth_amplitude`` is above 0, which is not the default.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.spectrum import Spectrum

LEVEL_SIGMA = 0.01
"""Prior sigma of the level of a spectrum, far larger than that of any light curve."""


def smooth(spectrum: Spectrum, *, length: float, amplitude: float) -> Spectrum:
    """Compute the posterior of a spectrum under a prior that is smooth over AIRS.

    The spectrum is a Gaussian measurement with its covariance or, if it has none, independent
    errors. The prior is a Gaussian process with the Matern kernel of order 3/2 (Rasmussen &
    Williams 2006, eq. 2.25 and 4.17), which is as smooth as the edges of molecular bands. FGS1 has
    only the level in common with AIRS. Sigma is multiplied by the same factor as the root of the
    covariance's diagonal, so that additional errors in sigma, such as model errors, are kept.

    Parameters
    ----------
    spectrum : Spectrum
    length : float
        Correlation length in AIRS channels.
    amplitude : float
        Standard deviation of the process, in transit depth.

    Returns
    -------
    Spectrum
        Smoothed spectrum; it has a covariance if `spectrum` has one.
    """
    covariance = spectrum.covariance
    noise = np.diag(spectrum.sigma**2) if covariance is None else covariance
    prior = amplitude**2 * _kernel(length) + LEVEL_SIGMA**2
    gain = np.linalg.solve(prior + noise, noise).T  # noise (prior + noise)^-1
    smoothed = noise - gain @ noise
    centre = spectrum.mean.mean()
    shrunk = np.sqrt(np.clip(np.diag(smoothed), 0.0, None) / np.diag(noise))
    facts = {"status": "complete", "length": length, "amplitude": amplitude}
    return replace(
        spectrum,
        mean=spectrum.mean - gain @ (spectrum.mean - centre),
        sigma=spectrum.sigma * shrunk,
        covariance=None if covariance is None else (smoothed + smoothed.T) / 2,
        provenance={**spectrum.provenance, "smoothness": facts},
    )


def _kernel(length: float) -> np.ndarray:
    channel = np.arange(N_WAVELENGTHS - 1)
    kernel = np.eye(N_WAVELENGTHS)
    apart = np.sqrt(3) * np.abs(channel[:, None] - channel[None, :]) / length
    kernel[1:, 1:] = (1 + apart) * np.exp(-apart)
    return kernel
