"""Whether the subjects of a model are independent given the population parameters."""

from __future__ import annotations

from bayes_nlmem.ground.messages import ModelError, explain, names_text
from bayes_nlmem.marginal.conditional import Conditional


def check_complete(conditional: Conditional) -> None:
    """Refuse models whose subjects have unknowns besides their random effects.

    Raises
    ------
    ModelError
        There are unknown values of covariates.
    """
    graph = conditional.graph
    lacking = [name for name in conditional.translation.model.missing if f"{name}_score" in graph.named_vars]
    if lacking:
        raise ModelError(
            explain(
                expected="random effects as the only unknowns of single subjects",
                got=f"unknown values of {names_text(lacking)} (missing=...) besides",
                remedy="They would be held fixed instead of integrated out: use bn.fit for such a model, or "
                "complete the covariate.",
            )
        )


def check_separable(conditional: Conditional) -> None:
    """Refuse models whose subjects are not independent given the population parameters.

    Raises
    ------
    ModelError
        The model has random effects of a level above the subject, or unknown values of covariates.
    """
    check_complete(conditional)
    graph = conditional.graph
    above = [rv.name for rv in conditional.population.variables if rv.name.startswith(("eta_", "kappa_"))]
    if above:
        dims = {name: graph.named_vars_to_dims.get(name, ()) for name in above}
        raise ModelError(
            explain(
                expected="random effects of subjects and of their occasions only",
                got="; ".join(f"{name}[{', '.join(map(str, d))}]" for name, d in dims.items()),
                remedy="Subjects that share an effect are not independent given the population: use bn.fit; "
                "bn.log_likelihood and the criteria of fits take such models.",
            )
        )
