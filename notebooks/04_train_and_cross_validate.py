# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Train, and cross-validate
#
# Two questions about anything that learns: does it learn, and is what it learned true of planets
# that it has not seen?

# %% [markdown]
# ## Train a network
#
# A recipe names a network, its data and its loop. `tiny` trains a micro TCN-JNet, the network
# that predicts the telescope's motion, in seconds: enough to see that a machine can. `ariel-kit
# train --config tiny` does the same.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from ariel_kit.training.loop import train_all
from ariel_kit.training.recipes import load_orders

scratch = TemporaryDirectory()
orders = load_orders("tiny", ["seed=3", "loop.steps=60"])
(card,) = train_all(orders, scratch.name)
print(f"{card.model}: {card.parameters} parameters, validation loss {card.score:.3f}")

# %% [markdown]
# The loss on motion that training does not see:

# %%
import polars as pl

from ariel_kit.plots.style import new_axes

history = pl.read_csv(Path(scratch.name) / card.model / "history.csv")
ax = new_axes(None)
seen = history.drop_nulls("validation_loss")
ax.plot(seen["step"], seen["validation_loss"], "o-")
_ = ax.set(xlabel="step", ylabel="validation loss")

# %% [markdown]
# Beside the weights lies their card: what they learned from, with which command, and what they
# are not made for. Weights whose checksum is not that of the card are refused.

# %%
from ariel_kit.models import create_model, find_weights

folder = find_weights(card.model, scratch.name)
model = create_model(card.model, weights=folder)
print(sorted(path.name for path in folder.iterdir()), card.sha256[:12])

# %% [markdown]
# ## Fold by star
#
# The joint fit learns from labels what spectra look like. Whether that holds for a star without
# any label, folds by star tell: here 30 planets of three stars, drawn as light curves.

# %%
import ariel_kit as ak
from ariel_kit.evaluation import make_folds
from ariel_kit.simulation import draw_planets, simulate_observation, write_tables

planets = draw_planets(30, seed=9106, stars=(4, 5, 6))
write_tables(Path(scratch.name) / "data", train=planets, test=[])
dataset = ak.open_dataset(Path(scratch.name) / "data")
truth = ak.read_labels(dataset.root / "train_labels.csv")
folds = make_folds(dataset, truth, "train", folds=3, group_by="star")
for fold in folds:
    (star,) = set(fold.groups.values())
    print(f"fold {fold.name}: star {star}, {len(fold.others)} labels of others")

# %% [markdown]
# Each fold is fitted with a prior that knows the labels of the other folds alone.

# %%
from ariel_kit.spectral_extraction import learn_prior

visits = {p.planet_id: simulate_observation(p, seed=0) for p in planets}
spectra, stars = [], []
for fold in folds:
    prior = learn_prior(truth.of(fold.others))
    spectra += ak.fit_planets([visits[planet] for planet in fold.groups], prior=prior)
    stars += fold.groups.values()
report = ak.score(truth, spectra, stars=stars)
for part in (report.total, *report.stars):
    print(f"star {part.name:>3}: score {part.score:.3f}, coverage {part.coverage:.2f}")

# %%
_ = ak.plot_score_by_snr(report, spectra)

# %% [markdown]
# ## How to gain score
#
# A change is worth what it adds on planets whose labels it has not seen. Here are the same folds
# again, with a prior on the shape of spectra that is learned from labels alone and not from the
# light curves too. The interval is over planets; one that holds zero is no gain.

# %%
from ariel_kit.core.config import ExtractionSettings
from ariel_kit.evaluation.compare import compare_answers

changed, settings = [], ExtractionSettings(low_rank="labels")
for fold in folds:
    prior = learn_prior(truth.of(fold.others))
    changed += ak.fit_planets([visits[p] for p in fold.groups], prior=prior, settings=settings)
tables = [Path(scratch.name) / name for name in ("default.csv", "changed.csv")]
for table, answers in zip(tables, (spectra, changed), strict=True):
    ak.make_submission(answers, [s.planet_id for s in spectra], table)
found = compare_answers(*tables, labels=dataset.root / "train_labels.csv")
low, high = found.interval
print(f"gain {found.gain:+.4f}, with 95 % between {low:+.4f} and {high:+.4f}")

# %% [markdown]
# Two answers gain together what their errors do not share. Two fits of the same light curves share
# nearly all of them, as the correlation tells, so a blend of these two gains nearly nothing:

# %%
from ariel_kit.evaluation.blend import blend_submissions

blended, blend, _ = blend_submissions(tables, labels=dataset.root / "train_labels.csv")
print(f"correlation of their errors {blend.correlation[0, 1]:.2f}")
for name, answers in {"default": spectra, "changed": changed, "blend": blended}.items():
    print(f"{name:>7}: score {ak.score(truth, answers).score:.4f}")

# %% [markdown]
# `ariel-kit compare` and `ariel-kit blend` do the same for runs, submissions and out-of-fold
# tables; the README's chapter on gaining score lists what else there is.

# %% [markdown]
# ## The whole line
#
# On raw frames one command does all of this, and keeps the out-of-fold table, who was in which
# fold, and the scores by fold and star:
#
#     ariel-kit cv --data-dir data --output-dir cv
#     ariel-kit cv --data-dir data --output-dir cv --group-by random --full-fit
#
# `--group-by molecule` leaves out one molecule after the other, on simulated data. `--full-fit`
# then fits the temperature of sigma (notebook 06) on the out-of-fold table, for `ariel-kit run
# --models-dir cv/models`.

# %%
scratch.cleanup()
