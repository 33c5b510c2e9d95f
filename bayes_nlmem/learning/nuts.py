"""`fit(model, data) -> Fit`: starting values by Laplace-EM, draws by NUTS."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytensor

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.ahead import ahead_of
from bayes_nlmem.learning.results import Fit
from bayes_nlmem.learning.run_folder import claimed, open_run
from bayes_nlmem.learning.samplers import SAMPLERS, Settings, say
from bayes_nlmem.learning.stages import make, prepare
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Edit
from bayes_nlmem.translation.meeting import check_learnable

GEOMETRIES = ("whitened", "noncentred", "centred")
KEPT = ("all", "population")


def fit(
    model: Model,
    data: Dataset,
    *,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 4,
    cores: int | None = None,
    seed: int | None = None,
    sampler: str = "nutpie",
    target_accept: float = 0.9,
    geometry: str | None = None,
    edit: Edit | None = None,
    store: str | Path | None = None,
    keep: str = "all",
    progress: bool = True,
) -> Fit:
    """Sample the posterior of a model given a study.

    Starting values come from a Laplace-EM fit, so that all chains begin in the same mode (flip-flop
    kinetics has two); the sampler is the No-U-Turn sampler.

    Parameters
    ----------
    model : Model
        The three layers.
    data : Dataset
        The study, as read by `read`.
    draws, tune, chains : int
        Draws kept and warm-up draws per chain; number of chains. With nutpie the first half of a warm-up of
        40 draws or more learns the coordinates of the population, see `learning.population_coordinates`.
    cores : int, optional
        Chains that run at the same time; by default as many as the machine has cores.
    seed : int, optional
        Same seed, same draws. By default one is drawn and recorded.
    sampler : {"nutpie", "pymc", "numpyro", "blackjax"}
        Implementation of NUTS; the last two need the extra `jax`.
    target_accept : float
        Wanted acceptance rate, in (0, 1); larger is slower and safer.
    geometry : {"whitened", "noncentred", "centred"}, optional
        Coordinates in which the random effects are sampled; the posterior is the same. By default
        "whitened" (every subject, with its occasions, in units of what its own data and the population say,
        see `learning.whitening`) with nutpie, "noncentred" with the other samplers, for classes and missing
        categories, and where the Laplace-EM fit failed; the run's record says which was used.
    edit : callable, optional
        Gets the PyMC graph before sampling, changes it in place or returns another one.
    store : str or Path, optional
        Folder to which draws are written while they are made (nutpie only). A run that was cut off, even
        by `kill -9`, goes on with the same call or with `resume`; `peek` looks at a run that is under way;
        a finished run is loaded by the same call instead of being made again.
    keep : {"all", "population"}
        "population" drops what belongs to single subjects and observations (random effects, individual
        parameters, predictions, log-likelihood) as soon as it is drawn: for thousands of subjects, whose
        draws would fill the memory. What needs them (individual fits, leave-one-out) is refused then.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Fit
        The draws (an `xarray.DataTree` that ArviZ reads), the model, the data and the run's record.

    Raises
    ------
    ModelError, DataError
        Model and data do not fit together.
    FitError
        A setting is out of range, or the log-density is not finite at the start; the message names the
        subjects and data rows.

    References
    ----------
    Hoffman & Gelman 2014, https://jmlr.org/papers/v15/hoffman14a.html

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> result = bn.fit(study.model, study.data, draws=50, tune=200, chains=2, seed=1, progress=False)
    >>> result.draws.posterior["CL_pop"].sizes["draw"]
    50
    """
    _check_settings(draws, tune, chains, cores, sampler, target_accept, geometry, store, keep)
    check_learnable(model, data)
    seed_asked = seed
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
    cores = cores or min(chains, os.cpu_count() or 1)
    settings = Settings(draws, tune, chains, cores, seed, target_accept, progress, keep=keep)

    def made() -> Fit:
        # Where every node was made, is not asked.
        without_traces = pytensor.config.change_flags(traceback__limit=0)
        with without_traces, ahead_of(model, data, edit, cores) as ahead:
            helped = replace(settings, ahead=ahead)
            return make(prepare(model, data, sampler, geometry, edit, helped), sampler, helped)

    if store is None:
        return made()
    from bayes_nlmem.learning.storage import edit_name, load  # with all that can be stored

    asked = {
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "seed": seed_asked,
        "sampler": sampler,
        "target_accept": target_accept,
        "geometry": geometry,
        "edit": edit_name(edit),
        "keep": keep,
    }
    folder = open_run(store, asked, model, data, seed)
    if folder.finished:
        say(progress, f"the same run is finished in {folder.path}; loading it")
        return cast(Fit, load(folder.fit_path))  # a run folder holds no other
    settings = replace(settings, folder=folder, seed=folder.seed)
    with claimed(folder):
        finished = made()
        sizes = finished.draws["posterior"].sizes
        if (sizes["chain"], sizes["draw"]) == (chains, draws):
            finished.save(folder.fit_path)
            folder.drop_parts()
    return finished


def _check_settings(
    draws: int,
    tune: int,
    chains: int,
    cores: int | None,
    sampler: str,
    target_accept: float,
    geometry: str | None,
    store: str | Path | None,
    keep: str,
) -> None:
    if sampler not in SAMPLERS:
        raise FitError(_choice("sampler", SAMPLERS, sampler))
    if geometry is not None and geometry not in GEOMETRIES:
        raise FitError(_choice("geometry", GEOMETRIES, geometry))
    if keep not in KEPT:
        raise FitError(_choice("keep", KEPT, keep))
    if keep != "all" and sampler != "nutpie":
        raise FitError(
            explain(
                expected='sampler="nutpie" for keep="population", since the others hold all draws anyway',
                got=f"sampler={sampler!r}",
                remedy="Use nutpie, or leave keep out.",
            )
        )
    if geometry == "whitened" and sampler != "nutpie":
        raise FitError(
            explain(
                expected='sampler="nutpie" for geometry="whitened"',
                got=f"sampler={sampler!r}",
                remedy='Use nutpie, or geometry="noncentred".',
            )
        )
    if store is not None and sampler != "nutpie":
        raise FitError(
            explain(
                expected='sampler="nutpie" for store=, since the others write nothing while they sample',
                got=f"sampler={sampler!r}",
                remedy="Use nutpie, or fit.save(path) at the end.",
            )
        )
    for name, value in (("draws", draws), ("tune", tune), ("chains", chains), ("cores", cores)):
        if value is not None and (not isinstance(value, int | np.integer) or value < 1):
            raise FitError(explain(expected=f"{name} a whole number >= 1", got=repr(value)))
    if not 0 < target_accept < 1:
        raise FitError(
            explain(
                expected="target_accept between 0 and 1",
                got=repr(target_accept),
                remedy="0.8 to 0.99 is usual.",
            )
        )


def _choice(name: str, valid: Iterable[str], got: str) -> str:
    return explain(expected=f"{name} one of {', '.join(valid)}", got=repr(got), remedy="Choose one of them.")
