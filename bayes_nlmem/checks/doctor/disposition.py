"""Disposition: a peripheral compartment that the data do not show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bayes_nlmem.checks.doctor.case import Case
from bayes_nlmem.checks.doctor.findings import Problem
from bayes_nlmem.learning.predictions import time_after_dose

_PERIPHERAL = {
    2: (("Q", "V2"), ("k12", "k21")),
    3: (("Q2", "V2"), ("Q3", "V3"), ("Q", "V2"), ("k12", "k21"), ("k13", "k31")),
}
_UNLEARNT, _RIDGE = 0.7, 0.9


def peripheral_unidentified(case: Case) -> Iterator[Problem]:
    """Flow to and volume of a peripheral compartment stay at their priors, or on a ridge, and mix badly."""
    if not case.sick:
        return
    for pair in _PERIPHERAL.get(getattr(case.model.structure, "n", 0), ()):
        names = [f"{name}_pop" for name in pair if f"{name}_pop" in case.quantities]
        if not names:
            continue
        shares = {name: case.learnt_share(name) for name in names}
        one, other, correlation = case.strongest_pair(names)
        unlearnt = [name for name, share in shares.items() if share > _UNLEARNT]
        if not unlearnt and abs(correlation) < _RIDGE:
            continue
        spreads = [f"omega_{name.removesuffix('_pop')}" for name in names]
        if not (case.troubled([*names, *spreads]) or case.diverging.any() or case.deep > 0.05):
            continue
        evidence = [
            f"the posterior of {name} is {100 * share:.0f} % as wide as its prior"
            for name, share in shares.items()
            if share > _UNLEARNT
        ]
        if abs(correlation) >= _RIDGE:
            evidence.append(f"correlation {correlation:.2f} of log {one} and log {other}")
        evidence += [
            f"R-hat {case.r_hat[name]:.3g}, ESS {case.ess[name]:.0f} of {name}"
            for name in names
            if name in case.bad_r_hat or name in case.low_ess
        ]
        tad = time_after_dose(case.data.table)[case.data.is_observation]
        evidence.append(f"the latest observation is {np.nanmax(tad):.3g} after a dose")
        yield Problem(
            "peripheral compartment unidentified",
            f"the data do not show the distribution phase, so {' and '.join(pair)} cannot be learnt apart",
            tuple(evidence),
            "Try one compartment fewer and compare them; fix one of the two or give it an informative prior; "
            "take random effects on them out; sample later and right after the dose.",
            tuple(names),
        )
