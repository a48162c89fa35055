"""Simulated detectors with bad pixels and nonlinearity, and their calibration frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ariel_kit.core.instruments import FGS1, Instrument
from ariel_kit.data.calibration_maps import LINEARITY_TERMS, Calibration

AIRS_LINEARITY = np.array([0.1, 1.0, 1e-8, 1.18e-11, -6.0e-17, 1.3e-22])
FGS1_LINEARITY = np.array([0.1, 1.0, 1e-8, 8.5e-12, -3.6e-17, 6.5e-23])
"""Mean polynomials of the two detectors from measured to true electrons, constant term first."""
LINEARITY_SCATTER = (0.2, 0.005, 5e-8)
"""Standard deviation over pixels of the first three coefficients."""
BEND_SCATTER = 0.06
"""Relative standard deviation over pixels of the three high coefficients, which vary together."""


class Detector(NamedTuple):
    """A simulated detector: its true response, and the calibration frames on disk.

    Attributes
    ----------
    calibration : Calibration
        Calibration frames as written to disk.
    response : ndarray [shape=(y, x), dtype=float64]
        True relative response: the flat, and zero on dead pixels.
    linear_corr : ndarray [shape=(6, y, x), dtype=float64]
        True linearity polynomial. It differs from that on disk on dead pixels only.
    """

    calibration: Calibration
    response: np.ndarray
    linear_corr: np.ndarray


def draw_detector(rng: np.random.Generator, instrument: Instrument) -> Detector:
    """Draw the detector of one planet.

    Parameters
    ----------
    rng : numpy.random.Generator
    instrument : Instrument

    Returns
    -------
    Detector

    Examples
    --------
    >>> from ariel_kit.core.instruments import AIRS
    >>> detector = draw_detector(np.random.default_rng(0), AIRS)
    >>> bool((detector.response[detector.calibration.dead] == 0).all())
    True
    """
    frame = (instrument.height, instrument.width)
    dead = rng.random(frame) < rng.uniform(0.001, 0.003)
    flat = rng.normal(1 + rng.uniform(-0.025, 0.025), 0.012, frame)
    # Half of the dead pixels are dead in the flat on disk; the others died after it was taken.
    written_flat = np.where(dead & (rng.random(frame) < 0.5), rng.normal(0, 0.005, frame), flat)
    linear_corr = _draw_linearity(rng, instrument)
    wild = 1 + 3 * rng.standard_normal((LINEARITY_TERMS, *frame))
    calibration = Calibration(
        dark=_draw_dark(rng, frame),
        dead=dead,
        flat=written_flat,
        linear_corr=np.where(dead, linear_corr * wild, linear_corr),
        read=_draw_read_noise(rng, frame),
    )
    return Detector(calibration, np.where(dead, 0.0, flat), linear_corr)


def _draw_linearity(rng: np.random.Generator, instrument: Instrument) -> np.ndarray:
    """Draw linearity polynomials; the high terms vary together, so that all are monotonic."""
    mean = FGS1_LINEARITY if instrument is FGS1 else AIRS_LINEARITY
    frame = (instrument.height, instrument.width)
    bend = rng.standard_normal(frame)
    linear_corr = np.empty((LINEARITY_TERMS, *frame))
    for k, scatter in enumerate(LINEARITY_SCATTER):
        linear_corr[k] = mean[k] + scatter * rng.standard_normal(frame)
    linear_corr[3:] = mean[3:, None, None] * (1 + BEND_SCATTER * bend)
    return linear_corr


def _draw_dark(rng: np.random.Generator, frame: tuple[int, int]) -> np.ndarray:
    """Draw dark currents, electrons per second: a narrow core, and one pixel in 1000 up to 12."""
    dark = np.maximum(rng.normal(0.0068, 0.0014, frame), 0.001)
    hot = np.exp(rng.uniform(np.log(0.05), np.log(12.0), frame))
    return np.where(rng.random(frame) < 0.0015, hot, dark)


def _draw_read_noise(rng: np.random.Generator, frame: tuple[int, int]) -> np.ndarray:
    """Draw read noise, electrons per read: a narrow core and a power-law tail to 280."""
    core = rng.uniform(13.0, 13.8) * np.exp(0.05 * rng.standard_normal(frame))
    tail = 14.0 * rng.uniform(0.0, 1.0, frame) ** -0.5
    return np.where(rng.random(frame) < 0.045, np.minimum(tail, 280.0), core)
