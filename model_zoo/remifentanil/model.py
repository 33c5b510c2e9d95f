"""Remifentanil: a three-compartment infusion.

Sixty-five healthy adults of 20 to 85 years received remifentanil at a constant rate over 4 to 20 minutes,
with many arterial samples. Three compartments without covariates, the publication's simple model.
"""

from pathlib import Path

import pandas as pd

import bayes_nlmem as bn


def events(table: pd.DataFrame) -> pd.DataFrame:
    """Event records of the layout of nlme, where a row is a sample, a piece of infusion, or both."""
    kept = {"ID": "ID", "Subject": "ID", "Time": "TIME", "Age": "AGE", "Wt": "WT", "LBM": "LBM"}
    kept = {
        old: new for old, new in kept.items() if old in table and not (old == "Subject" and "ID" in table)
    }
    base = table[list(kept)].rename(columns=kept)
    given, seen = table["Amt"].fillna(0) > 0, table["conc"].notna()
    samples = base[seen].assign(AMT=0.0, RATE=0.0, EVID=0, DV=table["conc"][seen], order=0)
    doses = base[given].assign(AMT=table["Amt"][given], RATE=table["Rate"][given], EVID=1, order=1)
    both = pd.concat([samples, doses]).sort_values(["ID", "TIME", "order"], kind="stable")
    return both.drop(columns="order").reset_index(drop=True)


def read(path: Path) -> bn.Dataset:
    """The layout of nlme (Time, conc, Rate, Amt, ...), or event records as they are shipped here."""
    table = pd.read_csv(path)
    if "conc" in table:
        table = events(table)
    table = table[table["EVID"] < 2].reset_index(drop=True)
    table = table.assign(MDV=(table["EVID"] > 0).astype(int), CMT=1)
    units = {"TIME": "min", "AMT": "ug", "DV": "ng/mL", "AGE": "year"}
    return bn.read(table, covariates=["AGE", "LBM"], units=units)


def _parameter(typical, unit, label, iiv=True):
    spread = bn.HalfNormal(0.4) if iiv else None
    return bn.Parameter(bn.LogNormal(typical, cv=0.5), iiv=spread, unit=unit, label=label)


model = bn.Model(
    structure=bn.ThreeCompartment(),
    parameters={
        "CL": _parameter(2.5, "L/min", "clearance"),
        "V1": _parameter(5.0, "L", "central volume"),
        "Q2": _parameter(1.7, "L/min", "fast exchange"),
        "V2": _parameter(9.0, "L", "fast peripheral volume"),
        "Q3": _parameter(0.07, "L/min", "slow exchange"),
        "V3": _parameter(6.0, "L", "slow peripheral volume", iiv=False),
    },
    residuals={"cp": bn.Proportional(bn.HalfNormal(0.4))},
    name="remifentanil",
)

citation = (
    "Minto, Schnider, Egan, Youngs, Lemmens, Gambus, Billard, Hoke, Moore, Hermann, Muir, Mandema & Shafer, "
    "Anesthesiology 1997, 86:10-23, doi:10.1097/00000542-199701000-00004."
)

source = """
The published data (65 subjects, 1992 concentrations) are in the R package nlme (GPL)
and are not shipped. In R:
write.csv(nlme::Remifentanil, "Remifentanil.csv", row.names = FALSE, na = "")
Then bn.zoo.load("remifentanil", data="Remifentanil.csv").
"""

# NONMEM, the simple model in the abstract of the publication.
reference = {
    "CL_pop": 2.46,
    "V1_pop": 4.98,
    "Q2_pop": 1.69,
    "V2_pop": 9.01,
    "Q3_pop": 0.065,
    "V3_pop": 6.54,
}
