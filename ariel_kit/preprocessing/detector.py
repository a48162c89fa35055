"""One detector in one visit: its pixels, their calibration constants, passes over its samples."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from ariel_kit.core.instruments import AIRS, Instrument
from ariel_kit.data.calibration_maps import Calibration, check_medians
from ariel_kit.data.converter import Adc
from ariel_kit.data.dataset import Dataset
from ariel_kit.data.frames import Frames, read_frames
from ariel_kit.preprocessing import kernels
from ariel_kit.preprocessing.badpixels import Donors, find_bad_pixels

TIGHT_BLOCKS = 6
"""Number of parts in which frames are read that are not kept in memory."""


@dataclass(frozen=True)
class RawVisit:
    """The raw frames of one visit, as a place in a data set.

    Attributes
    ----------
    dataset : Dataset
    split : str
    planet_id : int
    number : int
        Index of the visit.
    """

    dataset: Dataset
    split: str
    planet_id: int
    number: int

    def open(self, instrument: Instrument) -> Detector:
        """Read the calibration frames of a detector; AIRS is sorted by ascending wavelength."""
        where = (self.split, self.planet_id, instrument)
        adc = self.dataset.adc(*where)
        calibration = self.dataset.read_calibration(*where, self.number)
        check_medians(self.dataset.calibration_path(*where, self.number), calibration)
        reasons = find_bad_pixels(calibration)
        columns = extracted_columns(instrument)
        pixels = np.arange(instrument.n_pixels).reshape(instrument.height, instrument.width)
        constants = pixel_constants(calibration, adc, instrument, reasons.any)
        counts = {name: int(mask[:, columns].sum()) for name, mask in reasons._asdict().items()}
        return Detector(
            visit=self,
            instrument=instrument,
            pixels=pixels[:, columns],
            bad=reasons.any[:, columns],
            constants=np.ascontiguousarray(constants[:, columns]).reshape(-1, constants.shape[-1]),
            read_variance=2 * calibration.read[:, columns] ** 2,
            facts={"gain": adc.gain, "offset": adc.offset, **counts, "saturated": 0},
        )


def extracted_columns(instrument: Instrument) -> np.ndarray:
    """List the extracted detector columns; those of AIRS are sorted by ascending wavelength.

    Parameters
    ----------
    instrument : Instrument

    Returns
    -------
    ndarray [shape=(x,), dtype=int64]

    Examples
    --------
    >>> extracted_columns(AIRS)[[0, -1]]
    array([320,  39])
    """
    columns = np.arange(instrument.width)[instrument.columns]
    return columns[::-1] if instrument is AIRS else columns


def pixel_constants(
    calibration: Calibration, adc: Adc, instrument: Instrument, bad: np.ndarray
) -> np.ndarray:
    """Combine converter, linearity, dark and flat into six numbers per pixel.

    With ``electrons = adu / gain + offset`` the linearity polynomial ``sum_k l_k electrons^k``
    becomes a polynomial in ADU with the coefficients
    ``c_p = sum_k l_k binomial(k, p) offset^(k - p) / gain^p``. Its constant term is left out,
    because correlated double sampling cancels it.

    Parameters
    ----------
    calibration : Calibration
        Calibration maps of the detector.
    adc : Adc
        Gain (ADU per electron) and offset (electrons) of the converter.
    instrument : Instrument
    bad : ndarray [shape=(y, x), dtype=bool]
        Bad pixels.

    Returns
    -------
    ndarray [shape=(y, x, 6), dtype=float32]
        Terms 1 to 5 of the polynomial (electron/adu^p), then the dark charge of one exposure
        (electron), all divided by the flat. Zero where bad, so that no wrong value enters a sum.
    """
    terms = np.where(bad, 0.0, calibration.linear_corr)
    constants = np.zeros((*bad.shape, len(terms)))
    for power in range(1, len(terms)):
        for k in range(power, len(terms)):
            shift = comb(k, power) * adc.offset ** (k - power)
            constants[..., power - 1] += terms[k] * shift / adc.gain**power
    constants[..., -1] = np.where(bad, 0.0, calibration.dark) * instrument.exposure
    return (constants / np.where(bad, 1.0, calibration.flat)[..., None]).astype(np.float32)


@dataclass(frozen=True)
class Detector:
    """The extracted part of a detector, with methods that loop over its samples.

    Attributes
    ----------
    visit : RawVisit
    instrument : Instrument
    pixels : ndarray [shape=(y, x), dtype=int64]
        Index of each pixel in the file.
    bad : ndarray [shape=(y, x), dtype=bool]
        Bad pixels.
    constants : ndarray [shape=(pixel, 6), dtype=float32]
        Calibration constants, from `pixel_constants`.
    read_variance : ndarray [shape=(y, x), dtype=float64, unit=electron^2]
        Read noise variance of one CDS frame.
    facts : dict
        Facts for the provenance.
    kept : Future of Frames, optional
        The frames of all pixels, see `read_ahead`.
    """

    visit: RawVisit
    instrument: Instrument
    pixels: np.ndarray
    bad: np.ndarray
    constants: np.ndarray
    read_variance: np.ndarray
    facts: dict[str, Any]
    kept: Future[Frames] | None = None

    def read_ahead(self, reader: Executor) -> Detector:
        """Let a thread read the frames of all pixels, and keep them in memory.

        A detector that was not read ahead reads its frames in parts each time they are needed,
        which saves memory.

        Parameters
        ----------
        reader : Executor
            Executor of one thread, which reads one detector after the other.

        Returns
        -------
        Detector
            The same detector; it waits for the frames when it needs the first of them.
        """
        return replace(self, kept=reader.submit(self._read, np.arange(self.pixels.size)))

    def variance(self, levels: np.ndarray) -> np.ndarray:
        """Compute the noise variance of one CDS frame: read noise and photon noise.

        Parameters
        ----------
        levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
            Mean CDS image.

        Returns
        -------
        ndarray [shape=(y, x), dtype=float64, unit=electron^2]
            Infinite where bad.
        """
        return np.where(self.bad, np.inf, self.read_variance + np.maximum(levels, 0))

    @property
    def signal_path(self) -> Path:
        """Path of the file of raw frames."""
        visit = self.visit
        return visit.dataset.signal_path(
            visit.split, visit.planet_id, self.instrument, visit.number
        )

    @property
    def calibration_path(self) -> Path:
        """Path of the folder of calibration frames."""
        visit = self.visit
        return visit.dataset.calibration_path(
            visit.split, visit.planet_id, self.instrument, visit.number
        )

    @property
    def n_blocks(self) -> int:
        """Number of parts in which the frames are read."""
        return TIGHT_BLOCKS if self.kept is None else 1

    def _read(self, pixels: np.ndarray) -> Frames:
        visit = self.visit
        wanted = self.pixels.ravel()[pixels]
        return read_frames(
            visit.dataset,
            visit.split,
            visit.planet_id,
            self.instrument,
            pixels=wanted,
            visit=visit.number,
        )

    def _frames(self, pixels: np.ndarray) -> Frames:
        """Return the frames of some pixels from memory, or read them if they are not kept."""
        return self._read(pixels) if self.kept is None else self.kept.result().take(pixels)

    def without(self, pixels: np.ndarray, reason: str) -> Detector:
        """Return the detector with more pixels marked as bad.

        Parameters
        ----------
        pixels : ndarray [shape=(y, x), dtype=bool]
            Pixels to mark as bad.
        reason : str
            Why they are bad, for the provenance.
        """
        constants = np.where(pixels.reshape(-1, 1), np.float32(0), self.constants)
        facts = {**self.facts, reason: int(pixels.sum())}
        return replace(self, bad=self.bad | pixels, constants=constants, facts=facts)

    def mean_image(self) -> tuple[np.ndarray, np.ndarray]:
        """Average the CDS frames, and count the saturated ones.

        Returns
        -------
        levels : ndarray [shape=(y, x), dtype=float64, unit=electron]
            Mean CDS image.
        full : ndarray [shape=(y, x), dtype=float64]
            Share of each pixel's pairs that are saturated.
        """
        levels, full = np.empty(self.pixels.size), np.empty(self.pixels.size)
        for block in np.array_split(np.arange(self.pixels.size), self.n_blocks):
            frames = self._frames(block)
            part, count = np.empty(len(block)), np.empty(len(block), np.int64)
            kernels.mean_levels(
                frames.memory, frames.offsets, frames.n_pairs, self.constants[block], part, count
            )
            levels[block], full[block] = part, count / frames.n_pairs
        return levels.reshape(self.pixels.shape), full.reshape(self.pixels.shape)

    def sample(self, inside: np.ndarray, *, stretches: int, length: int) -> np.ndarray:
        """Calibrate the frames of some pixels in stretches spread over the observation.

        Parameters
        ----------
        inside : ndarray [shape=(y, x), dtype=bool]
            Pixels to calibrate.
        stretches : int
            Largest number of stretches.
        length : int
            Number of CDS frames in each stretch.

        Returns
        -------
        ndarray [shape=(pixel, time), dtype=float32, unit=electron]
        """
        pixels = np.flatnonzero(inside)
        frames = self._frames(pixels)
        length = min(length, frames.n_pairs)
        starts = np.unique(np.linspace(0, frames.n_pairs - length, stretches).astype(np.int64))
        samples = np.zeros((len(starts), len(pixels), 1, length), np.float32)
        each, ones = np.arange(len(pixels) + 1), np.ones((len(pixels), 1), np.float32)
        for first, part in zip(starts, samples, strict=True):
            kernels.weighted_sums(
                frames.memory,
                frames.offsets + first,
                self.constants[pixels],
                each,
                each[:-1],
                ones,
                part,
            )
        return samples[:, :, 0].transpose(1, 0, 2).reshape(len(pixels), -1)

    def extract(
        self, modes: np.ndarray, output: np.ndarray, donors: Donors, foreground: np.ndarray
    ) -> np.ndarray:
        """Compute weighted sums of calibrated pixels, with bad pixels replaced by their donors.

        Parameters
        ----------
        modes : ndarray [shape=(y, x, mode), dtype=float64]
            Weights of each pixel.
        output : ndarray [shape=(y, x), dtype=int64]
            Index of the light curve that a pixel belongs to.
        donors : Donors
            Donors of the bad pixels.
        foreground : ndarray [shape=(y, x), dtype=float64, unit=electron]
            Foreground of each pixel, which is subtracted.

        Returns
        -------
        ndarray [shape=(output, mode, time), dtype=float32]
            Sums, in electrons times the unit of the weights.
        """
        flat = modes.reshape(self.pixels.size, -1)
        good = np.flatnonzero(flat.any(axis=1) & ~self.bad.ravel())
        pixels = np.concatenate([good, donors.donor])
        weights = np.concatenate([flat[good], flat[donors.target] * donors.weight[:, None]])
        owners = output.ravel()[np.concatenate([good, donors.target])]
        order = np.argsort(owners, kind="stable")
        pixels, weights, owners = pixels[order], weights[order], owners[order]
        light = np.zeros((int(output.max()) + 1, flat.shape[1]))
        np.add.at(light, owners, weights * foreground.ravel()[pixels, None])
        parts = [
            self._sums(outputs, owners, pixels, weights.astype(np.float32))
            for outputs in np.array_split(np.arange(len(light)), min(self.n_blocks, len(light)))
        ]
        sums = parts[0] if len(parts) == 1 else np.concatenate(parts)
        sums -= light[:, :, None].astype(np.float32)
        return sums

    def _sums(
        self, outputs: np.ndarray, owners: np.ndarray, pixels: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        starts = np.searchsorted(owners, np.append(outputs, outputs[-1] + 1))
        mine = slice(starts[0], starts[-1])
        used, entries = np.unique(pixels[mine], return_inverse=True)
        frames = self._frames(used)
        sums = np.zeros((len(outputs), weights.shape[1], frames.n_pairs), np.float32)
        kernels.weighted_sums(
            frames.memory,
            frames.offsets,
            self.constants[used],
            starts - starts[0],
            entries,
            weights[mine],
            sums,
        )
        return sums
