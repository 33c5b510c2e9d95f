"""A simulated sparse study: what covariates do is known, and most random effects are badly seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

import bayes_nlmem as bn

TRUTH = {"CL_WT", "CL_CRCL", "V_WT", "V_SEX"}


def sparse_study(seed: int = 3, n: int = 240) -> tuple[bn.Model, bn.Dataset]:
    """Oral doses of 100 mg every 12 h; every subject gives one sample in the interval and a trough.

    CL = 4 (WT/70)^0.75 (CRCL/90)^0.6 exp(0.25 z), V = 40 (WT/70) exp(0.35 SEX + 0.25 z), KA = 1. Women
    (SEX = 1) weigh less by exp(-0.35), but have the larger V for their weight: alone, WT and SEX hide each
    other on V, whose effects are shrunk besides. AGE does nothing, and goes along with CRCL; SEX does nothing
    to CL, and goes along with WT.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for subject in range(1, n + 1):
        sex = int(rng.uniform() < 0.5)
        weight = float(np.exp(np.log(75) - 0.35 * sex + 0.2 * rng.normal()))
        age = float(np.clip(rng.normal(50, 15), 18, 85))
        crcl = float(np.clip(130 - 0.9 * (age - 20) + 15 * rng.normal(), 25, 160))
        cl = 4 * (weight / 70) ** 0.75 * (crcl / 90) ** 0.6 * np.exp(0.25 * rng.normal())
        v = 40 * (weight / 70) * np.exp(0.35 * sex + 0.25 * rng.normal())
        ka, k = 1.0, cl / v
        times = np.sort(np.round([rng.uniform(3, 8), rng.uniform(10.5, 11.9)], 2))
        common = {"ID": subject, "WT": round(weight, 1), "AGE": round(age), "CRCL": round(crcl), "SEX": sex}
        rows.append({**common, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DV": np.nan, "II": 12.0, "SS": 1})
        for t in times:
            c = (
                100
                / v
                * ka
                / (ka - k)
                * (np.exp(-k * t) / (1 - np.exp(-k * 12)) - np.exp(-ka * t) / (1 - np.exp(-ka * 12)))
            )
            dv = c * (1 + 0.15 * rng.normal())
            rows.append({**common, "TIME": float(t), "AMT": 0.0, "EVID": 0, "DV": dv, "II": 0.0, "SS": 0})
    frame = pd.DataFrame(rows)
    data = bn.read(frame, columns={}, covariates=["WT", "AGE", "CRCL", "SEX"])
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            "KA": bn.Parameter(1.0),
            "CL": bn.Parameter(bn.LogNormal(4.0, sigma=1.0), iiv=bn.HalfNormal(0.5)),
            "V": bn.Parameter(bn.LogNormal(40.0, sigma=1.0), iiv=bn.HalfNormal(0.5)),
        },
        residuals={"cp": bn.Proportional(bn.HalfNormal(0.3))},
    )
    return model, data
