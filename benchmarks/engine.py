"""Cost of the linear kernels: `python benchmarks/engine.py` prints nanoseconds per record.

By structure, by number of records per subject (must stay flat: the cost is linear in records), by number of
subjects, by number of regular doses before three questions (equal doses at equal intervals cost less than
other records), and by number of parameter rows per subject (those used so far have sensitivities).
"""

import time

import numpy as np

from bayes_nlmem.engine.amounts import solve_amounts
from bayes_nlmem.engine.kernel import kernel
from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.structures.compartments import OneCompartment, ThreeCompartment, TwoCompartment

VALUES = {
    "CL": 2.0, "V": 20.0, "V1": 20.0, "Q": 3.0, "V2": 30.0, "Q2": 3.0, "Q3": 1.0, "V3": 50.0, "KA": 1.0,
}  # fmt: skip


def best_time(function, repeats=7):
    """Shortest CPU time of a call, in seconds."""
    times = []
    for _ in range(repeats):
        begin = time.process_time_ns()
        function()
        times.append(time.process_time_ns() - begin)
    return min(times) * 1e-9


def study(structure, n_subjects, n_records, n_rows=1, doses=1, rate=0.0):
    """Plan and engine parameters of a made-up study with `doses` doses spread over the records."""
    times = np.linspace(0, 24.0 * doses, n_records)
    dose = np.zeros(n_records, bool)
    dose[np.linspace(0, n_records, doses, endpoint=False).astype(int)] = True
    row = np.minimum(np.arange(n_records) * n_rows // n_records, n_rows - 1)
    zero = np.zeros(n_subjects * n_records)
    records = Records(
        start=np.arange(n_subjects + 1) * n_records, time=np.tile(times, n_subjects),
        evid=np.tile(dose.astype(int), n_subjects), amt=np.tile(100.0 * dose, n_subjects),
        rate=np.tile(rate * dose, n_subjects), ii=zero, addl=zero, ss=zero, cmt=zero,
        row=(np.arange(n_subjects)[:, None] * n_rows + row).ravel(),
    )  # fmt: skip
    return planned(structure, records)


def regular(structure, n_subjects, doses, questions=3):
    """The same with a dose every 24 h, each in a record of its own, and questions after the last one."""
    given = np.arange(doses + questions) < doses
    times = np.concatenate([24.0 * np.arange(doses), 24.0 * doses - np.linspace(20, 1, questions)])
    zero = np.zeros(n_subjects * len(times))
    records = Records(
        start=np.arange(n_subjects + 1) * len(times), time=np.tile(times, n_subjects),
        evid=np.tile(given.astype(int), n_subjects), amt=np.tile(100.0 * given, n_subjects),
        rate=zero, ii=zero, addl=zero, ss=zero, cmt=zero, row=np.repeat(np.arange(n_subjects), len(times)),
    )  # fmt: skip
    return planned(structure, records)


def planned(structure, records):
    """Plan, engine parameters and number of records."""
    asked = np.flatnonzero(records.evid == 0)
    plan = structure.plan(records, Requests(asked, np.zeros_like(asked)), structure.parameters)
    values = {name: np.full(records.n_rows, VALUES[name]) for name in structure.parameters}
    return plan, np.column_stack(structure.engine_columns(values, plan)), records.n


def report(label, n_subjects, n_records, plan, phi, n):
    """One line of the table."""
    costs = [best_time(lambda s=s: solve_amounts(phi, plan, sensitive=s)) / n * 1e9 for s in (False, True)]
    print(f"{label:38s} {n_subjects:8d} {n_records:8d} {costs[0]:10.0f} {costs[1]:10.0f}")


def main():
    """Print the table."""
    for n in (1, 2, 3):
        begin = time.perf_counter()
        kernel(n)
        print(f"kernel of {n} compartments ready after {time.perf_counter() - begin:.2f} s")
    print(f"\n{'ns per record':38s} {'subjects':>8s} {'records':>8s} {'values':>10s} {'gradient':>10s}")
    for structure in (OneCompartment, TwoCompartment, ThreeCompartment):
        for absorption in (None, "first-order"):
            name = f"{structure.__name__} {absorption}"
            report(name, 2000, 12, *study(structure(absorption=absorption), 2000, 12))
    oral = TwoCompartment(absorption="first-order")
    for n_records in (10, 100, 1000, 10_000):
        made = study(oral, 40_000 // n_records, n_records, doses=n_records // 10)
        report("records per subject", 40_000 // n_records, n_records, *made)
    for n_subjects in (10, 100, 1000, 4000):
        report("subjects", n_subjects, 12, *study(oral, n_subjects, 12))
    for doses in (1, 10, 100):
        report(f"{doses} regular doses, 3 questions", 1000, doses + 3, *regular(oral, 1000, doses))
    report("infusions", 1000, 40, *study(TwoCompartment(), 1000, 40, doses=10, rate=50.0))
    for n_rows in (1, 2, 4, 12):
        report(f"{n_rows} parameter rows per subject", 1000, 12, *study(oral, 1000, 12, n_rows=n_rows))


if __name__ == "__main__":
    main()
