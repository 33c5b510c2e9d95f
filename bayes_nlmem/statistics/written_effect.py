"""A covariate effect written as a formula: what the effects with a name of their own do not say."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.scales import Scale
from bayes_nlmem.ground.values import admitted, refusal
from bayes_nlmem.statistics.admission import numeric, positive_factor

_FUNCTIONS = ("exp", "log", "sqrt", "abs", "minimum", "maximum", "where")
_OPERATIONS: dict[type, Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
_COMPARISONS: dict[type, tuple[str, str]] = {
    ast.Lt: ("less", "lt"),
    ast.LtE: ("less_equal", "le"),
    ast.Gt: ("greater", "gt"),
    ast.GtE: ("greater_equal", "ge"),
    ast.Eq: ("equal", "eq"),
    ast.NotEq: ("not_equal", "neq"),
}


@dataclass(frozen=True)
class WrittenEffect:
    """A factor of the parameter written as a formula of covariates and coefficients.

    On `Log()` the parameter is P_pop times the formula's value, on `Logit()` its odds are; on `Natural()`
    and `Probit()` the value is added. A comparison is 1 where it holds and 0 where not.

    NONMEM `IF (APGR.LT.5) TVV = TVV*(1 + THETA(3))`.

    Parameters
    ----------
    text : str
        The formula; arithmetic, comparisons, exp, log, sqrt, abs, minimum, maximum and where(if, then, else).
    covariates : str or tuple of str
        The names in it that are covariates. With several, the effect stands under their tuple.
    coefficients : mapping of name to float or Prior
        The other names in it. A number is known, a prior is unknown.

    Raises
    ------
    ModelError
        If the formula cannot be read, or a name in it is neither covariate nor coefficient.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> effect = bn.WrittenEffect("1 + change * (APGR < 5)", "APGR", {"change": bn.about(0.2)})
    >>> np.exp(effect.shift({"change": 0.2}, np.array([4.0, 7.0]), np, bn.Log()))
    array([1.2, 1. ])
    """

    text: str
    covariates: tuple[str, ...]
    coefficients: Mapping[str, float | Prior] = FrozenMapping()

    def __post_init__(self) -> None:
        names = (self.covariates,) if isinstance(self.covariates, str) else tuple(self.covariates)
        object.__setattr__(self, "covariates", names)
        settled, problems = {}, []
        for name, given in self.coefficients.items():
            settled[name], wrong = admitted(given, f"the coefficient {name!r}")
            problems.extend(wrong)
        object.__setattr__(self, "coefficients", FrozenMapping(settled))
        if not names:
            problems.append(explain(expected="one or more names for `covariates`", got="none"))
        try:
            used = _names(self._tree.body)
        except (SyntaxError, ValueError) as error:
            problems.append(
                explain(
                    expected=f"a formula of numbers, names, arithmetic, comparisons, {', '.join(_FUNCTIONS)}",
                    got=f"{self.text!r} ({error})",
                    remedy='Write for example "1 + change * (APGR < 5)".',
                )
            )
        else:
            known = {*names, *settled}
            if stray := sorted(used - known):
                remedy = "Add them to `covariates` or to `coefficients`."
                problems.append(
                    explain(expected=f"names among {', '.join(sorted(known))}", got=str(stray), remedy=remedy)
                )
            if idle := sorted(known - used):
                remedy = "Leave them out: they would have no effect."
                problems.append(explain(expected="names that the formula uses", got=str(idle), remedy=remedy))
        if problems:
            raise refusal(problems, "WrittenEffect is not well stated")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_tree"}

    @cached_property
    def _tree(self) -> ast.Expression:
        return ast.parse(self.text.strip(), mode="eval")

    @property
    def takes(self) -> int:
        """Number of covariates."""
        return len(self.covariates)

    def unknowns(self) -> dict[str, float | Prior]:
        """The coefficients."""
        return dict(self.coefficients)

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse covariates that are not numbers, and known coefficients that make the factor negative."""
        given = [numeric(one, "WrittenEffect") for one in self._each(values)]
        known = {name: value for name, value in self.coefficients.items() if not isinstance(value, Prior)}
        if scale.ratio and len(known) == len(self.coefficients):
            factor = np.broadcast_to(self.value(known, given, np), given[0].shape)
            positive_factor(factor, given[0], formula=self.text, remedy="Check the coefficients.")

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """Logarithm of the formula's value; on `Natural()` the value itself."""
        value = self.value(coefficients, self._each(x), xp)
        return xp.log(value) if scale.ratio else value

    def value(self, coefficients: Mapping[str, Any], x: Any, xp: Any) -> Any:
        """The formula's value, given the covariates in their order."""
        given = {name: _double(value) for name, value in coefficients.items()}
        names = {**dict(zip(self.covariates, x, strict=True)), **given}
        return _value(self._tree.body, names, xp)

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        return f"{suffix} in {self.text}"

    def _each(self, x: Any) -> Any:
        return (x,) if self.takes == 1 else x


def _double(value: Any) -> Any:
    """A number as an array: PyTensor takes plain ones for single precision."""
    return np.asarray(value, float) if isinstance(value, (int, float)) else value


def _names(node: ast.AST) -> set[str]:
    """Names in a formula; raises ValueError for what is not allowed in one."""
    match node:
        case ast.Name(id=name):
            return {name}
        case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
            return set()
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=inner):
            return _names(inner)
        case ast.BinOp(left=a, op=op, right=b) if type(op) in _OPERATIONS:
            return _names(a) | _names(b)
        case ast.Compare(left=a, ops=[op], comparators=[b]) if type(op) in _COMPARISONS:
            return _names(a) | _names(b)
        case ast.BoolOp(values=values):
            return set().union(*map(_names, values))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return set().union(*map(_names, arguments))
    raise ValueError(f"{ast.unparse(node)!r} is not allowed")


def _value(node: ast.AST, names: Mapping[str, Any], xp: Any) -> Any:
    match node:
        case ast.Name(id=name):
            return names[name]
        case ast.Constant(value=value):
            return _double(value)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, names, xp)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner, names, xp)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return 1.0 - _value(inner, names, xp)
        case ast.BinOp(left=a, op=op, right=b):
            return _OPERATIONS[type(op)](_value(a, names, xp), _value(b, names, xp))
        case ast.Compare(left=a, ops=[op], comparators=[b]):
            of_numpy, of_tensors = _COMPARISONS[type(op)]
            compare = getattr(xp, of_numpy, None) or getattr(xp, of_tensors)
            return xp.where(compare(_value(a, names, xp), _value(b, names, xp)), _double(1), _double(0))
        case ast.BoolOp(op=ast.And(), values=values):
            product: Any = 1.0
            for one in values:
                product = product * _value(one, names, xp)
            return product
        case ast.BoolOp(values=values):
            none: Any = 1.0
            for one in values:
                none = none * (1.0 - _value(one, names, xp))
            return 1.0 - none
        case ast.Call(func=ast.Name(id=name), args=arguments):
            given = [_value(one, names, xp) for one in arguments]
            if name == "where":
                return xp.where(given[0] > 0.5, given[1], given[2])
            return getattr(xp, name)(*given)
    raise AssertionError(ast.unparse(node))
