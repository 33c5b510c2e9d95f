"""An independent, slow solver: matrix exponentials over an explicit list of events, in complex arithmetic.

It shares no code and no formula with the kernels (natural coordinates, matrix exponentials, additional
doses expanded, steady state as a sum over all earlier doses); complex steps through it give derivatives
to full precision.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest

from bayes_nlmem.engine.amounts import solve_amounts
from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.structures.compartments import OneCompartment, ThreeCompartment, TwoCompartment

STRUCTURES = {1: OneCompartment, 2: TwoCompartment, 3: ThreeCompartment}


def expm(a):
    """Matrix exponential: Taylor series of a / 2^k, squared k times (scipy's loses digits when rates are
    close)."""
    k = max(0, int(np.ceil(np.log2(max(np.abs(a).sum(axis=1).max(), 1e-300)))) + 3)
    small = a / 2.0**k
    term = result = np.eye(len(a), dtype=complex)
    for i in range(1, 18):
        term = term @ small / i
        result = result + term
    for _ in range(k):
        result = result @ result
    return result


@dataclass
class Oracle:
    """Amounts of every compartment after every record; `phi` has rate constants (k10, k12, ..., ka), then
    inputs."""

    n: int
    depot: bool
    columns: tuple[str, ...]
    compartments: tuple[str, ...]
    records: Records
    pending: list = field(default_factory=list)

    def system(self, theta):
        """dx/dt = A x, compartments in CMT order."""
        first = int(self.depot)
        a = np.zeros((self.n + first, self.n + first), complex)
        a[first, first] -= theta["k10"]
        for i in range(1, self.n):
            out, back = theta[f"k1{i + 1}"], theta[f"k{i + 1}1"]
            a[first, first] -= out
            a[first + i, first] += out
            a[first + i, first + i] -= back
            a[first, first + i] += back
        if self.depot:
            a[0, 0] -= theta["ka"]
            a[first, 0] += theta["ka"]
        return a

    def step(self, a, x, input_, t):
        """exp of the system with a constant input appended as a further state."""
        m = len(x)
        big = np.zeros((m + 1, m + 1), complex)
        big[:m, :m], big[:m, m] = a, input_
        return (expm(big * t) @ np.append(x, 1.0))[:m]

    def after_dose(self, a, dose, t):
        """State at time t after one dose by itself."""
        unit = np.eye(len(a), dtype=complex)[dose["comp"]]
        if dose["duration"] is None:
            return expm(a * t) @ (unit * dose["amount"])
        if t.real < dose["duration"].real:
            return self.step(a, 0 * unit, unit * dose["rate"], t)
        full = self.step(a, 0 * unit, unit * dose["rate"], dose["duration"])
        return expm(a * (t - dose["duration"])) @ full

    def dose(self, r, theta):
        records = self.records
        comp = records.cmt[r] - 1 if records.cmt[r] > 0 else 0
        name = self.compartments[comp]
        f, lag, duration, rate = (theta.get(f"{x}_{name}", theta.get(x)) for x in ("F", "ALAG", "D", "R"))
        f = 1.0 if f is None else f
        lag = 0.0 if lag is None else lag
        amt = records.amt[r]
        kind = records.rate[r]
        if kind == 0:
            return {"comp": comp, "amount": f * amt, "duration": None, "lag": lag + 0j}
        if kind == -2:
            return {"comp": comp, "rate": f * amt / duration, "duration": duration + 0j, "lag": lag + 0j}
        rate = kind if kind > 0 else rate
        return {"comp": comp, "rate": rate, "duration": f * amt / rate + 0j, "lag": lag + 0j}

    def solve(self, phi):
        records = self.records
        thetas = [dict(zip(self.columns, row, strict=True)) for row in phi]
        out = np.zeros((records.n, len(self.compartments)), complex)
        for s in range(records.n_subjects):
            self._subject(range(records.start[s], records.start[s + 1]), thetas, out)
        return out

    def _subject(self, rows, thetas, out):
        records = self.records
        x = np.zeros(len(self.compartments), complex)
        running = np.zeros_like(x)
        todo = []  # (time, what, vector)
        now = complex(records.time[rows[0]])
        for r in rows:
            a = self.system(thetas[records.row[r]])
            t, evid = records.time[r], records.evid[r]
            if evid >= 3:
                x, running, todo, now = 0 * x, 0 * x, [], complex(t)
            while todo and min(e[0].real for e in todo) <= t + 1e-9:
                event = min(todo, key=lambda e: e[0].real)
                todo.remove(event)
                x = self.step(a, x, running, event[0] - now)
                now = event[0]
                if event[1] == "bolus":
                    x = x + event[2]
                else:
                    running = running + event[2]
            x = self.step(a, x, running, t - now)
            now = complex(t)
            if evid in (1, 4):
                theta = thetas[records.row_at[r]]
                dose = self.dose(r, theta)
                unit = np.eye(len(x), dtype=complex)[dose["comp"]]
                ii, ss = records.ii[r], records.ss[r]
                lag = dose["lag"]
                if ss:
                    at = self.system(theta)
                    if ss != 2:
                        x, running, todo = 0 * x, 0 * x, []
                    if ii == 0:
                        x = x - np.linalg.solve(at, unit * dose["rate"])
                        out[r] = x
                        continue
                    lag = lag - ii * np.floor(lag.real / ii)
                    k = 1
                    while dose["duration"] is not None and (k * ii - lag - dose["duration"]).real < 0:
                        x = x + self.after_dose(at, dose, k * ii - lag)
                        running = running + unit * dose["rate"]
                        todo.append((t - k * ii + lag + dose["duration"], "end", -unit * dose["rate"]))
                        k += 1
                    tail = self.after_dose(at, dose, k * ii - lag)
                    x = x + np.linalg.solve(np.eye(len(x)) - expm(at * ii), tail)
                for j in range(records.addl[r] + 1):
                    arrival = t + lag + j * ii
                    if dose["duration"] is None:
                        todo.append((arrival, "bolus", unit * dose["amount"]))
                    else:
                        todo.append((arrival, "start", unit * dose["rate"]))
                        todo.append((arrival + dose["duration"], "end", -unit * dose["rate"]))
                if lag.real == 0:
                    event = next(e for e in todo if e[0].real == t and e[1] != "end")
                    todo.remove(event)
                    x = self.step(a, x, running, event[0] - now)
                    now = event[0]
                    if event[1] == "bolus":
                        x = x + event[2]
                    else:
                        running = running + event[2]
                    x = self.step(a, x, running, t - now)
                    now = complex(t)
            out[r] = x


@dataclass
class Case:
    """A structure in rate constants, records, parameters, and both solvers."""

    structure: object
    records: Records
    columns: tuple[str, ...]
    phi: np.ndarray

    def plan(self):
        m, n = len(self.structure.compartments), self.records.n
        requests = Requests(np.tile(np.arange(n), m), np.repeat(np.arange(1, m + 1), n))
        kinetic = {"k10": "k", "ka": "KA"}
        names = [kinetic.get(c, c) for c in self.columns] + [self.structure.volume]
        return self.structure.plan(self.records, requests, names)

    def kernel(self, sensitive=True):
        """Amounts (n_records, n_compartments), dense derivatives (..., n_rows, P), status."""
        plan = self.plan()
        assert plan.columns == self.columns
        amounts, sens, status = solve_amounts(self.phi, plan, sensitive=sensitive)
        m, n = len(self.structure.compartments), self.records.n
        dense = np.zeros((m * n, *self.phi.shape))
        if sensitive:
            dense[plan.pairs[:, 0], plan.pairs[:, 1]] = sens
        return amounts.reshape(m, n).T, dense.reshape(m, n, *self.phi.shape).transpose(1, 0, 2, 3), status

    def oracle(self):
        structure = self.structure
        return Oracle(structure.n, structure.depot, self.columns, structure.compartments, self.records)

    def oracle_derivatives(self, step=1e-30):
        solver = self.oracle()
        shape = (self.records.n, len(self.structure.compartments), *self.phi.shape)
        slopes = np.zeros(shape)
        for row in range(self.phi.shape[0]):
            for column in range(self.phi.shape[1]):
                phi = self.phi.astype(complex)
                phi[row, column] += 1j * step
                slopes[:, :, row, column] = solver.solve(phi).imag / step
        return slopes


def make_case(n, depot, table, inputs=(), phi=None, rows=None, rng=None, start=None):
    """`table`: dict of columns of records (TIME, EVID, AMT, ...); missing ones are 0."""
    structure = STRUCTURES[n](absorption="first-order" if depot else None, parameterisation="rate constants")
    size = len(table["TIME"])
    full = {k: np.asarray(table.get(k, np.zeros(size))) for k in
            ("TIME", "EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT")}  # fmt: skip
    rows = np.zeros(size, int) if rows is None else np.asarray(rows)
    records = Records(
        start=np.array([0, size]) if start is None else start, time=full["TIME"], evid=full["EVID"],
        amt=full["AMT"], rate=full["RATE"], ii=full["II"], addl=full["ADDL"], ss=full["SS"],
        cmt=full["CMT"], row=rows,
    )  # fmt: skip
    kinetic = ("k10", "k12", "k21", "k13", "k31")[: 2 * n - 1] + (("ka",) if depot else ())
    columns = kinetic + tuple(inputs)
    if phi is None:
        ranges = {"F": (0.4, 1.2), "ALAG": (0.1, 3.0), "D": (0.5, 9.0), "R": (5.0, 60.0)}
        low = [ranges.get(c.split("_")[0], (0.05, 1.0))[0] for c in columns]
        high = [ranges.get(c.split("_")[0], (0.05, 1.0))[1] for c in columns]
        phi = rng.uniform(low, high, (rows.max() + 1, len(columns)))
    return Case(structure, records, columns, np.atleast_2d(np.asarray(phi, float)))


def random_case(seed):
    """A random event table: every kind of dose, several rows, resets, steady states."""
    rng = np.random.default_rng(seed)
    n, depot = int(rng.integers(1, 4)), bool(rng.integers(2))
    size = int(rng.integers(6, 13))
    n_compartments = n + int(depot)
    table = {k: np.zeros(size) for k in ("TIME", "EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT")}
    table["TIME"] = np.sort(rng.uniform(-5, 40, size))
    for r in range(size):
        if r > 0 and rng.random() < 0.45:
            if rng.random() < 0.08:
                table["EVID"][r] = rng.choice([2, 3])
            continue
        table["EVID"][r] = 4 if rng.random() < 0.08 else 1
        table["AMT"][r] = rng.uniform(20, 200)
        table["RATE"][r] = rng.choice([0, 0, -1, -2, rng.uniform(5, 60)])
        table["CMT"][r] = rng.integers(0, n_compartments + 1)
        if rng.random() < 0.5:
            table["II"][r] = rng.uniform(3, 12)
            table["ADDL"][r] = rng.integers(1, 5)
        if rng.random() < 0.35:
            table["SS"][r] = rng.integers(1, 4)
            table["II"][r] = rng.uniform(2, 12)
            table["ADDL"][r] = rng.integers(0, 4)
            if table["RATE"][r] in (-1,) or table["RATE"][r] > 0:
                if rng.random() < 0.25:
                    table["AMT"][r] = table["II"][r] = table["ADDL"][r] = 0
    inputs = ["F", "ALAG", "D", "R"]
    if depot and rng.random() < 0.5:
        inputs += ["F_depot", "ALAG_depot"]
    if rng.random() < 0.3:
        inputs += ["ALAG_central", "D_central"]
    kind = rng.integers(3)
    rows = {0: np.zeros(size, int), 1: np.arange(size), 2: np.minimum(np.arange(size) // 4, 2)}[int(kind)]
    return make_case(n, depot, table, inputs, rows=rows, rng=rng)


@pytest.fixture(scope="session")
def cases():
    """`make_case` and `random_case`."""

    class Cases:
        make = staticmethod(make_case)
        random = staticmethod(random_case)

    return Cases
