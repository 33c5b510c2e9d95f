"""How quinidine.csv was made, see model_zoo/simulate.py."""

import numpy as np
import pandas as pd

SEED = 23
COLUMN = "DV"
COLUMNS = ["ID", "TIME", "AMT", "EVID", "CMT", "MDV", "II", "CREATININE", "GLYCO"]


def design(rng):
    """60 patients at steady state, doses every six or eight hours for two days, one to four samples."""
    rows = []
    for subject in range(1, 61):
        every, dose = rng.choice([6.0, 8.0]), rng.choice([166.0, 201.0, 249.0])
        kidneys = "< 50" if rng.uniform() < 0.3 else ">= 50"
        first, second = np.round(rng.lognormal(np.log(1.2), 0.35, 2), 2)
        own = {"ID": subject, "CREATININE": kidneys, "AMT": 0.0, "II": 0.0}
        times = np.arange(0, 48, every)
        for time in times:
            rows.append(
                own | {"TIME": time, "AMT": dose, "II": every * (time == 0), "EVID": 1, "CMT": 1, "MDV": 1}
            )
        for time in np.unique(np.round(rng.uniform(1, 52, rng.integers(1, 5)), 1)):
            rows.append(own | {"TIME": time, "EVID": 0, "CMT": 2, "MDV": 0})
        rows.append(own | {"TIME": 24.5, "EVID": 2, "CMT": 1, "MDV": 1})
        for row in rows:
            if row["ID"] == subject:
                row["GLYCO"] = first if row["TIME"] < 24.5 else second
    return pd.DataFrame(rows)[COLUMNS].sort_values(["ID", "TIME"], kind="stable", ignore_index=True)
