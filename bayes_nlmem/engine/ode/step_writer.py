"""One step of each method, written out for one system: no loop over compartments, no call inside a stage.

The state does not depend on its sensitivities. So all stages of the state come first and keep the Jacobian at
every stage; a step whose error is too large ends there. Then the sensitivities follow, block by block: all
stages of a block of columns stand in registers.

A step is a function of ``t, desk, z, p, nb, kb, r, stride``. Its time and size are in control[TIME] and
control[STEP]; inputs at stage k stand at ``r + k stride``, laid out as a state. It returns the scaled error
and leaves the stages and the new state in rows of the desk's stages. The explicit one goes on by itself while
it succeeds and ends before control[LIMIT].

Work: zeros for one block; Jacobians by stage; derivatives by the parameters by block and stage; for the stiff
method the derivatives of the Jacobian along each stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bayes_nlmem.engine.ode import desk as on
from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.ode.tableaus import STIFF_A
from bayes_nlmem.engine.ode.writer import VECTOR, Function, literal

if TYPE_CHECKING:
    from bayes_nlmem.engine.ode.program import Program

ARGUMENTS = ("desk", "z", "p", "nb", "kb", "r", "stride")
# Room for the stages of either method.
MOST_STAGES = len(STIFF_A)
# Blocks that reach at most this share of the compartments are written for these alone.
MOST_REACHED = 0.8


class Step:
    """What both methods have in common while a step is being written."""

    def __init__(self, program: Program, name: str, arguments: tuple[str, ...] = ARGUMENTS) -> None:
        self.program, self.n, self.pad = program, program.n, program.pad
        self.g, self.d = program.system.graph, program.d
        self.f = f = Function(self.g, name, arguments, program.hoisted)
        for field in ("q", "stages", "control", "scale", "weights", "work"):
            f.line(f"%{field} = load i64, ptr {f.address('%desk', getattr(on, field.upper()))}, align 8")
        width = f.new(f"load i64, ptr {f.address('%desk', on.LENGTH)}, align 8")
        f.line(f"%width = shl i64 {width}, 3")
        self.moving = [
            (i, j, node)
            for i, row in enumerate(self.d.f_y)
            for j, node in row.items()
            if not self._fixed(node)
        ]
        self.resting = [
            (i, j, node) for i, row in enumerate(self.d.f_y) for j, node in row.items() if self._fixed(node)
        ]
        self.curved = sorted({(i, j) for i, (j, _), _ in program.curved})
        self.reached = [self._reached(block) for block in range(self.n_own)]
        self.rows = list(range(self.n))
        # Places in the work.
        stages = MOST_STAGES
        self.jacobians = LANES * self.n
        self.bends = self.jacobians + stages * len(self.moving)
        self.slopes = self.bends + stages * len(self.curved)
        self.size = self.slopes + stages * self.n * LANES * self.n_own

    @property
    def n_own(self) -> int:
        """Blocks of columns of the parameters."""
        return -(-self.program.n_parameters // LANES)

    def _fixed(self, node: int) -> bool:
        return node in self.program.hoisted or self.g.nodes[node][0] in ("const", "p")

    def row(self, k: int) -> str:
        """Address of a row of the stages."""
        f = self.f
        return f.new(f"add i64 %stages, {f.new(f'mul i64 %width, {k}')}")

    def _reached(self, block: int) -> list[int]:
        """Compartments that depend on the parameters of a block."""
        columns = range(block * LANES, (block + 1) * LANES)
        if columns.stop > self.program.n_parameters:  # lag, F, D or R of doses may fill the rest of the block
            return list(range(self.n))
        first = (self.d.f_p, self.d.initial_p)
        found = {i for rows in first for i, row in enumerate(rows) if any(m in row for m in columns)}
        while more := {i for i, row in enumerate(self.d.f_y) if i not in found and found & set(row)}:
            found |= more
        return sorted(found)

    def begin(self) -> None:
        """Time, size of the step and state."""
        self.t, self.h = (self.f.load("%control", k) for k in (on.TIME, on.STEP))
        self.z = [self.f.load("%z", i) for i in range(self.n)]

    def text(self) -> str:
        """The function."""
        return "\n".join([*self.f.lines, "}"])

    # --- the state
    # -------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Forget what was computed in another branch."""
        self.f.values, self.f.kinds = {}, {}

    def at(self, y: list[str], t: str) -> None:
        """From here on nodes are those at the state y and the time t."""
        f, g = self.f, self.g
        keep = {
            i for i in f.values if g.nodes[i][0] in ("const", "p") or i in f.hoisted or g.only_parameters(i)
        }
        f.values = {i: f.values[i] for i in keep}
        f.kinds = {i: kind for i, kind in f.kinds.items() if i in keep}
        for i, name in enumerate(y):
            f.values[g.leaf("y", i)] = name
        f.values[g.leaf("t")] = t

    def inputs(self, stage: int) -> str:
        """Address of the inputs at a stage."""
        f = self.f
        return f.new(f"add i64 %r, {f.new(f'mul i64 %stride, {min(stage, on.LAST_INPUTS)}')}")

    def rates(self, stage: int, *, sensitive: bool) -> list[str]:
        """The slope of the state where `at` says; its Jacobians are kept."""
        f = self.f
        wanted = list(self.program.system.rates)
        if sensitive:
            wanted += [node for *_, node in self.moving]
            wanted += [node for row in self.d.f_p for node in row.values()]
        f.write(wanted)
        r = self.inputs(stage)
        return [f.plus(f.value(node), f.load(r, i)) for i, node in enumerate(self.program.system.rates)]

    def keep_jacobian(self, stage: int) -> None:
        """Keep the entries of the Jacobian that change from stage to stage."""
        for k, (_, _, node) in enumerate(self.moving):
            self.f.store(self.f.value(node), "%work", self.jacobians + stage * len(self.moving) + k)

    def by_parameters(self) -> dict[tuple[int, int], str]:
        """F_p where `at` says, by compartment and parameter."""
        rows = enumerate(self.d.f_p)
        return {(i, m): self.f.value(node) for i, row in rows for m, node in row.items()}

    def keep_bends(self, stage: int, u: list[str], second: list[str]) -> None:
        """Keep J and f_p of a stage, f_yy u, and add f_yp u to f_p."""
        f, program = self.f, self.program
        if stage:
            self.keep_jacobian(stage)
        sums: dict[tuple[int, int], list[str]] = {}
        for k, (i, (j, other), _) in enumerate(program.curved):
            sums.setdefault((i, j), []).append(f.times(second[k], u[other]))
        for k, place in enumerate(self.curved):
            f.store(f.total(sums[place]), "%work", self.bends + stage * len(self.curved) + k)
        terms = {place: [value] for place, value in (self.by_parameters() if stage else {}).items()}
        for k, (i, (j, m), _) in enumerate(program.mixed, len(program.curved)):
            terms.setdefault((i, m), []).append(f.times(second[k], u[j]))
        self.keep_slopes(stage, {place: f.total(values) for place, values in terms.items()})

    def keep_slopes(self, stage: int, values: dict[tuple[int, int], str]) -> None:
        """Keep derivatives values[compartment, parameter] of the rates; what is not stored stays zero."""
        for (i, m), value in values.items():
            self.f.store(value, "%work", self._slope_at(m // LANES, stage, i) + m % LANES)

    def _slope_at(self, block: int, stage: int, i: int) -> int:
        return self.slopes + ((block * MOST_STAGES + stage) * self.n + i) * LANES

    def combined(self, z: str, weights: list[str], ks: list[str], kind: str = "double") -> str:
        """Z + sum of weights and ks; the weights are spread already for vectors."""
        f = self.f
        total = z
        for weight, k in zip(weights, ks, strict=True):
            if weight:
                product = f.times(weight, k, kind)
                total = f.plus(total, product, kind) if total else product
        return total

    def errors(self, errors: list[str], new: list[str]) -> tuple[str, list[str]]:
        """(mean square of the errors over what is tolerated, what is tolerated)."""
        f = self.f
        relative, absolute, floor = (f.load("%control", k) for k in (on.RELATIVE, on.ABSOLUTE, on.FLOOR))
        allowed, squares = [], []
        for i in range(self.n):
            largest = f.larger(self.abs(self.z[i]), self.abs(new[i]))
            scale = f.larger(f.larger(f.load("%scale", i), largest), floor)
            allowed.append(f.plus(f.times(relative, largest), f.times(absolute, scale)))
            ratio = f.new(f"fdiv double {errors[i]}, {allowed[i]}")
            squares.append(f.times(ratio, ratio))
        return f.times(f.total(squares), literal(1.0 / self.n)), allowed

    def abs(self, x: str) -> str:
        """Absolute value."""
        return self.f.new(f"call double @llvm.fabs.f64(double {x})")

    def give(self, square: str) -> None:
        """Return the root of a mean square."""
        self.f.line(f"ret double {self.f.new(f'call double @llvm.sqrt.f64(double {square})')}")

    # --- the sensitivities
    # ---------------------------------------------------------------------------------------------

    def over_blocks(
        self, body: Callable[[], tuple[dict[int, str], dict[int, str]]], allowed: list[str], square: str
    ) -> str:
        """A loop over the blocks; `body` writes one for the compartments in `rows`: (errors, new state).

        Blocks of parameters that reach few compartments only are written for these. Returns the larger of the
        mean square of the errors of the state and that of all blocks.
        """
        f = self.f
        length = 8 * MOST_STAGES * self.n * LANES
        f.line(f"%own_from = add i64 %work, {8 * self.slopes}")
        f.line(f"%all_from = add i64 %work, {8 * self.size}")
        driven = f.new(f"load i64, ptr {f.address('%desk', on.DRIVEN)}, align 8")
        flag = f.new(f"load i64, ptr {f.new(f'inttoptr i64 {driven} to ptr')}, align 8")
        constant = f.new("icmp eq i64 %stride, 0")
        unmoved = f.new(f"icmp eq i64 {flag}, 0")
        f.line(f"%free = and i1 {constant}, {unmoved}")
        f.line("br i1 %free, label %ready, label %filling")
        self._fill(length)
        f.label("ready")
        f.line("br label %loop")
        f.label("loop")
        f.line("%b = phi i64 [ 0, %ready ], [ %next, %joined ]")
        f.line("%sum = phi double [ 0.0, %ready ], [ %more, %joined ]")
        self.place("%b")
        everywhere = f.new(f"add i64 %all_from, {f.new(f'mul i64 %b, {length}')}")
        own, step = self.own_slopes_of("%b", length)
        self.slopes_from = f.new(f"select i1 %free, i64 {own}, i64 {everywhere}")
        self.slopes_step = f.new(f"select i1 %free, i64 {step}, i64 {8 * self.n * LANES}")
        sparse = [m for m, rows in enumerate(self.reached) if len(rows) <= MOST_REACHED * self.n]
        if self.program.system.input_rates:  # doses that enter over time have parameters of their own
            sparse = []
        known = f.new(f"and i1 %free, {f.new('icmp sge i64 %kb, 0')}")
        which = f.new(f"select i1 {known}, i64 {f.new('sub i64 %b, %kb')}, i64 -1")
        cases = " ".join(f"i64 {m}, label %sparse{m}" for m in sparse)
        f.line(f"switch i64 {which}, label %dense [{cases}]")
        parts = []
        for label, rows in [("dense", range(self.n)), *((f"sparse{m}", self.reached[m]) for m in sparse)]:
            f.label(label)
            self.rows = list(rows)
            self.zs = {i: x for i, x in enumerate(self.whole_block("%z"))}
            parts.append(f"[ {self._block_error(*body(), allowed)}, %{label} ]")
            f.line("br label %joined")
        f.label("joined")
        f.line(f"%part = phi double {', '.join(parts)}")
        f.line("%more = fadd double %part, %sum")
        f.line("%next = add i64 %b, 1")
        f.line(f"br i1 {f.new('icmp slt i64 %next, %nb')}, label %loop, label %after")
        f.label("after")
        count = f.new("uitofp i64 %nb to double")
        share = f.times(count, literal(float(self.n * LANES)))
        others = f.new(f"fdiv double %more, {share}")
        larger = f.new(f"fcmp ugt double {others}, {square}")  # NaN of the blocks must come out
        return f.new(f"select i1 {larger}, double {others}, double {square}")

    def _block_error(self, errors: dict[int, str], new: dict[int, str], allowed: list[str]) -> str:
        """Sum of the squares of the errors of a block over what is tolerated."""
        f = self.f
        weight = f.load("%weights", f.new(f"mul i64 %b, {LANES}"), VECTOR)
        relative = f.times(f.spread(f.load("%control", on.RELATIVE)), weight, VECTOR)
        squares = []
        for i in self.rows:
            size = f.new(f"call {VECTOR} @llvm.fabs.v{LANES}f64({VECTOR} {new[i]})")
            tolerated = f.plus(f.spread(allowed[i]), f.times(relative, size, VECTOR), VECTOR)
            ratio = f.new(f"fdiv {VECTOR} {f.times(weight, errors[i], VECTOR)}, {tolerated}")
            squares.append(f.times(ratio, ratio, VECTOR))
        total = f.total(squares, VECTOR)
        return f.total([f.new(f"extractelement {VECTOR} {total}, i64 {lane}") for lane in range(LANES)])

    def place(self, b: str, name: str = "offset") -> None:
        """Name the bytes from the beginning of a state to a block."""
        f = self.f
        place = f.new(f"add i64 {f.new(f'mul i64 {b}, {self.n * LANES}')}, {self.pad}")
        f.line(f"%{name} = shl i64 {place}, 3")

    def own_slopes_of(self, b: str, length: int) -> tuple[str, str]:
        """(address, bytes from stage to stage) of the derivatives by the parameters; zeros elsewhere."""
        f = self.f
        own = f.new(f"sub i64 {b}, %kb")
        inside = f.new(f"icmp ult i64 {own}, {self.n_own}")
        inside = f.new(f"and i1 {inside}, {f.new('icmp sge i64 %kb, 0')}")
        place = f.new(f"add i64 %own_from, {f.new(f'mul i64 {own}, {length}')}")
        step = f.new(f"select i1 {inside}, i64 {8 * self.n * LANES}, i64 0")
        return f.new(f"select i1 {inside}, i64 {place}, i64 %work"), step

    def _fill(self, length: int) -> None:
        """Where sensitivities have inputs: add these to the derivatives, for all blocks and stages."""
        f = self.f
        f.label("filling")
        f.line("br label %fill")
        f.label("fill")
        f.line("%c = phi i64 [ 0, %filling ], [ %c_next, %filled ]")
        self.place("%c", "c_offset")
        own, step = self.own_slopes_of("%c", length)
        target = f.new(f"add i64 %all_from, {f.new(f'mul i64 %c, {length}')}")
        f.line("br label %stage")
        f.label("stage")
        f.line("%k = phi i64 [ 0, %fill ], [ %k_next, %stage ]")
        late = f.new(f"icmp sgt i64 %k, {on.LAST_INPUTS}")
        k = f.new(f"select i1 {late}, i64 {on.LAST_INPUTS}, i64 %k")
        inputs = f.new(f"add i64 %r, {f.new(f'mul i64 %stride, {k}')}")
        inputs = f.new(f"add i64 {inputs}, %c_offset")
        first = f.new("icmp eq i64 %k, 0")  # the slope at the beginning of a step has its inputs
        inputs = f.new(f"select i1 {first}, i64 %work, i64 {inputs}")
        slopes = f.new(f"add i64 {own}, {f.new(f'mul i64 {step}, %k')}")
        into = f.new(f"add i64 {target}, {f.new(f'mul i64 %k, {8 * self.n * LANES}')}")
        for i in range(self.n):
            both = f.plus(f.load(inputs, i * LANES, VECTOR), f.load(slopes, i * LANES, VECTOR), VECTOR)
            f.store(both, into, i * LANES, VECTOR)
        f.line("%k_next = add i64 %k, 1")
        f.line(f"br i1 {f.new(f'icmp slt i64 %k_next, {MOST_STAGES}')}, label %stage, label %filled")
        f.label("filled")
        f.line("%c_next = add i64 %c, 1")
        f.line(f"br i1 {f.new('icmp slt i64 %c_next, %nb')}, label %fill, label %ready")

    def whole_block(self, base: str) -> list[str]:
        """The block of a row of the stages: all compartments."""
        f = self.f
        start = f.new(f"add i64 {base}, %offset")
        return [f.load(start, i * LANES, VECTOR) for i in range(self.n)]

    def block(self, base: str) -> dict[int, str]:
        """The block of a row of the stages: the compartments that are being written."""
        f = self.f
        start = f.new(f"add i64 {base}, %offset")
        return {i: f.load(start, i * LANES, VECTOR) for i in self.rows}

    def keep_block(self, base: str, values: dict[int, str], rest: dict[int, str] | None = None) -> None:
        """Store a block; in other compartments than those being written: zeros or `rest`."""
        f = self.f
        start = f.new(f"add i64 {base}, %offset")
        for i in range(self.n):
            other = rest[i] if rest else "zeroinitializer"
            f.store(values.get(i, other), start, i * LANES, VECTOR)

    def flow(self, stage: int, y: dict[int, str]) -> dict[int, str]:
        """J y + f_p and inputs of a block at a stage."""
        f = self.f
        terms = {i: [x] for i, x in self.own_slopes(stage).items()}
        for k, (i, j, _) in enumerate(self.moving):
            if i in y and j in y:
                value = f.load("%work", self.jacobians + stage * len(self.moving) + k)
                terms[i].append(f.times(f.spread(value), y[j], VECTOR))
        for i, j, node in self.resting:
            if i in y and j in y:
                terms[i].append(f.times(self.spread_of(node), y[j], VECTOR))
        return {i: f.total(row, VECTOR) for i, row in terms.items()}

    def own_slopes(self, stage: int) -> dict[int, str]:
        """F_p at a stage, where the block is one of the parameters, and inputs."""
        f = self.f
        start = f.new(f"add i64 {self.slopes_from}, {f.new(f'mul i64 {self.slopes_step}, {stage}')}")
        return {i: f.load(start, i * LANES, VECTOR) for i in self.rows}

    def spread_of(self, node: int) -> str:
        """A node of parameters only in every lane, loaded where it is used."""
        f = self.f
        op, *a = self.g.nodes[node]
        if op == "const":
            return f.spread(literal(a[0]))
        return f.spread(f.load("%p", a[0]) if op == "p" else f.load("%q", f.hoisted[node]))
