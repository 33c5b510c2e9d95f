"""How exactly equations are solved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_nlmem.ground.messages import ModelError, explain

# The absolute tolerance of a second attempt.
_COARSE = 1e-5


@dataclass(frozen=True)
class Tolerances:
    """Error allowed in one step of a solver.

    An error e of compartment y is allowed if ``|e| <= relative (|y| + absolute max|y|)``, where max|y| is the
    largest value of the compartment so far, and at least 1e-5 of the subject's largest dose or initial value.
    What grows again from nearly nothing (cells after a drug, a virus after treatment) carries its error
    along, so nearly nothing must be exact, too. A subject that cannot be followed so closely, because an
    input starts with an infinite slope or rounding is larger, is solved once more with 1e-5.

    Parameters
    ----------
    relative : float
        Relative error of a step.
    absolute : float
        Share of its largest value below which a compartment may lose relative precision.
    most_steps : int
        Steps for one subject, after which it counts as failed.

    Examples
    --------
    >>> Tolerances(relative=1e-9).relative
    1e-09
    """

    relative: float = 1e-8
    absolute: float = 1e-30
    most_steps: int = 100_000

    def __post_init__(self) -> None:
        if not (1e-14 <= self.relative <= 0.1 and 0 < self.absolute <= 1 and self.most_steps >= 1):
            raise ModelError(
                explain(
                    expected="relative between 1e-14 and 0.1, absolute in (0, 1], most_steps >= 1",
                    got=repr(self),
                )
            )

    def control(self) -> np.ndarray:
        """The numbers as the kernel wants them."""
        from bayes_nlmem.engine.ode.desk import ABSOLUTE, COARSE, N_CONTROL, RELATIVE

        control = np.zeros(N_CONTROL)
        control[RELATIVE], control[ABSOLUTE] = self.relative, self.relative * self.absolute
        control[COARSE] = self.relative * max(self.absolute, _COARSE)
        return control
