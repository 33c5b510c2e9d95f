"""Growth of orange trees: a logistic curve.

The circumference of the trunk of five orange trees at seven ages. Logistic growth with an asymptote that
differs between the trees; only five of them, so the spread between trees is known badly.
"""

from pathlib import Path

import numpy as np

import bayes_nlmem as bn


def circumference(t, Asym, xmid, scal):
    """Circumference at age t."""
    return Asym / (1 + np.exp(-(t - xmid) / scal))


data = bn.read(
    Path(__file__).with_name("orange.csv"),
    columns={"ID": "Tree", "TIME": "age", "DV": "circumference"},
    units={"TIME": "d", "DV": "mm"},
)

model = bn.Model(
    structure=bn.Function(circumference),
    parameters={
        "Asym": bn.Parameter(
            bn.Normal(200, 50), iiv=bn.HalfNormal(50), scale=bn.Natural(), unit="mm", label="asymptote"
        ),
        "xmid": bn.Parameter(bn.Normal(700, 200), scale=bn.Natural(), unit="d", label="age at half of it"),
        "scal": bn.Parameter(bn.LogNormal(350, cv=0.5), unit="d", label="time scale"),
    },
    residuals={"circumference": bn.Additive(bn.HalfNormal(15))},
    name="orange",
)

citation = (
    "Draper & Smith, Applied Regression Analysis, 2nd edition, Wiley 1981, exercise 24.N; Pinheiro & Bates, "
    "Mixed-Effects Models in S and S-PLUS, Springer 2000, section 8.1."
)

# Maximum likelihood, exact since the random asymptote is linear: nlme 3.1-162; omega is an SD.
reference = {
    "Asym_pop": 191.05,
    "xmid_pop": 722.56,
    "scal_pop": 344.17,
    "omega_Asym": 31.48,
    "sigma_circumference_add": 7.846,
}
