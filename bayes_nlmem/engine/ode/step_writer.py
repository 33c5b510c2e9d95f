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

from typing import TYPE_CHECKING

from bayes_nlmem.engine.ode import desk as on
from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.ode.tableaus import STIFF_A
from bayes_nlmem.engine.ode.writer import Function, literal

if TYPE_CHECKING:
    from bayes_nlmem.engine.ode.program import Program

ARGUMENTS = ("desk", "z", "p", "nb", "kb", "r", "stride")
# Room for the stages of either method.
MOST_STAGES = len(STIFF_A)
# Errors count so many times where a lead is exact: no short steps for its sake keep them small.
STRICTER = 4.0


class Step:
    """What both methods have in common while a step is being written."""

    def __init__(self, program: Program, name: str, arguments: tuple[str, ...] = ARGUMENTS) -> None:
        self.program, self.n, self.pad = program, program.n, program.pad
        self.g, self.d = program.system.graph, program.d
        # Compartments that a step moves by itself: all but the lead, for the explicit method.
        self.lead = program.lead if name == "explicit" else {}
        self.moved = [i for i in range(self.n) if i not in self.lead]
        self.f = f = Function(self.g, name, arguments, program.hoisted)
        for place in ("q", "stages", "control", "scale", "weights", "work"):
            f.line(f"%{place} = load i64, ptr {f.address('%desk', getattr(on, place.upper()))}, align 8")
        self.counting = STRICTER**2 if self.lead else 1.0
        width = f.new(f"load i64, ptr {f.address('%desk', on.LENGTH)}, align 8")
        f.line(f"%width = shl i64 {width}, 3")
        slopes = [(i, j, node) for i in self.moved for j, node in self.d.f_y[i].items()]
        self.moving = [entry for entry in slopes if not self._fixed(entry[2])]
        self.resting = [entry for entry in slopes if self._fixed(entry[2])]
        self.curved = sorted({(i, j) for i, (j, _), _ in program.curved})
        self.reached = [self._reached(block) for block in range(self.n_own)]
        # Where a block of parameters has derivatives of the rates, by themselves or along the stages.
        by_p = [(i, m) for i in self.moved for m in self.d.f_p[i]]
        by_p += [(i, m) for i, (_, m), _ in program.mixed] if name == "stiff" else []
        self.sloped = {(i, m // LANES) for i, m in by_p}
        # Places in the work.
        stages = MOST_STAGES
        self.jacobians = LANES * self.n
        self.bends = self.jacobians + stages * len(self.moving)
        self.slopes = self.bends + stages * len(self.curved)
        self.size = self.slopes + stages * self.n * LANES * self.n_own

    @property
    def n_own(self) -> int:
        """Blocks of columns of the parameters."""
        return self.program.n_own

    def _fixed(self, node: int) -> bool:
        return node in self.program.hoisted or self.g.nodes[node][0] in ("const", "p")

    def row(self, k: int) -> str:
        """Address of a row of the stages."""
        f = self.f
        return f.new(f"add i64 %stages, {f.new(f'mul i64 %width, {k}')}")

    def _reached(self, block: int) -> list[int]:
        """Compartments that depend on the parameters of a block."""
        columns = range(block * LANES, (block + 1) * LANES)
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

    def rates(self, stage: int, *, sensitive: bool) -> dict[int, str]:
        """The slope of the state where `at` says; its Jacobians are kept."""
        f, rates = self.f, self.program.system.rates
        wanted = [rates[i] for i in self.moved]
        if sensitive:
            wanted += [node for *_, node in self.moving]
            wanted += [node for i in self.moved for node in self.d.f_p[i].values()]
        f.write(wanted)
        r = self.inputs(stage)
        return {i: f.plus(f.value(rates[i]), f.load(r, i)) for i in self.moved}

    def keep_jacobian(self, stage: int) -> None:
        """Keep the entries of the Jacobian that change from stage to stage."""
        for k, (_, _, node) in enumerate(self.moving):
            self.f.store(self.f.value(node), "%work", self.jacobians + stage * len(self.moving) + k)

    def by_parameters(self) -> dict[tuple[int, int], str]:
        """F_p where `at` says, by compartment and parameter."""
        return {(i, m): self.f.value(node) for i in self.moved for m, node in self.d.f_p[i].items()}

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

    def errors(self, errors: dict[int, str], new: list[str]) -> tuple[str, dict[int, str]]:
        """(mean square of the errors over what is tolerated, what is tolerated)."""
        f = self.f
        relative, absolute, floor = (f.load("%control", k) for k in (on.RELATIVE, on.ABSOLUTE, on.FLOOR))
        allowed, squares = {}, []
        for i in self.moved:
            largest = f.larger(self.abs(self.z[i]), self.abs(new[i]))
            scale = f.larger(f.larger(f.load("%scale", i), largest), floor)
            allowed[i] = f.plus(f.times(relative, largest), f.times(absolute, scale))
            ratio = f.new(f"fdiv double {errors[i]}, {allowed[i]}")
            squares.append(f.times(ratio, ratio))
        return f.times(f.total(squares), literal(self.counting / len(self.moved))), allowed

    def abs(self, x: str) -> str:
        """Absolute value."""
        return self.f.new(f"call double @llvm.fabs.f64(double {x})")

    def give(self, square: str) -> None:
        """Return the root of a mean square."""
        self.f.line(f"ret double {self.f.new(f'call double @llvm.sqrt.f64(double {square})')}")
