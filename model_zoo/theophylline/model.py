"""Theophylline after one oral dose.

Twelve subjects took about 4 mg/kg of theophylline by mouth; eleven serum concentrations each over a day.
One compartment with first-order absorption. Clearance scales with weight by a known allometric exponent,
volume by one that is learnt; CL and V are correlated between subjects.
"""

from pathlib import Path

import bayes_nlmem as bn

data = bn.read(
    Path(__file__).with_name("theophylline.csv"),
    covariates=["WT"],
    units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"},
)

# The priors are tight enough to keep KA above CL/V: swapping the two rate constants ("flip-flop") fits these
# data nearly as well, and with vague priors some chains settle there.
model = bn.Model(
    structure=bn.OneCompartment(absorption="first-order"),
    parameters={
        "KA": bn.Parameter(
            bn.LogNormal(1.5, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            unit="1/h",
            label="absorption rate constant",
        ),
        "CL": bn.Parameter(
            bn.LogNormal(2.8, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={"WT": bn.Power(0.75, reference=70)},
            unit="L/h",
            label="clearance",
        ),
        "V": bn.Parameter(
            bn.LogNormal(32.0, cv=0.5),
            iiv=bn.HalfNormal(0.5),
            covariates={"WT": bn.Power(bn.Normal(1, 0.2), reference=70)},
            unit="L",
            label="volume of distribution",
        ),
    },
    correlated=[bn.Correlated("CL", "V", prior=bn.LKJ(2))],
    residuals={"cp": bn.Combined(additive=bn.HalfNormal(1.0), proportional=bn.HalfNormal(0.3))},
    name="theophylline",
)

citation = (
    "Data: R. Upton, as printed in Boeckmann, Sheiner & Beal, NONMEM Users Guide Part V, 1994, and in "
    "Davidian & Giltinan, Nonlinear Models for Repeated Measurement Data, 1995, section 5.5."
)

# Maximum likelihood by adaptive Gauss-Hermite quadrature (11 nodes per effect) of the model without weight
# and without correlation, combined error of variances, the 12 time-0 records left out: the posterior should
# be near, not equal.
reference = {
    "KA_pop": 1.544,
    "CL_pop": 2.754,
    "V_pop": 31.62,
    "omega_KA": 0.625,
    "omega_CL": 0.265,
    "omega_V": 0.130,
    "sigma_cp_add": 0.589,
    "sigma_cp_prop": 0.0768,
}
