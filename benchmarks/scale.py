"""Cost of a gradient against the number of subjects: `python benchmarks/scale.py [--fit SUBJECTS]`.

Case C of the NUTS benchmark (one compartment, 10 doses and 3 observations per subject) with 100, 1000 and
10 000 subjects: microseconds of CPU per log-density with gradient in the whitened coordinates, in all and
per record (must stay flat). `--fit N` fits N subjects as `fit` does by default (4 chains), keeping the
population, and reports CPU time, effective draws and peak memory. Saved as results/scale.csv.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from nuts_models.cases import case
from nuts_models.in_bayes_nlmem import model_and_data

import bayes_nlmem as bn

RESULTS = Path(__file__).parent / "results" / "scale.csv"


def gradient_cost(n: int) -> dict:
    """Shortest CPU time of a log-density with gradient for n subjects."""
    from bayes_nlmem.learning.whitening import whitening
    from bayes_nlmem.marginal.compiled import compile_density
    from bayes_nlmem.marginal.conditional import Conditional
    from bayes_nlmem.marginal.laplace_em import LaplaceFit
    from bayes_nlmem.translation.graph import translate

    model, data = model_and_data(case("C", n))
    conditional = Conditional(translate(model, data, geometry="centred"))
    theta = conditional.population.join(conditional.population.start)
    width = len(model.parameters)
    anywhere = LaplaceFit(
        theta,
        np.zeros(conditional.n_effects),
        np.tile(0.02 * np.eye(width), (n, 1, 1)),
        1,
        True,
        np.zeros(0, int),
    )
    density = compile_density(conditional.graph, whitening(conditional, anywhere))
    point = 0.01 * np.random.default_rng(1).normal(size=density.flat.size)
    density(point)
    costs = []
    for _ in range(max(5, 20_000 // n)):
        began = time.process_time_ns()
        density(point)
        costs.append((time.process_time_ns() - began) / 1e3)
    records = len(data.table)
    return {
        "subjects": n,
        "records": records,
        "us_per_gradient": min(costs),
        "ns_per_record": 1e3 * min(costs) / records,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def fitted(n: int) -> dict:
    """A whole fit of n subjects."""
    model, data = model_and_data(case("C", n))
    began, wall = time.process_time(), time.perf_counter()
    fit = bn.fit(model, data, seed=1, keep="population", progress=False)
    table = fit.summary()
    unknown = table[~table["known"].astype(bool)]
    return {
        "subjects": n,
        "cpu": time.process_time() - began,
        "wall": time.perf_counter() - wall,
        "ess_min": unknown["ess_bulk"].min(),
        "r_hat": unknown["r_hat"].max(),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **{f"s_{stage}": seconds for stage, seconds in fit.record.timings.items()},
    }


def main() -> None:
    """Print and save."""
    if "--fit" in sys.argv:
        print(pd.Series(fitted(int(sys.argv[sys.argv.index("--fit") + 1]))).to_string())
        return
    rows = []
    for n in (100, 1000, 10_000):
        rows.append(gradient_cost(n))
        print(rows[-1], flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main()
