"""What is known of a population, made ready once for all its patients: machine code, and draws as points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain, names_text
from bayes_nlmem.learning.replay import thin
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.point import point_of, points_of_draws
from bayes_nlmem.marginal.same_form import conditional_of
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import translate

_POPULATION_DRAWS = 1000
_MOST_FORMS = 16


@dataclass(frozen=True, eq=False)
class Ready:
    """A patient's functions, and the population at which to evaluate them.

    Parameters
    ----------
    conditional : Conditional
    points : ndarray, shape (n_draws, n_theta)
        Draws of the population parameters, unconstrained.
    of_draw : Dataset or None
        These draws; None for a model without unknowns.
    centre : ndarray, shape (n_theta,)
        Their mean.
    """

    conditional: Conditional
    points: np.ndarray
    of_draw: xr.Dataset | None
    centre: np.ndarray


@dataclass(frozen=True, eq=False)
class Readiness:
    """The forms of records that were met so far (see `marginal.same_form`), each with its machine code."""

    learnt: Any
    forms: list[tuple[tuple[str, ...], Ready]] = field(default_factory=list)

    def of(self, data: Dataset, outputs: Sequence[str]) -> Ready:
        """The functions for a patient with observations of some outputs."""
        model = self.learnt if isinstance(self.learnt, Model) else self.learnt.model
        edit = getattr(self.learnt, "edit", None)
        translation = translate(of_outputs(model, outputs), data, geometry="centred", edit=edit)
        known = [ready for seen, ready in self.forms if seen == tuple(outputs)]
        conditional, position = conditional_of(translation, [ready.conditional for ready in known])
        if position >= 0:
            return replace(known[position], conditional=conditional)
        posterior = population_draws(self.learnt)
        points, of_draw = points_at(conditional, posterior)
        centre = points[0] if posterior is None else point_of(conditional, self.learnt)
        ready = Ready(conditional, points, of_draw, centre)
        self.forms.append((tuple(outputs), ready))
        del self.forms[:-_MOST_FORMS]
        return ready


@lru_cache(maxsize=4)
def readiness(learnt: Any) -> Readiness:
    """What is ready for a population; that of the last few populations is kept."""
    return Readiness(learnt)


def of_outputs(model: Model, outputs: Sequence[str]) -> Model:
    """The model of the outputs that a patient has observations of."""
    if set(outputs) == set(model.residuals):
        return model
    labels = model.endpoints or {output: output for output in model.residuals}
    kept = {output: residual for output, residual in model.residuals.items() if output in outputs}
    pairs = tuple(p for p in model.correlated_residuals if set(p.names) <= set(outputs))
    return replace(
        model,
        residuals=kept,
        endpoints={output: labels[output] for output in outputs},
        correlated_residuals=pairs,
    )


def population_draws(learnt: Any) -> xr.Dataset | None:
    """The population's posterior; None for a model without unknowns, other models are refused."""
    if not isinstance(learnt, Model):
        return learnt.draws["posterior"].to_dataset()
    unknown = [quantity.name for quantity in quantities(learnt) if not quantity.known]
    if unknown:
        raise FitError(
            explain(
                expected="a fit, or a model without unknowns",
                got=f"a model with the unknowns {names_text(unknown)}",
                remedy="Give a fit, or known numbers: Parameter(0.15, iiv=0.26).",
            )
        )
    return None


def points_at(
    conditional: Conditional, posterior: xr.Dataset | None, most: int = _POPULATION_DRAWS
) -> tuple[np.ndarray, xr.Dataset | None]:
    """Unconstrained population parameters of some draws, shape (n_draws, n_theta), and these draws."""
    if posterior is None:
        return conditional.population.join(conditional.population.start)[None, :], None
    thinned = thin(posterior, most)
    return points_of_draws(conditional, thinned), thinned
