"""What a run was: everything needed to say how its draws came about, and to make them again."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = (
    "bayes-nlmem",
    "pymc",
    "pytensor",
    "nutpie",
    "numba",
    "arviz",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
)


@dataclass(frozen=True)
class RunRecord:
    """How a fit was made.

    Parameters
    ----------
    seed : int
        Seed of the run; the same seed gives the same draws.
    sampler, geometry : str
        Implementation of NUTS and coordinates of the random effects.
    chains, draws, tune : int
        Number of chains, draws kept and warm-up draws per chain.
    target_accept : float
        Acceptance rate aimed at.
    edited : bool
        Whether the graph was changed by `edit` before sampling.
    start : dict
        Starting values on the unconstrained scale (population parameters).
    start_converged : bool
        Whether the Laplace-EM fit that gave them converged.
    timings : dict of str to float
        Seconds per stage.
    versions : dict of str to str
        Versions of Python and of the packages that matter.
    data_digest : str
        Hash of the data.
    parts : int
        How often sampling was begun: more than 1 for a run that was cut off and went on.
    data_choices : list of str
        What was decided about the data after reading.
    structure : dict
        How the structure was solved: solver and tolerances of equations.
    failures : list of str
        Subjects whose equations could not be solved while sampling, why, and for which parameters.

    Examples
    --------
    >>> record = RunRecord(
    ...     seed=1, sampler="nutpie", geometry="noncentred", chains=4, draws=1000, tune=1000,
    ...     target_accept=0.9, edited=False,
    ... )
    >>> record.to_dict()["chains"]
    4
    """

    seed: int
    sampler: str
    geometry: str
    chains: int
    draws: int
    tune: int
    target_accept: float
    edited: bool
    start: dict[str, Any] = field(default_factory=dict)
    start_converged: bool = True
    timings: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    data_digest: str = ""
    parts: int = 1
    data_choices: list[str] = field(default_factory=list)
    structure: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain Python values."""
        return asdict(self)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages whose change could change draws."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
