"""The linear lead of a system: compartments that are linear by themselves and feed the others.

They depend on no other compartment and have constant coefficients between events, as kinetics do that drive
an effect. The explicit method moves them exactly (see `lead`); its steps follow the others.
"""

from __future__ import annotations

from bayes_nlmem.engine.ode.derivatives import Derivatives, linear_in_states
from bayes_nlmem.engine.ode.trace import System

# Compartments in exchange with one another, at most: their eigenvalues have closed forms.
MOST_IN_EXCHANGE = 3


def linear_lead(system: System, d: Derivatives) -> tuple[tuple[int, ...], ...]:
    """The compartments of the lead, in groups that are in exchange, in the order of flow.

    Empty where all are linear (there is a solver for that) or doses enter by an input rate.
    """
    if d.linear or system.input_rates:
        return ()
    lead = {i for i, rate in enumerate(system.rates) if linear_in_states(system.graph, (rate,), [d.f_y[i]])}
    while True:
        lead = _closed(lead, d)
        needs = {i: _needs(i, d) for i in lead}
        groups = {i: tuple(sorted(j for j in needs[i] if i in needs[j])) for i in lead}
        large = {i for i in lead if len(groups[i]) > MOST_IN_EXCHANGE}
        if not large:
            return tuple(sorted(set(groups.values()), key=lambda group: (len(needs[group[0]]), group)))
        lead -= large


def _closed(lead: set[int], d: Derivatives) -> set[int]:
    """Those that depend on one another only."""
    while True:
        closed = {i for i in lead if set(d.f_y[i]) <= lead}
        if closed == lead:
            return lead
        lead = closed


def _needs(i: int, d: Derivatives) -> set[int]:
    """A compartment and all that it depends on."""
    found, pending = {i}, [i]
    while pending:
        more = set(d.f_y[pending.pop()]) - found
        found |= more
        pending.extend(more)
    return found
