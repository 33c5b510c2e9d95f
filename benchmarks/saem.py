"""SAEM on theophylline, from the call to the result with -2LL; start-up (graph, compilation) apart.

saemix 3.4 took 2.4 to 2.8 s for the same model and data on the machine where the references were made.
Run it on a quiet machine: python benchmarks/saem.py
"""

from __future__ import annotations

import time

import numpy as np

import bayes_nlmem as bn

SAEMIX_SECONDS = 2.5
START_UP = ("build", "compile")


def study() -> tuple[bn.Model, bn.Dataset]:
    """The model of saemix's own example: log-normal ka, V, CL, additive error, 120 observations."""
    frame = bn.zoo.load("theophylline").data.to_frame()
    data = bn.read(frame[(frame["EVID"] == 1) | (frame["TIME"] > 0)].reset_index(drop=True))
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            name: bn.Parameter(bn.LogNormal(median, sigma=1.0), iiv=bn.HalfNormal(2.0))
            for name, median in {"KA": 1.0, "CL": 3.0, "V": 25.0}.items()
        },
        residuals={"cp": bn.Additive(bn.HalfNormal(5.0))},
    )
    return model, data


def evaluation_seconds(model: bn.Model, data: bn.Dataset) -> float:
    """Time of one value of all subjects' log-densities, to tell how loaded the machine is."""
    from bayes_nlmem.marginal.conditional import Conditional
    from bayes_nlmem.translation.graph import translate

    conditional = Conditional(translate(model, data, geometry="centred"))
    theta = conditional.population.join(conditional.population.start)
    b = np.zeros(conditional.n_effects)
    conditional.densities(theta, b)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(100):
            conditional.densities(theta, b)
        times.append((time.perf_counter() - began) / 100)
    return min(times)


def main() -> None:
    """Time some runs and print them."""
    model, data = study()
    print(f"one evaluation: {1e6 * evaluation_seconds(model, data):.0f} microseconds (24 on a quiet machine)")
    print("seed  start-up s  work s  CPU s   -2LL    iterations")
    works = []
    for seed in range(1, 6):
        cpu = time.process_time()
        result = bn.saem(model, data, seed=seed, progress=False)
        cpu = time.process_time() - cpu
        timings = result.record.timings
        start_up = sum(timings[stage] for stage in START_UP)
        work = sum(seconds for stage, seconds in timings.items() if stage not in START_UP)
        works.append(work)
        counts = ", ".join(f"{phase} {count}" for phase, count in result.record.iterations.items())
        value = result.likelihood["minus_twice"]
        print(f"{seed:4d}  {start_up:10.2f}  {work:6.2f}  {cpu:5.2f}  {value:.2f}  {counts}")
    median = float(np.median(works))
    print(
        f"median work {median:.2f} s; saemix {SAEMIX_SECONDS} s: {SAEMIX_SECONDS / median:.1f} times faster"
    )


if __name__ == "__main__":
    main()
