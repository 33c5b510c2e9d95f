"""The linear lead in assembly: its matrix, and its values at the stages of an explicit step.

The state of the lead with its sensitivities stands in vectors: the compartments in the order of flow, four to
a vector, then for every block of columns one vector for each compartment. It is a sum of functions of time,
t^q/q! exp(lambda t), times such states (see `lead`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bayes_nlmem.engine.ode import desk as on
from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.ode.propagator_writer import blocks, blocks_end
from bayes_nlmem.engine.ode.tableaus import EXPLICIT_TIMES
from bayes_nlmem.engine.ode.writer import VECTOR, Function, literal

if TYPE_CHECKING:
    from bayes_nlmem.engine.ode.program import Program

# The last two stages have the same time.
N_TIMES = len(EXPLICIT_TIMES) - 1
# A function of time has its values in so many doubles.
TIMES_WIDTH = 2 * LANES
_BYTES = 8 * LANES
_FLAGS = "nsz contract"


def matrix(program: Program) -> str:
    """Text of the function that gives A and b of x' = A x + b, then their derivatives by the parameters.

    Zeros stand there already.
    """
    f = Function(program.system.graph, "lead_matrix", ("p", "q", "d"), program.hoisted)
    g, place, m = program.system.graph, program.lead, program.n_lead
    for i in range(program.n):
        f.values[g.leaf("y", i)] = literal(0.0)
    for i, row in place.items():
        for j, node in program.d.f_y[i].items():
            f.store(f.value(node), "%d", row * m + place[j])
        f.store(f.value(program.system.rates[i]), "%d", m * m + row)
    after = m * m + m
    behind = after + program.n_own * m * m * LANES
    for i, (j, k), node in program.mixed:
        if i in place:
            block, lane = divmod(k, LANES)
            f.store(f.value(node), "%d", after + ((block * m + place[i]) * m + place[j]) * LANES + lane)
    for i, row in place.items():
        for k, node in program.d.f_p[i].items():
            block, lane = divmod(k, LANES)
            f.store(f.value(node), "%d", behind + (block * m + row) * LANES + lane)
    return f.end()


def places(program: Program) -> str:
    """Integers: which compartments are led and their order, sizes of the groups where these begin."""
    f = Function(program.system.graph, "lead_places", ("d",), {})
    sizes = [size for group in program.groups for size in (len(group), *[0] * (len(group) - 1))]
    numbers = [*(int(i in program.lead) for i in range(program.n)), *program.lead, *sizes]
    for k, number in enumerate(numbers):
        f.line(f"store i64 {number}, ptr {f.address('%d', k)}, align 8")
    return f.end()


def _constant(value: float) -> str:
    return "<" + ", ".join([f"double {literal(value)}"] * LANES) + ">"


def _integers(value: int) -> str:
    return "<" + ", ".join([f"i64 {value}"] * LANES) + ">"


def exponential(program: Program) -> str:
    """Text of exp for a vector: x = n log 2 + r, a series for r, n added to the exponent."""
    f = Function(program.system.graph, "exp_of_vector", (), {})
    f.lines[0] = f"define internal {VECTOR} @exp_of_vector({VECTOR} %x) alwaysinline {{"
    x = "%x"
    for comparison, limit in (("olt", -700.0), ("ogt", 700.0)):
        beyond = f.new(f"fcmp {comparison} {VECTOR} {x}, {_constant(limit)}")
        x = f.new(f"select <{LANES} x i1> {beyond}, {VECTOR} {_constant(limit)}, {VECTOR} {x}")
    rounding = _constant(1.5 * 2.0**52)
    scaled = f.new(f"fmul {VECTOR} {x}, {_constant(1.0 / math.log(2.0))}")
    number = f.new(f"fadd {VECTOR} {scaled}, {rounding}")
    whole = f.new(f"fsub {VECTOR} {number}, {rounding}")
    r = x
    for part in (0.6931471803691238, 1.9082149292705877e-10):  # log 2, the first without its last bits
        r = f.new(f"fsub {_FLAGS} {VECTOR} {r}, {f.times(whole, _constant(part), VECTOR)}")
    square = f.times(r, r, VECTOR)
    halves = []
    for parity in (0, 1):
        terms = [_constant(1.0 / math.factorial(k)) for k in range(12 + parity, -1, -2)]
        total = terms[0]
        for term in terms[1:]:
            total = f.plus(f.times(total, square, VECTOR), term, VECTOR)
        halves.append(total)
    series = f.plus(f.times(halves[1], r, VECTOR), halves[0], VECTOR)
    kind = f"<{LANES} x i64>"
    shift = f.new(f"shl {kind} {f.new(f'bitcast {VECTOR} {number} to {kind}')}, {_integers(52)}")
    bits = f.new(f"add {kind} {f.new(f'bitcast {VECTOR} {series} to {kind}')}, {shift}")
    f.line(f"ret {VECTOR} {f.new(f'bitcast {kind} {bits} to {VECTOR}')}")
    return "\n".join([*f.lines, "}"])


def stages(program: Program) -> str:
    """Text of the function that fills the rows of the lead: its values at the stages of a step.

    The argument t is the time of the step since that of the sums; `h_bits` its size, `end` the number of
    vectors.
    """
    f = Function(program.system.graph, "lead_stages", ("desk", "h_bits", "end"), {})
    if not program.lead:
        return f.end()
    names = ("lead_terms", "lead_nodes", "lead_rows", "lead_shapes", "lead_width", "lead_count")
    for name in names:
        f.line(f"%{name} = load i64, ptr {f.address('%desk', getattr(on, name.upper()))}, align 8")
    h = f.spread(f.new("bitcast i64 %h_bits to double"))
    t = f.spread("%t")
    times = [*EXPLICIT_TIMES[:N_TIMES], *[1.0] * (TIMES_WIDTH - N_TIMES)]
    shares = ["<" + ", ".join(f"double {literal(c)}" for c in times[k : k + LANES]) + ">" for k in (0, LANES)]
    at = [f.plus(f.times(h, share, VECTOR), t, VECTOR) for share in shares]
    f.line(f"%powers = add i64 %lead_nodes, {f.new('shl i64 %lead_count, 3')}")
    f.line("br label %shape")
    # the functions of time
    f.label("shape")
    f.line("%k = phi i64 [ 0, %entry ], [ %k_next, %shaped ]")
    for x in (0, 1):
        f.line(f"%last{x} = phi {VECTOR} [ zeroinitializer, %entry ], [ %shape{x}, %shaped ]")
    power = f.load("%powers", "%k")
    first = f.new(f"fcmp oeq double {power}, {literal(0.0)}")
    f.line(f"br i1 {first}, label %new_exponent, label %next_power")
    f.label("new_exponent")
    node = f.spread(f.load("%lead_nodes", "%k"))
    exponents = [f.times(node, x, VECTOR) for x in at]
    exps = [f.new(f"call {VECTOR} @exp_of_vector({VECTOR} {x})") for x in exponents]
    f.line("br label %shaped")
    f.label("next_power")
    wide = f.spread(power)
    grown = [f.times(f.times(f"%last{x}", at[x], VECTOR), wide, VECTOR) for x in (0, 1)]
    f.line("br label %shaped")
    f.label("shaped")
    for x in (0, 1):
        f.line(f"%shape{x} = phi {VECTOR} [ {exps[x]}, %new_exponent ], [ {grown[x]}, %next_power ]")
    place = f.new(f"add i64 %lead_shapes, {f.new(f'mul i64 %k, {8 * TIMES_WIDTH}')}")
    for x in (0, 1):
        f.store(f"%shape{x}", place, LANES * x, VECTOR)
    f.line("%k_next = add i64 %k, 1")
    f.line(f"br i1 {f.new('icmp slt i64 %k_next, %lead_count')}, label %shape, label %pairs")
    # the sums, two vectors at a time
    f.label("pairs")
    f.line("br label %pair")
    f.label("pair")
    f.line("%v = phi i64 [ 0, %pairs ], [ %v_next, %summed ]")
    offset = f.new(f"mul i64 %v, {_BYTES}")
    f.line(f"%from = add i64 %lead_terms, {offset}")
    f.line("br label %term")
    f.label("term")
    f.line("%j = phi i64 [ 0, %pair ], [ %j_next, %term ]")
    f.line("%term_at = phi i64 [ %from, %pair ], [ %term_next, %term ]")
    f.line("%shape_at = phi i64 [ %lead_shapes, %pair ], [ %shape_next, %term ]")
    sums = [(s, x) for s in range(N_TIMES) for x in (0, 1)]
    for s, x in sums:
        f.line(f"%sum{s}{x} = phi {VECTOR} [ zeroinitializer, %pair ], [ %more{s}{x}, %term ]")
    values = [f.load("%term_at", LANES * x, VECTOR) for x in (0, 1)]
    weights = [f.spread(f.load("%shape_at", s)) for s in range(N_TIMES)]
    for s, x in sums:
        product = f.times(weights[s], values[x], VECTOR)
        f.line(f"%more{s}{x} = fadd {_FLAGS} {VECTOR} {product}, %sum{s}{x}")
    f.line("%term_next = add i64 %term_at, %lead_width")
    f.line(f"%shape_next = add i64 %shape_at, {8 * TIMES_WIDTH}")
    f.line("%j_next = add i64 %j, 1")
    f.line(f"br i1 {f.new('icmp slt i64 %j_next, %lead_count')}, label %term, label %summed")
    f.label("summed")
    into = f.new(f"add i64 %lead_rows, {offset}")
    for s in range(N_TIMES):
        row = f.new(f"add i64 {into}, {f.new(f'mul i64 %lead_width, {s}')}")
        for x in (0, 1):
            f.store(f"%more{s}{x}", row, LANES * x, VECTOR)
    f.line("%v_next = add i64 %v, 2")
    f.line(f"br i1 {f.new('icmp slt i64 %v_next, %end')}, label %pair, label %done")
    f.label("done")
    return f.end()


def next_term(program: Program) -> str:
    """Text of a function: the state at `target` = scale ((A - t) that at `source` + unit b), see `lead`.

    With sensitivities. The numbers `unit` and `scale` come as their bits.
    """
    arguments = ("desk", "source", "target", "unit_bits", "scale_bits", "nb", "kb")
    f, m = Function(program.system.graph, "lead_next", arguments, {}), program.n_lead
    if not m:
        return f.end()
    place, wide, own = program.lead, -(-m // LANES) * LANES, program.n_own
    entries = {(row, place[j]) for i, row in place.items() for j in program.d.f_y[i]}
    entries |= {(row, row) for row in range(m)}
    for name in ("lead", "forcing", "driven"):
        f.line(f"%{name} = load i64, ptr {f.address('%desk', getattr(on, name.upper()))}, align 8")
    unit, scale = (f.new(f"bitcast i64 %{name}_bits to double") for name in ("unit", "scale"))
    less = f.new("fneg double %t")
    a = {(i, j): f.load("%lead", i * m + j) for i, j in sorted(entries)}
    a |= {(i, i): f.plus(a[i, i], less) for i in range(m)}
    source = [f.load("%source", i) for i in range(m)]
    for i, row in place.items():
        enters = f.plus(f.load("%lead", m * m + row), f.load("%forcing", i))
        terms = [f.times(enters, unit), *(f.times(a[e], source[e[1]]) for e in a if e[0] == row)]
        f.store(f.times(f.total(terms), scale), "%target", row)
    a = {e: f.spread(f.times(value, scale)) for e, value in a.items()}
    by = [f.spread(f.times(x, scale)) for x in source]
    once = f.spread(f.times(unit, scale))
    block = blocks(f, "%nb", "block")
    offset = f.new(f"add i64 {f.new(f'mul i64 {block}, {m * _BYTES}')}, {8 * wide}")
    from_block, to_block = f.new(f"add i64 %source, {offset}"), f.new(f"add i64 %target, {offset}")
    columns = [f.load(from_block, i * LANES, VECTOR) for i in range(m)]
    rows = [f.total([f.times(a[e], columns[e[1]], VECTOR) for e in a if e[0] == i], VECTOR) for i in range(m)]
    for i in range(m):
        f.store(rows[i], to_block, i * LANES, VECTOR)
    number = f.new(f"sub i64 {block}, %kb")
    inside = f.new(f"icmp ult i64 {number}, {own}")
    inside = f.new(f"and i1 {inside}, {f.new('icmp sge i64 %kb, 0')}")
    f.line(f"br i1 {inside}, label %mine, label %mined")
    f.label("mine")
    after = m * m + m
    slopes = f.new(f"add i64 %lead, {f.new(f'mul i64 {number}, {m * m * _BYTES}')}")
    alone = f.new(f"add i64 %lead, {f.new(f'mul i64 {number}, {m * _BYTES}')}")
    for i in range(m):
        terms = [rows[i], f.times(once, f.load(alone, after + (own * m * m + i) * LANES, VECTOR), VECTOR)]
        for _, j in (e for e in sorted(entries) if e[0] == i):
            terms.append(f.times(by[j], f.load(slopes, after + (i * m + j) * LANES, VECTOR), VECTOR))
        f.store(f.total(terms, VECTOR), to_block, i * LANES, VECTOR)
    f.line("br label %mined")
    f.label("mined")
    flag = f.new(f"load i64, ptr {f.new('inttoptr i64 %driven to ptr')}, align 8")
    f.line(f"br i1 {f.new(f'icmp eq i64 {flag}, 0')}, label %poured, label %pour")
    f.label("pour")
    start = f.new(f"add i64 {f.new(f'mul i64 {block}, {program.n * _BYTES}')}, {8 * program.pad}")
    start = f.new(f"add i64 %forcing, {start}")
    for i, row in place.items():
        inputs = f.times(f.load(start, i * LANES, VECTOR), once, VECTOR)
        f.store(f.plus(f.load(to_block, row * LANES, VECTOR), inputs, VECTOR), to_block, row * LANES, VECTOR)
    f.line("br label %poured")
    f.label("poured")
    blocks_end(f, "%nb", "block")
    return f.end()


def lead(program: Program) -> str:
    """Text of all functions of the lead."""
    parts = [matrix(program), places(program), next_term(program), exponential(program), stages(program)]
    return "\n\n".join(parts)
