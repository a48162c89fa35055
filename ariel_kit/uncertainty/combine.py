"""Blend two spectra of one planet that come from the same light curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariel_kit.core.errors import ShapeError
from ariel_kit.core.spectrum import Spectrum


def blend(first: Spectrum, second: Spectrum) -> Spectrum:
    """Weigh two spectra of one planet by their predicted precisions, wavelength by wavelength.

    Both come from the same light curves, so their errors are not independent and precisions must
    not be added. The blend is the mixture in which one of the two is right, with odds in proportion
    to the precisions. Its variance is never below the smaller one, and grows where the two
    disagree.

    Parameters
    ----------
    first, second : Spectrum
        Covariances are blended where both have one.

    Returns
    -------
    Spectrum
        The blend, with both provenances and, under ``"blend"``, the mean weight of `second`.

    Raises
    ------
    ShapeError
        If they are not of the same planet.

    Examples
    --------
    Equal precisions meet halfway; the variance is theirs and the disagreement's.

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
        # The square roots of the shares stand on both sides, so that the diagonal has the shares.
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
