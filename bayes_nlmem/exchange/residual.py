"""The residual error of a control stream: what multiplies EPS, as a function of the prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.exchange.control_stream import Block, Theta
from bayes_nlmem.exchange.expressions import simpler
from bayes_nlmem.exchange.individual import Words
from bayes_nlmem.ground.messages import ModelError, explain


@dataclass(frozen=True, eq=False)
class Error:
    """A residual error.

    Parameters
    ----------
    squares : dict of int to expression
        Power of the prediction in the variance -> coefficient, in thetas and numbers of SIGMA.
    deviations : dict of int to expression or None
        The same of the standard deviation, where it and not the variance is a sum.
    eta : Symbol or None
        Random effect on the logarithm of the standard deviation.
    notes : tuple of str
        What was left out and does not change predictions.
    """

    squares: dict[int, Any]
    deviations: dict[int, Any] | None
    eta: Any
    notes: tuple[str, ...]

    @property
    def symbols(self) -> set[Any]:
        """Thetas, numbers of SIGMA and the random effect in it."""
        parts = [*self.squares.values(), *(self.deviations or {}).values()]
        return {s for part in parts for s in part.free_symbols} | (
            {self.eta} if self.eta is not None else set()
        )


def error_of(
    y: Any,
    epsilons: tuple[Block, ...],
    numbers: Mapping[str, Theta],
    words: Words,
    output: str,
) -> Error:
    """The error of Y written in full.

    Raises
    ------
    ModelError
        It is not linear in EPS, or not one of the forms that are known.
    """
    import sympy

    f_symbol = sympy.Symbol("@prediction", positive=True)
    names = [name for block in epsilons for name in block.names]
    eps = [sympy.Symbol(name) for name in names if sympy.Symbol(name) in y.free_symbols]
    zero = {one: sympy.Integer(0) for one in eps}
    f = y.xreplace(zero)
    if not eps:
        raise _refused(output, "no EPS", "Every observation needs a residual error.")
    variance, slopes, notes, effect = sympy.Integer(0), [], [], None
    for one in eps:
        slope = sympy.diff(y, one)
        if slope.free_symbols & set(eps):
            raise _refused(output, f"Y that is not linear in {one}", "Write Y = F + W*EPS(1).")
        slope, note = _without_guard(slope, f)
        notes += note
        found = slope.free_symbols & words.etas - f.free_symbols
        for eta in found:
            if effect not in (None, eta) or simpler(sympy.diff(slope, eta) / slope) != 1:
                raise _refused(output, f"{eta} in the error", "Only exp(ETA) as its factor is known.")
            effect, slope = eta, slope.xreplace({eta: sympy.Integer(0)})
        slope = _by_prediction(slope, f, f_symbol)
        if (stray := slope.free_symbols - {f_symbol} - words.thetas) or not slope.free_symbols <= {
            f_symbol, *words.thetas
        }:  # fmt: skip
            got = f"{', '.join(sorted(s.name.lstrip('@') for s in stray))} in the error of {output}"
            raise _refused(output, got, "Write the error by hand, see Scaled.")
        slopes.append((one, slope))
        variance += sympy.Symbol(_variance_name(epsilons, one.name)) * slope**2
    if len(eps) > 1:
        _no_covariance(epsilons, [one.name for one in eps], numbers, output)
    squares = _powers(variance, f_symbol)
    deviations = None
    if set(squares) - {0, 2} or (squares and not set(squares) <= {0, 2}):
        if len(slopes) == 1:
            one, slope = slopes[0]
            root = sympy.sqrt(sympy.Symbol(_variance_name(epsilons, one.name), positive=True))
            deviations = {power: value * root for power, value in _powers(slope, f_symbol).items()}
        if deviations is None or set(deviations) != {0, 1}:
            got = f"SD of EPS times {slopes[0][1]}".replace("@prediction", "F")
            raise _refused(output, got, "Additive, proportional and combined errors are known.")
    return Error(squares, deviations, effect, tuple(dict.fromkeys(notes)))


def residual(error: Error, value_of: Callable[[Any], tuple[float, bool]], sd: Callable[[float, bool], Any],
             output: str, iiv: Any = None) -> Any:  # fmt: skip
    """The record of an error; `value_of` gives the value of an expression and whether it is unknown."""
    from bayes_nlmem.statistics.residuals import STANDARD_DEVIATIONS, Additive, Combined, Proportional
    from bayes_nlmem.statistics.scaled_error import Scaled

    if error.deviations is not None:
        parts = {power: value_of(value) for power, value in error.deviations.items()}
        found: Any = Combined(sd(*parts[0]), sd(*parts[1]), add=STANDARD_DEVIATIONS)
    else:
        roots = {power: value_of(value) for power, value in error.squares.items()}
        parts = {power: (value**0.5, unknown) for power, (value, unknown) in roots.items() if value > 0}
        match sorted(parts):
            case [0]:
                found = Additive(sd(*parts[0]))
            case [2]:
                found = Proportional(sd(*parts[2]))
            case [0, 2]:
                found = Combined(sd(*parts[0]), sd(*parts[2]))
            case _:
                raise _refused(output, "an error that is 0", "Give it a variance.")
    return found if iiv is None else Scaled(found, iiv=iiv)


def _powers(expression: Any, f: Any) -> dict[int, Any]:
    """Coefficients of the powers of the prediction."""
    import sympy

    expanded = sympy.expand(simpler(expression))
    try:
        polynomial = sympy.Poly(expanded, f)
    except sympy.PolynomialError:
        return {-1: expanded}
    return {int(power): coefficient for (power,), coefficient in polynomial.terms() if coefficient != 0}


def _by_prediction(slope: Any, f: Any, f_symbol: Any) -> Any:
    """What multiplies EPS as a function of the prediction."""
    import sympy

    amounts = [s for s in (slope.free_symbols | f.free_symbols) if s.name.startswith("@") or s.name == "t"]
    if not slope.free_symbols & set(amounts) and slope.free_symbols.isdisjoint(f.free_symbols):
        return slope
    for power in (1, 2):
        if (line := _line_in(slope**power, f**power)) is not None:
            intercept, factor = line
            return (intercept + factor * f_symbol**power) ** sympy.Rational(1, power)
    found = slope.xreplace({f: f_symbol})
    if not found.free_symbols & f.free_symbols:
        return found
    ratio = simpler(slope / f)
    if not ratio.free_symbols & set(amounts) and not ratio.free_symbols & (
        f.free_symbols - slope.free_symbols
    ):
        found = ratio * f_symbol
        if not found.free_symbols & (f.free_symbols & slope.free_symbols):
            return found
    for symbol in sorted(f.free_symbols, key=lambda s: (not s.name.startswith("@"), s.name)):
        if sympy.diff(f, symbol, 2) == 0 and symbol in slope.free_symbols:
            solution = sympy.solve(f - f_symbol, symbol)
            if len(solution) == 1:
                return simpler(slope.xreplace({symbol: solution[0]}))
    return slope


def _line_in(expression: Any, of: Any) -> tuple[Any, Any] | None:
    """(a, b) of expression = a + b * of with a and b free of what `of` depends on; None if it is no line."""
    import sympy

    inside = {s for s in of.free_symbols if s.name.startswith("@") or s.name == "t"} or of.free_symbols
    symbol = next((s for s in sorted(inside, key=str) if s in expression.free_symbols), None)
    if symbol is None:
        return None
    factor = simpler(sympy.diff(expression, symbol) / sympy.diff(of, symbol))
    intercept = simpler(expression - factor * of)
    both = factor.free_symbols | intercept.free_symbols
    return None if both & of.free_symbols else (intercept, factor)


def _without_guard(slope: Any, f: Any) -> tuple[Any, list[str]]:
    """The slope without a case that only keeps it from being 0 where the prediction is 0."""
    import sympy

    notes = []
    while cases := [p for p in slope.atoms(sympy.Piecewise) if len(p.args) == 2]:
        case = cases[0]
        condition = case.args[0][1]
        guards = isinstance(condition, (sympy.Eq, sympy.Le)) and condition.rhs == 0
        if not guards:
            break
        slope = slope.xreplace({case: case.args[1][0]})
        notes.append(f"IF ({condition.lhs} is 0) in the error: a guard, left out; predictions are the same.")
    return slope, [note.replace("@", "") for note in notes]


def _variance_name(blocks: tuple[Block, ...], name: str) -> str:
    block = next(block for block in blocks if name in block.names)
    k = block.names.index(name)
    return block.numbers[k][k]


def _no_covariance(
    blocks: tuple[Block, ...], names: list[str], numbers: Mapping[str, Theta], output: str
) -> None:
    for block in blocks:
        for i, one in enumerate(block.names):
            for j in range(i):
                cell = block.numbers[i][j]
                value = numbers[cell].value if cell in numbers else float(cell)
                if one in names and block.names[j] in names and value != 0:
                    raise _refused(output, f"{one} and {block.names[j]} with a covariance", "Make it 0.")


def _refused(output: str, got: str, remedy: str) -> ModelError:
    return ModelError(explain(expected=f"a residual error of {output} that is known", got=got, remedy=remedy))
