"""Cost of a visual predictive check, in seconds for 1000 replicates of warfarin: `python benchmarks/vpc.py`.

32 subjects, 247 concentrations; new subjects, residual error, percentiles with their bands; then npde from
the same replicates. No fit: the parameters are drawn from the priors of the zoo's model.
"""

import time

import bayes_nlmem as bn


def main() -> None:
    study = bn.zoo.load("warfarin_pk")
    for label, draws in (("first, 10 replicates (loads and compiles)", 10), ("1000 replicates", 1000)):
        begin, cpu = time.perf_counter(), time.process_time()
        simulation = bn.simulate(study.model, study.data, draws=draws, seed=1)
        middle = time.perf_counter()
        bn.vpc(simulation)
        end = time.perf_counter()
        print(
            f"{label:45s} simulate {middle - begin:6.2f} s  vpc {end - middle:6.2f} s  "
            f"CPU {time.process_time() - cpu:6.2f} s"
        )
    begin = time.perf_counter()
    bn.npde(simulation, ties="random")
    print(f"{'npde of the same 1000 replicates':45s} {time.perf_counter() - begin:6.2f} s")


if __name__ == "__main__":
    main()
