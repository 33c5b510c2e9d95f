"""Covariates that some subjects lack: a law from which the missing values come, learnt from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.matrix_priors import Dirichlet
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import Prior, is_number
from bayes_nlmem.ground.scales import Log, Scale
from bayes_nlmem.ground.values import POSITIVE, admitted, refusal
from bayes_nlmem.statistics.covariates import CovariateEffect


@dataclass(frozen=True)
class Imputed:
    r"""A numeric covariate that some subjects lack; the missing values are unknowns of the model.

    On its scale h the covariate is normal over the subjects,
    :math:`h(x_i) \sim N(h(x_\mathrm{typical}) + \mathrm{shift}(\mathrm{others}_i), sd^2)`: log-normal on
    `Log()`, normal on `Natural()`. Those who have it tell the law, those who lack it get a value that agrees
    with the law and with their observations. It is assumed that whether a value is missing does not depend on
    the value itself, given the other covariates (missing at random). NONMEM: an eta for the missing
    covariate, with the known ones as data; Monolix and nlmixr2 have no such option.

    Parameters
    ----------
    typical : float or Prior
        Typical value, in the covariate's unit.
    sd : float or Prior
        Standard deviation over the subjects, on `scale`.
    given : mapping of name to CovariateEffect, optional
        Regression on other covariates, with the same effects as for parameters.
    scale : Scale
        `Log()` (default), `Natural()`, `Logit(lower, upper)` or `Probit(lower, upper)`.

    Raises
    ------
    ModelError
        With everything that is wrong.

    References
    ----------
    Little & Rubin 2019, Statistical Analysis with Missing Data, 3rd ed., doi:10.1002/9781119482260.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> weight = bn.Imputed(bn.about(70.0), sd=bn.about(0.2), given={"HT": bn.Power(bn.Normal(2, 1), 1.7)})
    >>> print(weight.sd)
    HalfNormal(sd 0.3)
    """

    typical: float | Prior
    sd: float | Prior
    given: Mapping[str, CovariateEffect] = FrozenMapping()
    scale: Scale = Log()

    def __post_init__(self) -> None:
        if isinstance(self.scale, type) or not isinstance(self.scale, Scale):
            remedy = "Write Log() or Natural(), with parentheses."
            problem = explain(expected="a scale", got=repr(self.scale), remedy=remedy)
            raise refusal([problem], "Imputed is not well stated")
        typical, problems = admitted(self.typical, "the typical value", inside=self.scale.range)
        sd, wrong = admitted(self.sd, "sd", inside=POSITIVE, role="sd")
        problems = [*problems, *wrong]
        settled = {}
        if not isinstance(self.given, Mapping):
            remedy = 'Write given={"HT": Power(Normal(2, 1), reference=1.7)}.'
            problems.append(explain(expected="a mapping in `given`", got=repr(self.given), remedy=remedy))
        else:
            for name, effect in self.given.items():
                if isinstance(effect, type) or not isinstance(effect, CovariateEffect):
                    remedy = "Write Power(...), Linear(...), Exponential(...) or Categorical(...)."
                    expected = f"an effect of {name} in `given`"
                    problems.append(explain(expected=expected, got=repr(effect), remedy=remedy))
                elif hasattr(effect, "on"):
                    settled[name], wrong = effect.on(self.scale)
                    problems.extend(f"{name}: {problem}" for problem in wrong)
                else:
                    settled[name] = effect
        if problems:
            raise refusal(problems, "Imputed is not well stated")
        object.__setattr__(self, "typical", typical)
        object.__setattr__(self, "sd", sd)
        object.__setattr__(self, "given", FrozenMapping(settled))

    @property
    def known(self) -> bool:
        """Whether the law is known, so that the values that are there tell nothing about it."""
        effects = (value for effect in self.given.values() for value in effect.unknowns().values())
        return not any(isinstance(value, Prior) for value in (self.typical, self.sd, *effects))


@dataclass(frozen=True)
class ImputedCategory:
    """A category that some subjects lack; the likelihood of such a subject is averaged over the levels.

    Parameters
    ----------
    levels : sequence
        All levels of the category, as in the data.
    probabilities : sequence of float or Dirichlet
        Share of every level among the subjects; `Dirichlet(1, 1)` learns it from those who have it.

    Raises
    ------
    ModelError
        If there are fewer than two levels, or the numbers are no probabilities that add up to 1.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.ImputedCategory(("F", "M"), (0.5, 0.5)).probabilities
    (0.5, 0.5)
    """

    levels: Sequence[Any]
    probabilities: Sequence[float] | Dirichlet

    def __post_init__(self) -> None:
        problems = []
        levels: Any = self.levels
        if isinstance(levels, str) or not isinstance(levels, Sequence) or len(set(levels)) != len(levels) > 1:
            remedy = 'Write ImputedCategory(("F", "M"), Dirichlet(1, 1)).'
            problems.append(explain(expected="two or more different levels", got=repr(levels), remedy=remedy))
        else:
            object.__setattr__(self, "levels", tuple(levels))
            shares, wrong = settled_shares(self.probabilities, len(levels), "levels")
            object.__setattr__(self, "probabilities", shares)
            problems.extend(wrong)
        if problems:
            raise refusal(problems, "ImputedCategory is not well stated")

    @property
    def known(self) -> bool:
        """Whether the probabilities are known."""
        return not isinstance(self.probabilities, Dirichlet)


def settled_shares(shares: Any, size: int, what: str) -> tuple[tuple[float, ...] | Dirichlet, list[str]]:
    """Probabilities as they are kept, with the problems that speak against them.

    Examples
    --------
    >>> settled_shares([0.3, 0.7], 2, "classes")
    ((0.3, 0.7), [])
    >>> settled_shares((0.3, 0.6), 2, "classes")[1]
    ['Expected 2 probabilities of classes that add up to 1, got 0.3, 0.6. Or write Dirichlet(1, 1).']
    """
    if isinstance(shares, Dirichlet):
        if len(shares.concentration) == size:
            return shares, []
        remedy = "One number for each."
        return shares, [explain(expected=f"a Dirichlet of {size} {what}", got=str(shares), remedy=remedy)]
    listed = list(shares) if isinstance(shares, Sequence) and not isinstance(shares, str) else [shares]
    sound = len(listed) == size and all(is_number(p) and 0 < p < 1 for p in listed)
    if sound and abs(sum(listed) - 1) < 1e-9:
        return tuple(float(p) for p in listed), []
    expected = f"{size} probabilities of {what} that add up to 1"
    got = ", ".join(f"{p:g}" if is_number(p) else repr(p) for p in listed)
    remedy = f"Or write Dirichlet({', '.join(['1'] * size)})."
    return tuple(listed), [explain(expected=expected, got=got, remedy=remedy)]
