"""Heights of boys in Oxford: a linear mixed model.

Twenty-six boys were measured nine times between eleven and thirteen. Height is linear in age; base and
slope are normal and correlated. The likelihood is known in closed form, so that maximum likelihood is
exact.
"""

from pathlib import Path

import bayes_nlmem as bn


def height(t, base, slope):
    """Height at the standardised age t."""
    return base + slope * t


model = bn.Model(
    structure=bn.Function(height),
    parameters={
        "base": bn.Parameter(
            bn.Normal(150, 20), iiv=bn.HalfNormal(15), scale=bn.Natural(), unit="cm", label="height at age 0"
        ),
        "slope": bn.Parameter(
            bn.Normal(5, 5), iiv=bn.HalfNormal(5), scale=bn.Natural(), unit="cm", label="growth"
        ),
    },
    correlated=[bn.Correlated("base", "slope", prior=bn.LKJ(1))],
    residuals={"height": bn.Additive(bn.HalfNormal(3))},
    name="oxboys",
)


def read(path: Path) -> bn.Dataset:
    """The layout of nlme: Subject, age (standardised), height, Occasion."""
    columns = {"ID": "Subject", "TIME": "age", "DV": "height"}
    return bn.read(path, columns=columns, units={"DV": "cm"})


citation = (
    "Goldstein, Multilevel Models in Educational and Social Research, Griffin 1987; Pinheiro & Bates 2000."
)

source = """
The published data (26 boys, 234 heights) are in the R package nlme (GPL) and are not shipped. In R:
write.csv(nlme::Oxboys, "Oxboys.csv", row.names = FALSE)
Then bn.zoo.load("oxboys", data="Oxboys.csv").
"""

# Maximum likelihood of the published data, exact: lme of nlme 3.1-162.
reference = {
    "base_pop": 149.37,
    "slope_pop": 6.525,
    "omega_base": 7.924,
    "omega_slope": 1.6467,
    "corr_base_slope": 0.6418,
    "sigma_height_add": 0.6599,
}
