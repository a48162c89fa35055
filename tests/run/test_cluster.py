"""The line on a real Dask scheduler with two worker processes, from the command line."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from ariel_kit.cli import main
from ariel_kit.core import pool
from ariel_kit.learning import folder

pytestmark = pytest.mark.usefixtures("calibrations")

distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")


@pytest.fixture(scope="module")
def scheduler():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with distributed.LocalCluster(**options, dashboard_address=None) as running:
        yield running.scheduler_address


def test_a_run_on_a_cluster_ends_in_the_bytes_of_one_process(tiny, tmp_path, scheduler, capsys):
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    arguments = ["run", "--data-dir", str(tiny), "--json", "--output-dir"]
    assert main([*arguments, str(alone)]) == 0
    shutil.copytree(alone / "products", spread / "products")  # stretched to the usual length
    capsys.readouterr()
    assert main([*arguments, str(spread), "--backend", "dask", "--address", scheduler]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["planets"] == 2
    assert "calibrate: 2/2 planets, " in told.err
    assert "planets/s" in told.err
    for name in ("submission.csv", "provenance.json"):
        assert (spread / name).read_bytes() == (alone / name).read_bytes()
    assert not list(spread.glob("scratch*"))
    assert not (spread / "set-aside").exists()


def test_calibration_on_a_cluster_gives_the_products_of_one_process(
    tiny, tmp_path, scheduler, for_real, capsys
):
    cluster = ["--backend", "dask", "--address", scheduler]
    for name, options in (("alone", []), ("spread", cluster)):
        folder = str(tmp_path / name)
        assert main(["calibrate", "--data-dir", str(tiny), "--output-dir", folder, *options]) == 0
    alone, spread = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.npz")}
        for name in ("alone", "spread")
    )
    assert len(alone) == 2
    assert alone == spread


@pytest.mark.parametrize("verb", ["calibrate", "run", "learn", "cv", "ablate"])
def test_a_scheduler_that_does_not_answer_is_one_sentence(
    verb, tiny, tmp_path, capsys, monkeypatch
):
    arguments = [verb, "--data-dir", str(tiny), "--output-dir", str(tmp_path)]
    if verb in ("learn", "cv", "ablate"):
        arguments += ["--labels", str(tiny / "test_labels.csv"), "--split", "test"]
    if verb != "run":
        monkeypatch.setattr(pool, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(folder, "require_planets", lambda *planets: None)  # two are enough here
    start = time.monotonic()
    assert main([*arguments, "--backend", "dask", "--address", "tcp://127.0.0.1:9"]) == 1
    assert time.monotonic() - start < pool.CONNECT_SECONDS + 10
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "no Dask scheduler answers at tcp://127.0.0.1:9 within " in error
