"""Variability: a standard deviation at zero, and a covariance matrix that is nearly singular."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bayes_nlmem.checks.doctor.case import Case
from bayes_nlmem.checks.doctor.findings import Problem
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.quantities import CORRELATIONS, IIV, IOV

_NEAR_ZERO = 0.15  # 5 % quantile over the median: a posterior that reaches down to zero
_SINGULAR = 0.95


def omega_at_zero(case: Case) -> Iterator[Problem]:
    """A standard deviation of random effects that reaches zero, where the sampler sticks or diverges."""
    for name, quantity in case.quantities.items():
        if quantity.block not in (IIV, IOV):
            continue
        low, median = np.quantile(case.values(name), [0.05, 0.5])
        crowd = case.where_divergences_crowd(name)
        mixes_badly = name in case.bad_r_hat or name in case.low_ess
        prior = quantity.value.quantile(0.5) if isinstance(quantity.value, Prior) else None
        reaches_zero = low < _NEAR_ZERO * median
        small = prior is not None and median < _NEAR_ZERO * prior  # a chain that sticks never reaches 0
        stuck = mixes_badly or (case.diverging.any() and crowd < 0.25)
        if not stuck or not (reaches_zero or small):
            continue
        evidence = [f"5 % quantile {low:.3g} of {name}, median {median:.3g}"]
        if small:
            evidence[0] += f" (of its prior {prior:.3g})"
        if case.diverging.any() and crowd < 0.25:
            tenth = case.values(name) < np.quantile(case.values(name), 0.1)
            share = 100 * np.mean(tenth[case.diverging])
            evidence.append(f"{share:.0f} % of the divergences have {name} among its lowest 10 %")
        if mixes_badly:
            evidence.append(f"R-hat {case.r_hat[name]:.3g}, ESS {case.ess[name]:.0f}")
        owner = quantity.owner
        field, what = ("iov", "occasions") if quantity.block == IOV else ("iiv", "subjects")
        yield Problem(
            "omega at zero",
            f"the data hardly show that {owner} varies between {what}: its SD {name} may be zero",
            tuple(evidence),
            f'Leave it out (model.with_parameter("{owner}", {field}=0)) and compare; or give it a prior away '
            f"from zero (LogNormal), if the variability is known to exist.",
            (name,),
        )


def near_singular_omega(case: Case) -> Iterator[Problem]:
    """Correlations of random effects at plus or minus one."""
    for name, quantity in case.quantities.items():
        if quantity.block != CORRELATIONS:
            continue
        values = case.values(name)
        extreme = float(np.mean(np.abs(values) > _SINGULAR))
        one, other = name.removeprefix("corr_").split("_")[:2]
        related = [name, f"omega_{one}", f"omega_{other}"]
        crowd = abs(case.where_divergences_crowd(name) - 0.5)
        if extreme < 0.5 or not (
            case.troubled(related) or (case.diverging.any() and crowd > 0.25) or case.sick
        ):
            continue
        evidence = [f"|{name}| > {_SINGULAR} in {100 * extreme:.0f} % of the draws"]
        bad = [n for n in related if n in case.bad_r_hat or n in case.low_ess]
        evidence += [f"R-hat {case.r_hat[n]:.3g}, ESS {case.ess[n]:.0f} of {n}" for n in bad]
        if case.diverging.any():
            evidence.append(f"{int(case.diverging.sum())} divergences")
        yield Problem(
            "near-singular Omega",
            f"the random effects of {one} and {other} are one and the same: Omega is nearly singular",
            tuple(evidence),
            f"Both may share a cause, often bioavailability: move the variability to F, or keep a random "
            f"effect on one of {one} and {other} only; a stronger LKJ prior (eta = 4) keeps off the edge.",
            tuple(n for n in related if n in case.quantities),
        )
