"""Weights of cows from birth: growth that levels off.

Cows were weighed about ten times from birth to the age of five or six years. Growth towards a weight of the
adult, w(t) = A (1 - B exp(-k t)); A, B and k vary between animals.
"""

from pathlib import Path

import numpy as np

import bayes_nlmem as bn


def weight(t, A, B, k):
    """Weight at t days."""
    return A * (1 - B * np.exp(-k * t))


model = bn.Model(
    structure=bn.Function(weight),
    parameters={
        "A": bn.Parameter(
            bn.LogNormal(700, cv=0.3), iiv=bn.HalfNormal(0.2), unit="kg", label="weight of the adult"
        ),
        "B": bn.Parameter(bn.LogNormal(0.93, cv=0.03), iiv=bn.HalfNormal(0.02), label="share still to grow"),
        "k": bn.Parameter(
            bn.LogNormal(0.0018, cv=0.5), iiv=bn.HalfNormal(0.3), unit="1/d", label="rate of growth"
        ),
    },
    residuals={"weight": bn.Additive(bn.HalfNormal(40))},
    name="cow",
)


def read(path: Path) -> bn.Dataset:
    """The layout of saemix: cow, time (days), weight, birthyear, twin, birthrank."""
    return bn.read(
        path,
        columns={"ID": "cow", "DV": "weight"},
        covariates=["twin"],
        units={"TIME": "d", "DV": "kg"},
    )


citation = (
    "Data of the R package saemix (cow.saemix, with the kind permission of INRA there): Comets, Lavenu & "
    "Lavielle, J Stat Softw 2017, 80(3), doi:10.18637/jss.v080.i03."
)

source = """
The published data (560 cows, 5455 weights) are in the R package saemix (GPL) and are not shipped. In R:
library(saemix); data(cow.saemix); write.csv(cow.saemix, "cow.csv", row.names = FALSE)
Then bn.zoo.load("cow", data="cow.csv").
"""

# saemix 3.4 (SAEM) on the published data; it does not determine omega_B (0.0026, standard error 0.0096).
reference = {
    "A_pop": 753.5,
    "B_pop": 0.9382,
    "k_pop": 0.001642,
    "omega_A": 0.0808,
    "omega_B": 0.0026,
    "omega_k": 0.1231,
    "sigma_weight_add": 26.97,
}
