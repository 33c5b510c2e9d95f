"""The residual error of an output at predictions from many draws, in numpy: for residuals and tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.statistics.surroundings import effect_name
from bayes_nlmem.translation.graph import Translation
from bayes_nlmem.translation.likelihood import Error, settled_error


def error_at(translation: Translation, output: str, prediction: np.ndarray, draws: xr.Dataset) -> Error:
    """The residual error of one output at its predictions, by the definition that the graph uses.

    Parameters
    ----------
    translation : Translation
        The model at its records.
    output : str
        The output.
    prediction : ndarray, shape (n_draws, n_obs)
        Its predictions.
    draws : xarray.Dataset
        The residual parameters (`sigma_...`) with the dimension `sample`, and `eta` if the error differs
        between subjects.

    Returns
    -------
    Error
        `spread` is the standard deviation (the scale of Student's t) on the scale of the law; see
        `weighted_residual`.
    """
    around = translation.surroundings[output]

    def parameter(suffix: str, value: Any) -> Any:
        name = f"sigma_{output}_{suffix}"
        return draws[name].values[:, None] if isinstance(value, Prior) else float(value)

    def effect() -> np.ndarray:
        eta = draws["eta"].sel(parameter=effect_name(output)).transpose("sample", "subject").values
        return eta[:, around.subject]

    return settled_error(translation.model.residuals[output], prediction, around, np, parameter, effect)
