"""The table's exact form; and a validator that lists every fault at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ariel_kit.core.errors import DataFileError, SubmissionError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.submission import (
    COLUMNS,
    make_submission,
    submission_arrays,
    submission_frame,
    validate_submission,
)

IDS = [30, 4, 17]


@pytest.fixture
def spectra(rng):
    """Three healthy spectra, in another order than the sample."""
    sigma = np.linspace(2e-5, 9e-5, 283)
    return [
        Spectrum(planet, wavelengths(), 0.003 + 1e-5 * rng.standard_normal(283), sigma * (1 + i))
        for i, planet in enumerate(sorted(IDS))
    ]


def test_the_table_has_the_samples_columns_and_order(spectra):
    table = make_submission(spectra, IDS)
    wl = [f"wl_{i}" for i in range(1, 284)]
    sigma = [f"sigma_{i}" for i in range(1, 284)]
    assert table.columns == ["planet_id", *wl, *sigma] == COLUMNS
    assert len(table.columns) == 567
    assert table["planet_id"].to_list() == IDS
    by_id = {s.planet_id: s for s in spectra}
    assert table.row(1)[1:284] == tuple(by_id[4].mean)
    assert table.row(2)[284:] == tuple(by_id[17].sigma)


@pytest.mark.real
def test_the_columns_are_those_of_the_real_sample(shared_data):
    for edition in ("adc2024", "adc2025"):
        sample = pl.read_csv(shared_data / edition / "sample_submission.csv")
        assert sample.columns == COLUMNS


def test_writing_loses_no_bit_and_leaves_no_other_file(spectra, tmp_path):
    table = make_submission(spectra, IDS, tmp_path / "submission.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["submission.csv"]
    assert pl.read_csv(tmp_path / "submission.csv").equals(table)
    ids, mean, sigma = submission_arrays(table)
    assert ids == IDS
    assert mean.shape == sigma.shape == (3, 283)


def test_a_failed_write_leaves_the_old_file_as_it_was(spectra, tmp_path, monkeypatch):
    path = tmp_path / "submission.csv"
    make_submission(spectra, IDS, path)
    before = path.read_bytes()

    def half_a_table(self, target):
        target.write(b"planet_id,wl_1\n30,")
        raise OSError("disk full")

    monkeypatch.setattr(pl.DataFrame, "write_csv", half_a_table)
    with pytest.raises(OSError, match="disk full"):
        make_submission(spectra, IDS, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["submission.csv"]


def test_missing_repeated_and_unfit_spectra_are_refused(spectra):
    with pytest.raises(SubmissionError, match="1 of 4 have none, 0 spectra are repeated"):
        make_submission(spectra, [*IDS, 99])
    with pytest.raises(SubmissionError, match="0 of 3 have none, 1 spectra are repeated"):
        make_submission([*spectra, spectra[0]], IDS)
    bad = Spectrum(4, wavelengths(), np.full(283, np.nan), np.full(283, -1e-5))
    with pytest.raises(
        SubmissionError, match=r"(?s)283 values are missing.*283 values are negative"
    ):
        make_submission([bad, *spectra[1:]], IDS)


def test_depths_that_are_positive_are_written_without_a_word(spectra, caplog):
    make_submission(spectra, IDS)
    assert caplog.text == ""


def test_a_table_without_ids_lacks_a_column_and_nothing_else_is_said_of_ids(spectra):
    check = validate_submission(make_submission(spectra, IDS).drop("planet_id"))
    assert not check.ok
    assert any("planet_id" in fault for fault in check.faults)
    assert not any("whole numbers" in fault for fault in check.faults)


def test_negative_depths_become_zero_and_are_logged(spectra, caplog):
    mean = spectra[0].mean.copy()
    mean[5] = -3e-6
    table = make_submission([Spectrum(4, wavelengths(), mean, spectra[0].sigma), *spectra[1:]], IDS)
    assert table["wl_6"][1] == 0.0
    assert "1 negative depths were raised to 0" in caplog.text


@pytest.fixture
def table(spectra):
    return make_submission(spectra, IDS)


def test_a_good_table_has_neither_faults_nor_warnings(table, tmp_path):
    table.write_csv(tmp_path / "s.csv")
    for submission in (table, tmp_path / "s.csv"):
        for sample in (None, IDS, tmp_path / "s.csv"):
            check = validate_submission(submission, sample)
            assert check.ok
            assert (check.faults, check.warnings) == ((), ())


FAULTS = {
    "missing column": (lambda t: t.drop("wl_9"), "got 566: missing wl_9"),
    "extra column": (lambda t: t.with_columns(x=1), "got 568: extra x"),
    "column order": (
        lambda t: t.select(["planet_id", *COLUMNS[284:], *COLUMNS[1:284]]),
        "column 2 is sigma_1 and should be wl_1",
    ),
    "text column": (
        lambda t: t.with_columns(sigma_3=pl.lit("small")),
        "1 column(s) must be numeric: sigma_3",
    ),
    "null": (
        lambda t: t.with_columns(wl_2=pl.Series([1e-3, None, None])),
        "2 values are missing (null or NaN), the first in column wl_2 of planet 4",
    ),
    "nan": (lambda t: t.with_columns(wl_2=float("nan")), "3 values are missing"),
    "infinity": (lambda t: t.with_columns(sigma_1=float("inf")), "3 values are infinite"),
    "negative": (lambda t: t.with_columns(wl_4=-1e-3), "3 values are negative"),
    "missing planet": (lambda t: t.head(2), "1 planet(s) of the sample are missing: 17"),
    "extra planet": (
        lambda t: t.with_columns(planet_id=pl.Series([30, 4, 18])),
        "1 planet(s) are not in the sample: 18",
    ),
    "planet order": (lambda t: t.reverse(), "in the order of the sample"),
    "repeated planet": (
        lambda t: t.with_columns(planet_id=pl.Series([30, 30, 17])),
        "planet ids must not repeat; repeated: 30",
    ),
    "ids no numbers": (
        lambda t: t.with_columns(planet_id=pl.Series(["a", "b", "c"])),
        "planet ids must be whole numbers",
    ),
    "id missing": (
        lambda t: t.with_columns(planet_id=pl.Series([30, None, 17])),
        "planet ids must be whole numbers",
    ),
    "empty": (lambda t: t.clear(), "the table holds no planet"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found(table, name):
    damage, message = FAULTS[name]
    check = validate_submission(damage(table), IDS)
    assert not check.ok
    assert any(message in fault for fault in check.faults), check.faults


def test_all_faults_are_listed_at_once(table):
    broken = table.with_columns(
        planet_id=pl.Series([30, 30, 5]), wl_1=-1.0, sigma_9=float("nan"), extra=0
    ).drop("wl_7")
    faults = "\n".join(validate_submission(broken, IDS).faults)
    for message in (
        "missing wl_7; extra extra",
        "repeated: 30",
        "missing: 4, 17",
        "not in the sample: 5",
        "3 values are missing",
        "3 values are negative",
    ):
        assert message in faults


def test_an_unreadable_file_is_a_fault_and_a_missing_one_a_mistake(table, tmp_path):
    (tmp_path / "empty.csv").touch()
    (fault,) = validate_submission(tmp_path / "empty.csv").faults
    assert "empty.csv cannot be read as a CSV table" in fault
    for paths in [(tmp_path / "nowhere.csv",), (table, tmp_path / "nowhere.csv")]:
        with pytest.raises(DataFileError, match=r"nowhere\.csv"):
            validate_submission(*paths)


ODD = {
    "tiny sigma": (lambda d, s: (d, s * 1e-2), "sigma below 1e-06"),
    "huge sigma": (lambda d, s: (d, s * 1e4), "sigma above 0.01"),
    "zero depth": (lambda d, s: (d * (np.arange(283) != 3), s), "a depth of 0"),
    "huge depth": (lambda d, s: (d * 100, s), "a depth above 0.05"),
    "one sigma": (lambda d, s: (d, np.full_like(s, 5e-5)), "one sigma for all planets"),
    "repeated": (lambda d, s: (d[[0, 0, 1]], s), "1 planet(s) repeat another planet's spectrum"),
    "reversed": (lambda d, s: (d, s[:, ::-1]), "is the wavelength axis reversed?"),
}


@pytest.mark.parametrize("name", ODD)
def test_legal_oddities_warn_without_fault(table, name):
    change, message = ODD[name]
    ids, mean, sigma = submission_arrays(table)
    values = np.hstack(change(mean, sigma))
    odd = pl.DataFrame(values, schema=COLUMNS[1:]).insert_column(0, pl.Series("planet_id", ids))
    check = validate_submission(odd)
    assert check.ok
    assert any(message in warning for warning in check.warnings), check.warnings


def test_a_submission_goes_to_pandas_and_back_without_losing_a_bit(table):
    frame = submission_frame(table)
    assert isinstance(frame, pd.DataFrame)
    assert frame.index.name == "planet_id"
    assert [*frame.columns] == COLUMNS[1:]
    ids, mean, sigma = submission_arrays(table)
    assert frame.index.to_list() == ids
    assert frame.to_numpy().tobytes() == np.hstack([mean, sigma]).tobytes()
    again = submission_arrays(frame)
    assert again[0] == ids
    assert (again[1].tobytes(), again[2].tobytes()) == (mean.tobytes(), sigma.tobytes())


def test_a_frame_of_pandas_is_judged_as_its_file_is(table, tmp_path):
    frame = submission_frame(table)
    frame.iloc[0, 3] = np.nan
    frame.iloc[1, 4] = -1.0
    frame.to_csv(tmp_path / "s.csv")
    assert validate_submission(frame).faults == validate_submission(tmp_path / "s.csv").faults
    assert len(validate_submission(frame).faults) == 2
    with pytest.raises(SubmissionError, match="1 value is negative"):
        submission_frame(frame)


def test_a_frame_with_words_among_its_numbers_is_a_fault_not_a_crash(table):
    frame = submission_frame(table).astype(object)
    frame.iloc[0, 3] = "much"
    (fault,) = validate_submission(frame).faults
    assert "values of one kind" in fault


def with_sigma(table, sigma):
    return table.with_columns(pl.lit(s).alias(f"sigma_{i}") for i, s in enumerate(sigma, start=1))


def test_a_missing_planet_is_one_fault_and_no_fault_of_order(table):
    (fault,) = validate_submission(table.head(2), IDS).faults
    assert fault == f"1 planet(s) of the sample are missing: {IDS[2]}"


def test_sigmas_of_nought_are_told_and_one_of_a_millionth_is_not(table):
    nought = validate_submission(with_sigma(table, np.zeros(283))).warnings
    assert any("sigma below 1e-06" in warning for warning in nought)
    sigma = np.linspace(1e-6, 2e-6, 283)
    assert not any(
        "sigma below" in w for w in validate_submission(with_sigma(table, sigma)).warnings
    )


def test_sigma_at_the_ends_of_airs_tells_its_direction(table):
    """The first fifth of AIRS alone is twice as wide as the rest, or has one more wavelength."""
    sigma = np.full(283, 2e-5)
    sigma[1:57] *= 1.6
    told = validate_submission(with_sigma(table, sigma)).warnings
    assert any("sigma is 1.6 times larger at 2 than at 3.8 micron" in warning for warning in told)
    assert not any(
        "larger" in w for w in validate_submission(with_sigma(table, sigma[::-1])).warnings
    )
