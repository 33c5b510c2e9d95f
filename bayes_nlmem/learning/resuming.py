"""`resume` and `peek`: runs that were cut off, and runs under way."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import cast

import xarray as xr

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.moves import Moves
from bayes_nlmem.learning.nuts import fit
from bayes_nlmem.learning.results import Fit
from bayes_nlmem.learning.run_folder import find_run, join_parts
from bayes_nlmem.learning.samplers import Settings, expanded
from bayes_nlmem.learning.stages import fit_of, prepare
from bayes_nlmem.learning.storage import edit_from_name, load


def resume(path: str | Path, *, cores: int | None = None, progress: bool = True) -> Fit:
    """Go on with a run that `fit(..., store=path)` began and that was cut off; a finished one is loaded.

    Every chain goes on from its last finished draw after a warm-up of its own; the draws that were
    finished are kept.

    Parameters
    ----------
    path : str or Path
        The folder.
    cores : int, optional
        Chains that run at the same time.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Fit

    Raises
    ------
    FitError
        There is no run in the folder, or another process is sampling into it.

    Examples
    --------
    >>> import tempfile
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> settings = {"draws": 20, "tune": 100, "chains": 2, "seed": 1, "progress": False}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = bn.fit(study.model, study.data, store=f"{folder}/run", **settings)
    ...     again = bn.resume(f"{folder}/run", progress=False)
    >>> again.draws["posterior"].equals(first.draws["posterior"])
    True
    """
    folder = find_run(path)
    asked = {**folder.asked, "edit": edit_from_name(folder.asked["edit"])}
    return fit(folder.model, folder.data, store=path, cores=cores, progress=progress, **asked)


def peek(path: str | Path) -> Fit:
    """The draws that a run in a folder has so far, while it is being made or after it was cut off.

    Parameters
    ----------
    path : str or Path
        The folder given to `fit(..., store=path)`.

    Returns
    -------
    Fit
        Chains of equal length; its record says how many draws there are.

    Raises
    ------
    FitError
        There is no run, or no finished draw after warm-up yet.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.peek("nowhere")
    Traceback (most recent call last):
    ...
    bayes_nlmem.ground.messages.FitError: Expected the folder of a run, as fit(..., store=...) makes it...
    """
    folder = find_run(path)
    if folder.finished:
        return cast(Fit, load(folder.fit_path))  # a run folder holds no other
    laplace = folder.laplace()
    sampled = join_parts(folder.part_paths, folder.asked["draws"])
    if laplace is None or sampled is None:
        raise FitError(
            explain(expected="at least one draw after warm-up", got="none yet", remedy="Let the run go on.")
        )
    asked = folder.asked
    settings = Settings(
        asked["draws"],
        asked["tune"],
        asked["chains"],
        1,
        folder.seed,
        asked["target_accept"],
        False,
        folder,
        asked.get("keep", "all"),
    )
    edit = edit_from_name(asked["edit"])
    prepared = prepare(folder.model, folder.data, asked["sampler"], asked["geometry"], edit, settings)
    starts = prepared.starts
    moves = Moves(starts)
    moves.use(folder.coordinates() or moves.coordinates)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Interrupted")
        groups = expanded(prepared.translation, sampled, moves.change, settings)
    return fit_of(prepared, xr.DataTree.from_dict(groups), asked["sampler"], settings)
