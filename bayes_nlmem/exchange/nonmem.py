"""A model from a NONMEM control stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.reader import read
from bayes_nlmem.exchange.censoring import limit_of
from bayes_nlmem.exchange.control_stream import Block, ControlStream, read_stream
from bayes_nlmem.exchange.expressions import constants_compared_with, decided, definitions, in_full
from bayes_nlmem.exchange.individual import LOG, LOGIT, NATURAL, Individual, Words, covariate_effect
from bayes_nlmem.exchange.residual import Error, error_of, residual
from bayes_nlmem.exchange.structure import Resolver, as_equations, as_function, closed_form, equations_of
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import Normal
from bayes_nlmem.ground.scales import Log, Logit, Natural
from bayes_nlmem.ground.values import about
from bayes_nlmem.model.correlations import Correlated
from bayes_nlmem.model.parameters import Parameter
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model

_MOST_ROUNDS = 6
_AT_OBSERVATIONS = ("MDV", "EVID", "AMT", "NEWIND", "ICALL", "NPDE_MODE", "COMACT")  # 0 at an observation
_OURS = ("CENS", "LIMIT", "LLOQ", "DVID", "OCC", "DUR")  # reserved by `read`, not by NONMEM


@dataclass(frozen=True, eq=False)
class Imported:
    """A model of another program.

    Parameters
    ----------
    model : Model
        Unknown is what was estimated there, with priors about the values there.
    data : Dataset
        The data as the stream reads them.
    values : mapping of str to float
        Name in the graph -> value in the stream, for `simulate(model, data, parameters=values)`.
    untranslated : tuple of str
        What the stream says and the model does not.
    known : Model
        The model with the stream's values in the place of all priors.
    """

    model: Model
    data: Dataset
    values: Mapping[str, float]
    untranslated: tuple[str, ...]
    known: Model

    def __str__(self) -> str:
        listed = "\n".join(f"  - {line}" for line in self.untranslated) or "  nothing"
        return f"{self.model}\n\nnot translated\n{listed}"


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
    return _imported(read_stream(path, data, estimates))


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
    builder = _Builder(stream, words, fixed, resolver, structure, names, errors, ends)
    model, known = builder.model(unknown=True), builder.model(unknown=False)
    asked = {q.name for q in quantities(model) if not q.known}
    values = {q.name: float(q.value) for q in quantities(known) if q.name in asked}  # type: ignore[arg-type]
    used = {s.name for i in resolver.individuals.values() for s in i.symbols} | {
        s.name for e in errors.values() for s in e.symbols
    }
    idle = [name for name, theta in stream.numbers.items()
            if not theta.fixed and sympy.Symbol(name) in words.thetas and name not in used]  # fmt: skip
    idle += [eta.name for eta in sorted(words.etas, key=str) if eta.name not in used]
    listed = [*stream.listed, *(note for error in errors.values() for note in error.notes)]
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
            etas[sympy.Symbol(name)] = _value(stream, number)
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


def _value(stream: ControlStream, cell: str) -> float:
    return stream.numbers[cell].value if cell in stream.numbers else float(cell)


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
    seen = {sympy.Symbol(c): sympy.Integer(0) for c in _AT_OBSERVATIONS}
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


@dataclass(eq=False)
class _Builder:
    """Makes the records of the model, with priors or with the stream's values."""

    stream: ControlStream
    words: Words
    fixed: Mapping[Any, float]
    resolver: Resolver
    structure: Any
    renamed: Mapping[Any, str]
    errors: Mapping[str, Error]
    ends: Mapping[str, tuple[str, Any, Any]]

    def __post_init__(self) -> None:
        self.names = {
            symbol: self.renamed.get(symbol, symbol.name.replace("~", "_"))
            for symbol in self.resolver.individuals
            if not self.renamed or symbol in self.renamed
        }

    def model(self, *, unknown: bool) -> Model:
        parameters = {
            name: self._parameter(self.resolver.individuals[symbol], unknown)
            for symbol, name in self.names.items()
        }
        structure = self._structure()
        order = [name for name in (*structure.parameters, *parameters) if name in parameters]
        column = next(iter(self.ends.values()))[0]
        return Model(
            structure=structure,
            parameters={name: parameters[name] for name in dict.fromkeys(order)},
            residuals={
                output: self._residual(output, error, unknown) for output, error in self.errors.items()
            },
            correlated=self._correlated(unknown),
            name=self.stream.problem or None,
            endpoints={o: int(v) if v == int(v) else str(v) for o, (c, v, _) in self.ends.items() if c},
            endpoints_in="CMT" if column == "CMT" else "DVID",
        )

    def _structure(self) -> Any:
        if self.renamed:
            return self.structure
        if self.stream.rates is None:
            return as_function(self.structure, self.names)
        return as_equations(self.stream, self.structure, self.names)

    def _number(self, value: float, unknown: bool) -> Any:
        if not unknown:
            return value
        return about(value) if value != 0 else Normal(0.0, 1.0)

    def _theta(self, unknown: bool) -> Any:
        return lambda theta: self._number(_value(self.stream, theta.name), unknown)

    def _sd(self, eta: Any, unknown: bool) -> Any:
        block, k = self._place(eta)
        cell = block.numbers[k][k]
        value = _value(self.stream, cell) ** 0.5
        return value if self._is_fixed(cell) or not unknown else about(value)

    def _is_fixed(self, cell: str) -> bool:
        return cell not in self.stream.numbers or self.stream.numbers[cell].fixed

    def _place(self, eta: Any) -> tuple[Block, int]:
        block = next(block for block in self.stream.etas if eta.name in block.names)
        return block, block.names.index(eta.name)

    def _parameter(self, individual: Individual, unknown: bool) -> Parameter:
        values = {s: _value(self.stream, s.name) for s in individual.typical.free_symbols}
        typical = float(individual.typical.xreplace({s: _float(v) for s, v in values.items()}))
        free = any(s not in self.fixed for s in values)
        scale: Any = {LOG: Log, LOGIT: Logit}.get(individual.scale, Natural)()
        known = {s: v for s, v in self.fixed.items() if s in self.words.thetas}
        effects: dict[Any, Any] = {}
        for names, part in individual.effects.items():
            key = names[0] if len(names) == 1 else names
            effects[key] = covariate_effect(names, part, individual.scale, known, self._theta(unknown))
        kappa = individual.kappas[0][1] if individual.kappas else None
        return Parameter(
            self._number(typical, unknown) if free else typical,
            iiv=None if individual.eta is None else self._sd(individual.eta, unknown),
            iov=None if kappa is None else self._sd(kappa, unknown),
            covariates=effects,
            scale=scale,
            varies={column: self._sd(eta, unknown) for column, eta in individual.groups.items()},
        )

    def _residual(self, output: str, error: Error, unknown: bool) -> Any:
        def value_of(expression: Any) -> tuple[float, bool]:
            values = {s: _float(_value(self.stream, s.name)) for s in expression.free_symbols}
            free = [s for s in values if not self.stream.numbers[s.name].fixed]
            if len(free) > 1:
                got = f"{', '.join(sorted(s.name for s in free))} multiplied in the error of {output}"
                raise ModelError(explain(expected="one unknown", got=got, remedy="Fix SIGMA to 1."))
            return float(expression.xreplace(values)), bool(free)

        def sd(value: float, free: bool) -> Any:
            return about(value) if free and unknown else value

        iiv = None if error.eta is None else self._sd(error.eta, unknown)
        return residual(error, value_of, sd, output, iiv)

    def _correlated(self, unknown: bool) -> list[Correlated]:
        owners: dict[str, tuple[str, str]] = {}
        for symbol, name in self.names.items():
            individual = self.resolver.individuals[symbol]
            if individual.eta is not None:
                owners[individual.eta.name] = (name, "subject")
            if individual.kappas:
                owners[individual.kappas[0][1].name] = (name, "occasion")
            for column, eta in individual.groups.items():
                owners[eta.name] = (name, column)
        found = []
        for block in self.stream.etas:
            members = [k for k, name in enumerate(block.names) if name in owners]
            levels = {owners[block.names[k]][1] for k in members}
            if len(members) < 2:
                continue
            if len(levels) > 1:
                got = f"{', '.join(block.names)} of the levels {', '.join(sorted(levels))}"
                remedy = "Write the model by hand."
                raise ModelError(explain(expected="blocks of OMEGA within one level", got=got, remedy=remedy))
            sd = {k: _value(self.stream, block.numbers[k][k]) ** 0.5 for k in members}
            r = [[_value(self.stream, block.numbers[max(i, j)][min(i, j)]) / (sd[i] * sd[j]) for j in members]
                 for i in members]  # fmt: skip
            names = [owners[block.names[k]][0] for k in members]
            n = len(members)
            zeros = [(names[i], names[j]) for i in range(n) for j in range(i) if r[i][j] == 0]
            if len(zeros) == n * (n - 1) // 2:
                continue
            level = levels.pop()
            cells = [block.numbers[i][j] for i in members for j in members if j < i]
            known: Any = (
                r[0][1] if n == 2 else [[1.0 if i == j else r[i][j] for j in range(n)] for i in range(n)]
            )
            if unknown and not all(map(self._is_fixed, cells)):
                found.append(Correlated(*names, level=level, zeros=zeros))
            else:
                found.append(Correlated(*names, prior=known, level=level))
        return found

    def data(self, model: Model) -> Dataset:
        frame = self.stream.frame
        columns: dict[str, str | None] = {name: None for name in _OURS if name in frame.columns}
        occasion = {i.occasion for i in self.resolver.individuals.values() if i.occasion}
        if len(occasion) > 1:
            got = ", ".join(sorted(occasion))
            raise ModelError(explain(expected="one column of occasions", got=got))
        if occasion:
            columns["OCC"] = occasion.pop()
            self._check_occasions(str(columns["OCC"]))
        endpoint = next(iter(self.ends.values()))[0]
        if endpoint and endpoint != "CMT":
            columns["DVID"] = endpoint
        if "TIME" not in frame.columns:
            columns["TIME"] = None
        covariates = [*model.covariates, *(c for c in model.groups if c not in model.covariates)]
        return read(frame, columns=columns, covariates=covariates, lloq=self._limit())

    def _limit(self) -> float | None:
        """The limit of quantification of a stream with M3."""
        import sympy

        if not any(name == "F_FLAG" for name, _ in self.stream.after):
            return None
        seen = {sympy.Symbol(c): sympy.Integer(0) for c in _AT_OBSERVATIONS}
        both = definitions([*self.stream.before, *self.stream.after])
        return float(limit_of(decided(both, seen), self.stream))

    def _check_occasions(self, column: str) -> None:
        there = set(self.stream.frame[column].dropna().unique())
        for individual in self.resolver.individuals.values():
            if individual.kappas and (
                without := sorted(there - {float(value) for value, _ in individual.kappas})
            ):
                got = f"{column} {', '.join(f'{v:g}' for v in without)} without one"
                remedy = "Give every occasion in the data an ETA with SAME."
                raise ModelError(
                    explain(expected="an effect for every occasion in the data", got=got, remedy=remedy)
                )


def _float(value: float) -> Any:
    import sympy

    return sympy.Float(value)
