"""Effects of a concentration `cp`: delayed, indirect, on blood cells. A PK structure drives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.structures.composition import as_equations
from bayes_nlmem.structures.extension import extended
from bayes_nlmem.structures.ode import ODE

_SHAPES = ("linear", "log", "emax", "sigmoid")
_INDIRECT = ("inhibits production", "inhibits loss", "stimulates production", "stimulates loss")


def _chosen(value: str, valid: tuple[str, ...], what: str) -> None:
    if value not in valid:
        raise ModelError(
            explain(
                expected=f"{what} to be one of {', '.join(valid)}",
                got=repr(value),
                remedy=closest(str(value), valid) or None,
            )
        )


def _effect(c: Any, p: Any, shape: str) -> Any:
    if shape == "linear":
        return p.E0 + p.SLOPE * c
    if shape == "log":
        return p.E0 + p.SLOPE * np.log1p(c)
    if shape == "emax":
        return p.E0 + p.EMAX * c / (p.EC50 + c)
    power = np.maximum(c, 0.0) ** p.GAMMA
    return p.E0 + p.EMAX * power / (p.EC50**p.GAMMA + power)


def direct_response(pk: Any, effect: str = "emax") -> ODE:
    r"""A structure with an effect that follows its concentration `cp` at once.

    .. math:: E = E_0 + S\, c, \quad E_0 + S \log(1 + c), \quad E_0 + \frac{E_{max} c}{EC_{50} + c}, \quad
        E_0 + \frac{E_{max} c^\gamma}{EC_{50}^\gamma + c^\gamma}

    Parameters
    ----------
    pk : structure
        With an output `cp`.
    effect : {"linear", "log", "emax", "sigmoid"}
        E0, EMAX [effect], SLOPE [effect/concentration], EC50 [concentration], GAMMA. Output `effect`.

    References
    ----------
    Holford & Sheiner 1981, doi:10.2165/00003088-198106060-00002.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> direct_response(bn.OneCompartment(), "sigmoid").parameters
    ('CL', 'V', 'E0', 'EMAX', 'EC50', 'GAMMA')
    """
    _chosen(effect, _SHAPES, "effect")
    names = {
        "linear": ("SLOPE",),
        "log": ("SLOPE",),
        "emax": ("EMAX", "EC50"),
        "sigmoid": ("EMAX", "EC50", "GAMMA"),
    }
    base = as_equations(pk)
    return extended(
        base,
        lambda y, p, d: {},
        parameters=(*base.parameters, "E0", *names[effect]),
        outputs=lambda y, p, o: {"effect": _effect(o["cp"], p, effect)},
    )


def tolerance(drug: str = "stimulates") -> ODE:
    r"""Turnover of a response and its precursor, which runs out: tolerance and rebound.

    .. math:: \dot P = K_0 - (K_S + K_P H(c_p)) P, \quad \dot R = K_P H(c_p) P - K_{out} R, \qquad
        P(0) = \frac{K_0}{K_S + K_P}, \quad R(0) = \frac{K_P P(0)}{K_{out}}

    with H = 1 + EMAX c / (EC50 + c), or 1 - IMAX c / (IC50 + c).

    Parameters
    ----------
    drug : {"stimulates", "inhibits"}
        What it does to the step from precursor to response. K0 [amount/time], KP, KS, KOUT [1/time] (KS: loss
        of the precursor on another way), and EMAX, EC50 or IMAX, IC50.

    References
    ----------
    Sharma, Ebling & Jusko 1998, J Pharm Sci 87:1577-1584.

    Examples
    --------
    >>> tolerance().compartments
    ('precursor', 'response')
    """
    _chosen(drug, ("stimulates", "inhibits"), "drug")

    def rates(y: Any, p: Any) -> dict[str, Any]:
        change = p.EMAX * p.cp / (p.EC50 + p.cp) if drug == "stimulates" else -p.IMAX * p.cp / (p.IC50 + p.cp)
        made = p.KP * (1 + change) * y.precursor
        return {"precursor": p.K0 - p.KS * y.precursor - made, "response": made - p.KOUT * y.response}

    def initial(p: Any) -> dict[str, Any]:
        precursor = p.K0 / (p.KS + p.KP)
        return {"precursor": precursor, "response": p.KP * precursor / p.KOUT}

    return ODE(rates, initial=initial, name="tolerance")


def effect_compartment(effect: str = "emax") -> ODE:
    r"""An effect that follows the concentration ce of a hypothetical compartment.

    .. math:: \dot c_e = K_{E0} (c_p - c_e), \qquad
        E = E_0 + E_{max} c_e^\gamma / (EC_{50}^\gamma + c_e^\gamma)

    Parameters
    ----------
    effect : {"linear", "log", "emax", "sigmoid"}
        E0 + SLOPE ce; E0 + SLOPE log(1 + ce); with EMAX and EC50; with GAMMA besides. KE0 [1/time].

    References
    ----------
    Sheiner et al. 1979, doi:10.1002/cpt1979253358.

    Examples
    --------
    >>> effect_compartment("linear").parameters
    ('KE0', 'cp', 'E0', 'SLOPE')
    """
    _chosen(effect, _SHAPES, "effect")
    return ODE(
        lambda y, p: {"ce": p.KE0 * (p.cp - y.ce)},
        outputs=lambda y, p: {"effect": _effect(y.ce, p, effect)},
        name="effect_compartment",
    )


def indirect_response(drug: str = "inhibits production") -> ODE:
    r"""A response whose production or loss the drug inhibits or stimulates (models I to IV).

    .. math:: \dot R = K_{in} (1 \pm H(c_p)) - K_{out} R, \quad \text{or} \quad
        K_{in} - K_{out} (1 \pm H(c_p)) R, \qquad
        R(0) = K_{in} / K_{out}, \quad H = I_{max} c / (IC_{50} + c)

    Parameters
    ----------
    drug : str
        "inhibits production" (I), "inhibits loss" (II), "stimulates production" (III), "stimulates loss"
        (IV). Parameters KIN [response/time], KOUT [1/time], and IMAX, IC50 or EMAX, EC50.

    References
    ----------
    Dayneka, Garg & Jusko 1993, doi:10.1007/BF01061691.

    Examples
    --------
    >>> indirect_response("stimulates loss").parameters
    ('KIN', 'KOUT', 'EMAX', 'cp', 'EC50')
    """
    _chosen(drug, _INDIRECT, "drug")
    what, where = drug.split()

    def rates(y: Any, p: Any) -> dict[str, Any]:
        if what == "inhibits":
            factor = 1 - p.IMAX * p.cp / (p.IC50 + p.cp) if where == "production" else None
            production = p.KIN * factor if factor is not None else p.KIN
            loss = p.KOUT if factor is not None else p.KOUT * (1 - p.IMAX * p.cp / (p.IC50 + p.cp))
        else:
            production, loss = p.KIN, p.KOUT
            if where == "production":
                production = production * (1 + p.EMAX * p.cp / (p.EC50 + p.cp))
            else:
                loss = loss * (1 + p.EMAX * p.cp / (p.EC50 + p.cp))
        return {"response": production - loss * y.response}

    return ODE(rates, initial=lambda p: {"response": p.KIN / p.KOUT}, name="indirect_response")


def myelosuppression(effect: str = "linear") -> ODE:
    r"""Neutrophils under a drug that kills proliferating cells, with feedback.

    .. math:: \dot P = k P \left((1 - E(c_p)) (CIRC_0 / C)^\gamma - 1\right), \quad
        \dot T_1 = k (P - T_1), \dots, \quad
        \dot C = k (T_3 - C), \qquad k = 4 / MTT

    Parameters
    ----------
    effect : {"linear", "emax"}
        E = SLOPE cp, or EMAX cp / (EC50 + cp). MTT [time], CIRC0 [cells/volume], GAMMA.

    References
    ----------
    Friberg et al. 2002, doi:10.1200/JCO.2002.02.140.

    Examples
    --------
    >>> myelosuppression().compartments
    ('prol', 'transit1', 'transit2', 'transit3', 'circ')
    """
    _chosen(effect, ("linear", "emax"), "effect")
    chain = ("prol", "transit1", "transit2", "transit3", "circ")

    def rates(y: Any, p: Any) -> dict[str, Any]:
        k = 4 / p.MTT
        kill = p.SLOPE * p.cp if effect == "linear" else p.EMAX * p.cp / (p.EC50 + p.cp)
        rates = {"prol": k * y.prol * ((1 - kill) * (p.CIRC0 / y.circ) ** p.GAMMA - 1)}
        return rates | {b: k * (y[a] - y[b]) for a, b in zip(chain, chain[1:], strict=False)}

    return ODE(rates, initial=lambda p: dict.fromkeys(chain, p.CIRC0), name="myelosuppression")
