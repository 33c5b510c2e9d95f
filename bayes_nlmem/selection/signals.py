"""A test of covariates that shrinkage does not fool: the slope of the likelihood, not of the EBEs."""

from __future__ import annotations

from math import erfc, sqrt
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.selection.relations import subject_values
from bayes_nlmem.statistics.categorical import level_text


def covariate_signals(learnt: Any) -> pd.DataFrame:
    r"""Score test of every covariate on every random effect, from the draws of the effects.

    With a linear effect :math:`\beta x_i` of the centred covariate on the additive scale,

    .. math::
        S = \sum_i x_i (\Omega^{-1} E[\eta_i])_p, \quad
        I = \sum_i x_i^2 (\Omega^{-1})_{pp} - Var\Big(\sum_i x_i (\Omega^{-1} \eta_i)_p\Big)

    are the slope of log p(y) at beta = 0 and the information (Fisher's and Louis' identities; the variance is
    over the posterior draws), S / I is the estimate after one step and S / sqrt(I) a standard normal value if
    there is no effect. A trend of the posterior means (EBEs) against x is flattened, and mixed with the other
    effects, by as much as the data leave open; here the same amount is taken out of the information.

    Each row tests one covariate on one parameter alone: correlated covariates signal together, and the
    p-values are not corrected for their number. `search_covariates` asks jointly.

    Parameters
    ----------
    learnt : Fit or SaemFit
        Draws of `eta` under the model without the effects.

    Returns
    -------
    DataFrame
        One row per parameter and covariate (per level of a category): `parameter`, `covariate`, `level`,
        `shrinkage` (%), `ebe_correlation` and `ebe_p` (what a plot of means against the covariate suggests),
        `effect` (one-step estimate per standard deviation of the covariate, per level of a category), `se`,
        `z`, `p`; `se`, `z` and `p` are NaN where the draws leave no information about the effect.

    Raises
    ------
    FitError
        There are no random effects, or no covariates.

    References
    ----------
    Savic & Karlsson 2009, doi:10.1208/s12248-009-9133-0. Louis 1982, doi:10.1111/j.2517-6161.1982.tb01203.x.

    Examples
    --------
    >>> signals = covariate_signals(fit)
    >>> list(signals["parameter"])
    ['KA', 'CL', 'V']
    """
    posterior, data = learnt.draws["posterior"], learnt.data
    if "eta" not in posterior or not data.covariates:
        raise FitError(
            explain(
                expected="random effects and covariates",
                got="no random effects" if "eta" not in posterior else "no covariates",
                remedy="Read covariates with bn.read(..., covariates=[...]).",
            )
        )
    eta = posterior["eta"].stack(sample=("chain", "draw")).transpose("sample", "subject", "parameter")
    names, draws = [str(name) for name in eta["parameter"].values], eta.values
    precision = np.linalg.inv(_omega(learnt, names))
    weighted = draws @ precision
    means = draws.mean(axis=0)
    rows = []
    for covariate in data.covariates:
        for level, x in _columns(learnt, covariate):
            for k, name in enumerate(names):
                score = float(x @ weighted[:, :, k].mean(axis=0))
                spread = float(np.var(weighted[:, :, k] @ x, ddof=1))
                information = float(x @ x) * precision[k, k] - spread
                se = 1 / sqrt(information) if information > 0 else np.nan
                z = score * se
                correlation = float(np.corrcoef(x, means[:, k])[0, 1])
                rows.append(
                    {
                        "parameter": name,
                        "covariate": covariate,
                        "level": level,
                        "shrinkage": 100 * (1 - means[:, k].std(ddof=1) * sqrt(_unexplained(precision, k))),
                        "ebe_correlation": correlation,
                        "ebe_p": _p_of_correlation(correlation, len(x)),
                        "effect": score * se**2,
                        "se": se,
                        "z": z,
                        "p": erfc(abs(z) / sqrt(2)) if np.isfinite(z) else np.nan,
                    }
                )
    return pd.DataFrame(rows)


def _unexplained(precision: np.ndarray, k: int) -> float:
    """1 / omega_k^2."""
    return 1 / float(np.linalg.inv(precision)[k, k])


def _p_of_correlation(correlation: float, n: int) -> float:
    """Fisher's z, two-sided."""
    if n < 4 or not np.isfinite(correlation):
        return float("nan")
    return erfc(abs(np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))) * sqrt(n - 3) / sqrt(2))


def _omega(learnt: Any, names: list[str]) -> np.ndarray:
    """Posterior mean of the effects' covariance."""
    posterior = learnt.draws["posterior"]

    def deviation(name: str) -> np.ndarray:
        if f"omega_{name}" in posterior:
            return posterior[f"omega_{name}"].values.ravel()
        parameters = learnt.model.parameters
        iiv = parameters[name].iiv if name in parameters else None
        if iiv is None or isinstance(iiv, Prior):
            raise FitError(explain(expected=f"draws of omega_{name}", got="none"))
        return np.array([float(iiv)])

    found = np.zeros((len(names), len(names)))
    for i, one in enumerate(names):
        found[i, i] = np.mean(deviation(one) ** 2)
        for j, other in enumerate(names[:i]):
            for key in (f"corr_{one}_{other}", f"corr_{other}_{one}"):
                if key in posterior:
                    product = posterior[key].values.ravel() * deviation(one) * deviation(other)
                    found[i, j] = found[j, i] = np.mean(product)
    return found


def _columns(learnt: Any, covariate: str) -> list[tuple[str, np.ndarray]]:
    """Centred values: in standard deviations, or one indicator per level but the most frequent."""
    values = subject_values(learnt.data, covariate)
    numeric = np.issubdtype(values.dtype, np.number)
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) == 1:
        return []
    if numeric and learnt.data.covariates[covariate].categories is None and len(levels) > 2:
        x = values.astype(float)
        return [("", (x - x.mean()) / x.std())]
    others = [level for level in levels.tolist() if level != levels[np.argmax(counts)]]
    return [(level_text(level), (values == level) - np.mean(values == level)) for level in others]
