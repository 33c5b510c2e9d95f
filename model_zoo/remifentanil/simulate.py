"""How remifentanil.csv was made, see model_zoo/simulate.py; the spreads and the error were chosen here."""

import pandas as pd

SEED = 18
COLUMN = "DV"
TRUE = {
    "CL_pop": 2.46,
    "V1_pop": 4.98,
    "Q2_pop": 1.69,
    "V2_pop": 9.01,
    "Q3_pop": 0.065,
    "V3_pop": 6.54,
    "omega_CL": 0.25,
    "omega_V1": 0.3,
    "omega_Q2": 0.3,
    "omega_V2": 0.25,
    "omega_Q3": 0.3,
    "sigma_cp_prop": 0.15,
}


def design(rng):
    """20 adults, 4 ug/kg/min over 10 or 20 minutes, 24 samples each."""
    rows = []
    for subject in range(1, 21):
        age, lean = round(float(rng.uniform(20, 85)), 1), round(float(rng.normal(55, 8)), 1)
        stop = 10 if subject % 2 else 20
        own = {"ID": subject, "AGE": age, "LBM": lean}
        rate = round(4 * lean / 0.75, 1)
        rows.append(own | {"TIME": 0.0, "AMT": round(rate * stop, 1), "RATE": rate, "EVID": 1})
        during = [1, 2, 3, 4, 6, 8, 9.9] + [14, 19.9] * (stop == 20)
        after = [0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 90]
        for time in [*during, *(stop + t for t in after)]:
            rows.append(own | {"TIME": float(time), "AMT": 0.0, "RATE": 0.0, "EVID": 0})
    return pd.DataFrame(rows)[["ID", "TIME", "AMT", "RATE", "EVID", "AGE", "LBM"]]
