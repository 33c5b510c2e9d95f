"""Physiologically based pharmacokinetics: an antibody between plasma, tissues and lymph; a whole body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.structures.ode import ODE


def antibody_pbpk(
    *,
    lymph: float = 2.9,
    interstitial: float = 15.6,
    available: float = 0.8,
    plasma: float = 2.6,
    blood: float = 5.2,
) -> ODE:
    r"""Minimal physiologically based model of a monoclonal antibody: plasma, tight and leaky tissues, lymph.

    .. math:: V_p \dot C_p = L\, C_l - L_1 (1 - \sigma_1) C_p - L_2 (1 - \sigma_2) C_p - CL\, C_p, \\
        V_t \dot C_t = L_1 \left((1 - \sigma_1) C_p - (1 - \sigma_L) C_t\right), \quad
        V_k \dot C_k = L_2 \left((1 - \sigma_2) C_p - (1 - \sigma_L) C_k\right), \\
        V_l \dot C_l = (1 - \sigma_L) (L_1 C_t + L_2 C_k) - L\, C_l

    with L1 = 0.33 L, L2 = 0.67 L, sigma_L = 0.2, V_t = 0.65 and V_k = 0.35 of the available interstitial
    fluid.

    Parameters
    ----------
    lymph, interstitial, available, plasma, blood : float
        Lymph flow [L/day], interstitial fluid [L], share of it that is available (0.8 for IgG1, 0.4 for
        IgG4), plasma and blood [L] of an adult of 70 kg; the lymph compartment has the volume of the blood.
        Unknown are CL [L/day], SIGMA1, SIGMA2 (reflection coefficients, 0 to 1). Doses go into plasma; output
        `cp`.

    Raises
    ------
    ModelError
        A size that is not positive.

    References
    ----------
    Cao, Balthasar & Jusko 2013, doi:10.1007/s10928-013-9332-2.

    Examples
    --------
    >>> antibody_pbpk().parameters
    ('CL', 'SIGMA1', 'SIGMA2')
    """
    sizes = {
        "lymph": lymph,
        "interstitial": interstitial,
        "available": available,
        "plasma": plasma,
        "blood": blood,
    }
    if wrong := [name for name, value in sizes.items() if not value > 0]:
        raise ModelError(explain(expected=f"{wrong[0]} > 0", got=repr(sizes[wrong[0]])))
    tight, leaky = 0.65 * interstitial * available, 0.35 * interstitial * available
    one, two, back = 0.33 * lymph, 0.67 * lymph, 1 - 0.2

    def rates(y: Any, p: Any) -> dict[str, Any]:
        c, t, k, v = y.central / plasma, y.tight / tight, y.leaky / leaky, y.lymph / blood
        into_tight, into_leaky = one * (1 - p.SIGMA1) * c, two * (1 - p.SIGMA2) * c
        from_tight, from_leaky = one * back * t, two * back * k
        return {
            "central": lymph * v - into_tight - into_leaky - p.CL * c,
            "tight": into_tight - from_tight,
            "leaky": into_leaky - from_leaky,
            "lymph": from_tight + from_leaky - lymph * v,
        }

    return ODE(
        rates,
        outputs=lambda y, p: {"cp": y.central / plasma},
        parameters=("CL", "SIGMA1", "SIGMA2"),
        name="antibody_pbpk",
    )


# Volumes [L] and blood flows [L/h] of a man of 73 kg, rounded from ICRP Publication 89 (2002): cardiac output
# 390 L/h, of which liver 25.5 % (19 % through the gut), kidneys 19 %, muscle 17 %, fat 5 %.
VOLUMES = {
    "lung": 0.5, "gut": 1.2, "liver": 1.8, "kidney": 0.31, "muscle": 29.0, "fat": 18.2, "rest": 15.0,
    "arterial": 1.8, "venous": 3.8,
}  # fmt: skip
FLOWS = {"gut": 74.0, "liver": 25.5, "kidney": 74.0, "muscle": 66.0, "fat": 19.5, "rest": 131.0}


def whole_body_pbpk(
    volumes: Mapping[str, float] | None = None, flows: Mapping[str, float] | None = None
) -> ODE:
    r"""A small whole body: nine compartments, perfusion-limited, elimination by liver and kidney.

    .. math:: V_i \dot C_i = Q_i \left(C_a - \frac{C_i R}{K_{p,i}}\right), \qquad
        V_{li} \dot C_{li} = Q_{li} C_a + Q_{gu} \frac{C_{gu} R}{K_{p,gu}}
        - (Q_{li} + Q_{gu} + CL_{int}) \frac{C_{li} R}{K_{p,li}}

    and, from the kidney, CLR C_a; the lung lies between venous and arterial blood. C are concentrations in
    whole tissue and blood, R the ratio of blood to plasma, Kp tissue to plasma.

    Parameters
    ----------
    volumes, flows : mapping, optional
        Tissue -> volume [L] and arterial blood flow [L/h], instead of those of a man of 73 kg (module
        constants VOLUMES, FLOWS). Unknown are KA [1/h], CLINT, CLR [L/h of blood], R, and KP of all seven
        tissues (KP_lung, ...). Doses without CMT go into the lumen of the gut, CMT = venous is intravenous.
        Outputs `cp` (plasma, venous) and, for each tissue, its concentration `c_liver`, ...

    Raises
    ------
    ModelError
        A tissue that the model does not have, or a value that is not positive.

    References
    ----------
    Nestorov 2003, Clin Pharmacokinet 42:883-908 (whole-body models); volumes and flows: ICRP Publication 89,
    2002.

    Examples
    --------
    >>> whole_body_pbpk().compartments[:4]
    ('lumen', 'venous', 'lung', 'arterial')
    """
    v, q = {**VOLUMES, **(volumes or {})}, {**FLOWS, **(flows or {})}
    for given, known in ((volumes, VOLUMES), (flows, FLOWS)):
        for name, value in (given or {}).items():
            if name not in known or not value > 0:
                raise ModelError(
                    explain(
                        expected=f"values > 0 of {', '.join(known)}",
                        got=f"{name} = {value!r}",
                        remedy=closest(name, known) or None,
                    )
                )
    organs = ("gut", "liver", "kidney", "muscle", "fat", "rest")
    total = sum(q.values())

    def rates(y: Any, p: Any) -> dict[str, Any]:
        arterial, venous = y.arterial / v["arterial"], y.venous / v["venous"]
        leaving = {c: y[c] / v[c] * p.R / p[f"KP_{c}"] for c in (*organs, "lung")}
        portal = q["gut"] * leaving["gut"]
        absorbed = p.KA * y.lumen
        d = {c: q[c] * (arterial - leaving[c]) for c in organs}
        hepatic = (q["liver"] + q["gut"]) * leaving["liver"]
        d["gut"] = absorbed + q["gut"] * arterial - portal
        d["liver"] = q["liver"] * arterial + portal - hepatic - p.CLINT * leaving["liver"]
        d["kidney"] = d["kidney"] - p.CLR * arterial
        back = hepatic + sum(q[c] * leaving[c] for c in ("kidney", "muscle", "fat", "rest"))
        return {
            "lumen": -absorbed,
            "venous": back - total * venous,
            "lung": total * (venous - leaving["lung"]),
            "arterial": total * (leaving["lung"] - arterial),
        } | d

    return ODE(
        rates,
        outputs=lambda y, p: (
            {"cp": y.venous / v["venous"] / p.R} | {f"c_{c}": y[c] / v[c] for c in (*organs, "lung")}
        ),
        parameters=("KA", "CLINT", "CLR", "R", *(f"KP_{c}" for c in (*organs, "lung"))),
        observe="venous",
        name="whole_body_pbpk",
    )
