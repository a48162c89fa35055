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
# ## Raw frames
#
# A detector is read twice in each ramp: the even frame soon after the reset, the odd frame at the
# end. Its numbers are those of the converter (ADU).

# %%
from ariel_kit import preprocessing as steps
from ariel_kit.core.instruments import AIRS

frames = steps.raw_frames(dataset, planet, AIRS, split="train")
print(frames.shape, frames.dtype)
for name, instrument in INSTRUMENTS.items():
    print(f"{name}: {instrument.height} x {instrument.width} pixels, a pair in", end=" ")
    print(f"{instrument.cadence} s, reads at {instrument.read_times} s")

# %% [markdown]
# ## Step by step
#
# Undo the converter, then what each pixel did to each read: its non-linearity, its dark current,
# its response. The light of an exposure is the second read minus the first.

# %%
maps = dataset.read_calibration("train", planet, AIRS)
electrons = steps.to_electrons(frames, dataset.adc("train", planet, AIRS))
linear = steps.correct_linearity(electrons, maps.linear_corr)
light = steps.subtract_dark(linear, maps.dark, AIRS.read_times)
light = steps.divide_flat(light, maps.flat)
cds = steps.correlated_double_sample(light)

# %% [markdown]
# One bright pixel on its way. Each step that comes before the difference acts on the single read;
# the converter's offset, which both reads share, is gone at the end.

# %%
row, column = 16, 300
for label, cube in (("ADU", frames), ("electrons", electrons), ("linear", linear), ("flat", light)):
    even, odd = cube[:2, row, column]
    print(f"{label:>9}: even {even:8.1f}, odd {odd:8.1f}")
print(f"{'CDS':>9}: {cds[0, row, column]:.1f} electrons in one exposure")

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
# to the telescope's jitter. The foreground goes first, since each column has its own.

# %%
columns = steps.extracted_columns(AIRS)
cds, bad = cds[..., columns], steps.find_bad_pixels(maps).any[:, columns]
levels = steps.fill_levels(cds.mean(axis=0), bad)
foreground = steps.fit_foreground(levels, bad, AIRS.signal_rows)
donors = steps.find_donors("psf", levels, usable=~bad, targets=bad, reach=(0, 2))
star = steps.infill(steps.subtract_foreground(cds, foreground), donors)
curves = star[:, AIRS.signal_rows].sum(axis=1)
print(f"{curves.shape[0]} exposures x {curves.shape[1]} wavelengths,", end=" ")
print(f"foreground {foreground.mean():.1f} electrons per pixel")

# %% [markdown]
# `calibrate_planet` takes the same steps in two passes that never store a calibrated frame: a whole
# visit would fill a gigabyte. Its numbers are the same but for the rounding of float32.

# %%
from ariel_kit.core.config import CalibrationSettings

plain = CalibrationSettings(airs_extraction="window", fgs1_extraction="brightest")
before = ak.calibrate_planet(dataset, planet, split="train", settings=plain)
print(f"largest relative difference: {abs(curves / before.airs - 1).max():.0e}")

# %% [markdown]
# ## Where the light falls
#
# Starlight keeps to a few rows of AIRS. The grey rows are summed; what lies outside tells the
# foreground.

# %%
images = [steps.mean_image(dataset, planet, i, split="train") for i in INSTRUMENTS.values()]
_ = ak.plot_profiles(*images)

# %% [markdown]
# ## Two ways to sum
#
# A plain sum over rows, or rows weighted by how much they know. The weights pay most where the
# star is faint, at long wavelengths.

# %%
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
