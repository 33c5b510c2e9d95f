"""What makes one information matrix better than another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayes_nlmem.design.quantities import Reported
from bayes_nlmem.ground.messages import FitError, explain, names_text

CRITERIA = ("D", "Ds", "A", "c", "EIG")


@dataclass(frozen=True, eq=False)
class Criterion:
    """A number that grows with what is learnt.

    D: log det M. Ds: log det M - log det M of the parameters that are not of interest. A: minus the log of
    the sum of squared relative standard errors. c: minus the log of the largest relative variance among the
    parameters of interest. EIG: expected information gain [nats], half of what the study adds to log det
    of the precision of the parameters, the posterior taken as normal on the unconstrained scale.

    Parameters
    ----------
    name : {"D", "Ds", "A", "c", "EIG"}
    about : ndarray of bool, shape (p,)
        Parameters of interest, for Ds and c.
    shown : Reported
        The parameters and the scale on which they are judged.
    before : float
        Log det of the precision before the study, for EIG; the information then includes that precision.
    """

    name: str
    about: np.ndarray
    shown: Reported
    before: float = 0.0

    def __call__(self, information: np.ndarray) -> np.ndarray:
        """Value for information on the unconstrained scale, shape (..., p, p); -inf where it is singular."""
        if self.name == "EIG":
            sign, log_det = np.linalg.slogdet(information)
            return np.where((sign > 0) & np.isfinite(log_det), 0.5 * (log_det - self.before), -np.inf)
        back = np.linalg.inv(self.shown.slopes)
        scale = np.where(self.shown.values == 0, 1.0, np.abs(self.shown.values))
        turn = back * scale
        relative = turn.T @ information @ turn
        sign, log_det = np.linalg.slogdet(relative)
        fine = (sign > 0) & np.isfinite(log_det)
        if self.name == "D":
            return np.where(fine, log_det - 2 * np.log(scale).sum(), -np.inf)
        if self.name == "Ds":
            rest = relative[..., ~self.about, :][..., ~self.about]
            nuisance = np.linalg.slogdet(rest)[1] if (~self.about).any() else 0.0
            return np.where(fine, log_det - nuisance, -np.inf)
        safe = np.where(fine[..., None, None], relative, np.eye(relative.shape[-1]))
        variance = np.diagonal(np.linalg.inv(safe), axis1=-2, axis2=-1)
        judged = variance.sum(axis=-1) if self.name == "A" else variance[..., self.about].max(axis=-1)
        fine = fine & (variance > 0).all(axis=-1)
        return np.where(fine, -np.log(np.where(fine, judged, 1.0)), -np.inf)


def criterion_of(
    name: str, about: Sequence[str] | str | None, shown: Reported, before: float = 0.0
) -> Criterion:
    """The criterion of that name; `before` is log det of the precision before the study, for EIG.

    Raises
    ------
    FitError
        An unknown criterion or parameter, `about` missing where it is needed or given where it has no effect.
    """
    if name not in CRITERIA:
        raise FitError(explain(expected=f"criterion one of {', '.join(CRITERIA)}", got=repr(name)))
    needs = name in ("Ds", "c")
    if needs != (about is not None):
        raise FitError(
            explain(
                expected=f"about={'= names of parameters' if needs else 'None'} for criterion {name!r}",
                got=repr(about),
                remedy=f"Choose among {names_text(shown.names)}." if needs else "Leave it out, or use 'Ds'.",
            )
        )
    names = [about] if isinstance(about, str) else list(about or ())
    unknown = [one for one in names if one not in shown.names]
    if unknown:
        raise FitError(explain(expected=f"about= among {', '.join(shown.names)}", got=", ".join(unknown)))
    return Criterion(name, np.array([one in names for one in shown.names]), shown, before)
