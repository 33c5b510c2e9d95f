"""Ratios of covariate effects are what the effects say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

STUDY = bn.zoo.load("theophylline")


def test_a_known_exponent_gives_an_exact_ratio(learnt):
    table = bn.covariate_effects(learnt(STUDY.model, STUDY.data), at={"WT": [35, 140]})
    clearance = table[table.PARAMETER == "CL"]
    assert_allclose(clearance.RATIO, [0.5**0.75, 2**0.75])
    assert clearance.KNOWN.all() and clearance.VALUE.tolist() == ["35 kg", "140 kg"]


def test_a_learnt_exponent_has_the_interval_of_its_draws(learnt):
    fit = learnt(STUDY.model, STUDY.data, draws=200)
    table = bn.covariate_effects(fit, at={"WT": 140}, level=0.8)
    [row] = table[table.PARAMETER == "V"].to_dict("records")
    exponent = fit.draws["posterior"]["V_WT"].values.ravel()
    assert_allclose([row["LOWER"], row["RATIO"], row["UPPER"]], np.quantile(2**exponent, [0.1, 0.5, 0.9]))


def test_categories_and_other_scales(learnt):
    import io

    text = "ID,TIME,AMT,DV,MDV,SEX\n1,0,100,.,1,f\n1,1,.,4,0,f\n2,0,100,.,1,m\n2,1,.,4,0,m"
    data = bn.read(io.StringIO(text), covariates=["SEX"])
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters={
            "CL": bn.Parameter(2.0, covariates={"SEX": bn.Categorical({"f": 0.8}, reference="m")}),
            "V": bn.Parameter(bn.about(20.0)),
        },
        residuals={"cp": bn.Proportional(0.1)},
    )
    table = bn.covariate_effects(learnt(model, data))
    assert dict(zip(table.VALUE, table.RATIO, strict=True)) == pytest.approx({"f": 0.8, "m": 1.0})


def test_what_is_not_there_is_refused(learnt):
    fit = learnt(STUDY.model, STUDY.data)
    with pytest.raises(bn.BayesNlmemError, match="covariates of the model .WT., got 'AGE'"):
        bn.covariate_effects(fit, at={"AGE": [20]})
    fit.model = STUDY.model.without_covariate("CL", "WT").without_covariate("V", "WT")
    with pytest.raises(bn.BayesNlmemError, match="with_covariate"):
        bn.covariate_effects(fit)
