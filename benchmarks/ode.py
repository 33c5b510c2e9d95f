"""Equations: CPU seconds to compile a model and for values with gradient, accuracy, and SciPy beside it.

Five problems: oral Michaelis-Menten, warfarin PK and turnover, Friberg-Karlsson, full TMDD, ten transits.
SciPy is `solve_ivp` (LSODA) with forward differences and the same tolerance. The error is that against the
stiff solver at 1e-12. Run with `python benchmarks/ode.py`; the tables are kept in benchmarks/results/ode.md.
"""

from __future__ import annotations

from ctypes import CFUNCTYPE, c_double, c_int64
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from scipy.integrate import solve_ivp

import bayes_nlmem as bn
from bayes_nlmem.engine.ode.choice import chosen_solver, solver_for
from bayes_nlmem.engine.ode.evaluation import evaluate
from bayes_nlmem.engine.ode.kernel import METHODS, kernel, solve_equations
from bayes_nlmem.engine.ode.machine_code import address_of, table_of
from bayes_nlmem.engine.ode.model_table import FIRST_FUNCTION, LINEAR
from bayes_nlmem.engine.records import Records, Requests

RESULTS = Path(__file__).parent / "results" / "ode.md"


@dataclass(frozen=True)
class Problem:
    """A model, typical values with their spread, and the design: doses and observations of each subject."""

    name: str
    structure: bn.ODE
    typical: dict[str, float]
    spread: float
    n_subjects: int
    doses: tuple[tuple[float, float], ...]
    observations: dict[str, tuple[float, ...]]


def michaelis_menten(t, y, p):
    c = y.central / p.V
    return {"gut": -p.KA * y.gut, "central": p.KA * y.gut - p.VM * c / (p.KM + c)}


def warfarin(t, y, p):
    inhibition = 1 - p.IMAX * (y.central / p.V) / (p.IC50 + y.central / p.V)
    return {
        "gut": -p.KA * y.gut,
        "central": p.KA * y.gut - p.CL / p.V * y.central,
        "pca": p.KOUT * (p.R0 * inhibition - y.pca),
    }


def friberg(t, y, p):
    c, k = y.central / p.V1, 4 / p.MTT
    feedback = (p.CIRC0 / y.circ) ** p.GAMMA
    return {
        "gut": -p.KA * y.gut,
        "central": p.KA * y.gut - (p.CL + p.Q) / p.V1 * y.central + p.Q / p.V2 * y.peripheral,
        "peripheral": p.Q / p.V1 * y.central - p.Q / p.V2 * y.peripheral,
        "prol": k * y.prol * ((1 - p.EMAX * c / (p.EC50 + c)) * feedback - 1),
        "t1": k * (y.prol - y.t1),
        "t2": k * (y.t1 - y.t2),
        "t3": k * (y.t2 - y.t3),
        "circ": k * (y.t3 - y.circ),
    }


def tmdd(t, y, p):
    binding = p.KON * y.L * y.R - p.KOFF * y.RC
    return {
        "L": -(p.CL + p.Q) / p.V * y.L + p.Q / p.V * y.P - binding,
        "P": p.Q / p.V2 * (y.L - y.P),
        "R": p.KDEG * (p.R0 - y.R) - binding,
        "RC": binding - p.KINT * y.RC,
    }


def transit(t, y, p):
    d = {"tr0": -p.KTR * y.tr0}
    for k in range(1, 10):
        d[f"tr{k}"] = p.KTR * (y[f"tr{k - 1}"] - y[f"tr{k}"])
    d["gut"] = p.KTR * y.tr9 - p.KA * y.gut
    d["central"] = p.KA * y.gut - p.CL / p.V * y.central
    return d


def problems(tolerances):
    def ode(rates, **options):
        return bn.ODE(rates, tolerances=tolerances, **options)

    cycles = tuple((24.0 * day + 504 * cycle, 100.0) for cycle in range(2) for day in range(5))
    return (
        Problem(
            "oral Michaelis-Menten",
            ode(michaelis_menten, outputs=lambda y, p: {"cp": y.central / p.V}),
            {"KA": 1.2, "VM": 12, "KM": 2.5, "V": 30},
            0.3, 20, tuple((12.0 * k, 100.0) for k in range(5)),
            {"cp": (0.5, 1.5, 4, 8, 11.5, 24.7, 36.5, 49, 55, 72)},
        ),
        Problem(
            "warfarin PK-PD",
            ode(warfarin, outputs=lambda y, p: {"cp": y.central / p.V}, initial=lambda p: {"pca": p.R0}),
            {"KA": 1, "CL": 0.135, "V": 8, "R0": 96, "KOUT": 0.055, "IMAX": 0.9, "IC50": 1.2},
            0.05, 32, ((0.0, 100.0),),
            {"cp": (1, 3, 6, 12, 24, 48, 72, 120), "A_pca": (0, 24, 36, 48, 72, 96, 120, 144)},
        ),
        Problem(
            "Friberg-Karlsson",
            ode(friberg, outputs=lambda y, p: {"cp": y.central / p.V1},
                initial=lambda p: {c: p.CIRC0 for c in ("prol", "t1", "t2", "t3", "circ")}),
            {"KA": 0.8, "CL": 10, "V1": 30, "Q": 5, "V2": 60, "CIRC0": 5, "MTT": 110, "GAMMA": 0.17, "EMAX":
            0.9,
             "EC50": 1.5},
            0.1, 30, cycles,
            {"cp": (1, 3, 8, 97, 100, 505),
             "A_circ": (0, 72, 120, 168, 216, 264, 336, 408, 504, 580, 672, 744, 840, 1000)},
        ),
        Problem(
            "TMDD",
            ode(tmdd, initial=lambda p: {"R": p.R0}, inputs=lambda p: {"F_L": 1 / p.V}),
            {"CL": 0.012, "V": 3, "Q": 0.02, "V2": 3, "KON": 10, "KOFF": 1, "KINT": 0.03, "KDEG": 0.02, "R0":
            5}, 0.2, 20, ((0.0, 300.0), (336.0, 300.0), (672.0, 300.0)), {"A_L": (0.5, 4, 24, 72, 168, 300,
            340, 420, 500, 660, 700, 1000)},
        ),
        Problem(
            "ten transits",
            ode(transit, outputs=lambda y, p: {"cp": y.central / p.V}),
            {"KTR": 5, "KA": 1, "CL": 5, "V": 40},
            0.25, 20, ((0.0, 100.0), (24.0, 100.0), (48.0, 100.0)),
            {"cp": (0.7, 1.5, 2.5, 4, 8, 14, 24, 50, 54, 70)},
        ),
    )  # fmt: skip


def design(problem):
    """(plan, phi) of a problem."""
    structure = problem.structure
    times = sorted({x for xs in problem.observations.values() for x in xs})
    rows = sorted(
        [(t, 1, amt) for t, amt in problem.doses] + [(t, 0, 0.0) for t in times], key=lambda r: (r[0], -r[1])
    )
    n, s = len(rows), problem.n_subjects
    time, evid, amt = (np.tile(x, s) for x in np.array(rows, float).T)
    zero = np.zeros(n * s)
    records = Records(
        start=n * np.arange(s + 1), time=time, evid=evid, amt=amt, rate=zero, ii=zero, addl=zero, ss=zero,
        cmt=zero, row=np.repeat(np.arange(s), n),
    )  # fmt: skip
    record, output = [], []
    for name, xs in problem.observations.items():
        for r in range(n * s):
            if evid[r] == 0 and time[r] in xs:
                record.append(r)
                output.append(structure.outputs.index(name))
    plan = structure.plan(records, Requests(np.array(record), np.array(output)), structure.parameters)
    rng = np.random.default_rng(1)
    values = {
        name: typical * np.exp(problem.spread * rng.normal(size=s))
        for name, typical in problem.typical.items()
    }
    phi = np.column_stack([np.broadcast_to(c, s) for c in structure.engine_columns(values, plan)])
    return plan, phi


def fastest(function, seconds=0.5):
    """CPU seconds of the fastest call: other work on the machine does not count."""
    best, begin, calls = np.inf, perf_counter(), 0
    while calls < 3 or perf_counter() - begin < seconds:
        t = process_time()
        function()
        best = min(best, process_time() - t)
        calls += 1
    return best


def scipy_seconds(problem, phi, relative):
    """Seconds of solve_ivp with forward differences per subject (rates as machine code)."""
    system, code = problem.structure.system, problem.structure.code
    table = table_of(code)
    call = CFUNCTYPE(c_double, c_double, *[c_int64] * 7)
    prepare, rates = (call(int(table[FIRST_FUNCTION + k])) for k in (0, 1))
    kept, none = np.zeros(code.sizes[3] + 1), np.zeros(code.sizes[0])

    def slope(p):
        p = np.ascontiguousarray(p)
        prepare(0.0, p.ctypes.data, kept.ctypes.data, 0, 0, 0, 0, 0)
        d = np.zeros(code.sizes[0])
        fixed = (p.ctypes.data, kept.ctypes.data, none.ctypes.data, d.ctypes.data, 0, 0)

        def f(t, y):
            rates(t, y.ctypes.data, *fixed)
            return d.copy()

        return f

    scale = dict(zip(system.inputs, phi[0, len(system.parameters) :], strict=True))
    times = np.array(sorted({x for xs in problem.observations.values() for x in xs}))

    def solve(p):
        y = np.array([float(v) for v in evaluate(system.graph, system.initial, np, p=p)])
        breaks = [t for t, _ in problem.doses] + [times[-1]]
        first, f = problem.structure.compartments[0], slope(p)
        for (t, amount), until in zip(problem.doses, breaks[1:], strict=True):
            y[0] += amount * scale.get(f"F_{first}", 1.0)
            if until > t:
                inside = times[(times > t) & (times <= until)]
                done = solve_ivp(
                    f, (t, until), y, method="LSODA", rtol=relative, atol=1e-8, t_eval=[*inside, until] if
                    until not in inside else inside,
                )  # fmt: skip
                y = done.y[:, -1].copy()

    begin = process_time()
    for row in phi[:2]:
        own = row[: len(system.parameters)]
        for j in range(len(own) + 1):
            step = np.zeros(len(own))
            if j:
                step[j - 1] = 1e-6 * own[j - 1]
            solve(own + step)
    return (process_time() - begin) / 2


def keep(section, lines):
    """Write a section of benchmarks/results/ode.md; the others stay."""
    RESULTS.parent.mkdir(exist_ok=True)
    known = {}
    if RESULTS.exists():
        for part in RESULTS.read_text().split("\n## ")[1:]:
            title, _, text = part.partition("\n")
            known[title] = text.strip()
    known[section] = "\n".join(lines)
    RESULTS.write_text("# Equations\n" + "".join(f"\n## {k}\n\n{v}\n" for k, v in known.items()))


def main():
    begin = process_time()
    kernel()
    print(
        f"cores of the solvers from disk (or compiled, once per installation): {process_time() - begin:.1f} s"
    )
    for relative in (1e-6, 1e-8):
        tolerances = bn.Tolerances(relative)
        head = "| problem | model s | chosen | ms | us a subject | " + " | ".join(METHODS) + " | scipy x "
        head += "| error of values | of gradients |"
        lines = [head, "|" + "---|" * (head.count("|") - 1)]
        print("\n".join(["", f"relative tolerance {relative:g}", *lines]))
        for problem in problems(tolerances):
            lines.append(measured(problem, tolerances))
            print(lines[-1], flush=True)
        keep(f"CPU time by solver, relative tolerance {relative:g}", lines)


def measured(problem, tolerances):
    """A line of the table: seconds to compile, milliseconds of values with gradient, errors."""
    begin = process_time()
    address_of(problem.structure.code)
    compiling = process_time() - begin
    plan, phi = design(problem)
    solver = solver_for("auto", phi, plan, tolerances)
    methods = METHODS if table_of(plan.code)[LINEAR] else METHODS[:2]
    ask = (phi, plan, tolerances)
    seconds = {s: fastest(lambda s=s: solve_equations(*ask, sensitive=True, solver=s)) for s in methods}
    own = seconds[solver]
    values, sens, _, _ = solve_equations(*ask, sensitive=True, solver=solver)
    exact, exact_sens, _, _ = solve_equations(phi, plan, bn.Tolerances(1e-12), sensitive=True, solver="stiff")
    error = np.max(np.abs(values - exact) / (np.abs(exact) + 1e-4 * np.abs(exact).max()))
    slopes = np.max(np.abs(sens - exact_sens) / (np.abs(exact_sens) + 1e-3 * np.abs(exact_sens).max(axis=0)))
    slow = scipy_seconds(problem, phi, tolerances.relative) * problem.n_subjects
    each = " | ".join(f"{seconds[s] * 1e3:.2f}" if s in seconds else "" for s in METHODS)
    return (
        f"| {problem.name} | {compiling:.2f} | {chosen_solver(plan.code)} | {own * 1e3:.2f} "
        f"| {own / problem.n_subjects * 1e6:.0f} | {each} | {slow / own:.0f} | {error:.0e} | {slopes:.0e} |"
    )


if __name__ == "__main__":
    main()
