"""Errors with heavy tails: Student's t in the place of the normal law."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.formulas import Formula
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.published import Published
from bayes_nlmem.ground.truncated import Truncated
from bayes_nlmem.ground.values import POSITIVE, About, admitted, refusal
from bayes_nlmem.statistics.laws import Law
from bayes_nlmem.statistics.residuals import Residual, error_formula, error_meaning
from bayes_nlmem.statistics.standard_laws import StandardT
from bayes_nlmem.statistics.surroundings import inherited

LEAST_DF = 2.0


@dataclass(frozen=True)
class StudentTError:
    r"""Student's t around the prediction, with the magnitude of another residual error: y = f + s(f) * t_df.

    s is the standard deviation of `residual`, here the scale of t: the standard deviation itself is
    s * sqrt(df / (df - 2)), if df > 2. Outlying observations weigh less than under a normal error. With
    `LogNormalError` the error of log y is t-distributed. nlmixr2 `add() + dt()`.

    With few degrees of freedom the likelihood is unbounded: a scale that goes to 0 fits m of n observations
    exactly, such as zeros before the first dose, at little cost to the others, if df < m / (n - m) (Fernandez
    and Steel 1999); a sampler that finds this place does not come back. Unknown degrees of freedom are
    therefore kept above 2, where two thirds of the observations would have to be met exactly, and where the
    error has a variance: `about(df)` is cut off there, a prior that reaches below is refused.

    Parameters
    ----------
    residual : Residual
        A normal residual error, for example `Proportional(...)` or `LogNormalError(...)`.
    df : float or Prior
        Degrees of freedom: a known number > 0 (4 is usual), or a prior above 2, for example
        ``Truncated(Gamma(2, 0.1), lower=2)``.

    Raises
    ------
    ModelError
        If `residual` is no residual error with a normal law, `df` is not positive, or a
        prior of it reaches below 2.

    References
    ----------
    Lange, Little and Taylor 1989, doi:10.1080/01621459.1989.10478852.
    Fernandez and Steel 1999, Biometrika 86, 153-167.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> error = bn.StudentTError(bn.Proportional(bn.about(0.1)), df=4)
    >>> print(bn.equations(bn.zoo.load("theophylline").model.with_residual("cp", error)).split("ons\n")[-1])
      cp_obs,ij   ~ t(4, cp_ij, scale_cp,ij²)
      scale_cp,ij = sigma_cp_prop · cp_ij
    """

    residual: Residual
    df: float | Prior

    def __post_init__(self) -> None:
        df, problems = admitted(self.df, "df", inside=POSITIVE)
        if isinstance(self.df, (About, Published)) and isinstance(df, Prior) and not problems:
            df = Truncated(df, lower=LEAST_DF)
        elif isinstance(df, Prior) and not problems and (df.support or (0.0, 0.0))[0] < LEAST_DF:
            problems.append(
                explain(
                    expected=f"a prior of df above {LEAST_DF:g}, below which the likelihood may be unbounded",
                    got=f"{df}, which reaches below",
                    remedy=f"Write Truncated({df!r}, lower={LEAST_DF:g}), or a known number.",
                )
            )
        object.__setattr__(self, "df", df)
        base: Any = self.residual
        known = not isinstance(base, type) and isinstance(base, Residual)
        if not (known and base.law.normal and inherited(base, "autocorrelation") is None):
            problems.append(
                explain(
                    expected="a residual error with a normal law, and without autocorrelation, as `residual`",
                    got=repr(base),
                    remedy="Write for example StudentTError(Proportional(about(0.1)), df=4).",
                )
            )
        if problems:
            raise refusal(problems, "StudentTError is not well stated")

    @property
    def law(self) -> Law:
        """Student's t on the scale of `residual`."""
        return Law(self.residual.law.scale, StandardT())

    def unknowns(self) -> dict[str, float | Prior]:
        """The parameters of `residual`, and the degrees of freedom with the suffix `df`."""
        return {**self.residual.unknowns(), "df": self.df}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Scale at every prediction."""
        return self.residual.sd(f, sigmas, xp)

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Scale for printing."""
        return error_formula(self.residual, f, sigma)

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        if suffix == "df":
            return "degrees of freedom of Student's t"
        return error_meaning(self.residual, suffix).replace("SD", "scale")
