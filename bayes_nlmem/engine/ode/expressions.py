"""Expressions as a graph in which equal subexpressions are one node, with exact derivatives.

A node is a tuple: an operation and the numbers of its operands. Leaves are ``("const", value)``, ``("t",)``,
``("tad",)`` (time after a dose), ``("y", i)`` (state i) and ``("p", i)`` (parameter i). Conditions are
numbers, 1 for true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

Node = tuple
LEAVES = ("const", "t", "tad", "y", "p")
CONDITIONS = ("lt", "le", "eq", "and", "or", "not")

_FOLD: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, b: a**b,
    "exp": math.exp,
    "log": math.log,
    "log1p": math.log1p,
    "expm1": math.expm1,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "abs": abs,
    "max": max,
    "min": min,
    "floor": math.floor,
    "lgamma": math.lgamma,
    "where": lambda c, a, b: a if c else b,
    "lt": lambda a, b: float(a < b),
    "le": lambda a, b: float(a <= b),
    "eq": lambda a, b: float(a == b),
    "and": lambda a, b: float(bool(a) and bool(b)),
    "or": lambda a, b: float(bool(a) or bool(b)),
    "not": lambda a: float(not a),
}


class Graph:
    """Nodes in the order in which they were made: operands come before what uses them."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._number: dict[Node, int] = {}
        self._uses: list[int] = []

    def leaf(self, *node: object) -> int:
        """Number of a leaf (or of any node, as it stands)."""
        number = self._number.get(node)
        if number is None:
            number = self._number[node] = len(self.nodes)
            self.nodes.append(node)
            own = {"t": 1, "y": 2, "p": 4, "tad": 8}.get(str(node[0]), 0)
            if node[0] not in LEAVES:
                for operand in node[1:]:
                    own |= self._uses[operand]  # type: ignore[call-overload]
            self._uses.append(own)
        return number

    def either(self, op: str, a: int, b: int) -> int:
        """Number of an operation whose operands may be exchanged."""
        other = self._number.get((op, b, a))
        return self.leaf(op, a, b) if other is None else other

    def const(self, value: float) -> int:
        """Number of a constant."""
        return self.leaf("const", float(value))

    def value(self, i: int) -> float | None:
        """Value of a constant, None for anything else."""
        node = self.nodes[i]
        return node[1] if node[0] == "const" else None

    def only_parameters(self, i: int) -> bool:
        """Whether it depends on parameters and on nothing else that changes."""
        return self._uses[i] == 4

    def without_states(self, i: int) -> bool:
        """Whether it depends neither on the time nor on a state."""
        return not self._uses[i] & 11

    def has_time(self, i: int) -> bool:
        """Whether it depends on the time itself."""
        return bool(self._uses[i] & 1)

    def has_states(self, i: int) -> bool:
        """Whether it depends on a state."""
        return bool(self._uses[i] & 2)

    def of_dose_only(self, i: int) -> bool:
        """Whether it depends on parameters and the time after a dose, and on nothing else."""
        return not self._uses[i] & 3

    def has_time_after_dose(self, i: int) -> bool:
        """Whether it depends on the time after a dose."""
        return bool(self._uses[i] & 8)

    def make(self, op: str, *a: int) -> int:
        """Number of an operation, simplified where that is exact."""
        known = [self.value(i) for i in a]
        if all(v is not None for v in known):
            try:
                return self.const(_FOLD[op](*known))
            except (ZeroDivisionError, ValueError, OverflowError, TypeError):
                pass
        simplify = _SIMPLIFY.get(op)
        found = simplify(self, *a) if simplify else None
        return self.leaf(op, *a) if found is None else found

    def derivative(self, i: int, leaf: int, known: dict[int, int]) -> int:
        """Number of d(i)/d(leaf); `known` remembers the derivatives to the same leaf."""
        pending = [i]
        while pending:
            j = pending[-1]
            if j in known:
                pending.pop()
                continue
            op, *a = self.nodes[j]
            if op in LEAVES:
                known[j] = self.const(1.0 if j == leaf else 0.0)
                pending.pop()
            elif missing := [k for k in a if k not in known]:
                pending.extend(missing)
            else:
                zero = self.const(0.0)
                slopes = [known[k] for k in a]
                flat = all(s == zero for s in slopes) or op in CONDITIONS or op == "floor"
                known[j] = zero if flat else _SLOPE[op](self, j, a, slopes)
                pending.pop()
        return known[i]


def _add(g: Graph, a: int, b: int) -> int | None:
    if g.value(a) == 0:
        return b
    if g.value(b) == 0:
        return a
    if g.nodes[b][0] == "neg":
        return g.make("sub", a, g.nodes[b][1])
    if g.nodes[a][0] == "neg":
        return g.make("sub", b, g.nodes[a][1])
    return g.either("add", a, b)


def _sub(g: Graph, a: int, b: int) -> int | None:
    if g.value(b) == 0:
        return a
    if g.value(a) == 0:
        return g.make("neg", b)
    if a == b:
        return g.const(0.0)
    return g.make("add", a, g.nodes[b][1]) if g.nodes[b][0] == "neg" else None


def _mul(g: Graph, a: int, b: int) -> int | None:
    for x, y in ((a, b), (b, a)):
        if g.value(x) == 0:
            return x
        if g.value(x) == 1:
            return y
        if g.value(x) == -1:
            return g.make("neg", y)
        if g.nodes[x][0] == "neg":
            return g.make("neg", g.make("mul", g.nodes[x][1], y))
    return g.either("mul", a, b)


def _div(g: Graph, a: int, b: int) -> int | None:
    divisor = g.value(b)
    if g.value(a) == 0 and divisor != 0:
        return a
    if divisor:
        return g.make("mul", a, g.const(1.0 / divisor)) if math.frexp(divisor)[0] in (0.5, -0.5) else None
    if g.nodes[a][0] == "neg":
        return g.make("neg", g.make("div", g.nodes[a][1], b))
    return g.const(1.0) if a == b else None


def _neg(g: Graph, a: int) -> int | None:
    node = g.nodes[a]
    if node[0] == "neg":
        return node[1]
    return g.make("sub", node[2], node[1]) if node[0] == "sub" else None


def _pow(g: Graph, a: int, b: int) -> int | None:
    power = g.value(b)
    if power == 0.5:
        return g.make("sqrt", a)
    if power == 0:
        return g.const(1.0)
    if power is None or power != int(power) or abs(power) > 8:
        return None
    if power < 0:
        return g.make("div", g.const(1.0), g.make("pow", a, g.const(-power)))
    if power == 1:
        return a
    half = g.make("pow", a, g.const(power // 2))
    square = g.make("mul", half, half)
    return g.make("mul", square, a) if power % 2 else square


def _where(g: Graph, c: int, a: int, b: int) -> int | None:
    if g.value(c) is not None:
        return a if g.value(c) else b
    return a if a == b else None


_SIMPLIFY: dict[str, Callable[..., int | None]] = {
    "add": _add, "sub": _sub, "mul": _mul, "div": _div, "neg": _neg, "pow": _pow, "where": _where,
}  # fmt: skip


def _slope_pow(g: Graph, j: int, a: list[int], d: list[int]) -> int:
    """x^n: n x^(n-1) dx + x^n log(x) dn, with the limits 0 (and 1 for n = 1) at x = 0."""
    zero, one = g.const(0.0), g.const(1.0)
    x, n = a
    total = zero
    positive = g.make("lt", zero, x)
    if d[0] != zero:
        if g.value(n) is not None:
            slope = g.make("mul", n, g.make("pow", x, g.make("sub", n, one)))
        else:
            at_zero = g.make("where", g.make("eq", n, one), one, zero)
            slope = g.make("where", positive, g.make("div", g.make("mul", n, j), x), at_zero)
        total = g.make("mul", slope, d[0])
    if d[1] != zero:
        logarithm = g.make("where", positive, g.make("log", x), zero)
        total = g.make("add", total, g.make("mul", g.make("mul", j, logarithm), d[1]))
    return total


_SLOPE: dict[str, Callable[[Graph, int, list[int], list[int]], int]] = {
    "add": lambda g, j, a, d: g.make("add", d[0], d[1]),
    "sub": lambda g, j, a, d: g.make("sub", d[0], d[1]),
    "neg": lambda g, j, a, d: g.make("neg", d[0]),
    "mul": lambda g, j, a, d: g.make("add", g.make("mul", d[0], a[1]), g.make("mul", a[0], d[1])),
    "div": lambda g, j, a, d: g.make("div", g.make("sub", d[0], g.make("mul", j, d[1])), a[1]),
    "pow": _slope_pow,
    "exp": lambda g, j, a, d: g.make("mul", j, d[0]),
    "log": lambda g, j, a, d: g.make("div", d[0], a[0]),
    "log1p": lambda g, j, a, d: g.make("div", d[0], g.make("add", g.const(1.0), a[0])),
    "expm1": lambda g, j, a, d: g.make("mul", g.make("add", j, g.const(1.0)), d[0]),
    "sqrt": lambda g, j, a, d: g.make("div", g.make("mul", g.const(0.5), d[0]), j),
    "sin": lambda g, j, a, d: g.make("mul", g.make("cos", a[0]), d[0]),
    "cos": lambda g, j, a, d: g.make("neg", g.make("mul", g.make("sin", a[0]), d[0])),
    "tanh": lambda g, j, a, d: g.make("mul", g.make("sub", g.const(1.0), g.make("mul", j, j)), d[0]),
    "abs": lambda g, j, a, d: g.make("where", g.make("lt", a[0], g.const(0.0)), g.make("neg", d[0]), d[0]),
    "max": lambda g, j, a, d: g.make("where", g.make("lt", a[0], a[1]), d[1], d[0]),
    "min": lambda g, j, a, d: g.make("where", g.make("lt", a[0], a[1]), d[0], d[1]),
    "where": lambda g, j, a, d: g.make("where", a[0], d[1], d[2]),
}


def _slope_lgamma(g: Graph, j: int, a: list[int], d: list[int]) -> int:
    """Digamma for positive arguments: Stirling's series at x + 8, and the recurrence down to x (1e-14)."""
    x, one = a[0], g.const(1.0)
    z = g.make("add", x, g.const(8.0))
    square = g.make("div", one, g.make("mul", z, z))
    series = g.const(0.0)
    for c in (1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12):
        series = g.make("mul", square, g.make("add", series, g.const(c)))
    total = g.make("sub", g.make("log", z), g.make("div", g.const(0.5), z))
    total = g.make("sub", total, series)
    for i in range(8):
        total = g.make("sub", total, g.make("div", one, g.make("add", x, g.const(float(i)))))
    return g.make("mul", total, d[0])


_SLOPE["lgamma"] = _slope_lgamma


def jacobian(g: Graph, of: Iterable[int], by: Iterable[int]) -> list[dict[int, int]]:
    """For each node of `of` the non-zero partial derivatives {position in `by`: node}."""
    of = list(of)
    zero = g.const(0.0)
    rows: list[dict[int, int]] = [{} for _ in of]
    for position, leaf in enumerate(by):
        known: dict[int, int] = {}
        for row, i in zip(rows, of, strict=True):
            slope = g.derivative(i, leaf, known)
            if slope != zero:
                row[position] = slope
    return rows
