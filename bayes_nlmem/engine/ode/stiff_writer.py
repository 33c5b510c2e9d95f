"""The stiff method written out for one system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bayes_nlmem.engine.ode import desk as on
from bayes_nlmem.engine.ode.block_writer import Block, SensitiveStep
from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.ode.tableaus import STIFF_A, STIFF_BY_TIME, STIFF_C, STIFF_TIMES
from bayes_nlmem.engine.ode.writer import VECTOR, Function, literal

if TYPE_CHECKING:
    from bayes_nlmem.engine.ode.program import Program

_STAGES = len(STIFF_A)
# Systems so small that solutions are inlined.
_SMALL = 4


def solution(program: Program, name: str, kind: str) -> str:
    """Text of a function that solves in place with the factors; the order of their rows is given."""
    n = program.n
    f = Function(program.system.graph, name, ("lu", "order", "x"), {})
    # Large ones stand once: what is inlined 24 times takes long to compile.
    f.lines[0] = (
        f.lines[0]
        .replace("define", "define internal")
        .replace(" {", " alwaysinline {" if n <= _SMALL else " noinline {")
    )
    order = [f.new(f"load i64, ptr {f.address('%order', i)}, align 8") for i in range(n)]
    if kind == VECTOR:
        order = [f.new(f"mul i64 {place}, {LANES}") for place in order]
    x = [f.load("%x", place, kind) for place in order]

    def factor(i: int, j: int) -> str:
        value = f.load("%lu", i * n + j)
        return f.spread(value) if kind == VECTOR else value

    def subtract(i: int, j: int) -> None:
        x[i] = f.new(f"fsub nsz contract {kind} {x[i]}, {f.times(factor(i, j), x[j], kind)}")

    for i in range(1, n):
        for j in range(i):
            subtract(i, j)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            subtract(i, j)
        x[i] = f.times(x[i], factor(i, i), kind)
    for i in range(n):
        f.store(x[i], "%x", i * (LANES if kind == VECTOR else 1), kind)
    return f.end()


def call(f: Function, name: str, x: str) -> None:
    """Solve for what stands at an address."""
    f.new(f"call double @{name}(double 0.0, i64 %lu, i64 %order, i64 {x}, i64 0, i64 0, i64 0, i64 0)")


def stiff_step(program: Program) -> str:
    """Text of the step of the stiff method; slope, time derivative and factors are there already."""
    step = SensitiveStep(program, "stiff")
    step.begin()
    f, n, h = step.f, step.n, step.h
    for name, place in (("lu", on.LU), ("pivots", on.PIVOTS), ("second", on.SECOND)):
        f.line(f"%{name} = load i64, ptr {f.address('%desk', place)}, align 8")
    rows = [step.row(k) for k in range(_STAGES)]
    held, new_row, by_time = (step.row(k) for k in (on.HELD, on.NEW, on.BY_TIME))
    over = f.new(f"fdiv double {literal(1.0)}, {h}")
    c = [[f.times(over, literal(x)) if x else "" for x in row] for row in STIFF_C]
    a = [[literal(x) if x else "" for x in row] for row in STIFF_A]
    d = [f.times(h, literal(x)) if x and not step.d.autonomous else "" for x in STIFF_BY_TIME]
    times = [f.plus(step.t, f.times(h, literal(x))) for x in STIFF_TIMES]
    f.line(f"%order = add i64 %pivots, {8 * n}")
    f.line(f"br i1 {f.new('icmp sgt i64 %nb, 0')}, label %sensitive, label %plain")
    for sensitive in (False, True):
        f.label("sensitive" if sensitive else "plain")
        step.forget()
        bends = [f.load("%second", k) for k in range(program.n_second)] if sensitive else []
        us: list[list[str]] = []
        for k in range(_STAGES):
            if k == 0:
                right = [f.load(held, i) for i in range(n)]
            else:
                y = [step.combined(step.z[i], a[k], [u[i] for u in us]) for i in range(n)]
                step.at(y, times[k])
                rates = step.rates(k, sensitive=sensitive)
                right = [step.combined(rates[i], c[k], [u[i] for u in us]) for i in range(n)]
            if d[k]:
                right = [f.plus(x, f.times(d[k], f.load(by_time, i))) for i, x in enumerate(right)]
            for i in range(n):
                f.store(right[i], rows[k], i)
            call(f, "solve", rows[k])
            us.append([f.load(rows[k], i) for i in range(n)])
            if sensitive:
                step.keep_bends(k, us[k], bends)
        new = [f.plus(y[i], us[-1][i]) for i in range(n)]
        for i in range(n):
            f.store(new[i], new_row, i)
        square, allowed = step.errors(dict(enumerate(us[-1])), new)
        if not sensitive:
            step.give(square)
    f.line(f"br i1 {f.new(f'fcmp ole double {square}, 1.0')}, label %before, label %refused")
    f.label("refused")
    step.give(square)
    f.label("before")

    def body(block: Block) -> Iterator[None]:
        blocks: list[dict[int, str]] = []
        for k in range(_STAGES):
            if k == 0:
                right, own = step.block(held, block), step.own_slopes(0, block)
                right |= {i: f.plus(right[i], x, VECTOR) for i, x in own.items()}
            else:
                spread = [f.spread(x) if x else "" for x in a[k]]
                y = {
                    i: step.combined(block.start[i], spread, [u[i] for u in blocks], VECTOR)
                    for i in block.rows
                }
                spread = [f.spread(x) if x else "" for x in c[k]]
                right = {
                    i: step.combined(x, spread, [u[i] for u in blocks], VECTOR)
                    for i, x in step.flow(k, y, block).items()
                }
            for entry, (i, j) in enumerate(step.curved):
                if i in right and j in right:
                    bend = f.load("%work", step.bends + k * len(step.curved) + entry)
                    right[i] = f.plus(right[i], f.times(f.spread(bend), block.start[j], VECTOR), VECTOR)
            if d[k]:
                moved, factor = step.block(by_time, block), f.spread(d[k])
                right = {i: f.plus(x, f.times(factor, moved[i], VECTOR), VECTOR) for i, x in right.items()}
            step.keep_block(rows[k], right, block)
            call(f, "solve_block", f.new(f"add i64 {rows[k]}, {block.offset}"))
            blocks.append(step.block(rows[k], block))
            yield
        block.errors = blocks[-1]
        block.new = {i: f.plus(y[i], blocks[-1][i], VECTOR) for i in block.rows}
        step.keep_block(new_row, block.new, block, block.start)

    step.give(step.over_blocks(body, allowed, square))
    solutions = solution(program, "solve", "double"), solution(program, "solve_block", VECTOR)
    return "\n\n".join([*solutions, step.text()])
