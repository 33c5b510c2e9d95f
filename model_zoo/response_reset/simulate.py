"""Makes response_reset.csv: a response in two periods, with a reset and a new baseline between them."""

from pathlib import Path

import numpy as np
import pandas as pd

import bayes_nlmem as bn

TRUE = {"CL": 3.0, "V": 30.0, "KA": 1.0, "KIN": 5.0, "KOUT": 0.25, "IMAX": 1.0, "IC50": 0.6}
SPREAD = {"CL": 0.25, "V": 0.2, "KIN": 0.15, "IC50": 0.3}
BETWEEN_PERIODS = 0.1  # of KIN: the baseline moves


def structure():
    """Oral kinetics and an indirect response of type I."""
    response = bn.structures.indirect_response("inhibits production")
    return bn.OneCompartment(absorption="first-order").drives(response)


def main():
    """Draw the volunteers, then their samples."""
    rng = np.random.default_rng(4)
    n, kinetic, response = 16, [0.5, 2, 6, 12, 24], [0.0, 2, 6, 12, 24, 36, 48]
    rows = []
    for subject in range(1, n + 1):
        for period, dose in ((1, 50.0), (2, 200.0)):
            evid = 1 if period == 1 else 4  # the second period begins with a reset of all amounts
            own = {"ID": subject, "OCC": period}
            rows.append(own | {"TIME": 0.0, "EVID": evid, "AMT": dose, "CMT": 1, "DVID": 0})
            for number, times in ((1, kinetic), (2, response)):
                rows += [
                    own | {"TIME": t, "EVID": 0, "AMT": 0.0, "CMT": 1 + number, "DVID": number} for t in times
                ]
    table = pd.DataFrame(rows).sort_values(["ID", "OCC", "TIME", "AMT"], ascending=[1, 1, 1, 0])
    table = table.reset_index(drop=True)
    values = {name: x * np.exp(SPREAD.get(name, 0.0) * rng.normal(size=n)) for name, x in TRUE.items()}
    shift = rng.normal(0, BETWEEN_PERIODS, (n, 2))
    subject, period = table["ID"].to_numpy() - 1, table["OCC"].to_numpy() - 1
    by_record = {name: x[subject] for name, x in values.items()}
    by_record["KIN"] = by_record["KIN"] * np.exp(shift[subject, period])
    found = bn.solve(structure(), table.assign(EVID=table.EVID.where(table.EVID > 0, 2)), by_record)
    clean = np.where(table.DVID == 1, found["cp"], found["A_response"])
    noise = np.where(table.DVID == 1, 0.15 * clean, 0.8) * rng.normal(size=len(table))
    table["DV"] = np.where(table.EVID == 0, (clean + noise).round(4), np.nan)
    table["MDV"] = (table.EVID > 0).astype(int)
    columns = ["ID", "TIME", "EVID", "AMT", "CMT", "DVID", "DV", "MDV", "OCC"]
    table[columns].to_csv(Path(__file__).with_name("response_reset.csv"), index=False)


if __name__ == "__main__":
    main()
