"""Temperature scaling: factors that match predicted sigmas to the actual errors.

One factor applies to all planets. Each regime of signal-to-noise and of spectral amplitude has its
own factor, which is shrunk towards the common one, more strongly for fewer planets. A floor is
added in quadrature for errors that the posterior does not contain. All are fitted by maximum
likelihood on planets that nothing else has learned from (Guo et al. 2017, arXiv 1706.04599). Errors
of spectra have long tails, and the most likely Gaussian is then too wide for the other errors. A
factor is therefore limited to a range in which the one-sigma coverage is about right.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import ShapeError, WeightsError, shortened
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.models.card import FIRST_EDITION, find_objection
from ariel_kit.models.weights import TEMPERATURE_FOLDER, find_own

SHIPPED = Path(__file__).parents[1] / "weights"
"""Folder of weights in the package."""
STRENGTH = 96.0
"""Weight of the common factor in the factor of a regime, as a number of planets. It is large
because the error of the level is one number per planet."""
COVERAGE = (0.66, 0.70)
"""Allowed one-sigma coverage with the common factor; that of a Gaussian is 0.683."""
REGIME_COVERAGE = (0.60, 0.76)
"""Allowed one-sigma coverage with the factor of a regime."""
LARGEST_FACTOR = 1e3
"""Largest factor that a file may contain."""
LEAST_FLOOR = 1e-7
"""Least floor, in transit depth."""


@dataclass(frozen=True)
class Temperature:
    """Model of sigma: ``sigma**2 = (factor of the planet's regime * sigma)**2 + floor**2``.

    Attributes
    ----------
    factor : float
        Common factor, towards which the factors of the regimes are shrunk.
    floor : float
        Standard deviation that is added in quadrature, in transit depth.
    signal_edges, amplitude_edges : tuple of float
        Limits between regimes of signal-to-noise (level over typical sigma) and of spectral
        amplitude (rms of the spectrum about its level, over typical sigma).
    factors : tuple of tuple of float
        One row for each regime of signal-to-noise, one column for each of amplitude.
    planets : int
        Number of planets that it was fitted to.
    editions : tuple of int
        Years of the challenge that it is valid for.
    revisions : dict
        Revisions of the code that computed their spectra, from `ariel_kit.core.revisions`.
    """

    factor: float = 1.0
    floor: float = 0.0
    signal_edges: tuple[float, ...] = ()
    amplitude_edges: tuple[float, ...] = ()
    factors: tuple[tuple[float, ...], ...] = ((1.0,),)
    planets: int = 0
    editions: tuple[int, ...] = (FIRST_EDITION,)
    revisions: dict[str, int] = field(default_factory=dict)

    def objection(self, edition: int) -> str | None:
        """Describe why it must not be used on data of an edition; None if it may."""
        return find_objection(
            "the temperature of sigma",
            editions=self.editions,
            revisions=self.revisions,
            edition=edition,
        )

    def apply(self, spectrum: Spectrum) -> Spectrum:
        """Scale the sigmas of a spectrum; its covariance is not changed.

        Examples
        --------
        >>> from ariel_kit.core.instruments import wavelengths
        >>> flat = np.full(283, 1e-3)
        >>> warm = Temperature(factor=1.5, factors=((1.5,),)).apply(
        ...     Spectrum(1, wavelengths(), flat, flat / 100)
        ... )
        >>> float(warm.sigma[0].round(7)), warm.provenance["uncertainty"]["factor"]
        (1.5e-05, 1.5)
        """
        row, column = self.regimes(spectrum.mean[None], spectrum.sigma[None])
        factor = self.factors[row[0]][column[0]]
        facts = {"status": "complete", "factor": factor, "floor": self.floor}
        return replace(
            spectrum,
            sigma=np.hypot(factor * spectrum.sigma, self.floor),
            provenance={**spectrum.provenance, "uncertainty": facts},
        )

    def regimes(self, mean: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find row and column of each planet's factor [shape=(planet,), dtype=int each].

        Parameters
        ----------
        mean, sigma : ndarray [shape=(planet, 283)]
            Depths and their sigmas before scaling.
        """
        signal, amplitude = _signal_and_amplitude(mean, sigma)
        return np.digitize(signal, self.signal_edges), np.digitize(amplitude, self.amplitude_edges)

    def save(self, path: str | Path) -> None:
        """Write to a JSON file."""
        with atomic_path(Path(path)) as unfinished:
            unfinished.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Temperature:
        """Read a file that `save` wrote.

        Raises
        ------
        WeightsError
            If the file is missing or damaged.
        """
        try:
            values: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
            for name in ("signal_edges", "amplitude_edges", "editions"):
                values[name] = tuple(values[name])
            values["factors"] = tuple(tuple(row) for row in values["factors"])
            temperature = cls(**values)
            fault = temperature._fault()
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise WeightsError(
                f"{path} is no readable temperature ({shortened(str(error))}): copy it or fit "
                "it again."
            ) from error
        if fault is not None:
            raise WeightsError(f"{path} is no usable temperature: {fault}; copy or fit it again.")
        return temperature

    def _fault(self) -> str | None:
        """Describe numbers that would make sigma negative, infinite or undefined; None if none."""
        factors = np.array(self.factors, dtype=np.float64)
        edges = [np.array(e, dtype=np.float64) for e in (self.signal_edges, self.amplitude_edges)]
        if factors.shape != (len(edges[0]) + 1, len(edges[1]) + 1):
            return "one factor is needed for each regime"
        if not all(np.isfinite(e).all() and (np.diff(e) >= 0).all() for e in edges):
            return "edges of regimes must be finite and ascending"
        scales = np.append(factors, self.factor)
        if not ((scales > 0) & (scales <= LARGEST_FACTOR)).all():
            return f"factors must lie between 0 and {LARGEST_FACTOR:g}"
        if not 0 <= self.floor < 1:
            return "the floor must be a depth from 0 to 1"
        return None


def find_temperature(*, refined: bool, models_dir: str | Path | None = None) -> Path:
    """Find the temperature file of a pipeline: in `models_dir` if it has one, else in the package.

    Parameters
    ----------
    refined : bool
        Whether the pipeline uses the refining network, which has its own temperature.
    models_dir : path, optional
        Folder with one folder of weights per network.

    Returns
    -------
    Path

    Examples
    --------
    >>> find_temperature(refined=False).name
    'fit.json'
    """
    name = f"{TEMPERATURE_FOLDER}/{'refined' if refined else 'fit'}.json"
    own = None if models_dir is None else find_own(name, models_dir)
    return SHIPPED / name if own is None else own


def fit_temperature(
    spectra: Sequence[Spectrum], truth: np.ndarray, *, regimes: int = 3
) -> Temperature:
    """Fit temperatures by maximum likelihood, with regimes shrunk towards the common factor.

    Parameters
    ----------
    spectra : sequence of Spectrum
        Spectra of planets that neither a prior nor a network has learned from.
    truth : ndarray [shape=(planet, 283)]
        Their true depths.
    regimes : int
        Number of regimes of signal-to-noise, and of amplitude, with equal numbers of planets.

    Returns
    -------
    Temperature

    Raises
    ------
    ShapeError
        If there are no spectra, or if `truth` does not have one row for each.
    """
    mean, sigma = (np.array([getattr(s, name) for s in spectra]) for name in ("mean", "sigma"))
    if len(spectra) == 0 or mean.shape != truth.shape:
        raise ShapeError(
            "there must be at least one spectrum, and true depths for each; "
            f"got {len(spectra)} spectra and truth of shape {truth.shape}."
        )
    signal, amplitude = _signal_and_amplitude(mean, sigma)
    parts = np.arange(1, regimes) / regimes
    factor, floor = _most_likely(truth - mean, sigma)
    temperature = Temperature(
        factor=factor,
        floor=floor,
        signal_edges=tuple(np.quantile(signal, parts).tolist()),
        amplitude_edges=tuple(np.quantile(amplitude, parts).tolist()),
        planets=len(spectra),
    )
    rows, columns = temperature.regimes(mean, sigma)
    factors = tuple(
        tuple(
            _shrunk_factor(truth[here] - mean[here], sigma[here], factor, floor)
            for j in range(regimes)
            for here in [(rows == i) & (columns == j)]
        )
        for i in range(regimes)
    )
    return replace(temperature, factors=factors)


def _signal_and_amplitude(mean: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute signal-to-noise and spectral amplitude of each planet [shape=(planet,) each]."""
    level, typical = mean.mean(axis=1), np.median(sigma, axis=1)
    amplitude = np.sqrt(np.mean((mean - level[:, None]) ** 2, axis=1))
    return level / typical, amplitude / typical


def _loss(error: np.ndarray, sigma: np.ndarray, factor: float, floor: float) -> float:
    """Compute the negative log-likelihood, averaged over wavelengths and summed over planets."""
    variance = (factor * sigma) ** 2 + floor**2
    return float(0.5 * (error**2 / variance + np.log(variance)).mean(axis=1).sum())


def _most_likely(error: np.ndarray, sigma: np.ndarray) -> tuple[float, float]:
    """Fit the common factor and the floor."""

    def loss(logarithms: np.ndarray) -> float:
        factor, floor = np.exp(logarithms)
        return _loss(error, sigma, factor, max(floor, LEAST_FLOOR)) / len(error)

    start = np.log([np.sqrt(np.mean((error / sigma) ** 2)), 5e-6])
    steps = np.vstack([np.zeros(2), 0.3 * np.eye(2)])
    options = {"initial_simplex": start + steps}
    factor, floor = np.exp(minimize(loss, start, method="Nelder-Mead", options=options).x)
    floor = float(max(floor, LEAST_FLOOR))
    return _clip_to_coverage(error, sigma, float(factor), floor, COVERAGE), floor


def _shrunk_factor(error: np.ndarray, sigma: np.ndarray, factor: float, floor: float) -> float:
    """Fit a regime's factor, with `STRENGTH` additional planets of the common factor."""
    if len(error) == 0:
        return factor

    def loss(logarithm: float) -> float:
        ratio = float(np.exp(logarithm))
        belief = STRENGTH * (0.5 / ratio**2 + np.log(ratio))
        return _loss(error, sigma, factor * ratio, floor) + belief

    ratio = float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))
    return _clip_to_coverage(error, sigma, factor * ratio, floor, REGIME_COVERAGE)


def _clip_to_coverage(
    error: np.ndarray,
    sigma: np.ndarray,
    factor: float,
    floor: float,
    coverage: tuple[float, float],
) -> float:
    """Clip `factor` to the range in which the coverage is between the two given values."""
    needed = np.sqrt(np.maximum(error**2 - floor**2, 0.0)) / sigma
    return float(np.clip(factor, *np.quantile(needed, coverage)))
