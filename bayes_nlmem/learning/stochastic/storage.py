"""What a `SaemFit` holds besides model, data and record, as parts of an archive, and back."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.learning.data_storage import frame_from_dict, frame_to_dict
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Edit, translate

if TYPE_CHECKING:
    from bayes_nlmem.learning.stochastic.result import SaemFit

TABLES = ("estimates", "individuals", "trace", "covariance")


def parts_of(fit: SaemFit) -> dict[str, bytes]:
    """Name of the part -> its content: tables and criteria as JSON, arrays as NumPy's npz."""
    content: dict[str, Any] = {name: frame_to_dict(getattr(fit, name)) for name in TABLES}
    arrays = io.BytesIO()
    np.savez_compressed(arrays, theta=fit.theta, effects=fit.effects)
    return {
        "estimates.json": json.dumps({**content, "likelihood": fit.likelihood}).encode(),
        "arrays.npz": arrays.getvalue(),
    }


def from_parts(
    parts: dict[str, bytes], model: Model, data: Dataset, record: dict[str, Any], edit: Edit | None
) -> SaemFit:
    """The inverse of `parts_of`; the graph is built again."""
    from bayes_nlmem.learning.stochastic.result import SaemFit, SaemRecord

    content = json.loads(parts["estimates.json"])
    with np.load(io.BytesIO(parts["arrays.npz"]), allow_pickle=False) as arrays:
        theta, effects = arrays["theta"], arrays["effects"]
    return SaemFit(
        model,
        data,
        **{name: frame_from_dict(content[name]) for name in TABLES},
        likelihood=content["likelihood"],
        theta=theta,
        effects=effects,
        translation=translate(model, data, geometry=record["geometry"], edit=edit),
        record=SaemRecord(**record),
        edit=edit,
    )
