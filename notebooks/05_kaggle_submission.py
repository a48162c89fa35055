# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A submission on Kaggle, offline
#
# The whole line, from raw frames to `submission.csv`, without internet. Add two inputs to this
# notebook: the competition's data, and the folder that `ariel-kit bundle` wrote, uploaded as a
# data set. Switch the internet off and submit; the scored run does the same on the hidden planets.

# %% [markdown]
# ## Install the kit
#
# One wheel. All it depends on is in Kaggle's image already.

# %%
import os
from pathlib import Path

inputs = Path(os.environ.get("ARIEL_KIT_KAGGLE", "/kaggle")) / "input"
folders = ("*", "datasets/*/*")
wheel = max(path for folder in folders for path in inputs.glob(f"{folder}/ariel_kit-*.whl"))
# %pip install --quiet --no-index --no-deps --disable-pip-version-check {wheel}

# %% [markdown]
# ## Where things are
#
# A draft sees the one visible test planet. In the scored run the hidden planets lie in its place.

# %%
import ariel_kit as ak
from ariel_kit.core.config import find_recipe
from ariel_kit.core.runtime import find_place, kaggle_folders, setup_logging

setup_logging("info")
data, working = kaggle_folders()
scored = find_place() == "kaggle-rerun"
settings = ak.load_settings(ak.RunSettings, find_recipe("kaggle"))
n_planets = len(ak.open_dataset(data).submission_planets("test"))
print(f"{'Scored run' if scored else 'Draft'}: {n_planets} planet(s) from {data} to {working}")

# %% [markdown]
# ## Check before the long run
#
# Machine, versions, files, and one planet through the line with the time that all would take.

# %%
from ariel_kit.cli.doctor import examine

for finding in [] if scored else examine(data, settings=settings):
    print("ok " if finding.ok else "BAD", f"{finding.name}: {finding.detail}")

# %% [markdown]
# ## Run the line
#
# A valid `submission.csv` is there from the first second and grows better as planets come. Long
# before the wall of `budget.hours` the run falls back to quicker fits by itself. A planet that
# cannot be read gets the safe prior and costs nobody else anything. In the time that is left,
# labelled planets of the train split teach scale and sigma (`learning.planets`).

# %%
from ariel_kit.learning.in_run import describe

result = ak.run_pipeline(data, working, settings=settings)
hours = sum(result.timings.values()) / 3600
for stage, seconds in result.timings.items():
    print(f"{stage:>10} {seconds / max(1, n_planets):8.2f} s a planet")
print("learned", describe(result.learned))
print(f"{hours:.3f} of {settings.budget.hours:g} hours; {len(result.failures)} safe prior(s)")
for failure in result.failures[:5]:
    print(failure)

# %% [markdown]
# ## Validate
#
# Columns, planets and their order, and every value, against the sample.

# %%
check = ak.validate_submission(result.submission_path, data / "sample_submission.csv")
print(f"{result.submission_path.name}:", "valid" if check.ok else check.faults)
for warning in check.warnings:
    print("warning:", warning)

# %% [markdown]
# ## Look at one planet
#
# The spectrum that goes into the submission, with one and two sigma, and the white light curve.

# %%
ak.plot_spectrum(result.spectra[0])
if result.spectra[0].white_light:
    ak.plot_white_light_curve(result.spectra[0])

# %% [markdown]
# ## Tidy up
#
# Calibrated planets are for resuming an interrupted run; Kaggle need not store them.

# %%
import shutil

shutil.rmtree(working / "products", ignore_errors=True)
print(sorted(path.name for path in working.iterdir()))
