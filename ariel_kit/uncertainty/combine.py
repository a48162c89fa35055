"""Combination of two spectra of one planet that come from the same light curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.core.errors import ShapeError
from ariel_kit.core.spectrum import Spectrum


def blend(first: Spectrum, second: Spectrum) -> Spectrum:
    """Average two spectra of one planet, weighted by their precisions at each wavelength.

    Both spectra come from the same light curves, so their errors are not independent and their
    precisions must not be added. The result is the mixture of the two, with probabilities
    proportional to the precisions. Its variance is at least the smaller of the two, and grows where
    the two spectra disagree.

    Parameters
    ----------
    first, second : Spectrum
        Covariances are combined if both spectra have one.

    Returns
    -------
    Spectrum
        Its provenance is that of both and, under ``"blend"``, the mean weight of `second`.

    Raises
    ------
    ShapeError
        If the spectra are of different planets.

    Examples
    --------
    For equal precisions the result is the mean, and its variance includes the disagreement.

    >>> from ariel_kit.core.instruments import wavelengths
    >>> flat = np.full(283, 1e-3)
    >>> a, b = (Spectrum(1, wavelengths(), flat + x, flat / 100) for x in (0, 2e-5))
    >>> both = blend(a, b)
    >>> (1e6 * both.mean[0]).round(1), (1e6 * both.sigma[0]).round(2)
    (np.float64(1010.0), np.float64(14.14))
    """
    if first.planet_id != second.planet_id:
        raise ShapeError(
            "only spectra of one planet can be blended; got planets "
            f"{first.planet_id} and {second.planet_id}."
        )
    share = first.sigma**2 / (first.sigma**2 + second.sigma**2)
    shares = np.stack([1 - share, share])
    apart = second.mean - first.mean
    within = shares[0] * first.sigma**2 + shares[1] * second.sigma**2
    covariance = None
    if first.covariance is not None and second.covariance is not None:
        # Each covariance is scaled by the roots of its weights on both sides.
        parts = zip(np.sqrt(shares), (first.covariance, second.covariance), strict=True)
        spread = np.sqrt(shares[0] * shares[1]) * apart
        covariance = sum(root[:, None] * c * root for root, c in parts) + np.outer(spread, spread)
    return replace(
        first,
        mean=first.mean + share * apart,
        sigma=np.sqrt(within + shares[0] * shares[1] * apart**2),
        covariance=covariance,
        provenance={
            **first.provenance,
            **second.provenance,
            "blend": {"status": "complete", "weight": float(share.mean())},
        },
    )
