"""How toenail.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 11
COLUMN = "y"


def design(rng):
    """294 patients in two arms, visits planned at 0, 1, 2, 3, 6, 9 and 12 months, one in twelve missed."""
    rows = [
        {"id": patient, "time": float(month), "treatment": patient % 2, "visit": visit}
        for patient in range(1, 295)
        for visit, month in enumerate((0, 1, 2, 3, 6, 9, 12), start=1)
        if visit == 1 or rng.random() > 1 / 12
    ]
    return pd.DataFrame(rows)
