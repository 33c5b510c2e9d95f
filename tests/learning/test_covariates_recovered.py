"""Effects of covariates that were simulated are found again, one form after the other."""

import numpy as np
import pytest

import bayes_nlmem as bn
from tests.learning.test_hierarchy_recovered import fitted, holds, model, samples

pytestmark = pytest.mark.slow

SUBJECTS = 80
RNG = np.random.default_rng(21)
WT = 70 * np.exp(0.3 * RNG.normal(size=SUBJECTS))
AGE = RNG.uniform(1, 25, SUBJECTS)
PMA = RNG.uniform(25, 200, SUBJECTS)
DOSE = RNG.uniform(0, 40, SUBJECTS)
SEX = np.where(RNG.random(SUBJECTS) < 0.5, "F", "M")

FORMS = {
    "power": ({"WT": bn.Power(bn.Normal(0.5, 0.5), reference=70)}, (WT / 70) ** 0.8, {"CL_WT": 0.8}),
    "exponential": (
        {"AGE": bn.Exponential(bn.Normal(0, 0.1), reference=12)},
        np.exp(0.04 * (AGE - 12)),
        {"CL_AGE": 0.04},
    ),
    "linear": (
        {"AGE": bn.Linear(bn.Normal(0, 0.02), reference=12)},
        1 + 0.03 * (AGE - 12),
        {"CL_AGE": 0.03},
    ),
    "piecewise": (
        {"AGE": bn.PiecewiseLinear(bn.Normal(0, 0.05), bn.Normal(0, 0.03), at=12)},
        1 + 0.05 * np.minimum(AGE - 12, 0) - 0.02 * np.maximum(AGE - 12, 0),
        {"CL_AGE_below": 0.05, "CL_AGE_above": -0.02},
    ),
    "categorical": (
        {"SEX": bn.Categorical({"F": bn.LogNormal(1, cv=0.5)}, reference="M")},
        np.where(SEX == "F", 0.7, 1.0),
        {"CL_SEX_F": 0.7},
    ),
    "emax": (
        {"DOSE": bn.Emax(bn.Uniform(-0.95, 1), bn.LogNormal(8, cv=0.5))},
        1 - 0.7 * DOSE / (10 + DOSE),
        {"CL_DOSE_maximum": -0.7, "CL_DOSE_half": 10.0},
    ),
    "maturation": (
        {"PMA": bn.Maturation(bn.LogNormal(50, cv=0.5), bn.LogNormal(3, cv=0.5))},
        PMA**3.4 / (PMA**3.4 + 47.7**3.4),
        {"CL_PMA_tm50": 47.7, "CL_PMA_hill": 3.4},
    ),
    "interaction": (
        {
            "WT": bn.Power(bn.Normal(0.5, 0.5), reference=70),
            ("WT", "AGE"): bn.Interaction(bn.Normal(0, 0.01), references=(70, 12)),
        },
        (WT / 70) ** 0.8 * np.exp(0.002 * (WT - 70) * (AGE - 12)),
        {"CL_WT": 0.8, "CL_WT_AGE": 0.002},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_effect_is_found_back(form):
    effects, factor, truth = FORMS[form]
    rng = np.random.default_rng(22)
    eta = 0.15 * rng.normal(size=SUBJECTS)
    clearance = 3 * factor * np.exp(eta)
    columns = {"WT": WT, "AGE": AGE, "PMA": PMA, "DOSE": DOSE, "SEX": SEX}
    used = sorted({name for key in effects for name in (key if isinstance(key, tuple) else (key,))})
    table = samples(clearance, 30.0, seed=23, **{name: columns[name] for name in used})
    data = bn.read(table, covariates=used)
    stated = model(CL=bn.Parameter(bn.about(3.0), iiv=bn.about(0.2), covariates=effects))
    holds(fitted(stated, data), {"CL_pop": 3.0, "omega_CL": eta.std(), **truth})
