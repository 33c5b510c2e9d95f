"""Equations of Mlxtran: expressions as our equations read them, if ... end as where(...)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bayes_nlmem.exchange.mlxtran_text import Line, refused, split

FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs", "floor", "min", "max", "pow", "where")
_WRITTEN = {
    "ln": "log(x)",
    "log10": "log(x) / 2.302585092994046",
    "gammaln": "lgamma(x)",
    "logit": "log(x / (1 - x))",
    "invlogit": "1 / (1 + exp(-x))",
}
_NOT_OURS = ("time", "tad", "amtDose", "tDose", "inftDose", "adm")


@dataclass(frozen=True)
class Assignment:
    """A line ``name = right``, the right side as our equations read it."""

    number: int
    name: str
    right: str


class _Translated(ast.NodeTransformer):
    def __init__(self, number: int, values: Mapping[str, ast.expr]) -> None:
        self.number, self.values = number, values

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802 (names of ast)
        if node.id in self.values:
            return self.values[node.id]
        if node.id in _NOT_OURS:
            raise refused(self.number, node.id, "parameters, variables and t in equations")
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        arguments = [self.visit(argument) for argument in node.args]
        if name in _WRITTEN and len(arguments) == 1:
            return renamed_tree(_WRITTEN[name], {"x": arguments[0]})
        if name not in FUNCTIONS:
            expected = f"functions among {', '.join([*FUNCTIONS[:-1], *_WRITTEN])}"
            raise refused(self.number, f"{name}()", expected, "Write that part of the model by hand.")
        return ast.Call(node.func, arguments, [])


def renamed_tree(text: str, values: Mapping[str, ast.expr]) -> ast.expr:
    """An expression of ours with other expressions in the place of names."""

    class Renamed(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
            return values.get(node.id, node)

    return Renamed().visit(ast.parse(text, mode="eval").body)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """An expression of ours with other names."""
    return ast.unparse(renamed_tree(text, {a: ast.Name(b, ast.Load()) for a, b in names.items()}))


def names_in(text: str) -> set[str]:
    """Names in an expression of ours, without those of functions."""
    tree = ast.parse(text, mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def expression(text: str, number: int, values: Mapping[str, str] | None = None) -> str:
    """An expression as our equations read it.

    Parameters
    ----------
    text : str
        In Mlxtran.
    number : int
        Its line.
    values : mapping of str to str, optional
        What stands for some names, in our words.

    Raises
    ------
    ModelError
        What is no expression, functions and words that we do not have.

    Examples
    --------
    >>> expression("V*invlogit(x)^2", 1), expression("t > 2 && !(x ~= 1)", 1)
    ('V * (1 / (1 + exp(-x))) ** 2', 't > 2 and (not x != 1)')
    """
    python = text.replace("^", "**").replace("~=", "!=")
    python = re.sub(r"&&?", " and ", python)
    python = re.sub(r"\|\|?", " or ", python)
    python = re.sub(r"[!~](?!=)", " not ", python).strip()
    try:
        tree = ast.parse(python, mode="eval").body
        given = {name: ast.parse(value, mode="eval").body for name, value in (values or {}).items()}
    except SyntaxError:
        raise refused(number, text, "an expression") from None
    return ast.unparse(_Translated(number, given).visit(tree))


def assignments(lines: Iterable[Line]) -> list[Assignment]:
    """Assignments of a block, each name once; those of if ... end become one with where(...).

    Raises
    ------
    ModelError
        A name with two values, or none in some case of an if.

    Examples
    --------
    >>> lines = ["if t < 5", "k = a", "else", "b = 2", "k = b*a", "end"]
    >>> for one in assignments(Line(i, line) for i, line in enumerate(lines, 1) if "b = 2" not in line):
    ...     print(one.name, "=", one.right)
    k = where(t < 5, a, b * a)
    """
    found: dict[str, Assignment] = {}
    queue = list(lines)
    while queue:
        line = queue.pop(0)
        if _word(line.text) == "if":
            for number, name, right in _cases(line, queue, found):
                found[name] = Assignment(number, name, right)
            continue
        name, right = _sides(line)
        if name in found:
            expected = f"one value of {name}, or if ... else ... end"
            raise refused(line.number, line.text, expected)
        found[name] = Assignment(line.number, name, expression(right, line.number))
    return list(found.values())


def in_order(found: Iterable[Assignment]) -> list[Assignment]:
    """Assignments after those that they use."""
    waiting = {one.name: one for one in found}
    ordered: list[Assignment] = []
    while waiting:
        ready = [one for one in waiting.values() if not names_in(one.right) & set(waiting)]
        if not ready:
            one = next(iter(waiting.values()))
            raise refused(one.number, f"{one.name} = {one.right}", "a value that does not use itself")
        ordered += ready
        waiting = {name: one for name, one in waiting.items() if one not in ready}
    return ordered


def _word(text: str) -> str:
    match = re.match(r"(if|elseif|else\s+if|else|end)\b", text)
    return re.sub(r"\s", "", match[1]) if match else ""


def _sides(line: Line) -> tuple[str, str]:
    name, *rest = split(line.text, "=")
    if not rest or not re.match(r"^[A-Za-z_]\w*$", name) or not rest[0]:
        raise refused(line.number, line.text, "name = expression")
    return name, "=".join(rest)


def _cases(first: Line, queue: list[Line], before: Mapping[str, Assignment]) -> list[tuple[int, str, str]]:
    """Values of the names that are assigned between if and end."""
    conditions: list[str] = []
    branches: list[dict[str, str]] = [{}]
    line: Line = first
    while True:
        word = _word(line.text)
        if word in ("if", "elseif") and line is not first and word == "if":
            raise refused(line.number, line.text, "no if within an if", "Write one if with elseif.")
        if word in ("if", "elseif"):
            text = re.sub(r"^(if|elseif|else\s+if)\b", "", line.text)
            conditions.append(expression(re.sub(r"\bthen$", "", text.strip()), line.number))
            if word == "elseif":
                branches.append({})
        elif word == "else":
            branches.append({})
        elif word == "end":
            break
        else:
            name, right = _sides(line)
            if name.startswith("ddt_"):
                expected = "derivatives outside of if"
                raise refused(line.number, line.text, expected, "Assign a variable in the if, and use it.")
            branches[-1][name] = expression(right, line.number, branches[-1])
        if not queue:
            raise refused(first.number, first.text, "an end of the if")
        line = queue.pop(0)
    if len(branches) == len(conditions):
        branches.append({})
    found = []
    for name in dict.fromkeys(name for branch in branches for name in branch):
        values = [branch.get(name, before[name].right if name in before else None) for branch in branches]
        if None in values:
            remedy = "Give it a value before the if, or in its else."
            raise refused(first.number, f"{name} without one", "a value in every case of the if", remedy)
        text = str(values[-1])
        for condition, value in zip(reversed(conditions), reversed(values[:-1]), strict=True):
            text = f"where({condition}, {value}, {text})"
        found.append((first.number, name, ast.unparse(ast.parse(text, mode="eval"))))
    return found
