"""Errors that remember: first-order autocorrelation in continuous time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.formulas import Formula
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.values import POSITIVE, admit
from bayes_nlmem.statistics.laws import Law
from bayes_nlmem.statistics.residuals import Residual, error_formula, error_meaning
from bayes_nlmem.statistics.surroundings import inherited


@dataclass(frozen=True)
class AR1Error:
    r"""Serially correlated errors: :math:`\mathrm{corr}(z_{ij}, z_{ik}) = \exp(-|t_{ij} - t_{ik}|/\tau)`.

    z = (h(y) - h(f)) / s(f) is the standardised error of `residual`, normal with variance 1 at every time.
    Given the error before it, at a distance of dt,
    :math:`z_j \sim N(r z_{j-1}, 1 - r^2)` with :math:`r = \exp(-dt/\tau) = \rho^{dt}`; the logarithms of
    these conditional densities are the pointwise log-likelihood and add up to the joint one.

    Censored values are integrated out along the chain, by quadrature: the term of a censored row is the
    probability of its interval given all before it, and the terms add up to the probability of the orthant.
    The rule has 48 points; where correlations with a censored value exceed 0.99, it loses digits.

    The errors of different subjects and outputs are independent, and the chain starts anew at every
    occasion (OCC) and every reset (EVID 3 and 4). Two observations of one output at the same time would have
    the correlation 1 and are refused.

    NONMEM `$SIGMA` with `CORRL2`, or L2 with user code; nlme `corCAR1` (`rho`); not in Monolix.

    Parameters
    ----------
    residual : Residual
        The error at a single time; its law has to be normal on its scale.
    tau : float or Prior, optional
        Time after which the correlation is exp(-1), in the unit of TIME.
    rho : float or Prior, optional
        Correlation at a distance of one unit of time, between 0 and 1. Give either `tau` or `rho`.

    Raises
    ------
    ModelError
        If `residual` is no residual error with a normal law, neither or both of `tau` and `rho` are given, or
        they may lie outside their range.

    References
    ----------
    Karlsson, Beal and Sheiner 1995, doi:10.1007/BF02353466.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> error = bn.AR1Error(bn.Proportional(bn.about(0.1)), tau=bn.LogNormal(2.0, cv=1))
    >>> list(error.unknowns())
    ['prop', 'tau']
    """

    residual: Residual
    tau: float | Prior | None = None
    rho: float | Prior | None = None

    def __post_init__(self) -> None:
        problems = []
        base: Any = self.residual
        known = not isinstance(base, type) and isinstance(base, Residual)
        if not (known and base.law.normal) or inherited(base, "autocorrelation") is not None:
            problems.append(
                explain(
                    expected="a residual error with a normal law, and without autocorrelation, as `residual`",
                    got=repr(base),
                    remedy="Write for example AR1Error(Proportional(about(0.1)), tau=LogNormal(2, cv=1)). "
                    "There is no such process with errors of Student's t law.",
                )
            )
        if (self.tau is None) == (self.rho is None):
            got = "neither" if self.tau is None else "both"
            remedy = "tau is a time, rho the correlation at a distance of one unit of time."
            problems.append(explain(expected="one of tau and rho", got=got, remedy=remedy))
        ranges = {"tau": POSITIVE, "rho": (0.0, 1.0)}
        given = {name: inside for name, inside in ranges.items() if getattr(self, name) is not None}
        admit(self, given, problems=problems)

    @property
    def law(self) -> Law:
        """The law of `residual` at a single time."""
        return self.residual.law

    def unknowns(self) -> dict[str, float | Prior]:
        """The parameters of `residual`, and `tau` or `rho`."""
        own = {"tau": self.tau} if self.tau is not None else {"rho": self.rho}
        return {**self.residual.unknowns(), **own}  # type: ignore[dict-item]

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at every prediction."""
        return self.residual.sd(f, sigmas, xp)

    def autocorrelation(self, sigmas: Mapping[str, Any], elapsed: Any, xp: Any) -> tuple[Any, Any]:
        """Correlation r with the error `elapsed` earlier, and sqrt(1 - r^2)."""
        if self.tau is not None:
            exponent = -elapsed / sigmas["tau"]
        else:
            exponent = elapsed * xp.log(sigmas["rho"])
        return xp.exp(exponent), xp.sqrt(-xp.expm1(2.0 * exponent))

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Standard deviation for printing."""
        return error_formula(self.residual, f, sigma)

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        if suffix == "tau":
            return "time after which errors are correlated by exp(-1)"
        if suffix == "rho":
            return "correlation of errors one unit of time apart"
        return error_meaning(self.residual, suffix)
