"""Seizure counts of epileptic patients: overdispersed counts.

Fifty-nine patients with partial seizures took progabide or placebo; seizures were counted over four periods
of two weeks. Poisson model with a random intercept that depends on the count before the trial and on the
treatment.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import bayes_nlmem as bn


def log_rate(fourth, intercept, fourth_effect):
    """Logarithm of the expected count of two weeks."""
    return intercept + fourth_effect * fourth


effect = bn.Normal(0, 1)
model = bn.Model(
    structure=bn.Function(log_rate, columns=("fourth",)),
    parameters={
        "intercept": bn.Parameter(
            bn.Normal(1.5, 1),
            iiv=bn.HalfNormal(1),
            scale=bn.Natural(),
            covariates={
                "treated": bn.Linear(effect, reference=0),
                "log_base": bn.Linear(effect, reference=1.75),
            },
            label="log count",
        ),
        "fourth_effect": bn.Parameter(
            bn.Normal(0, 0.5), scale=bn.Natural(), label="change in the last period"
        ),
    },
    residuals={"log_rate": bn.Poisson()},
    name="epilepsy",
)


def read(path: Path) -> bn.Dataset:
    """Subject, period, count y, treatment, count of the eight weeks before, age."""
    table = pd.read_csv(path)
    table = table.assign(
        log_base=np.log(table["base"] / 4),
        treated=(table["trt"] != "placebo").astype(int),
        fourth=(table["period"] == 4).astype(int),
    )
    columns = {"ID": "subject", "TIME": "period", "DV": "y"}
    return bn.read(table, columns=columns, covariates=["log_base", "treated", "fourth"])


data = read(Path(__file__).with_name("epilepsy.csv"))

citation = "Thall & Vail, Biometrics 1990, 46:657-671, doi:10.2307/2532086 (the counts are printed there)."

# Maximum likelihood by adaptive Gauss-Hermite quadrature with 60 nodes, written apart from this package;
# omega is an SD.
reference = {
    "intercept_pop": 1.8227,
    "intercept_treated": -0.3345,
    "intercept_log_base": 1.0105,
    "fourth_effect_pop": -0.15977,
    "omega_intercept": 0.52446,
}
