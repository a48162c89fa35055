"""Simulation of raw frames: shot noise, charge, read-out and converter of one instrument."""

from __future__ import annotations

import numpy as np

from ariel_kit.core.errors import check_shape
from ariel_kit.core.instruments import Instrument
from ariel_kit.data.converter import Adc
from ariel_kit.simulation.calibration_frames import Detector
from ariel_kit.simulation.kernels import expose_pixels
from ariel_kit.simulation.pointing import N_MOMENTS


def expose(
    image: np.ndarray,
    steady: np.ndarray,
    light: np.ndarray,
    column: np.ndarray,
    moments: tuple[np.ndarray, np.ndarray],
    detector: Detector,
    adc: Adc,
    instrument: Instrument,
    seed: int,
    hit_rate: float = 0.0,
) -> np.ndarray:
    """Simulate the raw frames of an observation.

    Parameters
    ----------
    image : ndarray [shape=(6, y, x), unit=electron]
        Image of the star per CDS frame, expanded in its shift; see `star_image`.
    steady : ndarray [shape=(y, x), unit=electron]
        Foreground per CDS frame.
    light : ndarray [shape=(light, time), dtype=float32]
        Relative light of the star.
    column : ndarray [shape=(x,), dtype=int]
        Row of `light` that applies to each detector column.
    moments : tuple of ndarray [shape=(time, 5), dtype=float32, unit=pixel]
        Moments of the shift, for the even and for the odd reads.
    detector : Detector
    adc : Adc
        Converter of the instrument.
    instrument : Instrument
    seed : int
        Seed of every random draw; the result does not depend on the number of threads.
    hit_rate : float
        Charged particles per pixel and second.

    Returns
    -------
    ndarray [shape=(pixel, frame), dtype=uint16, unit=ADU]
        Raw frames of each pixel, with even and odd reads alternating in time.

    Raises
    ------
    ShapeError
        If the shapes of the arrays do not match.
    """
    frame: dict[str, int | None] = {"y": instrument.height, "x": instrument.width}
    check_shape("image", image.shape, {"term": N_MOMENTS + 1, **frame})
    check_shape("steady", steady.shape, frame)
    check_shape("column", column.shape, {"x": instrument.width})
    n_times = light.shape[-1]
    for name, shift in zip(("even moments", "odd moments"), moments, strict=True):
        check_shape(name, shift.shape, {"time": n_times, "moment": N_MOMENTS})
    frames = np.empty((instrument.n_pixels, 2 * n_times), dtype=np.uint16)
    expose_pixels(
        np.ascontiguousarray(image, dtype=np.float64).reshape(N_MOMENTS + 1, -1),
        np.ascontiguousarray(steady, dtype=np.float64).ravel(),
        np.ascontiguousarray(moments[0], dtype=np.float32),
        np.ascontiguousarray(moments[1], dtype=np.float32),
        np.ascontiguousarray(light, dtype=np.float32),
        np.tile(column, instrument.height),
        detector.calibration.dark.ravel(),
        detector.calibration.read.ravel(),
        detector.response.ravel(),
        detector.linear_corr.reshape(len(detector.linear_corr), -1),
        instrument.read_times,
        (adc.gain, adc.offset),
        hit_rate * instrument.exposure,
        np.uint64(seed),
        frames,
    )
    return frames
