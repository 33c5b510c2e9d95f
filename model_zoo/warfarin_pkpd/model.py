"""Warfarin: concentrations and prothrombin complex activity, fitted together.

Thirty-two subjects took 1.5 mg/kg of warfarin by mouth; concentrations and prothrombin complex activity (PCA,
the effect on clotting, in % of normal) over six days. One compartment with a lag; the drug inhibits the
production of PCA, which turns over.
"""

from pathlib import Path

import bayes_nlmem as bn

data = bn.read(
    Path(__file__).with_name("warfarin_pkpd.csv"),
    covariates=["WT"],
    units={"TIME": "h", "AMT": "mg", "WT": "kg"},
)


def rates(y, p):
    """Absorption, elimination, and the turnover of PCA, whose production the drug inhibits."""
    c = y.central / p.V
    return {
        "depot": -p.KA * y.depot,
        "central": p.KA * y.depot - p.CL * c,
        "pca": p.KOUT * (p.BASE * (1 - c / (p.IC50 + c)) - y.pca),
    }


structure = bn.ODE(
    rates,
    outputs=lambda y, p: {"cp": y.central / p.V, "effect": y.pca * 1},
    initial=lambda p: {"pca": p.BASE},
    parameters=("KA", "CL", "V", "BASE", "KOUT", "IC50"),
)

# Thirteen subjects were sampled in the first 24 hours; KA and ALAG of the others come from the population.
model = bn.Model(
    structure=structure,
    parameters={
        "ALAG": bn.Parameter(
            bn.LogNormal(0.8, cv=0.5), iiv=bn.HalfNormal(0.5), unit="h", label="lag time of absorption"
        ),
        "KA": bn.Parameter(
            bn.LogNormal(1.0, cv=0.5), iiv=bn.HalfNormal(1.0), unit="1/h", label="absorption rate constant"
        ),
        "CL": bn.Parameter(
            bn.LogNormal(0.13, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={"WT": bn.Power(0.75, reference=70)},
            unit="L/h",
            label="clearance",
        ),
        "V": bn.Parameter(
            bn.LogNormal(8.0, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={"WT": bn.Power(1.0, reference=70)},
            unit="L",
            label="volume of distribution",
        ),
        "BASE": bn.Parameter(
            bn.LogNormal(95.0, cv=0.2), iiv=bn.HalfNormal(0.2), unit="%", label="baseline of PCA"
        ),
        "KOUT": bn.Parameter(
            bn.LogNormal(0.05, cv=0.5),
            iiv=bn.HalfNormal(0.3),
            unit="1/h",
            label="turnover rate constant of PCA",
        ),
        "IC50": bn.Parameter(
            bn.LogNormal(1.2, cv=0.7),
            iiv=bn.HalfNormal(0.5),
            unit="mg/L",
            label="half-inhibiting concentration",
        ),
    },
    residuals={
        "cp": bn.Combined(
            additive=bn.HalfNormal(1.0), proportional=bn.HalfNormal(0.3), add="standard deviations"
        ),
        "effect": bn.Additive(bn.HalfNormal(10.0)),
    },
    endpoints={"cp": 1, "effect": 2},
    name="warfarin PK and PCA",
)

citation = (
    "Data: O'Reilly, Aggeler & Leong, J Clin Invest 1963, 42:1542-1551, doi:10.1172/JCI104839, and O'Reilly "
    "& Aggeler, Circulation 1968, 38:169-177, doi:10.1161/01.CIR.38.1.169; the copy in monolix2rx "
    "(Copyright (c) 2023 monolix2rx authors, MIT licence)."
)

# Kinetics: Monolix (SAEM), run w2 of monolix2rx, from the concentrations alone, with estimated exponents.
reference = {
    "ALAG_pop": 0.780,
    "KA_pop": 1.359,
    "CL_pop": 0.1336,
    "V_pop": 8.061,
    "omega_CL": 0.264,
    "omega_V": 0.137,
    "sigma_cp_add": 0.239,
    "sigma_cp_prop": 0.0527,
}
