"""The structure behind a control stream: a closed form where it is one, else its equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bayes_nlmem.exchange.control_stream import ControlStream
from bayes_nlmem.exchange.expressions import as_text, in_full, same, simpler
from bayes_nlmem.exchange.individual import LOG, NATURAL, RESERVED, Individual, Words, recognised
from bayes_nlmem.ground.messages import ModelError, explain

_INPUTS = {"F": "F", "ALAG": "alag", "D": "dur", "R": "rate"}


@dataclass(eq=False)
class Resolver:
    """Expresses equations by individual parameters of a known form; what has none is written out.

    Parameters
    ----------
    known : mapping of Symbol to expression
        Definitions of the assigned names.
    words : Words
    fixed : mapping of Symbol to float
    barred : frozenset of Symbol
        Thetas and random effects used in several places: they become parameters of their own.
    """

    known: Mapping[Any, Any]
    words: Words
    fixed: Mapping[Any, float]
    barred: frozenset = frozenset()
    individuals: dict[Any, Individual] = field(default_factory=dict)
    _found: dict[Any, Any] = field(default_factory=dict)

    def resolve(self, expression: Any, known: Mapping[Any, Any] | None = None) -> Any:
        """The expression by individual parameters, amounts (``@NAME``) and t."""
        known = self.known if known is None else known
        return expression.xreplace({s: self._one(s, known) for s in expression.free_symbols})

    def _one(self, symbol: Any, known: Mapping[Any, Any]) -> Any:
        import sympy

        if symbol in self._found and symbol in self.known:
            return self._found[symbol]
        found = self._new(symbol, known, sympy)
        if symbol in self.known:
            self._found[symbol] = found
        return found

    def _new(self, symbol: Any, known: Mapping[Any, Any], sympy: Any) -> Any:
        words = self.words
        if symbol.name.startswith("@") or symbol.name == "t":
            return symbol
        if symbol in self.fixed:
            return sympy.Float(self.fixed[symbol])
        if symbol in known:
            full = in_full(symbol, known)
            if not full.free_symbols:
                return full
            for name, other in self.individuals.items():
                if other.full == full:
                    return name
            if not full.free_symbols & self.barred:
                individual = recognised(full, words, self.fixed)
                if individual is not None:
                    self.individuals[symbol] = individual
                    return symbol
            return self.resolve(known[symbol], known)
        if symbol in words.thetas:
            scale = LOG if symbol in words.positive else NATURAL
            self.individuals[symbol] = Individual(symbol, scale, symbol)
            return symbol
        if symbol in words.etas:
            if len(words.occasions.get(symbol, ())) > 1:
                got = f"{symbol} in an equation that has no such form"
                remedy = "Write the parameter by hand, with Parameter(iov=...)."
                expected = "effects of occasions (SAME) added to one parameter's effect"
                raise ModelError(explain(expected=expected, got=got, remedy=remedy))
            groups = {words.levels[symbol]: symbol} if symbol in words.levels else {}
            own = None if groups else symbol
            self.individuals[symbol] = Individual(symbol, NATURAL, sympy.Integer(0), {}, own, groups=groups)
            return symbol
        if symbol in words.columns and symbol.name not in RESERVED:
            name = sympy.Symbol(f"COV_{symbol.name}")
            covariate: dict[tuple[str, ...], Any] = {(symbol.name,): symbol}
            self.individuals[name] = Individual(symbol, NATURAL, sympy.Integer(0), covariate)
            return name
        refused = (
            f"{symbol.name} in an equation of the model"
            if symbol.name in RESERVED
            else f"{symbol.name.partition('~')[0]}, which has no value (in every case)"
        )
        remedy = "Write that part of the model by hand, or drop what does not change predictions."
        expected = "thetas, random effects, covariates and what is assigned from them"
        raise ModelError(explain(expected=expected, got=refused, remedy=remedy))


@dataclass(frozen=True, eq=False)
class Equations:
    """Rates, inputs, start and outputs by individual parameters.

    Parameters
    ----------
    rates, initial : dict of compartment to expression
    inputs : dict of (letter, compartment) to expression
    outputs : dict of name to expression
    """

    rates: dict[str, Any]
    initial: dict[str, Any]
    inputs: dict[tuple[str, str], Any]
    outputs: dict[str, Any]


def equations_of(stream: ControlStream, resolver: Resolver, outputs: Mapping[str, Any]) -> Equations:
    """The stream's equations by individual parameters."""
    import sympy

    assert stream.rates is not None
    rates = {name: resolver.resolve(rate) for name, rate in stream.rates.items()}
    initial = {name: resolver.resolve(value) for name, value in stream.initial.items()}
    inputs = {}
    for number, name in enumerate(stream.rates, 1):
        for letter in _INPUTS:
            symbol = sympy.Symbol(f"{letter}{number}")
            if symbol in resolver.known and _is_used(letter, stream):
                value = resolver.resolve(symbol)
                if value not in (1 if letter == "F" else 0,):
                    inputs[letter, name] = value
    return Equations(rates, initial, inputs, dict(outputs))


def _is_used(letter: str, stream: ControlStream) -> bool:
    """D and R act only on doses with RATE -2 and -1."""
    if letter in ("F", "ALAG"):
        return True
    code = {"D": -2, "R": -1}[letter]
    return "RATE" in stream.frame.columns and bool((stream.frame["RATE"] == code).any())


def closed_form(equations: Equations) -> tuple[Any, dict[Any, str], dict[str, float]] | None:
    """The compartment system these equations are, with names and known values of its parameters."""
    import sympy

    from bayes_nlmem.structures.compartments import OneCompartment, ThreeCompartment, TwoCompartment

    names, amounts = list(equations.rates), [sympy.Symbol(f"@{name}") for name in equations.rates]
    if equations.initial or len(equations.outputs) != 1:
        return None
    matrix = _linear(list(equations.rates.values()), amounts)
    if matrix is None:
        return None
    [output] = equations.outputs.values()
    depot = len(names) > 1 and _is_depot(matrix)
    central = 1 if depot else 0
    n = len(names) - central
    if n not in (1, 2, 3) or not (output / amounts[central]).free_symbols.isdisjoint(amounts):
        return None
    volume = simpler(amounts[central] / output)
    if not volume.is_Symbol:
        return None
    others = range(central + 1, len(names))
    elimination = simpler(-sum(matrix[i][central] for i in range(central, len(names))))
    out, back = [matrix[p][central] for p in others], [matrix[central][p] for p in others]
    if any(not same(matrix[p][p], -matrix[central][p]) for p in others):
        return None
    if any(matrix[p][q] != 0 for p in others for q in others if p != q):
        return None
    flows = [simpler(k * volume) for k in out]
    volumes = [simpler(q / k) for q, k in zip(flows, back, strict=True)] if all(k != 0 for k in back) else []
    clearances = [simpler(elimination * volume), volume]
    for q, v in zip(flows, volumes, strict=True):
        clearances += [q, v]
    micro = [elimination]
    for k, b in zip(out, back, strict=True):
        micro += [k, b]
    absorbed = [simpler(matrix[central][0])] if depot else []
    structures = {1: OneCompartment, 2: TwoCompartment, 3: ThreeCompartment}
    absorption: Any = "first-order" if depot else None
    for words, ours in (
        ("clearances", [*clearances, *absorbed]),
        ("rate constants", [*micro, volume, *absorbed]),
    ):
        structure = structures[n](absorption=absorption, parameterisation=words)  # type: ignore[arg-type]
        if all(one.is_Symbol for one in ours) and len(set(ours)) == len(ours) == len(structure.parameters):
            constants: dict[str, float] = {}
            renamed = dict(zip(ours, structure.parameters, strict=True))
            for (letter, name), value in equations.inputs.items():
                own = f"{letter}_{structure.compartments[names.index(name)]}"
                if value.is_number:
                    constants[own] = float(value)
                elif not value.is_Symbol or value in renamed:
                    return None
                else:
                    renamed[value] = own
            return structure, renamed, constants
    return None


def _linear(rates: list[Any], amounts: list[Any]) -> list[list[Any]] | None:
    import sympy

    nothing = {amount: sympy.Integer(0) for amount in amounts}
    matrix = [[simpler(sympy.diff(rate, amount)) for amount in amounts] for rate in rates]
    cells = [cell for row in matrix for cell in row]
    free = {s for cell in cells for s in cell.free_symbols}
    if free & {*amounts, sympy.Symbol("t")} or any(simpler(rate.xreplace(nothing)) != 0 for rate in rates):
        return None
    return matrix


def _is_depot(matrix: list[list[Any]]) -> bool:
    """Whether the first compartment empties into the second, and nothing else touches it."""
    alone = all(cell == 0 for cell in matrix[0][1:]) and all(row[0] == 0 for row in matrix[2:])
    return alone and same(matrix[1][0], -matrix[0][0])


def as_equations(stream: ControlStream, equations: Equations, names: Mapping[Any, str]) -> Any:
    """An `ODE` of the equations."""
    import sympy

    from bayes_nlmem.structures.ode import ODE

    taken = {name.lower() for name in names.values()}
    ours = {
        name: name.lower() if name.lower() not in taken else f"c_{name.lower()}" for name in equations.rates
    }
    written = {**names, **{sympy.Symbol(f"@{name}"): ours[name] for name in ours}}
    lines = [
        f"{_INPUTS[letter]}({ours[name]}) = {as_text(value, written)}"
        for (letter, name), value in equations.inputs.items()
    ]
    lines += [f"d/dt({ours[name]}) = {as_text(rate, written)}" for name, rate in equations.rates.items()]
    lines += [f"{ours[name]}(0) = {as_text(value, written)}" for name, value in equations.initial.items()]
    lines += [f"{name} = {as_text(value, written)}" for name, value in equations.outputs.items()]
    return ODE(
        "\n".join(lines),
        outputs=tuple(equations.outputs),
        dose=ours[stream.dose],
        observe=ours[stream.observe],
    )


def as_function(outputs: Mapping[str, Any], names: Mapping[Any, str]) -> Any:
    """A `Function` of time, for a stream without compartments."""
    from bayes_nlmem.structures.function import Function

    lines = [f"{name} = {as_text(value, names)}" for name, value in outputs.items()]
    return Function("\n".join(lines), outputs=tuple(outputs))
