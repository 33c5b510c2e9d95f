"""Warnings about covariates that are legal but unusual."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bayes_nlmem.data.cells import texts
from bayes_nlmem.data.covariates import Covariate
from bayes_nlmem.data.draft import Draft
from bayes_nlmem.ground.messages import Fault

FAR = 6.0


def covariate_is_far_out(draft: Draft, covariate: Covariate) -> Iterator[Fault]:
    """A value far from the median in robust standard deviations (median absolute deviation / 0.6745).

    Positive covariates are compared on the log scale.
    """
    if covariate.categories is not None:
        return
    values = covariate.values
    there = ~np.isnan(values)
    scale = np.log(values) if (values[there] > 0).all() else values
    per_subject = scale[~draft.follows & there]
    if not per_subject.size:
        return
    centre = np.median(per_subject)
    spread = 1.4826 * np.median(np.abs(per_subject - centre))
    if spread <= 0:
        return
    far = np.abs(scale - centre) > FAR * spread
    yield from draft.at.report(
        "W_COVARIATE_FAR",
        far,
        expected=f"{covariate.name} near its median {np.median(values[~draft.follows & there]):.4g}",
        got=f"{texts(values[far])}, more than {FAR:g} robust standard deviations away",
        remedy="Check the unit and the decimal point.",
    )


def covariate_explains_nothing(draft: Draft, covariate: Covariate) -> Iterator[Fault]:
    """A covariate with one value in all records."""
    if len(draft.at.ids) > 1 and (covariate.values == covariate.values[0]).all():
        message = f"Expected a covariate that differs between subjects, got {covariate.name} = "
        yield Fault("W_COVARIATE_CONSTANT", message + f"{texts(covariate.values[:1])} everywhere.")


DOUBTS = (covariate_is_far_out, covariate_explains_nothing)
