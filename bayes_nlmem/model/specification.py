"""The specification: parameters, correlations, residual errors around a structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.priors import LKJ, Prior
from bayes_nlmem.ground.scales import Log, Scale
from bayes_nlmem.statistics.covariates import CovariateEffect
from bayes_nlmem.statistics.residuals import Residual


@dataclass(frozen=True)
class Parameter:
    """One parameter of the structure, from its typical value to its variability.

    Parameters
    ----------
    typical : float or Prior
        Typical value, in the parameter's unit; a number is known, a prior is unknown.
    iiv : float or Prior, optional
        Standard deviation of the inter-individual random effect on `scale`; None or 0 is none.
    iov : float or Prior, optional
        Standard deviation of the inter-occasion random effect on `scale`; None or 0 is none.
    covariates : mapping of name to CovariateEffect, optional
        Effects of covariates.
    scale : Scale
        Where effects and random effects add: `Log()` (default), `Natural()` or `Logit(lower, upper)`.
    unit, label : str
        For tables.
    """

    typical: float | Prior
    iiv: float | Prior | None = None
    iov: float | Prior | None = None
    covariates: Mapping[str, CovariateEffect] = FrozenMapping()
    scale: Scale = Log()
    unit: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariates", FrozenMapping(self.covariates))
        for name in ("iiv", "iov"):
            value = getattr(self, name)
            if not isinstance(value, Prior) and value == 0:
                object.__setattr__(self, name, None)


@dataclass(frozen=True, init=False, repr=False)
class Correlated:
    """A block of parameters whose inter-individual random effects are correlated.

    Parameters
    ----------
    *names : str
        Two or more parameters with `iiv`.
    prior : LKJ
        Prior of the correlation matrix.

    Examples
    --------
    >>> Correlated("CL", "V").names
    ('CL', 'V')
    """

    names: tuple[str, ...]
    prior: LKJ

    def __init__(self, *names: str, prior: LKJ = LKJ(2)) -> None:
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "prior", prior)

    def __repr__(self) -> str:
        return f"Correlated({', '.join(map(repr, self.names))}, prior={self.prior!r})"


@dataclass(frozen=True, kw_only=True, repr=False)
class Model:
    """A nonlinear mixed-effects model: structure, parameters, correlations and residual errors.

    Parameters
    ----------
    structure : Structure
        Predicts the outputs from the individual parameters.
    parameters : mapping of name to Parameter
        All parameters the structure needs, and optional ones it accepts.
    residuals : mapping of output to Residual
        Residual error of every observed output.
    correlated : sequence of Correlated
        Blocks of correlated random effects.
    name : str, optional
        Name for tables and reports.
    """

    structure: Any
    parameters: Mapping[str, Parameter]
    residuals: Mapping[str, Residual]
    correlated: Sequence[Correlated] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", FrozenMapping(self.parameters))
        object.__setattr__(self, "residuals", FrozenMapping(self.residuals))
        object.__setattr__(self, "correlated", tuple(self.correlated))

    @property
    def random_effects(self) -> tuple[str, ...]:
        """Parameters with inter-individual variability, in order."""
        return tuple(name for name, parameter in self.parameters.items() if parameter.iiv is not None)

    @property
    def occasion_effects(self) -> tuple[str, ...]:
        """Parameters with inter-occasion variability, in order."""
        return tuple(name for name, parameter in self.parameters.items() if parameter.iov is not None)

    @property
    def covariates(self) -> tuple[str, ...]:
        """All covariates that have an effect, each once."""
        return tuple(dict.fromkeys(c for p in self.parameters.values() for c in p.covariates))
