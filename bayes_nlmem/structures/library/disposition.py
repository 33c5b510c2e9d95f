"""Pharmacokinetics that have no closed form: saturable elimination, a metabolite."""

from __future__ import annotations

from typing import Any

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.structures.ode import ODE


def michaelis_menten(n: int = 1, *, absorption: str | None = None, linear: bool = False) -> ODE:
    r"""Saturable elimination from one to three compartments, with a linear one beside it if wanted.

    .. math:: \dot A_1 = \text{input} - \frac{V_M c}{K_M + c} - CL\, c - \sum_i Q_i (c - A_i / V_i), \quad
        c = A_1 / V_1

    Parameters
    ----------
    n : int
        Compartments. Parameters VM [amount/time], KM [amount/volume], V1 and, for each further compartment,
        Qi, Vi.
    absorption : None or "first-order"
        A depot with rate constant KA [1/time].
    linear : bool
        Whether CL [volume/time] eliminates too.

    Raises
    ------
    ModelError
        `n` is not 1, 2 or 3, or an unknown absorption.

    References
    ----------
    Wagner 1973, J Pharmacokinet Biopharm 1:103-121.

    Examples
    --------
    >>> michaelis_menten(2, absorption="first-order", linear=True).parameters
    ('KA', 'VM', 'KM', 'V1', 'CL', 'Q2', 'V2')
    """
    if n not in (1, 2, 3) or absorption not in (None, "first-order"):
        raise ModelError(
            explain(
                expected="n = 1, 2 or 3 and absorption None or 'first-order'", got=f"n={n!r}, {absorption!r}"
            )
        )

    def rates(y: Any, p: Any) -> dict[str, Any]:
        depot = {"depot": -p.KA * y.depot} if absorption else {}
        c = y.central / p.V1
        central = (p.KA * y.depot if absorption else 0.0) - p.VM * c / (p.KM + c)
        if linear:
            central = central - p.CL * c
        others = {}
        for i in range(2, n + 1):
            name = "peripheral" if n == 2 else f"peripheral{i - 1}"
            others[name] = p[f"Q{i}"] * (c - y[name] / p[f"V{i}"])
            central = central - others[name]
        return depot | {"central": central} | others

    names = ("KA",) * bool(absorption) + ("VM", "KM", "V1") + ("CL",) * linear
    names += tuple(name for i in range(2, n + 1) for name in (f"Q{i}", f"V{i}"))
    return ODE(
        rates, outputs=lambda y, p: {"cp": y.central / p.V1}, parameters=names, name="michaelis_menten"
    )


def parent_metabolite(*, absorption: str | None = "first-order") -> ODE:
    r"""A parent whose fraction FM is eliminated into a metabolite.

    .. math:: \dot A_p = \text{input} - \tfrac{CL}{V} A_p, \qquad
        \dot A_m = F_M \tfrac{CL}{V} A_p - \tfrac{CL_M}{V_M} A_m

    Outputs cp and cm. Parameters CL, CLM [volume/time], V, VM [volume], FM (0 to 1), KA [1/time]; amounts of
    the metabolite are in units of the parent.

    References
    ----------
    Gibaldi & Perrier 1982, Pharmacokinetics, 2nd edition.

    Examples
    --------
    >>> parent_metabolite().outputs[:2]
    ('cp', 'cm')
    """

    def rates(y: Any, p: Any) -> dict[str, Any]:
        eliminated = p.CL / p.V * y.central
        depot = {"depot": -p.KA * y.depot} if absorption else {}
        central = (p.KA * y.depot if absorption else 0.0) - eliminated
        return depot | {"central": central, "metabolite": p.FM * eliminated - p.CLM / p.VM * y.metabolite}

    return ODE(
        rates,
        outputs=lambda y, p: {"cp": y.central / p.V, "cm": y.metabolite / p.VM},
        parameters=("KA",) * bool(absorption) + ("CL", "V", "FM", "CLM", "VM"),
        name="parent_metabolite",
    )
