"""The terms of the series of a linear system's exponential, written out for one system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_nlmem.engine.ode import desk as on
from bayes_nlmem.engine.ode.block_writer import Block, SensitiveStep
from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.ode.step_writer import MOST_STAGES
from bayes_nlmem.engine.ode.writer import VECTOR, literal

if TYPE_CHECKING:
    from bayes_nlmem.engine.ode.program import Program


def series(program: Program) -> str:
    """Text of a function that fills rows `first` to `last` of the stages, each from the one before.

    Term k is h/k (A w - the constant part, which term 1 keeps) of term k - 1; for the sensitivities too.
    """
    step = SensitiveStep(program, "series", ("desk", "z", "p", "nb", "kb", "first", "last"))
    f, n = step.f, step.n
    if not program.d.linear:
        return f.end()
    f.line(f"%r = load i64, ptr {f.address('%desk', on.FORCING)}, align 8")
    f.line(f"%own_from = add i64 %work, {8 * step.slopes}")
    constant, h = step.row(on.CONSTANT), f.load("%control", on.STEP)
    f.line("br label %term")
    f.label("term")
    f.line("%order = phi i64 [ %first, %entry ], [ %following, %done ]")
    before = f.new(f"add i64 %stages, {f.new(f'mul i64 %width, {f.new("sub i64 %order, 1")}')}")
    here = f.new(f"add i64 {before}, %width")
    share = f.new(f"fdiv double {h}, {f.new('uitofp i64 %order to double')}")
    only = f.new("icmp eq i64 %order, 1")
    step.forget()
    step.at([f.load(before, i) for i in range(n)], literal(0.0))
    f.write([*program.system.rates, *(node for row in step.d.f_p for node in row.values())])
    for i, node in enumerate(program.system.rates):
        inputs = f.load("%r", i)
        less = f.new(f"fsub double {inputs}, {f.load(constant, i)}")
        kept = f.new(f"select i1 {only}, double {inputs}, double {less}")
        f.store(f.times(f.plus(f.value(node), kept), share), here, i)
    step.keep_slopes(0, step.by_parameters())
    f.line(f"br i1 {f.new('icmp sgt i64 %nb, 0')}, label %blocks, label %done")
    f.label("blocks")
    wide = f.spread(share)
    f.line("br label %loop")
    f.label("loop")
    f.line("%b = phi i64 [ 0, %blocks ], [ %next, %loop ]")
    step.place("%b")
    block = Block("%b", "%offset", list(range(n)), "", "")
    y = step.block(before, block)
    own, _ = step.own_slopes_of("%b", 8 * MOST_STAGES * n * LANES)
    inputs_here, constant_here = step.whole_block("%r", block), step.whole_block(constant, block)
    values = {}
    for i in range(n):
        less = f.new(f"fsub {VECTOR} {inputs_here[i]}, {constant_here[i]}")
        kept = f.new(f"select i1 {only}, {VECTOR} {inputs_here[i]}, {VECTOR} {less}")
        terms = [kept, f.load(own, i * LANES, VECTOR)]
        terms += [f.times(step.spread_of(node), y[j], VECTOR) for k, j, node in step.resting if k == i]
        values[i] = f.times(f.total(terms, VECTOR), wide, VECTOR)
    step.keep_block(here, values, block)
    f.line("%next = add i64 %b, 1")
    f.line(f"br i1 {f.new('icmp slt i64 %next, %nb')}, label %loop, label %done")
    f.label("done")
    f.line("%following = add i64 %order, 1")
    f.line(f"br i1 {f.new('icmp sle i64 %following, %last')}, label %term, label %ready")
    f.label("ready")
    return f.end()
