"""Errors with heavy tails: Student's t in the place of the normal law."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.formulas import Call, Formula
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.values import POSITIVE, admitted, refusal
from bayes_nlmem.statistics.laws import Law
from bayes_nlmem.statistics.residuals import Residual
from bayes_nlmem.statistics.standard_laws import StandardNormal, StandardT


@dataclass(frozen=True)
class StudentTError:
    r"""Student's t around the prediction, with the magnitude of another residual error: y = f + s(f) * t_df.

    s is the standard deviation of `residual`, here the scale of t: the standard deviation itself is
    s * sqrt(df / (df - 2)), if df > 2. Outlying observations weigh less than under a normal error. With
    `LogNormalError` the error of log y is t-distributed. nlmixr2 `add() + dt()`.

    With few degrees of freedom the likelihood is unbounded: a scale that goes to 0 fits some observations
    exactly, such as zeros before the first dose, at little cost to the others (Fernandez and Steel 1999). A
    number, 4 for example, or a prior well above 1 avoids it.

    Parameters
    ----------
    residual : Residual
        A normal residual error, for example `Proportional(...)` or `LogNormalError(...)`.
    df : float or Prior
        Degrees of freedom, > 0; a number is known, a prior is unknown.

    Raises
    ------
    ModelError
        If `residual` is no residual error with a normal law, or `df` is not positive.

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
        object.__setattr__(self, "df", df)
        base: Any = self.residual
        known = not isinstance(base, type) and isinstance(base, Residual)
        if not (known and isinstance(base.law.standard, StandardNormal)):
            problems.append(
                explain(
                    expected="a residual error with a normal law as `residual`",
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
        base: Any = self.residual
        if hasattr(base, "formula"):
            return base.formula(f, sigma)
        return Call(type(base).__name__, (f, *map(sigma, base.unknowns())))

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        if suffix == "df":
            return "degrees of freedom of Student's t"
        base: Any = self.residual
        words = base.meaning(suffix) if hasattr(base, "meaning") else f"residual error, {suffix}"
        return words.replace("SD", "scale")
