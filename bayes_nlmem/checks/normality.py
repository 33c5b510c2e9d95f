"""Tests of residuals that should be N(0, 1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def normality_tests(errors: ArrayLike) -> pd.DataFrame:
    """Test errors for mean 0, variance 1 and normality, and all three together.

    Parameters
    ----------
    errors : array_like, shape (n,)
        Errors without missing values.

    Returns
    -------
    DataFrame
        Index `test`: `mean` (Student's t-test of 0), `variance` (Fisher: (n - 1) s^2 is
        chi-squared), `normality` (Shapiro-Wilk), `global`. Columns `statistic`, `p`, and `p_adjusted`, which
        is 3 p (Bonferroni), at most 1; the global one is the smallest of them.

    References
    ----------
    Comets, Brendel & Mentre 2008, doi:10.1016/j.cmpb.2007.12.002

    Examples
    --------
    >>> normality_tests([-1.2, -0.7, -0.1, 0.0, 0.3, 0.6, 1.3]).index.tolist()
    ['mean', 'variance', 'normality', 'global']
    """
    from scipy import stats

    x = np.asarray(errors, float)
    n = len(x)
    if n < 3 or np.ptp(x) == 0:
        columns = ["statistic", "p", "p_adjusted"]
        index = pd.Index(["mean", "variance", "normality", "global"], name="test")
        return pd.DataFrame(np.nan, index=index, columns=columns)
    mean = stats.ttest_1samp(x, 0.0)
    sum_of_squares = (n - 1) * x.var(ddof=1)
    below = stats.chi2.cdf(sum_of_squares, n - 1)
    normal = stats.shapiro(x)
    rows = [
        ("mean", float(mean.statistic), float(mean.pvalue)),
        ("variance", float(sum_of_squares), float(2 * min(below, 1 - below))),
        ("normality", float(normal.statistic), float(normal.pvalue)),
    ]
    table = pd.DataFrame(rows, columns=["test", "statistic", "p"]).set_index("test")
    table["p_adjusted"] = np.minimum(1.0, 3 * table["p"])
    table.loc["global"] = [np.nan, np.nan, table["p_adjusted"].min()]
    return table
