"""Symbolic values that stand for states, parameters and time while a right-hand side is traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from bayes_nlmem.engine.ode.expressions import Graph
from bayes_nlmem.ground.messages import ModelError, closest, explain

# numpy's name -> operation of the graph.
UFUNCS = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div",
    "power": "pow", "float_power": "pow", "negative": "neg", "absolute": "abs", "fabs": "abs",
    "exp": "exp", "log": "log", "log1p": "log1p", "expm1": "expm1", "sqrt": "sqrt", "gammaln": "lgamma",
    "sin": "sin", "cos": "cos", "tanh": "tanh", "floor": "floor",
    "maximum": "max", "minimum": "min", "fmax": "max", "fmin": "min",
    "less": "lt", "less_equal": "le", "equal": "eq",
    "logical_and": "and", "logical_or": "or", "logical_not": "not",
}  # fmt: skip


class Symbol:
    """A traced value: node `i` of graph `g`."""

    __slots__ = ("g", "i")
    __array_priority__ = 1000
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, g: Graph, i: int) -> None:
        self.g, self.i = g, i

    def __repr__(self) -> str:
        return f"<traced value {self.g.nodes[self.i]}>"

    def __add__(self, other: Any) -> Symbol:
        return make(self.g, "add", self, other)

    def __radd__(self, other: Any) -> Symbol:
        return make(self.g, "add", other, self)

    def __sub__(self, other: Any) -> Symbol:
        return make(self.g, "sub", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return make(self.g, "sub", other, self)

    def __mul__(self, other: Any) -> Symbol:
        return make(self.g, "mul", self, other)

    def __rmul__(self, other: Any) -> Symbol:
        return make(self.g, "mul", other, self)

    def __truediv__(self, other: Any) -> Symbol:
        return make(self.g, "div", self, other)

    def __rtruediv__(self, other: Any) -> Symbol:
        return make(self.g, "div", other, self)

    def __pow__(self, other: Any) -> Symbol:
        return make(self.g, "pow", self, other)

    def __rpow__(self, other: Any) -> Symbol:
        return make(self.g, "pow", other, self)

    def __neg__(self) -> Symbol:
        return make(self.g, "neg", self)

    def __pos__(self) -> Symbol:
        return self

    def __abs__(self) -> Symbol:
        return make(self.g, "abs", self)

    def __lt__(self, other: Any) -> Symbol:
        return make(self.g, "lt", self, other)

    def __le__(self, other: Any) -> Symbol:
        return make(self.g, "le", self, other)

    def __gt__(self, other: Any) -> Symbol:
        return make(self.g, "lt", other, self)

    def __ge__(self, other: Any) -> Symbol:
        return make(self.g, "le", other, self)

    def __eq__(self, other: object) -> Any:
        return make(self.g, "eq", self, other)

    def __ne__(self, other: object) -> Any:
        return make(self.g, "not", make(self.g, "eq", self, other))

    def __and__(self, other: Any) -> Symbol:
        return make(self.g, "and", self, other)

    def __or__(self, other: Any) -> Symbol:
        return make(self.g, "or", self, other)

    def __invert__(self) -> Symbol:
        return make(self.g, "not", self)

    def __bool__(self) -> NoReturn:
        raise ModelError(
            explain(
                expected="a right-hand side without `if`, `and`, `or`, `while`, `min` or `max` on a state, a"
                " parameter or t"
                " (it is run once, with symbols)",
                got="one of these",
                remedy="Write np.where(condition, a, b), np.maximum(a, b), and `&`, `|`, `~`.",
            )
        )

    def __float__(self) -> NoReturn:
        raise ModelError(
            explain(
                expected="functions of numpy in a right-hand side (it is run once, with symbols)",
                got="a function that wants a number (math.exp, float, int, round, ...)",
                remedy="Write np.exp(x) instead of math.exp(x).",
            )
        )

    def __call__(self, *_: Any) -> NoReturn:  # noqa: D102
        raise ModelError(
            explain(
                expected="states at the present time",
                got="a state at another time (delay equations cannot be solved)",
                remedy="Put a chain of transit compartments in between, or for doses an input rate.",
            )
        )

    __int__ = __index__ = __complex__ = __round__ = __float__

    def __iter__(self) -> NoReturn:
        raise ModelError(explain(expected="one number", got="a loop over a state or a parameter"))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Symbol:
        name = ufunc.__name__
        if method == "__call__" and not options:
            if name in UFUNCS:
                return make(self.g, UFUNCS[name], *inputs)
            if name == "square":
                return inputs[0] * inputs[0]
            if name == "reciprocal":
                return 1.0 / inputs[0]
            if name == "positive":
                return inputs[0]
            if name in ("greater", "greater_equal"):
                return make(self.g, {"greater": "lt", "greater_equal": "le"}[name], *inputs[::-1])
            if name == "not_equal":
                return ~make(self.g, "eq", *inputs)
            if name == "log10":
                return np.log(inputs[0]) * (1.0 / np.log(10.0))
            if name == "log2":
                return np.log(inputs[0]) * (1.0 / np.log(2.0))
            if name == "exp2":
                return np.exp(inputs[0] * np.log(2.0))
        raise _unknown_function(name)

    def __array_function__(self, function: Any, types: Any, args: tuple, options: dict) -> Any:
        if function is np.where and len(args) == 3 and not options:
            return make(self.g, "where", *args)
        if function is np.clip and len(args) == 3 and not options:
            return np.minimum(np.maximum(args[0], args[1]), args[2])
        raise _unknown_function(function.__name__)


def _unknown_function(name: str) -> ModelError:
    known = sorted(
        {*UFUNCS, "where", "clip", "square", "log10"}
        - {"divide", "float_power", "fabs", "fmax", "fmin", "gammaln"}
    )
    return ModelError(
        explain(
            expected=f"numpy functions that can be traced ({', '.join(known)})",
            got=f"np.{name}",
            remedy=closest(name, known) or "Write it with these.",
        )
    )


def number_of(g: Graph, value: Any) -> int:
    """Node of a traced value or of a number."""
    if isinstance(value, Symbol):
        if value.g is not g:
            raise ModelError("A traced value of another model was used: keep no values between calls.")
        return value.i
    try:
        scalar = np.asarray(value, float)
    except (TypeError, ValueError):
        scalar = np.full(2, np.nan)
    if scalar.ndim == 0:
        return g.const(float(scalar))
    raise ModelError(
        explain(
            expected="a number, a state, a parameter or an expression of them",
            got=f"{type(value).__name__} {value!r:.60}",
        )
    )


def make(g: Graph, op: str, *operands: Any) -> Symbol:
    """An operation on traced values and numbers."""
    return Symbol(g, g.make(op, *(number_of(g, x) for x in operands)))


class Names:
    """Traced values by name: ``y.central`` and ``y["central"]``; what is not there makes a clear error.

    With ``grows=True`` a name that is not there is made (names found by use).
    """

    def __init__(
        self, g: Graph, kind: str, what: str, names: tuple[str, ...] = (), *, grows: bool = False
    ) -> None:
        given: dict[str, Symbol] = {}
        self.__dict__["_given"] = given
        self.__dict__["_about"] = (g, kind, what, grows)
        for name in names:
            given[name] = Symbol(g, g.leaf(kind, len(given)))

    def __getattr__(self, name: str) -> Symbol:
        given: dict[str, Symbol] = self.__dict__["_given"]
        if name in given:
            return given[name]
        if name.startswith("__"):
            raise AttributeError(name)
        g, kind, what, grows = self.__dict__["_about"]
        if grows:
            given[name] = Symbol(g, g.leaf(kind, len(given)))
            return given[name]
        raise ModelError(
            explain(
                expected=f"a {what} ({', '.join(given) or 'there is none'})",
                got=repr(name),
                remedy=closest(name, given) or f"Correct the name, or add the {what}.",
            )
        )

    __getitem__ = __getattr__

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise ModelError(f"Nothing can be assigned to {name}: return the derivatives as a dict.")

    def __iter__(self) -> NoReturn:
        raise ModelError(
            explain(expected=f"each {self.__dict__['_about'][2]} by its name", got="a loop over all of them")
        )

    def keys(self) -> Mapping[str, Symbol]:
        """Names used or declared so far, in their order."""
        return self.__dict__["_given"].keys()
