"""Mavoglurant in two periods: variability between occasions.

Healthy volunteers received an infusion over ten minutes in one or two periods, with up to two weeks between
them. Two compartments; clearance varies between subjects and from period to period. The second period
begins with a reset.
"""

from pathlib import Path

import pandas as pd

import bayes_nlmem as bn


def read(path: Path) -> bn.Dataset:
    """The layout of nlmixr2data; time starts again in the second period: its dose becomes a reset."""
    table = pd.read_csv(path)
    table["DV"] = pd.to_numeric(table["DV"], errors="coerce")
    dose = table["AMT"] > 0
    table["EVID"] = dose.astype(int)
    table.loc[dose, "DV"] = float("nan")
    table["MDV"] = table["DV"].isna().astype(int)
    again = dose & table["ID"].eq(table["ID"].shift()) & (table["TIME"] < table["TIME"].shift())
    table.loc[again, "EVID"] = 4
    table["CMT"] = 1
    return bn.read(table, covariates=["WT"], units={"TIME": "h", "AMT": "mg", "DV": "ng/mL", "WT": "kg"})


# Concentrations are in ng/mL, amounts in mg: F turns mg into ug, so that ug/L comes out.
model = bn.Model(
    structure=bn.TwoCompartment(),
    parameters={
        "CL": bn.Parameter(
            bn.LogNormal(30.0, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            iov=bn.HalfNormal(0.2),
            unit="L/h",
            label="clearance",
        ),
        "V1": bn.Parameter(
            bn.LogNormal(60.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L", label="central volume"
        ),
        "Q": bn.Parameter(bn.LogNormal(30.0, cv=0.5), unit="L/h", label="exchange"),
        "V2": bn.Parameter(
            bn.LogNormal(150.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L", label="peripheral volume"
        ),
        "F": bn.Parameter(1000.0, label="ug per mg"),
    },
    residuals={"cp": bn.Proportional(bn.HalfNormal(0.5))},
    name="mavoglurant",
)

citation = (
    "Wendling, Dumitras, Ogungbenro & Aarons, J Pharmacokinet Pharmacodyn 2015, 42:639-657, "
    "doi:10.1007/s10928-015-9430-4 (with a physiological model)."
)

source = """
The published data (120 subjects, 2427 concentrations) are in the R package nlmixr2data (GPL)
and are not shipped. In R:
write.csv(nlmixr2data::mavoglurant, "mavoglurant.csv", row.names = FALSE, na = "")
Then bn.zoo.load("mavoglurant", data="mavoglurant.csv").
"""

# No published values of this two-compartment model are known to us: these are simulated. The structural
# ones are
# rounded from a least-squares fit (scipy, logarithms, all subjects together) of the published data.
reference = {
    "CL_pop": 29.0,
    "V1_pop": 64.0,
    "Q_pop": 27.5,
    "V2_pop": 166.0,
    "omega_CL": 0.3,
    "omega_V1": 0.3,
    "omega_V2": 0.3,
    "gamma_CL": 0.1,
    "sigma_cp_prop": 0.2,
}
