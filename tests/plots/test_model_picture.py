"""The scheme of a model is read from its closed form or from the terms of its equations."""

import pytest

import bayes_nlmem as bn
from bayes_nlmem.plots.scheme import scheme_of


def arrows(structure):
    return {(flow.source, flow.target): flow.label for flow in scheme_of(structure).flows}


@pytest.mark.parametrize(
    "structure",
    [
        bn.OneCompartment(),
        bn.OneCompartment(absorption="first-order"),
        bn.TwoCompartment(absorption="first-order"),
        bn.ThreeCompartment(),
    ],
    ids=repr,
)
def test_equations_have_the_scheme_of_the_closed_form(structure):
    assert arrows(bn.structures.as_equations(structure)) == arrows(structure)


def test_a_feedback_is_an_influence_and_no_flow():
    scheme = scheme_of(bn.structures.myelosuppression())
    assert ("circ", "prol") in scheme.influences
    assert arrows(bn.structures.myelosuppression())["transit1", "transit2"] == "MTT"
    assert ("circ", "prol") not in arrows(bn.structures.myelosuppression())


def test_binding_takes_from_both_partners_and_gives_back_to_both():
    found = arrows(bn.structures.tmdd())
    assert found["drug", "complex"] == found["target", "complex"] == "KON"
    assert found["complex", "drug"] == found["complex", "target"] == "KOFF"
    assert found["", "target"] == "KSYN" and found["complex", ""] == "KINT"


def test_the_driven_compartments_stand_behind_those_that_drive():
    joined = bn.OneCompartment(absorption="first-order").drives(bn.structures.myelosuppression())
    assert scheme_of(joined).influences[0] == ("central", "prol")


def test_the_picture_shows_scheme_and_layers(tmp_path):
    model = bn.zoo.load("theophylline").model
    figure = bn.plot_model(model)
    figure.savefig(tmp_path / "model.png")
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert {"depot", "central", "KA", "CL", "dose", "Population", "Individuals", "Observations"} <= set(words)
    assert "V_i = V_pop · (WT_i/70)^V_WT · exp(eta_V,i)" in words
    assert "sigma_cp_add ~ HalfNormal(sd 1)" in words


def test_the_scheme_goes_into_an_axes_of_ones_own():
    model = bn.zoo.load("theophylline").model
    figure = bn.plot_model(model, layers=False)
    axes = figure.add_subplot()
    assert bn.plot_model(model, layers=False, ax=axes) is figure
    with pytest.raises(bn.ModelError, match="layers=False"):
        bn.plot_model(model, ax=axes)


@pytest.mark.parametrize("name", bn.zoo.list())
def test_every_study_of_the_zoo_has_its_layers_and_its_scheme_if_there_are_compartments(name):
    model = bn.zoo.load(name).model
    assert bn.plot_model(model).axes
    if scheme_of(model.structure) is None:
        with pytest.raises(bn.ModelError, match="a structure with compartments"):
            bn.plot_model(model, layers=False)
    else:
        assert bn.plot_model(model, layers=False).axes
