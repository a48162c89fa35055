"""``import ariel_kit`` is cheap, and every public name is where it should be."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import ariel_kit

HEAVY = ("torch", "numba", "polars", "pandas", "scipy", "sklearn", "matplotlib", "jinja2", "joblib")
PROBE = """
import json, sys, time
start = time.process_time()
import {module}
seconds = time.process_time() - start
print(json.dumps([seconds, [name for name in {heavy!r} if name in sys.modules]]))
"""


def probe(module: str) -> tuple[float, list[str]]:
    """Seconds of the processor, for the machine may be busy, and heavy packages of an import."""
    code = PROBE.format(module=module, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("module", ["ariel_kit", "ariel_kit.cli"])
def test_importing_costs_little_and_loads_nothing_heavy(module):
    tries = [probe(module) for _ in range(3)]
    assert min(seconds for seconds, _ in tries) < 0.3
    assert tries[0][1] == []


@pytest.mark.parametrize("name", [n for n in ariel_kit.__all__ if n != "__version__"])
def test_every_public_name_loads(name):
    thing = getattr(ariel_kit, name)
    assert callable(thing)
    assert thing.__doc__
    assert name in dir(ariel_kit)


def test_the_promised_names_are_public():
    promised = {
        "simulate_dataset",
        "open_dataset",
        "calibrate_planet",
        "fit_planets",
        "run_pipeline",
        "score",
        "make_submission",
        "validate_submission",
    }
    assert promised <= set(ariel_kit.__all__)
    assert sum(name.startswith("plot_") for name in ariel_kit.__all__) == 12


def test_calibrate_planet_also_lives_in_its_room():
    from ariel_kit.preprocessing import calibrate_planet

    assert calibrate_planet is ariel_kit.calibrate_planet


def test_a_misspelt_name_is_corrected():
    with pytest.raises(AttributeError, match="Did you mean 'run_pipeline'"):
        ariel_kit.run_pipelin  # noqa: B018


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert ariel_kit.__version__ == version("ariel-kit")
