"""The sensitivities of a step: blocks of columns, written after the state or one another.

See `step_writer` for what is where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bayes_nlmem.engine.ode import desk as on
from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.ode.step_writer import MOST_STAGES, Step
from bayes_nlmem.engine.ode.writer import VECTOR, literal

# Blocks that reach at most this share of the compartments are written for these alone.
MOST_REACHED = 0.8
# The blocks of the parameters are written side by side if they have at most so many compartments together.
MOST_TOGETHER = 16


@dataclass
class Block:
    """A block of columns while it is being written: its compartments and where it and its slopes stand.

    `own`: its number among the blocks of the parameters where that is known. What the step leaves: the errors
    and the new state.
    """

    number: str
    offset: str
    rows: list[int]
    slopes_from: str
    slopes_step: str
    own: int = -1
    start: dict[int, str] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    new: dict[int, str] = field(default_factory=dict)


# Writes a block stage by stage: stops after each.
Body = Callable[[Block], Iterator[None]]


class SensitiveStep(Step):
    """A step with what its blocks of sensitivities need."""

    def moved_of(self, rows: list[int]) -> list[int]:
        """Those of some compartments that the step moves by itself."""
        return [i for i in rows if i not in self.lead]

    def _find_alone(self) -> str:
        """Whether the last block of the parameters has no columns of doses."""
        f = self.f
        return f.new(f"icmp ne i64 {f.new(f'load i64, ptr {f.address("%desk", on.ALONE)}, align 8')}, 0")

    @property
    def _sparse(self) -> list[int]:
        """Blocks of the parameters that are written for few compartments."""
        if self.program.system.input_rates:  # doses that enter over time have parameters of their own
            return []
        return [m for m, rows in enumerate(self.reached) if len(rows) <= MOST_REACHED * self.n]

    @property
    def _rows(self) -> list[list[int]]:
        """Compartments that are written, by block of the parameters."""
        return [self.reached[m] if m in self._sparse else list(range(self.n)) for m in range(self.n_own)]

    @property
    def _partial(self) -> bool:
        """Whether the last block is written for few compartments and has room for columns of doses."""
        return self.program.n_parameters % LANES != 0 and self.n_own - 1 in self._sparse

    def _find_only(self) -> str:
        """Whether there are no blocks but those of the parameters, and nothing more in these."""
        f = self.f
        only = f.new(f"and i1 %free, {f.new('icmp eq i64 %kb, 0')}")
        only = f.new(f"and i1 {only}, {f.new(f'icmp eq i64 %nb, {self.n_own}')}")
        return f.new(f"and i1 {only}, {self._find_alone()}") if self._partial else only

    def _own_blocks(self) -> list[Block]:
        """All blocks of the parameters, at their places if there are no others."""
        length = 8 * MOST_STAGES * self.n * LANES
        blocks = []
        for m, rows in enumerate(self._rows):
            place = self.f.new(f"add i64 %work, {8 * self.slopes + m * length}")
            offset = str(8 * (self.pad + m * self.n * LANES))
            blocks.append(Block(str(m), offset, rows, place, str(8 * self.n * LANES), m))
        return blocks

    def over_blocks(self, body: Body, allowed: dict[int, str], square: str) -> str:
        """All blocks, as `body` writes one.

        A loop writes one after the other; blocks of parameters that reach few compartments only are written
        for these. Those of the parameters are written side by side if they are few and there are no others:
        they need not wait for each other. Returns the larger of the mean square of the errors of the state
        and that of all blocks.
        """
        f = self.f
        length = 8 * MOST_STAGES * self.n * LANES
        f.line(f"%own_from = add i64 %work, {8 * self.slopes}")
        f.line(f"%all_from = add i64 %work, {8 * self.size}")
        driven = f.new(f"load i64, ptr {f.address('%desk', on.DRIVEN)}, align 8")
        flag = f.new(f"load i64, ptr {f.new(f'inttoptr i64 {driven} to ptr')}, align 8")
        constant, unmoved = f.new("icmp eq i64 %stride, 0"), f.new(f"icmp eq i64 {flag}, 0")
        f.line(f"%free = and i1 {constant}, {unmoved}")
        f.line("br i1 %free, label %ready, label %filling")
        self._fill(length)
        f.label("ready")
        together = 0 < sum(len(self.moved_of(rows)) for rows in self._rows) <= MOST_TOGETHER
        if together:
            f.line(f"br i1 {self._find_only()}, label %together, label %loop")
        else:
            f.line("br label %loop")
        f.label("loop")
        f.line("%b = phi i64 [ 0, %ready ], [ %next, %joined ]")
        f.line("%sum = phi double [ 0.0, %ready ], [ %more, %joined ]")
        self.place("%b")
        everywhere = f.new(f"add i64 %all_from, {f.new(f'mul i64 %b, {length}')}")
        own, step = self.own_slopes_of("%b", length)
        slopes_from = f.new(f"select i1 %free, i64 {own}, i64 {everywhere}")
        slopes_step = f.new(f"select i1 %free, i64 {step}, i64 {8 * self.n * LANES}")
        known = f.new(f"and i1 %free, {f.new('icmp sge i64 %kb, 0')}")
        number = f.new("sub i64 %b, %kb")
        if self._partial:
            complete = f.new(
                f"or i1 {self._find_alone()}, {f.new(f'icmp ne i64 {number}, {self.n_own - 1}')}"
            )
            known = f.new(f"and i1 {known}, {complete}")
        which = f.new(f"select i1 {known}, i64 {number}, i64 -1")
        cases = " ".join(f"i64 {m}, label %sparse{m}" for m in self._sparse)
        f.line(f"switch i64 {which}, label %dense [{cases}]")
        parts = []
        everything = list(range(self.n))
        for label, some in [("dense", everything), *((f"sparse{m}", self.reached[m]) for m in self._sparse)]:
            f.label(label)
            block = Block("%b", "%offset", some, slopes_from, slopes_step)
            parts.append(f"[ {self._written([block], body, allowed)}, %{label} ]")
            f.line("br label %joined")
        f.label("joined")
        f.line(f"%part = phi double {', '.join(parts)}")
        f.line("%more = fadd double %part, %sum")
        f.line("%next = add i64 %b, 1")
        f.line(f"br i1 {f.new('icmp slt i64 %next, %nb')}, label %loop, label %after")
        ends = "[ %more, %joined ]"
        if together:
            f.label("together")
            ends += f", [ {self._written(self._own_blocks(), body, allowed)}, %together ]"
            f.line("br label %after")
        f.label("after")
        f.line(f"%all = phi double {ends}")
        count = f.new("uitofp i64 %nb to double")
        share = f.times(count, literal(len(self.moved) * LANES / self.counting))
        others = f.new(f"fdiv double %all, {share}")
        larger = f.new(f"fcmp ugt double {others}, {square}")  # NaN of the blocks must come out
        return f.new(f"select i1 {larger}, double {others}, double {square}")

    def _written(self, blocks: list[Block], body: Body, allowed: dict[int, str]) -> str:
        """Write blocks, one stage of each after the other; returns the sum of the squares of their errors."""
        for block in blocks:
            block.start = dict(enumerate(self.whole_block("%z", block)))
        going = [body(block) for block in blocks]
        while going:
            going = [one for one in going if next(one, self) is None]
        return self.f.total([self._block_error(block, allowed) for block in blocks])

    def _block_error(self, block: Block, allowed: dict[int, str]) -> str:
        """Sum of the squares of the errors of a block over what is tolerated."""
        f = self.f
        weight = f.load("%weights", f.new(f"mul i64 {block.number}, {LANES}"), VECTOR)
        relative = f.times(f.spread(f.load("%control", on.RELATIVE)), weight, VECTOR)
        squares = []
        for i in self.moved_of(block.rows):
            size = f.new(f"call {VECTOR} @llvm.fabs.v{LANES}f64({VECTOR} {block.new[i]})")
            tolerated = f.plus(f.spread(allowed[i]), f.times(relative, size, VECTOR), VECTOR)
            ratio = f.new(f"fdiv {VECTOR} {f.times(weight, block.errors[i], VECTOR)}, {tolerated}")
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

    def whole_block(self, base: str, block: Block) -> list[str]:
        """A block of a row of the stages: all compartments."""
        f = self.f
        start = f.new(f"add i64 {base}, {block.offset}")
        return [f.load(start, i * LANES, VECTOR) for i in range(self.n)]

    def block(self, base: str, block: Block) -> dict[int, str]:
        """A block of a row of the stages: the compartments that are being written."""
        f = self.f
        start = f.new(f"add i64 {base}, {block.offset}")
        return {i: f.load(start, i * LANES, VECTOR) for i in block.rows}

    def keep_block(
        self, base: str, values: dict[int, str], block: Block, rest: dict[int, str] | None = None
    ) -> None:
        """Store a block; in other compartments than those being written: zeros or `rest`."""
        f = self.f
        start = f.new(f"add i64 {base}, {block.offset}")
        for i in range(self.n):
            other = rest[i] if rest else "zeroinitializer"
            f.store(values.get(i, other), start, i * LANES, VECTOR)

    def flow(self, stage: int, y: dict[int, str], block: Block) -> dict[int, str]:
        """J y + f_p and inputs of a block at a stage."""
        f = self.f
        own = self.own_slopes(stage, block)
        terms = {i: [own[i]] if i in own else [] for i in self.moved_of(block.rows)}
        for k, (i, j, _) in enumerate(self.moving):
            if i in terms and j in y:
                value = f.load("%work", self.jacobians + stage * len(self.moving) + k)
                terms[i].append(f.times(f.spread(value), y[j], VECTOR))
        for i, j, node in self.resting:
            if i in terms and j in y:
                terms[i].append(f.times(self.spread_of(node), y[j], VECTOR))
        return {i: f.total(row, VECTOR) for i, row in terms.items()}

    def own_slopes(self, stage: int, block: Block) -> dict[int, str]:
        """F_p at a stage, where the block is one of the parameters, and inputs."""
        f = self.f
        start = f.new(f"add i64 {block.slopes_from}, {f.new(f'mul i64 {block.slopes_step}, {stage}')}")
        rows = self.moved_of(block.rows)
        rows = [i for i in rows if block.own < 0 or (i, block.own) in self.sloped]
        return {i: f.load(start, i * LANES, VECTOR) for i in rows}

    def spread_of(self, node: int) -> str:
        """A node of parameters only in every lane, loaded where it is used."""
        f = self.f
        op, *a = self.g.nodes[node]
        if op == "const":
            return f.spread(literal(a[0]))
        return f.spread(f.load("%p", a[0]) if op == "p" else f.load("%q", f.hoisted[node]))
