"""The Stan program says the same model: its steps lead to our predictions, its densities are ours.

Log densities were compared with those of PyStan (3.10, 3.14) for such models, with equal constants; Stan is
no dependency, so that here the steps are walked in Python and the text is read.
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


def walked(data, rates_of, volume_of, share_of=lambda row: 1.0, lag=0.0):
    """What the program's loop over the steps does, for one system of all subjects in every row."""
    n = len(rates_of(1))
    seen, after = np.zeros((data["n_records"], n)), np.zeros((data["n_steps"], n))
    x = np.zeros(n)

    def later(x, row, dt, rate):
        system = np.zeros((n + 1, n + 1))
        system[:n, :n], system[:n, n] = rates_of(row), rate
        return (expm(system * dt) @ [*x, 1.0])[:n]

    def steady(row, every, lasting, given, into):
        rates, one = rates_of(row), np.zeros(n)
        one[into] = given
        if lasting:
            zero = np.zeros(n)
            one = expm(rates * (every - lasting)) @ later(zero, row, lasting, one)
        return np.linalg.solve(np.eye(n) - expm(rates * every), one)

    for s in range(data["n_steps"]):
        row, into = data["step_row"][s], data["step_into"][s] - 1
        if data["step_start"][s]:
            x = np.zeros(n)
        x = later(x, row, data["step_dt"][s], data["step_rate"][s])
        if data.get("step_steady", [0] * (s + 1))[s]:
            one = steady(row, data["step_every"][s], data["step_lasting"][s], data["step_amount"][s], into)
            x = one + (x if data["step_steady"][s] == 2 else 0)
        else:
            x[into] += share_of(row) * data["step_amount"][s]
        after[s] = x
        if data["step_record"][s]:
            seen[data["step_record"][s] - 1] = x
    amounts = seen[np.array(data["record_cp"]) - 1]
    if lag:
        for k, (time, row) in enumerate(zip(data["time_cp"], data["row_cp"], strict=True)):
            first, last = data["first_step"][row - 1] - 1, data["last_step"][row - 1] - 1
            known = [s for s in range(first, last + 1) if data["step_time"][s] <= time - lag]
            amounts[k] = 0.0
            if known:
                rate = data["step_rate"][min(known[-1] + 1, last)]
                amounts[k] = later(after[known[-1]], row, time - lag - data["step_time"][known[-1]], rate)
    central = n - 1 if n < 3 else 1
    return amounts[:, central] / [volume_of(row) for row in data["row_cp"]]


TWO = {"CL": 3.0, "V1": 30.0, "Q": 2.0, "V2": 40.0, "KA": 1.2}


def two_compartments(**more):
    return bn.Model(
        structure=bn.TwoCompartment(absorption="first-order"),
        parameters={name: bn.Parameter(value) for name, value in {**TWO, **more}.items()},
        residuals={"cp": bn.Additive(1.0)},
    )


def rates_of_two(row):
    cl, v1, q, v2, ka = TWO.values()
    return np.array([[-ka, 0, 0], [ka, -(cl + q) / v1, q / v2], [0, q / v1, -q / v2]])


def ours(model, data):
    return bn.simulate(model, data, subjects="typical", draws=1, residual_error=False, seed=1).values("cp")[0]


def test_the_steps_lead_to_our_predictions():
    data, plain = study(), two_compartments()
    found = walked(bn.to_stan(plain, data).data, rates_of_two, lambda row: 30.0)
    assert_allclose(found, ours(plain, data), rtol=1e-10)


def timed(*doses, seen):
    """Two subjects with these doses, observed at these times."""
    rows = [{"EVID": 1, **dose} for dose in doses] + [{"TIME": t, "EVID": 0, "DV": 1.0} for t in seen]
    one = pd.DataFrame(rows).sort_values(["TIME", "EVID"], ascending=[True, False], kind="stable")
    table = pd.concat([one.assign(ID=1), one.assign(ID=2)], ignore_index=True).fillna({"CMT": 0})
    return table.fillna(dict.fromkeys({"AMT", "RATE", "ADDL", "II", "SS"} & set(table.columns), 0))


def test_steady_states_of_boluses_and_infusions_are_solved():
    table = timed(
        {"TIME": 0.0, "AMT": 100.0, "SS": 1, "II": 12.0, "ADDL": 1, "CMT": 1},
        {"TIME": 5.0, "AMT": 60.0, "RATE": 30.0, "SS": 2, "II": 8.0, "CMT": 2},
        {"TIME": 24.0, "AMT": 80.0, "RATE": 20.0, "SS": 1, "II": 10.0, "ADDL": 1, "CMT": 2},
        seen=(1.0, 6.0, 7.5, 12.5, 20.0, 25.0, 29.0, 36.0, 40.0),
    )
    data, plain = bn.read(table), two_compartments()
    program = bn.to_stan(plain, data)
    assert "x_ = (step_steady[s_] == 2 ? x_ : 0 * x_) + mdivide_left(round_, one_);" in program.text
    assert_allclose(walked(program.data, rates_of_two, lambda row: 30.0), ours(plain, data), rtol=1e-9)


def test_a_lag_of_all_doses_looks_back_in_time():
    table = timed(
        {"TIME": 0.0, "AMT": 100.0, "II": 12.0, "ADDL": 2}, seen=(0.2, 0.9, 3.0, 11.9, 12.5, 14.0, 30.0)
    )
    data, plain = bn.read(table), two_compartments(ALAG=0.7)
    program = bn.to_stan(plain, data)
    assert "real back_ = time_cp[k_] - own_ALAG;" in program.text
    assert_allclose(
        walked(program.data, rates_of_two, lambda row: 30.0, lag=0.7), ours(plain, data), rtol=1e-10
    )


@pytest.mark.parametrize("method", ["nocb", "locf"])
def test_rows_are_for_occasions_and_changing_covariates(method):
    table = timed(
        {"TIME": 0.0, "AMT": 100.0, "II": 12.0, "ADDL": 3}, {"TIME": 48.0, "AMT": 50.0, "EVID": 4},
        seen=(1.0, 8.0, 13.0, 20.0, 30.0, 49.0, 60.0),
    )  # fmt: skip
    table["WT"] = 60.0 + np.arange(len(table)) * 5 % 37
    table["OCC"] = np.searchsorted([15.0, 48.0], table["TIME"], side="right") + 1
    data = bn.read(table, covariates={"WT": method})
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            "CL": bn.Parameter(3.0, iov=0.2, covariates=SIZE),
            "V": bn.Parameter(30.0, iiv=0.1, covariates={"WT": bn.Power(1.0, reference=70)}),
            "KA": bn.Parameter(1.2),
            "F": bn.Parameter(0.8, covariates={"WT": bn.Power(0.5, reference=70)}),
        },
        residuals={"cp": bn.Additive(1.0)},
    )
    program = bn.to_stan(model, data)
    for line in (
        "CL[i_] = CL_pop * (WT / 70.0)^CL_WT * exp(kappa[row_occasion[i_], 1]);",
        "V[i_] = V_pop * (WT / 70.0)^V_WT * exp(eta[row_subject[i_], 1]);",
        "kappa[, 1] = gamma_CL * z_iov[, 1];",
        "target += std_normal_lpdf(to_vector(z_iov));",
    ):
        assert line in program.text, line
    weight = np.array(program.data["of_WT"]) / 70

    def rates_of(row):
        k = 3.0 * weight[row - 1] ** 0.75 / (30.0 * weight[row - 1])
        return np.array([[-1.2, 0.0], [1.2, -k]])

    found = walked(
        program.data, rates_of, lambda row: 30.0 * weight[row - 1], lambda row: 0.8 * weight[row - 1] ** 0.5
    )
    assert_allclose(found, ours(model, data), rtol=1e-10)
    assert program.data["n_occasions"] == 6


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
LATE = MODEL.with_parameter("ALAG", bn.Parameter(0.3))
DEPOT = MODEL.with_parameter("ALAG_depot", bn.Parameter(0.3))


@pytest.mark.parametrize(
    ("model", "table", "message"),
    [
        (TURNOVER, STEADY.assign(DVID=[1, 1, 2, 1, 2, 1] * 2), "doses at steady state into equations"),
        (MODEL, STEADY.assign(SS=[3, 0, 0, 0, 0, 0] * 2), "SS = 3"),
        (
            MODEL,
            STEADY.assign(RATE=[5.0, 0, 0, 0, 0, 0] * 2),
            "steady state that are longer than their interval",
        ),
        (MODEL, STEADY.assign(AMT=0, RATE=[5.0, 0, 0, 0, 0, 0] * 2, II=0), "constant infusions"),
        (MODEL.with_parameter("KA", typical=bn.Distribution("Wald", mu=1.0, lam=2.0)), TABLE, "prior Wald"),
        (LATE, STEADY, "doses at steady state that ALAG delays"),
        (LATE, TABLE.assign(EVID=[1, 0, 0, 4, 0, 0] * 2, AMT=[100.0, 0, 0, 50, 0, 0] * 2), "resets beside"),
        (LATE, TABLE.assign(WT=np.linspace(50, 80, 12)), "change over time beside doses that ALAG delays"),
        (DEPOT, TABLE.assign(CMT=2), "some are delayed by ALAG_depot and others are not"),
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
