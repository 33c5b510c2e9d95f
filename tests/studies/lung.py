"""Survival with advanced lung cancer: Weibull, a random effect on the characteristic time or none."""

from pathlib import Path

import bayes_nlmem as bn


def scale(Te):
    return Te


def model(iiv=None) -> bn.Model:
    """S(t) = exp(-(t/Te)^beta); `scale_shape` is beta."""
    return bn.Model(
        structure=bn.Function(scale),
        parameters={"Te": bn.Parameter(bn.LogNormal(400, cv=2.0), iiv=iiv, unit="d")},
        residuals={"scale": bn.TimeToEvent(bn.WeibullHazard(bn.LogNormal(1.0, cv=1.0)))},
        name="lung",
    )


def data(reference: Path) -> bn.Dataset:
    """225 patients, two rows each: entry at 0 and death (DV 1) or end of follow-up (DV 0)."""
    return bn.read(
        reference / "data" / "lung.csv", columns={"DV": "status", "CENS": None}, units={"TIME": "d"}
    )
