"""Results of a fit: a transmission spectrum with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.core.markup import card, sketch
from ariel_kit.core.value import Value
from ariel_kit.core.words import counted

if TYPE_CHECKING:
    import pandas as pd


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
        Closest approach of the centres, in stellar radii. Above 1, half-duration and ingress are
        not defined; those of a path at 0.995 are given.
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
        Number of samples and bins that noise cannot explain and that were left out.
    flags : tuple of str
        Warnings about the fit, for whoever uses the spectrum.
    alpha, beta : float
        Typical amplitudes of the known and of the smooth shapes of the spectrum, in units of the
        prior's; 0 where the fit had no prior on shapes.
    prior : str
        Where the prior on spectra was learned.
    free_drift : float
        Probability that AIRS's drift does not belong to the mission's family of drifts. The prior
        on drift widens with it.
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


@dataclass(frozen=True, repr=False)
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
    """Predictions for one planet, one for each draw of Monte Carlo dropout.

    Attributes
    ----------
    means, variances : ndarray [shape=(draw, 283), dtype=float64]
        Transit depths and the variances of their errors.
    """

    means: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True, repr=False)
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
        model error. `full_covariance` has both.
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
    >>> spectrum
    Spectrum(planet 7: depth 4000 ppm, sigma 30 ppm, without covariance, not fitted)
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

    def __repr__(self) -> str:
        return f"Spectrum(planet {self.planet_id}: {', '.join(self._facts())})"

    def _repr_html_(self) -> str:
        says = "AIRS's transit depth over wavelength, with one sigma"
        airs = (self.wavelength[1:], self.mean[1:], self.sigma[1:])
        title = f"Planet {self.planet_id}: spectrum"
        return card(title, {"": ", ".join(self._facts()), "shows": says}, sketch(*airs, says=says))

    def _facts(self) -> list[str]:
        depth, sigma = 1e6 * self.mean.mean(), 1e6 * np.sqrt(np.mean(self.sigma**2))
        covariance = f"{'without' if self.covariance is None else 'with'} covariance"
        fitted = "not fitted" if self.fit is None else counted(self.fit.visits, "visit")
        flags = () if self.fit is None else self.fit.flags
        return [f"depth {depth:.0f} ppm", f"sigma {sigma:.0f} ppm", covariance, fitted, *flags]

    def to_frame(self) -> pd.DataFrame:
        """Give the spectrum as a DataFrame of pandas.

        Returns
        -------
        pandas.DataFrame
            Columns ``micron, depth, sigma``; index 0 is FGS1, the rest AIRS ascending.
        """
        import pandas as pd

        columns = {"micron": self.wavelength, "depth": self.mean, "sigma": self.sigma}
        return pd.DataFrame(columns)

    @property
    def full_covariance(self) -> np.ndarray:
        """Covariance of the depths as submitted [shape=(283, 283), dtype=float64].

        `sigma` also contains the model error and the factors learned for sigma, which the posterior
        covariance C does not. So C gives the correlations and `sigma` the variances: with ``u =
        sigma / sqrt(diag(C))`` the full covariance is ``u C u'``. Without C it is diagonal.
        """
        if self.covariance is None:
            return np.diag(self.sigma**2)
        scale = self.sigma / np.sqrt(np.diag(self.covariance))
        return np.asarray(scale[:, None] * self.covariance * scale)

    def sample(self, n: int, *, seed: int = 0) -> np.ndarray:
        """Draw spectra from the posterior: Gaussian, with `full_covariance`.

        Parameters
        ----------
        n : int
            How many.
        seed : int

        Returns
        -------
        ndarray [shape=(n, 283), dtype=float64]
            Transit depths.

        Examples
        --------
        >>> from ariel_kit.core.instruments import wavelengths
        >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5))
        >>> draws = spectrum.sample(2000)
        >>> draws.shape, bool(abs(draws.std() / 3e-5 - 1) < 0.01)
        ((2000, 283), True)
        """
        # The symmetric root: a posterior of low rank has no Cholesky factor.
        values, vectors = np.linalg.eigh(self.full_covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        unit = np.random.default_rng(seed).standard_normal((n, N_WAVELENGTHS))
        return np.asarray(self.mean + unit @ root.T)

    def with_step(self, step: str, facts: Mapping[str, Any], **changes: Any) -> Spectrum:
        """Copy with `changes`, and with the step's facts added to the provenance."""
        return replace(self, provenance={**self.provenance, step: dict(facts)}, **changes)


def facts_frame(spectra: Sequence[Spectrum]) -> pd.DataFrame:
    """Give what was concluded of each planet as a DataFrame of pandas, one row per planet.

    Parameters
    ----------
    spectra : sequence of Spectrum

    Returns
    -------
    pandas.DataFrame
        Index ``planet_id``; columns ``depth`` and ``sigma``, the mean depth and the rms sigma over
        the 283 wavelengths, and those of `FitFacts`, missing where a planet was not fitted.

    Examples
    --------
    >>> from ariel_kit.core.instruments import wavelengths
    >>> spectrum = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5))
    >>> round(float(facts_frame([spectrum]).loc[7, "sigma"]), 7)
    3e-05
    """
    import pandas as pd

    rows = [
        {
            "depth": float(spectrum.mean.mean()),
            "sigma": float(np.sqrt(np.mean(spectrum.sigma**2))),
            **({} if spectrum.fit is None else asdict(spectrum.fit)),
        }
        for spectrum in spectra
    ]
    return pd.DataFrame(rows, index=pd.Index([s.planet_id for s in spectra], name="planet_id"))


def facts_card(title: str, spectra: Sequence[Spectrum], facts: Mapping[str, object]) -> str:
    """Format the results of a run as HTML: facts, and the depths of its planets."""
    depth = np.sort([spectrum.mean.mean() for spectrum in spectra])
    says = "mean depth of the planets, the smallest first"
    picture = sketch(np.arange(len(depth)), depth, says=says)
    return card(title, {**facts, "shows": says}, picture)
