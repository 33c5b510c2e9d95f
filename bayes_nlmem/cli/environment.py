"""`doctor`: whether this machine has what is needed, and where things are kept."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_nlmem import __version__
from bayes_nlmem.cli import said
from bayes_nlmem.cli.door import FAULT
from bayes_nlmem.cli.said import Json
from bayes_nlmem.ground.tables import Printed

_FREE = 1.0  # GB of disk below which the caches may fill it
_THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def doctor(
    solve: Annotated[
        bool,
        typer.Option("--solve", help="Also compile and solve a model, and compare with the exact solution."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at this machine: versions, threads, caches, extras, and what is missing."""
    findings: list[tuple[str, str, str, str]] = [*_python(), *_packages(), *_machine(), *_caches()]
    if solve:
        findings.append(_solved())
    wrong = [finding for finding in findings if finding[0] == "missing"]
    if as_json:
        keys = ("state", "area", "what", "found")
        said.as_json({"ok": not wrong, "findings": [dict(zip(keys, f, strict=True)) for f in findings]})
    else:
        rows: list[tuple[str, ...]] = []
        for area in dict.fromkeys(finding[1] for finding in findings):
            rows.append((area,))
            rows += [(what, found, state) for state, at, what, found in findings if at == area]
        said.show(Printed(("what", "found", "state"), rows, "lll"))
        said.say(
            "\nSomething that is needed is missing." if wrong else "\nNothing that is needed is missing."
        )
    if wrong:
        raise typer.Exit(FAULT)


def _python() -> list[tuple[str, str, str, str]]:
    state = "ok" if (3, 12) <= sys.version_info[:2] <= (3, 14) else "missing"
    where = "a virtual environment" if sys.prefix != sys.base_prefix else "the system's Python"
    return [
        (state, "Python", "version", f"{platform.python_version()} (3.12 to 3.14 are supported)"),
        ("ok", "Python", "program", f"{sys.executable}, {where}"),
        ("ok", "Python", "bayes-nlmem", f"{__version__} in {Path(__file__).parents[1]}"),
    ]


def _packages() -> list[tuple[str, str, str, str]]:
    """What is needed with its version, then the extras, as the package itself lists them."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        listed = requires("bayes-nlmem") or []
    except PackageNotFoundError:
        return [("missing", "Packages", "bayes-nlmem", "not installed: pip install bayes-nlmem")]
    from packaging.requirements import Requirement

    found: list[tuple[str, str, str, str]] = []
    extras: dict[str, list[str]] = {}
    for text in listed:
        needed = Requirement(text)
        installed = _version(needed.name)
        if needed.marker is not None and "extra" in str(needed.marker):
            extra = str(needed.marker).rpartition("==")[2].strip(" '\"")
            extras.setdefault(extra, []).append("" if installed else needed.name)
            continue
        fits = installed is not None and needed.specifier.contains(installed, prereleases=True)
        said_ = f"{installed or 'not installed'} (asked for {needed.specifier})"
        found.append(("ok" if fits else "missing", "Packages", needed.name, said_))
    for extra, lacking in extras.items():
        names = [name for name in lacking if name]
        said_ = f"lacks {', '.join(names)}: pip install 'bayes-nlmem[{extra}]'" if names else "installed"
        found.append(("optional" if names else "ok", "Extras", extra, said_))
    return found


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _machine() -> list[tuple[str, str, str, str]]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    rows = [("ok", "Machine", "system", platform.platform())]
    rows.append(("ok", "Machine", "processors", f"{cores} usable; four chains run at the same time with 4"))
    for name in _THREADS:
        if name in os.environ:
            rows.append(("note", "Machine", name, f"{os.environ[name]} (set in this shell)"))
    return rows


def _caches() -> list[tuple[str, str, str, str]]:
    """Folders of compiled code: they make the second start fast."""
    import numba
    import pytensor

    rows = []
    asked = numba.config.CACHE_DIR or None
    places: dict[str, Any] = {"PyTensor": Path(str(pytensor.config.compiledir))}
    if asked:
        places["Numba (NUMBA_CACHE_DIR)"] = Path(asked)
    for name, folder in places.items():
        files = [file for file in folder.rglob("*") if file.is_file()] if folder.exists() else []
        size = sum(file.stat().st_size for file in files) / 1e6
        writable = os.access(folder if folder.exists() else folder.parent, os.W_OK)
        said_ = f"{folder}: {len(files)} files, {size:.0f} MB" + ("" if writable else ", not writable")
        rows.append(("ok" if writable else "missing", "Caches", name, said_))
    near = places["PyTensor"]
    while not near.exists():
        near = near.parent
    free = shutil.disk_usage(near).free / 1e9
    rows.append(("ok" if free > _FREE else "note", "Caches", "free disk space", f"{free:.1f} GB"))
    compiler = shutil.which("g++") or shutil.which("clang++")
    said_ = (
        f"{compiler}; not needed, the kernels are compiled by Numba" if compiler else "none; none is needed"
    )
    rows.append(("ok", "Caches", "C++ compiler", said_))
    return rows


def _solved() -> tuple[str, str, str, str]:
    import numpy as np
    import pandas as pd

    import bayes_nlmem as bn

    began = time.perf_counter()
    times = np.array([0.5, 1.0, 4.0, 12.0])
    table = pd.DataFrame(
        {"ID": 1, "TIME": [0.0, *times], "AMT": [100.0, 0, 0, 0, 0], "EVID": [1, 0, 0, 0, 0]}
    )
    found = bn.solve(
        bn.OneCompartment(absorption="first-order"),
        bn.read(table.assign(DV=1.0)),
        {"KA": 1.0, "CL": 2.0, "V": 20.0},
    )
    exact = 100 / 20 * 1.0 / (1.0 - 0.1) * (np.exp(-0.1 * times) - np.exp(-1.0 * times))
    got = np.asarray(found["cp"], float)[-4:]
    error = float(np.max(np.abs(got / exact - 1)))
    said_ = f"relative error {error:.1e}, {time.perf_counter() - began:.1f} s"
    return ("ok" if error < 1e-8 else "missing", "Solving", "one compartment", said_)
