"""Edits return new models and leave the old one as it is."""

import pytest

import bayes_nlmem as bn
from bayes_nlmem.structures.compartments import OneCompartment, TwoCompartment


def test_a_field_of_a_parameter_is_changed(model):
    edited = model.with_parameter("CL", iov=0)
    assert edited.occasion_effects == ()
    assert model.occasion_effects == ("CL",)
    assert edited.with_parameter("CL", iov=bn.HalfNormal(0.2)) == model


def test_a_parameter_is_replaced_as_a_whole(model):
    new = bn.Parameter(1.0)
    assert model.with_parameter("F", new).parameters["F"] == new


def test_an_optional_parameter_comes_and_goes(model):
    assert "F" not in model.without_parameter("F").parameters
    assert model.without_parameter("F").with_parameter("F", model.parameters["F"]) == model


def test_covariates_come_and_go(model):
    edited = model.without_covariate("CL", "SEX")
    assert list(edited.parameters["CL"].covariates) == ["WT"]
    assert edited.with_covariate("CL", "SEX", model.parameters["CL"].covariates["SEX"]) == model


def test_residuals_and_correlations_are_replaced(model):
    assert model.with_residual("cp", bn.Additive(0.5)).residuals["cp"] == bn.Additive(0.5)
    assert model.with_correlated().correlated == ()


def test_another_structure_with_its_parameters(model):
    V1, Q, V2 = bn.Parameter(bn.about(20), iiv=bn.about(0.3)), bn.Parameter(1.0), bn.Parameter(30.0)
    edited = model.with_structure(TwoCompartment(absorption="first-order"), V=None, V1=V1, Q=Q, V2=V2)
    assert set(edited.structure.parameters) <= set(edited.parameters)
    assert edited.correlated == ()  # V is gone, and a block of one is none
    simpler = model.with_correlated().with_structure(OneCompartment(), KA=None)
    assert "KA" not in simpler.parameters


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m.with_parameter("Cl", iov=0), "Did you mean 'CL'?"),
        (lambda m: m.with_parameter("CL", IOV=0), "a field of Parameter"),
        (lambda m: m.with_parameter("CL", bn.Parameter(1.0), iov=0), "Put the changes into the Parameter"),
        (lambda m: m.with_parameter("V", iiv=0), "V, which has none"),
        (lambda m: m.with_parameter("CL", iiv=-1), "a number > 0 or a prior for iiv"),
        (lambda m: m.without_parameter("CL"), "got no CL"),
        (lambda m: m.without_covariate("CL", "AGE"), "a covariate with an effect on CL (WT, SEX), got 'AGE'"),
        (lambda m: m.with_covariate("Vc", "WT", bn.Power(1, reference=70)), "a parameter of the model"),
        (lambda m: m.with_residual("cpp", bn.Additive(1)), "Did you mean 'cp'?"),
        (lambda m: m.with_structure(TwoCompartment(absorption="first-order")), "got no V1, Q, V2"),
        (lambda m: m.with_structure(OneCompartment()), "got 'KA'"),
    ],
)
def test_edits_that_make_no_model_are_refused(model, edit, said):
    with pytest.raises(bn.ModelError) as refused:
        edit(model)
    assert said in str(refused.value)
