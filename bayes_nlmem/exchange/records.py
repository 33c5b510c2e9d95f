"""The records of a model from what was recognised in a control stream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.reader import read
from bayes_nlmem.exchange.censoring import limit_of
from bayes_nlmem.exchange.control_stream import Block, ControlStream
from bayes_nlmem.exchange.expressions import decided, definitions
from bayes_nlmem.exchange.individual import LOG, LOGIT, NATURAL, Individual, Words, covariate_effect
from bayes_nlmem.exchange.residual import Error, residual
from bayes_nlmem.exchange.structure import Resolver, as_equations, as_function
from bayes_nlmem.ground.block_prior import Joint
from bayes_nlmem.ground.matrix_priors import InverseWishart
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import LogNormal, Normal, TruncatedNormal
from bayes_nlmem.ground.scales import Log, Logit, Natural
from bayes_nlmem.ground.values import about
from bayes_nlmem.model.correlations import Correlated
from bayes_nlmem.model.parameters import Parameter
from bayes_nlmem.model.specification import Model

AT_OBSERVATIONS = ("MDV", "EVID", "AMT", "NEWIND", "ICALL", "NPDE_MODE", "COMACT")  # 0 at an observation
_OURS = ("CENS", "LIMIT", "LLOQ", "DVID", "OCC", "DUR")  # reserved by `read`, not by NONMEM


def value_of(stream: ControlStream, cell: str) -> float:
    """Value of a number of the stream by its name, or the number itself."""
    return stream.numbers[cell].value if cell in stream.numbers else float(cell)


@dataclass(eq=False)
class Builder:
    """Makes the records of the model, with priors or with the stream's values."""

    stream: ControlStream
    words: Words
    fixed: Mapping[Any, float]
    resolver: Resolver
    structure: Any
    renamed: Mapping[Any, str]
    errors: Mapping[str, Error]
    ends: Mapping[str, tuple[str, Any, Any]]
    taken: set[Any] = field(default_factory=set)  # names of thetas, numbers of blocks with their priors
    cut: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.names = {
            symbol: self.renamed.get(symbol, symbol.name.replace("~", "_"))
            for symbol in self.resolver.individuals
            if not self.renamed or symbol in self.renamed
        }

    def model(self, *, unknown: bool) -> Model:
        """The model, with priors where something is estimated, or with numbers alone."""
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
        def number(theta: Any) -> Any:
            stated = self._stated(theta) if unknown else None
            if stated is not None:
                self.taken.add(theta.name)
                return Normal(stated[0], stated[1] ** 0.5)
            return self._number(value_of(self.stream, theta.name), unknown)

        return number

    def _stated(self, theta: Any) -> tuple[float, float] | None:
        """Mean and variance of the stream's own prior of a theta."""
        order = [name for name in self.stream.numbers if _symbol(name) in self.words.thetas]
        place = order.index(theta.name) if theta.name in order else len(order)
        given = self.stream.priors.thetas
        return given[place] if place < len(given) and theta not in self.fixed else None

    def _typical(self, individual: Individual, value: float) -> Any:
        """The stream's own prior of a typical value where it is one of ours, else one about the value."""
        import sympy

        typical = individual.typical
        of_log = isinstance(typical, sympy.exp) and typical.args[0].is_Symbol
        theta = typical.args[0] if of_log else typical
        stated = self._stated(theta) if theta.is_Symbol else None
        if stated is None:
            return self._number(value, True)
        mean, sd = stated[0], stated[1] ** 0.5
        self.taken.add(theta.name)
        if of_log:
            return LogNormal(math.exp(mean), sigma=sd)
        if individual.scale == NATURAL:
            return Normal(mean, sd)
        if individual.scale == LOGIT or theta not in self.words.positive:
            self.cut.add(theta.name)
        return TruncatedNormal(mean, sd, lower=0.0, **({"upper": 1.0} if individual.scale == LOGIT else {}))

    def _sd(self, eta: Any, unknown: bool) -> Any:
        block, k = self._place(eta)
        cell = block.numbers[k][k]
        value = value_of(self.stream, cell) ** 0.5
        return value if self._is_fixed(cell) or not unknown else about(value)

    def _spread(self, eta: Any, unknown: bool) -> Any:
        in_block = unknown and self._believed(self._place(eta)[0]) is not None
        return Joint() if in_block else self._sd(eta, unknown)

    def _believed(self, block: Block) -> InverseWishart | None:
        """The stream's own prior of a whole block of subjects' effects."""
        order = [one for one in self.stream.etas if not self._is_same(one)]
        place = order.index(block) if block in order else len(order)
        given = self.stream.priors.omegas
        owned = {i.eta.name for i in self.resolver.individuals.values() if i.eta is not None}
        usable = place < len(given) and len(block.names) > 1 and set(block.names) <= owned
        if not usable or any(self._is_fixed(cell) for row in block.numbers for cell in row):
            return None
        freedom, matrix = given[place]
        if len(matrix) != len(block.names):
            return None
        self.taken.add(place)
        return InverseWishart(freedom, [[freedom * cell for cell in row] for row in matrix])

    def not_taken(self) -> list[str]:
        """Priors of the stream that the model with unknowns does not have."""
        order = [name for name in self.stream.numbers if _symbol(name) in self.words.thetas]
        thetas = [
            f"THETA({k})"
            for k, (name, _) in enumerate(zip(order, self.stream.priors.thetas, strict=False), 1)
            if name not in self.taken and not self.stream.numbers[name].fixed
        ]
        count = len(self.stream.priors.omegas)
        left = [*thetas, *(f"block {k + 1} of OMEGA" for k in range(count) if k not in self.taken)]
        listed = [f"$PRIOR of {', '.join(left)}: about the value instead."] if left else []
        if self.cut:
            listed.append(f"$PRIOR of {', '.join(sorted(self.cut))}: cut where the parameter cannot be.")
        return listed

    def _is_same(self, block: Block) -> bool:
        return any(b.numbers == block.numbers for b in self.stream.etas[: self.stream.etas.index(block)])

    def _is_fixed(self, cell: str) -> bool:
        return cell not in self.stream.numbers or self.stream.numbers[cell].fixed

    def _place(self, eta: Any) -> tuple[Block, int]:
        block = next(block for block in self.stream.etas if eta.name in block.names)
        return block, block.names.index(eta.name)

    def _parameter(self, individual: Individual, unknown: bool) -> Parameter:
        values = {s: value_of(self.stream, s.name) for s in individual.typical.free_symbols}
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
            (self._typical(individual, typical) if unknown else typical) if free else typical,
            iiv=None if individual.eta is None else self._spread(individual.eta, unknown),
            iov=None if kappa is None else self._sd(kappa, unknown),
            covariates=effects,
            scale=scale,
            varies={column: self._sd(eta, unknown) for column, eta in individual.groups.items()},
        )

    def _residual(self, output: str, error: Error, unknown: bool) -> Any:
        def valued(expression: Any) -> tuple[float, bool]:
            values = {s: _float(value_of(self.stream, s.name)) for s in expression.free_symbols}
            free = [s for s in values if not self.stream.numbers[s.name].fixed]
            if len(free) > 1:
                got = f"{', '.join(sorted(s.name for s in free))} multiplied in the error of {output}"
                raise ModelError(explain(expected="one unknown", got=got, remedy="Fix SIGMA to 1."))
            return float(expression.xreplace(values)), bool(free)

        def sd(value: float, free: bool) -> Any:
            return about(value) if free and unknown else value

        iiv = None if error.eta is None else self._sd(error.eta, unknown)
        return residual(error, valued, sd, output, iiv)

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
            sd = {k: value_of(self.stream, block.numbers[k][k]) ** 0.5 for k in members}
            cell = {
                (i, j): value_of(self.stream, block.numbers[max(i, j)][min(i, j)])
                for i in members
                for j in members
            }
            r = [[cell[i, j] / (sd[i] * sd[j]) for j in members] for i in members]
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
            if unknown and (believed := self._believed(block)) is not None:
                found.append(Correlated(*names, prior=believed, level=level))
            elif unknown and not all(map(self._is_fixed, cells)):
                found.append(Correlated(*names, level=level, zeros=zeros))
            else:
                found.append(Correlated(*names, prior=known, level=level))
        return found

    def data(self, model: Model) -> Dataset:
        """The data with the columns that the model needs."""
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
        seen = {sympy.Symbol(c): sympy.Integer(0) for c in AT_OBSERVATIONS}
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


def _symbol(name: str) -> Any:
    import sympy

    return sympy.Symbol(name)
