"""The posterior's shape: two modes, ridges, heavy tails, sharp curvature, or simply short chains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bayes_nlmem.checks.doctor.case import Case, worst
from bayes_nlmem.checks.doctor.findings import Problem
from bayes_nlmem.ground.messages import names_text
from bayes_nlmem.learning.convergence import BFMI_LIMIT

_APART = 3.0  # distance of chain means in within-chain SDs that makes two modes
_STUCK = 1.05


def two_modes(case: Case) -> Iterator[Problem]:
    """Chains that stay in different places."""
    separated = {}
    for name in case.quantities:
        if case.r_hat.get(name, 1.0) < _STUCK:
            continue
        x = case.unbounded(name)
        within = float(np.median(x.std(axis=1))) or np.nan
        order = np.argsort(x.mean(axis=1))
        gaps = np.diff(x.mean(axis=1)[order]) / within
        if gaps.size and gaps.max() > _APART:
            separated[name] = (float(gaps.max()), order[: int(np.argmax(gaps)) + 1])
    if not separated:
        return
    first = max(separated, key=lambda name: separated[name][0])
    lower = sorted(int(k) for k in separated[first][1])
    upper = [k for k in range(case.posterior.sizes["chain"]) if k not in lower]
    evidence = [
        f"{name}: {np.median(case.values(name)[lower]):.3g} in chains {names_text(lower)}, "
        f"{np.median(case.values(name)[upper]):.3g} in the others (R-hat {case.r_hat[name]:.3g})"
        for name in list(separated)[:4]
    ]
    likelihood = _log_likelihood(case)
    if likelihood is not None:
        low, high = (float(np.median(likelihood[chains])) for chains in (lower, upper))
        evidence.append(
            f"median log-likelihood {low:.1f} in chains {names_text(lower)}, {high:.1f} in the others"
        )
    yield Problem(
        "two modes",
        "the chains stay in different places: the data have two explanations, or one set of chains is stuck",
        tuple(evidence),
        "Compare the individual fits of the two sets of chains; exclude the explanation that makes no sense "
        "by its prior; if one likelihood is far lower, those chains are stuck: try another seed.",
        tuple(separated),
    )


def deep_trees(case: Case) -> Iterator[Problem]:
    """Draws that hit the largest tree depth: a long ridge."""
    if case.deep <= 0.05:
        return
    one, other, correlation = case.strongest_pair(case.quantities)
    evidence = [f"{100 * case.deep:.0f} % of the draws hit the largest tree depth"]
    if abs(correlation) > 0.7:
        evidence.append(f"correlation {correlation:.2f} of {one} and {other}")
    yield Problem(
        "long ridge",
        "parameters trade off against each other along a long, narrow ridge",
        tuple(evidence),
        "bn.identifiability(model, data) tells which combination the design does not show; fix one of the "
        "pair or tighten its prior.",
        (one, other) if abs(correlation) > 0.7 else (),
    )


def heavy_tails(case: Case) -> Iterator[Problem]:
    """E-BFMI too low: energies that the momentum cannot reach."""
    if not case.bfmi.size or case.bfmi.min() >= BFMI_LIMIT:
        return
    energy = case.stats["energy"].transpose("chain", "draw").values.ravel()
    linked = {
        name: abs(float(np.corrcoef(energy, case.unbounded(name).ravel())[0, 1]))
        for name in case.quantities
        if np.ptp(case.values(name)) > 0
    }
    name = max(linked, key=lambda n: linked[n]) if linked else ""
    evidence = [f"E-BFMI {case.bfmi.min():.2f} (limit {BFMI_LIMIT})"]
    if name and linked[name] > 0.3:
        evidence.append(f"the energy goes with {name} (correlation {linked[name]:.2f})")
    yield Problem(
        "heavy tails",
        "the posterior has tails that the sampler reaches too rarely: often a standard deviation that its "
        "prior lets be huge or tiny",
        tuple(evidence),
        "Give omegas and sigmas priors with lighter tails (HalfNormal instead of HalfCauchy), and away from "
        "zero where they are known to exist.",
        (name,) if len(evidence) > 1 else (),
    )


def sharp_curvature(case: Case) -> Iterator[Problem]:
    """Divergences that no other rule explains."""
    count = int(case.diverging.sum())
    if not count:
        return
    ranks = {name: case.where_divergences_crowd(name) for name in case.quantities}
    name = max(ranks, key=lambda n: abs(ranks[n] - 0.5)) if ranks else ""
    evidence = [f"{count} divergent transitions in {case.n_draws} draws"]
    crowded = bool(name) and abs(ranks[name] - 0.5) > 0.25
    if crowded:
        evidence.append(f"most of them where {name} is {'low' if ranks[name] < 0.5 else 'high'}")
    subjects = _subjects_at_divergences(case)
    if subjects:
        evidence.append(f"with extreme random effects of {names_text(subjects, noun='subject')}")
    yield Problem(
        "divergences",
        "the posterior bends too sharply for the step size somewhere",
        tuple(evidence),
        "target_accept=0.98 first; if they remain, look at the pairs of that parameter with the others and "
        "at these subjects' data, and give it a stronger prior.",
        (name,) if crowded else (),
        subjects,
    )


def short_chains(case: Case) -> Iterator[Problem]:
    """Slow mixing that no other rule explains."""
    if not case.bad_r_hat and not case.low_ess:
        return
    evidence = []
    if case.bad_r_hat:
        evidence.append(f"R-hat too large: {worst(case.bad_r_hat)}")
    if case.low_ess:
        evidence.append(f"ESS below 400: {worst(case.low_ess)}")
    one, other, correlation = case.strongest_pair(case.quantities)
    if abs(correlation) > 0.9:
        evidence.append(f"correlation {correlation:.2f} of {one} and {other}")
    factor = 400 / max(1.0, min(case.ess.values()))
    draws = int(np.ceil(case.posterior.sizes["draw"] * max(2.0, min(factor, 10.0)) / 500) * 500)
    yield Problem(
        "short chains",
        "the chains are too short for how slowly they mix",
        tuple(evidence),
        f"Sample longer: draws={draws}. If that does not help, look at the pairs of these parameters.",
        tuple(name for name in case.quantities if name in case.bad_r_hat or name in case.low_ess),
    )


def _log_likelihood(case: Case) -> np.ndarray | None:
    """Log-likelihood of all observations, shape (chains, draws)."""
    if "log_likelihood" not in case.draws:
        return None
    terms = case.draws["log_likelihood"].to_dataset()
    values = [terms[name].transpose("chain", "draw", ...).values for name in terms.data_vars]
    return np.sum([v.reshape(*v.shape[:2], -1).sum(axis=2) for v in values], axis=0)


def _subjects_at_divergences(case: Case) -> tuple:
    """Subjects whose random effects at divergences are far from where they are elsewhere."""
    if "eta" not in case.posterior or case.diverging.sum() < 5:
        return ()
    eta = case.posterior["eta"].transpose("chain", "draw", "subject", ...)
    values = eta.values.reshape(*eta.shape[:3], -1)
    centre, spread = values.mean(axis=(0, 1)), values.std(axis=(0, 1))
    spread = np.where(spread > 0, spread, np.inf)
    moved = np.abs(values[case.diverging].mean(axis=0) - centre) / spread
    far = moved.max(axis=-1)
    return tuple(eta["subject"].values[i].item() for i in np.argsort(-far)[:3] if far[i] > 1.0)
