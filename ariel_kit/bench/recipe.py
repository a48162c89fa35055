"""The usual recipe of calibration, written plainly with numpy and pandas: a yardstick of speed.

It takes the steps of the organisers' public notebook in their order, in double precision, and
bins the frames. Its results are not used for anything else.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ariel_kit.core.instruments import INSTRUMENTS, Instrument
from ariel_kit.data.dataset import Dataset

PAIRS_PER_BIN = {"AIRS-CH0": 30, "FGS1": 360}
CLIP_SIGMA, CLIP_ROUNDS = 5.0, 5


def calibrate_plainly(dataset: Dataset, planet_id: int, split: str = "train") -> list[np.ndarray]:
    """Calibrate one planet by the usual recipe.

    Parameters
    ----------
    dataset : Dataset
    planet_id : int
    split : str

    Returns
    -------
    list of ndarray [shape=(bin, row, column), dtype=float64, unit=electron]
        Binned frames of AIRS and FGS1; NaN in bad pixels.
    """
    return [_calibrate(dataset, planet_id, split, one) for one in INSTRUMENTS.values()]


def _calibrate(dataset: Dataset, planet_id: int, split: str, instrument: Instrument) -> np.ndarray:
    path = dataset.signal_path(split, planet_id, instrument, 0)
    folder = dataset.calibration_path(split, planet_id, instrument, 0)
    shape = instrument.height, instrument.width
    maps = {
        name: pd.read_parquet(folder / f"{name}.parquet").to_numpy(np.float64)
        for name in ("dark", "dead", "flat", "linear_corr")
    }
    dark, dead, flat = (maps[name].reshape(shape) for name in ("dark", "dead", "flat"))
    bad = dead.astype(bool) | _hot(dark)
    converter = dataset.adc(split, planet_id, instrument)
    frames = pd.read_parquet(path).to_numpy().astype(np.float64).reshape(-1, *shape)
    frames /= converter.gain
    frames += converter.offset
    frames[:, bad] = np.nan
    coefficients = maps["linear_corr"].reshape(-1, *shape)[::-1]
    for row, column in np.ndindex(shape):
        polynomial = np.poly1d(coefficients[:, row, column])
        frames[:, row, column] = polynomial(frames[:, row, column])
    times = np.resize(instrument.read_times, len(frames))
    frames -= dark * times[:, None, None]
    pairs = frames[1::2] - frames[::2]
    size = PAIRS_PER_BIN[instrument.name]
    whole = len(pairs) // size * size
    return pairs[:whole].reshape(-1, size, *shape).sum(axis=1) / flat


def _hot(dark: np.ndarray) -> np.ndarray:
    """Find hot pixels by clipping the dark current about its median."""
    hot = np.zeros(dark.shape, bool)
    for _ in range(CLIP_ROUNDS):
        good = dark[~hot]
        hot |= np.abs(dark - np.median(good)) > CLIP_SIGMA * np.std(good)
    return hot
