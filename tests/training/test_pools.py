"""Networks learn from observations of a folder: out of fold of their labels, or without any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ariel_kit.core.cache import StoredSequence
from ariel_kit.core.errors import ConfigError, DataFileError, FitError
from ariel_kit.core.observation import Observation
from ariel_kit.data.dataset import Labels
from ariel_kit.denoising.stage import make_denoiser
from ariel_kit.models import load_card
from ariel_kit.simulation import draw_planets, simulate_observation, write_tables
from ariel_kit.spectral_extraction import fit_planets, learn_prior, simulated_prior
from ariel_kit.training import loop
from ariel_kit.training.loop import train, train_all
from ariel_kit.training.pools import folder, observed
from ariel_kit.training.pools.folder import labelled_folds, observed_folds
from ariel_kit.training.pools.observed import blind_folds, fitted_folds
from ariel_kit.training.recipes import load_orders
from ariel_kit.training.settings import TrainSettings
from ariel_kit.training.tasks import find_task

N_PLANETS = 7
PLANETS = draw_planets(N_PLANETS, seed=31, stars=(0, 1, 101))
FEW = simulated_prior(0, 60)
LOOP = {"steps": 4, "batch_size": 4, "warmup_steps": 1, "validate_every": 2, "device": "cpu"}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch):
    """A prior of three labels, a quick one without, and one thread."""
    monkeypatch.setattr(folder, "FEWEST_LABELS", 3)
    monkeypatch.setattr(observed, "simulated_prior", lambda seed: FEW)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Observations as `ariel-kit calibrate` leaves them beside a table that knows one planet more.

    One planet has two visits; one has no label.
    """
    root = tmp_path_factory.mktemp("calibrated")
    products = root / "products" / "0123456789ab"
    products.mkdir(parents=True)
    for planet in PLANETS:
        for visit in range(1 + (planet is PLANETS[0])):
            observation = simulate_observation(planet, seed=visit)
            observation.save(products / f"train_{planet.planet_id}_{visit}.npz")
    write_tables(root, train=[*PLANETS[:-1], *draw_planets(1, seed=32)], test=[])
    return root


def labels_of(root: Path) -> Path:
    return root / "train_labels.csv"


def order(task: str, root: Path | None, **data: object) -> TrainSettings:
    model = {"ti_mae": {"width": 8, "depth": 1}}.get(
        task, {"width": 16, "dilations": [1], "learned": 2}
    )
    kind = find_task(task).TaskSettings
    return kind(task=task, seed=1, model=model, loop=LOOP, data={"folder": root, **data})


def ids_of(observations: StoredSequence[Observation]) -> list[int]:
    return [observation.planet_id for observation in observations]


@pytest.fixture(scope="module")
def unlabelled(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four observations of three planets, and no table."""
    folder = tmp_path_factory.mktemp("unlabelled")
    for path in sorted(root.rglob("*.npz")):
        if Observation.load(path).planet_id in [planet.planet_id for planet in PLANETS[:3]]:
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ResNet-1D was trained on the labelled planets."""
    out = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "FEWEST_LABELS", 3)
        train_all([order("resnet1d", root, labels=labels_of(root))], out)
    return out / "resnet1d"


def test_folds_share_planets_with_observation_and_label_and_no_visit_is_torn_off(root):
    folds, truth = labelled_folds(root, labels_of(root), seed=1)
    members = [set(ids_of(fold.observations)) for fold in folds]
    both = {planet.planet_id for planet in PLANETS[:-1]}
    assert len(folds) == 5
    assert set.union(*members) == both < set(truth.planet_ids.tolist()) | {PLANETS[-1].planet_id}
    assert sum(map(len, members)) == len(both)
    for fold, own in zip(folds, members, strict=True):
        assert set(fold.others) == both - own
    assert sum(len(fold.observations) for fold in folds) == len(both) + 1
    other = labelled_folds(root, labels_of(root), seed=2)[0]
    assert [ids_of(fold.observations) for fold in other] != [
        ids_of(fold.observations) for fold in folds
    ]
    everyone = [planet for fold in observed_folds(root, seed=1) for planet in fold.others]
    assert set(everyone) == {planet.planet_id for planet in PLANETS}


def test_no_fit_has_seen_a_label_of_its_fold(root, trained, tmp_path):
    """A poisoned label changes what other folds are fitted with, and its own fold's errors."""
    folds, truth = labelled_folds(root, labels_of(root), seed=1)
    victim = ids_of(folds[1].observations)[0]
    bent = truth.depths.copy()
    bent[truth.planet_ids == victim, ::2] *= 1.3
    poisoned = fitted_folds(tmp_path, folds[:2], Labels(truth.planet_ids, bent))
    clean = fitted_folds(trained / "pool", folds[:2], truth)
    np.testing.assert_array_equal(poisoned[1].features, clean[1].features)
    assert np.abs(poisoned[1].error - clean[1].error).max() > 1
    assert np.abs(poisoned[0].features - clean[0].features).max() > 1e-3


def test_errors_are_truth_minus_a_fit_out_of_fold(root, trained):
    folds, truth = labelled_folds(root, labels_of(root), seed=1)
    held_out = folds[-1]
    (kept,) = fitted_folds(trained / "pool", [held_out], truth)
    true = {planet.planet_id: planet.depths for planet in PLANETS}
    own = set(ids_of(held_out.observations))
    prior = learn_prior(np.array([true[p] for p in held_out.others]))
    spectra = fit_planets(list(held_out.observations), prior=prior)
    centre = np.eye(283)
    centre[:, 1:] -= 1 / 282
    for spectrum, error in zip(spectra, kept.error, strict=True):
        assert spectrum.planet_id in own
        sigma = np.sqrt(np.diag(centre @ spectrum.covariance @ centre.T))
        expected = centre @ (true[spectrum.planet_id] - spectrum.mean) / sigma
        np.testing.assert_allclose(error, expected, rtol=1e-4, atol=1e-4)
    card = load_card(trained)
    assert card.data["held_out"] == len(spectra)
    assert card.data["planets"] == N_PLANETS - len(spectra)  # six planets, one of them twice


def test_a_training_that_is_interrupted_among_the_fits_ends_in_the_same_bits(
    root, trained, tmp_path, monkeypatch
):
    settings = order("resnet1d", root, labels=labels_of(root))
    fit, fitted = observed.fit_light_curves, []

    def interrupted(*arguments, **options):
        fitted.append(arguments)
        if len(fitted) == 3:
            raise KeyboardInterrupt
        return fit(*arguments, **options)

    monkeypatch.setattr(observed, "fit_light_curves", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_all([settings], tmp_path)
    train_all([settings], tmp_path)
    assert len(fitted) == 6  # two folds were found again, the third was begun twice
    for name in ("model.safetensors", "history.csv", "card.json"):
        assert (tmp_path / "resnet1d" / name).read_bytes() == (trained / name).read_bytes()


def test_cards_tell_what_was_learned_from_and_no_path(root, trained):
    card = load_card(trained)
    assert card.data["source"] == "observations of a folder"
    assert "labels" in card.data
    assert "stars" not in card.data
    assert card.settings["data"]["folder"] == root.name
    assert card.settings["data"]["labels"] == "train_labels.csv"
    assert str(root.parent) not in (trained / "card.json").read_text()
    assert str(root) in (trained / "settings.yaml").read_text()


class Onlooker(nn.Module):
    """Stands where PhySNet stands, corrects nothing and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, torch.Tensor]] = []

    def forward(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        self.seen.append(inputs)
        nothing = torch.zeros(len(inputs["maps"]), 4)
        return {"shift": nothing, "log_scale": nothing}


def test_ti_mae_sees_what_the_denoising_stage_sees_last(unlabelled, tmp_path):
    folds = observed_folds(unlabelled, seed=1)[:1]
    (planets,) = blind_folds(tmp_path, folds, seed=1)
    onlooker = Onlooker()
    fit_planets(list(folds[0].observations), prior=FEW, denoise=make_denoiser(onlooker))
    first, *_, last = onlooker.seen
    assert len(planets) == len(folds[0].observations)
    assert planets.truth == {}
    assert list(planets.inputs) == list(last)
    for name, tensor in last.items():
        torch.testing.assert_close(planets.inputs[name], tensor, rtol=1e-4, atol=1e-4)
    assert (planets.inputs["maps"] - first["maps"]).abs().max() > 1e-3
    turned = planets.take(np.array([0]), np.array([-1]))
    assert set(turned) == set(last)
    torch.testing.assert_close(turned["maps"][:, :2], -planets.inputs["maps"][:1, :2])


def test_ti_mae_goes_on_where_it_stopped(unlabelled, tmp_path, monkeypatch):
    settings = order("ti_mae", unlabelled)
    whole = train_all([settings], tmp_path / "a")[0]
    assert whole.data["planets"] + whole.data["held_out"] == 4
    assert whole.data["source"] == "observations of a folder"
    monkeypatch.setattr(observed, "fit_light_curves", None)  # the pool is found again
    (tmp_path / "b" / "ti_mae").mkdir(parents=True)
    (tmp_path / "b" / "ti_mae" / "pool").symlink_to(tmp_path / "a" / "ti_mae" / "pool")
    task = find_task("ti_mae").make_task(settings)
    draw, drawn = task.batch, []

    def interrupted(rng, size):
        drawn.append(size)
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return draw(rng, size)

    task.batch = interrupted
    with pytest.raises(KeyboardInterrupt):
        train(task, settings, tmp_path / "b" / "ti_mae")
    assert train_all([settings], tmp_path / "b")[0] == whole


def test_of_all_networks_those_that_can_learn_from_a_folder_do(root, tmp_path, monkeypatch, caplog):
    changes = [f"data.folder={root}", f"data.labels={labels_of(root)}"]
    learned = {}
    monkeypatch.setattr(
        loop, "train", lambda task, settings, *_, **__: learned.update({task.name: settings.data})
    )
    train_all(load_orders("all", changes), tmp_path)
    sources = {name: data.source for name, data in learned.items()}
    seen, simulated = "observations of a folder", "simulated planets"
    assert sources == {
        "tcn_jnet": simulated, "ti_mae": seen, "physnet": simulated, "resnet1d": seen,
    }  # fmt: skip
    for name in ("tcn_jnet", "physnet"):
        assert f"{name} learns from simulated" in caplog.text
    assert caplog.text.count("Goes on with simulated data.") == 2
    train_all(load_orders("all", changes[:1]), tmp_path)
    assert (learned["ti_mae"].source, learned["resnet1d"].source) == (seen, simulated)
    assert "needs true spectra; none are given" in caplog.text


def test_what_cannot_be_learned_from_is_one_sentence(root, tmp_path, monkeypatch):
    ti_mae = find_task("ti_mae").make_task
    resnet1d = find_task("resnet1d").make_task
    with pytest.raises(ConfigError, match="labels need a folder"):
        load_orders("resnet1d", [f"data.labels={labels_of(root)}"])
    with pytest.raises(ConfigError, match=r"true spectra; none are given .* --labels"):
        resnet1d(order("resnet1d", root))
    monkeypatch.setattr(folder, "FEWEST_LABELS", 30)
    with pytest.raises(ConfigError, match=r"30 labels of other folds; .* share 6 .* leaves 4\."):
        resnet1d(order("resnet1d", root, labels=labels_of(root)))
    with pytest.raises(DataFileError, match=r"must hold observations .* ariel-kit calibrate"):
        ti_mae(order("ti_mae", tmp_path))
    (path,) = root.rglob(f"train_{PLANETS[1].planet_id}_0.npz")
    (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ConfigError, match="needs 2 planets, one of them held out"):
        ti_mae(order("ti_mae", tmp_path))
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataFileError, match=f"{path.name} is there 2 times"):
        ti_mae(order("ti_mae", tmp_path))
    (tmp_path / "again" / path.name).rename(tmp_path / "again" / "test_5_0.npz")
    (tmp_path / "again" / "test_5_0.npz").write_bytes(b"half a file")
    with pytest.raises(DataFileError, match=r"test_5_0\.npz is not a readable Observation"):
        ti_mae(order("ti_mae", tmp_path))


def test_a_fold_without_a_fit_is_one_sentence(tmp_path):
    for number, planet in enumerate(PLANETS[:2]):
        observation = simulate_observation(planet, seed=0)
        dark = Observation(**{**vars(observation), "airs": 0 * observation.airs})
        dark.save(tmp_path / f"test_{number}_0.npz")
    with pytest.raises(FitError, match=r"fitted together, none could be\. The log says why"):
        blind_folds(tmp_path / "pool", observed_folds(tmp_path, seed=0), seed=0)
