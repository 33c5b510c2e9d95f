"""Machine code that is compiled once and serves the data of every study, or patient, of the same form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import equal_computations
from pytensor.graph.traversal import graph_inputs

from bayes_nlmem.marginal.compiled import Compiled
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.translation.graph import Translation

_FUNCTIONS = ("_compiled", "_terms", "_individuals")


def with_code_of(known: Conditional, conditional: Conditional) -> Conditional | None:
    """The functions of one graph run by the machine code of another, if both are the same computation.

    Event tables, observations and covariates are data of a graph: studies that differ in them alone (also in
    their sizes) have the same form. Whatever else differs, say whether values are censored or how many
    occasions there are, makes another form. The graphs themselves are compared, node by node.

    Parameters
    ----------
    known : Conditional
        Made with `any_size=True`; what it has compiled so far, or will compile, is shared.
    conditional : Conditional
        Of another translation of the same model.

    Returns
    -------
    Conditional or None
        None where the forms differ.
    """
    assert known.any_size, "code for data of one size"
    if _variables(known) != _variables(conditional):
        return None
    stands_for = _matched(_random_variables(known), _random_variables(conditional))
    if stands_for is None and not _same_operations(known, conditional):
        # Laws of one's own are other classes in every graph: only their densities can be compared.
        stands_for = _matched(_densities(known), _densities(conditional))
    if stands_for is None:
        return None
    for dim, length in known.graph.dim_lengths.items():  # of the population's variables
        stands_for.setdefault(length, conditional.graph.dim_lengths[dim])
    found = replace(conditional, any_size=True)
    # By name, and the names are the same: PyMC compiles its initial point at every call.
    for name in ("population", "effects", "flat"):
        getattr(found, name).__dict__["start"] = getattr(known, name).start
    found.__dict__["_terms_per_group"] = known._terms_per_group
    for name in _FUNCTIONS:
        compiled: Compiled = getattr(known, name)
        shared = [stands_for[variable] for variable in compiled.data.shared]
        found.__dict__[name] = compiled.of(found.flat, shared)
    return found


def _variables(conditional: Conditional) -> list[tuple[str, tuple[int, ...]]]:
    """Name and shape of every free variable."""
    graph: Any = conditional.graph
    length = {dim: len(labels) for dim, labels in graph.coords.items() if labels is not None}
    free = (*conditional.population.variables, *conditional.effects.variables)
    return [
        (rv.name, tuple(length[dim] for dim in graph.named_vars_to_dims.get(rv.name) or ())) for rv in free
    ]


Expressions = tuple[list[Any], list[Any]]


def _random_variables(conditional: Conditional) -> Expressions:
    """What depends on the data (everything but the population's priors), in terms of random variables."""
    graph = conditional.graph
    drawn = [*conditional.effects.variables, *graph.observed_RVs]
    seen = [graph.rvs_to_values[rv] for rv in graph.observed_RVs]
    return [*drawn, *seen, *conditional.individual_variables, *graph.potentials], []


def _densities(conditional: Conditional) -> Expressions:
    """The same as log-densities, in terms of the values of the variables."""
    graph = conditional.graph
    potentials = graph.replace_rvs_by_values(graph.potentials)
    values = [graph.rvs_to_values[rv] for rv in conditional.flat.variables]
    return [*conditional.symbolic_terms, *conditional.symbolic_individuals, *potentials], values


def _same_operations(known: Conditional, conditional: Conditional) -> bool:
    pairs = zip(known.graph.observed_RVs, conditional.graph.observed_RVs, strict=False)
    return all(type(one.owner.op) is type(other.owner.op) for one, other in pairs)


def _matched(theirs: Expressions, ours: Expressions) -> dict[Any, Any] | None:
    """Shared variable -> the one that stands in its place, if both are the same computation."""
    (left, left_inputs), (right, right_inputs) = theirs, ours
    others, mine = _shared(left), _shared(right)
    if len(left) != len(right) or len(others) != len(mine):
        return None
    if not equal_computations(left, right, others + left_inputs, mine + right_inputs):
        return None
    return dict(zip(others, mine, strict=True))


def _shared(expressions: list[Any]) -> list[Any]:
    return [v for v in dict.fromkeys(graph_inputs(expressions)) if isinstance(v, SharedVariable)]


def conditional_of(translation: Translation, known: list[Conditional]) -> tuple[Conditional, int]:
    """The functions of a translation, with machine code of the first of the known ones that has its form.

    Returns
    -------
    conditional : Conditional
    position : int
        Of the one whose code is shared, -1 if there is none.
    """
    conditional = Conditional(translation, any_size=True)
    for position, one in enumerate(known):
        found = with_code_of(one, conditional)
        if found is not None:
            return found, position
    return conditional, -1
