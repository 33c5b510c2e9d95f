"""Warfarin concentrations after one oral dose.

Thirty-two subjects took 1.5 mg/kg of warfarin by mouth; plasma concentrations over five days.
One compartment with a lag time and first-order absorption. Clearance and volume scale with weight by
exponents that are learnt around the allometric values.
"""

from pathlib import Path

import bayes_nlmem as bn

data = bn.read(
    Path(__file__).with_name("warfarin_pk.csv"),
    covariates=["WT"],
    units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"},
)

# Thirteen subjects were sampled in the first 24 hours; KA and ALAG of the others come from the population,
# and large values of KA cannot be told apart: hence a prior of KA that is tighter than vague.
model = bn.Model(
    structure=bn.OneCompartment(absorption="first-order"),
    parameters={
        "ALAG": bn.Parameter(
            bn.LogNormal(0.8, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            unit="h",
            label="lag time of absorption",
        ),
        "KA": bn.Parameter(
            bn.LogNormal(1.0, cv=0.5),
            iiv=bn.HalfNormal(1.0),
            unit="1/h",
            label="absorption rate constant",
        ),
        "CL": bn.Parameter(
            bn.LogNormal(0.13, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={"WT": bn.Power(bn.Normal(0.75, 0.25), reference=70)},
            unit="L/h",
            label="clearance",
        ),
        "V": bn.Parameter(
            bn.LogNormal(8.0, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={"WT": bn.Power(bn.Normal(1, 0.25), reference=70)},
            unit="L",
            label="volume of distribution",
        ),
    },
    residuals={
        "cp": bn.Combined(
            additive=bn.HalfNormal(1.0), proportional=bn.HalfNormal(0.3), add="standard deviations"
        )
    },
    name="warfarin PK",
)

citation = (
    "Data: O'Reilly, Aggeler & Leong, J Clin Invest 1963, 42:1542-1551, doi:10.1172/JCI104839, and O'Reilly "
    "& Aggeler, Circulation 1968, 38:169-177, doi:10.1161/01.CIR.38.1.169; the copy in monolix2rx "
    "(Copyright (c) 2023 monolix2rx authors, MIT licence)."
)

# Maximum likelihood by SAEM: Monolix, run w2 of the R package monolix2rx (MIT licence), with the same data,
# the covariate log(WT/70) on CL and V, standard deviations of the residual error added (Monolix "combined1").
reference = {
    "ALAG_pop": 0.780,
    "KA_pop": 1.359,
    "CL_pop": 0.1336,
    "CL_WT": 0.595,
    "V_pop": 8.061,
    "V_WT": 0.899,
    "omega_ALAG": 0.542,
    "omega_KA": 0.850,
    "omega_CL": 0.264,
    "omega_V": 0.137,
    "sigma_cp_add": 0.239,
    "sigma_cp_prop": 0.0527,
}
