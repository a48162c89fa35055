"""The joint posterior of a planet's visits, against one dense Gaussian of all parameters."""

from __future__ import annotations

import numpy as np
import torch

from ariel_kit.core.instruments import N_WAVELENGTHS
from ariel_kit.light_curve.rank_one import RankOnePosterior
from ariel_kit.light_curve.systematics import Gaussian
from ariel_kit.spectral_extraction.linearised import Linearised, SharedLikelihood

OWN, SHARED = 4, 2
SIZE = OWN + SHARED
PRIOR = np.array([[3.0, 0.5], [0.5, 2.0]])
MEAN = np.array([0.3, -0.2])


def draw_visit(seed: int) -> tuple[Linearised, np.ndarray]:
    """Linearise a visit about its own reference, with the shared prior among its nuisances."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(1, 3, N_WAVELENGTHS)
    modes = rng.standard_normal((N_WAVELENGTHS, SIZE)) / 8
    root = rng.standard_normal((SIZE, SIZE))
    blind = root @ root.T + np.eye(SIZE)
    reference = rng.standard_normal(SHARED)
    precision, information = blind.copy(), rng.standard_normal(SIZE)
    precision[OWN:, OWN:] += PRIOR
    information[OWN:] += PRIOR @ (MEAN - reference)
    covariance = np.linalg.inv(precision)
    nuisances = Gaussian(
        torch.as_tensor(covariance @ information)[None], torch.as_tensor(covariance)[None]
    )
    nothing = torch.zeros(1, 1)
    visit = Linearised(
        torch.as_tensor(rng.standard_normal(N_WAVELENGTHS))[None],
        torch.as_tensor(weight)[None],
        torch.as_tensor(modes)[None],
        nuisances,
        RankOnePosterior(nuisances, nothing, nothing),
    )
    return visit, reference


def about(visit: Linearised, reference: np.ndarray) -> SharedLikelihood:
    pull = PRIOR @ (MEAN - reference)
    return visit.shared_likelihood(SHARED).about(PRIOR[None], pull[None], reference[None])


def dense(visits: list[tuple[Linearised, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Precision and information of (depths, parameters of each visit, shared window)."""
    size = N_WAVELENGTHS + OWN * len(visits) + SHARED
    precision, information = np.zeros((size, size)), np.zeros(size)
    shared = np.arange(size - SHARED, size)
    precision[np.ix_(shared, shared)] += PRIOR
    information[shared] += PRIOR @ MEAN
    for i, (visit, reference) in enumerate(visits):
        own = N_WAVELENGTHS + OWN * i + np.arange(OWN)
        places = np.concatenate([np.arange(N_WAVELENGTHS), own, shared])
        weight, modes = visit.weight[0].numpy(), visit.modes[0].numpy()
        design = np.hstack([np.eye(N_WAVELENGTHS), modes])
        blind = np.linalg.inv(visit.nuisances.covariance[0].numpy())
        part = design.T @ (design * weight[:, None])
        part[N_WAVELENGTHS:, N_WAVELENGTHS:] += blind
        part[-SHARED:, -SHARED:] -= PRIOR
        right = design.T @ (weight * visit.apparent[0].numpy())
        right[N_WAVELENGTHS:] += blind @ visit.nuisances.mean[0].numpy()
        right[-SHARED:] -= PRIOR @ (MEAN - reference)
        origin = np.zeros(len(places))
        origin[-SHARED:] = reference
        precision[np.ix_(places, places)] += part
        information[places] += right + part @ origin
    return precision, information


def test_two_visits_are_one_gaussian() -> None:
    visits = [draw_visit(1), draw_visit(2)]
    rows = [about(*visit) for visit in visits]
    stacked = SharedLikelihood(
        torch.cat([row.precision for row in rows]), torch.cat([row.information for row in rows])
    )
    together = stacked.summed([0, 0]).with_prior(PRIOR[None], MEAN[None])
    precision, information = dense(visits)
    covariance = np.linalg.inv(precision)
    mean = covariance @ information
    depths = together.depths
    found = np.linalg.inv(depths.precision[0].numpy())
    assert np.allclose(found, covariance[:N_WAVELENGTHS, :N_WAVELENGTHS], atol=1e-10)
    assert np.allclose(found @ depths.information[0].numpy(), mean[:N_WAVELENGTHS], atol=1e-9)
    window = together.window_at(torch.as_tensor(mean[:N_WAVELENGTHS])[None])
    assert np.allclose(window[0].numpy(), mean[-SHARED:], atol=1e-9)


def test_one_visit_is_what_it_was() -> None:
    """Removing the prior and adding it again leaves the likelihood of a single visit."""
    visit, reference = draw_visit(3)
    again = about(visit, reference).summed([0]).with_prior(PRIOR[None], MEAN[None]).depths
    alone = visit.likelihood
    assert torch.allclose(again.precision, alone.precision, atol=1e-10)
    assert torch.allclose(again.information, alone.information, atol=1e-9)


def test_planets_do_not_mix() -> None:
    rows = [about(*draw_visit(seed)) for seed in (4, 5, 6)]
    stacked = SharedLikelihood(
        torch.cat([row.precision for row in rows]), torch.cat([row.information for row in rows])
    )
    summed = stacked.summed([0, 1, 0])
    assert torch.allclose(summed.precision[1], rows[1].precision[0])
    assert torch.allclose(summed.information[0], rows[0].information[0] + rows[2].information[0])
