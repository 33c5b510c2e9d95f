"""Weights of cows from birth: growth that levels off."""

from pathlib import Path

import numpy as np

import bayes_nlmem as bn


def weight(t, A, B, k):
    return A * (1 - B * np.exp(-k * t))


def model() -> bn.Model:
    """Log-normal A, B, k, independent; additive error."""
    return bn.Model(
        structure=bn.Function(weight),
        parameters={
            "A": bn.Parameter(bn.LogNormal(700, cv=1.0), iiv=bn.HalfNormal(0.5), unit="kg"),
            "B": bn.Parameter(bn.LogNormal(0.9, cv=0.5), iiv=bn.HalfNormal(0.2)),
            "k": bn.Parameter(bn.LogNormal(0.002, cv=1.0), iiv=bn.HalfNormal(0.5), unit="1/d"),
        },
        residuals={"weight": bn.Additive(bn.HalfNormal(50))},
        name="cow",
    )


def data(reference: Path) -> bn.Dataset:
    """560 cows, 5455 weights; TIME in days."""
    path = reference / "data" / "cow.csv"
    columns = {"ID": "cow", "DV": "weight"}
    return bn.read(path, columns=columns, covariates=["twin"], units={"TIME": "d", "DV": "kg"})
