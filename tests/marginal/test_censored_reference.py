"""Values below the limit of quantification (M3): the likelihood that NONMEM's Laplace method reports."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

LLOQ = -3.5  # of the logarithm


def bauer_blq(folder):
    frame = pd.read_csv(folder / "data" / "bauer_blq.csv")
    seen = frame["EVID"] == 0
    below = seen & (frame["DV"] < LLOQ)
    value = np.where(seen, np.exp(np.where(below, LLOQ, frame["DV"])), np.nan)
    frame = frame.assign(DV=value, CENS=below.astype(int))
    data = bn.read(frame)
    names = ["CL", "V1", "Q", "V2"]
    found = json.loads((folder / "nonmem" / "bauer_blq_lap.json").read_text())["tables"][0]
    estimate = found["estimate"]
    omega = np.zeros((4, 4))
    for i in range(4):
        for j in range(i + 1):
            omega[i, j] = omega[j, i] = estimate[f"OMEGA({i + 1},{j + 1})"]
    parameters = {
        name: bn.Parameter(float(np.exp(estimate[f"THETA{k + 1}"])), iiv=bn.Joint())
        for k, name in enumerate(names)
    }
    model = bn.Model(
        structure=bn.TwoCompartment(),
        parameters=parameters,
        residuals={"cp": bn.LogNormalError(bn.about(0.3))},
        correlated=[bn.Correlated(*names, prior=omega.tolist())],
    )
    jacobian = np.log(value[seen & ~below]).sum()
    return model, data, {"sigma_cp_log": estimate["THETA5"]}, jacobian, found["objective_function"]


@pytest.mark.slow
def test_m3_agrees_with_nonmem_s_laplace_method(shared_reference):
    model, data, at, jacobian, objective = bauer_blq(shared_reference)
    found = bn.log_likelihood(model, data, at=at, method="laplace")
    quantified = int((data.table["CENS"][data.is_observation] == 0).sum())
    assert quantified == 396
    on_log_scale = -2 * (found.value + jacobian)  # DV is the logarithm there
    # Its Hessian is numerical.
    assert_allclose(on_log_scale - quantified * np.log(2 * np.pi), objective, atol=0.5)
