"""The cases in plain PyMC, as a careful user writes them: non-centred, one array of observations x doses."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from nuts_models.cases import Case


def graph(case: Case) -> pm.Model:
    """The model."""
    table = case.table
    seen, given = table[table.EVID == 0], table[table.EVID == 1]
    subject = seen.ID.to_numpy() - 1
    doses = given[given.ID == 1].TIME.to_numpy()  # all subjects have the same
    amount = float(given.AMT.iloc[0])
    after = seen.TIME.to_numpy()[:, None] - doses
    counts = after > 0
    after = np.where(counts, after, 0.0)
    width, n = len(case.names), int(table.ID.max())
    with pm.Model() as model:
        typical = pm.Normal("typical", np.log(case.centre), 0.5, shape=width)
        chol, _, _ = pm.LKJCholeskyCov("chol", n=width, eta=2.0, sd_dist=pm.HalfNormal.dist(0.5, shape=width))
        z = pm.Normal("z", 0.0, 1.0, shape=(n, width))
        psi = pt.exp(typical + z @ chol.T)[subject]
        additive, proportional = pm.HalfNormal("add", case.additive), pm.HalfNormal("prop", 0.3)
        f = (_one if width == 3 else _two)(psi, after, counts, amount)
        pm.Normal("y", f, pt.sqrt(additive**2 + (proportional * f) ** 2), observed=seen.DV.to_numpy())
    return model


def _decay(rate, after, counts):
    return (pt.exp(-rate[:, None] * after) * counts).sum(axis=1)


def _one(psi, after, counts, amount):
    cl, v, ka = psi[:, 0], psi[:, 1], psi[:, 2]
    k = cl / v
    return amount * ka / v / (ka - k) * (_decay(k, after, counts) - _decay(ka, after, counts))


def _two(psi, after, counts, amount):
    cl, v1, q, v2, ka = (psi[:, k] for k in range(5))
    k10, k12, k21 = cl / v1, q / v1, q / v2
    s = k10 + k12 + k21
    a = (s + pt.sqrt(s * s - 4 * k10 * k21)) / 2
    b = k10 * k21 / a
    fast = (k21 - a) / ((ka - a) * (b - a)) * _decay(a, after, counts)
    slow = (k21 - b) / ((ka - b) * (a - b)) * _decay(b, after, counts)
    absorption = (k21 - ka) / ((a - ka) * (b - ka)) * _decay(ka, after, counts)
    return amount * ka / v1 * (fast + slow + absorption)
