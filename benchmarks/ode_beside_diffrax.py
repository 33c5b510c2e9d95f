"""Equations beside diffrax: CPU milliseconds of one log-density with gradient, same problems and tolerances.

diffrax (optional: ``pip install diffrax``) solves all subjects in one compiled function on the CPU in double
precision, from dose to dose (`lax.scan`), with Tsit5, for TMDD with Kvaerno5. Its gradient is taken in four
ways, backwards or forwards, subjects side by side or one after the other (`vmap`, `lax.map`), and the fastest
counts. The density is normal. The errors are the largest ones of its gradient, here and there, against the
stiff solver at 1e-12: work is comparable where they are. Both control the error of the state by the root mean
square over what is tolerated; here that of the sensitivities too.
Run with `python benchmarks/ode_beside_diffrax.py [names of problems]`.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import njit
from ode import design, fastest, keep, problems

import bayes_nlmem as bn
from bayes_nlmem.engine.ode.choice import solver_for
from bayes_nlmem.engine.ode.evaluation import evaluate
from bayes_nlmem.engine.ode.kernel import solve_equations

# Relative tolerances; the absolute one is 1e-2 of it (here: 1e-4 of the largest value, 100).
TOLERANCES = (1e-6, 1e-8)
STIFF = ("TMDD",)


def segments(problem):
    """Starts, ends and doses of the stretches between doses, and the times asked for in each, padded."""
    times = np.array(sorted({x for xs in problem.observations.values() for x in xs}))
    starts = np.array([t for t, _ in problem.doses])
    ends = np.append(starts[1:], times[-1])
    if ends[-1] <= starts[-1]:
        ends[-1] = starts[-1] + 1e-3
    inside = [times[(times > a) & (times <= b)] for a, b in zip(starts, ends, strict=True)]
    most = max(map(len, inside)) + 1
    asked = np.array([[*x, *[b] * (most - len(x))] for x, b in zip(inside, ends, strict=True)])
    place = {t: (i, j) for i, x in enumerate(inside) for j, t in enumerate(x)}
    return starts, ends, np.array([a for _, a in problem.doses]), asked, place


def by_diffrax(problem, relative):
    """Functions (value, gradient) of diffrax by the way they are made."""
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    system, structure = problem.structure.system, problem.structure
    m = len(system.parameters)
    starts, ends, amounts, asked, place = segments(problem)
    names = list(structure.outputs)
    picked = [(names.index(name), t) for name, xs in problem.observations.items() for t in xs]
    picked = [(k, t) for k, t in picked if t in place]
    scale = list(system.inputs).index("F_L") if "F_L" in system.inputs else None

    def numbers(nodes, t, y, p):
        return jnp.stack([jnp.asarray(v, float) for v in evaluate(system.graph, nodes, jnp, p=p, y=y, t=t)])

    term = diffrax.ODETerm(lambda t, y, p: numbers(system.rates, t, y, p))
    solver = diffrax.Kvaerno5() if problem.name in STIFF else diffrax.Tsit5()
    control = diffrax.PIDController(rtol=relative, atol=1e-2 * relative)

    def predictions(p, adjoint):
        factor = numbers(list(system.inputs.values()), 0.0, [], p)[scale] if scale is not None else 1.0

        def stretch(y, segment):
            start, end, amount, ts = segment
            y = y.at[0].add(amount * factor)
            ys = diffrax.diffeqsolve(
                term, solver, start, end, None, y, args=p, saveat=diffrax.SaveAt(ts=ts),
                stepsize_controller=control, adjoint=adjoint, max_steps=16384,
            ).ys  # fmt: skip
            return ys[-1], ys

        y0 = numbers(system.initial, 0.0, [], p)
        _, ys = jax.lax.scan(stretch, y0, (starts, ends, amounts, asked))
        n = len(system.outputs)
        found = []
        for k, t in picked:
            y = ys[place[t]]
            found.append(numbers([list(system.outputs.values())[k]], t, y, p)[0] if k < n else y[k - n])
        return jnp.stack(found)

    def subject(p, seen, adjoint):
        return -0.5 * jnp.sum(((predictions(p, adjoint) - seen) / (1.0 + jnp.abs(seen))) ** 2)

    back, forth = diffrax.RecursiveCheckpointAdjoint(), diffrax.ForwardMode()

    def backwards(p, seen):
        return jax.value_and_grad(lambda q: subject(q, seen, back))(p)

    def forwards(p, seen):
        rows = jax.vmap(lambda v: jax.jvp(lambda q: subject(q, seen, forth), (p,), (v,)))(jnp.eye(m))
        return rows[0][0], rows[1]

    ways = {}
    for way, one in (("backwards", backwards), ("forwards", forwards)):
        ways[f"{way}, vmap"] = jax.jit(jax.vmap(one))
        ways[f"{way}, map"] = jax.jit(lambda p, seen, one=one: jax.lax.map(lambda a: one(*a), (p, seen)))
    return ways, picked


def main():
    wanted = sys.argv[1:]
    head = "| problem | tolerance | here ms | diffrax ms | ratio | error here | error of diffrax | ways |"
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    print("\n".join(lines))
    for relative in TOLERANCES:
        for problem in problems(bn.Tolerances(relative, absolute=1e-4)):
            if not wanted or problem.name in wanted:
                lines.append(compare(problem, relative))
                print(lines[-1], flush=True)
    if not wanted:
        keep("CPU milliseconds of one log-density with gradient, beside diffrax", lines)


def compare(problem, relative):
    """Time one problem both ways: its line of the table."""
    plan, phi = design(problem)
    m, tolerances = len(problem.structure.parameters), problem.structure.tolerances
    solver = solver_for("auto", phi, plan, tolerances)
    values, *_ = solve_equations(phi, plan, tolerances, solver=solver)
    ways, picked = by_diffrax(problem, relative)
    # the requests of one subject in the order of `picked`, and what was seen there
    order = requests_of(problem, plan, picked)
    seen = values[order] * 1.1

    def here(tolerances=tolerances, solver=solver):
        values, sens, _, _ = solve_equations(phi, plan, tolerances, sensitive=True, solver=solver)
        residual = np.zeros(plan.n_requests)
        own = values[order]
        residual[order] = -(own - seen) / (1.0 + np.abs(seen)) ** 2
        gradient = gathered(residual, sens, plan.pairs, np.zeros_like(phi))
        return -0.5 * np.sum(((own - seen) / (1.0 + np.abs(seen))) ** 2), gradient

    exact = chained(problem, phi, here(bn.Tolerances(1e-12), "stiff")[1])

    def error(gradient):
        return np.max(np.abs(gradient - exact) / (np.abs(exact) + 1e-3 * np.abs(exact).max(0)))

    own = fastest(here, 1.0)
    best, which, theirs = np.inf, "", np.nan
    for way, function in ways.items():
        try:
            found = error(np.asarray(function(phi[:, :m], seen)[1]))
            seconds = fastest(lambda f=function: f(phi[:, :m], seen)[1].block_until_ready(), 1.0)
        except Exception as refusal:  # a way that diffrax refuses does not count
            print(f"  {way}: {type(refusal).__name__}: {str(refusal)[:100]}")
            continue
        if seconds < best:
            best, which, theirs = seconds, way, found
    mine = error(chained(problem, phi, here()[1]))
    return (
        f"| {problem.name} | {relative:g} | {own * 1e3:.2f} | {best * 1e3:.2f} | {best / own:.1f} "
        f"| {mine:.0e} | {theirs:.0e} | {solver}; {which} |"
    )


@njit
def gathered(residual, sens, pairs, gradient):
    """The gradient by parameter row; machine code, as in a model."""
    for k in range(len(pairs)):
        for j in range(gradient.shape[1]):
            gradient[pairs[k, 1], j] += residual[pairs[k, 0]] * sens[k, j]
    return gradient


def requests_of(problem, plan, picked):
    """Positions (n_subjects, n_picked) of the requests of each subject in the order of `picked`."""
    times = plan.tables["floats"][:, 0]
    requests = plan.tables["requests"]
    ints, subjects = plan.tables["ints"], plan.tables["subjects"]
    from bayes_nlmem.engine import layout as at

    found = []
    for subject in subjects:
        known = {}
        for r in range(subject[at.FIRST_RECORD], subject[at.END_RECORD]):
            for q in range(ints[r, at.ASKED], ints[r, at.ASKED_END]):
                known[int(requests[q, at.ASKED_COMP]), float(times[r])] = int(requests[q, at.PLACE])
        found.append([known[k, t] for k, t in picked])
    return np.array(found)


def chained(problem, phi, gradient):
    """The gradient with respect to the parameters: inputs of doses depend on them."""
    system = problem.structure.system
    m = len(system.parameters)
    total = gradient[:, :m].copy()
    for j, node in enumerate(system.inputs.values()):
        for i in range(m):
            slope = system.graph.derivative(node, system.graph.leaf("p", i), {})
            total[:, i] += gradient[:, m + j] * evaluate(system.graph, [slope], np, p=list(phi[:, :m].T))[0]
    return total


if __name__ == "__main__":
    main()
