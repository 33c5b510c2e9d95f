"""The same model learnt again and again from other observations of the same study, compiled once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.likelihood import pointwise
from bayes_nlmem.learning.moves import Moves
from bayes_nlmem.learning.nuts import fit
from bayes_nlmem.learning.on_nutpie import for_nutpie, nutpie
from bayes_nlmem.learning.samplers import Settings, first_part
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.learning.whitening import can_whiten
from bayes_nlmem.marginal.compiled import Compiled, compile_density, compile_named, expanded
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Edit, Translation, translate


@dataclass(eq=False)
class Refitter:
    """Learn a model from data sets that differ in their observations only.

    Where the likelihood keeps its observations as data of the graph (normal errors, nothing censored), the
    graph is compiled once and later fits cost only the sampling; elsewhere every call is a `fit` of its own.

    Parameters
    ----------
    model : Model
        The model.
    data : Dataset
        A study: doses, times and covariates of all data sets to come.
    edit : callable, optional
        As in `fit`.
    """

    model: Model
    data: Dataset
    edit: Edit | None = None
    _functions: tuple[Moves, Compiled, Compiled] | None = field(default=None, init=False, repr=False)

    def learn(
        self,
        data: Dataset,
        *,
        draws: int,
        tune: int,
        chains: int,
        seed: int,
        target_accept: float = 0.9,
    ) -> xr.DataTree:
        """Sample the posterior given other observations.

        Parameters
        ----------
        data : Dataset
            The study with other values of DV.
        draws, tune, chains, seed, target_accept :
            As in `fit`.

        Returns
        -------
        DataTree
            Groups `posterior`, `sample_stats`, `log_likelihood`.

        Raises
        ------
        FitError
            If the sampler cannot start or finish.
        """
        settings: dict[str, Any] = {"draws": draws, "tune": tune, "chains": chains, "seed": seed}
        settings["target_accept"] = target_accept
        starts = self._starts(data) if self._replaceable and not data.table["CENS"].any() else None
        if starts is None:
            return fit(self.model, data, cores=1, progress=False, edit=self.edit, **settings).draws
        return self._sampled(starts, Settings(cores=1, progress=False, **settings))

    def translation_of(self, data: Dataset) -> Translation:
        """The graph with the observations of a data set."""
        if not self._replaceable or data.table["CENS"].any():
            return translate(self.model, data, geometry="centred", edit=self.edit)
        self._observe(data)
        return self.translation

    @cached_property
    def translation(self) -> Translation:
        """The graph, with the observations of the last call."""
        return translate(self.model, self.data, geometry="centred", edit=self.edit)

    @cached_property
    def _conditional(self) -> Conditional:
        return Conditional(self.translation)

    @cached_property
    def _replaceable(self) -> bool:
        graph = self.translation.graph
        return not self.data.table["CENS"].any() and all(
            f"{output}_dv" in graph.named_vars for output in self.translation.observed
        )

    def _starts(self, data: Dataset) -> Starts | None:
        """Where chains begin under other observations; None where the modes are not found."""
        self._observe(data)
        self._conditional.refresh()
        try:
            laplace = laplace_em(self._conditional)
        except (np.linalg.LinAlgError, FloatingPointError, ValueError):
            return None
        whitened = can_whiten(self._conditional, laplace)
        if self._conditional.effects.variables and not whitened:
            return None
        return Starts(self.translation, self._conditional, laplace, whitened)

    def _observe(self, data: Dataset) -> None:
        """Put other observations into the graph."""
        for output, seen in self.translation.observed.items():
            values = data.table["DV"].to_numpy(float)[seen.record]
            if not np.all(np.isfinite(values)):
                raise FitError(explain(expected="finite observations", got="values that are not"))
            self.translation.graph[f"{output}_dv"].set_value(values)

    def _sampled(self, starts: Starts, settings: Settings) -> xr.DataTree:
        moves, density, expand = self._compiled(starts)
        moves.begin(starts)
        density.data.refresh()
        run = partial(
            nutpie().sample,
            chains=settings.chains,
            cores=1,
            target_accept=settings.target_accept,
            progress_bar=False,
        )
        with threadpool_limits(1):
            tune, start = first_part(moves, density, run, settings)
            ready = for_nutpie(density, start)
            sampled = run(ready, draws=settings.draws, tune=tune, seed=settings.seed, save_warmup=False)
        points = sampled["posterior"].to_dataset()["unconstrained"]
        if not np.all(np.isfinite(points.values)):
            raise FitError(explain(expected="finite draws", got="draws that are not finite"))
        expand.data.refresh()
        posterior = expanded(self.translation.graph, expand, points)
        groups = {
            "posterior": posterior,
            "sample_stats": sampled["sample_stats"].to_dataset(),
            "log_likelihood": pointwise(self.translation, posterior),
        }
        return xr.DataTree.from_dict(groups)

    def _compiled(self, starts: Starts) -> tuple[Moves, Compiled, Compiled]:
        """The coordinates, the log-density and the named quantities in them, compiled at the first call."""
        if self._functions is None:
            moves, graph = Moves(starts), self.translation.graph
            compiled = compile_density(graph, moves.change), compile_named(graph, moves.change)
            self._functions = (moves, *compiled)
        return self._functions
