"""The list of knowns and unknowns bears the names of the graph."""

import numpy as np
import pytest

import bayes_nlmem as bn
from bayes_nlmem.model.quantities import quantities

NAMES = [
    *("KA_pop", "CL_pop", "V_pop", "F_pop", "ALAG_pop"),
    *("CL_WT", "CL_SEX_F", "V_WT", "F_FED", "ALAG_AGE"),
    *("omega_KA", "omega_CL", "omega_V", "omega_F"),
    "corr_CL_V",
    "gamma_CL",
    *("sigma_cp_add", "sigma_cp_prop"),
]


def test_names_are_the_public_names_of_the_graph(model):
    assert [quantity.name for quantity in quantities(model)] == NAMES


def test_the_table_tells_known_from_unknown(model):
    table = model.priors()
    assert list(table.index) == NAMES
    assert table.loc["CL_WT", "prior"] == "0.75 (known)"
    assert np.isnan(table.loc["CL_WT", "lower"])
    assert table.loc["CL_pop", ["meaning", "unit"]].tolist() == ["typical clearance", "L/h"]
    assert table.loc["omega_F", "prior"] == "HalfNormal(sd 0.45)"
    assert table.loc["corr_CL_V", "upper"] == pytest.approx(0.8114, abs=1e-3)
    assert table.loc["F_pop", ["lower", "upper"]].between(0, 1).all()


def test_each_number_has_words(model):
    meaning = bn.priors(model)["meaning"]
    assert meaning["omega_CL"] == "SD of log CL between subjects"
    assert meaning["gamma_CL"] == "SD of log CL between occasions"
    assert meaning["omega_F"] == "SD of logit F between subjects"
    assert meaning["CL_SEX_F"] == "SEX F against M, on CL"
