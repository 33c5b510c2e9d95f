"""A data set as plain values that JSON can hold, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.covariates import Covariate
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import Fault


def data_to_dict(data: Dataset) -> dict[str, Any]:
    """A data set as plain values, every column with its type."""
    return {
        "frame": frame_to_dict(data.frame),
        "table": frame_to_dict(data.table),
        "subjects": [_plain(subject) for subject in data.subjects],
        "covariates": [
            {
                **_column(pd.Series(c.values)),
                "name": c.name,
                "method": c.method,
                "categories": _listed(c.categories),
            }
            for c in data.covariates.values()
        ],
        "units": dict(data.units),
        "warnings": [dataclasses.asdict(fault) for fault in data.warnings],
        "source": data.source,
        "columns": dict(data.columns),
        "ignored": list(data.ignored),
        "notes": list(data.notes),
        "choices": list(data.choices),
    }


def data_from_dict(content: Mapping[str, Any]) -> Dataset:
    """The inverse of `data_to_dict`."""
    covariates = {}
    for item in content["covariates"]:
        values = _series(item).to_numpy()
        categories = None if item["categories"] is None else tuple(item["categories"])
        covariates[item["name"]] = Covariate(item["name"], values, item["method"], categories)
    return Dataset(
        frame=frame_from_dict(content["frame"]),
        table=frame_from_dict(content["table"]),
        subjects=tuple(content["subjects"]),
        covariates=FrozenMapping(covariates),
        units=FrozenMapping(content["units"]),
        warnings=tuple(
            Fault(**{**fault, "rows": tuple(fault["rows"]), "subjects": tuple(fault["subjects"])})
            for fault in content["warnings"]
        ),
        source=content["source"],
        columns=FrozenMapping(content["columns"]),
        ignored=tuple(content["ignored"]),
        notes=tuple(content["notes"]),
        choices=tuple(content.get("choices", ())),
    )


def frame_to_dict(frame: pd.DataFrame) -> dict[str, Any]:
    """A table as plain values, every column and the index with its type."""
    return {
        "names": [_plain(name) for name in frame.columns],
        "columns": [_column(frame.iloc[:, k]) for k in range(frame.shape[1])],
        "index": _column(frame.index.to_series()),
        "index_name": frame.index.name,
        "range": isinstance(frame.index, pd.RangeIndex),
    }


def frame_from_dict(content: Mapping[str, Any]) -> pd.DataFrame:
    """The inverse of `frame_to_dict`."""
    columns = {k: _series(column) for k, column in enumerate(content["columns"])}
    frame = pd.DataFrame(columns)
    frame.columns = content["names"] if content["names"] else frame.columns
    if not content["range"]:
        frame.index = pd.Index(_series(content["index"]).to_numpy())
    frame.index.name = content.get("index_name")
    return frame


def _column(series: pd.Series) -> dict[str, Any]:
    """A column as JSON; Python writes floats so that they are read back exactly."""
    return {"dtype": str(series.dtype), "values": [_plain(value) for value in series.tolist()]}


def _series(column: Mapping[str, Any]) -> pd.Series:
    return pd.Series(column["values"], dtype=column["dtype"])


def _plain(value: Any) -> Any:
    if value is pd.NA or value is pd.NaT:
        return None
    return value.item() if isinstance(value, np.generic) else value


def _listed(values) -> list | None:
    return None if values is None else [_plain(value) for value in values]
