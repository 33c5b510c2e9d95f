"""The functions of a system in LLVM assembly: rates, their sensitivities, Jacobians, outputs, initial values.

A state with sensitivities is ``z``: the compartments, padded to a multiple of the lanes, then blocks of as
many columns as there are lanes; column c of compartment i is at ``pad + ((c // L) * n + i) * L + c % L``.
Block `kb` and the ones after it hold the columns of the parameters, parameter m in column ``kb * L + m``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bayes_nlmem.engine.ode.derivatives import Derivatives, Rows
from bayes_nlmem.engine.ode.explicit_writer import explicit_step, growth
from bayes_nlmem.engine.ode.expressions import LEAVES
from bayes_nlmem.engine.ode.lead_writer import lead
from bayes_nlmem.engine.ode.leading import linear_lead
from bayes_nlmem.engine.ode.model_table import LANES, TABLE_SIZE
from bayes_nlmem.engine.ode.propagator_writer import apply, product, reached_from
from bayes_nlmem.engine.ode.series_writer import series
from bayes_nlmem.engine.ode.step_writer import Step
from bayes_nlmem.engine.ode.stiff_writer import stiff_step
from bayes_nlmem.engine.ode.trace import System
from bayes_nlmem.engine.ode.writer import DECLARATIONS, POWER, VECTOR, Function, literal


def padded(n: int) -> int:
    """The next multiple of the lanes."""
    return -(-n // LANES) * LANES


class Program:
    """Assembly of one system and the sizes that go with it."""

    def __init__(self, system: System, derivatives: Derivatives) -> None:
        self.system, self.d = system, derivatives
        self.n, self.n_parameters = len(system.compartments), len(system.parameters)
        self.pad = padded(self.n)
        self.curved = [
            (i, pair, node) for i, row in enumerate(derivatives.f_yy) for pair, node in row.items()
        ]
        self.mixed = [(i, pair, node) for i, row in enumerate(derivatives.f_yp) for pair, node in row.items()]
        slopes = (derivatives.f_y, derivatives.f_p, derivatives.f_t, derivatives.f_yt, derivatives.f_pt)
        self.hoisted = self._hoist(
            [*system.rates, *_all(slopes), *(node for *_, node in self.curved + self.mixed)]
        )
        rows = (derivatives.g_t, derivatives.g_p, derivatives.g_tt, derivatives.g_tp)
        self.kept = self._hoist([*system.input_rates.values(), *_all(rows)])
        self.groups = linear_lead(system, derivatives)
        # Places of the compartments in the lead.
        self.lead = {i: k for k, i in enumerate(i for group in self.groups for i in group)}

    @property
    def n_hoisted(self) -> int:
        """Number of expressions that depend on parameters only and are kept."""
        return len(self.hoisted)

    @property
    def n_lead(self) -> int:
        """Number of compartments of the linear lead."""
        return len(self.lead)

    @property
    def n_own(self) -> int:
        """Blocks of columns of the parameters."""
        return -(-self.n_parameters // LANES)

    @property
    def n_second(self) -> int:
        """Number of second derivatives."""
        return len(self.curved) + len(self.mixed)

    @property
    def n_work(self) -> int:
        """Doubles that a step needs for itself."""
        return Step(self, "").size

    def assembly(self) -> str:
        """Text of all functions."""
        parts = (
            self._prepare, self._rates, self._sensitivities, self._jacobian, self._output,
            self._output_slopes, self._initial, self._initial_slopes, self._second, self._time_slopes,
            self._prepare_input, self._input_rate, self._input_slopes, self._input_bends, self._matrix,
            self._bounds,
        )  # fmt: skip
        steps = growth(self), explicit_step(self), stiff_step(self), series(self), product(self), apply(self)
        texts = [DECLARATIONS, POWER, _table(), *(part() for part in parts), lead(self), *steps]
        return "\n\n".join(texts) + "\n"

    def _hoist(self, pending: list[int]) -> dict[int, int]:
        """Places of the largest expressions of parameters only."""
        g = self.system.graph
        probe = Function(g, "", (), {})
        found: dict[int, int] = {}
        seen: set[int] = set()
        while pending:
            i = pending.pop()
            if i in seen or g.nodes[i][0] in LEAVES:
                continue
            seen.add(i)
            if g.only_parameters(i):
                found.setdefault(i, len(found))
                continue
            if (inverse := probe.inverse(i)) >= 0 and g.nodes[inverse][0] not in LEAVES:
                found.setdefault(inverse, len(found))
                pending.append(g.nodes[i][1])
                continue
            pending.extend(g.nodes[i][1:])
        return found

    def _function(self, name: str, *arguments: str, hoisted: bool = True, kept: bool = False) -> Function:
        known = self.kept if kept else self.hoisted if hoisted else {}
        return Function(self.system.graph, name, arguments, known)

    def _prepare(self) -> str:
        return self._filled("prepare", self.hoisted)

    def _prepare_input(self) -> str:
        return self._filled("prepare_input", self.kept)

    def _filled(self, name: str, places: dict[int, int]) -> str:
        f = self._function(name, "p", "q", hoisted=False)
        for node, place in places.items():
            f.store(f.value(node), "%q", place)
        return f.end()

    def _input_rate(self) -> str:
        """One input rate at the time after a dose (the argument t)."""
        rates = list(self.system.input_rates.values())
        f = self._function("input_rate", "which", "p", "q", kept=True)
        return self._choose(f, len(rates), lambda k: f.value(rates[k]))

    def _input_slopes(self) -> str:
        """The same; its derivatives by the time and the parameters in d."""
        return self._bent("input_slopes", list(self.system.input_rates.values()), self.d.g_t, self.d.g_p)

    def _input_bends(self) -> str:
        """The derivative of an input rate by the time, and its derivatives in d."""
        g = self.system.graph
        slopes = [row.get(0, g.const(0.0)) for row in self.d.g_t]
        return self._bent("input_bends", slopes, self.d.g_tt, self.d.g_tp)

    def _bent(self, name: str, nodes: list[int], by_time: Rows, by_parameters: Rows) -> str:
        f = self._function(name, "which", "p", "q", "d", kept=True)

        def case(k: int) -> str:
            f.store(f.value(by_time[k][0]) if by_time[k] else literal(0.0), "%d", 0)
            for m in range(self.n_parameters):
                row = by_parameters[k]
                f.store(f.value(row[m]) if m in row else literal(0.0), "%d", 1 + m)
            return f.value(nodes[k])

        return self._choose(f, len(nodes), case)

    def _write_rates(self, f: Function) -> None:
        f.write(self.system.rates)
        for i, node in enumerate(self.system.rates):
            f.store(f.plus(f.value(node), f.load("%r", i)), "%d", i)

    def _rates(self) -> str:
        f = self._function("rates", "z", "p", "q", "r", "d")
        self._write_rates(f)
        return f.end()

    def _sensitivities(self) -> str:
        """D = (f, J S + f_p)."""
        f = self._function("sensitivities", "z", "p", "q", "r", "nb", "kb", "d")
        f.write([*self.system.rates, *_nodes(self.d.f_y), *_nodes(self.d.f_p)])
        self._write_rates(f)
        slopes = {
            (i, j): f.spread(f.value(node)) for i, row in enumerate(self.d.f_y) for j, node in row.items()
        }
        parameter_blocks = self._parameter_blocks(f, self.d.f_p)
        self._over_blocks(f, slopes, add=False)
        self._add_parameters(f, parameter_blocks)
        return f.end()

    def _jacobian(self) -> str:
        f = self._function("jacobian", "z", "p", "q", "d")
        for i, row in enumerate(self.d.f_y):
            for j in range(self.n):
                f.store(f.value(row[j]) if j in row else literal(0.0), "%d", i * self.n + j)
        return f.end()

    def _choose(self, f: Function, n: int, case: Callable[[int], str]) -> str:
        """One branch for each output; returns the text."""
        places = " ".join(f"i64 {k}, label %case{k}" for k in range(n))
        f.line(f"switch i64 %which, label %none [{places}]")
        for k in range(n):
            f.label(f"case{k}")
            f.values, f.kinds = {}, {}
            f.line(f"ret double {case(k)}")
        f.label("none")
        return f.end(literal(float("nan")))

    def _output(self) -> str:
        outputs = list(self.system.outputs.values())
        f = self._function("output", "which", "z", "p", hoisted=False)
        return self._choose(f, len(outputs), lambda k: f.value(outputs[k]))

    def _output_slopes(self) -> str:
        """Value, and its derivatives by compartments, then parameters, in d."""
        outputs = list(self.system.outputs.values())
        f = self._function("output_slopes", "which", "z", "p", "d", hoisted=False)

        def case(k: int) -> str:
            for row, first, count in ((self.d.h_y[k], 0, self.n), (self.d.h_p[k], self.n, self.n_parameters)):
                for j in range(count):
                    f.store(f.value(row[j]) if j in row else literal(0.0), "%d", first + j)
            return f.value(outputs[k])

        return self._choose(f, len(outputs), case)

    def _initial(self) -> str:
        f = self._function("initial", "p", "d", hoisted=False)
        for i, node in enumerate(self.system.initial):
            f.store(f.value(node), "%d", i)
        return f.end()

    def _initial_slopes(self) -> str:
        """Derivatives by parameters, added to the blocks from kb."""
        f = self._function("initial_slopes", "p", "kb", "d", hoisted=False)
        self._add_parameters(f, self._parameter_blocks(f, self.d.initial_p))
        return f.end()

    def _second(self) -> str:
        f = self._function("second", "z", "p", "q", "d")
        for k, (*_, node) in enumerate(self.curved + self.mixed):
            f.store(f.value(node), "%d", k)
        return f.end()

    def _matrix(self) -> str:
        """The constant Jacobian of a linear system, then its derivatives by the parameters in blocks."""
        f, n = self._function("matrix", "p", "q", "d"), self.n
        if self.d.linear:
            for i, row in enumerate(self.d.f_y):
                for j, node in row.items():
                    f.store(f.value(node), "%d", i * n + j)
            for i, (j, m), node in self.mixed:
                block, lane = divmod(m, LANES)
                f.store(f.value(node), "%d", n * n + ((block * n + i) * n + j) * LANES + lane)
        return f.end()

    def _bounds(self) -> str:
        """First and last column of each row, then first and last row of each column, of the exponential."""
        f, n = self._function("bounds", "d"), self.n
        reached = reached_from(self)
        columns = [{i for i, row in enumerate(reached) if j in row} for j in range(n)]
        numbers = [edge(row) for rows in (reached, columns) for edge in (min, max) for row in rows]
        for k, number in enumerate(numbers):
            f.line(f"store i64 {number}, ptr {f.address('%d', k)}, align 8")
        return f.end()

    def _time_slopes(self) -> str:
        """D = derivative of (f, J S + f_p) with respect to t."""
        f = self._function("time_slopes", "z", "p", "q", "nb", "kb", "d")
        f.write([*_nodes(self.d.f_t), *_nodes(self.d.f_yt), *_nodes(self.d.f_pt)])
        for i, row in enumerate(self.d.f_t):
            f.store(f.value(row[0]) if row else literal(0.0), "%d", i)
        slopes = {
            (i, j): f.spread(f.value(node)) for i, row in enumerate(self.d.f_yt) for j, node in row.items()
        }
        blocks = self._parameter_blocks(f, self.d.f_pt)
        self._over_blocks(f, slopes, add=False)
        self._add_parameters(f, blocks)
        return f.end()

    # --- blocks of sensitivities
    # -----------------------------------------------------------------------------------

    def _over_blocks(self, f: Function, slopes: dict[tuple[int, int], str], *, add: bool) -> None:
        """For each block d_i = (d_i +) sum over j of slopes[i, j] z_j."""
        some = f.new("icmp sgt i64 %nb, 0")
        f.line(f"br i1 {some}, label %first, label %done")
        f.label("first")
        f.line("br label %block")
        f.label("block")
        f.line("%b = phi i64 [ 0, %first ], [ %next, %block ]")
        place = f.new(f"add i64 {f.new(f'mul i64 %b, {self.n * LANES}')}, {self.pad}")
        offset = f.new(f"shl i64 {place}, 3")
        source, target = f.new(f"add i64 %z, {offset}"), f.new(f"add i64 %d, {offset}")
        column = {j: f.load(source, j * LANES, VECTOR) for j in sorted({j for _, j in slopes})}
        rows = []
        for i in range(self.n):
            terms = [f.times(slope, column[j], VECTOR) for (row, j), slope in slopes.items() if row == i]
            if add and terms:
                terms.insert(0, f.load(target, i * LANES, VECTOR))
            rows.append(f.total(terms, VECTOR) if terms or not add else "")
        for i, value in enumerate(rows):
            if value:
                f.store(value, target, i * LANES, VECTOR)
        f.line("%next = add i64 %b, 1")
        more = f.new("icmp slt i64 %next, %nb")
        f.line(f"br i1 {more}, label %block, label %done")
        f.label("done")

    def _parameter_blocks(self, f: Function, rows: Rows) -> dict[tuple[int, int], str]:
        return _vectors(f, {(i, m): f.value(node) for i, row in enumerate(rows) for m, node in row.items()})

    def _add_parameters(self, f: Function, vectors: dict[tuple[int, int], str]) -> None:
        """Add vectors[compartment, block] to the blocks from kb, where kb is not negative."""
        if not vectors:
            return
        some = f.new("icmp sge i64 %kb, 0")
        f.line(f"br i1 {some}, label %own, label %finished")
        f.label("own")
        place = f.new(f"add i64 {f.new(f'mul i64 %kb, {self.n * LANES}')}, {self.pad}")
        base = f.new(f"add i64 %d, {f.new(f'shl i64 {place}, 3')}")
        for (i, block), vector in vectors.items():
            at = (block * self.n + i) * LANES
            f.store(f.plus(f.load(base, at, VECTOR), vector, VECTOR), base, at, VECTOR)
        f.line("br label %finished")
        f.label("finished")


def _table() -> str:
    """The table of the model, filled after compilation, and a function that says where it is."""
    return (
        f"@table = global [{TABLE_SIZE} x i64] zeroinitializer, align 64\n\n"
        "define i64 @locate() {\n  ret i64 ptrtoint (ptr @table to i64)\n}"
    )


def _all(groups: Iterable[Rows]) -> Iterable[int]:
    return (node for rows in groups for node in _nodes(rows))


def _nodes(rows: Rows) -> Iterable[int]:
    return (node for row in rows for node in row.values())


def _vectors(f: Function, values: dict[tuple[int, int], str]) -> dict[tuple[int, int], str]:
    """Gather values[compartment, parameter] into vectors[compartment, block]."""
    gathered: dict[tuple[int, int], dict[int, str]] = {}
    for (i, m), value in values.items():
        gathered.setdefault((i, m // LANES), {})[m % LANES] = value
    return {place: f.lanes(lanes) for place, lanes in sorted(gathered.items())}
