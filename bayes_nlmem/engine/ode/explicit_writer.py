"""The explicit method written out for one system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bayes_nlmem.engine.ode import desk as on
from bayes_nlmem.engine.ode.block_writer import Block, SensitiveStep
from bayes_nlmem.engine.ode.lead_writer import N_TIMES
from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.ode.tableaus import EXPLICIT_A, EXPLICIT_ERROR, EXPLICIT_TIMES
from bayes_nlmem.engine.ode.writer import VECTOR, Function, literal

if TYPE_CHECKING:
    from bayes_nlmem.engine.ode.program import Program

_STAGES = len(EXPLICIT_A)  # after the first


def growth(program: Program) -> str:
    """Text of the function that says by how much the next step is longer, from the square of the error.

    SAFETY before^BY_BEFORE error^-BY_ERROR, within limits, by powers of 2 that are right to a percent.
    """
    f = Function(program.system.graph, "growth", ("control",), {})
    bits = f.new("bitcast double %t to i64")
    exponent = f.new(f"sitofp i64 {f.new(f'sub i64 {f.new(f"lshr i64 {bits}, 52")}, 1023')} to double")
    mantissa = f.new(f"or i64 {f.new(f'and i64 {bits}, 4503599627370495')}, 4607182418800017408")
    m = f.new(f"bitcast i64 {mantissa} to double")
    curve = f.plus(f.times(f.plus(f.times(m, literal(-1 / 3)), literal(2.0)), m), literal(-5 / 3))
    log_error = f.times(f.plus(exponent, curve), literal(0.5))
    log_error = f.larger(log_error, literal(on.LOG_SMALLEST))
    before = f.load("%control", on.BEFORE)
    f.store(f.larger(log_error, literal(on.LOG_TYPICAL)), "%control", on.BEFORE)
    x = f.plus(f.times(before, literal(on.BY_BEFORE)), f.times(log_error, literal(-on.BY_ERROR)))
    whole = f.new(f"call double @llvm.floor.f64(double {x})")
    rest = f.new(f"fsub double {x}, {whole}")
    power = f.plus(f.times(f.plus(f.times(rest, literal(0.3435)), literal(0.6565)), rest), literal(1.0))
    shift = f.new(f"add i64 {f.new(f'fptosi double {whole} to i64')}, 1023")
    two = f.new(f"bitcast i64 {f.new(f'shl i64 {shift}, 52')} to double")
    grown = f.larger(f.times(f.times(power, two), literal(on.SAFETY)), literal(on.LEAST_GROWTH))
    return f.end(f.smaller(grown, literal(on.MOST_GROWTH)))


def following(
    step: SensitiveStep, kind: str, square: str, new: list[str], slopes: dict[int, str], last_row: str
) -> None:
    """Return what was tried, or take it over and try the next step if nobody asks for anything in it.

    The next step is as `progress.advance` chooses it.
    """
    f, n = step.f, step.n

    def control(k: int) -> str:
        return f.load("%control", k)

    def keep(value: str, k: int) -> None:
        f.store(value, "%control", k)

    fine = f.new(f"fcmp ole double {square}, 1.0")
    end = f.plus(step.t, step.h)
    unasked = f.new(f"fcmp olt double {end}, {control(on.LIMIT)}")
    until = control(on.UNTIL)
    reach = f.plus(step.t, f.times(step.h, literal(1.001)))
    early = f.new(f"fcmp olt double {reach}, {until}")
    go_on = f.new(f"and i1 {f.new(f'and i1 {fine}, {unasked}')}, {early}")
    f.line(f"br i1 {go_on}, label %{kind}_goes_on, label %{kind}_asked")
    f.label(f"{kind}_asked")
    step.give(square)
    f.label(f"{kind}_goes_on")
    for i in range(n):
        f.store(new[i], "%z", i)
        if i in slopes:
            f.store(slopes[i], "%stages", i)
        f.store(f.larger(f.load("%scale", i), step.abs(new[i])), "%scale", i)
    if kind == "sensitive":
        f.line("br label %copying")
        f.label("copying")
        f.line(f"%e = phi i64 [ 0, %{kind}_goes_on ], [ %e_next, %copying ]")
        step.place("%e", "e_offset")
        for source, target in ((step.row(on.NEW), "%z"), (last_row, "%stages")):
            source, target = (f.new(f"add i64 {row}, %e_offset") for row in (source, target))
            for i in range(n):
                f.store(f.load(source, i * LANES, VECTOR), target, i * LANES, VECTOR)
        f.line("%e_next = add i64 %e, 1")
        f.line(f"br i1 {f.new('icmp slt i64 %e_next, %nb')}, label %copying, label %copied")
        f.label("copied")
    growth = f.new(
        f"call double @growth(double {square}, i64 %control, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0)"
    )
    wanted = f.times(step.h, growth)
    reach = f.plus(end, f.times(wanted, literal(1.001)))
    last = f.new(f"fcmp oge double {reach}, {until}")
    rest = f.new(f"fsub double {until}, {end}")
    size = f.new(f"select i1 {last}, double {rest}, double {wanted}")
    keep(size, on.STEP)
    keep(wanted, on.PROPOSED)
    keep(end, on.TIME)
    place = f.new(f"load i64, ptr {f.address('%desk', on.COUNTS)}, align 8")
    place = f.new(f"inttoptr i64 {place} to ptr")
    f.line(
        f"store i64 {f.new(f'add i64 {f.new(f"load i64, ptr {place}, align 8")}, 1')}, ptr {place}, align 8"
    )
    left = f.new(f"fsub double {control(on.STEPS_LEFT)}, {literal(1.0)}")
    keep(left, on.STEPS_LEFT)
    more = f.new(f"fcmp ogt double {left}, 0.0")
    if step.lead:
        known = f.new(f"fcmp ole double {f.plus(end, size)}, {control(on.LEAD_END)}")
        more = f.new(f"and i1 {more}, {known}")
    f.line(f"br i1 {more}, label %trying, label %{kind}_ends")
    f.label(f"{kind}_ends")
    f.line(f"ret double {literal(on.NOTHING_TRIED)}")


def explicit_step(program: Program) -> str:
    """Text of the step of the explicit method."""
    step = SensitiveStep(program, "explicit")
    f, n = step.f, step.n
    if step.lead:
        for place in ("lead_rows", "lead_width"):
            f.line(f"%{place} = load i64, ptr {f.address('%desk', getattr(on, place.upper()))}, align 8")
    rows = [step.row(k) for k in range(_STAGES + 1)]
    new_row = step.row(on.NEW)
    f.line("br label %trying")
    f.label("trying")
    step.begin()
    h = step.h
    a = [[f.times(h, literal(x)) for x in row] for row in EXPLICIT_A]
    e = [f.times(h, literal(x)) for x in EXPLICIT_ERROR]
    times = [f.plus(step.t, f.times(h, literal(c))) for c in EXPLICIT_TIMES]
    first = {i: f.load(rows[0], i) for i in step.moved}
    _find_lead(step)
    f.line(f"br i1 {f.new('icmp sgt i64 %nb, 0')}, label %sensitive, label %plain")
    for sensitive in (False, True):
        f.label("sensitive" if sensitive else "plain")
        step.forget()
        ks = [first]
        for k in range(1, _STAGES + 1):
            y = [
                _led(step, k, i) if i in step.lead else step.combined(step.z[i], a[k - 1], [s[i] for s in ks])
                for i in range(n)
            ]
            step.at(y, times[k - 1])
            ks.append(step.rates(k, sensitive=sensitive))
            for i in step.moved:
                f.store(ks[k][i], rows[k], i)
            if sensitive:
                step.keep_jacobian(k)
                step.keep_slopes(k, step.by_parameters())
        for i in range(n):
            f.store(y[i], new_row, i)
        errors = {i: step.combined("", e, [s[i] for s in ks]) for i in step.moved}
        square, allowed = step.errors(errors, y)
        if not sensitive:
            following(step, "plain", square, y, ks[-1], rows[-1])
    f.line(f"br i1 {f.new(f'fcmp ole double {square}, 1.0')}, label %before, label %refused")
    f.label("refused")
    step.give(square)
    f.label("before")
    state, slopes = y, ks[-1]
    wide = [[f.spread(x) for x in row] for row in a]
    by = [f.spread(x) for x in e]

    def body(block: Block) -> Iterator[None]:
        blocks = [step.block(rows[0], block)]
        for k in range(1, _STAGES + 1):
            y = {
                i: _led_block(step, k, i, block)
                if i in step.lead
                else step.combined(block.start[i], wide[k - 1], [s[i] for s in blocks], VECTOR)
                for i in block.rows
            }
            blocks.append(step.flow(k, y, block))
            step.keep_block(rows[k], blocks[k], block)
            yield
        step.keep_block(new_row, y, block, block.start)
        block.new = y
        block.errors = {
            i: step.combined("", by, [s[i] for s in blocks], VECTOR) for i in step.moved_of(block.rows)
        }

    square = step.over_blocks(body, allowed, square)
    following(step, "sensitive", square, state, slopes, rows[-1])
    return step.text()


def _find_lead(step: SensitiveStep) -> None:
    """The lead at the stages."""
    if step.lead:
        f, m = step.f, len(step.lead)
        since = f.new(f"fsub double {step.t}, {f.load('%control', on.LEAD_TIME)}")
        blocks = f.new(f"mul i64 %nb, {m}")
        size, end = f.new(f"bitcast double {step.h} to i64"), f.new(f"add i64 {blocks}, {-(-m // LANES)}")
        f.line(
            f"call double @lead_stages(double {since}, i64 %desk, i64 {size}, i64 {end}, i64 0, i64 0, i64 0,"
            " i64 0)"
        )


def _led_row(step: SensitiveStep, stage: int) -> str:
    """Address of the lead at a stage; the last two stages have the same time."""
    row = min(stage, N_TIMES) - 1
    return step.f.new(f"add i64 %lead_rows, {step.f.new(f'mul i64 %lead_width, {row}')}")


def _led(step: SensitiveStep, stage: int, i: int) -> str:
    """A compartment of the lead at a stage."""
    return step.f.load(_led_row(step, stage), step.lead[i])


def _led_block(step: SensitiveStep, stage: int, i: int, block: Block) -> str:
    """A block of columns of a compartment of the lead at a stage."""
    f, m = step.f, len(step.lead)
    vector = f.new(f"add i64 {f.new(f'mul i64 {block.number}, {m}')}, {-(-m // LANES) + step.lead[i]}")
    return f.load(_led_row(step, stage), f.new(f"mul i64 {vector}, {LANES}"), VECTOR)
