"""Expected standard errors equal those of PopED, PFIM and NONMEM."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

AT = {
    "CL_pop": 0.15,
    "V_pop": 8.0,
    "KA_pop": 1.0,
    "omega_CL": 0.07**0.5,
    "omega_V": 0.02**0.5,
    "omega_KA": 0.6**0.5,
}


def warfarin(residual):
    effects = {"CL": (0.15, 0.26), "V": (8.0, 0.14), "KA": (1.0, 0.77)}
    return bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            name: bn.Parameter(bn.about(typical), iiv=bn.about(sd)) for name, (typical, sd) in effects.items()
        },
        residuals={"cp": residual},
    )


PROPORTIONAL = warfarin(bn.Proportional(bn.about(0.1)))
EIGHT = bn.Design(bn.Arm(32, bn.Regimen(70), times=[0.5, 1, 2, 6, 24, 36, 72, 120]))
THREE = bn.Design(bn.Arm(32, bn.Regimen(70), times=[1, 4, 8]))


@pytest.mark.parametrize(("block_diagonal", "log_det"), [(True, 52.447989086242), (False, 55.461197198271)])
def test_warfarin_is_poped(agree, block_diagonal, log_det):
    """PopED 0.7.0, 32 subjects, 8 times, proportional error."""
    at = {**AT, "sigma_cp_prop": 0.1}
    found = bn.expected_precision(PROPORTIONAL, EIGHT, at, block_diagonal=block_diagonal, variances=True)
    what = f"warfarin, 8 times, {'block-diagonal' if block_diagonal else 'full'}: log det FIM"
    agree(what, found.log_det, log_det, source="PopED 0.7", within=1e-6, relative=True)
    if block_diagonal:
        printed = {"CL_pop": 4.74, "V_pop": 2.76, "KA_pop": 13.93, "omega_CL^2": 25.63, "omega_V^2": 30.34}
        printed |= {"omega_KA^2": 25.78, "sigma_cp_prop^2": 11.17}
        ours = found.table["RSE_PERCENT"].round(2).to_dict()
        assert ours == pytest.approx(printed, abs=0.0051)


def test_standard_deviations_are_half_as_uncertain_as_variances():
    """PFIM 7.0 states the error as an SD: 5.585% where PopED has 11.17% for its square."""
    found = bn.expected_precision(PROPORTIONAL, EIGHT, {**AT, "sigma_cp_prop": 0.1}, block_diagonal=True)
    assert_allclose(found.table.loc["sigma_cp_prop", "RSE_PERCENT"], 5.585392214039, rtol=1e-6)


def test_a_known_error_is_not_estimated(agree):
    """NONMEM 7.5.0, $DESIGN, FO, FIMDIAG=1: additive variance 0.001 FIXED; times 1, 4, 8 h."""
    model = warfarin(bn.Combined(additive=0.001**0.5, proportional=bn.about(0.1)))
    found = bn.expected_precision(
        model, THREE, {**AT, "sigma_cp_prop": 0.1}, block_diagonal=True, variances=True
    )
    what, theirs = "warfarin, 3 times: log det FIM", 39.518205662077754
    agree(what, found.log_det, theirs, source="NONMEM 7.5 $DESIGN", within=1e-6, relative=True)
    nonmem = {"CL_pop": 0.0553703, "V_pop": 0.395603, "KA_pop": 0.156559, "sigma_cp_prop^2": 0.00280589}
    nonmem |= {"omega_CL^2": 0.511516, "omega_V^2": 0.00847632, "omega_KA^2": 0.162054}
    assert found.table["SE"].to_dict() == pytest.approx(nonmem, rel=1e-5)


def test_all_of_poped(agree, shared_reference):
    """Full matrices, shrinkages and RSEs of every PopED evaluation of the warfarin designs."""
    for case, residual, sigma in (
        ("warfarin_prop", bn.Proportional(bn.about(0.1)), {"sigma_cp_prop": 0.1}),
        (
            "warfarin_add_prop",
            bn.Combined(additive=bn.about(0.5), proportional=bn.about(0.1)),
            {"sigma_cp_prop": 0.1, "sigma_cp_add": 0.5},
        ),
    ):
        reference = json.loads((shared_reference / "poped" / f"{case}.json").read_text())
        for one in reference["evaluations"]:
            found = bn.expected_precision(
                warfarin(residual),
                EIGHT,
                {**AT, **sigma},
                block_diagonal="reduced" in one["fim_type"],
                variances=True,
            )
            same = {"source": "PopED 0.7", "relative": True}
            study = f"{case}, {one['fim_type']}"
            agree(f"{study}: log det FIM", found.log_det, one["logdet"], within=1e-6, **same)
            errors = np.sort(found.table["RSE_PERCENT"])
            agree(f"{study}: RSE", errors, np.sort(one["rse_percent"]), within=1e-5, **same)


@pytest.fixture(scope="module")
def eight():
    return bn.expected_precision(PROPORTIONAL, EIGHT, {**AT, "sigma_cp_prop": 0.1})


def test_twice_the_subjects_are_twice_as_efficient(eight):
    double = bn.Design(bn.Arm(64, bn.Regimen(70), times=[0.5, 1, 2, 6, 24, 36, 72, 120]))
    found = bn.expected_precision(PROPORTIONAL, double, {**AT, "sigma_cp_prop": 0.1})
    assert_allclose(found.efficiency(eight), 2.0, rtol=1e-9)
    assert_allclose(found.table["SE"], eight.table["SE"] / np.sqrt(2), rtol=1e-9)


def test_arms_add_up(eight):
    halves = bn.Design([bn.Arm(16, bn.Regimen(70), times=arm.times["*"]) for arm in EIGHT.arms * 2])
    found = bn.expected_precision(PROPORTIONAL, halves, {**AT, "sigma_cp_prop": 0.1})
    assert_allclose(found.information, eight.information, rtol=1e-9)


def test_a_design_that_cannot_learn_everything_is_no_yardstick(eight):
    late = bn.Arm(32, bn.Regimen(70), times=[24])
    blind = bn.expected_precision(PROPORTIONAL, late, {**AT, "sigma_cp_prop": 0.1})
    assert eight.efficiency(blind) == np.inf
    assert np.isnan(blind.efficiency(blind))
    assert blind.efficiency(eight) == 0


def test_power_and_numbers_agree(eight):
    needed = eight.subjects_needed("CL_pop", rse=2.0)
    assert needed == int(np.ceil(32 * (eight.table.loc["CL_pop", "RSE_PERCENT"] / 2.0) ** 2))
    size = eight.subjects_needed("CL_pop", power=0.8, difference=0.015)
    more = bn.Design(bn.Arm(size, bn.Regimen(70), times=EIGHT.arms[0].times["*"]))
    found = bn.expected_precision(PROPORTIONAL, more, {**AT, "sigma_cp_prop": 0.1})
    assert 0.8 <= found.power("CL_pop", difference=0.015) < 0.82


def test_a_design_that_cannot_teach_says_what():
    found = bn.expected_precision(
        PROPORTIONAL, bn.Design(bn.Arm(32, bn.Regimen(70), times=[24])), {**AT, "sigma_cp_prop": 0.1}
    )
    assert found.log_det == -np.inf
    assert any("combination" in line for line in found.unlearnt)
    assert "cannot tell" in repr(found)


def test_priors_add_information(eight):
    found = bn.expected_precision(PROPORTIONAL, EIGHT, {**AT, "sigma_cp_prop": 0.1}, priors=True)
    assert (found.table["SE"] < eight.table["SE"]).all()


def test_conditional_linearisation_is_near_the_first_order_for_small_effects():
    at = {**AT, "sigma_cp_prop": 0.1, "omega_CL": 1e-3, "omega_V": 1e-3, "omega_KA": 1e-3}
    first = bn.expected_precision(PROPORTIONAL, EIGHT, at)
    conditional = bn.expected_precision(PROPORTIONAL, EIGHT, at, method="foce", draws=5, seed=1)
    assert_allclose(conditional.log_det, first.log_det, rtol=1e-3)


def test_a_sample_without_error_is_refused():
    arm = bn.Arm(3, bn.Regimen(70), times=[0, 8])
    with pytest.raises(bn.FitError, match="TIME 0"):
        bn.expected_precision(PROPORTIONAL, arm, {**AT, "sigma_cp_prop": 0.1})


def test_bad_questions_are_refused(eight):
    with pytest.raises(bn.FitError, match="method"):
        bn.expected_precision(PROPORTIONAL, EIGHT, AT, method="magic")
    with pytest.raises(bn.FitError, match="sigma_cp_prop"):
        bn.expected_precision(PROPORTIONAL, EIGHT, AT)
    with pytest.raises(bn.FitError, match="one of CL_pop"):
        eight.power("Q_pop", difference=1.0)
    with pytest.raises(bn.FitError, match="either"):
        eight.subjects_needed("CL_pop")
    with pytest.raises(bn.FitError, match="power= and difference= together, got a power without"):
        eight.subjects_needed("CL_pop", power=0.8)
    with pytest.raises(bn.FitError, match="power= and difference= together, got a difference without"):
        eight.subjects_needed("CL_pop", rse=2.0, difference=0.1)
