"""Candidate relations come in their usual forms, and those that cannot be tested are refused."""

import numpy as np
import pytest

import bayes_nlmem as bn
from bayes_nlmem.selection.relations import check_relations, neutral
from tests.selection.sparse_study import sparse_study


@pytest.fixture(scope="module")
def study():
    return sparse_study(n=20)


def test_every_covariate_on_every_varying_parameter(study):
    found = bn.relations(*study)
    assert [relation.name for relation in found] == [
        f"{parameter}_{covariate}" for parameter in ("CL", "V") for covariate in ("WT", "AGE", "CRCL", "SEX")
    ]
    assert isinstance(found[0].effect, bn.Power) and isinstance(found[3].effect, bn.LogFolds)
    assert [relation.name for relation in bn.relations(*study, {"CL": ["WT"]})] == ["CL_WT"]


def test_unknown_names_are_refused_with_the_valid_ones(study):
    with pytest.raises(bn.ModelError, match="CL, V"):
        bn.relations(*study, {"Vd": ["WT"]})
    with pytest.raises(bn.ModelError, match="WT"):
        bn.relations(*study, {"CL": ["BMI"]})


def test_no_effect_is_zero_or_a_fold_change_of_one(study):
    model, data = study
    assert neutral(model, data, bn.Relation("CL", "WT", bn.Power(bn.Normal(0, 1), reference=70))) == 0
    folds = bn.Categorical({1: bn.LogNormal(1, cv=0.5)}, reference=0)
    assert neutral(model, data, bn.Relation("CL", "SEX", folds)) == 1


def test_what_cannot_be_tested_is_refused(study):
    model, data = study
    known = bn.Relation("CL", "WT", bn.Power(0.75, reference=70))
    twice = bn.Relation("V", "WT", bn.Power(bn.Normal(0, 1), reference=70))
    with pytest.raises(bn.ModelError, match="known numbers") as error:
        check_relations(model, data, (known, twice, twice))
    assert "already named" in str(error.value)
    with pytest.raises(bn.ModelError, match="at least one"):
        check_relations(model, data, ())


def test_log_folds_are_the_logarithms_of_fold_changes():
    sex = np.array(["M", "F", "F"])
    folds = bn.Categorical({"F": 0.8}, reference="M").shift({"F": 0.8}, sex, np, bn.Log())
    logs = bn.LogFolds({"F": np.log(0.8)}, reference="M").shift({"F": np.log(0.8)}, sex, np, bn.Log())
    np.testing.assert_allclose(folds, logs)
    with pytest.raises(bn.ModelError, match="reference"):
        bn.LogFolds({"M": 0.1}, reference="M")
