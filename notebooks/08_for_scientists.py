# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a run to your own tools
#
# A run leaves spectra with their covariance, white light, drift and limb darkening. Here is how to
# take them elsewhere: into pandas, as draws, as files with units; and how they compare with
# batman, which computes transits in another way, and with a published law of limb darkening.
# It needs the extras `science` and batman, which `dev` holds.

# %% [markdown]
# ## A run
#
# Two simulated planets in the layout of 2025, from raw frames. What spectra look like is learned
# from 200 labels of other planets.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import ariel_kit as ak
from ariel_kit.simulation import draw_planets, write_tables

scratch = TemporaryDirectory()
folder = Path(scratch.name)
data = ak.simulate_dataset(folder / "data", n_train=0, n_test=2, seed=9153, edition=2025)
write_tables(folder / "others", train=draw_planets(200, seed=9152, edition=2025), test=[])
result = ak.run_pipeline(data, folder / "run", train_labels=folder / "others" / "train.csv")
print(result)

# %%
from ariel_kit.run.folder import RunFolder

run = RunFolder(folder / "run").read()
run.to_frame()[["depth", "sigma", "mid_time", "half_duration", "impact", "white_residual"]]

# %% [markdown]
# ## One spectrum, and what its errors have in common
#
# Errors of neighbouring wavelengths go together: they share the level of the spectrum, and what
# the prior fills in. So the error of a mean over a band is not sigma over the root of the number
# of wavelengths. The covariance knows it, and so do draws from the posterior.

# %%
import numpy as np

spectrum = run.spectrum(run.spectra[0].planet_id)
band = (spectrum.wavelength > 2.6) & (spectrum.wavelength < 2.9)
draws = spectrum.sample(4000)
naive = np.sqrt(np.mean(spectrum.sigma[band] ** 2) / band.sum())
full = np.sqrt(spectrum.full_covariance[np.ix_(band, band)].mean())
print(f"depth from 2.6 to 2.9 micron: {1e6 * spectrum.mean[band].mean():.0f} ppm")
print(f"its sigma, errors taken as independent: {1e6 * naive:.1f} ppm")
print(f"by the covariance: {1e6 * full:.1f} ppm")
print(f"by 4000 draws: {1e6 * draws[:, band].mean(axis=1).std():.1f} ppm")

# %%
truth = ak.read_labels(data / "test_labels.csv").of([spectrum.planet_id])[0]
ax = ak.plot_spectrum(spectrum, truth)
_ = ax.plot(spectrum.wavelength[1:], 1e6 * draws[:12, 1:].T, lw=0.5, alpha=0.5)

# %% [markdown]
# ## Files with units
#
# `ariel-kit export run --output-dir exported --format netcdf` does the same as this line; `fits`
# and `ecsv` are the other formats. Each holds the citation, the settings and what each stage did.

# %%
import xarray as xr
from astropy.table import QTable

from ariel_kit.export import export_run

(netcdf,) = export_run(run.folder.path, folder / "exported", file_format="netcdf", draws=100)
tables = export_run(run.folder.path, folder / "exported", file_format="ecsv")
stored = xr.open_dataset(netcdf, engine="h5netcdf").load()
print(stored["depth"].sel(planet=spectrum.planet_id, wavelength=3.0, method="nearest").item())
print(stored["depth"].attrs, stored["wavelength"].attrs, stored["draws"].sizes)
QTable.read(tables[0], format="ascii.ecsv")[["wavelength", "depth", "sigma"]][:4]

# %% [markdown]
# ## The transit against batman
#
# What the fit concluded of the path and of the star's limb, put into batman, has to give the
# transit that the run drew through its white light. batman takes the scale of the orbit, which
# follows from the half-duration: `sin(rate half_duration) a = sqrt(1 - b**2)`.

# %%
from batman import TransitModel, TransitParams

fit, light = spectrum.fit, spectrum.white_light[0]
star = ak.open_dataset(data).star_info("test", spectrum.planet_id)
orbit = TransitParams()
orbit.t0, orbit.per, orbit.ecc, orbit.w = fit.mid_time / 24, star.period, 0.0, 90.0
orbit.rp = np.sqrt(fit.white_depth)
orbit.a = np.sqrt(1 - fit.impact**2) / np.sin(star.rate * fit.half_duration)
orbit.inc = np.degrees(np.arccos(fit.impact / orbit.a))
orbit.limb_dark, orbit.u = "nonlinear", list(fit.limb_darkening)
exposure = {"supersample_factor": 15, "exp_time": float(light.span[0]) / 24}
batman = TransitModel(orbit, light.time / 24, **exposure).light_curve(orbit)

# %%
from ariel_kit.plots.style import legend, new_axes, palette

ours = light.model / light.drift
ours = ours / np.median(ours[[0, -1]])
ax = new_axes()
colours = palette(ax)
ax.plot(light.time, 1e6 * (ours - batman), color=colours.model, label="kit less batman")
noise = 1e6 * light.noise / np.median(light.model / light.drift)
ax.fill_between(light.time, -noise, noise, color=colours.data, alpha=0.2, label="noise of a bin")
ax.set(xlabel="time (hours)", ylabel="difference (ppm)")
legend(ax)
print(f"{1e6 * (ours - batman).std():.1f} ppm rms, the noise of a bin is {noise.mean():.0f} ppm")

# %% [markdown]
# They agree to about the noise of a bin. Peaks at ingress and egress mean a shift of seconds: the
# white light is fitted first, and the path that is told is what all wavelengths together
# concluded after it. For equal numbers the kit's tests hold both to 0.1 ppm.

# %% [markdown]
# ## Limb darkening against the Sun's
#
# The intensity across the disc, as the fit concluded it in both instruments. The dashed line is
# the Sun as it was measured: `I(mu) = mu**a` with `a = -0.023 + 0.292 / wavelength` between 0.42
# and 1.10 micron (Hestroffer & Magnan 1998, A&A 333, 338), here at the 0.705 micron of FGS1. A
# cooler star is darker at its limb, and every star less so in the infrared.

# %%
from ariel_kit.light_curve.transit import intensity

mu = np.linspace(0.02, 1, 200)
powers = mu[:, None] ** (np.arange(5) / 2)
sun = mu ** (-0.023 + 0.292 / 0.705)

# %%
ax = new_axes()
for one, look in zip(run.spectra, ("-", ":"), strict=True):
    kelvin = ak.open_dataset(data).star_info("test", one.planet_id).temperature
    laws = {"FGS1": (one.fit.fgs1_limb_darkening, colours.model)}
    laws["AIRS"] = (one.fit.limb_darkening, colours.data)
    for name, (law, colour) in laws.items():
        ax.plot(mu, powers @ intensity(law), look, color=colour, label=f"{name}, {kelvin:.0f} K")
ax.plot(mu, sun, "--", color=colours.ink, label="the Sun, 0.705 µm")
ax.set(xlabel="mu, 1 in the middle of the disc", ylabel="intensity")
legend(ax)

# %% [markdown]
# ## What the fit leaves
#
# Data less model over time and wavelength: noise without a pattern where the model explains all.

# %%
from ariel_kit.core.observation import Observation

observation = Observation.load(run.products[spectrum.planet_id][0])
_ = ak.plot_residual_map(observation, spectrum)
scratch.cleanup()
