"""Allometry: clearances and volumes that scale with body size."""

from __future__ import annotations

from dataclasses import dataclass

from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.values import admitted, refusal
from bayes_nlmem.statistics.covariates import Power


@dataclass(frozen=True)
class Allometry:
    """The effects of size, for parameters that are clearances and for those that are volumes.

    Parameters
    ----------
    clearance, volume : Power
        Effects to put under the name of the covariate, usually weight.
    """

    clearance: Power
    volume: Power


def allometry(
    *, reference: float = 70.0, clearance: float | Prior = 0.75, volume: float | Prior = 1.0
) -> Allometry:
    r"""Effects of body size: CL = CL_pop * (WT / reference)^0.75 and V = V_pop * (WT / reference)^1.

    `clearance` is for elimination and distribution clearances (CL, Q), `volume` for all volumes; a rate
    constant or a half-life then scales by itself. NONMEM `CL = THETA(1)*(WT/70)**0.75`; Monolix: the
    covariate log(WT/70) with fixed or estimated beta; nlmixr2 `cl <- exp(tcl + eta.cl)*(WT/70)^0.75`.

    A prior makes the exponent unknown, and each parameter that has the effect then has its own:
    `CL_WT`, `Q_WT`, ...

    Parameters
    ----------
    reference : float
        Size at which the parameters are the typical ones, > 0, in the unit of the covariate.
    clearance, volume : float or Prior
        Exponents; a number is known, a prior is unknown.

    Returns
    -------
    Allometry
        With the effects `clearance` and `volume`.

    Raises
    ------
    ModelError
        If an exponent is neither number nor prior, or the reference is not positive.

    References
    ----------
    Anderson & Holford 2008, doi:10.1146/annurev.pharmtox.48.113006.094708.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> size = bn.allometry(reference=70, clearance=bn.Normal(0.75, 0.1))
    >>> model = bn.Model(
    ...     structure=bn.TwoCompartment(),
    ...     parameters={
    ...         "CL": bn.Parameter(bn.about(5.0), iiv=bn.about(0.3), covariates={"WT": size.clearance}),
    ...         "V1": bn.Parameter(bn.about(20.0), iiv=bn.about(0.3), covariates={"WT": size.volume}),
    ...         "Q": bn.Parameter(bn.about(8.0), covariates={"WT": size.clearance}),
    ...         "V2": bn.Parameter(bn.about(40.0), covariates={"WT": size.volume}),
    ...     },
    ...     residuals={"cp": bn.Proportional(bn.about(0.2))},
    ... )
    >>> print(bn.equations(model).split("\n\n")[0])
    Individual parameters
      CL_i = CL_pop · (WT_i/70)^CL_WT · exp(eta_CL,i)
      V1_i = V1_pop · (WT_i/70) · exp(eta_V1,i)
      Q_i  = Q_pop · (WT_i/70)^Q_WT
      V2_i = V2_pop · (WT_i/70)
    """
    problems = [
        *admitted(clearance, "the exponent of clearance")[1],
        *admitted(volume, "the exponent of volume")[1],
    ]
    if problems:
        raise refusal(problems, "allometry is not well stated")
    return Allometry(clearance=Power(clearance, reference), volume=Power(volume, reference))
