"""The Stan program says the same model: its steps lead to our predictions, its densities are ours.

Log densities were compared with those of PyStan 3.10 for these models, with equal constants; Stan is no
dependency, so that here the steps are walked in Python and the text is read.
"""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm

import bayes_nlmem as bn
from bayes_nlmem.exchange.stan_priors import declared, log_density
from tests.exchange.test_export import GROWTH, SEX, SIZE, TABLE, TURNOVER


def study():
    """Repeated oral doses, a repeated infusion into the central compartment, a reset, a censored value."""
    rows = []
    for subject in (1, 2):
        own = {"ID": subject, "WT": 55.0 + 10 * subject, "SEX": subject % 2, "CMT": 2}
        rows.append(own | {"TIME": 0.0, "AMT": 100.0, "EVID": 1, "CMT": 1, "ADDL": 2, "II": 12.0})
        rows.append(own | {"TIME": 1.0, "AMT": 60.0, "EVID": 1, "RATE": 30.0, "ADDL": 1, "II": 20.0})
        rows += [own | {"TIME": t, "EVID": 0, "DV": 1.0} for t in (1.5, 3.0, 12.0, 13.0, 22.0, 30.0)]
        rows.append(own | {"TIME": 48.0, "EVID": 0, "DV": 0.2, "CENS": 1})
        rows.append(own | {"TIME": 60.0, "AMT": 50.0, "EVID": 4, "CMT": 1})
        rows.append(own | {"TIME": 63.0, "EVID": 0, "DV": 1.3})
    table = pd.DataFrame(rows).fillna(dict.fromkeys(("AMT", "RATE", "ADDL", "II", "CENS"), 0))
    return bn.read(table, covariates=["WT", "SEX"])


MODEL = bn.Model(
    structure=bn.TwoCompartment(absorption="first-order"),
    parameters={
        "CL": bn.Parameter(bn.about(3.0), iiv=0.3, covariates={**SIZE, **SEX}),
        "V1": bn.Parameter(bn.Gamma(9, 0.3), iiv=bn.HalfCauchy(0.2)),
        "Q": bn.Parameter(2.0, iiv=bn.about(0.3)),
        "V2": bn.Parameter(40.0, covariates={"WT": bn.Linear(bn.Normal(0.01, 0.01), reference=70)}),
        "KA": bn.Parameter(bn.about(1.2), iiv=bn.HalfNormal(0.4)),
    },
    correlated=[bn.Correlated("CL", "V1", "Q", prior=bn.LKJ(1.5))],
    residuals={"cp": bn.Combined(0.1, bn.about(0.2), add="standard deviations")},
)


def walked(data, rates, volume):
    """What the program's loop over the steps does, for one system of all subjects."""
    n = len(rates)
    seen = np.zeros((data["n_records"], n))
    x = np.zeros(n)
    for s in range(data["n_steps"]):
        system = np.zeros((n + 1, n + 1))
        system[:n, :n], system[:n, n] = rates, data["step_rate"][s]
        if data["step_start"][s]:
            x = np.zeros(n)
        x = (expm(system * data["step_dt"][s]) @ [*x, 1.0])[:n]
        x[data["step_into"][s] - 1] += data["step_amount"][s]
        if data["step_record"][s]:
            seen[data["step_record"][s] - 1] = x
    return seen[np.array(data["record_cp"]) - 1, 1] / volume


def test_the_steps_lead_to_our_predictions():
    plain = bn.Model(
        structure=MODEL.structure,
        parameters={"CL": bn.Parameter(3.0), "V1": bn.Parameter(30.0), "Q": bn.Parameter(2.0),
                    "V2": bn.Parameter(40.0), "KA": bn.Parameter(1.2)},
        residuals={"cp": bn.Additive(1.0)},
    )  # fmt: skip
    data = study()
    cl, v1, q, v2, ka = 3.0, 30.0, 2.0, 40.0, 1.2
    rates = np.array([[-ka, 0, 0], [ka, -(cl + q) / v1, q / v2], [0, q / v1, -q / v2]])
    simulated = bn.simulate(plain, data, draws=1, residual_error=False, seed=1).values("cp")[0]
    assert_allclose(walked(bn.to_stan(plain, data).data, rates, v1), simulated, rtol=1e-10)


def test_the_program_has_priors_hierarchy_and_likelihood_with_their_constants():
    program = bn.to_stan(MODEL, study())
    for line in (
        "real omega_CL = 0.3;",
        "cholesky_factor_corr[3] L_CL_V1_Q;",
        "eta[, {1, 2, 3}] = z[, {1, 2, 3}] * diag_pre_multiply([omega_CL, omega_V1, omega_Q]', L_CL_V1_Q)';",
        "CL[i_] = CL_pop * (WT / 70.0)^CL_WT * (SEX == 1.0 ? CL_SEX_1 : 1.0) * exp(eta[i_, 1]);",
        "V2[i_] = V2_pop * (1 + V2_WT * (WT - 70.0));",
        "target += gamma_lpdf(V1_pop | 9.0, 0.3);",
        "target += cauchy_lpdf(omega_V1 | 0.0, 0.2) + log(2);",
        "target += lkj_corr_cholesky_lpdf(L_CL_V1_Q | 1.5);",
        "real sd_ = sigma_cp_add + sigma_cp_prop * abs(cp[k_]);",
        "target += normal_lcdf(dv_cp[k_] | cp[k_], sd_);",
    ):
        assert line in program.text, line
    assert program.data["censored_cp"].count(1) == 2 and not program.inits


def test_equations_start_where_they_say_and_doses_are_scaled():
    table = TABLE.assign(DVID=[1, 1, 2, 1, 2, 1] * 2)
    text = bn.to_stan(TURNOVER, bn.read(table, covariates=["WT"])).text
    for line in (
        "dx_[1] = (-(x_[1] > 50.0 ? 0.5 : 1.0)) * p_[1] * x_[1] + rate_[1];",
        "x_[2] = own_BASE;",
        "x_[step_into[s_]] += [own_BIO, 1.0][step_into[s_]] * step_amount[s_];",
        "response[k_] = x_[2];",
    ):
        assert line in text, line


def test_a_fit_gives_the_values_to_start_from(small_fit):
    program = bn.to_stan(small_fit)
    assert set(program.inits) >= {"CL_pop", "omega_V", "sigma_cp_add"}
    assert program.inits["CL_pop"] == pytest.approx(small_fit.summary().loc["CL_pop", "median"])


@pytest.mark.parametrize(
    ("prior", "density", "declaration"),
    [
        (bn.LogNormal(2.0, sigma=0.5), f"lognormal_lpdf(x | {np.log(2.0)!s}, 0.5)", "real<lower=0.0> x;"),
        (bn.Uniform(1, 5), "uniform_lpdf(x | 1.0, 5.0)", "real<lower=1, upper=5> x;"),
        (bn.StudentT(3, 0, 1), "student_t_lpdf(x | 3.0, 0.0, 1.0)", "real x;"),
        (
            bn.TruncatedNormal(1, 2, lower=0),
            "normal_lpdf(x | 1.0, 2.0) - normal_lccdf(0 | 1.0, 2.0)",
            "real<lower=0> x;",
        ),
        (bn.Distribution("SkewNormal", mu=0.0, sigma=1.0, alpha=3.0), None, "real x;"),
    ],
)
def test_priors_have_their_counterparts_or_none(prior, density, declaration):
    assert log_density("x", prior) == density
    assert declared("x", prior) == declaration


STEADY = TABLE.assign(SS=[1, 0, 0, 0, 0, 0] * 2, II=[12.0, 0, 0, 0, 0, 0] * 2)
CHANGING = TABLE.assign(WT=np.linspace(50, 80, 12))


@pytest.mark.parametrize(
    ("model", "table", "message"),
    [
        (MODEL, STEADY, "doses at steady state"),
        (MODEL, CHANGING, "WT, which changes over time"),
        (MODEL.with_parameter("CL", iov=0.1).with_correlated(), TABLE, "effects of occasions"),
        (MODEL.with_parameter("KA", typical=bn.Distribution("Wald", mu=1.0, lam=2.0)), TABLE, "prior Wald"),
        (MODEL.with_parameter("ALAG", bn.Parameter(0.3)), TABLE, "doses that ALAG delays"),
    ],
)
def test_what_the_program_could_not_say_is_refused(model, table, message):
    with pytest.raises(bn.ModelError, match=message):
        bn.to_stan(model, bn.read(table, covariates=["WT", "SEX"]))


def test_functions_need_no_steps():
    data = bn.read(TABLE[TABLE.EVID == 0].drop(columns=["AMT", "EVID"]), allow=["E_SUBJECT_NO_DOSE"])
    program = bn.to_stan(GROWTH, data)
    assert "weight[k_] = own_A * (1.0 - exp((-own_k) * t_));" in program.text
    assert "n_steps" not in program.data
