"""The public steps of the calibration on arrays small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ariel_kit.core.errors import ShapeError
from ariel_kit.core.instruments import FGS1
from ariel_kit.data.converter import Adc
from ariel_kit.preprocessing import (
    correct_linearity,
    correlated_double_sample,
    divide_flat,
    subtract_dark,
    subtract_foreground,
    to_electrons,
)

SHAPE = (6, 3, 4)


def test_the_converter_divides_by_its_gain(rng: np.random.Generator) -> None:
    electrons = rng.uniform(0, 4e4, SHAPE)
    adu = np.round((electrons - -900.0) * 1.5).astype(np.uint16)
    np.testing.assert_allclose(to_electrons(adu, Adc(1.5, -900.0)), electrons, atol=0.5 / 1.5)


def test_linearity_is_the_polynomial_of_each_pixel(rng: np.random.Generator) -> None:
    terms = np.array([0.1, 1.0, 1e-8, 1.2e-11, -6e-17, 1.3e-22])[:, None, None]
    terms = terms * rng.uniform(0.9, 1.1, (6, 3, 4))
    electrons = rng.uniform(0, 7e4, SHAPE)
    found = correct_linearity(electrons, terms)
    for y, x in np.ndindex(3, 4):
        expected = np.polynomial.polynomial.polyval(electrons[:, y, x], terms[:, y, x])
        np.testing.assert_allclose(found[:, y, x], expected, rtol=1e-12)


def test_dark_current_grows_with_the_time_since_the_reset(rng: np.random.Generator) -> None:
    dark, light = rng.uniform(0, 12, (3, 4)), rng.uniform(0, 100, SHAPE)
    frames = light.copy()
    frames[0::2] += 0.1 * dark
    frames[1::2] += 0.2 * dark
    np.testing.assert_allclose(subtract_dark(frames, dark, FGS1.read_times), light)


def test_steps_do_not_change_what_they_are_given(rng: np.random.Generator) -> None:
    frames = rng.uniform(1, 9, SHAPE)
    kept = frames.copy()
    subtract_dark(frames, np.ones((3, 4)), (0.1, 0.2))
    divide_flat(frames, np.full((3, 4), 2.0))
    subtract_foreground(frames, np.ones(4))
    np.testing.assert_array_equal(frames, kept)


def test_maps_of_another_shape_are_refused() -> None:
    frames = np.ones(SHAPE)
    with pytest.raises(ShapeError, match="linear_corr must have 6 along 'term'"):
        correct_linearity(frames, np.ones((5, 3, 4)))
    with pytest.raises(ShapeError, match="dark must have 4 along 'x'"):
        subtract_dark(frames, np.ones((3, 1)), (0.1, 0.2))
    with pytest.raises(ShapeError, match=r"flat must have 2 axes \(y, x\)"):
        divide_flat(frames, np.ones(4))
    with pytest.raises(ShapeError, match="foreground must have 4 along 'x'"):
        subtract_foreground(frames, np.ones(3))
    with pytest.raises(ShapeError, match=r"frames must have 3 axes \(frame, y, x\)"):
        divide_flat(frames[0], np.ones((3, 4)))


@pytest.mark.parametrize(
    "step",
    [correlated_double_sample, lambda frames: subtract_dark(frames, np.ones((3, 4)), (0.1, 0.2))],
    ids=["cds", "dark"],
)
def test_a_frame_without_its_partner_is_refused(step) -> None:
    with pytest.raises(ShapeError, match=r"must come in pairs.*got 5"):
        step(np.ones((5, 3, 4)))
