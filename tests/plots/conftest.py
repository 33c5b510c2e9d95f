"""A stand-in for a fit: what the plots read of one, made from closed-form curves, nothing sampled."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_nlmem as bn

TYPICAL = {"ka": 1.5, "cl": 2.8, "v": 32.0}
TIMES = np.array([0, 0.25, 0.5, 1, 2, 3.5, 5, 7, 9, 12, 24.0])
N_SUBJECTS = 14


def oral_curve(time, *, ka, cl, v, dose=320.0):
    k = cl / v
    return dose / v * ka / (ka - k) * (np.exp(-k * time) - np.exp(-ka * time))


def observations(subject, own, random):
    ipred = oral_curve(TIMES, **own)
    sd = np.hypot(0.4, 0.08 * ipred)
    dv = np.abs(ipred + random.normal(0, sd))
    columns = {
        "ID": subject,
        "TIME": TIMES,
        "TAD": TIMES,
        "OUTPUT": "cp",
        "DV": np.maximum(dv, 0.6),
        "CENS": (dv < 0.6).astype(int),
        "LIMIT": np.nan,
        "PRED": oral_curve(TIMES, **TYPICAL),
        "IPRED": ipred,
        "IPRED_LOWER": 0.92 * ipred,
        "IPRED_UPPER": 1.08 * ipred,
        "IRES": dv - ipred,
        "IWRES": (dv - ipred) / sd,
    }
    return pd.DataFrame(columns)


def curve(subject, own):
    time = np.linspace(0, 25, 80)
    ipred = oral_curve(time, **own)
    columns = {
        "ID": subject,
        "TIME": time,
        "OUTPUT": "cp",
        "PRED": oral_curve(time, **TYPICAL),
        "IPRED": ipred,
        "IPRED_LOWER": 0.9 * ipred,
        "IPRED_UPPER": 1.1 * ipred,
    }
    return pd.DataFrame(columns)


@pytest.fixture
def stand_in():
    random = np.random.default_rng(1)
    eta = random.normal(0, [0.6, 0.3], (N_SUBJECTS, 2))
    individuals = {
        subject + 1: {**TYPICAL, "ka": 1.5 * np.exp(eta[subject, 0]), "cl": 2.8 * np.exp(eta[subject, 1])}
        for subject in range(N_SUBJECTS)
    }
    seen = pd.concat([observations(*item, random) for item in individuals.items()], ignore_index=True)
    curves = pd.concat([curve(*item) for item in individuals.items()], ignore_index=True)
    doses = pd.DataFrame({"ID": list(individuals), "TIME": 0.0, "EVID": 1, "ADDL": 1, "II": 12.0, "MDV": 1})
    events = seen[["ID", "TIME", "DV", "CENS"]].assign(EVID=0, MDV=0, ADDL=0, II=0.0)
    table = pd.concat([doses, events]).sort_values(["ID", "TIME"], kind="stable", ignore_index=True)
    table = table.assign(SUBJECT=table.ID - 1, DVID=1, CMT=0)
    weight, sex = 70.0 + 10 * table.SUBJECT.to_numpy() / 7, np.where(table.SUBJECT % 2, "f", "m")
    covariates = {"WT": weight, "SEX": sex}
    draws = eta + random.normal(0, 0.1, (2, 50, N_SUBJECTS, 2))
    posterior = xr.Dataset(
        {
            "eta": (("chain", "draw", "subject", "parameter"), draws),
            "omega_KA": (("chain", "draw"), np.full((2, 50), 0.6)),
            "omega_CL": (("chain", "draw"), np.full((2, 50), 0.3)),
        },
        coords={"subject": list(individuals), "parameter": ["KA", "CL"]},
    )
    return SimpleNamespace(
        predictions=lambda: seen.copy(),
        curves=lambda points=120: curves.copy(),
        summary=lambda: pd.DataFrame({"shrinkage": [12.0, 3.0]}, index=["omega_KA", "omega_CL"]),
        draws=xr.DataTree.from_dict({"posterior": posterior}),
        model=SimpleNamespace(residuals={"cp": bn.Combined(0.5, 0.1)}),
        data=SimpleNamespace(
            table=table,
            units={"TIME": "h", "DV": "mg/L", "AMT": "mg", "WT": "kg"},
            covariates={
                "WT": SimpleNamespace(categories=None),
                "SEX": SimpleNamespace(categories=("f", "m")),
            },
            covariate=covariates.__getitem__,
        ),
    )
