"""A run on disk: what was asked, the draws in parts while they are made, and at the end the fit.

    run.json, model.json, data.json   what was asked
    laplace.npz                       where the chains begin, and the coordinates of the effects
    coordinates.npz                   those of the population, learnt in the first half of the warm-up
    part-0/, part-1/, ...             draws as they come (zarr), one part per start of the run
    fit.zip                           the finished fit; the parts are gone then

A part holds the draws in the sampler's own coordinates. A run that was cut off begins a new part: every
chain goes on from its last draw, after a warm-up of its own.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.data_storage import data_from_dict, data_to_dict
from bayes_nlmem.learning.population_coordinates import Coordinates
from bayes_nlmem.marginal.laplace_em import LaplaceFit
from bayes_nlmem.model.serialise import from_dict, to_dict
from bayes_nlmem.model.specification import Model

_FORMAT = 1


@dataclass(frozen=True)
class RunFolder:
    """A folder with a run.

    Parameters
    ----------
    path : Path
        The folder.
    asked : dict
        The arguments of `fit` that decide its draws; `seed` is None where none was given.
    seed : int
        The seed in use.
    """

    path: Path
    asked: dict[str, Any]
    seed: int

    @property
    def fit_path(self) -> Path:
        """Where the finished fit is."""
        return self.path / "fit.zip"

    @property
    def finished(self) -> bool:
        """Whether all draws are made."""
        return self.fit_path.exists()

    @property
    def model(self) -> Model:
        """What was assumed."""
        return from_dict(json.loads((self.path / "model.json").read_text()))

    @property
    def data(self) -> Dataset:
        """What was seen."""
        return data_from_dict(json.loads((self.path / "data.json").read_text()))

    @property
    def part_paths(self) -> list[Path]:
        """The folders of the parts, in order."""
        return sorted(self.path.glob("part-*"), key=lambda part: int(part.name.removeprefix("part-")))

    def new_part(self) -> Path:
        """An empty folder for the next part."""
        part = self.path / f"part-{len(self.part_paths)}"
        part.mkdir()
        return part.resolve()

    def laplace(self) -> LaplaceFit | None:
        """The start that was found before, if it was."""
        values = self._arrays("laplace")
        if values is None:
            return None
        return LaplaceFit(
            **{
                **values,
                "iterations": int(values["iterations"]),
                "converged": bool(values["converged"]),
            }
        )

    def keep_laplace(self, fit: LaplaceFit) -> None:
        """Write the start down, whole or not at all."""
        self._keep("laplace", vars(fit))

    def coordinates(self) -> Coordinates | None:
        """The coordinates of the population that were learnt before, if they were."""
        values = self._arrays("coordinates")
        return None if values is None else Coordinates(**values)

    def keep_coordinates(self, coordinates: Coordinates) -> None:
        """Write the coordinates down, whole or not at all."""
        self._keep("coordinates", vars(coordinates))

    def _arrays(self, name: str) -> dict[str, Any] | None:
        path = self.path / f"{name}.npz"
        if not path.exists():
            return None
        with np.load(path) as found:
            return {key: found[key] for key in found.files}

    def _keep(self, name: str, values: Mapping[str, Any]) -> None:
        partial = self.path / f"{name}.partial.npz"
        arrays: dict[str, Any] = {key: np.asarray(value) for key, value in values.items()}
        np.savez(partial, **arrays)
        os.replace(partial, self.path / f"{name}.npz")

    def drop_parts(self) -> None:
        """Remove the parts of a finished run."""
        for part in self.part_paths:
            shutil.rmtree(part)


def open_run(path: str | Path, asked: Mapping[str, Any], model: Model, data: Dataset, seed: int) -> RunFolder:
    """Make the folder of a run, or find the same run there.

    Raises
    ------
    FitError
        The folder holds another run (what differs is named), or something else.
    """
    folder = Path(path)
    wanted = {**asked, "model": to_dict(model), "data": data.digest}
    if not folder.exists() or not any(folder.iterdir()):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps(to_dict(model)))
        (folder / "data.json").write_text(json.dumps(data_to_dict(data)))
        content = {"format": _FORMAT, "asked": dict(asked), "seed": seed, "data": data.digest}
        (folder / "run.json").write_text(json.dumps(content))
        return RunFolder(folder, dict(asked), seed)
    found = find_run(folder)
    there = {
        "keep": "all",  # runs of an earlier version
        **found.asked,
        "model": json.loads((folder / "model.json").read_text()),
        "data": json.loads((folder / "run.json").read_text())["data"],
    }
    wanted = json.loads(json.dumps(wanted))
    differing = [name for name in wanted if wanted[name] != there.get(name)]
    if differing:
        said = "; ".join(_difference(name, there.get(name), wanted[name]) for name in differing)
        raise FitError(
            explain(
                expected=f"the same run in {str(path)!r}, or an empty folder",
                got=f"another one: {said}",
                remedy="Name another folder, or remove this one.",
            )
        )
    return found


def find_run(path: str | Path) -> RunFolder:
    """The run in a folder.

    Raises
    ------
    FitError
        There is none.
    """
    folder = Path(path)
    if not (folder / "run.json").exists():
        what = "no such folder" if not folder.exists() else "a folder without run.json"
        raise FitError(
            explain(
                expected="the folder of a run, as fit(..., store=...) makes it",
                got=f"{what}: {str(path)!r}",
                remedy="Check the path.",
            )
        )
    content = json.loads((folder / "run.json").read_text())
    if content["format"] > _FORMAT:
        raise FitError(
            explain(expected=f"a run of format {_FORMAT} or older", got=f"format {content['format']}")
        )
    return RunFolder(folder, content["asked"], content["seed"])


def read_part(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The finished draws of a part.

    Returns
    -------
    points : ndarray, shape (n_chains, n_draws, n_elements)
        NaN where a draw is not finished.
    finished : ndarray of int, shape (n_chains,)
        Number of finished draws of every chain.
    stats : dict of str to ndarray, shape (n_chains, n_draws)
        What the sampler says of every draw.
    """
    with xr.open_datatree(path, engine="zarr", consolidated=False) as tree:
        points = tree["posterior"].to_dataset()["unconstrained"].values
        stats = {
            str(name): values.values
            for name, values in tree["sample_stats"].data_vars.items()
            if values.dims == ("chain", "draw") and values.dtype.kind in "biuf"
        }
    unfinished = ~np.isfinite(points).all(axis=2)
    finished = np.where(unfinished.any(axis=1), unfinished.argmax(axis=1), points.shape[1])
    return points, finished, stats


def join_parts(paths: list[Path], draws: int) -> xr.DataTree | None:
    """The finished draws of all parts, every chain's one after the other; at most `draws` of each chain.

    Chains are padded with NaN to equal length. None if there is not one draw.
    """
    read = [read_part(path) for path in paths if (path / "posterior").exists()]
    if not read:
        return None
    chains = range(read[0][0].shape[0])
    counts = [min(draws, sum(int(finished[c]) for _, finished, _ in read)) for c in chains]
    if not max(counts):
        return None
    length = max(counts)
    names = set.intersection(*[set(stats) for *_, stats in read])
    points = np.full((len(counts), length, read[0][0].shape[2]), np.nan)
    stats = {name: np.zeros((len(counts), length), read[0][2][name].dtype) for name in sorted(names)}
    for c, count in enumerate(counts):
        points[c, :count] = np.concatenate([part[c, : finished[c]] for part, finished, _ in read])[:count]
        for name, values in stats.items():
            values[c, :count] = np.concatenate([s[name][c, : finished[c]] for _, finished, s in read])[:count]
    coords = {"chain": np.arange(len(counts)), "draw": np.arange(length)}
    dims = ("chain", "draw")
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {"unconstrained": ((*dims, "unconstrained_parameter"), points)}, coords=coords
            ),
            "sample_stats": xr.Dataset({n: (dims, v) for n, v in stats.items()}, coords=coords),
        }
    )


def _difference(name: str, there: Any, wanted: Any) -> str:
    if name in ("model", "data"):
        return f"another {name}" if name == "model" else "other data"
    return f"{name} {there!r} there, {wanted!r} asked"


@contextmanager
def claimed(folder: RunFolder) -> Iterator[None]:
    """Hold a run, so that no second process samples into it; a process that died does not count.

    Raises
    ------
    FitError
        Another process of this machine is sampling into the folder.
    """
    mark = folder.path / "running"
    here = platform.node()
    if mark.exists():
        node, _, process = mark.read_text().partition(" ")
        if node == here and int(process) != os.getpid() and _alive(int(process)):
            raise FitError(
                explain(
                    expected=f"nobody else sampling into {str(folder.path)!r}",
                    got=f"process {process}, which is still at it",
                    remedy="Wait for it, or look at its draws so far with bn.peek.",
                )
            )
    mark.write_text(f"{here} {os.getpid()}")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
