"""From a fresh process to a finished posterior of theophylline: `python benchmarks/startup.py`.

The first time ever (empty caches of machine code, in a folder of their own) and again, CPU seconds of every
stage: importing, reading, building the graph, compiling, starting values, sampling 4 chains x 1000 draws,
and what follows: parameter table with prior sensitivity, leave-one-out. `--warm` leaves out the first.

The first time another process compiles the sampler's functions; its CPU seconds are told apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

CHILD = """
import time
wall, cpu = time.perf_counter, time.process_time
began = wall()
time.perf_counter = time.process_time  # the stages of the run's record in CPU seconds
import bayes_nlmem as bn
bn.fit, bn.zoo.load, bn.loo
lap = cpu(); split = {"import": lap}
study = bn.zoo.load("theophylline")
split["read"] = cpu() - lap
fit = bn.fit(study.model, study.data, seed=1, progress=False)
split |= fit.record.timings
posterior, elapsed = cpu(), wall() - began
lap = cpu(); str(fit); split["parameter table"] = cpu() - lap
lap = cpu(); bn.loo(fit); split["leave-one-out"] = cpu() - lap
import json, resource
other = resource.getrusage(resource.RUSAGE_CHILDREN)
other = other.ru_utime + other.ru_stime  # of the process that compiles ahead
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"split": split, "posterior": posterior, "wall": elapsed, "peak": peak, "other": other}))
"""


def run(cache: str | None) -> dict:
    """One fresh process; machine code is kept in `cache`, by default where it always is."""
    environment = dict(os.environ)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = f"{cache}/numba"
        flags = environment.get("PYTENSOR_FLAGS", "")
        environment["PYTENSOR_FLAGS"] = f"{flags},base_compiledir={cache}/pytensor".lstrip(",")
    done = subprocess.run(
        [sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def show(label: str, found: dict) -> None:
    """The split of one process."""
    seconds = f"{found['posterior']:.1f} CPU s to the posterior + {found['other']:.1f} in another process"
    print(f"\n{label}: {seconds}, {found['wall']:.1f} s on the clock, peak memory {found['peak']:.0f} MiB")
    for stage, seconds in found["split"].items():
        print(f"  {stage:18s} {seconds:7.2f}")


def main() -> None:
    """Print the splits."""
    print(f"load average {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}; CPU seconds")
    with tempfile.TemporaryDirectory() as cache:
        if "--warm" not in sys.argv:
            show("first time ever", run(cache))
            show("from then on", run(cache))
        else:
            run(None)
            show("from then on", run(None))


if __name__ == "__main__":
    main()
