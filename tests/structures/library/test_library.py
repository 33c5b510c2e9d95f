"""Every structure of the library against its equations written by hand and solved by SciPy at 1e-10."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

import bayes_nlmem as bn
from bayes_nlmem import structures as st

TIMES = np.array([0.5, 1.0, 3.0, 7.0, 12.0, 20.0, 36.0])


def concentration(p, t, y):
    return y / p["V"]


def two_mm(p, t, y):
    c, c2 = y[1] / p["V1"], y[2] / p["V2"]
    exchange = p["Q2"] * (c - c2)
    out = p["VM"] * c / (p["KM"] + c) + p["CL"] * c
    return [-p["KA"] * y[0], p["KA"] * y[0] - out - exchange, exchange]


def three_mm(p, t, y):
    c = y[0] / p["V1"]
    two, three = p["Q2"] * (c - y[1] / p["V2"]), p["Q3"] * (c - y[2] / p["V3"])
    return [-p["VM"] * c / (p["KM"] + c) - two - three, two, three]


def transits(p, t, y):
    k = 2 / p["MTT"]
    return [-k * y[0], k * (y[0] - y[1]), k * y[1] - p["KA"] * y[2], p["KA"] * y[2] - p["CL"] / p["V"] * y[3]]


def metabolite(p, t, y):
    k = p["CL"] / p["V"]
    return [-p["KA"] * y[0], p["KA"] * y[0] - k * y[1], p["FM"] * k * y[1] - p["CLM"] / p["VM"] * y[2]]


def with_pk(pd_rates):
    """A one-compartment bolus model before a response."""

    def rates(p, t, y):
        return [-p["CL"] / p["V"] * y[0], *pd_rates(p, t, y[1:], y[0] / p["V"])]

    return rates


def cells(p, t, y, c):
    k = 4 / p["MTT"]
    made = k * y[0] * ((1 - p["SLOPE"] * c) * (p["CIRC0"] / y[4]) ** p["GAMMA"] - 1)
    return [made, *(k * (y[i] - y[i + 1]) for i in range(4))]


def simeoni(p, t, y, c):
    w = sum(y)
    growth = p["L0"] * y[0] / (1 + (p["L0"] * w / p["L1"]) ** 20) ** 0.05
    kill, k = p["K2"] * c * y[0], p["K1"]
    return [growth - kill, kill - k * y[1], k * (y[1] - y[2]), k * (y[2] - y[3])]


def full_tmdd(p, t, y):
    b = p["KON"] * y[0] * y[1] - p["KOFF"] * y[2]
    return [-p["KEL"] * y[0] - b, p["KSYN"] - p["KDEG"] * y[1] - b, b - p["KINT"] * y[2]]


def bound_tmdd(constant):
    def rates(p, t, y):
        free = np.roots([1.0, p[constant] + y[1] - y[0], -p[constant] * y[0]]).max()
        bound = y[0] - free
        return [
            -p["KEL"] * free - p["KINT"] * bound,
            p["KSYN"] - p["KDEG"] * (y[1] - bound) - p["KINT"] * bound,
        ]

    return rates


def virus(p, t, y):
    infection = p["B"] * y[2] * y[0]
    return [
        p["S"] - p["DT"] * y[0] - infection,
        infection - p["DELTA"] * y[1],
        (1 - p["EFF"]) * p["P"] * y[1] - p["C"] * y[2],
    ]


def glucose(p, t, y):
    return [
        -(p["SG"] + y[1]) * y[0] + p["SG"] * p["GB"],
        -p["P2"] * y[1] + p["P2"] * p["SI"] * (y[2] - p["IB"]),
        -p["N"] * (y[2] - p["IB"]) + p["GAMMA"] * max(y[0] - p["H"], 0) * t,
    ]


def bile(p, t, y):
    absorbed, secreted, emptied = p["KA"] * y[0], p["KB"] * y[2], p["KGB"] * y[1]
    return [emptied - absorbed, secreted - emptied, absorbed - secreted - p["CL"] / p["V"] * y[2]]


def antibody(p, t, y):
    """In concentrations, as the paper writes it, for an IgG1 in 70 kg."""
    flow, c, tight, leaky, lymph = (
        2.9,
        y[0] / 2.6,
        y[1] / (0.65 * 15.6 * 0.8),
        y[2] / (0.35 * 15.6 * 0.8),
        y[3] / 5.2,
    )
    l1, l2, s1, s2 = 0.33 * flow, 0.67 * flow, p["SIGMA1"], p["SIGMA2"]
    return [
        lymph * flow - c * l1 * (1 - s1) - c * l2 * (1 - s2) - c * p["CL"],
        l1 * (1 - s1) * c - l1 * 0.8 * tight,
        l2 * (1 - s2) * c - l2 * 0.8 * leaky,
        l1 * 0.8 * tight + l2 * 0.8 * leaky - lymph * flow,
    ]


def body(p, t, y):
    v = {"lung": 0.5, "gut": 1.2, "liver": 1.8, "kidney": 0.31, "muscle": 29.0, "fat": 18.2, "rest": 15.0}
    q = {"gut": 74.0, "liver": 25.5, "kidney": 74.0, "muscle": 66.0, "fat": 19.5, "rest": 131.0}
    names = ("lumen", "venous", "lung", "arterial", "gut", "liver", "kidney", "muscle", "fat", "rest")
    a = dict(zip(names, y, strict=True))
    blood, total = {"venous": a["venous"] / 3.8, "arterial": a["arterial"] / 1.8}, 390.0
    out = {c: a[c] / v[c] / p[f"KP_{c}"] * p["R"] for c in v}
    d = {c: q[c] * (blood["arterial"] - out[c]) for c in ("kidney", "muscle", "fat", "rest")}
    d["kidney"] -= p["CLR"] * blood["arterial"]
    d["gut"] = p["KA"] * a["lumen"] + q["gut"] * blood["arterial"] - q["gut"] * out["gut"]
    d["liver"] = q["liver"] * blood["arterial"] + q["gut"] * out["gut"] - (99.5 + p["CLINT"]) * out["liver"]
    d["lung"] = total * (blood["venous"] - out["lung"])
    d["arterial"] = total * (out["lung"] - blood["arterial"])
    d["venous"] = 99.5 * out["liver"] + sum(q[c] * out[c] for c in ("kidney", "muscle", "fat", "rest"))
    d["venous"] -= total * blood["venous"]
    d["lumen"] = -p["KA"] * a["lumen"]
    return [d[name] for name in names]


def pool(p, t, y, c):
    made = p["KP"] * up(p, c) * y[0]
    return [p["K0"] - p["KS"] * y[0] - made, made - p["KOUT"] * y[1]]


PK = {"CL": 2.0, "V": 10.0}
IV = bn.OneCompartment()
IDR = {**PK, "KIN": 10.0, "KOUT": 0.2, "IMAX": 0.8, "IC50": 2.0}
EDR = {**PK, "KIN": 10.0, "KOUT": 0.2, "EMAX": 3.0, "EC50": 2.0}
TUMOUR = {**PK, "KK": 0.02, "W0": 5.0}
BINDING = {"KEL": 0.05, "KON": 0.4, "KOFF": 0.01, "KINT": 0.08, "KSYN": 0.5, "KDEG": 0.1, "V": 1.0}


def up(p, c):
    return 1 + p["EMAX"] * c / (p["EC50"] + c)


def down(p, c):
    return 1 - p["IMAX"] * c / (p["IC50"] + c)


def case(name, structure, p, rates, y0, dose=100.0):
    return pytest.param(structure, p, rates, y0, dose, id=name)


CASES = [
    case("michaelis_menten", st.michaelis_menten(2, absorption="first-order", linear=True),
         {"KA": 0.7, "VM": 30.0, "KM": 2.0, "V1": 20.0, "CL": 1.0, "Q2": 2.0, "V2": 40.0}, two_mm, [0, 0, 0]),
    case("transit", st.transit_absorption(2), {"MTT": 2.0, "KA": 1.3, "CL": 2.0, "V": 10.0}, transits, [0] * 4),  # noqa: E501
    case("one MM", st.michaelis_menten(), {"VM": 30.0, "KM": 2.0, "V1": 20.0},
         lambda p, t, y: [-p["VM"] * y[0] / p["V1"] / (p["KM"] + y[0] / p["V1"])], [0]),
    case("three MM", st.michaelis_menten(3),
         {"VM": 30.0, "KM": 2.0, "V1": 20.0, "Q2": 2.0, "V2": 40.0, "Q3": 5.0, "V3": 10.0},
         three_mm, [0, 0, 0]),
    case("bile", st.enterohepatic_recirculation(), {**PK, "KA": 0.7, "KB": 0.3, "KGB": 0.1}, bile, [0] * 3),
    case("antibody", st.antibody_pbpk(), {"CL": 0.3, "SIGMA1": 0.95, "SIGMA2": 0.6}, antibody, [0] * 4),
    case("whole body", st.whole_body_pbpk(),
         {"KA": 1.0, "CLINT": 30.0, "CLR": 5.0, "R": 1.2, "KP_gut": 2.0, "KP_liver": 3.0, "KP_kidney": 2.5,
          "KP_muscle": 1.5, "KP_fat": 10.0, "KP_rest": 1.2, "KP_lung": 0.8}, body, [0] * 10),
    case("tolerance", IV.drives(st.tolerance()),
         {**PK, "K0": 10.0, "KP": 0.3, "KS": 0.1, "KOUT": 0.5, "EMAX": 3.0, "EC50": 2.0}, with_pk(pool),
         [0, 25.0, 15.0]),
    case("metabolite", st.parent_metabolite(), {**PK, "KA": 1.0, "FM": 0.3, "CLM": 1.0, "VM": 5.0}, metabolite, [0] * 3),  # noqa: E501
    case("effect compartment", IV.drives(st.effect_compartment("sigmoid")),
         {**PK, "KE0": 0.4, "E0": 1.0, "EMAX": 5.0, "EC50": 2.0, "GAMMA": 1.5},
         with_pk(lambda p, t, y, c: [p["KE0"] * (c - y[0])]), [0, 0]),
    case("indirect I", IV.drives(st.indirect_response("inhibits production")), IDR,
         with_pk(lambda p, t, y, c: [p["KIN"] * down(p, c) - p["KOUT"] * y[0]]), [0, 50]),
    case("indirect II", IV.drives(st.indirect_response("inhibits loss")), IDR,
         with_pk(lambda p, t, y, c: [p["KIN"] - p["KOUT"] * down(p, c) * y[0]]), [0, 50]),
    case("indirect III", IV.drives(st.indirect_response("stimulates production")), EDR,
         with_pk(lambda p, t, y, c: [p["KIN"] * up(p, c) - p["KOUT"] * y[0]]), [0, 50]),
    case("indirect IV", IV.drives(st.indirect_response("stimulates loss")), EDR,
         with_pk(lambda p, t, y, c: [p["KIN"] - p["KOUT"] * up(p, c) * y[0]]), [0, 50]),
    case("myelosuppression", IV.drives(st.myelosuppression()),
         {**PK, "MTT": 100.0, "SLOPE": 0.1, "CIRC0": 5.0, "GAMMA": 0.17}, with_pk(cells), [0, 5, 5, 5, 5, 5]),
    case("tmdd full", st.tmdd(), BINDING, full_tmdd, [0, 5, 0]),
    case("tmdd QSS", st.tmdd("quasi-steady-state"),
         {k: v for k, v in BINDING.items() if k not in ("KON", "KOFF")} | {"KSS": 0.225}, bound_tmdd("KSS"),
         [0, 5]),
    case("tmdd QE", st.tmdd("quasi-equilibrium"),
         {k: v for k, v in BINDING.items() if k not in ("KON", "KOFF")} | {"KD": 0.025}, bound_tmdd("KD"), [0,
         5]),
    case("tmdd MM", st.tmdd("michaelis-menten"), {"KEL": 0.05, "VM": 2.0, "KM": 1.0, "V": 1.0},
         lambda p, t, y: [-p["KEL"] * y[0] - p["VM"] * y[0] / (p["KM"] + y[0])], [0]),
    case("exponential", IV.drives(st.tumour_growth()), {**TUMOUR, "KG": 0.05},
         with_pk(lambda p, t, y, c: [p["KG"] * y[0] - p["KK"] * c * y[0]]), [0, 5]),
    case("gompertz", IV.drives(st.tumour_growth("gompertz")), {**TUMOUR, "KG": 0.05, "WMAX": 100.0},
         with_pk(lambda p, t, y, c: [p["KG"] * y[0] * np.log(p["WMAX"] / y[0]) - p["KK"] * c * y[0]]), [0, 5]),  # noqa: E501
    case("simeoni", IV.drives(st.tumour_growth("simeoni")),
         {**PK, "K1": 0.3, "K2": 0.02, "L0": 0.1, "L1": 0.8, "W0": 5.0}, with_pk(simeoni), [0, 5, 0, 0, 0]),
    case("claret", IV.drives(st.tumour_growth("claret")), {**PK, "KL": 0.05, "KD": 0.02, "LAMBDA": 0.1, "W0": 5.0},  # noqa: E501
         with_pk(lambda p, t, y, c: [p["KL"] * y[0] - p["KD"] * np.exp(-p["LAMBDA"] * t) * c * y[0]]), [0, 5]),  # noqa: E501
    case("virus", st.viral_dynamics(),
         {"S": 10.0, "DT": 0.01, "B": 1e-4, "DELTA": 0.5, "EFF": 0.9, "P": 100.0, "C": 6.0}, virus,
         [6 * 0.5 / (1e-4 * 100), (10 - 0.01 * 300) / 0.5, 100 / 6 * 14.0], 0.0),
    case("minimal model", st.minimal_model(),
         {"SG": 0.03, "GB": 90.0, "P2": 0.02, "SI": 5e-4, "IB": 7.0, "N": 0.3, "H": 90.0, "GAMMA": 0.004},
         glucose, [90, 0, 7], 250.0),
]  # fmt: skip


@pytest.mark.parametrize(("structure", "p", "rates", "y0", "dose"), CASES)
def test_against_scipy(structure, p, rates, y0, dose):
    y = np.array(y0, float)
    y[0] += dose
    method = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-11}
    exact = solve_ivp(lambda t, y: rates(p, t, y), (0, TIMES[-1]), y, t_eval=TIMES, **method).y
    table = pd.DataFrame(
        {"ID": 1, "TIME": [0.0, *TIMES], "EVID": [1] + [2] * len(TIMES), "AMT": [dose] + [0] * 7}
    )
    if dose == 0:
        table.loc[0, "EVID"] = 2
    found = bn.solve(structure, table, p)[[f"A_{c}" for c in structure.compartments]].to_numpy()[1:].T
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-7 * np.abs(exact).max())


def test_driving_needs_a_name_in_common():
    with pytest.raises(bn.ModelError, match="name of an output"):
        IV.drives(st.tmdd())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: st.indirect_response("inhibits"),
        lambda: st.effect_compartment("Emax"),
        lambda: st.tmdd("QSS"),
        lambda: st.michaelis_menten(4),
        lambda: st.transit_absorption(2.5),
        lambda: st.transit_absorption(2, bn.OneCompartment(absorption="first-order")),
        lambda: st.mixed_absorption(order="both"),
        lambda: st.input_rate_absorption("exponential"),
        lambda: st.antibody_pbpk(lymph=0.0),
        lambda: st.whole_body_pbpk({"brain": 1.4}),
        lambda: st.tolerance("blocks"),
        lambda: st.tumour_growth("logistic"),
        lambda: st.myelosuppression("log"),
    ],
)
def test_unknown_words_are_refused_with_the_valid_ones(wrong):
    with pytest.raises(bn.ModelError, match="(?s)Expected|expected"):
        wrong()


def test_direct_effects_follow_the_concentration():
    structure = st.direct_response(IV, "sigmoid")
    table = pd.DataFrame({"ID": 1, "TIME": [0.0, 2.0, 9.0], "EVID": [1, 2, 2], "AMT": [100.0, 0, 0]})
    found = bn.solve(structure, table, {**PK, "E0": 1.0, "EMAX": 5.0, "EC50": 2.0, "GAMMA": 1.5})
    c = 10 * np.exp(-0.2 * table["TIME"])
    np.testing.assert_allclose(found["effect"], 1 + 5 * c**1.5 / (2**1.5 + c**1.5), rtol=1e-7)


def test_doses_into_any_disposition_are_absorbed():
    base = st.transit_absorption(None, st.michaelis_menten(2, linear=True))
    assert base.compartments == ("depot", "central", "peripheral")
    joint = base.drives(st.indirect_response("inhibits loss"))
    assert "input(depot)" in str(joint) and joint.default_dose == "depot"
    again = bn.ODE(joint.rates, compartments=joint.compartments, parameters=joint.parameters)
    table = pd.DataFrame({"ID": 1, "TIME": [0.0, 2.0, 9.0], "EVID": [1, 2, 2], "AMT": [100.0, 0, 0]})
    p = {name: 0.5 for name in joint.parameters} | {"V1": 20.0, "V2": 30.0, "MTT": 2.0, "NN": 2.5}
    one, two = (bn.solve(s, table, p)["A_response"] for s in (joint, again))
    np.testing.assert_array_equal(one, two)
