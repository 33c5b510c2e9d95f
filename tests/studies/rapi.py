"""Rutgers alcohol problem index: counts, log-linear in time, intercept and slope correlated."""

from pathlib import Path

import bayes_nlmem as bn


def log_rate(t, intercept, slope):
    return intercept + slope * t


def model(law=None) -> bn.Model:
    """Poisson by default; `law` another law of counts with log link."""
    return bn.Model(
        structure=bn.Function(log_rate),
        parameters={
            "intercept": bn.Parameter(bn.Normal(0, 3), iiv=bn.HalfNormal(2), scale=bn.Natural()),
            "slope": bn.Parameter(bn.Normal(0, 0.5), iiv=bn.HalfNormal(0.3), scale=bn.Natural()),
        },
        residuals={"log_rate": bn.Poisson() if law is None else law},
        correlated=[bn.Correlated("intercept", "slope", prior=bn.LKJ(1))],
        name="rapi",
    )


def data(reference: Path, subjects: int | None = None) -> bn.Dataset:
    """818 students, 3616 counts; or the first `subjects` of them."""
    study = bn.read(reference / "data" / "rapi.csv", columns={"DV": "rapi"}, covariates=["gender"])
    return study if subjects is None else bn.subset(study, study.subjects[:subjects])
