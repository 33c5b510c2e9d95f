"""Shrinkage: how far individual estimates are drawn together where the data say little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.first_order import effects_precision
from bayes_nlmem.marginal.point import point_of
from bayes_nlmem.translation.graph import translate

DEFINITIONS = {
    "ETASHRINKSD": "100 (1 - SD of the EBEs / omega)",
    "ETASHRINKVR": "100 (1 - variance of the EBEs / omega^2)",
    "EBVSHRINKSD": "100 (1 - sqrt(1 - mean conditional variance / omega^2))",
    "EBVSHRINKVR": "100 mean conditional variance / omega^2",
    "posterior SD": "100 (1 - SD of the posterior means / sqrt(posterior mean of omega^2))",
    "posterior VR": "100 (1 - variance of the posterior means / posterior mean of omega^2)",
}


def shrinkage(learnt: Any, *, at: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Shrinkage of random effects and residuals in percent, in every definition that is in use.

    0 is none; where it is high (above 30 %, say) individual estimates and IWRES tell little about the model.

    Parameters
    ----------
    learnt : Fit or another learnt result
        What was learnt.
    at : mapping, optional
        Population parameters at which the EBEs are found; by default their posterior means.

    Returns
    -------
    DataFrame
        One row per random effect (`eta_CL`, `kappa_CL`) and output (`eps_cp`), columns: ETASHRINKSD,
        ETASHRINKVR, EBVSHRINKSD, EBVSHRINKVR as NONMEM defines them, from the subjects' most probable effects
        (EBE) and the inverse Hessian there; `posterior SD`, `posterior VR` from the posterior draws; for
        outputs NONMEM's EPSSHRINKSD = 100 (1 - r) and EPSSHRINKVR = 100 (1 - r^2) in the first two columns,
        with r the root mean square of the IWRES of `learnt.predictions()`. The definitions are in
        `table.attrs`.

    References
    ----------
    Savic & Karlsson 2009, doi:10.1208/s12248-009-9133-0
    Gelman & Pardoe 2006, doi:10.1198/004017005000000517

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> table = bn.shrinkage(fit)
    >>> table.index.tolist()
    ['eta_KA', 'eta_CL', 'eta_V', 'eps_cp']
    """
    translation = translate(learnt.model, learnt.data, geometry="centred", edit=getattr(learnt, "edit", None))
    conditional = Conditional(translation)
    theta = point_of(conditional, learnt if at is None else at)
    modes = find_modes(conditional, theta)
    prior = np.linalg.inv(effects_precision(conditional, theta, modes.b))
    rows = _of_effects(conditional, modes.table, modes.covariance, prior)
    posterior = learnt.draws["posterior"].to_dataset()
    for name in rows:
        rows[name] |= _of_posterior(posterior, name)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(DEFINITIONS))
    predictions = learnt.predictions()
    for output, own in predictions.groupby("OUTPUT", sort=False):
        spread = float(np.sqrt((own["IWRES"] ** 2).mean()))
        table.loc[f"eps_{output}", ["ETASHRINKSD", "ETASHRINKVR"]] = 100 * (1 - np.array([spread, spread**2]))
    table.index.name = "effect"
    table.attrs |= DEFINITIONS
    return table


def shrinkage_of_arrays(
    effects: ArrayLike, omega: ArrayLike, variances: ArrayLike | None = None
) -> pd.DataFrame:
    """Shrinkage from individual estimates, such as those of another program.

    Parameters
    ----------
    effects : array_like, shape (n_subjects, n_effects)
        EBEs, or conditional means.
    omega : array_like, shape (n_effects,)
        Standard deviations of the effects in the population.
    variances : array_like, shape (n_subjects, n_effects), optional
        Conditional variances (NONMEM's ETC, diagonal).

    Returns
    -------
    DataFrame
        One row per effect: ETASHRINKSD, ETASHRINKVR, EBVSHRINKSD, EBVSHRINKVR in percent (the latter two NaN
        without variances).

    Raises
    ------
    ModelError
        Arrays whose shapes do not fit together, or an omega that is not above 0.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.shrinkage_of_arrays([[0.1], [-0.1], [0.0]], [0.2], [[0.03], [0.03], [0.03]]).round(1)
       ETASHRINKSD  ETASHRINKVR  EBVSHRINKSD  EBVSHRINKVR
    0         50.0         75.0         50.0         75.0
    """
    b, sd = np.atleast_2d(np.asarray(effects, float)), np.atleast_1d(np.asarray(omega, float))
    v = np.full_like(b, np.nan) if variances is None else np.asarray(variances, float)
    if b.shape[1] != len(sd) or v.shape != b.shape or not (sd > 0).all():
        raise ModelError(
            explain(
                expected="effects and variances of one shape and an omega > 0 for each of their columns",
                got=f"shapes {b.shape}, {v.shape} and {sd.shape}",
            )
        )
    return pd.DataFrame([_definitions(b[:, k], v[:, k], sd[k] ** 2) for k in range(len(sd))])


def _definitions(b: np.ndarray, variance: np.ndarray, omega2: float) -> dict[str, float]:
    between = b.var(ddof=1)
    left = variance.mean() / omega2
    return {
        "ETASHRINKSD": 100 * (1 - np.sqrt(between / omega2)),
        "ETASHRINKVR": 100 * (1 - between / omega2),
        "EBVSHRINKSD": 100 * (1 - np.sqrt(max(1 - left, 0.0))) if np.isfinite(left) else np.nan,
        "EBVSHRINKVR": 100 * left,
    }


def _of_effects(
    conditional: Conditional, table: np.ndarray, covariance: np.ndarray, prior: np.ndarray
) -> dict[str, dict[str, float]]:
    """The EBE definitions by effect; effects of occasions are pooled over all occasions."""
    columns = slot_names(conditional)
    present = conditional.slots >= 0
    rows = {}
    for name in dict.fromkeys(columns):
        at = [k for k, own in enumerate(columns) if own == name]
        here = present[:, at]
        b = table[:, at][here]
        own = np.einsum("nii->ni", covariance)[:, at][here]
        omega2 = np.einsum("nii->ni", prior)[:, at][here].mean()
        rows[name] = _definitions(b, own, float(omega2))
    return rows


def slot_names(conditional: Conditional) -> list[str]:
    """Name of the effect in every slot: `eta_CL`, ..., then `kappa_CL` once per occasion."""
    found: list[str] = []
    width = conditional.slots.shape[1]
    for rv, shape in zip(conditional.effects.variables, conditional.effects.shapes, strict=True):
        dim = conditional.graph.named_vars_to_dims[rv.name][1]
        names = [f"{rv.name}_{label}" for label in conditional.graph.coords[dim]]
        repeats = 1 if rv.name != "kappa" else (width - len(found)) // max(shape[1], 1)
        found += names * repeats
    return found


def _of_posterior(posterior: Any, name: str) -> dict[str, float]:
    kind, _, parameter = name.partition("_")
    if kind not in posterior:
        return {}
    group, column = ("subject", "parameter") if kind == "eta" else ("occasion", "parameter_iov")
    effects = posterior[kind].sel({column: parameter})
    between = float(effects.mean(("chain", "draw")).var(group, ddof=1))
    sd = f"{'omega' if kind == 'eta' else 'gamma'}_{parameter}"
    if sd in posterior:
        omega2 = float((posterior[sd] ** 2).mean())
    else:
        omega2 = float(effects.var(group, ddof=1).mean())
    return {
        "posterior SD": 100 * (1 - np.sqrt(between / omega2)),
        "posterior VR": 100 * (1 - between / omega2),
    }
