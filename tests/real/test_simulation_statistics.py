"""The simulator beside the real files: layout to the byte of a name, statistics to some percent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp

from ariel_kit.core.instruments import AIRS, FGS1, INSTRUMENTS, column_wavelengths
from ariel_kit.data.calibration_maps import Calibration
from ariel_kit.data.dataset import open_dataset
from ariel_kit.light_curve.dips import Light
from ariel_kit.light_curve.white_light import fit_white_light
from ariel_kit.simulation import draw_planets, simulate_dataset, simulate_light_curves
from ariel_kit.simulation.calibration_frames import draw_detector
from ariel_kit.simulation.lightcurves import extract
from ariel_kit.simulation.optics import airs_spectrum, foreground, get_star, star_image

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Path:
    return shared_data / "adc2024"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    return simulate_dataset(folder, n_train=1, n_test=1, seed=3, n_pairs=10)


def second_differences(curves: np.ndarray) -> np.ndarray:
    """Scatter that no smooth drift contributes to; time is the last axis."""
    steps = np.diff(curves, 2, axis=-1) / np.sqrt(6)
    return np.asarray(1.4826 * np.median(np.abs(steps), axis=-1))


def test_tables_have_the_real_columns(real: Path, root: Path) -> None:
    for name in ("train_adc_info.csv", "test_adc_info.csv", "train_labels.csv", "wavelengths.csv"):
        simulated, expected = pl.read_csv(root / name), pl.read_csv(real / name)
        assert simulated.columns == expected.columns
        assert simulated.dtypes == expected.dtypes
    sample, expected = (pl.read_csv(p / "sample_submission.csv") for p in (root, real))
    assert sample.columns == expected.columns
    assert sample.row(0)[1:] == expected.row(0)[1:]


def test_wavelengths_and_axes_are_the_real_ones(real: Path, root: Path, tmp_path: Path) -> None:
    from ariel_kit.data.writer import write_grid

    assert np.allclose(
        open_dataset(root).read_wavelengths(),
        pl.read_csv(real / "wavelengths.csv").to_numpy()[0],
        rtol=1e-9,
    )
    write_grid(tmp_path)
    simulated = pl.read_parquet(tmp_path / "axis_info.parquet")
    expected = pl.read_parquet(real / "axis_info.parquet")
    assert simulated.schema == expected.schema
    assert simulated.null_count().equals(expected.null_count())
    for name in expected.columns:
        assert np.allclose(
            simulated[name].drop_nulls(), expected[name].drop_nulls(), rtol=1e-9, atol=1e-12
        )


def test_calibration_files_have_the_real_schema(real: Path, root: Path) -> None:
    expected_folder = real / "calibration_frames" / "test" / "499191466"
    planet = open_dataset(root).planets("test")[0]
    for instrument in INSTRUMENTS:
        for name in ("dark", "dead", "flat", "linear_corr", "read"):
            file = f"{instrument}_calibration/{name}.parquet"
            simulated = pl.read_parquet(root / "test" / str(planet) / file)
            expected = pl.read_parquet(expected_folder / file)
            assert simulated.schema == expected.schema
            assert simulated.shape == expected.shape


@pytest.mark.parametrize("name", ["AIRS-CH0", "FGS1"])
def test_calibration_frames_have_the_real_statistics(real: Path, name: str) -> None:
    instrument = INSTRUMENTS[name]
    for folder in ("train/100468857", "test/499191466"):
        maps = {
            kind: pl.read_parquet(
                real / "calibration_frames" / folder / f"{name}_calibration" / f"{kind}.parquet"
            ).to_numpy()
            for kind in ("dark", "dead", "flat", "read", "linear_corr")
        }
        maps["linear_corr"] = maps["linear_corr"].reshape(6, *maps["dark"].shape)
        expected = Calibration(**maps)
        simulated = draw_detector(np.random.default_rng(1), instrument).calibration
        for kind in ("dark", "read"):
            ours, theirs = getattr(simulated, kind), getattr(expected, kind)
            assert np.median(ours) == pytest.approx(np.median(theirs), rel=0.08)
        assert np.sqrt(np.mean(simulated.read**2)) == pytest.approx(
            np.sqrt(np.mean(expected.read**2)), rel=0.1
        )
        ours, theirs = (c.flat[~c.dead] for c in (simulated, expected))
        assert ours.std() == pytest.approx(theirs.std(), rel=0.2)
        levels = np.array([1e3, 1e4, 3e4, 6e4])
        bends = [
            np.median(
                np.polynomial.polynomial.polyval(levels, c.linear_corr.reshape(6, -1)), axis=0
            )
            for c in (simulated, expected)
        ]
        assert bends[0] == pytest.approx(bends[1], rel=0.003)


def test_star_1_has_the_real_spectrum(real: Path) -> None:
    table = pl.read_csv(real / "star1_airs_spectrum.csv")
    spectrum = np.interp(
        table["wavelength_um"], column_wavelengths()[::-1], airs_spectrum(get_star(1))[::-1]
    )
    error = np.abs(spectrum / table["electrons_per_CDS_frame"].to_numpy() - 1)
    print(f"\nstar 1 spectrum, error: {np.percentile(error, [50, 90]).round(3)} (50 and 90 %)")
    assert np.median(error) < 0.03
    assert np.percentile(error, 90) < 0.12


def test_image_has_the_real_row_profile_at_every_wavelength(real: Path) -> None:
    with np.load(real / "planet_724899303_lightcurves.npz") as file:
        expected = file["psf_mean_rows8to24_x_282detcols"]
    image = star_image(get_star(1), AIRS)[0][AIRS.signal_rows, AIRS.columns]
    difference = np.abs(image / image.sum(axis=0) - expected / expected.sum(axis=0))
    print(f"\nrow profile: largest difference {difference.max():.4f}, mean {difference.mean():.5f}")
    assert difference.max() < 0.02
    assert difference.mean() < 0.004


@pytest.mark.parametrize("star", [0, 1])
def test_white_light_has_the_real_noise(real: Path, star: int) -> None:
    """The real curves sum all rows; so does the sum of the frames' variance here."""
    with np.load(real / "white_lightcurves.npz") as file:
        flux = file["flux"][file["star"] == star]
    out_of_transit = flux[:, :48]
    theirs = np.median(second_differences(out_of_transit)) * 1e6
    planets = draw_planets(30, seed=2, stars=(star,))
    curves = [airs for airs, _ in simulate_light_curves(planets, seed=0)]
    white = np.array(
        [airs.flux[:48].sum(axis=1) / airs.flux[:48].sum(axis=1).mean() for airs in curves]
    )
    ours = np.median(second_differences(white)) * 1e6
    calibration = draw_detector(planets[0].rng(1), AIRS).calibration
    noise = foreground(AIRS) + 2 * calibration.read**2
    level = get_star(star).airs_level
    all_rows = np.sqrt((level + noise[:, AIRS.columns].sum()) / 30) / level * 1e6
    print(f"\nstar {star}, ppm: real {theirs:.1f}, all rows {all_rows:.1f}, rows 8-23 {ours:.1f}")
    assert all_rows == pytest.approx(theirs, rel=0.05)
    assert ours == pytest.approx(theirs, rel=0.15)


def test_noise_per_wavelength_is_that_of_the_real_planet(real: Path) -> None:
    with np.load(real / "planet_724899303_lightcurves.npz") as file:
        flux, counts = file["plain_AIRS_data"], file["plain_AIRS_points_per_bin"]
    long = counts == counts.max()
    whole = long[:-2] & long[1:-1] & long[2:]
    steps = np.diff(flux, 2, axis=0)[whole] / np.sqrt(6) * np.sqrt(counts.max())
    theirs = steps.std(axis=0)
    planet = draw_planets(1, seed=2, stars=(1,))[0]
    calibration = draw_detector(planet.rng(1), AIRS).calibration
    extraction = extract(planet, AIRS, calibration)
    ours = np.sqrt(extraction.shot + extraction.floor)
    assert flux.mean(axis=0) == pytest.approx(extraction.level, rel=0.2)
    ratio = np.median(ours / theirs)
    print(f"\nnoise per wavelength, simulated over real: {ratio:.3f}")
    assert ratio == pytest.approx(1, abs=0.06)


def test_fgs1_has_the_real_noise(real: Path) -> None:
    """Plain sum of the real planet, and the same planet with weighted, jitter-free pixels."""
    with np.load(real / "planet_724899303_lightcurves.npz") as file:
        plain, weighted = file["plain_FGS_noise_est"][0], file["jitter_corrected_FGS_noise_est"][0]
    planet = draw_planets(1, seed=2, stars=(1,))[0]
    calibration = draw_detector(planet.rng(2), FGS1).calibration
    extraction = extract(planet, FGS1, calibration)
    optimal = np.sqrt(extraction.shot + extraction.floor)[0]
    dy, dx = np.random.default_rng(0).normal(0, 0.1, (2, 5000))
    image = star_image(get_star(1), FGS1)
    moving = image[1:].sum(axis=(1, 2)) @ np.stack([dy, dx, dy**2, dy * dx, dx**2])
    total = np.sqrt(moving.var() + image[0].sum() + (2 * calibration.read**2 + 2).sum())
    print(f"\nFGS1: plain {total:.0f} (real {plain:.0f}), weighted {optimal:.0f} ({weighted:.0f})")
    assert total == pytest.approx(plain, rel=0.2)
    assert optimal == pytest.approx(weighted, rel=0.1)


def test_converters_have_the_real_statistics(real: Path) -> None:
    expected = pl.read_csv(real / "train_adc_info.csv")
    planets = draw_planets(400, seed=1)
    for star in (0, 1):
        theirs = expected.filter(pl.col("star") == star)
        ours = [planet for planet in planets if planet.star == star]
        for instrument in (AIRS, FGS1):
            adc = np.array([planet.adc(instrument) for planet in ours])
            for column, field in enumerate(("gain", "offset")):
                values = theirs[f"{instrument.name}_adc_{field}"].to_numpy()
                spread = 3 * values.std() if field == "offset" else 0.02 * values.mean()
                assert adc[:, column].mean() == pytest.approx(values.mean(), abs=spread)


def fitted_drifts(flux: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Legendre coefficients 1..5 of the white drift beside a free transit [shape=(planet, 5)]."""
    time = (np.arange(187) + 0.5) * 144 / 3600
    span = np.full(187, 144 / 3600)
    wide = np.diag([1500.0, 1000, 600, 300, 100]) ** 2 * 1e-12
    white = fit_white_light(Light(time, span, flux, noise), wide)
    return white.drift


def test_drift_of_white_light_is_that_of_the_real_curves(real: Path) -> None:
    """The same fit of real and simulated curves: sizes order by order, and the peak to peak."""
    with np.load(real / "white_lightcurves.npz") as file:
        flux, star = file["flux"].astype(np.float64), file["star"]
    ppm = np.where(star == 0, 73.0, 52.0)[:, None]
    theirs = fitted_drifts(flux, ppm * 1e-6 * flux)
    planets = draw_planets(len(flux), seed=17)
    white = [airs.flux[:187].sum(axis=1) for airs, _ in simulate_light_curves(planets, seed=0)]
    relative = np.array(white) / np.mean(white, axis=1, keepdims=True)
    ppm = np.array([73.0 if planet.star == 0 else 52.0 for planet in planets])[:, None]
    ours = fitted_drifts(relative, ppm * 1e-6 * relative)
    x = np.linspace(-1, 1, 187)
    ranges = [
        np.ptp(np.polynomial.legendre.legval(x, np.insert(c, 0, 0, axis=1).T), axis=1)
        for c in (theirs, ours)
    ]
    for name, c, ptp in zip(("real", "simulated"), (theirs, ours), ranges, strict=True):
        sizes = np.sqrt((c**2).mean(axis=0)) * 1e6
        neighbours = [np.corrcoef(c[:, k : k + 2].T)[0, 1] for k in range(3)]
        print(
            f"\n{name}: Legendre 1-5 {sizes.round(1)} ppm, neighbours {np.round(neighbours, 2)}, "
            f"peak to peak {(np.percentile(ptp, [5, 50, 95]) * 1e6).round(0)}"
        )
    sizes = [np.sqrt((c[:, :4] ** 2).mean(axis=0)) for c in (ours, theirs)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.2)
    assert ks_2samp(*ranges).pvalue > 0.01
