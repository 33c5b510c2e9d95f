"""Neutropenia under docetaxel: the Friberg-Karlsson model.

Simulated patients receive an infusion of docetaxel over an hour; neutrophils fall, overshoot and come back
over three weeks. Proliferating cells, three transit compartments, circulating cells with feedback; the
kinetics are taken as known.
"""

from pathlib import Path

import bayes_nlmem as bn

# Three compartments with the typical rate constants of docetaxel (1/h): k10 5.2, k12 1.06, k21 1.51, k13
# 1.26,
# k31 0.084, central volume 7.4 L.
V1, K10, K12, K21, K13, K31 = 7.4, 5.2, 1.06, 1.51, 1.26, 0.084

model = bn.Model(
    structure=bn.ThreeCompartment().drives(bn.structures.myelosuppression()),
    parameters={
        "CL": bn.Parameter(K10 * V1, unit="L/h", label="clearance"),
        "V1": bn.Parameter(V1, unit="L", label="central volume"),
        "Q2": bn.Parameter(K12 * V1, unit="L/h", label="fast exchange"),
        "V2": bn.Parameter(K12 * V1 / K21, unit="L", label="fast peripheral volume"),
        "Q3": bn.Parameter(K13 * V1, unit="L/h", label="slow exchange"),
        "V3": bn.Parameter(K13 * V1 / K31, unit="L", label="slow peripheral volume"),
        "CIRC0": bn.Parameter(
            bn.LogNormal(5.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="1e9/L", label="neutrophils at baseline"
        ),
        "MTT": bn.Parameter(
            bn.LogNormal(100.0, cv=0.4), iiv=bn.HalfNormal(0.3), unit="h", label="mean transit time"
        ),
        "GAMMA": bn.Parameter(bn.LogNormal(0.17, cv=0.3), label="feedback"),
        "SLOPE": bn.Parameter(
            bn.LogNormal(8.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L/umol", label="drug effect"
        ),
    },
    residuals={"A_circ": bn.Proportional(bn.HalfNormal(0.4))},
    name="docetaxel and neutrophils",
)


def read(path: Path) -> bn.Dataset:
    """Doses in umol, neutrophils in 1e9/L."""
    return bn.read(path, units={"TIME": "h", "AMT": "umol", "DV": "1e9/L"})


citation = (
    "Model and typical values: Friberg, Henningsson, Maas, Nguyen & Karlsson, J Clin Oncol 2002, "
    "20:4713-4721, doi:10.1200/JCO.2002.02.140 (docetaxel, linear drug effect)."
)

# Docetaxel, as published (typical values; the SDs of CIRC0 and MTT); the other SDs were chosen for the
# simulation.
reference = {
    "CIRC0_pop": 5.05,
    "MTT_pop": 88.7,
    "GAMMA_pop": 0.161,
    "SLOPE_pop": 8.58,
    "omega_CIRC0": 0.42,
    "omega_MTT": 0.16,
    "omega_SLOPE": 0.4,
    "sigma_A_circ_prop": 0.25,
}
