"""Quinidine in cardiac patients: sparse routine data, steady state, a protein that changes over time.

Oral quinidine for arrhythmia, one to a few concentrations per patient during treatment. One compartment
with first-order absorption; clearance falls with alpha-1-acid glycoprotein, which binds the drug and changes
during the stay, and is lower where the kidneys work badly.
"""

from pathlib import Path

import pandas as pd

import bayes_nlmem as bn


def read(path: Path) -> bn.Dataset:
    """A dose with an interval II is the last one of a regimen at steady state."""
    table = pd.read_csv(path)
    table["SS"] = (table["II"] > 0).astype(int)
    table["CREATININE"] = table["CREATININE"].map({"< 50": "low", ">= 50": "normal"})
    units = {"TIME": "h", "AMT": "mg", "DV": "mg/L", "GLYCO": "mg/dL"}
    return bn.read(table, covariates=["GLYCO", "CREATININE"], units=units)


model = bn.Model(
    structure=bn.OneCompartment(absorption="first-order"),
    parameters={
        "KA": bn.Parameter(bn.LogNormal(0.8, cv=0.5), unit="1/h", label="absorption rate constant"),
        "CL": bn.Parameter(
            bn.LogNormal(12.0, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={
                "GLYCO": bn.Power(bn.Normal(0.0, 0.5), reference=1.2),
                "CREATININE": bn.Categorical({"low": bn.LogNormal(1.0, cv=0.3)}, reference="normal"),
            },
            unit="L/h",
            label="clearance",
        ),
        "V": bn.Parameter(
            bn.LogNormal(200.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L", label="volume of distribution"
        ),
    },
    residuals={"cp": bn.Combined(additive=bn.HalfNormal(1.0), proportional=bn.HalfNormal(0.5))},
    name="quinidine",
)

citation = (
    "Data: Verme, Ludden, Clementi & Harris, Clin Pharmacokinet 1992, 22:468-480, "
    "doi:10.2165/00003088-199222060-00005; in nlme, Pinheiro & Bates 2000, doi:10.1007/b98882."
)

source = """
The published data (136 patients, 361 concentrations) are in the R package nlme (GPL)
and are not shipped. In R:
q <- nlme::Quinidine
dose <- !is.na(q$dose); seen <- !is.na(q$conc)
write.csv(data.frame(ID = as.integer(as.character(q$Subject)), TIME = q$time,
  AMT = ifelse(dose, q$dose, 0), DV = q$conc, EVID = ifelse(dose, 1, ifelse(seen, 0, 2)),
  CMT = ifelse(seen, 2, 1), MDV = as.integer(!seen), II = ifelse(is.na(q$interval), 0, q$interval),
  CREATININE = q$Creatinine, GLYCO = q$glyco), "quinidine.csv", row.names = FALSE, na = "")
Then bn.zoo.load("quinidine", data="quinidine.csv").
"""

# Round numbers at which the data of this folder were simulated; none is a published estimate.
reference = {
    "KA_pop": 0.8,
    "CL_pop": 12.0,
    "V_pop": 220.0,
    "CL_GLYCO": -0.4,
    "CL_CREATININE_low": 0.85,
    "omega_CL": 0.3,
    "omega_V": 0.2,
    "sigma_cp_add": 0.2,
    "sigma_cp_prop": 0.2,
}
