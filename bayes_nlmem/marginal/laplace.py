"""Laplace's approximation of every subject's marginal likelihood, with the exact Hessian."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.marginal.ebe import FLAT, Modes
from bayes_nlmem.marginal.integral import Integral


def laplace(modes: Modes, slots: np.ndarray) -> Integral:
    r"""Log p(y_i) = log p(y_i, b_i) + d/2 log(2 pi) - 1/2 log |H_i| at the mode b_i.

    H_i is the negative Hessian of the joint log-density with all its terms, as NONMEM's LAPLACE has it.

    Parameters
    ----------
    modes : Modes
        The EBEs.
    slots : ndarray, shape (n_subjects, n_slots)
        `Conditional.slots`.

    Returns
    -------
    Integral
        NaN where the Hessian is not that of a maximum.
    """
    n, width = slots.shape
    if width == 0:
        return Integral(modes.log_joint, np.full(n, np.nan), modes.status)
    sign, log_determinant = np.linalg.slogdet(modes.precision)
    found = modes.log_joint + 0.5 * (slots >= 0).sum(axis=1) * np.log(2 * np.pi) - 0.5 * log_determinant
    found = np.where((sign > 0) & (modes.status != FLAT), found, np.nan)
    return Integral(found, np.full(n, np.nan), modes.status)
