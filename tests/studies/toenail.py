"""Toenail infection: binary, logistic with a random intercept, treatment acts on the slope."""

from pathlib import Path

import bayes_nlmem as bn


def logit(t, alpha, beta):
    return alpha + beta * t


def model() -> bn.Model:
    """Parameters alpha (random), beta with beta_treatment; omega_alpha is an SD."""
    return bn.Model(
        structure=bn.Function(logit),
        parameters={
            "alpha": bn.Parameter(bn.Normal(0, 5), iiv=bn.HalfNormal(10), scale=bn.Natural()),
            "beta": bn.Parameter(
                bn.Normal(0, 1),
                scale=bn.Natural(),
                covariates={"treatment": bn.Linear(bn.Normal(0, 1), reference=0)},
            ),
        },
        residuals={"logit": bn.Bernoulli()},
        name="toenail",
    )


def data(reference: Path) -> bn.Dataset:
    """294 patients, 1908 visits."""
    return bn.read(reference / "data" / "toenail.csv", columns={"DV": "y"}, covariates=["treatment"])
