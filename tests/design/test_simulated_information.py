"""Information from simulated scores: what is known exactly comes out, and endpoints have one, too."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import poisson

import bayes_nlmem as bn

LINEAR = bn.Model(
    structure=bn.Function("y = A + 0 * t"),
    parameters={"A": bn.Parameter(bn.Normal(5, 10), iiv=bn.about(1.0), scale=bn.Natural())},
    residuals={"y": bn.Additive(bn.about(1.0))},
)
AT = {"A_pop": 5.0, "omega_A": 1.0, "sigma_y_add": 1.0}
ARM = bn.Arm(40, None, times=[1, 2, 3])


@pytest.mark.slow
def test_scores_of_a_linear_model_have_the_exact_information():
    exact = bn.expected_precision(LINEAR, ARM, AT)
    found = bn.expected_precision(LINEAR, ARM, AT, method="simulated", draws=3000, seed=1)
    assert_allclose(found.table["SE"], exact.table["SE"], rtol=0.05)
    blind = bn.expected_precision(LINEAR, ARM, AT, method="simulated", draws=3000, lloq=5.0, seed=1)
    assert (blind.table["SE"] > 1.02 * found.table["SE"]).all()


@pytest.mark.slow
def test_counts_have_an_information():
    """A subject's sum of four counts is sufficient: its law and information by quadrature and summation."""
    model = bn.Model(
        structure=bn.Function("log_rate = log(LAMBDA) + 0 * t"),
        parameters={"LAMBDA": bn.Parameter(bn.about(3.0), iiv=0.5)},
        residuals={"log_rate": bn.Poisson()},
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)

    def law(rate):
        mean = 4 * rate * np.exp(0.5 * nodes)
        return poisson.pmf(np.arange(400)[:, None], mean) @ (weights / weights.sum())

    p, slope = law(3.0), (law(3.001) - law(2.999)) / 0.002
    exact = 1 / np.sqrt(30 * np.sum(slope**2 / np.maximum(p, 1e-300)))
    arm = bn.Arm(30, None, times=[1, 2, 3, 4])
    found = bn.expected_precision(model, arm, {"LAMBDA_pop": 3.0}, method="simulated", draws=2000, seed=1)
    assert_allclose(found.table.loc["LAMBDA_pop", "SE"], exact, rtol=0.06)


def test_options_without_effect_are_refused():
    with pytest.raises(bn.FitError, match="no effect"):
        bn.expected_precision(LINEAR, ARM, AT, lloq=1.0)
    with pytest.raises(bn.FitError, match="no effect"):
        bn.expected_precision(LINEAR, ARM, AT, draws=50)
    with pytest.raises(bn.FitError, match="block_diagonal=False"):
        bn.expected_precision(LINEAR, ARM, AT, method="simulated", block_diagonal=True)
