"""How pd1.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 14
COLUMN = "response"
TRUE = {
    "E0_pop": 23.36,
    "Emax_pop": 107.4,
    "EC50_pop": 15.39,
    "omega_E0": 0.3578,
    "omega_Emax": 0.5468,
    "omega_EC50": 0.2647,
    "corr_Emax_EC50": -0.1085,
    "sigma_response_add": 4.809,
}


def design(rng):
    """100 subjects at the doses 0, 10 and 90 mg."""
    rows = [{"subject": i, "dose": dose, "gender": 1 + i % 2} for i in range(1, 101) for dose in (0, 10, 90)]
    return pd.DataFrame(rows)
