"""Standard errors that the information promises, beside those of simulated and refitted studies."""

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn
from bayes_nlmem.simulation.as_data import replicate_as_data

pytestmark = pytest.mark.slow

VALUES = {"CL_pop": 0.15, "V_pop": 8.0, "KA_pop": 1.0, "omega_CL": 0.265, "omega_V": 0.141, "omega_KA": 0.775}
VALUES |= {"sigma_cp_prop": 0.1}
REFITS = 40


def test_refits_of_the_warfarin_study_have_the_promised_standard_errors():
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            "CL": bn.Parameter(bn.about(0.15), iiv=bn.about(0.26)),
            "V": bn.Parameter(bn.about(8.0), iiv=bn.about(0.14)),
            "KA": bn.Parameter(bn.about(1.0), iiv=bn.about(0.77)),
        },
        residuals={"cp": bn.Proportional(bn.about(0.1))},
    )
    design = bn.Design(bn.Arm(32, bn.Regimen(70), times=[0.5, 1, 2, 6, 24, 36, 72, 120]))
    promised = bn.expected_precision(model, design, VALUES).table["SE"]
    full = bn.expected_precision(model, design, VALUES, block_diagonal=False).table["SE"]
    studies = bn.simulate(model, design, parameters=VALUES, draws=REFITS, seed=11)
    estimates = pd.DataFrame(
        bn.saem(model, replicate_as_data(studies, k), likelihood=False, seed=k, progress=False).estimates[
            "value"
        ]
        for k in range(REFITS)
    )
    found = estimates[list(VALUES)].std(ddof=1)
    ratio = promised[list(VALUES)] / found
    print(pd.DataFrame({"promised": promised, "full": full, "found": found, "ratio": ratio}))
    # A standard deviation of 40 estimates has itself an error of 11%.
    assert ((ratio > 0.7) & (ratio < 1.4)).all(), ratio
    # Known beforehand: 32 subjects cannot say more of a typical value than their own spread allows.
    least = VALUES["omega_KA"] / np.sqrt(32)
    assert promised["KA_pop"] >= least > 2 * full["KA_pop"]
