"""Makes viral_load.csv: 24 simulated patients under a drug; many late samples are below 50 copies/mL."""

from pathlib import Path

import numpy as np
import pandas as pd

import bayes_nlmem as bn

TRUE = {"S": 1e4, "DT": 0.01, "B": 3e-7, "DELTA": 0.5, "C": 6.0, "P": 40.0, "EFF": 0.95}
SPREAD = {"P": 0.4, "DELTA": 0.25}
LLOQ = np.log10(50)


def main():
    """Draw the patients, then their samples."""
    rng = np.random.default_rng(20)
    times = np.array([0.0, 1, 2, 4, 7, 10, 14, 21, 28])
    n = 24
    values = {name: x * np.exp(SPREAD.get(name, 0.0) * rng.normal(size=n)) for name, x in TRUE.items()}
    subject = np.repeat(np.arange(1, n + 1), len(times))
    table = pd.DataFrame({"ID": subject, "TIME": np.tile(times, n), "EVID": 2})
    found = bn.solve(bn.structures.viral_dynamics(), table, values)["log_virus"]
    seen = found + rng.normal(0, 0.25, len(found))
    low = seen < LLOQ
    out = table.assign(EVID=0, DV=np.where(low, LLOQ, seen).round(3), CENS=low.astype(int))
    out.to_csv(Path(__file__).with_name("viral_load.csv"), index=False)


if __name__ == "__main__":
    main()
