"""Makes lung.csv: survival times of Weibull's law, `python model_zoo/lung/simulate.py`."""

from pathlib import Path

import numpy as np
import pandas as pd

TE, SHAPE, PATIENTS = 421.71, 1.32097, 225


def main():
    """Draw times of death and ends of follow-up, between 174 and 1020 days."""
    rng = np.random.default_rng(16)
    death = TE * rng.weibull(SHAPE, PATIENTS)
    end = rng.uniform(174, 1020, PATIENTS)
    rows = []
    for i in range(PATIENTS):
        seen = int(np.ceil(min(death[i], end[i])))
        rows += [{"id": i + 1, "time": 0, "status": 0, "cens": 0}]
        rows += [
            {"id": i + 1, "time": seen, "status": int(death[i] <= end[i]), "cens": int(death[i] > end[i])}
        ]
    pd.DataFrame(rows).to_csv(Path(__file__).with_name("lung.csv"), index=False)


if __name__ == "__main__":
    main()
