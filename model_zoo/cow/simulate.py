"""How cow.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 31
COLUMN = "weight"


def design(rng):
    """60 cows, weighed at birth, twice in the first year, then about every 200 days until they leave."""
    rows = []
    for cow in range(1, 61):
        last = rng.integers(900, 2300)
        times = [0, 112, 224, *range(400, 2300, 200)]
        times = [t if t == 0 else int(t + rng.integers(-15, 16)) for t in times]
        own = {"cow": cow, "birthyear": 1988 + cow % 10, "twin": 2 if cow % 20 == 0 else 1, "birthrank": 3}
        rows += [own | {"time": t} for t in times if t <= last]
    return pd.DataFrame(rows)[["cow", "time", "birthyear", "twin", "birthrank"]]
