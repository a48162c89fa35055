"""Where the run is, what it may use, and how it reports progress."""

from __future__ import annotations

import io
import logging

import pytest

from ariel_kit.core import runtime
from ariel_kit.core.errors import BudgetError, ConfigError, DataFileError, UnknownNameError


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """An environment without a trace of Kaggle."""
    for name in ("KAGGLE_IS_COMPETITION_RERUN", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ARIEL_KIT_KAGGLE", str(tmp_path / "kaggle"))
    return monkeypatch


def test_kaggle_and_its_scored_run_are_recognised(nowhere, tmp_path):
    assert runtime.find_place() == "local"
    (tmp_path / "kaggle" / "input").mkdir(parents=True)
    assert runtime.find_place() == "kaggle"
    nowhere.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    assert runtime.find_place() == "kaggle"
    nowhere.setenv("KAGGLE_IS_COMPETITION_RERUN", "1")
    assert runtime.find_place() == "kaggle-rerun"


@pytest.mark.parametrize("folder", ["ariel-2024", "competitions/ariel-2024"])
def test_the_folders_of_kaggle_are_found(nowhere, tmp_path, folder):
    with pytest.raises(DataFileError, match=r"found none\. Add the competition to the inputs"):
        runtime.kaggle_folders()
    data = tmp_path / "kaggle" / "input" / folder
    data.mkdir(parents=True)
    (data / "sample_submission.csv").touch()
    assert runtime.kaggle_folders() == (data, tmp_path / "kaggle" / "working")
    nowhere.delenv("ARIEL_KIT_KAGGLE")
    nowhere.setattr(runtime, "KAGGLE", str(tmp_path / "kaggle"))
    assert runtime.kaggle_folders()[0] == data


def test_jobs_follow_the_cores(monkeypatch):
    monkeypatch.setattr(runtime, "available_cores", lambda: 6)
    assert [runtime.resolve_jobs(n) for n in (-1, 1, 4)] == [6, 1, 4]
    for wrong in (0, -2):
        with pytest.raises(ConfigError, match=f"or -1 for all cores; got {wrong}"):
            runtime.resolve_jobs(wrong)


def test_memory_is_refused_with_both_numbers(monkeypatch):
    runtime.require_memory(1, "nothing much")
    monkeypatch.setattr(runtime.psutil, "virtual_memory", lambda: type("M", (), {"available": 2e9}))
    with pytest.raises(BudgetError, match=r"a planet needs 3.0 GB of memory; 2.0 GB are free. Use"):
        runtime.require_memory(3_000_000_000, "a planet")


def test_progress_passes_everything_on_and_writes_whole_lines():
    stream = io.StringIO()
    items = runtime.progress(iter("abc"), total=3, description="calibrate", stream=stream)
    assert list(items) == ["a", "b", "c"]
    lines = stream.getvalue().splitlines()
    assert "\r" not in stream.getvalue()
    assert lines[-1].startswith("calibrate: 3/3 planets, ")
    assert lines[-1].endswith("left")
    assert len(lines) <= 2  # the start and the end: ten seconds have not passed


def test_a_terminal_gets_a_moving_bar():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    list(runtime.progress([1, 2], total=2, description="fit", stream=stream))
    assert "\rfit: 2/2 planets" in stream.getvalue()


def test_timings_add_up_even_when_a_stage_fails():
    timings = runtime.Timings()
    for _ in range(2):
        with timings.stage("calibrate"):
            pass
    with pytest.raises(ValueError, match="oops"), timings.stage("fit"):
        raise ValueError("oops")
    assert list(timings) == ["calibrate", "fit"]
    assert all(seconds >= 0 for seconds in timings.values())


def test_the_log_goes_to_standard_error_once(capsys):
    runtime.setup_logging()
    runtime.setup_logging("warning")
    logging.getLogger("ariel_kit.pipeline").warning("planet 3 failed")
    logging.getLogger("ariel_kit.pipeline").info("not shown")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("WARNING planet 3 failed") == 1
    assert "not shown" not in captured.err
    with pytest.raises(UnknownNameError, match=r"Unknown log level 'warnings'\. Did you mean"):
        runtime.setup_logging("warnings")


def test_versions_name_the_kit_and_what_is_missing(monkeypatch):
    monkeypatch.setattr(runtime, "PACKAGES", ("ariel-kit", "numpy", "no-such-package"))
    found = runtime.versions()
    assert found["numpy"].count(".") == 2
    assert found["ariel-kit"]
    assert found["no-such-package"] == "not installed"


def test_one_thread_is_one_in_every_library_and_only_within_the_block():
    """As a block and as a decorator; each library then has as many threads as before."""
    import torch
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> set[int]:
        libraries = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
        return {torch.get_num_threads(), *libraries}

    with threadpool_limits(2, user_api="blas"), runtime.torch_threads(2):
        with runtime.one_thread():
            assert threads() == {1}
        assert runtime.one_thread()(threads)() == {1}
        assert threads() == {2}
