"""Closed-form kinetics that feed the equation of an effect, against solving both as equations.

Warfarin's kinetics with the turnover of its effect, one dose: three equations, against one equation whose
right-hand side has the concentration in closed form (two exponentials and their derivatives in every stage).
Run with `python benchmarks/ode_closed_form_driver.py`.
"""

from __future__ import annotations

import numpy as np
from ode import fastest

import bayes_nlmem as bn
from bayes_nlmem.engine.ode.kernel import solve_equations
from bayes_nlmem.engine.records import Records, Requests

DOSE = 100.0
TYPICAL = {"KA": 1.0, "CL": 0.135, "V": 8.0, "R0": 96.0, "KOUT": 0.055, "IMAX": 0.9, "IC50": 1.2}
TIMES = (0.0, 24.0, 36.0, 48.0, 72.0, 96.0, 120.0, 144.0)


def inhibited(y, p, c):
    """Turnover whose production the concentration inhibits."""
    return p.KOUT * (p.R0 * (1 - p.IMAX * c / (p.IC50 + c)) - y.pca)


def all_equations(t, y, p):
    """Three equations."""
    absorbed = p.KA * y.depot
    return {
        "depot": -absorbed,
        "central": absorbed - p.CL / p.V * y.central,
        "pca": inhibited(y, p, y.central / p.V),
    }


def driven(t, y, p):
    """One equation, the concentration in closed form."""
    k = p.CL / p.V
    c = DOSE / p.V * p.KA / (p.KA - k) * (np.exp(-k * t) - np.exp(-p.KA * t))
    return {"pca": inhibited(y, p, c)}


def main():
    """Time both at two tolerances."""
    n = 32
    rng = np.random.default_rng(1)
    values = {name: x * np.exp(0.05 * rng.normal(size=n)) for name, x in TYPICAL.items()}
    for relative in (1e-6, 1e-8):
        seconds, found = {}, {}
        for name, rates, dose in (("three equations", all_equations, DOSE), ("one, driven", driven, 0.0)):
            structure = bn.ODE(
                rates,
                initial=lambda p: {"pca": p.R0},
                parameters=tuple(TYPICAL),
                tolerances=bn.Tolerances(relative),
            )
            m = len(TIMES) + 1
            time = np.tile([0.0, *TIMES], n)
            zero = np.zeros(n * m)
            dosed = np.tile([1.0] + [0.0] * (m - 1), n) * (dose > 0)
            records = Records(
                start=m * np.arange(n + 1), time=time, evid=np.where(dosed > 0, 1, 2), amt=dose * dosed, rate=zero,  # noqa: E501
                ii=zero, addl=zero, ss=zero, cmt=zero, row=np.repeat(np.arange(n), m),
            )  # fmt: skip
            seen = np.flatnonzero(np.tile([0] + [1] * (m - 1), n))
            output = structure.outputs.index("A_pca")
            plan = structure.plan(records, Requests(seen, np.full(len(seen), output)), structure.parameters)
            phi = np.column_stack(structure.engine_columns(values, plan))
            asked = (phi, plan, structure.tolerances)
            seconds[name] = fastest(lambda a=asked: solve_equations(*a, sensitive=True), 1.0)
            found[name] = solve_equations(*asked, sensitive=True)
        one, two = found.values()
        gap = np.abs(one[0] / two[0] - 1).max()
        text = ", ".join(
            f"{name} {s * 1e3:.2f} ms ({found[name][3][0]} steps)" for name, s in seconds.items()
        )
        print(f"tolerance {relative:g}: {text}; predictions differ by {gap:.0e}")


if __name__ == "__main__":
    main()
