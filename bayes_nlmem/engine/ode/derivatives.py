"""All derivatives of a system that the solvers need, as nodes of its graph."""

from __future__ import annotations

from dataclasses import dataclass

from bayes_nlmem.engine.ode.expressions import LEAVES, Graph, jacobian
from bayes_nlmem.engine.ode.trace import System

Rows = list[dict[int, int]]
PairRows = list[dict[tuple[int, int], int]]


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Non-zero partial derivatives of the rates f, the outputs h and the initial values.

    Parameters
    ----------
    f_y, f_p, f_t : per rate {position: node}
    f_yy, f_yp : per rate {(state, state or parameter): node}
    f_yt, f_pt : derivatives of f_y and f_p with respect to t, {position: node}
    h_y, h_p : per output
    initial_p : per compartment
    g_t, g_p, g_tt, g_tp : per input rate
        Derivatives with respect to the time after the dose and the parameters.
    linear : bool
        Whether the rates are linear in the states, with constant coefficients.
    """

    f_y: Rows
    f_p: Rows
    f_t: Rows
    f_yy: PairRows
    f_yp: PairRows
    f_yt: Rows
    f_pt: Rows
    h_y: Rows
    h_p: Rows
    initial_p: Rows
    g_t: Rows
    g_p: Rows
    g_tt: Rows
    g_tp: Rows
    linear: bool

    @property
    def autonomous(self) -> bool:
        """Whether the rates do not depend on the time itself."""
        return not any(self.f_t) and not self.g_t


def differentiate(system: System) -> Derivatives:
    """Every derivative of a system, exactly."""
    g = system.graph
    y = [g.leaf("y", i) for i in range(len(system.compartments))]
    p = [g.leaf("p", i) for i in range(len(system.parameters))]
    t = [g.leaf("t")]
    f, h, r = system.rates, tuple(system.outputs.values()), tuple(system.input_rates.values())
    tad = [g.leaf("tad")]
    f_y, f_p = jacobian(g, f, y), jacobian(g, f, p)

    def again(rows: Rows, by: list[int]) -> PairRows:
        found: PairRows = []
        for row in rows:
            slopes = jacobian(g, row.values(), by)
            found.append(
                {(j, k): node for j, slope in zip(row, slopes, strict=True) for k, node in slope.items()}
            )
        return found

    def by_time(rows: Rows) -> Rows:
        return [{j: node for (j, _), node in row.items()} for row in again(rows, t)]

    g_t = jacobian(g, r, tad)
    g_slopes = [row.get(0, g.const(0.0)) for row in g_t]
    return Derivatives(
        f_y=f_y,
        f_p=f_p,
        f_t=jacobian(g, f, t),
        f_yy=again(f_y, y),
        f_yp=again(f_y, p),
        f_yt=by_time(f_y),
        f_pt=by_time(f_p),
        h_y=jacobian(g, h, y),
        h_p=jacobian(g, h, p),
        initial_p=jacobian(g, system.initial, p),
        g_t=g_t,
        g_p=jacobian(g, r, p),
        g_tt=jacobian(g, g_slopes, tad),
        g_tp=jacobian(g, g_slopes, p),
        linear=linear_in_states(g, f, f_y),
    )


_BENT = ("where", "max", "min", "abs", "floor", "lt", "le", "eq", "and", "or", "not")


def linear_in_states(g: Graph, f: tuple[int, ...], f_y: Rows) -> bool:
    """Whether f is linear in the states, with coefficients of parameters only."""
    if not all(g.without_states(node) for row in f_y for node in row.values()):
        return False
    pending, seen = list(f), set()
    while pending:
        i = pending.pop()
        if i in seen:
            continue
        seen.add(i)
        op, *a = g.nodes[i]
        if op == "t" or (op in _BENT and g.has_states(i)):
            return False
        if op not in LEAVES:
            pending.extend(a)
    return True


def is_linear(system: System) -> bool:
    """Whether the rates are linear in the states, with coefficients of parameters only."""
    g = system.graph
    y = [g.leaf("y", i) for i in range(len(system.compartments))]
    return linear_in_states(g, system.rates, jacobian(g, system.rates, y))
