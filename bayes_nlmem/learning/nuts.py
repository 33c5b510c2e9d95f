"""`fit(model, data) -> Fit`: starting values by Laplace-EM, draws by NUTS."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.conditional import Conditional
from bayes_nlmem.learning.laplace_em import laplace_em
from bayes_nlmem.learning.likelihood import pointwise
from bayes_nlmem.learning.record import RunRecord, versions
from bayes_nlmem.learning.results import Fit
from bayes_nlmem.learning.samplers import SAMPLERS, Settings
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Edit, Translation, translate


@dataclass
class _Clock:
    """Seconds of every stage."""

    stages: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str, parts: dict[str, float] | None = None) -> None:
        """End a stage; `parts` splits it."""
        now = time.perf_counter()
        self.stages |= parts or {stage: now - self._last}
        self._last = now


def fit(
    model: Model,
    data: Dataset,
    *,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    seed: int | None = None,
    sampler: str = "nutpie",
    target_accept: float = 0.9,
    geometry: str = "noncentred",
    edit: Edit | None = None,
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
        Draws kept and warm-up draws per chain; number of chains.
    cores : int, optional
        Chains that run at the same time; by default as many as the machine has cores.
    seed : int, optional
        Same seed, same draws. By default one is drawn and recorded.
    sampler : {"nutpie", "pymc", "numpyro", "blackjax"}
        Implementation of NUTS; the last two need the extra `jax`.
    target_accept : float
        Wanted acceptance rate, in (0, 1); larger is slower and safer.
    geometry : {"noncentred", "centred"}
        Coordinates of the random effects. Rich data may mix faster with "centred".
    edit : callable, optional
        Gets the PyMC graph before sampling, changes it in place or returns another one.
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
    settings = _settings(draws, tune, chains, cores, seed, sampler, target_accept, progress)
    clock = _Clock()
    translation = translate(model, data, geometry=geometry, edit=edit)
    centred = translate(model, data, geometry="centred", edit=edit)
    clock.lap("build")
    conditional = Conditional(centred)
    _check_start(conditional)
    laplace = laplace_em(conditional)
    starts = Starts(translation, conditional, laplace)
    clock.lap("start values")
    sampled, stages = SAMPLERS[sampler](translation, starts, settings)
    clock.lap("sampler", stages)
    tree = _tree(translation, sampled)
    clock.lap("log-likelihood")
    record = RunRecord(
        seed=settings.seed,
        sampler=sampler,
        geometry=geometry,
        chains=chains,
        draws=draws,
        tune=tune,
        target_accept=target_accept,
        edited=edit is not None,
        start={
            name: np.asarray(value).tolist() for name, value in starts.centre().items() if np.size(value) < 50
        },
        start_converged=laplace.converged,
        timings={stage: round(seconds, 3) for stage, seconds in clock.stages.items()},
        versions=versions(),
        data_digest=data.digest,
    )
    return Fit(model, data, tree, record, edit)


def _settings(draws, tune, chains, cores, seed, sampler, target_accept, progress) -> Settings:
    if sampler not in SAMPLERS:
        raise FitError(
            explain(
                expected=f"sampler one of {', '.join(SAMPLERS)}",
                got=repr(sampler),
                remedy="Choose one of them.",
            )
        )
    for name, value, least in (
        ("draws", draws, 1),
        ("tune", tune, 1),
        ("chains", chains, 1),
        ("cores", cores, 1),
    ):
        if value is not None and (not isinstance(value, int | np.integer) or value < least):
            raise FitError(explain(expected=f"{name} a whole number >= {least}", got=repr(value), remedy=""))
    if not 0 < target_accept < 1:
        raise FitError(
            explain(
                expected="target_accept between 0 and 1",
                got=repr(target_accept),
                remedy="0.8 to 0.99 is usual.",
            )
        )
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    return Settings(
        draws, tune, chains, cores or min(chains, os.cpu_count() or 1), int(seed), target_accept, progress
    )


def _check_start(conditional: Conditional) -> None:
    """Refuse to start where the log-density is not finite, and say which records make it so."""
    theta = conditional.population.join(conditional.population.start)
    value, _, gradient = conditional.joint(theta, np.zeros(conditional.n_effects))
    if np.all(np.isfinite(value)) and np.all(np.isfinite(gradient)):
        return
    raise FitError(_why_not_finite(conditional, value))


def _why_not_finite(conditional: Conditional, value: np.ndarray) -> str:
    translation = conditional.translation
    graph = translation.graph
    logp = graph.compile_logp(vars=graph.observed_RVs, sum=False, mode="FAST_COMPILE")(graph.initial_point())
    table = translation.data.table
    found = []
    for (output, seen), terms in zip(translation.observed.items(), logp, strict=True):
        bad = seen.record[~np.isfinite(np.ravel(terms))]
        if len(bad):
            ids = list(dict.fromkeys(table["ID"].iloc[bad]))
            found.append(f"{output}: rows {_some(bad + 1)} of subjects {_some(ids)}")
    remedy = (
        "If the prediction is 0 there (before the first dose) and the residual error is proportional, give "
        "it an additive part (Combined), or mark these records MDV = 1; else look at the priors' centres."
    )
    got = "; ".join(found) or f"not finite for subjects {_some(np.flatnonzero(~np.isfinite(value)))}"
    return explain(expected="a finite log-density at the priors' centres", got=got, remedy=remedy)


def _some(items, most: int = 10) -> str:
    items = [str(item) for item in items]
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def _tree(translation: Translation, sampled: xr.DataTree) -> xr.DataTree:
    """The draws without sampler-internal variables, with the pointwise log-likelihood and the data."""
    graph = translation.graph
    public = [var.name for var in [*graph.free_RVs, *graph.deterministics]]
    posterior = sampled["posterior"].to_dataset()
    posterior = posterior[[name for name in public if name in posterior]]
    groups = {
        "posterior": posterior,
        "sample_stats": sampled["sample_stats"].to_dataset(),
        "log_likelihood": pointwise(translation, posterior),
        "observed_data": _observed(translation),
        "constant_data": _constant(translation),
    }
    for name in ("warmup_posterior", "warmup_sample_stats"):
        if name in sampled.children:
            groups[name] = sampled[name].to_dataset()
    return xr.DataTree.from_dict(groups)


def _observed(translation: Translation) -> xr.Dataset:
    return xr.Dataset(
        {
            f"{output}_obs": (f"{output}_row", seen.value, {"description": "DV"})
            for output, seen in translation.observed.items()
        },
        coords={f"{output}_row": seen.record + 1 for output, seen in translation.observed.items()},
    )


def _constant(translation: Translation) -> xr.Dataset:
    table, layout = translation.data.table, translation.layout
    variables: dict[str, object] = {}
    for output, seen in translation.observed.items():
        rows = table.iloc[seen.record]
        variables[f"{output}_time"] = (f"{output}_row", rows["TIME"].to_numpy(float))
        variables[f"{output}_subject"] = (f"{output}_row", rows["ID"].to_numpy())
        variables[f"{output}_censored"] = (f"{output}_row", rows["CENS"].to_numpy(int))
    for name, values in layout.subject_covariates.items():
        variables[name] = ("subject", np.asarray(values))
    coords = {f"{output}_row": seen.record + 1 for output, seen in translation.observed.items()}
    return xr.Dataset(variables, coords={**coords, "subject": layout.subjects})
