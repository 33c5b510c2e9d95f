"""Ordered categories by proportional odds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Call, Equation, Formula, less, total
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.prior import LINE, POSITIVE, Prior, is_number
from bayes_nlmem.ground.values import admitted, refusal
from bayes_nlmem.statistics.endpoints import Independent, Rows, Trouble, not_censored, one_of


@dataclass(frozen=True)
class OrderedCategorical(Independent):
    r"""Ordered categories (a score) by proportional odds: larger outputs make higher categories likelier.

    .. math:: \mathrm{logit}\, P(y_{ij} \le k) = c_k - f_{ij}, \qquad c_1 = \text{first},\quad
              c_k = c_{k-1} + \text{step}_k,\ \text{step}_k > 0

    The steps are positive, so the thresholds c_k are in order whatever their priors say. The first one is 0
    unless it is given: the structure's own intercept (with its random effect) does the same.
    NONMEM and Monolix write these cumulative logits as sums of positive increments too, Monolix with
    `type=categorical`; nlmixr2 as `y ~ c(p1, p2, ...)`.

    Parameters
    ----------
    categories : sequence of number
        The values of DV, in order; at least two.
    steps : sequence of float or Prior
        Distances of the thresholds 2, 3, ..., one less than there are thresholds, > 0; in the graph
        `{output}_step_2`, ...
    first : float or Prior
        The first threshold; in the graph `{output}_first`.

    Raises
    ------
    ModelError
        If there are fewer than two categories, they are not in order, or the number of steps does not fit.

    References
    ----------
    McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> pain = bn.OrderedCategorical([0, 1, 2], steps=[bn.Gamma(2, 1)])
    >>> list(pain.unknowns())
    ['first', 'step_2']
    """

    categories: Sequence[float]
    steps: Sequence[float | Prior] = ()
    first: float | Prior = 0.0

    def __post_init__(self) -> None:
        problems = []
        categories = tuple(self.categories) if not isinstance(self.categories, str) else ()
        steps = tuple(self.steps) if isinstance(self.steps, Sequence) else (self.steps,)
        settled: list[Any] = []
        if (
            len(categories) < 2
            or not all(map(is_number, categories))
            or list(categories) != sorted(set(categories))
        ):
            remedy = "Write OrderedCategorical([0, 1, 2], steps=[...])."
            expected = "two or more categories as increasing numbers"
            problems.append(explain(expected=expected, got=repr(self.categories), remedy=remedy))
        elif len(steps) != len(categories) - 2:
            remedy = "K categories have K - 1 thresholds: the first and K - 2 steps."
            expected, got = f"{len(categories) - 2} steps for {len(categories)} categories", str(len(steps))
            problems.append(explain(expected=expected, got=got, remedy=remedy))
        for k, step in enumerate(steps, 2):
            value, wrong = admitted(step, f"step {k}", inside=POSITIVE)
            settled.append(value)
            problems.extend(wrong)
        first, wrong = admitted(self.first, "first", inside=LINE)
        problems.extend(wrong)
        if problems:
            raise refusal(problems, "OrderedCategorical is not well stated")
        object.__setattr__(self, "categories", categories)
        object.__setattr__(self, "steps", tuple(settled))
        object.__setattr__(self, "first", first)

    def unknowns(self) -> dict[str, float | Prior]:
        """The first threshold and the steps to the next."""
        return {"first": self.first, **{f"step_{k}": step for k, step in enumerate(self.steps, 2)}}

    def troubles(self, rows: Rows) -> Iterator[Trouble]:
        """Unknown categories; censoring."""
        yield from one_of(rows, self.categories, "categories")
        yield from not_censored(rows, "categories")

    def thresholds(self, given: Mapping[str, Any]) -> list[Any]:
        """c_1, c_2, ..."""
        found = [given["first"]]
        for k in range(2, len(self.categories)):
            found.append(found[-1] + given[f"step_{k}"])
        return found

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-probability of a category, accurate in both tails."""
        import pytensor.tensor as pt

        f = pt.cast(f, "float64")
        c = [pt.cast(threshold, "float64") for threshold in self.thresholds(given)]
        terms = [-pt.softplus(f - c[0])]
        for k in range(1, len(c)):
            width = pt.cast(given[f"step_{k + 1}"], "float64")
            # log(s(b) - s(a)) = log s(b) + log s(-a) + log(1 - exp(a - b))
            terms.append(-pt.softplus(f - c[k]) - pt.softplus(c[k - 1] - f) + pt.log(-pt.expm1(-width)))
        terms.append(-pt.softplus(c[-1] - f))
        found = pt.full_like(f, -np.inf)
        for category, term in zip(self.categories, terms, strict=True):
            found = pt.switch(pt.eq(value, category), term, found)
        return found

    def probabilities(self, f: Any, given: Mapping[str, Any]) -> Any:
        """Probability of every category in numpy, one more dimension at the end."""
        from scipy.special import expit

        below = [expit(threshold - np.asarray(f)) for threshold in self.thresholds(given)]
        cumulative = np.stack([0.0 * below[0], *np.broadcast_arrays(*below), 0.0 * below[0] + 1.0], axis=-1)
        return np.diff(cumulative, axis=-1)

    def draw(self, rng: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> Any:
        """Categories."""
        return draw_category(rng, self.probabilities(f, given), self.categories, size)

    def moments(self, f: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """Mean and variance of the score."""
        return moments_of_scores(self.probabilities(f, given), self.categories)

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing, one line per threshold."""
        from bayes_nlmem.ground.formulas import Symbol

        found = []
        for k, category in enumerate(self.categories[:-1], 1):
            threshold = total(parameter("first"), *(parameter(f"step_{j}") for j in range(2, k + 1)))
            name = Call("P", (Call("at most", (observed, Symbol(f"{category:g}"))),))
            found.append(Equation(Call("logit", (name,)), less(threshold, f)))
        return found

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        if suffix == "first":
            return "first threshold, logit"
        k = int(suffix.rpartition("_")[2])
        return f"distance of threshold {k} from {k - 1}, logit"


def draw_category(rng: Any, probabilities: Any, categories: Sequence[float], size: Any = None) -> Any:
    """Random categories; the last dimension of `probabilities` runs over them."""
    cumulative = np.cumsum(probabilities, axis=-1)[..., :-1]
    u = rng.random(np.shape(probabilities)[:-1] if size is None else size)
    return np.asarray(categories, float)[(u[..., None] > cumulative).sum(axis=-1)]


def moments_of_scores(probabilities: Any, categories: Sequence[float]) -> tuple[Any, Any]:
    """Mean and variance of the category taken as a number."""
    scores = np.asarray(categories, float)
    mean = probabilities @ scores
    return mean, probabilities @ scores**2 - mean**2
