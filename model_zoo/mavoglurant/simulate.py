"""How mavoglurant.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 17
COLUMN = "DV"


def design(rng):
    """24 subjects in two periods, an infusion over ten minutes and ten samples in each."""
    rows = []
    for subject in range(1, 25):
        weight = round(float(rng.normal(80, 10)), 1)
        for period, dose in ((1, 25.0), (2, 50.0)):
            own = {"ID": subject, "OCC": period, "WT": weight, "DOSE": dose}
            rows.append(own | {"TIME": 0.0, "AMT": dose, "RATE": dose * 6, "EVID": 1})
            for time in (0.2, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 24.0, 36.0):
                rows.append(own | {"TIME": time, "AMT": 0.0, "RATE": 0.0, "EVID": 0})
    return pd.DataFrame(rows)[["ID", "TIME", "AMT", "RATE", "EVID", "OCC", "DOSE", "WT"]]
