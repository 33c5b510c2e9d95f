"""Survival with advanced lung cancer: a time to an event.

Patients with advanced lung cancer were followed until death or the end of the study (28 % are censored).
The survival function is Weibull's, S(t) = exp(-(t / Te)^shape), the same for all.
"""

from pathlib import Path

import bayes_nlmem as bn


def scale(Te):
    """Characteristic time: 63 % have died by then."""
    return Te


model = bn.Model(
    structure=bn.Function(scale),
    parameters={"Te": bn.Parameter(bn.LogNormal(400, cv=0.7), unit="d", label="characteristic time")},
    residuals={"scale": bn.TimeToEvent(bn.WeibullHazard(bn.LogNormal(1.0, cv=0.5)))},
    name="lung",
)


def read(path: Path) -> bn.Dataset:
    """The layout of saemix: two rows each, entry at 0 and death (status 1) or end of follow-up (status 0)."""
    return bn.read(path, columns={"DV": "status", "CENS": None}, units={"TIME": "d"})


citation = "Loprinzi et al., J Clin Oncol 1994, 12:601-607, doi:10.1200/JCO.1994.12.3.601."

source = """
The published data (225 patients) are in the R package saemix (GPL) and are not shipped. In R:
library(saemix); data(lung.saemix); write.csv(lung.saemix, "lung.csv", row.names = FALSE)
Then bn.zoo.load("lung", data="lung.csv").
"""

# Maximum likelihood of the published data (without random effect, scipy, apart from this package).
reference = {"Te_pop": 421.71, "scale_shape": 1.32097}
