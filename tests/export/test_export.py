"""What is exported comes back equal, with its units, by the programs that others read it with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ariel_kit.cli import main
from ariel_kit.core.cache import StoredSequence
from ariel_kit.core.citation import bibtex
from ariel_kit.core.config import RunSettings
from ariel_kit.core.errors import BudgetError, ConfigError, UnknownNameError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.observation import Observation
from ariel_kit.data.dataset import open_dataset
from ariel_kit.export import export_run, files
from ariel_kit.pipeline import run_pipeline
from ariel_kit.run.folder import Run, RunFolder
from ariel_kit.run.line import load_line
from ariel_kit.run.result import RunResult

astropy_table = pytest.importorskip("astropy.table", reason="the science extra is not installed")
xr = pytest.importorskip("xarray", reason="the science extra is not installed")

pytestmark = pytest.mark.usefixtures("calibrations")
_made: dict[str, tuple[Path, RunResult]] = {}
FITTED, FAILED = 0, 1


@pytest.fixture
def made(tiny, tmp_path_factory) -> tuple[Path, RunResult]:
    """A run whose first planet was fitted and whose second could not be read."""
    if "run" not in _made:
        data = Path(shutil.copytree(tiny, tmp_path_factory.mktemp("damaged") / "raw"))
        _, second = open_dataset(data).planets("test")
        (data / "test" / str(second) / "AIRS-CH0_calibration" / "flat.parquet").unlink()
        path = tmp_path_factory.mktemp("run")
        _made["run"] = path, run_pipeline(data, path, settings=RunSettings())
    return _made["run"]


@pytest.fixture
def run(made) -> Run:
    return RunFolder(made[0]).read()


def test_a_run_keeps_the_covariance_of_what_it_fitted(made, run):
    result = made[1]
    kept = run.spectrum(result.spectra[FITTED].planet_id)
    line = load_line(RunSettings(), edition=2024)
    (fitted,) = line(StoredSequence(Observation, result.products), result.prior)
    np.testing.assert_allclose(kept.covariance, fitted.covariance, rtol=1e-6)
    np.testing.assert_array_equal(kept.covariance, kept.covariance.T)
    assert np.linalg.eigvalsh(kept.full_covariance)[0] > 0
    assert run.spectrum(made[1].spectra[FAILED].planet_id).covariance is None
    assert (made[0] / "covariances.npz").stat().st_size < 170_000
    with pytest.raises(UnknownNameError, match="Unknown planet of this run '5'"):
        run.spectrum(5)


def test_a_run_of_before_has_no_covariance(made, tmp_path):
    old = Path(shutil.copytree(made[0], tmp_path / "old"))
    (old / "covariances.npz").unlink()
    assert RunFolder(old).read().spectrum(made[1].spectra[0].planet_id).covariance is None


def expected(run: Run, row: int) -> dict[str, np.ndarray]:
    spectrum = run.spectrum(run.spectra[row].planet_id)
    return {
        "wavelength": wavelengths(),
        "depth": spectrum.mean,
        "sigma": spectrum.sigma,
        "covariance": spectrum.full_covariance.astype(np.float32),
    }


def test_ecsv_comes_back_equal_with_units(made, run, tmp_path):
    paths = export_run(made[0], tmp_path, file_format="ecsv", draws=3)
    assert [path.name for path in paths] == [f"{s.planet_id}.ecsv" for s in run.spectra]
    for row, path in enumerate(paths):
        table = astropy_table.QTable.read(path, format="ascii.ecsv")
        for name, values in expected(run, row).items():
            np.testing.assert_array_equal(np.asarray(table[name].value), values)
        assert str(table["wavelength"].unit) == "um"
        assert table["depth"].unit.physical_type == "dimensionless"
        assert table["draws"].shape == (283, 3)
        assert table.meta["planet_id"] == run.spectra[row].planet_id
        assert json.loads(table.meta["provenance"]) == run.spectra[row].provenance
        assert table.meta["bibtex"] == bibtex()
    meta = astropy_table.QTable.read(paths[FITTED], format="ascii.ecsv").meta
    assert meta["fit"]["mid_time"] == run.spectra[FITTED].fit.mid_time
    assert "AIRS-CH0_calibration/flat.parquet" in table.meta["failure"]


def test_fits_comes_back_equal_with_units(made, run, tmp_path):
    from astropy.io import fits

    (path,) = export_run(made[0], tmp_path, file_format="fits", draws=4)
    with fits.open(path, checksum=True) as hdus:
        names = ["PRIMARY", "ABOUT", "WAVELENGTH", "SPECTRA", "COVARIANCE", "DRAWS"]
        assert [hdu.name for hdu in hdus] == names
        table = astropy_table.QTable.read(hdus["SPECTRA"])
        for row in (FITTED, FAILED):
            want = expected(run, row)
            np.testing.assert_array_equal(table["depth"][row], want["depth"])
            np.testing.assert_array_equal(table["sigma"][row], want["sigma"])
            np.testing.assert_array_equal(hdus["COVARIANCE"].data[row], want["covariance"])
        assert table["planet_id"].tolist() == [s.planet_id for s in run.spectra]
        assert str(table["mid_time"].unit) == "h"
        assert table["mid_time"][FITTED].value == run.spectra[FITTED].fit.mid_time
        assert table["mid_time"].mask[FAILED]  # NaN in the file, which astropy masks
        law = run.spectra[FITTED].fit.limb_darkening
        np.testing.assert_array_equal(table["limb_darkening"][FITTED], law)
        assert hdus["DRAWS"].data.shape == (2, 4, 283)
        assert str(astropy_table.QTable.read(hdus["WAVELENGTH"])["wavelength"].unit) == "um"
        about = dict(hdus["ABOUT"].data.tolist())
    assert about["bibtex"] == bibtex()
    assert json.loads(about["versions"]) == run.record.versions


def test_netcdf_comes_back_equal_with_units(made, run, tmp_path):
    (path,) = export_run(made[0], tmp_path, file_format="netcdf", draws=2)
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        for row, spectrum in enumerate(run.spectra):
            one = stored.sel(planet=spectrum.planet_id)
            for name, values in expected(run, row).items():
                np.testing.assert_array_equal(one[name], values)
            assert json.loads(str(one["provenance"].item())) == spectrum.provenance
        assert stored["wavelength"].attrs["units"] == "um"
        assert stored["depth"].attrs["units"] == "1"
        assert stored["mid_time"].attrs["units"] == "h"
        assert stored["draws"].shape == (2, 2, 283)
        assert stored.attrs["citation"].endswith("Data under CC BY-NC 4.0.")


def test_words_that_are_no_ascii_and_empty_ones_survive_fits():
    assert files._ascii("Zoë") == "Zo\\xeb"
    assert files._ascii("") == " "


def test_a_missing_package_and_an_unknown_format_are_told(made, tmp_path, monkeypatch, capsys):
    with pytest.raises(UnknownNameError, match=r"Unknown format 'fit'. Did you mean 'fits'\?"):
        export_run(made[0], tmp_path, file_format="fit")
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"netcdf needs xarray and h5netcdf.*ariel-kit\[science\]"
    ):
        export_run(made[0], tmp_path, file_format="netcdf")
    assert main(["export", str(made[0]), "--output-dir", str(tmp_path)]) == 1
    assert "ecsv needs astropy" in capsys.readouterr().err


def test_the_verb_lists_its_files(made, tmp_path, capsys):
    command = ["export", str(made[0]), "--output-dir", str(tmp_path), "--format", "fits"]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [str(tmp_path / "spectra.fits")]}


def test_draws_that_fit_into_no_memory_are_refused(made, tmp_path):
    with pytest.raises(BudgetError, match=r"1000000000 draws for 2 planets needs .* Ask for fewer"):
        export_run(made[0], tmp_path, file_format="fits", draws=10**9)
