"""Parameters of a model: typical value, covariate effects and variability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import Prior, is_number
from bayes_nlmem.ground.scales import Log, Scale
from bayes_nlmem.ground.values import LINE, POSITIVE, admitted, refusal
from bayes_nlmem.model.classes import PerClass
from bayes_nlmem.statistics.covariate_names import CovariateKey, members, spoken
from bayes_nlmem.statistics.covariates import CovariateEffect
from bayes_nlmem.statistics.eta_laws import EtaLaw


@dataclass(frozen=True)
class Parameter:
    r"""One parameter of the structure, from its typical value to its variability.

    On its `scale` h a parameter is
    :math:`h(P_i) = h(P_\mathrm{pop}) + \mathrm{shift}(\mathrm{covariates}_i) + \eta_i + \kappa_{ik}` for
    subject i on occasion k; with `Log()` that is P_pop times the covariate factors times exp(eta + kappa).

    A number is known, a prior is unknown.

    Parameters
    ----------
    typical : float, Prior or PerClass
        Typical value, in the parameter's unit; `PerClass` has one for each class of a mixture.
    iiv : float or Prior, optional
        Standard deviation of the random effect between individuals, on `scale`; None or 0 is none, `Joint()`
        is given by a block (`Correlated` with an inverse-Wishart prior or a known covariance matrix).
    iov : float or Prior, optional
        Standard deviation of the random effect between occasions, on `scale`; None or 0 is none.
    covariates : mapping of name to CovariateEffect, optional
        Effects of covariates: `Power`, `Linear`, `Exponential`, `Categorical`, `PiecewiseLinear`, `Emax`,
        `Maturation` or your own; under a tuple of names an `Interaction`.
    scale : Scale
        Where effects and random effects add: `Log()` (default), `Natural()`, `Logit(lower, upper)` or
        `Probit(lower, upper)`.
    unit, label : str
        For tables.
    varies : mapping of level to float or Prior, optional
        Standard deviation of the random effect between the groups of a level above the subject, on `scale`:
        ``{"SITE": HalfNormal(0.3)}``.
    law : EtaLaw, optional
        Law of the random effect between individuals: `BoxCoxEta` or `StudentTEta`; None is normal.

    Raises
    ------
    ModelError
        With everything that is wrong: a value outside its range, a prior whose support does not fit,
        something that is no effect, an effect that the scale does not allow.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> clearance = bn.Parameter(
    ...     bn.LogNormal(2.8, cv=0.5),
    ...     iiv=bn.HalfNormal(0.5),
    ...     covariates={"WT": bn.Power(0.75, reference=70)},
    ...     unit="L/h",
    ... )
    >>> print(clearance.typical)
    LogNormal(median 2.8, CV 50%)
    """

    typical: float | Prior | PerClass
    iiv: float | Prior | None = None
    iov: float | Prior | None = None
    covariates: Mapping[Any, CovariateEffect] = FrozenMapping()
    scale: Scale = Log()
    unit: str = ""
    label: str = ""
    varies: Mapping[str, float | Prior] = FrozenMapping()
    law: EtaLaw | None = None

    def __post_init__(self) -> None:
        problems = []
        inside = LINE
        if isinstance(self.scale, type) or not isinstance(self.scale, Scale):
            remedy = "Write Log(), Natural(), Logit(lower, upper) or Probit(lower, upper), with parentheses."
            problems.append(explain(expected="a scale", got=repr(self.scale), remedy=remedy))
        else:
            inside = self.scale.range
        typical: Any
        if isinstance(self.typical, PerClass):
            typical, wrong = self.typical.inside(inside)
        else:
            typical, wrong = admitted(self.typical, "the typical value", inside=inside)
        object.__setattr__(self, "typical", typical)
        problems.extend(wrong)
        for name in ("iiv", "iov"):
            problems.extend(self._admit_deviation(name))
        problems.extend(self._admit_covariates())
        problems.extend(self._admit_levels())
        problems.extend(self._admit_law())
        for name in ("unit", "label"):
            if not isinstance(getattr(self, name), str):
                got = repr(getattr(self, name))
                remedy = "Leave it out if there is none."
                problems.append(explain(expected=f"text for `{name}`", got=got, remedy=remedy))
        if problems:
            raise refusal(problems, "Parameter is not well stated")

    def _admit_deviation(self, name: str) -> list[str]:
        value = getattr(self, name)
        none = value is None or (is_number(value) and value == 0)
        value, problems = (None, []) if none else admitted(value, name, inside=POSITIVE, role="sd")
        object.__setattr__(self, name, value)
        return problems

    def _admit_levels(self) -> list[str]:
        given: Any = self.varies
        if not isinstance(given, Mapping):
            remedy = 'Write varies={"SITE": HalfNormal(0.3)}.'
            return [explain(expected="a mapping of level to SD in `varies`", got=repr(given), remedy=remedy)]
        problems, settled = [], {}
        for name, value in given.items():
            if not isinstance(name, str) or not name or name in ("subject", "occasion"):
                remedy = "Use the name of the column; between subjects it is iiv, between occasions iov."
                problems.append(
                    explain(expected="the name of a level in `varies`", got=repr(name), remedy=remedy)
                )
            elif value is None or (is_number(value) and value == 0):
                continue
            else:
                settled[name], wrong = admitted(value, f"varies[{name!r}]", inside=POSITIVE, role="sd")
                problems.extend(wrong)
        object.__setattr__(self, "varies", FrozenMapping(settled))
        return problems

    def _admit_law(self) -> list[str]:
        if self.law is None:
            return []
        if isinstance(self.law, type) or not isinstance(self.law, EtaLaw):
            remedy = "Write BoxCoxEta(shape) or StudentTEta(df); normal is None."
            return [explain(expected="a law of the random effect", got=repr(self.law), remedy=remedy)]
        if self.iiv is None:
            remedy = "Give an iiv, or leave `law` out."
            got = f"no iiv beside {self.law!r}"
            return [explain(expected="a random effect between individuals", got=got, remedy=remedy)]
        return []

    def _admit_covariates(self) -> list[str]:
        given: Any = self.covariates
        if not isinstance(given, Mapping):
            remedy = 'Write covariates={"WT": Power(0.75, reference=70)}.'
            return [explain(expected="a mapping of covariate to effect", got=repr(given), remedy=remedy)]
        problems = []
        settled = dict(given)
        for name, effect in given.items():
            if wrong := _key_problems(name):
                problems.extend(wrong)
            elif isinstance(effect, type) or not isinstance(effect, CovariateEffect):
                problems.append(
                    explain(
                        expected=f"a covariate effect for {spoken(name)}",
                        got=f"{effect!r}",
                        remedy="Write Power(0.75, reference=70), Linear(...), Exponential(...), "
                        "Categorical(...), or a frozen record with unknowns(), check() and shift().",
                    )
                )
            elif len(members(name)) != getattr(effect, "takes", 1):
                problems.append(_count_problem(name, effect))
            elif isinstance(self.scale, Scale) and hasattr(effect, "on"):
                settled[name], wrong = effect.on(self.scale)
                problems.extend(f"{spoken(name)}: {problem}" for problem in wrong)
        object.__setattr__(self, "covariates", FrozenMapping(settled))
        return problems


def _key_problems(key: Any) -> list[str]:
    """What is wrong with the key of an effect: a name, or a tuple of different names."""
    names = members(key)
    if all(isinstance(name, str) and name for name in names) and len(set(names)) == len(names) > 0:
        return []
    remedy = 'Use the name of the column, or ("WT", "AGE") for an interaction.'
    return [explain(expected="the name of a covariate", got=repr(key), remedy=remedy)]


def _count_problem(key: CovariateKey, effect: CovariateEffect) -> str:
    takes = getattr(effect, "takes", 1)
    kind = type(effect).__name__
    expected = f"one covariate for {kind}" if takes == 1 else f"a tuple of {takes} covariates for {kind}"
    remedy = (
        "An effect of several covariates is an Interaction; give the others one by one."
        if takes == 1
        else f"Write covariates={{({', '.join(['...'] * takes)}): {kind}(...)}}, with the names of columns."
    )
    return explain(expected=expected, got=f"{key!r}", remedy=remedy)
