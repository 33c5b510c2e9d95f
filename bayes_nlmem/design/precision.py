"""`expected_precision(model, design, at=...)`: the standard errors that a planned study will have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.design.candidates import Candidates, Planned, candidates, plan
from bayes_nlmem.design.information import (
    averaged_information,
    information_of,
    predicted_shrinkage,
    prior_information,
)
from bayes_nlmem.design.quantities import Reported, reported
from bayes_nlmem.design.simulated_information import simulated_information
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import Printed, notebook, printed
from bayes_nlmem.marginal.point import point_of
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.limits import Limit

METHODS = ("fo", "foce", "simulated")
_DRAWS = {"fo": 0, "foce": 100, "simulated": 1000}
_SINGULAR = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class Precision:
    """What a planned study is expected to teach.

    Parameters
    ----------
    table : DataFrame
        One row per parameter: value, SE, RSE_PERCENT (NaN where nothing is learnt).
    information : DataFrame
        The Fisher information matrix of these parameters.
    shrinkage : DataFrame
        Predicted shrinkage of the random effects in percent, Var(eta | y) / omega^2, one row per arm.
    log_det : float
        Logarithm of the determinant, -inf if it is singular.
    unlearnt : tuple of str
        If it is singular: the combinations of parameters that the design cannot tell apart.
    n_subjects : int
        Number of subjects.
    method : str
        How the likelihood was linearised.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={
    ...         "CL": bn.Parameter(bn.about(1.0), iiv=0.3),
    ...         "V": bn.Parameter(bn.about(10.0), iiv=0.2),
    ...     },
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> design = bn.Design(bn.Arm(20, bn.Regimen(100), times=[1, 8, 24]))
    >>> values = {"CL_pop": 1.0, "V_pop": 10.0}
    >>> precision = bn.expected_precision(model, design, values, block_diagonal=True)
    >>> precision.table["RSE_PERCENT"].round(1).to_dict()
    {'CL_pop': 6.8, 'V_pop': 4.9}
    """

    table: pd.DataFrame
    information: pd.DataFrame
    shrinkage: pd.DataFrame
    log_det: float
    unlearnt: tuple[str, ...]
    n_subjects: int
    method: str

    @property
    def criterion(self) -> float:
        """D-criterion, det^(1/p): ratios of it are ratios of numbers of subjects."""
        return float(np.exp(self.log_det / len(self.table)))

    def efficiency(self, reference: Precision) -> float:
        """Relative D-efficiency: 1.2 does with 100 subjects what the reference does with 120.

        It is infinite if the reference cannot learn all parameters, however many subjects it has.

        Raises
        ------
        FitError
            The two speak of different parameters.
        """
        if list(self.table.index) != list(reference.table.index):
            raise FitError(
                explain(
                    expected="two designs for the same parameters",
                    got=f"{', '.join(self.table.index)} and {', '.join(reference.table.index)}",
                )
            )
        if reference.unlearnt:
            return float("nan") if self.unlearnt else float("inf")
        return self.criterion / reference.criterion

    def power(self, name: str, *, difference: float, level: float = 0.05) -> float:
        r"""Power of Wald's test that a parameter is away from some value.

        .. math:: P = 1 - \Phi(z_{1-\alpha/2} - |d|/SE) + \Phi(-z_{1-\alpha/2} - |d|/SE)

        Parameters
        ----------
        name : str
            Row of the table, for example a covariate coefficient.
        difference : float
            True value minus tested value.
        level : float
            Two-sided level.
        """
        from scipy.stats import norm

        shift, z = abs(difference) / self._se(name), norm.ppf(1 - level / 2)
        return float(norm.sf(z - shift) + norm.cdf(-z - shift))

    def subjects_needed(
        self,
        name: str,
        *,
        rse: float | None = None,
        power: float | None = None,
        difference: float | None = None,
        level: float = 0.05,
    ) -> int:
        """Subjects needed, in the proportions of this design, for a precision or a power.

        Parameters
        ----------
        name : str
            Row of the table.
        rse : float
            Wanted relative standard error in percent.
        power : float
            Wanted power of Wald's test.
        difference, level : float
            Of that test, as in `power`.

        Raises
        ------
        FitError
            Both or neither of `rse` and `power`; a power without a difference, or a difference without one.
        """
        from scipy.stats import norm

        se = self._se(name)
        if (rse is None) == (power is None):
            raise FitError(explain(expected="either rse= or power=", got="both" if rse else "neither"))
        if (power is None) != (difference is None):
            got = "a power without a difference" if difference is None else "a difference without a power"
            raise FitError(explain(expected="power= and difference= together", got=got))
        if rse is not None:
            wanted = abs(self._of(name, "value")) * rse / 100
        else:
            z = norm.ppf(1 - level / 2) + norm.ppf(power)
            wanted = abs(difference) / z  # type: ignore[arg-type]
        return int(np.ceil(self.n_subjects * (se / wanted) ** 2 - 1e-9))

    def _se(self, name: str) -> float:
        if name not in self.table.index:
            raise FitError(
                explain(
                    expected=f"one of {', '.join(self.table.index)}", got=repr(name), remedy="Choose one."
                )
            )
        return self._of(name, "SE")

    def _of(self, name: str, column: str) -> float:
        return float(self.table[column].loc[name])

    def _parts(self) -> list[str | Printed]:
        head = f"Expected precision of {self.n_subjects} subjects ({self.method}), log det {self.log_det:.5g}"
        parts: list[str | Printed] = [head, printed(self.table)]
        if len(self.shrinkage.columns):
            parts += ["Predicted shrinkage, %", printed(self.shrinkage, digits=3)]
        if self.unlearnt:
            parts.append("The design cannot tell:\n" + "\n".join(f"  - {line}" for line in self.unlearnt))
        return parts

    def __repr__(self) -> str:
        return "\n\n".join(part if isinstance(part, str) else part.text() for part in self._parts())

    def _repr_html_(self) -> str:
        return notebook(*self._parts())


def expected_precision(
    model: Model,
    design: Design | Arm,
    at: Any,
    *,
    method: str = "fo",
    block_diagonal: bool | None = None,
    variances: bool = False,
    priors: bool = False,
    draws: int | None = None,
    lloq: Limit = None,
    seed: int | None = None,
) -> Precision:
    r"""Population Fisher information of a design, and the standard errors it promises.

    The likelihood is linearised in the random effects (Mentre, Mallet & Baccar 1997; Bazzoli, Retout &
    Mentre 2009): y_i is normal with mean f and covariance J Omega J^T + S.

    Parameters
    ----------
    model : Model
        What is estimated are its priors; its known numbers are known (FIX).
    design : Design or Arm
        The planned study.
    at : mapping or learnt result
        Values of the unknown parameters by name (`{"CL_pop": 0.15, "omega_CL": 0.26, ...}`), or a fit.
    method : {"fo", "foce", "simulated"}
        Linearise at effects of zero; average over effects drawn from their distribution; or without any
        linearisation, from the scores of simulated subjects (for counts, categories, events, and where many
        values are below the limit of quantification).
    block_diagonal : bool, optional
        Keep fixed effects and variances apart ("reduced" in PopED, PFIM's matrix, NONMEM's FIMDIAG=1): the
        default of the linearisations, since their full matrix counts the change of the linearised variance
        with a typical value as information about it, and promises standard errors that refits do not reach.
    variances : bool
        Report omega^2 and sigma^2, as NONMEM, PopED and PFIM do, in place of standard deviations.
    priors : bool
        Add what the priors know (Bayesian information), as the curvature of their log-density.
    draws : int, optional
        Draws of the effects for "foce" (100), subjects simulated per arm for "simulated" (1000; standard
        errors then have a Monte Carlo error of about 100 / sqrt(2 draws) percent).
    lloq : float or mapping of output to float, optional
        For "simulated": limit of quantification below which values are censored.
    seed : int, optional
        For covariates that are drawn, for "foce" and "simulated".

    Returns
    -------
    Precision

    Raises
    ------
    ModelError, DataError, FitError
        Model, design or values do not fit together.

    References
    ----------
    Bazzoli, Retout & Mentre 2009, doi:10.1002/sim.3573

    Examples
    --------
    The fewer subjects, the larger the standard errors (see `Precision` for more):

    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.Function("y = A + 0 * t"),
    ...     parameters={"A": bn.Parameter(bn.Normal(5, 10), iiv=3.0, scale=bn.Natural())},
    ...     residuals={"y": bn.Additive(4.0)},
    ... )
    >>> found = bn.expected_precision(model, bn.Arm(25, None, times=[1]), {"A_pop": 5.0})
    >>> round(float(found.table.loc["A_pop", "SE"]), 6)
    1.0
    """
    if method not in METHODS:
        raise FitError(explain(expected=f"method one of {', '.join(METHODS)}", got=repr(method)))
    design = Design((design,)) if isinstance(design, Arm) else design
    if (method == "fo" and draws is not None) or (method != "simulated" and lloq is not None):
        raise FitError(
            explain(
                expected='draws= with "foce" or "simulated", lloq= with "simulated"',
                got=f"method={method!r}, for which it has no effect",
            )
        )
    draws = _DRAWS[method] if draws is None else draws
    if method == "simulated":
        return _simulated(model, design, at, block_diagonal, variances, priors, draws, lloq, seed)
    planned = plan(model, design, seed=seed)
    conditional = planned.conditional
    theta = point_of(conditional, at)
    found = candidates(planned, theta)
    apart = block_diagonal is not False
    total = information_of(found, block_diagonal=apart)
    if method == "foce":
        total = averaged_information(planned, theta, draws, np.random.default_rng(seed), apart)
    if priors:
        total = total + prior_information(conditional, theta)
    shown = reported(conditional, theta, variances=variances)
    return precision_of(shown, total, found, planned, design, method)


def _simulated(
    model: Model,
    design: Design,
    at: Any,
    block_diagonal: bool | None,
    variances: bool,
    priors: bool,
    draws: int,
    lloq: Limit,
    seed: int | None,
) -> Precision:
    if block_diagonal:
        raise FitError(explain(expected='block_diagonal=False with "simulated"', got="True"))
    total, conditional, theta = simulated_information(model, design, at, subjects=draws, lloq=lloq, seed=seed)
    if priors:
        total = total + prior_information(conditional, theta)
    shown = reported(conditional, theta, variances=variances)
    return precision_of(shown, total, (), None, design, "simulated")


def precision_of(
    shown: Reported,
    total: np.ndarray,
    found: Sequence[Candidates],
    planned: Planned | None,
    design: Design,
    method: str,
) -> Precision:
    """The result from the information on the unconstrained scale."""
    information = shown.information(total)
    scale = np.where(shown.values == 0, 1.0, np.abs(shown.values))
    relative = information * np.outer(scale, scale)
    roots, directions = np.linalg.eigh(relative)
    lost = roots <= _SINGULAR * max(roots.max(), 1e-300)
    se = np.full(len(scale), np.nan)
    if not lost.any():
        se = scale * np.sqrt(np.diag(np.linalg.inv(relative)))
    else:
        kept = ~((directions[:, lost] ** 2).sum(axis=1) > 1e-6)
        inverse = np.linalg.pinv(relative, rcond=_SINGULAR, hermitian=True)
        se[kept] = (scale * np.sqrt(np.diag(inverse)))[kept]
    sign, log_det = np.linalg.slogdet(information)
    table = pd.DataFrame(
        {"value": shown.values, "SE": se, "RSE_PERCENT": 100 * se / scale},
        index=pd.Index(shown.names, name="parameter"),
    )
    return Precision(
        table=table,
        information=pd.DataFrame(information, index=shown.names, columns=shown.names),
        shrinkage=pd.DataFrame() if planned is None else predicted_shrinkage(found, planned, design),
        log_det=float(log_det) if sign > 0 and not lost.any() else -np.inf,
        unlearnt=tuple(_in_words(shown.names, directions[:, k]) for k in np.flatnonzero(lost)),
        n_subjects=design.n_subjects,
        method=method,
    )


def _in_words(names: Sequence[str], direction: np.ndarray) -> str:
    """A direction without information: a parameter alone, or a combination."""
    direction = direction / np.abs(direction).max()
    large = [k for k in np.argsort(-np.abs(direction)) if abs(direction[k]) > 0.05]
    if len(large) == 1:
        return f"{names[large[0]]}: no sample depends on it"
    terms = " ".join(f"{direction[k]:+.2g} * d({names[k]})/{names[k]}" for k in large)
    return f"the combination {terms.removeprefix('+')}"
