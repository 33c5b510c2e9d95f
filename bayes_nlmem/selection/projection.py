"""The smallest model that loses nothing: the joint posterior of the coefficients projected on submodels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import gammaincinv


def project(draws: np.ndarray, owner: Sequence[str], level: float) -> tuple[pd.DataFrame, tuple[str, ...]]:
    r"""Project the posterior of some coefficients on submodels in which others are zero, forward.

    The posterior is taken as normal, N(m, V). The nearest one with the coefficients D at zero conditions on
    that, and is away from it by the Kullback-Leibler divergence m_D' V_DD^{-1} m_D / 2 of the means; the
    next relation is the one that leaves least. A submodel is adequate where 2 loss is below the chi-squared
    quantile of `level`, so that zero lies within the joint credible region of all that is left out, and where
    the same holds for every relation left out on its own: among many idle candidates, the joint region alone
    is too wide to see one effect that its own interval shows.

    Parameters
    ----------
    draws : ndarray, shape (n_draws, n_coefficients)
        Posterior draws.
    owner : sequence of str
        The relation that each coefficient belongs to; a relation comes or goes as a whole.
    level : float
        Credibility of the region.

    Returns
    -------
    path : DataFrame
        Columns `relations`, `loss`, `explained`, `adequate`; one row per size.
    kept : tuple of str
        Relations of the smallest adequate submodel.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> draws = rng.normal([1.0, 0.0, 0.05], [0.1, 0.1, 0.1], size=(4000, 3))
    >>> path, kept = project(draws, ["CL_WT", "CL_AGE", "V_WT"], 0.95)
    >>> kept
    ('CL_WT',)
    """
    names = list(dict.fromkeys(owner))
    owners = np.asarray(owner)
    mean, covariance = draws.mean(axis=0), np.atleast_2d(np.cov(draws, rowvar=False))
    covariance = covariance + 1e-12 * np.diag(np.diag(covariance) + 1e-300)

    def loss_without(out: np.ndarray) -> float:
        if not len(out):
            return 0.0
        return 0.5 * float(mean[out] @ np.linalg.solve(covariance[np.ix_(out, out)], mean[out]))

    def loss(kept: list[str]) -> float:
        return loss_without(np.flatnonzero(~np.isin(owners, kept)))

    def zero_is_credible(out: np.ndarray) -> bool:
        return not len(out) or loss_without(out) <= float(gammaincinv(len(out) / 2, level)) + 1e-12

    idle = {name: zero_is_credible(np.flatnonzero(owners == name)) for name in names}

    kept: list[str] = []
    none = loss(kept)
    rows = []
    chosen: tuple[str, ...] | None = None
    while True:
        now = loss(kept)
        rest = [name for name in names if name not in kept]
        together = zero_is_credible(np.flatnonzero(~np.isin(owners, kept)))
        adequate = together and all(idle[name] for name in rest)
        if adequate and chosen is None:
            chosen = tuple(name for name in names if name in kept)
        explained = 1 - now / none if none > 0 else 1.0
        rows.append(
            {
                "relations": " + ".join(kept) or "none",
                "loss": now,
                "explained": explained,
                "adequate": adequate,
            }
        )
        if not rest:
            break
        kept = [*kept, min(rest, key=lambda name: loss([*kept, name]))]
    return pd.DataFrame(rows), tuple(names) if chosen is None else chosen
