"""The steps of the calibration, one array function each.

`calibrate_planet` takes all these steps in two passes that store no calibrated frames. The
functions here take one step each, in float64, and agree with it to the rounding of float32::

    frames = raw_frames(dataset, planet, AIRS, split="train")      # ADU
    electrons = to_electrons(frames, adc)
    true = correct_linearity(electrons, calibration.linear_corr)
    light = divide_flat(subtract_dark(true, calibration.dark, AIRS.read_times), calibration.flat)
    cds = correlated_double_sample(light)[..., extracted_columns(AIRS)]

    cds = infill(subtract_foreground(cds, foreground), donors)

The foreground and the donors of bad pixels follow from the mean image; see `fit_foreground` and
`find_donors`. Each step returns a copy, which for a whole visit of AIRS takes 1 GB; pass it a
stretch of frames to save memory.

The order and the formulas are those of the challenge's data page and of its simulator.
"""

from __future__ import annotations

import numpy as np

from ariel_kit.core.errors import ShapeError, check_shape
from ariel_kit.core.instruments import Instrument
from ariel_kit.data.calibration_maps import LINEARITY_TERMS
from ariel_kit.data.converter import Adc
from ariel_kit.data.dataset import Dataset
from ariel_kit.data.frames import read_frames
from ariel_kit.preprocessing.badpixels import Donors


def raw_frames(
    dataset: Dataset, planet_id: int, instrument: Instrument, *, split: str, visit: int = 0
) -> np.ndarray:
    """Read the raw frames of one visit as images.

    Parameters
    ----------
    dataset : Dataset
    planet_id : int
    instrument : Instrument
    split : str
        ``train`` or ``test``.
    visit : int
        Which visit, where a planet has several (2025).

    Returns
    -------
    ndarray [shape=(frame, y, x), dtype=uint16, unit=adu]
        Even frames are the first reads of the ramps, odd frames their ends.

    Raises
    ------
    DataFileError
        If the file is missing, damaged, or not that of this instrument.

    Examples
    --------
    >>> from ariel_kit.core.instruments import FGS1
    >>> from ariel_kit.data.dataset import open_dataset
    >>> from ariel_kit.simulation import simulate_dataset
    >>> folder = simulate_dataset(getfixture("tmp_path"), n_train=1, n_test=0, n_pairs=4)
    >>> dataset = open_dataset(folder)
    >>> (planet,) = dataset.planets("train")
    >>> raw_frames(dataset, planet, FGS1, split="train").shape
    (96, 32, 32)
    """
    pixels = np.arange(instrument.n_pixels)
    series = read_frames(dataset, split, planet_id, instrument, pixels=pixels, visit=visit).series
    return np.stack(series, axis=1).reshape(-1, instrument.height, instrument.width)


def to_electrons(frames: np.ndarray, adc: Adc) -> np.ndarray:
    """Undo the analogue-to-digital converter: ``electrons = adu / gain + offset``.

    Parameters
    ----------
    frames : ndarray [shape=(frame, y, x), dtype=uint16, unit=adu]
        Raw frames.
    adc : Adc
        Gain (ADU per electron) and offset (electrons), see `Dataset.adc`.

    Returns
    -------
    ndarray [shape=(frame, y, x), dtype=float64, unit=electron]

    Examples
    --------
    >>> to_electrons(np.array([[[500, 1500]]], np.uint16), Adc(gain=0.5, offset=-900.0))
    array([[[ 100., 2100.]]])
    """
    return frames / adc.gain + adc.offset


def correct_linearity(electrons: np.ndarray, linear_corr: np.ndarray) -> np.ndarray:
    """Convert measured to true charge: ``true = sum_k linear_corr[k] * measured**k``.

    The response of a pixel to each electron decreases as the pixel fills. The polynomial that
    corrects this applies to single reads of a pixel, so it comes before any difference of reads.

    Parameters
    ----------
    electrons : ndarray [shape=(frame, y, x), unit=electron]
        Measured charge.
    linear_corr : ndarray [shape=(6, y, x), dtype=float64]
        Coefficients, constant term first.

    Returns
    -------
    ndarray [shape=(frame, y, x), dtype=float64, unit=electron]
        The values at bad pixels have no meaning.

    Raises
    ------
    ShapeError
        If there are not 6 coefficients for each pixel.

    Examples
    --------
    >>> terms = np.zeros((6, 1, 1))
    >>> terms[1:3, 0, 0] = 1.0, 1e-6
    >>> correct_linearity(np.full((1, 1, 1), 3e4), terms)
    array([[[30900.]]])
    """
    check_shape(
        "linear_corr", linear_corr.shape, {"term": LINEARITY_TERMS, **_image_axes(electrons)}
    )
    true = np.zeros(electrons.shape)
    for coefficient in linear_corr[::-1]:  # Horner's scheme
        true = true * electrons + coefficient
    return true


def subtract_dark(
    electrons: np.ndarray, dark: np.ndarray, read_times: tuple[float, float]
) -> np.ndarray:
    """Subtract the charge that the dark current has added by the time of each read.

    Parameters
    ----------
    electrons : ndarray [shape=(frame, y, x), unit=electron]
        Even and odd reads in turn.
    dark : ndarray [shape=(y, x), unit=electron/s]
        Dark current.
    read_times : tuple of 2 float
        Seconds from the start of a ramp to the even and to the odd read, see `Instrument`.

    Returns
    -------
    ndarray [shape=(frame, y, x), dtype=float64, unit=electron]

    Raises
    ------
    ShapeError
        If `dark` does not fit the frames, or a frame has no partner.

    Examples
    --------
    >>> subtract_dark(np.full((2, 1, 1), 50.0), np.full((1, 1), 2.0), (0.5, 5.0)).ravel()
    array([49., 40.])
    """
    _check_pairs(electrons)
    check_shape("dark", dark.shape, _image_axes(electrons))
    charge = np.stack([dark * seconds for seconds in read_times])
    return electrons - np.tile(charge, (len(electrons) // 2, 1, 1))


def divide_flat(electrons: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Divide by the relative response of the pixels.

    Parameters
    ----------
    electrons : ndarray [shape=(frame, y, x), unit=electron]
        Charge before the correction.
    flat : ndarray [shape=(y, x)]
        Response relative to the detector's mean.

    Returns
    -------
    ndarray [shape=(frame, y, x), dtype=float64, unit=electron]
        NaN where the flat is not positive, which marks a dead pixel.

    Raises
    ------
    ShapeError
        If `flat` does not fit the frames.

    Examples
    --------
    >>> divide_flat(np.full((1, 1, 3), 30.0), np.array([[1.5, 1.0, 0.0]]))
    array([[[20., 30., nan]]])
    """
    check_shape("flat", flat.shape, _image_axes(electrons))
    return electrons / np.where(flat > 0, flat, np.nan)


def correlated_double_sample(electrons: np.ndarray) -> np.ndarray:
    """Subtract the first read of each ramp from the last one: ``cds = odd - even``.

    This cancels the converter's offset, the level after the reset and the noise of the reset.

    Parameters
    ----------
    electrons : ndarray [shape=(frame, y, x), unit=electron]
        Even and odd reads in turn.

    Returns
    -------
    ndarray [shape=(time, y, x), unit=electron]
        Charge of each exposure; there are half as many as frames.

    Raises
    ------
    ShapeError
        If a frame has no partner.

    Examples
    --------
    >>> correlated_double_sample(np.array([10.0, 35.0, 12.0, 36.0]).reshape(4, 1, 1)).ravel()
    array([25., 24.])
    """
    _check_pairs(electrons)
    return electrons[1::2] - electrons[::2]


def infill(cds: np.ndarray, donors: Donors) -> np.ndarray:
    """Replace bad pixels by weighted sums of good ones, the same in every frame.

    Subtract the foreground first, because it differs between the columns of a pixel and its donors.

    Parameters
    ----------
    cds : ndarray [shape=(time, y, x), unit=electron]
        CDS frames, with the foreground subtracted.
    donors : Donors
        Bad pixels, and the good pixels that replace them; see `find_donors`.

    Returns
    -------
    ndarray [shape=(time, y, x), dtype=float64, unit=electron]

    Examples
    --------
    >>> donors = Donors(np.array([1, 1]), np.array([0, 2]), np.array([0.5, 0.5]))
    >>> infill(np.array([[[10.0, np.nan, 20.0]]]), donors)
    array([[[10., 15., 20.]]])
    """
    known = cds.reshape(len(cds), -1)
    filled = known.astype(np.float64)
    filled[:, donors.target] = 0
    for target, donor, weight in zip(donors.target, donors.donor, donors.weight, strict=True):
        filled[:, target] += weight * known[:, donor]
    return filled.reshape(cds.shape)


def subtract_foreground(cds: np.ndarray, foreground: np.ndarray | float) -> np.ndarray:
    """Subtract the diffuse light under the star.

    Parameters
    ----------
    cds : ndarray [shape=(time, y, x), unit=electron]
        CDS frames.
    foreground : ndarray [shape=(x,), unit=electron/pixel] or float
        Foreground of each column of AIRS, see `fit_foreground`, or of the whole image of FGS1, see
        `border_level`. It is constant in time.

    Returns
    -------
    ndarray [shape=(time, y, x), dtype=float64, unit=electron]

    Raises
    ------
    ShapeError
        If `foreground` is an array and does not have one level per column.

    Examples
    --------
    >>> subtract_foreground(np.full((1, 2, 2), 100.0), np.array([25.0, 30.0]))
    array([[[75., 70.],
            [75., 70.]]])
    """
    if np.ndim(foreground):
        check_shape("foreground", np.shape(foreground), {"x": cds.shape[-1]})
    return np.asarray(cds - foreground)


def _image_axes(frames: np.ndarray) -> dict[str, int | None]:
    """List the names and lengths of the axes of one image."""
    check_shape("frames", frames.shape, {"frame": None, "y": None, "x": None})
    return {"y": frames.shape[1], "x": frames.shape[2]}


def _check_pairs(frames: np.ndarray) -> None:
    _image_axes(frames)
    if len(frames) % 2:
        raise ShapeError(
            f"frames must come in pairs, an even and an odd read of each ramp; got {len(frames)} "
            "along 'frame' (axis 0). Cut the stretch after an odd read."
        )
