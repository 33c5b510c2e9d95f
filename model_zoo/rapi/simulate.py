"""How rapi.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 12
COLUMN = "rapi"
DIGITS = 12


def design(rng):
    """200 students, asked at 0, 6, 12, 18 and 24 months, one answer in ten missing."""
    rows = [
        {"id": student, "time": month, "gender": "Men" if student % 5 < 2 else "Women"}
        for student in range(1, 201)
        for month in (0, 6, 12, 18, 24)
        if month == 0 or rng.random() > 0.1
    ]
    return pd.DataFrame(rows)
