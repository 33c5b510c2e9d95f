"""Fit a study of the zoo and put what was found into its README.

`python model_zoo/fit.py theophylline` `python model_zoo/fit.py toenail --data toenail.csv --draws 1000`
(the published data, where they are not shipped)

The figures are kept in `<name>/fit.json`; the block between `<!-- fit -->` and `<!-- /fit -->` of the
README is written from them and from the study's `reference`. `--print` writes the block again without
fitting. A word about what was found belongs outside the block.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import bayes_nlmem as bn

BLOCK = re.compile(r"(<!-- fit -->\n).*?(<!-- /fit -->)", re.DOTALL)


def main() -> None:
    """Run what the command line asks for."""
    asked = _parser().parse_args()
    study = bn.zoo.load(asked.name)
    kept = study.folder / "fit.json"
    runs = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    if not asked.print:
        which = "published" if asked.data or not study.simulated else "simulated"
        runs[which] = fitted(asked)
        runs = {name: runs[name] for name in ("published", "simulated") if name in runs}
        kept.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", "utf-8")
    readme = study.folder / "README.md"
    text = readme.read_text("utf-8")
    block = described(study, runs)
    if not BLOCK.search(text):
        raise SystemExit(f"{readme} has no block <!-- fit --> ... <!-- /fit -->")
    readme.write_text(BLOCK.sub(lambda found: f"{found[1]}{block}{found[2]}", text), "utf-8")
    print(block)


def fitted(asked: argparse.Namespace) -> dict[str, Any]:
    """Fit, and what is to be kept of it."""
    study = bn.zoo.load(asked.name, data=asked.data)
    settings = {"draws": asked.draws, "tune": asked.tune, "chains": asked.chains, "seed": asked.seed}
    settings |= {"target_accept": asked.target_accept}
    if asked.geometry:
        settings["geometry"] = asked.geometry
    wall, cpu = time.perf_counter(), time.process_time()
    fit = bn.fit(study.model, study.data, cores=asked.cores, progress=False, store=asked.store, **settings)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if asked.save:
        fit.save(asked.save)
    print(fit)
    if not fit.convergence().ok:
        print(bn.diagnose(fit))
    table = fit.summary()
    unknown = table[~table["known"].astype(bool)]
    columns = ["median", "lower", "upper", "r_hat", "ess_bulk", "ess_tail"]
    rows = {name: {c: float(f"{row[c]:.5g}") for c in columns} for name, row in unknown.iterrows()}
    verdict = fit.convergence()
    return {
        "settings": settings,
        "geometry": fit.record.geometry,
        "observations": int(fit.data.n_observations),
        "converged": verdict.ok,
        "evidence": verdict.evidence,
        "findings": [finding.what for finding in verdict.findings],
        "seconds": {"all": round(wall, 1), "processor": round(cpu, 1)},
        "stages": fit.record.timings,
        "smallest_ess": round(float(unknown["ess_bulk"].min()), 1),
        "versions": fit.record.versions,
        "parameters": rows,
    }


def described(study: bn.zoo.Study, runs: dict[str, Any]) -> str:
    """The README's block: how it was fitted, the table, the verdicts."""
    names = list(dict.fromkeys(name for run in runs.values() for name in run["parameters"])) or [
        *study.reference
    ]
    title = {"published": "ours, published data", "simulated": "ours, simulated data"}
    first = "simulated" if study.simulated and not study.source else "published"
    head = [
        "parameter",
        first,
        *(title[which] if len(runs) > 1 or study.source else "ours" for which in runs),
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in names:
        value = study.reference.get(name)
        cells = [name, "" if value is None else f"{value!r}"]
        cells += [_interval(run["parameters"].get(name)) for run in runs.values()]
        lines.append("| " + " | ".join(cells) + " |")
    paragraphs = ["\n".join(lines)]
    if not runs:
        paragraphs.append("Verdict: not to be trusted yet, since no run was finished.")
    for number, (which, run) in enumerate(runs.items()):
        label = f"Verdict on the {which} data" if number else "Verdict"
        paragraphs.append(f"{label}: {_verdict(run)} {_how(run)}")
    return "\n\n".join(paragraphs) + "\n"


def _interval(row: dict[str, float] | None) -> str:
    return "" if row is None else f"{row['median']:.3g} ({row['lower']:.3g} to {row['upper']:.3g})"


def _verdict(run: dict[str, Any]) -> str:
    word = "converged" if run["converged"] else f"not to be trusted yet ({'; '.join(run['findings'])})"
    return f"{word}. {run['evidence']}"


def _how(run: dict[str, Any]) -> str:
    asked, seconds = run["settings"], run["seconds"]
    settings = ", ".join(f"{name}={value!r}" for name, value in asked.items())
    rate = run["smallest_ess"] / seconds["processor"]
    return (
        f"Posterior median and 95 % interval of `bn.fit(study.model, study.data, {settings})` in "
        f"{run['geometry']} coordinates on {run['observations']} observations; {seconds['all']:.0f} s by the "
        f"clock of a busy machine, {seconds['processor']:.0f} s of processor time with compilation; the "
        "smallest bulk ESS of the table is "
        f"{run['smallest_ess']:.0f}, {rate:.3g} per second of processor time."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=bn.zoo.list())
    parser.add_argument("--data", type=Path, help="file of the published data")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--tune", type=int, default=1000)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target-accept", type=float, default=0.9)
    parser.add_argument("--geometry")
    parser.add_argument("--store", type=Path, help="folder of the run, so that it goes on if it is cut off")
    parser.add_argument("--save", type=Path, help="keep the draws in this file")
    parser.add_argument("--print", action="store_true", help="write the README's block again, do not fit")
    return parser


if __name__ == "__main__":
    main()
