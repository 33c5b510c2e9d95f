"""How oxboys.csv was made, see model_zoo/simulate.py."""

import numpy as np
import pandas as pd

SEED = 15
COLUMN = "height"


def design(rng):
    """26 boys at nine standardised ages."""
    ages = np.round(np.linspace(-1, 1, 9), 2)
    rows = [
        {"Subject": boy, "age": age, "Occasion": k} for boy in range(1, 27) for k, age in enumerate(ages, 1)
    ]
    return pd.DataFrame(rows)
