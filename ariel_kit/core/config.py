"""The settings of a run: typed, validated, documented field by field, YAML in and out.

Every model is frozen and refuses unknown keys with a near-match hint. ``a.b=c`` overrides reach
any field; `settings_hash` names the products a setting leads to.
"""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ariel_kit.core.errors import ConfigError, UnknownNameError, did_you_mean, shortened
from ariel_kit.core.fields import describe_settings
from ariel_kit.core.yaml_reader import read_yaml, read_yaml_file

Model = TypeVar("Model", bound="Settings")

RECIPES = Path(__file__).parents[1] / "configs"
"""Folder of the shipped recipes."""
LARGEST_SEED = 2**32 - 1
"""The largest seed that all generators of random numbers accept."""
_WORDS = {
    "extra_forbidden": "unknown setting",
    "model_type": "is a group of settings, not a value",
}
"""Messages for the most frequent problems, by pydantic's name of each."""


class Settings(BaseModel):
    """Root of all settings: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CalibrationSettings(Settings):
    """Raw frames to light curves."""

    bad_pixels: Literal["row", "median", "psf"] = Field(
        "psf", description="How bad pixels are infilled: along the row, median filter, PSF model."
    )
    airs_extraction: Literal["window", "optimal"] = Field(
        "optimal", description="AIRS rows summed plainly, or weighted by the row profile."
    )
    fgs1_extraction: Literal["brightest", "psf"] = Field(
        "psf", description="FGS1 pixels summed plainly in the core, or weighted by the PSF."
    )
    memory: Literal["normal", "tight"] = Field(
        "normal", description="tight reads in column blocks: under 700 MB instead of 1.3 GB."
    )


class ExtractionSettings(Settings):
    """Light curves to spectrum."""

    extractor: Literal["joint", "white"] = Field(
        "joint", description="The joint Bayesian fit, or one flat white-light depth per planet."
    )
    low_rank: Literal["labels", "em", "both"] = Field(
        "both",
        description="Where the low-rank prior is learned: from labels, predicted planets, or both.",
    )
    bin_seconds: float = Field(144.0, gt=0, le=1800, description="Length of a time bin.")


class StageSettings(Settings):
    """The learned stages, each on or off.

    Examples
    --------
    >>> StageSettings.only("refine", "jitter").switched_on()
    ('jitter', 'refine')
    """

    jitter: bool = Field(
        True, description="TCN-JNet: take out of the flux what follows the telescope's motion."
    )
    denoise: bool = Field(
        False, description="PhySNet: tell the joint fit what drift to expect of each planet."
    )
    refine: bool = Field(
        True, description="Bayesian ResNet-1D: correct the shape of fitted spectra."
    )
    uncertainty: bool = Field(
        False, description="Temperatures: scale sigma to the errors that fits really make."
    )

    @classmethod
    def only(cls, *names: str) -> StageSettings:
        """Switch these stages on and the others off."""
        return cls(**{**dict.fromkeys(cls.model_fields, False), **dict.fromkeys(names, True)})

    def switched_on(self) -> tuple[str, ...]:
        """List the stages that are on, in the order of the line."""
        return tuple(name for name in type(self).model_fields if getattr(self, name))


class UncertaintySettings(Settings):
    """A smooth prior on finished spectra, beside the one that the joint fit holds.

    It never raised the score of a fitted spectrum, and is off by default
    (``pytest -m benchmark -s tests/benchmarks/test_refinement.py``).
    """

    smooth_amplitude: float = Field(
        0.0,
        ge=0,
        le=0.1,
        description="Standard deviation of the smooth part of a spectrum, transit depth; 0 is off.",
    )
    smooth_length: float = Field(
        8.0, gt=0, le=300, description="Its correlation length in AIRS channels."
    )


# YAML reads a bare off as false.
AutoOff = Annotated[Literal["auto", "off"], BeforeValidator(lambda v: "off" if v is False else v)]


class LearningSettings(Settings):
    """What a run learns from labelled planets."""

    mode: AutoOff = Field("auto", description="auto learns where train has frames and labels.")
    planets: int = Field(200, ge=1, description="Labelled planets to calibrate and learn from.")


class BudgetSettings(Settings):
    """Time that a run may take."""

    hours: float = Field(
        9.0,
        gt=0,
        le=10_000,
        description="The wall: before it a run falls back to quicker fits, then the safe prior.",
    )
    margin: float = Field(
        0.1, ge=0, lt=1, description="Share of the hours kept back for what cannot be foreseen."
    )


class RunSettings(Settings):
    """The whole line.

    Examples
    --------
    >>> settings = RunSettings(seed=3)
    >>> settings.calibration.bad_pixels, settings.extraction.bin_seconds
    ('psf', 144.0)
    """

    calibration: CalibrationSettings = Field(
        default_factory=CalibrationSettings, description="Raw frames to light curves."
    )
    extraction: ExtractionSettings = Field(
        default_factory=ExtractionSettings, description="Light curves to spectrum."
    )
    stages: StageSettings = Field(
        default_factory=StageSettings, description="The learned stages, each on or off."
    )
    uncertainty: UncertaintySettings = Field(
        default_factory=UncertaintySettings, description="A smooth prior on finished spectra."
    )
    learning: LearningSettings = Field(LearningSettings(), description="Labelled planets.")
    budget: BudgetSettings = Field(BudgetSettings(), description="Time that a run may take.")
    on_error: Literal["fallback", "fail"] = Field(
        "fail",
        description="A planet that cannot be read gets the safe prior either way; "
        "with 'fail' the run then ends with exit code 2.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where networks and the joint fit run; auto takes CUDA where it is."
    )
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Seed of every random draw.")


def settings_hash(settings: Settings) -> str:
    """Hash settings to twelve hexadecimal digits.

    >>> settings_hash(RunSettings()) == settings_hash(RunSettings())
    True
    """
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def load_settings(
    kind: type[Model], path: str | Path | None = None, overrides: Iterable[str] = ()
) -> Model:
    """Read settings from YAML and apply ``a.b=c`` overrides; the defaults without a path.

    Raises
    ------
    ConfigError
        With every problem at once.

    Examples
    --------
    >>> settings = load_settings(RunSettings, overrides=["extraction.extractor=white"])
    >>> settings.extraction.extractor
    'white'
    """
    values: dict[str, Any] = {}
    overrides = list(overrides)
    if path is not None:
        loaded = read_yaml_file(Path(path))
        if not isinstance(loaded, dict | None):
            raise ConfigError(
                f"{path} must hold a mapping of settings; got {type(loaded).__name__}."
            )
        values = loaded or {}
    for override in overrides:
        _apply(values, override)
    return make_settings(kind, values, where=str(path or "settings"), overrides=overrides)


def find_recipe(name: str, folder: str = ".") -> Path:
    """Find the YAML file of a shipped recipe, or take `name` itself when it is the path of one.

    Parameters
    ----------
    name : str
        Name of a recipe, or path of a YAML file.
    folder : str
        Where in ``configs`` recipes of this kind lie.

    Raises
    ------
    UnknownNameError
        If it is neither.

    Examples
    --------
    >>> find_recipe("white").name
    'white.yaml'
    """
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    shipped = Path(__file__).parents[1] / "configs" / folder
    recipes = {path.stem: path for path in shipped.glob("*.yaml")}
    if name not in recipes:
        raise UnknownNameError("recipe", name, recipes)
    return recipes[name]


def make_settings(
    kind: type[Model],
    values: dict[str, Any],
    where: str = "settings",
    overrides: Sequence[str] = (),
) -> Model:
    """Validate `values`; all problems are collected and raised once.

    Parameters
    ----------
    kind : type
    values : dict
    where : str
        Name of what holds the values, for the message.
    overrides : sequence of str
        The ``a.b=c`` among them; a problem in one of these is not blamed on the file.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        items = [dict(item) for item in error.errors()]
        problems = [_sentence(kind, item) for item in items]
        guilty = [{o for o in overrides if _reaches(o, _place(item))} for item in items]
        if all(guilty):
            where = f"--set {', '.join(sorted(set.union(*guilty)))}"
        raise ConfigError(
            "\n  ".join([f"{where}: {len(problems)} problem(s)", *problems])
        ) from error


def save_settings(settings: Settings, path: str | Path) -> None:
    """Write settings as YAML that `load_settings` reads back."""
    text = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
    Path(path).write_text(text, encoding="utf-8")


def _apply(values: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"an override must look like a.b=value; got {shortened(override)!r}.")
    *parents, leaf = name.strip().split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(
                f"{shortened(override)!r}: {shortened(parent)!r} is a value, not a group."
            )
    try:
        values[leaf] = read_yaml(text)
    except ConfigError as error:
        raise ConfigError(
            f"{shortened(name.strip())}: {shortened(text)!r} is no YAML value: {error}"
        ) from error


def _sentence(kind: type[Settings], item: dict[str, Any]) -> str:
    place, what, near = _place(item), item["type"], ""
    if what == "extra_forbidden":
        known = [row[0] for row in describe_settings(kind)]
        near = did_you_mean(place, known) or f" Known: {', '.join(known)}."
    if what == "literal_error":
        choices = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        near = did_you_mean(str(item["input"]), choices)
    got = shortened(reprlib.repr(item["input"]))  # no message repeats a value longer than a line
    return f"{shortened(place)}: {_WORDS.get(what, item['msg'])} (got {got}).{near}"


def _place(item: dict[str, Any]) -> str:
    return ".".join(str(part) for part in item["loc"])


def _reaches(override: str, place: str) -> bool:
    """Tell whether an override sets what is at this place, or a group around it."""
    name = override.partition("=")[0].strip()
    return f"{place}.".startswith(f"{name}.")
