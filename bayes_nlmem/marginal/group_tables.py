"""Tables of a likelihood whose subjects share effects of a level above them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.marginal.groups import GroupEffects
from bayes_nlmem.marginal.integral import Integral
from bayes_nlmem.marginal.point import natural


def block_table(groups: GroupEffects, subjects: pd.DataFrame, integral: Integral) -> pd.DataFrame:
    """One row per block: ID (its groups), N_SUBJECTS, N_OBS, LOGLIK, SE, MINUS_TWICE, OFV, STATUS."""
    block = groups.block_of_subject
    left_out = (subjects["MINUS_TWICE"] - subjects["OFV"]).to_numpy()
    minus_twice = -2 * integral.log_likelihood
    return pd.DataFrame(
        {
            "ID": groups.labels,
            "N_SUBJECTS": np.bincount(block),
            "N_OBS": np.bincount(block, subjects["N_OBS"]).astype(int),
            "LOGLIK": integral.log_likelihood,
            "SE": integral.error,
            "MINUS_TWICE": minus_twice,
            "OFV": minus_twice - np.bincount(block, left_out),
            "STATUS": integral.status,
        }
    )


def group_effects(groups: GroupEffects, theta: np.ndarray) -> pd.DataFrame:
    """Modes of the effects above the subject: ID (the group), LEVEL, PARAMETER, EBE."""
    values, graph = natural(groups.conditional, theta), groups.conditional.graph
    rows = []
    for name in groups.names:
        level, columns = graph.named_vars_to_dims[name]
        for label, row in zip(graph.coords[level], values[name], strict=True):
            for column, value in zip(graph.coords[columns], row, strict=True):
                rows.append({"ID": label, "LEVEL": name, "OCCASION": "", "PARAMETER": column, "EBE": value})
    return pd.DataFrame(rows)
