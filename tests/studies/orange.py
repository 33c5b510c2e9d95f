"""Circumferences of orange trees: logistic growth with a random asymptote."""

from pathlib import Path

import numpy as np

import bayes_nlmem as bn


def circumference(t, Asym, xmid, scal):
    return Asym / (1 + np.exp(-(t - xmid) / scal))


def model() -> bn.Model:
    """Normal random asymptote; additive error."""
    return bn.Model(
        structure=bn.Function(circumference),
        parameters={
            "Asym": bn.Parameter(bn.Normal(200, 100), iiv=bn.HalfNormal(100), scale=bn.Natural(), unit="mm"),
            "xmid": bn.Parameter(bn.Normal(700, 300), scale=bn.Natural(), unit="d"),
            "scal": bn.Parameter(bn.LogNormal(350, cv=1.0), unit="d"),
        },
        residuals={"circumference": bn.Additive(bn.HalfNormal(20))},
        name="orange",
    )


def data(reference: Path) -> bn.Dataset:
    """5 trees, 7 circumferences each; TIME is the age in days."""
    columns = {"ID": "Tree", "TIME": "age", "DV": "circumference"}
    return bn.read(reference / "data" / "orange.csv", columns=columns, units={"TIME": "d", "DV": "mm"})
