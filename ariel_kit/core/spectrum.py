"""What is concluded: a transmission spectrum with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.value import Value


@dataclass(frozen=True)
class FitFacts:
    """What the fit of a visit concluded beside the depths.

    Attributes
    ----------
    mid_time : float
        Hours since the visit began.
    half_duration : float
        Hours from mid-ingress to mid-transit.
    ingress_ratio : float
        Length of the ingress over that of a central transit.
    impact : float
        Closest approach of the centres, in stellar radii. Above 1 half-duration and ingress are
        not defined, and are those of a path at 0.995.
    limb_darkening, fgs1_limb_darkening : tuple of float
        The star's four coefficients of Claret (2000) in AIRS's white light and in FGS1.
    white_depth, white_sigma : float
        Transit depth of AIRS's white light, and its one sigma.
    white_residual : float
        Rms of the white-light residual in units of the noise.
    fgs1_residual : float
        The same of FGS1.
    noisy_wavelengths : int
        AIRS wavelengths whose residual is larger than their noise explains; their sigma is wider.
    visits : int
        How many visits of the planet ended in this posterior.
    clipped : int
        Samples and bins that no noise explains and that were left out.
    flags : tuple of str
        What should make a reader careful.
    alpha, beta : float
        Typical amplitudes of the known and of the smooth shapes of the spectrum, in units of the
        prior's; 0 where the fit had no prior on shapes.
    prior : str
        Where the prior on spectra was learned.
    free_drift : float
        Probability that AIRS's drift is not of the mission's family; its prior is then wider.
    """

    mid_time: float
    half_duration: float
    ingress_ratio: float
    impact: float
    limb_darkening: tuple[float, ...]
    fgs1_limb_darkening: tuple[float, ...]
    white_depth: float
    white_sigma: float
    white_residual: float
    fgs1_residual: float = 1.0
    noisy_wavelengths: int = 0
    visits: int = 1
    clipped: int = 0
    flags: tuple[str, ...] = ()
    alpha: float = 0.0
    beta: float = 0.0
    prior: str = ""
    free_drift: float = 0.0


@dataclass(frozen=True)
class WhiteLightCurve(Value):
    """The white light of AIRS in one visit, and the fit that the run itself made of it.

    Attributes
    ----------
    time, span : ndarray [shape=(time,), dtype=float64, unit=hour]
        Middle and length of each bin.
    flux, noise : ndarray [shape=(time,), dtype=float64, unit=electron]
        Light summed over wavelength, and its one sigma.
    drift : ndarray [shape=(time,), dtype=float64]
        Relative response of the instrument, 1 on average over the polynomials.
    model : ndarray [shape=(time,), dtype=float64, unit=electron]
        Star times drift times transit.
    """

    time: np.ndarray
    span: np.ndarray
    flux: np.ndarray
    noise: np.ndarray
    drift: np.ndarray
    model: np.ndarray

    def __post_init__(self) -> None:
        self._freeze()
        (n,) = self.time.shape
        for name in ("span", "flux", "noise", "drift", "model"):
            check_shape(name, getattr(self, name).shape, {"time": n})

    @property
    def residual(self) -> np.ndarray:
        """Data minus model in units of the noise [shape=(time,), dtype=float64]."""
        return np.asarray((self.flux - self.model) / self.noise)


@dataclass(frozen=True)
class Draws:
    """What each thinned copy of a network says of one planet.

    Attributes
    ----------
    means, variances : ndarray [shape=(draw, 283), dtype=float64]
        Transit depths and the variances of their errors.
    """

    means: np.ndarray
    variances: np.ndarray


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
    fit : FitFacts, optional
        What the fit concluded beside the depths; None for a planet that could not be measured
        and has the population's spectrum.
    white_light : tuple of WhiteLightCurve
        The run's own white-light fit, one for each visit.
    provenance : dict
        What each stage did. JSON.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5))
    >>> round(float(spectrum.mean[0] / spectrum.sigma[0]))
    133
    """

    _records: ClassVar = {"fit": FitFacts}
    _parts: ClassVar = {"white_light": WhiteLightCurve}

    planet_id: int
    wavelength: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray
    covariance: np.ndarray | None = None
    fit: FitFacts | None = None
    white_light: tuple[WhiteLightCurve, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._freeze()
        for name in ("wavelength", "mean", "sigma"):
            check_shape(name, getattr(self, name).shape, {"wavelength": N_WAVELENGTHS})
        if self.covariance is not None:
            expected = {"wavelength": N_WAVELENGTHS, "wavelength'": N_WAVELENGTHS}
            check_shape("covariance", self.covariance.shape, expected)

    def with_step(self, step: str, facts: Mapping[str, Any], **changes: Any) -> Spectrum:
        """Copy with `changes`, and with the step's facts added to the provenance."""
        return replace(self, provenance={**self.provenance, step: dict(facts)}, **changes)
