"""Covariates that are straight lines between their records."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

import bayes_nlmem as bn

TABLE = pd.DataFrame(
    {
        "ID": [1] * 5 + [2] * 3,
        "TIME": [0.0, 1, 1, 4, 9, 0, 3, 5],
        "EVID": [1, 2, 2, 2, 2, 1, 2, 2],
        "AMT": [100.0, 0, 0, 0, 0, 50, 0, 0],
        "TEMP": [37.0, 38, 38, 40, 36.5, 36, 41, 41],
    }
)


def test_it_enters_equations_as_a_line():
    structure = bn.ODE(lambda t, y, p: {"a": -p.k * (1 + 0.2 * (p.TEMP_LEVEL + p.TEMP_SLOPE * t - 37)) * y.a})
    columns = {name: name for name in ("TEMP_LEVEL", "TEMP_SLOPE")}
    found = bn.solve(structure, bn.interpolated(TABLE, "TEMP"), {"k": 0.3, **columns})["A_a"]
    for subject, own in TABLE.groupby("ID"):
        t = own["TIME"].unique()
        line = own.drop_duplicates("TIME")["TEMP"]

        def rate(s, y, t=t, line=line):
            return -0.3 * (1 + 0.2 * (np.interp(s, t, line) - 37)) * y

        exact = solve_ivp(
            rate, (0, t[-1]), [own["AMT"].iloc[0]], t_eval=t, rtol=1e-11, atol=1e-11, max_step=0.05
        )
        np.testing.assert_allclose(found[TABLE.ID == subject].unique(), exact.y[0], rtol=1e-7)


def test_gaps_and_wrong_names_are_refused():
    with pytest.raises(bn.DataError, match="TEMPS"):
        bn.interpolated(TABLE, "TEMPS")
    with pytest.raises(bn.DataError, match="row 4"):
        bn.interpolated(TABLE.assign(TEMP=[37.0, 38, 38, None, 36.5, 36, 41, 41]), "TEMP")
