"""Subjects whose predictions fail, and observations that the model does not expect."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_nlmem.checks.doctor.case import Case
from bayes_nlmem.checks.doctor.findings import Problem
from bayes_nlmem.ground.messages import names_text

_PROBES = 40
_PARETO_LIMIT = 0.7


def solver_failures(case: Case) -> Iterator[Problem]:
    """Subjects whose predictions are not finite, at the draws or near them."""
    failing: dict[Any, float] = _failing(case, _predictions_at_draws(case))
    place = "at the draws themselves"
    if not failing and case.diverging.any() and not hasattr(case.model.structure, "n"):
        failing = _failing(case, _predictions_near(case))
        place = "with the random effects twice as large as in the draws, where the sampler passes by"
    if not failing:
        return
    subjects = tuple(failing)
    told = ", ".join(f"{100 * share:.0f} % for ID {who}" for who, share in list(failing.items())[:6])
    yield Problem(
        "solver failures",
        f"the equations cannot be solved for {names_text(subjects, noun='subject')}",
        (f"predictions that are not finite {place}: {told}", f"{int(case.diverging.sum())} divergences"),
        "Look at doses, times and covariates of these subjects; keep rates positive (np.where, maximum); try "
        'solver="stiff" or tighter tolerances; give priors that exclude impossible rates.',
        subjects=subjects,
    )


def outlying_observations(case: Case) -> Iterator[Problem]:
    """Pareto k above 0.7: observations that leave-one-out cannot do without; a note."""
    if "log_likelihood" not in case.draws or case.n_draws < 100:
        return
    import arviz_stats as az

    found: dict[Any, list[float]] = {}
    table = case.data.table
    terms = case.draws["log_likelihood"].to_dataset()
    for name in map(str, terms.data_vars):
        row = next(str(dim) for dim in terms[name].dims if dim not in ("chain", "draw"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            k = az.loo(case.draws, pointwise=True, var_name=name).pareto_k
        for position, value in zip(terms[row].values, np.ravel(k), strict=True):
            if value > _PARETO_LIMIT:
                found.setdefault(table["ID"].iloc[int(position) - 1], []).append(float(value))
    if not found:
        return
    ranked = sorted(found.items(), key=lambda item: -max(item[1]))
    told = ", ".join(f"ID {who}: {len(k)} (k up to {max(k):.2f})" for who, k in ranked[:6])
    yield Problem(
        "influential observations",
        "leaving single ones of these out would change the posterior: LOO by observation is not reliable",
        (f"Pareto k > {_PARETO_LIMIT}: {told}",),
        "Look at these subjects' fits and records; compare models by subject (leave one subject out), or use "
        "a residual error with heavier tails (StudentTError).",
        subjects=tuple(who for who, _ in ranked),
        note=True,
    )


def _failing(case: Case, shares: dict[str, Any]) -> dict[Any, float]:
    """ID -> share of draws at which one of its predictions is not finite."""
    subject = case.data.table["SUBJECT"].to_numpy()
    found = np.zeros(case.data.n_subjects)
    for row, share in shares.values():
        np.maximum.at(found, subject[np.asarray(row, int) - 1], share)
    return {case.data.subjects[i]: float(found[i]) for i in np.flatnonzero(found > 0)}


def _predictions_at_draws(case: Case) -> dict[str, Any]:
    found = {}
    for output in case.model.residuals:
        if output in case.posterior and f"{output}_row" in case.posterior[output].dims:
            values = case.posterior[output].transpose("chain", "draw", f"{output}_row")
            bad = np.mean(~np.isfinite(values.values), axis=(0, 1))
            found[output] = (values[f"{output}_row"].values, bad)
    return found


def _predictions_near(case: Case) -> dict[str, Any]:
    """At some draws, with the random effects doubled."""
    from bayes_nlmem.learning.replay import replay, thin

    translation = getattr(case.learnt, "translation", None)
    if translation is None:
        return {}
    drawn = thin(case.posterior, _PROBES)
    effects = [name for name in drawn if str(name).startswith(("eta", "kappa"))]
    drawn = drawn.assign({name: 2 * drawn[name] for name in effects})
    outputs = list(translation.observed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        values = replay(translation, drawn, outputs)
    return {
        output: (translation.observed[output].record + 1, np.mean(~np.isfinite(values[output]), axis=0))
        for output in outputs
    }
