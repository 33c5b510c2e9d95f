"""How tmdd.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 20
COLUMN = "DV"
LLOQ = {"cp": 0.5}


def design(rng):
    """20 volunteers, 30 to 900 mg of an antibody of 150 kDa as a bolus, eleven samples in eight weeks."""
    rows = []
    for volunteer in range(1, 21):
        amount = (200.0, 667.0, 2000.0, 6000.0)[volunteer % 4]  # nmol
        own = {"ID": volunteer, "AMT": 0.0, "EVID": 0, "CMT": 1, "MDV": 0, "CENS": 0}
        rows.append(own | {"TIME": 0.0, "AMT": amount, "EVID": 1, "DVID": 0, "MDV": 1})
        for time in (0.25, 1.0, 2.0, 4.0, 7.0, 10.0, 14.0, 21.0, 28.0, 42.0, 56.0):
            rows += [own | {"TIME": time, "DVID": which, "CMT": which} for which in (1, 2)]
    return pd.DataFrame(rows)[["ID", "TIME", "AMT", "EVID", "CMT", "DVID", "MDV", "CENS"]]
