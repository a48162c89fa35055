"""Blend submissions: Gaussians weighted by precision, with partly shared errors.

Members that read the same light curves share most of their errors, so precisions must not simply be
added. Where labels tell how large each member's errors are and how much of them is shared, the
blend is the best linear unbiased one. Without labels the errors are taken as fully shared, and the
disagreement of the members is added to the variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ariel_kit.core.errors import ConfigError, FitError, SubmissionError, check_shape
from ariel_kit.core.instruments import wavelengths
from ariel_kit.core.spectrum import Spectrum
from ariel_kit.data.dataset import Labels, read_labels
from ariel_kit.data.submission import make_submission, submission_arrays
from ariel_kit.data.tables import Table
from ariel_kit.evaluation.moves import SIGMAS
from ariel_kit.run.folder import RunFolder

FEWEST_PLANETS = 10
"""Fewest labelled planets from which factors and correlation are learned."""
FOLDS = 5
TWINS = 1e-6
"""Share of the errors that is never taken as shared, so that the weights of two equal members are
defined."""


@dataclass(frozen=True)
class Blend:
    """How members are blended; `fit_blend` learns it, and `blind_blend` needs no labels.

    Attributes
    ----------
    factors : ndarray [shape=(member,), dtype=float64]
        What the sigma of each member is multiplied by.
    correlation : ndarray [shape=(member, member), dtype=float64]
        Of the members' errors over their sigmas.
    factor : float
        What the sigma of the blend is multiplied by in the end.
    planets : int
        How many labelled planets this was learned from. With 0 the errors are taken as fully
        shared, and the disagreement of the members is added to the variance.
    """

    factors: np.ndarray
    correlation: np.ndarray
    factor: float
    planets: int

    def apply(self, mean: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Blend members, planet by planet and wavelength by wavelength.

        With C the covariance of the members' errors at one wavelength, the weights are
        ``w = C^-1 1 / (1' C^-1 1)``, those below zero left out, and the variance is ``w' C w``
        (Aitken 1936, Proc. R. Soc. Edinburgh 55, 42).

        Parameters
        ----------
        mean, sigma : ndarray [shape=(member, planet, 283)]

        Returns
        -------
        mean, sigma : ndarray [shape=(planet, 283), dtype=float64]
        """
        check_shape("mean", mean.shape[:1], {"member": len(self.factors)})
        if not self.planets:
            return _mixture(mean, sigma)
        scaled = np.moveaxis(self.factors[:, None, None] * sigma, 0, -1)
        weights = _weights(scaled, self.correlation)
        spread = weights * scaled
        variance = np.einsum("...i,ij,...j->...", spread, self.correlation, spread)
        blended = (weights * np.moveaxis(mean, 0, -1)).sum(axis=-1)
        return blended, self.factor * np.sqrt(variance)


def blind_blend(members: int) -> Blend:
    """Make the blend for members without labelled planets."""
    return Blend(np.ones(members), np.ones((members, members)), 1.0, 0)


def fit_blend(mean: np.ndarray, sigma: np.ndarray, truth: np.ndarray) -> Blend:
    """Learn from labels how large the members' errors are, and how much of them is shared.

    Errors within a planet depend on each other, so n planets are n measurements, whatever the
    number of wavelengths. Every number is moved to the cautious side by its own error: the sizes up
    by one standard error over planets, the correlation towards 1 by ``1 / sqrt(n)``.

    Parameters
    ----------
    mean, sigma : ndarray [shape=(member, planet, 283)]
        Predicted without the labels of these planets: out of fold.
    truth : ndarray [shape=(planet, 283)]

    Returns
    -------
    Blend

    Raises
    ------
    FitError
        If there are fewer than 10 planets, or a member is the truth itself.

    Examples
    --------
    Two members whose errors have nothing in common, but for the caution of 400 planets:

    >>> rng = np.random.default_rng(0)
    >>> truth, sigma = np.full((400, 283), 0.004), np.full((2, 400, 283), 3e-5)
    >>> blend = fit_blend(truth + sigma * rng.standard_normal(sigma.shape), sigma, truth)
    >>> blend.factors.round(2), round(float(blend.correlation[0, 1]), 2)
    (array([1., 1.]), 0.05)
    """
    n_members, n = len(mean), mean.shape[1]
    if n < FEWEST_PLANETS:
        raise FitError(
            f"a blend needs {FEWEST_PLANETS} labelled planets to learn from; got {n}. Leave the "
            "labels out: then the errors are taken as fully shared."
        )
    z = (mean - truth) / sigma
    factors = np.array([_size(one) for one in z])
    if not factors.all():
        raise FitError(
            "the errors of a member must not all be zero, as if it were the truth itself; those of "
            f"member {int(np.argmin(factors)) + 1} are. Leave it out."
        )
    flat = z.reshape(n_members, -1)
    moments = flat @ flat.T
    scale = np.sqrt(np.diag(moments))
    correlation = moments / np.outer(scale, scale)
    caution = 1 / np.sqrt(n)
    correlation = (1 - caution) * correlation + caution
    correlation += TWINS * (np.eye(n_members) - correlation)
    first = Blend(factors, correlation, 1.0, n)
    blended, width = first.apply(mean, sigma)
    return Blend(factors, correlation, _size((blended - truth) / width), n)


def blend_submissions(
    members: Sequence[str | Path],
    *,
    labels: Table | None = None,
    out_of_fold: Sequence[str | Path] = (),
    path: str | Path | None = None,
    seed: int = 0,
) -> tuple[list[Spectrum], Blend, Labels | None]:
    """Blend submissions or runs of the same planets.

    A labelled planet is never blended with what its own label taught: the labelled planets are
    split into five folds, and each fold is blended with what the others taught.

    Parameters
    ----------
    members : sequence of path
        Each a ``submission.csv`` or the folder of a finished run; their planets must be the same.
    labels : path or table, optional
        True spectra of some planets of the members, or of those of `out_of_fold`. Without labels
        nothing is learned.
    out_of_fold : sequence of path, optional
        Out-of-fold tables of the same members in the same order, such as the ``oof.csv`` of
        ``ariel-kit cv``, where the labelled planets are not among those of `members`.
    path : path, optional
        Where to write the submission.
    seed : int
        Of the folds.

    Returns
    -------
    spectra : list of Spectrum
        In the order of the first member.
    blend : Blend
        The blend learned from all labelled planets.
    truth : Labels or None
        Of the planets of `spectra` that have a label; None without labels.

    Raises
    ------
    ConfigError
        If there are fewer than two members, not as many tables in `out_of_fold`, or such tables
        without labels.
    SubmissionError
        If a table has faults or unusable sigmas, or the members are not of the same planets.
    DataFileError
        If a folder is not that of a finished run, or a table cannot be read.
    FitError
        If labels are given for fewer than 10 planets, or a member is the truth itself.
    """
    if len(members) < 2:
        raise ConfigError(f"a blend needs at least 2 submissions; got {len(members)}.")
    if out_of_fold and len(out_of_fold) != len(members):
        raise ConfigError(
            f"there must be one out-of-fold table for each member, in their order; got "
            f"{len(out_of_fold)} for {len(members)} members."
        )
    if out_of_fold and labels is None:
        raise ConfigError("out-of-fold tables teach a blend with labels only: name the labels too.")
    ids, mean, sigma = _read(members)
    if labels is None:
        blend, truth = blind_blend(len(members)), None
    else:
        known = read_labels(labels)
        blend = fit_blend(*_labelled(*_read(out_of_fold or members), known))
        own = np.isin(ids, known.planet_ids)
        truth = Labels(np.array(ids)[own], known.of(np.array(ids)[own]))
    blended, width = blend.apply(mean, sigma)
    if truth is not None and not out_of_fold:
        blended[own], width[own] = blend_out_of_fold(
            mean[:, own], sigma[:, own], truth.depths, seed=seed
        )
    told = {"blend": {"status": "complete", "members": len(members), "planets": blend.planets}}
    spectra = [
        Spectrum(planet, wavelengths(), m, s, provenance=told)
        for planet, m, s in zip(ids, blended, width, strict=True)
    ]
    if path is not None:
        make_submission(spectra, ids, path)
    return spectra, blend, truth


def blend_out_of_fold(
    mean: np.ndarray, sigma: np.ndarray, truth: np.ndarray, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Blend labelled planets, each with what the labels of the other folds taught.

    Parameters
    ----------
    mean, sigma : ndarray [shape=(member, planet, 283)]
    truth : ndarray [shape=(planet, 283)]
    seed : int
        Of the folds.

    Returns
    -------
    mean, sigma : ndarray [shape=(planet, 283), dtype=float64]
    """
    n = len(truth)
    fold = np.random.default_rng(seed).permutation(n) % FOLDS
    blended, width = np.empty(truth.shape), np.empty(truth.shape)
    for one in range(FOLDS):
        here, others = fold == one, fold != one
        blend = fit_blend(mean[:, others], sigma[:, others], truth[others])
        blended[here], width[here] = blend.apply(mean[:, here], sigma[:, here])
    return blended, width


def _mixture(mean: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blend as a mixture in which one of the members is right, with odds given by precisions.

    The variance is ``sum w (sigma**2 + (mean - blend)**2)``, which is never below ``(sum w
    sigma)**2``, that of errors which are all the same.
    """
    weight = sigma**-2.0 / (sigma**-2.0).sum(axis=0)
    blended = (weight * mean).sum(axis=0)
    return blended, np.sqrt((weight * (sigma**2 + (mean - blended) ** 2)).sum(axis=0))


def _weights(sigma: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Find the weights [shape=(..., member)] of least variance, none below zero.

    While the smallest weight is negative, that member is left out and the others are weighted
    again.
    """
    n_members = sigma.shape[-1]
    used = np.ones(sigma.shape, bool)
    inverse = 1 / sigma
    for _ in range(n_members):
        # A member that is left out gets an infinite variance and no correlation with the others.
        both = used[..., :, None] & used[..., None, :]
        matrix = np.where(both, correlation, np.eye(n_members))
        right = np.where(used, inverse, 0.0)
        weights = inverse * np.linalg.solve(matrix, right[..., None])[..., 0]
        worst = weights.argmin(axis=-1)[..., None]
        negative = np.take_along_axis(weights, worst, axis=-1) < 0
        if not negative.any():
            break
        np.put_along_axis(used, worst, np.take_along_axis(used, worst, -1) & ~negative, axis=-1)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _size(z: np.ndarray) -> float:
    """Compute the rms of errors over sigma [shape=(planet, 283)], raised by one standard error."""
    squares = (z**2).mean(axis=1)
    return float(np.sqrt(squares.mean() + squares.std(ddof=1) / np.sqrt(len(squares))))


def _read(paths: Sequence[str | Path]) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Read members in the order of the first [shape=(member, planet, 283)]."""
    tables = [submission_arrays(_submission(path)) for path in paths]
    ids = tables[0][0]
    for path, (own, _, sigma) in zip(paths, tables, strict=True):
        _refuse_unusable(path, sigma)
        if set(own) != set(ids):
            raise SubmissionError(
                f"members of a blend must be of the same planets; {path} differs from {paths[0]} "
                f"in {len(set(own) ^ set(ids))}. Blend answers for the same split."
            )
    orders = [[own.index(planet) for planet in ids] for own, _, _ in tables]
    mean, sigma = (
        np.stack([values[order] for values, order in zip(part, orders, strict=True)])
        for part in ([table[1] for table in tables], [table[2] for table in tables])
    )
    return ids, mean, sigma


def _refuse_unusable(path: str | Path, sigma: np.ndarray) -> None:
    """Refuse sigmas that give no weight, such as zeros."""
    least, most = SIGMAS
    if wrong := np.sum((sigma < least) | (sigma > most)):
        raise SubmissionError(
            f"a blend weighs by sigma, which must lie between {least:g} and {most:g}; {path} has "
            f"{wrong} outside. Correct them, or leave that submission out."
        )


def _submission(path: str | Path) -> Path:
    return RunFolder(path).read().folder.submission if Path(path).is_dir() else Path(path)


def _labelled(
    ids: list[int], mean: np.ndarray, sigma: np.ndarray, known: Labels
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keep the planets that have a label."""
    own = np.isin(ids, known.planet_ids)
    return mean[:, own], sigma[:, own], known.of(np.array(ids)[own])
