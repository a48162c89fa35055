# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The edition of 2025
#
# Every star is another one, and darker at its limb than in its middle; transits last from one to
# nine hours; one planet in ten is seen twice. The planets here are simulated, so that the truth is
# known, with laws of limb darkening and orbits that the fit does not assume.

# %% [markdown]
# ## From frames to a spectrum
#
# One planet at full cadence in the layout of 2025: a table of stars and orbits, one converter for
# all planets, files that carry the number of the visit. What spectra look like is learned from 300
# labels of other planets.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import ariel_kit as ak
from ariel_kit.simulation import draw_planets, simulate_observation
from ariel_kit.spectral_extraction import learn_prior

scratch = TemporaryDirectory()
data = ak.simulate_dataset(Path(scratch.name), n_train=0, n_test=1, seed=9141, edition=2025)
labels = [planet.depths for planet in draw_planets(300, seed=9142, edition=2025)]
prior = learn_prior(np.array(labels), source="300 labels")

# %%
dataset = ak.open_dataset(data)
(planet_id,) = dataset.planets("test")
star = dataset.star_info("test", planet_id)
print(f"star: {star.temperature:.0f} K, {star.radius:.2f} solar radii;", end=" ")
print(f"orbit: {star.period:.2f} days, impact parameter {star.impact:.2f}")
observation = ak.calibrate_planet(dataset, planet_id, split="test")
(spectrum,) = ak.fit_planets([observation], prior=prior)
truth = ak.read_labels(data / "test_labels.csv").of([planet_id])[0]
scratch.cleanup()

# %% [markdown]
# The bottom of the transit is round: the planet crosses brighter and darker parts of its star.

# %%
_ = ak.plot_white_light_curve(spectrum)

# %%
_ = ak.plot_spectrum(spectrum, truth)

# %% [markdown]
# ## Limb darkening against temperature
#
# Each star has its own law in each instrument, fitted with the transit. What stars have in common,
# also how their law changes with temperature, is learned over the planets of a run: here 40, seen
# without their frames.

# %%
planets = draw_planets(40, seed=9143, edition=2025)
seen = [simulate_observation(planet, seed=0) for planet in planets]
fits = ak.fit_planets(seen, prior=prior)
warm = np.array([planet.star_info.temperature for planet in planets])
clear = np.array([fit.fit is not None and not fit.fit.flags for fit in fits])
print(f"{clear.sum()} of {len(fits)} fits without a flag")

# %% [markdown]
# A law is four coefficients of Claret's. One number that light curves tell well is the light at
# half the way down, mu = 0.5, relative to the middle of the star: 1 without limb darkening. Rings
# are what was fitted, dots the truth. FGS1, in red light, is darker than AIRS, in the infrared.

# %%
drop = 1 - 0.5 ** (np.arange(1, 5) / 2)
rows = np.flatnonzero(clear)
fitted = {
    "FGS1": np.array([fits[i].fit.fgs1_limb_darkening for i in rows]),
    "AIRS": np.array([fits[i].fit.limb_darkening for i in rows]),
}
light = [seen[i].airs.mean(axis=0) for i in rows]
laws = [planets[i].limb_darkening for i in rows]
white = [np.average(law[1:], axis=0, weights=w) for law, w in zip(laws, light, strict=True)]
true = {"FGS1": np.array([law[0] for law in laws]), "AIRS": np.array(white)}

# %%
for name in fitted:
    off = (fitted[name] - true[name]) @ drop
    print(f"{name}: error {np.sqrt(np.mean(off**2)):.3f} rms, {off.mean():+.3f} on average")

# %%
from ariel_kit.plots.style import headroom, legend, new_axes, palette

ax = new_axes()
colours = palette(ax)
for name, colour in {"FGS1": colours.model, "AIRS": colours.data}.items():
    found, real = 1 - fitted[name] @ drop, 1 - true[name] @ drop
    ax.vlines(warm[clear], found, real, color=colour, alpha=0.4)
    ax.plot(warm[clear], found, "o", mfc="none", color=colour, label=f"{name}, fitted")
    ax.plot(warm[clear], real, ".", color=colour, label=f"{name}, true")
ax.set(xlabel="temperature of the star (K)", ylabel="light at mu = 0.5, relative to the middle")
headroom(ax, 0.15)
legend(ax, ncols=4, loc="upper center")

# %% [markdown]
# ## Two visits of one planet
#
# Each visit has its own mid-time and drift, both share the planet, its orbit and its star. They end
# in one posterior. Its sigma shrinks by less than a factor of 1.4: the star's law, which both
# visits see alike, does not average out.

# %%
twice = next(planet for planet in draw_planets(60, seed=9144, edition=2025) if planet.n_visits == 2)
visits = [simulate_observation(twice.at_visit(i), seed=1) for i in range(2)]
answers = {f"visit {i + 1}": ak.fit_planets([visits[i]], prior=prior)[0] for i in range(2)}
answers["both"] = ak.fit_planets(visits, prior=prior)[0]
for name, answer in answers.items():
    error, sigma = 1e6 * (answer.mean - twice.depths), 1e6 * answer.sigma
    print(f"{name}: FGS1 {error[0]:+.0f} of {sigma[0]:.0f} ppm,", end=" ")
    print(f"AIRS {np.sqrt(np.mean(error[1:] ** 2)):.0f} rms of {sigma[1:].mean():.0f} ppm")

# %%
_ = ak.plot_spectrum(answers["both"], twice.depths)
