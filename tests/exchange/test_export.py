"""What is exported says the same model: read back, it predicts the same; what cannot be said is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

TABLE = pd.DataFrame(
    {
        "ID": np.repeat([1, 2], 6),
        "TIME": [0.0, 0.5, 2.0, 6.0, 12.0, 24.0] * 2,
        "AMT": [100.0, 0, 0, 0, 0, 0] * 2,
        "EVID": [1, 0, 0, 0, 0, 0] * 2,
        "DV": [0.0, 3.0, 4.0, 3.0, 2.0, 1.0] * 2,
        "WT": np.repeat([60.0, 85.0], 6),
        "SEX": np.repeat([0, 1], 6),
        "OCC": [1, 1, 1, 2, 2, 2] * 2,
    }
)

SIZE = {"WT": bn.Power(0.75, reference=70)}
SEX = {"SEX": bn.Categorical({1: 1.4}, reference=0)}
ORAL = bn.Model(
    structure=bn.TwoCompartment(absorption="first-order"),
    parameters={
        "CL": bn.Parameter(bn.about(3.0), iiv=0.3, iov=0.1, covariates={**SIZE, **SEX}),
        "V1": bn.Parameter(bn.about(30.0), iiv=bn.about(0.2)),
        "Q": bn.Parameter(2.0),
        "V2": bn.Parameter(40.0, covariates={"WT": bn.Linear(0.01, reference=70)}),
        "KA": bn.Parameter(bn.about(1.2), iiv=0.4),
        "F_depot": bn.Parameter(0.7, scale=bn.Logit(), iiv=0.2),
        "ALAG_depot": bn.Parameter(0.3),
    },
    correlated=[bn.Correlated("CL", "V1")],
    residuals={"cp": bn.Combined(0.1, bn.about(0.2))},
)
VALUES = {"CL_pop": 2.5, "V1_pop": 28.0, "KA_pop": 1.1, "omega_V1": 0.25, "corr_CL_V1": 0.4,
          "sigma_cp_prop": 0.15}  # fmt: skip
TURNOVER = bn.Model(
    structure=bn.ODE(
        "F(central) = BIO; d/dt(central) = -where(central > 50, 0.5, 1) * k * central; "
        "d/dt(effect) = RIN - RIN / BASE * (1 - central / (central + C50)) * effect; effect(0) = BASE; "
        "cp = central / V; response = effect"
    ),
    parameters={
        "k": bn.Parameter(0.2),
        "BIO": bn.Parameter(0.9),
        "RIN": bn.Parameter(3.0, iiv=0.2),
        "BASE": bn.Parameter(10.0),
        "C50": bn.Parameter(20.0),
        "V": bn.Parameter(15.0, iiv=0.1, covariates={"WT": bn.Exponential(0.01, reference=70)}),
    },
    residuals={"cp": bn.Proportional(0.1), "response": bn.Additive(0.5)},
    endpoints={"cp": 1, "response": 2},
)
GROWTH = bn.Model(
    structure=bn.Function("weight = A * (1 - exp(-k * t))"),
    parameters={"A": bn.Parameter(20.0, iiv=0.1), "k": bn.Parameter(0.2, iiv=0.02, scale=bn.Natural())},
    residuals={"weight": bn.Combined(0.1, 0.2, add="standard deviations")},
)


def typical(model, data, values=None):
    simulation = bn.simulate(
        model,
        data,
        subjects="typical",
        draws=1,
        residual_error=False,
        seed=1,
        parameters={k: v for k, v in (values or {}).items() if not k.startswith("sigma_")} or None,
    )
    return [simulation.values(output)[0] for output in simulation.outputs]


def read(model, table=TABLE):
    return bn.read(table, covariates=list(model.covariates))


@pytest.mark.parametrize(
    ("model", "values", "table"),
    [
        (ORAL, VALUES, TABLE),
        (TURNOVER, {}, TABLE.assign(DVID=[1, 1, 2, 1, 2, 1] * 2)),
        (GROWTH, {}, TABLE[TABLE.EVID == 0].drop(columns=["AMT", "EVID"])),
    ],
)
def test_round_trip(tmp_path, model, values, table):
    pytest.importorskip("pharmpy")
    data = read(model, table)
    exported = bn.to_nonmem(model, data, values=values, file="data.csv")
    (tmp_path / "run.mod").write_text(exported.text)
    exported.table.to_csv(tmp_path / "data.csv", index=False)
    back = bn.from_nonmem(tmp_path / "run.mod")
    first = typical(model, data, values)
    for ours, theirs in zip(first, typical(back.known, back.data), strict=True):
        assert_allclose(theirs, ours, rtol=1e-6)
    again = bn.to_nonmem(back.known, back.data)
    (tmp_path / "run2.mod").write_text(again.text)
    again.table.to_csv(tmp_path / "data.csv", index=False)
    twice = bn.from_nonmem(tmp_path / "run2.mod")
    for ours, theirs in zip(first, typical(twice.known, twice.data), strict=True):
        assert_allclose(theirs, ours, rtol=1e-6)


def test_random_effects_and_errors_survive_the_round_trip(tmp_path):
    pytest.importorskip("pharmpy")
    exported = bn.to_nonmem(ORAL, read(ORAL), values=VALUES)
    (tmp_path / "run.mod").write_text(exported.text)
    exported.table.to_csv(tmp_path / "data.csv", index=False)
    found = {
        q["name"]: q
        for q in bn.priors(bn.from_nonmem(tmp_path / "run.mod").known).reset_index().to_dict("records")
    }
    for name, value in {"omega_CL": 0.3, "omega_V1": 0.25, "corr_CL_V1": 0.4, "gamma_CL": 0.1,
                        "sigma_cp_add": 0.1, "sigma_cp_prop": 0.15}.items():  # fmt: skip
        assert f"{value:g} " in str(found[name]["prior"]), name


def test_rxode2_has_the_equations_and_the_numbers():
    model = ORAL.with_parameter("CL", iov=0)
    text = bn.to_rxode2(model, values=VALUES)
    assert "CL <- CL_pop * (WT / 70)**CL_WT * ifelse(SEX == 1, CL_SEX_1, 1) * exp(eta.CL)" in text
    assert "eta.CL + eta.V1 ~ c(0.09, 0.03, 0.0625)" in text
    assert (
        "d/dt(central) <- KA * depot - (CL / V1) * central - (Q / V1) * central + (Q / V2) * peripheral"
        in text
    )
    assert "f(depot) <- F_depot" in text
    assert "cp ~ add(add.cp) + prop(prop.cp) + combined2()" in text


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GROWTH.with_residual("weight", bn.StudentTError(bn.Additive(1.0), 5.0)), "StudentTError of weight"),
        (GROWTH.with_parameter("k", scale=bn.Probit()), "Probit"),
        (GROWTH.with_parameter("A", iiv=bn.about(0.3)), "none of omega_A"),
    ],
)
def test_what_the_other_program_cannot_say_is_refused(model, message):
    data = read(GROWTH, TABLE[TABLE.EVID == 0].drop(columns=["AMT", "EVID"]))
    with pytest.raises(bn.ModelError, match=message):
        bn.to_nonmem(model, data)
    with pytest.raises(bn.ModelError, match=message):
        bn.to_rxode2(model)
