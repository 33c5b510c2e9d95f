"""AIC, BIC and BICc of a maximum of the likelihood."""

from __future__ import annotations

import re

import numpy as np

from bayes_nlmem.model.quantities import RESIDUAL, quantities
from bayes_nlmem.model.specification import Model


def criteria(
    minus_twice: float, error: float, model: Model, estimated: list[str], n_subjects: int, n_observations: int
) -> dict[str, float]:
    """Penalised likelihoods.

    AIC = -2LL + 2p. BIC = -2LL + p log N. BICc = -2LL + p_random log N + p_fixed log n_obs, where the
    parameters of the random effects' law (typical values with random effects, their covariate coefficients,
    standard deviations, correlations) are p_random and all others p_fixed. Delattre, Lavielle & Poursat 2014,
    doi:10.1214/14-EJS890.

    Parameters
    ----------
    minus_twice, error : float
        -2 log-likelihood and its Monte Carlo error.
    model : Model
        Says what varies.
    estimated : list of str
        Elements of theta that were estimated.
    n_subjects, n_observations : int
        Sizes of the study.
    """
    count = len(estimated)
    random = sum(_is_random(model, element) for element in estimated)
    return {
        "minus_twice": minus_twice,
        "error": error,
        "parameters": count,
        "aic": minus_twice + 2 * count,
        "bic": minus_twice + count * float(np.log(n_subjects)),
        "bicc": minus_twice
        + random * float(np.log(n_subjects))
        + (count - random) * float(np.log(n_observations)),
    }


def _is_random(model: Model, element: str) -> bool:
    name = re.sub(r"_(log|logodds|interval|lowerbound|upperbound)__", "", element.split("[")[0])
    if name.startswith("partial_"):
        return True
    for quantity in quantities(model):
        if quantity.name == name:
            if quantity.block == RESIDUAL:
                return False
            parameter = model.parameters.get(quantity.owner)
            return parameter is not None and (parameter.iiv is not None or parameter.iov is not None)
    return False
