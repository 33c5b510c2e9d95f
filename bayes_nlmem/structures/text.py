"""Equations as text, as users of rxode2, nlmixr2 and Monolix know them: read by a whitelist, written back.

``d/dt(central) = ...``, ``response(0) = ...``, ``F(depot) = ...``, ``alag(depot) = ...``, ``dur(depot) =
...``, ``rate(depot) = ...``, ``input(depot) = ...`` (share of a dose per time that enters at time `tad` after
its arrival), ``route(oral) = depot``, and any other ``name = ...``. What is neither assigned, nor a
compartment, nor ``t``, nor ``tad`` is a parameter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from bayes_nlmem.engine.ode.expressions import LEAVES, Graph
from bayes_nlmem.engine.ode.symbols import Symbol, make
from bayes_nlmem.engine.ode.trace import System, assemble
from bayes_nlmem.ground.messages import ModelError, closest, explain

_DERIVATIVE = re.compile(r"^d\s*/\s*dt\s*\(\s*([A-Za-z_]\w*)\s*\)$|^ddt_([A-Za-z]\w*)$")
_INITIAL = re.compile(r"^([A-Za-z_]\w*)\s*\(\s*0\s*\)$|^([A-Za-z]\w*)_0$")
_INPUT = re.compile(r"^(f|F|alag|lag|ALAG|dur|D|rate|R)\s*\(\s*([A-Za-z_]\w*)\s*\)$")
_INPUT_RATE = re.compile(r"^input\s*\(\s*([A-Za-z_]\w*)\s*\)$")
_ROUTE = re.compile(r"^route\s*\(\s*([A-Za-z_]\w*)\s*\)$")
_LETTER = {"f": "F", "alag": "ALAG", "lag": "ALAG", "dur": "D", "d": "D", "rate": "R", "r": "R"}
_NAME = re.compile(r"^[A-Za-z_]\w*$")

_ONE = {
    "exp": "exp", "log": "log", "ln": "log", "log1p": "log1p", "expm1": "expm1", "sqrt": "sqrt", "sin": "sin",
    "cos": "cos", "tanh": "tanh", "abs": "abs", "floor": "floor", "lgamma": "lgamma",
}  # fmt: skip
_TWO = {"max": "max", "min": "min", "pow": "pow", "maximum": "max", "minimum": "min"}
_BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}
_COMPARE = {ast.Lt: ("lt", False), ast.LtE: ("le", False), ast.Gt: ("lt", True), ast.GtE: ("le", True)}


def parse(
    text: str,
    *,
    outputs: Sequence[str] | None = None,
    compartments: tuple[str, ...] | None = None,
    parameters: tuple[str, ...] | None = None,
) -> System:
    """A system of equations from text.

    Parameters
    ----------
    text : str
        One assignment per line (or separated by ``;``); ``#`` begins a comment; ``^`` and ``**`` are powers.
    outputs : sequence of str, optional
        Assigned names that can be observed; by default all that do not begin with an underscore.
    compartments, parameters : tuple of str, optional
        Names in their order; by default in the order of their equations and of their use.

    Raises
    ------
    ModelError
        With the line that could not be understood, and why.

    Examples
    --------
    >>> system = parse("d/dt(central) = -CL / V * central; cp = central / V")
    >>> system.parameters, tuple(system.outputs)
    (('CL', 'V'), ('cp',))
    """
    lines = list(_assignments(text))
    found = tuple(name for line in lines if (name := _match(_DERIVATIVE, line[1])))
    for name in found:
        if found.count(name) > 1:
            raise ModelError(explain(expected=f"one derivative of {name}", got="several"))
    order = found if compartments is None else compartments
    if sorted(order) != sorted(found):
        raise ModelError(
            explain(
                expected=f"a line d/dt(...) for {', '.join(order)}",
                got=f"them for {', '.join(found) or 'none'}",
            )
        )
    reader = _Reader(order, parameters)
    derivatives, start, inputs, input_rates, assigned = {}, {}, {}, {}, []
    routes = {name: right for _, left, right in lines if (name := _match(_ROUTE, left))}
    for number, left, right in lines:
        if _match(_ROUTE, left):
            continue
        value = reader.read(right, number)
        if name := _match(_DERIVATIVE, left):
            derivatives[name] = value
        elif (match := _INPUT.match(left)) and (match[2] in order or match[2] in routes):
            inputs[f"{_LETTER[match[1].lower()]}_{match[2]}"] = value
        elif name := _match(_INPUT_RATE, left):
            input_rates[name] = value
        elif (name := _match(_INITIAL, left)) in order:
            start[name] = value
        elif _NAME.match(left) and left not in order and left not in ("t", "time", "tad"):
            if left in reader.parameters:
                raise ModelError(_wrong(number, f"{left} is used before this line gives it a value"))
            reader.assigned[left] = value
            assigned.append(left)
        else:
            raise ModelError(_wrong(number, f"{left!r} cannot be assigned"))
    chosen = (
        [name for name in dict.fromkeys(assigned) if not name.startswith("_")] if outputs is None else outputs
    )
    if missing := [name for name in chosen if name not in reader.assigned]:
        raise ModelError(
            explain(
                expected=f"outputs that are assigned ({', '.join(reader.assigned) or 'nothing is'})",
                got=missing[0],
                remedy=closest(missing[0], reader.assigned) or None,
            )
        )
    observed = {name: reader.assigned[name] for name in chosen}
    return assemble(
        reader.g, order, tuple(reader.parameters), derivatives, observed, start, inputs, input_rates, routes
    )


def parse_assignments(text: str, names: Sequence[str] = ()) -> tuple[Graph, tuple[str, ...], dict[str, int]]:
    """Assignments without derivatives: the graph, the names that are free in them, and the values.

    Parameters
    ----------
    text : str
        One ``name = expression`` per line (or separated by ``;``).
    names : sequence of str
        Free names that come first; others follow in the order of their use.

    Raises
    ------
    ModelError
        With the line that could not be understood, and why.

    Examples
    --------
    >>> parse_assignments("cp = DOSE / V * exp(-k * t)")[1]
    ('DOSE', 'V', 'k')
    """
    reader = _Reader((), None)
    for name in names:
        reader._new_parameter(name)
    for number, left, right in _assignments(text):
        value = reader.read(right, number)
        if not _NAME.match(left) or left in ("t", "time"):
            raise ModelError(_wrong(number, f"{left!r} cannot be assigned"))
        if left in reader.parameters:
            raise ModelError(_wrong(number, f"{left} is used before this line gives it a value"))
        reader.assigned[left] = value
    return reader.g, tuple(reader.parameters), {name: value.i for name, value in reader.assigned.items()}


def _assignments(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for part in line.split("#")[0].split("//")[0].split(";"):
            if not part.strip():
                continue
            left, sign, right = part.replace("<-", "=").partition("=")
            if not sign or not right.strip() or right.startswith("="):
                raise ModelError(_wrong(number, f"{part.strip()!r} is no assignment (name = expression)"))
            yield number, left.strip(), right.strip()


def _match(pattern: re.Pattern[str], left: str) -> str:
    match = pattern.match(left)
    return next((group for group in match.groups() if group), "") if match else ""


def _wrong(number: int, why: str) -> str:
    return f"Line {number} of the equations: {why}."


class _Reader:
    """Reads expressions; knows what names mean."""

    def __init__(self, compartments: tuple[str, ...], parameters: tuple[str, ...] | None) -> None:
        self.g = Graph()
        self.states = {name: Symbol(self.g, self.g.leaf("y", i)) for i, name in enumerate(compartments)}
        self.parameters: dict[str, Symbol] = {}
        self.assigned: dict[str, Symbol] = {}
        self.closed = parameters is not None
        for name in parameters or ():
            self._new_parameter(name)

    def _new_parameter(self, name: str) -> Symbol:
        self.parameters[name] = Symbol(self.g, self.g.leaf("p", len(self.parameters)))
        return self.parameters[name]

    def read(self, text: str, number: int) -> Symbol:
        try:
            tree = ast.parse(text.replace("^", "**"), mode="eval").body
        except (SyntaxError, ValueError):
            raise ModelError(_wrong(number, f"{text!r} is no expression")) from None
        return self._value(tree, number)

    def _value(self, node: ast.expr, number: int) -> Symbol:
        match node:
            case ast.Constant(value=bool() | int() | float()):
                return Symbol(self.g, self.g.const(float(node.value)))  # type: ignore[arg-type]
            case ast.Name(id=name):
                return self._name(name, number)
            case ast.BinOp(left=a, op=op, right=b) if type(op) in _BINARY:
                return make(self.g, _BINARY[type(op)], self._value(a, number), self._value(b, number))
            case ast.UnaryOp(op=ast.USub(), operand=a):
                return -self._value(a, number)
            case ast.UnaryOp(op=ast.UAdd(), operand=a):
                return self._value(a, number)
            case ast.UnaryOp(op=ast.Not(), operand=a):
                return ~self._value(a, number)
            case ast.BoolOp(op=op, values=values):
                result = self._value(values[0], number)
                for value in values[1:]:
                    result = make(
                        self.g, "and" if isinstance(op, ast.And) else "or", result, self._value(value, number)
                    )
                return result
            case ast.Compare(left=a, ops=[op], comparators=[b]):
                x, y = self._value(a, number), self._value(b, number)
                if isinstance(op, ast.Eq | ast.NotEq):
                    return (x == y) if isinstance(op, ast.Eq) else (x != y)
                name, swapped = _COMPARE.get(type(op), ("", False))
                if name:
                    return make(self.g, name, y, x) if swapped else make(self.g, name, x, y)
            case ast.IfExp(test=c, body=a, orelse=b):
                return make(self.g, "where", *(self._value(x, number) for x in (c, a, b)))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                given = [self._value(x, number) for x in arguments]
                for names, count in ((_ONE, 1), (_TWO, 2), ({"where": "where", "ifelse": "where"}, 3)):
                    if name in names and len(given) == count:
                        return make(self.g, names[name], *given)
                known = sorted({*_ONE, *_TWO, "where"})
                raise ModelError(
                    _wrong(number, f"{name}() with {len(given)} arguments is not known ({', '.join(known)})")
                )
        raise ModelError(_wrong(number, f"{ast.unparse(node)!r} is not allowed"))

    def _name(self, name: str, number: int) -> Symbol:
        if name in ("t", "time"):
            return Symbol(self.g, self.g.leaf("t"))
        if name == "tad":
            return Symbol(self.g, self.g.leaf("tad"))
        for known in (self.assigned, self.states, self.parameters):
            if name in known:
                return known[name]
        if self.closed:
            valid = [*self.states, *self.parameters, *self.assigned]
            remedy = closest(name, valid)
            raise ModelError(
                _wrong(number, f"{name} is neither a compartment, a parameter nor assigned above")
                + " "
                + remedy
            )
        return self._new_parameter(name)


# --- writing -----------------------------------------------------------------------------------------

_SIGNS = {"add": (" + ", 1), "sub": (" - ", 1), "mul": (" * ", 2), "div": (" / ", 2), "pow": (" ** ", 4)}
_WORDS = {"lt": (" < ", 0), "le": (" <= ", 0), "eq": (" == ", 0), "and": (" and ", -1), "or": (" or ", -1)}


def written(system: System) -> str:
    """The equations of a system as text that `parse` reads back to the same system."""
    g = system.graph
    equations = (
        [(f"d/dt({c})", i) for c, i in zip(system.compartments, system.rates, strict=True)]
        + [
            (f"{c}(0)", i)
            for c, i in zip(system.compartments, system.initial, strict=True)
            if g.value(i) != 0
        ]
        + [(f"{name.partition('_')[0]}({name.partition('_')[2]})", i) for name, i in system.inputs.items()]
        + [(f"input({name})", i) for name, i in system.input_rates.items()]
        + list(system.outputs.items())
    )
    uses: dict[int, int] = {}
    pending = [i for _, i in equations]
    while pending:
        i = pending.pop()
        uses[i] = uses.get(i, 0) + 1
        if uses[i] == 1 and g.nodes[i][0] not in LEAVES:
            pending.extend(g.nodes[i][1:])
    names: dict[int, str] = {name_of: name for name, name_of in system.outputs.items() if uses[name_of] > 1}
    names = {i: name for i, name in names.items() if g.nodes[i][0] not in LEAVES}
    shared = [
        i for i in sorted(uses) if uses[i] > 1 and g.nodes[i][0] not in (*LEAVES, "neg") and i not in names
    ]
    names |= {i: f"_{number}" for number, i in enumerate(shared, 1)}
    lines = [f"route({name}) = {into}" for name, into in system.routes.items()]
    lines += [f"{name} = {_expression(system, i, names, top=True)}" for i, name in sorted(names.items())]
    done = set(names.values())
    for left, i in equations:
        if left not in done:
            lines.append(f"{left} = {_expression(system, i, names)}")
    return "\n".join(lines)


def _expression(system: System, i: int, names: dict[int, str], *, top: bool = False) -> str:
    return _Writer(system, names).text(i, top=top)[0]


class _Writer:
    def __init__(self, system: System, names: dict[int, str]) -> None:
        self.system, self.names = system, names

    def text(self, i: int, *, top: bool = False) -> tuple[str, int]:
        """Text of a node and how strongly it binds."""
        if i in self.names and not top:
            return self.names[i], 9
        op, *a = self.system.graph.nodes[i]
        if op == "const":
            return _number(a[0]), 9 if a[0] >= 0 else 3
        if op in ("t", "tad"):
            return op, 9
        if op in ("y", "p"):
            return (self.system.compartments if op == "y" else self.system.parameters)[a[0]], 9
        if op == "neg":
            return "-" + self._inside(a[0], 2), 1
        if op == "not":
            return f"not ({self.text(a[0])[0]})", -1
        if op in _SIGNS or op in _WORDS:
            sign, level = {**_SIGNS, **_WORDS}[op]
            return self._inside(a[0], level + (op == "pow" or level < 1)) + sign + self._inside(
                a[1], level + 1
            ), level
        return f"{op}({', '.join(self.text(x)[0] for x in a)})", 9

    def _inside(self, i: int, level: int) -> str:
        text, own = self.text(i)
        return text if own >= level else f"({text})"


def _number(value: float) -> str:
    if not abs(value) < 1e300:
        raise ModelError(explain(expected="finite numbers in equations", got=repr(value)))
    return str(int(value)) if value == int(value) and abs(value) < 1e6 else repr(value)
