# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Calibration: from counts to light
#
# What happens to raw frames before anything is fitted, and how to see that it went well. Half an
# hour of a simulated visit is enough for that.

# %%
from tempfile import TemporaryDirectory

import ariel_kit as ak
from ariel_kit.core.instruments import INSTRUMENTS

scratch = TemporaryDirectory()
ak.simulate_dataset(scratch.name, n_train=1, n_test=0, seed=9102, n_pairs=360)
dataset = ak.open_dataset(scratch.name)
(planet,) = dataset.planets("train")

# %% [markdown]
# ## The converter and the pair
#
# A pixel is read twice in each ramp, and the converter's counts are turned into electrons: `adu /
# gain + offset`. The light of an exposure is the second read minus the first; a single frame
# shows the offset.

# %%
for name, instrument in INSTRUMENTS.items():
    adc = dataset.adc("train", planet, instrument)
    print(f"{name}: gain {adc.gain:.4f}, offset {adc.offset:.0f} electrons;", end=" ")
    print(f"{instrument.height} x {instrument.width} pixels, a pair in {instrument.cadence} s")

# %% [markdown]
# ## Bad pixels
#
# Dead ones are listed; hot and wild ones give themselves away in the dark and read-noise frames.

# %%
airs, fgs1 = (dataset.read_calibration("train", planet, i) for i in INSTRUMENTS.values())
_ = ak.plot_bad_pixels(airs, name="AIRS-CH0")

# %%
_ = ak.plot_bad_pixels(fgs1, name="FGS1")

# %% [markdown]
# They are infilled from a model of the star's image: leaving them out would tie the light curve
# to the telescope's jitter.

# %% [markdown]
# ## Where the light falls
#
# Starlight keeps to a few rows of AIRS. The grey rows are summed; what lies outside tells the
# foreground.

# %%
from ariel_kit.preprocessing import mean_image

images = [mean_image(dataset, planet, i, split="train") for i in INSTRUMENTS.values()]
_ = ak.plot_profiles(*images)

# %% [markdown]
# ## Two ways to sum
#
# A plain sum over rows, or rows weighted by how much they know. The weights pay most where the
# star is faint, at long wavelengths.

# %%
from ariel_kit.core.config import CalibrationSettings

plain = CalibrationSettings(airs_extraction="window", fgs1_extraction="brightest")
before = ak.calibrate_planet(dataset, planet, split="train", settings=plain)
after = ak.calibrate_planet(dataset, planet, split="train")
noise = [1e6 * o.airs_noise / o.airs.mean(axis=0) for o in (before, after)]
for label, ppm in zip(("plain", "weighted"), noise, strict=True):
    print(f"{label:>9}: {ppm[:50].mean():.0f} ppm at 2 micron, {ppm[-50:].mean():.0f} ppm at 3.8")
print(f"FGS1: {1e6 * before.fgs1_noise / before.fgs1.mean():.0f} ppm plain,", end=" ")
print(f"{1e6 * after.fgs1_noise / after.fgs1.mean():.0f} ppm weighted")

# %% [markdown]
# ## The result
#
# An `Observation`: light curves at the cadence they were taken with, wavelengths ascending, and a
# note of what was done. In this short visit the whole transit is squeezed into half an hour.

# %%
print(after.airs.shape, after.fgs1.shape, list(after.provenance["calibration"]))
_ = ak.plot_light_curve_map(after, seconds=48)

# %%
scratch.cleanup()
