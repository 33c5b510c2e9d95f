"""A model from a NONMEM control stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_nlmem.exchange.censoring import limit_of
from bayes_nlmem.exchange.control_stream import ControlStream, read_stream
from bayes_nlmem.exchange.expressions import constants_compared_with, decided, definitions, in_full
from bayes_nlmem.exchange.imported import Imported
from bayes_nlmem.exchange.individual import LOG, NATURAL, Individual, Words
from bayes_nlmem.exchange.records import AT_OBSERVATIONS, Builder, value_of
from bayes_nlmem.exchange.residual import error_of
from bayes_nlmem.exchange.structure import Resolver, closed_form, equations_of
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.model.quantities import quantities

_MOST_ROUNDS = 6


def from_nonmem(
    path: str | Path,
    data: str | Path | pd.DataFrame | None = None,
    *,
    estimates: str | Path | None = None,
) -> Imported:
    """A model, its data and its values from a NONMEM control stream.

    What is not recognised exactly is refused when it changes predictions or the model, and listed when not.
    $PRED, or $PK with ADVAN1-6, 8-13 and $DES; THETA, OMEGA (blocks, SAME), SIGMA, $LEVEL. Compartment
    systems become closed forms, all others `ODE` or `Function`. A parameter with the form of `Parameter` is
    one; a THETA or ETA that several parameters share becomes a parameter of its own, which the equations use.

    Parameters
    ----------
    path : path
        The control stream.
    data : path or DataFrame, optional
        In the place of the file that $DATA names: a file of the same columns, or a table with the names of
        $INPUT after IGNORE and ACCEPT.
    estimates : path, optional
        The .ext file of a run: its final estimates in the place of the initial values.

    Returns
    -------
    Imported

    Raises
    ------
    ModelError
        Pharmpy is not installed (``pip install 'bayes-nlmem[nonmem]'``), or there is no exact counterpart.
    DataError
        The data have faults.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> stream = '''
    ... $PROBLEM one compartment
    ... $INPUT ID TIME AMT DV WT
    ... $DATA study.csv IGNORE=@
    ... $SUBROUTINE ADVAN1 TRANS2
    ... $PK
    ... CL = THETA(1)*(WT/70)**0.75*EXP(ETA(1))
    ... V = THETA(2)*EXP(ETA(2))
    ... S1 = V
    ... $ERROR
    ... Y = F*(1 + EPS(1))
    ... $THETA (0, 2) (0, 20)
    ... $OMEGA 0.09 0.04
    ... $SIGMA 0.01
    ... '''
    >>> table = pd.DataFrame({"ID": 1, "TIME": [0, 1, 8], "AMT": [100, 0, 0], "DV": [0, 4.5, 2.2], "WT": 70})
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "run1.mod")
    ...     _ = path.write_text(stream)
    ...     imported = bn.from_nonmem(path, table)
    >>> imported.model.structure, imported.model.parameters["CL"].covariates["WT"]
    (OneCompartment(), Power(exponent=0.75, reference=70.0))
    >>> imported.untranslated
    ()
    """
    found = _imported(read_stream(path, data, estimates))
    return replace(found, data=replace(found.data, source=Path(path).name))


def _imported(stream: ControlStream) -> Imported:
    import sympy

    words, fixed = _words(stream)
    zero = {s: sympy.Integer(0) for s, v in fixed.items() if v == 0 and s not in words.thetas}
    stream = replace(
        stream,
        before=[(name, value.xreplace(zero)) for name, value in stream.before],
        after=[(name, value.xreplace(zero)) for name, value in stream.after],
    )
    before = definitions(stream.before)
    both = definitions([*stream.before, *stream.after])
    ends = _endpoints(stream, both)
    barred: frozenset = frozenset()
    for _ in range(_MOST_ROUNDS):
        found = _resolved(stream, words, fixed, before, both, ends, barred)
        shared = _shared(found, fixed) - barred
        if not shared:
            break
        barred = barred | shared
    resolver, structure, names, errors = found
    twice = _shared(found, fixed, base_only=True)
    if twice:
        got = ", ".join(sorted(s.name for s in twice))
        remedy = "Fix it, or give the outputs numbers of their own."
        raise ModelError(explain(expected="numbers used in one place, or in the equations alone", got=got,
                                 remedy=remedy))  # fmt: skip
    builder = Builder(stream, words, fixed, resolver, structure, names, errors, ends)
    model, known = builder.model(unknown=True), builder.model(unknown=False)
    asked = {q.name for q in quantities(model) if not q.known}
    values = {q.name: float(q.value) for q in quantities(known) if q.name in asked}  # type: ignore[arg-type]
    used = {s.name for i in resolver.individuals.values() for s in i.symbols} | {
        s.name for e in errors.values() for s in e.symbols
    }
    idle = [name for name, theta in stream.numbers.items()
            if not theta.fixed and sympy.Symbol(name) in words.thetas and name not in used]  # fmt: skip
    idle += [eta.name for eta in sorted(words.etas, key=str) if eta.name not in used]
    listed = [
        *stream.listed,
        *builder.not_taken(),
        *(note for error in errors.values() for note in error.notes),
    ]
    if idle:
        listed.append(f"{', '.join(idle)}: no prediction depends on them.")
    if bounded := [n for n in used if n in stream.numbers and _is_bounded(stream.numbers[n])]:
        listed.append(
            f"bounds of {', '.join(sorted(bounded))}: not taken over. Bound the prior, for example with "
            "Uniform or Truncated."
        )
    return Imported(model, builder.data(model), FrozenMapping(values), tuple(dict.fromkeys(listed)), known)


def _is_bounded(theta: Any) -> bool:
    return not theta.fixed and (theta.upper < 1e6 or (theta.lower > -1e6 and theta.lower != 0))


def _words(stream: ControlStream) -> tuple[Words, dict[Any, float]]:
    import sympy

    variances = {cell for block in (*stream.etas, *stream.epsilons) for row in block.numbers for cell in row}
    thetas = {sympy.Symbol(n) for n in stream.numbers if n not in variances}
    fixed = {s: stream.numbers[s.name].value for s in thetas if stream.numbers[s.name].fixed}
    sharing: dict[Any, list[Any]] = {}
    etas = {}
    for block in stream.etas:
        for k, name in enumerate(block.names):
            number = block.numbers[k][k]
            sharing.setdefault((number, k, len(block.names)), []).append(sympy.Symbol(name))
            etas[sympy.Symbol(name)] = value_of(stream, number)
    fixed |= {eta: 0.0 for eta, variance in etas.items() if variance == 0}
    occasions = {eta: tuple(group) for group in sharing.values() for eta in group}
    return Words(
        frozenset(thetas),
        frozenset(eta for eta, variance in etas.items() if variance != 0),
        frozenset(sympy.Symbol(c) for c in stream.columns),
        frozenset(s for s in thetas if stream.numbers[s.name].lower >= 0),
        occasions,
        {sympy.Symbol(name): column for name, column in stream.levels.items()},
    ), fixed


def _endpoints(stream: ControlStream, both: Mapping[Any, Any]) -> dict[str, tuple[str, Any, dict[Any, Any]]]:
    """Output -> (column, its value, definitions for it)."""
    import sympy

    y = sympy.Symbol("Y")
    own = {name: value for name, value in both.items() if name.name.partition("~")[0] in dict(stream.after)}
    own = own if stream.rates is not None else dict(both)
    if y not in own:
        remedy = "Y is what is fitted."
        raise ModelError(explain(expected="a value for Y in $ERROR or $PRED", got="none", remedy=remedy))
    observed = _observations(stream.frame)
    seen = {sympy.Symbol(c): sympy.Integer(0) for c in AT_OBSERVATIONS}
    at_observations = decided(own, seen)
    if sympy.Symbol("F_FLAG") in own:
        limit = limit_of(at_observations, stream)
        at_observations = decided(at_observations, {sympy.Symbol("DV"): limit + 1})
    whole = in_full(y, at_observations)
    columns = [
        s
        for s in whole.free_symbols
        if s.name in stream.columns and constants_compared_with(whole, s) and s.name in observed.columns
    ]
    if not columns:
        return {"cp" if stream.rates is not None else "y": ("", None, at_observations)}
    if len(columns) > 1:
        got = ", ".join(sorted(c.name for c in columns))
        raise ModelError(explain(expected="one column that decides on Y", got=got,
                                 remedy="Make one column of them, such as DVID."))  # fmt: skip
    column = columns[0]
    values = sorted(observed[column.name].dropna().unique())
    each = {value: decided(at_observations, {column: sympy.nsimplify(value)}) for value in values}
    different = {str(in_full(y, known)) for known in each.values()}
    if len(different) == 1:
        return {"cp" if stream.rates is not None else "y": ("", None, next(iter(each.values())))}
    return {f"y{value:g}": (column.name, value, known) for value, known in each.items()}


def _observations(frame: pd.DataFrame) -> pd.DataFrame:
    there = frame
    for column in ("MDV", "EVID", "AMT"):
        if column in frame.columns:
            return there[there[column] == 0]
    return there


def _resolved(stream, words, fixed, before, both, ends, barred):
    import sympy

    resolver = Resolver(before, words, fixed, barred)
    nothing = {sympy.Symbol(n): sympy.Integer(0) for block in stream.epsilons for n in block.names}
    time = {sympy.Symbol("TIME"): sympy.Symbol("t"), sympy.Symbol("T"): sympy.Symbol("t")}
    outputs, errors = {}, {}
    equations = None if stream.rates is None else equations_of(stream, resolver, {})
    for output, (_, _, known) in ends.items():
        merged = {**before, **known} if stream.rates is not None else dict(known)
        if stream.rates is None:
            resolver.known = merged
        timed = {name: value.xreplace(time) for name, value in merged.items()
                 if stream.rates is None or name not in before}  # fmt: skip
        merged = {**merged, **timed}
        whole = in_full(sympy.Symbol("Y"), merged).xreplace(
            {s: sympy.Float(v) for s, v in fixed.items() if s in words.thetas}
        )
        errors[output] = error_of(whole, stream.epsilons, stream.numbers, words, output)
        free = {name: value.xreplace(nothing) for name, value in merged.items()}
        if stream.rates is None:
            resolver.known = free
        outputs[output] = resolver.resolve(free[sympy.Symbol("Y")], free)
        outputs[output] = _simpler(outputs[output])
    if equations is None:
        return resolver, outputs, {}, errors
    for name, value in outputs.items():
        equations.outputs[name] = value
    form = closed_form(equations)
    if form is None:
        return resolver, equations, {}, errors
    structure, names, constants = form
    for name, value in constants.items():
        number = sympy.Float(value)
        resolver.individuals[sympy.Symbol(name)] = Individual(number, LOG if value > 0 else NATURAL, number)
        names[sympy.Symbol(name)] = name
    return resolver, structure, names, errors


def _simpler(expression: Any) -> Any:
    """Cancelled, where it is a ratio of polynomials."""
    import sympy

    plain = not expression.has(sympy.Piecewise) and expression.is_rational_function()
    return sympy.cancel(expression) if plain else expression


def _shared(found: Any, fixed: Mapping[Any, float], base_only: bool = False) -> frozenset:
    """Thetas and random effects that are used in several places."""
    resolver, _, _, errors = found
    places: dict[Any, int] = {}
    for individual in resolver.individuals.values():
        for s in individual.symbols:
            places[s] = places.get(s, 0) + 1
    for error in errors.values():
        for s in error.symbols:
            places[s] = places.get(s, 0) + (1 if not base_only or s in places else 1)
    known = resolver.words.thetas | resolver.words.etas
    numbers = {s for error in errors.values() for s in error.symbols} - known
    return frozenset(
        s for s, n in places.items() if n > 1 and s not in fixed and (s in known or s in numbers)
    )
