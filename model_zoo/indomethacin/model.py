"""Indomethacin after an intravenous bolus.

Six volunteers got 25 mg of indomethacin as an intravenous bolus; eleven plasma concentrations each over eight
hours. Two compartments; all four parameters vary between subjects.
"""

from pathlib import Path

import bayes_nlmem as bn

data = bn.read(
    Path(__file__).with_name("indomethacin.csv"),
    units={"TIME": "h", "AMT": "mg", "DV": "mg/L"},
)

# Six subjects say little about variability: the half-normal priors of the omegas matter here.
model = bn.Model(
    structure=bn.TwoCompartment(),
    parameters={
        "CL": bn.Parameter(bn.LogNormal(8.0, cv=0.5), iiv=bn.HalfNormal(0.3), unit="L/h", label="clearance"),
        "V1": bn.Parameter(
            bn.LogNormal(8.0, cv=0.5), iiv=bn.HalfNormal(0.3), unit="L", label="central volume"
        ),
        "Q": bn.Parameter(
            bn.LogNormal(6.0, cv=0.5), iiv=bn.HalfNormal(0.3), unit="L/h", label="flow between compartments"
        ),
        "V2": bn.Parameter(
            bn.LogNormal(12.0, cv=0.5), iiv=bn.HalfNormal(0.3), unit="L", label="peripheral volume"
        ),
    },
    residuals={"cp": bn.Combined(additive=bn.HalfNormal(0.05), proportional=bn.HalfNormal(0.3))},
    name="indomethacin",
)

citation = (
    "Data: Kwan, Breault, Umbenhauer, McMahon & Duggan, J Pharmacokinet Biopharm 1976, 4:255-280, "
    "doi:10.1007/BF01063617; also printed in Davidian & Giltinan, Nonlinear Models for Repeated Measurement "
    "Data, 1995."
)

# Maximum likelihood by Lindstrom & Bates (nlme 3.1-162) of A1 exp(-a t) + A2 exp(-b t), random A1, a, A2,
# constant residual error: A1 2.828, a 2.166, A2 0.4606, b 0.2604, turned into volumes and clearances with the
# dose of 25 mg. A constant error hardly looks at the last samples, the combined error here does: V2 differs.
reference = {
    "CL_pop": 8.13,
    "V1_pop": 7.60,
    "Q_pop": 6.31,
    "V2_pop": 11.96,
}
