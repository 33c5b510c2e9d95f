"""Covariate effects: how a measured trait shifts a parameter on the scale where its effects add.

On `Log()` a shift multiplies the parameter by exp(shift), on `Logit()` it multiplies the odds
(P - lower) / (upper - P); there the effects below are factors. On `Natural()` the shift adds in the
parameter's own unit. `scale.ratio` tells the two kinds apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from bayes_nlmem.ground.formulas import Call, Constant, Formula, Product, Raised, Ratio, Sum, minus
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import Prior, is_number
from bayes_nlmem.ground.scales import Scale
from bayes_nlmem.ground.values import admitted, refusal
from bayes_nlmem.statistics.admission import above_zero, needs_ratio, numeric, positive_factor
from bayes_nlmem.statistics.categorical import Categorical, level_text

__all__ = ["Categorical", "CovariateEffect", "Exponential", "Linear", "Power", "level_text"]


@runtime_checkable
class CovariateEffect(Protocol):
    r"""What a covariate effect has to offer; any frozen record with it is a covariate effect.

    Three more methods are optional: `on(scale)` returns the effect as a parameter on that scale keeps it,
    and a list of what speaks against it; `formula(coefficient, covariate, scale)` the factor (the term where
    `scale.ratio` is false) for printing, with `coefficient(suffix)` giving the coefficients; and
    `meaning(suffix, covariate)` words for the tables. An attribute `reference` is shown in reports. An effect
    of several covariates has `takes`, their number; it stands under a tuple of names and gets tuples of
    values in `check`, `shift` and `formula`.

    A model with the effect is saved if its class can be imported (is in a module, not in a notebook).

    Examples
    --------
    A rhythm of 24 hours in the clock time, with known or unknown amplitude and time of its peak. `xp` is
    numpy or pytensor.tensor: use functions that both have.

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> @dataclass(frozen=True)
    ... class Circadian:
    ...     amplitude: float | bn.Prior
    ...     peak: float | bn.Prior
    ...
    ...     def unknowns(self):
    ...         return {"amplitude": self.amplitude, "peak": self.peak}
    ...
    ...     def check(self, values, scale):
    ...         if np.any((values < 0) | (values > 24)):
    ...             raise bn.ModelError("Expected clock times from 0 to 24 for Circadian.")
    ...
    ...     def shift(self, coefficients, x, xp, scale):
    ...         change = coefficients["amplitude"] * xp.cos(2 * np.pi * (x - coefficients["peak"]) / 24)
    ...         return xp.log1p(change) if scale.ratio else change
    >>> effect = Circadian(bn.Uniform(0, 1), peak=14.0)
    >>> model = bn.zoo.load("theophylline").model.with_covariate("CL", "CLOCK", effect)
    >>> print(bn.equations(model).split("\n")[2].split(" · ")[-2])
    exp(Circadian(CLOCK_i, CL_CLOCK_amplitude, 14))
    >>> print(bn.priors(model).loc["CL_CLOCK_amplitude", "prior"])
    Uniform(lower 0, upper 1)
    """

    def unknowns(self) -> dict[str, float | Prior]:
        """Coefficients by the suffix of their name in the graph, `{parameter}_{covariate}_{suffix}`.

        The suffix "" gives the name `{parameter}_{covariate}`.
        """
        ...

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse values of the covariate that the effect cannot take on this scale (called by `build`)."""
        ...

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """Shift on the parameter's scale, given the coefficients by suffix and the covariate `x`."""
        ...


class _Coefficient:
    """What the effects with one coefficient and a reference value share."""

    reference: float
    _unknown: ClassVar[str] = "coefficient"
    _above: ClassVar[float] = -math.inf

    def __post_init__(self) -> None:
        value, problems = admitted(getattr(self, self._unknown), self._unknown)
        object.__setattr__(self, self._unknown, value)
        reference = self.reference
        if not (is_number(reference) and reference > self._above):
            wanted = "a number > 0" if self._above == 0 else "a number"
            problems.append(
                explain(
                    expected=f"{wanted} for `reference`",
                    got=repr(reference),
                    remedy="Give the value of the covariate at which the parameter is the typical one.",
                )
            )
        elif not isinstance(reference, (int, float)):
            object.__setattr__(self, "reference", float(reference))
        if problems:
            raise refusal(problems, f"{type(self).__name__} is not well stated")

    def unknowns(self) -> dict[str, float | Prior]:
        """The coefficient."""
        return {"": getattr(self, self._unknown)}


@dataclass(frozen=True)
class Power(_Coefficient):
    """Power of the covariate: P = P_pop * (x / reference)^exponent; the allometric form.

    NONMEM `TVCL = THETA(1)*(WT/70)**THETA(2)`; Monolix: the covariate transformed to log(WT/70).

    Parameters
    ----------
    exponent : float or Prior
        A number is known (0.75 for clearance on weight), a prior is unknown.
    reference : float
        Value of the covariate at which the parameter is P_pop, > 0.

    Raises
    ------
    ModelError
        If the exponent is neither number nor prior, or the reference is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> effect = bn.Power(0.75, reference=70)
    >>> float(np.exp(effect.shift({"": 0.75}, 140.0, np, bn.Log()))).__round__(3)
    1.682
    """

    exponent: float | Prior
    reference: float
    _unknown: ClassVar[str] = "exponent"
    _above: ClassVar[float] = 0.0

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse a covariate that is not positive."""
        above_zero(values, "Power", remedy="Correct the data, or use Linear or Exponential.")

    def on(self, scale: Scale) -> tuple[Power, list[str]]:
        """The effect on a scale, and what speaks against it."""
        return self, needs_ratio(self, scale)

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """Exponent * log(x / reference)."""
        return coefficients[""] * xp.log(x / self.reference)

    def formula(self, coefficient: Any, covariate: Formula, scale: Scale) -> Formula:
        """(x / reference)^exponent."""
        ratio, exponent = Ratio(covariate, Constant(self.reference)), coefficient("")
        return ratio if exponent == Constant(1) else Raised(ratio, exponent)

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        return f"exponent of {covariate}/{self.reference:g}"


@dataclass(frozen=True)
class Linear(_Coefficient):
    """Linear in the covariate: P = P_pop * (1 + coefficient * (x - reference)).

    NONMEM `TVCL = THETA(1)*(1 + THETA(2)*(AGE-40))`. On the scale `Natural()` it is
    P = P_pop + coefficient * (x - reference).

    The factor must stay positive for every subject. A known coefficient is checked when model and data
    meet. With a prior it can only be known while sampling: where the factor is not positive the log-density
    is not finite and the sampler rejects the value, which acts as a bound on the coefficient; a prior that
    reaches far beyond that bound samples badly. Bound it (`Uniform`, `TruncatedNormal`), or use
    `Exponential`, which is positive for all coefficients.

    Parameters
    ----------
    coefficient : float or Prior
        Fractional change of the parameter per unit of the covariate; in the parameter's unit per unit of
        the covariate on `Natural()`.
    reference : float
        Value of the covariate at which the parameter is P_pop.

    Raises
    ------
    ModelError
        If the coefficient is neither number nor prior, or the reference is not a number.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> effect = bn.Linear(-0.01, reference=40)
    >>> float(np.exp(effect.shift({"": -0.01}, 60.0, np, bn.Log()))).__round__(3)
    0.8
    >>> float(effect.shift({"": -0.01}, 60.0, np, bn.Natural()))
    -0.2
    """

    coefficient: float | Prior
    reference: float

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse a covariate that is not a number, and a known coefficient that makes the factor negative."""
        x = numeric(values, "Linear")
        if scale.ratio and not isinstance(self.coefficient, Prior):
            factor = 1 + self.coefficient * (x - self.reference)
            remedy = "Check coefficient and reference, or use Exponential."
            positive_factor(factor, x, formula="1 + coefficient * (x - reference)", remedy=remedy)

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """log(1 + coefficient * (x - reference)); on `Natural()` coefficient * (x - reference)."""
        slope = coefficients[""] * (x - self.reference)
        return xp.log1p(slope) if scale.ratio else slope

    def formula(self, coefficient: Any, covariate: Formula, scale: Scale) -> Formula:
        """1 + coefficient * (x - reference), without the 1 on `Natural()`."""
        slope = Product((coefficient(""), minus(covariate, self.reference)))
        return Sum((Constant(1), slope)) if scale.ratio else slope

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        return f"change per unit of {covariate}"


@dataclass(frozen=True)
class Exponential(_Coefficient):
    """Exponential in the covariate: P = P_pop * exp(coefficient * (x - reference)).

    NONMEM `TVCL = THETA(1)*EXP(THETA(2)*(AGE-40))`; Monolix `beta` of the covariate, centred.

    Parameters
    ----------
    coefficient : float or Prior
        Change of log P per unit of the covariate (of the log-odds on `Logit()`).
    reference : float
        Value of the covariate at which the parameter is P_pop.

    Raises
    ------
    ModelError
        If the coefficient is neither number nor prior, or the reference is not a number.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> effect = bn.Exponential(-0.01, reference=40)
    >>> float(np.exp(effect.shift({"": -0.01}, 60.0, np, bn.Log()))).__round__(3)
    0.819
    """

    coefficient: float | Prior
    reference: float

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse a covariate that is not a number."""
        numeric(values, "Exponential")

    def on(self, scale: Scale) -> tuple[Exponential, list[str]]:
        """The effect on a scale, and what speaks against it."""
        return self, needs_ratio(self, scale)

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """Coefficient * (x - reference)."""
        return coefficients[""] * (x - self.reference)

    def formula(self, coefficient: Any, covariate: Formula, scale: Scale) -> Formula:
        """exp(coefficient * (x - reference))."""
        return Call("exp", (Product((coefficient(""), minus(covariate, self.reference))),))

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        return f"log change per unit of {covariate}"
