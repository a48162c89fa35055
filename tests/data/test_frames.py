"""Raw frames in and out of the two layouts, and what is said about files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ariel_kit.core.errors import DataFileError
from ariel_kit.core.instruments import FGS1
from ariel_kit.data.dataset import Dataset, open_dataset
from ariel_kit.data.frames import Frames, _as_pairs, read_frames

N_FRAMES = 6


@pytest.fixture
def cube(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 65536, (N_FRAMES, FGS1.n_pixels), dtype=np.uint16)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "train_adc_info.csv").write_text("planet_id\n5\n")
    (tmp_path / "train" / "5").mkdir(parents=True)
    return open_dataset(tmp_path)


def write(dataset: Dataset, values: np.ndarray, **options: object) -> Path:
    path = dataset.signal_path("train", 5, FGS1)
    columns = [f"column_{i}" for i in range(values.shape[1])]
    pl.DataFrame(values, schema=columns, orient="row").write_parquet(path, **options)
    return path


def read(dataset: Dataset, pixels: object = None) -> Frames:
    pixels = np.arange(FGS1.n_pixels) if pixels is None else np.asarray(pixels)
    return read_frames(dataset, "train", 5, FGS1, pixels=pixels)


def unpack(frames: Frames) -> np.ndarray:
    """The reads [shape=(frame, pixel)] as the kernels see them."""
    words = np.stack([frames.memory[o : o + frames.n_pairs] for o in frames.offsets], axis=1)
    return np.stack([words & 0xFFFF, words >> 16], axis=1).reshape(-1, words.shape[1])


def test_wide_file_comes_back_as_pairs(dataset: Dataset, cube: np.ndarray) -> None:
    write(dataset, cube)
    np.testing.assert_array_equal(unpack(read(dataset)), cube)


def test_flat_file_comes_back_as_pairs(dataset: Dataset, cube: np.ndarray) -> None:
    write(dataset, cube.reshape(-1, 1))
    np.testing.assert_array_equal(unpack(read(dataset, [7, 1023, 0])), cube[:, [7, 1023, 0]])


def test_row_groups_make_no_difference(dataset: Dataset, cube: np.ndarray) -> None:
    write(dataset, cube, row_group_size=2)
    np.testing.assert_array_equal(unpack(read(dataset)), cube)


def test_pixels_are_read_in_the_order_asked_for(dataset: Dataset, cube: np.ndarray) -> None:
    write(dataset, cube)
    pixels = np.array([900, 3, 40])
    frames = read(dataset, pixels)
    assert len(frames.series) == 3
    np.testing.assert_array_equal(unpack(frames), cube[:, pixels])
    np.testing.assert_array_equal(unpack(frames.take(np.array([2, 0]))), cube[:, [40, 900]])


def test_odd_alignment_is_copied(dataset: Dataset) -> None:
    memory = np.arange(32, dtype=np.uint16)
    frames = _as_pairs([memory[0:4], memory[5:9], memory[11:15]])
    expected = [[0, 5, 11], [1, 6, 12], [2, 7, 13], [3, 8, 14]]
    np.testing.assert_array_equal(unpack(frames), expected)


def test_missing_file_is_named(dataset: Dataset) -> None:
    with pytest.raises(DataFileError, match=r"planet 5: .*FGS1_signal\.parquet is missing.*again"):
        read(dataset)


def test_truncated_file_is_named(dataset: Dataset, cube: np.ndarray) -> None:
    path = write(dataset, cube)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataFileError, match=r"planet 5: .*cannot be read as parquet.*again"):
        read(dataset)


def test_damaged_pages_are_named(dataset: Dataset, cube: np.ndarray) -> None:
    path = write(dataset, cube)
    content = bytearray(path.read_bytes())
    content[100:4000] = bytes(3900)
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"planet 5: .*cannot be read as parquet"):
        read(dataset)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (np.zeros((4, 1000), np.uint16), "must hold 1024 columns.*got 1000"),
        (np.zeros((4, 1024), np.int32), "must hold uint16; got Int32"),
        (np.zeros((0, 1024), np.uint16), "pairs of frames; got 0 frames"),
        (np.zeros((2, 1024), np.uint16), "two or more pairs of frames; got 2 frames"),
        (np.zeros((5, 1024), np.uint16), "pairs of frames; got 5 frames"),
        (np.zeros((1500, 1), np.uint16), "whole frames of 1024 pixels; got 1500"),
        (np.zeros((3072, 1), np.uint16), "pairs of frames; got 3 frames"),
    ],
)
def test_wrong_layout_names_rule_and_remedy(
    dataset: Dataset, values: np.ndarray, rule: str
) -> None:
    write(dataset, values)
    with pytest.raises(DataFileError, match=rf"planet 5: .*{rule}.*\."):
        read(dataset)


def test_nulls_are_refused(dataset: Dataset) -> None:
    path = dataset.signal_path("train", 5, FGS1)
    values = pl.Series([1, None, 3, 4], dtype=pl.UInt16)
    pl.DataFrame({f"column_{i}": values for i in range(1024)}).write_parquet(path)
    with pytest.raises(DataFileError, match="must hold no nulls"):
        read(dataset)
