"""`diagnose`: what is wrong with a run, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bayes_nlmem.checks.doctor.absorption import flip_flop, no_absorption_samples
from bayes_nlmem.checks.doctor.beliefs import prior_conflict
from bayes_nlmem.checks.doctor.case import Case
from bayes_nlmem.checks.doctor.disposition import peripheral_unidentified
from bayes_nlmem.checks.doctor.findings import Diagnosis, Problem
from bayes_nlmem.checks.doctor.geometry import (
    deep_trees,
    heavy_tails,
    sharp_curvature,
    short_chains,
    two_modes,
)
from bayes_nlmem.checks.doctor.predictions import outlying_observations, solver_failures
from bayes_nlmem.checks.doctor.variability import near_singular_omega, omega_at_zero

Rule = Callable[[Case], Iterator[Problem]]

# Causes that pharmacology knows come first; a general one is named only where none of them explains it.
_CAUSES: tuple[Rule, ...] = (
    flip_flop,
    solver_failures,
    no_absorption_samples,
    peripheral_unidentified,
    near_singular_omega,
    omega_at_zero,
    prior_conflict,
)
_SHAPES: tuple[tuple[Rule, frozenset[str]], ...] = (
    (two_modes, frozenset({"flip-flop"})),
    (deep_trees, frozenset({"peripheral compartment unidentified"})),
    (heavy_tails, frozenset({"omega at zero", "near-singular Omega"})),
    (
        sharp_curvature,
        frozenset(
            {
                "solver failures",
                "omega at zero",
                "near-singular Omega",
                "no absorption samples",
                "peripheral compartment unidentified",
                "flip-flop",
                "heavy tails",
            }
        ),
    ),
)
_EXPLAIN_MIXING = frozenset(
    {
        "flip-flop",
        "two modes",
        "no absorption samples",
        "peripheral compartment unidentified",
        "near-singular Omega",
        "omega at zero",
        "long ridge",
        "heavy tails",
        "solver failures",
        "divergences",
    }
)


def diagnose(fit: Any) -> Diagnosis:
    """Find out what is wrong with a run, in the field's words, with evidence and remedy.

    Bad R-hat, ESS, divergences, E-BFMI, tree depths and Pareto k are traced to: flip-flop of KA and k, KA
    without absorption samples, an unidentified peripheral compartment, an omega at zero, a nearly singular
    Omega, a prior in conflict with the data, subjects whose equations cannot be solved, two modes, ridges,
    heavy tails, or chains that are simply too short. Of a healthy run it says that it is.

    Parameters
    ----------
    fit : Fit, or another learnt result
        With `model`, `data` and `draws`.

    Returns
    -------
    Diagnosis
        Prints itself; `.problems`, `.table()`, `.healthy`.

    References
    ----------
    Vehtari et al. 2021, doi:10.1214/20-BA1221 (R-hat, ESS). Betancourt 2016, arXiv:1604.00695 (E-BFMI).

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> found = bn.diagnose(fit)
    >>> found.healthy, "short chains" in found.names
    (False, True)
    """
    case = Case(fit.model, fit.data, fit.draws, fit)
    problems = [problem for rule in _CAUSES for problem in rule(case)]
    for rule, explained_by in _SHAPES:
        if not explained_by & {problem.name for problem in problems}:
            problems += rule(case)
    names = {problem.name for problem in problems}
    if not names & _EXPLAIN_MIXING:
        problems += short_chains(case)
    problems += outlying_observations(case)
    return Diagnosis(tuple(problems), case.figures())
