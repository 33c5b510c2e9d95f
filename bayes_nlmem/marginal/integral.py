"""What every way of integrating the random effects out gives back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Integral:
    """log p(y_i | theta) of every subject, the random effects integrated out.

    Parameters
    ----------
    log_likelihood : ndarray, shape (n_subjects,)
        One value per subject, all constants included.
    error : ndarray, shape (n_subjects,)
        Monte Carlo standard error, or for quadrature the last change; NaN for approximations whose error is
        not known.
    status : ndarray of str, shape (n_subjects,)
        "converged", or what is wrong.
    effort : int
        Nodes per subject, or draws per subject; 0 for approximations.
    mean, sd : ndarray, shape (n_subjects, n_slots), or None
        Conditional mean and standard deviation of the effects given the data.
    effective : ndarray, shape (n_subjects,), or None
        Effective number of draws behind an importance-sampled value.
    """

    log_likelihood: np.ndarray
    error: np.ndarray
    status: np.ndarray
    effort: int = 0
    mean: np.ndarray | None = None
    sd: np.ndarray | None = None
    effective: np.ndarray | None = None
