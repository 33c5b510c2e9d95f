"""Calibrate a study of the zoo and keep the result beside it.

`python model_zoo/calibrate.py theophylline 200`

Replicates are kept in `<name>.sbc` until all are there, so that it can be stopped and called again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bayes_nlmem as bn

HERE = Path(__file__).parent


def main(name: str, n: int) -> None:
    """Run, or go on with, the calibration and write `<name>/sbc.json`."""
    study = bn.zoo.load(name)
    calibration = bn.sbc(study.model, study.data, n=n, seed=1, store=HERE / f"{name}.sbc")
    command = f"python model_zoo/calibrate.py {name} {n}"
    print(calibration, calibration.save(HERE / name / "sbc.json", command=command), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200)
