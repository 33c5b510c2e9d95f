"""A run, stage by stage: graph, starting values, draws, and the fit they make."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.draws_tree import draws_tree
from bayes_nlmem.learning.record import RunRecord, versions
from bayes_nlmem.learning.results import Fit
from bayes_nlmem.learning.samplers import SAMPLERS, Settings, say
from bayes_nlmem.learning.solver_notes import failures_in, forget_failures, solver_of
from bayes_nlmem.learning.start_check import check_start
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.learning.whitening import can_whiten
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Edit, Translation, translate


@dataclass
class Clock:
    """Seconds of every stage."""

    stages: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str, parts: dict[str, float] | None = None) -> None:
        """End a stage; `parts` splits it."""
        now = time.perf_counter()
        self.stages |= parts or {stage: now - self._last}
        self._last = now


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything that precedes the first draw."""

    translation: Translation
    starts: Starts
    geometry: str
    edit: Edit | None
    clock: Clock


def prepare(
    model: Model, data: Dataset, sampler: str, geometry: str | None, edit: Edit | None, settings: Settings
) -> Prepared:
    """Translate, find starting values, and settle the geometry."""
    clock, folder, progress = Clock(), settings.folder, settings.progress
    say(progress, "building the graph")
    centred = translate(model, data, geometry="centred", edit=edit)
    clock.lap("build")
    say(progress, "finding starting values (Laplace-EM)")
    whitening_likely = sampler == "nutpie" and geometry in (None, "whitened")
    ahead = settings.ahead if whitening_likely else None
    conditional = Conditional(centred, on_compiling=None if ahead is None else ahead.start)
    laplace = folder.laplace() if folder is not None else None
    if laplace is None:
        check_start(conditional)
        laplace = laplace_em(conditional)
        if folder is not None:
            folder.keep_laplace(laplace)
    geometry = geometry or (
        "whitened" if sampler == "nutpie" and can_whiten(conditional, laplace) else "noncentred"
    )
    whitened = geometry == "whitened"
    if whitened and "scenario" in centred.graph.named_vars:
        raise FitError(
            explain(
                expected='geometry="noncentred" or "centred" with classes or missing categories',
                got='geometry="whitened", which needs one typical value per subject',
                remedy="Leave geometry out.",
            )
        )
    translation = centred if whitened else translate(model, data, geometry=geometry, edit=edit)
    starts = Starts(translation, conditional, laplace, whitened)
    clock.lap("start values")
    return Prepared(translation, starts, geometry, edit, clock)


def make(prepared: Prepared, sampler: str, settings: Settings) -> Fit:
    """Sample."""
    forget_failures(prepared.translation.model.structure)
    sampled, stages = SAMPLERS[sampler](prepared.translation, prepared.starts, settings)
    prepared.clock.lap("sampler", stages)
    return fit_of(prepared, sampled, sampler, settings)


def fit_of(prepared: Prepared, sampled: xr.DataTree, sampler: str, settings: Settings) -> Fit:
    """The draws with their likelihood, the data and the record of the run."""
    translation, starts, clock = prepared.translation, prepared.starts, prepared.clock
    tree = draws_tree(translation, sampled)
    clock.lap("log-likelihood")
    record = RunRecord(
        seed=settings.seed,
        sampler=sampler,
        geometry=prepared.geometry,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        target_accept=settings.target_accept,
        edited=prepared.edit is not None,
        start={
            name: np.asarray(value).tolist() for name, value in starts.centre().items() if np.size(value) < 50
        },
        start_converged=starts.fit.converged,
        timings={stage: round(seconds, 3) for stage, seconds in clock.stages.items()},
        versions=versions(),
        data_digest=translation.data.digest,
        data_choices=list(translation.data.choices),
        structure=solver_of(translation.model.structure),
        failures=failures_in(translation.model, translation.data),
        parts=1 if settings.folder is None else len(settings.folder.part_paths),
    )
    return Fit(translation.model, translation.data, tree, record, prepared.edit)
