"""Make the simulated data of a study: `python model_zoo/simulate.py toenail`.

A study whose published data may not be shipped has a `simulate.py` with `design(rng)`, a table of the
published layout without observations, and `COLUMN`, the column of the observations. They are drawn by
`bn.simulate` from the study's own model at its `reference`, or at `TRUE` where the recipe gives one.
`LLOQ` gives limits of quantification by output.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

import bayes_nlmem as bn

HERE = Path(__file__).parent


def main(name: str) -> None:
    """Write `<name>/<name>.csv`."""
    study, recipe = taken(name, "model"), taken(name, "simulate")
    table = recipe.design(np.random.default_rng(recipe.SEED))
    path = HERE / name / f"{name}.csv"
    seen = np.ones(len(table), bool) if "EVID" not in table else table["EVID"].to_numpy() == 0
    table[recipe.COLUMN] = np.where(seen, 1.0, np.nan)  # until they are drawn
    table.to_csv(path, index=False)
    data = study.read(path)
    if len(data.table) != len(table):
        raise SystemExit(f"{len(table)} rows were written, {len(data.table)} were read")
    limits = getattr(recipe, "LLOQ", None)
    true = getattr(recipe, "TRUE", study.reference)
    drawn = bn.simulate(study.model, data, parameters=true, draws=1, seed=recipe.SEED, lloq=limits)
    digits = getattr(recipe, "DIGITS", 4)
    for output in drawn.outputs:
        values = drawn.values(output)[0]
        rounded = [float(f"{value:.{digits}g}") for value in values]
        at = table.index[drawn.records(output)]
        table.loc[at, recipe.COLUMN] = rounded
        if limits and output in limits:
            below = drawn.draws["posterior_predictive"][f"{output}_cens"].values.reshape(-1, len(at))[0]
            table.loc[at, "CENS"] = below
    if all(value == int(value) for value in table.loc[seen, recipe.COLUMN]) and seen.all():
        table[recipe.COLUMN] = table[recipe.COLUMN].astype(int)
    table.to_csv(path, index=False)
    print(f"{path}: {len(table)} rows, {int(seen.sum())} observations")


def taken(name: str, part: str) -> ModuleType:
    """`model.py` or `simulate.py` of a study."""
    spec = importlib.util.spec_from_file_location(f"zoo_{name}_{part}", HERE / name / f"{part}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1])
