"""The model: it is a value, and it is refused when its parts do not fit."""

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

import bayes_nlmem as bn
from bayes_nlmem.structures.compartments import OneCompartment, TwoCompartment

CL = bn.Parameter(2.8, iiv=0.3)


def stated(**changes):
    given = {
        "structure": OneCompartment(),
        "parameters": {"CL": CL, "V": bn.Parameter(32.0)},
        "residuals": {"cp": bn.Additive(0.5)},
    }
    return bn.Model(**{**given, **changes})


def test_a_model_is_a_value(model):
    copy = pickle.loads(pickle.dumps(model))
    assert copy == model
    assert hash(copy) == hash(model)
    assert copy != model.with_name("other")
    with pytest.raises(FrozenInstanceError):
        model.name = "other"
    with pytest.raises(TypeError):
        model.parameters["CL"] = CL


def test_a_model_is_stated_by_keywords():
    with pytest.raises(TypeError):
        bn.Model(OneCompartment(), {"CL": CL}, {})


def test_a_model_knows_what_varies(model):
    assert model.random_effects == ("KA", "CL", "V", "F")
    assert model.occasion_effects == ("CL",)
    assert model.covariates == ("WT", "SEX", "FED", "AGE")


def test_a_single_block_of_correlations_needs_no_list():
    both = {"CL": CL, "V": CL}
    block = bn.Correlated("CL", "V")
    assert stated(parameters=both, correlated=block) == stated(parameters=both, correlated=[block])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"structure": TwoCompartment()},
            "all parameters of TwoCompartment: CL, V1, Q, V2, got no V1, Q, V2",
        ),
        ({"structure": OneCompartment}, "Write OneCompartment(...), with its arguments"),
        ({"structure": "one compartment"}, "a structure such as OneCompartment"),
        ({"parameters": {"CL": CL, "v": CL}}, "Did you mean 'V'?"),
        ({"parameters": {"CL": CL, "VC": CL}}, "Write V."),
        ({"parameters": {"CL": CL, "V": CL, "WHAT": CL}}, "Leave it out, or choose a structure"),
        ({"parameters": {"CL": 2.8, "V": bn.LogNormal(32, cv=1)}}, "a Parameter for CL, got 2.8"),
        ({"parameters": [CL]}, "a mapping of parameters, got list"),
        ({"residuals": {}}, "a residual error for at least one output, got none"),
        ({"residuals": {"CP": bn.Additive(0.5)}}, "Did you mean 'cp'?"),
        ({"residuals": {"cp": 0.5}}, "a residual error for cp, got 0.5"),
        ({"residuals": bn.Additive(0.5)}, "a mapping of output to residual, got Additive"),
        ({"correlated": ["CL", "V"]}, "Expected Correlated, got 'CL'"),
        ({"correlated": "CL"}, "a list of Correlated"),
        ({"correlated": [bn.Correlated("CL", "V")]}, "got V, which has none. Give V an iiv"),
        ({"correlated": [bn.Correlated("CL", "Q")]}, "a parameter of the model (CL, V)"),
        ({"name": 3}, "text for `name`"),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_a_remedy(changes, said):
    with pytest.raises(bn.ModelError) as refused:
        stated(**changes)
    assert said in str(refused.value)


def test_a_parameter_belongs_to_one_block():
    parameters = {"CL": CL, "V": CL, "F": CL}
    blocks = [bn.Correlated("CL", "V"), bn.Correlated("CL", "F")]
    with pytest.raises(bn.ModelError, match="got CL in 2 blocks"):
        stated(parameters=parameters, correlated=blocks)


def test_names_must_be_unique_in_the_graph():
    effect = bn.Exponential(bn.Normal(0, 1), reference=0)
    with pytest.raises(bn.ModelError, match="got CL_pop more than once"):
        stated(parameters={"CL": replace(CL, covariates={"pop": effect}), "V": CL})
    with pytest.raises(bn.ModelError, match="got V more than once"):
        stated(parameters={"CL": replace(CL, covariates={"V": effect}), "V": CL})


def test_all_problems_come_at_once():
    with pytest.raises(bn.ModelError) as refused:
        stated(
            parameters={"CL": CL, "v": CL},
            residuals={"CP": bn.Additive(1.0)},
            correlated=[bn.Correlated("CL", "Q")],
            name="run 1",
        )
    assert str(refused.value).startswith("Model 'run 1' is not well stated (4 problems):")
