"""The folder of a run: what it leaves behind, written and read in one place."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue, TypeAdapter

from ariel_kit.core.cache import atomic_path, file_sha256
from ariel_kit.core.config import RunSettings, load_settings, save_settings
from ariel_kit.core.errors import DataFileError, UnknownNameError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum, facts_card, facts_frame
from ariel_kit.core.words import counted
from ariel_kit.data.submission import submission_arrays
from ariel_kit.run.covariances import gather_covariances, read_covariance
from ariel_kit.run.files import read_json, write_file
from ariel_kit.run.fits import read_fits, write_fits
from ariel_kit.run.products import stored_visits
from ariel_kit.run.record import RunIdentity, RunRecord, RunState

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


RECORD = TypeAdapter(RunRecord)
STATE = TypeAdapter(RunState)
PROVENANCE = TypeAdapter(dict[int, dict[str, JsonValue]])

_HOW = {"running": "is still running", "interrupted": "was interrupted"}


@dataclass(frozen=True, repr=False)
class Run:
    """A finished run. Make one with `RunFolder.read`.

    Attributes
    ----------
    folder : RunFolder
    record : RunRecord
    settings : RunSettings
    spectra : list of Spectrum
        In the order of the submission and with its numbers; beside them what the run's own fit
        concluded and what each stage did. They have no covariance: `spectrum` reads it.
    products : dict
        Planet id to the files of its calibrated visits, where they are kept.
    """

    folder: RunFolder
    record: RunRecord
    settings: RunSettings
    spectra: list[Spectrum]
    products: dict[int, list[Path]]

    def __repr__(self) -> str:
        return f"Run({', '.join(self._facts())})"

    def _repr_html_(self) -> str:
        return facts_card("Run", self.spectra, {"": ", ".join(self._facts())})

    def _facts(self) -> list[str]:
        planets = counted(len(self.spectra), "planet")
        return [str(self.folder.path), planets, f"{len(self.failures)} failed"]

    def to_frame(self) -> pd.DataFrame:
        """Give what was concluded of each planet as a DataFrame, as `RunResult.to_frame` does."""
        frame = facts_frame(self.spectra)
        return frame.assign(failure=[self.failures.get(planet, "") for planet in frame.index])

    def spectrum(self, planet_id: int) -> Spectrum:
        """Give one planet's spectrum, with its covariance where the run kept one.

        Raises
        ------
        UnknownNameError
            If the run has no such planet.
        DataFileError
            If the covariances are damaged.
        """
        found = {spectrum.planet_id: spectrum for spectrum in self.spectra}
        if planet_id not in found:
            raise UnknownNameError("planet of this run", str(planet_id), map(str, found))
        covariance = read_covariance(self.folder.covariances, planet_id)
        return replace(found[planet_id], covariance=covariance)

    @property
    def failures(self) -> dict[int, str]:
        """Planet id to the reason why it got the safe prior."""
        return {f.planet_id: f"{f.error}: {f.reason}" for f in self.record.failures}

    @property
    def stars(self) -> list[int | None]:
        """Star of each spectrum, where it has a number."""
        return [self.record.stars.get(spectrum.planet_id) for spectrum in self.spectra]

    @property
    def is_unchanged(self) -> bool:
        """Whether submission.csv is still the file that the run wrote."""
        return self.record.submission_sha256 == file_sha256(self.folder.submission)


class RunFolder:
    """The one owner of a run's folder: it writes every file of it and reads them back.

    Parameters
    ----------
    path : path
        The output folder of ``ariel-kit run``. Nothing is made before `attempt`.

    Attributes
    ----------
    path : Path
    submission : Path
        ``submission.csv``, the answer.
    products : Path
        Folder of the calibrated visits.
    learned : Path
        Folder of what labelled planets taught (`ariel_kit.learning`).
    settings : Path
        ``settings.yaml``, what the run was asked for.
    provenance : Path
        ``provenance.json``, what each stage did to each planet.
    fits : Path
        ``fits.npz``, what the fit concluded of each planet, and its white light.
    covariances : Path
        ``covariances.npz``, the posterior covariance of each planet that was fitted.
    set_aside : Path
        Folder of the covariances of batches, until `finish` brings them together.
    record : Path
        ``run.json``, the `RunState` of a run until it has finished, then its `RunRecord`.

    Examples
    --------
    >>> folder = RunFolder(getfixture("tmp_path"))
    >>> folder.submission.name
    'submission.csv'
    >>> folder.is_finished
    False
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.submission = self.path / "submission.csv"
        self.products = self.path / "products"
        self.learned = self.path / "learned"
        self.settings = self.path / "settings.yaml"
        self.provenance = self.path / "provenance.json"
        self.fits = self.path / "fits.npz"
        self.covariances = self.path / "covariances.npz"
        self.set_aside = self.path / "set-aside"
        self.record = self.path / "run.json"

    @property
    def is_finished(self) -> bool:
        """Whether the folder holds all that a finished run leaves."""
        return not self._missing() and self._finished() is not None

    @property
    def draft(self) -> Path:
        """Where a run keeps its answer until it has finished.

        That is the submission itself, unless a finished one is there already.
        """
        return self.submission if self._finished() is None else self.path / "draft.csv"

    @contextmanager
    def attempt(self, identity: RunIdentity, settings: RunSettings) -> Iterator[Path]:
        """Make the folder, keep the settings, and note in ``run.json`` how the run goes.

        Parameters
        ----------
        identity : RunIdentity
        settings : RunSettings

        Yields
        ------
        Path
            Where the answer stands until `finish`.
        """
        if self.record.is_file() and not self._holds(identity):
            log.warning(
                "%s holds the results of a run with other data or settings, or a damaged record: "
                "they are replaced when this run has finished",
                self.path,
            )
        self.path.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.set_aside, ignore_errors=True)
        if self._finished() is None:
            with atomic_path(self.settings) as unfinished:
                save_settings(settings, unfinished)
        self._note("running")
        try:
            yield self.draft
        finally:
            if (state := self._unfinished()) is not None and state.process == os.getpid():
                self._note("interrupted")

    def finish(
        self, record: RunRecord, spectra: Sequence[Spectrum], settings: RunSettings | None = None
    ) -> None:
        """Write what was concluded beside the submission; the record comes last.

        A finished submission of the same data and settings stays where it has the full fit of more
        planets; the new one is then ``draft.csv``.

        Parameters
        ----------
        record : RunRecord
        spectra : sequence of Spectrum
            One per planet, as submitted.
        settings : RunSettings, optional
            Those of the run; left as they are when left out.
        """
        draft = self.draft
        if (better := self._better(record)) is not None and draft.is_file():
            log.warning(
                "the finished submission in %s stays: it has the full fit of %d planets, and this "
                "run, left as %s, of %d",
                self.path,
                better.measured,
                draft.name,
                record.measured,
            )
            write_file(self.record, RECORD.dump_json(better, indent=1))
            return
        if settings is not None:
            with atomic_path(self.settings) as unfinished:
                save_settings(settings, unfinished)
        steps = {spectrum.planet_id: spectrum.provenance for spectrum in spectra}
        write_file(self.provenance, json.dumps(steps, indent=1).encode())
        write_fits(self.fits, spectra)
        if self.set_aside.is_dir():
            gather_covariances(self.covariances, self.set_aside, spectra)
            shutil.rmtree(self.set_aside)
        if draft.is_file():
            draft.replace(self.submission)
        write_file(self.record, RECORD.dump_json(record, indent=1))

    def read(self) -> Run:
        """Read a finished run.

        Raises
        ------
        DataFileError
            If the folder is not that of a finished run, or a file of it is damaged.
        ConfigError
            If its settings are no longer settings of the kit.
        SubmissionError
            If its submission has faults.
        """
        if (state := self._unfinished()) is not None and self._finished() is None:
            raise DataFileError(
                f"{self.path} is not a finished run: it {_HOW[state.now]}. "
                "Run ariel-kit run again, it goes on where it was."
            )
        if missing := self._missing():
            raise DataFileError(
                f"{self.path} is not a finished run: {', '.join(missing)} cannot be found. Give "
                "the --output-dir of ariel-kit run, or run it again."
            )
        record = read_json(self.record, RECORD)
        settings = load_settings(RunSettings, self.settings)
        spectra = self._read_spectra()
        planet_ids = [spectrum.planet_id for spectrum in spectra]
        products = stored_visits(
            self.products, planet_ids, split=record.identity.split, settings=settings.calibration
        )
        return Run(self, record, settings, spectra, products)

    def _missing(self) -> list[str]:
        files = (self.submission, self.settings, self.provenance, self.fits, self.record)
        return [file.name for file in files if not file.is_file()]

    def _holds(self, identity: RunIdentity) -> bool:
        """Tell whether what is there is of this run, as far as its record can be read."""
        finished = self._finished()
        return self._unfinished() is not None if finished is None else finished.identity == identity

    def _finished(self) -> RunRecord | None:
        """Read the record of a finished run, if it is there and sound."""
        try:
            return read_json(self.record, RECORD)
        except DataFileError:
            return None

    def _unfinished(self) -> RunState | None:
        """Read what a run that has not finished has noted, if there is one."""
        if (finished := self._finished()) is not None:
            return finished.repetition
        try:
            return read_json(self.record, STATE)
        except DataFileError:
            return None

    def _note(self, state: Literal["running", "interrupted"]) -> None:
        """Note how the run of this process goes, beside the results of a finished one."""
        own, finished = RunState.of_this_process(state), self._finished()
        if finished is None:
            write_file(self.record, STATE.dump_json(own, indent=1))
        else:
            noted = finished.model_copy(update={"repetition": own})
            write_file(self.record, RECORD.dump_json(noted, indent=1))

    def _better(self, record: RunRecord) -> RunRecord | None:
        """Give the record of a finished run of the same kind that measured more planets."""
        before = self._finished()
        if before is None or before.identity != record.identity:
            return None
        cleared = before.model_copy(update={"repetition": None})
        return cleared if before.measured > record.measured and self._is_whole(before) else None

    def _is_whole(self, record: RunRecord) -> bool:
        """Tell whether the submission still is the one that a finished run left."""
        there = self.submission.is_file()
        return there and file_sha256(self.submission) == record.submission_sha256

    def _read_spectra(self) -> list[Spectrum]:
        ids, mean, sigma = submission_arrays(self.submission)
        steps, (facts, curves) = read_json(self.provenance, PROVENANCE), read_fits(self.fits)
        return [
            Spectrum(
                planet_id=planet,
                wavelength=wavelengths(),
                mean=planet_mean,
                sigma=planet_sigma,
                fit=facts.get(planet),
                white_light=tuple(curves.get(planet, ())),
                provenance=dict(steps.get(planet, {})),
            )
            for planet, planet_mean, planet_sigma in zip(ids, mean, sigma, strict=True)
        ]
