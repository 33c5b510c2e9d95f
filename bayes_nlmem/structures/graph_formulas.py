"""Nodes of a graph as formulas for printing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_nlmem.engine.ode.expressions import Graph
from bayes_nlmem.ground.formulas import Call, Constant, Formula, Product, Raised, Ratio, Sum, less

if TYPE_CHECKING:
    pass


_SIGNS = {"lt": "<", "le": "≤", "eq": "=", "and": "and", "or": "or", "not": "not"}


def formula_of(g: Graph, i: int, time: Formula, p: list[Formula]) -> Formula:
    """The formula of node `i`, with `time` for t and the formulas `p` of the parameters."""
    op, *a = g.nodes[i]
    if op == "const":
        return Constant(a[0])
    if op == "t":
        return time
    if op == "p":
        return p[a[0]]
    x = [formula_of(g, k, time, p) for k in a]
    match op:
        case "add":
            return Sum((*(x[0].terms if isinstance(x[0], Sum) else (x[0],)), x[1]))
        case "sub":
            return less(x[0], x[1])
        case "mul" | "div":
            sign, first = _without_sign(x[0])
            if op == "div":
                return _signed(sign, Ratio(first, x[1]))
            factors = first.factors if isinstance(first, Product) else (first,)
            return _signed(sign, Product((*factors, x[1])))
        case "pow":
            return Raised(x[0], x[1])
        case "neg":
            return _signed(-1, x[0])
    return Call({**_SIGNS, "where": "if"}.get(op, op), tuple(x))


def _signed(sign: int, formula: Formula) -> Formula:
    """A sum of one term, which is written with its sign."""
    return formula if sign > 0 else Sum((Product((Constant(-1), formula)),))


def _without_sign(formula: Formula) -> tuple[int, Formula]:
    match formula:
        case Sum((Product((Constant(-1), inner)),)):
            return -1, inner
    return 1, formula
