"""The error that no posterior knows of: what the model itself leaves out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize


@dataclass(frozen=True)
class ModelError:
    """``sigma**2 = (scale * posterior sigma)**2 + floor**2``.

    Attributes
    ----------
    scale : float
    floor : float
        Transit depth.
    """

    scale: float
    floor: float

    def sigma(self, covariance: np.ndarray) -> np.ndarray:
        """Give one sigma of every depth.

        Parameters
        ----------
        covariance : ndarray [shape=(planet, 283, 283)]

        Returns
        -------
        ndarray [shape=(planet, 283)]
        """
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        return np.sqrt(self.scale**2 * variance + self.floor**2)

    @classmethod
    def calibrate(cls, mean: np.ndarray, covariance: np.ndarray, truth: np.ndarray) -> ModelError:
        """Find the scale and floor of highest likelihood on planets that no prior was learned from.

        Parameters
        ----------
        mean, truth : ndarray [shape=(planet, 283)]
        covariance : ndarray [shape=(planet, 283, 283)]

        Returns
        -------
        ModelError
        """

        def loss(logarithms: np.ndarray) -> float:
            scale, floor = np.exp(logarithms)
            sigma = cls(float(scale), float(floor) * 1e-6).sigma(covariance)
            return float(np.mean(0.5 * ((truth - mean) / sigma) ** 2 + np.log(sigma)))

        best = minimize(loss, np.log([1.0, 3.0]), method="Nelder-Mead")
        scale, floor = np.exp(best.x)
        return cls(float(scale), float(floor) * 1e-6)


MODEL_ERROR = ModelError(scale=1.05, floor=5e-6)
"""Between what `ModelError.calibrate` gives on simulated planets with a prior from 200 others:
1.15 and 12 ppm on 40 at full raw cadence, 1.03 and nothing on 64 of the fast path
(``pytest -m benchmark -s tests/benchmarks/test_model_error_size.py``). The error of the white
depth, one number per planet, is most of it, and 40 planets do not settle its size."""
