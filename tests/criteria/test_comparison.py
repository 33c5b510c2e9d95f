"""Every criterion with every meaning of a new datum, in one table."""

import itertools

import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fits():
    """Wang's ten subjects with and without a law for the error: two models that are quickly fitted."""
    data = bn.zoo.load("wang2007").data
    found = {}
    for name, residual in {"proportional": bn.Proportional(0.3), "additive": bn.Additive(0.03)}.items():
        model = bn.Model(
            structure=bn.OneCompartment(parameterisation="rate constants"),
            parameters={
                "k": bn.Parameter(bn.LogNormal(0.5, cv=0.5), iiv=bn.LogNormal(0.2, cv=0.5)),
                "V": bn.Parameter(1.0),
            },
            residuals={"cp": residual},
        )
        found[name] = bn.fit(model, data, draws=300, tune=300, chains=2, cores=1, seed=1, progress=False)
    return found


@pytest.mark.parametrize("by", ["subject", "observation"])
def test_all_criteria_stand_in_one_table(fits, by):
    names = ["ofv", "aic", "bic", "bicc", "dic", "evidence"]
    for first, other in itertools.permutations(["loo", "waic"]):
        found = bn.compare(fits, by=by, criteria=[first, *names, other], draws=100)
        table = found.table
        assert set(names) <= set(table) and other in table
        for name, fit in fits.items():
            own = bn.information_criteria(fit.model, fit.data, at=fit, seed=0)
            assert_allclose(table.loc[name, "bicc"], own.bicc)
            assert_allclose(table.loc[name, "dic"], bn.dic(fit, by=by).value)
            assert_allclose(table.loc[name, "evidence"], bn.log_evidence(fit).value)
        assert "posterior mean" in found.conclusion
        assert ("whatever `by` is" in found.conclusion) == (by == "observation")
        assert "BICc" in found._repr_html_() and "log evidence" in repr(found)
        assert len(found.pointwise) == (10 if by == "subject" else 20)
        assert len(bn.plot_comparison(found).axes) == 2


def test_posteriors_are_ranked_by_a_penalised_likelihood_if_asked(fits):
    found = bn.compare(fits, criteria=["bicc", "loo", "dic"], draws=100)
    assert found.criterion == "bicc" and list(found.table["bicc"]) == sorted(found.table["bicc"])
    assert "posterior mean" in repr(found)
    assert_allclose(found.table["loo"].max(), max(bn.loo(fit, draws=100).estimate for fit in fits.values()))
    with pytest.raises(bn.FitError, match="Leave `by` out"):
        bn.compare(fits, by="observation", criteria=["aic"])


def test_results_are_compared_as_they_are(fits):
    results = {name: bn.loo(fit, draws=100) for name, fit in fits.items()}
    assert bn.compare(results).criterion == "loo"
    with pytest.raises(bn.FitError, match="Leave them out"):
        bn.compare(results, criteria=["loo"])
    with pytest.raises(bn.FitError, match="one kind"):
        bn.compare({"one": results["additive"], "other": bn.waic(fits["additive"], draws=100)})


def test_averaging_a_derived_quantity_mixes_by_the_weights(fits):
    found = bn.compare(fits, by="subject", draws=100)
    half_life = bn.average(found, quantity=lambda fit: 0.693 / fit.draws.posterior["k_pop"], draws=1000)
    assert_allclose(half_life.weights["additive"], found.weights["additive"])
    counts = (half_life.model == "additive").mean()
    assert abs(counts - found.weights["additive"]) <= 0.001
    medians = half_life.summary()["median"]
    assert medians[["additive", "proportional"]].min() <= medians["averaged"] + 0.02
