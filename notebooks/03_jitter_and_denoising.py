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
from ariel_kit.core.config import CalibrationSettings

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
from ariel_kit.jitter_correction.stage import correct_jitter

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
# The weighted sum of notebook 02, the kit's default, follows the measured pointing already and
# leaves little for this stage. It is on by default all the same, for it gained a little on stars
# that no training saw (the README's table). `--set stages.jitter=false` switches it off.

# %% [markdown]
# ## Drift
#
# Over hours the instrument's response changes by a few hundred ppm, as much as the features of a
# spectrum. It is shared by all wavelengths, with a smooth colour, and that is how it can be told
# from a transit. A dozen visits, drawn as light curves, and the white light of the first with its
# fit:

# %%
from ariel_kit.core.config import ExtractionSettings
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import simulated_prior

planets, prior = draw_planets(12, seed=9104, stars=(4, 5)), simulated_prior()
visits = [simulate_observation(planet, seed=0) for planet in planets]
white = ak.fit_planets(visits, prior=prior, settings=ExtractionSettings(extractor="white"))
_ = ak.plot_white_light_curve(white[0])

# %%
_ = ak.plot_residual_rms(white[0])

# %% [markdown]
# Residuals fall with the root of the bin, as white noise does: drift and transit explain the
# rest. The longest bins lie lower still, for a fitted drift takes some of the noise with it.

# %% [markdown]
# ## One fit for both
#
# Drift, transit and spectrum of all visits are solved together. Against the plain answer, one
# depth for all wavelengths:

# %%
import numpy as np

truth = np.array([planet.depths for planet in planets])
joint = ak.fit_planets(visits, prior=prior)
for name, spectra in {"white": white, "joint": joint}.items():
    pair = tuple(np.array([getattr(s, which) for s in spectra]) for which in ("mean", "sigma"))
    part = ak.score(truth, pair).total
    print(f"{name}: score {part.score:.3f}, error {part.rmse_ppm:.0f} ppm")

# %%
_ = ak.plot_spectrum(joint[0], truth[0])

# %% [markdown]
# ## A better drift?
#
# The depth of a transit and the bend of a drift behind it look nearly the same, and that is where
# much of an error comes from. PhySNet looks for what the fit's drift model missed: a U-Net on maps
# of time and wavelength from which the depths were taken out, so that it cannot invent one. Its
# answer is another drift for the fit to expect, and how far to trust it.

# %%
from ariel_kit.denoising.stage import make_denoiser
from ariel_kit.spectral_extraction.fit import bin_planets, fit_light_curves

denoise = make_denoiser(ak.create_model("physnet", weights="default"))
binned = bin_planets(visits, ExtractionSettings())
fit = fit_light_curves(binned, prior=prior, denoise=denoise)
fits = {"joint": joint, "with PhySNet": fit.spectra}

# %% [markdown]
# How far off the white depth of each planet is, the mean over AIRS, and its sigma:

# %%
from ariel_kit.plots.style import headroom, legend, new_axes, palette

ax, error = new_axes(), {}
colours = palette(ax)
looks = {"joint": (-0.12, "o", colours.data), "with PhySNet": (0.12, "s", colours.model)}
for name, (shift, marker, colour) in looks.items():
    error[name] = [1e6 * (s.mean - t)[1:].mean() for s, t in zip(fits[name], truth, strict=True)]
    sigma = [1e6 * np.sqrt(s.covariance[1:, 1:].mean()) for s in fits[name]]
    ax.errorbar(np.arange(12) + shift, error[name], sigma, fmt=marker, color=colour, label=name)
ax.axhline(0, color=colours.ink, ls="--", lw=1, label="truth")
ax.set(xlabel="planet", ylabel="error of the white depth (ppm)", xticks=range(12))
legend(ax, ncols=3, loc="upper left")
headroom(ax, 0.12)

# %% [markdown]
# It moves little: sigma grows more than the error shrinks. How far off is the drift itself, then?
# What the network was asked last holds the drift that the fit believed in, and the simulator knows
# the true one.

# %%
from dataclasses import replace

from ariel_kit.simulation.drift import extracted_columns

asked = fit.joints[0].systematics
views = {"joint": asked, "with PhySNet": replace(asked, nuisances=denoise(asked))}
true = [np.log1p(p.airs_drift(asked.time / 7.5, extracted_columns())) for p in planets]
share = asked.weight / asked.weight.sum(1, keepdim=True)

# %% [markdown]
# The error of the drift in white light, for the two planets whose depth the network moves most. In
# the grey part lies the transit, and a bend there is what a depth takes for its own.

# %%
from ariel_kit.plots.style import panels, title

moved = np.argsort(np.abs(np.subtract(*error.values())))[-2:]
for i, ax in zip(moved, panels(None, widths=(1, 1)), strict=True):
    middle, half, _ = planets[i].shape
    ax.axvspan(middle - half, middle + half, color=colours.quiet, alpha=0.2, lw=0)
    for (name, view), line in zip(views.items(), ("-", "--"), strict=True):
        missed = 1e6 * (view.drift[i].numpy() - true[i]) @ share[i].numpy()
        ax.plot(asked.time, missed - missed.mean(), line, color=looks[name][2], label=name)
    ax.set(xlabel="time (hours)", ylabel="error of the drift (ppm)")
    title(ax, f"Planet {i}")
    legend(ax, loc="upper right")
    headroom(ax, 0.2)

# %% [markdown]
# The two curves lie on each other: the network hardly corrects where the error is tens of ppm. What
# a transit hides of the drift hardly shows in light from which the depths were taken out. A dozen
# planets decide nothing, but on the 64 of the README's table the stage gains nothing either. So it
# is off unless asked for: `--set stages.denoise=true`.
