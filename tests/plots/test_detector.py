"""Pictures of the detectors and of the pointing show planted facts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariel_kit import plots
from ariel_kit.core.errors import ShapeError
from ariel_kit.core.instruments import AIRS
from ariel_kit.core.observation import Observation
from ariel_kit.data.calibration_maps import Calibration
from ariel_kit.simulation import draw_planets, simulate_observation


@pytest.fixture(scope="module")
def visit() -> Observation:
    return simulate_observation(draw_planets(1, seed=8)[0], seed=3, bin_seconds=9.6)


def test_bad_pixels_are_where_they_were_planted():
    frame = (AIRS.height, AIRS.width)
    rng = np.random.default_rng(0)
    dark = rng.normal(0.007, 0.001, frame)
    dark[4, 50] = 10.0
    dead = np.zeros(frame, bool)
    dead[7, 300] = True
    linear = np.zeros((6, *frame))
    linear[1] = 1.0
    calibration = Calibration(dark, dead, np.ones(frame), linear, np.full(frame, 13.5))
    ax = plots.plot_bad_pixels(calibration, name="AIRS-CH0")
    points = {line.get_label().split(":")[0]: line for line in ax.get_lines()}
    assert points["hot"].get_xydata().tolist() == [[50, 4]]
    assert points["dead"].get_xydata().tolist() == [[300, 7]]
    assert len(points["wild"].get_xydata()) == 0
    assert len({line.get_marker() for line in points.values()}) == 3
    low, high = ax.get_ylim()  # rows go up, as in the image of the star
    assert low < 0 < AIRS.height <= high
    assert ax.get_title(loc="left") == "AIRS-CH0: bad pixels"
    assert plots.plot_bad_pixels(calibration).get_title(loc="left") == "bad pixels"


def images() -> tuple[np.ndarray, np.ndarray]:
    """Row 12 holds most of the light; the star stands at row 20, column 9."""
    airs, fgs1 = np.ones((32, 282)), np.ones((32, 32))
    airs[12] = 69.0
    fgs1[20, 9] = 5e4
    return airs, fgs1


def test_the_row_profile_is_the_share_of_the_light():
    left, _ = plots.plot_profiles(*images())
    lines = {line.get_label(): line for line in left.get_lines()}
    rows, share = lines["all wavelengths"].get_data()
    assert rows[np.argmax(share)] == 12
    assert share[12] == pytest.approx(0.69)
    assert share.sum() == pytest.approx(1)
    assert len({line.get_linestyle() for line in lines.values()}) == 3
    (window,) = left.patches
    assert window.get_x() == 7.5
    assert window.get_width() == 16


def test_the_image_of_the_star_has_its_row_up():
    _, right = plots.plot_profiles(*images())
    (drawn,) = right.images
    assert np.unravel_index(np.argmax(drawn.get_array()), (32, 32)) == (20, 9)
    assert drawn.origin == "lower"
    assert drawn.colorbar.ax.get_ylabel() == "electrons per frame"


def test_images_of_other_detectors_are_refused():
    airs, fgs1 = images()
    with pytest.raises(ShapeError, match="airs_image must have 282 along 'wavelength'"):
        plots.plot_profiles(fgs1, fgs1)
    with pytest.raises(ShapeError, match="fgs1_image must have 32 along 'x'"):
        plots.plot_profiles(airs, airs)


def test_pointing_is_shown_with_mean_and_scatter_in_pixels(visit):
    top, _, _ = plots.plot_pointing(visit, visit)
    n = len(visit.pointing) // 15 * 15
    bins = visit.pointing[:n].reshape(-1, 15, 2).astype(float)
    for axis, line in enumerate(top.get_lines()):
        np.testing.assert_allclose(line.get_ydata(), bins.mean(axis=1)[:, axis])
        scatter = np.sqrt(np.mean(bins.var(axis=1)[:, axis]))
        assert line.get_label() == f"{'yx'[axis]}, {scatter:.3f} pixel rms within a bin"
    assert top.get_ylabel() == "pointing (pixel)"


def test_the_noise_spectrum_has_the_density_of_white_noise_and_falls_with_the_correction(visit):
    rng = np.random.default_rng(4)
    level, dt = 2e5, 3600 * float(visit.fgs1_time[1] - visit.fgs1_time[0])
    noise = rng.standard_normal(len(visit.fgs1))
    noisy, quiet = (
        replace(visit, fgs1=(level * (1 + sigma * noise)).astype(np.float32))
        for sigma in (2e-3, 1e-3)
    )
    _, _, bottom = plots.plot_pointing(noisy, quiet)
    before, after = (line.get_ydata() for line in bottom.get_lines())
    assert np.sqrt(np.mean(before**2)) == pytest.approx(2e3 * np.sqrt(2 * dt), rel=0.1)
    np.testing.assert_allclose(before / after, 2, rtol=0.01)
    assert bottom.get_lines()[0].get_xdata()[-1] == pytest.approx(0.5 / dt * 63 / 64)
    assert bottom.get_ylim()[0] == 0
    assert (bottom.get_xlabel(), bottom.get_ylabel()) == ("frequency (Hz)", "noise (ppm/√Hz)")


def test_the_flux_is_in_ppm_of_the_level_before(visit):
    after = replace(visit, fgs1=visit.fgs1 * np.float32(1.001))
    _, middle, _ = plots.plot_pointing(visit, after)
    before, corrected = (line.get_ydata() for line in middle.get_lines())
    curve = visit.binned(144.0)[1].flux[:, 0]
    np.testing.assert_allclose(before, (curve / np.median(visit.fgs1) - 1) * 1e6, atol=0.1)
    np.testing.assert_allclose(corrected - before, 1000, rtol=0.02)


def test_visits_of_different_length_are_refused(visit):
    short = replace(visit, **{k: getattr(visit, k)[:-1] for k in ("fgs1", "fgs1_time", "pointing")})
    with pytest.raises(ShapeError, match="after must have"):
        plots.plot_pointing(visit, short)
