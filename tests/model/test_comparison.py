"""What changed between two models is told in words."""

import pytest

import bayes_nlmem as bn
from bayes_nlmem.structures.compartments import OneCompartment


def test_nothing_changed(model):
    assert bn.difference(model, model.with_parameter("CL", iov=bn.HalfNormal(0.2))) == ""


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m.with_parameter("CL", iov=0), "CL: iov HalfNormal(sd 0.2) -> none"),
        (lambda m: m.with_parameter("V", iiv=0.25), "V: iiv 0.3 -> 0.25"),
        (lambda m: m.with_parameter("KA", typical=1.5), "KA: typical LogNormal(median 1.5, CV 50%) -> 1.5"),
        (lambda m: m.without_covariate("CL", "WT"), "CL: without Power(exponent 0.75, reference 70) of WT"),
        (
            lambda m: m.with_covariate("KA", "FED", bn.Categorical({"yes": 0.5}, reference="no")),
            "KA: with Categorical(yes 0.5, reference no) of FED",
        ),
        (lambda m: m.with_correlated(), "without correlation of V, CL (LKJ(eta 2))"),
        (lambda m: m.without_parameter("F"), "without F"),
        (
            lambda m: m.with_parameter("D_central", bn.Parameter(2.0, iiv=0.1, scale=bn.Natural())),
            "with D_central: 2, iiv 0.1, on Natural()",
        ),
        (lambda m: m.with_name("run 2"), "name: everything -> run 2"),
    ],
)
def test_each_edit_is_one_line(model, edit, said):
    assert bn.difference(model, edit(model)) == said


def test_structure_and_residual(model):
    after = model.with_structure(OneCompartment(), KA=None).with_residual(
        "cp", bn.Proportional(bn.about(0.2))
    )
    lines = bn.difference(model, after).splitlines()
    assert lines[0].startswith("structure: OneCompartment(absorption='first-order'")
    assert "without KA" in lines
    assert lines[-1].startswith("residual of cp: Combined(additive HalfNormal(sd 1), proportional 0.1")
    assert lines[-1].endswith("-> Proportional(proportional HalfNormal(sd 0.3))")
