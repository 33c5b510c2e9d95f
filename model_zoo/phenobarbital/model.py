"""Phenobarbital in newborns: sparse routine data.

Fifty-nine preterm infants received phenobarbital in their first days; one to six concentrations each were
taken in routine care. One compartment; clearance and volume are proportional to the weight at birth, the
volume also depends on the Apgar score.
"""

from pathlib import Path

import pandas as pd

import bayes_nlmem as bn


def read(path: Path) -> bn.Dataset:
    """The table with the low Apgar scores (below 5) marked."""
    table = pd.read_csv(path)
    table["LOW_APGAR"] = (table["APGR"] < 5).map({True: "yes", False: "no"})
    return bn.read(
        table,
        covariates=["WT", "LOW_APGAR"],
        units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"},
    )


data = read(Path(__file__).with_name("phenobarbital.csv"))

model = bn.Model(
    structure=bn.OneCompartment(),
    parameters={
        "CL": bn.Parameter(
            bn.LogNormal(0.005, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={"WT": bn.Power(1.0, reference=1.0)},
            unit="L/h",
            label="clearance of an infant of 1 kg",
        ),
        "V": bn.Parameter(
            bn.LogNormal(1.0, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={
                "WT": bn.Power(1.0, reference=1.0),
                "LOW_APGAR": bn.Categorical({"yes": bn.LogNormal(1.0, cv=0.3)}, reference="no"),
            },
            unit="L",
            label="volume of an infant of 1 kg",
        ),
    },
    residuals={"cp": bn.Proportional(bn.HalfNormal(0.3))},
    name="phenobarbital",
)

citation = "Grasela & Donn, Dev Pharmacol Ther 1985, 8:374-383, doi:10.1159/000457062."

# NONMEM 7.4 (FOCE with interaction) with the same covariate model; omegas and sigma are SDs.
reference = {
    "CL_pop": 0.004696,
    "V_pop": 0.9843,
    "V_LOW_APGAR_yes": 1.1589,
    "omega_CL": 0.1713,
    "omega_V": 0.1671,
    "sigma_cp_prop": 0.1151,
}
