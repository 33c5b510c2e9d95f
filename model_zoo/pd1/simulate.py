"""How pd1.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 14
COLUMN = "response"


def design(rng):
    """100 subjects at the doses 0, 10 and 90 mg."""
    rows = [{"subject": i, "dose": dose, "gender": 1 + i % 2} for i in range(1, 101) for dose in (0, 10, 90)]
    return pd.DataFrame(rows)
