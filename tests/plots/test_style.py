"""The shared look: enough contrast, told apart by the colour blind and in grey, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import Normalize, to_hex, to_rgb

from ariel_kit import plots
from ariel_kit.core.errors import UnknownNameError
from ariel_kit.core.instruments import FGS1, wavelengths
from ariel_kit.core.spectrum import Spectrum, WhiteLightCurve
from ariel_kit.data.dataset import Labels
from ariel_kit.plots.style import PALETTES, headroom, new_axes
from ariel_kit.scoring import score
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.simulation.calibration_frames import draw_detector

# Machado, Oliveira and Fernandes (2009), severity 1, on linear light.
BLIND = {
    "none": np.eye(3),
    "protan": np.array(
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    ),
    "deutan": np.array(
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    ),
}


def linear(colour: str) -> np.ndarray:
    """Linear light of an sRGB colour, as WCAG 2 defines it."""
    value = np.array(to_rgb(colour))
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio, 1 to 21."""
    levels = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (levels[1] + 0.05) / (levels[0] + 0.05)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB light."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    t = matrix @ np.clip(light, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("name", PALETTES)
def test_lines_and_words_stand_out_from_their_paper(name):
    colours = PALETTES[name]
    assert contrast(colours.ink, colours.paper) >= 7
    for role in ("data", "model", "other", "quiet"):
        assert contrast(getattr(colours, role), colours.paper) >= 4.2, role


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("kind", BLIND)
def test_the_colour_blind_can_tell_the_colours_apart(name, kind):
    colours = PALETTES[name]
    seen = {role: lab(BLIND[kind] @ linear(getattr(colours, role))) for role in colours._fields}
    for one, other in combinations(("data", "model", "quiet"), 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 20, (one, other)


def test_colours_follow_the_paper_behind_the_axes():
    figure, ax = plt.subplots()
    assert plots.palette(ax) == PALETTES["light"]
    ax.set_facecolor("black")
    assert plots.palette(ax) == PALETTES["dark"]
    ax.set_facecolor("none")
    figure.set_facecolor("#202020")
    assert plots.palette(ax) == PALETTES["dark"]
    with plt.style.context("dark_background"):
        assert plots.palette(plt.subplots()[1]) == PALETTES["dark"]


@pytest.mark.parametrize("name", PALETTES)
def test_a_picture_is_on_the_asked_paper_to_the_pixel(name):
    flat = np.full(283, 0.004)
    with plots.paper(name) as colours:
        ax = plots.plot_spectrum(Spectrum(1, wavelengths(), flat, flat / 100))
        figure = ax.get_figure()
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    paper, dot = (np.round(255 * np.array(to_rgb(c))) for c in (colours.paper, colours.model))
    assert (pixels[0, 0] == paper).all()
    assert np.mean((pixels == paper).all(axis=-1)) > 0.5
    assert (pixels == dot).all(axis=-1).sum() > 10  # FGS1
    assert ax.yaxis.label.get_color() == colours.ink


def test_the_users_style_comes_back():
    before = dict(plt.rcParams)
    with plots.paper("dark"):
        new_axes()
    assert dict(plt.rcParams) == before
    with pytest.raises(UnknownNameError, match="Did you mean 'dark'"), plots.paper("drak"):
        pass


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_headroom_is_a_share_of_the_height_on_any_scale(scale):
    ax = new_axes()
    ax.set(yscale=scale, ylim=(10, 1000))
    headroom(ax, 0.5)
    assert ax.get_ylim() == pytest.approx((10, 1495) if scale == "linear" else (10, 10000))


VISIT = simulate_observation(draw_planets(1, seed=3)[0], seed=0, bin_seconds=144.0)
ONES = np.ones(50)
TRANSIT = ONES - 0.004 * (abs(np.linspace(-3.5, 3.5, 50)) < 1.3)
LIGHT = WhiteLightCurve(
    np.linspace(0, 7, 50), 0.14 * ONES, TRANSIT + 1e-4, 1e-4 * ONES, ONES, TRANSIT
)
SPECTRUM = Spectrum(7, wavelengths(), np.full(283, 0.004), np.full(283, 3e-5), white_light=(LIGHT,))
TRUTH = Labels(np.array([7]), np.full((1, 283), 0.00401))
ROW = {"stages": [], "score": 0.7, "rmse_ppm": 30.0, "coverage": 0.68, "seconds_per_planet": 0.6}
LINES: dict[str, Callable[..., object]] = {
    "spectrum": lambda **k: plots.plot_spectrum(SPECTRUM, **k),
    "white light": lambda **k: plots.plot_white_light_curve(SPECTRUM, **k)[0],
    "residuals": lambda **k: plots.plot_residual_rms(SPECTRUM, **k),
    "scores": lambda **k: plots.plot_score_by_snr(score(TRUTH, [SPECTRUM]), [SPECTRUM], **k),
    "pointing": lambda **k: plots.plot_pointing(VISIT, VISIT, **k)[1],
    "profiles": lambda **k: plots.plot_profiles(np.ones((32, 282)), np.ones((32, 32)), **k)[0],
    "bad pixels": lambda **k: plots.plot_bad_pixels(
        draw_detector(np.random.default_rng(0), FGS1).calibration, **k
    ),
}


@pytest.mark.parametrize("draw", LINES.values(), ids=LINES)
def test_keywords_reach_the_line_of_the_subject(draw):
    given = {"color": "#123456", "linewidth": 2.5, "marker": "D", "label": "mine"}
    found = [line for line in draw(**given).lines if line.get_label() == "mine"]
    assert found
    for line in found:
        assert (line.get_color(), line.get_linewidth(), line.get_marker()) == ("#123456", 2.5, "D")


def test_keywords_reach_bars_histograms_and_maps():
    bars = plots.plot_ablation([ROW], fc="#123456").patches
    assert {to_hex(bar.get_facecolor()) for bar in bars} == {"#123456"}
    histogram = plots.plot_calibration_of_sigma([SPECTRUM], TRUTH, bins=7)[0]
    assert len(histogram.patches) == 7
    norm = Normalize(-100, 100)
    (mesh,) = plots.plot_light_curve_map(VISIT, cmap="gray", norm=norm).collections
    assert (mesh.get_cmap().name, mesh.norm) == ("gray", norm)


def test_a_keyword_and_its_alias_are_refused_together():
    with pytest.raises(TypeError, match="linewidth"):
        plots.plot_spectrum(SPECTRUM, lw=1, linewidth=2)
