"""A model with every kind of part."""

import pytest

import bayes_nlmem as bn
from bayes_nlmem.structures.compartments import OneCompartment


@pytest.fixture
def model():
    return bn.Model(
        structure=OneCompartment(absorption="first-order"),
        parameters={
            "KA": bn.Parameter(bn.LogNormal(1.5, cv=0.5), iiv=bn.HalfNormal(0.5), unit="1/h"),
            "CL": bn.Parameter(
                bn.LogNormal(2.8, cv=0.5),
                iiv=bn.HalfNormal(0.5),
                iov=bn.HalfNormal(0.2),
                covariates={
                    "WT": bn.Power(0.75, reference=70),
                    "SEX": bn.Categorical({"F": bn.LogNormal(1, cv=0.3)}, reference="M"),
                },
                unit="L/h",
                label="clearance",
            ),
            "V": bn.Parameter(
                bn.about(32.0), iiv=0.3, covariates={"WT": bn.Power(bn.Normal(1, 0.2), reference=70)}
            ),
            "F": bn.Parameter(
                bn.about(0.8),
                iiv=bn.about(0.3),
                scale=bn.Logit(),
                covariates={"FED": bn.Exponential(bn.Normal(0, 1), reference=0)},
            ),
            "ALAG": bn.Parameter(
                0.2, covariates={"AGE": bn.Linear(bn.Normal(0, 0.01), reference=40)}, scale=bn.Natural()
            ),
        },
        correlated=[bn.Correlated("V", "CL")],
        residuals={"cp": bn.Combined(bn.HalfNormal(1.0), 0.1)},
        name="everything",
    )
