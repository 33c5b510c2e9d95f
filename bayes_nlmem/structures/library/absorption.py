"""How a drug gets in: at a constant rate, in two ways, after a delay, in two peaks, and again from the bile.

Each adds its absorption to a disposition: a compartment structure without absorption, `michaelis_menten`, or
any equations with a compartment ``central``. Doses without CMT are absorbed; doses with CMT = central go
straight in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln

from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.structures.compartments import OneCompartment
from bayes_nlmem.structures.composition import as_equations
from bayes_nlmem.structures.extension import extended
from bayes_nlmem.structures.ode import ODE


def _disposition(structure: Any) -> ODE:
    """The disposition as equations, refused if it absorbs already."""
    given = as_equations(OneCompartment() if structure is None else structure)
    if "central" not in given.compartments or "depot" in given.compartments:
        raise ModelError(
            explain(
                expected="a disposition with a compartment `central` and without `depot`",
                got=f"the compartments {', '.join(given.compartments)}",
                remedy="Give it without absorption, say bn.TwoCompartment().",
            )
        )
    return given


def _from_depot(y: Any, p: Any, d: Any) -> dict[str, Any]:
    absorbed = p.KA * y.depot
    return {"depot": -absorbed, "central": d["central"] + absorbed}


def zero_order_absorption(disposition: Any = None, *, into: str = "central") -> ODE:
    r"""A dose enters at a constant rate over the time TK0.

    .. math:: r(t) = F\,D / T_{k0}, \qquad 0 < t - t_D \le T_{k0}

    Parameters
    ----------
    disposition : structure, optional
        One compartment by default.
    into : {"central", "depot"}
        Straight into the circulation, or into a depot from which a first-order process (KA [1/time]) absorbs.

    Raises
    ------
    ModelError
        `into` is neither word.

    Notes
    -----
    TK0 [time] is a duration like any other: the derivatives at its end are exact.

    Examples
    --------
    >>> zero_order_absorption(into="depot").parameters
    ('TK0', 'KA', 'CL', 'V')
    """
    if into not in ("central", "depot"):
        raise ModelError(explain(expected="into='central' or 'depot'", got=repr(into)))
    depot = into == "depot"
    return extended(
        _disposition(disposition),
        _from_depot if depot else lambda y, p, d: {},
        compartments=("depot",) * depot,
        parameters=("TK0", "KA") if depot else ("TK0",),
        routes={"oral": into},
        inputs=lambda p: {"D_oral": p.TK0},
        dose=into,
    )


def mixed_absorption(disposition: Any = None, *, order: str = "parallel") -> ODE:
    r"""A fraction FZ of a dose enters at a constant rate over TK0, the rest by first order from a depot.

    Parameters
    ----------
    disposition : structure, optional
        One compartment by default.
    order : {"parallel", "sequential"}
        The first-order process begins with the dose, or when the other ends (after TK0). FZ (0 to 1), TK0
        [time], KA [1/time].

    Raises
    ------
    ModelError
        `order` is neither word.

    Examples
    --------
    >>> mixed_absorption(order="sequential").parameters
    ('FZ', 'TK0', 'KA', 'CL', 'V')
    """
    if order not in ("parallel", "sequential"):
        raise ModelError(explain(expected="order='parallel' or 'sequential'", got=repr(order)))

    def inputs(p: Any) -> dict[str, Any]:
        later = {"ALAG_first": p.TK0} if order == "sequential" else {}
        return {"F_zero": p.FZ * 1, "D_zero": p.TK0 * 1, "F_first": 1 - p.FZ} | later

    return extended(
        _disposition(disposition),
        _from_depot,
        compartments=("depot",),
        parameters=("FZ", "TK0", "KA"),
        routes={"zero": "central", "first": "depot"},
        inputs=inputs,
        dose="depot",
    )


def double_absorption(disposition: Any = None) -> ODE:
    r"""Two peaks: a fraction F1 is absorbed with KA1 at once, the rest with KA2 after a further delay LAG2.

    .. math:: \dot A_{d1} = -K_{A1} A_{d1}, \quad \dot A_{d2} = -K_{A2} A_{d2}, \quad
        \dot A_c = \dots + K_{A1} A_{d1} + K_{A2} A_{d2}

    Parameters F1 (0 to 1), KA1, KA2 [1/time], LAG2 [time].

    Examples
    --------
    >>> double_absorption().compartments
    ('depot', 'depot2', 'central')
    """

    def rates(y: Any, p: Any, d: Any) -> dict[str, Any]:
        one, two = p.KA1 * y.depot, p.KA2 * y.depot2
        return {"depot": -one, "depot2": -two, "central": d["central"] + one + two}

    return extended(
        _disposition(disposition),
        rates,
        compartments=("depot", "depot2"),
        parameters=("F1", "KA1", "KA2", "LAG2"),
        routes={"early": "depot", "late": "depot2"},
        inputs=lambda p: {"F_early": p.F1 * 1, "F_late": 1 - p.F1, "ALAG_late": p.LAG2 * 1},
        dose="depot",
    )


def transit_absorption(n: int | None = None, disposition: Any = None) -> ODE:
    r"""Absorption through a chain of transit compartments, whose number need not be whole.

    With `n` given there are that many compartments before the depot,

    .. math:: \dot a_1 = -k_{tr} a_1, \quad \dot a_i = k_{tr} (a_{i-1} - a_i), \quad
        \dot A_d = k_{tr} a_n - K_A A_d, \quad k_{tr} = n / MTT

    without it the number NN is a parameter and a dose enters the depot at the rate

    .. math:: r(\tau) = F D\, k_{tr} \frac{(k_{tr} \tau)^{N} e^{-k_{tr} \tau}}{\Gamma(N + 1)}, \qquad
        k_{tr} = (N + 1) / MTT

    at time tau after it arrived. All doses add up, exactly, however closely they follow each other.

    Parameters
    ----------
    n : int, optional
        Number of compartments, the one that receives the dose included; by default NN, a parameter.
    disposition : structure, optional
        One compartment by default. MTT [time], KA [1/time], NN.

    Raises
    ------
    ModelError
        `n` is no whole number, or below 1.

    Notes
    -----
    MTT is the mean time from the dose to the depot. NN = n - 1 is the same as `n` compartments: Savic counts
    without the one that receives the dose.

    References
    ----------
    Savic et al. 2007, doi:10.1007/s10928-007-9066-0.

    Examples
    --------
    >>> transit_absorption(2).compartments
    ('transit1', 'transit2', 'depot', 'central')
    >>> transit_absorption().parameters
    ('NN', 'MTT', 'KA', 'CL', 'V')
    """
    if n is None:
        return extended(
            _disposition(disposition),
            _from_depot,
            compartments=("depot",),
            parameters=("NN", "MTT", "KA"),
            input_rates=lambda tad, p: {"depot": _gamma_density(tad, p.NN, (p.NN + 1) / p.MTT)},
            dose="depot",
        )
    if not isinstance(n, int) or n < 1:
        raise ModelError(explain(expected="a whole number of transit compartments, at least 1", got=repr(n)))

    def rates(y: Any, p: Any, d: Any) -> dict[str, Any]:
        k = n / p.MTT
        flows = [k * y[f"transit{i}"] for i in range(1, n + 1)]
        chain = {"transit1": -flows[0]}
        for i in range(2, n + 1):
            chain[f"transit{i}"] = flows[i - 2] - flows[i - 1]
        absorbed = p.KA * y.depot
        return chain | {"depot": flows[-1] - absorbed, "central": d["central"] + absorbed}

    return extended(
        _disposition(disposition),
        rates,
        compartments=(*(f"transit{i}" for i in range(1, n + 1)), "depot"),
        parameters=("MTT", "KA"),
        dose="transit1",
    )


def _gamma_density(tad: Any, n: Any, k: Any) -> Any:
    """Density of the sum of n + 1 exponential times with rate k."""
    x = np.where(tad > 0, k * tad, 1.0)
    return np.where(tad > 0, k * np.exp(n * np.log(x) - x - gammaln(n + 1)), np.where(n > 0, 0.0, k))


# Share of TD before which a Weibull input, infinite at the beginning for B < 1, is cut off.
_START = 1e-5
_INPUTS = ("weibull", "inverse-gaussian", "gamma")


def input_rate_absorption(kind: str = "weibull", disposition: Any = None) -> ODE:
    r"""A dose enters the circulation at a rate that is a density of the time tau since it was taken.

    ================ ======================================================================
    kind             rate per unit of the dose
    ================ ======================================================================
    weibull          (B / TD) (tau / TD)^(B - 1) exp(-(tau / TD)^B)
    inverse-gaussian sqrt(MAT / (2 pi NV2 tau^3)) exp(-(tau - MAT)^2 / (2 NV2 MAT tau))
    gamma            k (k tau)^NN exp(-k tau) / Gamma(NN + 1), k = (NN + 1) / MAT
    ================ ======================================================================

    Parameters
    ----------
    kind : {"weibull", "inverse-gaussian", "gamma"}
        TD, MAT [time] (63 % have entered by TD; MAT is the mean), B and NN (shapes), NV2 (relative variance).
    disposition : structure, optional
        One compartment by default.

    Raises
    ------
    ModelError
        An unknown `kind`; the valid ones are named.

    Notes
    -----
    Doses add up. With B below 1 Weibull's rate is infinite when the dose is taken: it is cut off during the
    first 1e-5 TD, and what is missing enters at once (route ``begun``). Gradients with respect to a lag are
    less precise then.

    References
    ----------
    Piotrovskii 1987, J Pharmacokinet Biopharm 15:681-686 (Weibull). Weiss 1996, Pharm Res 13:1547-1553
    (inverse Gaussian).

    Examples
    --------
    >>> input_rate_absorption("inverse-gaussian").parameters
    ('MAT', 'NV2', 'CL', 'V')
    """
    if kind not in _INPUTS:
        raise ModelError(
            explain(
                expected=f"kind to be one of {', '.join(_INPUTS)}",
                got=repr(kind),
                remedy=closest(str(kind), _INPUTS) or None,
            )
        )

    def density(tad: Any, p: Any) -> dict[str, Any]:
        if kind == "gamma":
            return {"central": _gamma_density(tad, p.NN, (p.NN + 1) / p.MAT)}
        if kind == "weibull":
            x = np.maximum(tad / p.TD, _START)
            return {"central": p.B / p.TD * np.exp((p.B - 1) * np.log(x) - x**p.B)}
        later = np.where(tad > 0, tad, 1.0)
        rate = np.sqrt(p.MAT / (2 * np.pi * p.NV2 * later**3))
        rate = rate * np.exp(-((later - p.MAT) ** 2) / (2 * p.NV2 * p.MAT * later))
        return {"central": np.where(tad > 0, rate, 0.0)}

    def begun(p: Any) -> dict[str, Any]:
        """Share that enters before _START TD, above what the rate that was cut off brings."""
        x = np.exp(p.B * np.log(_START))
        return {"F_begun": np.maximum(-np.expm1(-x) - p.B * x * np.exp(-x), 0.0)}

    weibull = kind == "weibull"
    names = {"weibull": ("TD", "B"), "inverse-gaussian": ("MAT", "NV2"), "gamma": ("NN", "MAT")}[kind]
    return extended(
        _disposition(disposition),
        lambda y, p, d: {},
        parameters=names,
        routes={"oral": "central"} | ({"begun": "central"} if weibull else {}),
        inputs=begun if weibull else None,
        input_rates=lambda tad, p: {"oral": density(tad, p)["central"]},
        dose="central",
    )


def enterohepatic_recirculation(disposition: Any = None) -> ODE:
    r"""Part of what is eliminated goes with the bile into the gall bladder and comes back through the gut.

    .. math:: \dot A_g = -K_A A_g + K_{GB} A_b, \quad \dot A_c = \dots + K_A A_g - K_B A_c, \quad
        \dot A_b = K_B A_c - K_{GB} A_b

    Doses go into the gut (compartment ``depot``); parameters KA, KB (into bile), KGB (gall bladder to gut)
    [1/time] besides those of the disposition.

    References
    ----------
    Roberts et al. 2002, Clin Pharmacokinet 41:751-790 (review of the models).

    Examples
    --------
    >>> enterohepatic_recirculation().compartments
    ('depot', 'bile', 'central')
    """

    def rates(y: Any, p: Any, d: Any) -> dict[str, Any]:
        absorbed, secreted, emptied = p.KA * y.depot, p.KB * y.central, p.KGB * y.bile
        return {
            "depot": emptied - absorbed,
            "bile": secreted - emptied,
            "central": d["central"] + absorbed - secreted,
        }

    return extended(
        _disposition(disposition),
        rates,
        compartments=("depot", "bile"),
        parameters=("KA", "KB", "KGB"),
        dose="depot",
    )
