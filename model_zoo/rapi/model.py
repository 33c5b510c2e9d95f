"""Rutgers alcohol problem index: counts over two years.

First-year students reported alcohol-related problems every half year; the counts are far more variable than
one Poisson law. Poisson model, log-linear in time, with correlated random intercept and slope.
"""

from pathlib import Path

import bayes_nlmem as bn


def log_rate(t, intercept, slope):
    """Logarithm of the expected number of problems at month t."""
    return intercept + slope * t


model = bn.Model(
    structure=bn.Function(log_rate),
    parameters={
        "intercept": bn.Parameter(
            bn.Normal(1, 1), iiv=bn.HalfNormal(1), scale=bn.Natural(), label="log count at the start"
        ),
        "slope": bn.Parameter(
            bn.Normal(0, 0.05),
            iiv=bn.HalfNormal(0.05),
            scale=bn.Natural(),
            unit="1/month",
            label="change of the log count",
        ),
    },
    residuals={"log_rate": bn.Poisson()},
    correlated=[bn.Correlated("intercept", "slope", prior=bn.LKJ(1))],
    name="rapi",
)


def read(path: Path) -> bn.Dataset:
    """The layout of saemix: id, time, rapi, gender."""
    return bn.read(path, columns={"DV": "rapi"}, covariates=["gender"], units={"TIME": "month"})


citation = (
    "Atkins, Baldwin, Zheng, Gallop & Neighbors, Psychol Addict Behav 2013, 27:166-177, doi:10.1037/a0029508."
)

source = """
The published data (818 students, 3616 counts) are in the R package saemix (GPL) and are not shipped. In R:
library(saemix); data(rapi.saemix); write.csv(rapi.saemix, "rapi.csv", row.names = FALSE)
Then bn.zoo.load("rapi", data="rapi.csv").
"""

# saemix 3.4 (SAEM) on the published data.
reference = {
    "intercept_pop": 1.5615,
    "slope_pop": -0.03132,
    "omega_intercept": 0.9752,
    "omega_slope": 0.06304,
    "corr_intercept_slope": -0.1397,
}
