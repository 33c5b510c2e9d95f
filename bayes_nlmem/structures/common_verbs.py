"""What every structure here answers in the same way, from what it has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bayes_nlmem.structures.driven import Driven
    from bayes_nlmem.structures.ode import ODE


class CommonVerbs:
    """Verbs that follow from a structure's `parameters`, `optional` and `solve`."""

    if TYPE_CHECKING:

        @property
        def parameters(self) -> tuple[str, ...]:
            """Names of the parameters."""

        @property
        def optional(self) -> tuple[str, ...]:
            """Names of the parameters that may be left out."""

        def solve(self, p: Mapping[str, np.ndarray], plan: Any) -> tuple[np.ndarray, np.ndarray]:
            """Predictions at the requests (m,) and a status per subject."""

    def accepts(self, name: str) -> bool:
        """Whether `name` may be given as a parameter."""
        return name in self.parameters or name in self.optional

    def drives(self, pd: Any) -> ODE | Driven:
        """The structure and one that its outputs drive, see `structures.drives`."""
        from bayes_nlmem.structures.composition import drives

        return drives(self, pd)  # type: ignore[arg-type]

    def evaluate(self, p: Mapping[str, np.ndarray], plan: Any) -> np.ndarray:
        """Predictions at the requests (m,) for parameters given by row (n_rows,), or as numbers."""
        return self.solve(p, plan)[0]
