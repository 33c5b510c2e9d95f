"""What can be wrong with missing covariates and mixtures before any data are seen; what they want to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.matrix_priors import Dirichlet
from bayes_nlmem.ground.messages import closest, explain
from bayes_nlmem.model.classes import PerClass
from bayes_nlmem.statistics.imputation import Imputed, ImputedCategory, settled_shares

if TYPE_CHECKING:
    from bayes_nlmem.model.specification import Model


def unseen_kinds(model: Model) -> Iterator[str]:
    """Things of the wrong kind in `missing` and `mixture`."""
    if not isinstance(model.missing, Mapping):
        remedy = 'Write missing={"WT": Imputed(about(70), sd=about(0.2))}.'
        yield explain(expected="a mapping of covariate to law", got=repr(model.missing), remedy=remedy)
    else:
        for name, law in model.missing.items():
            if isinstance(law, type) or not isinstance(law, (Imputed, ImputedCategory)):
                remedy = "A covariate is never filled in without a law: write Imputed(typical, sd)."
                yield explain(expected=f"Imputed or ImputedCategory for {name}", got=repr(law), remedy=remedy)
    shares: Any = model.mixture
    if shares is None or isinstance(shares, Dirichlet):
        return
    if isinstance(shares, str) or not isinstance(shares, Sequence) or len(shares) < 2:
        remedy = "Write mixture=Dirichlet(1, 1), or mixture=(0.3, 0.7)."
        yield explain(expected="probabilities of the classes in `mixture`", got=repr(shares), remedy=remedy)
    else:
        yield from settled_shares(shares, len(shares), "classes")[1]


def missing_stated(model: Model) -> Iterator[str]:
    """Laws of covariates that the model does not use; regressions that go in circles."""
    used = set(model.covariates)
    earlier: list[str] = []
    for name, law in model.missing.items():
        of_others = [o for o, other in model.missing.items() if name in getattr(other, "given", ())]
        if name not in used and not of_others:
            remedy = closest(name, used) or f"It would have no effect: leave {name} out of missing."
            expected = f"a covariate of the model ({', '.join(model.covariates) or 'it has none'}) in missing"
            yield explain(expected=expected, got=repr(name), remedy=remedy)
        for given in getattr(law, "given", ()):
            other = model.missing.get(given)
            if isinstance(other, ImputedCategory):
                remedy = f"Leave {given} out of `given`, or complete it."
                got = f"{given}, which is an ImputedCategory itself"
                yield explain(expected=f"numeric covariates given for {name}", got=got, remedy=remedy)
            elif other is not None and given not in earlier:
                remedy = f"Name {given} before {name} in missing, and do not give {name} for it."
                yield explain(expected=f"{given} settled before {name}", got="it later", remedy=remedy)
        earlier.append(name)


def mixture_stated(model: Model) -> Iterator[str]:
    """Classes and typical values per class belong together."""
    categories = [name for name, law in model.missing.items() if isinstance(law, ImputedCategory)]
    if model.correlated_residuals and (model.mixture is not None or categories):
        remedy = "Leave correlated_residuals out: the likelihood is averaged over what is not observed."
        got = "a mixture" if model.mixture is not None else f"missing categories of {', '.join(categories)}"
        yield explain(expected="no classes beside correlated residuals", got=got, remedy=remedy)
    per_class = {name: p.typical for name, p in model.parameters.items() if isinstance(p.typical, PerClass)}
    if model.mixture is None:
        if per_class:
            remedy = "Give the probabilities of the classes: Model(..., mixture=Dirichlet(1, 1))."
            expected = f"`mixture` beside PerClass of {', '.join(per_class)}"
            yield explain(expected=expected, got="none", remedy=remedy)
        return
    if not per_class:
        remedy = "Without it the classes do not differ: leave `mixture` out."
        yield explain(expected="a PerClass typical value beside `mixture`", got="none", remedy=remedy)
    for name, typical in per_class.items():
        if len(typical.values) != model.n_classes:
            remedy = "One value for each class."
            expected = f"{model.n_classes} values in PerClass of {name}"
            yield explain(expected=expected, got=str(len(typical.values)), remedy=remedy)
    for name, typical in list(per_class.items())[:1]:
        if not typical.ascending():
            remedy = "Exchange the classes, in all parameters and in `mixture`."
            expected = f"classes in ascending order of {name}, the first parameter with PerClass"
            yield explain(expected=expected, got=str(typical), remedy=remedy)
