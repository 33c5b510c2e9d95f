"""Products with the propagators of a linear system, written out where that is not too long.

Each function returns 1 if it did its work, 0 if loops must do it. Behind a matrix stand its derivatives by
the parameters, as `propagators` lays them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.ode.writer import VECTOR, Function, literal

if TYPE_CHECKING:
    from bayes_nlmem.engine.ode.program import Program

# Products of two entries that are written out, at most.
_MOST = 600
_DONE, _NOT_DONE = literal(1.0), literal(0.0)


def reached_from(program: Program) -> list[list[int]]:
    """By compartment those that it depends on over time: the columns of the exponential that are not zero."""
    reached = [set(row) | {i} for i, row in enumerate(program.d.f_y)]
    while True:
        further = [set().union(*(reached[j] for j in row)) for row in reached]
        if further == reached:
            return [sorted(row) for row in reached]
        reached = further


def _short(program: Program) -> list[list[int]]:
    """The same if the products shall be written out, nothing otherwise."""
    rows = reached_from(program) if program.d.linear else []
    products = sum(len(rows[k]) for row in rows for k in row)
    return rows if products * (1 + -(-program.n_parameters // LANES)) <= 2 * _MOST else []


def blocks(f: Function, count: str, name: str) -> str:
    """Begin a loop over blocks; returns the number of the block."""
    f.line(f"br i1 {f.new(f'icmp sgt i64 {count}, 0')}, label %{name}_first, label %{name}_done")
    f.label(f"{name}_first")
    f.line(f"br label %{name}")
    f.label(name)
    f.line(f"%{name}_number = phi i64 [ 0, %{name}_first ], [ %{name}_next, %{name}_end ]")
    return f"%{name}_number"


def blocks_end(f: Function, count: str, name: str) -> None:
    """End it."""
    f.line(f"br label %{name}_end")
    f.label(f"{name}_end")
    f.line(f"%{name}_next = add i64 %{name}_number, 1")
    f.line(f"br i1 {f.new(f'icmp slt i64 %{name}_next, {count}')}, label %{name}, label %{name}_done")
    f.label(f"{name}_done")


def product(program: Program) -> str:
    """Matrix `into` = left right, with the derivatives of `blocks` blocks of parameters."""
    f = Function(program.system.graph, "product", ("left", "right", "into", "blocks"), {})
    rows, n = _short(program), program.n
    if not rows:
        return f.end(_NOT_DONE)
    through = {
        (i, j): [k for k in row if j in rows[k]] for i, row in enumerate(rows) for j in row
    }  # not zero by structure

    def entries(base: str) -> dict[tuple[int, int], str]:
        return {(i, j): f.load(base, i * n + j) for i, j in through}

    left, right = entries("%left"), entries("%right")
    for (i, j), ks in through.items():
        f.store(f.total([f.times(left[i, k], right[k, j]) for k in ks]), "%into", i * n + j)
    block = blocks(f, "%blocks", "block")
    behind = f.new(f"add i64 {f.new(f'mul i64 {block}, {8 * n * n * LANES}')}, {8 * n * n}")
    places = [f.new(f"add i64 {base}, {behind}") for base in ("%left", "%right", "%into")]
    for (i, j), ks in through.items():
        terms = []
        for k in ks:
            by_left = f.load(places[0], (i * n + k) * LANES, VECTOR)
            by_right = f.load(places[1], (k * n + j) * LANES, VECTOR)
            terms.append(f.times(f.spread(left[i, k]), by_right, VECTOR))
            terms.append(f.times(f.spread(right[k, j]), by_left, VECTOR))
        f.store(f.total(terms, VECTOR), places[2], (i * n + j) * LANES, VECTOR)
    blocks_end(f, "%blocks", "block")
    return f.end(_DONE)


def apply(program: Program) -> str:
    """State `into` = start + matrix z, with nb blocks of sensitivities; the parameters have those from kb."""
    f = Function(program.system.graph, "apply", ("matrix", "z", "start", "into", "nb", "kb"), {})
    rows, n = _short(program), program.n
    if not rows:
        return f.end(_NOT_DONE)
    entry = {(i, j): f.load("%matrix", i * n + j) for i, row in enumerate(rows) for j in row}
    z = [f.load("%z", j) for j in range(n)]
    for i, row in enumerate(rows):
        terms = [f.load("%start", i), *(f.times(entry[i, j], z[j]) for j in row)]
        f.store(f.total(terms), "%into", i)
    block = blocks(f, "%nb", "block")
    place = f.new(f"add i64 {f.new(f'mul i64 {block}, {8 * n * LANES}')}, {8 * program.pad}")
    lanes, start, into = (f.new(f"add i64 {base}, {place}") for base in ("%z", "%start", "%into"))
    own = f.new(f"sub i64 {block}, %kb")
    inside = f.new(f"icmp ult i64 {own}, {-(-program.n_parameters // LANES)}")
    mine = f.new(f"and i1 {inside}, {f.new('icmp sge i64 %kb, 0')}")
    columns = [f.load(lanes, j * LANES, VECTOR) for j in range(n)]
    f.line(f"br i1 {mine}, label %mine, label %other")
    for label in ("mine", "other"):
        f.label(label)
        behind = f.new(f"add i64 {f.new(f'mul i64 {own}, {8 * n * n * LANES}')}, {8 * n * n}")
        slopes = f.new(f"add i64 %matrix, {behind}")
        for i, row in enumerate(rows):
            terms = [f.load(start, i * LANES, VECTOR)]
            for j in row:
                terms.append(f.times(f.spread(entry[i, j]), columns[j], VECTOR))
                if label == "mine":
                    slope = f.load(slopes, (i * n + j) * LANES, VECTOR)
                    terms.append(f.times(f.spread(z[j]), slope, VECTOR))
            f.store(f.total(terms, VECTOR), into, i * LANES, VECTOR)
        f.line("br label %both")
    f.label("both")
    blocks_end(f, "%nb", "block")
    return f.end(_DONE)
