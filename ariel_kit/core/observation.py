"""Observed data of one calibrated visit, at native cadence and binned for the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ariel_kit.core.editions import get_edition
from ariel_kit.core.errors import ShapeError, check_shape
from ariel_kit.core.instruments import AIRS, FGS1, N_AIRS, wavelengths
from ariel_kit.core.markup import card, sketch
from ariel_kit.core.star_info import StarInfo
from ariel_kit.core.strays import clip_strays, dark_frames, failed_frames, fill_gaps
from ariel_kit.core.value import Value
from ariel_kit.core.words import listed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class LightCurves(Value):
    """Binned light curves of one instrument; the bins may differ in length.

    Attributes
    ----------
    time : ndarray [shape=(time,), dtype=float64, unit=hour]
        Middle of each bin.
    span : ndarray [shape=(time,), dtype=float64, unit=hour]
        Length of each bin, over which a model has to be averaged.
    flux : ndarray [shape=(time, wavelength), dtype=float64, unit=electron]
        Mean electrons per CDS frame.
    noise : ndarray [shape=(time, wavelength), dtype=float64, unit=electron]
        One sigma of `flux`; infinite where a bin, or a wavelength, has no data.
    clipped : int
        Number of samples that noise cannot explain and that were left out of the bins.

    Examples
    --------
    >>> time, flux = np.arange(3) + 0.5, np.full((3, 1), 100.0)
    >>> curves = LightCurves(time, span=np.ones(3), flux=flux, noise=np.sqrt(flux))
    >>> curves.flux.flags.writeable
    False
    """

    time: np.ndarray
    span: np.ndarray
    flux: np.ndarray
    noise: np.ndarray
    clipped: int = 0

    def __post_init__(self) -> None:
        self._freeze()
        (n,) = self.time.shape
        check_shape("span", self.span.shape, {"time": n})
        check_shape("flux", self.flux.shape, {"time": n, "wavelength": None})
        check_shape("noise", self.noise.shape, {"time": n, "wavelength": self.flux.shape[1]})


Curves = tuple[LightCurves, LightCurves]
"""AIRS and FGS1 of one planet, binned."""


@dataclass(frozen=True, repr=False)
class Observation(Value):
    """One calibrated visit at native cadence, with wavelengths in ascending order.

    Attributes
    ----------
    planet_id : int
    airs : ndarray [shape=(time, 282), dtype=float32, unit=electron]
        Electrons per CDS frame and wavelength.
    airs_time : ndarray [shape=(time,), dtype=float64, unit=hour]
        Mid-exposure.
    fgs1 : ndarray [shape=(fgs1 time,), dtype=float32, unit=electron]
        Electrons per CDS frame in the star's core.
    fgs1_time : ndarray [shape=(fgs1 time,), dtype=float64, unit=hour]
    pointing : ndarray [shape=(fgs1 time, 2), dtype=float32, unit=pixel]
        (y, x) of the star on FGS1 relative to its mean.
    pointing_noise : ndarray [shape=(2,), dtype=float64, unit=pixel]
        One sigma of the measurement error of `pointing`, along y and x.
    airs_noise : ndarray [shape=(282,), dtype=float32, unit=electron]
        One sigma of the white noise of one CDS frame; infinite where a wavelength has no data.
    fgs1_noise : float
        The same for FGS1.
    row_moments : ndarray [shape=(time, 2), dtype=float32, unit=pixel]
        White-light row centroid and width on AIRS, relative to their means.
    bad_fraction : ndarray [shape=(282,), dtype=float32]
        Share of a wavelength's flux that falls on infilled pixels.
    edition : int
        Year of the challenge, one of `ariel_kit.core.editions.EDITIONS`.
    star : int, optional
    star_info : StarInfo, optional
        What the edition's catalogue tells of the star and the orbit.
    flags : tuple of str
        Warnings about this visit, such as a saturated instrument.
    provenance : dict
        What each stage did, or why it did not. JSON.

    Examples
    --------
    >>> from ariel_kit.simulation import draw_planets, simulate_observation
    >>> (planet,) = draw_planets(1, seed=3)
    >>> observation = simulate_observation(planet, seed=0, bin_seconds=48.0)
    >>> airs, fgs1 = observation.binned(144.0)
    >>> airs.flux.shape, fgs1.flux.shape
    ((188, 282), (188, 1))
    >>> checked = observation.with_step("check", {"status": "complete"})
    >>> list(checked.provenance)
    ['simulation', 'check']

    It reads at a glance:

    >>> observation
    Observation(planet 2883065942, edition 2024, star 0: 562 x 282 AIRS, 562 FGS1, 7.49 h)
    """

    _records: ClassVar = {"star_info": StarInfo}

    planet_id: int
    airs: np.ndarray
    airs_time: np.ndarray
    fgs1: np.ndarray
    fgs1_time: np.ndarray
    pointing: np.ndarray
    pointing_noise: np.ndarray
    airs_noise: np.ndarray
    fgs1_noise: float
    row_moments: np.ndarray
    bad_fraction: np.ndarray
    edition: int
    star: int | None = None
    star_info: StarInfo | None = None
    flags: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._freeze()
        object.__setattr__(self, "flags", tuple(self.flags))  # a list where it was stored
        get_edition(self.edition)
        n_airs, n_fgs1 = len(self.airs_time), len(self.fgs1_time)
        for name, expected in {
            "airs": {"time": n_airs, "wavelength": N_AIRS},
            "fgs1": {"fgs1 time": n_fgs1},
            "pointing": {"fgs1 time": n_fgs1, "axis": 2},
            "pointing_noise": {"axis": 2},
            "airs_noise": {"wavelength": N_AIRS},
            "row_moments": {"time": n_airs, "moment": 2},
            "bad_fraction": {"wavelength": N_AIRS},
        }.items():
            check_shape(name, getattr(self, name).shape, expected)

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self._facts().items())
        n_airs, n_fgs1 = len(self.airs_time), len(self.fgs1_time)
        return (
            f"Observation({told}: {n_airs} x {N_AIRS} AIRS, {n_fgs1} FGS1, {self._hours():.2f} h)"
        )

    def _repr_html_(self) -> str:
        white = self.airs.sum(axis=1, dtype=np.float64)
        size = max(1, len(white) // 150)  # AIRS summed, in the bins that a small picture can show
        whole = len(white) // size * size
        time, flux = (a[:whole].reshape(-1, size).mean(axis=1) for a in (self.airs_time, white))
        says = "white light of AIRS over time"
        facts = {"hours": f"{self._hours():.2f}", "shows": says}
        return card("Observation", {**self._facts(), **facts}, sketch(time, flux, says=says))

    def _facts(self) -> dict[str, Any]:
        star = {} if self.star is None else {"star": self.star}
        return {"planet": self.planet_id, "edition": self.edition, **star}

    def _hours(self) -> float:
        """Compute the hours from the start of the first exposure to the end of the last one."""
        return float(np.ptp(self.airs_time) * len(self.airs_time) / max(len(self.airs_time) - 1, 1))

    @property
    def wavelength(self) -> np.ndarray:
        """Wavelength of each column of `airs`, ascending [shape=(282,), unit=micron]."""
        return wavelengths()[1:]

    def to_frame(self, seconds: float = 144.0) -> pd.DataFrame:
        """Give the binned light curves as a DataFrame of pandas, in electrons per CDS frame.

        Parameters
        ----------
        seconds : float
            Length of a bin, as in `binned`.

        Returns
        -------
        pandas.DataFrame
            Index ``hours``, the middle of each bin; a column for each wavelength in micron, FGS1's
            0.705 first.
        """
        import pandas as pd

        airs, fgs1 = self.binned(seconds)
        flux = airs.flux
        camera = np.interp(airs.time, fgs1.time, fgs1.flux[:, 0])
        index = pd.Index(airs.time, name="hours")
        columns = pd.Index(wavelengths().round(4), name="micron")
        return pd.DataFrame(np.column_stack([camera, flux]), index=index, columns=columns)

    def with_step(self, step: str, facts: Mapping[str, Any], **changes: Any) -> Observation:
        """Copy with `changes`, and with the step's facts added to the provenance."""
        return replace(self, provenance={**self.provenance, step: dict(facts)}, **changes)

    def binned(self, seconds: float = 144.0) -> Curves:
        """Average AIRS and FGS1 into bins of equal length; a last short bin is kept.

        Samples that noise cannot explain are left out (`ariel_kit.core.strays`).

        Parameters
        ----------
        seconds : float
            Length of a bin; a whole number of AIRS pairs (4.8 s) is used.

        Returns
        -------
        airs : LightCurves
            Shape (bins, 282).
        fgs1 : LightCurves
            Shape (bins, 1).
        """
        airs = _bin(self.airs_time, self.airs, self.airs_noise, seconds)
        fgs1 = _bin(self.fgs1_time, self.fgs1[:, None], np.array([self.fgs1_noise]), seconds)
        return airs, fgs1

    def visit(self, seconds: float = 144.0) -> Visit:
        """Bin the light curves as `binned` does, and keep the other facts that a fit needs."""
        airs, fgs1 = self.binned(seconds)
        return Visit(
            self.planet_id,
            self.edition,
            airs,
            fgs1,
            self.star_info,
            (*self.flags, *self._failures()),
            self.provenance,
        )

    def _failures(self) -> list[str]:
        """Name the frames that failed; none is part of a bin."""
        told = []
        for name, time, flux in (
            (AIRS.name, self.airs_time, self.airs),
            (FGS1.name, self.fgs1_time, self.fgs1[:, None]),
        ):
            failed = [f"{i} ({time[i]:.2f} h)" for i in np.flatnonzero(failed_frames(flux))]
            told += [f"{name} failed in frame pair {listed(failed)}"] if failed else []
        return told


def _bin(time: np.ndarray, flux: np.ndarray, noise: np.ndarray, seconds: float) -> LightCurves:
    if len(time) < 2:
        raise ShapeError(f"time must have at least 2 samples to bin; got {len(time)}.")
    cadence = float(time[1] - time[0])
    per_bin = max(1, round(seconds / 3600 / cadence))
    starts = np.arange(0, len(time), per_bin)
    counts = np.diff(np.append(starts, len(time)))
    if (dark := dark_frames(flux)).any():
        flux = np.where(dark[:, None], np.nan, flux)
    flux, clipped = clip_strays(flux, noise, cadence)
    mean = np.add.reduceat(flux, starts, axis=0, dtype=np.float64) / counts[:, None]
    middle = np.add.reduceat(time, starts) / counts
    mean, sigma = fill_gaps(mean, noise[None, :].astype(np.float64) / np.sqrt(counts)[:, None])
    return LightCurves(middle, counts * cadence, mean, sigma, clipped)


@dataclass(frozen=True)
class Visit:
    """The binned light curves of one visit, and the other facts that a fit needs.

    Attributes
    ----------
    planet_id : int
    edition : int
        Year of the challenge.
    airs : LightCurves
        Shape (bins, 282).
    fgs1 : LightCurves
        Shape (bins, 1).
    star_info : StarInfo, optional
        What the edition's catalogue tells of the star and the orbit.
    flags : tuple of str
        As in `Observation`.
    provenance : dict
        What each stage before the fit did, or why it did not. JSON.
    """

    planet_id: int
    edition: int
    airs: LightCurves
    fgs1: LightCurves
    star_info: StarInfo | None = None
    flags: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def curves(self) -> Curves:
        """AIRS and FGS1."""
        return self.airs, self.fgs1
