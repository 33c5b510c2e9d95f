"""PD1: response to three doses, an Emax model.

One hundred simulated subjects of a comparison of software: no drug, a low and a high dose each, one
response per dose. Emax model of the dose; Emax and EC50 are correlated between subjects.
"""

from pathlib import Path

import bayes_nlmem as bn


def response(dose, E0, Emax, EC50):
    """Response to a dose."""
    return E0 + Emax * dose / (EC50 + dose)


model = bn.Model(
    structure=bn.Function(response, columns=("dose",)),
    parameters={
        "E0": bn.Parameter(bn.LogNormal(25, cv=0.5), iiv=bn.HalfNormal(0.5), label="response without drug"),
        "Emax": bn.Parameter(bn.LogNormal(100, cv=0.5), iiv=bn.HalfNormal(0.5), label="largest effect"),
        "EC50": bn.Parameter(
            bn.LogNormal(15, cv=0.5), iiv=bn.HalfNormal(0.5), unit="mg", label="dose with half the effect"
        ),
    },
    correlated=[bn.Correlated("Emax", "EC50", prior=bn.LKJ(1))],
    residuals={"response": bn.Additive(bn.HalfNormal(10))},
    name="PD1",
)


def read(path: Path) -> bn.Dataset:
    """The layout of saemix: subject, dose, response, gender; there is no time, so the records are counted."""
    columns = {"ID": "subject", "TIME": None, "DV": "response"}
    return bn.read(path, columns=columns, covariates=["dose", "gender"])


citation = "Girard & Mentré, PAGE 14 (2005), abstract 834, the blind comparison of estimation methods."

source = """
The published simulated data (100 subjects, 300 responses) are in the R package saemix (GPL)
and are not shipped. In R:
library(saemix); data(PD1.saemix); write.csv(PD1.saemix, "PD1.csv", row.names = FALSE)
Then bn.zoo.load("pd1", data="PD1.csv").
"""

# Maximum likelihood of the published set by adaptive Gauss-Hermite quadrature with 13 nodes per effect.
reference = {
    "E0_pop": 23.36,
    "Emax_pop": 107.4,
    "EC50_pop": 15.39,
    "omega_E0": 0.3578,
    "omega_Emax": 0.5468,
    "omega_EC50": 0.2647,
    "corr_Emax_EC50": -0.1085,
    "sigma_response_add": 4.809,
}
