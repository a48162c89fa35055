# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What the telescope does to a light curve
#
# Two things that are not the planet: the telescope trembles, and the instrument drifts. The first
# is measured and taken out, the second is fitted together with the transit.

# %% [markdown]
# ## Jitter
#
# The camera FGS1 sees where the star is, twelve times for each exposure of AIRS. A plain sum over
# pixels loses light when the star moves, so here is an hour and a half of a visit, summed
# plainly.

# %%
from tempfile import TemporaryDirectory

import ariel_kit as ak
from ariel_kit.config import CalibrationSettings

scratch = TemporaryDirectory()
ak.simulate_dataset(scratch.name, n_train=0, n_test=1, seed=9103, stars=(5,), n_pairs=1125)
dataset = ak.open_dataset(scratch.name)
(planet,) = dataset.planets("test")
plain = CalibrationSettings(airs_extraction="window", fgs1_extraction="brightest")
before = ak.calibrate_planet(dataset, planet, split="test", settings=plain)

# %% [markdown]
# A small network, TCN-JNet, turns the camera's view into the motion during each AIRS exposure.
# How much the flux answers to that motion is fitted at high frequency, where there is neither
# transit nor drift: a wrong motion changes nothing, since the flux does not follow it.

# %%
from ariel_kit.jitter_correction.correct import correct_jitter

after = correct_jitter(before)
for instrument, facts in after.provenance["jitter"].items():
    print(instrument, facts["status"])
_ = ak.plot_pointing(before, after)

# %%
print(f"FGS1: {1e6 * before.fgs1.std() / before.fgs1.mean():.0f} ppm from frame to frame before,")
print(f"{1e6 * after.fgs1.std() / after.fgs1.mean():.0f} ppm after, transit included")
weighted = ak.calibrate_planet(dataset, planet, split="test")
print(f"{1e6 * weighted.fgs1.std() / weighted.fgs1.mean():.0f} ppm by the weighted sum alone")
scratch.cleanup()

# %% [markdown]
# The weighted sum of notebook 02, the kit's default, knows of the jitter already and leaves
# little for this stage. That is why it is a switch: `--set stages.jitter=true`.

# %% [markdown]
# ## Drift
#
# Over hours the instrument's response changes by a few hundred ppm, as much as the features of a
# spectrum. It is shared by all wavelengths, with a smooth colour, and that is how it can be told
# from a transit. Six visits, drawn as light curves:

# %%
from ariel_kit.simulation import draw_planets, simulate_observation

planets = draw_planets(6, seed=9104, stars=(4, 5))
visits = [simulate_observation(planet, seed=0) for planet in planets]
_ = ak.plot_white_light_curve(visits[0])

# %%
_ = ak.plot_residual_rms(simulate_observation(planets[0], seed=0, bin_seconds=48))

# %% [markdown]
# Residuals fall with the root of the bin, as white noise does: drift and transit explain the
# rest.

# %% [markdown]
# ## One fit for both
#
# Drift, transit and spectrum of all visits are solved together. Against the plain answer, one
# depth for all wavelengths:

# %%
import numpy as np

from ariel_kit.config import ExtractionSettings
from ariel_kit.spectral_extraction import simulated_prior

truth, prior = np.array([planet.depths for planet in planets]), simulated_prior()
white = ak.fit_planets(visits, prior=prior, settings=ExtractionSettings(extractor="white"))
joint = ak.fit_planets(visits, prior=prior)
for name, spectra in {"white": white, "joint": joint}.items():
    pair = tuple(np.array([getattr(s, which) for s in spectra]) for which in ("mean", "sigma"))
    part = ak.score(truth, pair).total
    print(f"{name}: score {part.score:.3f}, error {part.rmse_ppm:.0f} ppm")

# %%
_ = ak.plot_spectrum(joint[0], truth[0])
