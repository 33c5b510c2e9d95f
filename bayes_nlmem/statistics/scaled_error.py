"""Errors whose magnitude differs: between assays, over time, between subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.formulas import Call, Formula, Symbol, product
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import Prior, is_number
from bayes_nlmem.ground.scales import Log
from bayes_nlmem.ground.values import POSITIVE, admitted, refusal
from bayes_nlmem.statistics.covariate_names import CovariateKey, each, members, spoken
from bayes_nlmem.statistics.covariates import CovariateEffect
from bayes_nlmem.statistics.laws import Law
from bayes_nlmem.statistics.residuals import Residual, error_formula, error_meaning
from bayes_nlmem.statistics.surroundings import effect_name, inherited


@dataclass(frozen=True)
class Scaled:
    r"""A residual error whose magnitude depends on covariates, on time, or on the subject.

    :math:`s_{ij} = s(f_{ij}) \cdot \prod_c \mathrm{effect}_c(x_{ij}) \cdot \exp(\eta_{\sigma,i})` with the
    magnitude s of `residual`. Every covariate effect that multiplies can be used, with covariates of the
    observation, and with TIME (since the start of the record) and TAD (since the last dose).

    NONMEM `Y = F + EPS(1)*(1 + THETA(1)*(ASSAY-1))*EXP(ETA(3))`; Monolix and nlmixr2 have the effects on
    single parameters of the error only through user-written models.

    Parameters
    ----------
    residual : Residual
        The error at the reference of all covariates, in the typical subject.
    covariates : mapping of name to CovariateEffect, optional
        Factors of the magnitude, for example ``{"ASSAY": Categorical({"ELISA": about(2)}, reference="LC")}``.
    iiv : float or Prior, optional
        Standard deviation between subjects of the logarithm of the magnitude; None or 0 is none. Its random
        effect is the column `sigma_{output}` of `eta`, its standard deviation `omega_sigma_{output}`.

    Raises
    ------
    ModelError
        If `residual` is no residual error, an effect is none or does not multiply, or there is neither effect
        nor `iiv`.

    References
    ----------
    Karlsson, Beal and Sheiner 1995, doi:10.1007/BF02353466 (random effect on the residual error, serial
    correlation, magnitudes that vary).

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> error = bn.Scaled(
    ...     bn.Proportional(bn.about(0.1)),
    ...     {"ASSAY": bn.Categorical({"B": bn.about(2.0)}, reference="A")},
    ...     iiv=bn.about(0.3),
    ... )
    >>> print(bn.equations(bn.zoo.load("theophylline").model.with_residual("cp", error)).split("ons\n")[-1])
      cp_obs,ij ~ N(cp_ij, sd_cp,ij²)
      sd_cp,ij  = sigma_cp_prop · cp_ij · sigma_cp_ASSAY_B^[ASSAY_ij = B] · exp(eta_sigma_cp,i)
    """

    residual: Residual
    covariates: Mapping[Any, CovariateEffect] = FrozenMapping()
    iiv: float | Prior | None = None

    def __post_init__(self) -> None:
        problems = []
        base: Any = self.residual
        if isinstance(base, type) or not isinstance(base, Residual):
            remedy = "Write for example Scaled(Proportional(about(0.1)), {...})."
            problems.append(explain(expected="a residual error as `residual`", got=repr(base), remedy=remedy))
        elif inherited(base, "covariates") is not None or inherited(base, "iiv") is not None:
            remedy = "Put all covariates, and iiv, into one Scaled."
            problems.append(explain(expected="one Scaled", got="one inside another", remedy=remedy))
        none = self.iiv is None or (is_number(self.iiv) and self.iiv == 0)
        iiv, wrong = (None, []) if none else admitted(self.iiv, "iiv", inside=POSITIVE, role="sd")
        object.__setattr__(self, "iiv", iiv)
        problems += wrong
        problems += self._admit_covariates()
        if not problems and not self.covariates and iiv is None:
            remedy = "Write the residual error without Scaled."
            problems.append(explain(expected="covariates, iiv, or both", got="neither", remedy=remedy))
        if problems:
            raise refusal(problems, "Scaled is not well stated")

    def _admit_covariates(self) -> list[str]:
        given: Any = self.covariates
        if not isinstance(given, Mapping):
            remedy = 'Write Scaled(..., {"ASSAY": Categorical({"B": 2.0}, reference="A")}).'
            return [explain(expected="a mapping of covariate to effect", got=repr(given), remedy=remedy)]
        problems, settled = [], dict(given)
        for key, effect in given.items():
            if isinstance(effect, type) or not isinstance(effect, CovariateEffect):
                remedy = "Write Categorical(...), Exponential(...), PiecewiseLinear(...) or your own."
                expected = f"a covariate effect for {spoken(key)}"
                problems.append(explain(expected=expected, got=repr(effect), remedy=remedy))
            elif len(members(key)) != getattr(effect, "takes", 1):
                expected = f"{getattr(effect, 'takes', 1)} covariates for {type(effect).__name__}"
                remedy = "An Interaction stands under a tuple of names."
                problems.append(explain(expected=expected, got=spoken(key), remedy=remedy))
            elif hasattr(effect, "on"):
                settled[key], wrong = effect.on(Log())
                problems += [f"{spoken(key)}: {problem}" for problem in wrong]
        object.__setattr__(self, "covariates", FrozenMapping(settled))
        return problems

    @property
    def law(self) -> Law:
        """The law of `residual`."""
        return self.residual.law

    def unknowns(self) -> dict[str, float | Prior]:
        """The parameters of `residual`, and the coefficients of the effects as `{covariate}_{suffix}`."""
        found = dict(self.residual.unknowns())
        for key, effect in self.covariates.items():
            found |= {_suffix(key, suffix): value for suffix, value in effect.unknowns().items()}
        return found

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Magnitude at every prediction, given the covariates there as "@NAME" and the effect as "@eta"."""
        shift: Any = 0.0
        for key, effect in self.covariates.items():
            coefficients = {suffix: sigmas[_suffix(key, suffix)] for suffix in effect.unknowns()}
            x = each(key, lambda name: sigmas[f"@{name}"])
            shift = shift + effect.shift(coefficients, x, xp, Log())
        if self.iiv is not None:
            shift = shift + sigmas["@eta"]
        return self.residual.sd(f, sigmas, xp) * xp.exp(shift)

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Magnitude for printing."""
        factors = [error_formula(self.residual, f, sigma)]
        for key, effect in self.covariates.items():
            x = each(key, lambda name: Symbol(name, index="ij"))

            def coefficient(suffix: str, key: CovariateKey = key) -> Formula:
                return sigma(_suffix(key, suffix))

            if hasattr(effect, "formula"):
                factors.append(effect.formula(coefficient, x, Log()))
            else:
                names = (Symbol(name, index="ij") for name in members(key))
                arguments = (*names, *map(coefficient, effect.unknowns()))
                factors.append(Call("exp", (Call(type(effect).__name__, arguments),)))
        if self.iiv is not None:
            factors.append(Call("exp", (_effect(f),)))
        return product(*factors)

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        for key, effect in self.covariates.items():
            for own in effect.unknowns():
                if _suffix(key, own) == suffix:
                    words = getattr(effect, "meaning", lambda s, c: f"effect of {c}")(own, spoken(key))
                    return f"{words}, on the magnitude of the error"
        return error_meaning(self.residual, suffix)


def _suffix(key: CovariateKey, suffix: str) -> str:
    return "_".join(filter(None, (*members(key), suffix)))


def _effect(f: Formula) -> Symbol:
    """Symbol of the random effect, by the name of the prediction's symbol."""
    return Symbol("eta", (effect_name(f.name if isinstance(f, Symbol) else "f"),), "i")
