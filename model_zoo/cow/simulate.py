"""How cow.csv was made, see model_zoo/simulate.py."""

import pandas as pd

SEED = 31
COLUMN = "weight"
TRUE = {
    "A_pop": 753.5,
    "B_pop": 0.9382,
    "k_pop": 0.001642,
    "omega_A": 0.0808,
    "omega_B": 0.0026,
    "omega_k": 0.1231,
    "sigma_weight_add": 26.97,
}


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
