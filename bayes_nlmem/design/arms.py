"""Arms with another number of subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_nlmem.data.planned import Arm


def covariates_for(arm: Arm, subjects: int) -> Mapping[str, Any]:
    """Covariates for another number of subjects: values given one by one are taken in turn."""
    found = {}
    for name, value in arm.covariates.items():
        listed = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
        found[name] = tuple(np.resize(np.asarray(value), subjects).tolist()) if listed else value
    return found
