"""Expressions of a control stream: what a name stands for, and their text for our equations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bayes_nlmem.ground.messages import ModelError, explain

_FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tanh", "floor", "Abs", "Min", "Max", "loggamma")
_WRITTEN = {"Abs": "abs", "Min": "min", "Max": "max", "loggamma": "lgamma"}


def definitions(statements: Iterable[tuple[str, Any]]) -> dict[Any, Any]:
    """What every assigned name stands for; earlier values of a name are named `NAME~1`, `NAME~2`."""
    import sympy

    statements = list(statements)
    left = {name: sum(other == name for other, _ in statements) for name, _ in statements}
    current: dict[Any, Any] = {}
    found: dict[Any, Any] = {}
    counted: dict[str, int] = {}
    for name, expression in statements:
        value = expression.xreplace({s: current[s] for s in expression.free_symbols if s in current})
        counted[name] = counted.get(name, 0) + 1
        last = counted[name] == left[name]
        version = sympy.Symbol(name if last else f"{name}~{counted[name]}")
        if version in value.free_symbols:  # its value of before, which it does not have
            value = value.xreplace({version: sympy.Symbol(f"{name}~undefined")})
        found[version] = value
        current[sympy.Symbol(name)] = version
    return found


def in_full(expression: Any, known: Mapping[Any, Any]) -> Any:
    """An expression with every assigned name written out."""
    while names := [s for s in expression.free_symbols if s in known]:
        expression = expression.xreplace({name: known[name] for name in names})
    return expression


def same(a: Any, b: Any) -> bool:
    """Whether two expressions are equal, as far as simplification finds out."""
    import sympy

    return a == b or sympy.simplify(a - b) == 0


def simpler(expression: Any) -> Any:
    """Cancelled, where that is quick."""
    import sympy

    return sympy.simplify(expression)


def unknown_functions(expression: Any) -> list[str]:
    """Functions that our equations do not know."""
    import sympy

    found = {type(function).__name__ for function in expression.atoms(sympy.Function)}
    return sorted(found - {*_FUNCTIONS, "Piecewise"})


def as_text(expression: Any, names: Mapping[Any, str] | None = None) -> str:
    """Text as `ODE`, `Function` and `WrittenEffect` read it.

    Raises
    ------
    ModelError
        A function that they do not know.
    """
    from sympy.printing.str import StrPrinter

    if strange := unknown_functions(expression):
        known = ", ".join(_WRITTEN.get(f, f) for f in _FUNCTIONS)
        remedy = "Write that part of the model by hand."
        raise ModelError(explain(expected=f"functions among {known}", got=", ".join(strange), remedy=remedy))

    class Printer(StrPrinter):
        def _print_Symbol(self, expr: Any) -> str:  # noqa: N802 (names of SymPy)
            return (names or {}).get(expr, expr.name)

        def _print_Float(self, expr: Any) -> str:  # noqa: N802
            return repr(float(expr))

        def _print_Rational(self, expr: Any) -> str:  # noqa: N802
            return f"({expr.p}/{expr.q})" if expr.q != 1 else str(expr.p)

        def _print_Function(self, expr: Any) -> str:  # noqa: N802
            name = type(expr).__name__
            return f"{_WRITTEN.get(name, name)}({', '.join(map(self._print, expr.args))})"

        _print_Abs = _print_Min = _print_Max = _print_Function  # noqa: N815

        def _print_Piecewise(self, expr: Any) -> str:  # noqa: N802
            *first, (value, condition) = expr.args
            if condition != True:  # noqa: E712 (SymPy's)
                remedy = "Give the variable a value in every case (ELSE)."
                raise ModelError(
                    explain(expected="a value in every case of IF", got=str(expr), remedy=remedy)
                )
            text = self._print(value)
            for value, condition in reversed(first):
                text = f"where({self._print(condition)}, {self._print(value)}, {text})"
            return text

        def _print_Relational(self, expr: Any) -> str:  # noqa: N802
            sides = (
                f"({self._print(s)})" if s.is_Relational or s.args else self._print(s) for s in expr.args
            )
            return f" {expr.rel_op} ".join(sides)

        def _print_And(self, expr: Any) -> str:  # noqa: N802
            return " and ".join(f"({self._print(one)})" for one in expr.args)

        def _print_Or(self, expr: Any) -> str:  # noqa: N802
            return " or ".join(f"({self._print(one)})" for one in expr.args)

        def _print_Not(self, expr: Any) -> str:  # noqa: N802
            return f"not ({self._print(expr.args[0])})"

    return Printer().doprint(expression)


def at(expression: Any, values: Mapping[Any, Any]) -> Any:
    """An expression with values for some symbols, conditions decided where they can be."""
    import sympy

    found = expression.subs(dict(values))
    return sympy.piecewise_fold(found) if found.has(sympy.Piecewise) else found


def decided(known: Mapping[Any, Any], values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Definitions with values for some symbols; names that become numbers are put into those that follow."""
    numbers = dict(values)
    found = {}
    for name, value in known.items():
        found[name] = at(value, {s: numbers[s] for s in value.free_symbols if s in numbers})
        if found[name].is_number:
            numbers[name] = found[name]
    return found


def constants_compared_with(expression: Any, symbol: Any) -> set[Any]:
    """Numbers that a symbol is compared with in the conditions of an expression."""
    from sympy.core.relational import Relational

    found = set()
    for relation in expression.atoms(Relational):
        if symbol in (relation.lhs, relation.rhs):
            other = relation.rhs if relation.lhs == symbol else relation.lhs
            if other.is_number:
                found.add(other)
    return found
