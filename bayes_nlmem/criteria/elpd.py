"""The noun of all predictive criteria: one expected log predictive density per subject or per observation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_nlmem.criteria.smoothing import threshold
from bayes_nlmem.ground.tables import notebook

SUBJECT, OBSERVATION = "subject", "observation"
_READING = {
    SUBJECT: "how well the model predicts all data of a new subject (random effects integrated out)",
    OBSERVATION: "how well the model predicts one more observation of a subject whose others are known",
}
_FUTURE = "how well later observations of known subjects are predicted from the earlier ones"
_NAMES = {
    "loo": "Leave-one-{by}-out (PSIS)",
    "waic": "WAIC by {by}",
    "exact": "Exact leave-one-{by}-out",
    "kfold": "K-fold cross-validation by {by}",
    "future": "Leave-future-out within {by}s",
}


@dataclass(frozen=True, eq=False, repr=False)
class ELPD:
    """Expected log predictive density of new data; larger is better, differences matter.

    Parameters
    ----------
    criterion : str
        "loo", "waic", "exact", "kfold" or "future".
    by : str
        "subject" (random effects integrated out) or "observation" (given the subject's other data).
    pointwise : DataFrame
        One row per subject (ID) or per observation (ROW, ID, OUTPUT); ELPD, P (effective parameters), K
        (Pareto k), MCSE, METHOD (what the value was computed by).
    n_draws : int
        Posterior draws used.
    how : str
        How the random effects were integrated out; empty where they were not.
    seconds : float
        Time taken.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"ID": [1, 2], "ELPD": [-3.0, -5.0], "P": 0.5, "K": 0.1, "MCSE": 0.02})
    >>> print(ELPD("loo", "subject", table, 1000))
    Leave-one-subject-out (PSIS): elpd -8.00, SE 2.00, Monte Carlo error 0.028; effective parameters 1.0
    how well the model predicts all data of a new subject (random effects integrated out); reliable: every
    Pareto k is at most 0.67
    """

    criterion: str
    by: str
    pointwise: pd.DataFrame
    n_draws: int
    how: str = ""
    seconds: float = float("nan")

    @property
    def estimate(self) -> float:
        """Sum over the subjects or observations."""
        return float(self.pointwise["ELPD"].sum(skipna=False))

    @property
    def se(self) -> float:
        """Standard error of the sum as an estimate for new data: sqrt(n var(pointwise))."""
        values = self.pointwise["ELPD"].to_numpy(float)
        return float(np.sqrt(len(values) * values.var(ddof=1))) if len(values) > 1 else float("nan")

    @property
    def p_eff(self) -> float:
        """Effective number of parameters: how much better the model predicts what it has seen."""
        return float(self.pointwise["P"].sum(skipna=False))

    @property
    def mcse(self) -> float:
        """Monte Carlo standard error of the sum, from the finite number of draws."""
        return float(np.sqrt((self.pointwise["MCSE"] ** 2).sum(skipna=False)))

    @property
    def doubtful(self) -> pd.DataFrame:
        """The rows whose Pareto k is too large, or (WAIC) whose variance exceeds 0.4."""
        if self.criterion == "waic":
            return self.pointwise[self.pointwise["P"] > 0.4]
        return self.pointwise[self.pointwise["K"] > threshold(self.n_draws)]

    @property
    def verdict(self) -> str:
        """Whether the estimate can be trusted, in a few words."""
        bad = self.doubtful
        count = len(self.pointwise)
        if bad.empty:
            if self.criterion == "loo":
                return f"reliable: every Pareto k is at most {threshold(self.n_draws):.2f}"
            return "reliable" if self.criterion != "waic" else "reliable: every variance is at most 0.4"
        ids = ", ".join(str(x) for x in dict.fromkeys(bad["ID"]))
        if self.criterion == "waic":
            return f"not reliable: variance above 0.4 for {len(bad)} of {count} ({ids}); use loo"
        return f"not reliable for {len(bad)} of {count} ({ids}): Pareto k above {threshold(self.n_draws):.2f}"

    def __repr__(self) -> str:
        name = _NAMES[self.criterion].format(by=self.by)
        mcse = f", Monte Carlo error {self.mcse:.2g}" if np.isfinite(self.mcse) else ""
        effective = f"; effective parameters {self.p_eff:.1f}" if np.isfinite(self.p_eff) else ""
        how = f"\n{self.how}" if self.how else ""
        return (
            f"{name}: elpd {self.estimate:.2f}, SE {self.se:.2f}{mcse}{effective}\n"
            f"{_FUTURE if self.criterion == 'future' else _READING[self.by]}; {self.verdict}{how}"
        )

    def _repr_html_(self) -> str:
        return notebook(repr(self), *([] if self.doubtful.empty else [self.doubtful]))
