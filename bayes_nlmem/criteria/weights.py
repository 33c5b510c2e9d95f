"""Weights of models: how much of each a prediction should take."""

from __future__ import annotations

import numpy as np

_RESAMPLES = 1000


def stacking(pointwise: np.ndarray) -> np.ndarray:
    r"""Weights that maximise \sum_i \log \sum_k w_k exp(elpd_ik): the best mixture of predictions.

    Parameters
    ----------
    pointwise : ndarray, shape (n, n_models)
        Leave-one-out log predictive densities.

    Returns
    -------
    ndarray, shape (n_models,)
        Not negative, sum 1.

    References
    ----------
    Yao, Vehtari, Simpson & Gelman 2018, doi:10.1214/17-BA1091

    Examples
    --------
    >>> stacking(np.array([[0.0, -1.0], [0.0, -2.0]])).round(3)
    array([1., 0.])
    """
    densities = np.exp(pointwise - pointwise.max(axis=1, keepdims=True))
    weights = np.full(pointwise.shape[1], 1 / pointwise.shape[1])
    # The problem is that of the weights of a mixture: EM climbs to the only maximum.
    for _ in range(50_000):
        shares = densities * weights
        new = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.max(np.abs(new - weights)) < 1e-10:
            break
        weights = new
    return weights / weights.sum()


def pseudo_bma(pointwise: np.ndarray, seed: int = 0) -> np.ndarray:
    """Weights exp(elpd_k), averaged over Bayesian bootstrap samples of the terms.

    Parameters
    ----------
    pointwise : ndarray, shape (n, n_models)
        Leave-one-out log predictive densities.
    seed : int
        Of the bootstrap.

    Returns
    -------
    ndarray, shape (n_models,)

    References
    ----------
    Yao, Vehtari, Simpson & Gelman 2018, doi:10.1214/17-BA1091

    Examples
    --------
    >>> pseudo_bma(np.zeros((10, 2))).round(3)
    array([0.5, 0.5])
    """
    n = len(pointwise)
    shares = np.random.default_rng(seed).dirichlet(np.ones(n), _RESAMPLES)
    totals = n * shares @ pointwise
    weights = np.exp(totals - totals.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)
