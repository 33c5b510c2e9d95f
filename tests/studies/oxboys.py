"""Heights of boys in Oxford: a linear mixed model, whose maximum likelihood is known exactly."""

from pathlib import Path

import bayes_nlmem as bn


def height(t, base, slope):
    return base + slope * t


def model() -> bn.Model:
    """Base and slope normal and correlated; additive error."""
    return bn.Model(
        structure=bn.Function(height),
        parameters={
            "base": bn.Parameter(bn.Normal(150, 50), iiv=bn.HalfNormal(20), scale=bn.Natural(), unit="cm"),
            "slope": bn.Parameter(bn.Normal(5, 10), iiv=bn.HalfNormal(10), scale=bn.Natural()),
        },
        correlated=[bn.Correlated("base", "slope", prior=bn.LKJ(1))],
        residuals={"height": bn.Additive(bn.HalfNormal(5))},
        name="oxboys",
    )


def data(reference: Path) -> bn.Dataset:
    """26 boys, 9 heights each; TIME is the standardised age."""
    columns = {"ID": "Subject", "TIME": "age", "DV": "height"}
    return bn.read(reference / "data" / "oxboys.csv", columns=columns, units={"DV": "cm"})
