"""The convergence plot shows every estimated parameter, phase by phase."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn


def test_one_panel_for_each_estimated_parameter(tmp_path):
    phase = ["start", *["explore"] * 60, *["smooth"] * 40, *["settle"] * 3]
    random = np.random.default_rng(1)
    trace = pd.DataFrame({"phase": phase, "CL_pop": 2.8 + 0.1 * random.normal(size=104), "V_pop": 30.0})
    estimates = pd.DataFrame(
        {"value": [2.8, 30.0, 0.2], "se": [0.2, np.nan, np.nan], "unit": ["L/h", "", ""]},
        index=["CL_pop", "V_pop", "omega_V"],
    ).assign(known=[False, False, True])
    figure = bn.plot_convergence(SimpleNamespace(trace=trace, estimates=estimates))
    figure.savefig(tmp_path / "x.png")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["CL_pop [L/h]", "V_pop"]


def test_only_a_saem_fit_has_phases(stand_in):
    with pytest.raises(bn.BayesNlmemError, match="saem"):
        bn.plot_convergence(stand_in)
