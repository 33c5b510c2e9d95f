"""Toenail infection: a binary endpoint over a year.

Patients with onycholysis were given one of two oral drugs and seen at seven visits; the response is whether
the separation of the nail is moderate or severe. Logistic model with a random intercept; the treatment acts
on the slope.
"""

from pathlib import Path

import bayes_nlmem as bn


def logit(t, alpha, beta):
    """Log odds of a moderate or severe separation at month t."""
    return alpha + beta * t


model = bn.Model(
    structure=bn.Function(logit),
    parameters={
        "alpha": bn.Parameter(
            bn.Normal(0, 3), iiv=bn.HalfNormal(5), scale=bn.Natural(), label="log odds at the start"
        ),
        "beta": bn.Parameter(
            bn.Normal(0, 0.5),
            scale=bn.Natural(),
            covariates={"treatment": bn.Linear(bn.Normal(0, 0.5), reference=0)},
            unit="1/month",
            label="change of the log odds",
        ),
    },
    residuals={"logit": bn.Bernoulli()},
    name="toenail",
)


def read(path: Path) -> bn.Dataset:
    """The layout of saemix: id, time, y, treatment, visit."""
    return bn.read(path, columns={"DV": "y"}, covariates=["treatment"], units={"TIME": "month"})


citation = (
    "De Backer, De Vroey, Lesaffre, Scheys & De Keyser, J Am Acad Dermatol 1998, 38:S57-S63; Lesaffre & "
    "Spiessens, J R Stat Soc C 2001, 50:325-335, doi:10.1111/1467-9876.00237."
)

source = """
The published data (294 patients, 1908 visits) are in the R package saemix (GPL) and are not shipped. In R:
library(saemix); data(toenail.saemix); write.csv(toenail.saemix, "toenail.csv", row.names = FALSE)
Then bn.zoo.load("toenail", data="toenail.csv").
"""

# Maximum likelihood of the published data by adaptive Gauss-Hermite quadrature with 31 nodes; omega is an SD.
reference = {"alpha_pop": -1.699, "beta_pop": -0.3884, "beta_treatment": -0.1424, "omega_alpha": 4.005}
