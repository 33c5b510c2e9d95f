"""A parent and its metabolite after an oral dose.

Simulated volunteers take an oral dose; parent and metabolite are measured in the same samples. One
compartment each; all of the parent becomes metabolite, so that clearance and volume of the metabolite are
apparent ones.
"""

from pathlib import Path

import bayes_nlmem as bn

model = bn.Model(
    structure=bn.structures.parent_metabolite(),
    parameters={
        "KA": bn.Parameter(
            bn.LogNormal(1.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="1/h", label="absorption rate constant"
        ),
        "CL": bn.Parameter(
            bn.LogNormal(10.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L/h", label="clearance of the parent"
        ),
        "V": bn.Parameter(
            bn.LogNormal(50.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L", label="volume of the parent"
        ),
        "FM": bn.Parameter(1.0, label="fraction metabolised"),
        "CLM": bn.Parameter(
            bn.LogNormal(6.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L/h", label="clearance of the metabolite"
        ),
        "VM": bn.Parameter(bn.LogNormal(25.0, cv=0.5), unit="L", label="volume of the metabolite"),
    },
    residuals={"cp": bn.Proportional(bn.HalfNormal(0.3)), "cm": bn.Proportional(bn.HalfNormal(0.3))},
    endpoints={"cp": 1, "cm": 2},
    name="parent and metabolite",
)


def read(path: Path) -> bn.Dataset:
    """DVID 1 is the parent, 2 the metabolite, both in mg/L."""
    return bn.read(path, units={"TIME": "h", "AMT": "mg", "DV": "mg/L"})


citation = (
    "Model: Gibaldi & Perrier, Pharmacokinetics, 2nd edition, Dekker 1982. Values of a plausible size, "
    "not from a fit."
)

# The values that were simulated.
reference = {
    "KA_pop": 1.2,
    "CL_pop": 8.0,
    "V_pop": 45.0,
    "CLM_pop": 5.0,
    "VM_pop": 20.0,
    "omega_KA": 0.4,
    "omega_CL": 0.3,
    "omega_V": 0.2,
    "omega_CLM": 0.25,
    "sigma_cp_prop": 0.15,
    "sigma_cm_prop": 0.12,
}
