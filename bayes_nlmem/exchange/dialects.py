"""Expressions in the words of other programs."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from bayes_nlmem.ground.messages import ModelError, explain

_BINARY: dict[type, tuple[str, int]] = {
    ast.Add: ("+", 1), ast.Sub: ("-", 1), ast.Mult: ("*", 2), ast.Div: ("/", 2), ast.Pow: ("**", 4),
}  # fmt: skip
_COMPARE: dict[type, tuple[str, str]] = {
    ast.Lt: (".LT.", "<"), ast.LtE: (".LE.", "<="), ast.Gt: (".GT.", ">"), ast.GtE: (".GE.", ">="),
    ast.Eq: (".EQ.", "=="), ast.NotEq: (".NE.", "!="),
}  # fmt: skip
_FUNCTIONS = ("exp", "log", "ln", "sqrt", "abs", "sin", "cos", "tanh")


@dataclass
class Writer:
    """Writes expressions of Python in NM-TRAN (`fortran`) or in the language of rxode2.

    Parameters
    ----------
    fortran : bool
    lines : list of str
        What has to stand before: NM-TRAN knows conditions only as IF.
    prefix : str
        Of the names of these lines.
    """

    fortran: bool
    lines: list[str] = field(default_factory=list)
    prefix: str = "CASE"
    power: ClassVar[str] = "**"

    def text(self, expression: str | ast.AST, names: Mapping[str, str]) -> str:
        """The text of an expression; `names` are the other program's."""
        node = ast.parse(expression.strip(), mode="eval").body if isinstance(expression, str) else expression
        return self._write(node, names)[0]

    def _inside(self, node: ast.AST, names: Mapping[str, str], level: int) -> str:
        text, own = self._write(node, names)
        return text if own >= level else f"({text})"

    def _write(self, node: ast.AST, names: Mapping[str, str]) -> tuple[str, int]:
        match node:
            case ast.Name(id=name):
                return names.get(name, name), 9
            case ast.Constant(value=value) if isinstance(value, (int, float)):
                return self.number(float(value)), 9 if value >= 0 else 0
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return "-" + self._inside(inner, names, 2), 1
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self._write(inner, names)
            case ast.BinOp(left=a, op=op, right=b) if type(op) in _BINARY:
                sign, level = _BINARY[type(op)]
                left = self._inside(a, names, level + (sign == "**"))
                right = self._inside(b, names, level + 1)
                return f"{left} {self.power if sign == '**' else sign} {right}", level
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                return self._case(self._condition(node, names), "1", "0"), 9
            case ast.Call(func=ast.Name(id="where" | "ifelse"), args=[condition, yes, no]):
                told = self._condition(condition, names)
                return self._case(told, self._write(yes, names)[0], self._write(no, names)[0]), 9
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _FUNCTIONS:
                known = {"ln": "log"}.get(name, name)
                word = known.upper() if self.fortran else known
                return f"{word}({', '.join(self._write(a, names)[0] for a in arguments)})", 9
        raise ModelError(
            explain(
                expected=f"arithmetic, comparisons, where and {', '.join(_FUNCTIONS)} in what is exported",
                got=ast.unparse(node),
                remedy="Write that part in the other program by hand.",
            )
        )

    def number(self, value: float) -> str:
        """A number as the language wants it."""
        return number(value)

    def _condition(self, node: ast.AST, names: Mapping[str, str]) -> str:
        match node:
            case ast.Compare(left=a, ops=[op], comparators=[b]):
                sign = _COMPARE[type(op)][0 if self.fortran else 1]
                between = sign if self.fortran else f" {sign} "
                return f"{self._inside(a, names, 1)}{between}{self._inside(b, names, 1)}"
            case ast.BoolOp(op=op, values=values):
                words = (".AND.", ".OR.") if self.fortran else (" && ", " || ")
                told = (f"({self._condition(value, names)})" for value in values)
                return (words[0] if isinstance(op, ast.And) else words[1]).join(told)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return f"{'.NOT.' if self.fortran else '!'}({self._condition(inner, names)})"
        sign = ".GT.0.5" if self.fortran else " > 0.5"
        return f"{self._inside(node, names, 1)}{sign}"

    def _case(self, condition: str, yes: str, no: str) -> str:
        if not self.fortran:
            return f"ifelse({condition}, {yes}, {no})"
        name = f"{self.prefix}{len(self.lines) // 2 + 1}"
        self.lines += [f"{name} = {no}", f"IF ({condition}) {name} = {yes}"]
        return name


class StanWriter(Writer):
    """Writes expressions of Python in the language of Stan, where 1 / 2 is 0 and 1.0 / 2.0 a half."""

    power: ClassVar[str] = "^"

    def __init__(self) -> None:
        super().__init__(fortran=False)

    def number(self, value: float) -> str:
        """A number with a decimal point or an exponent."""
        return repr(float(value))

    def _case(self, condition: str, yes: str, no: str) -> str:
        return f"({condition} ? {yes} : {no})"


def number(value: float) -> str:
    """A number, whole where it is whole."""
    return str(int(value)) if value == int(value) and abs(value) < 1e6 else repr(value)


class Inlined(ast.NodeTransformer):
    """Puts what names stand for in their place."""

    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802 (the name that ast wants)
        """What the name stands for, or itself."""
        return self.known.get(node.id, node)


def equation_lines(text: str) -> dict[str, ast.expr]:
    """Left side -> right side of the text of an `ODE` or `Function`; assigned names are written out."""
    found: dict[str, ast.expr] = {}
    known: dict[str, ast.expr] = {}
    for line in text.replace(";", "\n").splitlines():
        if not line.strip():
            continue
        left, _, right = line.partition("=")
        while left.count("(") != left.count(")"):
            more, _, right = right.partition("=")
            left += "=" + more
        value = Inlined(known).visit(ast.parse(right.strip().replace("^", "**"), mode="eval").body)
        left = left.strip()
        found[left] = value
        if left.isidentifier():
            known[left] = value
    return found
