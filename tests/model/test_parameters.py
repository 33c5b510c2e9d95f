"""Parameters and blocks of correlations: what they keep and what they refuse."""

import pytest

import bayes_nlmem as bn


def test_zero_variability_is_none():
    parameter = bn.Parameter(1.0, iiv=0, iov=0.0)
    assert parameter.iiv is None
    assert parameter.iov is None


def test_about_is_settled_by_the_scale():
    assert str(bn.Parameter(bn.about(2.0)).typical) == "LogNormal(median 2, CV 100%)"
    assert str(bn.Parameter(bn.about(-2.0), scale=bn.Natural()).typical) == "Normal(mean -2, sd 2)"
    assert bn.Parameter(bn.about(0.5), scale=bn.Logit()).typical.support == (0.0, 1.0)


def test_about_in_a_category_is_a_fold_change_or_a_difference():
    groups = bn.Categorical({"F": bn.about(1.2)}, reference="M")
    fold = bn.Parameter(1.0, covariates={"SEX": groups}).covariates["SEX"].unknowns()["F"]
    difference = bn.Parameter(1.0, covariates={"SEX": groups}, scale=bn.Natural()).covariates["SEX"]
    assert str(fold) == "LogNormal(median 1.2, CV 100%)"
    assert str(difference.unknowns()["F"]) == "Normal(mean 1.2, sd 1.2)"


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: bn.Parameter(-1.0), "a number > 0 or a prior for the typical value, got -1"),
        (lambda: bn.Parameter(1.2, scale=bn.Logit()), "a number between 0 and 1"),
        (lambda: bn.Parameter(bn.Normal(1, 1)), "a prior on (0, inf) for the typical value"),
        (lambda: bn.Parameter(bn.LogNormal(0.5, cv=1), scale=bn.Logit()), "Use TruncatedNormal or Uniform"),
        (lambda: bn.Parameter((1.5, 0.5)), "Name the distribution"),
        (lambda: bn.Parameter(bn.LKJ(2)), "LKJ is the prior of a correlation matrix"),
        (lambda: bn.Parameter(1.0, iiv=-0.3), "a number > 0 or a prior for iiv, got -0.3"),
        (lambda: bn.Parameter(1.0, iiv=True), "Write about(0.3)"),
        (lambda: bn.Parameter(1.0, iiv=bn.Normal(0, 0.5)), "a prior on (0, inf) for iiv"),
        (lambda: bn.Parameter(1.0, iov=bn.Uniform(-1, 1)), "a prior on (0, inf) for iov"),
        (lambda: bn.Parameter(1.0, iov="0.1"), "a number > 0 or a prior for iov, got '0.1' (str)"),
        (lambda: bn.Parameter(1.0, scale=bn.Log), "with parentheses"),
        (lambda: bn.Parameter(1.0, covariates={"WT": 0.75}), "a covariate effect for WT, got 0.75"),
        (lambda: bn.Parameter(1.0, covariates={"WT": bn.Power}), "a covariate effect for WT"),
        (lambda: bn.Parameter(1.0, covariates=["WT"]), "a mapping of covariate to effect"),
        (lambda: bn.Parameter(1.0, covariates={3: bn.Power(1, reference=1)}), "the name of a covariate"),
        (
            lambda: bn.Parameter(1.0, scale=bn.Natural(), covariates={"WT": bn.Power(1, reference=70)}),
            "WT: Expected an effect that adds",
        ),
        (
            lambda: bn.Parameter(1.0, covariates={"SEX": bn.Categorical({"F": -0.2}, reference="M")}),
            "SEX: Expected a number > 0 or a prior for the fold change of level 'F'",
        ),
        (lambda: bn.Parameter(1.0, unit=3), "text for `unit`"),
        (lambda: bn.Correlated("CL"), "two or more parameters in Correlated, got only 'CL'"),
        (lambda: bn.Correlated(), "two or more parameters in Correlated, got none"),
        (lambda: bn.Correlated("CL", "V", "CL"), "got CL more than once"),
        (lambda: bn.Correlated(["CL", "V"]), "the names one by one"),
        (lambda: bn.Correlated("CL", "V", prior=bn.HalfNormal(1)), "an LKJ prior"),
        (lambda: bn.Correlated("CL", "V", prior=1.0), "between -1 and 1"),
        (lambda: bn.Correlated("CL", "V", "KA", prior=0.5), "for two parameters"),
    ],
)
def test_bad_parts_are_refused_with_a_remedy(build, said):
    with pytest.raises(bn.ModelError) as refused:
        build()
    assert said in str(refused.value)


def test_all_problems_come_at_once():
    with pytest.raises(bn.ModelError, match="4 problems"):
        bn.Parameter((2, 0.5), iiv=True, iov=bn.Normal(0, 1), covariates={"WT": 0.75})


def test_a_correlation_may_be_known():
    assert bn.Correlated("CL", "V", prior=0.5).prior == 0.5
