"""Outlying subjects, ranked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.kinds import can_be_ranked, has_pearson_panels
from bayes_nlmem.checks.prediction_errors import npde
from bayes_nlmem.simulation.simulated import Simulation


def outliers(
    learnt: Any,
    *,
    draws: int = 1000,
    seed: int | None = None,
    simulation: Simulation | None = None,
) -> pd.DataFrame:
    """Subjects from the most to the least unusual, with what is unusual about them.

    A subject is unusual by its random effects (far from the population), by its residuals (not described
    even by its own parameters) or by all of its observations (unlikely for a subject of this population).

    Parameters
    ----------
    learnt : Fit or another learnt result
        What was learnt.
    draws, seed : int
        Replicates behind the distance of the observations, and their seed.
    simulation : Simulation, optional
        Replicates to use in place of new ones.

    Returns
    -------
    DataFrame
        One row per subject, the smallest `p_smallest` first. Columns: `ID`; `n`, number of observations;
        `effects_distance`, e' S^-1 e of its posterior mean effects e with S their covariance over the
        subjects, and `effects_p`, its chi-squared tail probability; `worst_effect`, the one with the largest
        e / SD; `residuals_mean_square`, mean of IWRES^2, and `residuals_p`; `worst_time`, where |IWRES| is
        largest; `npde_sum_of_squares` and `npde_p`, of the decorrelated errors against replicates;
        `p_smallest`, the smallest p times how many there are; `p_adjusted`, times the number of subjects as
        well (Bonferroni), at most 1. Residuals are those of measurements and counts; times of events and
        states have no npde; what does not exist is NaN.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> table = bn.outliers(fit, draws=100, seed=1)
    >>> len(table), bool(table.p_adjusted.is_monotonic_increasing)
    (12, True)
    """
    from scipy.stats import chi2

    predictions, laws = learnt.predictions(), learnt.model.residuals
    normal = [output for output, law in laws.items() if has_pearson_panels(law)]
    rows = {subject: {"ID": subject} for subject in dict.fromkeys(predictions["ID"])}
    for subject, own in predictions.groupby("ID", sort=False):
        weighted = own.loc[own["OUTPUT"].isin(normal), "IWRES"].dropna()
        rows[subject] |= {"n": len(own)}
        if len(weighted):
            square = float((weighted**2).sum())
            rows[subject] |= {
                "residuals_mean_square": square / len(weighted),
                "residuals_p": float(chi2.sf(square, len(weighted))),
                "worst_time": float(own.loc[weighted.abs().idxmax(), "TIME"]),
            }
    posterior = learnt.draws["posterior"].to_dataset()
    if "eta" in posterior:
        means = posterior["eta"].mean(("chain", "draw")).transpose("subject", "parameter")
        effects, names = means.values, [str(name) for name in means["parameter"].values]
        covariance = np.atleast_2d(np.cov(effects, rowvar=False))
        distance = np.einsum("ni,ij,nj->n", effects, np.linalg.pinv(covariance), effects)
        scaled = np.abs(effects) / np.sqrt(np.diag(covariance))
        for k, subject in enumerate(means["subject"].values.tolist()):
            if subject in rows:
                rows[subject] |= {
                    "effects_distance": float(distance[k]),
                    "effects_p": float(chi2.sf(distance[k], len(names))),
                    "worst_effect": names[int(np.argmax(scaled[k]))],
                }
    source: Any = learnt if simulation is None else simulation
    errors = [
        npde(source, output=output, draws=draws, seed=seed, ties="random").table
        for output in dict.fromkeys(predictions["OUTPUT"])
        if can_be_ranked(laws[output])
    ]
    for subject, own in pd.concat(errors).groupby("ID", sort=False) if errors else ():
        known = own["NPDE"].dropna()
        square = float((known**2).sum())
        rows[subject] |= {"npde_sum_of_squares": square, "npde_p": float(chi2.sf(square, len(known)))}
    columns = ["ID", "n", "effects_distance", "effects_p", "worst_effect", "residuals_mean_square"]
    columns += ["residuals_p", "worst_time", "npde_sum_of_squares", "npde_p"]
    table = pd.DataFrame(list(rows.values())).reindex(columns=columns)
    tails = table[["effects_p", "residuals_p", "npde_p"]].astype(float)
    table["p_smallest"] = np.minimum(1.0, tails.notna().sum(axis=1) * tails.min(axis=1))
    table["p_adjusted"] = np.minimum(1.0, len(table) * table["p_smallest"])
    return table.sort_values("p_smallest", kind="stable").reset_index(drop=True)
