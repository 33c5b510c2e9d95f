"""The convergence plot shows every estimated parameter."""

import pytest

import bayes_nlmem as bn


def test_only_a_saem_fit_has_phases(fit):
    with pytest.raises(bn.BayesNlmemError, match="saem"):
        bn.plot_convergence(fit)
