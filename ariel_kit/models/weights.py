"""Find, save and load the weights of networks, each with a card and a golden output.

Weights lie in one folder per network: ``model.safetensors``, ``card.json``, and
``golden.safetensors``, an input with the output it had when the weights were saved.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ariel_kit.core.cache import atomic_path, file_sha256
from ariel_kit.core.errors import WeightsError, shortened
from ariel_kit.core.words import listed
from ariel_kit.models.card import ModelCard
from ariel_kit.models.registry import check_name, list_models

if TYPE_CHECKING:
    from torch import Tensor, nn

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parents[1] / "weights"
MODEL_FILE, CARD_FILE, GOLDEN_FILE = "model.safetensors", "card.json", "golden.safetensors"
TEMPERATURE_FOLDER = "temperature"
GOLDEN_SEED = 0
GOLDEN_TOLERANCE = 1e-3
"""Largest error of a golden output, absolute or relative; another processor changes 1e-5."""


def find_weights(name: str, models_dir: str | Path | None = None) -> Path | None:
    """Find the folder with weights of a network: in `models_dir` if there, else in the package.

    Raises
    ------
    UnknownNameError
        If there is no network of this name.
    WeightsError
        If `models_dir` is no folder of weights folders, or holds this network without its files.
    """
    check_name(name)
    own = None if models_dir is None else find_own(name, models_dir)
    if own is not None:
        for file in (CARD_FILE, MODEL_FILE):
            if not (own / file).is_file():
                raise WeightsError(
                    f"{own} must hold {CARD_FILE} and {MODEL_FILE}; {file} is missing. Copy it, "
                    "train to the end, or remove the folder to take the weights in the package."
                )
        return own
    return SHIPPED / name if (SHIPPED / name / CARD_FILE).is_file() else None


def find_refusal(name: str, models_dir: str | Path | None, *, edition: int) -> str | None:
    """Give the reason why the package's weights must not be used on an edition; None if they may.

    Parameters
    ----------
    name : str
        Name of the network.
    models_dir : path, optional
        As in `find_weights`.
    edition : int
        Year of the data.

    Raises
    ------
    WeightsError
        If weights in `models_dir` must not be used; a user asked for these.
    """
    folder = find_weights(name, models_dir)
    reason = None if folder is None else load_card(folder).objection(edition)
    refuse_own(folder, reason)
    return reason


def refuse_own(place: Path | None, reason: str | None) -> None:
    """Raise an objection as an error where it is against weights that a user asked for.

    Raises
    ------
    WeightsError
        If there is an objection, and the place is not in the package.
    """
    if reason is not None and place is not None and not place.is_relative_to(SHIPPED):
        raise WeightsError(f"{place}: {reason}, or leave out --models-dir.")


def find_own(name: str, models_dir: str | Path) -> Path | None:
    """Find a folder of this name in `models_dir`; where it is missing, the log says so once.

    Raises
    ------
    WeightsError
        If `models_dir` is no folder of weights folders.
    """
    root = Path(models_dir)
    if not root.is_dir():
        raise WeightsError(f"{root} must be a folder of weights folders; it is not there.")
    held = sorted(path.name for path in root.iterdir())
    if not {*list_models(micro=True), TEMPERATURE_FOLDER} & set(held):
        right = "above it" if CARD_FILE in held else "that train was given as --output-dir"
        raise WeightsError(
            f"{root} must hold weights folders such as tcn_jnet; it holds "
            f"{listed(held) or 'nothing'}. Give the folder {right}."
        )
    if (root / name).exists():
        return root / name
    _tell_shipped(name, root)
    return None


@cache
def _tell_shipped(name: str, root: Path) -> None:
    log.info("%s has no %s: that of the package is taken, if it has one", root, name)


def save_weights(model: nn.Module, folder: str | Path, card: ModelCard) -> ModelCard:
    """Write weights, a golden output and, last, the completed card, which is returned."""
    import torch
    from safetensors.torch import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensors in {MODEL_FILE: model.state_dict(), GOLDEN_FILE: golden(model)}.items():
        # Copies: the format refuses tensors that share memory or have gaps.
        whole = {
            key: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for key, tensor in tensors.items()
        }
        with atomic_path(folder / name) as unfinished:
            unfinished.write_bytes(save(whole))
    card = card.model_copy(
        update={
            "config": dict(model.config),  # type: ignore[arg-type]
            "parameters": count_parameters(model),
            "kit_version": version("ariel-kit"),
            "sha256": file_sha256(folder / MODEL_FILE),
        }
    )
    card.save(folder / CARD_FILE)
    return card


def load_card(folder: str | Path) -> ModelCard:
    """Read the card of a weights folder.

    Raises
    ------
    WeightsError
        If it is missing or damaged.
    """
    return ModelCard.load(Path(folder) / CARD_FILE)


def count_parameters(model: nn.Module) -> int:
    """Count the trained numbers of a network."""
    return sum(parameter.numel() for parameter in model.parameters())


def load_weights(model: nn.Module, folder: str | Path, *, prefix: str = "") -> ModelCard:
    """Load stored weights into a network, all of them, and return their card.

    Parameters
    ----------
    model : nn.Module
        The network to fill.
    folder : str or Path
        A folder that `save_weights` wrote.
    prefix : str
        Load only tensors whose names start with this, e.g. ``"encoder."`` of a pre-trained network.
        File and network must then hold the same tensors with that prefix.

    Raises
    ------
    WeightsError
        If a file is missing or damaged, a tensor is missing, too many, not finite, or of another
        shape or type.
    """
    path, card = Path(folder) / MODEL_FILE, load_card(folder)
    stored = _read_checked(path, card.sha256)
    wanted = {name: t for name, t in model.state_dict().items() if name.startswith(prefix)}
    stored = {name: t for name, t in stored.items() if name.startswith(prefix)}
    faults = list(_misfits(wanted, stored))
    if not wanted:
        faults.append(f"the network has no tensor {prefix}*")
    if faults:
        raise WeightsError(
            "\n  ".join([f"{path} does not fit {type(model).__name__}:", *faults])
            + "\nLoad weights of the same network and size, or train it again."
        )
    model.load_state_dict(model.state_dict() | stored, strict=True)
    return card


def check_golden(model: nn.Module, folder: str | Path) -> None:
    """Refuse a network that does not give the output that was stored with its weights.

    Parameters
    ----------
    model : nn.Module
        With the weights of the folder.
    folder : str or Path
        Without a golden output nothing is checked.

    Raises
    ------
    WeightsError
        If the golden output is damaged, or the network gives another.
    """
    path = Path(folder) / GOLDEN_FILE
    if not path.is_file():
        return
    stored = _read_tensors(path)
    inputs = {k.removeprefix("input."): t for k, t in stored.items() if k.startswith("input.")}
    wanted = {key: tensor for key, tensor in stored.items() if key.startswith("output.")}
    try:
        found = golden_outputs(model, inputs)
        same = found.keys() == wanted.keys() and all(
            tensor.shape == found[key].shape
            and tensor.allclose(found[key].cpu(), rtol=GOLDEN_TOLERANCE, atol=GOLDEN_TOLERANCE)
            for key, tensor in wanted.items()
        )
    except (LookupError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path} holds no input of {type(model).__name__} ({shortened(str(error))}): copy or "
            "train it again."
        ) from error
    if not same:
        raise WeightsError(
            f"{path} must hold what {type(model).__name__} gives with the weights beside it; it "
            "holds other numbers: copy or train them again."
        )


def golden(model: nn.Module) -> dict[str, Tensor]:
    """Compute an example input of the network and its output: ``input.*`` and ``output.*``."""
    import torch

    generator = torch.Generator().manual_seed(GOLDEN_SEED)
    inputs = model.example_inputs(1, generator)  # type: ignore[operator]
    return {**{f"input.{key}": t for key, t in inputs.items()}, **golden_outputs(model, inputs)}


def golden_outputs(model: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Compute the outputs of the network in evaluation mode by name, ``output.*``."""
    import torch

    device = next(model.parameters()).device
    training = model.training
    with torch.no_grad():
        outputs = model.eval()(**{key: tensor.to(device) for key, tensor in inputs.items()})
    model.train(training)
    return {f"output.{key}": tensor for key, tensor in named_outputs(outputs).items()}


def named_outputs(outputs: Any) -> dict[str, Tensor]:
    """Name what ``forward`` returned: by the keys of a mapping, else by position from ``"0"``."""
    if isinstance(outputs, Mapping):
        return dict(outputs)
    parts = outputs if isinstance(outputs, tuple | list) else (outputs,)
    return {str(index): part for index, part in enumerate(parts) if part is not None}


def _read_checked(path: Path, sha256: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"{path} is missing: copy it beside its card, or train it again.")
    if (found := file_sha256(path)) != sha256:
        raise WeightsError(
            f"{path} must have the SHA-256 of its card, {sha256}; got {found}: "
            "copy or train it again."
        )
    return _read_tensors(path)


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(
            f"{path} holds no tensors ({shortened(str(error))}): copy or train it again."
        ) from error


def _misfits(wanted: dict[str, Tensor], stored: dict[str, Tensor]) -> Iterator[str]:
    yield from (f"missing: {name}" for name in sorted(wanted.keys() - stored.keys()))
    yield from (f"unexpected: {name}" for name in sorted(stored.keys() - wanted.keys()))
    for name in sorted(wanted.keys() & stored.keys()):
        have, want = tuple(stored[name].shape), tuple(wanted[name].shape)
        if have != want:
            yield f"shape of {name}: {want} in the network, {have} in the file"
        elif stored[name].dtype != wanted[name].dtype:
            yield f"type of {name}: {wanted[name].dtype} needed, {stored[name].dtype} in the file"
        elif not stored[name].isfinite().all():
            yield f"values of {name}: NaN or infinity in the file"
