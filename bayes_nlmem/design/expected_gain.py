"""What one observation would teach, from draws of what is unknown: nested Monte Carlo, or linear."""

from __future__ import annotations

import numpy as np
import pandas as pd


def nested_gain(
    mean: np.ndarray, spread: np.ndarray, value: np.ndarray | None, rng: np.random.Generator
) -> pd.DataFrame:
    r"""Expected information and expected posterior SD of one observation at each of some times.

    .. math:: G = E_n\,[\log p(y_n | b_n) - \log \tfrac{1}{M-1} \sum_{m \neq n} p(y_n | b_m)]

    Every draw makes one observation and is left out of the average that judges it; the same standard errors
    serve all times, so that the curve is smooth.

    Parameters
    ----------
    mean, spread : ndarray, shape (draws, n_times)
        Mean and SD of the observation (on the scale of its normal error) at every draw.
    value : ndarray, shape (draws,), or None
        The quantity whose SD is wanted.
    rng : Generator

    Returns
    -------
    DataFrame
        SD, SD_ERROR, GAIN, GAIN_ERROR; one row per time.

    Examples
    --------
    With x ~ N(0, 1) and y ~ N(x, 1) the SD falls to sqrt(1/2) and the gain is log(2) / 2 = 0.347:

    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(1500, 1))
    >>> found = nested_gain(x, np.ones_like(x), x[:, 0], rng)
    >>> found[["SD", "GAIN"]].round(1).to_numpy().tolist()
    [[0.7, 0.3]]
    """
    draws, n_times = mean.shape
    noise = rng.standard_normal(draws)
    rows = []
    for k in range(n_times):
        observed = mean[:, k] + spread[:, k] * noise
        z = (observed[:, None] - mean[None, :, k]) / spread[None, :, k]
        log_density = -0.5 * z**2 - np.log(spread[None, :, k])
        own = np.diag(log_density).copy()
        np.fill_diagonal(log_density, -np.inf)
        top = log_density.max(axis=1, keepdims=True)
        weights = np.exp(log_density - top)
        total = weights.sum(axis=1)
        gain = own - (np.log(total) + top[:, 0] - np.log(draws - 1))
        sd = np.full(draws, np.nan)
        if value is not None:
            weights /= total[:, None]
            centred = value - value.mean()
            first = weights @ centred
            sd = np.sqrt(np.maximum(weights @ centred**2 - first**2, 0.0))
        rows.append((sd.mean(), sd.std() / draws**0.5, gain.mean(), gain.std() / draws**0.5))
    return pd.DataFrame(rows, columns=["SD", "SD_ERROR", "GAIN", "GAIN_ERROR"])


def linear_gain(mean: np.ndarray, spread: np.ndarray, value: np.ndarray | None) -> pd.DataFrame:
    r"""The same if the observation's mean and the quantity are jointly normal.

    .. math:: SD^2 = Var(x) - \frac{Cov(x, \mu)^2}{Var(\mu) + E[s^2]}, \quad
        G = \tfrac12 \log(1 + Var(\mu) / E[s^2])

    Parameters
    ----------
    mean, spread, value
        As in `nested_gain`.

    Returns
    -------
    DataFrame
        SD, GAIN; the errors are NaN.

    Examples
    --------
    >>> x = np.array([[-1.0], [1.0]])
    >>> linear_gain(x, np.ones_like(x), x[:, 0])[["SD", "GAIN"]].round(3).to_numpy().tolist()
    [[0.707, 0.347]]
    """
    signal, noise = mean.var(axis=0), (spread**2).mean(axis=0)
    sd = np.full(mean.shape[1], np.nan)
    if value is not None:
        shared = ((mean - mean.mean(axis=0)) * (value - value.mean())[:, None]).mean(axis=0)
        sd = np.sqrt(np.maximum(value.var() - shared**2 / (signal + noise), 0.0))
    gain = 0.5 * np.log1p(signal / noise)
    return pd.DataFrame({"SD": sd, "SD_ERROR": np.nan, "GAIN": gain, "GAIN_ERROR": np.nan})
