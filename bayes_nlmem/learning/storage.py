"""Save a fit to one file and get an equal fit back.

The file is a zip archive of parts that other tools read: `model.json`, `record.json`, `data.json` (tables
column by column with their types), and what was learnt: `draws.nc` (netCDF, the DataTree that ArviZ takes)
of a fit by NUTS, `estimates.json` and `arrays.npz` of one by SAEM.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import xarray as xr

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.data_storage import data_from_dict, data_to_dict
from bayes_nlmem.learning.record import RunRecord
from bayes_nlmem.learning.results import Fit
from bayes_nlmem.learning.stochastic.result import SaemFit
from bayes_nlmem.learning.stochastic.storage import from_parts, parts_of
from bayes_nlmem.model.serialise import from_dict, to_dict

_FORMAT = 1
NUTS, SAEM = "nuts", "saem"


def save(fit: Fit | SaemFit, path: str | Path) -> Path:
    """Write a fit to one file.

    Parameters
    ----------
    fit : Fit or SaemFit
        What to write.
    path : str or Path
        Name of the file; an existing one is replaced only when the new one is complete.

    Returns
    -------
    Path

    Raises
    ------
    FitError
        The fit was made with an `edit` that cannot be imported by name.
    """
    path = Path(path)
    by_saem = isinstance(fit, SaemFit)
    parts: dict[str, str | bytes] = {
        "format.json": _json({"format": _FORMAT, "writer": "bayes_nlmem", "kind": SAEM if by_saem else NUTS}),
        "model.json": _json(to_dict(fit.model)),
        "record.json": _json({**fit.record.to_dict(), "edit": edit_name(fit.edit)}),
        "data.json": _json(data_to_dict(fit.data)),
    }
    if isinstance(fit, SaemFit):
        parts |= parts_of(fit)
    with tempfile.TemporaryDirectory(dir=path.parent or ".") as folder:
        draws = Path(folder) / "draws.nc"
        if not by_saem:
            _storable(fit.draws).to_netcdf(draws, engine="h5netcdf")
        archive = Path(folder) / "fit.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
            for name, text in parts.items():
                target.writestr(name, text)
            if not by_saem:
                target.write(draws, "draws.nc")
        os.replace(archive, path)
    return path


def load(path: str | Path) -> Fit | SaemFit:
    """Read a fit that `Fit.save` or `SaemFit.save` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Fit or SaemFit
        What was saved.

    Raises
    ------
    FitError
        There is no such file, or it is not one that `Fit.save` wrote.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.load("nothing.fit")
    Traceback (most recent call last):
    ...
    bayes_nlmem.ground.messages.FitError: Expected a file written by fit.save, got no file 'nothing.fit'...
    """
    path = Path(path)
    if not path.exists():
        raise FitError(_not_a_fit(f"no file {str(path)!r}"))
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise FitError(_not_a_fit(f"{str(path)!r}, which is not one")) from None
    with archive:
        if "format.json" not in archive.namelist():
            raise FitError(_not_a_fit(f"{str(path)!r}, which is not one"))
        form = json.loads(archive.read("format.json"))
        written = form["format"]
        if written > _FORMAT:
            raise FitError(
                explain(
                    expected=f"format {_FORMAT} or older",
                    got=f"format {written} in {path.name}",
                    remedy="Install the newer bayes_nlmem that wrote it.",
                )
            )
        model = from_dict(json.loads(archive.read("model.json")))
        record = json.loads(archive.read("record.json"))
        edit = edit_from_name(record.pop("edit"))
        data = data_from_dict(json.loads(archive.read("data.json")))
        if form.get("kind") == SAEM:
            learnt = {name: archive.read(name) for name in ("estimates.json", "arrays.npz")}
            return from_parts(learnt, model, data, record, edit)
        with tempfile.TemporaryDirectory() as folder:
            archive.extract("draws.nc", folder)
            with xr.open_datatree(Path(folder) / "draws.nc", engine="h5netcdf") as opened:
                draws = _restored(opened.load())
    return Fit(model, data, draws, RunRecord(**record), edit)


def _not_a_fit(got: str) -> str:
    return explain(expected="a file written by fit.save", got=got, remedy="Check the path.")


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=True)


# --- draws -----------------------------------------------------------------------------------------


def _storable(draws: xr.DataTree) -> xr.DataTree:
    """NetCDF has no booleans: they are written as integers with a mark."""

    def convert(dataset: xr.Dataset) -> xr.Dataset:
        dataset = dataset.copy()
        for name, values in dataset.data_vars.items():
            if values.dtype == bool:
                dataset[name] = values.astype("int8").assign_attrs(values.attrs, was_boolean=1)
        return dataset

    return xr.DataTree.from_dict(
        {
            "/": draws.to_dataset(),
            **{name: convert(node.to_dataset()) for name, node in draws.children.items()},
        }
    )


def _restored(draws: xr.DataTree) -> xr.DataTree:
    def convert(dataset: xr.Dataset) -> xr.Dataset:
        for name, values in dataset.data_vars.items():
            if values.attrs.get("was_boolean"):
                attrs = {key: value for key, value in values.attrs.items() if key != "was_boolean"}
                dataset[name] = values.astype(bool).assign_attrs(attrs)
                dataset[name].attrs.pop("was_boolean", None)
        return dataset

    groups = {name: convert(node.to_dataset()) for name, node in draws.children.items()}
    return xr.DataTree.from_dict({"/": draws.to_dataset(), **groups})


# --- edit ------------------------------------------------------------------------------------------


def edit_name(edit: Callable | None) -> str | None:
    """Name by which an edit is imported again; refuses one that has none."""
    if edit is None:
        return None
    name = f"{edit.__module__}:{edit.__qualname__}"
    if edit.__module__ == "__main__" or "<" in edit.__qualname__:
        raise FitError(
            explain(
                expected="an edit that can be imported by name, so that the saved fit can rebuild its graph",
                got=f"{edit.__qualname__} of {edit.__module__}",
                remedy="Define it as a function in a module of yours.",
            )
        )
    return name


def edit_from_name(name: str | None) -> Callable | None:
    """The edit of that name."""
    if name is None:
        return None
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)
