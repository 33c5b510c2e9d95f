"""Growth and disease: tumours, viruses, glucose and insulin."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.structures.ode import ODE

_TUMOURS = ("exponential", "gompertz", "simeoni", "claret")


def tumour_growth(form: str = "exponential") -> ODE:
    r"""Size of a tumour under a concentration `cp`, from W0 on.

    ========== =====================================================================================
    form       equations
    ========== =====================================================================================
    exponential w' = KG w - KK cp w
    gompertz   w' = KG w log(WMAX / w) - KK cp w
    simeoni    x1' = L0 x1 / (1 + (L0 w / L1)^20)^(1/20) - K2 cp x1, three damaged stages with rate K1
    claret     w' = KL w - KD exp(-LAMBDA t) cp w
    ========== =====================================================================================

    Parameters
    ----------
    form : {"exponential", "gompertz", "simeoni", "claret"}
        KG, KL, L0, K1, LAMBDA [1/time], L1 [size/time], KK, K2, KD [1/(concentration time)], W0, WMAX [size].
        Output `size`.

    Raises
    ------
    ModelError
        An unknown `form`; the valid ones are named.

    References
    ----------
    Norton 1988 (Gompertz); Simeoni et al. 2004, doi:10.1158/0008-5472.CAN-03-2524; Claret et al. 2009,
    doi:10.1200/JCO.2008.21.0807.

    Examples
    --------
    >>> tumour_growth("simeoni").compartments
    ('growing', 'damaged1', 'damaged2', 'damaged3')
    """
    if form not in _TUMOURS:
        raise ModelError(explain(expected=f"form to be one of {', '.join(_TUMOURS)}", got=repr(form)))

    def total(y: Any) -> Any:
        return y.growing + y.damaged1 + y.damaged2 + y.damaged3 if form == "simeoni" else y.tumour * 1

    def rates(t: Any, y: Any, p: Any) -> dict[str, Any]:
        if form == "simeoni":
            killed = p.K2 * p.cp * y.growing
            growth = p.L0 * y.growing / (1 + (p.L0 / p.L1 * total(y)) ** 20.0) ** (1 / 20)
            damage = [killed, *(p.K1 * y[f"damaged{i}"] for i in (1, 2, 3))]
            stages = {f"damaged{i}": damage[i - 1] - damage[i] for i in (1, 2, 3)}
            return {"growing": growth - killed} | stages
        w = y.tumour
        if form == "exponential":
            return {"tumour": p.KG * w - p.KK * p.cp * w}
        if form == "gompertz":
            return {"tumour": p.KG * w * np.log(p.WMAX / w) - p.KK * p.cp * w}
        return {"tumour": p.KL * w - p.KD * np.exp(-p.LAMBDA * t) * p.cp * w}

    return ODE(
        rates,
        outputs=lambda y, p: {"size": total(y)},
        initial=lambda p: {"growing" if form == "simeoni" else "tumour": p.W0},
        name="tumour_growth",
    )


def viral_dynamics() -> ODE:
    r"""Target cells T, infected cells I and virus V, in balance until a drug of efficacy EFF at time 0.

    .. math:: \dot T = S - D_T T - B V T, \quad \dot I = B V T - \delta I, \quad \dot V = (1 - EFF) P I - C V

    Parameters S [cells/time], DT, DELTA, C [1/time], B [1/(virus time)], P [virus/(cell time)], EFF (0 to 1).
    Output `log_virus`, the decadic logarithm.

    References
    ----------
    Neumann et al. 1998, doi:10.1126/science.282.5386.103.

    Examples
    --------
    >>> viral_dynamics().outputs[0]
    'log_virus'
    """

    def rates(y: Any, p: Any) -> dict[str, Any]:
        infection = p.B * y.virus * y.target
        return {
            "target": p.S - p.DT * y.target - infection,
            "infected": infection - p.DELTA * y.infected,
            "virus": (1 - p.EFF) * p.P * y.infected - p.C * y.virus,
        }

    def initial(p: Any) -> dict[str, Any]:
        target = p.C * p.DELTA / (p.B * p.P)
        infected = (p.S - p.DT * target) / p.DELTA
        return {"target": target, "infected": infected, "virus": p.P / p.C * infected}

    return ODE(
        rates, outputs=lambda y, p: {"log_virus": np.log10(y.virus)}, initial=initial, name="viral_dynamics"
    )


def minimal_model() -> ODE:
    r"""Glucose and insulin after intravenous glucose (Bergman's minimal model).

    .. math:: \dot G = -(S_G + X) G + S_G G_B, \quad \dot X = -P_2 X + P_2 S_I (I - I_B), \quad
        \dot I = -N (I - I_B) + \gamma \max(G - H, 0)\, t

    Doses are glucose concentrations into G at time 0. Parameters SG, P2, N [1/time], SI, GB, IB, H, GAMMA.

    References
    ----------
    Bergman et al. 1979, doi:10.1152/ajpendo.1979.236.6.E667.

    Examples
    --------
    >>> minimal_model().compartments
    ('glucose', 'action', 'insulin')
    """

    def rates(t: Any, y: Any, p: Any) -> dict[str, Any]:
        return {
            "glucose": -(p.SG + y.action) * y.glucose + p.SG * p.GB,
            "action": p.P2 * (p.SI * (y.insulin - p.IB) - y.action),
            "insulin": -p.N * (y.insulin - p.IB) + p.GAMMA * np.maximum(y.glucose - p.H, 0.0) * t,
        }

    return ODE(rates, initial=lambda p: {"glucose": p.GB, "insulin": p.IB}, name="minimal_model")
