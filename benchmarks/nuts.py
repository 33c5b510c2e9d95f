"""NUTS side by side: `python benchmarks/nuts.py [--cases ABCR] [--samplers ...] [--draws 1000] [--seeds 1]`.

bayes_nlmem's `fit`, plain PyMC (non-centred, by nutpie) and Stan where PyStan is installed
(`--stan path/to/python` names the Python of another environment, into which `pip install -e '.[stan]'` was
done; PyStan needs a C++ compiler and, up to its version 3.14, Python 3.12), on the cases of
nuts_models/cases.py with the same priors. Effective sample sizes are bulk, over all population parameters
(typical values, standard deviations, correlations, residual errors); CPU seconds and gradients include
warm-up. Every row is appended to results/nuts.csv; `--table` prints what is there.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "nuts.csv"
SAMPLERS = ("bayes_nlmem", "PyMC", "Stan")


def run(python: str, sampler: str, name: str, settings: dict, limit: float) -> dict:
    """One run in a process of its own, as a row of the table."""
    paths = [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, paths))}
    command = [python, str(HERE / "nuts_models" / "runs.py"), sampler, name, json.dumps(settings)]
    row: dict = {"case": name, "sampler": sampler, **settings}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {**row, "note": f"not finished after {limit:.0f} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    if not lines:
        return {**row, "note": (done.stderr.strip().splitlines() or ["no output"])[-1][:120]}
    found = json.loads(lines[0].removeprefix("RESULT"))
    ess = np.array(list(found["ess"].values()))
    return row | {
        "ess_min": ess.min(),
        "ess_median": np.median(ess),
        "slowest": min(found["ess"], key=found["ess"].get),
        "cpu": found["cpu"],
        "total_cpu": found["total_cpu"],
        "gradients": found["gradients"],
        "divergences": found["divergences"],
        "peak_mib": found["peak"],
        "ess_min_per_cpu": ess.min() / found["cpu"],
        "ess_median_per_cpu": np.median(ess) / found["cpu"],
        "ess_per_1000_gradients": 1000 * ess.min() / found["gradients"],
        "us_per_gradient": 1e6 * found["cpu"] / found["gradients"],
        "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
    }


def show(rows: pd.DataFrame) -> None:
    """The table, with the ratio of every sampler to bayes_nlmem in effective draws per CPU second."""
    rows = rows.copy()
    if "ess_min_per_cpu" not in rows:
        rows["ess_min_per_cpu"] = np.nan
    ours = rows[rows.sampler == "bayes_nlmem"].groupby("case")["ess_min_per_cpu"].mean()
    rows["ours_is_x_times"] = rows["case"].map(ours) / rows["ess_min_per_cpu"]
    columns = [
        "case", "sampler", "seed", "ess_min", "ess_median", "slowest", "cpu", "gradients", "divergences",
        "ess_min_per_cpu", "ess_median_per_cpu", "ess_per_1000_gradients", "us_per_gradient", "peak_mib",
        "ours_is_x_times", "note",
    ]  # fmt: skip
    with pd.option_context("display.width", 250, "display.max_columns", 30, "display.precision", 3):
        print(rows[[c for c in columns if c in rows]].to_string(index=False))


def main() -> None:
    """Run what is asked for, save and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--cases", default="ABCR")
    asked.add_argument("--samplers", nargs="+", default=list(SAMPLERS), choices=SAMPLERS)
    asked.add_argument("--draws", type=int, default=1000)
    asked.add_argument("--tune", type=int, default=400)
    asked.add_argument("--accept", type=float, default=0.8, help="wanted acceptance rate")
    asked.add_argument("--chains", type=int, default=4)
    asked.add_argument("--seeds", type=int, default=1)
    asked.add_argument("--limit", type=float, default=3600, help="seconds for one run")
    asked.add_argument("--stan", default=sys.executable, help="a Python that has PyStan")
    asked.add_argument("--table", action="store_true", help="print the results that are there")
    given = asked.parse_args()
    before = pd.read_csv(RESULTS) if RESULTS.exists() else pd.DataFrame()
    if given.table:
        show(before)
        return
    rows = []
    for name in given.cases:
        for sampler in given.samplers:
            python = given.stan if sampler == "Stan" else sys.executable
            if sampler == "Stan" and python == sys.executable and importlib.util.find_spec("stan") is None:
                print(f"{name}: no Stan here (see --stan in --help)")
                continue
            for seed in range(1, given.seeds + 1):
                settings = {
                    "draws": given.draws, "tune": given.tune, "chains": given.chains, "seed": seed,
                    "target_accept": given.accept,
                }  # fmt: skip
                row = run(python, sampler, name, settings, given.limit)
                rows.append(row)
                print({k: v for k, v in row.items() if k not in ("date",)}, flush=True)
                RESULTS.parent.mkdir(exist_ok=True)
                pd.concat([before, pd.DataFrame(rows)]).to_csv(RESULTS, index=False)
    show(pd.DataFrame(rows))


if __name__ == "__main__":
    main()
