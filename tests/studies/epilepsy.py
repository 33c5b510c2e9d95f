"""Seizure counts of 59 patients in four periods (Thall & Vail 1990): overdispersed counts."""

from pathlib import Path

import numpy as np
import pandas as pd

import bayes_nlmem as bn


def log_rate(fourth, intercept, fourth_effect):
    return intercept + fourth_effect * fourth


def model(law=None) -> bn.Model:
    """Random intercept with log baseline and treatment as covariates; the fourth visit is a column."""
    wide = bn.Normal(0, 2)
    return bn.Model(
        structure=bn.Function(log_rate, columns=("fourth",)),
        parameters={
            "intercept": bn.Parameter(
                bn.Normal(0, 5),
                iiv=bn.HalfNormal(1),
                scale=bn.Natural(),
                covariates={
                    "treated": bn.Linear(wide, reference=0),
                    "log_base": bn.Linear(wide, reference=1.75),
                },
            ),
            "fourth_effect": bn.Parameter(wide, scale=bn.Natural()),
        },
        residuals={"log_rate": bn.Poisson() if law is None else law},
        name="epilepsy",
    )


def data(reference: Path) -> bn.Dataset:
    """TIME is the period; `log_base` is log(base/4) as in the published analyses."""
    table = pd.read_csv(reference / "data" / "epilepsy.csv")
    table = table.assign(
        log_base=np.log(table["base"] / 4),
        treated=(table["trt"] != "placebo").astype(int),
        fourth=table["V4"],
    )
    columns = {"ID": "subject", "TIME": "period", "DV": "y"}
    return bn.read(table, columns=columns, covariates=["log_base", "treated", "fourth"])
