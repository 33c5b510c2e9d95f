"""How friberg.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 19
COLUMN = "DV"


def design(rng):
    """24 patients, 75 or 100 mg/m2 over an hour, neutrophils before and on nine days after."""
    rows = []
    for patient in range(1, 25):
        surface = rng.normal(1.8, 0.15)
        amount = round(float((75 if patient % 2 else 100) * surface / 0.808), 1)  # umol
        own = {"ID": patient, "RATE": 0.0, "AMT": 0.0, "EVID": 0, "CMT": 8, "MDV": 0}
        rows.append(own | {"TIME": 0.0})
        rows.append(own | {"TIME": 0.0, "AMT": amount, "RATE": amount, "EVID": 1, "CMT": 1, "MDV": 1})
        rows += [own | {"TIME": 24.0 * day} for day in (2, 4, 6, 7, 8, 10, 12, 15, 21)]
    return pd.DataFrame(rows)[["ID", "TIME", "AMT", "RATE", "EVID", "CMT", "MDV"]]
