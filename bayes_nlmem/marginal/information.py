"""AIC, BIC and BICc: the likelihood at one point, with a price for every parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.likelihood import LogLikelihood, compiled_for, log_likelihood
from bayes_nlmem.model.quantities import COVARIATE, STRUCTURAL, quantities
from bayes_nlmem.model.specification import Model


@dataclass(frozen=True)
class ParameterCount:
    """How many numbers a model learnt, by what they describe.

    Parameters
    ----------
    total : int
        All unknown population parameters.
    varying : int
        Typical values and covariate coefficients of parameters with random effects.
    spread : int
        Standard deviations and correlations (and forms of laws) of random effects.
    """

    total: int
    varying: int
    spread: int


@dataclass(frozen=True, repr=False)
class InformationCriteria:
    """-2LL at one point and what is made of it; smaller is better, differences matter.

    Parameters
    ----------
    point : str
        Where the likelihood was evaluated; the criteria are defined at the maximum-likelihood estimate.
    minus_twice : float
        -2 log p(y | theta), all constants included.
    ofv : float
        NONMEM's objective function value.
    count : ParameterCount
        Numbers of parameters.
    n_subjects, n_observations : int
        N and n_tot.
    error : float
        Monte Carlo standard error of `minus_twice`, NaN where the method gives none.

    Examples
    --------
    Monolix's run of theophylline: BICc 370.874.

    >>> found = InformationCriteria("estimate", 339.482, 118.93, ParameterCount(8, 3, 3), 12, 120)
    >>> round(found.bicc, 3)
    370.874
    """

    point: str
    minus_twice: float
    ofv: float
    count: ParameterCount
    n_subjects: int
    n_observations: int
    error: float = float("nan")

    @property
    def aic(self) -> float:
        """-2LL + 2 p. Akaike 1974, doi:10.1109/TAC.1974.1100705."""
        return self.minus_twice + 2 * self.count.total

    @property
    def bic(self) -> float:
        """-2LL + p log N, N the number of subjects. Schwarz 1978, doi:10.1214/aos/1176344136."""
        return self.minus_twice + self.count.total * float(np.log(self.n_subjects))

    @property
    def bicc(self) -> float:
        """-2LL + k log N + (p - k) log n_tot, k the fixed effects of parameters with random effects.

        Monolix's BICc, after Delattre, Lavielle & Poursat 2014, doi:10.1214/14-EJS890.
        """
        k = self.count.varying
        return self.minus_twice + self._mixed(k)

    @property
    def bic_mixed(self) -> float:
        """As `bicc`, but standard deviations and correlations of random effects pay log N, too (pharmpy)."""
        return self.minus_twice + self._mixed(self.count.varying + self.count.spread)

    def _mixed(self, k: int) -> float:
        rest = self.count.total - k
        return float(k * np.log(self.n_subjects) + rest * np.log(self.n_observations))

    def __repr__(self) -> str:
        return (
            f"At the {self.point}: -2LL {self.minus_twice:.2f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}, "
            f"BICc {self.bicc:.2f} ({self.count.total} parameters, {self.n_subjects} subjects, "
            f"{self.n_observations} observations; NONMEM's OFV {self.ofv:.2f})"
        )


def information_criteria(
    model: Model,
    data: Dataset,
    *,
    at: Any,
    method: str = "importance",
    tolerance: float | None = None,
    seed: int | None = None,
    edit: Callable[[Any], Any] | None = None,
) -> InformationCriteria:
    """AIC, BIC and BICc of a model at given values, or at the posterior mean of a fit.

    They are approximations that hold at the maximum-likelihood estimate; the result says which point was
    used. Prior information makes them blind to what it adds: to compare Bayesian fits use `loo` or `compare`.

    Parameters
    ----------
    model, data : Model, Dataset
        What is assumed and what was seen.
    at : mapping of str to float, or a learnt result
        As in `log_likelihood`.
    method, tolerance, seed, edit : optional
        As in `log_likelihood`.

    Returns
    -------
    InformationCriteria

    References
    ----------
    Delattre, Lavielle & Poursat 2014, doi:10.1214/14-EJS890

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("wang2007")
    >>> at = {"k_pop": 0.5, "omega_k": 0.2}
    >>> found = bn.information_criteria(study.model, study.data, at=at, method="laplace")
    >>> round(found.aic - found.minus_twice, 6)
    4.0
    """
    found = log_likelihood(model, data, at=at, method=method, tolerance=tolerance, seed=seed, edit=edit)
    if edit is None:
        edit = getattr(at, "edit", None)
    return from_likelihood(model, compiled_for(model, data, edit), found)


def from_likelihood(model: Model, conditional: Conditional, found: LogLikelihood) -> InformationCriteria:
    """The criteria of a likelihood that is known already."""
    units = found.subjects
    return InformationCriteria(
        found.point,
        found.minus_twice,
        found.ofv,
        count_parameters(model, conditional),
        int(units["N_SUBJECTS"].sum()) if "N_SUBJECTS" in units else len(units),
        found.n_observations,
        2 * found.error,
    )


def count_parameters(
    model: Model, conditional: Conditional, held: np.ndarray | None = None
) -> ParameterCount:
    """Count the unknown numbers of a graph; a block of k parameters has k (k - 1) / 2 correlations.

    Parameters
    ----------
    model : Model
        Says what varies between subjects.
    conditional : Conditional
        Its graph.
    held : ndarray of bool, shape (n_theta,), optional
        Elements that are held at a value, and do not count.
    """
    fixed = {q.name: q.owner for q in quantities(model) if q.block in (STRUCTURAL, COVARIATE)}
    varies = {
        name
        for name, parameter in model.parameters.items()
        if parameter.iiv is not None or parameter.iov is not None or parameter.varies
    }
    varying = spread = total = 0
    sizes = [int(np.prod(shape)) for shape in conditional.population.shapes]
    free = np.ones(sum(sizes), bool) if held is None else ~held
    counts = [int(part.sum()) for part in np.split(free, np.cumsum(sizes)[:-1])]
    above = tuple(f"eta_{level}" for level in conditional.translation.layout.groups)
    for rv, size in zip(conditional.population.variables, counts, strict=True):
        if rv.name in above:
            continue
        total += size
        if rv.name in fixed:
            varying += size if fixed[rv.name] in varies else 0
        elif not rv.name.startswith("sigma_"):
            spread += size
    return ParameterCount(total, varying, spread)
