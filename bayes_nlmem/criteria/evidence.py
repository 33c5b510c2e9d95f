"""Log marginal likelihood by bridge sampling, and Bayes factors, each with its error."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.criteria.leave_one_out import check_posterior, thinned_points
from bayes_nlmem.criteria.same_data import check_same_data
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.marginal.likelihood import compiled_for
from bayes_nlmem.marginal.point import point_of
from bayes_nlmem.marginal.subject_densities import SubjectDensities

_WORDS = ((1.0, "not worth more than a bare mention"), (3.0, "positive"), (5.0, "strong"))


@dataclass(frozen=True, repr=False)
class Evidence:
    """log p(y): the likelihood averaged over the prior.

    Parameters
    ----------
    value : float
        Logarithm, all constants included.
    error : float
        Its Monte Carlo standard error.
    n_draws : int
        Posterior draws used.
    how : str
        How the random effects were integrated out.
    converged : bool
        Whether the iteration came to rest.
    seconds : float
        Time taken.

    Examples
    --------
    >>> Evidence(-100.0, 0.03, 1000, "quadrature with 5 nodes per effect", True).value
    -100.0
    """

    value: float
    error: float
    n_draws: int
    how: str
    converged: bool
    seconds: float = float("nan")

    def __repr__(self) -> str:
        rest = "" if self.converged else "; the iteration did not come to rest: do not use it"
        return (
            f"Log marginal likelihood {self.value:.3f} (SE {self.error:.2g}) by bridge sampling from "
            f"{self.n_draws} draws, random effects by {self.how}{rest}"
        )


@dataclass(frozen=True, repr=False)
class BayesFactor:
    """p(y | one model) / p(y | another).

    Parameters
    ----------
    log_value : float
        Natural logarithm.
    error : float
        Its standard error.

    Examples
    --------
    >>> BayesFactor(0.5, 0.1).words
    'not worth more than a bare mention'
    """

    log_value: float
    error: float

    @property
    def words(self) -> str:
        """Kass & Raftery's words for the strength of evidence."""
        size = abs(self.log_value)
        return next((words for limit, words in _WORDS if size < limit), "very strong")

    def __repr__(self) -> str:
        favoured = "the first" if self.log_value > 0 else "the second"
        within = abs(self.log_value) < 2 * self.error
        said = "smaller than its Monte Carlo error" if within else f"{self.words} evidence for {favoured}"
        return f"log Bayes factor {self.log_value:.2f} (SE {self.error:.2g}): {said}"


def log_evidence(fit: Any, *, draws: int = 1000, method: str | None = None, seed: int = 0) -> Evidence:
    r"""Log marginal likelihood log \int p(y | \theta) p(\theta) d\theta by bridge sampling.

    On the unconstrained scale of the population parameters, the random effects integrated out; half of the
    draws fit the normal proposal, the other half are used. It depends on the priors, wide ones above all:
    doubling the width of a vague prior costs log 2, whatever the data say.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    draws : int
        Posterior draws used, evenly thinned.
    method : {"quadrature", "importance"}, optional
        As in `loo`.
    seed : int
        Of the proposal.

    Returns
    -------
    Evidence

    Raises
    ------
    FitError
        Fewer than 100 draws, or than 20 per population parameter; a result that is no posterior.

    References
    ----------
    Meng & Wong 1996, https://www.jstor.org/stable/24306045; Gronau et al. 2017, doi:10.1016/j.jmp.2017.09.005

    Examples
    --------
    >>> result = log_evidence(fit, draws=200, method="quadrature")
    >>> result.converged
    True
    """
    started = time.perf_counter()
    check_posterior(fit)
    conditional = compiled_for(fit.model, fit.data, getattr(fit, "edit", None))
    densities = SubjectDensities(conditional, point_of(conditional, fit), method, seed)
    points = thinned_points(conditional, fit, draws)
    if len(points) < 20 * points.shape[1] or len(points) < 100:
        raise FitError(
            explain(
                expected=f"at least {max(100, 20 * points.shape[1])} draws for bridge sampling",
                got=str(len(points)),
                remedy="Draw more, or raise `draws`.",
            )
        )

    def target(thetas: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = densities.at(thetas)[0].sum(axis=1)
        prior = np.array([conditional.prior(theta)[0] for theta in thetas])
        return np.where(np.isnan(found + prior), -np.inf, found + prior)

    fitting, used = points[::2], points[1::2]
    rng = np.random.default_rng(seed)
    proposal = _Normal.fitted(fitting)
    drawn = proposal.draw(len(used), rng)
    at_used = target(used) - proposal.log_density(used)
    at_drawn = target(drawn) - proposal.log_density(drawn)
    value, error, converged = bridge(at_used, at_drawn)
    seconds = time.perf_counter() - started
    return Evidence(value, error, len(points), densities.words, converged, seconds)


def bayes_factor(one: Any, other: Any, **options: Any) -> BayesFactor:
    """Bayes factor of two fits to the same data, or of two `Evidence`s.

    Parameters
    ----------
    one, other : Fit or Evidence
        The models to weigh.
    **options
        As in `log_evidence`, for fits.

    Returns
    -------
    BayesFactor

    References
    ----------
    Kass & Raftery 1995, doi:10.1080/01621459.1995.10476572

    Examples
    --------
    >>> a, b = Evidence(-100.0, 0.03, 1000, "", True), Evidence(-104.0, 0.04, 1000, "", True)
    >>> bayes_factor(a, b)
    log Bayes factor 4.00 (SE 0.05): strong evidence for the first
    """
    if not isinstance(one, Evidence) and not isinstance(other, Evidence):
        check_same_data({"the first": one.data, "the second": other.data})
    found = [x if isinstance(x, Evidence) else log_evidence(x, **options) for x in (one, other)]
    return BayesFactor(found[0].value - found[1].value, float(np.hypot(found[0].error, found[1].error)))


def bridge(at_posterior: np.ndarray, at_proposal: np.ndarray) -> tuple[float, float, bool]:
    """Meng and Wong's optimal bridge from log target - log proposal at draws of the two densities.

    Returns
    -------
    value, error : float
        Log of the target's normalising constant and its standard error.
    converged : bool

    Examples
    --------
    >>> value, error, _ = bridge(np.full(50, 1.5), np.full(50, 1.5))
    >>> round(value, 6), round(error, 6)
    (1.5, 0.0)
    """
    n, m = len(at_posterior), len(at_proposal)
    effective = n / max(_autocorrelation_time(at_posterior), 1.0)
    share, other = effective / (effective + m), m / (effective + m)
    centre = float(np.median(at_posterior))
    one, two = at_posterior - centre, at_proposal - centre
    log_r, converged = 0.0, False
    for _ in range(1000):
        above = two - np.logaddexp(np.log(share) + two, np.log(other) + log_r)
        below = -np.logaddexp(np.log(share) + one, np.log(other) + log_r)
        new = _log_mean(above) - _log_mean(below)
        converged = abs(new - log_r) < 1e-10
        log_r = new
        if converged:
            break
    f_two = np.exp(two - log_r - np.logaddexp(np.log(share) + two - log_r, np.log(other)))
    f_one = np.exp(-np.logaddexp(np.log(share) + one - log_r, np.log(other)))
    variance = f_two.var() / f_two.mean() ** 2 / m
    variance += _autocorrelation_time(f_one) * f_one.var() / f_one.mean() ** 2 / n
    return log_r + centre, float(np.sqrt(variance)), converged


@dataclass(frozen=True, eq=False)
class _Normal:
    mean: np.ndarray
    factor: np.ndarray

    @classmethod
    def fitted(cls, points: np.ndarray) -> _Normal:
        spread = np.atleast_2d(np.cov(points.T))
        return cls(points.mean(axis=0), np.linalg.cholesky(spread + 1e-12 * np.eye(len(spread))))

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return self.mean + rng.standard_normal((count, len(self.mean))) @ self.factor.T

    def log_density(self, points: np.ndarray) -> np.ndarray:
        z = np.linalg.solve(self.factor, (points - self.mean).T)
        constant = np.log(np.diag(self.factor)).sum() + 0.5 * len(self.mean) * np.log(2 * np.pi)
        return -0.5 * (z**2).sum(axis=0) - constant


def _log_mean(x: np.ndarray) -> float:
    return float(np.logaddexp.reduce(x) - np.log(len(x)))


def _autocorrelation_time(x: np.ndarray) -> float:
    """Initial positive sequence estimate of the draws per independent draw."""
    n = len(x)
    centred = x - x.mean()
    variance = float(centred @ centred) / n
    if variance <= 0:
        return 1.0
    total = 1.0
    for lag in range(1, min(n // 2, 200)):
        correlation = float(centred[lag:] @ centred[:-lag]) / n / variance
        if correlation < 0.05:
            break
        total += 2 * correlation
    return total
