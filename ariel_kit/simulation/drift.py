"""Simulation of the slow drift of the instrument's gain: the mission's family, and others.

A drift multiplies the light by ``1 + z(u, v)``, where u is the elapsed fraction of the visit and v
the detector column divided by the last column's index, both in [0, 1]. The mission's family has
rank one,

    z = A f(u) g(v) / range,   f = sum_i c_i u^i,   g = sum_j d_j v^j   (i, j = 0..5),

with c and d uniform in (-1, 1), the range that of f g over the whole visit and detector, and A
uniform. This is the documented gain-drift task of ExoSim2 (Mugnai et al. 2025). The bounds of A and
both orders agree with the white light curves of the 2024 challenge (`tests/real`). The other
families serve to test the robustness of the fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.polynomial import Legendre, Polynomial

from ariel_kit.core.errors import UnknownNameError
from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS, OBSERVATION_HOURS, Instrument

DriftFamily = Literal["mission", "legacy", "ramp", "step", "wave"]
"""Names of the families; see `draw_drift`."""

ORDER = 5
"""Order of the mission's polynomials in time and in the detector column."""
AMPLITUDE = (1e-3, 5e-3)
"""Bounds of A, the mission's peak-to-peak drift over the detector and the visit."""
GRID = 1001
"""Number of times at which f is evaluated to find its range."""

LEGACY_SIGMA = np.array([690.0, 420.0, 175.0, 49.0, 7.0]) * 1e-6
"""Standard deviation of the Legendre coefficients 1..5 in time of the legacy white-light drift."""
LEGACY_ORIGIN = 0.25
"""Elapsed fraction of the visit at which the powers of a legacy drift are zero."""
LEGACY_GROWTH = 1.2
"""Ratio of the coefficients' standard deviations of successive powers of a legacy drift."""
LEGACY_ORDER = 7
"""Largest order of a legacy drift; the order is random."""
LEGACY_SPREAD = 0.25
"""Standard deviation of the logarithm of the size of a legacy drift."""
LEGACY_COLOURS = np.array([0.8, 0.4, 0.2])
"""Size of Legendre 1..3 over the extracted columns, relative to the white-light drift."""
LEGACY_SECOND = 0.1
"""Size of a second, independent term of a legacy drift, because of which it is not of rank one."""

STRANGE_SIGMA = 300e-6
"""Standard deviation of the ramp, step or wave that is added to a drift of the mission's family."""

TimeCourse = Callable[[np.ndarray], np.ndarray]
"""Function f of the elapsed fraction u of the visit."""


@dataclass(frozen=True)
class PolynomialCourse:
    """A polynomial in the elapsed fraction of the visit, constant term first."""

    coefficients: tuple[float, ...]

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return np.polynomial.polynomial.polyval(u, self.coefficients)


@dataclass(frozen=True)
class RampCourse:
    """An exponential decay from the start of the visit, with a time scale in hours."""

    hours: float

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return np.exp(-u * OBSERVATION_HOURS / self.hours)


@dataclass(frozen=True)
class StepCourse:
    """A sudden change of level at a given hour of the visit."""

    hour: float

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return (u * OBSERVATION_HOURS > self.hour).astype(np.float64)


@dataclass(frozen=True)
class WaveCourse:
    """A sinusoidal change of level, with the period in hours and the phase in periods."""

    hours: float
    phase: float

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * (u * OBSERVATION_HOURS / self.hours + self.phase))


@dataclass(frozen=True)
class DriftTerm:
    """One product f(u) g(v) of a drift.

    Attributes
    ----------
    course : callable
        f, a function of the elapsed fraction of the visit.
    gains : tuple of float
        Coefficients of the powers of v in g, constant term first.
    """

    course: TimeCourse
    gains: tuple[float, ...]

    def __call__(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Evaluate f(u) g(v) [shape=(time, column)]."""
        return np.outer(self.course(u), np.polynomial.polynomial.polyval(v, self.gains))


@dataclass(frozen=True)
class Drift:
    """The drift of one instrument over one visit: a sum of products.

    Attributes
    ----------
    terms : tuple of DriftTerm
        Products f(u) g(v), which are added.
    """

    terms: tuple[DriftTerm, ...]

    def __call__(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Evaluate z, the relative light minus one.

        Parameters
        ----------
        u : ndarray [shape=(time,)]
            Elapsed fraction of the visit.
        v : ndarray [shape=(column,)]
            Detector column divided by the last column's index.

        Returns
        -------
        ndarray [shape=(time, column), dtype=float64]
        """
        return np.sum([term(u, v) for term in self.terms], axis=0)

    def __mul__(self, factor: float) -> Drift:
        """Multiply the drift by a factor."""
        return Drift(
            tuple(replace(t, gains=tuple(factor * g for g in t.gains)) for t in self.terms)
        )

    def __add__(self, other: Drift) -> Drift:
        """Add two drifts."""
        return Drift(self.terms + other.terms)


def draw_drift(
    rng: np.random.Generator,
    instrument: Instrument,
    *,
    family: DriftFamily = "mission",
    light: np.ndarray | None = None,
) -> Drift:
    """Draw the drift of one instrument over one visit.

    Parameters
    ----------
    rng : numpy.random.Generator
    instrument : Instrument
        AIRS drifts over its 356 columns, FGS1 over its 32.
    family : {"mission", "legacy", "ramp", "step", "wave"}
        ``"mission"`` is the family of the challenge's data. ``"legacy"`` is the two-term family of
        earlier versions of the simulator. ``"ramp"``, ``"step"`` and ``"wave"`` are added to a
        drift of the mission's family.
    light : ndarray [shape=(column,), unit=electron], optional
        Starlight on each detector column, which defines the white light that a legacy drift is
        normalised to. By default it is equal on all extracted columns.

    Returns
    -------
    Drift

    Raises
    ------
    UnknownNameError
        If the family is unknown.

    Examples
    --------
    >>> drift = draw_drift(np.random.default_rng(0), AIRS)
    >>> z = drift(np.linspace(0, 1, 1001), np.arange(356) / 355)
    >>> bool(1e-3 < np.ptp(z) < 5e-3)
    True
    """
    if family == "mission":
        return _draw_mission(rng, instrument)
    if family == "legacy":
        return _draw_legacy(rng, instrument, light)
    if family not in STRANGE:
        raise UnknownNameError("drift family", family, ("mission", "legacy", *STRANGE))
    return _draw_mission(rng, instrument) + _draw_strange(rng, instrument, STRANGE[family])


def relative_columns(instrument: Instrument) -> np.ndarray:
    """Compute v of every detector column, in the detector's order.

    Returns
    -------
    ndarray [shape=(column,), dtype=float64]
    """
    return np.arange(instrument.width) / (instrument.width - 1)


def extracted_columns() -> np.ndarray:
    """Compute v of the 282 AIRS channels, wavelength ascending.

    Returns
    -------
    ndarray [shape=(282,), dtype=float64]
    """
    return relative_columns(AIRS)[AIRS.columns][::-1]


def _draw_mission(rng: np.random.Generator, instrument: Instrument) -> Drift:
    c, d = rng.uniform(-1, 1, (2, ORDER + 1))
    course = PolynomialCourse(tuple(c.tolist()))
    f = course(np.linspace(0, 1, GRID))
    g = np.polynomial.polynomial.polyval(relative_columns(instrument), d)
    # The extremes of a product f g are among the products of the extremes of f and of g.
    corners = np.outer([f.min(), f.max()], [g.min(), g.max()])
    gains = rng.uniform(*AMPLITUDE) / np.ptp(corners) * d
    return Drift((DriftTerm(course, tuple(gains.tolist())),))


def _draw_ramp(rng: np.random.Generator) -> TimeCourse:
    return RampCourse(rng.uniform(0.5, 3.0))


def _draw_step(rng: np.random.Generator) -> TimeCourse:
    return StepCourse(rng.uniform(0.5, OBSERVATION_HOURS - 0.5))


def _draw_wave(rng: np.random.Generator) -> TimeCourse:
    return WaveCourse(rng.uniform(2.0, 6.0), rng.uniform())


STRANGE: dict[str, Callable[[np.random.Generator], TimeCourse]] = {
    "ramp": _draw_ramp,
    "step": _draw_step,
    "wave": _draw_wave,
}
"""Families that no polynomial describes, with the functions that draw their courses in time."""


def _draw_strange(
    rng: np.random.Generator,
    instrument: Instrument,
    draw_course: Callable[[np.random.Generator], TimeCourse],
) -> Drift:
    colours = np.append(1.0, LEGACY_COLOURS * rng.standard_normal(len(LEGACY_COLOURS)))
    gains = STRANGE_SIGMA * rng.standard_normal() * _column_powers(colours, instrument)
    return Drift((DriftTerm(draw_course(rng), tuple(gains.tolist())),))


def _column_powers(colours: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Convert Legendre coefficients over the extracted columns to coefficients of powers of v.

    The Legendre polynomials run over ascending wavelength. For FGS1, which has one wavelength, only
    the constant is kept.
    """
    if instrument is FGS1:
        return colours[:1]
    last = instrument.columns.stop - 1
    # x = -1 at the last extracted column, which has the shortest wavelength, and +1 at the first
    x = Polynomial([2 * last / (N_AIRS - 1) - 1, -2 * (instrument.width - 1) / (N_AIRS - 1)])
    powers = Legendre(colours).convert(kind=Polynomial)(x)
    return np.asarray(powers.coef, dtype=np.float64)


def _draw_legacy(
    rng: np.random.Generator, instrument: Instrument, light: np.ndarray | None
) -> Drift:
    """Draw f(t) g(column) and a small second term, which does not affect white light."""
    if instrument is FGS1:
        return Drift((DriftTerm(_draw_legacy_course(rng), (1.0,)),))
    white = np.ones(N_AIRS) if light is None else light[AIRS.columns][::-1]
    basis = np.polynomial.legendre.legvander(np.linspace(-1, 1, N_AIRS), len(LEGACY_COLOURS))
    mean = white @ basis / white.sum()
    terms = []
    for share, level in ((1.0, 1.0), (LEGACY_SECOND, 0.0)):
        colours = np.append(0.0, LEGACY_COLOURS * rng.standard_normal(len(LEGACY_COLOURS)))
        colours[0] = level - mean @ colours
        gains = share * _column_powers(colours, AIRS)
        terms.append(DriftTerm(_draw_legacy_course(rng), tuple(gains.tolist())))
    return Drift(tuple(terms))


def _draw_legacy_course(rng: np.random.Generator) -> PolynomialCourse:
    """Draw a polynomial in time of random order and size."""
    powers = np.arange(1, LEGACY_ORDER + 1)
    growth, modes = LEGACY_GROWTH**powers, _power_modes()
    reached = rng.integers(1, LEGACY_ORDER + 1) >= powers
    chance = 1 - (powers - 1) / LEGACY_ORDER
    typical = np.sqrt((chance * growth**2) @ modes**2)
    drawn = (rng.standard_normal(LEGACY_ORDER) * growth * reached) @ modes
    size = np.exp(LEGACY_SPREAD * rng.standard_normal() - LEGACY_SPREAD**2)  # mean square 1
    series = Legendre(np.append(0.0, size * LEGACY_SIGMA * drawn / typical))
    in_visit = series.convert(kind=Polynomial)(Polynomial([-1.0, 2.0]))  # x = 2 u - 1
    return PolynomialCourse(tuple(in_visit.coef.tolist()))


@cache
def _power_modes() -> np.ndarray:
    """Expand the powers of time about `LEGACY_ORIGIN` in Legendre 1..5 [shape=(power, 5)]."""
    x = np.linspace(-1, 1, 201)
    distance = (x + 1) / 2 - LEGACY_ORIGIN
    powers = np.stack([distance**k for k in range(1, LEGACY_ORDER + 1)], axis=1)
    fitted = np.polynomial.legendre.legfit(x, powers, LEGACY_ORDER)
    return np.asarray(fitted[1 : len(LEGACY_SIGMA) + 1].T)
