"""The expected information is PopED's, and says before any fit what the data will not tell."""

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

TIMES = (0.5, 1, 2, 6, 24, 36, 72, 120)


def design(times, subjects=32, dose=70):
    rows = [f"{i},0,{dose},.,1\n" + "".join(f"{i},{t},.,1,0\n" for t in times) for i in range(subjects)]
    return bn.read(io.StringIO("ID,TIME,AMT,DV,MDV\n" + "".join(rows)))


def oral(**more):
    parameters = {
        "CL": bn.Parameter(bn.LogNormal(0.15, cv=1.0), iiv=bn.HalfNormal(0.5)),
        "V": bn.Parameter(bn.LogNormal(8.0, cv=1.0), iiv=bn.HalfNormal(0.5)),
        "KA": bn.Parameter(bn.LogNormal(1.0, cv=1.0), iiv=bn.HalfNormal(1.0)),
    }
    return bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters=parameters | more,
        residuals={"cp": bn.Proportional(bn.HalfNormal(0.3))},
    )


@pytest.fixture(scope="module")
def warfarin():
    """PopED 0.7.0, warfarin example: full Fisher information, first-order approximation."""
    at = {"CL_pop": 0.15, "V_pop": 8.0, "KA_pop": 1.0, "sigma_cp_prop": 0.1}
    at |= {"omega_CL": np.sqrt(0.07), "omega_V": np.sqrt(0.02), "omega_KA": np.sqrt(0.6)}
    return bn.identifiability(oral(), design(TIMES), at=at)


def test_standard_errors_of_the_design_are_those_of_poped(warfarin):
    names = ["CL_pop", "V_pop", "KA_pop", "omega_CL", "omega_V", "omega_KA", "sigma_cp_prop"]
    percent = 100 * warfarin.table.loc[names, "DATA_SD"].to_numpy()
    percent[3:] *= 2  # PopED's are of variances
    assert_allclose(percent, [3.56, 2.56, 4.81, 26.27, 30.90, 26.50, 12.41], atol=0.005)


def test_a_rich_design_needs_no_prior(warfarin):
    assert not warfarin.dominated and not warfarin.unidentified
    assert (warfarin.table.POSTERIOR_SD < warfarin.table.DATA_SD).all()
    assert "more than the prior about every parameter" in repr(warfarin)


@pytest.mark.slow
def test_bioavailability_of_an_oral_study_is_found_out():
    model = oral(F=bn.Parameter(bn.LogNormal(0.7, cv=0.3)))
    found = bn.identifiability(model, design(TIMES, subjects=6))
    [weights] = found.unidentified
    assert set(weights) == {"F_pop", "CL_pop", "V_pop"} and len({w > 0 for w in weights.values()}) == 1
    assert np.isinf(found.table.loc[["F_pop", "CL_pop", "V_pop"], "DATA_SD"]).all()
    assert np.isfinite(found.table.loc["KA_pop", "DATA_SD"])
    assert "Not identified: " in repr(found)


def test_without_early_samples_ka_stays_at_its_prior():
    found = bn.identifiability(oral(), design((24, 48, 96, 120)))
    assert "KA_pop" in found.dominated and "CL_pop" not in found.dominated


def test_a_design_needs_no_observations():
    planned = bn.Design([bn.Arm(32, bn.Regimen(70), TIMES)])
    seen = bn.identifiability(oral(), design(TIMES)).table.DATA_SD
    assert_allclose(bn.identifiability(oral(), planned).table.DATA_SD, seen, rtol=1e-6)
