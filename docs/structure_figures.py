"""Draws the figures of docs/pages/structures.md: one panel for every structure of the library.

Run with ``python docs/structure_figures.py``; writes docs/pages/structures/<family>.svg.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayes_nlmem as bn
from bayes_nlmem import structures as st

FOLDER = Path(__file__).parent / "pages" / "structures"
IV, ORAL = bn.OneCompartment(), bn.OneCompartment(absorption="first-order")
PK = {"CL": 2.0, "V": 10.0}
IDR = {**PK, "KIN": 10.0, "KOUT": 0.3, "IMAX": 0.9, "IC50": 1.0, "EMAX": 3.0, "EC50": 2.0}
TMDD = {
    "KEL": 0.02,
    "KON": 1.0,
    "KOFF": 0.05,
    "KINT": 0.08,
    "KSYN": 1.0,
    "KDEG": 0.1,
    "V": 1.0,
    "KSS": 0.13,
    "KD": 0.05,
    "VM": 1.0,
    "KM": 0.3,
}
TUMOUR = {
    **PK,
    "KG": 0.02,
    "KK": 0.02,
    "W0": 5.0,
    "WMAX": 30.0,
    "K1": 0.1,
    "K2": 0.02,
    "L0": 0.03,
    "L1": 0.3,
    "KL": 0.02,
    "KD": 0.05,
    "LAMBDA": 0.02,
}
BODY = {"KA": 1.0, "CLINT": 30.0, "CLR": 5.0, "R": 1.0} | {
    f"KP_{c}": k
    for c, k in {
        "gut": 2.0,
        "liver": 3.0,
        "kidney": 2.5,
        "muscle": 1.5,
        "fat": 8.0,
        "rest": 1.2,
        "lung": 0.8,
    }.items()
}
RESPONSES = ("inhibits production", "inhibits loss", "stimulates production", "stimulates loss")

# family: title -> (structure, parameters, output, doses, last time, logarithmic)
FAMILIES = {
    "absorption": {
        "zero order": (st.zero_order_absorption(), PK | {"TK0": 3.0}, "cp", ((0, 100),), 24, False),
        "parallel": (
            st.mixed_absorption(),
            PK | {"FZ": 0.5, "TK0": 1.0, "KA": 0.3},
            "cp",
            ((0, 100),),
            24,
            False,
        ),
        "sequential": (
            st.mixed_absorption(order="sequential"),
            PK | {"FZ": 0.4, "TK0": 3.0, "KA": 0.6},
            "cp",
            ((0, 100),),
            24,
            False,
        ),
        "two peaks": (
            st.double_absorption(),
            PK | {"F1": 0.5, "KA1": 2.0, "KA2": 1.0, "LAG2": 5.0},
            "cp",
            ((0, 100),),
            24,
            False,
        ),
        "transit (any number)": (
            st.transit_absorption(),
            PK | {"NN": 6.5, "MTT": 4.0, "KA": 1.0},
            "cp",
            ((0, 100), (2, 50)),
            24,
            False,
        ),
        "Weibull": (st.input_rate_absorption(), PK | {"TD": 4.0, "B": 2.0}, "cp", ((0, 100),), 24, False),
        "inverse Gaussian": (
            st.input_rate_absorption("inverse-gaussian"),
            PK | {"MAT": 4.0, "NV2": 0.7},
            "cp",
            ((0, 100),),
            24,
            False,
        ),
        "from the bile": (
            st.enterohepatic_recirculation(),
            PK | {"KA": 0.8, "KB": 0.3, "KGB": 0.1},
            "cp",
            ((0, 100),),
            48,
            False,
        ),
    },
    "disposition": {
        "Michaelis-Menten": (
            st.michaelis_menten(),
            {"VM": 10.0, "KM": 0.5, "V1": 10.0},
            "cp",
            ((0, 200),),
            36,
            True,
        ),
        "and linear, two compartments": (
            st.michaelis_menten(2, linear=True),
            {"VM": 5.0, "KM": 0.5, "V1": 10.0, "CL": 0.5, "Q2": 2.0, "V2": 20.0},
            "cp",
            ((0, 200),),
            72,
            True,
        ),
        "metabolite": (
            st.parent_metabolite(),
            PK | {"KA": 1.0, "FM": 0.5, "CLM": 1.0, "VM": 8.0},
            "cm",
            ((0, 100),),
            36,
            False,
        ),
    },
    "effects": {
        "direct, sigmoid": (
            st.direct_response(ORAL, "sigmoid"),
            PK | {"KA": 1.0, "E0": 1.0, "EMAX": 5.0, "EC50": 4.0, "GAMMA": 3.0},
            "effect",
            ((0, 100),),
            24,
            False,
        ),
        "effect compartment": (
            ORAL.drives(st.effect_compartment()),
            PK | {"KA": 1.0, "KE0": 0.3, "E0": 1.0, "EMAX": 5.0, "EC50": 4.0},
            "effect",
            ((0, 100),),
            24,
            False,
        ),
        **{
            f"{numeral}: {drug}": (
                IV.drives(st.indirect_response(drug)),
                IDR,
                "A_response",
                ((0, 100),),
                48,
                False,
            )
            for numeral, drug in zip(("I", "II", "III", "IV"), RESPONSES, strict=True)
        },
        "tolerance and rebound": (
            IV.drives(st.tolerance()),
            PK | {"K0": 10.0, "KP": 0.2, "KS": 0.0, "KOUT": 0.6, "EMAX": 4.0, "EC50": 2.0},
            "A_response",
            ((0, 100),),
            72,
            False,
        ),
        "neutrophils": (
            IV.drives(st.myelosuppression()),
            PK | {"MTT": 100.0, "SLOPE": 1.0, "CIRC0": 5.0, "GAMMA": 0.17},
            "A_circ",
            ((0, 100),),
            700,
            False,
        ),
    },
    "binding": {
        form: (st.tmdd(form), TMDD, "cp", ((0, 100),), 200, True)
        for form in ("full", "quasi-steady-state", "quasi-equilibrium", "michaelis-menten")
    },
    "disease": {
        **{
            f"tumour, {form}": (
                IV.drives(st.tumour_growth(form)),
                TUMOUR,
                "size",
                ((24, 100), (72, 100)),
                150,
                False,
            )
            for form in ("exponential", "gompertz", "simeoni", "claret")
        },
        "virus": (
            st.viral_dynamics(),
            {"S": 10.0, "DT": 0.01, "B": 1e-4, "DELTA": 0.5, "EFF": 0.95, "P": 100.0, "C": 6.0},
            "log_virus",
            (),
            21,
            False,
        ),
        "glucose": (
            st.minimal_model(),
            {"SG": 0.03, "GB": 90.0, "P2": 0.02, "SI": 5e-4, "IB": 7.0, "N": 0.3, "H": 90.0, "GAMMA": 0.004},
            "A_glucose",
            ((0, 250),),
            180,
            False,
        ),
    },
    "physiology": {
        "antibody, plasma": (
            st.antibody_pbpk(),
            {"CL": 0.3, "SIGMA1": 0.95, "SIGMA2": 0.6},
            "cp",
            ((0, 300),),
            60,
            True,
        ),
        "whole body, plasma": (st.whole_body_pbpk(), BODY, "cp", ((0, 100),), 24, True),
        "whole body, fat": (st.whole_body_pbpk(), BODY, "c_fat", ((0, 100),), 24, True),
    },
}

AXES = {
    "cp": "Plasma [mg/L]",
    "cm": "Metabolite [mg/L]",
    "c_fat": "Fat [mg/L]",
    "effect": "Effect",
    "A_response": "Response",
    "A_circ": "Neutrophils [10$^9$/L]",
    "size": "Tumour size [g]",
    "log_virus": "log$_{10}$ virus [copies/mL]",
    "A_glucose": "Glucose [mg/dL]",
}
UNITS_OF_TIME = {"binding": "d", "disease": "d", "antibody, plasma": "d", "glucose": "min"}  # else hours


def curve(structure, values, output, doses, last):
    """Times and predictions on a dense grid."""
    t = np.linspace(0, last, 400)
    rows = [(x, 2, 0.0) for x in t] + [(x, 1, a) for x, a in doses]
    table = pd.DataFrame(sorted(rows, key=lambda r: (r[0], -r[2])), columns=["TIME", "EVID", "AMT"]).assign(
        ID=1
    )
    own = {name: values[name] for name in structure.parameters}
    found = bn.solve(structure, table, own)
    return found["TIME"].to_numpy(), found[output].to_numpy()


def main():
    FOLDER.mkdir(exist_ok=True)
    plt.rcParams.update(
        {"svg.hashsalt": "structures", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False}
    )
    for family, panels in FAMILIES.items():
        rows = -(-len(panels) // 4)
        figure, axes = plt.subplots(rows, 4, figsize=(10, 2.3 * rows), squeeze=False, layout="constrained")
        for axis in axes.flat[len(panels) :]:
            axis.remove()
        for axis, (title, (structure, values, output, doses, last, logarithmic)) in zip(
            axes.flat, panels.items(), strict=False
        ):
            t, y = curve(structure, values, output, doses, last)
            axis.plot(t, y, color="#3b5bdb", linewidth=1.4)
            axis.set_title(title[0].upper() + title[1:], fontsize=8)
            unit = UNITS_OF_TIME.get(title, UNITS_OF_TIME.get(family, "h"))
            axis.set_xlabel(f"Time [{unit}]", fontsize=7)
            axis.set_ylabel(AXES[output], fontsize=7)
            if logarithmic:
                axis.set_yscale("log")
                axis.set_ylim(bottom=max(y.max() * 1e-5, y[y > 0].min() * 0.5))
        figure.savefig(FOLDER / f"{family}.svg", metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
