"""Absorption: flip-flop with elimination, and no samples that show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_nlmem.checks.doctor.case import Case
from bayes_nlmem.checks.doctor.findings import Problem
from bayes_nlmem.ground.messages import names_text
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.learning.predictions import time_after_dose

_FEW = 0.2  # share of subjects with samples during absorption that counts as few


def flip_flop(case: Case) -> Iterator[Problem]:
    """KA and the terminal rate constant have changed places in some chains, draws or subjects."""
    typical = _rates(case, individual=False)
    if typical is None:
        return
    flipped = typical[0] < typical[1]
    by_chain = flipped.mean(axis=1)
    evidence, where = [], ""
    if by_chain.max() > 0.8 and by_chain.min() < 0.2:
        chains = [k for k, share in enumerate(by_chain) if share > 0.5]
        where = f"chains {names_text(chains)} of {len(by_chain)}"
        evidence.append(f"KA below the terminal rate constant in all of chains {names_text(chains)} only")
    elif 0.05 < flipped.mean() < 0.95:
        where = "some draws of each chain"
        evidence.append(f"KA below the terminal rate constant in {100 * flipped.mean():.0f} % of the draws")
    elif flipped.mean() >= 0.95 and _prior_expects_fast(case):
        where = "all draws, against what the priors expect"
        evidence.append(
            "KA below the terminal rate constant in all draws; at the priors' medians it is above"
        )
    subjects = _flipping_subjects(case) if case.sick else ()
    if subjects:
        evidence.append(
            f"both orders of the two rates in the draws of {names_text(subjects, noun='subject')}"
        )
        where = where or names_text(subjects, noun="subject")
    if not evidence or not (case.sick or not subjects):
        return
    if "KA_pop" in case.r_hat:
        evidence.append(f"R-hat {case.r_hat['KA_pop']:.3g} of KA_pop")
    yield Problem(
        "flip-flop",
        f"two modes that fit nearly as well: absorption and elimination change places in {where}",
        tuple(evidence),
        "Give KA a prior that keeps it above the terminal rate constant (or below, if absorption is known to "
        "be the slow step); write KA = k + exp(...); add intravenous data or samples during absorption.",
        tuple(name for name in ("KA_pop", "CL_pop", _volume(case)) if name in case.posterior),
        subjects,
    )


def no_absorption_samples(case: Case) -> Iterator[Problem]:
    """KA mixes badly or stays at its prior, and hardly anybody was sampled before the peak."""
    if "KA_pop" not in case.quantities or not case.sick:
        return
    troubled = case.troubled(["KA_pop", "omega_KA"])
    share_learnt = case.learnt_share("KA_pop")
    crowd = min(abs(case.where_divergences_crowd("KA_pop") - edge) for edge in (0.0, 1.0))
    if not (troubled or (case.diverging.any() and crowd < 0.15)):
        return
    rates = _rates(case, individual=False)
    if rates is None:
        return
    ka, k = (float(np.median(rate)) for rate in rates)
    peak = np.log(ka / k) / (ka - k) if abs(ka - k) > 1e-9 * ka else 1 / ka
    table = case.data.table
    tad = time_after_dose(table)
    early = case.data.is_observation & (tad > 0) & (tad < peak)
    sampled = table.loc[early, "SUBJECT"].nunique()
    if sampled > _FEW * case.data.n_subjects:
        return
    learnt = (
        ""
        if np.isnan(share_learnt)
        else f"; its posterior is {100 * share_learnt:.0f} % as wide as its prior"
    )
    yield Problem(
        "no absorption samples",
        "KA cannot be learnt: hardly any samples were taken while the drug was absorbed",
        (
            f"{sampled} of {case.data.n_subjects} subjects have an observation before the typical peak at "
            f"{peak:.2g} after a dose",
            f"R-hat {case.r_hat.get('KA_pop', 1):.3g}, ESS {case.ess.get('KA_pop', np.nan):.0f} (KA_pop)"
            + learnt,
        ),
        "Fix KA to a known value, give it an informative prior, take its random effect out (iiv=0), or "
        "sample before the peak.",
        ("KA_pop", *(name for name in ("omega_KA",) if name in case.quantities)),
    )


def _volume(case: Case) -> str:
    return f"{getattr(case.model.structure, 'volume', 'V')}_pop"


def _rates(case: Case, *, individual: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """KA and the terminal rate constant at the draws; None where the structure has no such pair."""
    structure, parameters = case.model.structure, case.model.parameters
    if not getattr(structure, "depot", False) or "KA" not in parameters:
        return None
    values: dict[str, Any] = {}
    for name in structure.parameters:
        found = _values(case, name, individual)
        if found is None:
            return None
        values[name] = found
    return values["KA"], terminal_rate(structure, values)


def _values(case: Case, name: str, individual: bool) -> Any:
    if individual and name in case.posterior and "subject" in case.posterior[name].dims:
        return case.posterior[name].transpose("chain", "draw", "subject").values
    if f"{name}_pop" in case.posterior:
        values = case.values(f"{name}_pop")
    else:
        typical = case.model.parameters[name].typical if name in case.model.parameters else None
        if not isinstance(typical, int | float):
            return None
        values = np.full((case.posterior.sizes["chain"], case.posterior.sizes["draw"]), float(typical))
    return values[..., None] if individual else values


def terminal_rate(structure: Any, p: dict[str, Any]) -> Any:
    """The smallest rate constant of disposition, from the parameters of a compartment structure."""
    from bayes_nlmem.structures.parameterisation import rate_constants

    k = rate_constants(p, structure.n, structure.parameterisation)
    if structure.n == 1:
        return k[0]
    if structure.n == 2:
        k10, k12, k21 = k[:3]
        total = k10 + k12 + k21
        return (total - np.sqrt(total**2 - 4 * k10 * k21)) / 2
    k10, k12, k21, k13, k31 = k[:5]
    shape = np.broadcast(k10, k12, k21, k13, k31).shape
    matrix = np.zeros((*shape, 3, 3))
    matrix[..., 0, 0] = -(k10 + k12 + k13)
    matrix[..., 0, 1], matrix[..., 0, 2] = k21, k31
    matrix[..., 1, 0], matrix[..., 1, 1] = k12, -k21
    matrix[..., 2, 0], matrix[..., 2, 2] = k13, -k31
    return -np.linalg.eigvals(matrix).real.max(axis=-1)


def _flipping_subjects(case: Case) -> tuple[Any, ...]:
    rates = _rates(case, individual=True)
    if rates is None or rates[0].shape[-1] != case.data.n_subjects:
        return ()
    share = np.mean(rates[0] < rates[1], axis=(0, 1))
    share = np.broadcast_to(share, case.data.n_subjects)
    return tuple(case.data.subjects[i] for i in np.flatnonzero((share > 0.1) & (share < 0.9)))


def _prior_expects_fast(case: Case) -> bool:
    """Whether KA is above the terminal rate constant at the priors' medians."""
    structure, centre = case.model.structure, {}
    for name in structure.parameters:
        typical = case.model.parameters[name].typical
        value = typical.quantile(0.5) if isinstance(typical, Prior) else typical
        if not isinstance(value, int | float | None):
            return False
        if value is None:
            return False
        centre[name] = np.asarray(float(value))
    return bool(centre["KA"] > terminal_rate(structure, centre))
