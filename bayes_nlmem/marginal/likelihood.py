"""`log_likelihood(model, data, at=...)`: the likelihood with the random effects integrated out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import FitError, closest, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import CONVERGED, Modes, find_modes
from bayes_nlmem.marginal.first_order import fo, foce, focei
from bayes_nlmem.marginal.group_tables import block_table, group_effects
from bayes_nlmem.marginal.groups import GroupEffects, integrate_groups
from bayes_nlmem.marginal.importance import importance
from bayes_nlmem.marginal.integral import Integral
from bayes_nlmem.marginal.laplace import laplace
from bayes_nlmem.marginal.likelihood_tables import effect_table, subject_table
from bayes_nlmem.marginal.linearised import Linearisation
from bayes_nlmem.marginal.point import natural, point_of
from bayes_nlmem.marginal.quadrature import quadrature
from bayes_nlmem.marginal.separable import check_complete
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import translate

METHODS = {
    "importance": "importance sampling",
    "quadrature": "adaptive Gauss-Hermite quadrature",
    "laplace": "Laplace's approximation, exact Hessian",
    "focei": "first-order conditional estimation with interaction",
    "foce": "first-order conditional estimation",
    "fo": "first order",
}


@dataclass(frozen=True, eq=False, repr=False)
class LogLikelihood:
    """log p(y | theta) at one point, the random effects integrated out, subject by subject.

    Parameters
    ----------
    method : str
        How the integrals were computed.
    point : str
        What the point is: "given values", "posterior mean", "maximum likelihood estimate", "posterior mode
        estimate".
    at : mapping of str to ndarray
        The unknown population parameters' values on their natural scale.
    subjects : DataFrame
        One row per subject, or, where subjects share effects of a level above them, per block of subjects
        that do: ID, N_OBS, LOGLIK, SE (Monte Carlo error or last change, NaN where unknown),
        MINUS_TWICE, OFV, STATUS.
    effects : DataFrame
        One row per effect: ID, LEVEL (`eta`, `kappa`, `eta_SITE`, ...), OCCASION, PARAMETER, EBE (the mode),
        EBE_SD (from the curvature there; not for levels above the subject), and the conditional MEAN and SD
        where the method gives them.
    n_observations : int
        Number of observations.
    effort : int
        Nodes or draws per subject.
    seconds : float
        Time taken, compilation included.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("wang2007")
    >>> at = {"k_pop": 0.5, "omega_k": 0.2}
    >>> found = bn.log_likelihood(study.model, study.data, at=at, method="laplace")
    >>> found.subjects["STATUS"].unique().tolist()
    ['converged']
    """

    method: str
    point: str
    at: Mapping[str, np.ndarray]
    subjects: pd.DataFrame
    effects: pd.DataFrame
    n_observations: int
    effort: int
    seconds: float

    @property
    def value(self) -> float:
        """Log p(y | theta), all constants included."""
        return float(self.subjects["LOGLIK"].sum(skipna=False))

    @property
    def error(self) -> float:
        """Monte Carlo standard error of `value`; NaN where the method gives none."""
        if self.method != "importance":
            return float("nan")
        return float(np.sqrt((self.subjects["SE"] ** 2).sum(skipna=False)))

    @property
    def minus_twice(self) -> float:
        """-2 log p(y | theta), all constants included (Monolix's -2LL)."""
        return -2.0 * self.value

    @property
    def ofv(self) -> float:
        """NONMEM's objective function: -2LL without n log(2 pi), n the number of quantified normal values.

        Where the error is normal on the log scale it is the OFV of the logged data.
        """
        return float(self.subjects["OFV"].sum(skipna=False))

    @property
    def units(self) -> str:
        """What the rows of `subjects` are: "subjects", or "blocks of subjects" that share groups."""
        return "blocks of subjects" if "N_SUBJECTS" in self.subjects else "subjects"

    @property
    def converged(self) -> bool:
        """Whether every subject's value can be trusted as far as the method goes."""
        return bool((self.subjects["STATUS"] == CONVERGED).all())

    def __repr__(self) -> str:
        error = f" (Monte Carlo SE {2 * self.error:.2g})" if self.method == "importance" else ""
        bad = self.subjects[self.subjects["STATUS"] != CONVERGED]
        trust = (
            f"all {self.units} converged"
            if bad.empty
            else f"{len(bad)} {self.units} did not: "
            + ", ".join(f"{row.ID} ({row.STATUS})" for row in bad.head(8).itertuples())
        )
        return (
            f"-2 log-likelihood {self.minus_twice:.3f}{error}, NONMEM's OFV {self.ofv:.3f}, at the "
            f"{self.point}\n{METHODS[self.method]}; {len(self.subjects)} subjects, "
            f"{self.n_observations} observations; {trust}"
        )


def log_likelihood(
    model: Model,
    data: Dataset,
    *,
    at: Any,
    method: str = "importance",
    tolerance: float | None = None,
    most: int | None = None,
    seed: int | None = None,
    edit: Callable[[Any], Any] | None = None,
) -> LogLikelihood:
    r"""Log-likelihood of the population parameters, the random effects integrated out subject by subject.

    \log p(y | \theta) = \sum_i \log \int p(y_i | b_i, \theta) p(b_i | \theta) db_i, with b_i the subject's
    etas and the kappas of its occasions. No prior of \theta enters. Censored values and all outputs count as
    the graph has them.

    Parameters
    ----------
    model, data : Model, Dataset
        What is assumed and what was seen.
    at : mapping of str to float, or a learnt result
        Values of all unknown population parameters on their natural scale; a fit stands for its posterior
        mean.
    method : {"importance", "quadrature", "laplace", "focei", "foce", "fo"}
        "importance" (any number of effects, Monte Carlo error reported) and "quadrature" (a few effects) are
        exact up to their tolerance; the others are the approximations that NONMEM makes.
    tolerance : float, optional
        Of -2LL: standard error at which importance sampling stops (0.1), or change at which quadrature does
        (0.01).
    most : int, optional
        Largest number of draws or nodes per subject (20000).
    seed : int, optional
        Of importance sampling (0).
    edit : callable, optional
        Change of the graph, as in `fit`; a fit in `at` brings its own.

    Returns
    -------
    LogLikelihood

    Raises
    ------
    FitError
        Unknown method, an option that the method does not use, a point that is not one, a method that the
        model does not admit.

    References
    ----------
    Pinheiro & Bates 1995, doi:10.1080/10618600.1995.10474663; Wang 2007, doi:10.1007/s10928-007-9060-6

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("wang2007")
    >>> at = {"k_pop": 0.5, "omega_k": 0.2}
    >>> round(bn.log_likelihood(study.model, study.data, at=at, method="focei").ofv, 2)
    39.46
    """
    started = time.perf_counter()
    _check_options(method, tolerance, most, seed)
    if edit is None:
        edit = getattr(at, "edit", None)
    conditional = compiled_for(model, data, edit)
    check_complete(conditional)
    groups = GroupEffects(conditional)
    _check_linearised(conditional, method, groups.names)
    theta = point_of(conditional, at, zero=groups.names)
    options: dict[str, Any] = {"tolerance": tolerance, "most": most, "seed": seed}
    if groups.names:
        theta, modes, integral = integrate_groups(groups, theta, method, **options)
        of_units = block_table(groups, subject_table(conditional, modes.log_joint), integral)
        effects = pd.concat([effect_table(conditional, modes, None), group_effects(groups, theta)])
    else:
        modes, integral = integrate(conditional, theta, method, **options)
        of_units = subject_table(conditional, integral.log_likelihood)
        of_units.insert(3, "SE", integral.error)
        of_units["STATUS"] = integral.status
        effects = effect_table(conditional, modes, integral)
    seconds = time.perf_counter() - started
    return LogLikelihood(
        method=method,
        point=_point_words(at),
        at=FrozenMapping({k: v for k, v in natural(conditional, theta).items() if k not in groups.names}),
        subjects=of_units,
        effects=effects.reset_index(drop=True),
        n_observations=sum(len(seen.record) for seen in conditional.translation.observed.values()),
        effort=integral.effort,
        seconds=seconds,
    )


@lru_cache(maxsize=4)
def compiled_for(model: Model, data: Dataset, edit: Callable[[Any], Any] | None = None) -> Conditional:
    """The functions of a model and a study; the last few are kept: the next point compiles nothing."""
    return Conditional(translate(model, data, geometry="centred", edit=edit))


@lru_cache(maxsize=4)
def linearisation_of(conditional: Conditional) -> Linearisation:
    """Its linearisation, kept as long."""
    return Linearisation(conditional)


def integrate(
    conditional: Conditional,
    theta: np.ndarray,
    method: str,
    *,
    start: np.ndarray | None = None,
    tolerance: float | None = None,
    most: int | None = None,
    seed: int | None = None,
) -> tuple[Modes, Integral]:
    """Integrate the effects out at a point of the compiled functions; see `log_likelihood`."""
    given = {
        name: value
        for name, value in (("tolerance", tolerance), ("most", most), ("seed", seed))
        if value is not None
    }
    modes = find_modes(conditional, theta, start)
    if method == "quadrature":
        return modes, quadrature(conditional, modes, **given)  # type: ignore[arg-type]
    if method == "importance":
        return modes, importance(conditional, modes, **given)  # type: ignore[arg-type]
    if method == "laplace":
        return modes, laplace(modes, conditional.slots)
    linearisation = linearisation_of(conditional)
    if method == "focei":
        return modes, focei(conditional, linearisation, modes)
    if method == "foce":
        return modes, foce(conditional, linearisation, theta, modes.b)
    return modes, fo(conditional, linearisation, theta)


def _check_linearised(conditional: Conditional, method: str, above: tuple[str, ...]) -> None:
    """Refuse to linearise the predictions of a model that averages over classes, or over groups."""
    if method in ("focei", "foce", "fo") and above:
        raise FitError(
            explain(
                expected="method quadrature, importance or laplace for effects of levels above the subject",
                got=f"{method!r} with {', '.join(above)}",
                remedy='Use method="laplace": the subjects\' integrals stand inside those of the groups.',
            )
        )
    if method in ("focei", "foce", "fo") and "scenario" in conditional.graph.named_vars:
        raise FitError(
            explain(
                expected="method quadrature, importance or laplace for a likelihood averaged over classes",
                got=repr(method),
                remedy='It linearises the prediction of one class: use method="importance".',
            )
        )


def _point_words(at: Any) -> str:
    """What a point is: the posterior mean of draws, an estimate, or values."""
    if not hasattr(at, "draws"):
        return "given values"
    return f"{at.record.estimate} estimate" if hasattr(at.record, "estimate") else "posterior mean"


def _check_options(method: str, tolerance: float | None, most: int | None, seed: int | None) -> None:
    if method not in METHODS:
        raise FitError(
            explain(
                expected=f"method one of {', '.join(METHODS)}",
                got=repr(method),
                remedy=closest(str(method), METHODS) or "Choose one of them.",
            )
        )
    used = {"importance": ("tolerance", "most", "seed"), "quadrature": ("tolerance", "most")}.get(method, ())
    for name, value in (("tolerance", tolerance), ("most", most), ("seed", seed)):
        if value is not None and name not in used:
            raise FitError(
                explain(
                    expected=f"options of method={method!r} ({', '.join(used) or 'it has none'})",
                    got=f"{name}={value!r}",
                    remedy="Leave it out: it would have no effect.",
                )
            )
    for name, number in (("tolerance", tolerance), ("most", most)):
        if number is not None and not number > 0:
            raise FitError(explain(expected=f"{name} > 0", got=repr(number)))
