"""The second layer: the random effects of subjects, occasions and groups of subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.model.levels import OCCASION, SUBJECT, Level, groups_of, level_of, levels_of
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.covariances import draw_covariance
from bayes_nlmem.translation.geometry import NonCentredNormal, NonCentredTriangular


@dataclass(frozen=True, eq=False)
class Effects:
    """Random effects of one level: a matrix (groups x names) in the graph.

    Parameters
    ----------
    names : tuple of str
        What varies, in the order of the columns.
    matrix : TensorVariable or None, shape (n_groups, n_names)
        `eta`, `kappa` or `eta_SITE`; None if nothing varies at this level.
    deviations : mapping of str to float or TensorVariable
        Standard deviation of each.
    classes : int
        Number of classes that have effects of their own, side by side in `matrix`.
    """

    names: tuple[str, ...]
    matrix: Any
    deviations: Mapping[str, Any] = FrozenMapping()
    classes: int = 1

    def column(self, name: str) -> Any:
        """The effects on one parameter, shape (n_groups,)."""
        return self.matrix[:, self.names.index(name)]

    def of_class(self, number: int) -> Effects:
        """The effects that a subject has if it belongs to a class, counted from 0."""
        if self.classes == 1:
            return self
        width = len(self.names)
        return Effects(self.names, self.matrix[:, number * width : (number + 1) * width], self.deviations)


def draw_subject_effects(model: Model, geometry: str, classes: int = 1) -> Effects:
    """Draw `eta[subject, parameter]` with its standard deviations `omega_*` and correlations `corr_*`.

    With several classes a subject has effects of its own for each of them, side by side in `eta_by_class`:
    those of a class it does not belong to follow their prior. One effect for all classes would have a mode
    per class, between which no sampler moves.
    """
    return _draw(level_of(model, SUBJECT), geometry, classes)


def draw_occasion_effects(model: Model, geometry: str) -> Effects:
    """Draw `kappa[occasion, parameter_iov]` with its standard deviations `gamma_*`."""
    return _draw(level_of(model, OCCASION), geometry)


def draw_group_effects(model: Model) -> dict[str, Effects]:
    """Draw `eta_SITE[SITE, parameter_SITE]` of every level above the subject.

    They are sampled in units of their standard deviation whatever the geometry of the subjects' effects:
    groups are few, and their spread is seldom well known.
    """
    return {name: _draw(level_of(model, name), "noncentred") for name in groups_of(model)}


def _draw(level: Level, geometry: str, classes: int = 1) -> Effects:
    if not level.deviations:
        return Effects((), None)
    covariance = draw_covariance(level)
    noncentred = geometry == "noncentred"
    names, dims, name = level.names, level.dims, level.effects
    if classes > 1:
        name, dims = f"{name}_by_class", (dims[0], f"{dims[1]}_by_class")
        labels = [f"{one} in class {k}" for k in range(1, classes + 1) for one in names]
        pm.modelcontext(None).add_coord(dims[1], labels)
    entries = [pt.as_tensor(entry, dtype="float64") for entry in covariance.entries]
    if not level.blocks:
        standard_deviation = pt.stack(entries * classes)
        transform = NonCentredNormal() if noncentred else None
        matrix = pm.Normal(name, 0.0, standard_deviation, dims=dims, default_transform=transform)
        return Effects(names, matrix, covariance.deviations, classes)
    factor, shape = entries * classes, covariance.shape.repeated(classes)
    matrix = pm.CustomDist(
        name,
        *factor,
        logp=shape.logp,
        dist=shape.draw,
        signature=f"{','.join(['()'] * len(factor))}->({shape.n})",
        dims=dims,
        default_transform=NonCentredTriangular(shape) if noncentred else None,
    )
    return Effects(names, matrix, covariance.deviations, classes)


def coordinates(model: Model) -> Mapping[str, list[str]]:
    """Coordinates `parameter`, `parameter_iov`, `parameter_SITE` of the random effects."""
    return {level.dims[1]: list(level.names) for level in levels_of(model)}
