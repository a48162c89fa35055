"""Frozen facts of the two instruments: shapes, cadence, read times, crop, wavelengths.

Every number is that of the challenge's data page and files; see the README's vocabulary table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Instrument:
    """One detector as the challenge writes it.

    Frames come in pairs: even frames are the first read of a ramp, odd frames its end. A pair's
    correlated double sample (CDS) is ``odd - even``.
    """

    name: str
    """Name in the challenge's files, e.g. ``AIRS-CH0``."""
    height: int
    """Detector rows."""
    width: int
    """Detector columns."""
    n_frames: int
    """Raw frames of a full observation."""
    read_times: tuple[float, float]
    """Time since the ramp's start of the even and of the odd read, seconds."""
    cadence: float
    """Seconds from one pair to the next."""
    signal_rows: slice
    """Rows that hold the star."""
    columns: slice
    """Columns that are extracted."""

    @property
    def n_pairs(self) -> int:
        """CDS frames of a full observation."""
        return self.n_frames // 2

    @property
    def exposure(self) -> float:
        """Seconds of light in one CDS frame."""
        return self.read_times[1] - self.read_times[0]

    @property
    def n_pixels(self) -> int:
        """Pixels of a frame, which is the columns of its parquet file."""
        return self.height * self.width

    def pair_times(self, n_pairs: int | None = None) -> np.ndarray:
        """List the mid-exposure times of the CDS frames.

        Parameters
        ----------
        n_pairs : int, optional
            How many; a full observation when left out.

        Returns
        -------
        ndarray [shape=(time,), dtype=float64, unit=hour]

        Examples
        --------
        >>> AIRS.pair_times(2) * 3600
        array([2.35, 7.15])
        """
        pairs = np.arange(self.n_pairs if n_pairs is None else n_pairs)
        return (pairs * self.cadence + sum(self.read_times) / 2) / 3600


AIRS = Instrument(
    name="AIRS-CH0",
    height=32,
    width=356,
    n_frames=11250,
    read_times=(0.1, 4.6),
    cadence=4.8,
    signal_rows=slice(8, 24),
    columns=slice(39, 321),
)
FGS1 = Instrument(
    name="FGS1",
    height=32,
    width=32,
    n_frames=135000,
    read_times=(0.1, 0.2),
    cadence=0.4,
    signal_rows=slice(0, 32),
    columns=slice(0, 32),
)
INSTRUMENTS = {AIRS.name: AIRS, FGS1.name: FGS1}

N_AIRS = AIRS.columns.stop - AIRS.columns.start
N_WAVELENGTHS = 1 + N_AIRS
FGS1_WAVELENGTH = 0.705
"""Micron; the first of the 283 wavelengths."""
OBSERVATION_HOURS = AIRS.n_pairs * AIRS.cadence / 3600


def column_wavelengths() -> np.ndarray:
    """List the wavelength of every AIRS detector column: a quadratic dispersion, descending.

    Returns
    -------
    ndarray [shape=(356,), dtype=float64, unit=micron]

    Examples
    --------
    >>> column_wavelengths()[[0, -1]].round(4)
    array([4.0785, 1.6333])
    """
    x = np.linspace(-1, 1, AIRS.width)
    return np.polynomial.legendre.legval(x, [3.0010696518468, -1.2226052102268, -0.14521172117477])


def wavelengths() -> np.ndarray:
    """List the 283 wavelengths of a spectrum: FGS1 first, then AIRS ascending.

    Returns
    -------
    ndarray [shape=(283,), dtype=float64, unit=micron]

    Examples
    --------
    >>> wavelengths()[[0, 1, -1]].round(3)
    array([0.705, 1.952, 3.895])
    """
    return np.concatenate([[FGS1_WAVELENGTH], column_wavelengths()[AIRS.columns][::-1]])
