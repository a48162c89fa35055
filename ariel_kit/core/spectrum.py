"""What is concluded: a transmission spectrum with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.value import Value


@dataclass(frozen=True)
class Spectrum(Value):
    """A transmission spectrum with its uncertainty.

    Attributes
    ----------
    planet_id : int
    wavelength : ndarray [shape=(283,), dtype=float64, unit=micron]
        Index 0 is FGS1, the rest AIRS ascending.
    mean : ndarray [shape=(283,), dtype=float64]
        Transit depth, (Rp/Rs)^2.
    sigma : ndarray [shape=(283,), dtype=float64]
        One standard deviation.
    covariance : ndarray [shape=(283, 283), dtype=float64], optional
        Posterior covariance; its diagonal need not equal ``sigma**2``, which also holds the
        model error.
    provenance : dict
        What each stage did. JSON.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5))
    >>> round(float(spectrum.mean[0] / spectrum.sigma[0]))
    133
    """

    planet_id: int
    wavelength: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    covariance: np.ndarray | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._freeze()
        for name in ("wavelength", "mean", "sigma"):
            check_shape(name, getattr(self, name).shape, {"wavelength": N_WAVELENGTHS})
        if self.covariance is not None:
            expected = {"wavelength": N_WAVELENGTHS, "wavelength'": N_WAVELENGTHS}
            check_shape("covariance", self.covariance.shape, expected)
