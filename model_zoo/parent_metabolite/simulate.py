"""How parent_metabolite.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 21
COLUMN = "DV"


def design(rng):
    """16 volunteers, 200 mg, nine samples over a day and a half."""
    rows = []
    for volunteer in range(1, 17):
        own = {"ID": volunteer, "AMT": 0.0, "EVID": 0, "MDV": 0}
        rows.append(own | {"TIME": 0.0, "AMT": 200.0, "EVID": 1, "CMT": 1, "DVID": 0, "MDV": 1})
        for time in (0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 24.0, 36.0):
            rows += [own | {"TIME": time, "CMT": 1 + which, "DVID": which} for which in (1, 2)]
    return pd.DataFrame(rows)[["ID", "TIME", "AMT", "EVID", "CMT", "DVID", "MDV"]]
