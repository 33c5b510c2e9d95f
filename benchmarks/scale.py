"""Cost of a gradient against the number of subjects: `python benchmarks/scale.py [--fit SUBJECTS]`.

Case C of the NUTS benchmark (one compartment, 10 doses and 3 observations per subject) with 100 to 10 000
subjects: microseconds of CPU per log-density with gradient in the whitened coordinates, in all and per record
(must stay flat); saved as results/scale.csv and drawn for docs/pages/benchmarks.md. `--fit N` fits N subjects
as `fit` does by default (4 chains), keeping the population, and prints CPU time, effective draws and peak
memory.
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
FIGURE = Path(__file__).parents[1] / "docs" / "pages" / "benchmarks" / "scale.svg"


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


def draw(table: pd.DataFrame) -> None:
    """The costs against the number of subjects, beside a line of equal cost per record."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
    axes.loglog(table["subjects"], table["us_per_gradient"], "o-", label="log-density with gradient")
    line = table["us_per_gradient"].iloc[-1] * table["subjects"] / table["subjects"].iloc[-1]
    axes.loglog(table["subjects"], line, "--", color="0.6", label="the same cost per subject")
    axes.set(xlabel="subjects (3 observations, 10 doses each)", ylabel="CPU time [us]")
    axes.legend(frameon=False)
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, metadata={"Date": None})


def main() -> None:
    """Print and save."""
    if "--fit" in sys.argv:
        print(pd.Series(fitted(int(sys.argv[sys.argv.index("--fit") + 1]))).to_string())
        return
    rows = []
    for n in (100, 300, 1000, 3000, 10_000):
        rows.append(gradient_cost(n))
        print(rows[-1], flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(RESULTS, index=False)
    draw(pd.DataFrame(rows))


if __name__ == "__main__":
    main()
