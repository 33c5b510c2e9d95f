"""Calibrate a study of the zoo and keep the result beside it.

`python model_zoo/calibrate.py theophylline 200`, or with the designs of the first subjects only:
`python model_zoo/calibrate.py friberg 50 --subjects 8`

Replicates are kept in `<name>.sbc` until all are there, so that it can be stopped and called again. The
result goes to `<name>/sbc.json`, and in words into the block between `<!-- sbc -->` and `<!-- /sbc -->` of
the README, where there is one.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np

import bayes_nlmem as bn

HERE = Path(__file__).parent
BLOCK = re.compile(r"(<!-- sbc -->\n).*?(<!-- /sbc -->)", re.DOTALL)


def main(name: str, n: int, subjects: int | None, draws: int | None) -> None:
    """Run, or go on with, the calibration and write `<name>/sbc.json`."""
    study = bn.zoo.load(name)
    data, command = study.data, f"python model_zoo/calibrate.py {name} {n}"
    if subjects is not None:
        data = bn.subset(data, list(data.table["ID"].unique()[:subjects]))
        command += f" --subjects {subjects}"
    longer = {}
    if draws is not None:
        longer = {"draws": draws, "tune": draws}
        command += f" --draws {draws}"
    calibration = bn.sbc(study.model, data, n=n, seed=1, store=HERE / f"{name}.sbc", **longer)
    print(calibration, calibration.save(HERE / name / "sbc.json", command=command), sep="\n")
    readme = HERE / name / "README.md"
    text = readme.read_text("utf-8")
    words = described(calibration, command)
    readme.write_text(BLOCK.sub(lambda found: f"{found[1]}{words}{found[2]}", text), "utf-8")


def described(calibration: bn.Calibration, command: str) -> str:
    """What was found, in a paragraph."""
    asked, table = calibration.settings, calibration.table()
    divergent = sum(bool(one.get("divergences")) for one in calibration.succeeded)
    smallest, worst, limit = table["p_value"].min(), table["p_value"].idxmin(), 0.05 / len(table)
    outside = [name for name, p in table["p_value"].items() if p < limit]
    inside = f"the ranks of all {len(table)} quantities stay inside"
    if outside:
        inside = (
            f"the ranks of {', '.join(outside)} leave, those of the other {len(table) - len(outside)} keep"
        )
    effective = [one["ess"] for one in calibration.succeeded if one.get("ess") is not None]
    seconds = sum(one["seconds"] for one in calibration.replicates)
    return (
        f"`sbc.json` holds {len(calibration.replicates)} replicates of simulation-based calibration "
        f"({asked['chains']} chain of {asked['draws']} draws each, {asked['ranks']} of them ranked): "
        f"{len(calibration.failed)} failed, {divergent} had divergent transitions, the slowest quantity has "
        f"{np.median(effective):.0f} effective draws in the median replicate and {min(effective):.0f} in the "
        f"worst ({len(calibration.unmixed)} chains did not mix), and {inside} the joint "
        f"95 % limit (smallest p {smallest:.2g}, of {worst}; limit {limit:.2g}). Made by `{command}` in "
        f"{seconds:.0f} s by the clock of a busy machine.\n"
    )


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("name", help="of the study")
    asked.add_argument("n", nargs="?", type=int, default=200, help="replicates")
    asked.add_argument("--subjects", type=int, help="designs of this many subjects, the first ones, alone")
    asked.add_argument("--draws", type=int, help="of the warm-up and after it, in every replicate")
    given = asked.parse_args()
    main(given.name, given.n, given.subjects, given.draws)
