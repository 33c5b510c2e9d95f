"""`python -m bayes_nlmem.zoo NAME`: read a study of the zoo, fit it, print the result, write the report."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import bayes_nlmem as bn


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study that the command line names.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line, by default those of the program.

    Returns
    -------
    int
        0 if the chains converged, 1 if not.
    """
    asked = _parser().parse_args(arguments)
    begin = time.perf_counter()
    study = bn.zoo.load(asked.name, data=asked.data)
    _heading(study.title)
    print(study.description, end="\n\n")
    print(study.citation)
    _heading("Data")
    print(study.data)
    _heading("Model")
    print(study.model)
    _heading("Sampling")
    print("The first run on a machine also compiles the kernels; later runs find them on disk.", flush=True)
    settings = {"draws": asked.draws, "tune": asked.tune, "chains": asked.chains, "seed": asked.seed}
    fit = bn.fit(study.model, study.data, progress=not asked.quiet, **settings)
    _heading("Result")
    print(fit)
    path = bn.report(fit, title=study.title).save(asked.output or f"{study.name}.html")
    print(f"\nReport: {path.resolve()}   ({time.perf_counter() - begin:.0f} s in all)")
    return 0 if fit.convergence().ok else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bayes_nlmem.zoo", description="Fit a study of the zoo.")
    parser.add_argument("name", choices=bn.zoo.list(), help="the study")
    parser.add_argument("--data", type=Path, help="file of the published data, where they are not shipped")
    parser.add_argument("--draws", type=int, default=1000, help="draws per chain (%(default)s)")
    parser.add_argument("--tune", type=int, default=1000, help="warm-up draws per chain (%(default)s)")
    parser.add_argument("--chains", type=int, default=4, help="chains (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed (%(default)s)")
    parser.add_argument("--output", type=Path, help="the report (NAME.html)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def _heading(words: str) -> None:
    print(f"\n{words}\n{'=' * len(words)}")


if __name__ == "__main__":
    sys.exit(main())
