"""Saturable elimination in one subject: a posterior that is known.

Twenty simulated concentrations after one oral dose, first-order absorption and Michaelis-Menten elimination
from a known volume. The posterior database has 10 000 draws of this posterior, made with Stan.
"""

from pathlib import Path

import bayes_nlmem as bn

data = bn.read(Path(__file__).with_name("one_comp_mm.csv"))

# Priors, volume and error as in the posterior database: half-Cauchy priors, no variability between subjects.
model = bn.Model(
    structure=bn.structures.michaelis_menten(absorption="first-order"),
    parameters={
        "KA": bn.Parameter(bn.HalfCauchy(1.0), label="absorption rate constant"),
        "KM": bn.Parameter(bn.HalfCauchy(1.0), label="Michaelis constant"),
        "VM": bn.Parameter(bn.HalfCauchy(1.0), label="maximal elimination rate"),
        "V1": bn.Parameter(2.0, label="volume of distribution"),
    },
    residuals={"cp": bn.LogNormalError(bn.HalfCauchy(1.0))},
    name="one compartment, Michaelis-Menten",
)

citation = (
    "Data and reference draws: posteriordb, one_comp_mm_elim_abs-one_comp_mm_elim_abs (BSD-3-Clause), "
    "https://github.com/stan-dev/posteriordb."
)

# Posterior medians of the posterior database.
reference = {"KA_pop": 0.755, "KM_pop": 0.980, "VM_pop": 0.897}
