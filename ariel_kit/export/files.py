"""Write a run as ECSV or FITS through astropy, or as netCDF through xarray."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ariel_kit.core.cache import atomic_path
from ariel_kit.core.errors import ConfigError, UnknownNameError
from ariel_kit.export.contents import UNITS, RunContents, gather
from ariel_kit.run.folder import RunFolder

if TYPE_CHECKING:
    import xarray as xr
    from astropy.table import QTable


def export_run(
    run: str | Path, output_dir: str | Path, *, file_format: str, draws: int = 0, seed: int = 0
) -> list[Path]:
    """Write the spectra of a finished run for other programs.

    Parameters
    ----------
    run : path
        Output folder of ``ariel-kit run``.
    output_dir : path
    file_format : {'ecsv', 'fits', 'netcdf'}
        ``ecsv`` writes one table for each planet, ``PLANET.ecsv``; the others write one file,
        ``spectra.fits`` or ``spectra.nc``.
    draws : int
        Number of draws from each posterior that are written too.
    seed : int
        Of the draws.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    UnknownNameError
        If there is no such format.
    ConfigError
        If the packages that write it are not installed.
    DataFileError
        If the folder is not that of a finished run, or damaged.
    """
    if file_format not in FORMATS:
        raise UnknownNameError("format", file_format, FORMATS)
    write, needed = FORMATS[file_format]
    if missing := [name for name in needed if find_spec(name) is None]:
        raise ConfigError(
            f"{file_format} needs {' and '.join(missing)}, which cannot be found. Install the "
            "extra: pip install 'ariel-kit[science]'."
        )
    output = Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    return write(gather(RunFolder(run).read(), draws=draws, seed=seed), output)


def _write_ecsv(contents: RunContents, output: Path) -> list[Path]:
    return [_write_table(contents, row, output) for row in range(len(contents.planet_id))]


def _write_table(contents: RunContents, row: int, output: Path) -> Path:
    path = output / f"{contents.planet_id[row]}.ecsv"
    with atomic_path(path) as unfinished:
        planet_table(contents, row).write(unfinished, format="ascii.ecsv", overwrite=True)
    return path


def planet_table(contents: RunContents, row: int) -> QTable:
    """Give one planet as a table of astropy, with units.

    Parameters
    ----------
    contents : RunContents
    row : int
        Which planet.

    Returns
    -------
    astropy.table.QTable
        Columns ``wavelength, depth, sigma, covariance``, and ``draws`` where there are some; a row
        of ``covariance`` is that of the matrix. Facts and provenance are its ``meta``.
    """
    from astropy.table import QTable
    from astropy.units import Unit

    columns = {
        "wavelength": contents.wavelength,
        "depth": contents.depth[row],
        "sigma": contents.sigma[row],
        "covariance": contents.covariance[row],
    }
    if contents.draws.shape[1]:
        columns["draws"] = np.ascontiguousarray(contents.draws[row].T)
    quantities = {name: values * Unit(UNITS[name]) for name, values in columns.items()}
    facts = {name: values[row].tolist() for name, values in contents.facts.items()}
    texts = {name: values[row] for name, values in contents.texts.items()}
    own = {"planet_id": int(contents.planet_id[row]), "star": int(contents.star[row])}
    return QTable(quantities, meta={**own, **contents.about, "fit": facts, **texts})


def _write_fits(contents: RunContents, output: Path) -> list[Path]:
    """Write tables ABOUT, WAVELENGTH and SPECTRA, and images COVARIANCE and DRAWS."""
    from astropy.io import fits
    from astropy.table import Table

    about = Table(
        {"name": list(contents.about), "value": list(map(_ascii, contents.about.values()))}
    )
    wavelength = Table({"wavelength": contents.wavelength}, units={"wavelength": "um"})
    spectra = {
        "planet_id": contents.planet_id,
        "star": contents.star,
        "depth": contents.depth,
        "sigma": contents.sigma,
        **contents.facts,
        **{name: list(map(_ascii, values)) for name, values in contents.texts.items()},
    }
    units = {name: unit for name, unit in UNITS.items() if unit and name in spectra}
    images = {"COVARIANCE": contents.covariance}
    if contents.draws.shape[1]:
        images["DRAWS"] = contents.draws
    hdus = [
        fits.PrimaryHDU(),
        fits.BinTableHDU(about, name="ABOUT"),
        fits.BinTableHDU(wavelength, name="WAVELENGTH"),
        fits.BinTableHDU(Table(spectra, units=units), name="SPECTRA"),
        *(fits.ImageHDU(values, name=name) for name, values in images.items()),
    ]
    path = output / "spectra.fits"
    with atomic_path(path) as unfinished:
        fits.HDUList(hdus).writeto(unfinished, overwrite=True, checksum=True)
    return [path]


def _ascii(text: str) -> str:
    """Escape characters that are not ASCII, for FITS, and write an empty text as a blank."""
    return text.encode("ascii", "backslashreplace").decode() or " "


def _write_netcdf(contents: RunContents, output: Path) -> list[Path]:
    path = output / "spectra.nc"
    shrunk = {"zlib": True, "complevel": 1}
    with atomic_path(path) as unfinished:
        as_dataset(contents).to_netcdf(
            unfinished, engine="h5netcdf", encoding={"covariance": shrunk}
        )
    return [path]


def as_dataset(contents: RunContents) -> xr.Dataset:
    """Give a run as a data set of xarray, with units and provenance as attributes.

    Parameters
    ----------
    contents : RunContents

    Returns
    -------
    xarray.Dataset
        Along ``planet``, ``wavelength`` and, for the columns of ``covariance``, ``wavelength_2``.
    """
    import xarray as xr

    variables: dict[str, tuple[tuple[str, ...], Any]] = {
        "depth": (("planet", "wavelength"), contents.depth),
        "sigma": (("planet", "wavelength"), contents.sigma),
        "covariance": (("planet", "wavelength", "wavelength_2"), contents.covariance),
        "star": (("planet",), contents.star),
    }
    if contents.draws.shape[1]:
        variables["draws"] = (("planet", "draw", "wavelength"), contents.draws)
    for name, values in contents.facts.items():
        axes = ("planet",) if values.ndim == 1 else ("planet", "coefficient")
        variables[name] = (axes, values)
    for name, texts in contents.texts.items():
        variables[name] = (("planet",), np.array(texts, dtype=object))
    coords = {
        "planet": contents.planet_id,
        "wavelength": contents.wavelength,
        "wavelength_2": contents.wavelength,
    }
    dataset = xr.Dataset(variables, coords, attrs={"Conventions": "CF-1.10", **contents.about})
    for name in map(str, dataset.variables):
        unit = UNITS.get(name.removesuffix("_2"))
        if unit is not None:
            dataset[name].attrs["units"] = unit or "1"
    return dataset


FORMATS: dict[str, tuple[Callable[[RunContents, Path], list[Path]], tuple[str, ...]]] = {
    "ecsv": (_write_ecsv, ("astropy",)),
    "fits": (_write_fits, ("astropy",)),
    "netcdf": (_write_netcdf, ("xarray", "h5netcdf")),
}
"""Function that writes each format, and the packages that it needs."""
