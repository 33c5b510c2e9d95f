"""An antibody and its soluble target: target-mediated drug disposition.

Simulated volunteers receive an antibody at four doses; free drug and total target are measured for eight
weeks. Quasi-steady-state model of the binding: the target is degraded more slowly when bound, so that it
accumulates under the drug.
"""

from pathlib import Path

import bayes_nlmem as bn

model = bn.Model(
    structure=bn.structures.tmdd("quasi-steady-state"),
    parameters={
        "KEL": bn.Parameter(
            bn.LogNormal(0.06, cv=0.5), iiv=bn.HalfNormal(0.4), unit="1/d", label="elimination of free drug"
        ),
        "V": bn.Parameter(bn.LogNormal(3.0, cv=0.5), iiv=bn.HalfNormal(0.4), unit="L", label="volume"),
        "KSYN": bn.Parameter(
            bn.LogNormal(2.0, cv=0.7), iiv=bn.HalfNormal(0.5), unit="nmol/L/d", label="production of target"
        ),
        "KDEG": bn.Parameter(bn.LogNormal(0.3, cv=0.7), unit="1/d", label="loss of free target"),
        "KINT": bn.Parameter(bn.LogNormal(0.1, cv=0.7), unit="1/d", label="loss of the complex"),
        "KSS": bn.Parameter(
            bn.LogNormal(2.0, cv=1.0), unit="nmol/L", label="free drug at which half is bound"
        ),
    },
    residuals={
        "cp": bn.Combined(additive=bn.HalfNormal(1.0), proportional=bn.HalfNormal(0.3)),
        "A_target": bn.Proportional(bn.HalfNormal(0.3)),
    },
    endpoints={"cp": 1, "A_target": 2},
    name="antibody and target",
)


def read(path: Path) -> bn.Dataset:
    """DVID 1 is free drug, 2 total target, both in nmol/L."""
    return bn.read(path, units={"TIME": "d", "AMT": "nmol"})


citation = (
    "Model: Gibiansky, Gibiansky, Kakkar & Ma, J Pharmacokinet Pharmacodyn 2008, 35:573-591, "
    "doi:10.1007/s10928-008-9102-8. Values of a size usual for antibodies against "
    "soluble targets, not from a fit."
)

# The values that were simulated.
reference = {
    "KEL_pop": 0.05,
    "V_pop": 3.2,
    "KSYN_pop": 2.0,
    "KDEG_pop": 0.25,
    "KINT_pop": 0.08,
    "KSS_pop": 1.5,
    "omega_KEL": 0.25,
    "omega_V": 0.2,
    "omega_KSYN": 0.3,
    "sigma_cp_add": 0.3,
    "sigma_cp_prop": 0.12,
    "sigma_A_target_prop": 0.15,
}
