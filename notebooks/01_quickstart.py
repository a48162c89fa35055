# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From raw frames to a submission
#
# One planet, from the detector's frames to a spectrum with error bars. The planet is simulated,
# so that its true spectrum is known; nothing is downloaded. With the challenge's own folder in
# place of `data`, everything below stays the same.

# %% [markdown]
# ## A planet
#
# One visit at full cadence in the challenge's layout: 11 250 frames of the spectrometer AIRS-CH0
# and 135 000 of the guidance camera FGS1.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import ariel_kit as ak

scratch = TemporaryDirectory()
data, out = Path(scratch.name) / "data", Path(scratch.name) / "out"
ak.simulate_dataset(data, n_train=0, n_test=1, seed=9104, stars=(4,))
megabytes = sum(path.stat().st_size for path in data.rglob("*.parquet")) / 1e6
print(f"{megabytes:.0f} MB of raw frames; {sorted(path.name for path in data.iterdir())}")

# %% [markdown]
# ## Run the line
#
# Calibrate, fit, let a small network correct the shape of the spectrum, write `submission.csv`.
# Without labels in the folder, what spectra look like is learned from the kit's own simulated ones.

# %%
result = ak.run_pipeline(data, out)
for stage, seconds in result.timings.items():
    print(f"{stage:>10} {seconds:6.2f} s")
check = ak.validate_submission(result.submission_path, data / "sample_submission.csv")
print(result.submission_path.name, "is valid" if check.ok else check.faults)

# %% [markdown]
# ## What the telescope saw
#
# The starlight dims by about the planet's area over the star's. Above: the light of all AIRS
# wavelengths, with the slow drift of the instrument and without it. Below: what the fit leaves
# over.

# %%
(spectrum,) = result.spectra
_ = ak.plot_white_light_curve(spectrum)

# %% [markdown]
# Each wavelength has a light curve of its own. How much deeper the transit is at one than at
# another, a hundredth of its depth, is what the atmosphere absorbs.

# %%
_ = ak.plot_light_curve_map(ak.Observation.load(result.products[0]))

# %% [markdown]
# ## The spectrum
#
# Every depth with its sigma, and the truth that the line never saw.

# %%
truth = ak.read_labels(data / "test_labels.csv")
_ = ak.plot_spectrum(spectrum, truth.of([spectrum.planet_id])[0])

# %% [markdown]
# ## The score
#
# 1 is the truth with a sigma of 10 ppm, 0 the mean of all planets. Both the error and the sigma
# count: coverage says how many depths lie within one sigma, 0.683 for honest ones; of a single
# planet, whose errors go together, it may be anything.

# %%
report = ak.score(truth, result.spectra)
part = report.total
print(f"score {report.score:.3f}: error {part.rmse_ppm:.1f} ppm,", end=" ")
print(f"{part.coverage:.2f} of the depths within one sigma")
scratch.cleanup()
