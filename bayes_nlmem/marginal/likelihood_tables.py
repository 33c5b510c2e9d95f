"""Tables of a log-likelihood: one row per subject, one row per random effect."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import Modes
from bayes_nlmem.marginal.first_order import log_slope
from bayes_nlmem.marginal.integral import Integral


def subject_table(conditional: Conditional, log_likelihood: np.ndarray) -> pd.DataFrame:
    """One row per subject: number of observations, log-likelihood, -2 log-likelihood, and OFV."""
    translation = conditional.translation
    n = len(translation.layout.subjects)
    subject = translation.data.table["SUBJECT"].to_numpy(np.int64)
    count, left_out = np.zeros(n), np.zeros(n)
    for name, seen in translation.observed.items():
        who = subject[seen.record]
        count += np.bincount(who, minlength=n)
        law = getattr(translation.model.residuals.get(name), "law", None)
        if law is None or not law.normal or law.scale.suffixes:
            continue
        constant = np.log(2 * np.pi) - 2 * log_slope(law, seen.value)
        left_out += np.bincount(who, np.where(seen.censored, 0.0, constant), minlength=n)
    minus_twice = -2 * log_likelihood
    return pd.DataFrame(
        {
            "ID": translation.layout.subjects,
            "N_OBS": count.astype(int),
            "LOGLIK": log_likelihood,
            "MINUS_TWICE": minus_twice,
            "OFV": minus_twice - left_out,
        }
    )


def effect_table(conditional: Conditional, modes: Modes, integral: Integral | None) -> pd.DataFrame:
    """One row per random effect of every subject: its mode, and what is known of its spread."""
    layout, coords = conditional.translation.layout, conditional.graph.coords
    n, width = conditional.slots.shape
    drawn = {rv.name for rv in conditional.effects.variables}
    of_subject = "parameter_by_class" if "eta_by_class" in drawn else "parameter"
    eta = list(coords.get(of_subject, ())) if drawn - {"kappa"} else []
    kappa = list(coords.get("parameter_iov", ())) if "kappa" in drawn else []
    spread = np.sqrt(np.einsum("nii->ni", modes.covariance))
    own_occasions = [np.flatnonzero(layout.occasion_subject == i) for i in range(n)]
    rows = []
    for i, subject in enumerate(layout.subjects):
        for k in range(width):
            if conditional.slots[i, k] < 0:
                continue
            if k < len(eta):
                level, occasion, name = "eta", "", eta[k]
            else:
                rank, column = divmod(k - len(eta), len(kappa))
                level, name = "kappa", kappa[column]
                occasion = str(layout.occasions[own_occasions[i][rank]])
            row = [subject, level, occasion, name, modes.table[i, k], spread[i, k]]
            if integral is not None and integral.mean is not None and integral.sd is not None:
                row += [integral.mean[i, k], integral.sd[i, k]]
            rows.append(row)
    columns = ["ID", "LEVEL", "OCCASION", "PARAMETER", "EBE", "EBE_SD"]
    has_means = integral is not None and integral.mean is not None
    return pd.DataFrame(rows, columns=columns + (["MEAN", "SD"] if has_means else []))
