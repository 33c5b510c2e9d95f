"""Viral load under a drug, with samples below the limit of quantification.

Twenty-four simulated patients with a chronic infection start a drug that blocks the production of virus; the
load is measured nine times over four weeks, and later samples fall below 50 copies/mL.
"""

from pathlib import Path

import bayes_nlmem as bn

data = bn.read(
    Path(__file__).with_name("viral_load.csv"),
    units={"TIME": "day", "DV": "log10 copies/mL"},
    allow=("E_SUBJECT_NO_DOSE",),
)

# Turnover of target cells and clearance of virus are taken as known; they cannot be told from these data.
model = bn.Model(
    structure=bn.structures.viral_dynamics(),
    parameters={
        "S": bn.Parameter(1e4, unit="cells/mL/day", label="production of target cells"),
        "DT": bn.Parameter(0.01, unit="1/day", label="loss of target cells"),
        "B": bn.Parameter(3e-7, unit="mL/copies/day", label="infection rate constant"),
        "C": bn.Parameter(6.0, unit="1/day", label="clearance of virus"),
        "DELTA": bn.Parameter(
            bn.LogNormal(0.5, cv=0.5), iiv=bn.HalfNormal(0.5), unit="1/day", label="loss of infected cells"
        ),
        "P": bn.Parameter(bn.LogNormal(50.0, cv=1.0), iiv=bn.HalfNormal(1.0), label="production of virus"),
        "EFF": bn.Parameter(bn.Beta(9, 1), scale=bn.Logit(), label="efficacy"),
    },
    residuals={"log_virus": bn.Additive(bn.HalfNormal(0.5))},
    name="viral load",
)

citation = (
    "Simulated (simulate.py) with the model of Neumann et al., Science 1998, 282:103-107, "
    "doi:10.1126/science.282.5386.103; parameter values of a plausible size, not from a fit."
)

# The values that were simulated.
reference = {
    "DELTA_pop": 0.5,
    "P_pop": 40.0,
    "EFF_pop": 0.95,
    "omega_P": 0.4,
    "omega_DELTA": 0.25,
    "sigma_log_virus_add": 0.25,
}
