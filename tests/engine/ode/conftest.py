"""Models of the reference scenarios, and what the tests of the equations share."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.structures.ode import ODE


def mm1(t, y, p):
    c = y.central / p.V1
    return {"central": -p.VM * c / (p.KM + c)}


def mm1_oral(t, y, p):
    c = y.central / p.V1
    return {"depot": -p.KA * y.depot, "central": p.KA * y.depot - p.VM * c / (p.KM + c)}


def mm2(t, y, p):
    c, c2 = y.central / p.V1, y.peripheral / p.V2
    exchange = p.Q2 * (c - c2)
    return {"central": -p.CL * c - p.VM * c / (p.KM + c) - exchange, "peripheral": exchange}


def oral(y, p):
    return {"depot": -p.KA * y.depot, "central": p.KA * y.depot - p.CL / p.V1 * y.central}


def idr_inhib_kin(t, y, p):
    c = y.central / p.V1
    inhibition = 1 - p.IMAX * c / (p.C50 + c)
    return oral(y, p) | {"response": p.BASE * p.KOUT * inhibition - p.KOUT * y.response}


def idr_inhib_kout(t, y, p):
    c = y.central / p.V1
    inhibition = 1 - p.IMAX * c / (p.C50 + c)
    return oral(y, p) | {"response": p.BASE * p.KOUT - p.KOUT * inhibition * y.response}


def idr_stim_kin(t, y, p):
    c = y.central / p.V1
    return oral(y, p) | {"response": p.BASE * p.KOUT * (1 + p.EMAX * c / (p.C50 + c)) - p.KOUT * y.response}


def idr_stim_kout(t, y, p):
    c = y.central / p.V1
    return oral(y, p) | {"response": p.BASE * p.KOUT - p.KOUT * (1 + p.EMAX * c / (p.C50 + c)) * y.response}


def friberg(t, y, p):
    kt = 4 / p.MTT
    effect = 1 - p.SLOPE * y.central / p.V1
    rates = oral(y, p) | {"prol": kt * y.prol * (effect * (p.CIRC0 / y.circ) ** p.GAMMA - 1)}
    chain = ["prol", "t1", "t2", "t3", "circ"]
    return rates | {b: kt * (y[a] - y[b]) for a, b in zip(chain, chain[1:], strict=False)}


def effect_cpt(t, y, p):
    return oral(y, p) | {"effect": p.KE0 * (y.central / p.V1 - y.effect)}


def transit3(t, y, p):
    return {
        "t1": -p.KTR * y.t1,
        "t2": p.KTR * (y.t1 - y.t2),
        "t3": p.KTR * (y.t2 - y.t3),
        "depot": p.KTR * y.t3 - p.KA * y.depot,
        "central": p.KA * y.depot - p.CL / p.V1 * y.central,
    }


def tmdd_full(t, y, p):
    binding = p.KON * y.L * y.R - p.KOFF * y.C
    return {
        "L": -p.KEL * y.L - binding,
        "R": p.KSYN - p.KDEG * y.R - binding,
        "C": binding - p.KINT * y.C,
    }


INITIAL = {
    "idr": lambda p: {"response": p.BASE},
    "friberg": lambda p: {name: p.CIRC0 for name in ("prol", "t1", "t2", "t3", "circ")},
    "tmdd_full": lambda p: {"R": p.KSYN / p.KDEG},
}
RATES = {
    f.__name__: f
    for f in (
        mm1, mm1_oral, mm2, idr_inhib_kin, idr_inhib_kout, idr_stim_kin, idr_stim_kout, friberg, effect_cpt,
        transit3, tmdd_full,
    )
}  # fmt: skip


def structure_of(family, **options):
    initial = next((f for name, f in INITIAL.items() if family.startswith(name)), None)
    return ODE(RATES[family], initial=initial, **options)


def records_of(events, n_subjects=1):
    """Records of one event table, repeated for several subjects."""
    n = len(events)
    columns = {
        name.lower(): np.tile(np.nan_to_num(events[name].to_numpy(float)), n_subjects)
        for name in ("TIME", "AMT", "RATE", "II", "EVID", "ADDL", "SS", "CMT")
    }
    return Records(
        start=n * np.arange(n_subjects + 1), row=np.repeat(np.arange(n_subjects), n), **columns
    )  # fmt: skip


def all_amounts(structure, records):
    """Requests of every amount after every record."""
    n, m = records.n, len(structure.compartments)
    first = len(structure.outputs) - m
    return Requests(np.repeat(np.arange(n), m), np.tile(first + np.arange(m), n))


@pytest.fixture(scope="session")
def models():
    """`structure_of`, `records_of`, `all_amounts` and the rates by family."""
    return SimpleNamespace(
        structure_of=structure_of,
        records_of=records_of,
        all_amounts=all_amounts,
        rates=RATES,
        initial=INITIAL,
    )


@pytest.fixture
def scenario(shared_reference):
    """Function name -> (entry of the index, events, expected) of a reference scenario."""
    folder = shared_reference / "solver"
    index = {entry["name"]: entry for entry in json.loads((folder / "index.json").read_text())["scenarios"]}

    def load(name):
        tables = (pd.read_csv(folder / f"{name}_{part}.csv") for part in ("events", "expected"))
        return index[name], *tables

    return load
